//! The part of IAM that the SDKs need. Its requests and answers are nested deeper than those of the operation table and its
//! errors have a shape of their own, so they are written down here.

use serde_json::{Value, json};

use super::{observe::insert, parameters::path_parameter};

/// Name of the group.
pub(super) const GROUP: &str = "Identity";

/// Name of the schema of errors.
pub(super) const ERROR: &str = "IdentityError";

/// The schema of errors.
pub(super) fn error() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message", "title"],
            "properties": { "code": { "type": "integer" }, "message": text, "title": text },
        } },
    })
}

/// Paths and their items.
pub(super) fn paths() -> [(&'static str, Value); 8] {
    let name = json!({ "type": "string" });
    let query = json!([{ "name": "name", "in": "query", "schema": { "type": "string",
                         "description": "Only the project of this name: the region for the first one." } }]);
    let projects = |id: &str| {
        get(
            id,
            "Lists the projects that the caller may use.",
            &query,
            "projects",
            &["id", "name", "domain_id", "enabled"],
        )
    };
    let domains = get("ListDomains", "Shows the account.", &json!([]), "domains", &["id", "name", "enabled"]);
    let user = object(
        &["name", "password"],
        &json!({
            "name": name, "password": name, "domain": { "type": "object", "properties": { "id": name, "name": name } },
        }),
    );
    let password = object(&["user"], &json!({ "user": user }));
    let methods = json!({ "type": "array", "items": { "enum": ["password", "token"] }, "minItems": 1, "maxItems": 1 });
    let by_token = object(&["id"], &json!({ "id": name }));
    let proofs = json!({ "methods": methods, "password": password, "token": by_token });
    let identity = object(&["methods"], &proofs);
    let project = json!({ "type": "object", "properties": { "id": name, "name": name } });
    let scope = json!({ "type": "object", "properties": { "project": project } });
    let auth = object(&["identity"], &json!({ "identity": identity, "scope": scope }));
    let subject = json!([{ "name": "X-Subject-Token", "in": "header", "required": true, "schema": { "type": "string" },
                           "description": "A token of the caller." }]);
    let shown = object(&["token"], &json!({ "token": { "type": "object" } }));
    let mut token = json!({ "post": {
        "operationId": "CreateToken",
        "tags": [GROUP],
        "summary": "Returns a token in the header X-Subject-Token: of 24 hours for a user's name and password, and for \
            another token one that ends with it.",
        "security": [],
        "parameters": [],
        "requestBody": { "required": true, "content": content(&object(&["auth"], &json!({ "auth": auth }))) },
        "responses": responses("201", &object(&["token"], &json!({ "token": { "type": "object" } }))),
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
    let catalog = object(&["catalog"], &json!({ "catalog": { "type": "array", "items": { "type": "object" } } }));
    let catalog = one("ShowCatalog", "Shows the addresses of the services.", &json!([]), &catalog);
    let version = object(&["version"], &json!({ "version": { "type": "object" } }));
    let mut version = one("ShowVersion", "Shows the version of this part of IAM.", &json!([]), &version);
    if let Some(get) = version.get_mut("get") {
        insert(get, "security", json!([]));
    }
    let id = json!([{ "name": "project_id", "in": "path", "required": true,
                      "schema": path_parameter("project_id").unwrap_or_default() }]);
    let project = object(&["project"], &json!({ "project": { "type": "object" } }));
    let project = one("ShowProject", "Shows a project that the caller may use.", &id, &project);
    let life = json!({ "type": "integer", "minimum": 900, "maximum": 86_400, "description": "How long the key lives; 900 \
        seconds unless given." });
    let source = json!({ "type": "object", "properties": { "id": name, "duration_seconds": life } });
    let methods = json!({ "type": "array", "items": { "enum": ["token"] }, "minItems": 1, "maxItems": 1 });
    let identity = json!({ "type": "object", "properties": { "methods": methods, "token": source } });
    let auth = json!({ "type": "object", "properties": { "identity": identity } });
    let asked = json!({ "type": "object", "properties": { "auth": auth } });
    let members = json!({ "access": name, "secret": name, "securitytoken": name, "expires_at": name });
    let credential = object(&["access", "secret", "securitytoken", "expires_at"], &members);
    let temporary = json!({ "post": {
        "operationId": "CreateTemporaryAccessKey",
        "tags": [GROUP],
        "summary": "Makes a temporary access key of the caller, which ends no later than what proved the caller.",
        "parameters": [],
        "requestBody": { "required": false, "content": content(&asked) },
        "responses": responses("201", &object(&["credential"], &json!({ "credential": credential }))),
    } });
    [
        ("/v3", version),
        ("/v3/auth/catalog", catalog),
        ("/v3/projects/{project_id}", project),
        ("/v3.0/OS-CREDENTIAL/securitytokens", temporary),
        ("/v3/auth/tokens", token),
        ("/v3/projects", projects("ListProjects")),
        ("/v3/auth/projects", projects("ListAuthProjects")),
        ("/v3/auth/domains", domains),
    ]
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
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
    })
}

/// A list without pages.
fn get(id: &str, summary: &str, query: &Value, list: &str, members: &[&str]) -> Value {
    let items = json!({ "type": "object", "required": members });
    one(id, summary, query, &object(&[list], &json!({ list: { "type": "array", "items": items } })))
}

/// A question with one answer.
fn one(id: &str, summary: &str, parameters: &Value, answer: &Value) -> Value {
    json!({ "get": {
        "operationId": id, "tags": [GROUP], "summary": summary, "parameters": parameters,
        "responses": responses("200", answer),
    } })
}
