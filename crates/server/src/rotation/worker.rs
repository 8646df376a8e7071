//! Carrying rotation tasks out: attempts, their waits, and how a task ends.
//!
//! The task's row is the truth. An attempt is counted before it begins, so a server that dies in the middle goes on with
//! the next one when it starts again; that is safe because every function call may be repeated. A task that nobody is at is
//! picked up again, whatever became of whoever began it.
//!
//! A task is run by the server that holds its lease. All that a server writes about a task it writes in a
//! transaction that sees that it still holds it, so one that stood still and was replaced changes nothing any more.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use csms_api::ErrorCode;
use csms_core::{
    Language, ProjectId, RegionName, Secret, SecretName, StageName, TaskId, UnixMillis, VersionId,
    event::Occurrence,
    rotation::{
        Account, FailureCode, Message, RotationEvent, RotationReply,
        message::{connection, service as say},
        reported_steps,
    },
    schedule::Aftermath,
    task::{MAX_ATTEMPTS, MAX_FAILED_TASKS, Task, TaskStatus, backoff_millis, one_line},
};
use csms_kms::envelope;
use csms_store::{ChangeError, Draft, Lease, ReadError, Store, StoreError, StoredValue};
use functiongraph_runtime::Credentials;
use getrandom::SysRng;
use tracing::Instrument as _;

use crate::{
    app::App,
    audit::Origin,
    auth::token::{Hold, TemporaryKey},
    clock::BootInstant,
    failure::Chain,
    failure::Failure,
    functions::{FUNCTION_TIMEOUT, InvokeFailure},
    rotation::{
        permits::{Contact, Request, Target},
        rights,
    },
    telemetry::traces,
};

/// Why an attempt did not succeed.
struct AttemptFailure {
    code: ErrorCode,
    /// Why, in an English sentence.
    text: String,
    /// The same as a message.
    message: Message,
    may_pass_later: bool,
    aftermath: Aftermath,
    /// Whether the function has reported that it ended before it changed anything.
    nothing_changed: bool,
    contact: Contact,
}

impl AttemptFailure {
    /// One that a later attempt may not meet, and after which the account is as it was.
    fn passing(code: ErrorCode, message: Message) -> Self {
        let (aftermath, contact) = (Aftermath::Untouched, Contact::Silent);
        let text = one_line(&message.english(), MAX_MESSAGE);
        Self { code, text, message, may_pass_later: true, aftermath, nothing_changed: false, contact }
    }

    /// One that the function has reported, by a code and in words.
    fn reported(error_code: &str, text: &str, detail: Option<Message>) -> Self {
        let known = FailureCode::from_word(error_code);
        let aftermath = match known {
            Some(FailureCode::Unfinished) => Aftermath::Unfinished,
            _ => Aftermath::Untouched,
        };
        Self {
            code: ErrorCode::FunctionFailed,
            text: one_line(&format!("{error_code}: {text}"), MAX_MESSAGE),
            message: say::failed_with(one_line(error_code, MAX_MESSAGE), detail.unwrap_or_else(|| foreign(text))),
            may_pass_later: known.is_none_or(FailureCode::may_pass_later),
            contact: contact(known),
            aftermath,
            nothing_changed: matches!(known, Some(FailureCode::Unavailable | FailureCode::ServiceUnavailable)),
        }
    }
}

/// How long others leave a task alone whose holder is silent. The store judges that by its own clock.
const LEASE: Duration = Duration::from_secs(30);

/// How long a holder goes on after it last asked for its lease, by its own clock: two thirds, so that it has stopped before
/// anybody else begins, whatever the clocks do.
const OWN_LEASE: Duration = Duration::from_secs(20);

/// How often a holder renews its lease.
const RENEWAL: Duration = Duration::from_secs(8);

/// Longest message of a failed task, in characters; a function may report anything.
const MAX_MESSAGE: usize = 1000;

/// Ends a task in this process when its work ends, also by a panic.
struct Active {
    app: Arc<App>,
    id: TaskId,
    begun: Instant,
    /// Whether the task has ended well, once it has ended.
    succeeded: Option<bool>,
}

