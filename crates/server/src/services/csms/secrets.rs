//! Life cycle of secrets: create, list, show, update, delete, schedule deletion, restore.

use std::sync::Arc;

use csms_api::{
    ErrorCode,
    fields::both,
    request::{
        query::ListSecrets,
        secret::{CreateSecret, UpdateSecret, read_recovery_window},
    },
    response::{ListSecretsResponse, PageInfo, SecretInfo, SecretResponse},
};
use csms_core::{
    Action, FunctionUrn, KeyId, KeyName, ProjectId, Refusal, RotationConfig, Secret, SecretId, SecretName, SecretState,
    StageName, VersionId,
    event::{EventType, Occurrence},
    identity::make_uuid,
    rotation::message::service::shared_account,
    secret::SecretUpdate,
};
use csms_kms::{MasterKey, envelope};
use csms_store::{CreateError, Page, SecretFilter, Store, Window};
use getrandom::SysRng;

use super::used::{
    Administrator, begins_rotations, changed_meanwhile, invoking, sealing, used_by_rotations, uses_the_same,
};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, CREATE_DATA_KEY, Facts, Kind, Need, READ_VALUE, ROTATE, Resource, Stored},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
    keys::usable::{UsableKey, is_default_alias},
    rotation::accounts,
};

/// The answer that is a secret.
///
/// # Errors
/// None that a secret can cause.
pub(super) fn answer(call: &Call, secret: &Secret) -> Result<Answer, Failure> {
    Answer::json(&SecretResponse { secret: SecretInfo::of(secret, &call.app.identity.domain_id) })
}

/// Older secrets of one account that are looked at for one that the caller may read.
const MAX_OLDER_SECRETS: usize = 8;

/// The answer that is a secret that was just made, with a warning if an older one names its account and the caller may read
/// that: nobody else learns from it which accounts the project has.
///
/// # Errors
/// Failures of the store.
pub(super) async fn with_account_warning(call: &Call, secret: &Secret) -> Result<Answer, Failure> {
    let answer = answer(call, secret)?;
    if !secret.secret_type.is_rotated() {
        return Ok(answer);
    }
    for older in accounts::older_secrets(&call.app, secret, MAX_OLDER_SECRETS).await? {
        if may_read_current(call, older).await? {
            return Ok(answer.with_warning(&shared_account().english()));
        }
    }
    Ok(answer)
}

