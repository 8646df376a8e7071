//! RotateSecret and ListSecretTask.

use std::sync::Arc;

use csms_api::{
    ErrorCode,
    request::query::ListTasks,
    response::{ListTasksResponse, RotateResponse, TaskInfo},
};
use csms_core::{
    KeyId, ProjectId, Refusal, Secret, SecretName, SecretValue, StageName, TaskId, UnixMillis, VersionId,
    event::{EventType, Occurrence},
    identity::make_uuid,
    password::{Password, PasswordPolicy},
    rotation::{Account, sealed::is_sealed},
    secret::{NewVersion, RotationBase},
    task::{Task, TaskStatus},
};
use csms_kms::envelope;
use csms_store::{Draft, Store, StoreError, TaskFilter, TaskOutcome, TaskPage};
use getrandom::SysRng;
use tracing::Instrument as _;

use crate::{
    app::App,
    audit::Origin,
    failure::Failure,
    gate::answer::Answer,
    gate::pipeline::Call,
    keys::project::KeysOfSecret,
    keys::replicas::ReplicaKeys,
    rotation::worker::{self, HeldTask},
};

/// RotateSecret: stores a task and its pending version in one transaction, then begins the task.
///
/// # Errors
/// No such secret; its state; a COMMON secret; a running rotation; a value or a configuration that cannot be rotated;
/// a function that this server cannot invoke.
pub async fn rotate(call: &Call) -> Result<Answer, Failure> {
    let (app, project, name) = (Arc::clone(&call.app), call.project.clone(), call.secret_name()?);
    // In a task of its own: a caller that hangs up must not leave a stored task that nobody carries out.
    let origin = Origin::current();
    let start = async move { start(&app, &project, &name, false).await };
    let started = tokio::spawn(origin.during(start).in_current_span());
    let task = started.await.map_err(Failure::internal)??;
    Answer::json(&RotateResponse::of(&task))
}

/// Stores a task and its pending version, and begins to carry it out. `scheduled` tells a due rotation from one that
/// somebody asked for.
///
/// # Errors
/// As [`rotate`].
pub async fn start(app: &Arc<App>, project: &ProjectId, name: &SecretName, scheduled: bool) -> Result<Task, Failure> {
    let held = begin(app, project, name, scheduled).await?;
    let task = held.task.clone();
    worker::spawn(app, held);
    Ok(task)
}

/// Refuses a scheduled rotation that is not due any more, because another replica was quicker.
fn require_due(secret: &Secret, now: UnixMillis) -> Result<(), Failure> {
    if secret.next_rotation_time.is_some_and(|due| due <= now) {
        Ok(())
    } else {
        Err(Failure::new(ErrorCode::RotationRunning, "the scheduled rotation has been carried out"))
    }
}

async fn begin(app: &App, project: &ProjectId, name: &SecretName, scheduled: bool) -> Result<HeldTask, Failure> {
    let secret = app.store.secret(project, name).await?.ok_or(Refusal::SecretNotFound)?;
    secret.rotation_base()?;
    if let Some(function) = &secret.rotation_func_urn
        && !app.functions.can_invoke(function)
    {
        let reason = "this server neither runs the function of rotation_func_urn nor has a FunctionGraph endpoint";
        return Err(Refusal::RotationNotConfigured(reason).into());
    }
    let keys = app.keys.of_secret(&secret).await?;
    let replicas = ReplicaKeys::of(&app.keys, &secret).await?;
    let now = app.clock.now();
    let id = TaskId::make(&mut SysRng)?;
    let holder = worker::make_holder()?;
    let lease = worker::lease(&id, &holder, app.clock.now());
    let begun = app.store.change_secret(project, name, true, move |draft| {
        if scheduled {
            require_due(&draft.secret, now)?;
        }
        let (mode, base) = draft.secret.rotation_base()?;
        if !replicas.cover(&draft.secret) {
            return Err(Failure::new(ErrorCode::RotationRunning, "a replica was being made; try again"));
        }
        let version = match base {
            RotationBase::Resumed { pending, base } if is_sealed(&value(draft, &keys, base)?) => pending,
            // Only the function can make the pending version. It gets this number or, if somebody else adds a version
            // first, a higher one.
            RotationBase::Fresh { base } if is_sealed(&value(draft, &keys, base)?) => draft.secret.next_version(),
            RotationBase::Fresh { base } => {
                let account = account(draft, &keys, base)?;
                let password = Password::make(&PasswordPolicy::for_database(), &mut SysRng)?;
                add_pending(draft, &keys, &replicas, &with_password(&account, password.reveal())?, now)?
            }
            RotationBase::Resumed { pending, base } => resume(draft, &keys, &replicas, pending, base, now)?,
        };
        let function = draft.secret.rotation_func_urn.clone();
        let function = function.ok_or(Refusal::RotationNotConfigured("rotation_func_urn is not set"))?;
        let mut task = Task {
            id: id.clone(),
            project: draft.secret.project.clone(),
            secret_id: draft.secret.id.clone(),
            secret_name: draft.secret.name.clone(),
            function,
            mode,
            version,
            create_time: now,
            attempts: 0,
            scheduled,
            status: TaskStatus::Running,
            steps: Vec::new(),
        };
        let how = if scheduled { "by the schedule" } else { "by RotateSecret" };
        let what = if draft.secret.version(version).is_ok() { "is SYSPENDING" } else { "is left to the function" };
        task.note(now, "begin", &format!("{how}; {version} {what}"));
        draft.secret.running_task = Some(id);
        draft.secret.update_time = now;
        draft.put_task(task.clone());
        draft.put_lease(lease);
        Ok::<_, Failure>(HeldTask { task, holder })
    });
    Ok(begun.await?)
}

