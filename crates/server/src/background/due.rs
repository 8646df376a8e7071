//! Background work that is due: automatic rotations, tasks that nobody is at, secrets whose deletion window has closed,
//! and records of tasks that are old enough to go.
//!
//! Work is found by time through an index, so secrets that are not due cost nothing.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use csms_api::ErrorCode;
use csms_core::{
    ProjectId, Refusal, Secret, SecretName, TaskId, UnixMillis,
    event::{EventType, Occurrence},
    identity::make_uuid,
    period::MAX_SECONDS,
    rotation::message::service as say,
    schedule::{Aftermath, next_rotation},
    task::{Task, TaskStatus},
};
use csms_store::{ChangeError, Draft, Store, StoreError, TaskOutcome};
use getrandom::SysRng;

use crate::{
    app::App,
    audit::Origin,
    background::believed_time::BelievedTime,
    failure::Failure,
    rotation::{
        begin::{self, Reason},
        worker,
    },
    telemetry::outage::{self, LastLine},
};

/// How often the server looks for due work at least; the scheduler of the cloud looks once an hour.
const INTERVAL: Duration = Duration::from_secs(10);

/// The shortest wait between two looks, unless rotations wait for room.
const PAUSE: Duration = Duration::from_secs(1);

/// Most secrets handled in one go.
const BATCH: u16 = 100;

/// How long records of tasks are kept, in days: of failed ones a month, as the cloud does, of succeeded ones longer.
const KEPT: [(TaskOutcome, u64); 2] = [(TaskOutcome::Failed, 31), (TaskOutcome::Succeeded, 93)];

/// How often old records are looked for.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Looks for due work until the task is dropped.
pub async fn watch(app: Arc<App>) {
    let mut purged: Option<Instant> = None;
    let mut time = BelievedTime::default();
    loop {
        time.look(&app).await;
        // Callers of the invoke API need them, too, and free space is noticed before anything is due.
        app.functions.prepare_all().await;
        let deleted = Origin::service("DeleteDueSecret").during(delete_due(&app)).await;
        logged(deleted, "scheduled deletions will be tried again");
        if purged.is_none_or(|purged| purged.elapsed() >= PURGE_INTERVAL) {
            purged = Some(Instant::now());
            logged(super::keys::purge(&app).await, "keys whose time has come will be deleted later");
            if let Err(failure) = super::keys::rotate(&app).await {
                tracing::error!(cause = ?failure, "keys whose rotation is due will be rotated later");
            }
            logged(purge(&app).await, "old records of tasks will be removed later");
            let planned = Origin::service("PlanRotation").during(plan_far(&app)).await;
            logged(planned, "rotations that were put off by a clock that was far ahead will be planned later");
        }
        let more = Origin::service("RotateDueSecret").during(rotate(&app)).await;
        if logged(measure(&app).await, "how much rotation work there is will be measured again").is_some() {
            app.readiness.looked();
        }
        app.metrics.writable(app.health.can_write(&app.store).await);
        app.health.can_read(&app.store).await;
        logged(super::gauges::look(&app).await, "the numbers of /metrics will be looked up again");
        if !more {
            app.clock.sleep(until_next(&app).await).await;
        }
    }
}

fn logged<T>(outcome: Result<T, StoreError>, failed: &'static str) -> Option<T> {
    outcome.inspect_err(|error| outage::report(error, failed)).ok()
}

