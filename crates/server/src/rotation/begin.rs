//! How a rotation begins: a task and its pending version, stored in one transaction.
//!
//! Decides no right and no time; the gate and [`crate::background::due`] do, by a condition that is checked in the transaction.

use std::sync::Arc;

use csms_api::{ApiError, ErrorCode};
use csms_core::{
    KeyId, ProjectId, Refusal, Secret, SecretName, SecretValue, StageName, TaskId, UnixMillis, VersionId,
    event::{EventType, Occurrence},
    identity::make_uuid,
    password::{Password, PasswordPolicy},
    rotation::{
        Account, Message,
        message::{rules, service as say},
        sealed::is_sealed,
    },
    secret::{NewVersion, RotationBase},
    task::{Task, TaskStatus},
};
use csms_kms::envelope;
use csms_store::{ChangeError, Draft, Store};
use getrandom::SysRng;

use super::{
    accounts,
    worker::{self, LeaseOwner, LeasedTask},
};
use crate::{
    app::App,
    failure::Failure,
    keys::{project::KeysOfSecret, replicas::ReplicaKeys},
};

/// Why a rotation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is due.
    Schedule,
    /// Somebody asked for it.
    Request,
}

/// Stores a task and its pending version, and begins to run it. `condition` is checked in the transaction that stores them.
///
/// # Errors
/// No such secret; its state; a COMMON secret; a running rotation; a value or a configuration that cannot be rotated; an older
/// secret that names the same account; a function that this server cannot invoke, or cannot unpack now; what the condition
/// refuses with.
pub async fn start(
    app: &Arc<App>,
    project: &ProjectId,
    name: &SecretName,
    reason: Reason,
    condition: impl FnOnce(&Draft) -> Result<(), Failure> + Send + 'static,
) -> Result<Task, Failure> {
    let held = begin(app, project, name, reason, condition).await?;
    let task = held.task.clone();
    worker::spawn(app, held);
    Ok(task)
}

async fn begin(
    app: &App,
    project: &ProjectId,
    name: &SecretName,
    reason: Reason,
    condition: impl FnOnce(&Draft) -> Result<(), Failure> + Send + 'static,
) -> Result<LeasedTask, Failure> {
    let secret = app.store.secret(project, name).await?.ok_or_else(|| refused(Refusal::SecretNotFound))?;
    secret.rotation_base().map_err(refused)?;
    if let Some(function) = &secret.rotation_func_urn
        && !app.functions.can_invoke(function)
    {
        let reason = "this server neither runs the function of rotation_func_urn nor has a FunctionGraph endpoint";
        return Err(refused(Refusal::RotationNotConfigured(reason)));
    }
    if let Some(function) = &secret.rotation_func_urn {
        app.functions.prepare(function).await.map_err(|reason| {
            let detail = "this server cannot unpack the function of rotation_func_urn now; see its log";
            Failure::new(ErrorCode::FunctionUnavailable, detail).caused_by(reason)
        })?;
    }
    // Without the whole index, another secret of the same account could go unnoticed.
    app.rotations.indexed().await;
    if !accounts::older_secrets(app, &secret, 1).await?.is_empty() {
        return Err(not_configured(say::shared_account()));
    }
    let keys = app.keys.of_secret(&secret).await?;
    let replicas = ReplicaKeys::of(&app.keys, &secret).await?;
    let now = app.clock.now();
    let id = TaskId::make(&mut SysRng)?;
    let holder = LeaseOwner::new(app)?;
    let lease = holder.lease(&id);
    let begun = app.store.change_secret(project, name, true, move |draft| {
        condition(draft)?;
        let (mode, base) = draft.secret.rotation_base().map_err(refused)?;
        if !replicas.cover(&draft.secret) {
            return Err(running(say::replica_being_made()));
        }
        let is_fresh = matches!(base, RotationBase::Fresh { .. });
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
        let function =
            function.ok_or_else(|| refused(Refusal::RotationNotConfigured("rotation_func_urn is not set")))?;
        let mut task = Task {
            id: id.clone(),
            project: draft.secret.project.clone(),
            secret_id: draft.secret.id.clone(),
            secret_name: draft.secret.name.clone(),
            function,
            mode,
            version,
            pending_is_new: is_fresh && draft.secret.version(version).is_ok(),
            create_time: now,
            attempts: 0,
            scheduled: reason == Reason::Schedule,
            status: TaskStatus::Running,
            steps: Vec::new(),
        };
        task.note(now, "begin", begun(reason, version, draft.secret.version(version).is_ok()));
        draft.secret.running_task = Some(id);
        draft.secret.update_time = now;
        draft.put_task(task.clone());
        draft.put_lease(lease);
        Ok::<_, Failure>(LeasedTask { task, holder })
    });
    begun.await.map_err(|error| match error {
        ChangeError::NotFound => refused(Refusal::SecretNotFound),
        error => error.into(),
    })
}

