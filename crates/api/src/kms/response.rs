//! Responses of the Key Management Service. Nearly every member is text, numbers included.

use alloc::{string::String, vec::Vec};

use csms_core::KeyId;
use serde::Serialize;

use crate::response::tag::{ProjectTagInfo, TagInfo};

/// What ListKeys and ListKeyDetail return about a key.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyDetails {
    /// Its identifier.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    /// Identifier of the account.
    pub domain_id: String,
    /// Its alias.
    pub key_alias: String,
    /// The region that it is in.
    pub realm: String,
    /// Its description.
    pub key_description: String,
    /// When it was created, in milliseconds since 1970, as text.
    pub creation_date: String,
    /// When it will be deleted, in milliseconds since 1970, as text; empty while that is not scheduled.
    pub scheduled_deletion_date: String,
    /// `2` enabled, `3` disabled, `4` waiting for deletion.
    pub key_state: &'static str,
    /// `1` for the key of the service that protects secrets which name none, otherwise `0`.
    pub default_key_flag: &'static str,
    /// `1`, of the one kind there is.
    pub key_type: &'static str,
    /// Empty: the material of keys of this server does not expire.
    pub expiration_time: &'static str,
    /// Where its material comes from: `kms`, from this server.
    pub origin: &'static str,
    /// Whether its material rotates: `true` or `false`.
    pub key_rotation_enabled: &'static str,
    /// The enterprise project that it belongs to.
    pub sys_enterprise_project_id: String,
    /// What it is for: `ENCRYPT_DECRYPT`.
    pub key_usage: &'static str,
    /// Its algorithm: `AES_256`.
    pub key_spec: &'static str,
    /// The keystore that it is in: `0`, that of this server.
    pub keystore_id: &'static str,
}

/// ListKeyDetail.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DescribeKeyResponse {
    /// The key.
    pub key_info: KeyDetails,
}

/// ListKeys.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListKeysResponse {
    /// Identifiers of the keys of the page.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub keys: Vec<KeyId>,
    /// The same keys, each with its details.
    pub key_details: Vec<KeyDetails>,
    /// Give this as `marker` to read on; empty on the last page.
    pub next_marker: String,
    /// Whether other pages follow: `true` or `false`.
    pub truncated: &'static str,
    /// Number of keys that match, on all pages.
    pub total: u64,
}

/// An alias.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AliasEntity {
    /// Identifier of the account.
    pub domain_id: String,
    /// Identifier of the key that it stands for.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    /// The alias, with `alias/` before it.
    pub alias: String,
    /// Its URN.
    pub alias_urn: String,
    /// When it was given, in milliseconds since 1970, as text.
    pub create_time: String,
    /// When it was last given to another key, in milliseconds since 1970, as text.
    pub update_time: String,
}

/// ListAliases.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListAliasesResponse {
    /// The page, by alias.
    pub aliases: Vec<AliasEntity>,
    /// Its place.
    pub page_info: AliasPage,
}

/// Page of ListAliases.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AliasPage {
    /// Give this as `marker` to read on; empty on the last page.
    pub next_marker: String,
    /// Number of aliases on this page.
    pub current_count: u64,
}

/// CreateDatakey, CreateDatakeyWithoutPlaintext, EncryptData and EncryptDatakey. Has no `Debug`: it may hold a key.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SealedResponse<'r> {
    /// Identifier of the key that sealed it.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: &'r KeyId,
    /// The data key, in hexadecimal digits; absent where none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_text: Option<&'r str>,
    /// What was sealed.
    pub cipher_text: String,
    /// Length of the data key in bytes, as text; only where one was given to be sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datakey_length: Option<String>,
}

/// DecryptDatakey. Has no `Debug`: it holds a key.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenedDatakeyResponse<'r> {
    /// The data key, in hexadecimal digits.
    pub data_key: &'r str,
    /// Its length in bytes, as text.
    pub datakey_length: String,
    /// SHA-256 of the data key, in hexadecimal digits.
    pub datakey_dgst: String,
}

/// DecryptData. Has no `Debug`: it holds a plaintext.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenedDataResponse<'r> {
    /// Identifier of the key that opened it.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: &'r KeyId,
    /// The data.
    pub plain_text: &'r str,
    /// The same in base64.
    pub plain_text_base64: &'r str,
}

