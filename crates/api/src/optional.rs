//! What it means when an optional member of a request's body is absent, `null` or empty: one table for all operations.
//!
//! Clients send `null`, an empty text or a zero for members that they do not mean to set. The readers take those away before
//! they read, as this table says, so that no reader decides it by itself. What a member may hold is not said here.

use alloc::{string::String, vec::Vec};

use serde_json::{Map, Value};

use crate::Operation;

/// What the operation does without the member. `null` means the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The member counts as this text, number or truth value.
    Default(&'static str),
    /// What is stored stays as it is.
    Kept,
    /// The operation does without: no rule, no filter, no end.
    Nothing,
}

/// What the empty text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Not given: the empty text could not be a value of the member.
    NotGiven,
    /// Not given, and so is the number 0.
    NotGivenNorZero,
    /// Not given, and so is each empty text in the list.
    NotGivenNorItems,
    /// Not given beside this other member. Alone it is a value.
    NotGivenBeside(&'static str),
    /// A value like others; a reader may refuse it.
    Value,
    /// The value that removes what is stored.
    Clears,
}

/// A row of the table: an optional member of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Optional {
    /// The member's name.
    pub name: &'static str,
    /// Without it, or with `null`.
    pub absent: Absent,
    /// With the empty text.
    pub empty: Empty,
}

/// The rows of an object, and those of the objects inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    /// Its own optional members.
    pub own: &'static [Optional],
    /// Members, required or optional, that are an object or a list of objects with optional members of their own.
    pub nested: &'static [(&'static str, &'static Self)],
}

const fn optional(name: &'static str, absent: Absent, empty: Empty) -> Optional {
    Optional { name, absent, empty }
}

/// A member that the operation does without, and whose empty text is not a value.
const fn left_out(name: &'static str) -> Optional {
    optional(name, Absent::Nothing, Empty::NotGiven)
}

/// A member with a default, and whose empty text is not a value.
const fn default(name: &'static str, value: &'static str) -> Optional {
    optional(name, Absent::Default(value), Empty::NotGiven)
}

/// A free text that is empty by default.
const fn free_text(name: &'static str) -> Optional {
    optional(name, Absent::Default(""), Empty::Value)
}

/// A member of an update that is left as it is, and whose empty text is not a value.
const fn kept(name: &'static str) -> Optional {
    optional(name, Absent::Kept, Empty::NotGiven)
}

const fn members(own: &'static [Optional]) -> Members {
    Members { own, nested: &[] }
}

/// An object without optional members.
pub const NONE: Members = members(&[]);

/// The value of a version, of which one member is given.
const SECRET_BINARY: Optional = optional("secret_binary", Absent::Nothing, Empty::NotGivenBeside("secret_string"));
const SECRET_STRING: Optional = optional("secret_string", Absent::Nothing, Empty::NotGivenBeside("secret_binary"));

/// CreateSecret, and an entry of BatchImportSecrets.
pub const CREATE_SECRET: Members = members(&[
    SECRET_BINARY,
    SECRET_STRING,
    default("kms_key_id", "the project's default key"),
    free_text("description"),
    default("secret_type", "COMMON"),
    default("auto_rotation", "false"),
    left_out("rotation_period"),
    left_out("rotation_config"),
    left_out("rotation_func_urn"),
    optional("event_subscriptions", Absent::Nothing, Empty::NotGivenNorItems),
    default("enterprise_project_id", "0"),
]);

/// UpdateSecret.
pub const UPDATE_SECRET: Members = members(&[
    kept("kms_key_id"),
    optional("description", Absent::Kept, Empty::Clears),
    kept("auto_rotation"),
    kept("rotation_period"),
    kept("rotation_func_urn"),
    optional("event_subscriptions", Absent::Kept, Empty::NotGivenNorItems),
]);

/// CreateSecretVersion.
pub const CREATE_VERSION: Members = members(&[SECRET_BINARY, SECRET_STRING, STAGES, EXPIRE_TIME]);

/// What a preview reads of CreateSecretVersion: all but the value.
pub const PREVIEW_VERSION: Members = members(&[STAGES, EXPIRE_TIME]);

const STAGES: Optional = default("version_stages", "SYSCURRENT");
const EXPIRE_TIME: Optional = optional("expire_time", Absent::Nothing, Empty::NotGivenNorZero);

/// BatchGetSecretValue.
pub const BATCH_GET: Members = members(&[left_out("secret_name_list")]);

