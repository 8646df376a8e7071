//! The console: static files in the binary, served at `/` under a strict content policy.
//!
//! Has no part in authentication: the files are public, and what they show comes through the API.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    routing::get,
};

use crate::app::App;

/// Name, content, and content compressed by gzip.
type File = (&'static str, &'static [u8], &'static [u8]);

/// Empty when the console was not built before the server.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// Scripts, styles and requests of the same origin only; nothing inline; in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>csms</title>\
    <h1>csms is running</h1><p>This build has no console. <code>cargo xtask up</code> builds the server with it.</p></html>";

/// The routes of the console.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { index(&headers) }))
        .route("/favicon.svg", get(|headers: HeaderMap| async move { file("favicon.svg", &headers) }))
        .route(
            "/assets/{name}",
            get(
                |Path(name): Path<String>, headers: HeaderMap| async move { file(&format!("assets/{name}"), &headers) },
            ),
        )
}

fn index(headers: &HeaderMap) -> Response<Body> {
    if FILES.is_empty() {
        respond(StatusCode::OK, "index.html", Body::from(NOT_BUILT))
    } else {
        file("index.html", headers)
    }
}

fn file(name: &str, headers: &HeaderMap) -> Response<Body> {
    let Some((name, plain, compressed)) = FILES.iter().find(|file| file.0 == name) else {
        return respond(StatusCode::NOT_FOUND, "", Body::empty());
    };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes_gzip = accepted.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("gzip"));
    let mut response = respond(StatusCode::OK, name, Body::from(if takes_gzip { *compressed } else { *plain }));
    if takes_gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn respond(status: StatusCode, name: &str, body: Body) -> Response<Body> {
    let content_type = match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "wasm")) => "application/wasm",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
    // The names of assets hold a hash of their content.
    let keep = if status == StatusCode::OK && name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
