//! Calls from the server to other services: TLS, and requests signed as the cloud's services want them.
//!
//! Timeouts and the meaning of answers are the callers'.

use csms_core::{
    UnixMillis,
    sign::{Signer, host_header},
};
use reqwest::{Client, RequestBuilder, Url};

use crate::failure::Failure;

/// TLS that trusts the system's authorities and those in `pem`.
///
/// # Errors
/// Certificates that cannot be used.
pub(crate) fn tls(pem: Option<&str>) -> Result<rustls::ClientConfig, Failure> {
    csms_tls::client_config(pem).map_err(Failure::internal)
}

/// A signed POST of JSON.
pub(crate) fn signed_post(
    http: &Client,
    url: Url,
    signer: &Signer<'_>,
    body: Vec<u8>,
    now: UnixMillis,
) -> RequestBuilder {
    let host = host_header(url.scheme(), url.host_str().unwrap_or_default(), url.port());
    let headers = signer.json_headers("POST", host, url.path(), &body, now);
    headers.into_iter().fold(http.post(url).body(body), |call, (name, value)| call.header(name, value))
}
