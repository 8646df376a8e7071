//! The vectors in `tests/vectors` against the bindings. The same tests run natively, in Node and in browsers.

mod jwe;

use csms_wasm::{answer::Answer, passwords, periods, requests, signing, stages};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

const VALIDATION: &str = include_str!("../../../../tests/vectors/validation.json");
const PERIODS: &str = include_str!("../../../../tests/vectors/periods.json");
const STAGES: &str = include_str!("../../../../tests/vectors/stages.json");
const SIGNING: &str = include_str!("../../../../tests/vectors/signing.json");

/// The least rotation period of the vectors, in seconds.
const MIN_SECONDS: f64 = 14_400.0;
const MAX_BYTES: f64 = 32_768.0;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// What JavaScript reads of an answer.
#[cfg(target_arch = "wasm32")]
fn answered(answer: Answer) -> Value {
    match answer.as_string() {
        Some(text) if text.starts_with('{') => json!({ "ok": true, "value": read(&text) }),
        Some(problems) => json!({ "ok": false, "problems": problems_in(&problems) }),
        None => read(&String::from(js_sys::JSON::stringify(&answer).unwrap())),
    }
}

/// The problems of a request, which cross as one text.
#[cfg(target_arch = "wasm32")]
fn problems_in(told: &str) -> Vec<Value> {
    let members: Vec<_> = told.split('\u{1f}').collect();
    let (problems, rest) = members.as_chunks();
    assert!(rest.is_empty(), "{told}");
    let problem = |[path, rule, message, limit, got]: &[&str; 5]| {
        let mut problem = json!({ "path": path, "rule": rule, "message": message });
        for (name, number) in [("limit", limit), ("got", got)].into_iter().filter(|(_, number)| !number.is_empty()) {
            problem[name] = read(number);
        }
        problem
    };
    problems.iter().map(problem).collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn answered(answer: Answer) -> Value {
    serde_json::from_slice(&answer.into_bytes()).unwrap()
}

fn list<'a>(vectors: &'a Value, name: &str) -> &'a [Value] {
    vectors[name].as_array().unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Takes the messages out of an answer: those of its problems, then that of its refusal.
fn messages(answer: &mut Value) -> Vec<Value> {
    let mut found = Vec::new();
    for problem in answer.get_mut("problems").and_then(Value::as_array_mut).into_iter().flatten() {
        found.extend(problem.as_object_mut().unwrap().remove("message"));
    }
    if let Some(refusal) = answer.get_mut("refusal").and_then(Value::as_object_mut) {
        found.extend(refusal.remove("message"));
    }
    found
}

