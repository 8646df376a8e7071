//! What functions answer: `{"ok":true,"value":…}` or `{"ok":false,"problems":[…],"refusal":…}`, as JSON text.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_api::ApiError;
use csms_core::{Language, Problem, Refusal, UnixMillis, Violation, json};
use serde_json::{Map, Value};

/// A time from a JavaScript number; what is no time becomes the nearest one.
pub(crate) fn millis(number: f64) -> UnixMillis {
    // `as` saturates, and turns what is not a number into 0.
    UnixMillis::new(number as u64)
}

/// An object with these members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut map = Map::new();
    for (name, value) in members {
        map.insert(name.to_owned(), value);
    }
    Value::Object(map)
}

/// A good answer.
pub(crate) fn value(value: impl Into<Value>) -> String {
    json::print(&object([("ok", true.into()), ("value", value.into())]))
}

/// The problems of an input.
pub(crate) fn problems(problems: &[Problem], language: Language) -> String {
    let told: Vec<Value> = problems.iter().map(|problem| tell(problem, language)).collect();
    json::print(&object([("ok", false.into()), ("problems", told.into())]))
}

/// The one problem of a plain text, without a path.
pub(crate) fn violation(violation: Violation, language: Language) -> String {
    problems(&[violation.at("")], language)
}

/// A refusal.
pub(crate) fn refusal(refusal: Refusal, language: Language) -> String {
    let told = tell_refusal(refusal, language);
    json::print(&object([("ok", false.into()), ("problems", Value::Array(Vec::new())), ("refusal", told)]))
}

/// A refusal with the code that the server answers.
pub(crate) fn tell_refusal(refusal: Refusal, language: Language) -> Value {
    let (reason, message) = (refusal.name(), refusal.message_in(language));
    let code = ApiError::from(refusal).code.as_str();
    object([("reason", reason.into()), ("code", code.into()), ("message", message.into())])
}

/// Reads JSON text from the wrapper. What is no JSON, such as text with half a surrogate pair, reads as `null`, which
/// no reader accepts as an object.
pub(crate) fn read(text: &str) -> Value {
    json::parse(text).unwrap_or_default()
}

fn tell(problem: &Problem, language: Language) -> Value {
    let Problem { path, violation } = problem;
    let mut told = Map::new();
    told.insert("path".into(), path.as_str().into());
    told.insert("rule".into(), violation.rule.name().into());
    told.insert("message".into(), problem.message_in(language).into());
    for (name, number) in [("limit", violation.limit), ("got", violation.got)] {
        if let Some(number) = number {
            told.insert(name.into(), number.into());
        }
    }
    Value::Object(told)
}
