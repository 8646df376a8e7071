//! How requests are proven: behind a proxy's path, by credentials of a provider, and by a backend's session. The other end is a
//! stub that writes down what it gets.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, request::Parts},
    response::IntoResponse,
    routing::any,
};
use csms_client::{Client, Credentials, Provided, Provider};
use csms_core::{
    ProjectId, SecretName,
    sign::{Authorization, SignedRequest, payload_hash, verify},
};
use tokio::net::TcpListener;

/// The heads of the requests so far.
type Seen = Arc<Mutex<Vec<Parts>>>;

/// Returns the secret `demo` unless the request carries the token `ended`.
async fn service(path: &str, credentials: Credentials) -> (Client, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let answer = move |request: Request| {
        let (head, _) = request.into_parts();
        let is_over = head.headers.get("x-auth-token").is_some_and(|token| token == "ended");
        noted.lock().unwrap().push(head);
        async move {
            if is_over {
                let body = r#"{"error_code":"APIGW.0301","error_msg":"decrypt token fail"}"#;
                return (StatusCode::UNAUTHORIZED, body).into_response();
            }
            r#"{"secret":{"name":"demo"}}"#.into_response()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
    let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
    (Client::new(&endpoint, project, credentials).unwrap(), seen)
}

fn demo() -> SecretName {
    SecretName::parse("demo").unwrap()
}

/// Returns `first`, then tokens that hold.
struct Tokens {
    first: &'static str,
    asked: Arc<AtomicUsize>,
}

impl Provider for Tokens {
    fn provide(&self) -> Provided<'_> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let token = if number == 0 { self.first.to_owned() } else { format!("token {number}") };
        Box::pin(async move { Ok(Credentials::token(token)) })
    }
}

#[tokio::test]
async fn the_path_of_a_proxy_is_kept_and_not_signed() {
    let (client, seen) = service("/api/csms/", Credentials::key_pair("AK", "SK")).await;
    client.show_secret(&demo()).await.unwrap();
    let head = seen.lock().unwrap().remove(0);
    let path = "/v1/0123456789abcdef0123456789abcdef/secrets/demo";
    assert_eq!(head.uri.path(), format!("/api/csms{path}"));
    let value = |name: &str| head.headers.get(name).map(axum::http::HeaderValue::as_bytes);
    let text = |name: &str| head.headers[name].to_str().unwrap();
    let authorization = Authorization::parse(text("authorization")).unwrap();
    let hash = payload_hash(b"");
    let request = SignedRequest { method: "GET", path, query: "", date: text("x-sdk-date"), payload_hash: &hash };
    assert!(verify(&authorization, b"SK", &request, value));
}

#[tokio::test]
async fn a_provider_is_asked_once_and_again_after_a_refusal() {
    let asked = Arc::new(AtomicUsize::new(0));
    let tokens = Tokens { first: "ended", asked: Arc::clone(&asked) };
    let (client, seen) = service("", Credentials::provider(tokens)).await;
    for _ in 0..3 {
        client.show_secret(&demo()).await.unwrap();
    }
    client.rotate_secret(&demo()).await.unwrap_err();
    let sent: Vec<_> = seen.lock().unwrap().iter().map(|head| head.headers["x-auth-token"].clone()).collect();
    assert_eq!(sent, ["ended", "token 1", "token 1", "token 1", "token 1"]);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_session_sends_its_cookie_and_no_key() {
    let (client, seen) = service("/api/csms", Credentials::session("id=1")).await;
    client.show_secret(&demo()).await.unwrap();
    let head = seen.lock().unwrap().remove(0);
    assert_eq!(head.headers["cookie"], "id=1");
    assert!(["authorization", "x-auth-token", "x-sdk-date"].iter().all(|name| !head.headers.contains_key(*name)));
}
