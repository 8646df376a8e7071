//! Response bodies about replicas.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use csms_core::{
    Secret,
    secret::{Counterpart, ReplicaType},
};
use serde::{Deserialize, Serialize};

/// The status of every replica: it is written in the transaction that changes its primary, so it is never behind. The
/// documentation does not name the values.
const IN_SYNC: &str = "IN_SYNC";

/// A secret that has the same content in another region, in a response about one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ReplicaInfo {
    /// Identifier of the secret there.
    pub id: String,
    /// Identifier of the KMS key that protects its values there.
    pub kms_key_id: String,
    /// The project that it is in.
    pub project_id: String,
    /// The region that it is in.
    pub region: String,
    /// `REPLICA`, or `PRIMARY` in a response about a replica.
    pub replica_type: String,
    /// `IN_SYNC`: a replica changes in the transaction of its primary.
    pub status: String,
    /// When it was created, in milliseconds since 1970.
    pub created_at: u64,
    /// When it last changed, in milliseconds since 1970.
    pub updated_at: u64,
}

impl ReplicaInfo {
    /// The replicas of a primary; of a replica, its primary.
    #[must_use]
    pub fn all(secret: &Secret) -> Vec<Self> {
        let info = |other: &Counterpart, kind: ReplicaType| Self {
            id: other.id.to_string(),
            kms_key_id: other.kms_key_id.to_string(),
            project_id: other.project.to_string(),
            region: other.region.to_string(),
            replica_type: kind.as_str().to_owned(),
            status: IN_SYNC.to_owned(),
            created_at: other.create_time.as_millis(),
            updated_at: secret.update_time.max(other.create_time).as_millis(),
        };
        let replicas = secret.replicas().iter().map(|replica| info(replica, ReplicaType::Replica));
        replicas.chain(secret.primary().map(|primary| info(primary, ReplicaType::Primary))).collect()
    }
}

/// Response of ListSupportRegions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListRegionsResponse {
    /// The regions in which the secrets of the project may have replicas, by name.
    pub regions: Vec<String>,
    /// Their number.
    pub total: u64,
}