impl Active {
    fn ended_as(&mut self, status: &TaskStatus) {
        self.succeeded = Some(*status == TaskStatus::Succeeded);
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        match self.succeeded {
            Some(succeeded) => self.app.metrics.rotation_ended(succeeded, self.begun.elapsed()),
            None => self.app.metrics.rotation_left(),
        }
        self.app.rotations.end(&self.id);
    }
}

/// A running task that this server has leased.
#[derive(Debug)]
pub struct LeasedTask {
    /// The task.
    pub task: Task,
    /// Its owner.
    pub holder: LeaseOwner,
}

/// The name under which this server leases a task, and when it last asked for the lease with success.
#[derive(Debug)]
pub struct LeaseOwner {
    name: String,
    asked: Mutex<BootInstant>,
}

impl LeaseOwner {
    /// An owner that asks for its lease now, under a name that nobody else uses and that begins with that of the server.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn new(app: &App) -> Result<Self, Failure> {
        let name = format!("{}{}", app.server.prefix(), csms_core::identity::make_uuid(&mut SysRng)?);
        Ok(Self { name, asked: Mutex::new(BootInstant::now()) })
    }

    /// The same for another task that was asked for together with the first.
    fn for_another_task(&self) -> Self {
        Self { name: self.name.clone(), asked: Mutex::new(self.asked()) }
    }

    /// A lease of usual length for a task.
    #[must_use]
    pub fn lease(&self, task: &TaskId) -> Lease {
        Lease { task: task.clone(), holder: self.name.clone(), lasts: LEASE }
    }

    fn asked(&self) -> BootInstant {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self, asked: BootInstant) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }
}

/// Whether an owner that asked then may still write.
fn may_write(asked: BootInstant) -> bool {
    asked.elapsed() < OWN_LEASE
}

/// How a server's work on a task ends.
enum Ending {
    /// The task is finished.
    Finished(TaskStatus),
    /// The server stops first.
    Stopped,
    /// The function cannot be unpacked now.
    Waits,
    /// Another server holds the task now.
    Lost,
}

/// Begins or resumes a task in the background, unless this process is at it already.
pub fn spawn(app: &Arc<App>, held: LeasedTask) {
    let id = held.task.id.clone();
    if !app.rotations.begin(&id) {
        return;
    }
    app.metrics.rotation_started();
    let starter = starter();
    let mut active = Active { app: Arc::clone(app), id, begun: Instant::now(), succeeded: None };
    let span = tracing::info_span!(
        "rotation", task = %held.task.id, secret = %held.task.secret_name, outcome = tracing::field::Empty
    );
    let work = async move {
        let app = Arc::clone(&active.app);
        let (id, name) = (&held.task.id, &held.task.secret_name);
        let ending = tokio::select! {
            // A task that has just ended has no lease to renew either; that it ended is looked at first.
            biased;
            ending = run(&app, &held, &starter) => ending,
            () = until_lost(&app, &held) => Ok(Ending::Lost),
        };
        match &ending {
            Ok(Ending::Finished(status)) => {
                tracing::Span::current().record("outcome", status.as_str());
                tracing::info!(task = %id, secret = %name, outcome = status.as_str(), "rotation ended");
                active.ended_as(status);
                if *status == TaskStatus::Succeeded {
                    app.seen.rotated(&held.task.project, name, held.task.version);
                }
            }
            Ok(Ending::Stopped) => tracing::info!(task = %id, secret = %name, "rotation goes on at the next start"),
            Ok(Ending::Waits) => tracing::debug!(task = %id, secret = %name, "rotation waits for its function"),
            Ok(Ending::Lost) => tracing::warn!(task = %id, secret = %name, "rotation left to another server"),
            // The row still says running, so the task is resumed.
            Err(error) => tracing::error!(task = %id, secret = %name, cause = %Chain(error), "rotation interrupted"),
        }
        if matches!(ending, Ok(Ending::Stopped | Ending::Waits) | Err(_))
            && let Err(error) = app.store.release_lease(id, &held.holder.name).await
        {
            tracing::warn!(task = %id, cause = %Chain(&error), "the lease ends by itself");
        }
    };
    tokio::spawn(work.instrument(span));
}

/// Who starts the rotation: the user whose request this is, or the service, for instance by its schedule.
fn starter() -> String {
    let caller = Origin::current().caller;
    caller.asking_user().unwrap_or(&caller.name).to_owned()
}