/// Whether the caller may read the current value of a secret.
///
/// # Errors
/// Failures of the store.
async fn may_read_current(call: &Call, secret: Secret) -> Result<bool, Failure> {
    let Ok(version) = secret.staged(&StageName::current()).and_then(|current| secret.version(current)).cloned() else {
        return Ok(false);
    };
    for access in Access::reading(READ_VALUE, &Arc::new(secret), &version) {
        if !call.may(access.needs(Need::AllowOrGrant)).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Who makes a secret: what is read or changed for it, and the secret itself once the gate has judged that.
pub(super) struct Creation {
    request: CreateSecret,
    key: Option<ChosenKey>,
    administrator: Administrator,
    /// What the creation touches.
    pub(super) accesses: Vec<Access>,
}

/// Finds what the creation of a secret touches: the new name, the key that will seal its value, and the secret of the
/// administrator that its configuration names.
///
/// # Errors
/// Failures of the store.
pub(super) async fn creation(call: &Call, request: CreateSecret) -> Result<Creation, Failure> {
    let key = match &request.kms_key {
        Some(name) => Some(ChosenKey::find(call, &call.project, name).await),
        None => None,
    };
    let facts = Facts {
        secret_type: Some(request.secret.secret_type),
        enterprise_project_id: Some(request.secret.enterprise_project_id.clone()),
        ..Facts::default()
    };
    let made = Access::secret(call.actions(), &call.project, &request.secret.name, Stored::Missing).with(facts);
    let mut accesses = making(call, made, &call.project, key.as_ref()).await?;
    if request.secret.auto_rotation {
        // Who is denied its rotation cannot have the server begin one. The key and the administrator are judged in any case.
        let rotating = accesses.first().map(|made| Access { actions: ROTATE, need: Need::NoDeny, ..made.clone() });
        accesses.extend(rotating);
        accesses.extend(request.secret.rotation_func_urn.as_ref().map(|function| invoking(call, function)));
    }
    let admin = request.secret.rotation_config.as_ref().and_then(RotationConfig::admin_secret);
    let administrator = Administrator::of(call, admin).await?;
    accesses.extend(administrator.reading(call));
    Ok(Creation { request, key, administrator, accesses })
}

/// What the making of a secret touches besides what it is made from: the new name, and the key that seals its values. Where the
/// request names no key, conditions see the default one, which is used then.
///
/// # Errors
/// Failures of the store.
pub(super) async fn making(
    call: &Call,
    made: Access,
    project: &ProjectId,
    chosen: Option<&ChosenKey>,
) -> Result<Vec<Access>, Failure> {
    let facts = Facts {
        kms_key_id: conditions_key(call, project, chosen).await?,
        is_key_left_out: chosen.is_none(),
        ..made.facts.clone()
    };
    let sealing = chosen.and_then(|chosen| chosen.sealing(project));
    Ok([made.with(facts)].into_iter().chain(sealing).collect())
}

/// The key that conditions see as the one that a request chooses for a secret: the default one where it names that or none.
/// `None` for a key that is not there.
///
/// # Errors
/// Failures of the store.
async fn conditions_key(
    call: &Call,
    project: &ProjectId,
    chosen: Option<&ChosenKey>,
) -> Result<Option<KeyId>, Failure> {
    match chosen {
        // Only conditions ask.
        None if call.caller.has_conditions() => call.app.keys.default_key_id(project).await.map(Some),
        chosen => Ok(chosen.and_then(ChosenKey::id)),
    }
}

/// The key that a request chooses for a secret, or why there is none.
pub(super) enum ChosenKey {
    /// One with an identifier. Whether there is such a key, and one that can be used, is the work's to say.
    Known(KeyId, Result<UsableKey, Failure>),
    /// The default key of a project that has none yet. The work makes it, with this identifier.
    Default(KeyId),
    /// An alias that no key of the project has.
    Unknown,
    /// It cannot be looked for.
    Failed(Failure),
}

impl ChosenKey {
    /// Finds the key that a request names in a project.
    pub(super) async fn find(call: &Call, project: &ProjectId, name: &KeyName) -> Self {
        match call.app.keys.identify(project, name).await {
            Ok(Some(id)) => {
                let usable = call.app.keys.usable(project, &id).await;
                Self::Known(id, usable)
            }
            Ok(None) if is_default_alias(name) => {
                call.app.keys.default_key_id(project).await.map_or_else(Self::Failed, Self::Default)
            }
            Ok(None) => Self::Unknown,
            Err(failure) => Self::Failed(failure),
        }
    }

    /// Its identifier; `None` for a key that is not there.
    pub(super) fn id(&self) -> Option<KeyId> {
        match self {
            Self::Known(id, _) | Self::Default(id) => Some(id.clone()),
            Self::Unknown | Self::Failed(_) => None,
        }
    }

    /// The right to seal the secret's value with it. Which aliases there are is known only to whoever has it for all keys, so
    /// that a refusal does not differ between an alias of another's key and one that no key has.
    pub(super) fn sealing(&self, project: &ProjectId) -> Option<Access> {
        match self {
            Self::Known(id, usable) => sealing(project, CREATE_DATA_KEY, id, usable),
            Self::Unknown => {
                let all = Access::new(CREATE_DATA_KEY, Resource::All(Kind::Key, project.clone()));
                Some(all.of_sealing_key())
            }
            Self::Default(_) | Self::Failed(_) => None,
        }
    }
}

/// The key that was chosen for a value, or else the default key of the project.
///
/// # Errors
/// An unusable key; failures of the store.
pub(super) async fn chosen_or_default(
    call: &Call,
    project: &ProjectId,
    chosen: Option<ChosenKey>,
) -> Result<(KeyId, Arc<MasterKey>), Failure> {
    let (id, usable) = match chosen {
        Some(ChosenKey::Known(id, usable)) => (id, usable?),
        Some(ChosenKey::Unknown) => {
            return Err(Failure::new(ErrorCode::KeyUnusable, "kms_key_id names no key of the project"));
        }
        Some(ChosenKey::Failed(failure)) => return Err(failure),
        Some(ChosenKey::Default(_)) | None => {
            let id = call.app.keys.default_key(project).await?;
            let usable = call.app.keys.usable(project, &id).await?;
            (id, usable)
        }
    };
    Ok((id, usable.key))
}

/// CreateSecret
///
/// # Errors
/// Every problem of the request; of the work: a taken name; the quota; an unusable key.
pub async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = CreateSecret::read(body.object()?, call.app.limits().rules)?;
    let creation = creation(&call, request).await?;
    let accesses = creation.accesses.clone();
    Ok(Prepared::new(accesses, async move {
        let secret = make(&call, creation).await?;
        with_account_warning(&call, &secret).await
    }))
}

/// Refuses a function that the server may not call for the project: it would sign the call with keys of its own.
fn require_own_function(call: &Call, function: Option<&FunctionUrn>) -> Result<(), Failure> {
    if function.is_none_or(|function| call.app.functions.may_name(&call.project, function)) {
        return Ok(());
    }
    let rule =
        "rotation_func_urn must name a function of the project, or one that --function-allow of the server names";
    Err(Failure::new(ErrorCode::Forbidden, rule))
}

/// Creates a secret with its version v1.
///
/// # Errors
/// A value that repeats a member of an account; a taken name; the quota; an unusable key.
pub(super) async fn make(call: &Call, creation: Creation) -> Result<Secret, Failure> {
    let Creation { request, key, administrator, .. } = creation;
    administrator.require()?;
    require_own_function(call, request.secret.rotation_func_urn.as_ref())?;
    let (key_id, key) = chosen_or_default(call, &call.project, key).await?;
    let id = SecretId::make(&mut SysRng)?;
    let secret = Secret::create(id, call.project.clone(), request.secret, key_id, call.app.clock.now());
    let context = envelope::Context {
        project: &secret.project,
        secret: &secret.id,
        version: VersionId::FIRST,
        key: &secret.kms_key_id,
    };
    accounts::require_unrepeated(&secret, &request.value)?;
    let sealed = envelope::seal(&key, &context, &request.value, &mut SysRng)?;
    let quota = call.app.limits().secret_quota;
    match call.app.store.create_secret(secret.clone(), sealed, quota).await {
        Ok(()) => {
            accounts::note(&call.app, &secret, &request.value).await;
            Ok(secret)
        }
        Err(CreateError::Exists) => Err(taken(call, &secret.name).await),
        Err(CreateError::Quota) => Err(Refusal::SecretQuota(quota).into()),
        Err(CreateError::Store(error)) => Err(error.into()),
    }
}

/// The refusal of a name that a secret has. One that waits for its deletion is in no list that people look at first.
pub(super) async fn taken(call: &Call, name: &SecretName) -> Failure {
    match call.app.store.secret(&call.project, name).await {
        Ok(Some(secret)) if secret.state == SecretState::PendingDelete => Refusal::SecretWaits.into(),
        Ok(_) => Refusal::SecretExists.into(),
        Err(error) => error.into(),
    }
}

/// ListSecrets
///
/// # Errors
/// Every problem of the parameters.
pub fn list(call: Call) -> Result<Prepared, Failure> {
    let query = ListSecrets::read(call.query())?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let page = page(&call, &query).await?;
        let page_info = PageInfo::of(page.items.iter().map(|secret| secret.name.as_str()), page.more);
        let info = |secret| SecretInfo::of(secret, &call.app.identity.domain_id);
        Answer::json(&ListSecretsResponse { secrets: page.items.iter().map(info).collect(), page_info })
    }))
}

