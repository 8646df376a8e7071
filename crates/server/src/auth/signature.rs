//! Requests signed by any of [`csms_core::sign::SCHEMES`], with a user's access key or a temporary one.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, request::Parts};
use csms_core::sign::{
    Authorization, CONTENT_HASH_HEADERS, DATE_HEADER, MAX_SKEW_MILLIS, SignedRequest, UNSIGNED_PAYLOAD, parse_date,
    verify,
};

use super::{Authenticator, Caller, cache::AccessKey, header, require_agreement, token::TemporaryKey, unauthenticated};
use crate::{failure::Failure, request::path::SentPath};

/// Where the secret key of a claim comes from.
enum Key {
    User(Arc<AccessKey>),
    Temporary {
        key: Box<TemporaryKey>,
        user: Option<Arc<Caller>>,
    },
    /// There is no such access key. The request goes on as far as with a wrong signature, so that a caller cannot tell which
    /// access keys exist.
    Unknown,
}

/// A claimed signature whose time is right.
pub struct Claim {
    key: Key,
}

/// What the signature is checked with where there is no such access key. The result does not count.
const NO_SECRET_KEY: &[u8] = b"0000000000000000000000000000000000000000";

impl Claim {
    fn secret_key(&self) -> &[u8] {
        match &self.key {
            Key::User(key) => &key.secret_key,
            Key::Temporary { key, .. } => key.secret_key.as_bytes(),
            Key::Unknown => NO_SECRET_KEY,
        }
    }

    /// The user's access key that the signature claims; `None` for a temporary one. Its use counts once the signature has been
    /// verified.
    #[must_use]
    pub fn access_key(&self) -> Option<&AccessKey> {
        match &self.key {
            Key::User(key) => Some(key),
            Key::Temporary { .. } | Key::Unknown => None,
        }
    }

    /// Checks the signature over head and body.
    ///
    /// # Errors
    /// 401 when it does not fit.
    pub fn verify(&self, parts: &Parts, body: &[u8]) -> Result<Arc<Caller>, Failure> {
        let mismatch = || unauthenticated("verify aksk signature fail");
        let text = header(&parts.headers, "authorization").ok_or_else(mismatch)?;
        let authorization = Authorization::parse(text).ok_or_else(mismatch)?;
        // Judged by the head and the length of the body, so that it does not tell whether there is such a key. SDKs hash an empty
        // body whatever the header says.
        let is_unsigned = |name: &&str| header(&parts.headers, name) == Some(UNSIGNED_PAYLOAD);
        if !body.is_empty() && CONTENT_HASH_HEADERS.iter().any(is_unsigned) {
            let rule = "the body must be signed, UNSIGNED-PAYLOAD is not accepted; send it as application/json";
            return Err(unauthenticated(rule).into());
        }
        // A declared hash is not taken: every operation reads JSON, so every body is hashed.
        let hash = authorization.scheme.payload_hash(body);
        let request = SignedRequest {
            method: parts.method.as_str(),
            path: SentPath::of(&parts.extensions, &parts.uri),
            query: parts.uri.query().unwrap_or_default(),
            date: header(&parts.headers, DATE_HEADER).ok_or_else(mismatch)?,
            payload_hash: &hash,
        };
        let value = |name: &str| parts.headers.get(name).map(HeaderValue::as_bytes);
        let fits = verify(&authorization, self.secret_key(), &request, value);
        match &self.key {
            Key::User(key) if fits => Ok(Arc::clone(&key.user)),
            Key::Temporary { key, user } if fits => Ok(Arc::new(key.caller(user.as_deref()))),
            Key::User(_) | Key::Temporary { .. } | Key::Unknown => Err(mismatch().into()),
        }
    }
}

impl Authenticator {
    /// Finds the key of a claimed signature and checks its time.
    pub(super) async fn signed(
        &self,
        authorization: &Authorization<'_>,
        headers: &HeaderMap,
        security_token: Option<&str>,
    ) -> Result<Claim, Failure> {
        for name in &authorization.signed_headers {
            require_agreement(headers, name)?;
        }
        let now = self.clock.now();
        let date = header(headers, DATE_HEADER).and_then(parse_date);
        let date = date.ok_or_else(|| unauthenticated("X-Sdk-Date must be of the form YYYYMMDDTHHMMSSZ"))?;
        if now.millis_since(date).max(date.millis_since(now)) > MAX_SKEW_MILLIS {
            return Err(unauthenticated("signature expired, X-Sdk-Date is more than 15 minutes off").into());
        }
        let key = match security_token {
            Some(token) => {
                let key = TemporaryKey::open(&self.root, token, now)?;
                if key.access_key != authorization.access_key {
                    return Err(unauthenticated("the access key is not the security token's").into());
                }
                let user = match key.user() {
                    None => None,
                    Some(acting) => {
                        let user = self.keys.acting(&acting.id, acting.generation, acting.agency.as_deref()).await?;
                        Some(user.ok_or_else(|| unauthenticated("the user or the agency of the security token has been taken out of use, or the user has another password since"))?)
                    }
                };
                if !self.is_in_use(key.made_with()).await? {
                    let reason = "the access key that the security token was made with is out of use";
                    return Err(unauthenticated(reason).into());
                }
                Key::Temporary { key: Box::new(key), user }
            }
            None => self.keys.get(authorization.access_key, now).await?.map_or(Key::Unknown, Key::User),
        };
        Ok(Claim { key })
    }
}
