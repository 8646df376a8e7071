//! A secret with its versions and stages, and every rule about what may happen to it.
//!
//! The methods are pure: they change the value they are given and answer what happened, so the server applies them
//! in a transaction and a console previews them on a copy. Values of versions are not here, and neither are
//! requests: the methods take parsed types.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    identity::{KeyId, ProjectId, SecretId, TaskId},
    name::{EventName, SecretName},
    period::RotationPeriod,
    refusal::Refusal,
    rotation_config::{RotationConfig, RotationMode},
    schedule::{Aftermath, RecoveryWindow, jitter_millis, next_rotation, retry_after_failure},
    stage::{MAX_STAGES, Stage, StageName},
    tag::Tag,
    task::MAX_FAILED_TASKS,
    time::UnixMillis,
    urn::FunctionUrn,
    version::{MAX_VERSIONS, Version, VersionId},
};

pub use grants::{Grant, MAX_GRANTS};

/// What kind of thing a secret protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SecretType {
    /// Any value; its owner changes it.
    #[serde(rename = "COMMON")]
    Common,
    /// Accounts of an RDS database, rotated through a function.
    #[serde(rename = "RDS-FG")]
    RdsFg,
    /// Accounts of a TaurusDB database, rotated through a function.
    #[serde(rename = "GaussDB-FG")]
    GaussDbFg,
}

impl SecretType {
    /// The word of `secret_type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Common => "COMMON",
            Self::RdsFg => "RDS-FG",
            Self::GaussDbFg => "GaussDB-FG",
        }
    }

    /// The type named by `text`, exactly.
    #[must_use]
    pub fn from_word(text: &str) -> Option<Self> {
        [Self::Common, Self::RdsFg, Self::GaussDbFg].into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether a function rotates it.
    #[must_use]
    pub const fn is_rotated(self) -> bool {
        !matches!(self, Self::Common)
    }
}

/// State of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SecretState {
    /// In use.
    Enabled,
    /// Switched off; no public operation does this.
    Disabled,
    /// Waiting for its deletion.
    PendingDelete,
    /// Frozen by the operator; no public operation does this.
    Frozen,
}

impl SecretState {
    /// The word of `state`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
            Self::PendingDelete => "PENDING_DELETE",
            Self::Frozen => "FROZEN",
        }
    }

    /// Whether `action` is allowed in this state (`compatibility/api.md#what-each-state-allows`).
    ///
    /// # Errors
    /// The refusal to answer with.
    pub const fn permits(self, action: Action) -> Result<(), Refusal> {
        use Action::{ChangeMetadata, Delete, ReadMetadata, Restore, ScheduleDeletion, UseValue};
        match (self, action) {
            (_, ReadMetadata | Delete)
            | (Self::Enabled, UseValue)
            | (Self::Enabled | Self::Disabled, ChangeMetadata | ScheduleDeletion)
            | (Self::PendingDelete, Restore) => Ok(()),
            (Self::Enabled | Self::Disabled | Self::Frozen, Restore) => Err(Refusal::NotScheduled),
            (Self::PendingDelete, ScheduleDeletion) => Err(Refusal::AlreadyScheduled),
            (Self::PendingDelete, UseValue | ChangeMetadata) => Err(Refusal::PendingDeletion),
            (Self::Disabled | Self::Frozen, UseValue) | (Self::Frozen, ChangeMetadata | ScheduleDeletion) => {
                Err(Refusal::NotEnabled(self))
            }
        }
    }
}

/// What one does with a secret, as far as its state decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// ShowSecret, ListSecrets, ListSecretVersions, ShowSecretStage, backups.
    ReadMetadata,
    /// ShowSecretVersion, CreateSecretVersion, UpdateVersion, stage moves, RotateSecret.
    UseValue,
    /// UpdateSecret.
    ChangeMetadata,
    /// DeleteSecretForSchedule.
    ScheduleDeletion,
    /// RestoreSecret.
    Restore,
    /// DeleteSecret.
    Delete,
}

