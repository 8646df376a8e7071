//! The project's KMS keys as the server uses them: found in the store, unwrapped once, kept in memory. If a service elsewhere
//! keeps the keys, [`crate::keys::remote`] finds them.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use csms_api::ErrorCode;
use csms_core::{KeyId, KeyName, ProjectId, Secret, UnixMillis};
use csms_kms::{MasterKey, MaterialNumber, RootRing};
use csms_store::{AnyStore, ChangeError, KeyDetails, KeyMaterial, KeyRecord, KeyState, Store, StoreError};
use getrandom::SysRng;

use crate::{
    audit::{Origin, Trail},
    clock::Clock,
    failure::Failure,
    keys::{
        remote::RemoteKeys,
        usable::{DEFAULT_ALIAS, UsableKey},
    },
};

/// The keys that the versions of one secret need.
pub type KeysOfSecret = HashMap<KeyId, Arc<MasterKey>>;

/// How long a key is used before its state is looked at again: a key that another replica disabled is out of use after
/// this time. One that this server disabled is so at once.
pub const STATE_LIFETIME: Duration = Duration::from_secs(1);

/// How long material that a rotation made waits before it seals, in milliseconds. By then every server has read it, so none is
/// given bytes that it cannot open; the clocks of servers may differ by nearly as much.
pub const MATERIAL_LEAD_MILLIS: u64 = 60_000;

/// Number of the material that seals at `now`, of a key whose further material is as given.
fn sealing_material(key: &KeyRecord, now: UnixMillis) -> MaterialNumber {
    let begun = |made: &UnixMillis| made.plus_millis(MATERIAL_LEAD_MILLIS) <= now;
    let begun = key.details.materials.iter().map(|material| material.create_time).filter(begun).count();
    MaterialNumber::try_from(begun).unwrap_or(MaterialNumber::MAX)
}

/// An unwrapped key, and when it was last seen to be enabled.
struct Known {
    key: Arc<MasterKey>,
    seen: Instant,
    is_default: bool,
}

/// Whether the time of a key's deletion has come, whether its material is still there or not.
#[must_use]
pub fn is_gone(key: &KeyRecord, now: UnixMillis) -> bool {
    key.state == KeyState::PendingDeletion && key.details.scheduled_deletion.is_some_and(|due| due <= now)
}

/// How long a check of a remote KMS may take. Those who ask wait a second.
const CHECK_WITHIN: Duration = Duration::from_millis(900);

/// How long the outcome of a check counts. Anybody may ask, and a remote KMS is not free.
const CHECK_COUNTS: Duration = Duration::from_secs(1);

/// Finds and unwraps keys.
pub struct Keys {
    root: Arc<RootRing>,
    store: AnyStore,
    trail: Arc<Trail>,
    clock: Clock,
    known: RwLock<HashMap<(ProjectId, KeyId), Known>>,
    /// Raised by each change of a key, so that what was read before it is not kept after it.
    changes: AtomicU64,
    defaults: RwLock<HashMap<ProjectId, KeyId>>,
    remote: Option<RemoteKeys>,
    /// When a remote KMS was last checked, and whether it gave its key.
    checked: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

fn unusable() -> Failure {
    Failure::new(ErrorCode::KeyUnusable, "the key does not exist in the project or is not enabled")
}

impl Keys {
    /// Keys of `store`, wrapped by `root`; or those of `remote`, if there is one.
    pub fn new(
        root: Arc<RootRing>,
        store: AnyStore,
        trail: Arc<Trail>,
        clock: Clock,
        remote: Option<RemoteKeys>,
    ) -> Self {
        Self {
            root,
            store,
            trail,
            clock,
            known: RwLock::default(),
            changes: AtomicU64::new(0),
            defaults: RwLock::default(),
            remote,
            checked: tokio::sync::Mutex::default(),
        }
    }

    /// Whether the default key of a project can be used now, or could be within the last second. The embedded root key is in
    /// memory for as long as the server runs.
    pub async fn are_usable(&self, project: &ProjectId) -> bool {
        let Some(remote) = &self.remote else { return true };
        let mut checked = self.checked.lock().await;
        if let Some((at, could)) = *checked
            && at.elapsed() < CHECK_COUNTS
        {
            return could;
        }
        let key = remote.default_key();
        let can = matches!(tokio::time::timeout(CHECK_WITHIN, remote.usable(project, &key)).await, Ok(Ok(_)));
        *checked = Some((Instant::now(), can));
        can
    }