/// BatchImportSecrets.
pub const BATCH_IMPORT: Members = Members { own: &[], nested: &[("secrets", &CREATE_SECRET)] };

/// BatchDeleteSecrets.
pub const BATCH_DELETE: Members = members(&[left_out("instance_type")]);

/// A tag.
pub const TAG: Members = members(&[free_text("value")]);

/// CreateSecretTag.
pub const CREATE_TAG: Members = Members { own: &[], nested: &[("tag", &TAG)] };

/// BatchCreateOrDeleteTags.
pub const CHANGE_TAGS: Members = Members { own: &[SEQUENCE], nested: &[("tags", &TAG)] };

/// A number that callers may give a request; nothing depends on it.
const SEQUENCE: Optional = left_out("sequence");

/// ListResourceInstances.
pub const FIND_RESOURCES: Members = Members {
    own: &[SEQUENCE, default("limit", "10"), default("offset", "0"), left_out("tags"), left_out("matches")],
    nested: &[("tags", &TAG_FILTER), ("matches", &TAG)],
};

/// A filter by tag of ListResourceInstances.
pub const TAG_FILTER: Members = members(&[left_out("values")]);

/// UpdateSecretEvent.
pub const UPDATE_EVENT: Members = members(&[kept("event_types"), kept("state"), kept("notification")]);

/// GenerateRandomPassword.
pub const PASSWORD: Members = members(&[
    default("length", "32"),
    free_text("exclude_characters"),
    default("exclude_lowercase", "false"),
    default("exclude_uppercase", "false"),
    default("exclude_numbers", "false"),
    default("exclude_punctuation", "false"),
    default("include_space", "false"),
    default("require_each_included_type", "false"),
    left_out("password_policy_name"),
]);

/// The `data` of CheckSecrets.
pub const CHECK_DATA: Members = members(&[free_text("user_name")]);

/// CheckSecrets.
pub const CHECK_SECRETS: Members = Members { own: &[], nested: &[("data", &CHECK_DATA)] };

/// UpdateSecretsConfig.
pub const CHECKER_CONFIG: Members = members(&[kept("checking_secret_strength")]);

/// CreateGrants and UpdateGrant.
pub const GRANT: Members = members(&[left_out("validity_time")]);

/// CreateSecretReplica.
pub const CREATE_REPLICA: Members = members(&[default("kms_key_id", "the default key of the region's project")]);

/// What a preview reads of a secret and its versions.
pub const OBSERVED_SECRET: Members = Members {
    own: &[
        default("state", "ENABLED"),
        default("secret_type", "COMMON"),
        left_out("rotation_config"),
        left_out("rotation_func_urn"),
        left_out("kms_key_id"),
    ],
    nested: &[("versions", &OBSERVED_VERSION)],
};

/// What a preview reads of a version.
pub const OBSERVED_VERSION: Members =
    members(&[left_out("create_time"), EXPIRE_TIME, left_out("kms_key_id"), left_out("version_stages")]);

/// The check of rights.
pub const CHECK_PERMISSIONS: Members = Members {
    own: &[
        left_out("actions"),
        left_out("requests"),
        left_out("secret_name"),
        left_out("key_id"),
        left_out("policy_document"),
    ],
    nested: &[("requests", &CHECK_REQUEST)],
};

/// A request in a check of rights. Its body is read as the body of its own operation.
pub const CHECK_REQUEST: Members = members(&[optional("body", Absent::Nothing, Empty::Value)]);

/// MigrateResource of the Enterprise Project Management Service.
pub const MIGRATE_RESOURCE: Members = members(&[left_out("region_id"), default("associated", "false")]);

/// ShowResourceBindEnterpriseProject of the Enterprise Project Management Service.
pub const FIND_BOUND_RESOURCES: Members = Members {
    own: &[default("limit", "1000"), default("offset", "0"), left_out("matches")],
    nested: &[("matches", &TAG)],
};

