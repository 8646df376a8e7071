//! Why an operation on a well-formed request is refused: the state of things does not allow it.
//!
//! Status and code of each refusal are in the API crate's catalogue.

use thiserror::Error;

use crate::{secret::SecretState, stage::MAX_STAGES, version::MAX_VERSIONS};

/// A refusal. The texts are public and hold no input.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No secret has this name in the project.
    #[error("the secret does not exist")]
    SecretNotFound,
    /// The secret has no such version.
    #[error("the secret version does not exist")]
    VersionNotFound,
    /// No version of the secret is marked with this stage.
    #[error("the stage does not exist")]
    StageNotFound,
    /// There is no such rotation task.
    #[error("the rotation task does not exist")]
    TaskNotFound,
    /// A secret of this name exists in the project.
    #[error("a secret of this name already exists in the project")]
    SecretExists,
    /// The secret is scheduled for deletion.
    #[error("the secret is scheduled for deletion and cannot be used; restore it first")]
    PendingDeletion,
    /// A second deletion was asked for.
    #[error("the secret is already scheduled for deletion")]
    AlreadyScheduled,
    /// A restore was asked for, and there is nothing to restore from.
    #[error("the secret is not scheduled for deletion")]
    NotScheduled,
    /// The secret is disabled or frozen.
    #[error("the secret is {} and must be ENABLED", .0.as_str())]
    NotEnabled(SecretState),
    /// `SYSCURRENT` and `SYSPREVIOUS` belong to the service.
    #[error("the built-in stages SYSCURRENT and SYSPREVIOUS cannot be deleted")]
    BuiltInStage,
    /// The project has as many secrets as it may.
    #[error("the project already has {0} secrets, its quota")]
    SecretQuota(u64),
    /// A new stage would be the thirteenth.
    #[error("the secret already has {MAX_STAGES} stages, the most it may have")]
    StageQuota,
    /// Every version is marked with a stage, so none can make room.
    #[error("the secret already has {MAX_VERSIONS} versions and every one is in use")]
    VersionQuota,
    /// COMMON secrets are changed by their owner.
    #[error("secrets of type COMMON are not rotated by the service; create a new version instead")]
    CommonSecret,
    /// Something that rotation needs is missing.
    #[error("rotation is not possible: {0}")]
    RotationNotConfigured(&'static str),
    /// One rotation at a time.
    #[error("a rotation of this secret is already running")]
    RotationRunning,
}
