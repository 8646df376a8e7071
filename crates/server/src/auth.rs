//! Who a request comes from: a signature with an access key, or a token.
//!
//! Decides identity only. What an identity may do is decided by its policies in [`crate::gate::pipeline`].

pub mod cache;
pub mod guesses;
pub mod key_pair;
pub mod new_password;
pub mod passwords;
pub mod signature;
pub mod token;

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, request::Parts};
use csms_api::{ApiError, ErrorCode};
use csms_core::{
    ProjectId, UnixMillis,
    policy::{Effect, Policy, RequestContext, decide},
    sign::{Authorization, SCHEMES},
};
use csms_kms::RootRing;
use csms_store::AnyStore;
use serde::{Deserialize, Serialize};

use crate::{clock::Clock, failure::Failure};
use cache::AccessKeys;
use passwords::PasswordChecks;

/// An agency that a user has assumed. The user is in it for the records alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// Identifier of the agency.
    pub agency_id: String,
    /// Name of the agency.
    pub agency: String,
    /// Identifier of the user.
    pub user_id: String,
    /// The name that the user gave the session, where the way to assume an agency has one.
    pub session: Option<String>,
}

/// How the request came by which a function was invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokedFrom {
    /// Where it came from, as far as that is known.
    pub peer: Option<IpAddr>,
    /// Whether it was encrypted on its way.
    pub is_secure: bool,
}

impl InvokedFrom {
    /// What is known of a request of the function, as if it had come the way that the invocation did.
    #[must_use]
    pub fn context(self, request: &RequestContext) -> RequestContext {
        RequestContext { source_ip: self.peer, secure_transport: Some(self.is_secure), ..request.clone() }
    }
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Name for logs: a user's name, also where it acts as an agency, or what a temporary key was made for.
    pub name: String,
    /// Identifier of the user whose rights these are; absent for agencies and for temporary keys of the service itself.
    pub user_id: Option<String>,
    /// Name of the user, as conditions of policies see it; absent as `user_id` is.
    pub user_name: Option<String>,
    /// The agency that a user acts as. It has the rights of the agency and none of the user's.
    pub assumed: Option<Assumed>,
    /// Projects it may use.
    pub projects: Vec<ProjectId>,
    /// Whether what proved the caller is for one project, whatever others its user may use.
    pub is_confined: bool,
    /// Whether its user may use projects that it may not, because it is confined.
    pub is_narrowed: bool,
    /// What it may do. [`Caller::decide`] asks these and [`Caller::bound`].
    pub policies: Vec<Policy>,
    /// What it may do at most, whatever `policies` say: those of its user when a temporary key was made for a function.
    pub bound: Option<Vec<Policy>>,
    /// Of the function of a rotation: how its server holds the task. Its requests are refused once that lease has ended.
    pub hold: Option<token::Hold>,
    /// Generation of the user's tokens; see [`csms_store::UserDetails::generation`].
    pub generation: u64,
    /// When what proved the caller ends: a token, a temporary key, or an access key that has an end.
    pub expires: Option<UnixMillis>,
    /// Whether a login's token proved the caller, which has an end although the user may log in again.
    pub is_login: bool,
    /// The access key that proved the caller, or with which was made what proved it.
    pub access_key: Option<Arc<str>>,
    /// Whether it is a function: a temporary key proved the caller that was made for a user's invocation or a task.
    pub is_function: bool,
    /// Of a function that a caller of the API invoked: how that request came. Conditions hold for it, too.
    pub invoked_from: Option<InvokedFrom>,
}

/// What two judgements say together, of which both must allow and either may deny.
const fn both(one: Option<Effect>, other: Option<Effect>) -> Option<Effect> {
    match (one, other) {
        (Some(Effect::Deny), _) | (_, Some(Effect::Deny)) => Some(Effect::Deny),
        (Some(Effect::Allow), Some(Effect::Allow)) => Some(Effect::Allow),
        (None, _) | (_, None) => None,
    }
}

impl Caller {
    /// The service itself, which no request comes from.
    #[must_use]
    pub fn service() -> Self {
        Self {
            name: "csms".to_owned(),
            user_id: None,
            user_name: None,
            assumed: None,
            projects: Vec::new(),
            is_confined: false,
            is_narrowed: false,
            policies: Vec::new(),
            bound: None,
            hold: None,
            generation: 0,
            expires: None,
            is_login: false,
            access_key: None,
            is_function: false,
            invoked_from: None,
        }
    }

    /// Name of a caller that has proved no identity.
    pub const NOBODY: &str = "nobody";