/// Goes on with the pending version of an earlier task: its password may already be the database's. When the rest of the
/// value has been changed since then, its protection for instance, a new pending version carries the same password.
fn resume(
    draft: &mut Draft,
    keys: &KeysOfSecret,
    replicas: &ReplicaKeys,
    pending: VersionId,
    base: VersionId,
    now: UnixMillis,
) -> Result<VersionId, Failure> {
    let base = account(draft, keys, base)?;
    let value = value(draft, keys, pending)?;
    let Ok(unfinished) = Account::parse(&value) else {
        // Somebody else's SYSPENDING version, which no rotation can have begun with.
        let password = Password::make(&PasswordPolicy::for_database(), &mut SysRng)?;
        return add_pending(draft, keys, replicas, &with_password(&base, password.reveal())?, now);
    };
    if unfinished.login().difference(base.login()).is_some() {
        // Its password may be the other account's; nobody but a person can tell which of the two is meant.
        let reason = "SYSPENDING names another account, server or database than the version it would replace; \
                      delete that stage to start anew";
        return Err(Refusal::RotationNotConfigured(reason).into());
    }
    let renewed = with_password(&base, unfinished.password())?;
    if renewed == value { Ok(pending) } else { add_pending(draft, keys, replicas, &renewed, now) }
}

fn with_password(account: &Account, password: &str) -> Result<SecretValue, Failure> {
    let value = account.with_password(password);
    Ok(value.map_err(|violation| vec![violation.at("secret_string")])?)
}

/// Opens the value of a version in the draft.
fn value(draft: &Draft, keys: &KeysOfSecret, id: VersionId) -> Result<SecretValue, Failure> {
    let version = draft.secret.version(id)?;
    let key = keys.get(&version.kms_key_id).ok_or_else(|| Failure::new(ErrorCode::KeyUnusable, ""))?;
    let sealed = draft.sealed(id).ok_or_else(|| Failure::internal(format!("version {id} has no value")))?;
    Ok(envelope::open(key, &context(&draft.secret, id, &version.kms_key_id), sealed)?)
}

fn context<'a>(secret: &'a Secret, version: VersionId, key: &'a KeyId) -> envelope::Context<'a> {
    envelope::Context { project: &secret.project, secret: &secret.id, version, key }
}

/// Reads the account in a version's value.
fn account(draft: &Draft, keys: &KeysOfSecret, id: VersionId) -> Result<Account, Failure> {
    Account::parse(&value(draft, keys, id)?).map_err(|problems| {
        let list: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Failure::new(
            ErrorCode::RotationNotConfigured,
            format!("the value of {id} does not describe a database account: {}", list.join("; ")),
        )
    })
}

fn add_pending(
    draft: &mut Draft,
    keys: &KeysOfSecret,
    replicas: &ReplicaKeys,
    value: &SecretValue,
    now: UnixMillis,
) -> Result<VersionId, Failure> {
    let key_id = draft.secret.kms_key_id.clone();
    let key = keys.get(&key_id).ok_or_else(|| Failure::new(ErrorCode::KeyUnusable, ""))?;
    let version = NewVersion { expire_time: None, stages: vec![StageName::pending()] };
    let id = draft.secret.add_version(version, now)?.id;
    let sealed = envelope::seal(key, &context(&draft.secret, id, &key_id), value, &mut SysRng)?;
    draft.put_value(id, sealed);
    replicas.put_value(draft, id, value)?;
    draft.occur(Occurrence::of_version(make_uuid(&mut SysRng)?, EventType::SecretVersionCreated, now, id));
    Ok(id)
}

/// ListSecretTask
///
/// # Errors
/// Every problem of the parameters.
pub async fn list_tasks(call: &Call) -> Result<Answer, Failure> {
    let query = ListTasks::read(&call.query())?;
    if let Some(id) = query.task_id {
        let task = call.app.store.task(&call.project, &id).await?;
        let tasks: Vec<_> = task.iter().map(TaskInfo::with_steps).collect();
        return Answer::json(&ListTasksResponse { total: tasks.len() as u64, tasks, next_marker: None });
    }
    let filter = TaskFilter {
        secret_name: query.secret_name,
        status: query.succeeded.map(|succeeded| if succeeded { TaskOutcome::Succeeded } else { TaskOutcome::Failed }),
        after: query.marker,
        limit: query.limit.get(),
    };
    let TaskPage { page, total } = match call.app.store.tasks(&call.project, &filter).await {
        Err(StoreError::NotFound) => return Err(Refusal::TaskNotFound.into()),
        found => found?,
    };
    let next_marker = page.items.last().filter(|_| page.more).map(|task| task.id.to_string());
    let info = |task| if query.steps { TaskInfo::with_steps(task) } else { TaskInfo::from(task) };
    Answer::json(&ListTasksResponse { tasks: page.items.iter().map(info).collect(), total, next_marker })
}
