//! Parameters in paths: one entry for each name that the operation table uses.

use alloc::{format, string::String};

use csms_core::{EventName, KeyName, ProjectId, RegionName, SecretId, SecretName, StageName, Violation, tag::TagKey};
use serde_json::{Value, json};

use super::observe::{describe, text};
use crate::request::version::VersionSelector;

/// The schema of a path parameter; `None` for a name that is not known here.
pub(super) fn path_parameter(name: &str) -> Option<Value> {
    let (about, mut schema) = match name {
        "project_id" => ("Identifier of the project.", by(ProjectId::parse)),
        "secret_name" => ("Name of the secret.", by(SecretName::parse)),
        "stage_name" => ("Name of the stage.", by(StageName::parse)),
        "version_id" => ("Version, or `latest` for the one marked SYSCURRENT.", version()),
        "secret_id" => ("Identifier of the secret.", by(|text| SecretId::parse(&text))),
        "key_id" => ("Identifier or alias of the key.", by(KeyName::parse)),
        "key" => ("Key of the tag.", by(TagKey::parse)),
        "region_name" => ("Name of the region.", by(RegionName::parse)),
        "event_name" => ("Name of the event.", by(EventName::parse)),
        "user_id" => ("Identifier of the user.", json!({ "type": "string", "minLength": 1 })),
        _ => return None,
    };
    describe(&mut schema, about);
    Some(schema)
}

/// The schema of a text with this constructor.
fn by<T>(parse: impl Fn(String) -> Result<T, Violation>) -> Value {
    text(&|text| parse(text).err().into_iter().collect())
}

/// The reader's rule is a pattern and a word, in words.
fn version() -> Value {
    let problems = VersionSelector::read("").err().unwrap_or_default();
    let rule = problems.first().map_or("", |problem| problem.violation.expected);
    let pattern = rule.strip_suffix(" or latest").map(|pattern| format!("{pattern}|^latest$"));
    json!({ "type": "string", "pattern": pattern })
}