    /// Whoever has proven nothing: it may do nothing but log in.
    #[must_use]
    pub fn nobody() -> Self {
        Self { name: Self::NOBODY.to_owned(), ..Self::service() }
    }

    /// What the caller's policies say about one of the names of an action on a resource. Of a caller with a bound, both the
    /// policies and the bound must allow, and either may deny. Of a function that was invoked, the same holds for its request
    /// and the invocation: without that, a caller would act from the server's own address.
    #[must_use]
    pub fn decide(&self, actions: &[&str], resource: &str, context: &RequestContext) -> Option<Effect> {
        let decided = self.decide_in(actions, resource, context);
        match self.invoked_from {
            Some(from) => both(decided, self.decide_in(actions, resource, &from.context(context))),
            None => decided,
        }
    }

    fn decide_in(&self, actions: &[&str], resource: &str, context: &RequestContext) -> Option<Effect> {
        let decided = decide(&self.policies, actions, resource, context);
        match &self.bound {
            Some(bound) => both(decided, decide(bound, actions, resource, context)),
            None => decided,
        }
    }

    /// Whether a decision depends on more than action and resource.
    #[must_use]
    pub fn has_conditions(&self) -> bool {
        self.policies.iter().chain(self.bound.iter().flatten()).any(Policy::has_conditions)
    }

    /// When access keys that the caller makes have to end: with what proved it, unless that was a login of the user.
    #[must_use]
    pub fn end_of_mints(&self) -> Option<UnixMillis> {
        self.expires.filter(|_| self.user_id.is_some() && !self.is_login)
    }

    /// Requires that the caller may be given, or may give, further credentials and rights that last: tokens, keys, passwords,
    /// grants, policies, or credentials of a function. Those of a function may not, or they would live on in what they made.
    ///
    /// # Errors
    /// CSMS.0302.
    pub fn require_minting(&self) -> Result<(), ApiError> {
        self.require_invoking()?;
        if self.assumed.is_some() {
            let reason =
                "an assumed agency makes no further credentials, gives no lasting rights, and assumes no other agency";
            return Err(ApiError::new(ErrorCode::Forbidden, reason));
        }
        Ok(())
    }

    /// Requires that a function may be given credentials to act for the caller: those of a function make no further ones.
    ///
    /// # Errors
    /// CSMS.0302.
    pub fn require_invoking(&self) -> Result<(), ApiError> {
        if self.is_function {
            return Err(ApiError::new(
                ErrorCode::Forbidden,
                "the credentials of a function make no further credentials and give no lasting rights",
            ));
        }
        Ok(())
    }

    /// Identifier of the user who asks, also where it acts as an agency. For records; it gives no right.
    #[must_use]
    pub fn asking_user(&self) -> Option<&str> {
        self.user_id.as_deref().or_else(|| self.assumed.as_ref().map(|assumed| assumed.user_id.as_str()))
    }

    /// Name of the agency that the caller has assumed.
    #[must_use]
    pub fn agency(&self) -> Option<&str> {
        self.assumed.as_ref().map(|assumed| assumed.agency.as_str())
    }

    /// A user that a login names, for records: it may do nothing by this.
    #[must_use]
    pub fn named(name: &str, id: &str) -> Self {
        Self { name: name.to_owned(), user_id: Some(id.to_owned()), ..Self::service() }
    }

    /// Whether the caller may use the project at all.
    #[must_use]
    pub fn may_use(&self, project: &ProjectId) -> bool {
        self.projects.contains(project)
    }

    /// The same caller in one project only, and in none if it may not use that one.
    #[must_use]
    pub fn within(&self, project: &ProjectId) -> Self {
        let projects: Vec<_> = self.projects.iter().filter(|allowed| *allowed == project).cloned().collect();
        let is_narrowed = self.is_narrowed || projects.len() < self.projects.len();
        Self { projects, is_confined: true, is_narrowed, ..self.clone() }
    }
}

/// What has been established before the body was read.
pub enum Claim {
    /// A token proved who it is.
    Proven(Arc<Caller>),
    /// A signature claims it; the body's hash decides.
    Signed(signature::Claim),
}

/// Checks requests.
pub struct Authenticator {
    root: Arc<RootRing>,
    keys: AccessKeys,
    checks: PasswordChecks,
    clock: Clock,
}

fn unauthenticated(reason: &str) -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, reason)
}

/// A header's value as text, if it is ASCII or UTF-8. Clients send headers that they do not fill, which count as absent.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = headers.get(name).filter(|value| !value.is_empty());
    value.and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// Requires that copies of a header, of which the first is judged, say the same: what reads the request after a proxy may go by
