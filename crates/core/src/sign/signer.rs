//! The headers of a signed request with a JSON body, as callers of the cloud's services send them. Sending is the caller's.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{SignedRequest, authorize, format_date, payload_hash};
use crate::time::UnixMillis;

/// With which keys requests are signed, and for which project.
pub struct Signer<'s> {
    /// Access key.
    pub access_key: &'s str,
    /// Its secret key.
    pub secret_key: &'s str,
    /// The token that belongs to temporary keys.
    pub security_token: Option<&'s str>,
    /// Project that the request is about.
    pub project: &'s str,
}

impl Signer<'_> {
    /// The headers of a request without a query: those that are signed, and `authorization`. `host` is what
    /// [`host_header`](super::host_header) answers, `now` the time that the receiver compares with its own.
    #[must_use]
    pub fn json_headers(
        &self,
        method: &str,
        host: String,
        path: &str,
        body: &[u8],
        now: UnixMillis,
    ) -> Vec<(&'static str, String)> {
        let (date, hash) = (format_date(now), payload_hash(body));
        // Sorted by name, as they are signed.
        let mut headers = vec![
            ("content-type", "application/json".to_string()),
            ("host", host),
            ("x-project-id", self.project.to_string()),
            ("x-sdk-date", date.clone()),
        ];
        headers.extend(self.security_token.map(|token| ("x-security-token", token.to_string())));
        let request = SignedRequest { method, path, query: "", date: &date, payload_hash: &hash };
        let signed: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let authorization = authorize(self.access_key, self.secret_key.as_bytes(), &request, &signed);
        headers.push(("authorization", authorization));
        headers
    }
}
