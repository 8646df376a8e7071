//! Keys whose deletion, or whose rotation, is due. Both wait while the clock is in doubt.

use std::sync::Arc;

use csms_store::{ChangeError, KeyRecord, KeyRotation, KeyState, Store, StoreError};

use crate::{app::App, audit::Origin, failure::Failure, keys::project::is_gone};

/// Removes the material of keys whose time has come, for good. Values that they protect can never be read again.
///
/// # Errors
/// Failures of the store.
pub async fn purge(app: &App) -> Result<(), StoreError> {
    let Ok(now) = app.clock.believed() else { return Ok(()) };
    let due = app.store.keys_pending_deletion().await?.into_iter().filter(|key| is_gone(key, now));
    for KeyRecord { id, project, .. } in due {
        let (origin, trail) = (Origin::service("DeleteDueKey"), Arc::clone(&app.trail));
        let (wanted, of) = (id.clone(), project.clone());
        let removed = app.store.change_keys(&project, move |keys| {
            let before = keys.len();
            // Looked at again inside the transaction: the deletion may have been cancelled meanwhile.
            keys.retain(|key| key.id != wanted || !is_gone(key, now));
            let entry = trail.change(&origin, &of, |record| record.key = Some(wanted.as_str()));
            let removed = keys.len() < before;
            Ok::<_, Failure>((removed, if removed { vec![entry] } else { Vec::new() }))
        });
        match removed.await {
            Ok(true) => tracing::info!(key = %id, "the key was deleted, its waiting time is over"),
            Ok(false) | Err(ChangeError::NotFound | ChangeError::Refused(_)) => {}
            Err(ChangeError::Store(error)) => return Err(error),
        }
        app.keys.forget(&project, &id);
    }
    Ok(())
}

/// Gives keys whose rotation is due further material. It seals after [`crate::keys::project::MATERIAL_LEAD_MILLIS`]; what was
/// sealed before is opened by the material that sealed it.
///
/// # Errors
/// Failures of the store, and of the random number generator.
pub async fn rotate(app: &App) -> Result<(), Failure> {
    let Ok(now) = app.clock.believed() else { return Ok(()) };
    for due in app.store.keys_due_for_rotation(now).await? {
        let (origin, trail) = (Origin::service("RotateDueKey"), Arc::clone(&app.trail));
        let material = app.keys.make_material(&due)?;
        let (read, project, id) = (due.details.materials.len(), due.project.clone(), due.id.clone());
        let rotated = app.store.change_keys(&project, move |keys| {
            // Looked at again inside the transaction: another server may have rotated it, or it is not to be rotated any more.
            let is_due = |key: &&mut KeyRecord| {
                let rotation = key.details.rotation.and_then(|rotation| rotation.due());
                key.id == due.id
                    && key.state == KeyState::Enabled
                    && key.details.materials.len() == read
                    && rotation.is_some_and(|due| due <= now)
            };
            let Some(key) = keys.iter_mut().find(is_due) else { return Ok((false, Vec::new())) };
            key.details.materials.push(material);
            key.details.rotation = key.details.rotation.map(|rotation| KeyRotation { since: now, ..rotation });
            let entry = trail.change(&origin, &key.project, |record| record.key = Some(key.id.as_str()));
            Ok::<_, Failure>((true, vec![entry]))
        });
        match rotated.await {
            Ok(true) => tracing::info!(key = %id, "the material of the key was rotated"),
            Ok(false) | Err(ChangeError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        app.keys.forget(&project, &id);
    }
    Ok(())
}
