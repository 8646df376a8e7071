//! Tokens: a user's token from a login, and the security token of a temporary key, which a user or a function may have.
//!
//! Both are sealed by the root key and stored nowhere, so every replica with the same root key accepts them. Both name their
//! user and the generation of its tokens, and end when the user is deleted or disabled or gets another password. A temporary
//! key of a rotation ends with the lease of its task, too.

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use csms_api::{ApiError, ErrorCode};
use csms_core::{ProjectId, SecretName, UnixMillis, policy::Policy};
use csms_kms::RootRing;
use getrandom::SysRng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::{Zeroize, Zeroizing};

use super::{Assumed, Caller, InvokedFrom, key_pair::make_key_pair, unauthenticated};
use crate::failure::Failure;

/// How long a user's token lives: 24 hours, as the cloud's does.
pub const USER_TOKEN_MILLIS: u64 = 24 * 3_600_000;

/// The longest time that a token or temporary key has left: a lifetime, and a day by which the clock may have been set back since.
/// One that has longer was made by a clock that was wrong, and would be good for years.
const LONGEST_MILLIS: u64 = USER_TOKEN_MILLIS + 24 * 3_600_000;

/// Why something that ends then is not good now, if it is not.
fn refusal(expires: UnixMillis, now: UnixMillis, expired: &'static str) -> Option<&'static str> {
    if expires <= now {
        Some(expired)
    } else if expires.millis_since(now) > LONGEST_MILLIS {
        Some("it was made while the clock of the server was far ahead")
    } else {
        None
    }
}

fn seal(root: &RootRing, purpose: &str, content: &impl Serialize) -> Result<String, Failure> {
    let text = Zeroizing::new(serde_json::to_vec(content).map_err(Failure::internal)?);
    let sealed = root.seal(purpose, &text, &mut SysRng)?;
    Ok(Base64UrlUnpadded::encode_string(&sealed))
}

fn open<T: DeserializeOwned>(root: &RootRing, purpose: &str, token: &str) -> Option<T> {
    let sealed = Base64UrlUnpadded::decode_vec(token).ok()?;
    let text = root.open(purpose, &sealed).ok()?;
    serde_json::from_slice(&text).ok()
}

/// What `X-Auth-Token` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserToken {
    /// The user.
    pub user_id: String,
    /// The one project it is for; all the user's projects when absent.
    pub project: Option<ProjectId>,
    /// When it ends.
    pub expires: UnixMillis,
    /// The generation of the user's tokens when it was made.
    #[serde(default)]
    pub generation: u64,
    /// When it was made; unknown of tokens that older releases made.
    #[serde(default)]
    pub issued: Option<UnixMillis>,
    /// Whether another token was the proof for it, and not a password.
    #[serde(default)]
    pub by_token: bool,
    /// Identifier of the agency that the user acts as.
    #[serde(default)]
    pub agency: Option<String>,
    /// The access key that it was made with, without which it is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
}

impl UserToken {
    const PURPOSE: &str = "user-token";

    /// The text of `X-Subject-Token`.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn seal(&self, root: &RootRing) -> Result<String, Failure> {
        seal(root, Self::PURPOSE, self)
    }

    /// Reads the text of `X-Auth-Token`.
    ///
    /// # Errors
    /// 401 CSMS.0301 when it is not ours, was changed, or has expired.
    pub fn open(root: &RootRing, token: &str, now: UnixMillis) -> Result<Self, ApiError> {
        let invalid = |reason| ApiError::new(ErrorCode::InvalidToken, reason);
        let token: Self = open(root, Self::PURPOSE, token).ok_or_else(|| invalid("decrypt token fail"))?;
        refusal(token.expires, now, "it has expired").map_or(Ok(token), |reason| Err(invalid(reason)))
    }
}

