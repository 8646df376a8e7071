//! The part of IAM v5 that is served too: users, their access keys, logins and policies. Its operation table, requests and
//! answers.
//!
//! Paths, members and statuses are those of the official SDK (`huaweicloudsdkiam`, v5), actions those of the IAM v5 API
//! reference. Groups, agencies, MFA devices and tags of users are not here.

pub mod page;
pub mod request;
pub mod response;
pub mod token;

use crate::operation::{ErrorShape, Method, Specification, operations};

operations! {
    /// An operation of IAM v5, named as in the official definitions.
    IamOperation;
    ListUsersV5: Get "/v5/users" 200 Flat ["iam:users:listUsersV5"];
    CreateUserV5: Post "/v5/users" 201 Flat ["iam:users:createUserV5"];
    ShowUserV5: Get "/v5/users/{user_id}" 200 Flat ["iam:users:getUserV5"];
    UpdateUserV5: Put "/v5/users/{user_id}" 200 Flat ["iam:users:updateUserV5"];
    DeleteUserV5: Delete "/v5/users/{user_id}" 204 Flat ["iam:users:deleteUserV5"];
    ListAccessKeysV5: Get "/v5/users/{user_id}/access-keys" 200 Flat ["iam:credentials:listCredentialsV5"];
    CreateAccessKeyV5: Post "/v5/users/{user_id}/access-keys" 201 Flat ["iam:credentials:createCredentialV5"];
    UpdateAccessKeyV5: Put "/v5/users/{user_id}/access-keys/{access_key_id}" 200 Flat ["iam:credentials:updateCredentialV5"];
    DeleteAccessKeyV5: Delete "/v5/users/{user_id}/access-keys/{access_key_id}" 204 Flat ["iam:credentials:deleteCredentialV5"];
    ShowAccessKeyLastUsedV5: Get "/v5/users/{user_id}/access-keys/{access_key_id}/last-used" 200 Flat ["iam:credentials:showAccessKeyLastUsedV5"];
    ShowLoginProfileV5: Get "/v5/users/{user_id}/login-profile" 200 Flat ["iam:users:showLoginProfileV5"];
    CreateLoginProfileV5: Post "/v5/users/{user_id}/login-profile" 201 Flat ["iam:users:createLoginProfileV5"];
    UpdateLoginProfileV5: Put "/v5/users/{user_id}/login-profile" 200 Flat ["iam:users:updateLoginProfileV5"];
    DeleteLoginProfileV5: Delete "/v5/users/{user_id}/login-profile" 204 Flat ["iam:users:deleteLoginProfileV5"];
    ListAttachedUserPoliciesV5: Get "/v5/users/{user_id}/attached-policies" 200 Flat ["iam:users:listAttachedPoliciesV5"];
    ListPoliciesV5: Get "/v5/policies" 200 Flat ["iam:policies:listV5"];
    CreatePolicyV5: Post "/v5/policies" 201 Flat ["iam:policies:createV5"];
    GetPolicyV5: Get "/v5/policies/{policy_id}" 200 Flat ["iam:policies:getV5"];
    DeletePolicyV5: Delete "/v5/policies/{policy_id}" 204 Flat ["iam:policies:deleteV5"];
    ListPolicyVersionsV5: Get "/v5/policies/{policy_id}/versions" 200 Flat ["iam:policies:listVersionsV5"];
    CreatePolicyVersionV5: Post "/v5/policies/{policy_id}/versions" 201 Flat ["iam:policies:createVersionV5"];
    GetPolicyVersionV5: Get "/v5/policies/{policy_id}/versions/{version_id}" 200 Flat ["iam:policies:getVersionV5"];
    DeletePolicyVersionV5: Delete "/v5/policies/{policy_id}/versions/{version_id}" 204 Flat ["iam:policies:deleteVersionV5"];
    SetDefaultPolicyVersionV5: Post "/v5/policies/{policy_id}/versions/{version_id}/set-default" 200 Flat ["iam:policies:setDefaultVersionV5"];
    AttachUserPolicyV5: Post "/v5/policies/{policy_id}/attach-user" 200 Flat ["iam:users:attachPolicyV5"];
    DetachUserPolicyV5: Post "/v5/policies/{policy_id}/detach-user" 200 Flat ["iam:users:detachPolicyV5"];
    ListEntitiesForPolicyV5: Get "/v5/policies/{policy_id}/attached-entities" 200 Flat ["iam:policies:listEntitiesV5"];
}

impl IamOperation {
    /// Whether a call belongs in the audit trail: all that may change something, also when it fails.
    #[must_use]
    pub const fn is_audited(self) -> bool {
        !matches!(self.specification().method, Method::Get)
    }
}
