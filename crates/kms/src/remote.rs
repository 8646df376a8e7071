//! A client of a remote Key Management Service: the two calls that a keyring needs, signed, and retried where that is safe.
//!
//! The service creates data keys ([`RemoteKms::create_data_key`]) and unwraps them ([`RemoteKms::decrypt_data_key`]) with a
//! master key that never leaves it. The client stores nothing and does not know what the data keys are for. Both calls may be
//! repeated: an unused data key does no harm.

use std::{fmt, time::Duration};

use csms_core::{
    KeyId, ProjectId, UnixMillis,
    sign::{Signer, host_header, percent_encode},
};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::aead::{KEY_BYTES, Key};

/// Pauses before the second and the third attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Longest answer that is read, in bytes: a sealed key has at most 8192 digits.
const MAX_ANSWER: usize = 64 * 1024;

/// What to call, and how.
pub struct RemoteSettings {
    /// Base address, such as `https://kms.cn-north-4.myhuaweicloud.com`. Plain `http://` is for the same machine only.
    pub endpoint: String,
    /// Project of the keys there.
    pub project: ProjectId,
    /// Access key of a user there who may make and open data keys.
    pub access_key: String,
    /// Its secret key.
    pub secret_key: Zeroizing<String>,
    /// Whom to trust.
    pub tls: rustls::ClientConfig,
    /// Time for one attempt, from the connection to the whole answer.
    pub timeout: Duration,
}

/// Why the service did not do what it was asked for. Holds no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// The client cannot be built.
    #[error("{0}")]
    Settings(String),
    /// No answer: no connection, no trust, no time.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The service failed, or has too much to do.
    #[error("it failed: {0}")]
    Failed(String),
    /// The access key or the signature is wrong.
    #[error("it does not accept the access key: {0}")]
    Unauthenticated(String),
    /// The user may not use the key.
    #[error("it does not let this user use the key: {0}")]
    Forbidden(String),
    /// The key does not exist, is not enabled, or does not open what it was given.
    #[error("it refuses the use of the key: {0}")]
    Refused(String),
    /// The answer is not what the service documents.
    #[error("its answer has no valid {0}")]
    Malformed(&'static str),
}

impl RemoteError {
    /// Whether the same call may succeed soon.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Failed(_))
    }

    /// Whether the trouble is with the key that was named, not with the service or the way to it.
    #[must_use]
    pub const fn is_about_the_key(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::Refused(_))
    }
}

/// A Key Management Service elsewhere.
pub struct RemoteKms {
    http: Client,
    endpoint: Url,
    settings: RemoteSettings,
    clock: Box<dyn Fn() -> UnixMillis + Send + Sync>,
}

impl RemoteKms {
    /// A client. Certificates are verified, redirects not followed and proxies not used. `clock` tells the time for
    /// signatures, which the service compares with its own.
    ///
    /// # Errors
    /// [`RemoteError::Settings`]: an address that is none or would send keys in clear over a network.
    pub fn new(
        settings: RemoteSettings,
        clock: impl Fn() -> UnixMillis + Send + Sync + 'static,
    ) -> Result<Self, RemoteError> {
        let wrong = |problem: &str| RemoteError::Settings(format!("the address {} {problem}", settings.endpoint));
        let endpoint: Url = settings.endpoint.parse().map_err(|_| wrong("is not valid"))?;
        let is_local = matches!(endpoint.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if endpoint.scheme() != "https" && !(endpoint.scheme() == "http" && is_local) {
            return Err(wrong("must begin with https://, or with http:// on this machine"));
        }
        if !endpoint.username().is_empty() || endpoint.password().is_some() || endpoint.query().is_some() {
            return Err(wrong("must have no user, password or query"));
        }
        let http = Client::builder()
            .tls_backend_preconfigured(settings.tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(settings.timeout)
            .timeout(settings.timeout)
            .build();
        let http = http.map_err(|error| RemoteError::Settings(chain(&error)))?;
        Ok(Self { http, endpoint, settings, clock: Box::new(clock) })
    }

    /// Has a data key of 256 bits made, and returns it sealed by the master key. `associated` (1 to 128 characters) is
    /// needed again to open it.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn create_data_key(&self, key: &KeyId, associated: &str) -> Result<String, RemoteError> {
        #[derive(Deserialize)]
        struct Made {
            cipher_text: String,
        }
        let body = json!({
            "key_id": key, "datakey_length": (8 * KEY_BYTES).to_string(), "additional_authenticated_data": associated,
        });
        let made: Made = read(&self.call("create-datakey", &body).await?, "cipher_text")?;
        let is_hex = made.cipher_text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if made.cipher_text.is_empty() || !is_hex {
            return Err(RemoteError::Malformed("cipher_text"));
        }
        Ok(made.cipher_text)
    }

    /// Opens a data key that [`RemoteKms::create_data_key`] answered for the same master key and `associated`.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn decrypt_data_key(
        &self,
        key: &KeyId,
        associated: &str,
        sealed: &str,
    ) -> Result<Zeroizing<Key>, RemoteError> {
        #[derive(Deserialize)]
        struct Opened {
            data_key: Zeroizing<String>,
            datakey_dgst: String,
        }
        // The length is that of the key with its digest, as in the documented example.
        let body = json!({
            "key_id": key, "cipher_text": sealed, "datakey_cipher_length": (2 * KEY_BYTES).to_string(),
            "additional_authenticated_data": associated,
        });
        let opened: Opened = read(&self.call("decrypt-datakey", &body).await?, "data_key")?;
        let mut bytes: Zeroizing<Key> = Zeroizing::new([0; KEY_BYTES]);
        let decoded = hex::decode_to_slice(opened.data_key.as_bytes(), bytes.as_mut_slice());
        decoded.map_err(|_| RemoteError::Malformed("data_key"))?;
        let mut digest = [0; 32];
        let decoded = hex::decode_to_slice(&opened.datakey_dgst, &mut digest);
        if decoded.is_err() || !bool::from(Sha256::digest(bytes.as_slice()).as_slice().ct_eq(&digest)) {
            return Err(RemoteError::Malformed("datakey_dgst"));
        }
        Ok(bytes)
    }

