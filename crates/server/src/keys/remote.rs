//! Keys of secrets that a Key Management Service elsewhere keeps.
//!
//! `kms_key_id` names a key of that service. For each project and key the service makes one data key, here called the working
//! key, which wraps the data keys of versions as a key of the embedded keyring does. The store has it sealed; it is opened by
//! the service and kept in memory for a bounded time, so a key that is disabled there is out of use here after that time, and
//! a value costs a call of the service at most once in that time and key, not each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use csms_api::{ApiError, ErrorCode};
use csms_core::{KeyId, ProjectId};
use csms_kms::{MasterKey, RemoteError};
use csms_store::{AnyStore, Store};

use crate::{
    failure::Failure,
    keys::root::RemoteKeyring,
    keys::usable::{DEFAULT_ALIAS, UsableKey},
};

/// What is known of a key, and since when.
struct Known {
    outcome: Result<Arc<MasterKey>, ApiError>,
    seen: Instant,
}

/// One for each key; its lock is held while the service is asked, so that all who need the key wait for one answer.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

/// Finds and opens working keys.
pub struct RemoteKeys {
    remote: RemoteKeyring,
    store: AnyStore,
    domain_id: String,
    slots: Mutex<HashMap<(ProjectId, KeyId), Slot>>,
}

impl RemoteKeys {
    /// Keys of `remote` for the installation with this domain.
    #[must_use]
    pub fn new(remote: RemoteKeyring, store: AnyStore, domain_id: String) -> Self {
        Self { remote, store, domain_id, slots: Mutex::default() }
    }

    /// The working key of a key.
    ///
    /// # Errors
    /// CSMS.0401 when the service has no such enabled key or does not let this server use it, CSMS.0402 when it cannot be
    /// asked; failures of the store.
    pub async fn usable(&self, project: &ProjectId, id: &KeyId) -> Result<UsableKey, Failure> {
        let asked = Instant::now();
        let entry = (project.clone(), id.clone());
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(entry.clone()).or_default())
        };
        let usable =
            |key: &Arc<MasterKey>| UsableKey { key: Arc::clone(key), is_default: *id == self.remote.default_key };
        let mut known = slot.lock().await;
        if let Some(known) = &*known {
            // What the service was asked while this call waited is as new as it can be, a failure too.
            let is_newer = known.seen >= asked;
            match &known.outcome {
                Ok(key) if is_newer || known.seen.elapsed() < self.remote.recheck => return Ok(usable(key)),
                Err(error) if is_newer => return Err(error.clone().into()),
                _ => {}
            }
        }
        let seen = Instant::now();
        match self.open(project, id).await {
            Ok(key) => {
                *known = Some(Known { outcome: Ok(Arc::clone(&key)), seen });
                Ok(usable(&key))
            }
            Err(failure) => {
                *known = Some(Known { outcome: Err(failure.error.clone()), seen });
                // Anybody can name keys that do not exist, so nothing is kept of them but for those who wait now.
                self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry);
                Err(failure)
            }
        }
    }

    /// The key that a caller names by an alias: the default key alone can be named so.
    ///
    /// # Errors
    /// CSMS.0401 for any other alias.
    pub fn by_alias(&self, alias: &str) -> Result<KeyId, Failure> {
        if alias == DEFAULT_ALIAS {
            return Ok(self.default_key());
        }
        let reason = "kms_key_id must be the identifier of a key of the remote KMS, not an alias";
        Err(Failure::new(ErrorCode::KeyUnusable, reason))
    }

    /// The key of secrets whose creator names none.
    #[must_use]
    pub fn default_key(&self) -> KeyId {
        self.remote.default_key.clone()
    }

    /// Has the working key opened; at the first use of a key here, has it made.
    async fn open(&self, project: &ProjectId, id: &KeyId) -> Result<Arc<MasterKey>, Failure> {
        let name = format!("working_key {project} {id}");
        // So that it opens for no other installation or project that uses the same key.
        let bound_to = format!("csms working key v1 {} {project}", self.domain_id);
        let sealed = match self.store.meta(&name).await? {
            Some(sealed) => sealed,
            None => {
                let made = self.remote.kms.create_data_key(id, &bound_to).await.map_err(failure_of)?;
                // Of several first uses at once one makes the key and all use it.
                self.store.put_meta_if_absent(&name, made.into_bytes()).await?
            }
        };
        let sealed = String::from_utf8(sealed).map_err(Failure::internal)?;
        let opened = self.remote.kms.decrypt_data_key(id, &bound_to, &sealed).await.map_err(failure_of)?;
        Ok(Arc::new(MasterKey::from_bytes(opened)))
    }
}

/// What the caller is told. The service's own words are for the log: they may name what is not the caller's business.
fn failure_of(error: RemoteError) -> Failure {
    if !error.is_about_the_key() {
        return Failure::new(ErrorCode::KeyServiceUnavailable, "").caused_by(error);
    }
    tracing::info!(%error, "the remote KMS does not give a key");
    let reason = "the key does not exist in the remote KMS, is not enabled, or is not for this server";
    Failure::new(ErrorCode::KeyUnusable, reason)
}
