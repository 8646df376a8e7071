//! Notifications survive the server: it is killed between a cause and its delivery, and the webhook gets the event after the
//! next start.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::time::Duration;

use csms_client::{Client, CreateEventBody, CreateSecretBody, CreateVersionBody, NotificationTarget};
use csms_conformance::client;
use csms_core::SecretName;
use csms_testbed::{Server, server::Options};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const TOPIC: &str = "urn:smn:local-1:0123456789abcdef0123456789abcdef:audit";

/// Longer than the claim of a server that was killed, with room for a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

/// Reads one whole HTTP request and answers its body, leaving the sender without a reply. `None` when the sender was killed
/// before it was done.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap() {
                return Some(body.to_owned());
            }
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        received.extend_from_slice(&chunk[..read]);
    }
}

/// Waits for a request and does not answer it.
async fn arrival(listener: &TcpListener) -> (TcpStream, Value) {
    let accept = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if let Some(body) = read_request(&mut stream).await {
                return (stream, serde_json::from_str(&body).unwrap());
            }
        }
    };
    timeout(WITHIN, accept).await.unwrap()
}

async fn subscribe(client: &Client) -> SecretName {
    let notification = NotificationTarget { target_type: "SMN", target_id: TOPIC, target_name: "audit" };
    let types = ["SECRET_VERSION_CREATED", "SECRET_DELETED"];
    let event = CreateEventBody { name: "audit", event_types: &types, state: "ENABLED", notification };
    client.create_event(&event).await.unwrap();
    let body = CreateSecretBody {
        name: "demo",
        secret_string: Some("value"),
        event_subscriptions: Some(&["audit"]),
        ..CreateSecretBody::default()
    };
    client.create_secret(&body).await.unwrap();
    SecretName::parse("demo").unwrap()
}

#[tokio::test]
async fn an_event_is_delivered_by_the_next_server_when_one_is_killed_before() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("{TOPIC}=http://{}/hook", listener.local_addr().unwrap());
    let options = Options::default().argument("--webhook").argument(webhook);
    let mut server = Server::start(options).await.unwrap();
    let name = subscribe(&client(&server)).await;
    let version = CreateVersionBody { secret_string: Some("next"), ..CreateVersionBody::default() };
    client(&server).create_version(&name, &version).await.unwrap();

    // The first attempt has begun and gets no answer; the server dies in the middle of it.
    let (unanswered, first) = arrival(&listener).await;
    server.kill().await.unwrap();
    drop(unanswered);
    // A cause whose delivery this server never began.
    server.restart().await.unwrap();
    client(&server).delete_secret(&name).await.unwrap();
    server.kill().await.unwrap();
    server.restart().await.unwrap();

    let mut kinds = std::collections::BTreeSet::new();
    while kinds.len() < 2 {
        let (mut stream, envelope) = arrival(&listener).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        // The server that asked may be the killed one.
        drop(stream.write_all(answer).await);
        let message: Value = serde_json::from_str(envelope["message"].as_str().unwrap()).unwrap();
        if message["eventType"] == "SECRET_VERSION_CREATED" {
            assert_eq!(envelope["message_id"], first["message_id"], "the same notification, told again");
        }
        kinds.insert(message["eventType"].as_str().unwrap().to_owned());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["SECRET_DELETED", "SECRET_VERSION_CREATED"]);
}