/// How a task begins; the pending version is there already unless the function has to make it.
fn begun(reason: Reason, version: VersionId, is_there: bool) -> Message {
    match (reason, is_there) {
        (Reason::Schedule, true) => say::begun_by_schedule(version),
        (Reason::Schedule, false) => say::left_by_schedule(version),
        (Reason::Request, true) => say::begun_by_request(version),
        (Reason::Request, false) => say::left_by_request(version),
    }
}

/// A refusal with its message, where it has one.
fn refused(refusal: Refusal) -> Failure {
    let message = say::refused(&refusal);
    let error = ApiError::from(refusal);
    ApiError { detail: message.map(Box::new), ..error }.into()
}

fn not_configured(reason: Message) -> Failure {
    ApiError::said(ErrorCode::RotationNotConfigured, say::not_configured(reason)).into()
}

/// Another rotation, or something like it, is in the way for now.
pub fn running(reason: Message) -> Failure {
    ApiError::said(ErrorCode::RotationRunning, say::running_because(reason)).into()
}

fn key_unusable() -> Failure {
    ApiError::said(ErrorCode::KeyUnusable, say::key_unusable()).into()
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
                      delete that stage to start again";
        return Err(refused(Refusal::RotationNotConfigured(reason)));
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
    let version = draft.secret.version(id).map_err(refused)?;
    let key = keys.get(&version.kms_key_id).ok_or_else(key_unusable)?;
    let sealed = draft.sealed(id).ok_or_else(|| Failure::internal(format!("version {id} has no value")))?;
    Ok(envelope::open(key, &context(&draft.secret, id, &version.kms_key_id), sealed)?)
}

fn context<'a>(secret: &'a Secret, version: VersionId, key: &'a KeyId) -> envelope::Context<'a> {
    envelope::Context { project: &secret.project, secret: &secret.id, version, key }
}

/// Reads the account in a version's value.
fn account(draft: &Draft, keys: &KeysOfSecret, id: VersionId) -> Result<Account, Failure> {
    let account = Account::parse(&value(draft, keys, id)?);
    account.map_err(|problems| not_configured(say::not_an_account(id, rules::problems(&problems))))
}

fn add_pending(
    draft: &mut Draft,
    keys: &KeysOfSecret,
    replicas: &ReplicaKeys,
    value: &SecretValue,
    now: UnixMillis,
) -> Result<VersionId, Failure> {
    let key_id = draft.secret.kms_key_id.clone();
    let key = keys.get(&key_id).ok_or_else(key_unusable)?;
    let version = NewVersion { expire_time: None, stages: vec![StageName::pending()] };
    let id = draft.secret.add_version(version, now).map_err(refused)?.id;
    let sealed = envelope::seal(key, &context(&draft.secret, id, &key_id), value, &mut SysRng)?;
    draft.put_value(id, sealed);
    replicas.put_value(draft, id, value)?;
    draft.occur(Occurrence::of_version(make_uuid(&mut SysRng)?, EventType::SecretVersionCreated, now, id));
    Ok(id)
}