/// Renews the lease until it is another's, or may be because the store has been silent for so long.
async fn until_lost(app: &App, held: &LeasedTask) {
    let id = &held.task.id;
    loop {
        tokio::time::sleep(RENEWAL).await;
        let asked = BootInstant::now();
        match app.store.renew_lease(&held.holder.lease(id)).await {
            Ok(true) => held.holder.renew(asked),
            Ok(false) => return,
            Err(error) => tracing::warn!(task = %id, cause = %Chain(&error), "the lease could not be renewed"),
        }
        if !may_write(held.holder.asked()) {
            return;
        }
    }
}

/// Claims orphaned tasks (no valid lease) up to the concurrency limit: those from before a start, and those left behind by a dead
/// server, a store failure or a panic. An interrupted attempt has been counted; a resumed task makes at least one more. Returns
/// `true` if more may remain.
///
/// # Errors
/// Failures of the store.
pub async fn resume(app: &Arc<App>) -> Result<bool, StoreError> {
    let room = u16::try_from(app.rotations.room()).unwrap_or(u16::MAX);
    if room == 0 {
        return Ok(true);
    }
    let Ok(holder) = LeaseOwner::new(app) else { return Ok(false) };
    let claimed = app.store.claim_tasks(&holder.name, LEASE, room).await?;
    let all_room_taken = claimed.len() >= usize::from(room);
    for mut task in claimed {
        if task.attempts > 0 {
            task.note(app.clock.now(), "take over", say::taken_over());
        }
        spawn(app, LeasedTask { task, holder: holder.for_another_task() });
    }
    Ok(all_room_taken)
}

/// Makes attempts until the task ends.
async fn run(app: &App, held: &LeasedTask, starter: &str) -> Result<Ending, StoreError> {
    let holder = &held.holder;
    let mut task = held.task.clone();
    loop {
        // No attempt is counted. The scheduler takes the task up again.
        if app.functions.prepare(&task.function).await.is_err() {
            return Ok(Ending::Waits);
        }
        task.attempts = task.attempts.saturating_add(1);
        app.clock.sleep(Duration::from_millis(backoff_millis(task.attempts))).await;
        let target = target(app, &task.project, &task.secret_name).await?;
        let target = target.unwrap_or_else(|| Target::Secret(task.secret_id.clone()));
        let request = Request { project: task.project.clone(), starter: starter.to_owned(), target };
        let Some(permit) = app.rotations.permit(&app.clock, &task.id, request).await else {
            return Ok(Ending::Stopped);
        };
        if app.rotations.is_stopping() {
            return Ok(Ending::Stopped);
        }
        if task.attempts == 1 {
            tracing::info!(task = %task.id, secret = %task.secret_name, "rotation begins");
        }
        task.note(app.clock.now(), "attempt", say::attempt_begins());
        let secret = match count_attempt(app, &task, holder).await? {
            Found::Secret(secret) => secret,
            Found::Nothing => return end_without_secret(app, task, holder).await,
            Found::OtherOwner => return Ok(Ending::Lost),
        };
        let (version, failure) = match permit.during(attempt(app, &mut task, &secret, holder)).await {
            Ok(version) => {
                task.note(app.clock.now(), "function", say::says_current(version));
                (version, None)
            }
            Err(failure) => {
                let said = say::failed_with(failure.code.as_str(), failure.message.clone());
                let text = format!("{}: {}", failure.code.as_str(), failure.text);
                task.note_text(app.clock.now(), "function", &text, Some(said));
                app.metrics.attempt_failed(failure.code.as_str());
                tracing::warn!(
                    task = %task.id, secret = %task.secret_name, attempt = task.attempts, code = failure.code.as_str(),
                    reason = failure.text, "rotation attempt failed"
                );
                if failure.may_pass_later && app.rotations.is_stopping() {
                    return Ok(Ending::Stopped);
                }
                if failure.may_pass_later && task.attempts < MAX_ATTEMPTS {
                    task.pending_is_new &= failure.nothing_changed;
                    continue;
                }
                (task.version, Some(failure))
            }
        };
        return match end(app, &task, holder, version, failure).await? {
            Found::Secret(status) => Ok(Ending::Finished(status)),
            Found::Nothing => end_without_secret(app, task, holder).await,
            Found::OtherOwner => Ok(Ending::Lost),
        };
    }
}