/// The parts of a new secret that its creator chooses.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Name, unique in the project.
    pub name: SecretName,
    /// Free text, up to 2,048 bytes.
    pub description: String,
    /// Kind.
    pub secret_type: SecretType,
    /// Whether the service rotates it on schedule.
    pub auto_rotation: bool,
    /// Time between rotations.
    pub rotation_period: Option<RotationPeriod>,
    /// Instance and mode; present for rotated types.
    pub rotation_config: Option<RotationConfig>,
    /// The function that rotates it.
    pub rotation_func_urn: Option<FunctionUrn>,
    /// At most one event.
    pub event_subscriptions: Vec<EventName>,
    /// Enterprise project; `0` is the default one.
    pub enterprise_project_id: String,
}

/// A change of metadata; `None` leaves a field as it is (UpdateSecret).
#[derive(Clone, Debug, Default)]
pub struct SecretUpdate {
    /// Key for later versions.
    pub kms_key_id: Option<KeyId>,
    /// New description; empty clears it.
    pub description: Option<String>,
    /// Scheduled rotation on or off.
    pub auto_rotation: Option<bool>,
    /// New period.
    pub rotation_period: Option<RotationPeriod>,
    /// New subscription list.
    pub event_subscriptions: Option<Vec<EventName>>,
    /// New function.
    pub rotation_func_urn: Option<FunctionUrn>,
}

/// A version to add.
#[derive(Clone, Debug, Default)]
pub struct NewVersion {
    /// When its expiry event fires.
    pub expire_time: Option<UnixMillis>,
    /// Its stages; empty for the default move of `SYSCURRENT`.
    pub stages: Vec<StageName>,
}

/// What adding a version did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedVersion {
    /// The new version.
    pub id: VersionId,
    /// The deprecated version that made room for it.
    pub removed: Option<VersionId>,
}

/// Where the value of a rotation's pending version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationBase {
    /// An earlier attempt stopped half-way: its password may already be in the database, so it is kept.
    Resumed {
        /// The version that holds the password to go on with.
        pending: VersionId,
        /// The version whose account and connection the rotation is about.
        base: VersionId,
    },
    /// A new password for the account of `base`.
    Fresh {
        /// The version whose account gets the new password.
        base: VersionId,
    },
}

/// A secret: metadata, versions and stages. Obeys the stage rules at all times, because only the methods below
/// change versions and stages: each stage marks one existing version, `SYSCURRENT` always marks one, there are at
/// most 20 versions and 12 stages, and numbers are never used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Identifier, never reused.
    pub id: SecretId,
    /// Project that owns it.
    pub project: ProjectId,
    /// Name, unique in the project.
    pub name: SecretName,
    /// State.
    pub state: SecretState,
    /// Free text.
    pub description: String,
    /// Key that protects versions added from now on.
    pub kms_key_id: KeyId,
    /// Kind.
    pub secret_type: SecretType,
    /// Creation.
    pub create_time: UnixMillis,
    /// Last change of metadata, versions or stages.
    pub update_time: UnixMillis,
    /// When the deletion happens; only in `PENDING_DELETE`.
    pub scheduled_delete_time: Option<UnixMillis>,
    /// Scheduled rotation.
    pub auto_rotation: bool,
    /// Time between rotations.
    pub rotation_period: Option<RotationPeriod>,
    /// Instance and mode.
    pub rotation_config: Option<RotationConfig>,
    /// The function that rotates it.
    pub rotation_func_urn: Option<FunctionUrn>,
    /// Last successful rotation.
    pub rotation_time: Option<UnixMillis>,
    /// When the next rotation is due; `None` while automatic rotation is off.
    pub next_rotation_time: Option<UnixMillis>,
    /// At most one event.
    pub event_subscriptions: Vec<EventName>,
    /// Enterprise project.
    pub enterprise_project_id: String,
    /// The running rotation task.
    pub running_task: Option<TaskId>,
    /// Scheduled rotations that failed since the last success; at least 1 after one that was left unfinished.
    pub failed_rotations: u32,
    /// Tags, in the order in which they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// When a value of it was last read, to within a minute. Not a part of its document: stores keep it beside.
    #[serde(skip)]
    pub last_used_time: Option<UnixMillis>,
    #[serde(default, skip_serializing_if = "Replication::is_standalone")]
    replication: Replication,
    /// Who may read it by a grant, in the order in which they were given; one for each user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    last_version: VersionId,
    versions: Vec<Version>,
    stages: Vec<Stage>,
}

