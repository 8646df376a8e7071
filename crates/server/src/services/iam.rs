//! The operations of IAM v5 on the same port: users, access keys, logins and policies.
//!
//! Rights, audit and metrics are the gate's. A change is decided in the transaction that stores it, with its record, so two at
//! the same time both count. What an operation does is in the modules below.

pub mod administrators;
mod assume;
mod catalog;
mod credentials;
mod issued;
mod policies;
pub mod records;
mod temporary;
pub mod tokens;
mod users;

pub(crate) use catalog::versions;

use std::sync::Arc;

use csms_api::{
    ApiError, ErrorCode, ErrorShape,
    iam::{IamOperation, page::PageRequest},
    operation::Specification,
};
use csms_core::UnixMillis;
use csms_store::{AccessChange, AccessState, AuditEntry, ChangeError, Store, StoreError, UserRecord};
use serde_json::{Value, json};

use crate::{
    audit::Origin,
    clock,
    failure::Failure,
    gate::{
        access::{Access, Kind, Lasting, Resource},
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service},
    },
};

impl Service for IamOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        Scope::Domain
    }

    fn audited(self) -> Audited {
        if self.is_audited() { Audited::Change } else { Audited::No }
    }

    /// The right to attach a policy is a right to the user.
    fn kind(self) -> Kind {
        if self.is_of_policies() { Kind::Policy } else { Kind::User }
    }

    /// A policy may deny, so taking one off gives rights, too. What only deletes gives none: a policy is not deleted while it is
    /// attached, nor a version while it counts.
    fn lasting(self) -> Lasting {
        match self {
            Self::CreateLoginProfileV5 | Self::UpdateLoginProfileV5 => Lasting::Password,
            Self::CreateUserV5
            | Self::UpdateUserV5
            | Self::CreateAccessKeyV5
            | Self::UpdateAccessKeyV5
            | Self::CreatePolicyV5
            | Self::CreatePolicyVersionV5
            | Self::SetDefaultPolicyVersionV5
            | Self::AttachUserPolicyV5
            | Self::DetachUserPolicyV5 => Lasting::OfAccount,
            Self::ListUsersV5
            | Self::ShowUserV5
            | Self::DeleteUserV5
            | Self::ListAccessKeysV5
            | Self::DeleteAccessKeyV5
            | Self::ShowAccessKeyLastUsedV5
            | Self::ShowLoginProfileV5
            | Self::DeleteLoginProfileV5
            | Self::ListAttachedUserPoliciesV5
            | Self::ListPoliciesV5
            | Self::GetPolicyV5
            | Self::DeletePolicyV5
            | Self::ListPolicyVersionsV5
            | Self::GetPolicyVersionV5
            | Self::DeletePolicyVersionV5
            | Self::ListEntitiesForPolicyV5 => Lasting::No,
        }
    }

    fn translate(self, mut failure: Failure) -> Failure {
        failure.error.code = failure.error.code.of_iam();
        failure
    }

    /// IAM v5's error body: `{"error_code","error_msg","request_id"}`.
    fn error_body(self, error: &ApiError, request_id: &str) -> Value {
        let mut body = error.body(ErrorShape::Flat);
        body["request_id"] = json!(request_id);
        body
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        match self {
            Self::ListUsersV5 => users::list(call),
            Self::CreateUserV5 => users::create(call, body),
            Self::ShowUserV5 => users::show(call).await,
            Self::UpdateUserV5 => users::update(call, body).await,
            Self::DeleteUserV5 => users::delete(call).await,
            Self::ListAccessKeysV5 => credentials::list_keys(call).await,
            Self::CreateAccessKeyV5 => credentials::create_key(call).await,
            Self::UpdateAccessKeyV5 => credentials::update_key(call, body).await,
            Self::DeleteAccessKeyV5 => credentials::delete_key(call).await,
            Self::ShowAccessKeyLastUsedV5 => credentials::show_key_use(call).await,
            Self::ShowLoginProfileV5 => credentials::show_login(call).await,
            Self::CreateLoginProfileV5 => credentials::create_login(call, body).await,
            Self::UpdateLoginProfileV5 => credentials::update_login(call, body).await,
            Self::DeleteLoginProfileV5 => credentials::delete_login(call).await,
            Self::ListAttachedUserPoliciesV5 => policies::list_attached(call).await,
            Self::ListPoliciesV5 => policies::list(call),
            Self::CreatePolicyV5 => policies::create(call, body),
            Self::GetPolicyV5 => policies::show(call).await,
            Self::DeletePolicyV5 => policies::delete(call).await,
            Self::ListPolicyVersionsV5 => policies::list_versions(call).await,
            Self::CreatePolicyVersionV5 => policies::create_version(call, body).await,
            Self::GetPolicyVersionV5 => policies::show_version(call).await,
            Self::DeletePolicyVersionV5 => policies::delete_version(call).await,
            Self::SetDefaultPolicyVersionV5 => policies::set_default_version(call).await,
            Self::AttachUserPolicyV5 => policies::attach(call, body).await,
            Self::DetachUserPolicyV5 => policies::detach(call, body).await,
            Self::ListEntitiesForPolicyV5 => policies::list_users(call).await,
        }
    }
}

