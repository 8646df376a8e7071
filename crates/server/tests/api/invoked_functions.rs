//! What a server adds to the events of callers of the invoke API, and where it keeps the files of functions.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use axum::http::StatusCode;
use csms_core::FunctionUrn;
use serde_json::{Value, json};

use crate::support::{Server, open, open_with, settings};

/// A function in the vendor's protocol that replies with its event.
const FUNCTION: &str = r#"#!/usr/bin/env python3
import os, urllib.request
base = "http://%s/v1/runtime/invocation/" % os.environ["RUNTIME_API_ADDR"]
while True:
    with urllib.request.urlopen(base + "request") as answer:
        request_id = answer.headers["X-Cff-Request-Id"]
        event = answer.read()
    urllib.request.urlopen(base + "response/" + request_id, data=event).close()
"#;

/// A server at this public address that runs the function, and the path that invokes it.
async fn server(directory: &Path, public_url: &str) -> (Server, String) {
    let code = directory.join("code");
    fs::create_dir(&code).unwrap();
    fs::write(code.join("bootstrap"), FUNCTION).unwrap();
    fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    let data = directory.join("data");
    // The project is known after a first start.
    let project = open(&data).await.unwrap().credentials.project_id;
    let urn = format!("urn:fss:local-1:{project}:function:default:echo:latest");
    let mut settings = settings(&data);
    settings.functions = vec![(FunctionUrn::parse(&urn).unwrap(), code)];
    settings.public_url = Some(public_url.to_owned());
    (open_with(&settings).await.unwrap(), format!("/v2/{project}/fgs/functions/{urn}/invocations"))
}

#[tokio::test]
async fn an_invoked_function_reaches_this_server_whatever_its_event_says() {
    let directory = tempfile::tempdir().unwrap();
    let (server, path) = server(directory.path(), "https://csms.example").await;
    for endpoint in ["http://127.0.0.1:1", "http://169.254.169.254", "https://csms.example.evil"] {
        let event = json!({ "secret_name": "x", "operate_type": "SINGLE_USER", "csms_endpoint": endpoint });
        let reply = server.call("POST", &path, event).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert_eq!(reply.body["csms_endpoint"], "https://csms.example");
        assert_eq!((&reply.body["secret_name"], &reply.body["operate_type"]), (&json!("x"), &json!("SINGLE_USER")));
    }
    for name in ["CsmsEndpoint", "CSMS_ENDPOINT", "_csms_endpoint"] {
        let reply = server.call("POST", &path, json!({ name: "http://127.0.0.1:1" })).await;
        assert_eq!(reply.body, json!({ "csms_endpoint": "https://csms.example" }), "{name}");
    }
    let reply = server.call("POST", &path, json!({})).await;
    assert_eq!(reply.body, json!({ "csms_endpoint": "https://csms.example" }));
    let refused = server.call("POST", &path, json!([])).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "CSMS.0004"));
    server.app.functions.shutdown().await;
}

#[tokio::test]
async fn files_of_functions_lie_in_the_data_directory_and_those_of_a_killed_server_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let left = directory.path().join("data/functions/host-killed/instance-1");
    fs::create_dir_all(&left).unwrap();
    let (server, path) = server(directory.path(), "https://csms.example").await;
    assert!(!left.exists());
    assert_eq!(server.call("POST", &path, Value::Null).await.status, StatusCode::OK);
    let hosts = fs::read_dir(directory.path().join("data/functions")).unwrap().map(|entry| entry.unwrap().path());
    let instances = hosts.filter(|path| path.is_dir()).flat_map(|host| fs::read_dir(host).unwrap());
    assert!(
        instances.map(|entry| entry.unwrap().file_name()).any(|name| name.to_str().unwrap().starts_with("instance-"))
    );
    server.app.functions.shutdown().await;
}
