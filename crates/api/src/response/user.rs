//! Responses about users of the installation. Fields that it does not store (mail, telephone, times) are not sent.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// An organisation that a user belongs to: here the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct OrganisationInfo {
    pub org_id: String,
    pub relation_type: String,
}

/// A user in a list: the definitions write the truth values of lists as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct UserInfo {
    pub user_id: String,
    pub org_id: String,
    pub user_name: String,
    pub name: String,
    pub pwd_must_modify: bool,
    /// `true` or `false`.
    pub disabled: String,
    /// `true` while wrong passwords keep the user from changing the password, otherwise `false`.
    pub locked: String,
    pub user_org_relation_list: Vec<OrganisationInfo>,
}

/// Response of ListUsers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListUsersResponse {
    /// How many users match, on whatever page.
    pub total: u64,
    /// Those of the page, by name.
    pub users: Vec<UserInfo>,
}

/// Response of ShowUserDetail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct UserDetailResponse {
    pub user_id: String,
    pub org_id: String,
    pub domain_id: String,
    pub user_name: String,
    pub name: String,
    pub pwd_must_modify: bool,
    pub disabled: bool,
    /// `true` while wrong passwords keep the user from changing the password, otherwise `false`.
    pub locked: String,
    pub user_org_relation_list: Vec<OrganisationInfo>,
}

/// Response of UpdateUserPassword.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct UserIdResponse {
    pub user_id: String,
}
