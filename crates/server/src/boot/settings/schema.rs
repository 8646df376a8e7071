//! The JSON Schema of the file of settings, for editors and for pipelines that write it. It says which keys there are and of
//! which type; the rules of values are judged by `csms config check`.

use std::collections::BTreeMap;

use clap::{Arg, builder::ValueParser};
use serde_json::{Map, Value, json};

use super::file::{is_list, is_switch, is_table, settings};

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let all = settings();
    let mut properties: BTreeMap<String, Value> = all.iter().map(|(key, flag)| (key.clone(), property(flag))).collect();
    // A table gathers the settings whose names begin with its own.
    let mut tables: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (key, flag) in &all {
        for (at, _) in key.match_indices('_') {
            if let (Some(table), Some(rest)) = (key.get(..at), key.get(at + 1..))
                && !all.contains_key(table)
            {
                tables.entry(table).or_default().insert(rest.to_owned(), property(flag));
            }
        }
    }
    for (table, members) in tables.into_iter().filter(|(_, members)| members.len() > 1) {
        let description = format!("The settings that begin with {table}_");
        let members = json!({
            "type": "object", "description": description, "properties": members, "additionalProperties": false,
        });
        properties.insert(table.to_owned(), members);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of csms serve",
        "description": "The TOML file that --config names",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(flag: &Arg) -> Value {
    let one = one(flag);
    let mut property = if is_table(flag) {
        json!({ "anyOf": [
            { "type": "object", "additionalProperties": { "type": ["string", "integer"] } },
            { "type": "array", "items": one }, one,
        ] })
    } else if is_list(flag) {
        json!({ "anyOf": [{ "type": "array", "items": one }, one] })
    } else {
        one
    };
    let help = flag.get_long_help().or_else(|| flag.get_help()).map(ToString::to_string).unwrap_or_default();
    if let Some(members) = property.as_object_mut() {
        members.insert("description".to_owned(), help.replace('\n', " ").into());
    }
    property
}

/// The type of one value.
fn one(flag: &Arg) -> Value {
    let choices: Vec<_> = flag.get_possible_values().iter().map(|choice| choice.get_name().to_owned()).collect();
    let parser = flag.get_value_parser().type_id();
    let numbers = [ValueParser::from(clap::value_parser!(u64)), ValueParser::from(clap::value_parser!(usize))];
    let is_number = numbers.iter().any(|number| number.type_id() == parser);
    if is_switch(flag) {
        json!({ "type": "boolean" })
    } else if !choices.is_empty() {
        json!({ "enum": choices })
    } else if is_number {
        json!({ "type": "integer", "minimum": 0 })
    } else {
        json!({ "type": "string" })
    }
}