/// A temporary key: an access key, its secret key, and what they may do until when. The security token is its sealed
/// form.
#[derive(Serialize, Deserialize)]
pub struct TemporaryKey {
    /// Access key.
    pub access_key: String,
    /// Secret key; wiped when dropped.
    pub secret_key: String,
    /// What it was made for, for logs.
    name: String,
    /// The one project it is for; all its user's projects when absent.
    project: Option<ProjectId>,
    policies: Vec<Policy>,
    expires: UnixMillis,
    #[serde(default)]
    hold: Option<Hold>,
    #[serde(default)]
    user: Option<ActingFor>,
    /// Whether its user has it, and no function: then `policies` count only if they are a bound.
    #[serde(default)]
    use_by_user: Option<UserUse>,
    /// The user's access key that it was made with, without which it is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_with: Option<String>,
    /// Of a function that a caller invoked: how that request came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoked_from: Option<InvokedFrom>,
}

/// How a user may use a temporary key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum UserUse {
    /// As itself.
    Unbound,
    /// As itself, and at most by the key's policies.
    Bound,
}

/// The user that a temporary key acts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ActingFor {
    /// Identifier.
    pub(super) id: String,
    /// The generation of its tokens when the key was made.
    pub(super) generation: u64,
    /// Identifier of the agency that the user acts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agency: Option<String>,
    /// The name of the session in which it does so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

impl ActingFor {
    /// Whom a caller acts for; `None` for the service itself.
    fn of(caller: &Caller) -> Option<Self> {
        let agency = caller.assumed.as_ref().map(|assumed| assumed.agency_id.clone());
        let session = caller.assumed.as_ref().and_then(|assumed| assumed.session.clone());
        let id = caller.asking_user()?.to_owned();
        Some(Self { id, generation: caller.generation, agency, session })
    }
}

/// What a rotation function acts for: a task of a secret, as long as it is held under this name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The secret that is rotated.
    pub secret: SecretName,
    /// See [`csms_store::Lease::holder`].
    pub holder: String,
}

impl TemporaryKey {
    const PURPOSE: &str = "security-token";

