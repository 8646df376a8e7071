//! Recorded requests of a client as steps that another server can be asked: what earlier responses said is taken from its responses.
//!
//! A step expects of a response what two runs against two servers have in common, so that identifiers, times and sealed values
//! need no list of their own. The steps are for `crates/server/tests/api/replayed_clients.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A request that a client sent, with the response.
#[derive(Clone, Debug, Deserialize)]
pub struct Exchange {
    /// What sent it, such as a resource of Terraform.
    pub of: String,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers that the server reads, apart from those that sign the request.
    pub headers: BTreeMap<String, String>,
    /// The body as it was sent.
    pub body: String,
    /// The status of the response.
    pub status: u16,
    /// The body of the response.
    pub response: String,
}

/// What a recording says of its server: texts by name, such as the identifier of its project.
pub type Names = Vec<(String, String)>;

/// Shorter texts are not taken for identifiers: a request may contain them by chance.
const SHORTEST_IDENTIFIER: usize = 16;

/// A step that is among this many before it, with the same response, is left out.
const NEAR: usize = 10;

/// The leaves of a value, by JSON pointer.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
    let below = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| leaves(value, &below(name), found));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(at, value)| leaves(value, &below(&at.to_string()), found));
        }
        leaf => found.push((pointer.to_owned(), leaf.clone())),
    }
}

fn replaced(text: &str, names: &Names) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("{{{name}}}")))
}

/// One run with the texts that its responses brought replaced by names.
struct Run {
    steps: Vec<Map<String, Value>>,
    responses: Vec<Vec<(String, Value)>>,
}

impl Run {
    fn of(exchanges: &[Exchange], mut names: Names) -> Self {
        let (mut steps, mut responses) = (Vec::new(), Vec::new());
        for (at, exchange) in exchanges.iter().enumerate() {
            let mut step = Map::new();
            step.insert("of".to_owned(), json!(exchange.of));
            step.insert("method".to_owned(), json!(exchange.method));
            step.insert("path".to_owned(), json!(replaced(&exchange.path, &names)));
            let headers: Map<_, _> =
                exchange.headers.iter().map(|(name, value)| (name.clone(), json!(replaced(value, &names)))).collect();
            step.insert("headers".to_owned(), headers.into());
            if !exchange.body.is_empty() {
                let body = serde_json::from_str(&replaced(&exchange.body, &names));
                step.insert("body".to_owned(), body.expect("clients send JSON"));
            }
            step.insert("status".to_owned(), json!(exchange.status));
            let mut found = Vec::new();
            if let Ok(response) = serde_json::from_str::<Value>(&exchange.response) {
                leaves(&response, "", &mut found);
            }
            let mut save = Map::new();
            for (pointer, value) in &found {
                let Some(text) = value.as_str().filter(|text| text.len() >= SHORTEST_IDENTIFIER) else { continue };
                let is_known = names.iter().any(|(_, known)| known == text);
                let quoted = json!(text).to_string();
                let escaped = quoted.trim_matches('"');
                let is_used = |later: &Exchange| later.path.contains(text) || later.body.contains(escaped);
                let was_used = exchanges.iter().take(at + 1).any(is_used);
                if !is_known && !was_used && exchanges.iter().skip(at + 1).any(is_used) {
                    let name = format!("{}-{}", exchange.of.replace(' ', "-"), names.len());
                    save.insert(name.clone(), json!(pointer));
                    names.push((name, escaped.to_owned()));
                }
            }
            if !save.is_empty() {
                step.insert("save".to_owned(), save.into());
            }
            let replaced = |value: Value| match value {
                Value::String(text) => replaced(&text, &names).into(),
                other => other,
            };
            responses.push(found.into_iter().map(|(pointer, value)| (pointer, replaced(value))).collect());
            steps.push(step);
        }
        Self { steps, responses }
    }
}

/// The steps of two recordings of the same run, one on a line.
///
/// # Panics
/// When the runs did not send the same requests.
#[must_use]
pub fn steps(first: (&[Exchange], Names), second: (&[Exchange], Names)) -> String {
    let (first, second) = (Run::of(first.0, first.1), Run::of(second.0, second.1));
    assert_eq!(first.steps.len(), second.steps.len(), "the runs sent different numbers of requests");
    let responses = first.responses.into_iter().zip(second.responses);
    let mut steps: Vec<Value> = Vec::new();
    for (at, (mut step, (one, other))) in first.steps.into_iter().zip(responses).enumerate() {
        // Clients write the parameters of a query in any order.
        let asked = |step: &Map<String, Value>| {
            step["path"].as_str().and_then(|path| path.split('?').next().map(str::to_owned))
        };
        assert_eq!(asked(&step), asked(&second.steps[at]), "the runs differ at request {at}");
        let other: BTreeMap<_, _> = other.into_iter().collect();
        let common = one.into_iter().filter(|(pointer, value)| other.get(pointer) == Some(value));
        let expect: Map<_, _> = common.collect();
        if !expect.is_empty() {
            step.insert("expect".to_owned(), expect.into());
        }
        let step = Value::from(step);
        // Clients read the same again and again.
        if !steps.iter().rev().take(NEAR).any(|earlier| *earlier == step) {
            steps.push(step);
        }
    }
    let lines: Vec<_> = steps.iter().map(|step| format!("  {step}")).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(path: &str, body: &str, response: &Value) -> Exchange {
        Exchange {
            of: "thing".to_owned(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: BTreeMap::new(),
            body: body.to_owned(),
            status: 200,
            response: response.to_string(),
        }
    }

    fn run(id: &str, time: u64) -> Vec<Exchange> {
        let made = json!({ "thing": { "id": id, "name": "a/b", "time": time } });
        vec![
            exchange("/v1/p1/things", r#"{"name":"a"}"#, &made),
            exchange(&format!("/v1/p1/things/{id}"), "", &json!({ "id": id, "tags": [], "time": time + 1 })),
        ]
    }

    #[test]
    fn later_requests_take_identifiers_from_earlier_responses() {
        let names = vec![("project".to_owned(), "p1".to_owned())];
        let (one, other) = (run("0123456789abcdef-one", 1), run("0123456789abcdef-two", 7));
        let text = steps((&one, names.clone()), (&other, names));
        let expected = json!([
            {
                "of": "thing", "method": "POST", "path": "/v1/{project}/things", "headers": {}, "body": { "name": "a" },
                "status": 200, "save": { "thing-1": "/thing/id" },
                "expect": { "/thing/id": "{thing-1}", "/thing/name": "a/b" },
            },
            {
                "of": "thing", "method": "POST", "path": "/v1/{project}/things/{thing-1}", "headers": {}, "status": 200,
                "expect": { "/id": "{thing-1}", "/tags": [] },
            },
        ]);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }
}
