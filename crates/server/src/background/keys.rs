//! Keys whose deletion is due.

use std::sync::Arc;

use csms_store::{ChangeError, KeyRecord, Store, StoreError};

use crate::{app::App, audit::Origin, failure::Failure, keys::project::is_gone};

/// Removes the material of keys whose time has come, for good. Values that they protect can never be read again.
///
/// # Errors
/// Failures of the store.
pub async fn purge(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
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