    /// Makes a key for one purpose.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn make(name: String, project: ProjectId, policy: Policy, expires: UnixMillis) -> Result<Self, Failure> {
        Self::with_policies(name, project, vec![policy], expires)
    }

    /// Makes a key that may do what any of the policies allows and none denies.
    ///
    /// # Errors
    /// As [`TemporaryKey::make`].
    pub fn with_policies(
        name: String,
        project: ProjectId,
        policies: Vec<Policy>,
        expires: UnixMillis,
    ) -> Result<Self, Failure> {
        let (access_key, mut secret_key) = make_key_pair()?;
        let secret_key = std::mem::take(&mut *secret_key);
        let project = Some(project);
        Ok(Self {
            access_key,
            secret_key,
            name,
            project,
            policies,
            expires,
            hold: None,
            user: None,
            use_by_user: None,
            made_with: None,
            invoked_from: None,
        })
    }

    /// Makes a key for a function that acts as its caller: it ends no later than what proved the caller, and with the user.
    /// What the caller may do now is the most that it may do, and what the user may do then is asked at each use, for where the
    /// invocation came `from`, too.
    ///
    /// # Errors
    /// CSMS.0302 for a caller that is a function itself; failures of the random number generator.
    pub fn acting_for(
        caller: &Caller,
        name: String,
        project: ProjectId,
        expires: UnixMillis,
        from: InvokedFrom,
    ) -> Result<Self, Failure> {
        caller.require_invoking()?;
        let expires = caller.expires.map_or(expires, |end| end.min(expires));
        let mut key = Self::with_policies(name, project, caller.policies.clone(), expires)?;
        key.user = ActingFor::of(caller);
        key.hold.clone_from(&caller.hold);
        key.made_with = caller.access_key.as_deref().map(str::to_owned);
        key.invoked_from = Some(from);
        Ok(key)
    }

    /// Makes a key for the caller itself. It ends no later than what proved the caller, and with the user; it is for the
    /// caller's project, and bound as the caller is.
    ///
    /// # Errors
    /// CSMS.0302 for a function, and for a caller without a user; failures of the random number generator.
    pub fn for_user(caller: &Caller, expires: UnixMillis) -> Result<Self, Failure> {
        caller.require_minting()?;
        if caller.user_id.is_none() {
            let reason = "the credentials of the service make no further credentials";
            return Err(ApiError::new(ErrorCode::Forbidden, reason).into());
        }
        Self::for_bearer(caller, expires)
    }

    /// Makes a key for an agency that a user has assumed: it ends no later than what proved the user, with the user, with the
    /// agency, and when the user may not assume the agency any more.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn for_agency(agency: &Caller, expires: UnixMillis) -> Result<Self, Failure> {
        Self::for_bearer(agency, expires)
    }

    fn for_bearer(caller: &Caller, expires: UnixMillis) -> Result<Self, Failure> {
        let project = match (caller.is_confined, caller.projects.as_slice()) {
            (_, [one]) => Some(one.clone()),
            // A key without a project is for all that its user has.
            (false, _) => None,
            (true, _) => {
                let reason = "the credentials of the caller are for no project that the caller may use";
                return Err(ApiError::new(ErrorCode::Forbidden, reason).into());
            }
        };
        let (access_key, mut secret_key) = make_key_pair()?;
        let use_by_user = if caller.bound.is_some() { UserUse::Bound } else { UserUse::Unbound };
        Ok(Self {
            access_key,
            secret_key: std::mem::take(&mut *secret_key),
            name: caller.name.clone(),
            project,
            policies: caller.bound.clone().unwrap_or_default(),
            expires: caller.expires.map_or(expires, |end| end.min(expires)),
            hold: caller.hold.clone(),
            user: ActingFor::of(caller),
            use_by_user: Some(use_by_user),
            made_with: caller.access_key.as_deref().map(str::to_owned),
            invoked_from: None,
        })
    }

    /// When it ends.
    #[must_use]
    pub const fn expires(&self) -> UnixMillis {
        self.expires
    }

    /// The user's access key that the key was made with.
    pub(super) fn made_with(&self) -> Option<&str> {
        self.made_with.as_deref()
    }

    /// The user that the key acts for; `None` for keys of the service itself.
    pub(super) const fn user(&self) -> Option<&ActingFor> {
        self.user.as_ref()
    }

    /// The same key for the function of a task: it is worth nothing when the task is not held so any more.
    #[must_use]
    pub fn for_task(mut self, hold: Hold) -> Self {
        self.hold = Some(hold);
        self
    }

    /// The security token that goes with the key.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn security_token(&self, root: &RootRing) -> Result<String, Failure> {
        seal(root, Self::PURPOSE, self)
    }

    /// Reads a security token.
    ///
    /// # Errors
    /// 401 when it is not ours, was changed, or has expired.
    pub fn open(root: &RootRing, token: &str, now: UnixMillis) -> Result<Self, ApiError> {
        let key: Self =
            open(root, Self::PURPOSE, token).ok_or_else(|| unauthenticated("decrypt security token fail"))?;
        match refusal(key.expires, now, "the security token has expired") {
            Some(reason) => Err(unauthenticated(reason)),
            None => Ok(key),
        }
    }

    /// The key's bearer as a caller. `user` is what its user is now, if it acts for one.
    pub(super) fn caller(&self, user: Option<&Caller>) -> Caller {
        let service = Caller {
            name: self.name.clone(),
            projects: self.project.iter().cloned().collect(),
            policies: self.policies.clone(),
            hold: self.hold.clone(),
            expires: Some(self.expires),
            access_key: self.made_with.as_deref().map(Arc::from),
            is_function: self.hold.is_some() || (self.user.is_some() && self.use_by_user.is_none()),
            invoked_from: self.invoked_from,
            ..Caller::service()
        };
        match user {
            None => service,
            Some(user) => Caller {
                user_id: user.user_id.clone(),
                user_name: user.user_name.clone(),
                assumed: user.assumed.clone().map(|assumed| Assumed {
                    session: self.user.as_ref().and_then(|user| user.session.clone()),
                    ..assumed
                }),
                is_confined: self.project.is_some(),
                is_narrowed: self.project.as_ref().is_some_and(|project| user.within(project).is_narrowed),
                projects: match &self.project {
                    Some(project) => user.within(project).projects,
                    None => user.projects.clone(),
                },
                policies: user.policies.clone(),
                bound: match self.use_by_user {
                    Some(UserUse::Unbound) => None,
                    Some(UserUse::Bound) | None => Some(self.policies.clone()),
                },
                generation: user.generation,
                ..service
            },
        }
    }
}

impl Drop for TemporaryKey {
    fn drop(&mut self) {
        self.secret_key.zeroize();
    }
}