/// `2026-01-02T03:04:05.678Z`.
fn rfc3339(time: UnixMillis) -> String {
    clock::rfc3339(time, 3)
}

fn not_found(what: &str) -> Failure {
    Failure::new(ErrorCode::IamNotFound, format!("there is no such {what}"))
}

/// The operation's access to a user by name.
fn to_user(call: &Call, name: &str) -> Access {
    Access::new(call.actions(), Resource::User(name.to_owned()))
}

/// A user that a request names by its identifier.
struct NamedUser {
    id: String,
    found: Option<UserRecord>,
}

impl NamedUser {
    /// The user that the path names.
    async fn in_path(call: &Call) -> Result<Self, Failure> {
        Self::read(call, call.path_text("user_id").to_owned()).await
    }

    async fn read(call: &Call, id: String) -> Result<Self, Failure> {
        let found = call.app.store.user(&id).await?;
        Ok(Self { id, found: found.filter(|user| user.domain_id == call.app.identity.domain_id) })
    }

    /// The operation's access to it. Names are known only to whoever may do something with users.
    fn access(&self, call: &Call) -> Access {
        match &self.found {
            Some(user) => to_user(call, &user.name),
            None => call.all(Kind::User),
        }
    }

    fn found(self) -> Result<UserRecord, Failure> {
        self.found.ok_or_else(|| not_found("user"))
    }

    /// Changes the user. It must still have the name whose right was judged.
    async fn change<T: Send + 'static>(
        self,
        call: &Call,
        decide: impl FnOnce(&mut UserRecord, &AccessState) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (id, domain, judged) = (self.id, call.app.identity.domain_id.clone(), self.found.map(|user| user.name));
        change(call, move |state| {
            let mut user = find(state, &domain, &id)?.clone();
            require_name(&user, judged.as_deref())?;
            let answer = decide(&mut user, state)?;
            let target = user.name.clone();
            Ok(Decision { answer, changes: vec![AccessChange::PutUser(user)], target })
        })
        .await
    }
}

/// Refuses a user that was renamed since the right to it was judged.
fn require_name(user: &UserRecord, judged: Option<&str>) -> Result<(), Failure> {
    if judged == Some(user.name.as_str()) { Ok(()) } else { Err(not_found("user")) }
}

/// The answer to the caller, what changes, and what the record names.
struct Decision<T> {
    answer: T,
    changes: Vec<AccessChange>,
    target: String,
}

/// The page that is asked for.
fn page(call: &Call) -> Result<PageRequest, Failure> {
    Ok(PageRequest::read(call.query(), call.operation())?)
}

/// Changes users, access keys or policies by what is stored, in one transaction with the record of it. This server goes by it
/// from the next request on. A change that would leave nobody who may administer is refused, as the cloud refuses one of the
/// account itself; `csms user --offline --force` makes it all the same.
async fn change<T: Send + 'static>(
    call: &Call,
    decide: impl FnOnce(&AccessState) -> Result<Decision<T>, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (origin, trail, now) = (Origin::current(), Arc::clone(&call.app.trail), call.app.clock.now());
    let recorded = move |state: &AccessState| {
        let Decision { answer, changes, target } = decide(state)?;
        if administrators::leaves_nobody(state, &changes, now) {
            return Err(Failure::new(ErrorCode::IamConflict, administrators::LEAVES_NOBODY));
        }
        let record: AuditEntry = trail.change_of_account(&origin, &target);
        Ok((answer, changes, vec![record]))
    };
    let changed = call.app.store.decide_access(recorded).await;
    call.app.authenticator.forget();
    changed.map_err(|error| match error {
        ChangeError::Refused(failure) => failure,
        ChangeError::NotFound | ChangeError::Store(StoreError::NotFound) => not_found("user, key or policy"),
        ChangeError::Store(StoreError::Conflict(_)) => {
            Failure::new(ErrorCode::IamExists, "another change took the name at the same time")
        }
        ChangeError::Store(error) => error.into(),
    })
}

/// The user of this identifier, of this account.
fn find<'s>(state: &'s AccessState, domain: &str, id: &str) -> Result<&'s UserRecord, Failure> {
    let found = state.users.iter().find(|user| user.id == id && user.domain_id == domain);
    found.ok_or_else(|| not_found("user"))
}
