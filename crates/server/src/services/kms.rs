//! The operations of the Key Management Service on the same port.
//!
//! Rights, audit and metrics are the gate's. What an operation does is in the modules below.

mod aliases;
mod crypt;
mod grants;
pub(super) mod lifecycle;
mod quotas;
mod rotation;
mod tags;

use std::sync::Arc;

use csms_api::{ErrorCode, kms::KmsOperation, operation::Specification};
use csms_core::{KeyId, KeyName};
use csms_store::{KeyRecord, KeyState, Store};

use crate::{
    audit::Origin,
    failure::Failure,
    gate::{
        access::{Access, Kind, Lasting, Need, Stored},
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service},
    },
    keys::{project::is_gone, usable::is_default_alias},
};

impl Service for KmsOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        Scope::Project
    }

    fn audited(self) -> Audited {
        if self.changes_keys() {
            Audited::Change
        } else if self.uses_key() {
            Audited::Use
        } else {
            Audited::No
        }
    }

    fn kind(self) -> Kind {
        Kind::Key
    }

    /// Grants of keys name some operations.
    fn need(self) -> Need {
        if self.grant_word().is_some() { Need::AllowOrGrant } else { Need::Allow }
    }

    fn lasting(self) -> Lasting {
        if self == Self::CreateGrant { Lasting::Within } else { Lasting::No }
    }

    fn translate(self, mut failure: Failure) -> Failure {
        failure.error.code = failure.error.code.of_kms();
        failure
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        if call.app.keys.are_remote() {
            let reason = "the keys of this server are kept by another Key Management Service; ask that one";
            return Err(Failure::new(ErrorCode::NoSuchOperation, reason));
        }
        match self {
            Self::CreateKey => lifecycle::create(call, body),
            Self::ListKeys => lifecycle::list(call, body),
            Self::ListKeyDetail => lifecycle::describe(call, body).await,
            Self::EnableKey => lifecycle::enable(call, body).await,
            Self::DisableKey => lifecycle::disable(call, body).await,
            Self::DeleteKey => lifecycle::schedule_deletion(call, body).await,
            Self::CancelKeyDeletion => lifecycle::cancel_deletion(call, body).await,
            Self::UpdateKeyAlias => lifecycle::update_alias(call, body).await,
            Self::UpdateKeyDescription => lifecycle::update_description(call, body).await,
            Self::CreateAlias => aliases::create(call, body).await,
            Self::ListAliases => aliases::list(call).await,
            Self::DeleteAlias => aliases::delete(call, body).await,
            Self::AssociateAlias => aliases::associate(call, body).await,
            Self::CreateDatakey => crypt::create_datakey(call, body, true).await,
            Self::CreateDatakeyWithoutPlaintext => crypt::create_datakey(call, body, false).await,
            Self::EncryptDatakey => crypt::encrypt_datakey(call, body).await,
            Self::DecryptDatakey => crypt::decrypt_datakey(call, body).await,
            Self::EncryptData => crypt::encrypt_data(call, body).await,
            Self::DecryptData => crypt::decrypt_data(call, body).await,
            Self::CreateRandom => crypt::random(&call, body),
            Self::BatchCreateKmsTags => tags::change(call, body).await,
            Self::CreateKmsTag => tags::create(call, body).await,
            Self::DeleteTag => tags::delete(call).await,
            Self::ShowKmsTags => tags::list(call).await,
            Self::ListKmsTags => Ok(tags::list_of_project(call)),
            Self::ListKmsByTags => tags::find_keys(call, body),
            Self::ShowKeyRotationStatus => rotation::show(call, body).await,
            Self::EnableKeyRotation => rotation::enable(call, body).await,
            Self::DisableKeyRotation => rotation::disable(call, body).await,
            Self::UpdateKeyRotationInterval => rotation::change_interval(call, body).await,
            Self::CreateGrant => grants::create(call, body).await,
            Self::CancelGrant => grants::revoke(call, body).await,
            Self::CancelSelfGrant => grants::retire(call, body).await,
            Self::ListKeyGrants => grants::list(call, body).await,
            Self::ListRetirableGrants => grants::list_retirable(call, body),
            Self::ShowUserQuotas => Ok(quotas::quotas(call)),
            Self::ShowUserInstances => Ok(quotas::instances(call)),
        }
    }
}

/// A key that a request names, looked up before its rights are judged, so that an alias cannot move to another key between.
struct Named(Option<KeyId>);

