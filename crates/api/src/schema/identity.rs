//! The part of IAM that the SDKs need. Its requests and answers are nested deeper than those of the operation table and its
//! errors have a shape of their own, so they are written down here.

use alloc::{borrow::ToOwned as _, vec::Vec};

use serde_json::{Map, Value, json};

use super::{observe::insert, parameters::path_parameter};

/// Name of the group.
pub(super) const GROUP: &str = "Identity";

/// Name of the schema of errors.
pub(super) const ERROR: &str = "IdentityError";

/// Named schemas.
pub(super) fn schemas() -> [(&'static str, Value); 7] {
    let domain = object(&[
        ("id", text("Its identifier.")),
        ("name", text("Its name.")),
        ("enabled", truth("Always `true`.")),
        ("description", text("Empty.")),
        ("links", links()),
    ]);
    let project = object(&[
        ("id", text("Its identifier.")),
        ("name", text("Its name: that of the region for the project of a region, otherwise its identifier.")),
        ("domain_id", text("Identifier of the account.")),
        ("parent_id", text("Identifier of the account.")),
        ("enabled", truth("Always `true`.")),
        ("is_domain", truth("Always `false`.")),
        ("description", text("Empty.")),
        ("links", links()),
    ]);
    let endpoint = object(&[
        ("id", text("Its identifier.")),
        ("interface", text("`public`.")),
        ("region", text("Name of the region.")),
        ("region_id", text("Name of the region.")),
        ("url", text("The address, without the project.")),
    ]);
    let service = object(&[
        ("id", text("Its identifier.")),
        ("type", text("`csms`, `kms` or `iam`.")),
        ("name", text("The same.")),
        ("endpoints", list("An address for each region whose project the caller may use.", &endpoint)),
    ]);
    let named = |about: &str| described(about, object(&[("id", text("Its identifier.")), ("name", text("Its name."))]));
    let user = object(&[
        ("id", text("Identifier of the user, or of the agency.")),
        ("name", text("Name of the user, or `account/agency`.")),
        ("domain", named("The account.")),
    ]);
    let token = object_with(
        &[
            (
                "methods",
                list("How it was got: one of `password`, `token` and `assume_role`.", &json!({ "type": "string" })),
            ),
            ("issued_at", text("When it was issued, RFC 3339 in UTC.")),
            ("expires_at", text("When it ends, RFC 3339 in UTC.")),
            ("user", described("Who it stands for.", user)),
            ("roles", list("Empty: policies say what a user may do.", &json!({ "type": "object" }))),
            ("catalog", list("The addresses of the services.", &reference("IdentityService"))),
        ],
        &[
            ("project", named("The one project that it is for; absent for all of the account.")),
            ("domain", named("The account; absent for one project.")),
            ("assumed_by", json!({ "type": "object", "description": "The user who assumed the agency." })),
        ],
    );
    let credential = object(&[
        ("access", text("The access key.")),
        ("secret", text("Its secret key.")),
        ("securitytoken", text("Sent as `X-Security-Token` with each request that the key signs.")),
        ("expires_at", text("When it ends, RFC 3339 in UTC.")),
    ]);
    let about = object(&[
        ("code", json!({ "type": "integer", "description": "The HTTP status." })),
        ("message", text("What is wrong.")),
        ("title", text("The HTTP status in words.")),
    ]);
    let error = object(&[("error", described("What is wrong.", about))]);
    [
        ("IdentityDomain", domain),
        ("IdentityProject", project),
        ("IdentityService", service),
        ("IdentityToken", token),
        ("TemporaryAccessKey", credential),
        ("IdentityVersion", version()),
        (ERROR, error),
    ]
}

/// The version document of OpenStack's Identity v3, which clients ask for before they log in.
fn version() -> Value {
    let link = object(&[("rel", text("`self`.")), ("href", text("The address."))]);
    let media = object(&[("base", text("`application/json`.")), ("type", text("The media type."))]);
    object(&[
        ("id", text("`v3.0`.")),
        ("status", text("`stable`.")),
        ("updated", text("Date of the version.")),
        ("links", list("Where it is served.", &link)),
        ("media-types", list("What it speaks.", &media)),
    ])
}

/// Paths and their items.
pub(super) fn paths() -> [(&'static str, Value); 8] {
    let query = json!([{ "name": "name", "in": "query", "schema": { "type": "string",
                         "description": "Only the project of this name: the region for the first one." } }]);
    let projects = |id: &str| {
        let answer = object(&[("projects", list("The projects.", &reference("IdentityProject"))), ("links", links())]);
        one(id, "Lists the projects that the caller may use.", &query, &answer)
    };
    let domains = object(&[("domains", list("The one account.", &reference("IdentityDomain"))), ("links", links())]);
    let subject = json!([{ "name": "X-Subject-Token", "in": "header", "required": true, "schema": { "type": "string" },
                           "description": "A token of the caller." }]);
    let shown = object(&[("token", reference("IdentityToken"))]);
    let mut token = json!({ "post": {
        "operationId": "CreateToken",
        "tags": [GROUP],
        "summary": "Returns a token in the header X-Subject-Token: of 24 hours for a user's name and password, for another \
            token one that ends with it, and one that acts as an agency.",
        "security": [],
        "parameters": [],
        "requestBody": { "required": true, "content": content(&login()) },
        "responses": responses("201", &shown),
    } });
    let mut show_token = one(
        "ShowToken",
        "Shows what a token of the caller is for. HEAD says only whether it is valid.",
        &subject,
        &shown,
    );
    if let Some(responses) = show_token.pointer_mut("/get/responses") {
        insert(responses, "404", refusal("The token is not a valid one of the caller."));
    }
    insert(&mut token, "get", show_token.get("get").cloned().unwrap_or_default());
    let catalog = object(&[("catalog", list("The services.", &reference("IdentityService"))), ("links", links())]);
    let catalog = one("ShowCatalog", "Shows the addresses of the services.", &json!([]), &catalog);
    let version = object(&[("version", reference("IdentityVersion"))]);
    let mut version = one("ShowVersion", "Shows the version of this part of IAM.", &json!([]), &version);
    if let Some(get) = version.get_mut("get") {
        insert(get, "security", json!([]));
    }
    let id = json!([{ "name": "project_id", "in": "path", "required": true,
                      "schema": path_parameter("project_id").unwrap_or_default() }]);
    let project = object(&[("project", reference("IdentityProject"))]);
    let project = one("ShowProject", "Shows a project that the caller may use.", &id, &project);
    let temporary = json!({ "post": {
        "operationId": "CreateTemporaryAccessKey",
        "tags": [GROUP],
        "summary": "Makes a temporary access key of the caller, which ends no later than what proved the caller.",
        "parameters": [],
        "requestBody": { "required": false, "content": content(&temporary_key()) },
        "responses": responses("201", &object(&[("credential", reference("TemporaryAccessKey"))])),
    } });
    [
        ("/v3", version),
        ("/v3/auth/catalog", catalog),
        ("/v3/projects/{project_id}", project),
        ("/v3.0/OS-CREDENTIAL/securitytokens", temporary),
        ("/v3/auth/tokens", token),
        ("/v3/projects", projects("ListProjects")),
        ("/v3/auth/projects", projects("ListAuthProjects")),
        ("/v3/auth/domains", one("ListDomains", "Shows the account.", &json!([]), &domains)),
    ]
}

/// What CreateToken takes.
fn login() -> Value {
    let domain = optional(&[("id", text("Its identifier.")), ("name", text("Its name."))]);
    let user = object_with(
        &[("name", text("Name of the user.")), ("password", text("The user's password."))],
        &[("domain", described("The account that the user is in.", domain))],
    );
    let password = object(&[("user", described("The user.", user))]);
    let by_token = object(&[("id", text("The token."))]);
    let agency = object_with(
        &[("agency_name", text("Name of the agency."))],
        &[
            ("domain_name", text("Name of the account that the agency is in.")),
            ("domain_id", text("Identifier of the account that the agency is in.")),
            ("duration_seconds", life()),
        ],
    );
    let methods = json!({ "type": "array", "items": { "enum": ["password", "token", "assume_role"] }, "minItems": 1,
                          "maxItems": 1, "description": "How the caller is proven." });
    let identity = object_with(
        &[("methods", methods)],
        &[
            ("password", described("With the method `password`.", password)),
            ("token", described("With the method `token`.", by_token)),
            ("assume_role", described("With the method `assume_role`; the request is signed.", agency)),
        ],
    );
    let project = optional(&[("id", text("Its identifier.")), ("name", text("Its name."))]);
    let scope = optional(&[("project", described("The one project that it is to be for.", project))]);
    let auth = object_with(
        &[("identity", described("Who logs in.", identity))],
        &[("scope", described("What it is to be for; all projects of the user without it.", scope))],
    );
    object(&[("auth", described("The login.", auth))])
}

/// What CreateTemporaryAccessKey takes.
fn temporary_key() -> Value {
    let source =
        optional(&[("id", text("The token; that of the request unless given.")), ("duration_seconds", life())]);
    let methods = json!({ "type": "array", "items": { "enum": ["token"] }, "minItems": 1, "maxItems": 1,
                          "description": "`token`, the one way there is." });
    let identity = optional(&[("methods", methods), ("token", described("What it is made from.", source))]);
    let auth = optional(&[("identity", described("What it is made from.", identity))]);
    optional(&[("auth", described("What is asked for.", auth))])
}

fn life() -> Value {
    json!({ "type": "integer", "minimum": 900, "maximum": 86_400,
            "description": "How long it lives in seconds; 900 unless given." })
}

fn text(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

fn truth(about: &str) -> Value {
    json!({ "type": "boolean", "description": about })
}

fn list(about: &str, items: &Value) -> Value {
    json!({ "type": "array", "items": items, "description": about })
}

fn links() -> Value {
    json!({ "type": "object", "description": "Links, which lead nowhere." })
}

fn described(about: &str, mut schema: Value) -> Value {
    insert(&mut schema, "description", json!(about));
    schema
}

fn reference(name: &str) -> Value {
    json!({ "$ref": alloc::format!("#/components/schemas/{name}"), "description": "As it is described there." })
}

/// An object with these members, which are always there.
fn object(members: &[(&str, Value)]) -> Value {
    object_with(members, &[])
}

/// An object with members that are always there, and others that may be left out.
fn object_with(members: &[(&str, Value)], others: &[(&str, Value)]) -> Value {
    let required: Vec<_> = members.iter().map(|(name, _)| *name).collect();
    let mut object = optional(&[members, others].concat());
    insert(&mut object, "required", json!(required));
    object
}

/// An object with these members, which may be left out.
fn optional(members: &[(&str, Value)]) -> Value {
    let properties: Map<_, _> = members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties })
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn refusal(about: &str) -> Value {
    let schema = json!({ "$ref": alloc::format!("#/components/schemas/{ERROR}") });
    json!({ "description": about, "content": content(&schema) })
}

fn responses(success: &str, schema: &Value) -> Value {
    json!({
        success: { "description": "Done.", "content": content(schema) },
        "400": refusal("The request breaks a rule."),
        "401": refusal("The request is not authenticated."),
        "403": refusal("The user may not use the project."),
        "413": refusal("The body is too large."),
        "429": refusal("Too many logins at once."),
        "500": refusal("Internal error."),
        "503": refusal("The store cannot be reached; try again."),
    })
}

/// A question with one answer.
fn one(id: &str, summary: &str, parameters: &Value, answer: &Value) -> Value {
    json!({ "get": {
        "operationId": id, "tags": [GROUP], "summary": summary, "parameters": parameters,
        "responses": responses("200", answer),
    } })
}