/// Compares an answer in both languages with what a vector expects.
fn answers(name: &str, ask: impl Fn(&str) -> Answer, expected: &Value) {
    for language in ["en", "zh-CN"] {
        let mut answer = answered(ask(language));
        let told = messages(&mut answer);
        if let Some(value) = answer.get_mut("value").and_then(Value::as_object_mut) {
            value.remove("humanised");
        }
        let mut expected = expected.clone();
        let members = expected.as_object_mut().unwrap();
        let texts = ["en", "zh-CN"].map(|language| (language, members.remove(language).unwrap_or_else(|| json!([]))));
        assert_eq!(answer, expected, "{name}");
        assert!(texts.contains(&(language, Value::Array(told))), "{name}, messages in {language}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_request_is_judged_as_its_vector_says() {
    let vectors = read(VALIDATION);
    for vector in list(&vectors, "cases") {
        let (operation, request) = (text(vector, "operation"), vector["request"].to_string());
        let ask = |language: &str| {
            requests::validate(operation, &request, number(&vectors["now"]), MIN_SECONDS, MAX_BYTES, language)
        };
        answers(text(vector, "name"), ask, &vector["answer"]);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_period_is_read_as_its_vector_says() {
    let vectors = read(PERIODS);
    for vector in list(&vectors, "periods") {
        let period = text(vector, "text");
        answers(period, |language| periods::parse_period(period, MIN_SECONDS, language), &vector["answer"]);
        for (language, words) in vector["humanised"].as_object().into_iter().flatten() {
            let answer = answered(periods::parse_period(period, MIN_SECONDS, language));
            assert_eq!(answer["value"]["humanised"], *words, "{period}");
        }
    }
    for vector in list(&vectors, "next") {
        let option = |name: &str, default: f64| vector["options"].get(name).map_or(default, number);
        let count = option("count", 1.0) as u32;
        let answer = periods::next_rotations(
            text(vector, "period"),
            option("lastSuccess", -1.0),
            option("since", 0.0),
            count,
            "en",
        );
        assert_eq!(answered(answer), json!({ "ok": true, "value": vector["times"] }));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_configuration_and_urn_is_read_and_printed_as_its_vector_says() {
    let vectors = read(PERIODS);
    for vector in list(&vectors, "configs") {
        let (config, answer) = (text(vector, "text"), &vector["answer"]);
        answers(config, |language| periods::parse_rotation_config(config, language), answer);
        if let Some(value) = answer.get("value") {
            let printed = periods::format_rotation_config(text(value, "instance_id"), text(value, "mode"), "en");
            assert_eq!(answered(printed)["value"], value["text"]);
        }
    }
    for vector in list(&vectors, "urns") {
        let (urn, answer) = (text(vector, "text"), &vector["answer"]);
        answers(urn, |language| periods::parse_function_urn(urn, language), answer);
        if let Some(value) = answer.get("value") {
            let part = |name| text(value, name);
            let (region, project, package) = (part("region"), part("project_id"), part("package"));
            let printed =
                periods::format_function_urn(region, project, package, part("function"), part("version"), "en");
            assert_eq!(answered(printed)["value"], value["qualified"]);
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_preview_shows_what_its_vector_says() {
    let vectors = read(STAGES);
    for vector in list(&vectors, "previews") {
        let (secret, request) = (vector["secret"].to_string(), vector["request"].to_string());
        let now = number(&vectors["now"]);
        let ask = |language: &str| stages::preview(text(vector, "operation"), &secret, &request, now, language);
        answers(text(vector, "name"), ask, &vector["answer"]);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_state_permits_what_its_vector_says() {
    for vector in list(&read(STAGES), "permits") {
        let answer = answered(stages::permits(text(vector, "state"), text(vector, "operation"), "en"));
        assert_eq!(answer["refusal"]["reason"], vector["reason"], "{vector}");
        assert_eq!(answer["ok"], vector["reason"].is_null(), "{vector}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn every_request_is_signed_as_its_vector_says() {
    for vector in list(&read(SIGNING), "requests") {
        let headers: Vec<_> = list(vector, "signed_headers")
            .iter()
            .flat_map(|pair| [pair[0].as_str().unwrap(), pair[1].as_str().unwrap()])
            .collect();
        let secret_key = text(vector, "secret_key").as_bytes().to_vec();
        let header = signing::sign_request(
            text(vector, "access_key"),
            secret_key,
            text(vector, "method"),
            text(vector, "path"),
            text(vector, "query"),
            text(vector, "date"),
            &headers.join("\n"),
            text(vector, "body").as_bytes(),
        );
        assert!(header.ends_with(text(vector, "signature")), "{}", text(vector, "name"));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_json_is_a_problem_and_no_panic() {
    for request in ["", "{", "\"\\ud800\"", "[1,"] {
        let answer = answered(requests::validate("CreateSecret", request, 0.0, MIN_SECONDS, MAX_BYTES, "en"));
        assert_eq!(answer["problems"][0]["rule"], "type", "{request}");
    }
    for number in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(answered(periods::next_rotations("1d", number, number, u32::MAX, "en"))["ok"], true);
        assert_eq!(answered(requests::validate("RotateSecret", "{}", number, number, number, "en"))["ok"], false);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn passwords_are_drawn_and_judged() {
    let drawn = answered(passwords::generate_password(20, "abc", 0b0010, 0, "en").unwrap());
    let password = text(&drawn, "value");
    assert_eq!(password.len(), 20, "{password}");
    assert!(password.chars().all(|letter| !letter.is_uppercase() && !"abc".contains(letter)), "{password}");
    let refused = answered(passwords::generate_password(0, "", 0, 0, "en").unwrap());
    assert_eq!(refused["problems"][0]["path"], "length");
    assert_eq!(text(&answered(passwords::generate_database_password().unwrap()), "value").len(), 32);
    let judged = answered(passwords::assess_password(b"root123".to_vec(), "root", "en"));
    assert_eq!(judged["value"]["strength"], "weak");
    assert!(judged["value"]["bits"].is_u64() && judged["value"]["weaknesses"][0]["message"].is_string(), "{judged}");
}
