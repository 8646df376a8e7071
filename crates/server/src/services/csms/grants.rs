//! Grants: which users may read a secret besides those whose policies allow it. See [`crate::gate::authorisation`] for what a grant
//! lets its user do.
//!
//! The installation has no groups, neither of secrets nor of users.

use std::sync::Arc;

use csms_api::{
    ErrorCode,
    fields::both,
    request::grant::{GrantQuery, GrantRequest},
    response::grant::{GrantInfo, GrantResponse, ListGrantsResponse, SecretGrantsInfo},
};
use csms_core::{Refusal, Rule, Secret, SecretId, SecretName, Violation, identity::make_uuid, secret::Grant};
use csms_store::{Store, UserRecord};
use getrandom::SysRng;

use crate::{
    failure::Failure,
    gate::{
        access::{Access, Kind, READ_VALUE, Stored},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// The secret that a `resource_id` names: by its identifier, or else by its name.
async fn find(call: &Call, named: &str) -> Result<Option<Arc<Secret>>, Failure> {
    if let Ok(id) = SecretId::parse(named)
        && let Some(secret) = call.app.store.secret_by_id(&call.project, &id).await?
    {
        return Ok(Some(Arc::new(secret)));
    }
    let Ok(name) = SecretName::parse(named) else { return Ok(None) };
    Ok(call.app.store.secret(&call.project, &name).await?.map(Arc::new))
}

/// The operation's access to the secret.
fn access(call: &Call, found: Option<&Arc<Secret>>, named: &str) -> Access {
    match (found, SecretName::parse(named)) {
        (Some(secret), _) => Access::found(call.actions(), secret),
        (None, Ok(name)) => Access::secret(call.actions(), &call.project, &name, Stored::Missing),
        (None, Err(_)) => call.all(Kind::Secret),
    }
}

/// What granting touches: the secret, and the right to read its values, those of versions to come and each that there is. Nobody
/// grants what their own policies do not allow, and a grant that they have does not count.
fn granting(call: &Call, found: Option<&Arc<Secret>>, named: &str) -> Vec<Access> {
    let reading = found
        .into_iter()
        .flat_map(|secret| [Access::found(READ_VALUE, secret)].into_iter().chain(Access::reading_each(secret)));
    [access(call, found, named)].into_iter().chain(reading).collect()
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
    let unknown = || vec![Violation::new(Rule::Unknown, "a user of this installation").at("grantee_target_id")];
    Ok(user(call, &request.grantee).await?.ok_or_else(unknown)?)
}

/// Groups are neither of secrets nor of users here.
fn require_no_group(request: &GrantRequest) -> Result<(), Failure> {
    if request.is_of_group {
        return Err(Failure::new(ErrorCode::NoGroups, "a secret (type SECRET) is granted to a user (grantee_type 0)"));
    }
    Ok(())
}

/// CreateGrants: nobody grants what they may not read themselves.
///
/// # Errors
/// Every problem of the request; groups; of the work: no such secret or user; its state; a grant that exists; the quota of
/// grants.
pub async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let now = call.app.clock.now();
    let request = GrantRequest::read(body.object()?, now)?;
    let found = find(&call, &request.resource).await?;
    Ok(Prepared::new(granting(&call, found.as_ref(), &request.resource), async move {
        require_no_group(&request)?;
        let user_id = grantee(&call, &request).await?.id;
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        let id = make_uuid(&mut SysRng)?;
        let grant = Grant { id, user_id, create_time: now, update_time: now, valid_until: request.valid_until };
        let data = GrantInfo::of(&secret, &grant);
        call.change_found(&secret, move |secret| secret.add_grant(grant)).await?;
        Answer::json(&GrantResponse { data })
    }))
}

/// UpdateGrant
///
/// # Errors
/// Every problem of the request; groups; of the work: no such secret, user or grant; its state.
pub async fn update(call: Call, body: Body) -> Result<Prepared, Failure> {
    let now = call.app.clock.now();
    let (query, request) = both(GrantQuery::read(call.query()), GrantRequest::read(body.object()?, now))?;
    let found = find(&call, &query.resource).await?;
    let named_again = find(&call, &request.resource).await?;
    Ok(Prepared::new(granting(&call, found.as_ref(), &query.resource), async move {
        require_no_group(&request)?;
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        if named_again.ok_or(Refusal::SecretNotFound)?.id != secret.id {
            return Err(vec![Violation::new(Rule::Unknown, "the secret of the query").at("resource_id")].into());
        }
        let user_id = grantee(&call, &request).await?.id;
        let prolonged =
            call.change_found(&secret, move |secret| secret.prolong_grant(&user_id, request.valid_until, now));
        let data = GrantInfo::of(&secret, &prolonged.await?);
        Answer::json(&GrantResponse { data })
    }))
}

/// ListGrants: those of users that exist, also grants that are over.
///
/// # Errors
/// Every problem of the parameters; of the work: no such secret.
pub async fn list(call: Call) -> Result<Prepared, Failure> {
    let query = GrantQuery::read(call.query())?;
    let found = find(&call, &query.resource).await?;
    Ok(Prepared::new(vec![access(&call, found.as_ref(), &query.resource)], async move {
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        let mut named = Vec::with_capacity(secret.grants.len());
        for grant in &secret.grants {
            let user = call.app.store.user(&grant.user_id).await?;
            named.extend(user.map(|user| (grant, user.name)));
        }
        Answer::json(&ListGrantsResponse { data: SecretGrantsInfo::of(&secret, named) })
    }))
}

/// DeleteGrant
///
/// # Errors
/// Every problem of the parameters; of the work: no such secret or grant; its state.
pub async fn delete(call: Call) -> Result<Prepared, Failure> {
    let query = GrantQuery::read(call.query())?;
    let found = find(&call, &query.resource).await?;
    Ok(Prepared::new(vec![access(&call, found.as_ref(), &query.resource)], async move {
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        let user_id = match &query.grantee {
            None => None,
            // A user who was deleted is known by the identifier alone.
            Some(named) => Some(user(&call, named).await?.map_or_else(|| named.clone(), |user| user.id)),
        };
        call.change_found(&secret, move |secret| secret.remove_grants(user_id.as_deref())).await?;
        Ok(Answer::Empty)
    }))
}
