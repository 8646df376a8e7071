//! Builds the OpenAPI 3.1 document from the operation table.

use alloc::{borrow::ToOwned, format, string::ToString, vec::Vec};

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    batches, description::Description, events, grants, identity, observe::insert, parameters::path_parameter,
    passwords, replicas, requests, rotation, secrets, tags, users, versions,
};
use crate::{ErrorCode, ErrorShape, Method, Operation, operation::Specification};

const ABOUT: &str = "Create, read, update and rotate secrets with versions and stages. Compatible with Huawei Cloud's Cloud \
    Secret Management Service. Every request is signed (SDK-HMAC-SHA256) or carries a token; times are milliseconds since 1970.";

/// Statuses that every operation may refuse with, and what they mean.
const REFUSALS: [(&str, &str); 7] = [
    ("400", "The request breaks a rule; the message names every one it breaks."),
    ("401", "The request is not signed, its signature is wrong, or its token is invalid."),
    ("403", "The caller's policies do not allow this, or the secret's state does not."),
    ("404", "What the request names does not exist."),
    ("413", "The body is larger than 12 MB."),
    ("500", "Internal error; the server's log has the cause under the request's identifier."),
    ("503", "Nothing can be read or written for now, or too much is under way; `Retry-After` says when to try again."),
];

/// The header that every response has.
const REQUEST_ID: &str = "X-Request-Id";
/// The header of a refusal that holds for a while.
const RETRY_AFTER: &str = "Retry-After";

/// Describes the operations of one group.
type Describe = fn(Operation) -> Option<Description>;

/// Groups of operations and who describes them, in the order of the document.
const GROUPS: [(&str, Describe); 10] = [
    ("Secrets", secrets::describe),
    ("Versions and stages", versions::describe),
    ("Rotation", rotation::describe),
    ("Several secrets at once", batches::describe),
    ("Tags", tags::describe),
    ("Events", events::describe),
    ("Passwords", passwords::describe),
    ("Grants", grants::describe),
    ("Users", users::describe),
    ("Replicas", replicas::describe),
];

/// What is said of an operation, and its group.
pub(super) fn describe(operation: Operation) -> Option<(&'static str, Description)> {
    GROUPS.iter().find_map(|(group, describe)| Some((*group, describe(operation)?)))
}

/// The operations of the Key Management Service and what is said of them.
#[cfg(feature = "kms")]
fn of_kms() -> impl Iterator<Item = (Specification, Option<(&'static str, Description)>)> {
    use crate::kms::KmsOperation;
    KmsOperation::ALL.iter().map(|operation| {
        let described = super::keys::describe(*operation);
        (operation.specification(), Some((super::keys::GROUP, described)))
    })
}

#[cfg(not(feature = "kms"))]
fn of_kms() -> impl Iterator<Item = (Specification, Option<(&'static str, Description)>)> {
    core::iter::empty()
}

/// Names of the groups, in the order of the document.
fn groups() -> impl Iterator<Item = &'static str> {
    let of_kms = of_kms().filter_map(|(_, described)| described.map(|(group, _)| group)).take(1);
    GROUPS.iter().map(|(group, _)| *group).chain(of_kms).chain([identity::GROUP])
}

/// What the operations of a group are about.
fn about(group: &str) -> &'static str {
    match group {
        "Secrets" => "Secrets: their values, how they are protected, and their deletion.",
        "Versions and stages" => "The values that a secret had, and the names that stand for one of them.",
        "Rotation" => "Changes of a secret and of the account it belongs to, and the tasks that do so.",
        "Several secrets at once" => "Reading, importing and deleting secrets by lists.",
        "Tags" => "Keys and values at secrets, to find them by.",
        "Events" => "Notifications about what happens to secrets.",
        "Passwords" => "Random passwords.",
        "Grants" => "Rights on secrets that are given to other users.",
        "Users" => "Users of secrets, as the official definitions have them.",
        "Replicas" => "Copies of secrets in other regions.",
        identity::GROUP => "Tokens, projects and temporary access keys.",
        _ => "Keys, which protect the values of secrets.",
    }
}

