//! Background work that comes due: automatic rotations, tasks that nobody is at, and secrets whose deletion window has
//! closed.
//!
//! Work is found by time through an index, so secrets that are not due cost nothing.

use std::{sync::Arc, time::Duration};

use csms_api::ErrorCode;
use csms_core::{
    ProjectId, Refusal, SecretName, TaskId,
    task::{Task, TaskStatus},
};
use csms_store::{ChangeError, Store, StoreError};
use getrandom::SysRng;

use crate::{app::App, dispatch::Chain, failure::Failure, operations::rotation, tasks};

/// How often the server looks for due work at least; the scheduler of the cloud looks once an hour.
const INTERVAL: Duration = Duration::from_secs(10);

/// The shortest wait between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Most secrets handled in one go.
const BATCH: u16 = 100;

/// Looks for due work until the task is dropped.
pub async fn watch(app: Arc<App>) {
    loop {
        if let Err(error) = delete_due(&app).await {
            tracing::error!(cause = %Chain(&error), "scheduled deletions will be tried again");
        }
        if let Err(error) = rotate_due(&app).await {
            tracing::error!(cause = %Chain(&error), "scheduled rotations will be tried again");
        }
        if let Err(error) = tasks::resume(&app).await {
            tracing::error!(cause = %Chain(&error), "running rotations will be looked for again");
        }
        tokio::time::sleep(until_next(&app).await).await;
    }
}

/// Time until something is due.
async fn until_next(app: &App) -> Duration {
    let Ok(Some(due)) = app.store.next_due_time().await else { return INTERVAL };
    Duration::from_millis(due.millis_since(app.clock.now())).clamp(PAUSE, INTERVAL)
}

/// Begins every automatic rotation that is due, as far as there is room; the rest waits for the next look.
///
/// # Errors
/// Failures of the store; what has begun goes on.
pub async fn rotate_due(app: &Arc<App>) -> Result<(), StoreError> {
    for (project, name) in app.store.due_rotations(app.clock.now(), BATCH).await? {
        if !app.rotations.has_room() {
            return Ok(());
        }
        match rotation::start(app, &project, &name, true).await {
            Ok(_) => {}
            // Begun by hand or by another replica in the meantime.
            Err(failure) if failure.error.code == ErrorCode::RotationRunning => {}
            Err(failure) if failure.error.code == ErrorCode::Internal => {
                tracing::error!(secret = %name, error = %failure.error, "a due rotation will be tried again");
            }
            Err(failure) => note_failure(app, &project, &name, failure).await?,
        }
    }
    Ok(())
}

/// Writes down a rotation that could not even begin as a failed task, so that it is seen, counted and not tried again at
/// once.
async fn note_failure(app: &App, project: &ProjectId, name: &SecretName, failure: Failure) -> Result<(), StoreError> {
    let Ok(id) = TaskId::make(&mut SysRng) else { return Ok(()) };
    let now = app.clock.now();
    tracing::warn!(secret = %name, error = %failure.error, "a due rotation cannot begin");
    let noted = app.store.change_secret(project, name, false, move |draft| {
        let secret = &mut draft.secret;
        // Rotated or switched off by hand meanwhile: then there is nothing to note.
        if secret.running_task.is_some() || secret.next_rotation_time.is_none_or(|due| due > now) {
            return Err(());
        }
        let (Some(function), Some(config)) = (&secret.rotation_func_urn, &secret.rotation_config) else {
            secret.finish_rotation(secret.next_version(), false, true, now);
            return Ok(());
        };
        let task = Task {
            id,
            project: secret.project.clone(),
            secret_id: secret.id.clone(),
            secret_name: secret.name.clone(),
            function: function.clone(),
            mode: config.mode(),
            version: secret.next_version(),
            create_time: now,
            attempts: 0,
            scheduled: true,
            status: TaskStatus::Failed { code: failure.error.code.as_str().to_owned(), message: failure.error.message },
        };
        secret.finish_rotation(task.version, false, true, now);
        draft.put_task(task);
        Ok(())
    });
    match noted.await {
        Ok(()) | Err(ChangeError::NotFound | ChangeError::Refused(())) => Ok(()),
        Err(ChangeError::Store(error)) => Err(error),
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
