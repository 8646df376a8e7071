//! The project's KMS keys as the server uses them: found in the store, unwrapped once, kept in memory.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use csms_api::ErrorCode;
use csms_core::{KeyId, ProjectId, Secret};
use csms_kms::{MasterKey, RootKey};
use csms_store::{AnyStore, KeyRecord, KeyState, Store};
use getrandom::SysRng;

use crate::{clock::Clock, failure::Failure};

/// Alias of the key that protects secrets whose creator names none.
pub const DEFAULT_ALIAS: &str = "csms/default";

/// The keys that the versions of one secret need.
pub type KeysOfSecret = HashMap<KeyId, Arc<MasterKey>>;

/// Finds and unwraps keys.
pub struct Keys {
    root: Arc<RootKey>,
    store: AnyStore,
    clock: Clock,
    unwrapped: RwLock<HashMap<(ProjectId, KeyId), Arc<MasterKey>>>,
    defaults: RwLock<HashMap<ProjectId, KeyId>>,
}

impl Keys {
    /// Keys of `store`, wrapped by `root`.
    pub fn new(root: Arc<RootKey>, store: AnyStore, clock: Clock) -> Self {
        Self { root, store, clock, unwrapped: RwLock::default(), defaults: RwLock::default() }
    }

    /// The key of this identifier.
    ///
    /// # Errors
    /// CSMS.0401 when the project has no such enabled key, or when the root key does not open it.
    pub async fn get(&self, project: &ProjectId, id: &KeyId) -> Result<Arc<MasterKey>, Failure> {
        let entry = (project.clone(), id.clone());
        if let Some(key) = self.unwrapped.read().unwrap_or_else(PoisonError::into_inner).get(&entry) {
            return Ok(Arc::clone(key));
        }
        let record = self.store.key(project, id).await?;
        let record = record.filter(|record| record.state == KeyState::Enabled).ok_or_else(|| {
            Failure::new(ErrorCode::KeyUnusable, "the key does not exist in the project or is not enabled")
        })?;
        self.unwrap(&record)
    }

    fn unwrap(&self, record: &KeyRecord) -> Result<Arc<MasterKey>, Failure> {
        let key = MasterKey::unwrap(&self.root, &record.project, &record.id, &record.wrapped)?;
        let key = Arc::new(key);
        let mut unwrapped = self.unwrapped.write().unwrap_or_else(PoisonError::into_inner);
        unwrapped.insert((record.project.clone(), record.id.clone()), Arc::clone(&key));
        Ok(key)
    }

    /// The key a caller names by identifier or alias.
    ///
    /// # Errors
    /// CSMS.0401 as for [`Keys::get`].
    pub async fn named(&self, project: &ProjectId, name: &str) -> Result<KeyId, Failure> {
        if let Ok(id) = KeyId::parse(name) {
            self.get(project, &id).await?;
            return Ok(id);
        }
        let record = self.store.key_by_alias(project, name).await?;
        let record =
            record.ok_or_else(|| Failure::new(ErrorCode::KeyUnusable, "kms_key_id names no key of the project"))?;
        self.get(project, &record.id).await?;
        Ok(record.id)
    }

    /// The project's default key, made when it is first needed.
    ///
    /// # Errors
    /// Failures of the store, or of the random number generator.
    pub async fn default_key(&self, project: &ProjectId) -> Result<KeyId, Failure> {
        if let Some(id) = self.defaults.read().unwrap_or_else(PoisonError::into_inner).get(project) {
            return Ok(id.clone());
        }
        let record = match self.store.key_by_alias(project, DEFAULT_ALIAS).await? {
            Some(record) => record,
            None => {
                let id = KeyId::make(&mut SysRng)?;
                let key = MasterKey::make(&mut SysRng)?;
                let wrapped = key.wrap(&self.root, project, &id, &mut SysRng)?;
                // Two first uses at once both make a key; the store keeps one and answers that one to both.
                let record = KeyRecord {
                    id,
                    project: project.clone(),
                    alias: DEFAULT_ALIAS.to_owned(),
                    state: KeyState::Enabled,
                    wrapped,
                    create_time: self.clock.now(),
                };
                self.store.ensure_key(record).await?
            }
        };
        self.defaults.write().unwrap_or_else(PoisonError::into_inner).insert(project.clone(), record.id.clone());
        Ok(record.id)
    }

    /// The keys of all versions of a secret, and the one for its next version. Keys that cannot be used are left out:
    /// whether that matters depends on the version.
    pub async fn of_secret(&self, secret: &Secret) -> KeysOfSecret {
        let ids = secret.versions().iter().map(|version| &version.kms_key_id).chain([&secret.kms_key_id]);
        let mut keys = KeysOfSecret::new();
        for id in ids {
            if !keys.contains_key(id)
                && let Ok(key) = self.get(&secret.project, id).await
            {
                keys.insert(id.clone(), key);
            }
        }
        keys
    }
}
