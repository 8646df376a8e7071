//! Response bodies, written by the server and read by the client.
//!
//! Fields without a value are left out: clients treat absent and `null` alike, and the definitions do not allow `null`.

pub mod batch;
pub mod checker;
pub mod event;
pub mod grant;
pub mod replica;
pub mod rotation;
pub mod tag;
pub mod user;

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use csms_core::{
    Secret, SecretValue, VersionId,
    rotation::{Message, message::message_or_none},
    stage::Stage,
    task::{Task, TaskStatus, TaskStep},
    version::Version,
};
use serde::{Deserialize, Serialize};

use replica::ReplicaInfo;

/// Metadata of a secret, the `Secret` of the definitions. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[derive(Default)]
pub struct SecretInfo {
    /// Its identifier, which no other secret ever gets.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `ENABLED`, `PENDING_DELETE` or `FROZEN`.
    pub state: String,
    /// Identifier of the KMS key that protects its values.
    pub kms_key_id: String,
    /// Its description.
    pub description: String,
    /// When it was created.
    pub create_time: u64,
    /// When anything of it last changed.
    pub update_time: u64,
    /// When it will be deleted; absent while its deletion is not scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_delete_time: Option<u64>,
    /// `COMMON`, or the kind of account whose password a rotation changes.
    pub secret_type: String,
    /// Whether it rotates by itself.
    pub auto_rotation: bool,
    /// Time between two rotations, a number and a unit (`30d`); absent while none is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_period: Option<String>,
    /// Settings of the rotation, JSON in text; absent while there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_config: Option<String>,
    /// When it last rotated; absent while it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_time: Option<u64>,
    /// When it will rotate next; absent while it does not by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_rotation_time: Option<u64>,
    /// Names of the events that are notified of it; at most one.
    pub event_subscriptions: Vec<String>,
    /// The enterprise project that it belongs to.
    pub enterprise_project_id: String,
    /// The function that rotates it; absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_func_urn: Option<String>,
    /// When a value was last read, to within a minute; absent while none has been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_time: Option<u64>,
    /// The account that owns it.
    pub domain_id: String,
    /// `STANDALONE`, `PRIMARY` or `REPLICA`.
    pub replica_type: String,
    /// The replicas of a primary; of a replica, its primary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaInfo>,
}

impl SecretInfo {
    /// A secret of this account.
    #[must_use]
    pub fn of(secret: &Secret, domain_id: &str) -> Self {
        let millis = |time: Option<csms_core::UnixMillis>| time.map(csms_core::UnixMillis::as_millis);
        Self {
            id: secret.id.to_string(),
            name: secret.name.to_string(),
            state: secret.state.as_str().to_owned(),
            kms_key_id: secret.kms_key_id.to_string(),
            description: secret.description.clone(),
            create_time: secret.create_time.as_millis(),
            update_time: secret.update_time.as_millis(),
            scheduled_delete_time: millis(secret.scheduled_delete_time),
            secret_type: secret.secret_type.as_str().to_owned(),
            auto_rotation: secret.auto_rotation,
            rotation_period: secret.rotation_period.as_ref().map(ToString::to_string),
            rotation_config: secret.rotation_config.as_ref().map(ToString::to_string),
            rotation_time: millis(secret.rotation_time),
            next_rotation_time: millis(secret.next_rotation_time),
            event_subscriptions: secret.event_subscriptions.iter().map(ToString::to_string).collect(),
            enterprise_project_id: secret.enterprise_project_id.clone(),
            rotation_func_urn: secret.rotation_func_urn.as_ref().map(ToString::to_string),
            last_used_time: millis(secret.last_used_time),
            domain_id: domain_id.to_owned(),
            replica_type: secret.replica_type().as_str().to_owned(),
            replicas: ReplicaInfo::all(secret),
        }
    }
}

/// Response of CreateSecret, ShowSecret, UpdateSecret, DeleteSecretForSchedule, RestoreSecret, UploadSecretBlob and
/// CreateSecretReplica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretResponse {
    /// The secret's metadata.
    pub secret: SecretInfo,
}

/// Response of DownloadSecretBlob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BlobResponse {
    /// The secret with all its versions, sealed: only the installation that made it can open it.
    pub secret_blob: String,
}

