//! A secret put together from what the API shows of it, so that a console can preview on it what the server will do.
//!
//! It assumes that there is nothing that the API does not show (failed rotations, a running task).

use alloc::vec::Vec;

use super::{NewSecret, Secret, SecretState};
use crate::{
    identity::{KeyId, ProjectId, SecretId},
    problem::{Problem, Rule, Violation},
    stage::{MAX_STAGES, Stage, StageName},
    time::UnixMillis,
    version::{MAX_VERSIONS, Version, VersionId},
};

/// A version as ListSecretVersions shows it.
#[derive(Clone, Debug)]
pub struct ObservedVersion {
    /// Its metadata.
    pub version: Version,
    /// The stages that mark it.
    pub stages: Vec<StageName>,
}

impl Secret {
    /// Puts a secret together. The versions may come in any order; the next number follows the greatest, since the
    /// service removes the oldest versions first.
    ///
    /// # Errors
    /// Problems at `versions` when they are none, more than 20, or two of one number, when a stage marks two of them,
    /// when there are more than 12 stages, or when `SYSCURRENT` marks none.
    pub fn observe(
        id: SecretId,
        project: ProjectId,
        new: NewSecret,
        state: SecretState,
        kms_key_id: KeyId,
        unordered: Vec<ObservedVersion>,
    ) -> Result<Self, Vec<Problem>> {
        // By insertion: there are few, mostly in order, and the npm package carries no other sorting.
        let mut observed: Vec<ObservedVersion> = Vec::with_capacity(unordered.len());
        for version in unordered {
            let at = observed.partition_point(|known| known.version.id <= version.version.id);
            observed.insert(at, version);
        }
        let mut problems = Vec::new();
        let mut report = |violation: Violation| problems.push(violation.at("versions"));
        let last_version = observed.last().map_or(VersionId::FIRST, |last| last.version.id);
        if observed.is_empty() {
            report(Violation::new(Rule::Required, ""));
        }
        if observed.len() > MAX_VERSIONS {
            report(Violation::new(Rule::TooMany, "20 items").with_limit(MAX_VERSIONS as u64, observed.len() as u64));
        }
        let mut versions: Vec<Version> = Vec::with_capacity(observed.len());
        let mut stages: Vec<Stage> = Vec::new();
        for ObservedVersion { version, stages: names } in observed {
            if versions.last().is_some_and(|last| last.id == version.id) {
                report(Violation::new(Rule::Duplicate, ""));
            }
            for name in names {
                if stages.iter().any(|stage| stage.name == name) {
                    report(Violation::new(Rule::Duplicate, ""));
                }
                stages.push(Stage { name, version: version.id, update_time: version.create_time });
            }
            versions.push(version);
        }
        if stages.len() > MAX_STAGES {
            report(Violation::new(Rule::TooMany, "12 items").with_limit(MAX_STAGES as u64, stages.len() as u64));
        }
        if !versions.is_empty() && !stages.iter().any(|stage| stage.name == StageName::current()) {
            report(Violation::new(Rule::Unknown, "SYSCURRENT"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut secret = Self::create(id, project, new, kms_key_id, UnixMillis::new(0));
        secret.state = state;
        secret.last_version = last_version;
        secret.versions = versions;
        secret.stages = stages;
        Ok(secret)
    }
}
