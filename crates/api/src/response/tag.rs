//! Responses about tags: ListSecretTags, ListProjectSecretsTags, ListResourceInstances.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use csms_core::{Secret, tag::Tag};
use serde::{Deserialize, Serialize};

use super::SecretInfo;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TagInfo {
    /// Its key.
    pub key: String,
    /// Its value, which may be empty.
    pub value: String,
}

impl From<&Tag> for TagInfo {
    fn from(tag: &Tag) -> Self {
        Self { key: tag.key.to_string(), value: tag.value.to_string() }
    }
}

/// Response of ListSecretTags. The service gives secrets no tags of its own, so `sys_tags` is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListTagsResponse {
    /// The secret's tags.
    pub tags: Vec<TagInfo>,
}

/// A key and the values that secrets of the project have for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProjectTagInfo {
    /// The key.
    pub key: String,
    /// The values, each once.
    pub values: Vec<String>,
}

/// Response of ListProjectSecretsTags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListProjectTagsResponse {
    /// Every key in use, by name.
    pub tags: Vec<ProjectTagInfo>,
}

/// A secret that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResourceInfo {
    /// Identifier of the secret.
    pub resource_id: String,
    /// Its metadata.
    pub resource_detail: SecretInfo,
    /// Its name.
    pub resource_name: String,
    /// Its tags.
    pub tags: Vec<TagInfo>,
}

impl ResourceInfo {
    /// A secret of this account.
    #[must_use]
    pub fn of(secret: &Secret, domain_id: &str) -> Self {
        Self {
            resource_id: secret.id.to_string(),
            resource_detail: SecretInfo::of(secret, domain_id),
            resource_name: secret.name.to_string(),
            tags: secret.tags.iter().map(TagInfo::from).collect(),
        }
    }
}

/// Response of ListResourceInstances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListResourcesResponse {
    /// The page, by name; absent when only the number was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<ResourceInfo>>,
    /// Number of secrets that match, on all pages.
    pub total_count: u64,
}
