//! Files that are open to everybody, from the program or from a directory that the operator names, with the headers that keep a
//! browser from doing more with them.
//!
//! Which paths there are is decided in [`super::console`] and [`super::book`].

use std::path::Path;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};

use crate::{app::App, embedded};

/// A file to serve.
pub struct File {
    plain: Bytes,
    /// By gzip, where it has been compressed.
    compressed: Option<Bytes>,
}

impl File {
    /// The file in the coding that the client takes.
    pub fn response(self, name: &str, policy: HeaderValue, headers: &HeaderMap) -> Response<Body> {
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes_gzip = accepted.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("gzip"));
        let Some(compressed) = self.compressed.filter(|_| takes_gzip) else {
            return respond(StatusCode::OK, name, policy, Body::from(self.plain));
        };
        let mut response = respond(StatusCode::OK, name, policy, Body::from(compressed));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    }
}

/// The file from the operator's directory if there is one, else from the program.
///
/// No name leads out of the directory: a segment is letters, digits and `-`, `_`, `.`, and begins with none of the dots.
pub async fn find(app: &App, name: &str) -> Option<File> {
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    // The parameter of a route is decoded, so that it may hold anything.
    if !name.split('/').all(is_plain) {
        return None;
    }
    match &app.console {
        Some(directory) => read(&directory.join(name)).await,
        None => embedded::file(name).map(|file| File {
            plain: Bytes::from_static(file.plain),
            compressed: Some(Bytes::from_static(file.compressed)),
        }),
    }
}

async fn read(path: &Path) -> Option<File> {
    let plain = tokio::fs::read(path).await.ok()?;
    let compressed = tokio::fs::read(path.with_added_extension("gz")).await.ok();
    Some(File { plain: plain.into(), compressed: compressed.map(Bytes::from) })
}

/// A response whose type follows from the end of `name`.
pub fn respond(status: StatusCode, name: &str, policy: HeaderValue, body: Body) -> Response<Body> {
    let content_type = match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "wasm")) => "application/wasm",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "png")) => "image/png",
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
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
