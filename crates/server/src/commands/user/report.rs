//! `csms user report`: who can do something here, for an auditor. Users with their policies and logins, and every access key with
//! its age, last use and end. Shows no secret, and decides nothing.

use csms_cli::Table;
use csms_core::UnixMillis;
use csms_store::{AccessKeyRecord, Store, UserRecord};
use serde_json::{Value, json};

use super::{Failed, Installation, policies_of};
use crate::clock::rfc3339;

const DAY: u64 = 86_400_000;

/// A user with its access keys.
pub(super) struct Entry {
    user: UserRecord,
    keys: Vec<AccessKeyRecord>,
}

/// All users of the installation, by name.
pub(super) async fn read(data: &Installation) -> Result<Vec<Entry>, Failed> {
    let mut entries = Vec::new();
    for user in data.store.users().await? {
        let keys = data.store.access_keys(&user.id).await?;
        entries.push(Entry { user, keys });
    }
    Ok(entries)
}

/// Whole days since a time.
fn age_days(time: UnixMillis, now: UnixMillis) -> u64 {
    now.millis_since(time) / DAY
}

fn time_text(time: UnixMillis) -> String {
    rfc3339(time, 0)
}

/// Whether an access key proves anything at `now`: the word of both forms.
pub(super) fn key_state(key: &AccessKeyRecord, now: UnixMillis) -> &'static str {
    match (key.enabled, key.has_expired(now)) {
        (_, true) => "expired",
        (true, false) => "enabled",
        (false, false) => "disabled",
    }
}

/// An age as a cell.
pub(super) fn age_text(since: Option<UnixMillis>, now: UnixMillis) -> String {
    since.map_or_else(|| "unknown".to_owned(), |since| format!("{} d", age_days(since, now)))
}

/// The end of an access key as a cell.
pub(super) fn end_text(key: &AccessKeyRecord) -> String {
    key.expires.map_or_else(|| "never".to_owned(), time_text)
}

/// The last use of an access key as a cell.
pub(super) fn last_use_text(key: &AccessKeyRecord) -> String {
    key.last_use.as_ref().map_or_else(|| "never".to_owned(), |last| time_text(last.time))
}

/// When the password was last set. Of one that an older release changed, only when the first one was set is known.
fn password_time(user: &UserRecord) -> Option<UnixMillis> {
    user.details.password_change_time.or(user.details.password_time)
}

/// An access key as JSON.
pub(super) fn key_json(key: &AccessKeyRecord, now: UnixMillis) -> Value {
    let last = key.last_use.as_ref();
    json!({
        "access_key": key.access_key,
        "enabled": key.enabled,
        "state": key_state(key, now),
        "created_at": key.create_time.map(time_text),
        "age_days": key.create_time.map(|time| age_days(time, now)),
        "expires_at": key.expires.map(time_text),
        "last_used_at": last.map(|last| time_text(last.time)),
        "last_used_from": last.and_then(|last| last.peer.as_deref()),
        "last_used_operation": last.map(|last| last.operation.as_str()),
    })
}

/// The report as JSON: a list of users.
pub(super) fn json(entries: &[Entry], now: UnixMillis) -> Value {
    let user = |Entry { user, keys }: &Entry| {
        let set = password_time(user).filter(|_| user.password_hash.is_some());
        json!({
            "id": user.id,
            "name": user.name,
            "enabled": user.enabled,
            "created_at": user.details.create_time.map(time_text),
            "projects": user.projects,
            "policies": user.attached,
            "own_policies": user.policies.len(),
            "has_password": user.password_hash.is_some(),
            "password_set_at": set.map(time_text),
            "password_age_days": set.map(|time| age_days(time, now)),
            "access_keys": keys.iter().map(|key| key_json(key, now)).collect::<Vec<_>>(),
        })
    };
    entries.iter().map(user).collect()
}

/// The report as a table: a row for each access key, and one for each user without any.
pub(super) fn table(entries: &[Entry], now: UnixMillis, table: &mut Table) {
    table.texts([
        "USER",
        "ENABLED",
        "POLICIES",
        "PASSWORD AGE",
        "ACCESS KEY",
        "STATE",
        "AGE",
        "LAST USED",
        "FROM",
        "OPERATION",
        "EXPIRES",
    ]);
    for Entry { user, keys } in entries {
        let enabled = if user.enabled { "yes" } else { "no" };
        let policies = policies_of(user);
        let password = match &user.password_hash {
            Some(_) => age_text(password_time(user), now),
            None => "no login".to_owned(),
        };
        if keys.is_empty() {
            table.texts([&user.name, enabled, &policies, &password, "none", "", "", "", "", "", ""]);
        }
        for key in keys {
            let (age, used, end) = (age_text(key.create_time, now), last_use_text(key), end_text(key));
            let last = key.last_use.as_ref();
            let from = last.and_then(|last| last.peer.as_deref()).unwrap_or_default();
            let operation = last.map_or("", |last| last.operation.as_str());
            let state = key_state(key, now);
            table.texts([
                user.name.as_str(),
                enabled,
                &policies,
                &password,
                &key.access_key,
                state,
                &age,
                &used,
                from,
                operation,
                &end,
            ]);
        }
    }
}
