//! Responses about grants. Times are milliseconds since 1970.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use csms_core::{Secret, secret::Grant};
use serde::{Deserialize, Serialize};

/// What is granted: groups do not exist here.
const SECRET: &str = "SECRET";

/// A grant as CreateGrants and UpdateGrant return it. Nothing signs grants, so `signature` is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GrantInfo {
    /// Its identifier.
    pub uuid: String,
    /// Identifier of the secret.
    pub resource_id: String,
    /// `SECRET`, the one kind there is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Identifier of the user who may read the secret.
    pub grantee_user: String,
    /// When it was created.
    pub create_time: u64,
    /// When it last changed.
    pub update_time: u64,
    /// The first moment at which the grant no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity_time: Option<u64>,
}

impl GrantInfo {
    /// The grant of a secret.
    #[must_use]
    pub fn of(secret: &Secret, grant: &Grant) -> Self {
        Self {
            uuid: grant.id.clone(),
            resource_id: secret.id.to_string(),
            kind: SECRET.to_owned(),
            grantee_user: grant.user_id.clone(),
            create_time: grant.create_time.as_millis(),
            update_time: grant.update_time.as_millis(),
            validity_time: grant.valid_until.map(csms_core::UnixMillis::as_millis),
        }
    }
}

/// Response of CreateGrants and UpdateGrant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantResponse {
    /// The grant.
    pub data: GrantInfo,
}

/// A user who may read a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GranteeInfo {
    /// Identifier of the user.
    pub user_id: String,
    /// Name of the user.
    pub user_name: String,
    /// When the grant was created.
    pub create_time: u64,
    /// The first moment at which the grant no longer counts; it stays in the list until it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity_time: Option<u64>,
}

/// The grants of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretGrantsInfo {
    /// Identifier of the secret.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `SECRET`, the one kind there is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The users who may read it.
    pub grantee_user: Vec<GranteeInfo>,
    /// When the secret was made.
    pub create_time: u64,
    /// When the secret last changed.
    pub update_time: u64,
}

impl SecretGrantsInfo {
    /// The grants of a secret, each with the name of its user.
    #[must_use]
    pub fn of<'g>(secret: &Secret, grants: impl IntoIterator<Item = (&'g Grant, String)>) -> Self {
        let grantee = |(grant, user_name): (&Grant, String)| GranteeInfo {
            user_id: grant.user_id.clone(),
            user_name,
            create_time: grant.create_time.as_millis(),
            validity_time: grant.valid_until.map(csms_core::UnixMillis::as_millis),
        };
        Self {
            id: secret.id.to_string(),
            name: secret.name.to_string(),
            kind: SECRET.to_owned(),
            grantee_user: grants.into_iter().map(grantee).collect(),
            create_time: secret.create_time.as_millis(),
            update_time: secret.update_time.as_millis(),
        }
    }
}

/// Response of ListGrants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListGrantsResponse {
    /// The grants.
    pub data: SecretGrantsInfo,
}
