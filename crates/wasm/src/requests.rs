//! Requests: checked and normalised, field by field or whole.

use alloc::string::{String, ToString as _};

use csms_api::{Operation, normalised::normalise, request::Rules};
use csms_core::{
    EventName, KeyName, Language, Rule, SecretName, SecretValue, StageName, ValueLimit, VersionId, Violation,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::answer::{self, Answer};

/// Checks the request of an operation, given as JSON: path parameters and members of the body in one object. Answers
/// the normal form as JSON text, or every problem.
#[must_use]
#[wasm_bindgen]
pub fn validate(
    operation: &str,
    request: &str,
    now: f64,
    min_rotation_period_seconds: f64,
    max_value_bytes: f64,
    language: &str,
) -> Answer {
    let language = Language::from_tag(language);
    let Some(operation) = Operation::from_name(operation) else {
        return answer::violation(Violation::new(Rule::Unknown, "an operation"), language);
    };
    let rules = Rules {
        min_rotation_period_seconds: min_rotation_period_seconds as u64,
        max_value: ValueLimit::new(max_value_bytes as u64).unwrap_or_default(),
    };
    match normalise(operation, answer::read(request), rules, answer::millis(now)) {
        Ok(text) => answer::normal_form(&text),
        Err(problems) => answer::problems_of_request(&problems, language),
    }
}

/// Checks one text by the rule of the field it is meant for, while it is being typed.
#[must_use]
#[wasm_bindgen]
pub fn check_text(field: &str, text: String, language: &str) -> Answer {
    let checked = match field {
        "secret_name" => SecretName::parse(text).map(String::from),
        "stage_name" => StageName::parse(text).map(String::from),
        "event_name" => EventName::parse(text).map(String::from),
        "version_id" => VersionId::parse(&text).map(String::from),
        "kms_key_id" => KeyName::parse(text).map(|name| name.to_string()),
        "secret_string" => SecretValue::text(text.clone()).map(|_| text),
        "secret_binary" => SecretValue::from_base64(&text).map(|_| text),
        _ => Err(Violation::new(Rule::Unknown, "a field")),
    };
    match checked {
        Ok(text) => answer::value(text),
        Err(violation) => answer::problems(&[violation.at(field)], Language::from_tag(language)),
    }
}
