//! What is shown of a secret among its copies, and when it was last used.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

mod support;

use serde_json::{Value, json};
use support::Server;

async fn shown(server: &Server, name: &str) -> Value {
    server.call("GET", &server.path(&format!("secrets/{name}")), Value::Null).await.body["secret"].clone()
}

async fn create(server: &Server, name: &str) {
    let created = server.call("POST", &server.path("secrets"), json!({ "name": name, "secret_string": "1" })).await;
    assert_eq!(created.status, 200, "{:?}", created.body);
}

#[tokio::test]
async fn a_secret_without_copies_stands_alone_in_its_account() {
    let server = Server::start().await;
    create(&server, "db").await;
    let secret = shown(&server, "db").await;
    assert_eq!(secret["replica_type"], "STANDALONE");
    assert_eq!(secret["domain_id"], server.credentials.domain_id.as_str());
    assert_eq!((secret.get("replicas"), secret.get("last_used_time")), (None, None));
}

#[tokio::test]
async fn the_last_read_of_a_value_is_known_to_within_a_minute() {
    let server = Server::start().await;
    create(&server, "db").await;
    let read = async || {
        let answer = server.call("GET", &server.path("secrets/db/versions/latest"), Value::Null).await;
        assert_eq!(answer.status, 200);
        server.app.trail.flush().await.unwrap();
        shown(&server, "db").await["last_used_time"].as_u64().unwrap()
    };
    let before = server.clock.now().as_millis();
    let first = read().await;
    assert!((before..=server.clock.now().as_millis()).contains(&first));
    assert_eq!(read().await, first);
    server.clock.advance(60_000);
    assert!(read().await >= first + 60_000);
    let metadata = server.call("GET", &server.path("secrets"), Value::Null).await;
    assert!(metadata.body["secrets"][0]["last_used_time"].as_u64() >= Some(first + 60_000));
}

#[tokio::test]
async fn what_did_not_answer_a_value_is_no_use() {
    let server = Server::start().await;
    create(&server, "db").await;
    assert_eq!(server.call("GET", &server.path("secrets/db/versions/v9"), Value::Null).await.status, 404);
    assert_eq!(server.call("GET", &server.path("secrets/db/versions"), Value::Null).await.status, 200);
    server.app.trail.flush().await.unwrap();
    assert_eq!(shown(&server, "db").await.get("last_used_time"), None);
}
