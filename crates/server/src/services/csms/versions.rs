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
    Action, Refusal, Secret, SecretName, SecretValue, StageName, UnixMillis, VersionId,
    event::{EventType, Occurrence},
    identity::make_uuid,
};
use csms_kms::envelope;
use csms_store::{ReadError, Store, StoredValue};
use getrandom::SysRng;

use super::{
    secrets::{Named, by_name},
    used::{Administrator, sealing},
};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, CREATE_DATA_KEY, DECRYPT_DATA_KEY, Facts, Need, Stored},
        answer::Answer,
        json::Body,
        service::{Call, Prepared, Subject},
    },
    keys::{replicas::ReplicaKeys, usable::UsableKey},
    rotation::accounts,
};

/// How often a version is added again when the secret changed under it.
const MAX_TRIES: u32 = 3;

/// A version that is about to be added: the secret as it was read, and the key that will seal the value.
struct Adding {
    named: Named,
    key: Option<Result<UsableKey, Failure>>,
    accesses: Vec<Access>,
}

impl Adding {
    /// Reads the secret and finds what a new version of it touches.
    async fn read(call: &Call, name: &SecretName) -> Result<Self, Failure> {
        let named = Named::read(call, name.clone()).await?;
        let mut accesses = vec![named.access(call)];
        let mut key = None;
        if let Some(secret) = named.stored() {
            let usable = call.app.keys.usable(&call.project, &secret.kms_key_id).await;
            accesses.extend(sealing(&call.project, CREATE_DATA_KEY, &secret.kms_key_id, &usable));
            accesses.extend(Administrator::of(call, secret.admin_secret()).await?.reading(call));
            key = Some(usable);
        }
        Ok(Self { named, key, accesses })
    }

    /// Adds the version; `None` when the secret is not as it was read any more.
    async fn write(
        self,
        call: &Call,
        request: CreateVersion,
        now: UnixMillis,
    ) -> Result<Option<(Secret, VersionMetadata)>, Failure> {
        let secret = self.named.found()?;
        secret.permits_change(Action::UseValue)?;
        accounts::require_unrepeated(&secret, &request.value)?;
        let replicas = ReplicaKeys::of(&call.app.keys, &secret).await?;
        let key = self.key.ok_or(Refusal::SecretNotFound)??.key;
        let name = secret.name.clone();
        let CreateVersion { version, value } = request;
        let added = call.change_secret(&name, false, move |draft| {
            if draft.secret.id != secret.id {
                // The secret that was judged is deleted, and another has its name.
                return Err(Refusal::SecretNotFound.into());
            }
            let is_as_read = draft.secret.kms_key_id == secret.kms_key_id
                && draft.secret.admin_secret() == secret.admin_secret()
                && replicas.cover(&draft.secret);
            if !is_as_read {
                return Ok::<_, Failure>(None);
            }
            let id = draft.secret.add_version(version, now)?.id;
            let key_id = &secret.kms_key_id;
            let context = envelope::Context { project: &secret.project, secret: &secret.id, version: id, key: key_id };
            let sealed = envelope::seal(&key, &context, &value, &mut SysRng)?;
            let metadata = VersionMetadata::of(&draft.secret, draft.secret.version(id)?);
            draft.put_value(id, sealed);
            replicas.put_value(draft, id, &value)?;
            draft.occur(Occurrence::of_version(make_uuid(&mut SysRng)?, EventType::SecretVersionCreated, now, id));
            Ok(Some((draft.secret.clone(), metadata)))
        });
        added.await
    }
}

/// CreateSecretVersion
///
/// # Errors
/// Every problem of the request; of the work: no such secret; its state; quotas; an unusable key, also of a replica.
pub async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let now = call.app.clock.now();
    let (name, request) = both(call.secret_name(), CreateVersion::read(body.object()?, call.app.limits().rules, now))?;
    let mut adding = Adding::read(&call, &name).await?;
    let accesses = std::mem::take(&mut adding.accesses);
    let id = adding.named.stored().map(|secret| secret.id.clone());
    Ok(Prepared::new(accesses, async move {
        for _ in 0..MAX_TRIES {
            if let Some((secret, version_metadata)) = adding.write(&call, request.clone(), now).await? {
                accounts::note(&call.app, &secret, &request.value).await;
                return Answer::json(&VersionMetadataResponse { version_metadata });
            }
            // Another key, another administrator or a new replica: what it touches now is judged again.
            adding = Adding::read(&call, &name).await?;
            if adding.named.stored().map(|secret| &secret.id) != id.as_ref() {
                return Err(Refusal::SecretNotFound.into());
            }
            for access in &adding.accesses {
                call.authorise(access).await?;
            }
        }
        Err(Failure::internal("the secret's keys kept changing"))
    }))
}

/// ListSecretVersions
///
/// # Errors
/// Every problem of the parameters; of the work: no such secret.
pub async fn list(call: Call) -> Result<Prepared, Failure> {
    let (name, query) = both(call.secret_name(), ListVersions::read(call.query()))?;
    let named = Named::read(&call, name).await?;
    let access = named.access(&call).needs(Need::AllowOrGrant);
    Ok(Prepared::new(vec![access], async move {
        let secret = named.found()?;
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
    }))
}

