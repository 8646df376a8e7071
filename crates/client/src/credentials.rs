//! What a client proves its identity with.

use std::{fmt, pin::Pin, sync::Arc};

use zeroize::Zeroizing;

use crate::error::ClientError;

/// Credentials on their way from a provider, or why it has none.
pub type Provided<'p> = Pin<Box<dyn Future<Output = Result<Credentials, ClientError>> + Send + 'p>>;

/// A source of credentials that end, such as temporary keys.
pub trait Provider: Send + Sync {
    /// Returns credentials that hold now: a key pair or a token. Called before the first request and again after the service
    /// has refused the last ones with 401.
    fn provide(&self) -> Provided<'_>;
}

/// A key pair, perhaps a temporary one, a token, a source of either, or the session of a backend. Wiped when dropped; `Debug`
/// shows no secret.
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
    /// Requests carry what the source returned last.
    Provider(Arc<dyn Provider>),
    /// Requests carry this `Cookie`. The backend at the endpoint knows the caller by it and signs itself.
    Session(Zeroizing<String>),
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

    /// A source of credentials, asked again after each refusal of the last ones.
    #[must_use]
    pub fn provider(provider: impl Provider + 'static) -> Self {
        Self::Provider(Arc::new(provider))
    }

    /// The session of a backend, by the value of its `Cookie` header.
    #[must_use]
    pub fn session(cookie: impl Into<String>) -> Self {
        Self::Session(Zeroizing::new(cookie.into()))
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
            Self::Provider(_) => f.write_str("Provider"),
            Self::Session(_) => f.write_str("Session(hidden)"),
        }
    }
}
