//! The records that stores keep besides secrets and tasks, and the shapes of answers. No rules.

use std::{collections::BTreeMap, fmt, time::Duration};

use csms_core::{
    KeyId, ProjectId, Secret, SecretName, TaskId, UnixMillis, VersionId, event::Notification, policy::Policy, tag::Tag,
    task::Task,
};
use serde::{Deserialize, Serialize};

use crate::audit::AuditEntry;

/// Some items of a list, and whether there are more behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether more items follow.
    pub more: bool,
}

/// A page of tasks, and how many tasks match in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPage {
    /// The tasks, newest first.
    pub page: Page<Task>,
    /// Number of tasks that match the filter, on whatever page.
    pub total: u64,
}

/// Which tasks to list.
#[derive(Clone, Debug)]
pub struct TaskFilter {
    /// Only tasks that began for a secret of this name.
    pub secret_name: Option<SecretName>,
    /// Only finished tasks of this outcome.
    pub status: Option<TaskOutcome>,
    /// Only tasks older than this one.
    pub after: Option<TaskId>,
    /// Greatest number of tasks.
    pub limit: u16,
}

/// How a finished task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskOutcome {
    /// The secret got its new value.
    Succeeded,
    /// Given up.
    Failed,
}

/// A notification that is to be delivered now, by whoever was given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedNotification {
    /// What is to be told.
    pub notification: Notification,
    /// The number of this attempt, from 1; others do not deliver it until the claim ends.
    pub attempt: u32,
}

/// The right to carry a running task out, from the moment the store grants or renews it. The store judges by a clock of its
/// own, so clocks of servers may differ. A lease that has expired ends for good when somebody else takes the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The task.
    pub task: TaskId,
    /// Who has it: a text that nobody else uses, made again whenever a task is taken.
    pub holder: String,
    /// How long others leave the task alone.
    pub lasts: Duration,
}

/// A claimed notification whose receiver is busy: it is given back without an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postponed {
    /// The notification.
    pub id: String,
    /// The number under which it was claimed.
    pub attempt: u32,
    /// When it is due again.
    pub until: UnixMillis,
}

/// Rotation work that waits or is under way, of all servers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RotationBacklog {
    /// Secrets whose rotation is due and has not begun.
    pub due: u64,
    /// When the one that waits longest was due.
    pub oldest_due: Option<UnixMillis>,
    /// Tasks that have begun and are not finished.
    pub running: u64,
    /// When the oldest of them began.
    pub oldest_running: Option<UnixMillis>,
}

/// Notifications that wait for delivery, of all servers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxBacklog {
    /// Those with something left to do.
    pub waiting: u64,
    /// When the oldest of them was written.
    pub oldest: Option<UnixMillis>,
}

/// A secret with the sealed value of one of its versions, both of the same instant.
#[derive(Clone, Debug)]
pub struct StoredValue {
    /// The secret.
    pub secret: Secret,
    /// The version that was selected.
    pub version: VersionId,
    /// Its sealed value.
    pub sealed: Vec<u8>,
}

/// That a value of a secret was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The project.
    pub project: ProjectId,
    /// Name of the secret.
    pub secret: SecretName,
    /// When.
    pub time: UnixMillis,
}

/// Whether a KMS key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KeyState {
    /// In use.
    Enabled,
    /// Switched off.
    Disabled,
    /// Waiting for its deletion.
    PendingDeletion,
}

impl KeyState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
            Self::PendingDeletion => "PENDING_DELETION",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Enabled, Self::Disabled, Self::PendingDeletion].into_iter().find(|state| state.as_str() == word)
    }
}

/// A KMS key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Identifier.
    pub id: KeyId,
    /// Project that owns it.
    pub project: ProjectId,
    /// Alias, unique in the project.
    pub alias: String,
    /// State.
    pub state: KeyState,
    /// Its first material, wrapped by the root key. What its rotations added is in the details.
    pub wrapped: Vec<u8>,
    /// Creation.
    pub create_time: UnixMillis,
    /// What else is known of it.
    pub details: KeyDetails,
}

/// Another name of a KMS key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAlias {
    /// The name, unique among the aliases of the project.
    pub name: String,
    /// When it was given.
    pub create_time: UnixMillis,
    /// When it last changed its key.
    pub update_time: UnixMillis,
}

