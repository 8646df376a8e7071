//! The part of IAM that the SDKs need. Its requests and answers are nested deeper than those of the operation table and its
//! errors have a shape of their own, so they are written down here.

use serde_json::{Value, json};

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
pub(super) fn paths() -> [(&'static str, Value); 4] {
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
    let methods = json!({ "type": "array", "items": { "enum": ["password"] }, "minItems": 1, "maxItems": 1 });
    let identity = object(&["methods", "password"], &json!({ "methods": methods, "password": password }));
    let project = json!({ "type": "object", "properties": { "id": name, "name": name } });
    let scope = json!({ "type": "object", "properties": { "project": project } });
    let auth = object(&["identity"], &json!({ "identity": identity, "scope": scope }));
    let token = json!({ "post": {
        "operationId": "CreateToken",
        "tags": [GROUP],
        "summary": "Returns a token of 24 hours for a user's name and password, in the header X-Subject-Token.",
        "security": [],
        "parameters": [],
        "requestBody": { "required": true, "content": content(&object(&["auth"], &json!({ "auth": auth }))) },
        "responses": responses("201", &object(&["token"], &json!({ "token": { "type": "object" } }))),
    } });
    [
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

fn responses(success: &str, schema: &Value) -> Value {
    let refusal = |about: &str| {
        let schema = json!({ "$ref": alloc::format!("#/components/schemas/{ERROR}") });
        json!({ "description": about, "content": content(&schema) })
    };
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
    let answer = object(&[list], &json!({ list: { "type": "array", "items": items } }));
    json!({ "get": {
        "operationId": id, "tags": [GROUP], "summary": summary, "parameters": query,
        "responses": responses("200", &answer),
    } })
}
