//! Grants: which users may read a secret besides those whose policies allow it. See [`crate::gate::authorisation`] for what a grant
//! lets its user do.
//!
//! The installation has no groups, neither of secrets nor of users.

use csms_api::{
    ErrorCode,
    fields::both,
    request::grant::{GrantQuery, GrantRequest},
    response::grant::{GrantInfo, GrantResponse, ListGrantsResponse, SecretGrantsInfo},
};
use csms_core::{
    ProjectId, Refusal, Rule, Secret, SecretId, SecretName, Violation, identity::make_uuid, secret::Grant,
};
use csms_store::{Store, UserRecord};
use getrandom::SysRng;

use crate::{
    app::App, failure::Failure, gate::answer::Answer, gate::authorisation::require_value_readable, gate::pipeline::Call,
};

/// The secret that a `resource_id` names: by its identifier, or else by its name.
///
/// # Errors
/// Failures of the store.
pub async fn resource(app: &App, project: &ProjectId, named: &str) -> Result<Option<Secret>, Failure> {
    if let Ok(id) = SecretId::parse(named)
        && let Some(secret) = app.store.secret_by_id(project, &id).await?
    {
        return Ok(Some(secret));
    }
    let Ok(name) = SecretName::parse(named) else { return Ok(None) };
    Ok(app.store.secret(project, &name).await?)
}

async fn find(call: &Call, named: &str) -> Result<Secret, Failure> {
    Ok(resource(&call.app, &call.project, named).await?.ok_or(Refusal::SecretNotFound)?)
}

/// The user of this identifier or name.
async fn user(call: &Call, named: &str) -> Result<Option<UserRecord>, Failure> {
    let app = &call.app;
    let by_id = app.store.user(named).await?.filter(|user| user.domain_id == app.identity.domain_id);
    match by_id {
        Some(user) => Ok(Some(user)),
        None => Ok(app.store.user_by_name(Some(&app.identity.domain_id), named).await?),
    }
}

async fn grantee(call: &Call, request: &GrantRequest) -> Result<UserRecord, Failure> {
    if request.is_of_group {
        return Err(Failure::new(ErrorCode::NoGroups, "a secret (type SECRET) is granted to a user (grantee_type 0)"));
    }
    let unknown = || vec![Violation::new(Rule::Unknown, "a user of this installation").at("grantee_target_id")];
    Ok(user(call, &request.grantee).await?.ok_or_else(unknown)?)
}

/// Changes the grants of a secret.
async fn change<T: Send + 'static>(
    call: &Call,
    secret: &Secret,
    decide: impl FnOnce(&mut Secret) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Failure> {
    let id = secret.id.clone();
    let changed = call.app.store.change_secret(&call.project, &secret.name, false, move |draft| {
        // Another secret may have the name by now.
        if draft.secret.id == id { decide(&mut draft.secret) } else { Err(Refusal::SecretNotFound) }
    });
    Ok(changed.await?)
}

/// CreateGrants: nobody grants what they may not read themselves.
///
/// # Errors
/// Every problem of the request; groups; no such secret or user; its state; a grant that exists; the quota of grants.
pub async fn create(call: &Call) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let request = GrantRequest::read(call.body()?, now)?;
    let user_id = grantee(call, &request).await?.id;
    let secret = find(call, &request.resource).await?;
    require_value_readable(&call.app, &call.caller, &call.project, &secret.name).await?;
    let id = make_uuid(&mut SysRng)?;
    let grant = Grant { id, user_id, create_time: now, update_time: now, valid_until: request.valid_until };
    let data = GrantInfo::of(&secret, &grant);
    change(call, &secret, move |secret| secret.add_grant(grant)).await?;
    Answer::json(&GrantResponse { data })
}

/// UpdateGrant
///
/// # Errors
/// Every problem of the request; groups; no such secret, user or grant; its state.
pub async fn update(call: &Call) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let (query, request) = both(GrantQuery::read(&call.query()), GrantRequest::read(call.body()?, now))?;
    let secret = find(call, &query.resource).await?;
    if find(call, &request.resource).await?.id != secret.id {
        return Err(vec![Violation::new(Rule::Unknown, "the secret of the query").at("resource_id")].into());
    }
    let user_id = grantee(call, &request).await?.id;
    require_value_readable(&call.app, &call.caller, &call.project, &secret.name).await?;
    let prolonged = change(call, &secret, move |secret| secret.prolong_grant(&user_id, request.valid_until, now));
    let data = GrantInfo::of(&secret, &prolonged.await?);
    Answer::json(&GrantResponse { data })
}

/// ListGrants: those of users that exist, also grants that are over.
///
/// # Errors
/// Every problem of the parameters; no such secret.
pub async fn list(call: &Call) -> Result<Answer, Failure> {
    let secret = find(call, &GrantQuery::read(&call.query())?.resource).await?;
    let mut named = Vec::with_capacity(secret.grants.len());
    for grant in &secret.grants {
        let user = call.app.store.user(&grant.user_id).await?;
        named.extend(user.map(|user| (grant, user.name)));
    }
    Answer::json(&ListGrantsResponse { data: SecretGrantsInfo::of(&secret, named) })
}

/// DeleteGrant
///
/// # Errors
/// Every problem of the parameters; no such secret or grant; its state.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let query = GrantQuery::read(&call.query())?;
    let secret = find(call, &query.resource).await?;
    let user_id = match &query.grantee {
        None => None,
        // A user who was deleted is known by the identifier alone.
        Some(named) => Some(user(call, named).await?.map_or_else(|| named.clone(), |user| user.id)),
    };
    change(call, &secret, move |secret| secret.remove_grants(user_id.as_deref())).await?;
    Ok(Answer::Empty)
}