/// The database that SYSCURRENT names, if the server can read its value: it may be sealed for the function, or its key may
/// be unusable.
async fn target(app: &App, project: &ProjectId, name: &SecretName) -> Result<Option<Target>, StoreError> {
    let select = |secret: &Secret| secret.staged(&StageName::current());
    let StoredValue { secret, version, sealed } = match app.store.secret_value(project, name, None, select).await {
        Ok(found) => found,
        Err(ReadError::Store(error)) => return Err(error),
        Err(ReadError::NotFound | ReadError::Refused(_)) => return Ok(None),
    };
    let Ok(found) = secret.version(version) else { return Ok(None) };
    let Ok(key) = app.keys.get(&secret.project, &found.kms_key_id).await else { return Ok(None) };
    let context = envelope::Context { project: &secret.project, secret: &secret.id, version, key: &found.kms_key_id };
    let account = envelope::open(&key, &context, &sealed).ok().and_then(|value| Account::parse(&value).ok());
    Ok(account.map(|account| {
        let login = account.login();
        Target::Host(login.host.to_ascii_lowercase(), login.port)
    }))
}

/// What a holder finds when it goes on with its task.
enum Found<T> {
    /// The secret with the task, and what came of it.
    Secret(T),
    /// The secret is gone.
    Nothing,
    /// Another server has taken the task.
    OtherOwner,
}

/// Changes the task's secret as long as the task is this holder's.
async fn change<T: Send + 'static>(
    app: &App,
    task: &Task,
    holder: &LeaseOwner,
    decide: impl FnOnce(&mut Draft) -> T + Send + 'static,
) -> Result<Found<T>, StoreError> {
    let (id, asked, holder) = (task.id.clone(), holder.asked(), holder.name.clone());
    let changed = app.store.change_secret(&task.project, &task.secret_name, false, move |draft| {
        if draft.secret.running_task.as_ref() != Some(&id) {
            return Err(Found::Nothing);
        }
        if draft.holder() != Some(&holder) || !may_write(asked) {
            return Err(Found::OtherOwner);
        }
        Ok(decide(draft))
    });
    match Origin::service("CarryOutRotation").during(changed).await {
        Ok(answer) => Ok(Found::Secret(answer)),
        Err(ChangeError::NotFound) => Ok(Found::Nothing),
        Err(ChangeError::Refused(found)) => Ok(found),
        Err(ChangeError::Store(error)) => Err(error),
    }
}

/// Writes down that an attempt begins, and reads the secret as it is now.
async fn count_attempt(app: &App, task: &Task, holder: &LeaseOwner) -> Result<Found<Secret>, StoreError> {
    // Whoever takes the task over does not know how far this attempt came.
    let counted = Task { pending_is_new: false, ..task.clone() };
    let count = move |draft: &mut Draft| {
        draft.put_task(counted);
        draft.secret.clone()
    };
    change(app, task, holder, count).await
}

/// Invokes the function once. Returns the version that it says is current, and whether the database answered.
async fn attempt(
    app: &App,
    task: &mut Task,
    secret: &Secret,
    holder: &LeaseOwner,
) -> (Result<VersionId, AttemptFailure>, Contact) {
    let span = tracing::debug_span!(
        "invoke function",
        otel.kind = "client",
        function = %task.function,
        attempt = task.attempts,
        otel.status_code = tracing::field::Empty,
        code = tracing::field::Empty,
    );
    let outcome = call(app, task, secret, holder).instrument(span.clone()).await;
    if let Err(failure) = &outcome {
        span.record("otel.status_code", "ERROR").record("code", failure.code.as_str());
    }
    let contact = outcome.as_ref().map_or_else(|failure| failure.contact, |_| Contact::Answered);
    (outcome, contact)
}

