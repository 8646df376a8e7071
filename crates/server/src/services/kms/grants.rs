//! Grants of keys: which users may use a key besides those whose policies allow it. See [`crate::gate::authorisation`] for what
//! a grant lets its user do.
//!
//! The account is one, so grants are for users.

use csms_api::{
    ErrorCode,
    kms::{
        KmsOperation,
        request::grant::{CreateGrant, GrantPage, read_grant, read_list, read_retirable, words},
        response::{DoneResponse, GrantEntity, GrantIdResponse, GrantPageResponse},
    },
};
use csms_core::{KeyId, Rule, Violation};
use csms_store::{KeyGrant, KeyRecord, Store};

use super::{Named, access_to, change, keys_to_list, lifecycle::require_changeable, no_such_key};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, Kind, Need, Stored},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// Most grants of one key.
pub(super) const MOST_GRANTS: usize = 100;

fn no_such_grant() -> Failure {
    Failure::new(ErrorCode::KmsKeyNotFound, "the key has no such grant")
}

/// Refuses an identifier that is no user's.
async fn require_user(call: &Call, id: &str, member: &'static str) -> Result<(), Failure> {
    let found = call.app.store.user(id).await?.filter(|user| user.domain_id == call.app.identity.domain_id);
    match found {
        Some(_) => Ok(()),
        None => Err(vec![Violation::new(Rule::Unknown, "a user of this installation").at(member)].into()),
    }
}

/// CreateGrant: nobody grants what they may not do with the key themselves.
pub(super) async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = CreateGrant::read(body.object()?)?;
    let named = Named::find(&call, &request.key).await?;
    let mut accesses = vec![named.access(&call)];
    if let Some(id) = &named.0 {
        let granted = request.operations.iter().map(|operation| {
            let actions = operation.specification().actions;
            Access::key(actions, &call.project, id, Stored::Unread).called("the key, which it would let another use")
        });
        accesses.extend(granted);
    }
    Ok(Prepared::new(accesses, async move {
        let id = named.id()?;
        require_user(&call, &request.grantee, "grantee_principal").await?;
        if !request.retiring.is_empty() {
            require_user(&call, &request.retiring, "retiring_principal").await?;
        }
        let mut number = [0; 32];
        getrandom::fill(&mut number)?;
        let grant = KeyGrant {
            id: hex::encode(number),
            grantee: request.grantee,
            operations: words(&request.operations),
            issuer: call.caller.user_id.clone().unwrap_or_default(),
            retiring: request.retiring,
            name: request.name,
            create_time: call.app.clock.now(),
        };
        let grant_id = grant.id.clone();
        let add = move |key: &mut KeyRecord, _: &[KeyRecord]| {
            require_changeable(key)?;
            if key.details.grants.len() >= MOST_GRANTS {
                return Err(Failure::new(ErrorCode::KmsKeyQuota, format!("a key has at most {MOST_GRANTS} grants")));
            }
            key.details.grants.push(grant);
            Ok(())
        };
        change(&call, &id, add).await?;
        Answer::json(&GrantIdResponse { grant_id })
    }))
}

/// Removes a grant of a key.
async fn remove(call: &Call, key: &KeyId, grant: String) -> Result<Answer, Failure> {
    let remove = move |key: &mut KeyRecord, _: &[KeyRecord]| {
        let before = key.details.grants.len();
        key.details.grants.retain(|known| known.id != grant);
        if key.details.grants.len() < before { Ok(()) } else { Err(no_such_grant()) }
    };
    change(call, key, remove).await?;
    Answer::json(&DoneResponse {})
}

/// CancelGrant, which revokes a grant.
pub(super) async fn revoke(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, grant) = read_grant(body.object()?)?;
    let named = Named::find(&call, &name).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move { remove(&call, &named.id()?, grant).await }))
}

/// CancelSelfGrant, which retires a grant: takes no policy of the user who has it and may retire it by it, and of the user that
/// it names for this.
pub(super) async fn retire(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, id) = read_grant(body.object()?)?;
    let named = Named::find(&call, &name).await?;
    let found = named.record(&call).await?;
    let is_ones_own = |user: &String| {
        let retire = KmsOperation::CancelSelfGrant.grant_word();
        let grants = found.iter().flat_map(|key| &key.details.grants).filter(|grant| grant.id == id);
        let may_retire = |grant: &KeyGrant| grant.operations.iter().any(|word| Some(word.as_str()) == retire);
        grants.into_iter().any(|grant| grant.retiring == *user || (grant.grantee == *user && may_retire(grant)))
    };
    let need = if call.caller.user_id.as_ref().is_some_and(is_ones_own) { Need::NoDeny } else { Need::Allow };
    let access = access_to(&call, &named, found.clone()).needs(need);
    Ok(Prepared::new(vec![access], async move {
        let key = found.ok_or_else(no_such_key)?;
        // Grants are not changed, so one of this identifier is the one that was judged.
        remove(&call, &key.id, id).await
    }))
}

fn entity(key: &KeyId, grant: KeyGrant) -> GrantEntity {
    GrantEntity {
        key_id: key.clone(),
        grant_id: grant.id,
        grantee_principal: grant.grantee,
        grantee_principal_type: "user",
        operations: grant.operations,
        issuing_principal: grant.issuer,
        creation_date: grant.create_time.as_millis().to_string(),
        name: grant.name,
        retiring_principal: grant.retiring,
    }
}

/// A page of grants.
fn page(all: Vec<GrantEntity>, page: GrantPage) -> Result<Answer, Failure> {
    let total = all.len() as u64;
    let limit = page.limit.unwrap_or(total.max(1));
    let next = page.marker.saturating_add(limit);
    let (skip, take) = (usize::try_from(page.marker), usize::try_from(limit));
    let truncated = next < total;
    Answer::json(&GrantPageResponse {
        grants: all.into_iter().skip(skip.unwrap_or(usize::MAX)).take(take.unwrap_or(usize::MAX)).collect(),
        next_marker: if truncated { next.to_string() } else { String::new() },
        truncated: if truncated { "true" } else { "false" },
        total,
    })
}

/// ListKeyGrants
pub(super) async fn list(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, wanted) = read_list(body.object()?)?;
    let named = Named::find(&call, &name).await?;
    let found = named.record(&call).await?;
    Ok(Prepared::new(vec![access_to(&call, &named, found.clone())], async move {
        let KeyRecord { id, details, .. } = found.ok_or_else(no_such_key)?;
        page(details.grants.into_iter().map(|grant| entity(&id, grant)).collect(), wanted)
    }))
}

/// ListRetirableGrants: the grants that name the caller to retire them, of all keys that no policy denies.
pub(super) fn list_retirable(call: Call, body: Body) -> Result<Prepared, Failure> {
    let wanted = read_retirable(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Key)], async move {
        let mut all = Vec::new();
        if let Some(user) = &call.caller.user_id {
            for KeyRecord { id, details, .. } in keys_to_list(&call).await? {
                let retirable = details.grants.into_iter().filter(|grant| grant.retiring == *user);
                all.extend(retirable.map(|grant| entity(&id, grant)));
            }
        }
        page(all, wanted)
    }))
}
