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
pub const GLOBAL_CONDITIONS: [ConditionKind; 6] = [
    ConditionKind::CurrentTime,
    ConditionKind::UserName,
    ConditionKind::UserId,
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

/// One right of an operation: the names of its action, and what its conditions may ask about.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// The action and its older names.
    pub actions: &'static [&'static str],
    /// Condition keys besides [`GLOBAL_CONDITIONS`].
    conditions: &'static [ConditionKind],
}

impl Right {
    /// Whether a condition of this kind can be judged for the action.
    #[must_use]
    pub fn judges(&self, kind: ConditionKind) -> bool {
        GLOBAL_CONDITIONS.contains(&kind) || self.conditions.contains(&kind)
    }
}

/// The rights of all operations of all services. Operations may share one action.
pub fn rights() -> impl Iterator<Item = Right> {
    fn each<T: Copy + 'static>(all: &'static [T], right: fn(T) -> Right) -> impl Iterator<Item = Right> {
        let all: slice::Iter<'static, T> = all.iter();
        all.copied().map(right)
    }
    let secrets = each(Operation::ALL, |operation| Right {
        actions: operation.specification().actions,
        conditions: operation.conditions(),
    });
    let keys = each(KmsOperation::ALL, |operation| Right {
        actions: operation.specification().actions,
        conditions: operation.conditions(),
    });
    let global = |actions| Right { actions, conditions: &[] };
    let users = IamOperation::ALL.iter().map(move |operation| global(operation.specification().actions));
    let traces = CtsOperation::ALL.iter().map(move |operation| global(operation.specification().actions));
    let functions = FunctionOperation::ALL.iter().map(move |operation| global(operation.specification().actions));
    secrets.chain(keys).chain(users).chain(traces).chain(functions).chain([global(ASSUME_AGENCY)])
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
