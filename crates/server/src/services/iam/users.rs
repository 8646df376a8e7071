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

use super::{Call, Decision, find, rfc3339};
use crate::{failure::Failure, gate::answer::Answer, installation::make_id};

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

pub(super) async fn list(call: &Call) -> Result<Answer, Failure> {
    let page = call.page()?;
    if call.query("group_id").is_some() {
        return Err(vec![Violation::new(Rule::Forbidden, "").at("group_id")].into());
    }
    let domain = &call.app.identity.domain_id;
    let users = match call.query("access_key_id") {
        Some(key) => call.app.store.access_key(key).await?.map(|(_, user)| user).into_iter().collect(),
        None => call.app.store.users().await?,
    };
    let users = users.iter().filter(|user| user.domain_id == *domain);
    let (users, page_info) = page.cut(users.map(describe).collect(), |user| &user.user_name);
    Answer::json(&ListUsersResponse { users, page_info })
}

pub(super) async fn show(call: &Call) -> Result<Answer, Failure> {
    let user = User { tags: Some([]), ..describe(&call.user().await?) };
    Answer::json(&UserResponse { user })
}

/// Refuses a name that another user of the account has.
fn require_free(state: &AccessState, domain: &str, name: &str) -> Result<(), Failure> {
    if state.users.iter().any(|user| user.domain_id == domain && user.name == name) {
        return Err(Failure::new(ErrorCode::IamExists, "there is a user of this name"));
    }
    Ok(())
}

pub(super) async fn create(call: &Call) -> Result<Answer, Failure> {
    let CreateUser { name, description, enabled } = CreateUser::read(call.body()?)?;
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
    call.change(move |state| {
        require_free(state, &user.domain_id, &user.name)?;
        let target = user.name.clone();
        Ok(Decision { answer: (), changes: vec![AccessChange::PutUser(user)], target })
    })
    .await?;
    response(&made)
}

pub(super) async fn update(call: &Call) -> Result<Answer, Failure> {
    let request = UpdateUser::read(call.body()?)?;
    let changed = call.change_user(move |user, state| {
        if let Some(name) = request.name.filter(|name| *name != user.name) {
            require_free(state, &user.domain_id, &name)?;
            user.name = name;
        }
        if let Some(description) = request.description {
            user.details.description = description;
        }
        if let Some(enabled) = request.enabled {
            if is_root(user) && !enabled {
                return Err(Failure::new(ErrorCode::IamConflict, "the first user cannot be disabled by a request"));
            }
            user.enabled = enabled;
        }
        Ok(user.clone())
    });
    response(&changed.await?)
}

/// Removes a user with its access keys. What it was attached stays.
pub(super) async fn delete(call: &Call) -> Result<Answer, Failure> {
    let (id, domain) = (call.name(0).to_owned(), call.app.identity.domain_id.clone());
    call.change(move |state| {
        let user = find(state, &domain, &id)?;
        if is_root(user) {
            return Err(Failure::new(ErrorCode::IamConflict, "the first user cannot be deleted by a request"));
        }
        Ok(Decision { answer: (), changes: vec![AccessChange::DeleteUser(id)], target: user.name.clone() })
    })
    .await?;
    Ok(Answer::Empty)
}
