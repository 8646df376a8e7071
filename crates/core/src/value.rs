//! The value of a secret version: text or bytes, at most 32,768 or 65,536 bytes as sent.
//!
//! Wiped from memory when dropped, compared in constant time, and never printed: `Debug` shows a fixed word.

use alloc::{string::String, vec::Vec};
use core::fmt;

use base64ct::{Base64, Encoding};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::problem::{Rule, Violation, length};

/// Greatest length of `secret_string` or of the base64 text in `secret_binary`. Of a binary value the text counts, so that it has
/// at most three quarters as many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueLimit {
    /// 32,768 bytes (CreateSecretVersion).
    #[default]
    Reference,
    /// 65,536 bytes (the user guide's 64 KB).
    Guide,
}

impl ValueLimit {
    /// The limit of so many bytes, if it is one.
    #[must_use]
    pub const fn new(bytes: u64) -> Option<Self> {
        match bytes {
            32_768 => Some(Self::Reference),
            65_536 => Some(Self::Guide),
            _ => None,
        }
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Reference => 32_768,
            Self::Guide => 65_536,
        }
    }

    const fn check(self, bytes: usize) -> Result<(), Violation> {
        let expected = match self {
            Self::Reference => "32768 bytes long",
            Self::Guide => "65536 bytes long",
        };
        length(bytes, 0, self.bytes(), "0 bytes long", expected)
    }
}

/// The value of one version.
#[derive(Clone)]
pub enum SecretValue {
    /// `secret_string`.
    Text(String),
    /// `secret_binary`: the decoded bytes.
    Binary(Vec<u8>),
}

impl SecretValue {
    /// A value from `secret_string` within the default limit. The official definition allows the empty text.
    ///
    /// # Errors
    /// [`Rule::TooLong`].
    pub fn text(text: String) -> Result<Self, Violation> {
        Self::text_within(text, ValueLimit::default())
    }

    /// The same within another limit.
    ///
    /// # Errors
    /// [`Rule::TooLong`].
    pub fn text_within(text: String, limit: ValueLimit) -> Result<Self, Violation> {
        limit.check(text.len())?;
        Ok(Self::Text(text))
    }

    /// A value from the base64 text of `secret_binary` within the default limit; the empty text stands for no bytes.
    ///
    /// # Errors
    /// [`Rule::TooLong`] or [`Rule::Base64`].
    pub fn from_base64(text: &str) -> Result<Self, Violation> {
        Self::from_base64_within(text, ValueLimit::default())
    }

    /// The same within another limit.
    ///
    /// # Errors
    /// [`Rule::TooLong`] or [`Rule::Base64`].
    pub fn from_base64_within(text: &str, limit: ValueLimit) -> Result<Self, Violation> {
        limit.check(text.len())?;
        Base64::decode_vec(text).map(Self::Binary).map_err(|_| Violation::new(Rule::Base64, "base64"))
    }

    /// The bytes to be sealed: a kind byte, then the value. Wiped when dropped.
    #[must_use]
    pub fn to_sealed_form(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let (kind, bytes) = match self {
            Self::Text(text) => (b't', text.as_bytes()),
            Self::Binary(bytes) => (b'b', bytes.as_slice()),
        };
        let mut form = Vec::with_capacity(bytes.len().saturating_add(1));
        form.push(kind);
        form.extend_from_slice(bytes);
        zeroize::Zeroizing::new(form)
    }

    /// Reads the bytes that [`SecretValue::to_sealed_form`] made; `None` when they are something else.
    #[must_use]
    pub fn from_sealed_form(form: &[u8]) -> Option<Self> {
        match form.split_first()? {
            (b't', text) => String::from_utf8(text.to_vec()).ok().map(Self::Text),
            (b'b', bytes) => Some(Self::Binary(bytes.to_vec())),
            _ => None,
        }
    }

    /// The text of a text value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The base64 text of a binary value.
    #[must_use]
    pub fn to_base64(&self) -> Option<String> {
        match self {
            Self::Text(_) => None,
            Self::Binary(bytes) => Some(Base64::encode_string(bytes)),
        }
    }
}

impl PartialEq for SecretValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.as_bytes().ct_eq(b.as_bytes()).into(),
            (Self::Binary(a), Self::Binary(b)) => a.as_slice().ct_eq(b.as_slice()).into(),
            (Self::Text(_), Self::Binary(_)) | (Self::Binary(_), Self::Text(_)) => false,
        }
    }
}

impl Eq for SecretValue {}

impl Drop for SecretValue {
    fn drop(&mut self) {
        match self {
            Self::Text(text) => text.zeroize(),
            Self::Binary(bytes) => bytes.zeroize(),
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", SecretValue::text("hunter2".into()).unwrap()), "SecretValue(hidden)");
    }

    #[test]
    fn the_length_limit_counts_bytes_as_sent() {
        assert!(SecretValue::text("a".repeat(32_768)).is_ok());
        assert!(SecretValue::text(String::new()).is_ok());
        assert!(SecretValue::from_base64("").is_ok());
        assert_eq!(SecretValue::text("é".repeat(16_385)).unwrap_err().got, Some(32_770));
        assert!(SecretValue::from_base64(&"A".repeat(32_768)).is_ok());
        assert_eq!(SecretValue::from_base64(&"A".repeat(32_772)).unwrap_err().rule, Rule::TooLong);
    }

    #[test]
    fn text_that_is_not_base64_is_refused() {
        assert_eq!(SecretValue::from_base64("not base64!").unwrap_err().rule, Rule::Base64);
    }

    #[test]
    fn the_sealed_form_keeps_text_and_binary_apart() {
        for value in [SecretValue::text("b64".into()).unwrap(), SecretValue::from_base64("AAEC").unwrap()] {
            assert_eq!(SecretValue::from_sealed_form(&value.to_sealed_form()).unwrap(), value);
        }
        assert_eq!(SecretValue::from_sealed_form(b""), None);
        assert_eq!(SecretValue::from_sealed_form(b"x1"), None);
    }
}
