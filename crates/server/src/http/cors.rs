//! Pages of other origins: which may call the server from a browser (CORS), off unless the operator names them.
//!
//! A browser asks before it sends a signed request, in a request that has no signature; it is answered here, before
//! authentication. Who calls and what they may do is decided as for any other caller.

use std::{fmt, str::FromStr, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::gate::pipeline::REQUEST_ID;

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

/// The origin of a page, as browsers write it: scheme, host and port, and nothing after them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(HeaderValue);

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOrigin;

impl fmt::Display for NoOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be of the form https://HOST or http://HOST:PORT, in lower case and without a path")
    }
}

impl std::error::Error for NoOrigin {}

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(NoOrigin)?;
        // A name, an address in brackets, a port: what a browser would not write would never match.
        let is_plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
        };
        if host.is_empty() || !host.bytes().all(is_plain) {
            return Err(NoOrigin);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| NoOrigin)
    }
}

impl TryFrom<String> for Origin {
    type Error = NoOrigin;

    fn try_from(text: String) -> Result<Self, NoOrigin> {
        text.parse()
    }
}

/// Answers preflight requests, and marks answers as readable for pages of these origins.
pub fn layer(origins: &[Origin]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().map(|origin| origin.0.clone())))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(SENT)
        .expose_headers(READ)
        .max_age(REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_a_host_and_perhaps_a_port() {
        for text in
            ["https://console.example.com", "http://localhost:5173", "http://127.0.0.1:8080", "https://[::1]:443"]
        {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in
            ["", "*", "null", "console.example.com", "https://", "https://a/", "https://a/b", "ftp://a", "https://A"]
        {
            assert_eq!(text.parse::<Origin>(), Err(NoOrigin), "{text}");
        }
    }
}