/// another one.
fn require_agreement(headers: &HeaderMap, name: &str) -> Result<(), ApiError> {
    let mut copies = headers.get_all(name).iter();
    let first = copies.next();
    if copies.all(|copy| Some(copy) == first) {
        return Ok(());
    }
    Err(unauthenticated("a header that is signed or proves the caller is sent twice, with different values"))
}

impl Authenticator {
    /// Checks against the users of `store`, with secret keys and tokens opened by `root`.
    pub fn new(root: Arc<RootRing>, store: AnyStore, clock: Clock) -> Self {
        Self {
            keys: AccessKeys::new(Arc::clone(&root), store),
            root,
            checks: PasswordChecks::new(clock.clone()),
            clock,
        }
    }

    /// Checks and hashes passwords.
    #[must_use]
    pub const fn password_checks(&self) -> &PasswordChecks {
        &self.checks
    }

    /// Reads users, access keys and policies again, since they were changed here. Other servers notice within
    /// [`cache::LIFETIME`].
    pub fn forget(&self) {
        self.keys.forget();
    }

    /// Looks at the request's head: opens a token, or finds the claimed access key and checks the time. Nothing is
    /// read from the body before this succeeded.
    ///
    /// # Errors
    /// 401 with the reason.
    pub async fn claim(&self, parts: &Parts) -> Result<Claim, Failure> {
        let headers = &parts.headers;
        for name in ["authorization", "x-auth-token", "x-security-token"] {
            require_agreement(headers, name)?;
        }
        if let Some(text) = header(headers, "authorization") {
            let authorization = Authorization::parse(text).ok_or_else(|| {
                let form = "Access=…, SignedHeaders=…, Signature=… with X-Sdk-Date signed";
                let schemes = SCHEMES.join(", ");
                unauthenticated(&format!(
                    "the Authorization header is not of the form SDK-HMAC-SHA256 {form}; accepted schemes are {schemes}"
                ))
            })?;
            // Clients with permanent keys send it empty.
            let token = header(headers, "x-security-token");
            return self.signed(&authorization, headers, token).await.map(Claim::Signed);
        }
        match header(headers, "x-auth-token") {
            Some(token) => {
                let (_, caller) = self.open_token(token).await?;
                Ok(Claim::Proven(Arc::new(caller)))
            }
            None => Err(unauthenticated("neither an Authorization nor an X-Auth-Token header").into()),
        }
    }

    /// The agency of this identifier as the caller may act as it: in the caller's project alone, if what proved the caller is
    /// for one project, and until that ends. `None` when the caller may not assume it.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn assume(&self, caller: &Caller, agency_id: &str) -> Result<Option<Caller>, Failure> {
        let Some(user) = &caller.user_id else { return Ok(None) };
        let Some(agency) = self.keys.acting(user, caller.generation, Some(agency_id)).await? else { return Ok(None) };
        let mut agency = Caller { expires: caller.expires, access_key: caller.access_key.clone(), ..(*agency).clone() };
        if caller.is_confined {
            agency.projects.retain(|project| caller.may_use(project));
            agency.is_confined = true;
        }
        Ok(Some(agency))
    }

    /// A user's token, and its bearer within the token's project.
    ///
    /// # Errors
    /// 401 CSMS.0301 when it is not valid, or its user's tokens are not any more; failures of the store.
    pub async fn open_token(&self, token: &str) -> Result<(token::UserToken, Caller), Failure> {
        let token = token::UserToken::open(&self.root, token, self.clock.now())?;
        let user = self.keys.acting(&token.user_id, token.generation, token.agency.as_deref()).await?;
        let ended = match token.agency {
            None => "its user is not there any more, is disabled, or has another password since",
            Some(_) => "its user or its agency is not there any more, or the user may not assume the agency any more",
        };
        let user = user.ok_or_else(|| ApiError::new(ErrorCode::InvalidToken, ended))?;
        let user = match &token.project {
            Some(project) => user.within(project),
            None => (*user).clone(),
        };
        if !self.is_in_use(token.access_key.as_deref()).await? {
            return Err(
                ApiError::new(ErrorCode::InvalidToken, "the access key that it was made with is out of use").into()
            );
        }
        let is_login = token.agency.is_none();
        let access_key = token.access_key.as_deref().map(Arc::from);
        let caller = Caller { expires: Some(token.expires), is_login, access_key, ..user };
        Ok((token, caller))
    }

    /// Whether the access key that something was made with, if any, can still be used itself.
    async fn is_in_use(&self, access_key: Option<&str>) -> Result<bool, Failure> {
        let Some(access_key) = access_key else { return Ok(true) };
        Ok(self.keys.get(access_key, self.clock.now()).await?.is_some())
    }
}
