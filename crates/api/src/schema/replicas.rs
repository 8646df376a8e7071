//! Replicas and regions.

use super::{
    description::{Description, operation, problems},
    observe::field,
};
use crate::{
    Operation,
    request::replica::CreateReplica,
    response::{SecretResponse, replica::ListRegionsResponse},
};

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::CreateSecretReplica => {
            operation("Creates a replica of a secret in another region, which follows it from then on.")
                .body(
                    &|body| problems(CreateReplica::read(body)),
                    &[
                        field("region", "Name of the region."),
                        field("kms_key_id", "Key of the project of that region; its default key unless given."),
                    ],
                )
                .answer::<SecretResponse>()
        }
        Operation::DeleteSecretReplica => {
            operation("Deletes the replica in a region; without any other, the secret stands alone.")
        }
        Operation::ListSupportRegions => {
            operation("Lists the regions in which secrets of the project may have replicas.")
                .answer::<ListRegionsResponse>()
        }
        _ => return None,
    })
}