/// A page of secrets. Those that are bound to an event and in an enterprise project are picked out of the pages of the event.
async fn page(call: &Call, query: &ListSecrets) -> Result<Page<Secret>, Failure> {
    let list = |after: Option<String>| async move {
        let (limit, event) = (query.limit.get(), query.event_name.as_ref());
        call.app.store.list_secrets(&call.project, after.as_deref(), limit, event).await
    };
    let Some(wanted) = &query.enterprise_project_id else { return Ok(list(query.marker.clone()).await?) };
    if query.event_name.is_none() {
        let filter = SecretFilter { enterprise_project: Some(wanted.clone()), ..SecretFilter::default() };
        let window = Window { after: query.marker.as_deref(), offset: 0, limit: query.limit.get() };
        return Ok(call.app.store.find_secrets(&call.project, &filter, window).await?);
    }
    let limit = usize::from(query.limit.get());
    let (mut items, mut after) = (Vec::new(), query.marker.clone());
    loop {
        let page = list(after).await?;
        after = page.items.last().map(|secret| secret.name.to_string());
        items.extend(page.items.into_iter().filter(|secret| secret.enterprise_project_id == *wanted));
        if items.len() > limit || !page.more {
            let more = items.len() > limit;
            items.truncate(limit);
            return Ok(Page { items, more });
        }
    }
}

