//! The rotation of a key's material: its status, on and off, and its interval. Rotating is [`crate::background::keys`]'s part.

use csms_api::{
    ErrorCode,
    kms::{
        request::{
            read_key_id,
            rotation::{DEFAULT_INTERVAL_DAYS, read_interval},
        },
        response::{DoneResponse, RotationStatusResponse},
    },
};
use csms_core::{KeyName, UnixMillis};
use csms_store::{KeyRecord, KeyRotation, KeyState};

use super::{
    Named, access_to, change,
    lifecycle::{not_in_state, require_own},
    no_such_key,
};
use crate::{
    failure::Failure,
    gate::{
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// ShowKeyRotationStatus
pub(super) async fn show(call: Call, body: Body) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &read_key_id(body.object()?)?).await?;
    let found = named.record(&call).await?;
    Ok(Prepared::new(vec![access_to(&call, &named, found.clone())], async move {
        let details = found.ok_or_else(no_such_key)?.details;
        let rotation = details.rotation.filter(|rotation| rotation.enabled);
        let last = details.materials.last().map(|material| material.create_time.as_millis().to_string());
        Answer::json(&RotationStatusResponse {
            key_rotation_enabled: rotation.is_some(),
            // Terraform takes any other number of a key that is not rotated for a setting, and refuses each of its changes.
            rotation_interval: rotation.map_or(0, |rotation| rotation.interval_days),
            last_rotation_time: last.unwrap_or_default(),
            number_of_rotations: details.materials.len() as u64,
        })
    }))
}

/// Changes how a key of one's own is rotated.
async fn changing(
    call: Call,
    name: KeyName,
    decide: impl FnOnce(KeyRotation, KeyState, UnixMillis) -> Result<KeyRotation, Failure> + Send + 'static,
) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &name).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let now = call.app.clock.now();
        let decide = move |key: &mut KeyRecord, _: &[KeyRecord]| {
            require_own(key)?;
            let never = KeyRotation { enabled: false, interval_days: DEFAULT_INTERVAL_DAYS, since: now };
            key.details.rotation = Some(decide(key.details.rotation.unwrap_or(never), key.state, now)?);
            Ok(())
        };
        change(&call, &named.id()?, decide).await?;
        Answer::json(&DoneResponse {})
    }))
}

fn require_enabled(state: KeyState) -> Result<(), Failure> {
    if state == KeyState::Enabled { Ok(()) } else { Err(not_in_state("enabled")) }
}

/// EnableKeyRotation: the first rotation is an interval from now. One that is enabled already goes on as it is.
pub(super) async fn enable(call: Call, body: Body) -> Result<Prepared, Failure> {
    let name = read_key_id(body.object()?)?;
    let enable = |rotation: KeyRotation, state, now| {
        require_enabled(state)?;
        let since = if rotation.enabled { rotation.since } else { now };
        Ok(KeyRotation { enabled: true, since, ..rotation })
    };
    changing(call, name, enable).await
}

/// DisableKeyRotation: the material in use stays in use.
pub(super) async fn disable(call: Call, body: Body) -> Result<Prepared, Failure> {
    let name = read_key_id(body.object()?)?;
    let disable = |rotation: KeyRotation, state, _| match state {
        KeyState::Enabled | KeyState::Disabled => Ok(KeyRotation { enabled: false, ..rotation }),
        KeyState::PendingDeletion => Err(Failure::new(ErrorCode::KmsKeyState, "it waits for its deletion")),
    };
    changing(call, name, disable).await
}

/// UpdateKeyRotationInterval: the next rotation is this long after the last one.
pub(super) async fn change_interval(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, interval_days) = read_interval(body.object()?)?;
    let change = move |rotation: KeyRotation, state, _| {
        require_enabled(state)?;
        Ok(KeyRotation { interval_days, ..rotation })
    };
    changing(call, name, change).await
}
