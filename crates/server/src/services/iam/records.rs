//! How users, access keys and policies are made and changed, by requests and by commands alike.
//!
//! Decides nothing about who may do so.

use csms_core::{UnixMillis, policy::Policy};
use csms_kms::RootRing;
use csms_store::{AccessKeyRecord, PolicyRecord, PolicyVersion, UserRecord};
use getrandom::SysRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    auth::{cache::secret_key_purpose, key_pair::make_key_pair},
    failure::Failure,
};

/// Most versions of a policy, as in the cloud.
pub const MAX_VERSIONS: usize = 5;

/// Makes an access key for a user, and its secret key, which is stored sealed and told once.
///
/// # Errors
/// Failures of the random number generator.
pub fn make_key(
    root: &RootRing,
    user_id: &str,
    now: UnixMillis,
) -> Result<(AccessKeyRecord, Zeroizing<String>), Failure> {
    let (access_key, secret_key) = make_key_pair()?;
    let sealed_secret_key = root.seal(&secret_key_purpose(&access_key, user_id), secret_key.as_bytes(), &mut SysRng)?;
    let user_id = user_id.to_owned();
    let key = AccessKeyRecord {
        access_key,
        sealed_secret_key,
        user_id,
        enabled: true,
        create_time: Some(now),
        expires: None,
        last_use: None,
    };
    Ok((key, secret_key))
}

/// Sets or takes away a user's password, which is given as its hash.
pub fn set_password(user: &mut UserRecord, hash: Option<String>, now: UnixMillis) {
    user.details.password_time = match (&user.password_hash, &hash) {
        (Some(_), Some(_)) => user.details.password_time,
        (None, Some(_)) => Some(now),
        (_, None) => None,
    };
    user.details.password_change_time = hash.as_ref().map(|_| now);
    user.password_hash = hash;
}

/// Attaches a policy; nothing happens where it is attached.
pub fn attach(user: &mut UserRecord, policy: &str, now: UnixMillis) {
    if !user.attached.iter().any(|attached| attached == policy) {
        user.attached.push(policy.to_owned());
        user.details.attach_times.insert(policy.to_owned(), now);
    }
}

/// Takes a policy off a user; `false` where it was not attached.
pub fn detach(user: &mut UserRecord, policy: &str) -> bool {
    let before = user.attached.len();
    user.attached.retain(|attached| attached != policy);
    user.details.attach_times.remove(policy);
    user.attached.len() != before
}

/// A policy's identifier. It comes from the name, which is unique and never changes, so it needs no place of its own.
#[must_use]
pub fn policy_id(name: &str) -> String {
    let digest = Sha256::new_with_prefix(b"csms policy id v1").chain_update(name.as_bytes()).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// All versions of a policy, the oldest first.
#[must_use]
pub fn versions(record: &PolicyRecord) -> Vec<PolicyVersion> {
    let mut all = record.details.others.clone();
    all.push(in_force(record));
    all.sort_by_key(|version| version.number);
    all
}

fn in_force(record: &PolicyRecord) -> PolicyVersion {
    let details = &record.details;
    PolicyVersion { number: details.number, policy: record.policy.clone(), create_time: details.number_time }
}

/// Adds a version; `None` where there are [`MAX_VERSIONS`].
#[must_use]
pub fn add_version(record: &mut PolicyRecord, policy: Policy, now: UnixMillis) -> Option<PolicyVersion> {
    if record.details.others.len() + 1 >= MAX_VERSIONS {
        return None;
    }
    record.details.last = record.details.last.max(record.details.number).saturating_add(1);
    let version = PolicyVersion { number: record.details.last, policy, create_time: Some(now) };
    record.details.others.push(version.clone());
    Some(version)
}

/// Makes a version the one that counts; `false` where there is none of this number.
#[must_use]
pub fn set_default(record: &mut PolicyRecord, number: u32, now: UnixMillis) -> bool {
    if record.details.number == number {
        return true;
    }
    let Some(at) = record.details.others.iter().position(|version| version.number == number) else { return false };
    let before = in_force(record);
    let chosen = record.details.others.swap_remove(at);
    record.details.others.push(before);
    record.details.number = chosen.number;
    record.details.number_time = chosen.create_time;
    record.details.update_time = Some(now);
    record.policy = chosen.policy;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> PolicyRecord {
        let text = r#"{"name":"p","policy":{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["a:1"]}]}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn allowing(action: &str) -> Policy {
        Policy::allow(vec![action.to_owned()], None)
    }

    fn numbers(record: &PolicyRecord) -> Vec<u32> {
        versions(record).iter().map(|version| version.number).collect()
    }

    #[test]
    fn a_policy_of_before_has_one_version() {
        assert_eq!(numbers(&record()), [1]);
        assert_eq!(versions(&record())[0].policy.statement[0].action, ["a:1"]);
    }

    #[test]
    fn the_version_that_counts_moves_and_none_is_lost() {
        let (mut policy, now) = (record(), UnixMillis::new(5));
        assert_eq!(add_version(&mut policy, allowing("a:2"), now).unwrap().number, 2);
        assert_eq!(policy.policy.statement[0].action, ["a:1"]);
        assert!(set_default(&mut policy, 2, now));
        assert_eq!((policy.policy.statement[0].action.as_slice(), policy.details.number), (&["a:2".to_owned()][..], 2));
        assert!(!set_default(&mut policy, 7, now));
        assert_eq!(numbers(&policy), [1, 2]);
        // A number is not given twice, whatever was deleted.
        policy.details.others.clear();
        assert!(add_version(&mut policy, allowing("a:3"), now).is_some());
        assert_eq!(numbers(&policy), [2, 3]);
    }

    #[test]
    fn there_are_at_most_five_versions() {
        let mut policy = record();
        for _ in 1..MAX_VERSIONS {
            assert!(add_version(&mut policy, allowing("a:2"), UnixMillis::new(5)).is_some());
        }
        assert!(add_version(&mut policy, allowing("a:2"), UnixMillis::new(5)).is_none());
    }

    #[test]
    fn the_identifier_of_a_policy_fits_the_definitions_and_tells_names_apart() {
        let (one, two) = (policy_id("CSMS FullAccess"), policy_id("CSMS ReadOnlyAccess"));
        assert_ne!(one, two);
        assert!(one.len() <= 64 && one.chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
