//! Requests of clients that these tests do not run: each client's requests, in their order, with what the responses hold.
//!
//! `tests/conformance/clients/terraform.json` has the requests that the Terraform provider sent in a run, which
//! `tests/conformance/tests/terraform_provider.rs` recorded. `others.json` was written from the sources of the clients (the provider's
//! login, Dapr's component `secretstores.huaweicloud.csms`, `sops --hckms`, the `huaweicloudkms` seal): it shows that each request is
//! served, and does not show that those clients run.

use std::collections::BTreeMap;

use crate::support::{Answer, Server};
use serde::Deserialize;
use serde_json::{Value, json};

/// One request of a client.
#[derive(Deserialize)]
struct Step {
    /// The resource or data source that sends it.
    #[serde(default)]
    of: String,
    method: String,
    path: String,
    /// What the client sends beside a JSON body and its signature.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    status: u16,
    /// What later requests take from the response, by JSON pointer.
    #[serde(default)]
    save: BTreeMap<String, String>,
    /// What the client reads of the response, by JSON pointer.
    #[serde(default)]
    expect: BTreeMap<String, Value>,
}

type Known = BTreeMap<String, String>;

/// A text with its names replaced by what earlier responses said.
fn fill(text: &str, known: &Known) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn fill_value(value: &Value, known: &Known) -> Value {
    serde_json::from_str(&fill(&value.to_string(), known)).unwrap()
}

fn known(server: &Server) -> Known {
    let identity = &server.app.identity;
    [
        ("project", identity.project_id.to_string()),
        ("region", identity.region.clone()),
        ("domain", identity.domain_id.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Sends a request with the client's own headers, signed as it signs.
async fn send(server: &Server, step: &Step, path: &str, known: &Known) -> Answer {
    let body = if step.body.is_null() { Vec::new() } else { fill_value(&step.body, known).to_string().into_bytes() };
    let mut request = server.signed(&server.key(), &step.method, path, &body);
    // The signature covers a Content-Type of its own.
    for (name, value) in step.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")) {
        request = request.header(name, fill(value, known));
    }
    server.send(request.body(body.into()).unwrap()).await
}

async fn replay(server: &Server, steps: &[Step], known: &mut Known) {
    for (index, step) in steps.iter().enumerate() {
        let path = fill(&step.path, known);
        let place = format!("step {index} {}: {} {path}", step.of, step.method);
        let answer = send(server, step, &path, known).await;
        assert_eq!(answer.status.as_u16(), step.status, "{place}: {}", answer.body);
        // Expectations name what the same response said first.
        for (name, pointer) in &step.save {
            let found = answer.body.pointer(pointer).and_then(Value::as_str);
            known.insert(name.clone(), found.unwrap_or_else(|| panic!("{place}: {pointer}")).to_owned());
        }
        for (pointer, expected) in &step.expect {
            let found = answer.body.pointer(pointer);
            assert_eq!(found, Some(&fill_value(expected, known)), "{place}: {pointer} of {}", answer.body);
        }
    }
}

#[tokio::test]
async fn terraform_applies_changes_and_destroys_a_plan() {
    let server = Server::start().await;
    let mut known = known(&server);
    let steps = include_str!("../../../../tests/conformance/clients/terraform.json");
    replay(&server, &serde_json::from_str::<Vec<Step>>(steps).unwrap(), &mut known).await;
}

#[tokio::test]
async fn logins_dapr_sops_and_the_seal_find_what_they_need() {
    let clients = include_str!("../../../../tests/conformance/clients/others.json");
    let clients: BTreeMap<String, Vec<Step>> = serde_json::from_str(clients).unwrap();
    for (client, mut steps) in clients {
        let server = Server::start().await;
        let mut known = known(&server);
        let secret = json!({ "name": "replayed", "secret_string": "value" });
        server.call("POST", &server.path("secrets"), secret).await;
        let kms = format!("/v1.0/{}/kms/", server.credentials.project_id);
        let key = server.call("POST", &format!("{kms}create-key"), json!({ "key_alias": "made-first" })).await;
        let key = key.body["key_info"]["key_id"].as_str().unwrap().to_owned();
        let alias = json!({ "key_id": key, "alias": "alias/replayed" });
        server.call("POST", &format!("{kms}aliases"), alias).await;
        known.insert("key".to_owned(), key);
        steps.iter_mut().for_each(|step| step.of.clone_from(&client));
        replay(&server, &steps, &mut known).await;
    }
}
