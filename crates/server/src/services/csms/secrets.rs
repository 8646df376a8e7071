//! Life cycle of secrets: create, list, show, update, delete, schedule deletion, restore.

use csms_api::{
    fields::both,
    request::{
        query::ListSecrets,
        secret::{CreateSecret, UpdateSecret, read_recovery_window},
    },
    response::{ListSecretsResponse, PageInfo, SecretInfo, SecretResponse},
};
use csms_core::{Action, Refusal, RotationConfig, Secret, SecretId, VersionId, event::EventType};
use csms_kms::envelope;
use csms_store::{CreateError, Store};
use getrandom::SysRng;

use super::events::occurrence;
use crate::{
    failure::Failure, gate::answer::Answer, gate::authorisation::CREATE_DATA_KEY, gate::pipeline::Call,
    keys::project::Keys, rotation::rights::require_admin_readable,
};

/// The answer that is a secret.
///
/// # Errors
/// None that a secret can cause.
pub(super) fn answer(call: &Call, secret: &Secret) -> Result<Answer, Failure> {
    Answer::json(&SecretResponse { secret: SecretInfo::of(secret, &call.app.identity.domain_id) })
}

/// CreateSecret
///
/// # Errors
/// Every problem of the request; a taken name; the quota; an unusable key.
pub async fn create(call: &Call) -> Result<Answer, Failure> {
    answer(call, &make(call, CreateSecret::read(call.body()?, call.app.rules)?).await?)
}

/// Creates a secret with its version v1.
///
/// # Errors
/// A taken name; the quota; an unusable key.
pub(super) async fn make(call: &Call, request: CreateSecret) -> Result<Secret, Failure> {
    let admin = request.secret.rotation_config.as_ref().and_then(RotationConfig::admin_secret);
    require_admin_readable(&call.app, &call.caller, &call.project, admin)?;
    let key_id = match request.kms_key_id {
        Some(id) => id,
        None => call.app.keys.default_key(&call.project).await?,
    };
    let key = call.key_for(&key_id, CREATE_DATA_KEY).await?;
    let id = SecretId::make(&mut SysRng)?;
    let secret = Secret::create(id, call.project.clone(), request.secret, key_id, call.app.clock.now());
    let context = envelope::Context {
        project: &secret.project,
        secret: &secret.id,
        version: VersionId::FIRST,
        key: &secret.kms_key_id,
    };
    let sealed = envelope::seal(&key, &context, &request.value, &mut SysRng)?;
    let quota = call.app.secret_quota;
    match call.app.store.create_secret(secret.clone(), sealed, quota).await {
        Ok(()) => Ok(secret),
        Err(CreateError::Exists) => Err(Refusal::SecretExists.into()),
        Err(CreateError::Quota) => Err(Refusal::SecretQuota(quota).into()),
        Err(CreateError::Store(error)) => Err(error.into()),
    }
}

/// ListSecrets
///
/// # Errors
/// Every problem of the parameters.
pub async fn list(call: &Call) -> Result<Answer, Failure> {
    let query = ListSecrets::read(&call.query())?;
    let page = call.app.store.list_secrets(
        &call.project,
        query.marker.as_deref(),
        query.limit.get(),
        query.event_name.as_ref(),
    );
    let page = page.await?;
    let page_info = PageInfo::of(page.items.iter().map(|secret| secret.name.as_str()), page.more);
    let info = |secret| SecretInfo::of(secret, &call.app.identity.domain_id);
    Answer::json(&ListSecretsResponse { secrets: page.items.iter().map(info).collect(), page_info })
}

/// Finds the secret in the path.
///
/// # Errors
/// A malformed name; no such secret.
pub(super) async fn find(call: &Call) -> Result<Secret, Failure> {
    let name = call.secret_name()?;
    call.app.store.secret(&call.project, &name).await?.ok_or_else(|| Refusal::SecretNotFound.into())
}

/// ShowSecret
///
/// # Errors
/// No such secret.
pub async fn show(call: &Call) -> Result<Answer, Failure> {
    answer(call, &find(call).await?)
}

/// Changes the secret in the path and answers with it.
async fn change(
    call: &Call,
    decide: impl FnOnce(&mut Secret) -> Result<(), Refusal> + Send + 'static,
) -> Result<Answer, Failure> {
    let name = call.secret_name()?;
    let changed = call.app.store.change_secret(&call.project, &name, false, move |draft| {
        decide(&mut draft.secret)?;
        Ok::<_, Refusal>(draft.secret.clone())
    });
    answer(call, &changed.await?)
}

async fn named_key(keys: &Keys, call: &Call, name: Option<&str>) -> Result<Option<csms_core::KeyId>, Failure> {
    match name {
        Some(name) => keys.named(&call.project, name).await.map(Some),
        None => Ok(None),
    }
}

/// UpdateSecret
///
/// # Errors
/// Every problem of the request; no such secret; its state; an unusable key.
pub async fn update(call: &Call) -> Result<Answer, Failure> {
    let (_, request) = both(call.secret_name(), UpdateSecret::read(call.body()?, call.app.rules))?;
    let mut update = request.update;
    find(call).await?.permits_change(Action::ChangeMetadata)?;
    update.kms_key_id = named_key(&call.app.keys, call, request.kms_key.as_deref()).await?;
    let now = call.app.clock.now();
    change(call, move |secret| secret.update(update, now)).await
}

/// DeleteSecret: at once and for good.
///
/// # Errors
/// No such secret; a replica, or a primary with replicas.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let name = call.secret_name()?;
    let occurrence = occurrence(EventType::SecretDeleted, &call.app.clock)?;
    let deleted = call.app.store.change_secret(&call.project, &name, false, |draft| {
        draft.secret.permits_change(Action::Delete)?;
        draft.occur(occurrence);
        draft.delete();
        Ok::<_, Refusal>(())
    });
    deleted.await?;
    Ok(Answer::Empty)
}

/// DeleteSecretForSchedule
///
/// # Errors
/// Every problem of the request; no such secret; its state.
pub async fn schedule_deletion(call: &Call) -> Result<Answer, Failure> {
    let (_, window) = both(call.secret_name(), read_recovery_window(call.body()?))?;
    let now = call.app.clock.now();
    change(call, move |secret| secret.schedule_deletion(window, now)).await
}

/// RestoreSecret
///
/// # Errors
/// No such secret; it is not scheduled for deletion.
pub async fn restore(call: &Call) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    change(call, move |secret| secret.restore(now)).await
}
