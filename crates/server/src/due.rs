//! Background work that comes due: secrets whose deletion window has closed.

use std::{sync::Arc, time::Duration};

use csms_core::Refusal;
use csms_store::{ChangeError, Store, StoreError};

use crate::{app::App, dispatch::Chain};

/// How often the server looks for due work.
const INTERVAL: Duration = Duration::from_secs(10);

/// Most secrets handled in one go.
const BATCH: u16 = 100;

/// Looks for due work until the task is dropped.
pub async fn watch(app: Arc<App>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = delete_due(&app).await {
            tracing::error!(cause = %Chain(&error), "scheduled deletions will be tried again");
        }
    }
}

/// Deletes every secret whose window has closed.
///
/// # Errors
/// Failures of the store; what was deleted stays deleted.
pub async fn delete_due(app: &App) -> Result<(), StoreError> {
    loop {
        let now = app.clock.now();
        let due = app.store.due_deletions(now, BATCH).await?;
        for (project, name) in &due {
            // Looked at again inside the transaction: it may have been restored meanwhile.
            let deleted = app.store.change_secret(project, name, false, move |draft| {
                if draft.secret.is_deletion_due(now) {
                    draft.delete();
                    Ok(())
                } else {
                    Err(Refusal::NotScheduled)
                }
            });
            match deleted.await {
                Ok(()) => {
                    app.metrics.deleted();
                    tracing::info!(secret = %name, "deleted, its recovery window has closed");
                }
                Err(ChangeError::NotFound | ChangeError::Refused(_)) => {}
                Err(ChangeError::Store(error)) => return Err(error),
            }
        }
        if due.len() < usize::from(BATCH) {
            return Ok(());
        }
    }
}
