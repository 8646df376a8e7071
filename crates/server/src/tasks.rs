//! Carrying rotation tasks out: attempts, their waits, and how a task ends.
//!
//! The task's row is the truth. An attempt is counted before it begins, so a server that dies in the middle goes on with
//! the next one when it starts again; that is safe because every function call may be repeated. A task that nobody is at is
//! picked up again, whatever became of whoever began it.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use csms_api::ErrorCode;
use csms_core::{
    Secret, StageName, TaskId, VersionId,
    policy::{Policy, secret_resource},
    rotation::{FailureCode, RotationEvent, RotationReply},
    task::{MAX_ATTEMPTS, Task, TaskStatus, backoff_millis},
};
use csms_store::{ChangeError, Store, StoreError};
use functiongraph_runtime::Credentials;
use tokio::sync::{Notify, Semaphore};

use crate::{
    app::App,
    auth::token::TemporaryKey,
    dispatch::Chain,
    failure::Failure,
    functions::{FUNCTION_TIMEOUT, InvokeFailure},
};

/// What a function may do with the one secret it rotates: the rights of the cloud's function agency (rotation fact
/// sheet, section 6), and taking the label away that it worked with.
const FUNCTION_ACTIONS: [&str; 7] = [
    "csms:secret:get",
    "csms:secret:getVersion",
    "csms:secret:listVersion",
    "csms:secret:createVersion",
    "csms:secret:getStage",
    "csms:secret:updateStage",
    "csms:secret:deleteStage",
];

/// Why an attempt did not succeed.
struct AttemptFailure {
    code: ErrorCode,
    message: String,
    may_pass_later: bool,
}

/// Most rotations at work at the same time, so that a server that comes back after a pause does not overwhelm the
/// databases. Others wait their turn.
const CONCURRENT: usize = 8;

/// Longest message of a failed task, in characters; a function may report anything.
const MAX_MESSAGE: usize = 1000;

/// The rotations that this process carries out.
pub struct Rotations {
    at_work: Mutex<HashSet<TaskId>>,
    turns: Semaphore,
    stopping: AtomicBool,
    idle: Notify,
}

impl Default for Rotations {
    fn default() -> Self {
        Self {
            at_work: Mutex::default(),
            turns: Semaphore::new(CONCURRENT),
            stopping: AtomicBool::new(false),
            idle: Notify::new(),
        }
    }
}

impl Rotations {
    fn lock(&self) -> MutexGuard<'_, HashSet<TaskId>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a rotation that begins now need not wait for its turn.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.is_stopping() && self.lock().len() < CONCURRENT
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Begins no further attempt, and waits until the running ones have ended, at most `limit`. What is not finished goes on
    /// at the next start.
    pub async fn stop(&self, limit: Duration) {
        self.stopping.store(true, Ordering::Relaxed);
        let ended = async {
            loop {
                let idle = self.idle.notified();
                if self.lock().is_empty() {
                    return;
                }
                idle.await;
            }
        };
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!("some rotations did not end in time; they go on at the next start");
        }
    }
}

/// Takes a task out of the set when its work ends, also by a panic.
struct AtWork {
    app: Arc<App>,
    id: TaskId,
    succeeded: bool,
}

impl AtWork {
    fn ended_as(&mut self, status: &TaskStatus) {
        self.succeeded = *status == TaskStatus::Succeeded;
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.app.rotations.lock().remove(&self.id);
        self.app.metrics.rotation_ended(self.succeeded);
        self.app.rotations.idle.notify_waiters();
    }
}

/// Begins or resumes a task in the background, unless this process is at it already.
pub fn spawn(app: &Arc<App>, task: Task) {
    if !app.rotations.lock().insert(task.id.clone()) {
        return;
    }
    app.metrics.rotation_started();
    let mut at_work = AtWork { app: Arc::clone(app), id: task.id.clone(), succeeded: false };
    tokio::spawn(async move {
        let (id, name) = (task.id.clone(), task.secret_name.clone());
        let app = Arc::clone(&at_work.app);
        let Ok(_turn) = app.rotations.turns.acquire().await else { return };
        tracing::info!(task = %id, secret = %name, "rotation begins");
        match run(&app, task).await {
            Ok(Some(status)) => {
                tracing::info!(task = %id, secret = %name, outcome = status.as_str(), "rotation ended");
                at_work.ended_as(&status);
            }
            Ok(None) => tracing::info!(task = %id, secret = %name, "rotation goes on at the next start"),
            Err(error) => {
                // The row still says running, so the task is resumed.
                tracing::error!(task = %id, secret = %name, cause = %Chain(&error), "rotation interrupted");
            }
        }
    });
}

