//! The console's files: open to everybody, and under a content policy that allows nothing inline.

use crate::support::Server;
use axum::{
    body::Body,
    http::{Request, StatusCode},
};

#[tokio::test]
async fn the_page_is_served_without_a_signature_under_a_strict_policy() {
    let server = Server::start().await;
    let answer = server.send(Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    for part in ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
}

#[tokio::test]
async fn an_asset_that_does_not_exist_is_not_found_and_not_kept() {
    let server = Server::start().await;
    let answer = server.send(Request::get("/assets/absent.js").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.headers["cache-control"], "no-cache");
}
