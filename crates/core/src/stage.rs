//! Stage names and where a stage points.
//!
//! [`crate::secret`] decides how stages move; this file knows only a single stage.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    name::{check_name, checked_text},
    problem::Violation,
    time::UnixMillis,
    version::VersionId,
};

/// Greatest number of stages of one secret, the built-in ones included (CreateSecretVersion).
pub const MAX_STAGES: usize = 12;

checked_text!(
    /// Name of a stage: `^[a-zA-Z0-9_-]{1,64}$` (UpdateSecretStage).
    StageName,
    check_name
);

/// The stage that marks the version in use.
pub const CURRENT: &str = "SYSCURRENT";
/// The stage that marks the version that was in use before.
pub const PREVIOUS: &str = "SYSPREVIOUS";
/// The stage that marks the version a rotation is working towards.
pub const PENDING: &str = "SYSPENDING";

impl StageName {
    /// `SYSCURRENT`: the version in use.
    #[must_use]
    pub fn current() -> Self {
        Self::built_in(CURRENT)
    }

    /// `SYSPREVIOUS`: the version that was in use before.
    #[must_use]
    pub fn previous() -> Self {
        Self::built_in(PREVIOUS)
    }

    /// `SYSPENDING`: the version that a rotation is working towards.
    #[must_use]
    pub fn pending() -> Self {
        Self::built_in(PENDING)
    }

    /// Whether the service owns this stage, so that it cannot be deleted (CSMS.0105).
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.as_str() == CURRENT || self.as_str() == PREVIOUS
    }
}

/// A stage of one secret: the version it marks and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The stage's name.
    pub name: StageName,
    /// The one version that it marks.
    pub version: VersionId,
    /// When it was put there.
    pub update_time: UnixMillis,
}