    /// Whether a service elsewhere keeps the keys.
    #[must_use]
    pub const fn are_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// The key of this identifier.
    ///
    /// # Errors
    /// CSMS.0401 when the project has no such enabled key, or when the root key does not open it.
    pub async fn get(&self, project: &ProjectId, id: &KeyId) -> Result<Arc<MasterKey>, Failure> {
        self.usable(project, id).await.map(|usable| usable.key)
    }

    /// As [`Keys::get`], and whether the key is the default one.
    ///
    /// # Errors
    /// As there.
    pub async fn usable(&self, project: &ProjectId, id: &KeyId) -> Result<UsableKey, Failure> {
        if let Some(remote) = &self.remote {
            return remote.usable(project, id).await;
        }
        let entry = (project.clone(), id.clone());
        let mut unwrapped = None;
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&entry) {
            let usable = UsableKey { key: Arc::clone(&known.key), is_default: known.is_default };
            if known.seen.elapsed() < STATE_LIFETIME {
                return Ok(usable);
            }
            unwrapped = Some(usable.key);
        }
        let (changes, seen) = (self.changes.load(Ordering::Acquire), Instant::now());
        let record = self.store.key(project, id).await?;
        let Some(record) = record.filter(|record| record.state == KeyState::Enabled) else {
            self.forget(project, id);
            return Err(unusable());
        };
        let sealing = sealing_material(&record, self.clock.now());
        // Material never changes; a rotation adds some, which seals after a while.
        let is_same = |key: &Arc<MasterKey>| {
            usize::try_from(key.last()).is_ok_and(|last| last == record.details.materials.len())
                && key.in_use() == sealing
        };
        let key = match unwrapped.filter(is_same) {
            Some(key) => key,
            None => Arc::new(self.unwrap(&record)?.sealing_by(sealing)),
        };
        let is_default = record.alias == DEFAULT_ALIAS;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes.load(Ordering::Acquire) == changes {
            known.insert(entry, Known { key: Arc::clone(&key), seen, is_default });
        }
        Ok(UsableKey { key, is_default })
    }

    /// The whole material of a stored key.
    fn unwrap(&self, record: &KeyRecord) -> Result<MasterKey, Failure> {
        let mut key = MasterKey::unwrap(&self.root, &record.project, &record.id, &record.wrapped)?;
        for material in &record.details.materials {
            let wrapped = hex::decode(&material.wrapped).map_err(Failure::internal)?;
            key.unwrap_later(&self.root, &record.project, &record.id, &wrapped)?;
        }
        Ok(key)
    }

