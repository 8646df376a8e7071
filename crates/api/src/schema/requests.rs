//! Names the schemas of requests and gives each an example, for generators of clients and for readers of the document.
//!
//! An example is made from its schema, so it has the members that are required and one of those of which one is.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use serde_json::{Map, Value, json};

use super::observe::insert;

/// Where the schema of a request is, in an operation of the document.
const CONTENT: &str = "/requestBody/content/application~1json";

/// Texts for examples, by the name of the member. Other texts are `example`.
const TEXTS: [(&str, &str); 25] = [
    ("alias", "alias/orders"),
    ("aliases", "alias/orders"),
    ("cipher_text", "AAECAwQFBgcICQoLDA0ODw=="),
    ("datakey_cipher_length", "64"),
    ("datakey_plain_length", "64"),
    ("grant_id", "7c9a3286af4fcca5f0a385ad13e1d21a50e27b6dbcab50f37f30f93b8939827d"),
    ("grantee_principal", "7f5ed6d9d9ec4d1e92a1a4f0d2f0b3c4"),
    ("grantee_target_id", "7f5ed6d9d9ec4d1e92a1a4f0d2f0b3c4"),
    ("key", "team"),
    ("key_alias", "orders"),
    ("key_description", "For the orders."),
    ("key_id", "0d0466b0-e727-4d9c-b35d-f84bb474a37f"),
    ("name", "orders-db"),
    ("old_password", "Blue-Kettle-7q"),
    ("password", "Green-Kettle-8w"),
    ("pending_days", "7"),
    ("plain_text", "AAECAwQFBgcICQoLDA0ODw=="),
    ("random_data_length", "512"),
    ("region", "local-2"),
    ("resource_id", "bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e"),
    ("secret_string", "{\"username\":\"orders\",\"password\":\"Green-Kettle-8w\"}"),
    ("target_id", "urn:smn:local-1:0123456789abcdef0123456789abcdef:operators"),
    ("target_key_id", "0d0466b0-e727-4d9c-b35d-f84bb474a37f"),
    ("target_name", "operators"),
    ("version_id", "v1"),
];

/// Gives each request of the paths a schema of its own among the named ones, and an example.
pub(super) fn name(paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let Some(id) = operation.get("operationId").and_then(Value::as_str).map(|id| format!("{id}Request")) else {
            continue;
        };
        let Some(content) = operation.pointer_mut(CONTENT) else { continue };
        let Some(schema) = content.get("schema").filter(|schema| schema.get("$ref").is_none()) else { continue };
        let mut schema = schema.clone();
        insert(content, "example", example("", &schema));
        say_one_of(&mut schema);
        insert(content, "schema", json!({ "$ref": format!("#/components/schemas/{id}") }));
        schemas.insert(id, schema);
    }
}

/// Says in words that exactly one of some members is given: generators make a type without members of `oneOf` beside `properties`.
fn say_one_of(schema: &mut Value) {
    let Some(choices) = schema.as_object_mut().and_then(|schema| schema.remove("oneOf")) else { return };
    let names = choices.as_array().into_iter().flatten().filter_map(|choice| choice.pointer("/required/0")?.as_str());
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    insert(schema, "description", json!(format!("Exactly one of {} is given.", names.join(" and "))));
}

/// A value that the schema of the member `name` describes.
fn example(name: &str, schema: &Value) -> Value {
    if let Some(choice) = schema.get("enum").and_then(Value::as_array).and_then(|choices| choices.first()) {
        return choice.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let one_of = schema.pointer("/oneOf/0/required").and_then(Value::as_array);
            let required = schema.get("required").and_then(Value::as_array);
            let names = required.into_iter().chain(one_of).flatten().filter_map(Value::as_str);
            let member = |name: &str| Some((name.to_owned(), example(name, schema.get("properties")?.get(name)?)));
            Value::Object(names.filter_map(member).collect())
        }
        Some("array") => {
            let items: Vec<_> = schema.get("items").map(|items| example(name, items)).into_iter().collect();
            Value::Array(items)
        }
        Some("integer" | "number") => match name {
            "expire_time" => json!(1_893_456_000_000_u64),
            _ => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        },
        Some("boolean") => json!(true),
        _ => {
            let known = TEXTS.iter().find(|(known, _)| *known == name);
            Value::String(known.map_or_else(|| "example".to_owned(), |(_, text)| (*text).to_owned()))
        }
    }
}

/// Moves patterns of a syntax that few languages have (`\\p{…}`) into the description: validators of the document and generators
/// refuse what they cannot compile.
pub(super) fn make_patterns_portable(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let unusual = object.get("pattern").and_then(Value::as_str).filter(|pattern| pattern.contains("\\p{"));
            if let Some(pattern) = unusual.map(ToOwned::to_owned) {
                object.remove("pattern");
                let about = object.get("description").and_then(Value::as_str).unwrap_or_default();
                let about = format!("{about} Must match `{pattern}` (ECMAScript with the flag u).");
                object.insert("description".to_owned(), Value::String(String::from(about.trim_start())));
            }
            object.values_mut().for_each(make_patterns_portable);
        }
        Value::Array(items) => items.iter_mut().for_each(make_patterns_portable),
        _ => {}
    }
}
