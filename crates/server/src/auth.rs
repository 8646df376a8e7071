//! Who a request comes from: a signature with an access key, or a token.
//!
//! Decides identity only. What an identity may do is decided by its policies in [`crate::gate::pipeline`].

pub mod cache;
pub mod lockout;
pub mod passwords;
pub mod signature;
pub mod token;

use std::sync::Arc;

use axum::http::{HeaderMap, request::Parts};
use csms_api::{ApiError, ErrorCode};
use csms_core::{ProjectId, policy::Policy, sign::Authorization};
use csms_kms::RootKey;
use csms_store::AnyStore;

use crate::{clock::Clock, failure::Failure};
use cache::AccessKeys;
use lockout::Lockout;

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Name for logs: a user's name, or what a temporary key was made for.
    pub name: String,
    /// Identifier of the user; absent for temporary keys of the service itself.
    pub user_id: Option<String>,
    /// Projects it may use.
    pub projects: Vec<ProjectId>,
    /// What it may do.
    pub policies: Vec<Policy>,
    /// Of the function of a rotation: how its server holds the task. It is heard only as long as that server does.
    pub hold: Option<token::Hold>,
}

impl Caller {
    /// The service itself, which no request comes from.
    #[must_use]
    pub fn service() -> Self {
        Self { name: "csms".to_owned(), user_id: None, projects: Vec::new(), policies: Vec::new(), hold: None }
    }

    /// Whether the caller may use the project at all.
    #[must_use]
    pub fn may_use(&self, project: &ProjectId) -> bool {
        self.projects.contains(project)
    }

    /// The same caller in one project only, and in none if it may not use that one.
    #[must_use]
    pub fn within(&self, project: &ProjectId) -> Self {
        let projects = self.projects.iter().filter(|allowed| *allowed == project).cloned().collect();
        Self { projects, ..self.clone() }
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
    root: Arc<RootKey>,
    keys: AccessKeys,
    lockout: Arc<Lockout>,
    passwords: Lockout,
    clock: Clock,
}

fn unauthenticated(reason: &str) -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, reason)
}

/// A header's value as text, if it is ASCII or UTF-8.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

impl Authenticator {
    /// Checks against the users of `store`, with secret keys and tokens opened by `root`.
    pub fn new(root: Arc<RootKey>, store: AnyStore, clock: Clock) -> Self {
        Self {
            keys: AccessKeys::new(Arc::clone(&root), store),
            root,
            lockout: Arc::default(),
            passwords: Lockout::default(),
            clock,
        }
    }

    /// Wrong passwords in a row, by user, where users change their own.
    #[must_use]
    pub const fn passwords(&self) -> &Lockout {
        &self.passwords
    }

    /// Reads users, access keys and policies anew, since they were changed here. Other servers notice within
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
        if let Some(text) = header(headers, "authorization") {
            let authorization = Authorization::parse(text).ok_or_else(|| {
                unauthenticated("the Authorization header is not of the form SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…, with X-Sdk-Date signed")
            })?;
            let token = header(headers, "x-security-token");
            return self.signed(&authorization, headers, token).await.map(Claim::Signed);
        }
        match header(headers, "x-auth-token") {
            Some(token) => {
                let token = token::UserToken::open(&self.root, token, self.clock.now())?;
                let user = self.keys.user(&token.user_id).await?;
                let user = user.ok_or_else(|| ApiError::new(ErrorCode::InvalidToken, "its user does not exist"))?;
                Ok(Claim::Proven(match token.project {
                    Some(project) => Arc::new(user.within(&project)),
                    None => user,
                }))
            }
            None => Err(unauthenticated("neither an Authorization nor an X-Auth-Token header").into()),
        }
    }
}
