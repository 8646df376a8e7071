//! Request signatures: made by `SDK-HMAC-SHA256`, and checked by that and the other schemes with a secret key that the official
//! SDKs have (`compatibility/authentication.md#2-sdk-hmac-sha256-verification-steps`).
//!
//! Knows the text that is signed and nothing of HTTP libraries, keys' owners or clocks: looking up the secret key and
//! judging the age of a request is the caller's part, with [`parse_date`] and [`MAX_SKEW_MILLIS`].

use alloc::{
    borrow::Cow,
    collections::BinaryHeap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use sm3::Sm3;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::time::UnixMillis;

/// The name of the scheme that requests are signed by, as it stands in the `Authorization` header and in the string to sign.
pub const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The names of the schemes that are checked.
pub const SCHEMES: [&str; 3] = [ALGORITHM, "SDK-HMAC-SM3", "V11-HMAC-SHA256"];

/// Name of the header that carries the signing time; it must be signed.
pub const DATE_HEADER: &str = "x-sdk-date";

/// Names of the headers that may carry the hash of the body.
pub const CONTENT_HASH_HEADERS: [&str; 2] = ["x-sdk-content-sha256", "x-sdk-content-sm3"];

/// What such a header holds where the sender has not hashed the body.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// How far the signing time may be from the server's time: 15 minutes, in milliseconds.
pub const MAX_SKEW_MILLIS: u64 = 15 * 60 * 1000;

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// `SDK-HMAC-SHA256`: SHA-256 throughout, by the secret key.
    Sha256,
    /// `SDK-HMAC-SHA256` with `Credential`, as the seal of Vault and older Go clients have it: SHA-256 throughout, by a key derived
    /// for one day, region and service.
    Scoped {
        /// `<yyyymmdd>/<region>/<service>/sdk_request`; region and service may be empty.
        scope: &'a str,
    },
    /// `SDK-HMAC-SM3`: as the first with SM3.
    Sm3,
    /// `V11-HMAC-SHA256`: SHA-256, by a key derived for one day, region and service.
    Derived {
        /// `<yyyymmdd>/<region>/<service>`.
        scope: &'a str,
    },
}

impl Scheme<'_> {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 | Self::Scoped { .. } => ALGORITHM,
            Self::Sm3 => "SDK-HMAC-SM3",
            Self::Derived { .. } => "V11-HMAC-SHA256",
        }
    }

    /// Lower-case hexadecimal hash of a body, as the scheme hashes it.
    #[must_use]
    pub fn payload_hash(self, body: &[u8]) -> String {
        match self {
            Self::Sha256 | Self::Scoped { .. } | Self::Derived { .. } => payload_hash(body),
            Self::Sm3 => lower_hex(Sm3::digest(body).into()),
        }
    }
}

/// The parts of an `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Scheme.
    pub scheme: Scheme<'a>,
    /// Access key (AK).
    pub access_key: &'a str,
    /// Names of the signed headers, in the order in which they stand.
    pub signed_headers: Vec<&'a str>,
    /// The signature, in hexadecimal as sent.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`, the same with `Credential=<key>/<scope>`, or that
    /// of another scheme of [`SCHEMES`]; `None` when it has another form.
    #[must_use]
    pub fn parse(header: &'a str) -> Option<Self> {
        let (scheme, parameters) = header.split_once(' ')?;
        let (scheme, key) = match scheme {
            ALGORITHM if parameters.trim_start().starts_with("Credential=") => {
                (Scheme::Scoped { scope: "" }, "Credential")
            }
            ALGORITHM => (Scheme::Sha256, "Access"),
            "SDK-HMAC-SM3" => (Scheme::Sm3, "Access"),
            "V11-HMAC-SHA256" => (Scheme::Derived { scope: "" }, "Credential"),
            _ => return None,
        };
        let (mut access_key, mut signed_headers, mut signature) = (None, None, None);
        for parameter in parameters.split(',') {
            let (name, value) = parameter.trim().split_once('=')?;
            let slot = match name {
                name if name == key => &mut access_key,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return None,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        let signed_headers: Vec<_> = signed_headers?.split(';').collect();
        let dated = signed_headers.contains(&DATE_HEADER);
        let (scheme, access_key) = match scheme {
            Scheme::Derived { .. } => {
                let (access_key, scope) = access_key?.split_once('/')?;
                (Scheme::Derived { scope }, access_key)
            }
            Scheme::Scoped { .. } => {
                let (access_key, scope) = access_key?.split_once('/')?;
                (Scheme::Scoped { scope }, access_key)
            }
            scheme => (scheme, access_key?),
        };
        dated.then_some(Self { scheme, access_key, signed_headers, signature: signature? })
    }
}

/// A request as the signature sees it.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// Method, in upper case.
    pub method: &'a str,
    /// Path as sent, percent-encoded.
    pub path: &'a str,
    /// Query as sent, without the question mark; empty if there is none.
    pub query: &'a str,
    /// Value of `X-Sdk-Date`.
    pub date: &'a str,
    /// What stands for the body: its lower-case hexadecimal hash.
    pub payload_hash: &'a str,
}

