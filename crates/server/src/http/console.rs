//! The console: static files served at `/` under a strict content policy, and the notices of its libraries at `/licenses`.
//!
//! Clients that look for IAM at `/` and want JSON are told its versions instead. It has no part in authentication: the files are public, and all data comes through the API.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    routing::get,
};

use super::files::{find, respond};
use crate::{app::App, embedded, services::iam};

/// Scripts, styles and requests of the same origin only; nothing inline; in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>csms</title>\
    <h1>csms is running</h1><p>This build has no console. <code>cargo xtask package</code> builds it for the next build.</p></html>";

/// Asks again by itself: `cargo xtask up` builds the console while the server already runs.
const NOT_YET_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\
    <title>csms</title><h1>csms is running</h1><p>The console is not built yet. This page looks for it every 5 seconds.</p></html>";

const NO_NOTICES: &str =
    "This build has no notices of its libraries. `cargo xtask package` makes them for the next build.\n";

/// The routes of the console.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(index))
        .route("/favicon.svg", get(favicon))
        .route("/assets/{name}", get(asset))
        .route("/licenses", get(licenses))
}

/// Whether the client wants JSON and no page.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = |kind| {
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|text| text.contains(kind))
    };
    accepts("application/json") && !accepts("text/html")
}

async fn index(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    if wants_json(&headers) {
        let body = Body::from(iam::versions(&headers).to_string());
        let mut response = respond(StatusCode::MULTIPLE_CHOICES, "", POLICY, body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return response;
    }
    let page = if app.console.is_some() { NOT_YET_BUILT } else { NOT_BUILT };
    found_or(&app, "index.html", &headers, (StatusCode::OK, page)).await
}

async fn favicon(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    found_or(&app, "favicon.svg", &headers, (StatusCode::NOT_FOUND, "")).await
}

async fn asset(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    found_or(&app, &format!("assets/{name}"), &headers, (StatusCode::NOT_FOUND, "")).await
}

async fn licenses(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    found_or(&app, embedded::NOTICES, &headers, (StatusCode::NOT_FOUND, NO_NOTICES)).await
}

async fn found_or(
    app: &App,
    name: &str,
    headers: &HeaderMap,
    (status, text): (StatusCode, &'static str),
) -> Response<Body> {
    match find(app, name).await {
        Some(file) => file.response(name, POLICY, headers),
        None => respond(status, name, POLICY, Body::from(text)),
    }
}
