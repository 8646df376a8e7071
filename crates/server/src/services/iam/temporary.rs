//! Temporary access keys of users: a key, its secret key, and the security token that goes with them.
//!
//! What is minted ends no later than what proved the caller, and with its user; nothing is stored.

use csms_api::{ApiError, ErrorCode, request::token::TemporaryKeyRequest};
use csms_core::ProjectId;
use serde::Serialize;

use super::assume;
use crate::{
    auth::{Caller, token::TemporaryKey},
    clock,
    failure::Failure,
    gate::{answer::Answer, service::Call},
};

#[derive(Serialize)]
struct Minted<'k> {
    credential: Credential<'k>,
}

/// Has no `Debug`: it holds a secret key.
#[derive(Serialize)]
struct Credential<'k> {
    access: &'k str,
    secret: &'k str,
    securitytoken: &'k str,
    expires_at: String,
}

/// CreateTemporaryAccessKey
///
/// # Errors
/// A token of somebody else; a function or an agency as the caller; the refusals of [`assume`].
pub(super) async fn create(call: &Call, request: TemporaryKeyRequest) -> Result<Answer, Failure> {
    let (token, seconds) = match request {
        TemporaryKeyRequest::Own { token, seconds } => (token, seconds),
        TemporaryKeyRequest::Agency(request) => return assume::temporary_key(call, request).await,
    };
    let source = match token {
        Some(token) => &within(&call.caller, call.app.authenticator.open_token(&token).await?.1)?,
        None => &*call.caller,
    };
    let expires = call.app.clock.now().plus_millis(seconds.saturating_mul(1000));
    let key = TemporaryKey::for_user(source, expires)?;
    answer(&key, &key.security_token(&call.app.root)?)
}

/// Temporary keys as IAM v3 shows them.
///
/// # Errors
/// None but internal ones.
pub(super) fn answer(key: &TemporaryKey, securitytoken: &str) -> Result<Answer, Failure> {
    Answer::secret(&Minted {
        credential: Credential {
            access: &key.access_key,
            secret: &key.secret_key,
            securitytoken,
            expires_at: clock::rfc3339(key.expires(), 6),
        },
    })
}

/// The caller within a token of its own that the request names: in the projects of both, and until the earlier end.
fn within(caller: &Caller, token: Caller) -> Result<Caller, Failure> {
    if token.user_id.is_none() || token.user_id != caller.user_id {
        return Err(ApiError::new(ErrorCode::Forbidden, "auth.identity.token.id is not a token of the caller").into());
    }
    let projects: Vec<ProjectId> = token.projects.into_iter().filter(|project| caller.may_use(project)).collect();
    let expires = caller.expires.into_iter().chain(token.expires).min();
    Ok(Caller { projects, expires, ..caller.clone() })
}