/// Lower-case hexadecimal SHA-256 of a body.
#[must_use]
pub fn payload_hash(body: &[u8]) -> String {
    lower_hex(Sha256::digest(body).into())
}

/// A digest in lower-case hexadecimal.
fn lower_hex(digest: [u8; 32]) -> String {
    let mut digits = [0; 64];
    // The buffer has twice the digest's length, so this cannot fail.
    let _ = hex::encode_to_slice(digest, &mut digits);
    String::from(core::str::from_utf8(&digits).unwrap_or_default())
}

/// The canonical request, hashed. `headers` gives the value of each signed header, outer spaces included or not.
fn canonical_hash<'h, H: Digest>(
    request: &SignedRequest<'_>,
    signed_headers: &[&str],
    mut header: impl FnMut(&str) -> Option<&'h [u8]>,
) -> Option<String> {
    let mut hash = H::new();
    hash.update(request.method.as_bytes());
    hash.update(b"\n");
    hash.update(canonical_path(request.path).as_bytes());
    hash.update(b"\n");
    hash.update(canonical_query(request.query).as_bytes());
    hash.update(b"\n");
    for name in signed_headers {
        hash.update(name.as_bytes());
        hash.update(b":");
        hash.update(header(name)?.trim_ascii());
        hash.update(b"\n");
    }
    for (index, name) in signed_headers.iter().enumerate() {
        hash.update(if index == 0 { b"\n".as_slice() } else { b";" });
        hash.update(name.as_bytes());
    }
    hash.update(b"\n");
    hash.update(request.payload_hash.as_bytes());
    let mut digest = [0; 32];
    // Both hashes have 32 bytes.
    for (place, byte) in digest.iter_mut().zip(hash.finalize()) {
        *place = byte;
    }
    Some(lower_hex(digest))
}

/// The HMAC of the parts by a key. Every key and hash that is used here makes one; an empty tag would match nothing.
fn mac<M: KeyInit + Mac>(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut tag = [0; 32];
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return tag };
    for part in parts {
        mac.update(part);
    }
    for (place, byte) in tag.iter_mut().zip(mac.finalize().into_bytes()) {
        *place = byte;
    }
    tag
}

fn signature(secret_key: &[u8], date: &str, canonical_hash: &str) -> [u8; 32] {
    let parts = [ALGORITHM.as_bytes(), b"\n", date.as_bytes(), b"\n", canonical_hash.as_bytes()];
    mac::<Hmac<Sha256>>(secret_key, &parts)
}

/// The signature by a key that is derived from the secret key for a scope: HKDF-SHA-256 (RFC 5869) with the access key as salt
/// and the scope as info, of which the scheme takes the hexadecimal digits.
fn derived_signature(authorization: &Authorization<'_>, secret_key: &[u8], scope: &str, text: &[&[u8]]) -> [u8; 32] {
    let extracted = Zeroizing::new(mac::<Hmac<Sha256>>(authorization.access_key.as_bytes(), &[secret_key]));
    // One block of output, 32 bytes, is the whole key.
    let derived = Zeroizing::new(mac::<Hmac<Sha256>>(extracted.as_slice(), &[scope.as_bytes(), &[1]]));
    let key = Zeroizing::new(lower_hex(*derived));
    mac::<Hmac<Sha256>>(key.as_bytes(), text)
}

/// The last part of the scope of [`Scheme::Scoped`].
const SCOPE_END: &str = "sdk_request";

/// The signature by a key that is derived from the secret key, part by part of the scope.
fn scoped_signature(secret_key: &[u8], scope: &str, text: &[&[u8]]) -> [u8; 32] {
    let begin = Zeroizing::new([b"SDK".as_slice(), secret_key].concat());
    let mut parts = scope.split('/');
    let day = parts.next().unwrap_or_default();
    let mut key = Zeroizing::new(mac::<Hmac<Sha256>>(&begin, &[day.as_bytes()]));
    for part in parts {
        key = Zeroizing::new(mac::<Hmac<Sha256>>(key.as_slice(), &[part.as_bytes()]));
    }
    mac::<Hmac<Sha256>>(key.as_slice(), text)
}

