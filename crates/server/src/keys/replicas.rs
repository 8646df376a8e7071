//! The values of replicas: sealed by the replicas' own keys, in the transaction that gives the primary its value.
//!
//! A value that cannot be sealed for every replica is not stored at all, so replicas never fall behind.

use std::{collections::HashMap, sync::Arc};

use csms_api::ErrorCode;
use csms_core::{Secret, SecretId, SecretValue, VersionId, secret::Counterpart};
use csms_kms::{MasterKey, envelope};
use csms_store::Draft;
use getrandom::SysRng;

use crate::{failure::Failure, keys::project::Keys};

/// The keys of a secret's replicas, by the replicas' identifiers.
pub struct ReplicaKeys(HashMap<SecretId, Arc<MasterKey>>);

impl ReplicaKeys {
    /// The keys of all replicas of a secret.
    ///
    /// # Errors
    /// CSMS.0401: the key of a replica cannot be used.
    pub async fn of(keys: &Keys, secret: &Secret) -> Result<Self, Failure> {
        let mut found = HashMap::new();
        for replica in secret.replicas() {
            let key =
                keys.get(&replica.project, &replica.kms_key_id).await.map_err(|failure| unusable(failure, replica))?;
            found.insert(replica.id.clone(), key);
        }
        Ok(Self(found))
    }

    /// Whether these are the keys of all replicas that the secret has now.
    #[must_use]
    pub fn cover(&self, secret: &Secret) -> bool {
        secret.replicas().iter().all(|replica| self.0.contains_key(&replica.id))
    }

    /// Gives a version that has just been added its value in every replica.
    ///
    /// # Errors
    /// Failures of encryption.
    pub fn put_value(&self, draft: &mut Draft, version: VersionId, value: &SecretValue) -> Result<(), Failure> {
        for replica in draft.secret.replicas().to_vec() {
            let key = self.0.get(&replica.id).ok_or_else(|| Failure::internal("the key of a replica is missing"))?;
            draft.put_replica_value(&replica.id, version, seal(key, &replica, version, value)?);
        }
        Ok(())
    }
}

fn unusable(failure: Failure, replica: &Counterpart) -> Failure {
    if failure.error.code != ErrorCode::KeyUnusable {
        return failure;
    }
    let reason = format!("it is the key of the replica in {}; enable it, or delete the replica", replica.region);
    Failure::new(ErrorCode::KeyUnusable, reason)
}

/// Seals a value for its place in a replica.
///
/// # Errors
/// Failures of encryption.
pub fn seal(
    key: &MasterKey,
    replica: &Counterpart,
    version: VersionId,
    value: &SecretValue,
) -> Result<Vec<u8>, Failure> {
    let context =
        envelope::Context { project: &replica.project, secret: &replica.id, version, key: &replica.kms_key_id };
    Ok(envelope::seal(key, &context, value, &mut SysRng)?)
}
