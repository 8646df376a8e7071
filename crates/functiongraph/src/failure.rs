//! The failure which a function reports: a type and a message.
//!
//! It is the body of the runtime API's error call. It carries no numeric code; the platform chooses that.

use std::{any::type_name, error::Error, fmt};

use serde::{Deserialize, Serialize};

/// Why a handler could not produce a result. Whoever invoked the function reads both fields, and so do logs.
///
/// Any standard error converts with `?`: the type is the name of the Rust type, the message is the error and
/// its sources, joined by `: `. So error texts of a handler must not hold secrets.
///
/// It does not implement [`std::error::Error`] itself; that is what lets every other error convert.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Short name of the kind of failure, for programs.
    #[serde(default)]
    pub error_type: String,
    /// What went wrong, for people.
    #[serde(default)]
    pub error_message: String,
}

impl Failure {
    /// A failure of the given kind.
    #[must_use]
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }

    /// The same failure with its message cut to at most `bytes` bytes, on a character boundary.
    #[must_use]
    pub fn shortened(mut self, bytes: usize) -> Self {
        if self.error_message.len() > bytes {
            let end = (0..=bytes).rev().find(|&end| self.error_message.is_char_boundary(end)).unwrap_or(0);
            self.error_message.truncate(end);
        }
        self
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        // Drop the module path, keep type arguments out: `a::b::Kind<c::D>` reads `Kind`.
        let full = type_name::<E>();
        let path = full.split('<').next().unwrap_or(full);
        Self::new(path.rsplit("::").next().unwrap_or(path), message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_uses_the_names_of_the_runtime_api() {
        let body = serde_json::to_string(&Failure::new("NoRoute", "nothing there")).unwrap();
        assert_eq!(body, r#"{"errorType":"NoRoute","errorMessage":"nothing there"}"#);
    }

    #[test]
    fn a_body_with_extra_fields_is_read() {
        let read: Failure = serde_json::from_str(r#"{"errorMessage":"m","errorType":"t","stackTrace":[]}"#).unwrap();
        assert_eq!(read, Failure::new("t", "m"));
    }

    #[test]
    fn an_error_converts_with_its_type_and_its_sources() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read the settings")]
        struct SettingsError(#[source] std::num::ParseIntError);

        let failure = Failure::from(SettingsError("x".parse::<u8>().unwrap_err()));
        assert_eq!(failure.error_type, "SettingsError");
        assert_eq!(failure.error_message, "cannot read the settings: invalid digit found in string");
    }

    #[test]
    fn a_long_message_is_cut_on_a_character_boundary() {
        assert_eq!(Failure::new("t", "aé").shortened(2).error_message, "a");
        assert_eq!(Failure::new("t", "aé").shortened(3).error_message, "aé");
    }
}
