//! `schemathesis` against `/openapi.json`: requests that the document allows and requests that it forbids find no failure of
//! the server, no undocumented status and no answer that is not as described. That what is forbidden is refused is the
//! business of `definitions`: the server takes `null` for “not given”, which the document does not say.
//!
//! The cases are the same in every run, and at most [`EXAMPLES`] for each operation beside those that try each limit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::path::Path;

use csms_client::CreateSecretBody;
use csms_conformance::{client, world::World};
use csms_core::{SecretName, StageName, VersionId};
use csms_testbed::{Server, python::Venv, server::Options};
use serde_json::json;
use tokio::{process::Command, time::timeout};

const EXAMPLES: &str = "20";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// It takes well under a minute; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(600);

/// A token of the server's first user.
fn token(server: &Server) -> String {
    let credentials = server.credentials();
    let user = json!({
        "name": credentials.user_name, "password": credentials.password, "domain": { "name": credentials.domain_name },
    });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    let body = json!({ "auth": { "identity": identity, "scope": { "project": { "id": credentials.project_id } } } });
    let request = ureq::post(format!("{}/v3/auth/tokens", server.url())).header("content-type", "application/json");
    let answer = request.send(body.to_string()).unwrap();
    answer.headers()["x-subject-token"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn schemathesis_finds_nothing() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let requirements = sources.join("schemathesis.txt");
    // Made on the first run, which takes its time.
    let venv = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await.unwrap().unwrap();
    let server = Server::start(Options::default().argument("--secret-quota").argument("1000000")).await.unwrap();
    let client = client(&server);
    let mut id = String::new();
    for name in ["deleted", "scheduled", "lasting"] {
        let body = CreateSecretBody { name, secret_string: Some("value"), ..CreateSecretBody::default() };
        id = client.create_secret(&body).await.unwrap().secret.id;
    }
    let lasting = SecretName::parse("lasting").unwrap();
    client.update_stage(&lasting, &StageName::parse("blue").unwrap(), VersionId::FIRST).await.unwrap();
    let world = World::of(&server);
    let tags = format!("/v1/{}/csms/{id}/tags", server.project_id());
    let tag = json!({ "tag": { "key": "env", "value": "test" } });
    assert_eq!(world.call("POST", &tags, &tag).status, 204);
    for name in ["deleted", "telling"] {
        let topic = json!({ "target_type": "SMN", "target_id": "urn:smn:local-1:p:topic", "target_name": "topic" });
        let event = json!({
            "name": name, "event_types": ["SECRET_ROTATED"], "state": "ENABLED", "notification": topic,
        });
        let events = format!("/v1/{}/csms/events", server.project_id());
        assert_eq!(world.call("POST", &events, &event).status, 200);
    }

    let mut schemathesis = Command::new(venv.python().with_file_name("schemathesis"));
    schemathesis.arg("--config-file").arg(sources.join("schemathesis.toml"));
    schemathesis.args(["run", "--phases", "coverage,fuzzing", "--generation-deterministic", "--no-color"]);
    schemathesis.args(["--max-examples", EXAMPLES, "--checks", CHECKS, "--warnings", "off"]);
    schemathesis.args(["--suppress-health-check", "all"]).arg(format!("{}/openapi.json", server.url()));
    // What it keeps between runs goes with the server.
    schemathesis.current_dir(server.data()).env("HOME", server.data());
    schemathesis.env("CSMS_TOKEN", token(&server)).env("CSMS_PROJECT", server.project_id()).env("CSMS_SECRET_ID", id);
    let output = timeout(WITHIN, schemathesis.kill_on_drop(true).output()).await.unwrap().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\nthe server's log:\n{}", server.log_tail());
    assert!(report.contains("No issues found"), "{report}");
}