/// The document. The same for every installation: it holds nothing that a server is configured with.
#[must_use]
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    let own = Operation::ALL.iter().map(|operation| (operation.specification(), describe(*operation)));
    for (row, described) in own.chain(of_kms()) {
        let item = paths.entry(row.path).or_insert_with(|| json!({}));
        insert(item, method_key(row.method), one(&row, described, &mut generator));
    }
    paths.extend(identity::paths().map(|(path, item)| (path.to_owned(), item)));
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(simplify);
    requests::name(&mut paths, &mut schemas);
    paths.values_mut().chain(schemas.values_mut()).for_each(requests::make_patterns_portable);
    schemas.extend(identity::schemas().map(|(name, schema)| (name.to_owned(), schema)));
    schemas.insert("Error".to_owned(), error());
    schemas.insert(
        "NestedError".to_owned(),
        json!({
            "type": "object",
            "required": ["error"],
            "properties": { "error": { "$ref": "#/components/schemas/Error", "description": "What is wrong." } },
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": { "title": "csms", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
                  "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" } },
        "servers": [{ "url": "/" }],
        "security": [{ "signature": [] }, { "token": [] }],
        "tags": groups().map(|group| json!({ "name": group, "description": about(group) })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {
                REQUEST_ID: { "schema": { "type": "string" },
                              "description": "Identifier of the request, which the server's log has, too." },
                RETRY_AFTER: { "schema": { "type": "integer" }, "description": "Seconds to wait before another try." },
            },
            "securitySchemes": {
                "signature": { "type": "apiKey", "in": "header", "name": "Authorization",
                               "description": "SDK-HMAC-SHA256 over the request, with an access key and its secret key." },
                "token": { "type": "apiKey", "in": "header", "name": "X-Auth-Token",
                           "description": "A token of POST /v3/auth/tokens." },
            },
        },
    })
}

/// Takes out what the derived schemas say of reading: an answer leaves out what it has no value for, so nothing is `null` and
/// nothing has a default.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.remove("default");
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    object.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
            }
            object.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

const fn method_key(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Delete => "delete",
    }
}

fn one(row: &Specification, described: Option<(&str, Description)>, generator: &mut SchemaGenerator) -> Value {
    let (group, described) = described.unzip();
    let mut responses = Map::new();
    let request_id = json!({ REQUEST_ID: { "$ref": format!("#/components/headers/{REQUEST_ID}") } });
    let mut success = json!({ "description": "Done.", "headers": request_id });
    let answer = described.as_ref().and_then(|described| described.answer);
    if let Some(answer) = answer {
        insert(&mut success, "content", content(&answer(generator).to_value()));
    }
    responses.insert(row.success.to_string(), success);
    let shape = match row.errors {
        ErrorShape::Flat => "#/components/schemas/Error",
        ErrorShape::Nested => "#/components/schemas/NestedError",
    };
    for (status, about) in REFUSALS {
        let content = content(&json!({ "$ref": shape }));
        let mut refusal = json!({ "description": about, "headers": request_id, "content": content });
        if let (Some(headers), "503") = (refusal.get_mut("headers"), status) {
            insert(headers, RETRY_AFTER, json!({ "$ref": format!("#/components/headers/{RETRY_AFTER}") }));
        }
        responses.insert(status.to_owned(), refusal);
    }
    let mut item = json!({
        "operationId": row.name,
        "tags": group.into_iter().collect::<Vec<_>>(),
        "summary": described.as_ref().map_or("", |described| described.summary),
        "x-actions": row.actions,
        "parameters": parameters(row, described.as_ref()),
        "responses": responses,
    });
    if let Some(body) = described.and_then(|described| described.body) {
        insert(&mut item, "requestBody", json!({ "required": true, "content": content(&body) }));
    }
    item
}

