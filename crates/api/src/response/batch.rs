//! Responses about several secrets: BatchGetSecretValue, BatchImportSecrets, BatchDeleteSecrets.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::VersionInfo;

/// Response of BatchGetSecretValue. Holds values; `Debug` of a version shows only its metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchGetResponse {
    /// Number of values.
    pub total_count: u64,
    /// The SYSCURRENT version of each secret, in the order in which they were asked for.
    pub versions: Vec<VersionInfo>,
}

/// A secret for which something was not done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailedSecret {
    /// Name of the secret.
    pub name: String,
    /// Why it was not done.
    pub error_msg: String,
}

/// Response of BatchImportSecrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportResponse {
    /// Number of entries.
    pub total: u64,
    /// Number of secrets that were created.
    pub success: u64,
    /// Number of entries that failed.
    pub failed: u64,
    /// Why not, in the order of the entries.
    pub error_list: Vec<FailedSecret>,
}

/// Response of BatchDeleteSecrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchDeleteResponse {
    /// Number of secrets that belong to the instance.
    pub total: u64,
    /// Names of those that were deleted.
    pub success_secrets: Vec<String>,
    /// Those that failed, and why.
    pub failed_secrets: Vec<FailedSecret>,
}