/// Where a page stands in its list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PageInfo {
    /// Give this as `marker` to read on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
    /// First item of this page; absent when it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_marker: Option<String>,
    /// Number of items on this page.
    pub current_count: usize,
}

impl PageInfo {
    /// The page made of items with these markers; `more` tells whether others follow.
    #[must_use]
    pub fn of<'a>(markers: impl IntoIterator<Item = &'a str>, more: bool) -> Self {
        let mut page = Self::default();
        for marker in markers {
            page.previous_marker.get_or_insert_with(|| marker.to_owned());
            page.next_marker = Some(marker.to_owned());
            page.current_count += 1;
        }
        if !more {
            page.next_marker = None;
        }
        page
    }
}

/// Response of ListSecrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListSecretsResponse {
    /// The page, by name.
    pub secrets: Vec<SecretInfo>,
    /// Its place.
    pub page_info: PageInfo,
}

/// Metadata of a version. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct VersionMetadata {
    /// Its identifier within the secret.
    pub id: String,
    /// When it was created; later than that of every older version.
    pub create_time: u64,
    /// When it expires; absent while it does not. An expired version can still be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<u64>,
    /// Identifier of the KMS key that protects its value.
    pub kms_key_id: String,
    /// Name of the secret.
    pub secret_name: String,
    /// Names of the stages that stand for it.
    pub version_stages: Vec<String>,
}

impl VersionMetadata {
    /// Metadata of one version of `secret`.
    #[must_use]
    pub fn of(secret: &Secret, version: &Version) -> Self {
        Self {
            id: version.id.to_string(),
            create_time: version.create_time.as_millis(),
            expire_time: version.expire_time.map(csms_core::UnixMillis::as_millis),
            kms_key_id: version.kms_key_id.to_string(),
            secret_name: secret.name.to_string(),
            version_stages: secret.stages_of(version.id).map(ToString::to_string).collect(),
        }
    }
}

/// Response of CreateSecretVersion and UpdateVersion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionMetadataResponse {
    /// The version's metadata.
    pub version_metadata: VersionMetadata,
}

/// Response of ListSecretVersions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListVersionsResponse {
    /// The page, by version number.
    pub version_metadatas: Vec<VersionMetadata>,
    /// Its place.
    pub page_info: PageInfo,
}

/// Response of ShowSecretVersion. Holds the value, so `Debug` shows only the metadata.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShowVersionResponse {
    /// The version with its value.
    pub version: VersionInfo,
}

/// A version with its value: exactly one of the two value fields is present.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionInfo {
    /// Metadata.
    pub version_metadata: VersionMetadata,
    /// A text value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_string: Option<String>,
    /// A binary value in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_binary: Option<String>,
}

impl VersionInfo {
    /// A version of `secret` with its opened value.
    #[must_use]
    pub fn of(secret: &Secret, version: &Version, value: &SecretValue) -> Self {
        Self {
            version_metadata: VersionMetadata::of(secret, version),
            secret_string: value.as_text().map(str::to_owned),
            secret_binary: value.to_base64(),
        }
    }
}

impl core::fmt::Debug for VersionInfo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VersionInfo").field("version_metadata", &self.version_metadata).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for ShowVersionResponse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.version.fmt(f)
    }
}

impl Drop for VersionInfo {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.secret_string.zeroize();
        self.secret_binary.zeroize();
    }
}

/// A stage. The time is milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageInfo {
    /// Its name.
    pub name: String,
    /// When it was last given to a version.
    pub update_time: u64,
    /// Name of the secret.
    pub secret_name: String,
    /// The version that it stands for.
    pub version_id: String,
}

/// Response of ShowSecretStage and UpdateSecretStage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageResponse {
    /// The stage.
    pub stage: StageInfo,
}

impl StageResponse {
    /// One stage of `secret`.
    #[must_use]
    pub fn of(secret: &Secret, stage: &Stage) -> Self {
        Self {
            stage: StageInfo {
                name: stage.name.to_string(),
                update_time: stage.update_time.as_millis(),
                secret_name: secret.name.to_string(),
                version_id: stage.version.to_string(),
            },
        }
    }
}

