//! The words of policies: which actions, resource types and condition keys exist for the services served here.
//!
//! Read from the operation tables, so that what a policy can name and what is judged cannot differ. Decides nothing about a
//! caller, and knows no actions of the cloud that are not served here.

use core::slice;

use csms_core::policy::ConditionKind;

use crate::{
    Operation,
    cts::CtsOperation,
    functiongraph::FunctionOperation,
    iam::{IamOperation, token::ASSUME_AGENCY},
    kms::KmsOperation,
};

/// Services whose actions are judged here, with the types of their resources.
pub const SERVICES: [(&str, &[&str]); 6] = [
    ("csms", &["secretName"]),
    ("kms", &["KeyId"]),
    ("iam", &["user", "policy", "agency"]),
    ("sts", &["assumed-agency"]),
    ("cts", &["trace"]),
    ("functiongraph", &["function"]),
];

/// Condition keys that are known of every request, whatever its action.
pub const GLOBAL_CONDITIONS: [ConditionKind; 7] = [
    ConditionKind::CurrentTime,
    ConditionKind::UserName,
    ConditionKind::UserId,
    ConditionKind::DomainId,
    ConditionKind::SourceIp,
    ConditionKind::SecureTransport,
    ConditionKind::MfaPresent,
];

/// What is known of a stored secret.
const SECRET: &[ConditionKind] = &[
    ConditionKind::SecretType,
    ConditionKind::KmsKeyId,
    ConditionKind::EnterpriseProjectId,
    ConditionKind::ResourceTag,
];

/// What is known of one version of a stored secret.
const SECRET_VERSION: &[ConditionKind] = &[
    ConditionKind::SecretType,
    ConditionKind::KmsKeyId,
    ConditionKind::EnterpriseProjectId,
    ConditionKind::ResourceTag,
    ConditionKind::VersionId,
];

/// What is known of a stored secret and of the tags that a request sets or removes.
const SECRET_AND_TAGS: &[ConditionKind] = &[
    ConditionKind::SecretType,
    ConditionKind::KmsKeyId,
    ConditionKind::EnterpriseProjectId,
    ConditionKind::ResourceTag,
    ConditionKind::RequestTag,
    ConditionKind::TagKeys,
];

/// What is known of a secret that is about to be made: it has no stored tags.
const NEW_SECRET: &[ConditionKind] = &[
    ConditionKind::SecretType,
    ConditionKind::KmsKeyId,
    ConditionKind::EnterpriseProjectId,
    ConditionKind::RequestTag,
    ConditionKind::TagKeys,
];

/// What is known of a secret that a backup brings back.
const RESTORED_SECRET: &[ConditionKind] =
    &[ConditionKind::SecretType, ConditionKind::KmsKeyId, ConditionKind::EnterpriseProjectId];

/// What is known of a stored key.
const KEY: &[ConditionKind] =
    &[ConditionKind::KmsKeyId, ConditionKind::EnterpriseProjectId, ConditionKind::ResourceTag];

/// What is known of a stored key and of the tags that a request sets or removes.
const KEY_AND_TAGS: &[ConditionKind] = &[
    ConditionKind::KmsKeyId,
    ConditionKind::EnterpriseProjectId,
    ConditionKind::ResourceTag,
    ConditionKind::RequestTag,
    ConditionKind::TagKeys,
];

impl Operation {
    /// Condition keys that can be judged for the operation, besides [`GLOBAL_CONDITIONS`].
    #[must_use]
    pub const fn conditions(self) -> &'static [ConditionKind] {
        match self {
            Self::CreateSecret | Self::BatchImportSecrets => NEW_SECRET,
            Self::UploadSecretBlob => RESTORED_SECRET,
            Self::ShowSecretVersion | Self::UpdateVersion => SECRET_VERSION,
            Self::CreateSecretTag | Self::DeleteSecretTag | Self::BatchCreateOrDeleteTags => SECRET_AND_TAGS,
            Self::ShowSecret
            | Self::UpdateSecret
            | Self::DeleteSecret
            | Self::DeleteSecretForSchedule
            | Self::RestoreSecret
            | Self::RotateSecret
            | Self::CreateSecretVersion
            | Self::ListSecretVersions
            | Self::ShowSecretStage
            | Self::UpdateSecretStage
            | Self::DeleteSecretStage
            | Self::CreateSecretStage
            | Self::DownloadSecretBlob
            | Self::BatchGetSecretValue
            | Self::BatchDeleteSecrets
            | Self::ListSecretTags
            | Self::CreateGrants
            | Self::UpdateGrant
            | Self::ListGrants
            | Self::DeleteGrant
            | Self::CreateSecretReplica
            | Self::DeleteSecretReplica => SECRET,
            Self::ListSecrets
            | Self::ListSecretTask
            | Self::ListProjectSecretsTags
            | Self::ListResourceInstances
            | Self::CreateSecretEvent
            | Self::ListSecretEvents
            | Self::ShowSecretEvent
            | Self::UpdateSecretEvent
            | Self::DeleteSecretEvent
            | Self::ListNotificationRecords
            | Self::GenerateRandomPassword
            | Self::CheckSecrets
            | Self::ShowSecretsConfig
            | Self::UpdateSecretsConfig
            | Self::ListUsers
            | Self::ShowUserDetail
            | Self::UpdateUserPassword
            | Self::CreateAgency
            | Self::ShowAgency
            | Self::ShowSecretFunctionTemplates
            | Self::ListSupportRegions => &[],
        }
    }
}