/// What a change of a key returns: its identifier, and what changed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyInfo {
    /// Its identifier.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    /// Identifier of the account; only where a key was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<String>,
    /// The region that it is in; only where a key was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_id: Option<String>,
    /// Its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_state: Option<&'static str>,
    /// Its alias, where that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_alias: Option<String>,
    /// Its description, where that has changed.
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
pub struct KeyInfoResponse {
    /// The key.
    pub key_info: KeyInfo,
}

/// DeleteKey and CancelKeyDeletion.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyStateResponse {
    /// Identifier of the key.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    /// Its state after the change.
    pub key_state: &'static str,
}

/// CreateRandom. Has no `Debug`: what is drawn may become a key.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RandomResponse<'r> {
    /// Random bytes, in hexadecimal digits.
    pub random_data: &'r str,
}

/// ShowKmsTags.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyTagsResponse {
    /// The tags of the key.
    pub tags: Vec<TagInfo>,
    /// Their number.
    #[serde(rename = "existTagsNum")]
    pub exist_tags_num: u64,
}

/// ListKmsTags: every key in use, by name.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProjectKeyTagsResponse {
    /// Every key of tags in use, by name, and its values.
    pub tags: Vec<ProjectTagInfo>,
}

/// A key that ListKmsByTags found.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaggedKey {
    /// Identifier of the key.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub resource_id: KeyId,
    /// Its details.
    pub resource_detail: KeyDetails,
    /// Its alias.
    pub resource_name: String,
    /// Its tags.
    pub tags: Vec<TagInfo>,
}

/// ListKmsByTags.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaggedKeysResponse {
    /// The page; absent when only the number was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<TaggedKey>>,
    /// Number of keys that match, on all pages.
    pub total_count: u64,
}

/// ShowKeyRotationStatus. Its numbers are numbers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotationStatusResponse {
    /// Whether the material of the key rotates.
    pub key_rotation_enabled: bool,
    /// Days between two rotations; 0 while the rotation is disabled.
    pub rotation_interval: u16,
    /// When it last rotated, in milliseconds since 1970, as text; empty while it has not.
    pub last_rotation_time: String,
    /// How often it has rotated.
    pub number_of_rotations: u64,
}

/// CreateGrant.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantIdResponse {
    /// Identifier of the grant.
    pub grant_id: String,
}

/// A grant of a key.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantEntity {
    /// Identifier of the key.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key_id: KeyId,
    /// Its identifier.
    pub grant_id: String,
    /// Identifier of the user who has it.
    pub grantee_principal: String,
    /// `user`, the one kind there is.
    pub grantee_principal_type: &'static str,
    /// The operations that it allows.
    pub operations: Vec<String>,
    /// Identifier of the user who gave it.
    pub issuing_principal: String,
    /// When it was given, in milliseconds since 1970, as text.
    pub creation_date: String,
    /// Its name, which may be empty.
    pub name: String,
    /// Identifier of the user who may give it back; may be empty.
    pub retiring_principal: String,
}

/// ListKeyGrants and ListRetirableGrants.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantPageResponse {
    /// The page.
    pub grants: Vec<GrantEntity>,
    /// Give this as `marker` to read on; empty on the last page.
    pub next_marker: String,
    /// Whether other pages follow: `true` or `false`.
    pub truncated: &'static str,
    /// Number of grants, on all pages.
    pub total: u64,
}

/// ShowUserQuotas.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuotasResponse {
    /// The quotas.
    pub quotas: Quotas,
}

/// The quotas of a project.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quotas {
    /// One for each kind of thing.
    pub resources: Vec<Quota>,
}

/// How many of something there are and may be.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quota {
    /// `CMK` for keys, `grant_per_CMK` for the grants of a key.
    pub r#type: &'static str,
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub quota: u64,
}

/// ShowUserInstances.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InstancesResponse {
    /// Number of keys.
    pub instance_num: u64,
}

/// Revoking and retiring a grant, and changes of a key's rotation: an empty object, which clients decode.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DoneResponse {}
