//! Several secrets at once.

use super::{
    description::{Description, operation, problems},
    observe::{field, object},
    secrets::new_secret,
};
use crate::{
    Operation,
    request::{
        Rules,
        batch::{DeleteOfInstance, read_import, read_names},
        secret::CreateSecret,
    },
    response::batch::{BatchDeleteResponse, BatchGetResponse, ImportResponse},
};

pub(super) fn describe(of: Operation) -> Option<Description> {
    let rules = Rules::default();
    Some(match of {
        Operation::BatchGetSecretValue => {
            operation("Shows the SYSCURRENT versions of several secrets with their values.")
                .body(&|body| problems(read_names(body)), &[field("secret_name_list", "Names of secrets, each once.")])
                .answer::<BatchGetResponse>()
        }
        // The reader leaves the problems of a secret to the secret: the others are imported all the same.
        Operation::BatchImportSecrets => {
            operation("Creates several secrets; one that fails does not affect the others.")
                .body(&|body| problems(read_import(body, rules)), &[field("secrets", "The secrets.")])
                .items("secrets", object(&|body| problems(CreateSecret::read(body, rules)), &new_secret()))
                .answer::<ImportResponse>()
        }
        Operation::BatchDeleteSecrets => operation("Deletes the secrets that belong to a database instance.")
            .body(
                &|body| problems(DeleteOfInstance::read(body)),
                &[
                    field("instance_id", "The instance, as the secrets' `rotation_config` names it."),
                    field("instance_type", "Kind of the instance; all kinds unless given."),
                ],
            )
            .answer::<BatchDeleteResponse>(),
        _ => return None,
    })
}