/// Resumes every running task that nobody is at: all of them after a start, and later those that a failure of the store or a
/// panic left behind. An attempt that was broken off has been counted; a resumed task makes at least one more.
///
/// # Errors
/// Failures of the store.
pub async fn resume(app: &Arc<App>) -> Result<(), StoreError> {
    for task in app.store.running_tasks().await? {
        if !app.rotations.is_stopping() {
            spawn(app, task);
        }
    }
    Ok(())
}

/// Makes attempts until the task ends. `None` when the server stops first.
async fn run(app: &App, mut task: Task) -> Result<Option<TaskStatus>, StoreError> {
    loop {
        task.attempts = task.attempts.saturating_add(1);
        tokio::time::sleep(Duration::from_millis(backoff_millis(task.attempts))).await;
        if app.rotations.is_stopping() {
            return Ok(None);
        }
        let Some(secret) = count_attempt(app, &task).await? else { return end_without_secret(app, task).await };
        let (version, failure) = match attempt(app, &task, &secret).await {
            Ok(version) => (version, None),
            Err(failure) => {
                tracing::warn!(
                    task = %task.id, secret = %task.secret_name, attempt = task.attempts, code = failure.code.as_str(),
                    reason = failure.message, "rotation attempt failed"
                );
                if failure.may_pass_later && app.rotations.is_stopping() {
                    return Ok(None);
                }
                if failure.may_pass_later && task.attempts < MAX_ATTEMPTS {
                    continue;
                }
                (task.version, Some(failure))
            }
        };
        return match end(app, &task, version, failure).await? {
            Some(status) => Ok(Some(status)),
            None => end_without_secret(app, task).await,
        };
    }
}

/// Writes down that an attempt begins, and reads the secret as it is now. `None` when the secret is gone.
async fn count_attempt(app: &App, task: &Task) -> Result<Option<Secret>, StoreError> {
    let counted = task.clone();
    let changed = app.store.change_secret(&task.project, &task.secret_name, false, move |draft| {
        if draft.secret.running_task.as_ref() != Some(&counted.id) {
            return Err(());
        }
        draft.put_task(counted);
        Ok(draft.secret.clone())
    });
    match changed.await {
        Ok(secret) => Ok(Some(secret)),
        Err(ChangeError::NotFound | ChangeError::Refused(())) => Ok(None),
        Err(ChangeError::Store(error)) => Err(error),
    }
}

/// Invokes the function once and answers the version that it says is current.
async fn attempt(app: &App, task: &Task, secret: &Secret) -> Result<VersionId, AttemptFailure> {
    let (event, credentials) = call_for(app, task, secret).map_err(|failure| AttemptFailure {
        code: ErrorCode::Internal,
        message: failure.error.message,
        may_pass_later: true,
    })?;
    let reply = app.functions.invoke(&task.function, event, credentials, app.clock.now()).await;
    let reply = reply.map_err(|error| AttemptFailure {
        code: match error {
            InvokeFailure::Function(_) => ErrorCode::FunctionFailed,
            InvokeFailure::Unreachable(_) => ErrorCode::FunctionUnavailable,
        },
        message: told(&error.to_string()),
        may_pass_later: true,
    })?;
    match RotationReply::parse(&reply) {
        Some(RotationReply::Success { version_id }) => VersionId::parse(&version_id).map_err(|_| AttemptFailure {
            code: ErrorCode::RotationNotProven,
            message: "the function's reply names no version".to_owned(),
            may_pass_later: true,
        }),
        Some(RotationReply::Failed { error_code, error_msg }) => Err(AttemptFailure {
            code: ErrorCode::FunctionFailed,
            may_pass_later: FailureCode::from_word(&error_code).is_none_or(FailureCode::may_pass_later),
            message: told(&format!("{error_code}: {error_msg}")),
        }),
        None => Err(AttemptFailure {
            code: ErrorCode::FunctionFailed,
            message: "the function's reply is not of the form {\"status\":\"SUCCESS\",\"version_id\":\"vN\"}"
                .to_owned(),
            may_pass_later: true,
        }),
    }
}