impl Named {
    async fn find(call: &Call, name: &KeyName) -> Result<Self, Failure> {
        Ok(Self(match name {
            KeyName::Id(id) => Some(id.clone()),
            KeyName::Alias(alias) => call.app.keys.by_alias(&call.project, alias).await?,
        }))
    }

    /// The operation's access to it. Aliases are known only to whoever may do something with keys.
    fn access(&self, call: &Call) -> Access {
        self.0.as_ref().map_or_else(|| call.all(Kind::Key), |id| access(call, id))
    }

    /// The key itself, as it is stored.
    async fn record(&self, call: &Call) -> Result<Option<KeyRecord>, Failure> {
        let Some(id) = &self.0 else { return Ok(None) };
        find(call, id).await
    }

    /// Its identifier.
    ///
    /// # Errors
    /// No key has the alias.
    fn id(self) -> Result<KeyId, Failure> {
        self.0.ok_or_else(no_such_key)
    }

    /// Its identifier for an operation that seals under it: the default key, which the request names, is made if the project has
    /// none yet.
    ///
    /// # Errors
    /// No key has the alias; failures of the store.
    async fn id_to_seal(self, call: &Call, name: &KeyName) -> Result<KeyId, Failure> {
        if self.0.is_none() && is_default_alias(name) {
            return call.app.keys.default_key(&call.project).await;
        }
        self.id()
    }
}

/// The operation's access to a key.
fn access(call: &Call, id: &KeyId) -> Access {
    Access::key(call.actions(), &call.project, id, Stored::Unread)
}

/// The operation's access to a key that it has read.
fn access_to(call: &Call, named: &Named, found: Option<KeyRecord>) -> Access {
    match &named.0 {
        Some(id) => Access::key(call.actions(), &call.project, id, Stored::from(found)),
        None => call.all(Kind::Key),
    }
}

/// A key of the project that has not been deleted.
pub(super) async fn find(call: &Call, id: &KeyId) -> Result<Option<KeyRecord>, Failure> {
    let found = call.app.store.key(&call.project, id).await?;
    Ok(found.filter(|key| !is_gone(key, call.app.clock.now())))
}

/// The enterprise project of a key.
pub(super) fn enterprise_project(key: &KeyRecord) -> &str {
    // Keys of early stores have none.
    match key.details.enterprise_project_id.as_str() {
        "" => "0",
        project => project,
    }
}

/// The keys of the project that have not been deleted.
pub(super) async fn keys(call: &Call) -> Result<Vec<KeyRecord>, Failure> {
    let now = call.app.clock.now();
    let keys = call.app.store.keys(&call.project).await?;
    Ok(keys.into_iter().filter(|key| !is_gone(key, now)).collect())
}

/// The keys of the project of which a list may show what the operation shows of one: nothing denies it.
async fn keys_to_list(call: &Call) -> Result<Vec<KeyRecord>, Failure> {
    let mut listed = Vec::new();
    for key in keys(call).await? {
        let key = Arc::new(key);
        let access = Access::key(call.actions(), &call.project, &key.id, Stored::Found(Arc::clone(&key)));
        if call.may_list(access).await? {
            listed.push(Arc::unwrap_or_clone(key));
        }
    }
    Ok(listed)
}

/// Changes one key, in one transaction with its record. Its rights are judged again over the key as it is there.
async fn change<T: Send + 'static>(
    call: &Call,
    id: &KeyId,
    decide: impl FnOnce(&mut KeyRecord, &[KeyRecord]) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (origin, trail, guard) = (Origin::current(), Arc::clone(&call.app.trail), call.guard());
    let (wanted, now) = (id.clone(), call.app.clock.now());
    let changed = call.app.store.change_keys(&call.project, move |keys| {
        let others = keys.clone();
        let key = keys.iter_mut().find(|key| key.id == wanted && !is_gone(key, now));
        let key = key.ok_or_else(no_such_key)?;
        guard.check_key(key)?;
        let answer = decide(key, &others)?;
        let entry = trail.change(&origin, &key.project, |record| record.key = Some(key.id.as_str()));
        Ok::<_, Failure>((answer, vec![entry]))
    });
    let changed = changed.await;
    call.app.keys.forget(&call.project, id);
    Ok(changed?)
}

fn no_such_key() -> Failure {
    Failure::new(ErrorCode::KmsKeyNotFound, "")
}

/// The word of a state.
const fn state_of(state: KeyState) -> &'static str {
    match state {
        KeyState::Enabled => "2",
        KeyState::Disabled => "3",
        KeyState::PendingDeletion => "4",
    }
}
