//! Schemas of the definitions: what a value breaks, and values that break one rule each. The part of JSON Schema that the
//! definitions use.

use serde_json::{Map, Value, json};

use crate::definitions::Definition;

/// What `value` breaks: place and rule.
#[must_use]
pub fn violations(of: &Definition, schema: &Value, value: &Value, place: &str) -> Vec<(String, String)> {
    let schema = of.resolve(schema);
    let mut found = Vec::new();
    let mut broken = |rule: &str| found.push((place.to_owned(), rule.to_owned()));
    if !has_type(schema, value) {
        broken("type");
        return found;
    }
    match value {
        Value::String(text) => {
            let length = text.chars().count() as u64;
            if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
                broken("maxLength");
            }
            if schema["minLength"].as_u64().is_some_and(|least| length < least) {
                broken("minLength");
            }
            if !matches(schema, text) {
                broken("pattern");
            }
            if schema["enum"].as_array().is_some_and(|choices| !choices.contains(value)) {
                broken("enum");
            }
        }
        // The definitions write `maximum: 13` where they mean 13 digits.
        Value::Number(number) if schema["maximum"] == 13 => {
            if number.to_string().len() > 13 {
                broken("maximum");
            }
        }
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or(i64::MAX);
            if schema["maximum"].as_i64().is_some_and(|most| number > most) {
                broken("maximum");
            }
            if schema["minimum"].as_i64().is_some_and(|least| number < least) {
                broken("minimum");
            }
        }
        Value::Array(items) => {
            if schema["maxItems"].as_u64().is_some_and(|most| items.len() as u64 > most) {
                broken("maxItems");
            }
            for item in items {
                found.extend(violations(of, &schema["items"], item, &format!("{place}[]")));
            }
        }
        Value::Object(object) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !object.contains_key(name) {
                    found.push((format!("{place}.{name}"), "required".to_owned()));
                }
            }
            for (name, value) in object {
                let member = &schema["properties"][name];
                if !member.is_null() {
                    found.extend(violations(of, member, value, &format!("{place}.{name}")));
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    found
}

fn has_type(schema: &Value, value: &Value) -> bool {
    match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => !value.is_null(),
    }
}

fn matches(schema: &Value, text: &str) -> bool {
    let Some(pattern) = schema["pattern"].as_str() else { return true };
    let pattern = regress::Regex::with_flags(pattern, "u").or_else(|_| regress::Regex::new(pattern));
    pattern.expect("a pattern of the definitions").find(text).is_some()
}

/// Values that break one rule each.
#[must_use]
pub fn broken(of: &Definition, schema: &Value) -> Vec<(&'static str, Value)> {
    let schema = of.resolve(schema);
    let limit = |keyword: &str| schema[keyword].as_i64();
    let length = |length: i64| json!("a".repeat(usize::try_from(length).unwrap_or_default()));
    let mut found = Vec::new();
    match schema["type"].as_str() {
        Some("string") => {
            // A number is taken for many a text; a truth value for none.
            found.push(("type", json!(true)));
            found.extend(limit("maxLength").map(|most| ("maxLength", length(most + 1))));
            found.extend(limit("minLength").filter(|least| *least > 0).map(|least| ("minLength", length(least - 1))));
            if schema["pattern"].is_string() {
                let wrong = ["not ok!", "", "\u{0}"].into_iter().find(|text| !matches(schema, text));
                found.extend(wrong.map(|wrong| ("pattern", json!(wrong))));
            }
            if schema["enum"].is_array() {
                found.push(("enum", json!("NO_SUCH_CHOICE")));
            }
        }
        Some("integer") => {
            found.push(("type", json!("x")));
            found.extend(limit("maximum").map(|most| ("maximum", json!(most + 1))));
            found.extend(limit("minimum").map(|least| ("minimum", json!(least - 1))));
        }
        Some("array") => {
            found.push(("type", json!("x")));
            found.extend(limit("maxItems").map(|most| {
                let items: Vec<_> = (0..=most).map(|number| item(of, &schema["items"], number)).collect();
                ("maxItems", json!(items))
            }));
            found.extend(limit("minItems").filter(|least| *least > 0).map(|_| ("minItems", json!([]))));
        }
        Some("boolean" | "object") => found.push(("type", json!("x"))),
        _ => {}
    }
    found
}

/// One of many different items.
fn item(of: &Definition, schema: &Value, number: i64) -> Value {
    let schema = of.resolve(schema);
    match schema["type"].as_str() {
        Some("object") | None => {
            let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let members = names.map(|name| (name.to_owned(), item(of, &schema["properties"][name], number)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => match schema["enum"].as_array() {
            Some(choices) => choices[usize::try_from(number).unwrap_or_default() % choices.len()].clone(),
            None => json!(format!("item{number}")),
        },
    }
}
