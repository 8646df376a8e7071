//! Pages of other origins: which may call the server from a browser (CORS), off unless the operator names them.
//!
//! A browser sends an unsigned preflight request before a signed one; it is handled here, before authentication. The signed request
//! is judged like any other.

use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::request::{REQUEST_ID, hosts::CorsOrigin};

/// How long a browser may remember the answer. Chromium keeps none longer than two hours.
const REMEMBERED: Duration = Duration::from_secs(7200);

/// Headers of the API that a page may send besides those that need no permission.
const SENT: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("x-auth-token"),
    HeaderName::from_static("x-project-id"),
    HeaderName::from_static("x-sdk-content-sha256"),
    HeaderName::from_static("x-sdk-date"),
    HeaderName::from_static("x-security-token"),
];

/// Headers of answers that a page may read: the request's identifier, and the token of a login.
const READ: [HeaderName; 2] = [REQUEST_ID, HeaderName::from_static("x-subject-token")];

/// Answers preflight requests, and marks answers as readable for pages of these origins.
pub fn layer(origins: &[CorsOrigin]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().map(CorsOrigin::to_header)))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(SENT)
        .expose_headers(READ)
        .max_age(REMEMBERED)
}
