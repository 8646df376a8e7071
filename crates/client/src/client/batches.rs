//! Backups, several secrets at once, and passwords.

use csms_api::{
    Operation,
    response::{
        BlobResponse, SecretResponse, StageResponse,
        batch::{BatchDeleteResponse, BatchGetResponse, ImportResponse},
        checker::{CheckResponse, ConfigResponse, PasswordResponse},
    },
};
use csms_core::{SecretName, StageName, VersionId};
use serde_json::{Value, json};

use super::{Client, NO_BODY, NO_QUERY};
use crate::{error::ClientError, request::CreateSecretBody};

impl Client {
    operation! {
        /// CreateSecretStage
        create_stage(name: &SecretName, stage: &StageName, version: VersionId) -> StageResponse = CreateSecretStage, [name.as_str()], NO_QUERY, Some(&json!({ "name": stage.as_str(), "version_id": String::from(version) }))
    }
    operation! {
        /// DownloadSecretBlob: a backup of all versions, which only the same installation can open.
        backup(name: &SecretName) -> BlobResponse = DownloadSecretBlob, [name.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// UploadSecretBlob: brings a secret back from its backup.
        restore_backup(blob: &str) -> SecretResponse = UploadSecretBlob, [], NO_QUERY, Some(&json!({ "secret_blob": blob }))
    }
    operation! {
        /// BatchGetSecretValue: the current values of up to 20 secrets.
        batch_get(names: &[SecretName]) -> BatchGetResponse = BatchGetSecretValue, [], NO_QUERY, Some(&json!({ "secret_name_list": names }))
    }
    operation! {
        /// BatchImportSecrets: up to 100 secrets.
        batch_import(secrets: &[CreateSecretBody<'_>]) -> ImportResponse = BatchImportSecrets, [], NO_QUERY, Some(&json!({ "secrets": secrets }))
    }
    operation! {
        /// BatchDeleteSecrets: the secrets of an instance, at once and for good.
        batch_delete(instance: &str) -> BatchDeleteResponse = BatchDeleteSecrets, [], NO_QUERY, Some(&json!({ "instance_id": instance }))
    }
    operation! {
        /// GenerateRandomPassword, with its body as documented; an empty object asks for the defaults.
        generate_password(body: &Value) -> PasswordResponse = GenerateRandomPassword, [], NO_QUERY, Some(body)
    }
    operation! {
        /// CheckSecrets: judges a password for the account of this name, which may be empty.
        check_password(password: &str, user_name: &str) -> CheckResponse = CheckSecrets, [], NO_QUERY, Some(&json!({ "type": "password", "data": { "secret": password, "user_name": user_name } }))
    }
    operation! {
        /// ShowSecretsConfig
        checker_config() -> ConfigResponse = ShowSecretsConfig, [], NO_QUERY, NO_BODY
    }
    operation! {
        /// UpdateSecretsConfig
        update_checker_config(checking: bool) -> ConfigResponse = UpdateSecretsConfig, [], NO_QUERY, Some(&json!({ "checking_secret_strength": checking }))
    }
}
