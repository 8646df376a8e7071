//! Responses of IAM v5. Times are RFC 3339 texts; what older releases did not write down is left out.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use super::page::PageInfo;

/// A user.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct User {
    pub user_id: String,
    pub user_name: String,
    pub description: String,
    pub enabled: bool,
    pub is_root_user: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    pub urn: String,
    /// Only where one user is shown; always empty here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<[String; 0]>,
}

/// An access key. Has no `Debug`: it may hold the secret key.
#[derive(Clone, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct AccessKey<'k> {
    pub user_id: &'k str,
    pub access_key_id: &'k str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    pub status: &'static str,
    /// Only in the answer of CreateAccessKeyV5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<&'k str>,
}

/// When an access key was last used; nothing is known of one that never was.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct AccessKeyLastUsed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}

/// That a user can sign in with a password.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct LoginProfile {
    pub user_id: String,
    pub password_reset_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

/// A policy.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct Policy {
    pub policy_type: &'static str,
    pub policy_name: String,
    pub policy_id: String,
    pub urn: String,
    pub path: &'static str,
    pub default_version_id: String,
    pub attachment_count: usize,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
}

/// A version of a policy.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct PolicyVersion {
    /// The policy as JSON in text; absent where all versions are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    pub version_id: String,
    pub is_default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

/// A policy that is attached to a user.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct AttachedPolicy {
    pub policy_name: String,
    pub policy_id: String,
    pub urn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_at: Option<String>,
}

/// A user that a policy is attached to.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct PolicyUser {
    pub user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_at: Option<String>,
}

/// An answer with one member that is named after what it holds, or a list beside its `page_info`.
macro_rules! wrapped {
    ($($(#[$doc:meta])+ $name:ident $(<$life:lifetime>)? { $member:ident: $type:ty $(, $page:ident)? })+) => {$(
        $(#[$doc])+
        #[derive(Serialize)]
        #[allow(missing_docs, reason = "the names are the official members")]
        pub struct $name $(<$life>)? {
            pub $member: $type,
            $(pub $page: PageInfo,)?
        }
    )+};
}

wrapped! {
    /// CreateUserV5, ShowUserV5 and UpdateUserV5.
    UserResponse { user: User }
    /// ListUsersV5.
    ListUsersResponse { users: Vec<User>, page_info }
    /// CreateAccessKeyV5 and UpdateAccessKeyV5.
    AccessKeyResponse<'k> { access_key: AccessKey<'k> }
    /// ListAccessKeysV5.
    ListAccessKeysResponse<'k> { access_keys: Vec<AccessKey<'k>>, page_info }
    /// ShowAccessKeyLastUsedV5.
    AccessKeyLastUsedResponse { access_key_last_used: AccessKeyLastUsed }
    /// CreateLoginProfileV5, ShowLoginProfileV5 and UpdateLoginProfileV5.
    LoginProfileResponse { login_profile: LoginProfile }
    /// CreatePolicyV5 and GetPolicyV5.
    PolicyResponse { policy: Policy }
    /// ListPoliciesV5.
    ListPoliciesResponse { policies: Vec<Policy>, page_info }
    /// CreatePolicyVersionV5 and GetPolicyVersionV5.
    PolicyVersionResponse { policy_version: PolicyVersion }
    /// ListPolicyVersionsV5.
    ListPolicyVersionsResponse { versions: Vec<PolicyVersion>, page_info }
    /// ListAttachedUserPoliciesV5.
    ListAttachedPoliciesResponse { attached_policies: Vec<AttachedPolicy>, page_info }
}

/// ListEntitiesForPolicyV5. There are no groups and no agencies here.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct ListEntitiesResponse {
    pub policy_users: Vec<PolicyUser>,
    pub policy_groups: [String; 0],
    pub policy_agencies: [String; 0],
    pub page_info: PageInfo,
}