/// The secret in the path as it is stored.
pub(super) struct Named {
    /// Its name.
    pub(super) name: SecretName,
    found: Option<Arc<Secret>>,
}

impl Named {
    /// Reads the secret in the path.
    ///
    /// # Errors
    /// A malformed name; failures of the store.
    pub(super) async fn read(call: &Call, name: SecretName) -> Result<Self, Failure> {
        let found = call.app.store.secret(&call.project, &name).await?;
        Ok(Self { name, found: found.map(Arc::new) })
    }

    /// The operation's access to it.
    pub(super) fn access(&self, call: &Call) -> Access {
        match &self.found {
            Some(found) => Access::found(call.actions(), found),
            None => Access::secret(call.actions(), &call.project, &self.name, Stored::Missing),
        }
    }

    /// The secret, if there is one.
    pub(super) fn stored(&self) -> Option<&Arc<Secret>> {
        self.found.as_ref()
    }

    /// The secret.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn found(self) -> Result<Arc<Secret>, Failure> {
        self.found.ok_or_else(|| Refusal::SecretNotFound.into())
    }
}

/// ShowSecret
///
/// # Errors
/// A malformed name; of the work: no such secret.
pub async fn show(call: Call) -> Result<Prepared, Failure> {
    let name = call.secret_name()?;
    let named = Named::read(&call, name).await?;
    let access = named.access(&call).needs(Need::AllowOrGrant);
    Ok(Prepared::new(vec![access], async move {
        let secret = named.found()?;
        answer(&call, &secret)
    }))
}

/// The operation's access to the secret in the path, which its work will read in a transaction.
pub(super) fn by_name(call: &Call, name: &SecretName) -> Access {
    Access::secret(call.actions(), &call.project, name, Stored::Unread)
}

/// An operation that changes the secret in the path and returns it.
fn changing(
    call: Call,
    name: SecretName,
    decide: impl FnOnce(&mut Secret) -> Result<(), Refusal> + Send + 'static,
) -> Prepared {
    let decide = move |secret: &mut Secret| decide(secret).map_err(Failure::from);
    Prepared::new(vec![by_name(&call, &name)], async move { change(&call, &name, decide).await })
}

async fn change(
    call: &Call,
    name: &SecretName,
    decide: impl FnOnce(&mut Secret) -> Result<(), Failure> + Send + 'static,
) -> Result<Answer, Failure> {
    let changed = call.change_secret(name, false, move |draft| {
        decide(&mut draft.secret)?;
        Ok::<_, Failure>(draft.secret.clone())
    });
    answer(call, &changed.await?)
}

