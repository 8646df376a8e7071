//! The life of a secret.

use alloc::vec::Vec;

use super::{
    description::{Description, operation, problems},
    observe::{Field, field},
};
use crate::{
    Operation,
    request::{
        Rules,
        query::ListSecrets,
        secret::{CreateSecret, UpdateSecret, read_blob, read_recovery_window},
    },
    response::{BlobResponse, ListSecretsResponse, SecretResponse},
};

/// What can be set when a secret is made and changed later.
fn settings() -> [Field; 6] {
    [
        field("description", "Free text, at most 2048 bytes of UTF-8."),
        field(
            "kms_key_id",
            "Key that protects the values of versions to come; the project's default key unless given.",
        ),
        field("auto_rotation", "Whether the secret is rotated on schedule."),
        field("rotation_period", "Time between two rotations; mandatory with `auto_rotation`."),
        field("rotation_func_urn", "Function that rotates the secret."),
        field("event_subscriptions", "Event that the secret subscribes to."),
    ]
}

/// What a new secret is made of.
pub(super) fn new_secret() -> Vec<Field> {
    let own = [
        field("name", "Name, unique in the project."),
        field("secret_string", "Text value of the first version. Exactly one of both values is given.").secret(),
        field("secret_binary", "Binary value of the first version, in base64.").secret(),
        field("secret_type", "COMMON unless given."),
        field("rotation_config", "How the account is rotated, mandatory unless the type is COMMON."),
        field("enterprise_project_id", "Enterprise project, `0` unless given."),
    ];
    own.into_iter().chain(settings()).collect()
}

pub(super) fn describe(of: Operation) -> Option<Description> {
    let rules = Rules::default();
    Some(match of {
        Operation::CreateSecret => operation("Creates a secret with its first version, marked SYSCURRENT.")
            .body(&|body| problems(CreateSecret::read(body, rules)), &new_secret())
            .exactly_one_of(["secret_string", "secret_binary"])
            .answer::<SecretResponse>(),
        Operation::ListSecrets => operation("Lists secrets by name, a page at a time.")
            .query(
                |pairs| problems(ListSecrets::read(pairs)),
                &[
                    ("limit", "Maximum number of items on the page; 50 by default."),
                    ("marker", "Name after which the page begins."),
                    ("event_name", "Only secrets that subscribe to this event."),
                    ("enterprise_project_id", "Only secrets of this enterprise project; `all` for every one."),
                ],
            )
            .answer::<ListSecretsResponse>(),
        Operation::ShowSecret => operation("Shows a secret's metadata.").answer::<SecretResponse>(),
        Operation::UpdateSecret => operation("Changes a secret's metadata; a field that is absent stays as it is.")
            .body(&|body| problems(UpdateSecret::read(body, rules)), &settings())
            .answer::<SecretResponse>(),
        Operation::DeleteSecret => operation("Deletes a secret with all its versions, immediately and permanently."),
        Operation::DeleteSecretForSchedule => operation("Schedules the deletion of a secret.")
            .body(
                &|body| problems(read_recovery_window(body)),
                &[field("recovery_window_in_days", "Days until the secret is gone.")],
            )
            .answer::<SecretResponse>(),
        Operation::DownloadSecretBlob => {
            operation("Returns an encrypted backup of a secret with all its versions.").answer::<BlobResponse>()
        }
        Operation::UploadSecretBlob => operation("Restores a secret from its backup.")
            .body(
                &|body| problems(read_blob(body)),
                &[field("secret_blob", "The blob that DownloadSecretBlob returned.")],
            )
            .answer::<SecretResponse>(),
        Operation::RestoreSecret => operation("Cancels the scheduled deletion of a secret.").answer::<SecretResponse>(),
        _ => return None,
    })
}
