//! Temporary access keys of users: a key, its secret key, and the security token that goes with them.
//!
//! What is minted ends no later than what proved the caller, and with its user; nothing is stored.

use csms_api::{ApiError, ErrorCode, request::token::TemporaryKeyRequest};
use csms_core::ProjectId;

use super::{assume, issued};
use crate::{
    auth::{Caller, token::TemporaryKey},
    failure::Failure,
    gate::{answer::Answer, service::Call},
};

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
    issued::temporary_key(&key, &key.security_token(&call.app.root)?)
}

/// The caller within a token of its own that the request names: in the projects of both, and until the earlier end.
fn within(caller: &Caller, token: Caller) -> Result<Caller, Failure> {
    if token.user_id.is_none() || token.user_id != caller.user_id {
        return Err(ApiError::new(ErrorCode::Forbidden, "auth.identity.token.id is not a token of the caller").into());
    }
    let projects: Vec<ProjectId> = token.projects.into_iter().filter(|project| caller.may_use(project)).collect();
    let expires = caller.expires.into_iter().chain(token.expires).min();
    let is_confined = caller.is_confined || token.is_confined;
    let is_narrowed = caller.is_narrowed || token.is_narrowed;
    Ok(Caller { projects, expires, is_confined, is_narrowed, ..caller.clone() })
}
