//! The part of the Key Management Service that is served too: its operation table, requests and answers.
//!
//! Kept apart from the service's own operations: another path, another prefix of codes, numbers that travel as text
//! (`compatibility/kms.md`).

pub mod request;
pub mod response;

use crate::operation::{ErrorShape, Method, Specification, operations};

operations! {
    /// An operation of the Key Management Service, named as in the official definitions.
    KmsOperation;
    CreateKey: Post "/v1.0/{project_id}/kms/create-key" 200 Nested ["kms:cmk:create"];
    ListKeys: Post "/v1.0/{project_id}/kms/list-keys" 200 Nested ["kms:cmk:list"];
    ListKeyDetail: Post "/v1.0/{project_id}/kms/describe-key" 200 Nested ["kms:cmk:get"];
    EnableKey: Post "/v1.0/{project_id}/kms/enable-key" 200 Nested ["kms:cmk:enable"];
    DisableKey: Post "/v1.0/{project_id}/kms/disable-key" 200 Nested ["kms:cmk:disable"];
    DeleteKey: Post "/v1.0/{project_id}/kms/schedule-key-deletion" 200 Nested ["kms:cmk:scheduleKeyDeletion", "kms:cmk:update"];
    CancelKeyDeletion: Post "/v1.0/{project_id}/kms/cancel-key-deletion" 200 Nested ["kms:cmk:cancelKeyDeletion", "kms:cmk:update"];
    UpdateKeyAlias: Post "/v1.0/{project_id}/kms/update-key-alias" 200 Nested ["kms:cmk:updateKeyAlias", "kms:cmk:update"];
    UpdateKeyDescription: Post "/v1.0/{project_id}/kms/update-key-description" 200 Nested ["kms:cmk:updateKeyDescription", "kms:cmk:update"];
    CreateAlias: Post "/v1.0/{project_id}/kms/aliases" 201 Nested ["kms:alias:create"];
    ListAliases: Get "/v1.0/{project_id}/kms/aliases" 200 Nested ["kms:alias:list"];
    DeleteAlias: Delete "/v1.0/{project_id}/kms/aliases" 204 Nested ["kms:alias:delete"];
    AssociateAlias: Post "/v1.0/{project_id}/kms/alias/associate" 200 Nested ["kms:alias:associate"];
    CreateDatakey: Post "/v1.0/{project_id}/kms/create-datakey" 200 Nested ["kms:cmk:createDataKey", "kms:dek:create"];
    CreateDatakeyWithoutPlaintext: Post "/v1.0/{project_id}/kms/create-datakey-without-plaintext" 200 Nested ["kms:cmk:createDataKeyWithoutPlaintext", "kms:dek:create"];
    EncryptDatakey: Post "/v1.0/{project_id}/kms/encrypt-datakey" 200 Nested ["kms:cmk:encryptDataKey", "kms:dek:crypto", "kms:dek:encrypt"];
    DecryptDatakey: Post "/v1.0/{project_id}/kms/decrypt-datakey" 200 Nested ["kms:cmk:decryptDataKey", "kms:dek:crypto", "kms:dek:decrypt"];
    EncryptData: Post "/v1.0/{project_id}/kms/encrypt-data" 200 Nested ["kms:cmk:encryptData", "kms:cmk:crypto", "kms:cmk:encrypt"];
    DecryptData: Post "/v1.0/{project_id}/kms/decrypt-data" 200 Nested ["kms:cmk:decryptData", "kms:cmk:crypto", "kms:cmk:decrypt"];
    CreateRandom: Post "/v1.0/{project_id}/kms/gen-random" 200 Nested ["kms:cmk:generateRandom", "kms:cmk:generate", "kms::generateRandom"];
}

impl KmsOperation {
    /// Whether a success changes keys.
    #[must_use]
    pub const fn changes_keys(self) -> bool {
        matches!(
            self,
            Self::CreateKey
                | Self::EnableKey
                | Self::DisableKey
                | Self::DeleteKey
                | Self::CancelKeyDeletion
                | Self::UpdateKeyAlias
                | Self::UpdateKeyDescription
                | Self::CreateAlias
                | Self::DeleteAlias
                | Self::AssociateAlias
        )
    }

    /// Whether a success uses a key, which the audit trail is told of.
    #[must_use]
    pub const fn uses_key(self) -> bool {
        matches!(
            self,
            Self::CreateDatakey
                | Self::CreateDatakeyWithoutPlaintext
                | Self::EncryptDatakey
                | Self::DecryptDatakey
                | Self::EncryptData
                | Self::DecryptData
        )
    }
}