impl Secret {
    /// A new secret with its version v1, marked `SYSCURRENT`.
    #[must_use]
    pub fn create(id: SecretId, project: ProjectId, new: NewSecret, kms_key_id: KeyId, now: UnixMillis) -> Self {
        let next_rotation_time =
            new.rotation_period.as_ref().filter(|_| new.auto_rotation).map(|period| next_rotation(period, None, now));
        Self {
            id,
            project,
            name: new.name,
            state: SecretState::Enabled,
            description: new.description,
            kms_key_id: kms_key_id.clone(),
            secret_type: new.secret_type,
            create_time: now,
            update_time: now,
            scheduled_delete_time: None,
            auto_rotation: new.auto_rotation,
            rotation_period: new.rotation_period,
            rotation_config: new.rotation_config,
            rotation_func_urn: new.rotation_func_urn,
            rotation_time: None,
            next_rotation_time,
            event_subscriptions: new.event_subscriptions,
            enterprise_project_id: new.enterprise_project_id,
            running_task: None,
            failed_rotations: 0,
            tags: Vec::new(),
            last_used_time: None,
            replication: Replication::Standalone,
            grants: Vec::new(),
            last_version: VersionId::FIRST,
            versions: Vec::from([Version {
                id: VersionId::FIRST,
                create_time: now,
                expire_time: None,
                expiry_told: false,
                kms_key_id,
            }]),
            stages: Vec::from([Stage { name: StageName::current(), version: VersionId::FIRST, update_time: now }]),
        }
    }

    /// The secret of an administrator that its rotations may fall back on.
    #[must_use]
    pub fn admin_secret(&self) -> Option<&SecretName> {
        self.rotation_config.as_ref().and_then(RotationConfig::admin_secret)
    }

    /// The KMS keys that protect its values, and the one for the next value; a key may come more than once.
    pub fn keys(&self) -> impl Iterator<Item = &KeyId> {
        self.versions.iter().map(|version| &version.kms_key_id).chain([&self.kms_key_id])
    }

    /// All versions, oldest first.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// All stages, in the order in which they were first used.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The version with this identifier.
    ///
    /// # Errors
    /// [`Refusal::VersionNotFound`].
    pub fn version(&self, id: VersionId) -> Result<&Version, Refusal> {
        self.versions.iter().find(|version| version.id == id).ok_or(Refusal::VersionNotFound)
    }

    /// The stage of this name.
    ///
    /// # Errors
    /// [`Refusal::StageNotFound`].
    pub fn stage(&self, name: &StageName) -> Result<&Stage, Refusal> {
        self.stages.iter().find(|stage| stage.name == *name).ok_or(Refusal::StageNotFound)
    }

    /// The version marked with this stage.
    ///
    /// # Errors
    /// [`Refusal::StageNotFound`].
    pub fn staged(&self, name: &StageName) -> Result<VersionId, Refusal> {
        self.stage(name).map(|stage| stage.version)
    }

    /// The stages that mark this version.
    pub fn stages_of(&self, id: VersionId) -> impl Iterator<Item = &StageName> {
        self.stages.iter().filter(move |stage| stage.version == id).map(|stage| &stage.name)
    }

    /// Whether no stage marks the version, so that the service may remove it.
    #[must_use]
    pub fn is_deprecated(&self, id: VersionId) -> bool {
        self.stages_of(id).next().is_none()
    }

    /// The identifier that the next added version gets.
    #[must_use]
    pub const fn next_version(&self) -> VersionId {
        self.last_version.next()
    }

    /// Moves the secret to another enterprise project.
    ///
    /// # Errors
    /// The state's refusal; the secret is then unchanged.
    pub fn move_to_enterprise_project(&mut self, id: String, now: UnixMillis) -> Result<(), Refusal> {
        self.permits_change(Action::ChangeMetadata)?;
        self.enterprise_project_id = id;
        self.update_time = now;
        Ok(())
    }