/// What a KMS key has besides its material and state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyDetails {
    /// Description.
    pub description: String,
    /// Enterprise project; empty for the default one.
    pub enterprise_project_id: String,
    /// When a key that waits for its deletion is deleted.
    pub scheduled_deletion: Option<UnixMillis>,
    /// Further aliases.
    pub aliases: Vec<KeyAlias>,
    /// Tags, each key once.
    pub tags: Vec<Tag>,
    /// Further material, in the order of its rotations.
    pub materials: Vec<KeyMaterial>,
    /// How the material is rotated; `None` for a key whose rotation was never enabled.
    pub rotation: Option<KeyRotation>,
    /// Which users may use it besides those whose policies allow it.
    pub grants: Vec<KeyGrant>,
}

/// Further material of a KMS key. It is never changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMaterial {
    /// The material in hexadecimal digits, wrapped by the root key.
    pub wrapped: String,
    /// When it was made.
    pub create_time: UnixMillis,
}

/// How the material of a KMS key is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotation {
    /// Whether it is.
    pub enabled: bool,
    /// Days between two rotations.
    pub interval_days: u16,
    /// When it was last enabled, or the material last rotated after that.
    pub since: UnixMillis,
}

impl KeyRotation {
    const DAY: u64 = 86_400_000;

    /// When the material is rotated next; `None` when it is not.
    #[must_use]
    pub fn due(&self) -> Option<UnixMillis> {
        self.enabled.then(|| self.since.plus_millis(u64::from(self.interval_days) * Self::DAY))
    }
}

/// The right of one user to do some things with a KMS key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGrant {
    /// Identifier: 64 hexadecimal digits.
    pub id: String,
    /// Identifier of the user.
    pub grantee: String,
    /// The words of what the user may do.
    pub operations: Vec<String>,
    /// Identifier of the user who granted it; empty for one without a user.
    pub issuer: String,
    /// Identifier of the user who may retire it; empty for none.
    pub retiring: String,
    /// Name; may be empty.
    pub name: String,
    /// When it was made.
    pub create_time: UnixMillis,
}

impl KeyRecord {
    /// Whether a grant lets the user do what this word means.
    #[must_use]
    pub fn is_granted_to(&self, user_id: &str, word: &str) -> bool {
        self.details
            .grants
            .iter()
            .any(|grant| grant.grantee == user_id && grant.operations.iter().any(|own| own == word))
    }
}

impl KeyDetails {
    /// When the material is rotated next.
    pub(crate) fn rotation_due(&self) -> Option<UnixMillis> {
        self.rotation.as_ref().and_then(KeyRotation::due)
    }

    /// The text of the column.
    pub(crate) fn to_text(&self) -> String {
        // Texts, numbers and lists of them can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord")
            .field("id", &self.id)
            .field("project", &self.project)
            .field("alias", &self.alias)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A user of the service.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// Identifier.
    pub id: String,
    /// Name, unique in its domain.
    pub name: String,
    /// Domain (account) that the user belongs to.
    pub domain_id: String,
    /// Hash of the password, in PHC form; `None` when the user cannot sign in with one.
    pub password_hash: Option<String>,
    /// Projects that the user may name in a path.
    pub projects: Vec<ProjectId>,
    /// What the user may do by policies of their own.
    pub policies: Vec<Policy>,
    /// Names of shared policies that say what else the user may do.
    #[serde(default)]
    pub attached: Vec<String>,
    /// Whether the user may do anything at all.
    pub enabled: bool,
    /// What else is known of the user.
    #[serde(default)]
    pub details: UserDetails,
}

/// What else a user has. Times are unknown of what older releases wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserDetails {
    /// Description.
    pub description: String,
    /// When the user was made.
    pub create_time: Option<UnixMillis>,
    /// When the password was set first.
    pub password_time: Option<UnixMillis>,
    /// When the password was last set.
    pub password_change_time: Option<UnixMillis>,
    /// When the shared policies were attached, by their names.
    pub attach_times: BTreeMap<String, UnixMillis>,
    /// The generation of the user's tokens. The store raises it whenever the password changes or is removed, or the user is
    /// disabled; tokens of earlier generations are refused.
    pub generation: u64,
}

impl fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("domain_id", &self.domain_id)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// A policy that users share by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// Name, unique in the installation.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The policy.
    pub policy: Policy,
    /// Its other versions, and when it was changed.
    #[serde(default)]
    pub details: PolicyDetails,
}

