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
    json_response(StatusCode::OK, DOCUMENT.0.to_vec())
}

async fn page() -> Response<Body> {
    let mut response = Response::new(Body::from(DOCUMENT.1.clone()));
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
