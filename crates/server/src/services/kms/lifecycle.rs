//! The life of a key: create, list, describe, enable, disable, schedule its deletion, cancel that, rename.

use std::sync::Arc;

use csms_api::{
    ErrorCode,
    kms::{
        request::{
            CreateKey, ListKeys, RESERVED_SUFFIX, read_alias, read_description, read_key_id, read_schedule_deletion,
        },
        response::{
            DescribeKeyResponse, KeyDetails as DetailsResponse, KeyInfo, KeyInfoResponse, KeyStateResponse,
            ListKeysResponse,
        },
    },
};
use csms_core::KeyId;
use csms_store::{ChangeError, KeyDetails, KeyRecord, KeyState, Store, StoreError};
use getrandom::SysRng;

use super::{Named, access_to, change, enterprise_project, keys, no_such_key, state_of};
use crate::{
    audit::Origin,
    failure::Failure,
    gate::{
        access::{Facts, Kind},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// Most keys of one project, the service's own one included.
pub(super) const QUOTA: usize = 100;

const DAY: u64 = 86_400_000;

pub(super) fn is_default(key: &KeyRecord) -> bool {
    key.alias.ends_with(RESERVED_SUFFIX)
}

/// Whether some key bears the alias.
pub(super) fn is_taken(keys: &[KeyRecord], alias: &str) -> bool {
    keys.iter().any(|key| key.alias == alias || key.details.aliases.iter().any(|other| other.name == alias))
}

pub(super) fn taken() -> Failure {
    Failure::new(ErrorCode::KmsAliasExists, "another key of the project bears it")
}

pub(super) fn not_in_state(expected: &str) -> Failure {
    Failure::new(ErrorCode::KmsKeyState, format!("it must be {expected}"))
}

/// Refuses to change a key that is the service's.
pub(super) fn require_own(key: &KeyRecord) -> Result<(), Failure> {
    if is_default(key) { Err(Failure::new(ErrorCode::KmsDefaultKey, "")) } else { Ok(()) }
}

/// Refuses to change a key that is the service's, or that waits for its deletion.
pub(super) fn require_changeable(key: &KeyRecord) -> Result<(), Failure> {
    require_own(key)?;
    if key.state == KeyState::PendingDeletion { Err(not_in_state("enabled or disabled")) } else { Ok(()) }
}

pub(super) fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let CreateKey { alias, description, enterprise_project_id } = CreateKey::read(body.object()?)?;
    let enterprise = if enterprise_project_id.is_empty() { "0" } else { &enterprise_project_id };
    let facts = Facts { enterprise_project_id: Some(enterprise.to_owned()), ..Facts::default() };
    Ok(Prepared::new(vec![call.all(Kind::Key).with(facts)], async move {
        let details = KeyDetails { description, enterprise_project_id, ..KeyDetails::default() };
        let record = call.app.keys.make_record(&call.project, KeyId::make(&mut SysRng)?, alias, details)?;
        let info = KeyInfo {
            domain_id: Some(call.app.identity.domain_id.clone()),
            region_id: Some(call.app.identity.region_of(&call.project).to_owned()),
            ..KeyInfo::of(record.id.clone())
        };
        let (origin, trail) = (Origin::current(), Arc::clone(&call.app.trail));
        let made = call.app.store.change_keys(&call.project, move |keys| {
            if is_taken(keys, &record.alias) {
                return Err(taken());
            }
            if keys.len() >= QUOTA {
                return Err(Failure::new(ErrorCode::KmsKeyQuota, format!("a project has at most {QUOTA} keys")));
            }
            let entry = trail.change(&origin, &record.project, |entry| entry.key = Some(record.id.as_str()));
            keys.push(record);
            Ok(((), vec![entry]))
        });
        match made.await {
            Err(ChangeError::Store(StoreError::Conflict(_))) => Err(taken()),
            made => {
                made?;
                Answer::json(&KeyInfoResponse { key_info: info })
            }
        }
    }))
}

pub(super) fn details(call: &Call, key: KeyRecord) -> DetailsResponse {
    let default = is_default(&key);
    let deletion = key.details.scheduled_deletion.filter(|_| key.state == KeyState::PendingDeletion);
    let enterprise = enterprise_project(&key).to_owned();
    DetailsResponse {
        key_id: key.id,
        domain_id: call.app.identity.domain_id.clone(),
        key_alias: key.alias,
        realm: call.app.identity.region_of(&call.project).to_owned(),
        key_description: key.details.description,
        creation_date: key.create_time.as_millis().to_string(),
        scheduled_deletion_date: deletion.map(|due| due.as_millis().to_string()).unwrap_or_default(),
        key_state: state_of(key.state),
        default_key_flag: if default { "1" } else { "0" },
        key_type: "1",
        expiration_time: "",
        origin: "kms",
        key_rotation_enabled: if key.details.rotation.is_some_and(|rotation| rotation.enabled) {
            "true"
        } else {
            "false"
        },
        sys_enterprise_project_id: enterprise,
        key_usage: "ENCRYPT_DECRYPT",
        key_spec: "AES_256",
        keystore_id: "0",
    }
}

pub(super) fn list(call: Call, body: Body) -> Result<Prepared, Failure> {
    let wanted = ListKeys::read(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Key)], async move {
        let belongs = |key: &KeyRecord| {
            wanted.wants_aes
                && wanted.state.is_none_or(|state| state == state_of(key.state))
                && wanted.enterprise_project_id.as_deref().is_none_or(|id| id == enterprise_project(key))
        };
        let all: Vec<_> = keys(&call).await?.into_iter().filter(belongs).collect();
        let total = all.len() as u64;
        let limit = wanted.limit.unwrap_or(total.max(1));
        let next = wanted.marker.saturating_add(limit);
        let (skip, take) = (usize::try_from(wanted.marker), usize::try_from(limit));
        let page = all.into_iter().skip(skip.unwrap_or(usize::MAX)).take(take.unwrap_or(usize::MAX));
        let key_details: Vec<_> = page.map(|key| details(&call, key)).collect();
        let truncated = next < total;
        Answer::json(&ListKeysResponse {
            keys: key_details.iter().map(|key| key.key_id.clone()).collect(),
            key_details,
            next_marker: if truncated { next.to_string() } else { String::new() },
            truncated: if truncated { "true" } else { "false" },
            total,
        })
    }))
}