fn parameters(row: &Specification, described: Option<&Description>) -> Vec<Value> {
    let in_path = row.parameters().map(|name| {
        let schema = path_parameter(name).unwrap_or_else(|| json!({ "type": "string" }));
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let query = described.map(|described| described.query.as_slice()).unwrap_or_default().iter();
    in_path
        .chain(query.map(|(name, schema, required)| {
            let mut parameter = json!({ "name": name, "in": "query", "schema": schema });
            if *required {
                insert(&mut parameter, "required", json!(true));
            }
            parameter
        }))
        .collect()
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn error() -> Value {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "required": ["error_code", "error_msg"],
        "properties": {
            "error_code": { "type": "string", "enum": codes, "description": "The code of the catalogue." },
            "error_msg": { "type": "string", "minLength": 2, "maxLength": 1024,
                           "description": "What is wrong, and every problem of the request." },
            "error_detail": { "anyOf": [{ "$ref": "#/components/schemas/Message" }],
                              "description": "Our own: why a rotation is refused, as a message; absent otherwise." },
        },
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn every_operation_is_described() {
        let silent: Vec<_> = Operation::ALL.iter().filter(|operation| describe(**operation).is_none()).collect();
        assert!(silent.is_empty(), "{silent:?} need an arm in a module under crates/api/src/schema/");
    }

    #[test]
    fn every_parameter_in_a_path_is_described() {
        for operation in Operation::ALL {
            for name in operation.specification().parameters() {
                assert!(path_parameter(name).is_some(), "{name} needs an entry in crates/api/src/schema/parameters.rs");
            }
        }
    }

    #[test]
    fn an_operation_with_an_answer_other_than_204_describes_it() {
        for operation in Operation::ALL.iter().copied().filter(|operation| *operation != Operation::DeleteSecret) {
            let row = operation.specification();
            let described = describe(operation).is_some_and(|(_, described)| described.answer.is_some());
            assert_eq!(described, row.success != 204, "{}", row.name);
        }
    }

    #[test]
    fn every_request_has_a_named_schema_and_an_example() {
        let document = document();
        let operations = document["paths"].as_object().into_iter().flatten().filter_map(|(_, item)| item.as_object());
        let bodies = operations.flatten().filter_map(|(_, operation)| {
            Some((operation["operationId"].as_str()?, operation.pointer("/requestBody/content/application~1json")?))
        });
        let bodies: Vec<_> = bodies.collect();
        assert!(bodies.len() > 50, "{}", bodies.len());
        for (id, content) in bodies {
            assert_eq!(content["schema"]["$ref"], format!("#/components/schemas/{id}Request"));
            let schema = &document["components"]["schemas"][format!("{id}Request")];
            assert!(schema.get("oneOf").is_none(), "{id}");
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for name in required {
                assert!(content["example"].get(name).is_some(), "the example of {id} has no {name}");
            }
        }
    }

    #[test]
    fn every_property_is_described() {
        fn silent(value: &Value, place: &str, found: &mut Vec<String>) {
            let Some(object) = value.as_object() else {
                return value.as_array().into_iter().flatten().for_each(|value| silent(value, place, found));
            };
            for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if property.is_object() && property["description"].as_str().is_none_or(str::is_empty) {
                    found.push(format!("{place}.{name}"));
                }
            }
            object.iter().for_each(|(name, value)| silent(value, &format!("{place}/{name}"), found));
        }
        let mut found = Vec::new();
        silent(&document(), "", &mut found);
        assert_eq!(found, Vec::<String>::new(), "describe them beside the reader or the response");
    }

    #[test]
    fn every_operation_tells_of_a_store_that_cannot_be_reached() {
        let document = document();
        let operations = document["paths"].as_object().into_iter().flatten().filter_map(|(_, item)| item.as_object());
        for (_, operation) in operations.flatten() {
            assert!(operation["responses"].get("503").is_some(), "{}", operation["operationId"]);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }
}