/// One call of the function.
async fn call(app: &App, task: &mut Task, secret: &Secret, holder: &LeaseOwner) -> Result<VersionId, AttemptFailure> {
    let begun = SystemTime::now();
    let (event, credentials) = call_for(app, task, secret, holder)
        .map_err(|failure| AttemptFailure::passing(ErrorCode::Internal, say::not_prepared(failure.error.message)))?;
    let reply = app.functions.invoke(&task.project, &task.function, event, credentials, app.clock.now()).await;
    let reply = reply.map_err(|error| {
        let (code, aftermath) = match error {
            InvokeFailure::NotAllowed => {
                let failure = AttemptFailure::passing(ErrorCode::RotationNotConfigured, error.message());
                return AttemptFailure { may_pass_later: false, contact: Contact::None, ..failure };
            }
            // It may have been at any step.
            InvokeFailure::Function(_) => (ErrorCode::FunctionFailed, Aftermath::Unknown),
            InvokeFailure::Unreachable(_) | InvokeFailure::NoEndpoint => {
                (ErrorCode::FunctionUnavailable, Aftermath::Untouched)
            }
        };
        AttemptFailure { aftermath, ..AttemptFailure::passing(code, error.message()) }
    })?;
    let reported = reported_steps(&reply);
    traces::steps(&reported, begun);
    for reported in reported {
        // Its clock may go wrong; the time of the answer bounds it.
        let now = app.clock.now();
        let at = reported.at.map_or(now, |at| at.min(now));
        // What cannot be put into words is no more than the text beside it.
        let detail = reported.outcome_detail.filter(|detail| detail.sentence_in(Language::English).is_some());
        task.note_text(at, &reported.step, &reported.outcome, detail);
    }
    match RotationReply::parse(&reply) {
        Some(RotationReply::Success { version_id }) => VersionId::parse(&version_id)
            .map_err(|_| AttemptFailure::passing(ErrorCode::RotationNotProven, say::reply_without_version())),
        Some(RotationReply::Failed { error_code, error_msg, error_detail }) => {
            Err(AttemptFailure::reported(&error_code, &error_msg, error_detail))
        }
        None => Err(AttemptFailure::passing(ErrorCode::FunctionFailed, say::reply_unknown())),
    }
}

/// What a function says in words alone.
fn foreign(text: &str) -> Message {
    connection::said(one_line(text, MAX_MESSAGE))
}

/// What a failure of the function says about the database.
const fn contact(code: Option<FailureCode>) -> Contact {
    match code {
        Some(FailureCode::NeedsOperator) => Contact::Answered,
        Some(
            FailureCode::ServiceRefused
            | FailureCode::ServiceUnavailable
            | FailureCode::InvalidSecret
            | FailureCode::InvalidEvent,
        ) => Contact::None,
        Some(FailureCode::Unavailable | FailureCode::Unfinished) | None => Contact::Silent,
    }
}

/// The event for the function, and credentials that live a little longer than one call and reach one secret.
fn call_for(
    app: &App,
    task: &Task,
    secret: &Secret,
    holder: &LeaseOwner,
) -> Result<(Vec<u8>, Option<Credentials>), Failure> {
    let event = RotationEvent {
        task_id: Some(task.id.clone()),
        attempt: task.attempts,
        region: RegionName::parse(app.identity.region_of(&task.project)).ok(),
        project_id: Some(task.project.clone()),
        domain_id: Some(app.identity.domain_id.clone()),
        secret_id: Some(task.secret_id.clone()),
        secret_name: task.secret_name.clone(),
        secret_type: Some(secret.secret_type),
        mode: task.mode,
        rotation_config: secret.rotation_config.clone(),
        csms_endpoint: Some(app.public_url.clone()),
        version_id: Some(task.version),
        pending_is_new: task.pending_is_new,
        removes_pending: true,
        traceparent: traces::current(),
        dry_run: false,
        shared_account: false,
    };
    let event = serde_json::to_vec(&event).map_err(Failure::internal)?;
    if !app.functions.runs_here(&task.function) {
        // A function in the cloud acts through its own agency or settings.
        return Ok((event, None));
    }
    let life = u64::try_from(FUNCTION_TIMEOUT.as_millis()).unwrap_or(u64::MAX).saturating_mul(2);
    let expires = app.clock.now().plus_millis(life);
    let name = format!("rotation task {}", task.id);
    let policies = rights::policies(task, secret);
    let hold = Hold { secret: task.secret_name.clone(), holder: holder.name.clone() };
    let key = TemporaryKey::with_policies(name, task.project.clone(), policies, expires)?.for_task(hold);
    let token = key.security_token(&app.root)?;
    let credentials = Credentials::from_keys(key.access_key.clone(), key.secret_key.clone()).with_security_token(token);
    Ok((event, Some(credentials)))
}

