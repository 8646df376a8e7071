//! The credentials of one invocation, and how they travel in headers.
//!
//! It does not obtain, check or renew credentials.

use std::fmt;

use http::{HeaderMap, HeaderValue, header::InvalidHeaderValue};
use zeroize::ZeroizeOnDrop;

use crate::protocol::header;

/// What a function may act with during one invocation: a key pair, usually temporary, or an IAM token, or both.
///
/// `Debug` shows which parts are present and never their text. The memory is wiped on drop.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct Credentials {
    keys: Option<KeyPair>,
    security_token: Option<String>,
    auth_token: Option<String>,
}

#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
struct KeyPair {
    access_key: String,
    secret_key: String,
}

impl Credentials {
    /// A key pair. Add the security token of a temporary pair with [`Self::with_security_token`].
    #[must_use]
    pub fn from_keys(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        let keys = KeyPair { access_key: access_key.into(), secret_key: secret_key.into() };
        Self { keys: Some(keys), security_token: None, auth_token: None }
    }

    /// An IAM token without keys.
    #[must_use]
    pub fn from_auth_token(token: impl Into<String>) -> Self {
        Self { keys: None, security_token: None, auth_token: Some(token.into()) }
    }

    /// Adds the security token which belongs to temporary keys.
    #[must_use]
    pub fn with_security_token(mut self, token: impl Into<String>) -> Self {
        self.security_token = Some(token.into());
        self
    }

    /// Adds an IAM token.
    #[must_use]
    pub fn with_auth_token(mut self, token: impl Into<String>) -> Self {
        self.auth_token = Some(token.into());
        self
    }

    /// Access key and secret key; `None` when there is only an IAM token.
    #[must_use]
    pub fn key_pair(&self) -> Option<(&str, &str)> {
        self.keys.as_ref().map(|keys| (keys.access_key.as_str(), keys.secret_key.as_str()))
    }

    /// The access key (not secret by itself).
    #[must_use]
    pub fn access_key(&self) -> Option<&str> {
        self.key_pair().map(|(access_key, _)| access_key)
    }

    /// The secret key.
    #[must_use]
    pub fn secret_key(&self) -> Option<&str> {
        self.key_pair().map(|(_, secret_key)| secret_key)
    }

    /// The security token of a temporary key pair.
    #[must_use]
    pub fn security_token(&self) -> Option<&str> {
        self.security_token.as_deref()
    }

    /// The IAM token.
    #[must_use]
    pub fn auth_token(&self) -> Option<&str> {
        self.auth_token.as_deref()
    }

    /// Reads the headers of an event; `None` when they hold no usable credential.
    ///
    /// `X-CFF-Security-Access-Key` and `-Secret-Key` win over `X-CFF-Access-Key` and `-Secret-Key`. A pair with
    /// one half missing counts as absent. So do an empty value and the text `null`, which the platform sends
    /// for a function without an agency.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| -> Option<String> {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty() && value != "null").then(|| value.to_owned())
        };
        let pair = |access_key: &str, secret_key: &str| -> Option<KeyPair> {
            Some(KeyPair { access_key: text(access_key)?, secret_key: text(secret_key)? })
        };
        let keys = pair(header::SECURITY_ACCESS_KEY, header::SECURITY_SECRET_KEY)
            .or_else(|| pair(header::ACCESS_KEY, header::SECRET_KEY));
        let auth_token = text(header::AUTH_TOKEN);
        if keys.is_none() && auth_token.is_none() {
            return None;
        }
        let security_token = keys.as_ref().and_then(|_| text(header::SECURITY_TOKEN));
        Some(Self { keys, security_token, auth_token })
    }

    /// Writes the headers of an event, keys in both spellings, every value marked sensitive.
    ///
    /// # Errors
    /// A part holds a character which a header cannot carry. The error does not repeat the text.
    pub fn to_headers(&self) -> Result<HeaderMap, InvalidHeaderValue> {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: Option<&str>| -> Result<(), InvalidHeaderValue> {
            if let Some(value) = value {
                let mut value = HeaderValue::from_str(value)?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            Ok(())
        };
        put(header::ACCESS_KEY, self.access_key())?;
        put(header::SECRET_KEY, self.secret_key())?;
        put(header::SECURITY_ACCESS_KEY, self.access_key())?;
        put(header::SECURITY_SECRET_KEY, self.secret_key())?;
        put(header::SECURITY_TOKEN, self.security_token())?;
        put(header::AUTH_TOKEN, self.auth_token())?;
        Ok(headers)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("key_pair", &self.keys.is_some())
            .field("security_token", &self.security_token.is_some())
            .field("auth_token", &self.auth_token.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_security_pair_wins_over_the_older_pair() {
        let read = Credentials::from_headers(&headers(&[
            ("X-CFF-Access-Key", "old-access"),
            ("X-CFF-Secret-Key", "old-secret"),
            ("X-CFF-Security-Access-Key", "access"),
            ("X-CFF-Security-Secret-Key", "secret"),
            ("X-CFF-Security-Token", "token"),
        ]))
        .unwrap();
        assert_eq!(read.key_pair(), Some(("access", "secret")));
        assert_eq!(read.security_token(), Some("token"));
        assert_eq!(read.auth_token(), None);
    }

    #[test]
    fn the_older_pair_is_used_when_the_security_pair_is_empty_or_null() {
        for absent in ["", "null"] {
            let mut all = headers(&[("x-cff-access-key", "old-access"), ("x-cff-secret-key", "old-secret")]);
            all.insert(header::SECURITY_ACCESS_KEY, HeaderValue::from_static(absent));
            all.insert(header::SECURITY_SECRET_KEY, HeaderValue::from_static(absent));
            let read = Credentials::from_headers(&all).unwrap();
            assert_eq!(read.key_pair(), Some(("old-access", "old-secret")));
        }
    }

    #[test]
    fn half_a_pair_is_no_pair() {
        assert_eq!(Credentials::from_headers(&headers(&[("x-cff-security-access-key", "access")])), None);
    }

    #[test]
    fn no_usable_header_means_no_credentials() {
        assert_eq!(Credentials::from_headers(&HeaderMap::new()), None);
        let null = headers(&[("x-cff-access-key", "null"), ("x-cff-secret-key", "null"), ("x-cff-auth-token", "")]);
        assert_eq!(Credentials::from_headers(&null), None);
        assert_eq!(Credentials::from_headers(&headers(&[("x-cff-security-token", "token")])), None);
    }

    #[test]
    fn headers_round_trip() {
        let given = Credentials::from_keys("access", "secret").with_security_token("token").with_auth_token("iam");
        assert_eq!(Credentials::from_headers(&given.to_headers().unwrap()), Some(given));
        let token_only = Credentials::from_auth_token("iam");
        assert_eq!(Credentials::from_headers(&token_only.to_headers().unwrap()), Some(token_only));
    }

    #[test]
    fn header_values_are_marked_sensitive() {
        let written = Credentials::from_keys("access", "secret").to_headers().unwrap();
        assert!(written.values().all(HeaderValue::is_sensitive));
    }

    #[test]
    fn a_line_break_in_a_key_is_refused() {
        assert!(Credentials::from_keys("access", "sec\r\nret").to_headers().is_err());
    }

    #[test]
    fn debug_shows_no_text_of_a_credential() {
        let shown = format!(
            "{:?}",
            Credentials::from_keys("text-1", "text-2").with_security_token("text-3").with_auth_token("text-4")
        );
        assert!(!shown.contains("text-"), "{shown}");
    }
}