    /// Adds a version, moves its stages to it and, when there is no room, removes the oldest deprecated version.
    ///
    /// # Errors
    /// The state's refusal, [`Refusal::StageQuota`] or [`Refusal::VersionQuota`]; the secret is then unchanged.
    pub fn add_version(&mut self, new: NewVersion, now: UnixMillis) -> Result<AddedVersion, Refusal> {
        self.permits_change(Action::UseValue)?;
        let id = self.next_version();
        let mut after = self.clone();
        after.last_version = id;
        // Clients sort versions by this time, so no two have the same one and a clock that was set back does not matter.
        let newest = self.versions.iter().map(|version| version.create_time.plus_millis(1)).max();
        after.versions.push(Version {
            id,
            create_time: newest.unwrap_or(now).max(now),
            expire_time: new.expire_time.map(UnixMillis::whole_seconds),
            expiry_told: false,
            kms_key_id: self.kms_key_id.clone(),
        });
        let stages = if new.stages.is_empty() { Vec::from([StageName::current()]) } else { new.stages };
        after.mark(id, &stages, now)?;
        let mut removed = None;
        if after.versions.len() > MAX_VERSIONS {
            let oldest = after
                .versions
                .iter()
                .position(|version| version.id != id && after.is_deprecated(version.id))
                .ok_or(Refusal::VersionQuota)?;
            removed = Some(after.versions.remove(oldest).id);
        }
        after.update_time = now;
        *self = after;
        Ok(AddedVersion { id, removed })
    }

    /// Moves stages to a version. `SYSPREVIOUS` follows `SYSCURRENT` unless it is moved by name in the same call.
    fn mark(&mut self, id: VersionId, names: &[StageName], now: UnixMillis) -> Result<(), Refusal> {
        let former = self.staged(&StageName::current()).ok();
        for name in names {
            self.put_stage(name.clone(), id, now);
        }
        let previous = StageName::previous();
        if let Some(former) = former
            && former != id
            && names.contains(&StageName::current())
            && !names.contains(&previous)
        {
            self.put_stage(previous, former, now);
        }
        if self.stages.len() > MAX_STAGES { Err(Refusal::StageQuota) } else { Ok(()) }
    }

    fn put_stage(&mut self, name: StageName, version: VersionId, update_time: UnixMillis) {
        match self.stages.iter_mut().find(|stage| stage.name == name) {
            // Marking the same version again is no change, so the stage keeps its time.
            Some(stage) if stage.version == version => {}
            Some(stage) => *stage = Stage { name, version, update_time },
            None => self.stages.push(Stage { name, version, update_time }),
        }
    }

    /// Moves a stage to a version, making the stage if there is none. `SYSPREVIOUS` follows `SYSCURRENT`.
    ///
    /// # Errors
    /// The state's refusal, [`Refusal::VersionNotFound`] or [`Refusal::StageQuota`]; the secret is then unchanged.
    pub fn move_stage(&mut self, name: &StageName, to: VersionId, now: UnixMillis) -> Result<&Stage, Refusal> {
        self.permits_change(Action::UseValue)?;
        self.version(to)?;
        let mut after = self.clone();
        after.mark(to, core::slice::from_ref(name), now)?;
        after.update_time = now;
        *self = after;
        self.stage(name)
    }

    /// Takes a stage away.
    ///
    /// # Errors
    /// The state's refusal, [`Refusal::BuiltInStage`] or [`Refusal::StageNotFound`].
    pub fn delete_stage(&mut self, name: &StageName, now: UnixMillis) -> Result<(), Refusal> {
        self.permits_change(Action::UseValue)?;
        if name.is_built_in() {
            return Err(Refusal::BuiltInStage);
        }
        self.stage(name)?;
        self.stages.retain(|stage| stage.name != *name);
        self.update_time = now;
        Ok(())
    }

    /// Sets when a version's expiry event fires, which arms it again.
    ///
    /// # Errors
    /// The state's refusal or [`Refusal::VersionNotFound`].
    pub fn set_expiry(&mut self, id: VersionId, expire_time: UnixMillis, now: UnixMillis) -> Result<&Version, Refusal> {
        self.permits_change(Action::UseValue)?;
        let version = self.versions.iter_mut().find(|version| version.id == id).ok_or(Refusal::VersionNotFound)?;
        version.expire_time = Some(expire_time.whole_seconds());
        version.expiry_told = false;
        self.update_time = now;
        Ok(version)
    }

