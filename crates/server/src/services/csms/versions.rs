//! Versions: create, list, show with the value, change the expiry.

use std::sync::Arc;

use csms_api::{
    fields::both,
    request::{
        query::{ListVersions, VersionMarker},
        version::{CreateVersion, VersionSelector, read_expiry},
    },
    response::{
        ListVersionsResponse, PageInfo, ShowVersionResponse, VersionInfo, VersionMetadata, VersionMetadataResponse,
    },
};
use csms_core::{
    Action, Refusal, Secret, SecretName, StageName, VersionId,
    event::{EventType, Occurrence},
    identity::make_uuid,
};
use csms_kms::envelope;
use csms_store::{Store, StoredValue};
use getrandom::SysRng;

use super::secrets::find;
use crate::{
    failure::Failure,
    gate::answer::Answer,
    gate::authorisation::{CREATE_DATA_KEY, DECRYPT_DATA_KEY},
    gate::pipeline::Call,
    keys::replicas::ReplicaKeys,
    rotation::rights::{require_admin_readable, require_hold},
};

/// How often a change is tried again when the secret's key changed under it.
const MAX_TRIES: u32 = 3;

/// CreateSecretVersion
///
/// # Errors
/// Every problem of the request; no such secret; its state; quotas; an unusable key, also of a replica.
pub async fn create(call: &Call) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let (name, request) = both(call.secret_name(), CreateVersion::read(call.body()?, now))?;
    for _ in 0..MAX_TRIES {
        let secret = find(call).await?;
        secret.permits_change(Action::UseValue)?;
        require_admin_readable(&call.app, &call.caller, &call.project, secret.admin_secret())?;
        let replicas = ReplicaKeys::of(&call.app.keys, &secret).await?;
        let key_id = secret.kms_key_id;
        let key = call.key_for(&key_id, CREATE_DATA_KEY).await?;
        let (version, value) = (request.version.clone(), request.value.clone());
        let caller = Arc::clone(&call.caller);
        let added = call.app.store.change_secret(&call.project, &name, false, move |draft| {
            require_hold(&caller, draft)?;
            if draft.secret.kms_key_id != key_id || !replicas.cover(&draft.secret) {
                return Ok::<_, Failure>(None);
            }
            let id = draft.secret.add_version(version, now)?.id;
            let secret = &draft.secret;
            let context = envelope::Context { project: &secret.project, secret: &secret.id, version: id, key: &key_id };
            let sealed = envelope::seal(&key, &context, &value, &mut SysRng)?;
            let metadata = VersionMetadata::of(secret, secret.version(id)?);
            draft.put_value(id, sealed);
            replicas.put_value(draft, id, &value)?;
            draft.occur(Occurrence::of_version(make_uuid(&mut SysRng)?, EventType::SecretVersionCreated, now, id));
            Ok(Some(metadata))
        });
        if let Some(version_metadata) = added.await? {
            return Answer::json(&VersionMetadataResponse { version_metadata });
        }
    }
    Err(Failure::internal("the secret's keys kept changing"))
}

/// ListSecretVersions
///
/// # Errors
/// Every problem of the parameters; no such secret.
pub async fn list(call: &Call) -> Result<Answer, Failure> {
    let (_, query) = both(call.secret_name(), ListVersions::read(&call.query()))?;
    let secret = find(call).await?;
    let limit = usize::from(query.limit.get());
    let after = match query.marker {
        None => None,
        Some(VersionMarker::After(id)) => Some(id),
        Some(VersionMarker::Latest) => secret.versions().last().map(|version| version.id),
    };
    let rest: Vec<_> =
        secret.versions().iter().filter(|version| after.is_none_or(|after| version.id > after)).collect();
    let version_metadatas: Vec<_> =
        rest.iter().take(limit).map(|version| VersionMetadata::of(&secret, version)).collect();
    let page_info = PageInfo::of(version_metadatas.iter().map(|version| version.id.as_str()), rest.len() > limit);
    Answer::json(&ListVersionsResponse { version_metadatas, page_info })
}

/// The version a path names.
fn select(secret: &Secret, selector: VersionSelector) -> Result<VersionId, Refusal> {
    match selector {
        VersionSelector::Latest => secret.staged(&StageName::current()),
        VersionSelector::Id(id) => secret.version(id).map(|version| version.id),
    }
}

/// ShowSecretVersion
///
/// # Errors
/// No such secret or version; the secret's state; CSMS.0401 when the value cannot be opened.
pub async fn show(call: &Call) -> Result<Answer, Failure> {
    let (name, selector) = both(call.secret_name(), VersionSelector::read(call.path_text("version_id")))?;
    Answer::secret(&ShowVersionResponse { version: opened(call, &name, selector).await? })
}

/// A version with its opened value.
///
/// # Errors
/// No such secret or version; the secret's state; CSMS.0401 when the value cannot be opened.
pub(super) async fn opened(call: &Call, name: &SecretName, selector: VersionSelector) -> Result<VersionInfo, Failure> {
    let found = call.app.store.secret_value(&call.project, name, |secret| {
        secret.state.permits(Action::UseValue)?;
        select(secret, selector)
    });
    let StoredValue { secret, version: id, sealed } = found.await?;
    let version = secret.version(id)?;
    let key = call.key_for(&version.kms_key_id, DECRYPT_DATA_KEY).await?;
    let context =
        envelope::Context { project: &secret.project, secret: &secret.id, version: id, key: &version.kms_key_id };
    let value = envelope::open(&key, &context, &sealed)?;
    call.record_read(&secret, id).await?;
    Ok(VersionInfo::of(&secret, version, &value))
}

/// UpdateVersion
///
/// # Errors
/// Every problem of the request; no such secret or version; the secret's state.
pub async fn update(call: &Call) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let path = both(call.secret_name(), VersionSelector::read(call.path_text("version_id")));
    let ((name, selector), expire_time) = both(path, read_expiry(call.body()?, now))?;
    let changed = call.app.store.change_secret(&call.project, &name, false, move |draft| {
        let id = select(&draft.secret, selector)?;
        let version = draft.secret.set_expiry(id, expire_time, now)?.clone();
        Ok::<_, Refusal>(VersionMetadata::of(&draft.secret, &version))
    });
    Answer::json(&VersionMetadataResponse { version_metadata: changed.await? })
}