    /// Further material for a key, not stored yet.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn make_material(&self, key: &KeyRecord) -> Result<KeyMaterial, Failure> {
        let last = MaterialNumber::try_from(key.details.materials.len()).map_err(Failure::internal)?;
        let number = last.checked_add(1).ok_or_else(|| Failure::internal("a key has no further numbers"))?;
        let wrapped = MasterKey::make_later(&self.root, &key.project, &key.id, number, &mut SysRng)?;
        Ok(KeyMaterial { wrapped: hex::encode(wrapped), create_time: self.clock.now() })
    }

    /// Looks at a key's state again at its next use. To be called after each change of it.
    pub fn forget(&self, project: &ProjectId, id: &KeyId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::AcqRel);
        known.remove(&(project.clone(), id.clone()));
    }

    /// The identifier of the key that a caller names. An identifier is returned as it is, whether there is such a key or not;
    /// `None` for an alias that no key of the project has.
    ///
    /// # Errors
    /// CSMS.0401 for an alias where a service elsewhere keeps the keys; failures of the store.
    pub async fn identify(&self, project: &ProjectId, name: &KeyName) -> Result<Option<KeyId>, Failure> {
        match (name, &self.remote) {
            (KeyName::Id(id), _) => Ok(Some(id.clone())),
            (KeyName::Alias(alias), Some(remote)) => remote.by_alias(alias).map(Some),
            (KeyName::Alias(alias), None) => self.by_alias(project, alias).await,
        }
    }

    /// The key of this server that has an alias, the first one or a further one.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn by_alias(&self, project: &ProjectId, alias: &str) -> Result<Option<KeyId>, Failure> {
        let now = self.clock.now();
        let record = match self.store.key_by_alias(project, alias).await? {
            Some(record) => Some(record),
            None => {
                let bears = |key: &KeyRecord| key.details.aliases.iter().any(|other| other.name == alias);
                self.store.keys(project).await?.into_iter().find(bears)
            }
        };
        Ok(record.filter(|key| !is_gone(key, now)).map(|key| key.id))
    }

    /// The project's default key, made when it is first needed.
    ///
    /// # Errors
    /// Failures of the store, or of the random number generator.
    pub async fn default_key(&self, project: &ProjectId) -> Result<KeyId, Failure> {
        match self.stored_default(project).await? {
            Some(id) => Ok(id),
            None => Ok(self.make_default(project).await?.id),
        }
    }

    /// The identifier of the project's default key, also before that is made.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn default_key_id(&self, project: &ProjectId) -> Result<KeyId, Failure> {
        Ok(self.stored_default(project).await?.unwrap_or_else(|| KeyId::default_of(project)))
    }

    async fn stored_default(&self, project: &ProjectId) -> Result<Option<KeyId>, Failure> {
        if let Some(remote) = &self.remote {
            return Ok(Some(remote.default_key()));
        }
        if let Some(id) = self.defaults.read().unwrap_or_else(PoisonError::into_inner).get(project) {
            return Ok(Some(id.clone()));
        }
        let Some(record) = self.store.key_by_alias(project, DEFAULT_ALIAS).await? else { return Ok(None) };
        self.defaults.write().unwrap_or_else(PoisonError::into_inner).insert(project.clone(), record.id.clone());
        Ok(Some(record.id))
    }

    /// Creates the default key. Concurrent first uses race; the store keeps one key and both callers receive it.
    async fn make_default(&self, project: &ProjectId) -> Result<KeyRecord, Failure> {
        let id = KeyId::default_of(project);
        let record = self.make_record(project, id, DEFAULT_ALIAS.to_owned(), KeyDetails::default())?;
        let (origin, trail) = (Origin::service("CreateKey"), Arc::clone(&self.trail));
        let made = self.store.change_keys(project, move |keys| {
            if let Some(stored) = keys.iter().find(|key| key.alias == DEFAULT_ALIAS) {
                return Ok::<_, Failure>((stored.clone(), Vec::new()));
            }
            let entry = trail.change(&origin, &record.project, |entry| entry.key = Some(record.id.as_str()));
            keys.push(record.clone());
            Ok((record, vec![entry]))
        });
        match made.await {
            Err(ChangeError::Store(StoreError::Conflict(cause))) => {
                let other = self.store.key_by_alias(project, DEFAULT_ALIAS).await?;
                other.ok_or_else(|| StoreError::Conflict(cause).into())
            }
            made => Ok(made?),
        }
    }

    /// A new key, not stored yet.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn make_record(
        &self,
        project: &ProjectId,
        id: KeyId,
        alias: String,
        details: KeyDetails,
    ) -> Result<KeyRecord, Failure> {
        let wrapped = MasterKey::make(&mut SysRng)?.wrap(&self.root, project, &id, &mut SysRng)?;
        Ok(KeyRecord {
            id,
            project: project.clone(),
            alias,
            state: KeyState::Enabled,
            wrapped,
            create_time: self.clock.now(),
            details,
        })
    }

    /// The keys of all versions of a secret, and the one for its next version. Keys that cannot be used are left out:
    /// whether that matters depends on the version.
    ///
    /// # Errors
    /// CSMS.0402 when a service elsewhere, which keeps the keys, cannot be asked; failures of the store.
    pub async fn of_secret(&self, secret: &Secret) -> Result<KeysOfSecret, Failure> {
        let mut keys = KeysOfSecret::new();
        for id in secret.keys() {
            if keys.contains_key(id) {
                continue;
            }
            match self.get(&secret.project, id).await {
                Ok(key) => drop(keys.insert(id.clone(), key)),
                Err(failure) if failure.error.code == ErrorCode::KeyUnusable => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(keys)
    }
}