    /// Calls until there is an answer that repeating would not change.
    async fn call(&self, operation: &str, body: &Value) -> Result<Zeroizing<Vec<u8>>, RemoteError> {
        let body = body.to_string();
        let mut pauses = PAUSES.iter();
        loop {
            match self.call_once(operation, &body).await {
                Err(error) if error.is_retryable() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                answered => return answered,
            }
        }
    }

    async fn call_once(&self, operation: &str, body: &str) -> Result<Zeroizing<Vec<u8>>, RemoteError> {
        let unreachable = |error: reqwest::Error| RemoteError::Unreachable(chain(&error.without_url()));
        let RemoteSettings { project, access_key, secret_key, .. } = &self.settings;
        let mut url = self.endpoint.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/v1.0/{}/kms/{operation}", percent_encode(project.as_str())));
        // Signed again for each attempt: a signature is valid for minutes only.
        let host = host_header(url.scheme(), url.host_str().unwrap_or_default(), url.port());
        let signer = Signer { access_key, secret_key, security_token: None, project: project.as_str() };
        let headers = signer.json_headers("POST", host, url.path(), body.as_bytes(), (self.clock)());
        let call = self.http.post(url).body(body.to_owned());
        let call = headers.into_iter().fold(call, |call, (name, value)| call.header(name, value));
        let mut response = call.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        // Room from the start: growing would leave copies of a key behind.
        let mut answer = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if answer.len() + chunk.len() > MAX_ANSWER {
                return Err(RemoteError::Malformed("length"));
            }
            answer.extend_from_slice(&chunk);
        }
        match status {
            200..=299 => Ok(answer),
            401 => Err(RemoteError::Unauthenticated(refusal(status, &answer))),
            403 => Err(RemoteError::Forbidden(refusal(status, &answer))),
            408 | 429 | 500..=599 => Err(RemoteError::Failed(refusal(status, &answer))),
            400..=499 => Err(RemoteError::Refused(refusal(status, &answer))),
            _ => Err(RemoteError::Malformed("status")),
        }
    }
}

impl fmt::Debug for RemoteKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKms").field("endpoint", &self.endpoint.as_str()).finish_non_exhaustive()
    }
}

fn read<'a, T: Deserialize<'a>>(answer: &'a [u8], field: &'static str) -> Result<T, RemoteError> {
    // The parser's own message could quote the answer.
    serde_json::from_slice(answer).map_err(|_| RemoteError::Malformed(field))
}

/// Status, code and message of a refusal, flat or nested, fit for a log.
fn refusal(status: u16, answer: &[u8]) -> String {
    let body: Value = serde_json::from_slice(answer).unwrap_or(Value::Null);
    let body = body.get("error").unwrap_or(&body);
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let all = format!("HTTP {status} {} {}", text("error_code"), text("error_msg"));
    all.trim_end().chars().filter(|c| !c.is_control()).take(300).collect()
}

/// An error with its causes: `reqwest` tells by its causes alone what was wrong with a connection.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
