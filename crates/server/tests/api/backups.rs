//! Backups of single secrets: what comes back, and what is refused.

use crate::support::{Answer, Server};
use axum::http::StatusCode;
use serde_json::{Value, json};

async fn call(server: &Server, method: &str, path: &str, body: Value) -> Value {
    let answer = server.call(method, &server.path(path), body).await;
    assert!(answer.status.is_success(), "{}", answer.body);
    answer.body
}

/// A secret with two versions, a stage and a tag; and its backup.
async fn backup(server: &Server) -> String {
    let made = call(server, "POST", "secrets", json!({ "name": "demo", "secret_string": "first" })).await;
    call(server, "POST", "secrets/demo/versions", json!({ "secret_string": "second" })).await;
    call(server, "PUT", "secrets/demo/stages/blue", json!({ "version_id": "v1" })).await;
    let path = format!("csms/{}/tags", made["secret"]["id"].as_str().unwrap());
    call(server, "POST", &path, json!({ "tag": { "key": "env", "value": "prod" } })).await;
    let answer = call(server, "POST", "secrets/demo/backup", Value::Null).await;
    answer["secret_blob"].as_str().unwrap().to_owned()
}

async fn restore(server: &Server, blob: &str) -> Answer {
    server.call("POST", &server.path("secrets/restore"), json!({ "secret_blob": blob })).await
}

#[tokio::test]
async fn a_deleted_secret_comes_back_with_everything_it_had() {
    let server = Server::start().await;
    let blob = backup(&server).await;
    let before = call(&server, "GET", "secrets/demo", Value::Null).await;
    call(&server, "DELETE", "secrets/demo", Value::Null).await;
    let restored = restore(&server, &blob).await;
    assert_eq!((restored.status, &restored.body), (StatusCode::OK, &before));
    for (version, value) in [("v1", "first"), ("v2", "second"), ("latest", "second")] {
        let path = format!("secrets/demo/versions/{version}");
        let read = call(&server, "GET", &path, Value::Null).await;
        assert_eq!(read["version"]["secret_string"], value, "{version}");
    }
    let stage = call(&server, "GET", "secrets/demo/stages/blue", Value::Null).await;
    assert_eq!(stage["stage"]["version_id"], "v1");
    let path = format!("csms/{}/tags", before["secret"]["id"].as_str().unwrap());
    let tags = call(&server, "GET", &path, Value::Null).await;
    assert_eq!(tags["tags"], json!([{ "key": "env", "value": "prod" }]));
    let next = call(&server, "POST", "secrets/demo/versions", json!({ "secret_string": "third" })).await;
    assert_eq!(next["version_metadata"]["id"], "v3");
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_overwritten() {
    let server = Server::start().await;
    let blob = backup(&server).await;
    let refused = restore(&server, &blob).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "CSMS.0101"));
}

#[tokio::test]
async fn a_foreign_or_damaged_blob_is_refused_whole() {
    let (server, other) = (Server::start().await, Server::start().await);
    let blob = backup(&server).await;
    assert!(!blob.contains("demo") && blob.len() < 5_242_880);
    call(&server, "DELETE", "secrets/demo", Value::Null).await;
    assert_eq!(restore(&other, &blob).await.code(), "CSMS.0002");
    let mut damaged: Vec<String> = vec![String::new(), blob[1..].to_owned(), blob[..blob.len() - 4].to_owned()];
    for at in (0..blob.len()).step_by(blob.len() / 40) {
        let mut bytes = blob.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        damaged.push(String::from_utf8(bytes).unwrap());
    }
    for blob in damaged {
        let refused = restore(&server, &blob).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    }
    assert_eq!(call(&server, "GET", "secrets", Value::Null).await["secrets"], json!([]));
    assert_eq!(restore(&server, &blob).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_secret_that_waited_for_its_deletion_comes_back_enabled() {
    let server = Server::start().await;
    backup(&server).await;
    let window = json!({ "recovery_window_in_days": 7 });
    call(&server, "POST", "secrets/demo/scheduled-deleted-tasks/create", window).await;
    let blob = call(&server, "POST", "secrets/demo/backup", Value::Null).await;
    call(&server, "DELETE", "secrets/demo", Value::Null).await;
    let restored = restore(&server, blob["secret_blob"].as_str().unwrap()).await;
    assert_eq!(restored.body["secret"]["state"], "ENABLED", "{}", restored.body);
    assert_eq!(restored.body["secret"]["scheduled_delete_time"], Value::Null);
}
