//! Responses about users of the installation. Fields that it does not store (mail, telephone, times) are not sent.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// An organisation that a user belongs to: here the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrganisationInfo {
    /// Identifier of the account.
    pub org_id: String,
    /// How the user belongs to it.
    pub relation_type: String,
}

/// A user in a list: the definitions write the truth values of lists as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserInfo {
    /// Identifier of the user.
    /// Identifier of the user.
    pub user_id: String,
    /// Identifier of the account.
    pub org_id: String,
    /// Name that the user logs in with.
    pub user_name: String,
    /// Name that is shown.
    pub name: String,
    /// Whether the user has to set another password before anything else.
    pub pwd_must_modify: bool,
    /// `true` or `false`.
    pub disabled: String,
    /// `true` while wrong passwords keep the user from changing the password, otherwise `false`.
    pub locked: String,
    /// The organisations that the user belongs to.
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
pub struct UserDetailResponse {
    /// Identifier of the user.
    /// Identifier of the user.
    pub user_id: String,
    /// Identifier of the account.
    pub org_id: String,
    /// Identifier of the account.
    pub domain_id: String,
    /// Name that the user logs in with.
    pub user_name: String,
    /// Name that is shown.
    pub name: String,
    /// Whether the user has to set another password before anything else.
    pub pwd_must_modify: bool,
    /// Whether the user may do nothing.
    pub disabled: bool,
    /// `true` while wrong passwords keep the user from changing the password, otherwise `false`.
    pub locked: String,
    /// The organisations that the user belongs to.
    pub user_org_relation_list: Vec<OrganisationInfo>,
}

/// Response of UpdateUserPassword.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserIdResponse {
    /// Identifier of the user.
    pub user_id: String,
}