impl KmsOperation {
    /// Condition keys that can be judged for the operation, besides [`GLOBAL_CONDITIONS`].
    #[must_use]
    pub const fn conditions(self) -> &'static [ConditionKind] {
        match self {
            Self::CreateKey => &[ConditionKind::EnterpriseProjectId],
            Self::ListKeys
            | Self::ListAliases
            | Self::CreateRandom
            | Self::ListKmsTags
            | Self::ListKmsByTags
            | Self::ListRetirableGrants
            | Self::ShowUserQuotas
            | Self::ShowUserInstances => &[],
            Self::BatchCreateKmsTags | Self::CreateKmsTag | Self::DeleteTag => KEY_AND_TAGS,
            Self::ListKeyDetail
            | Self::EnableKey
            | Self::DisableKey
            | Self::DeleteKey
            | Self::CancelKeyDeletion
            | Self::UpdateKeyAlias
            | Self::UpdateKeyDescription
            | Self::CreateAlias
            | Self::DeleteAlias
            | Self::AssociateAlias
            | Self::CreateDatakey
            | Self::CreateDatakeyWithoutPlaintext
            | Self::EncryptDatakey
            | Self::DecryptDatakey
            | Self::EncryptData
            | Self::DecryptData
            | Self::ShowKmsTags
            | Self::ShowKeyRotationStatus
            | Self::EnableKeyRotation
            | Self::DisableKeyRotation
            | Self::UpdateKeyRotationInterval
            | Self::CreateGrant
            | Self::CancelGrant
            | Self::CancelSelfGrant
            | Self::ListKeyGrants => KEY,
        }
    }
}

/// What a right is of.
#[derive(Clone, Copy, Debug)]
pub enum RightOf {
    /// An operation on secrets.
    Secrets(Operation),
    /// An operation on keys.
    Keys(KmsOperation),
    /// An operation on users and policies.
    Users(IamOperation),
    /// An operation on traces.
    Traces(CtsOperation),
    /// An operation on functions.
    Functions(FunctionOperation),
    /// Acting as an agency.
    Agencies,
}

/// One right of an operation: the names of its action, and what its conditions may ask about.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// The action and its older names.
    pub actions: &'static [&'static str],
    /// What it is of.
    pub of: RightOf,
}

impl Right {
    /// Whether a condition of this kind can be judged for the action.
    #[must_use]
    pub fn judges(&self, kind: ConditionKind) -> bool {
        let own = match self.of {
            RightOf::Secrets(operation) => operation.conditions(),
            RightOf::Keys(operation) => operation.conditions(),
            RightOf::Users(_) | RightOf::Traces(_) | RightOf::Functions(_) | RightOf::Agencies => &[],
        };
        GLOBAL_CONDITIONS.contains(&kind) || own.contains(&kind)
    }

    /// The service and the types of the resources that the action is judged on.
    #[must_use]
    pub fn resources(&self) -> (&'static str, &'static [&'static str]) {
        match self.of {
            RightOf::Secrets(_) => ("csms", &["secretName"]),
            RightOf::Keys(_) => ("kms", &["KeyId"]),
            RightOf::Users(IamOperation::AttachUserPolicyV5 | IamOperation::DetachUserPolicyV5) => {
                ("iam", &["user", "policy"])
            }
            RightOf::Users(operation) if operation.is_of_policies() => ("iam", &["policy"]),
            RightOf::Users(_) => ("iam", &["user"]),
            RightOf::Traces(_) => ("cts", &["trace"]),
            RightOf::Functions(_) => ("functiongraph", &["function"]),
            RightOf::Agencies => ("iam", &["agency"]),
        }
    }

    /// Whether the action is judged on single resources, which a policy may name, and not only on all of a type together as
    /// that of a list is.
    #[must_use]
    pub fn is_about_one(&self) -> bool {
        // Only of single resources there are facts; two lists and a new key are the exceptions.
        match self.of {
            RightOf::Secrets(operation) => !operation.conditions().is_empty() || operation == Operation::ListSecretTask,
            RightOf::Keys(KmsOperation::CreateKey) => false,
            RightOf::Keys(operation) => !operation.conditions().is_empty() || operation == KmsOperation::ListAliases,
            RightOf::Users(operation) => !matches!(operation, IamOperation::ListUsersV5 | IamOperation::ListPoliciesV5),
            RightOf::Traces(_) => false,
            RightOf::Functions(operation) => operation != FunctionOperation::ListFunctions,
            RightOf::Agencies => true,
        }
    }

    /// Whether it has an action, given by any of its names in any case.
    #[must_use]
    pub fn has_action(&self, action: &str) -> bool {
        self.actions.iter().any(|name| name.eq_ignore_ascii_case(action))
    }
}

impl IamOperation {
    /// Whether the operation is about policies, and not about users and what they have.
    #[must_use]
    pub fn is_of_policies(self) -> bool {
        let attaches = matches!(self, Self::AttachUserPolicyV5 | Self::DetachUserPolicyV5);
        self.specification().path.starts_with("/v5/policies") && !attaches
    }
}

/// The rights of all operations of all services. Operations may share one action.
pub fn rights() -> impl Iterator<Item = Right> {
    fn each<T: Copy + 'static>(all: &'static [T], right: fn(T) -> Right) -> impl Iterator<Item = Right> {
        let all: slice::Iter<'static, T> = all.iter();
        all.copied().map(right)
    }
    macro_rules! rights_of {
        ($operations:ident as $of:ident) => {
            each($operations::ALL, |operation| Right {
                actions: operation.specification().actions,
                of: RightOf::$of(operation),
            })
        };
    }
    rights_of!(Operation as Secrets)
        .chain(rights_of!(KmsOperation as Keys))
        .chain(rights_of!(IamOperation as Users))
        .chain(rights_of!(CtsOperation as Traces))
        .chain(rights_of!(FunctionOperation as Functions))
        .chain([Right { actions: ASSUME_AGENCY, of: RightOf::Agencies }])
}

