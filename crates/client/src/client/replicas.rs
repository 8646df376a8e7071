//! Replicas and regions.

use csms_api::{
    Operation,
    response::{SecretResponse, replica::ListRegionsResponse},
};
use csms_core::{KeyId, RegionName, SecretName};
use serde_json::json;

use super::{Client, NO_BODY, NO_QUERY};
use crate::error::ClientError;

impl Client {
    operation! {
        /// CreateSecretReplica: a copy in another region, under a key there, or under its default key.
        create_replica(name: &SecretName, region: &RegionName, key: Option<&KeyId>) -> SecretResponse = CreateSecretReplica, [name.as_str()], NO_QUERY, Some(&json!({ "region": region, "kms_key_id": key.map_or("", KeyId::as_str) }))
    }
    operation! {
        /// DeleteSecretReplica
        delete_replica(name: &SecretName, region: &RegionName) -> () = DeleteSecretReplica, [name.as_str(), region.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// ListSupportRegions: where secrets of the project may have replicas.
        list_replica_regions() -> ListRegionsResponse = ListSupportRegions, [], NO_QUERY, NO_BODY
    }
}
