//! Which requests the client retries, tested against a service that fails on purpose. The real service is tested elsewhere.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, http::StatusCode, response::IntoResponse, routing::any};
use csms_client::{Client, ClientError, CreateSecretBody, Credentials};
use csms_core::{ProjectId, SecretName};
use tokio::net::TcpListener;

/// Answers `failures` requests with `status`, then the secret `demo`; counts all requests.
async fn service(status: StatusCode, failures: usize) -> (Client, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let answer = move || {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            if number < failures {
                return (status, r#"{"error_code":"CSMS.9999","error_msg":"on purpose"}"#).into_response();
            }
            r#"{"secret":{"name":"demo"}}"#.into_response()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
    let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
    (Client::new(&endpoint, project, Credentials::key_pair("AK", "SK")).unwrap(), seen)
}

fn demo() -> SecretName {
    SecretName::parse("demo").unwrap()
}

#[tokio::test]
async fn a_read_is_sent_again_after_a_gateway_error() {
    let (client, seen) = service(StatusCode::BAD_GATEWAY, 2).await;
    assert_eq!(client.show_secret(&demo()).await.unwrap().secret.name, "demo");
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_creation_is_not_sent_again_when_it_may_have_happened() {
    let (client, seen) = service(StatusCode::INTERNAL_SERVER_ERROR, 1).await;
    let body = CreateSecretBody { name: "demo", secret_string: Some("x"), ..CreateSecretBody::default() };
    assert_eq!(client.create_secret(&body).await.unwrap_err().status(), Some(500));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_creation_is_sent_again_when_it_was_turned_away() {
    let (client, seen) = service(StatusCode::TOO_MANY_REQUESTS, 1).await;
    let body = CreateSecretBody { name: "demo", secret_string: Some("x"), ..CreateSecretBody::default() };
    client.create_secret(&body).await.unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refusal_is_final_and_keeps_its_code() {
    let (client, seen) = service(StatusCode::FORBIDDEN, 9).await;
    let ClientError::Refused { code, .. } = client.show_secret(&demo()).await.unwrap_err() else {
        panic!("not refused")
    };
    assert_eq!((code.as_str(), seen.load(Ordering::SeqCst)), ("CSMS.9999", 1));
}

#[tokio::test]
async fn an_address_without_a_service_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
    let client = Client::new(&endpoint, project, Credentials::key_pair("AK", "SK")).unwrap();
    let error = client.show_secret(&demo()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }) && error.is_retryable(), "{error}");
}

#[tokio::test]
async fn other_schemes_are_no_endpoint() {
    for endpoint in ["", "localhost", "ftp://localhost", "unix:/x"] {
        let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
        let client = Client::new(endpoint, project, Credentials::key_pair("AK", "SK"));
        assert!(matches!(client, Err(ClientError::Setup(_))), "{endpoint}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", Credentials::key_pair("AK", "hidden-key"), Credentials::token("hidden-token"));
    assert!(!shown.contains("hidden-"), "{shown}");
}