/// The version a path names.
fn select(secret: &Secret, selector: VersionSelector) -> Result<VersionId, Refusal> {
    match selector {
        VersionSelector::Latest => secret.staged(&StageName::current()),
        VersionSelector::Id(id) => secret.version(id).map(|version| version.id),
    }
}

/// A sealed value and what opens it.
struct Sealed {
    secret: Arc<Secret>,
    version: VersionId,
    sealed: Vec<u8>,
    key: Result<UsableKey, Failure>,
}

/// A value that has been read and not opened yet.
pub(super) struct Reading {
    found: Result<Sealed, Failure>,
    /// What reading it touches: the secret, and the key that seals the value.
    pub(super) accesses: Vec<Access>,
    /// The version, for the record of its use.
    pub(super) subject: Option<Subject>,
}

/// Reads a version with its sealed value and finds its key, so that the rights are judged on what will be opened.
///
/// # Errors
/// Failures of the store.
pub(super) async fn reading(call: &Call, name: &SecretName, selector: VersionSelector) -> Result<Reading, Failure> {
    let expected = if let VersionSelector::Id(id) = selector { Some(id) } else { None };
    let found = call.app.store.secret_value(&call.project, name, expected, |secret| {
        secret.state.permits(Action::UseValue)?;
        select(secret, selector)
    });
    let stored = match found.await {
        Ok(stored) => stored,
        Err(ReadError::Store(error)) => return Err(error.into()),
        Err(refusal) => {
            // Whoever may not read it does not learn why nobody can.
            let stored = if matches!(refusal, ReadError::NotFound) { Stored::Missing } else { Stored::Unread };
            let access = Access::secret(call.actions(), &call.project, name, stored).needs(Need::AllowOrGrant);
            let access = access.with(Facts { version: expected, ..Facts::default() });
            return Ok(Reading { found: Err(refusal.into()), accesses: vec![access], subject: None });
        }
    };
    let StoredValue { secret, version, sealed } = stored;
    let secret = Arc::new(secret);
    let found = secret.version(version)?;
    let key = call.app.keys.usable(&call.project, &found.kms_key_id).await;
    let reading = Access::reading(call.actions(), &secret, found).map(|access| access.needs(Need::AllowOrGrant));
    let mut accesses: Vec<_> = reading.collect();
    accesses.extend(sealing(&call.project, DECRYPT_DATA_KEY, &found.kms_key_id, &key));
    let subject = Some(Subject::version(&secret, version));
    Ok(Reading { found: Ok(Sealed { secret, version, sealed, key }), accesses, subject })
}

impl Reading {
    /// Opens the value.
    ///
    /// # Errors
    /// No such secret or version; the secret's state; CSMS.0401 when the value cannot be opened.
    pub(super) fn open(self) -> Result<VersionInfo, Failure> {
        let Sealed { secret, version: id, sealed, key } = self.found?;
        let version = secret.version(id)?;
        let context =
            envelope::Context { project: &secret.project, secret: &secret.id, version: id, key: &version.kms_key_id };
        let value: SecretValue = envelope::open(&key?.key, &context, &sealed)?;
        Ok(VersionInfo::of(&secret, version, &value))
    }
}

/// ShowSecretVersion
///
/// # Errors
/// Every problem of the path; of the work: no such secret or version; the secret's state; CSMS.0401 when the value cannot be
/// opened.
pub async fn show(call: Call) -> Result<Prepared, Failure> {
    let (name, selector) = both(call.secret_name(), VersionSelector::read(call.path_text("version_id")))?;
    let mut reading = reading(&call, &name, selector).await?;
    let (accesses, uses) = (std::mem::take(&mut reading.accesses), reading.subject.take());
    let prepared =
        Prepared::new(accesses, async move { Answer::secret(&ShowVersionResponse { version: reading.open()? }) });
    Ok(prepared.using(uses.into_iter().collect()))
}

/// UpdateVersion
///
/// # Errors
/// Every problem of the request; of the work: no such secret or version; the secret's state.
pub async fn update(call: Call, body: Body) -> Result<Prepared, Failure> {
    let now = call.app.clock.now();
    let path = both(call.secret_name(), VersionSelector::read(call.path_text("version_id")));
    let ((name, selector), expire_time) = both(path, read_expiry(body.object()?, now))?;
    // The version that is judged is the one that is changed, also where the path says `latest`.
    let version = match selector {
        VersionSelector::Id(id) => Some(id),
        VersionSelector::Latest => {
            let secret = call.app.store.secret(&call.project, &name).await?;
            secret.and_then(|secret| select(&secret, selector).ok())
        }
    };
    let access = by_name(&call, &name).with(Facts { version, ..Facts::default() });
    Ok(Prepared::new(vec![access], async move {
        let changed = call.change_secret(&name, false, move |draft| {
            let Some(id) = version else {
                // A version that has come since was not judged.
                return select(&draft.secret, selector).and(Err(Refusal::SecretNotFound));
            };
            let version = draft.secret.set_expiry(id, expire_time, now)?.clone();
            Ok::<_, Refusal>(VersionMetadata::of(&draft.secret, &version))
        });
        Answer::json(&VersionMetadataResponse { version_metadata: changed.await? })
    }))
}
