//! What has to change so that users, access keys and policies are as the access file says, and changing it, in one
//! transaction with its records.
//!
//! Where everything is so already, nothing is written. What the file does not name is left alone.

use std::sync::Arc;

use csms_api::policy_check::check;
use csms_core::{UnixMillis, policy::system_policy};
use csms_kms::RootRing;
use csms_store::{
    AccessChange, AccessKeyRecord, AccessState, AnyStore, ChainKey, ChangeError, PolicyDetails, PolicyRecord, Store,
    UserDetails, UserRecord,
};
use getrandom::SysRng;

use super::{AccessFile, AccessFileError, PolicyEntry, Problems, UserEntry, WantedKey, WantedUser};
use crate::{
    audit::{Record, chain_key},
    auth::cache::secret_key_purpose,
    identity::Identity,
    installation::make_id,
    services::iam::{
        administrators::{LEAVES_NOBODY, leaves_nobody},
        records,
    },
};

/// Who the records of the audit trail name.
const ACTOR: &str = "access file";

/// One thing that is not as the file says.
pub struct Change {
    /// What is done, as in the audit trail.
    pub action: &'static str,
    /// The user, access key or policy.
    pub target: String,
    change: AccessChange,
}

/// What a file changes, and what in it is doubtful.
pub struct Outcome {
    /// What is not as the file says.
    pub changes: Vec<Change>,
    /// Parts of policies that mean nothing here, each with its place.
    pub warnings: Vec<String>,
}

/// Puts what the file says in place, and returns what had to be changed for it.
///
/// # Errors
/// [`AccessFileError`]: everything in the file that does not fit what is stored; failures of the store. Nothing is changed
/// then.
pub async fn apply(
    file: AccessFile,
    store: &AnyStore,
    root: &Arc<RootRing>,
    identity: &Identity,
    now: UnixMillis,
) -> Result<Outcome, AccessFileError> {
    run(file, store, root, identity, now, true).await
}

/// What [`apply`] would change.
///
/// # Errors
/// As [`apply`].
pub async fn preview(
    file: AccessFile,
    store: &AnyStore,
    root: &Arc<RootRing>,
    identity: &Identity,
    now: UnixMillis,
) -> Result<Outcome, AccessFileError> {
    run(file, store, root, identity, now, false).await
}

async fn run(
    file: AccessFile,
    store: &AnyStore,
    root: &Arc<RootRing>,
    identity: &Identity,
    now: UnixMillis,
    apply: bool,
) -> Result<Outcome, AccessFileError> {
    let path = file.path.clone();
    let (root, identity, chain) = (Arc::clone(root), identity.clone(), chain_key(root));
    let decided = store.decide_access(move |state| {
        let outcome = Plan { file: &file, state, root: &root, identity: &identity, now }.outcome()?;
        if !apply {
            return Ok((outcome, Vec::new(), Vec::new()));
        }
        let records = outcome.changes.iter().map(|change| record(change, now, &chain)).collect();
        let stored = outcome.changes.iter().map(|change| change.change.clone()).collect();
        Ok((outcome, stored, records))
    });
    match decided.await {
        Ok(outcome) => Ok(outcome),
        Err(ChangeError::Refused(problems)) => Err(AccessFileError::Problems(path, problems)),
        Err(ChangeError::NotFound) => Err(csms_store::StoreError::NotFound.into()),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}

fn record(change: &Change, now: UnixMillis, chain: &Arc<ChainKey>) -> csms_store::AuditEntry {
    let mut record = Record::of(ACTOR, change.action, now);
    record.target = Some(&change.target);
    record.entry(chain)
}

/// What the changes depend on.
struct Plan<'p> {
    file: &'p AccessFile,
    state: &'p AccessState,
    root: &'p RootRing,
    identity: &'p Identity,
    now: UnixMillis,
}