/// Resumes and begins rotations. While more are due than there is room for, each that ends makes room for the next at once;
/// after a while the other kinds of work get their turn, and orphaned tasks are looked for again. Returns whether more wait.
async fn rotate(app: &Arc<App>) -> bool {
    let begun = Instant::now();
    let mut more_to_resume = true;
    loop {
        // What has begun may be half-way, so it comes first.
        if more_to_resume {
            let resumed = logged(worker::resume(app).await, "running rotations will be looked for again");
            more_to_resume = resumed == Some(true);
        }
        let more_due = logged(rotate_due(app).await, "scheduled rotations will be tried again");
        if !more_to_resume && more_due != Some(true) {
            return false;
        }
        tokio::select! {
            () = app.rotations.wait_for_room() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
        if begun.elapsed() >= PAUSE {
            return true;
        }
    }
}

/// Time until something is due.
async fn until_next(app: &App) -> Duration {
    // What is due waits while the clock is in doubt.
    let Ok(now) = app.clock.believed() else { return INTERVAL };
    let Ok(Some(due)) = app.store.next_due_time().await else { return INTERVAL };
    Duration::from_millis(due.millis_since(now)).clamp(PAUSE, INTERVAL)
}

/// Shows how much rotation work there is.
async fn measure(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    let backlog = app.store.rotation_backlog(now).await?;
    app.metrics.looked(&backlog, now);
    Ok(())
}

/// Removes old records of finished tasks. Waits while the clock is in doubt.
///
/// # Errors
/// Failures of the store; what was removed stays removed.
pub async fn purge(app: &App) -> Result<(), StoreError> {
    let Ok(now) = app.clock.believed() else { return Ok(()) };
    for (outcome, days) in KEPT {
        let before = UnixMillis::new(now.as_millis().saturating_sub(days * 86_400_000));
        loop {
            let removed = app.store.purge_tasks(outcome, before, BATCH).await?;
            app.metrics.purged(removed);
            if removed < u64::from(BATCH) {
                break;
            }
        }
    }
    Ok(())
}

/// The longest wait for an automatic rotation: the longest period, an hour of spread, and a day between the clocks of servers.
const LONGEST_WAIT_MILLIS: u64 = (MAX_SECONDS + 3_600 + 86_400) * 1_000;

/// Plans automatic rotations again that a clock far ahead has put off: one period from now.
///
/// # Errors
/// Failures of the store; what was planned stays planned.
pub async fn plan_far(app: &App) -> Result<(), StoreError> {
    let Ok(now) = app.clock.believed() else { return Ok(()) };
    let latest = now.plus_millis(LONGEST_WAIT_MILLIS);
    loop {
        let far = app.store.rotations_due_after(latest, BATCH).await?;
        for (project, name) in &far {
            let planned = app.store.change_secret(project, name, false, move |draft| {
                let secret = &mut draft.secret;
                secret.next_rotation_time =
                    secret.rotation_period.as_ref().map(|period| next_rotation(period, None, now));
                Ok::<_, Infallible>(())
            });
            match planned.await {
                Ok(()) => {
                    tracing::warn!(secret = %name, "its rotation was put off by a clock that was far ahead and is planned again");
                }
                Err(ChangeError::NotFound) => {}
                Err(ChangeError::Refused(never)) => match never {},
                Err(ChangeError::Store(error)) => return Err(error),
            }
        }
        if far.len() < usize::from(BATCH) {
            return Ok(());
        }
    }
}

/// Begins every automatic rotation that is due, as far as there is room, the longest overdue first. Returns whether there
/// may be more of them than there was room for. Waits while the clock is in doubt.
///
/// # Errors
/// Failures of the store; what has begun goes on.
pub async fn rotate_due(app: &Arc<App>) -> Result<bool, StoreError> {
    let Ok(now) = app.clock.believed() else { return Ok(false) };
    let due = app.store.due_rotations(now, BATCH).await?;
    for (project, name) in &due {
        if !app.rotations.has_room() {
            return Ok(true);
        }
        let is_due = move |draft: &Draft| require_due(&draft.secret, now);
        match begin::start(app, project, name, Reason::Schedule, is_due).await {
            Ok(_) => {}
            // Begun by hand or by another replica in the meantime.
            Err(failure) if failure.error.code == ErrorCode::RotationRunning => {}
            Err(failure) if is_of_server(&failure) => {
                if let Some(spared) = PUT_OFF.is_due() {
                    tracing::error!(secret = %name, error = %failure.error, spared, "a due rotation will be tried again");
                }
            }
            Err(failure) => note_failure(app, project, name, failure).await?,
        }
    }
    Ok(due.len() >= usize::from(BATCH))
}

/// When the log last had a line about a due rotation that will be tried again, and about one that cannot begin.
static PUT_OFF: LastLine = LastLine::new();
static NOT_BEGUN: LastLine = LastLine::new();

/// Whether a rotation cannot begin because of the server or a service that it needs, which says nothing about the secret.
fn is_of_server(failure: &Failure) -> bool {
    let code = failure.error.code;
    failure.is_internal() || matches!(code, ErrorCode::KeyServiceUnavailable | ErrorCode::FunctionUnavailable)
}

/// Writes down a rotation that could not even begin as a failed task, so that it is seen, counted and not tried again at
/// once.
async fn note_failure(app: &App, project: &ProjectId, name: &SecretName, failure: Failure) -> Result<(), StoreError> {
    let Ok(id) = TaskId::make(&mut SysRng) else { return Ok(()) };
    let now = app.clock.now();
    if let Some(spared) = NOT_BEGUN.is_due() {
        tracing::warn!(secret = %name, error = %failure.error, spared, "a due rotation cannot begin");
    }
    let noted = app.store.change_secret(project, name, false, move |draft| {
        let secret = &mut draft.secret;
        // Rotated or switched off by hand meanwhile: then there is nothing to note.
        if secret.running_task.is_some() || secret.next_rotation_time.is_none_or(|due| due > now) {
            return Err(());
        }
        let (Some(function), Some(config)) = (&secret.rotation_func_urn, &secret.rotation_config) else {
            secret.finish_rotation(secret.next_version(), Err(Aftermath::Untouched), true, now);
            return Ok(None);
        };
        let mut task = Task {
            id,
            project: secret.project.clone(),
            secret_id: secret.id.clone(),
            secret_name: secret.name.clone(),
            function: function.clone(),
            mode: config.mode(),
            version: secret.next_version(),
            pending_is_new: false,
            create_time: now,
            attempts: 0,
            scheduled: true,
            status: TaskStatus::Failed {
                code: failure.error.code.as_str().to_owned(),
                message: failure.error.message,
                detail: failure.error.detail.map(|detail| *detail),
            },
            steps: Vec::new(),
        };
        task.note(now, "begin", say::cannot_begin());
        let schedule = worker::put_ended(draft, task.clone(), Err(Aftermath::Untouched), now);
        Ok(Some((task, schedule)))
    });
    match noted.await {
        Ok(Some((task, schedule))) => {
            app.metrics.rotation_not_begun();
            worker::report_end(app, &task, schedule);
            Ok(())
        }
        Ok(None) | Err(ChangeError::NotFound | ChangeError::Refused(())) => Ok(()),
        Err(ChangeError::Store(error)) => Err(error),
    }
}

/// Refuses a scheduled rotation that is not due any more, because another server was quicker.
fn require_due(secret: &Secret, now: UnixMillis) -> Result<(), Failure> {
    if secret.next_rotation_time.is_some_and(|due| due <= now) {
        Ok(())
    } else {
        Err(begin::running(say::other_server_began()))
    }
}

/// Deletes every secret whose window has closed. Waits while the clock is in doubt.
///
/// # Errors
/// Failures of the store; what was deleted stays deleted.
pub async fn delete_due(app: &App) -> Result<(), StoreError> {
    loop {
        let Ok(now) = app.clock.believed() else { return Ok(()) };
        let due = app.store.due_deletions(now, BATCH).await?;
        for (project, name) in &due {
            let Ok(id) = make_uuid(&mut SysRng) else { return Ok(()) };
            let occurrence = Occurrence::of_secret(id, EventType::SecretDeleted, now);
            // Looked at again inside the transaction: it may have been restored meanwhile.
            let deleted = app.store.change_secret(project, name, false, move |draft| {
                if draft.secret.is_deletion_due(now) {
                    draft.occur(occurrence);
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
