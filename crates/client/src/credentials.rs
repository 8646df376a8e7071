//! What a client proves its identity with.

use std::fmt;

use zeroize::Zeroizing;

/// A key pair, perhaps a temporary one, or a token. Wiped when dropped; `Debug` shows no secret.
#[derive(Clone)]
pub enum Credentials {
    /// Requests are signed.
    Key {
        /// Access key (AK).
        access_key: String,
        /// Secret key (SK).
        secret_key: Zeroizing<String>,
        /// Security token of a temporary key pair.
        security_token: Option<Zeroizing<String>>,
    },
    /// Requests carry `X-Auth-Token`.
    Token(Zeroizing<String>),
}

impl Credentials {
    /// A user's key pair.
    #[must_use]
    pub fn key_pair(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self::Key { access_key: access_key.into(), secret_key: Zeroizing::new(secret_key.into()), security_token: None }
    }

    /// A temporary key pair with its security token.
    #[must_use]
    pub fn temporary(
        access_key: impl Into<String>,
        secret_key: impl Into<String>,
        security_token: impl Into<String>,
    ) -> Self {
        Self::Key {
            access_key: access_key.into(),
            secret_key: Zeroizing::new(secret_key.into()),
            security_token: Some(Zeroizing::new(security_token.into())),
        }
    }

    /// A token from IAM.
    #[must_use]
    pub fn token(token: impl Into<String>) -> Self {
        Self::Token(Zeroizing::new(token.into()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { access_key, .. } => {
                f.debug_struct("Key").field("access_key", access_key).finish_non_exhaustive()
            }
            Self::Token(_) => f.write_str("Token(hidden)"),
        }
    }
}
