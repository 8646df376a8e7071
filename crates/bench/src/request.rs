//! Requests as bytes, signed once: a signature holds for 15 minutes, so sending it again costs the client nothing and the
//! server its full check.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use csms_core::{
    UnixMillis,
    sign::{SignedRequest, authorize, format_date, payload_hash},
};
use csms_testbed::server::Credentials;

/// A GET without a signature.
pub(crate) fn plain(host: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes()
}

/// A signed request with a JSON body; an empty one is left out.
pub(crate) fn signed(credentials: &Credentials, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let date = format_date(UnixMillis::new(now));
    let host = credentials.endpoint.trim_start_matches("http://");
    let hash = payload_hash(body.as_bytes());
    let request = SignedRequest { method, path, query: "", date: &date, payload_hash: &hash };
    let headers = [("content-type", "application/json"), ("host", host), ("x-sdk-date", &date)];
    let authorization = authorize(&credentials.access_key, credentials.secret_key.as_bytes(), &request, &headers);
    let length = body.len();
    Ok(format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nx-sdk-date: {date}\r\n\
         authorization: {authorization}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes())
}
