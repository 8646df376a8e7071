//! Who may administer, and whether a change would leave nobody who may.
//!
//! The cloud has the account itself, whose rights no request can take away. Here there are users alone: the last one who may
//! attach policies to every user stands in its place.

use csms_api::iam::IamOperation;
use csms_core::{
    UnixMillis,
    policy::{Policy, RequestContext, allows, system_policy, user_resource},
};
use csms_store::{AccessChange, AccessState, UserRecord};

/// Why a change is refused that would leave nobody who may administer.
pub const LEAVES_NOBODY: &str = "this would leave nobody who may administer users and policies";

/// Whether somebody may administer before the changes, and nobody after them.
#[must_use]
pub fn leaves_nobody(state: &AccessState, changes: &[AccessChange], now: UnixMillis) -> bool {
    has_administrator(state, now) && !has_administrator(&after(state, changes), now)
}

fn has_administrator(state: &AccessState, now: UnixMillis) -> bool {
    state.users.iter().any(|user| is_administrator(state, user, now))
}

/// Whether the user can prove itself and may attach any policy to any user, which is a way to every other right.
fn is_administrator(state: &AccessState, user: &UserRecord, now: UnixMillis) -> bool {
    let has_key = || state.keys.iter().any(|key| key.user_id == user.id && key.enabled && !key.has_expired(now));
    if !user.enabled || !(user.password_hash.is_some() || has_key()) {
        return false;
    }
    let stored =
        |name: &String| state.policies.iter().find(|known| known.name == *name).map(|known| known.policy.clone());
    let attached = user.attached.iter().filter_map(|name| system_policy(name).or_else(|| stored(name)));
    let policies: Vec<Policy> = user.policies.iter().cloned().chain(attached).collect();
    let context = RequestContext {
        now: Some(now),
        user_name: Some(user.name.clone()),
        user_id: Some(user.id.clone()),
        domain_id: Some(user.domain_id.clone()),
        mfa_present: Some(false),
        ..RequestContext::default()
    };
    let actions = IamOperation::AttachUserPolicyV5.specification().actions;
    allows(&policies, actions, &user_resource(&user.domain_id, "*"), &context)
}

/// What the changes make of a state.
fn after(state: &AccessState, changes: &[AccessChange]) -> AccessState {
    let mut state = state.clone();
    for change in changes {
        match change {
            AccessChange::PutUser(user) => {
                state.users.retain(|known| known.id != user.id);
                state.users.push(user.clone());
            }
            AccessChange::DeleteUser(id) => {
                state.users.retain(|known| known.id != *id);
                state.keys.retain(|known| known.user_id != *id);
            }
            AccessChange::PutAccessKey(key) => {
                state.keys.retain(|known| known.access_key != key.access_key);
                state.keys.push(key.clone());
            }
            AccessChange::DeleteAccessKey(name) => state.keys.retain(|known| known.access_key != *name),
            AccessChange::PutPolicy(policy) => {
                state.policies.retain(|known| known.name != policy.name);
                state.policies.push(policy.clone());
            }
            AccessChange::DeletePolicy(name) => state.policies.retain(|known| known.name != *name),
            // A password in place of another one; agencies act for users, who are there without them.
            AccessChange::ReplacePassword { .. } | AccessChange::PutAgency(_) | AccessChange::DeleteAgency(_) => {}
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use csms_store::{AccessKeyRecord, PolicyDetails, PolicyRecord, UserDetails};

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn allowing(action: &str, resource: Option<&str>) -> Policy {
        Policy::allow(vec![action.to_owned()], resource.map(|resource| vec![resource.to_owned()]))
    }

    fn user(name: &str, policies: Vec<Policy>) -> UserRecord {
        UserRecord {
            id: format!("id-{name}"),
            name: name.to_owned(),
            domain_id: "d".to_owned(),
            password_hash: None,
            projects: Vec::new(),
            policies,
            attached: Vec::new(),
            enabled: true,
            details: UserDetails::default(),
        }
    }

    fn key(of: &UserRecord) -> AccessKeyRecord {
        AccessKeyRecord {
            access_key: format!("AK-{}", of.name),
            sealed_secret_key: Vec::new(),
            user_id: of.id.clone(),
            enabled: true,
            create_time: None,
            expires: None,
            last_use: None,
        }
    }

    /// An administrator with a key, and a reader with one.
    fn state() -> AccessState {
        let (admin, reader) = (user("admin", vec![allowing("*", None)]), user("reader", Vec::new()));
        let keys = vec![key(&admin), key(&reader)];
        AccessState { users: vec![admin, reader], keys, ..AccessState::default() }
    }

    #[test]
    fn each_way_to_lose_the_last_administrator_is_seen() {
        let state = state();
        let admin = state.users[0].clone();
        let without_policy = UserRecord { policies: Vec::new(), ..admin.clone() };
        let disabled = UserRecord { enabled: false, ..admin.clone() };
        let key = state.keys[0].clone();
        let off = AccessKeyRecord { enabled: false, ..key.clone() };
        let ended = AccessKeyRecord { expires: Some(NOW), ..key.clone() };
        for change in [
            AccessChange::DeleteUser(admin.id),
            AccessChange::PutUser(without_policy),
            AccessChange::PutUser(disabled),
            AccessChange::PutAccessKey(off),
            AccessChange::PutAccessKey(ended),
            AccessChange::DeleteAccessKey(key.access_key),
        ] {
            assert!(leaves_nobody(&state, std::slice::from_ref(&change), NOW), "{change:?}");
        }
    }

    #[test]
    fn a_change_that_leaves_somebody_is_none_of_them() {
        let mut state = state();
        let reader = state.users[1].id.clone();
        assert!(!leaves_nobody(&state, &[AccessChange::DeleteUser(reader)], NOW));
        let second = user("second", vec![allowing("iam:*:*", None)]);
        state.keys.push(key(&second));
        state.users.push(second);
        assert!(!leaves_nobody(&state, &[AccessChange::DeleteUser(state.users[0].id.clone())], NOW));
    }

    #[test]
    fn a_password_is_enough_to_administer_with() {
        let mut state = state();
        state.users[0].password_hash = Some("hash".to_owned());
        let key = AccessChange::DeleteAccessKey(state.keys[0].access_key.clone());
        assert!(!leaves_nobody(&state, std::slice::from_ref(&key), NOW));
        let without = UserRecord { password_hash: None, ..state.users[0].clone() };
        assert!(leaves_nobody(&state, &[key, AccessChange::PutUser(without)], NOW));
    }

    #[test]
    fn the_policy_that_makes_the_last_administrator_counts_in_its_new_version() {
        let mut state = state();
        let policy = |policy| PolicyRecord {
            name: "admins".to_owned(),
            description: String::new(),
            policy,
            details: PolicyDetails::default(),
        };
        state.users[0].policies.clear();
        state.users[0].attached.push("admins".to_owned());
        state.policies.push(policy(allowing("iam:*:*", None)));
        let some = policy(allowing("iam:*:*", Some("iam::*:user:team-*")));
        assert!(leaves_nobody(&state, &[AccessChange::PutPolicy(some)], NOW));
        assert!(!leaves_nobody(&state, &[AccessChange::PutPolicy(policy(allowing("*", None)))], NOW));
    }

    #[test]
    fn where_nobody_administers_nothing_is_refused() {
        let mut state = state();
        state.users.remove(0);
        assert!(!leaves_nobody(&state, &[AccessChange::DeleteUser(state.users[0].id.clone())], NOW));
    }
}
