//! The console: static files in the binary, or in a directory that the operator names, served at `/` under a strict content
//! policy.
//!
//! Clients that look for IAM at `/` and want JSON are told its versions instead. It has no part in authentication: the files are public, and all data comes through the API.

use std::{path::Path as FilePath, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    routing::get,
};

use crate::{app::App, services::iam};

/// Name, content, and content compressed by gzip.
type Embedded = (&'static str, &'static [u8], &'static [u8]);

/// Empty when the console was not built before the server.
const EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// Scripts, styles and requests of the same origin only; nothing inline; in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>csms</title>\
    <h1>csms is running</h1><p>This build has no console. <code>cargo xtask up</code> builds the server with it.</p></html>";

/// Asks again by itself: `cargo xtask up` builds the console while the server already runs.
const NOT_YET_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\
    <title>csms</title><h1>csms is running</h1><p>The console is not built yet. This page looks for it every 5 seconds.</p></html>";

/// The routes of the console.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(index)).route("/favicon.svg", get(favicon)).route("/assets/{name}", get(asset))
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
        let mut response = respond(StatusCode::MULTIPLE_CHOICES, "", Body::from(iam::versions(&headers).to_string()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return response;
    }
    if let Some(file) = find(&app, "index.html").await {
        return file.response("index.html", &headers);
    }
    let page = if app.console.is_some() { NOT_YET_BUILT } else { NOT_BUILT };
    respond(StatusCode::OK, "index.html", Body::from(page))
}

async fn favicon(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    found_or_not(&app, "favicon.svg", &headers).await
}

async fn asset(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    found_or_not(&app, &format!("assets/{name}"), &headers).await
}

async fn found_or_not(app: &App, name: &str, headers: &HeaderMap) -> Response<Body> {
    match find(app, name).await {
        Some(file) => file.response(name, headers),
        None => respond(StatusCode::NOT_FOUND, "", Body::empty()),
    }
}

/// A file of the console.
struct File {
    plain: Bytes,
    /// By gzip, where it has been compressed.
    compressed: Option<Bytes>,
}

impl File {
    /// The file in the coding that the client takes.
    fn response(self, name: &str, headers: &HeaderMap) -> Response<Body> {
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes_gzip = accepted.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("gzip"));
        let Some(compressed) = self.compressed.filter(|_| takes_gzip) else {
            return respond(StatusCode::OK, name, Body::from(self.plain));
        };
        let mut response = respond(StatusCode::OK, name, Body::from(compressed));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    }
}

/// The file from the operator's directory if there is one, else from the binary.
async fn find(app: &App, name: &str) -> Option<File> {
    match &app.console {
        Some(directory) => read(directory, name).await,
        None => EMBEDDED.iter().find(|file| file.0 == name).map(|(_, plain, compressed)| File {
            plain: Bytes::from_static(plain),
            compressed: Some(Bytes::from_static(compressed)),
        }),
    }
}

/// Reads a file of the directory. No name leads out of it: a segment is letters, digits and `-`, `_`, `.`, and begins with
/// none of the dots.
async fn read(directory: &FilePath, name: &str) -> Option<File> {
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    // The parameter of a route is decoded, so that it may hold separators.
    let segments = name.strip_prefix("assets/").unwrap_or(name);
    if !is_plain(segments) {
        return None;
    }
    let path = directory.join(name);
    let plain = tokio::fs::read(&path).await.ok()?;
    let compressed = tokio::fs::read(path.with_added_extension("gz")).await.ok();
    Some(File { plain: plain.into(), compressed: compressed.map(Bytes::from) })
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
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
