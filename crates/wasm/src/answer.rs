//! What functions answer: `{ ok: true, value }`, or `{ ok: false, problems }` with a `refusal` where there is one. Objects in an
//! engine; outside of one, where tests run, the same as JSON text.

#[cfg(not(target_family = "wasm"))]
use alloc::string::String;
#[cfg(target_family = "wasm")]
use alloc::string::ToString as _;
use alloc::vec::Vec;

use csms_api::ApiError;
use csms_core::{Language, UnixMillis, Violation, json};
use serde::Serialize;
use serde_json::Value;

use crate::results::{Problem, Refusal};

/// An answer on its way to JavaScript.
#[cfg(target_family = "wasm")]
pub type Answer = wasm_bindgen::JsValue;
/// An answer as JSON text.
#[cfg(not(target_family = "wasm"))]
pub type Answer = String;

#[cfg(target_family = "wasm")]
fn answer(answer: &impl Serialize) -> Answer {
    crate::objects::object(answer)
}

#[cfg(not(target_family = "wasm"))]
fn answer(answer: &impl Serialize) -> Answer {
    serde_json::to_string(answer).unwrap_or_default()
}

#[derive(Serialize)]
struct Good<T> {
    ok: bool,
    value: T,
}

#[derive(Serialize)]
struct Bad<'a> {
    ok: bool,
    problems: Vec<Problem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

/// A time from a JavaScript number; what is no time becomes the nearest one.
pub(crate) fn millis(number: f64) -> UnixMillis {
    // `as` saturates, and turns what is not a number into 0.
    UnixMillis::new(number as u64)
}

/// A good answer.
pub(crate) fn value(value: impl Serialize) -> Answer {
    answer(&Good { ok: true, value })
}

/// A good answer whose members depend on the request: its value as JSON text, from which the package makes the rest.
#[cfg(target_family = "wasm")]
pub(crate) fn normal_form(text: &str) -> Answer {
    text.into()
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn normal_form(text: &str) -> Answer {
    value(read(text))
}

fn bad(problems: Vec<Problem<'_>>, refusal: Option<Refusal>) -> Answer {
    answer(&Bad { ok: false, problems, refusal })
}

/// The problems of an input.
pub(crate) fn problems(problems: &[csms_core::Problem], language: Language) -> Answer {
    let told = problems.iter().map(|problem| {
        let csms_core::Problem { path, violation } = problem;
        let (rule, message) = (violation.rule.name(), problem.message_in(language));
        Problem { path, rule, message, limit: violation.limit, got: violation.got }
    });
    bad(told.collect(), None)
}

/// The problems of a request as one text, of which the package makes objects faster than they are made here, member by member: path,
/// rule, message, limit and measure of each problem, the last two empty where it has neither. What stands between them is in no member:
/// all of them are words of ours.
#[cfg(target_family = "wasm")]
pub(crate) fn problems_of_request(found: &[csms_core::Problem], language: Language) -> Answer {
    let measure = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let told = found.iter().flat_map(|problem| {
        let csms_core::Problem { path, violation } = problem;
        let (rule, message) = (violation.rule.name().into(), problem.message_in(language));
        [path.clone(), rule, message, measure(violation.limit), measure(violation.got)]
    });
    told.collect::<Vec<_>>().join("\u{1f}").into()
}

#[cfg(not(target_family = "wasm"))]
pub(crate) use problems as problems_of_request;

/// The one problem of a plain text, without a path.
pub(crate) fn violation(violation: Violation, language: Language) -> Answer {
    problems(&[violation.at("")], language)
}

/// A refusal with the code that the server answers.
pub(crate) fn refusal(refusal: csms_core::Refusal, language: Language) -> Answer {
    let (reason, message) = (refusal.name(), refusal.message_in(language));
    bad(Vec::new(), Some(Refusal { reason, code: ApiError::from(refusal).code.as_str(), message }))
}

/// Reads JSON text from the wrapper. What is no JSON, such as text with half a surrogate pair, reads as `null`, which
/// no reader accepts as an object.
pub(crate) fn read(text: &str) -> Value {
    json::parse(text).unwrap_or_default()
}