/// Every name of every action, repeated where operations share one.
pub fn actions() -> impl Iterator<Item = &'static str> {
    rights().flat_map(|right| right.actions).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use csms_core::policy::{RequestContext, SYSTEM_POLICIES, allows, system_policy};

    use super::*;

    #[test]
    fn an_action_belongs_to_a_service_that_is_served() {
        for action in actions() {
            let service = action.split_once(':').unwrap().0;
            assert!(SERVICES.iter().any(|(known, _)| *known == service), "{action}");
        }
    }

    #[test]
    fn an_action_is_judged_on_types_of_its_service_that_policies_may_name() {
        for right in rights() {
            let (service, kinds) = right.resources();
            let known = SERVICES.into_iter().find(|(known, _)| *known == service).unwrap().1;
            assert!(!kinds.is_empty() && kinds.iter().all(|kind| known.contains(kind)), "{:?}", right.actions);
        }
    }

    #[test]
    fn the_names_of_an_action_are_not_repeated() {
        for right in rights() {
            let names: BTreeSet<_> = right.actions.iter().map(|name| name.to_ascii_lowercase()).collect();
            assert_eq!(names.len(), right.actions.len(), "{:?}", right.actions);
        }
    }

    #[test]
    fn what_needs_no_action_changes_nothing() {
        for operation in Operation::ALL.iter().filter(|operation| operation.needs_no_action()) {
            assert!(!operation.is_audited() && !operation.reads_values(), "{operation:?}");
        }
    }

    /// Operations on secrets that a system policy allows.
    fn allowed(name: &str) -> BTreeSet<&'static str> {
        let policies = [system_policy(name).unwrap()];
        let allowed = |operation: &&Operation| {
            let resource = "csms:r:d:secretName:x";
            allows(&policies, operation.specification().actions, resource, &RequestContext::default())
        };
        Operation::ALL.iter().filter(allowed).map(|operation| operation.specification().name).collect()
    }

    #[test]
    fn the_system_policies_mean_what_they_meant_under_the_older_names() {
        let reading = BTreeSet::from([
            "BatchGetSecretValue",
            "DownloadSecretBlob",
            "ListGrants",
            "ListNotificationRecords",
            "ListProjectSecretsTags",
            "ListResourceInstances",
            "ListSecretEvents",
            "ListSecretTags",
            "ListSecretTask",
            "ListSecretVersions",
            "ListSecrets",
            "ListSupportRegions",
            "ListUsers",
            "ShowAgency",
            "ShowSecret",
            "ShowSecretEvent",
            "ShowSecretFunctionTemplates",
            "ShowSecretStage",
            "ShowSecretVersion",
            "ShowSecretsConfig",
            "ShowUserDetail",
        ]);
        let read_only = allowed("CSMS ReadOnlyAccess");
        assert_eq!(read_only, reading, "an operation that only reads belongs in the list of this test, and no other");
        assert_eq!(allowed("CSMS FullAccess").len(), Operation::ALL.len());
        for (name, _) in SYSTEM_POLICIES.iter().filter(|(name, _)| name.starts_with("KMS")) {
            assert!(allowed(name).is_empty(), "{name}");
        }
        let using = [system_policy("KMS DataKeyAccess").unwrap()];
        let keys = KmsOperation::ALL.iter().filter(|operation| {
            allows(&using, operation.specification().actions, "kms:r:d:KeyId:x", &RequestContext::default())
        });
        assert_eq!(
            keys.copied().collect::<std::vec::Vec<_>>(),
            [KmsOperation::CreateDatakey, KmsOperation::DecryptDatakey]
        );
    }
}
