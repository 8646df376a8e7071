//! A function that is invoked through FunctionGraph's API acts as its caller: it may do what the caller may in that project,
//! and nothing else.

use crate::support;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::support::{Key, Server, open, open_with, settings};
use axum::{body::Body, http::StatusCode};
use csms_core::{FunctionUrn, policy::Policy};
use csms_server::request::{Peer, Secure};
use csms_store::{AccessChange, Store as _};
use serde_json::{Value, json};

/// A function in the vendor's protocol that replies with the credentials that it got.
const FUNCTION: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request
base = "http://%s/v1/runtime/invocation/" % os.environ["RUNTIME_API_ADDR"]
while True:
    with urllib.request.urlopen(base + "request") as answer:
        request_id = answer.headers["X-Cff-Request-Id"]
        answer.read()
        names = ["X-CFF-Security-Access-Key", "X-CFF-Security-Secret-Key", "X-CFF-Security-Token"]
        body = json.dumps([answer.headers[name] for name in names]).encode()
    urllib.request.urlopen(base + "response/" + request_id, data=body).close()
"#;

/// A server that runs the function, and the function's URN in its project.
async fn server(directory: &Path) -> (Server, String) {
    let code = directory.join("function");
    fs::create_dir(&code).unwrap();
    fs::write(code.join("bootstrap"), FUNCTION).unwrap();
    fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    let data = directory.join("data");
    // The project is known after a first start.
    let project = open(&data).await.unwrap().credentials.project_id;
    let urn = format!("urn:fss:local-1:{project}:function:default:mirror:latest");
    let mut settings = settings(&data);
    settings.functions = vec![(FunctionUrn::parse(&urn).unwrap(), code)];
    (open_with(&settings).await.unwrap(), urn)
}

/// A caller with this policy.
fn caller(server: &Server, policy: &Value) -> Key {
    server.temporary(Policy::parse(&policy.to_string()).unwrap())
}

async fn invoke(server: &Server, caller: &Key, urn: &str) -> support::Answer {
    let path = format!("/v2/{}/fgs/functions/{urn}/invocations", server.credentials.project_id);
    server.call_as(caller, "POST", &path, &json!({})).await
}

#[tokio::test]
async fn a_function_has_the_rights_of_its_caller_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let (server, urn) = server(directory.path()).await;
    for name in ["team-a-db", "team-a-private", "other"] {
        let body = json!({ "name": name, "secret_string": "value" });
        assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    }
    let limited = caller(
        &server,
        &json!({ "Version": "5.0", "Statement": [
            { "Effect": "Allow", "Action": ["functiongraph:function:invoke"] },
            { "Effect": "Allow", "Action": ["csms:secret:get*", "csms:secret:update"],
              "Resource": ["CSMS:*:*:secretName:team-a-*"] },
            { "Effect": "Deny", "Action": ["csms:secret:getVersion"],
              "Resource": ["CSMS:*:*:secretName:team-a-private"] },
        ] }),
    );
    let reply = invoke(&server, &limited, &urn).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let text = |at: usize| reply.body[at].as_str().unwrap().to_owned();
    let function = Key { access_key: text(0), secret_key: text(1), security_token: Some(text(2)) };
    assert_ne!(function.access_key, limited.access_key, "the caller's own keys are not given away");

    let elsewhere = "f".repeat(32);
    let calls = [
        ("GET", server.path("secrets/team-a-db"), json!(null), StatusCode::OK),
        ("GET", server.path("secrets/team-a-db/versions/latest"), json!(null), StatusCode::OK),
        ("PUT", server.path("secrets/team-a-db"), json!({ "description": "mine" }), StatusCode::OK),
        ("GET", server.path("secrets/team-a-private"), json!(null), StatusCode::OK),
        ("GET", server.path("secrets/team-a-private/versions/latest"), json!(null), StatusCode::FORBIDDEN),
        ("GET", server.path("secrets/other"), json!(null), StatusCode::FORBIDDEN),
        ("GET", server.path("secrets/other/versions/latest"), json!(null), StatusCode::FORBIDDEN),
        ("GET", server.path("secrets"), json!(null), StatusCode::FORBIDDEN),
        ("POST", server.path("secrets"), json!({ "name": "team-a-new", "secret_string": "x" }), StatusCode::FORBIDDEN),
        ("DELETE", server.path("secrets/team-a-db"), json!(null), StatusCode::FORBIDDEN),
        ("GET", format!("/v1/{elsewhere}/secrets/team-a-db"), json!(null), StatusCode::FORBIDDEN),
        ("POST", format!("/v1.0/{}/kms/list-keys", server.credentials.project_id), json!({}), StatusCode::FORBIDDEN),
    ];
    for (method, path, body, status) in calls {
        for (who, key) in [("the caller", &limited), ("the function", &function)] {
            let answer = server.call_as(key, method, &path, &body).await;
            assert_eq!(answer.status, status, "{who}: {method} {path}: {}", answer.body);
        }
    }
    server.app.functions.shutdown().await;
}

