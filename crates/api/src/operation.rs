//! The operation table: method, path, success status, error shape and required action of each operation.
//!
//! The only place that knows them; routing, client, authorisation and documentation read it.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_core::Action;

/// HTTP method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// The method's name as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// How an operation writes its errors (`compatibility/api.md#1-common-rules`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"error_code","error_msg"}`, with a message of at most 512 characters.
    Flat,
    /// `{"error":{"error_code","error_msg"}}`, with a message of at most 1,024 characters.
    Nested,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Specification {
    /// Its name in the official definitions.
    pub name: &'static str,
    /// Method.
    pub method: Method,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// Status of a success.
    pub success: u16,
    /// Shape of its errors.
    pub errors: ErrorShape,
    /// The action a policy must allow: its official name, then its older names and those that this service used itself
    /// before it knew the official one (`compatibility/authentication.md#5-actions`). A policy may use any of them.
    pub actions: &'static [&'static str],
}

impl Specification {
    /// Names of the parameters in the path, in their order.
    pub fn parameters(self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(parameter)
    }

    /// The path with its parameters filled in, in the order in which they stand; each is percent-encoded.
    #[must_use]
    pub fn fill(self, parameters: &[&str]) -> String {
        let mut parameters = parameters.iter();
        let segments = self.path.split('/').map(|segment| match parameter(segment) {
            Some(_) => csms_core::sign::percent_encode(parameters.next().copied().unwrap_or_default()),
            None => segment.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// The name of the parameter that a segment of a path in the table is; `None` for a segment that stands for itself.
#[must_use]
pub fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Declares the operations and their table together, so that none is without a row.
macro_rules! operations {
    ($(#[$doc:meta])+ $operation:ident;
     $($name:ident: $method:ident $path:literal $success:literal $errors:ident [$($action:literal),+];)+) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are the official operations")]
        pub enum $operation { $($name),+ }

        impl $operation {
            /// Every operation, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The operation's row.
            #[must_use]
            pub const fn specification(self) -> Specification {
                match self {
                    $(Self::$name => Specification {
                        name: stringify!($name),
                        method: Method::$method,
                        path: $path,
                        success: $success,
                        errors: ErrorShape::$errors,
                        actions: &[$($action),+],
                    }),+
                }
            }

            /// The operation of this name. It does not touch the table, which the npm package has in another form.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

#[cfg(any(feature = "kms", feature = "iam"))]
pub(crate) use operations;

operations! {
    /// An operation of the service, named as in the official definitions.
    Operation;
    CreateSecret: Post "/v1/{project_id}/secrets" 200 Flat ["csms:secret:create"];
    ListSecrets: Get "/v1/{project_id}/secrets" 200 Flat ["csms:secret:list"];
    ShowSecret: Get "/v1/{project_id}/secrets/{secret_name}" 200 Flat ["csms:secret:get"];
    UpdateSecret: Put "/v1/{project_id}/secrets/{secret_name}" 200 Flat ["csms:secret:update"];
    DeleteSecret: Delete "/v1/{project_id}/secrets/{secret_name}" 200 Flat ["csms:secret:delete"];
    DeleteSecretForSchedule: Post "/v1/{project_id}/secrets/{secret_name}/scheduled-deleted-tasks/create" 200 Flat ["csms:secret:scheduleDeletion"];
    RestoreSecret: Post "/v1/{project_id}/secrets/{secret_name}/scheduled-deleted-tasks/cancel" 200 Flat ["csms:secret:restoreSecret"];
    RotateSecret: Post "/v1/{project_id}/secrets/{secret_name}/rotate" 200 Nested ["csms:secret:rotate"];
    CreateSecretVersion: Post "/v1/{project_id}/secrets/{secret_name}/versions" 200 Flat ["csms:secret:createVersion", "csms:secretVersion:create"];
    ListSecretVersions: Get "/v1/{project_id}/secrets/{secret_name}/versions" 200 Flat ["csms:secret:listVersion", "csms:secretVersion:list"];
    ShowSecretVersion: Get "/v1/{project_id}/secrets/{secret_name}/versions/{version_id}" 200 Flat ["csms:secret:getVersion", "csms:secretVersion:get"];
    UpdateVersion: Put "/v1/{project_id}/secrets/{secret_name}/versions/{version_id}" 200 Flat ["csms:secret:updateVersion", "csms:secretVersion:update"];
    ShowSecretStage: Get "/v1/{project_id}/secrets/{secret_name}/stages/{stage_name}" 200 Flat ["csms:secret:getStage", "csms:secretStage:get"];
    UpdateSecretStage: Put "/v1/{project_id}/secrets/{secret_name}/stages/{stage_name}" 200 Flat ["csms:secret:updateStage", "csms:secretStage:update"];
    DeleteSecretStage: Delete "/v1/{project_id}/secrets/{secret_name}/stages/{stage_name}" 204 Flat ["csms:secret:deleteStage", "csms:secretStage:delete"];
    ListSecretTask: Get "/v1/{project_id}/csms/tasks" 200 Flat ["csms::listTasks", "csms:task:list"];
    DownloadSecretBlob: Post "/v1/{project_id}/secrets/{secret_name}/backup" 200 Flat ["csms:secret:get"];
    UploadSecretBlob: Post "/v1/{project_id}/secrets/restore" 200 Flat ["csms:secret:create"];
    BatchGetSecretValue: Post "/v1/{project_id}/secrets/batch-get-secret-value" 200 Flat ["csms:secret:getVersion", "csms:secretVersion:get"];
    BatchImportSecrets: Post "/v1/{project_id}/secrets/batch-import" 200 Flat ["csms:secret:create"];
    BatchDeleteSecrets: Post "/v1/{project_id}/secrets/batch-delete" 200 Flat ["csms:secret:delete"];
    CreateSecretStage: Post "/v1/{project_id}/secrets/{secret_name}/stages" 200 Flat ["csms:secret:createStage", "csms:secretStage:create"];
    BatchCreateOrDeleteTags: Post "/v1/{project_id}/csms/{secret_id}/tags/action" 204 Nested ["csms:secret:batchCreateOrDeleteTags", "csms:tag:batch", "csms:tag:batchUpdate"];
    CreateSecretTag: Post "/v1/{project_id}/csms/{secret_id}/tags" 204 Nested ["csms:secret:createTag", "csms:tag:create"];
    DeleteSecretTag: Delete "/v1/{project_id}/csms/{secret_id}/tags/{key}" 204 Nested ["csms:secret:deleteTag", "csms:tag:delete"];
    ListSecretTags: Get "/v1/{project_id}/csms/{secret_id}/tags" 200 Nested ["csms:secret:listTags", "csms:tag:getBySecret", "csms:tag:list"];
    ListProjectSecretsTags: Get "/v1/{project_id}/csms/tags" 200 Nested ["csms::listProjectTags", "csms:tag:getAll", "csms:tag:listProject"];
    ListResourceInstances: Post "/v1/{project_id}/csms/resource_instances/action" 200 Nested ["csms:secret:getSecretsByTag", "csms:tag:getSecretByTag", "csms:tag:listResources"];
    CreateSecretEvent: Post "/v1/{project_id}/csms/events" 200 Nested ["csms::createEvent", "csms:event:create"];
    ListSecretEvents: Get "/v1/{project_id}/csms/events" 200 Nested ["csms::listEvents", "csms:event:list"];
    ShowSecretEvent: Get "/v1/{project_id}/csms/events/{event_name}" 200 Nested ["csms::getEvent", "csms:event:get"];
    UpdateSecretEvent: Put "/v1/{project_id}/csms/events/{event_name}" 200 Nested ["csms::updateEvent", "csms:event:update"];
    DeleteSecretEvent: Delete "/v1/{project_id}/csms/events/{event_name}" 204 Nested ["csms::deleteEvent", "csms:event:delete"];
    ListNotificationRecords: Get "/v1/{project_id}/csms/notification-records" 200 Nested ["csms::listNotificationRecords", "csms:event:listNotificationRecords", "csms:event:listRecords"];
    GenerateRandomPassword: Post "/v1/{project_id}/csms/generate-password" 200 Flat ["csms:password:generate"];
    CheckSecrets: Post "/v1/{project_id}/secrets/checker/check" 200 Flat ["csms:checker:check"];
    ShowSecretsConfig: Get "/v1/{project_id}/secrets/checker/config" 200 Flat ["csms:checker:getConfig"];
    UpdateSecretsConfig: Post "/v1/{project_id}/secrets/checker/config" 200 Flat ["csms:checker:updateConfig"];
    CreateGrants: Post "/v1/{project_id}/csms/grants" 200 Flat ["csms:grant:create"];
    UpdateGrant: Put "/v1/{project_id}/csms/grants" 200 Flat ["csms:grant:update"];
    ListGrants: Get "/v1/{project_id}/csms/grants" 200 Flat ["csms:grant:list"];
    DeleteGrant: Delete "/v1/{project_id}/csms/grants" 204 Flat ["csms:grant:delete"];
    ListUsers: Get "/v1/csms/users" 200 Nested ["csms:user:list"];
    ShowUserDetail: Get "/v1/csms/users/{user_id}" 200 Flat ["csms:user:get"];
    UpdateUserPassword: Post "/v1/csms/users/change-password" 200 Flat ["csms:user:updatePassword"];
    CreateAgency: Post "/v1/csms/agencies" 200 Flat ["csms:agency:create"];
    ShowAgency: Get "/v1/csms/agencies" 200 Flat ["csms:agency:get"];
    ShowSecretFunctionTemplates: Get "/v1/csms/function-templates" 200 Flat ["csms:functionTemplate:get"];
    CreateSecretReplica: Post "/v1/{project_id}/secrets/{secret_name}/replicas" 200 Flat ["csms:secret:createReplica"];
    DeleteSecretReplica: Delete "/v1/{project_id}/secrets/{secret_name}/replicas/{region_name}" 204 Flat ["csms:secret:deleteReplica"];
    ListSupportRegions: Get "/v1/{project_id}/csms/replica-regions" 200 Flat ["csms:secret:listReplicaRegions"];
}

impl Operation {
    /// What the operation does with a secret as far as the secret's state decides about it; `None` for the operations
    /// that are not about one secret.
    #[must_use]
    pub const fn action(self) -> Option<Action> {
        Some(match self {
            Self::ShowSecret | Self::ListSecretVersions | Self::ShowSecretStage => Action::ReadMetadata,
            Self::UpdateSecret => Action::ChangeMetadata,
            Self::DeleteSecret => Action::Delete,
            Self::DeleteSecretForSchedule => Action::ScheduleDeletion,
            Self::RestoreSecret => Action::Restore,
            Self::RotateSecret
            | Self::CreateSecretVersion
            | Self::ShowSecretVersion
            | Self::UpdateVersion
            | Self::CreateSecretReplica
            | Self::CreateSecretStage
            | Self::UpdateSecretStage
            | Self::DeleteSecretStage => Action::UseValue,
            _ => return None,
        })
    }

    /// Whether a proven caller of the project needs no policy that allows the operation. One that denies its action still
    /// refuses it.
    #[must_use]
    pub const fn needs_no_action(self) -> bool {
        matches!(
            self,
            Self::ListSupportRegions
                | Self::ShowSecretFunctionTemplates
                | Self::ShowAgency
                | Self::ShowSecretsConfig
                | Self::CheckSecrets
        )
    }

    /// Whether the path belongs to one project. The others are about the account.
    #[must_use]
    pub fn is_of_project(self) -> bool {
        self.specification().path.starts_with("/v1/{project_id}/")
    }

    /// Whether a grant on a secret is enough to be allowed this with it: what reads its metadata and its values.
    #[must_use]
    pub const fn is_allowed_by_grants(self) -> bool {
        matches!(
            self,
            Self::ShowSecret
                | Self::ListSecretVersions
                | Self::ShowSecretVersion
                | Self::ShowSecretStage
                | Self::ListSecretTags
                | Self::BatchGetSecretValue
        )
    }

    /// Query parameters that it takes besides a body.
    #[must_use]
    pub const fn query_beside_body(self) -> &'static [&'static str] {
        match self {
            Self::UpdateGrant => &["resource_id"],
            _ => &[],
        }
    }

    /// Whether a success answers values of secrets.
    #[must_use]
    pub const fn reads_values(self) -> bool {
        matches!(self, Self::ShowSecretVersion | Self::BatchGetSecretValue)
    }

    /// Whether a call belongs in the audit trail, also one that fails: reads of values, and all that may change something.
    #[must_use]
    pub const fn is_audited(self) -> bool {
        match self {
            // Questions with a body.
            Self::ListResourceInstances | Self::GenerateRandomPassword | Self::CheckSecrets => false,
            _ => self.reads_values() || !matches!(self.specification().method, Method::Get),
        }
    }

    /// The path with its parameters, see [`Specification::fill`].
    #[must_use]
    pub fn path(self, parameters: &[&str]) -> String {
        self.specification().fill(parameters)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_operations_share_method_and_path() {
        let routes: HashSet<_> = Operation::ALL
            .iter()
            .map(|operation| (operation.specification().method, operation.specification().path))
            .collect();
        assert_eq!(routes.len(), Operation::ALL.len());
    }

    #[test]
    fn a_path_of_the_account_takes_no_project() {
        assert_eq!(Operation::ShowUserDetail.path(&["u"]), "/v1/csms/users/u");
        assert!(!Operation::ShowUserDetail.is_of_project() && Operation::ListGrants.is_of_project());
    }

    #[test]
    fn path_parameters_are_encoded() {
        assert_eq!(Operation::ShowSecretVersion.path(&["p", "a/b", "v1"]), "/v1/p/secrets/a%2Fb/versions/v1");
    }
}
