//! The users of the installation: list, show, and a user's change of the own password. Users are made by `csms user`.
//!
//! The account is the one organisation there is.

use csms_api::{
    ErrorCode,
    request::user::{ChangePassword, ListUsers},
    response::user::{ListUsersResponse, OrganisationInfo, UserDetailResponse, UserIdResponse, UserInfo},
};
use csms_store::{AccessChange, Store, StoreError, UserRecord};

use crate::{
    audit::Origin,
    auth::passwords::Checked,
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// That a user belongs to the organisation itself and not to a part of it, as in the documented example.
const MEMBER: &str = "1";

fn organisations(user: &UserRecord) -> Vec<OrganisationInfo> {
    vec![OrganisationInfo { org_id: user.domain_id.clone(), relation_type: MEMBER.to_owned() }]
}

fn is_locked(call: &Call, user: &UserRecord) -> bool {
    call.app.authenticator.password_checks().is_held_off(&user.id)
}

/// ListUsers
///
/// # Errors
/// Every problem of the parameters.
pub fn list(call: Call) -> Result<Prepared, Failure> {
    let query = ListUsers::read(call.query())?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let part = query.part_of_name.map(|part| part.to_lowercase());
        let mut users = call.app.store.users().await?;
        users.retain(|user| {
            user.domain_id == call.app.identity.domain_id
                && query.organisation.as_ref().is_none_or(|wanted| *wanted == user.domain_id)
                && part.as_ref().is_none_or(|part| user.name.to_lowercase().contains(part))
        });
        let total = users.len() as u64;
        let first = usize::try_from(query.page.saturating_mul(query.limit)).unwrap_or(usize::MAX);
        let page = users.into_iter().skip(first).take(usize::try_from(query.limit).unwrap_or(usize::MAX));
        let users = page.map(|user| UserInfo {
            user_org_relation_list: organisations(&user),
            disabled: (!user.enabled).to_string(),
            locked: is_locked(&call, &user).to_string(),
            pwd_must_modify: false,
            name: user.name.clone(),
            user_name: user.name,
            user_id: user.id,
            org_id: user.domain_id,
        });
        Answer::json(&ListUsersResponse { total, users: users.collect() })
    }))
}

/// ShowUserDetail
///
/// # Errors
/// Of the work: no such user.
pub fn show(call: Call) -> Prepared {
    Prepared::new(vec![call.all(Kind::Secret)], async move {
        let user = call.app.store.user(call.path_text("user_id")).await?;
        let user = user.filter(|user| user.domain_id == call.app.identity.domain_id);
        let user = user.ok_or_else(|| Failure::new(ErrorCode::ResourceNotFound, "the user does not exist"))?;
        Answer::json(&UserDetailResponse {
            user_org_relation_list: organisations(&user),
            disabled: !user.enabled,
            locked: is_locked(&call, &user).to_string(),
            pwd_must_modify: false,
            name: user.name.clone(),
            user_name: user.name,
            user_id: user.id,
            org_id: user.domain_id.clone(),
            domain_id: user.domain_id,
        })
    })
}

/// UpdateUserPassword: the caller's own. Wrong current passwords slow down further ones from the same address.
///
/// # Errors
/// Every problem of the request; of the work: a caller that is no user; a wrong current password; too many of them.
pub fn change_password(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = ChangePassword::read(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move { change(&call, request).await }))
}

async fn change(call: &Call, request: ChangePassword) -> Result<Answer, Failure> {
    let id = call.caller.user_id.as_deref();
    let id = id.ok_or_else(|| Failure::new(ErrorCode::Forbidden, "the caller is no user and has no password"))?;
    let user = call.app.store.user(id).await?.filter(|user| user.enabled);
    let user = user.ok_or_else(|| Failure::new(ErrorCode::ResourceNotFound, "the user does not exist"))?;
    let new = call.app.new_password(request.new, &user.name)?;
    let peer = call.peer();
    let checks = call.app.authenticator.password_checks();
    match checks.check(Some(&user), &user.name, peer, request.old).await? {
        Checked::Right => {}
        Checked::Wrong => return Err(Failure::new(ErrorCode::WrongPassword, "old_password is not the user's")),
        Checked::HeldOff { wait_seconds } => {
            let reason = format!("wait {wait_seconds} seconds");
            return Err(Failure::new(ErrorCode::PasswordLocked, reason).for_seconds(wait_seconds));
        }
    }
    let hash = checks.hash(peer, new).await?;
    let time = call.app.clock.now();
    let replacement =
        AccessChange::ReplacePassword { user_id: user.id.clone(), old: user.password_hash, new: hash, time };
    let record = call.app.trail.change(&Origin::current(), &call.project, |record| record.target = Some(&user.name));
    let changed = call.app.store.change_access(vec![replacement], vec![record]).await;
    call.app.authenticator.forget();
    match changed {
        Ok(()) => Answer::json(&UserIdResponse { user_id: user.id }),
        // Another has changed it meanwhile: what was old is not the user's any more.
        Err(StoreError::Conflict(_)) => Err(Failure::new(ErrorCode::WrongPassword, "it has just been changed")),
        Err(error) => Err(error.into()),
    }
}