#[tokio::test]
async fn a_caller_without_the_right_to_invoke_gets_no_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let (server, urn) = server(directory.path()).await;
    let statement = json!({ "Effect": "Allow", "Action": ["csms:*", "kms:*"] });
    let caller = caller(&server, &json!({ "Version": "5.0", "Statement": [statement] }));
    let refused = invoke(&server, &caller, &urn).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "CSMS.0302"));
    server.app.functions.shutdown().await;
}

#[tokio::test]
async fn the_right_to_invoke_without_waiting_is_no_right_to_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (server, urn) = server(directory.path()).await;
    let with = |action: &str| {
        let statement = json!({ "Effect": "Allow", "Action": [action] });
        caller(&server, &json!({ "Version": "5.0", "Statement": [statement] }))
    };
    for (action, waiting) in [
        ("functiongraph:function:invoke", StatusCode::OK),
        ("FunctionGraph:function:invokeAsync", StatusCode::FORBIDDEN),
    ] {
        let caller = with(action);
        assert_eq!(invoke(&server, &caller, &urn).await.status, waiting, "{action}");
        let path = format!("/v2/{}/fgs/functions/{urn}/invocations-async", server.credentials.project_id);
        assert_eq!(server.call_as(&caller, "POST", &path, &json!({})).await.status, StatusCode::ACCEPTED, "{action}");
    }
    server.app.functions.shutdown().await;
}

#[tokio::test]
async fn the_credentials_of_a_function_end_soon_after_it_must_have_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (server, urn) = server(directory.path()).await;
    let everything = json!({ "Effect": "Allow", "Action": ["*"] });
    let caller = caller(&server, &json!({ "Version": "5.0", "Statement": [everything] }));
    let reply = invoke(&server, &caller, &urn).await;
    let text = |at: usize| reply.body[at].as_str().unwrap().to_owned();
    let function = Key { access_key: text(0), secret_key: text(1), security_token: Some(text(2)) };
    let list = server.path("secrets");
    assert_eq!(server.call_as(&function, "GET", &list, &Value::Null).await.status, StatusCode::OK);
    server.clock.advance(121_000);
    assert_eq!(server.call_as(&function, "GET", &list, &Value::Null).await.status, StatusCode::UNAUTHORIZED);
    server.app.functions.shutdown().await;
}