/// Whether a scope is `<yyyymmdd>/<region>/<service>/sdk_request` of the day on which the request was signed.
fn narrow_scope_fits(scope: &str, date: &str) -> bool {
    let parts: Vec<_> = scope.split('/').collect();
    matches!(parts.as_slice(), [day, _, _, SCOPE_END] if day.len() == 8 && date.get(..8) == Some(*day))
}

/// Whether a scope is `<yyyymmdd>/<region>/<service>` of the day on which the request was signed.
fn scope_fits(scope: &str, date: &str) -> bool {
    let mut parts = scope.split('/');
    let day = parts.next().unwrap_or_default();
    let (region, service) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_whole = !region.is_empty() && !service.is_empty() && parts.next().is_none();
    is_whole && day.len() == 8 && date.get(..8) == Some(day)
}

/// Whether `authorization` is this request's signature under `secret_key`, compared in constant time. `header` gives
/// the received value of a header; a signed header that was not received makes the signature wrong.
pub fn verify<'h>(
    authorization: &Authorization<'_>,
    secret_key: &[u8],
    request: &SignedRequest<'_>,
    header: impl FnMut(&str) -> Option<&'h [u8]>,
) -> bool {
    let names = &authorization.signed_headers;
    let hash = match authorization.scheme {
        Scheme::Sha256 | Scheme::Scoped { .. } | Scheme::Derived { .. } => {
            canonical_hash::<Sha256>(request, names, header)
        }
        Scheme::Sm3 => canonical_hash::<Sm3>(request, names, header),
    };
    let Some(hash) = hash else { return false };
    let (name, date, hash) = (authorization.scheme.name().as_bytes(), request.date.as_bytes(), hash.as_bytes());
    let tag = match authorization.scheme {
        Scheme::Sha256 => mac::<Hmac<Sha256>>(secret_key, &[name, b"\n", date, b"\n", hash]),
        Scheme::Sm3 => mac::<Hmac<Sm3>>(secret_key, &[name, b"\n", date, b"\n", hash]),
        Scheme::Derived { scope } if scope_fits(scope, request.date) => {
            let text = [name, b"\n", date, b"\n", scope.as_bytes(), b"\n", hash];
            derived_signature(authorization, secret_key, scope, &text)
        }
        Scheme::Scoped { scope } if narrow_scope_fits(scope, request.date) => {
            scoped_signature(secret_key, scope, &[name, b"\n", date, b"\n", scope.as_bytes(), b"\n", hash])
        }
        Scheme::Derived { .. } | Scheme::Scoped { .. } => return false,
    };
    let expected = lower_hex(tag);
    expected.as_bytes().ct_eq(authorization.signature.as_bytes()).into()
}

/// Makes the `Authorization` header of a request. `headers` are the lower-case names and values to sign, sorted by
/// name, `host` and `x-sdk-date` among them.
#[must_use]
pub fn authorize(access_key: &str, secret_key: &[u8], request: &SignedRequest<'_>, headers: &[(&str, &str)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let value = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    // Every name comes from `headers`, so each has its value.
    let hash = canonical_hash::<Sha256>(request, &names, value).unwrap_or_default();
    let signature = lower_hex(signature(secret_key, request.date, &hash));
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={}, Signature={signature}", names.join(";"))
}

/// Percent-encodes all but letters, digits and `-_.~`, onto `out`.
fn encode_onto(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(*byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0')));
            }
        }
    }
}

/// Percent-encodes one path segment or query part as the signature scheme does.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_onto(&mut out, text.as_bytes());
    out
}

/// Percent-decodes; a `%` without two digits stands for itself.
fn decode(text: &str, plus_is_space: bool) -> Cow<'_, [u8]> {
    let verbatim = |c| c != '%' && !(plus_is_space && c == '+');
    if text.chars().all(verbatim) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (*byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                out.push(digit(high).unwrap_or(0) << 4 | digit(low).unwrap_or(0));
                rest = after;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            (byte, _) => out.push(byte),
        }
    }
    Cow::Owned(out)
}