/// UpdateSecret: a secret that is moved to another key is judged with the key that it has and with the one that it gets. Where
/// the server will rotate it by itself from then on, sooner, or by another function, nothing may deny that.
///
/// # Errors
/// Every problem of the request; of the work: no such secret; its state; an unusable key.
pub async fn update(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, request) = both(call.secret_name(), UpdateSecret::read(body.object()?, call.app.limits().rules))?;
    let mut update = request.update;
    let named = Named::read(&call, name).await?;
    let mut accesses = vec![named.access(&call)];
    let now = call.app.clock.now();
    let (mut key, mut moved_to, mut is_rotation_judged) = (None, None, false);
    if let Some(name) = &request.kms_key {
        let chosen = ChosenKey::find(&call, &call.project, name).await;
        accesses.extend(chosen.sealing(&call.project));
        moved_to = conditions_key(&call, &call.project, Some(&chosen)).await?;
        if moved_to.is_some() {
            let facts = Facts { kms_key_id: moved_to.clone(), ..Facts::default() };
            accesses.push(named.access(&call).with(facts));
        }
        key = Some(chosen);
    }
    if let Some(secret) = named.stored() {
        let (mut after, update) = ((**secret).clone(), SecretUpdate { kms_key_id: moved_to, ..update.clone() });
        is_rotation_judged = after.update(update, now).is_ok() && begins_rotations(secret, &after);
        if is_rotation_judged {
            // As it is and, where it moves to another key, as it will be.
            let rotating = accesses.iter().filter(|access| access.actions == call.actions());
            let rotating = rotating.map(|access| Access { actions: ROTATE, need: Need::NoDeny, ..access.clone() });
            let rotating: Vec<_> = rotating.collect();
            accesses.extend(rotating);
            accesses.extend(used_by_rotations(&call, &after).await?);
        }
    }
    Ok(Prepared::new(accesses, async move {
        let name = named.name.clone();
        let judged = named.found()?;
        judged.permits_change(Action::ChangeMetadata)?;
        if key.is_some() {
            update.kms_key_id = Some(chosen_or_default(&call, &call.project, key).await?.0);
        }
        require_own_function(&call, update.rotation_func_urn.as_ref())?;
        let change_it = move |secret: &mut Secret| {
            let before = secret.clone();
            secret.update(update, now)?;
            let is_judged = is_rotation_judged && uses_the_same(&judged, &before);
            if begins_rotations(&before, secret) && !is_judged {
                return Err(changed_meanwhile());
            }
            Ok(())
        };
        change(&call, &name, change_it).await
    }))
}

/// DeleteSecret: at once and for good.
///
/// # Errors
/// A malformed name; of the work: no such secret; a replica, or a primary with replicas.
pub fn delete(call: Call) -> Result<Prepared, Failure> {
    let name = call.secret_name()?;
    Ok(Prepared::new(vec![by_name(&call, &name)], async move {
        let occurrence = deleted(&call)?;
        let deleted = call.change_secret(&name, false, |draft| {
            draft.secret.permits_change(Action::Delete)?;
            draft.occur(occurrence);
            draft.delete();
            Ok::<_, Refusal>(())
        });
        deleted.await?;
        Ok(Answer::Empty)
    }))
}

/// That a secret is deleted now.
///
/// # Errors
/// Failures of the random number generator.
pub(super) fn deleted(call: &Call) -> Result<Occurrence, Failure> {
    Ok(Occurrence::of_secret(make_uuid(&mut SysRng)?, EventType::SecretDeleted, call.app.clock.now()))
}

/// DeleteSecretForSchedule
///
/// # Errors
/// Every problem of the request; of the work: no such secret; its state.
pub fn schedule_deletion(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, window) = both(call.secret_name(), read_recovery_window(body.object()?))?;
    let now = call.app.clock.begin_window();
    Ok(changing(call, name, move |secret| secret.schedule_deletion(window, now)))
}

/// RestoreSecret
///
/// # Errors
/// A malformed name; of the work: no such secret; it is not scheduled for deletion.
pub fn restore(call: Call) -> Result<Prepared, Failure> {
    let name = call.secret_name()?;
    let now = call.app.clock.now();
    Ok(changing(call, name, move |secret| secret.restore(now)))
}