/// What a caller gets who sends a request from an address, encrypted or not.
async fn send_from(
    server: &Server,
    key: &Key,
    (address, is_secure): (&str, bool),
    (method, path, body): (&str, &str, &Value),
) -> support::Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = server.signed(key, method, path, body.as_bytes());
    let request = request.extension(Peer(address.parse().unwrap())).extension(Secure(is_secure));
    server.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn conditions_on_the_way_of_a_request_hold_for_the_invocation_too() {
    let directory = tempfile::tempdir().unwrap();
    let (server, urn) = server(directory.path()).await;
    let body = json!({ "name": "db", "secret_string": "value" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let conditions = [
        json!({ "NotIpAddress": { "g:SourceIp": ["10.0.0.0/8"] } }),
        json!({ "Bool": { "g:SecureTransport": ["false"] } }),
    ];
    let denied = conditions.map(|condition| json!({ "Effect": "Deny", "Action": ["csms:*"], "Condition": condition }));
    let [elsewhere, unencrypted] = denied;
    let statements = json!([{ "Effect": "Allow", "Action": ["*"] }, elsewhere, unencrypted]);
    let caller = caller(&server, &json!({ "Version": "5.0", "Statement": statements }));
    let invocations = format!("/v2/{}/fgs/functions/{urn}/invocations", server.credentials.project_id);
    let read = server.path("secrets/db/versions/latest");
    let check = server.path("csms/permissions/check");
    let (inside, outside, unencrypted) = (("10.1.2.3", true), ("192.0.2.1", true), ("10.1.2.3", false));
    for (invoked, status) in
        [(inside, StatusCode::OK), (outside, StatusCode::FORBIDDEN), (unencrypted, StatusCode::FORBIDDEN)]
    {
        let reply = send_from(&server, &caller, invoked, ("POST", &invocations, &json!({}))).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let text = |at: usize| reply.body[at].as_str().unwrap().to_owned();
        let function = Key { access_key: text(0), secret_key: text(1), security_token: Some(text(2)) };
        // The function runs beside the server, from where the caller's own requests would be let through.
        let answer = send_from(&server, &function, inside, ("GET", &read, &Value::Null)).await;
        assert_eq!(answer.status, status, "invoked from {invoked:?}: {}", answer.body);
        let asked = json!({ "actions": ["csms:secret:getVersion"], "secret_name": "db" });
        let told = send_from(&server, &function, inside, ("POST", &check, &asked)).await.body;
        let list = if status == StatusCode::OK { "allowed" } else { "denied" };
        assert_eq!(told[list], asked["actions"], "invoked from {invoked:?}: {told}");
        // And from where they would not, it is refused as they are.
        let answer = send_from(&server, &function, outside, ("GET", &read, &Value::Null)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "invoked from {invoked:?}: {}", answer.body);
    }
    server.app.functions.shutdown().await;
}

/// The credentials that a function got from an invocation by a user with this policy, and the user's identifier.
async fn acting_for_user(server: &Server, urn: &str, policy: &Value) -> (String, Key) {
    let policy = Policy::parse(&policy.to_string()).unwrap();
    let (id, caller) = server.make_user("alice", "the old password", vec![policy]).await;
    let reply = invoke(server, &caller, urn).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let text = |at: usize| reply.body[at].as_str().unwrap().to_owned();
    (id, Key { access_key: text(0), secret_key: text(1), security_token: Some(text(2)) })
}

#[tokio::test]
async fn the_credentials_of_a_function_end_with_its_user() {
    let directory = tempfile::tempdir().unwrap();
    let (server, urn) = server(directory.path()).await;
    let everything = json!({ "Effect": "Allow", "Action": ["*"] });
    let (id, function) = acting_for_user(&server, &urn, &json!({ "Version": "5.0", "Statement": [everything] })).await;
    let list = async || server.call_as(&function, "GET", &server.path("secrets"), &Value::Null).await.status;
    assert_eq!(list().await, StatusCode::OK);
    let mut user = server.app.store.user(&id).await.unwrap().unwrap();
    for (enabled, status) in [(false, StatusCode::UNAUTHORIZED), (true, StatusCode::UNAUTHORIZED)] {
        user.enabled = enabled;
        server.app.store.change_access(vec![AccessChange::PutUser(user.clone())], Vec::new()).await.unwrap();
        server.app.authenticator.forget();
        assert_eq!(list().await, status, "enabled: {enabled}");
    }
    server.app.functions.shutdown().await;
}

#[tokio::test]
async fn the_credentials_of_a_function_give_no_rights_that_last() {
    let directory = tempfile::tempdir().unwrap();
    let (server, urn) = server(directory.path()).await;
    let body = json!({ "name": "db", "secret_string": "value" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let everything = json!({ "Effect": "Allow", "Action": ["*"] });
    let (id, function) = acting_for_user(&server, &urn, &json!({ "Version": "5.0", "Statement": [everything] })).await;
    let read = server.path("secrets/db/versions/latest");
    assert_eq!(server.call_as(&function, "GET", &read, &Value::Null).await.status, StatusCode::OK);
    for (method, path, body) in support::giving_rights(&server, &id).await {
        let refused = server.call_as(&function, method, &path, &body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}: {}", refused.body);
        assert!(refused.body.to_string().contains("credentials of a function"), "{}", refused.body);
    }
    server.app.functions.shutdown().await;
}