/// A foreign message as it may be stored and logged: one line, of bounded length.
fn told(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect()
}

/// The event for the function, and credentials that live a little longer than one call and reach one secret.
fn call_for(app: &App, task: &Task, secret: &Secret) -> Result<(Vec<u8>, Option<Credentials>), Failure> {
    let event = RotationEvent {
        task_id: Some(task.id.clone()),
        attempt: task.attempts,
        region: Some(app.identity.region.clone()),
        project_id: Some(task.project.clone()),
        domain_id: Some(app.identity.domain_id.clone()),
        secret_id: Some(task.secret_id.clone()),
        secret_name: task.secret_name.clone(),
        secret_type: Some(secret.secret_type),
        mode: task.mode,
        rotation_config: secret.rotation_config.clone(),
        csms_endpoint: Some(app.public_url.clone()),
        version_id: Some(task.version),
    };
    let event = serde_json::to_vec(&event).map_err(Failure::internal)?;
    if !app.functions.runs_here(&task.function) {
        // A function in the cloud acts through its own agency or settings.
        return Ok((event, None));
    }
    let resource = secret_resource("*", "*", task.secret_name.as_str());
    let policy = Policy::allow(FUNCTION_ACTIONS.map(str::to_owned).to_vec(), Some(vec![resource]));
    let life = u64::try_from(FUNCTION_TIMEOUT.as_millis()).unwrap_or(u64::MAX).saturating_mul(2);
    let expires = app.clock.now().plus_millis(life);
    let name = format!("rotation task {}", task.id);
    let key = TemporaryKey::make(name, task.project.clone(), policy, expires)?;
    let token = key.security_token(&app.root)?;
    let credentials = Credentials::from_keys(key.access_key.clone(), key.secret_key.clone()).with_security_token(token);
    Ok((event, Some(credentials)))
}

/// Ends the task: a success if `SYSCURRENT` is `version`, whatever was reported; then the rotation did happen. `None` when
/// the secret is gone.
async fn end(
    app: &App,
    task: &Task,
    version: VersionId,
    failure: Option<AttemptFailure>,
) -> Result<Option<TaskStatus>, StoreError> {
    let mut ended = task.clone();
    let now = app.clock.now();
    let changed = app.store.change_secret(&task.project, &task.secret_name, false, move |draft| {
        if draft.secret.running_task.as_ref() != Some(&ended.id) {
            return Err(());
        }
        // Only the task's own version, or one made after it, can be this rotation's result.
        let plausible = version >= ended.version;
        ended.status = if draft.secret.finish_rotation(version, plausible, ended.scheduled, now) {
            ended.version = version;
            TaskStatus::Succeeded
        } else {
            let current = draft.secret.staged(&StageName::current()).ok();
            let (code, message) = match &failure {
                Some(failure) => (failure.code, failure.message.clone()),
                None => (
                    ErrorCode::RotationNotProven,
                    format!(
                        "the function reported {version}, but SYSCURRENT is {}",
                        current.map_or_else(String::new, String::from)
                    ),
                ),
            };
            TaskStatus::Failed { code: code.as_str().to_owned(), message }
        };
        draft.put_task(ended.clone());
        Ok(ended.status)
    });
    match changed.await {
        Ok(status) => Ok(Some(status)),
        Err(ChangeError::NotFound | ChangeError::Refused(())) => Ok(None),
        Err(ChangeError::Store(error)) => Err(error),
    }
}

async fn end_without_secret(app: &App, mut task: Task) -> Result<Option<TaskStatus>, StoreError> {
    task.status = TaskStatus::Failed {
        code: ErrorCode::SecretGone.as_str().to_owned(),
        message: "the secret was deleted while it was rotated".to_owned(),
    };
    let status = task.status.clone();
    app.store.finish_orphan_task(task).await?;
    Ok(Some(status))
}