/// The rows of an operation's body.
#[must_use]
pub const fn of_operation(operation: Operation) -> &'static Members {
    match operation {
        Operation::CreateSecret => &CREATE_SECRET,
        Operation::UpdateSecret => &UPDATE_SECRET,
        Operation::CreateSecretVersion => &CREATE_VERSION,
        Operation::BatchGetSecretValue => &BATCH_GET,
        Operation::BatchImportSecrets => &BATCH_IMPORT,
        Operation::BatchDeleteSecrets => &BATCH_DELETE,
        Operation::CreateSecretTag => &CREATE_TAG,
        Operation::BatchCreateOrDeleteTags => &CHANGE_TAGS,
        Operation::ListResourceInstances => &FIND_RESOURCES,
        Operation::UpdateSecretEvent => &UPDATE_EVENT,
        Operation::GenerateRandomPassword => &PASSWORD,
        Operation::CheckSecrets => &CHECK_SECRETS,
        Operation::UpdateSecretsConfig => &CHECKER_CONFIG,
        Operation::CreateGrants | Operation::UpdateGrant => &GRANT,
        Operation::CreateSecretReplica => &CREATE_REPLICA,
        _ => &NONE,
    }
}

/// The rows of operations on keys.
#[cfg(feature = "kms")]
pub mod kms {
    use super::{Members, SEQUENCE, default, free_text, left_out, members};
    use crate::kms::KmsOperation;

    /// CreateKey.
    pub const CREATE_KEY: Members = members(&[
        free_text("key_description"),
        default("enterprise_project_id", "0"),
        default("key_spec", "AES_256"),
        default("key_usage", "ENCRYPT_DECRYPT"),
        default("origin", "kms"),
        SEQUENCE,
    ]);

    /// An operation on a key that takes nothing besides the key.
    pub const KEY: Members = members(&[SEQUENCE]);

    /// CreateGrant.
    pub const CREATE_GRANT: Members = members(&[
        default("grantee_principal_type", "user"),
        left_out("name"),
        left_out("retiring_principal"),
        SEQUENCE,
    ]);

    /// The lists of grants.
    pub const LIST_GRANTS: Members = members(&[left_out("limit"), default("marker", "0"), SEQUENCE]);

    /// ListKeys.
    pub const LIST_KEYS: Members = members(&[
        left_out("limit"),
        default("marker", "0"),
        left_out("key_state"),
        default("key_spec", "ALL"),
        left_out("enterprise_project_id"),
        SEQUENCE,
    ]);

    /// Pairs, or one text, that must be given again to open what is sealed.
    const ENCRYPTION_CONTEXT: super::Optional = left_out("encryption_context");

    /// CreateDatakey and CreateDatakeyWithoutPlaintext.
    pub const CREATE_DATAKEY: Members = members(&[
        default("key_spec", "AES_256"),
        left_out("datakey_length"),
        free_text("additional_authenticated_data"),
        ENCRYPTION_CONTEXT,
        SEQUENCE,
    ]);

    /// EncryptDatakey and DecryptDatakey.
    pub const SEAL_DATAKEY: Members =
        members(&[free_text("additional_authenticated_data"), ENCRYPTION_CONTEXT, SEQUENCE]);

    /// EncryptData.
    pub const ENCRYPT_DATA: Members = members(&[
        default("encryption_algorithm", "SYMMETRIC_DEFAULT"),
        free_text("additional_authenticated_data"),
        ENCRYPTION_CONTEXT,
        SEQUENCE,
    ]);

    /// DecryptData.
    pub const DECRYPT_DATA: Members = members(&[
        left_out("key_id"),
        default("encryption_algorithm", "SYMMETRIC_DEFAULT"),
        free_text("additional_authenticated_data"),
        ENCRYPTION_CONTEXT,
        SEQUENCE,
    ]);

    /// The rows of an operation's body.
    #[must_use]
    pub const fn of_operation(operation: KmsOperation) -> &'static Members {
        match operation {
            KmsOperation::CreateKey => &CREATE_KEY,
            KmsOperation::ListKeyDetail
            | KmsOperation::DeleteKey
            | KmsOperation::EnableKey
            | KmsOperation::DisableKey
            | KmsOperation::CancelKeyDeletion
            | KmsOperation::CreateRandom => &KEY,
            KmsOperation::ShowKeyRotationStatus
            | KmsOperation::EnableKeyRotation
            | KmsOperation::DisableKeyRotation
            | KmsOperation::UpdateKeyRotationInterval
            | KmsOperation::CancelGrant
            | KmsOperation::CancelSelfGrant => &KEY,
            KmsOperation::BatchCreateKmsTags => &super::CHANGE_TAGS,
            KmsOperation::CreateKmsTag => &super::CREATE_TAG,
            KmsOperation::ListKmsByTags => &super::FIND_RESOURCES,
            KmsOperation::CreateGrant => &CREATE_GRANT,
            KmsOperation::ListKeyGrants | KmsOperation::ListRetirableGrants => &LIST_GRANTS,
            KmsOperation::ListKeys => &LIST_KEYS,
            KmsOperation::CreateDatakey | KmsOperation::CreateDatakeyWithoutPlaintext => &CREATE_DATAKEY,
            KmsOperation::EncryptDatakey | KmsOperation::DecryptDatakey => &SEAL_DATAKEY,
            KmsOperation::EncryptData => &ENCRYPT_DATA,
            KmsOperation::DecryptData => &DECRYPT_DATA,
            _ => &super::NONE,
        }
    }
}