impl Plan<'_> {
    fn outcome(&self) -> Result<Outcome, Problems> {
        let (mut changes, mut warnings, mut problems) = (Vec::new(), Problems::default(), Problems::default());
        for entry in &self.file.policies {
            self.policy(entry, &mut changes, &mut problems);
            if let Some(wanted) = &entry.wanted {
                let stored = self.stored_policy(&entry.name).map(|stored| &stored.policy);
                let review = check(&wanted.policy, stored, &self.identity.site());
                review.refusals.iter().for_each(|finding| problems.add(&wanted.place, finding));
                review.warnings.iter().for_each(|finding| warnings.add(&wanted.place, finding));
            }
        }
        for entry in &self.file.users {
            self.user(entry, &mut changes, &mut problems);
        }
        let stored: Vec<_> = changes.iter().map(|change| change.change.clone()).collect();
        if !self.file.may_leave_nobody && leaves_nobody(self.state, &stored, self.now) {
            problems.add("users", format_args!("{LEAVES_NOBODY}; `csms access apply --force` does it all the same"));
        }
        if problems.0.is_empty() { Ok(Outcome { changes, warnings: warnings.0 }) } else { Err(problems) }
    }

    fn stored_policy(&self, name: &str) -> Option<&PolicyRecord> {
        self.state.policies.iter().find(|policy| policy.name == name)
    }

    fn stored_user(&self, name: &str) -> Option<&UserRecord> {
        self.state.users.iter().find(|user| user.name == name && user.domain_id == self.identity.domain_id)
    }

    /// Whether there will be a policy of this name.
    fn has_policy(&self, name: &str) -> bool {
        let listed = self.file.policies.iter().find(|entry| entry.name == name);
        system_policy(name).is_some()
            || listed.map_or_else(|| self.stored_policy(name).is_some(), |entry| entry.wanted.is_some())
    }

    fn policy(&self, entry: &PolicyEntry, changes: &mut Vec<Change>, problems: &mut Problems) {
        let PolicyEntry { place, name, wanted } = entry;
        if system_policy(name).is_some() {
            problems.add(format_args!("{place}.name"), "is a policy of the system");
            return;
        }
        let stored = self.stored_policy(name);
        let mut change = |action, change| changes.push(Change { action, target: name.clone(), change });
        match (wanted, stored) {
            (None, None) => {}
            (None, Some(_)) => {
                // Users that the file names have what it gives them, which is checked there.
                let listed = |user: &UserRecord| self.file.users.iter().any(|entry| entry.name == user.name);
                let bears = |user: &&UserRecord| !listed(user) && user.attached.contains(name);
                if let Some(user) = self.state.users.iter().find(bears) {
                    problems.add(format_args!("{place}.name"), format_args!("is attached to {}", user.name));
                }
                if let Some(agency) = self.state.agencies.iter().find(|agency| agency.attached.contains(name)) {
                    let problem = format_args!("is attached to the agency {}", agency.name);
                    problems.add(format_args!("{place}.name"), problem);
                }
                change("DeletePolicy", AccessChange::DeletePolicy(name.clone()));
            }
            (Some(wanted), Some(stored)) => {
                if stored.policy != wanted.policy || stored.description != wanted.description {
                    let mut record = stored.clone();
                    record.policy = wanted.policy.clone();
                    record.description.clone_from(&wanted.description);
                    record.details.update_time = Some(self.now);
                    change("UpdatePolicy", AccessChange::PutPolicy(record));
                }
            }
            (Some(wanted), None) => {
                let now = Some(self.now);
                let record = PolicyRecord {
                    name: name.clone(),
                    description: wanted.description.clone(),
                    policy: wanted.policy.clone(),
                    details: PolicyDetails { create_time: now, number_time: now, ..PolicyDetails::default() },
                };
                change("CreatePolicy", AccessChange::PutPolicy(record));
            }
        }
    }

    fn user(&self, entry: &UserEntry, changes: &mut Vec<Change>, problems: &mut Problems) {
        let UserEntry { place, name, wanted } = entry;
        let stored = self.stored_user(name);
        let Some(wanted) = wanted else {
            if let Some(user) = stored {
                let change = AccessChange::DeleteUser(user.id.clone());
                changes.push(Change { action: "DeleteUser", target: name.clone(), change });
            }
            return;
        };
        for (index, policy) in wanted.policies.iter().enumerate() {
            if !self.has_policy(policy) {
                problems.add(format_args!("{place}.policies[{index}]"), format_args!("there is no policy {policy}"));
            }
        }
        let (action, before) = match stored {
            Some(user) => ("UpdateUser", user.clone()),
            None => match self.fresh(name) {
                Ok(user) => ("CreateUser", user),
                Err(problem) => return problems.add(place, problem),
            },
        };
        let mut user = before.clone();
        self.bring_about(&mut user, wanted);
        let id = user.id.clone();
        if stored.is_none() || user != before {
            changes.push(Change { action, target: name.clone(), change: AccessChange::PutUser(user) });
        }
        if let Some(key) = &wanted.key
            && let Err((field, problem)) = self.key(key, &id, changes)
        {
            problems.add(format_args!("{place}.{field}"), problem);
        }
    }

    fn fresh(&self, name: &str) -> Result<UserRecord, String> {
        Ok(UserRecord {
            id: make_id().map_err(|failure| failure.error.message)?,
            name: name.to_owned(),
            domain_id: self.identity.domain_id.clone(),
            password_hash: None,
            projects: Vec::new(),
            policies: Vec::new(),
            attached: Vec::new(),
            enabled: true,
            details: UserDetails { create_time: Some(self.now), ..UserDetails::default() },
        })
    }

    fn bring_about(&self, user: &mut UserRecord, wanted: &WantedUser) {
        user.enabled = wanted.enabled;
        if wanted.projects.is_empty() {
            user.projects = vec![self.identity.project_id.clone()];
        } else {
            user.projects.clone_from(&wanted.projects);
        }
        for policy in user.attached.clone() {
            if !wanted.policies.contains(&policy) {
                records::detach(user, &policy);
            }
        }
        for policy in &wanted.policies {
            records::attach(user, policy, self.now);
        }
    }

    fn key(&self, wanted: &WantedKey, user_id: &str, changes: &mut Vec<Change>) -> Result<(), (&'static str, String)> {
        let stored = self.state.keys.iter().find(|key| key.access_key == wanted.access_key);
        if stored.is_some_and(|key| key.user_id != user_id) {
            return Err(("access_key", "is another user's".to_owned()));
        }
        let purpose = secret_key_purpose(&wanted.access_key, user_id);
        let is_same = |key: &AccessKeyRecord| {
            let opened = self.root.open_kept(&purpose, &key.sealed_secret_key);
            key.enabled
                && key.expires == wanted.expires
                && opened.is_ok_and(|opened| opened.as_slice() == wanted.secret_key.as_bytes())
        };
        if stored.is_some_and(is_same) {
            return Ok(());
        }
        let sealed = self.root.seal(&purpose, wanted.secret_key.as_bytes(), &mut SysRng);
        let key = AccessKeyRecord {
            access_key: wanted.access_key.clone(),
            sealed_secret_key: sealed.map_err(|error| ("access_key", error.to_string()))?,
            user_id: user_id.to_owned(),
            enabled: true,
            create_time: stored.map_or(Some(self.now), |key| key.create_time),
            expires: wanted.expires,
            last_use: None,
        };
        let action = if stored.is_some() { "UpdateAccessKey" } else { "CreateAccessKey" };
        changes.push(Change { action, target: key.access_key.clone(), change: AccessChange::PutAccessKey(key) });
        Ok(())
    }
}