/// What a shared policy has besides the version that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyDetails {
    /// When it was made; unknown of what older releases wrote, as are the other times.
    pub create_time: Option<UnixMillis>,
    /// When another version was last made the one that counts.
    pub update_time: Option<UnixMillis>,
    /// Number of the version that counts.
    pub number: u32,
    /// When that version was made.
    pub number_time: Option<UnixMillis>,
    /// The greatest number that a version has had.
    pub last: u32,
    /// The versions that do not count.
    pub others: Vec<PolicyVersion>,
}

impl Default for PolicyDetails {
    fn default() -> Self {
        Self { create_time: None, update_time: None, number: 1, number_time: None, last: 1, others: Vec::new() }
    }
}

/// A version of a shared policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Number, from 1.
    pub number: u32,
    /// The policy.
    pub policy: Policy,
    /// When it was made.
    #[serde(default)]
    pub create_time: Option<UnixMillis>,
}

/// An agency: a role of the account that users may assume. It has rights of its own and no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyRecord {
    /// Identifier.
    pub id: String,
    /// Name, unique in the installation.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Projects that whoever assumes it may name in a path.
    pub projects: Vec<ProjectId>,
    /// Names of the shared policies that say what it may do.
    pub attached: Vec<String>,
    /// Identifiers of the users who may assume it.
    pub users: Vec<String>,
    /// When it was made.
    pub create_time: UnixMillis,
}

/// All users, access keys, shared policies and agencies of one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessState {
    /// Users, by name.
    pub users: Vec<UserRecord>,
    /// Access keys, by name.
    pub keys: Vec<AccessKeyRecord>,
    /// Shared policies, by name.
    pub policies: Vec<PolicyRecord>,
    /// Agencies, by name.
    pub agencies: Vec<AgencyRecord>,
}

/// What becomes of users, access keys, shared policies and agencies: the answer to the caller, the changes, and their records.
pub type AccessDecision<T> = (T, Vec<AccessChange>, Vec<AuditEntry>);

/// A change of users, access keys, shared policies or agencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessChange {
    /// Stores a user, in place of the one with the same identifier.
    PutUser(UserRecord),
    /// Gives a user another password hash, unless it is not `old` any more.
    ReplacePassword {
        /// Identifier of the user.
        user_id: String,
        /// The hash that is replaced.
        old: Option<String>,
        /// The new hash.
        new: String,
        /// When.
        time: UnixMillis,
    },
    /// Removes the user of this identifier, and all its access keys.
    DeleteUser(String),
    /// Stores an access key, in place of the one of the same name.
    PutAccessKey(AccessKeyRecord),
    /// Removes an access key.
    DeleteAccessKey(String),
    /// Stores a shared policy, in place of the one of the same name.
    PutPolicy(PolicyRecord),
    /// Removes a shared policy.
    DeletePolicy(String),
    /// Stores an agency, in place of the one with the same identifier.
    PutAgency(AgencyRecord),
    /// Removes the agency of this identifier.
    DeleteAgency(String),
}

/// An access key (AK) with its secret key (SK), sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeyRecord {
    /// The public part.
    pub access_key: String,
    /// The secret part, sealed by the root key.
    pub sealed_secret_key: Vec<u8>,
    /// The user it belongs to.
    pub user_id: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// When it was made; unknown of keys that older releases made.
    pub create_time: Option<UnixMillis>,
    /// When it ends; from then on it is as if it did not exist.
    pub expires: Option<UnixMillis>,
    /// Its last use. Written by [`crate::Store::note_key_uses`] alone; the row's MAC does not cover it.
    pub last_use: Option<LastKeyUse>,
}

impl AccessKeyRecord {
    /// Whether it has ended at `now`.
    #[must_use]
    pub fn has_expired(&self, now: UnixMillis) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

/// The last use of an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastKeyUse {
    /// When, to within a minute.
    pub time: UnixMillis,
    /// Address that the request came from, if it is known.
    pub peer: Option<String>,
    /// Name of the operation.
    pub operation: String,
}

/// That an access key was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyUse {
    /// The access key.
    pub access_key: String,
    /// The use.
    pub last: LastKeyUse,
}

impl fmt::Debug for AccessKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeyRecord")
            .field("access_key", &self.access_key)
            .field("user_id", &self.user_id)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password_hash() {
        let user = UserRecord {
            id: "1".into(),
            name: "admin".into(),
            domain_id: "d".into(),
            password_hash: Some("$argon2id$hash".into()),
            projects: Vec::new(),
            policies: Vec::new(),
            attached: Vec::new(),
            enabled: true,
            details: UserDetails::default(),
        };
        assert!(!format!("{user:?}").contains("argon2"));
    }
}
