//! Pages of other origins: allowed when the operator names them, and otherwise not.

use crate::support;
use crate::support::{Answer, Server};
use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};

const CONSOLE: &str = "https://console.example.com";

async fn server(directory: &tempfile::TempDir) -> Server {
    let mut settings = support::settings(directory.path());
    settings.allow_origins = vec![CONSOLE.parse().unwrap(), "http://localhost:5173".parse().unwrap()];
    support::open_with(&settings).await.unwrap()
}

/// What a browser asks before it sends a signed request.
async fn preflight(server: &Server, origin: &str) -> Answer {
    let request = Request::builder()
        .method("OPTIONS")
        .uri(server.path("secrets/demo"))
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type,x-project-id,x-sdk-date")
        .body(Body::empty())
        .unwrap();
    server.send(request).await
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered_without_authentication() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    for origin in [CONSOLE, "http://localhost:5173"] {
        let Answer { status, headers, .. } = preflight(&server, origin).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(text(&headers, "access-control-allow-origin"), origin);
        assert!(text(&headers, "access-control-allow-methods").contains("PUT"));
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
        let allowed = text(&headers, "access-control-allow-headers");
        for header in
            ["authorization", "content-type", "x-auth-token", "x-project-id", "x-sdk-date", "x-security-token"]
        {
            assert!(allowed.split(',').any(|name| name == header), "{header}: {allowed}");
        }
    }
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_an_answer_and_its_request_id() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let signed = server.signed(&server.key(), "GET", &server.path("secrets"), b"");
    let answer = server.send(signed.header("origin", CONSOLE).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(text(&answer.headers, "access-control-allow-origin"), CONSOLE);
    assert!(text(&answer.headers, "access-control-expose-headers").contains("x-request-id"));
    assert!(answer.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn a_refusal_may_be_read_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let request = Request::builder().uri(server.path("secrets")).header("origin", CONSOLE).body(Body::empty()).unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(text(&answer.headers, "access-control-allow-origin"), CONSOLE);
}

#[tokio::test]
async fn another_origin_is_not_named_in_any_answer() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    for origin in ["https://evil.example.com", "https://console.example.com.evil.example", "null"] {
        let headers = preflight(&server, origin).await.headers;
        assert!(!headers.contains_key("access-control-allow-origin"), "{origin}");
    }
}

#[tokio::test]
async fn without_the_setting_no_page_is_let_in() {
    let server = Server::start().await;
    let answer = preflight(&server, CONSOLE).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "APIGW.0101"));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}
