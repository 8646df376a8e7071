//! Rotation tasks: one attempt series to give a secret a new value.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{
    identity::{ProjectId, SecretId, TaskId},
    name::SecretName,
    rotation_config::RotationMode,
    time::UnixMillis,
    urn::FunctionUrn,
    version::VersionId,
};

/// How often one task invokes its function before it fails (rotation fact sheet, section 4).
pub const MAX_ATTEMPTS: u32 = 3;

/// How many failed tasks in a row switch automatic rotation off (rotation fact sheet, section 3).
pub const MAX_FAILED_TASKS: u32 = 3;

/// Milliseconds to wait before attempt number `attempt` (2 is the first repetition): 1 s, then 4 s.
#[must_use]
pub fn backoff_millis(attempt: u32) -> u64 {
    match attempt {
        0 | 1 => 0,
        2 => 1_000,
        _ => 4_000,
    }
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskStatus {
    /// Not finished; the server attempts it, also after a restart.
    Running,
    /// The secret's SYSCURRENT is the new version.
    Succeeded,
    /// Given up, and why.
    Failed {
        /// A code such as `CSMS.0511`.
        code: String,
        /// What happened, in words, without any secret value.
        message: String,
    },
}

impl TaskStatus {
    /// The word of `task_status`. The service documents SUCCESS and FAILED; RUNNING is our choice for the rest.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCESS",
            Self::Failed { .. } => "FAILED",
        }
    }
}

/// A rotation task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Identifier.
    pub id: TaskId,
    /// Project of the secret.
    pub project: ProjectId,
    /// The secret, which may be gone by now.
    pub secret_id: SecretId,
    /// Its name when the task began.
    pub secret_name: SecretName,
    /// The function that the task invokes.
    pub function: FunctionUrn,
    /// One account or two.
    pub mode: RotationMode,
    /// The pending version that the task works towards.
    pub version: VersionId,
    /// When the task began.
    pub create_time: UnixMillis,
    /// Attempts begun so far. At most [`MAX_ATTEMPTS`], and one more for each time the server stopped in an attempt.
    pub attempts: u32,
    /// Whether the schedule began it, rather than somebody by RotateSecret.
    #[serde(default)]
    pub scheduled: bool,
    /// Where it stands.
    pub status: TaskStatus,
}
