//! Responses of the Key Management Service. Nearly every member is text, numbers included.

use alloc::{string::String, vec::Vec};

use csms_core::KeyId;
use serde::Serialize;

use crate::response::tag::{ProjectTagInfo, TagInfo};

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

/// ShowKmsTags.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct KeyTagsResponse {
    pub tags: Vec<TagInfo>,
    #[serde(rename = "existTagsNum")]
    pub exist_tags_num: u64,
}

/// ListKmsTags: every key in use, by name.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct ProjectKeyTagsResponse {
    pub tags: Vec<ProjectTagInfo>,
}

/// A key that ListKmsByTags found.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct TaggedKey {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub resource_id: KeyId,
    pub resource_detail: KeyDetails,
    pub resource_name: String,
    pub tags: Vec<TagInfo>,
}

/// ListKmsByTags.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct TaggedKeysResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<TaggedKey>>,
    pub total_count: u64,
}

/// ShowKeyRotationStatus. Its numbers are numbers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct RotationStatusResponse {
    pub key_rotation_enabled: bool,
    /// Days between two rotations; 0 while the rotation is disabled.
    pub rotation_interval: u16,
    pub last_rotation_time: String,
    pub number_of_rotations: u64,
}

/// CreateGrant.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct GrantIdResponse {
    pub grant_id: String,
}

/// A grant of a key.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct GrantEntity {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    pub grant_id: String,
    pub grantee_principal: String,
    pub grantee_principal_type: &'static str,
    pub operations: Vec<String>,
    pub issuing_principal: String,
    pub creation_date: String,
    pub name: String,
    pub retiring_principal: String,
}

/// ListKeyGrants and ListRetirableGrants.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct GrantPageResponse {
    pub grants: Vec<GrantEntity>,
    pub next_marker: String,
    pub truncated: &'static str,
    pub total: u64,
}

/// ShowUserQuotas.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct QuotasResponse {
    pub quotas: Quotas,
}

/// The quotas of a project.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct Quotas {
    pub resources: Vec<Quota>,
}

/// How many of something there are and may be.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct Quota {
    pub r#type: &'static str,
    pub used: u64,
    pub quota: u64,
}

/// ShowUserInstances.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct InstancesResponse {
    pub instance_num: u64,
}

/// Revoking and retiring a grant, and changes of a key's rotation: an empty object, which clients decode.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DoneResponse {}