pub(super) async fn describe(call: Call, body: Body) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &read_key_id(body.object()?)?).await?;
    let found = named.record(&call).await?;
    Ok(Prepared::new(vec![access_to(&call, &named, found.clone())], async move {
        Answer::json(&DescribeKeyResponse { key_info: details(&call, found.ok_or_else(no_such_key)?) })
    }))
}

/// Moves a key from one state to another.
async fn switch(call: &Call, id: &KeyId, from: KeyState, to: KeyState, expected: &'static str) -> Result<(), Failure> {
    let switch = move |key: &mut KeyRecord, _: &[KeyRecord]| {
        require_own(key)?;
        if key.state != from {
            return Err(not_in_state(expected));
        }
        key.state = to;
        key.details.scheduled_deletion = None;
        Ok(())
    };
    change(call, id, switch).await
}

pub(super) async fn enable(call: Call, body: Body) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &read_key_id(body.object()?)?).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        switch(&call, &id, KeyState::Disabled, KeyState::Enabled, "disabled").await?;
        Answer::json(&KeyInfoResponse {
            key_info: KeyInfo { key_state: Some(state_of(KeyState::Enabled)), ..KeyInfo::of(id) },
        })
    }))
}

pub(super) async fn disable(call: Call, body: Body) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &read_key_id(body.object()?)?).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        switch(&call, &id, KeyState::Enabled, KeyState::Disabled, "enabled").await?;
        Answer::json(&KeyInfoResponse {
            key_info: KeyInfo { key_state: Some(state_of(KeyState::Disabled)), ..KeyInfo::of(id) },
        })
    }))
}

pub(super) async fn cancel_deletion(call: Call, body: Body) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &read_key_id(body.object()?)?).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        switch(&call, &id, KeyState::PendingDeletion, KeyState::Disabled, "scheduled for deletion").await?;
        Answer::json(&KeyStateResponse { key_id: id, key_state: state_of(KeyState::Disabled) })
    }))
}

pub(super) async fn schedule_deletion(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, days) = read_schedule_deletion(body.object()?)?;
    let named = Named::find(&call, &name).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        let due = call.app.clock.begin_window().plus_millis(days.saturating_mul(DAY));
        let schedule = move |key: &mut KeyRecord, _: &[KeyRecord]| {
            require_changeable(key)?;
            key.state = KeyState::PendingDeletion;
            key.details.scheduled_deletion = Some(due);
            Ok(())
        };
        change(&call, &id, schedule).await?;
        Answer::json(&KeyStateResponse { key_id: id, key_state: state_of(KeyState::PendingDeletion) })
    }))
}

pub(super) async fn update_alias(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, alias) = read_alias(body.object()?, "key_id", "key_alias")?;
    let named = Named::find(&call, &name).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        let name = alias.clone();
        let rename = move |key: &mut KeyRecord, all: &[KeyRecord]| {
            require_changeable(key)?;
            if key.alias != name && is_taken(all, &name) {
                return Err(taken());
            }
            key.alias = name;
            Ok(())
        };
        change(&call, &id, rename).await?;
        Answer::json(&KeyInfoResponse { key_info: KeyInfo { key_alias: Some(alias), ..KeyInfo::of(id) } })
    }))
}

pub(super) async fn update_description(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, description) = read_description(body.object()?)?;
    let named = Named::find(&call, &name).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        let text = description.clone();
        let describe = move |key: &mut KeyRecord, _: &[KeyRecord]| {
            require_changeable(key)?;
            key.details.description = text;
            Ok(())
        };
        change(&call, &id, describe).await?;
        Answer::json(&KeyInfoResponse { key_info: KeyInfo { key_description: Some(description), ..KeyInfo::of(id) } })
    }))
}

/// Moves a key to another enterprise project.
///
/// # Errors
/// No such key; one of the service's own; one that waits for its deletion.
pub(in crate::services) async fn move_to_enterprise_project(
    call: &Call,
    id: &KeyId,
    target: String,
) -> Result<(), Failure> {
    let decide = move |key: &mut KeyRecord, _: &[KeyRecord]| {
        require_changeable(key)?;
        key.details.enterprise_project_id = target;
        Ok(())
    };
    change(call, id, decide).await
}