/// Ends the task: a success if `SYSCURRENT` is `version`, whatever was reported; then the rotation did happen.
async fn end(
    app: &App,
    task: &Task,
    holder: &LeaseOwner,
    version: VersionId,
    failure: Option<AttemptFailure>,
) -> Result<Found<TaskStatus>, StoreError> {
    let mut ended = task.clone();
    let now = app.clock.now();
    let end = move |draft: &mut Draft| {
        let current = draft.secret.staged(&StageName::current());
        // Only the task's own version, or one made after it, can be this rotation's result.
        let outcome = if version >= ended.version && current == Ok(version) {
            ended.version = version;
            ended.status = TaskStatus::Succeeded;
            Ok(())
        } else {
            let failure = failure.unwrap_or_else(|| {
                let message = match current {
                    Ok(current) => say::not_proven(version, current),
                    Err(_) => say::not_proven_at_all(version),
                };
                let failure = AttemptFailure::passing(ErrorCode::RotationNotProven, message);
                AttemptFailure { aftermath: Aftermath::Unknown, ..failure }
            });
            ended.status = TaskStatus::Failed {
                code: failure.code.as_str().to_owned(),
                message: failure.text,
                detail: Some(failure.message),
            };
            Err(failure.aftermath)
        };
        let status = ended.status.clone();
        (status, put_ended(draft, ended, outcome, now))
    };
    Ok(match change(app, task, holder, end).await? {
        Found::Secret((status, schedule)) => {
            report_end(app, task, schedule);
            Found::Secret(status)
        }
        Found::Nothing => Found::Nothing,
        Found::OtherOwner => Found::OtherOwner,
    })
}

/// What the end of a task means for the schedule of its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// It goes on, or there was none.
    Kept,
    /// Automatic rotation has been switched off.
    SwitchedOff,
}

/// Stores a task that has ended, with its secret's new schedule. Everything that belongs to the end of a task is written
/// here, so that it is written in one transaction.
pub fn put_ended(draft: &mut Draft, mut task: Task, outcome: Result<(), Aftermath>, now: UnixMillis) -> Schedule {
    let was_on = draft.secret.auto_rotation;
    draft.secret.finish_rotation(task.version, outcome, task.scheduled, now);
    task.note(now, "end", ending(&task.status));
    let schedule = if was_on && !draft.secret.auto_rotation { Schedule::SwitchedOff } else { Schedule::Kept };
    if schedule == Schedule::SwitchedOff {
        task.note(now, "auto_rotation", say::switched_off(MAX_FAILED_TASKS));
    }
    if let Some(occurrence) = Occurrence::of_task(&task, now) {
        draft.occur(occurrence);
    }
    draft.put_task(task);
    schedule
}

/// How a task ends, for its last step.
fn ending(status: &TaskStatus) -> Message {
    if *status == TaskStatus::Succeeded { say::succeeded() } else { say::failed() }
}

/// Reports to the operator what has been stored.
pub fn report_end(app: &App, task: &Task, schedule: Schedule) {
    if schedule == Schedule::SwitchedOff {
        app.metrics.rotation_switched_off();
        tracing::error!(task = %task.id, secret = %task.secret_name, "automatic rotation is switched off");
    }
}

async fn end_without_secret(app: &App, mut task: Task, holder: &LeaseOwner) -> Result<Ending, StoreError> {
    let message = say::secret_gone();
    task.status = TaskStatus::Failed {
        code: ErrorCode::SecretGone.as_str().to_owned(),
        message: message.english(),
        detail: Some(message),
    };
    task.note(app.clock.now(), "end", say::failed());
    let status = task.status.clone();
    match app.store.finish_orphan_task(task, &holder.name).await {
        Ok(()) => Ok(Ending::Finished(status)),
        // Another server has taken the task, and perhaps finished it.
        Err(StoreError::Conflict(_)) => Ok(Ending::Lost),
        Err(error) => Err(error),
    }
}
