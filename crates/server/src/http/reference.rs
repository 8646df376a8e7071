//! The API's description, open to everybody: `/openapi.json` for machines and `/reference` for people.
//!
//! It needs no authentication: it is the same for every installation and stands in the repository.

use std::sync::LazyLock;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, Response, StatusCode, header},
    routing::get,
};
use csms_api::schema;

use crate::gate::answer::json_response;

/// Nothing but the page's own styles.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

/// The description is public, but belongs to the running version.
const KEEP: HeaderValue = HeaderValue::from_static("no-cache");

/// Made when first asked for, not at the start.
static DOCUMENT: LazyLock<(Bytes, Bytes)> = LazyLock::new(|| {
    let document = schema::document();
    (Bytes::from(document.to_string()), Bytes::from(schema::page(&document)))
});

/// The routes.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/openapi.json", get(openapi)).route("/reference", get(page))
}

async fn openapi() -> Response<Body> {
    let mut response = json_response(StatusCode::OK, DOCUMENT.0.clone());
    response.headers_mut().insert(header::CACHE_CONTROL, KEEP);
    response
}

async fn page() -> Response<Body> {
    let mut response = Response::new(Body::from(DOCUMENT.1.clone()));
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response.headers_mut().insert(header::CACHE_CONTROL, KEEP);
    response
}
