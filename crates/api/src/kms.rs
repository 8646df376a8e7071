//! The part of the Key Management Service that is served too: its operation table, requests and answers.
//!
//! Kept apart from the service's own operations: another path, another prefix of codes, numbers that travel as text
//! (`compatibility/kms.md`).

pub mod request;
pub mod response;

use crate::operation::{ErrorShape, Method, Specification, operations};

operations! {
    /// An operation of the Key Management Service, named as in the official definitions, except ListKeyGrants: the definitions
    /// call it ListGrants, as another service does its own.
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
    BatchCreateKmsTags: Post "/v1.0/{project_id}/kms/{key_id}/tags/action" 204 Nested ["kms:cmkTag:batch"];
    CreateKmsTag: Post "/v1.0/{project_id}/kms/{key_id}/tags" 204 Nested ["kms:cmkTag:create"];
    DeleteTag: Delete "/v1.0/{project_id}/kms/{key_id}/tags/{key}" 204 Nested ["kms:cmkTag:delete"];
    ShowKmsTags: Get "/v1.0/{project_id}/kms/{key_id}/tags" 200 Nested ["kms:cmkTag:list"];
    ListKmsTags: Get "/v1.0/{project_id}/kms/tags" 200 Nested ["kms:cmkTag:list"];
    ListKmsByTags: Post "/v1.0/{project_id}/kms/resource_instances/action" 200 Nested ["kms:cmkTag:listInstance"];
    ShowKeyRotationStatus: Post "/v1.0/{project_id}/kms/get-key-rotation-status" 200 Nested ["kms:cmk:getRotation"];
    EnableKeyRotation: Post "/v1.0/{project_id}/kms/enable-key-rotation" 200 Nested ["kms:cmk:enableRotation"];
    DisableKeyRotation: Post "/v1.0/{project_id}/kms/disable-key-rotation" 200 Nested ["kms:cmk:disableRotation"];
    UpdateKeyRotationInterval: Post "/v1.0/{project_id}/kms/update-key-rotation-interval" 200 Nested ["kms:cmk:updateRotation"];
    CreateGrant: Post "/v1.0/{project_id}/kms/create-grant" 200 Nested ["kms:cmk:createGrant", "kms:grant:create"];
    CancelGrant: Post "/v1.0/{project_id}/kms/revoke-grant" 200 Nested ["kms:cmk:revokeGrant", "kms:grant:revoke"];
    CancelSelfGrant: Post "/v1.0/{project_id}/kms/retire-grant" 200 Nested ["kms:cmk:retireGrant", "kms:grant:retire"];
    ListKeyGrants: Post "/v1.0/{project_id}/kms/list-grants" 200 Nested ["kms:cmk:listGrants", "kms:grant:list"];
    ListRetirableGrants: Post "/v1.0/{project_id}/kms/list-retirable-grants" 200 Nested ["kms:cmk:listGrants", "kms:grant:list"];
    ShowUserQuotas: Get "/v1.0/{project_id}/kms/user-quotas" 200 Nested ["kms:cmk:getQuota"];
    ShowUserInstances: Get "/v1.0/{project_id}/kms/user-instances" 200 Nested ["kms:cmk:getInstance"];
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
                | Self::BatchCreateKmsTags
                | Self::CreateKmsTag
                | Self::DeleteTag
                | Self::EnableKeyRotation
                | Self::DisableKeyRotation
                | Self::UpdateKeyRotationInterval
                | Self::CreateGrant
                | Self::CancelGrant
                | Self::CancelSelfGrant
        )
    }

    /// The operation's word in a grant of a key; `None` for operations that no grant allows.
    #[must_use]
    pub const fn grant_word(self) -> Option<&'static str> {
        Some(match self {
            Self::CreateDatakey => "create-datakey",
            Self::CreateDatakeyWithoutPlaintext => "create-datakey-without-plaintext",
            Self::EncryptDatakey => "encrypt-datakey",
            Self::DecryptDatakey => "decrypt-datakey",
            Self::ListKeyDetail => "describe-key",
            Self::CreateGrant => "create-grant",
            Self::CancelSelfGrant => "retire-grant",
            Self::EncryptData => "encrypt-data",
            Self::DecryptData => "decrypt-data",
            _ => return None,
        })
    }

    /// The operation of a word in a grant.
    #[must_use]
    pub fn from_grant_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.grant_word() == Some(word))
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
