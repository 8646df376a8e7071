//! Rotation periods, rotation configurations and function URNs: parsed and printed.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use csms_core::{FunctionUrn, Language, RotationConfig, RotationPeriod, UnixMillis, json::ObjectWriter, schedule};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    answer::{self, Answer},
    results,
};

/// Reads a period.
#[must_use]
#[wasm_bindgen]
pub fn parse_period(text: &str, min_seconds: f64, language: &str) -> Answer {
    let language = Language::from_tag(language);
    match RotationPeriod::parse_with_minimum(text, min_seconds as u64) {
        Ok(period) => answer::value(results::RotationPeriod {
            text: period.as_str(),
            canonical: period.canonical(),
            milliseconds: period.as_millis(),
            humanised: period.humanised(language),
        }),
        Err(violation) => answer::violation(violation, language),
    }
}

/// The next `count` rotations, at most 1,000, as milliseconds since 1970; `last_success` is negative where there was
/// none. Returns the problem of the period.
#[must_use]
#[wasm_bindgen]
pub fn next_rotations(text: &str, last_success: f64, since: f64, count: u32, language: &str) -> Answer {
    // Whatever the least period of the server, a period that is in use has times.
    match RotationPeriod::parse_with_minimum(text, 1) {
        Ok(period) => {
            let last = (last_success >= 0.0).then(|| answer::millis(last_success));
            let count = usize::try_from(count.min(1000)).unwrap_or(1000);
            let times = schedule::next_rotations(&period, last, answer::millis(since), count);
            answer::value(times.map(UnixMillis::as_millis).collect::<Vec<_>>())
        }
        Err(violation) => answer::violation(violation, Language::from_tag(language)),
    }
}

/// Reads a `rotation_config`.
#[must_use]
#[wasm_bindgen]
pub fn parse_rotation_config(text: &str, language: &str) -> Answer {
    match RotationConfig::parse(text) {
        Ok(config) => answer::value(results::RotationConfig {
            instance_id: config.instance_id(),
            mode: config.mode().as_str(),
            text: config.to_string(),
        }),
        Err(violation) => answer::violation(violation, Language::from_tag(language)),
    }
}

/// Prints a `rotation_config`.
#[must_use]
#[wasm_bindgen]
pub fn format_rotation_config(instance_id: &str, mode: &str, language: &str) -> Answer {
    let mut text = String::new();
    let mut config = ObjectWriter::new(&mut text);
    config.text("InstanceId", instance_id);
    config.text("SecretSubType", mode);
    config.finish();
    match RotationConfig::parse(&text) {
        Ok(config) => answer::value(config.to_string()),
        Err(violation) => answer::violation(violation, Language::from_tag(language)),
    }
}

/// Reads a function URN.
#[must_use]
#[wasm_bindgen]
pub fn parse_function_urn(text: &str, language: &str) -> Answer {
    match FunctionUrn::parse(text) {
        Ok(urn) => answer::value(results::FunctionUrn {
            region: urn.region(),
            project_id: urn.project(),
            package: urn.package(),
            function: urn.function(),
            version: urn.version(),
            text: urn.to_string(),
            qualified: urn.qualified().to_string(),
        }),
        Err(violation) => answer::violation(violation, Language::from_tag(language)),
    }
}

/// Prints a function URN; an empty `version` is left out.
#[must_use]
#[wasm_bindgen]
pub fn format_function_urn(
    region: &str,
    project_id: &str,
    package: &str,
    function: &str,
    version: &str,
    language: &str,
) -> Answer {
    let colon = if version.is_empty() { "" } else { ":" };
    let text = format!("urn:fss:{region}:{project_id}:function:{package}:{function}{colon}{version}");
    match FunctionUrn::parse(&text) {
        Ok(urn) => answer::value(urn.to_string()),
        Err(violation) => answer::violation(violation, Language::from_tag(language)),
    }
}
