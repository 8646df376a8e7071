//! The API's description: what is served is what the repository holds.
//!
//! After a change on purpose: `CSMS_WRITE_GENERATED=1 cargo test --workspace --test api reference`

use crate::support;
use std::{fs, path::Path};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

const AGAIN: &str = "CSMS_WRITE_GENERATED=1 cargo test --workspace --test api reference";

#[test]
fn the_document_is_the_golden_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/openapi.json");
    let text = serde_json::to_string_pretty(&csms_api::schema::document()).unwrap() + "\n";
    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &text).unwrap();
    }
    let golden = fs::read_to_string(file).unwrap_or_default();
    assert!(golden == text, "crates/api/openapi.json is out of date; write it again: {AGAIN}");
}

#[tokio::test]
async fn the_description_is_open_to_everybody() {
    let server = support::Server::start().await;
    let open = |path: &str| server.send(Request::get(path).body(Body::empty()).unwrap());
    let answer = open("/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, csms_api::schema::document());
    let page = open("/reference").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.as_str().is_some_and(|page| page.starts_with("<!doctype html>")), "{}", page.body);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
}
