//! Rotation tasks of a server whose function always fails: what matters is that every stored task is run.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use crate::support::{Server, open_with, settings};
use axum::{body::Body, http::StatusCode};
use csms_core::FunctionUrn;
use serde_json::{Value, json};

const URN: &str = "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:failing:latest";

/// A function that ends at once, which the host reports as a failure.
fn failing_function(directory: &Path) -> std::path::PathBuf {
    let code = directory.join("function");
    fs::create_dir(&code).unwrap();
    fs::write(code.join("bootstrap"), "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    code
}

async fn server_with_a_rotated_secret(directory: &Path) -> Server {
    let mut settings = settings(&directory.join("data"));
    settings.functions = vec![(FunctionUrn::parse(URN).unwrap(), failing_function(directory))];
    let server = open_with(&settings).await.unwrap();
    let account = json!({ "engine": "postgresql", "host": "127.0.0.1", "username": "app", "password": "x" });
    let body = json!({
        "name": "rotated", "secret_string": account.to_string(), "secret_type": "RDS-FG", "rotation_func_urn": URN,
        "rotation_config": r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#,
    });
    let answer = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    server
}

async fn tasks(server: &Server) -> Vec<Value> {
    let answer = server.call("GET", &server.path("csms/tasks"), Value::Null).await;
    answer.body["tasks"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_no_task_that_nobody_carries_out() {
    let directory = tempfile::tempdir().unwrap();
    let server = server_with_a_rotated_secret(directory.path()).await;
    let path = server.path("secrets/rotated/rotate");
    let request = server.signed(&server.key(), "POST", &path, b"").body(Body::empty()).unwrap();
    // The answer is waited for no longer than its first wait lasts: the caller is gone before the task is stored.
    assert!(tokio::time::timeout(Duration::ZERO, server.send(request)).await.is_err());
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let tasks = tasks(&server).await;
        if tasks.first().is_some_and(|task| task["attempt_nums"].as_u64() > Some(0)) {
            return;
        }
        assert!(Instant::now() < deadline, "nobody carries the task out: {tasks:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_failed_task_says_why_in_code_and_words() {
    let directory = tempfile::tempdir().unwrap();
    let server = server_with_a_rotated_secret(directory.path()).await;
    let begun = server.call("POST", &server.path("secrets/rotated/rotate"), Value::Null).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.body);
    let again = server.call("POST", &server.path("secrets/rotated/rotate"), Value::Null).await;
    assert_eq!((again.status, again.code()), (StatusCode::BAD_REQUEST, "CSMS.0503"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let task = loop {
        let task = tasks(&server).await.remove(0);
        if task["task_status"] != "RUNNING" {
            break task;
        }
        assert!(Instant::now() < deadline, "{task}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((task["task_status"].as_str(), task["attempt_nums"].as_u64()), (Some("FAILED"), Some(3)), "{task}");
    assert_eq!(task["task_error_code"], "CSMS.0511");
    assert!(!task["task_error_msg"].as_str().unwrap().is_empty());
}
