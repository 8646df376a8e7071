//! Users: list, make, show, change, delete.

use csms_api::{
    ErrorCode,
    iam::{
        request::{CreateUser, UpdateUser},
        response::{ListUsersResponse, User, UserResponse},
    },
};
use csms_core::{Rule, Violation, policy::user_resource};
use csms_store::{AccessChange, AccessState, Store, UserDetails, UserRecord};

use super::{Decision, NamedUser, change, find, page, require_name, rfc3339, to_user};
use crate::{
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
    installation::make_id,
};

/// Whether it is the first user, which has a policy of its own.
fn is_root(user: &UserRecord) -> bool {
    !user.policies.is_empty()
}

fn describe(user: &UserRecord) -> User {
    User {
        user_id: user.id.clone(),
        user_name: user.name.clone(),
        description: user.details.description.clone(),
        enabled: user.enabled,
        is_root_user: is_root(user),
        created_at: user.details.create_time.map(rfc3339),
        urn: user_resource(&user.domain_id, &user.name),
        tags: None,
    }
}

fn response(user: &UserRecord) -> Result<Answer, Failure> {
    Answer::json(&UserResponse { user: describe(user) })
}

pub(super) fn list(call: Call) -> Result<Prepared, Failure> {
    let page = page(&call)?;
    if call.query_text("group_id").is_some() {
        return Err(vec![Violation::new(Rule::Forbidden, "").at("group_id")].into());
    }
    Ok(Prepared::new(vec![call.all(Kind::User)], async move {
        let domain = &call.app.identity.domain_id;
        let users = match call.query_text("access_key_id") {
            Some(key) => call.app.store.access_key(key).await?.map(|(_, user)| user).into_iter().collect(),
            None => call.app.store.users().await?,
        };
        let users = users.iter().filter(|user| user.domain_id == *domain);
        let (users, page_info) = page.cut(users.map(describe).collect(), |user| &user.user_name);
        Answer::json(&ListUsersResponse { users, page_info })
    }))
}

pub(super) async fn show(call: Call) -> Result<Prepared, Failure> {
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let user = User { tags: Some([]), ..describe(&named.found()?) };
        Answer::json(&UserResponse { user })
    }))
}

/// Refuses a name that another user of the account has.
fn require_free(state: &AccessState, domain: &str, name: &str) -> Result<(), Failure> {
    if state.users.iter().any(|user| user.domain_id == domain && user.name == name) {
        return Err(Failure::new(ErrorCode::IamExists, "there is a user of this name"));
    }
    Ok(())
}

pub(super) fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let CreateUser { name, description, enabled } = CreateUser::read(body.object()?)?;
    Ok(Prepared::new(vec![to_user(&call, &name)], async move {
        let identity = &call.app.identity;
        let create_time = Some(call.app.clock.now());
        let user = UserRecord {
            id: make_id()?,
            name,
            domain_id: identity.domain_id.clone(),
            password_hash: None,
            projects: vec![identity.project_id.clone()],
            policies: Vec::new(),
            attached: Vec::new(),
            enabled,
            details: UserDetails { description, create_time, ..UserDetails::default() },
        };
        let made = user.clone();
        change(&call, move |state| {
            require_free(state, &user.domain_id, &user.name)?;
            let target = user.name.clone();
            Ok(Decision { answer: (), changes: vec![AccessChange::PutUser(user)], target })
        })
        .await?;
        response(&made)
    }))
}

/// UpdateUserV5: a user that gets another name is judged under both.
pub(super) async fn update(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = UpdateUser::read(body.object()?)?;
    let named = NamedUser::in_path(&call).await?;
    let mut accesses = vec![named.access(&call)];
    accesses.extend(request.name.iter().map(|name| to_user(&call, name)));
    Ok(Prepared::new(accesses, async move {
        let changed = named.change(&call, move |user, state| {
            if let Some(name) = request.name.filter(|name| *name != user.name) {
                require_free(state, &user.domain_id, &name)?;
                user.name = name;
            }
            if let Some(description) = request.description {
                user.details.description = description;
            }
            if let Some(enabled) = request.enabled {
                if is_root(user) && !enabled {
                    let reason = "the first user cannot be disabled by a request";
                    return Err(Failure::new(ErrorCode::IamConflict, reason));
                }
                user.enabled = enabled;
            }
            Ok(user.clone())
        });
        response(&changed.await?)
    }))
}

/// Removes a user with its access keys. The policies that were attached to it stay.
pub(super) async fn delete(call: Call) -> Result<Prepared, Failure> {
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let (id, domain) = (named.id.clone(), call.app.identity.domain_id.clone());
        let judged = named.found()?.name;
        change(&call, move |state| {
            let user = find(state, &domain, &id)?;
            require_name(user, Some(&judged))?;
            if is_root(user) {
                return Err(Failure::new(ErrorCode::IamConflict, "the first user cannot be deleted by a request"));
            }
            Ok(Decision { answer: (), changes: vec![AccessChange::DeleteUser(id)], target: judged })
        })
        .await?;
        Ok(Answer::Empty)
    }))
}