/// The rows of operations on users and policies.
#[cfg(feature = "iam")]
pub mod iam {
    use super::{Absent, Empty, Members, default, free_text, kept, left_out, members, optional};
    use crate::iam::IamOperation;

    /// CreateUserV5.
    pub const CREATE_USER: Members = members(&[free_text("description")]);

    /// UpdateUserV5.
    pub const UPDATE_USER: Members =
        members(&[kept("new_user_name"), optional("new_description", Absent::Kept, Empty::Clears), kept("enabled")]);

    /// UpdateLoginProfileV5. An empty password is refused: nobody should believe that one was set.
    pub const UPDATE_LOGIN: Members =
        members(&[optional("password", Absent::Kept, Empty::Value), default("password_reset_required", "false")]);

    /// CreatePolicyV5.
    pub const CREATE_POLICY: Members = members(&[free_text("description"), left_out("path")]);

    /// CreatePolicyVersionV5.
    pub const CREATE_POLICY_VERSION: Members = members(&[default("set_as_default", "false")]);

    /// The rows of an operation's body.
    #[must_use]
    pub const fn of_operation(operation: IamOperation) -> &'static Members {
        match operation {
            IamOperation::CreateUserV5 => &CREATE_USER,
            IamOperation::UpdateUserV5 => &UPDATE_USER,
            IamOperation::UpdateLoginProfileV5 => &UPDATE_LOGIN,
            IamOperation::CreatePolicyV5 => &CREATE_POLICY,
            IamOperation::CreatePolicyVersionV5 => &CREATE_POLICY_VERSION,
            _ => &super::NONE,
        }
    }
}

impl Optional {
    /// Whether this value of the member means that it is not given.
    fn is_not_given(&self, value: &Value, object: &Map<String, Value>) -> bool {
        if value.is_null() {
            return true;
        }
        let is_empty = value.as_str() == Some("");
        match self.empty {
            Empty::NotGiven | Empty::NotGivenNorItems => is_empty,
            Empty::NotGivenNorZero => is_empty || crate::fields::whole_number(value) == Some(0),
            Empty::NotGivenBeside(other) => is_empty && object.get(other).is_some_and(|other| !other.is_null()),
            Empty::Value | Empty::Clears => false,
        }
    }
}

impl Members {
    /// Takes what is not given out of an object. The objects inside it are left to their own readers.
    pub fn strip(&self, object: &mut Map<String, Value>) {
        for row in self.own {
            let Some(value) = object.get(row.name) else { continue };
            if row.is_not_given(value, object) {
                object.remove(row.name);
            } else if row.empty == Empty::NotGivenNorItems
                && let Some(Value::Array(items)) = object.get_mut(row.name)
            {
                items.retain(|item| item.as_str() != Some(""));
            }
        }
    }

    /// The same with the objects inside it.
    pub fn strip_deeply(&self, object: &mut Map<String, Value>) {
        self.strip(object);
        for (name, members) in self.nested {
            match object.get_mut(*name) {
                Some(Value::Object(inner)) => members.strip_deeply(inner),
                Some(Value::Array(items)) => {
                    items.iter_mut().filter_map(Value::as_object_mut).for_each(|inner| members.strip_deeply(inner));
                }
                _ => {}
            }
        }
    }

    /// Every row with its place, such as `tags[].value`; `[]` follows the names in `lists`.
    #[must_use]
    pub fn rows(&self, lists: &[&str]) -> Vec<(String, Optional)> {
        let mut rows: Vec<_> = self.own.iter().map(|row| (String::from(row.name), *row)).collect();
        for (name, members) in self.nested {
            let item = if lists.contains(name) { "[]" } else { "" };
            let inner = members.rows(lists).into_iter();
            rows.extend(inner.map(|(path, row)| (alloc::format!("{name}{item}.{path}"), row)));
        }
        rows
    }
}
