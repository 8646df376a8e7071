//! Responses of the Key Management Service. Nearly every member is text, numbers included.

use alloc::{string::String, vec::Vec};

use csms_core::KeyId;
use serde::Serialize;

/// What ListKeys and ListKeyDetail return about a key.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct KeyDetails {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    pub domain_id: String,
    pub key_alias: String,
    pub realm: String,
    pub key_description: String,
    pub creation_date: String,
    pub scheduled_deletion_date: String,
    pub key_state: &'static str,
    pub default_key_flag: &'static str,
    pub key_type: &'static str,
    pub expiration_time: &'static str,
    pub origin: &'static str,
    pub key_rotation_enabled: &'static str,
    pub sys_enterprise_project_id: String,
    pub key_usage: &'static str,
    pub key_spec: &'static str,
    pub keystore_id: &'static str,
}

/// ListKeyDetail.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct DescribeKeyResponse {
    pub key_info: KeyDetails,
}

/// ListKeys.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct ListKeysResponse {
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub keys: Vec<KeyId>,
    pub key_details: Vec<KeyDetails>,
    pub next_marker: String,
    pub truncated: &'static str,
    pub total: u64,
}

/// An alias.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct AliasEntity {
    pub domain_id: String,
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    pub alias: String,
    pub alias_urn: String,
    pub create_time: String,
    pub update_time: String,
}

/// ListAliases.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct ListAliasesResponse {
    pub aliases: Vec<AliasEntity>,
    pub page_info: AliasPage,
}

/// Page of ListAliases.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct AliasPage {
    pub next_marker: String,
    pub current_count: u64,
}

/// CreateDatakey, CreateDatakeyWithoutPlaintext, EncryptData and EncryptDatakey. Has no `Debug`: it may hold a key.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct SealedResponse<'r> {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: &'r KeyId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_text: Option<&'r str>,
    pub cipher_text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datakey_length: Option<String>,
}

/// DecryptDatakey. Has no `Debug`: it holds a key.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct OpenedDatakeyResponse<'r> {
    pub data_key: &'r str,
    pub datakey_length: String,
    pub datakey_dgst: String,
}

/// DecryptData. Has no `Debug`: it holds a plaintext.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct OpenedDataResponse<'r> {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: &'r KeyId,
    pub plain_text: &'r str,
    pub plain_text_base64: &'r str,
}

/// What a change of a key returns: its identifier, and what changed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct KeyInfo {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_description: Option<String>,
}

impl KeyInfo {
    /// The identifier alone.
    #[must_use]
    pub const fn of(key_id: KeyId) -> Self {
        Self { key_id, domain_id: None, region_id: None, key_state: None, key_alias: None, key_description: None }
    }
}

/// CreateKey, EnableKey, DisableKey, UpdateKeyAlias and UpdateKeyDescription.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct KeyInfoResponse {
    pub key_info: KeyInfo,
}

/// DeleteKey and CancelKeyDeletion.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct KeyStateResponse {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    pub key_state: &'static str,
}

/// CreateRandom. Has no `Debug`: what is drawn may become a key.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct RandomResponse<'r> {
    pub random_data: &'r str,
}