/// The canonical URI: decoded, each segment encoded again, with a slash at the end.
fn canonical_path(path: &str) -> String {
    let decoded = decode(path, false);
    let mut out = String::with_capacity(path.len().saturating_add(1));
    for (index, segment) in decoded.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        encode_onto(&mut out, segment);
    }
    if !out.ends_with('/') {
        out.push('/');
    }
    out
}

/// The canonical query: decoded pairs sorted by name and value, encoded again.
fn canonical_query(query: &str) -> String {
    // A heap sorts in a fraction of the code, which the npm package carries.
    let pairs: BinaryHeap<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        })
        .collect();
    let mut out = String::with_capacity(query.len());
    for (index, (name, value)) in pairs.into_sorted_vec().iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        encode_onto(&mut out, name);
        out.push('=');
        encode_onto(&mut out, value);
    }
    out
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, for years 1970 to 9999.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    // The year is counted from March, so that the leap day is its last day.
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let month_from_march = if month > 2 { month.saturating_sub(3) } else { month.saturating_add(9) };
    let era = year.wrapping_div(400);
    let year_of_era = year.wrapping_rem(400);
    let day_of_year =
        month_from_march.saturating_mul(153).saturating_add(2).wrapping_div(5).saturating_add(day).saturating_sub(1);
    let leap_days = year_of_era.wrapping_div(4).saturating_sub(year_of_era.wrapping_div(100));
    let day_of_era = year_of_era.saturating_mul(365).saturating_add(leap_days).saturating_add(day_of_year);
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let era = days.wrapping_div(146_097);
    let day_of_era = days.wrapping_rem(146_097);
    let year_of_era = day_of_era
        .saturating_sub(day_of_era.wrapping_div(1460))
        .saturating_add(day_of_era.wrapping_div(36_524))
        .saturating_sub(day_of_era.wrapping_div(146_096))
        .wrapping_div(365);
    let before = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.wrapping_div(4))
        .saturating_sub(year_of_era.wrapping_div(100));
    let day_of_year = day_of_era.saturating_sub(before);
    let month_from_march = day_of_year.saturating_mul(5).saturating_add(2).wrapping_div(153);
    let day = day_of_year
        .saturating_sub(month_from_march.saturating_mul(153).saturating_add(2).wrapping_div(5))
        .saturating_add(1);
    let month =
        if month_from_march < 10 { month_from_march.saturating_add(3) } else { month_from_march.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(u64::from(month <= 2));
    (year, month, day)
}

/// Reads `YYYYMMDDTHHMMSSZ`, UTC; `None` for anything else, dates that do not exist included.
#[must_use]
pub fn parse_date(text: &str) -> Option<UnixMillis> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes.get(8) != Some(&b'T') || bytes.get(15) != Some(&b'Z') {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // A date that does not exist, such as 30 February or month 13, comes back as another one.
    if !(1..=12).contains(&month) || civil_from_days(days) != (year, month, day) {
        return None;
    }
    let seconds = days
        .saturating_mul(86_400)
        .saturating_add(hour.saturating_mul(3600))
        .saturating_add(minute.saturating_mul(60))
        .saturating_add(second);
    Some(UnixMillis::new(seconds.saturating_mul(1000)))
}

/// Writes `YYYYMMDDTHHMMSSZ`, UTC, without the milliseconds.
#[must_use]
pub fn format_date(time: UnixMillis) -> String {
    let (year, month, day, hour, minute, second) = civil(time);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month, day, hour, minute and second in UTC.
fn civil(time: UnixMillis) -> (u64, u64, u64, u64, u64, u64) {
    let seconds = time.as_millis().wrapping_div(1000);
    let (year, month, day) = civil_from_days(seconds.wrapping_div(86_400));
    let of_day = seconds.wrapping_rem(86_400);
    let (hour, minute, second) =
        (of_day.wrapping_div(3600), of_day.wrapping_rem(3600).wrapping_div(60), of_day.wrapping_rem(60));
    (year, month, day, hour, minute, second)
}

impl UnixMillis {
    /// The time in RFC 3339, in UTC with milliseconds: `2023-04-14T20:25:10.126Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let (year, month, day, hour, minute, second) = civil(self);
        let millis = self.as_millis().wrapping_rem(1000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// The host header value a client signs and sends: host, and the port unless it is the scheme's own.
#[must_use]
pub fn host_header(scheme: &str, host: &str, port: Option<u16>) -> String {
    match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => host.to_string(),
        (_, Some(port)) => format!("{host}:{port}"),
    }
}

mod signer;

pub use signer::Signer;

#[cfg(test)]
mod tests;