/// Response of RotateSecret: the task, and the version it works towards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotateResponse {
    /// Identifier for ListSecretTask.
    pub rotation_task_id: String,
    /// The secret.
    pub secret_name: String,
    /// The pending version.
    pub version_id: String,
}

impl RotateResponse {
    /// The answer for a started task.
    #[must_use]
    pub fn of(task: &Task) -> Self {
        Self {
            rotation_task_id: task.id.to_string(),
            secret_name: task.secret_name.to_string(),
            version_id: task.version.to_string(),
        }
    }

    /// The pending version's identifier, if it has the usual form.
    #[must_use]
    pub fn version(&self) -> Option<VersionId> {
        VersionId::parse(&self.version_id).ok()
    }
}

/// A rotation task. The time is milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TaskInfo {
    /// Its identifier.
    pub task_id: String,
    /// Name of the secret.
    pub secret_name: String,
    /// The function that carries it out.
    pub rotation_func_urn: String,
    /// `RUNNING`, `SUCCESS` or `FAILED`.
    pub task_status: String,
    /// `SINGLE_USER` or `MULTI_USER`.
    pub operate_type: String,
    /// When it was created.
    pub task_time: u64,
    /// How often it has been tried.
    pub attempt_nums: u32,
    /// The code of its failure; absent unless it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_error_code: Option<String>,
    /// Why it failed; absent unless it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_error_msg: Option<String>,
    /// Our own: why it failed, as a message; absent unless it failed, and where a function gave its reason in words alone.
    #[serde(deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Message>"))]
    pub task_error_detail: Option<Message>,
    /// Our own: what happened, oldest first; only where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<TaskStepInfo>,
}

/// A step of a task; our own extension of ListSecretTask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskStepInfo {
    /// When it was over, in Unix milliseconds.
    pub time: u64,
    /// The attempt it belongs to; 0 before the first.
    pub attempt: u32,
    /// What, in a word or two.
    pub step: String,
    /// How it ended.
    pub outcome: String,
    /// The same as a message; absent where a function gave its outcome in words alone.
    #[serde(default, deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Message>"))]
    pub outcome_detail: Option<Message>,
}

impl From<&TaskStep> for TaskStepInfo {
    fn from(step: &TaskStep) -> Self {
        let TaskStep { at, attempt, step, outcome, detail } = step;
        Self {
            time: at.as_millis(),
            attempt: *attempt,
            step: step.clone(),
            outcome: outcome.clone(),
            outcome_detail: detail.clone(),
        }
    }
}

impl TaskInfo {
    /// The task with its steps.
    #[must_use]
    pub fn with_steps(task: &Task) -> Self {
        Self { steps: task.steps.iter().map(TaskStepInfo::from).collect(), ..Self::from(task) }
    }
}

impl From<&Task> for TaskInfo {
    fn from(task: &Task) -> Self {
        let (task_error_code, task_error_msg, task_error_detail) = match &task.status {
            TaskStatus::Failed { code, message, detail } => (Some(code.clone()), Some(message.clone()), detail.clone()),
            TaskStatus::Running | TaskStatus::Succeeded => (None, None, None),
        };
        Self {
            task_id: task.id.to_string(),
            secret_name: task.secret_name.to_string(),
            rotation_func_urn: task.function.to_string(),
            task_status: task.status.as_str().to_owned(),
            operate_type: task.mode.operate_type().to_owned(),
            task_time: task.create_time.as_millis(),
            attempt_nums: task.attempts,
            task_error_code,
            task_error_msg,
            task_error_detail,
            steps: Vec::new(),
        }
    }
}

/// Response of ListSecretTask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListTasksResponse {
    /// The page, newest first.
    pub tasks: Vec<TaskInfo>,
    /// Number of tasks that match, on all pages.
    pub total: u64,
    /// Give this as `marker` to read on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_next_marker() {
        let page = PageInfo::of(["a", "b"], true);
        assert_eq!(
            (page.next_marker.as_deref(), page.previous_marker.as_deref(), page.current_count),
            (Some("b"), Some("a"), 2)
        );
        assert_eq!(PageInfo::of(["a"], false).next_marker, None);
        assert_eq!(PageInfo::of([], false), PageInfo::default());
    }
}