    /// Changes metadata.
    ///
    /// # Errors
    /// The state's refusal; [`Refusal::CommonSecret`] when automatic rotation is asked of a COMMON secret, and
    /// [`Refusal::RotationNotConfigured`] when it has no period. The secret is then unchanged.
    pub fn update(&mut self, update: SecretUpdate, now: UnixMillis) -> Result<(), Refusal> {
        self.permits_change(Action::ChangeMetadata)?;
        let auto_rotation = update.auto_rotation.unwrap_or(self.auto_rotation);
        if auto_rotation && !self.secret_type.is_rotated() {
            return Err(Refusal::CommonSecret);
        }
        if auto_rotation && update.rotation_period.is_none() && self.rotation_period.is_none() {
            return Err(Refusal::RotationNotConfigured("rotation_period is required when auto_rotation is true"));
        }
        let period_changed = update.rotation_period.is_some() && update.rotation_period != self.rotation_period;
        let switched_on = auto_rotation && !self.auto_rotation;
        if let Some(key) = update.kms_key_id {
            self.kms_key_id = key;
        }
        if let Some(description) = update.description {
            self.description = description;
        }
        if let Some(events) = update.event_subscriptions {
            self.event_subscriptions = events;
        }
        if let Some(urn) = update.rotation_func_urn {
            self.rotation_func_urn = Some(urn);
        }
        if let Some(period) = update.rotation_period {
            self.rotation_period = Some(period);
        }
        self.auto_rotation = auto_rotation;
        if switched_on {
            self.failed_rotations = 0;
        }
        self.next_rotation_time = match (&self.rotation_period, auto_rotation) {
            (Some(period), true) if switched_on || period_changed => Some(next_rotation(period, None, now)),
            (_, true) => self.next_rotation_time,
            (_, false) => None,
        };
        self.update_time = now;
        Ok(())
    }

    /// Opens the deletion window.
    ///
    /// # Errors
    /// The state's refusal, or [`Refusal::RotationRunning`].
    pub fn schedule_deletion(&mut self, window: RecoveryWindow, now: UnixMillis) -> Result<(), Refusal> {
        self.permits_change(Action::ScheduleDeletion)?;
        if self.running_task.is_some() {
            // Its function could no longer move the stages after it changed the database.
            return Err(Refusal::RotationRunning);
        }
        self.state = SecretState::PendingDelete;
        self.scheduled_delete_time = Some(window.end(now));
        self.update_time = now;
        Ok(())
    }

    /// Closes the deletion window; the secret is enabled again.
    ///
    /// # Errors
    /// [`Refusal::NotScheduled`].
    pub fn restore(&mut self, now: UnixMillis) -> Result<(), Refusal> {
        self.permits_change(Action::Restore)?;
        self.state = SecretState::Enabled;
        self.scheduled_delete_time = None;
        self.update_time = now;
        Ok(())
    }

    /// Whether the deletion window has closed.
    #[must_use]
    pub fn is_deletion_due(&self, now: UnixMillis) -> bool {
        let is_due = self.scheduled_delete_time.is_some_and(|time| time <= now);
        is_due && self.state == SecretState::PendingDelete && self.primary().is_none()
    }

    /// What a rotation starting now would work on.
    ///
    /// # Errors
    /// The state's refusal, [`Refusal::CommonSecret`], [`Refusal::RotationRunning`], or
    /// [`Refusal::RotationNotConfigured`] when the function, the configuration or, with two accounts, the second
    /// account's version is missing.
    pub fn rotation_base(&self) -> Result<(RotationMode, RotationBase), Refusal> {
        self.permits_change(Action::UseValue)?;
        if !self.secret_type.is_rotated() {
            return Err(Refusal::CommonSecret);
        }
        if self.running_task.is_some() {
            return Err(Refusal::RotationRunning);
        }
        if self.rotation_func_urn.is_none() {
            return Err(Refusal::RotationNotConfigured("rotation_func_urn is not set"));
        }
        let mode = self
            .rotation_config
            .as_ref()
            .map(RotationConfig::mode)
            .ok_or(Refusal::RotationNotConfigured("rotation_config is not set"))?;
        let current = self.staged(&StageName::current())?;
        let previous = self.staged(&StageName::previous()).ok();
        let base = match mode {
            RotationMode::SingleUser => current,
            RotationMode::MultiUser => previous.ok_or(Refusal::RotationNotConfigured(
                "MultiUser needs the second account in a version marked SYSPREVIOUS",
            ))?,
        };
        let pending = self.staged(&StageName::pending()).ok();
        let unfinished = pending.filter(|pending| *pending != current && Some(*pending) != previous);
        Ok((mode, unfinished.map_or(RotationBase::Fresh { base }, |pending| RotationBase::Resumed { pending, base })))
    }

