//! Request signatures of the scheme `SDK-HMAC-SHA256`.

use alloc::{string::String, vec::Vec};

use csms_core::{
    UnixMillis,
    sign::{self, SignedRequest},
};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// The `Authorization` header of a request. `headers` are the lower-case names and the values to sign, sorted by name,
/// as lines `name`, `value`, `name`, …; header values hold no line breaks. The secret key is wiped afterwards.
#[allow(clippy::too_many_arguments, reason = "flat arguments cross the boundary cheapest")]
#[must_use]
#[wasm_bindgen]
pub fn sign_request(
    access_key: &str,
    secret_key: Vec<u8>,
    method: &str,
    path: &str,
    query: &str,
    date: &str,
    headers: &str,
    body: &[u8],
) -> String {
    let secret_key = Zeroizing::new(secret_key);
    let mut lines = headers.split('\n');
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        pairs.push((name, value));
    }
    let payload_hash = sign::payload_hash(body);
    let request = SignedRequest { method, path, query, date, payload_hash: &payload_hash };
    sign::authorize(access_key, &secret_key, &request, &pairs)
}

/// A time in the form of `X-Sdk-Date`; what is no time becomes the nearest one.
#[must_use]
#[wasm_bindgen]
pub fn format_date(millis: f64) -> String {
    // `as` saturates, and turns what is not a number into 0.
    sign::format_date(UnixMillis::new(millis as u64))
}