    /// When the scheduler begins with the secret: a little after `next_rotation_time`, so that secrets that were made
    /// together are not rotated together. `None` while there is nothing for it to do: automatic rotation is off, the
    /// secret is out of use or a replica, or a task runs already.
    #[must_use]
    pub fn rotation_due_time(&self) -> Option<UnixMillis> {
        let next = self.next_rotation_time.filter(|_| self.state == SecretState::Enabled)?;
        if self.running_task.is_some() || self.primary().is_some() {
            return None;
        }
        // What is tried again has been spread by when it failed.
        let period = self.rotation_period.as_ref().filter(|_| self.failed_rotations == 0);
        Some(next.plus_millis(period.map_or(0, |period| jitter_millis(&self.id, period))))
    }

    /// Notes the end of a rotation task. A success counts only when `SYSCURRENT` marks `version`. Failures of scheduled
    /// rotations are tried again later, and the third in a row switches automatic rotation off unless applications may
    /// be locked out until one succeeds; a failure of one that somebody asked for leaves the schedule alone, or brings
    /// it forward for the same reason. A success takes `SYSPENDING` off `version`. Returns whether the rotation succeeded.
    pub fn finish_rotation(
        &mut self,
        version: VersionId,
        outcome: Result<(), Aftermath>,
        scheduled: bool,
        now: UnixMillis,
    ) -> bool {
        let succeeded = outcome.is_ok() && self.staged(&StageName::current()) == Ok(version);
        let aftermath = outcome.err().unwrap_or(Aftermath::Untouched);
        self.running_task = None;
        self.update_time = now;
        let period = self.rotation_period.as_ref().filter(|_| self.auto_rotation);
        if succeeded {
            self.stages.retain(|stage| stage.name != StageName::pending() || stage.version != version);
            self.rotation_time = Some(now);
            self.failed_rotations = 0;
            self.next_rotation_time = period.map(|period| next_rotation(period, Some(now), now));
        } else if scheduled {
            self.failed_rotations = self.failed_rotations.saturating_add(1);
            let failures = self.failed_rotations;
            self.next_rotation_time = period.map(|period| retry_after_failure(period, aftermath, failures, now));
            if failures >= MAX_FAILED_TASKS && aftermath != Aftermath::Unfinished {
                self.auto_rotation = false;
                self.next_rotation_time = None;
            }
        } else if aftermath == Aftermath::Unfinished {
            self.failed_rotations = self.failed_rotations.max(1);
            let soon = period.map(|period| retry_after_failure(period, aftermath, 1, now));
            self.next_rotation_time = self.next_rotation_time.min(soon);
        }
        succeeded
    }
}

mod expiry;
mod grants;
mod observed;
mod replication;
mod tags;

pub use observed::ObservedVersion;
use replication::Replication;
pub use replication::{Counterpart, ReplicaType};

/// A common secret named `demo`, made at `now`, for tests of what happens to secrets.
#[cfg(test)]
pub(crate) fn demo(id: &str, now: UnixMillis) -> Secret {
    let new = NewSecret {
        name: SecretName::parse("demo").unwrap(),
        description: String::new(),
        secret_type: SecretType::Common,
        auto_rotation: false,
        rotation_period: None,
        rotation_config: None,
        rotation_func_urn: None,
        event_subscriptions: Vec::new(),
        enterprise_project_id: "0".into(),
    };
    let key = KeyId::parse("22222222-2222-4222-8222-222222222222").unwrap();
    Secret::create(SecretId::parse(id).unwrap(), ProjectId::parse("0".repeat(32)).unwrap(), new, key, now)
}

#[cfg(test)]
mod tests;
