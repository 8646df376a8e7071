//! Which secrets of a project name the same database account: each of their rotations would make the other's SYSCURRENT wrong. The
//! account is the oldest secret's. The others are not rotated: whoever may make a secret could stop the rotation of another
//! otherwise.
//!
//! An index by account only finds the secrets to look at; whether one names the account is read from its own versions. Entries of
//! secrets that are gone leave the index when they are met, and an account keeps some of its oldest secrets, so that making
//! secrets slows nobody's rotation. Another row takes the place of one that was not written by this installation.
//!
//! Accounts are compared by engine, port, the name that the server has for them and the host, of which the names that lead to this
//! machine, and all forms of an address, are one. Names that only a resolver knows to be the same are not noticed, and a value that
//! is sealed for the function cannot be compared. Secrets of other projects are not looked at: whoever may write a value there could
//! stop the rotations here.

use std::{collections::BTreeMap, sync::Arc};

use csms_core::{
    ProjectId, RotationConfig, RotationMode, Secret, SecretName, SecretState, SecretValue, StageName, VersionId,
    rotation::{Account, Engine, Login, same_host},
};
use csms_kms::{DerivedKey, RootRing, envelope};
use csms_store::{ChangeError, Entry, EntryChange, ReadError, Store, StoreError, StoredValue};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{app::App, failure::Failure};

/// Secrets of one page of the first look at all of them.
const PAGE: u16 = 500;

/// Secrets of one account that the index lists at most.
const MAX_USERS: usize = 32;

/// Begins the name under which the store notes that all secrets of the installation are in the index of a root key.
const INDEXED: &str = "database accounts indexed by their hosts' one text";

/// What the key is derived for that hides accounts.
const PURPOSE: &str = "database accounts";

/// Secrets that may name one account: their names by their identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Users(BTreeMap<String, SecretName>);

impl Entry for Users {
    const KIND: &'static str = "database_account";
    const IS_INDEX: bool = true;
}

/// Refuses a new value of a rotated secret that repeats a member: the rotation and the application could read different ones.
/// Any other value is taken, one that describes no account yet among them.
///
/// # Errors
/// Every member of ours that is repeated.
pub fn require_unrepeated(secret: &Secret, value: &SecretValue) -> Result<(), Failure> {
    if !secret.secret_type.is_rotated() {
        return Ok(());
    }
    let problems = Account::repeated_members(value).into_iter();
    let problems: Vec<_> = problems.map(|problem| problem.violation.at("secret_string")).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// Puts a secret into the index under the account of a new value. A failure is logged: each rotation puts its own secret in.
pub async fn note(app: &App, secret: &Secret, value: &SecretValue) {
    if !secret.secret_type.is_rotated() {
        return;
    }
    let Ok(account) = Account::parse(value) else { return };
    if let Err(error) = put(app, secret, account.login()).await {
        tracing::warn!(secret = %secret.name, %error, "the account of a secret is noted later");
    }
}

/// Returns up to `most` older secrets of the project that name an account which this one's rotations change. The secret itself
/// is in the index afterwards, so of two that ask at the same time the younger learns of the other, unless that one has only
/// just been made.
///
/// # Errors
/// Failures of the store.
pub async fn older_secrets(app: &App, secret: &Secret, most: usize) -> Result<Vec<Secret>, StoreError> {
    let mut older: Vec<Secret> = Vec::new();
    'logins: for login in logins(app, secret).await? {
        put(app, secret, &login).await?;
        // Another server may still use the former root key, and has put its secret in under that.
        for key in former_keys(&app.root, &login).into_iter().chain(keys(&app.root, &login)) {
            let Users(users) = app.store.entry(&secret.project, &key).await?.unwrap_or_default();
            let mut gone = Vec::new();
            for (id, name) in users.iter().filter(|(id, _)| id.as_str() != secret.id.as_str()) {
                if older.len() >= most {
                    break;
                }
                let Some(other) = listed(app, &secret.project, id, name).await? else {
                    gone.push(id.clone());
                    continue;
                };
                // The age is known at once; the account takes the values of the other secret.
                let is_known = older.iter().any(|found| found.id == other.id);
                if !is_known && is_older(&other, secret) && names_account(app, secret, &other, &login).await? {
                    older.push(other);
                }
            }
            remove(app, &secret.project, &key, gone).await?;
            if older.len() >= most {
                break 'logins;
            }
        }
    }
    if let Some(other) = older.first() {
        tracing::warn!(secret = %secret.name, other = %other.name, "an older secret names the same database account");
    }
    Ok(older)
}

/// The secret that the index lists; `None` when it is deleted for good. Another secret may have its name by now.
async fn listed(app: &App, project: &ProjectId, id: &str, name: &SecretName) -> Result<Option<Secret>, StoreError> {
    Ok(app.store.secret(project, name).await?.filter(|found| found.id.as_str() == id))
}

/// Whether a secret was made before another one.
fn is_older(secret: &Secret, other: &Secret) -> bool {
    (secret.create_time, secret.id.as_str()) < (other.create_time, other.id.as_str())
}

/// Whether a secret is alive and its rotations change the account of `login`, of which `secret` is the other.
async fn names_account(app: &App, secret: &Secret, other: &Secret, login: &Login) -> Result<bool, StoreError> {
    // A replica follows its primary, and what waits for its deletion is not rotated.
    let is_rotated = other.secret_type.is_rotated() && other.primary().is_none();
    if other.id == secret.id || !is_rotated || other.state == SecretState::PendingDelete {
        return Ok(false);
    }
    let host = |secret: &Secret| secret.rotation_config.as_ref().and_then(RotationConfig::host).map(str::to_owned);
    // Two accounts of one name, each named by its host part. The accounts of PostgreSQL have none.
    if let (Some(one), Some(another)) = (host(secret), host(other))
        && login.engine != Engine::PostgreSql
        && !one.eq_ignore_ascii_case(&another)
    {
        return Ok(false);
    }
    let named = logins(app, other).await?;
    // Under one key, whichever is in use by now.
    let key = app.root.derive_numbered(PURPOSE);
    let login_places = places(&key, login);
    Ok(named.iter().any(|named| places(&key, named).iter().any(|place| login_places.contains(place))))
}

/// The accounts whose passwords rotations of a secret change, as far as the server can read them.
async fn logins(app: &App, secret: &Secret) -> Result<Vec<Login>, StoreError> {
    let takes_turns = secret.rotation_config.as_ref().map(RotationConfig::mode) == Some(RotationMode::MultiUser);
    let previous = takes_turns.then(StageName::previous);
    let mut logins = Vec::new();
    for stage in [Some(StageName::current()), previous].into_iter().flatten() {
        if let Ok(version) = secret.staged(&stage) {
            logins.extend(login(app, secret, version).await?);
        }
    }
    Ok(logins)
}

/// The account in a version; `None` when the server cannot read it, or the version is gone.
async fn login(app: &App, secret: &Secret, version: VersionId) -> Result<Option<Login>, StoreError> {
    let select = |found: &Secret| found.version(version).map(|version| version.id);
    let StoredValue { secret, version, sealed } =
        match app.store.secret_value(&secret.project, &secret.name, Some(version), select).await {
            Ok(found) => found,
            Err(ReadError::Store(error)) => return Err(error),
            Err(ReadError::NotFound | ReadError::Refused(_)) => return Ok(None),
        };
    let Ok(found) = secret.version(version) else { return Ok(None) };
    let Ok(key) = app.keys.get(&secret.project, &found.kms_key_id).await else { return Ok(None) };
    let context = envelope::Context { project: &secret.project, secret: &secret.id, version, key: &found.kms_key_id };
    let value = envelope::open(&key, &context, &sealed).ok();
    Ok(value.and_then(|value| Account::parse(&value).ok()).map(|account| account.login().clone()))
}

/// Puts a secret into the index under an account.
async fn put(app: &App, secret: &Secret, login: &Login) -> Result<(), StoreError> {
    for key in &keys(&app.root, login) {
        let (id, name) = (secret.id.as_str().to_owned(), secret.name.clone());
        let Users(known) = app.store.entry(&secret.project, key).await?.unwrap_or_default();
        if known.get(&id) == Some(&name) {
            continue;
        }
        let leaving = if known.len() < MAX_USERS { Vec::new() } else { leaving(app, secret, &known).await? };
        if leaving.contains(&id) {
            remove(app, &secret.project, key, leaving).await?;
            continue;
        }
        change(app, &secret.project, key, move |users| {
            users.retain(|id, _| !leaving.contains(id));
            users.insert(id.clone(), name.clone());
        })
        .await?;
    }
    Ok(())
}

/// The identifiers that leave a full row for a secret: those of deleted secrets, and else the youngest, which is refused its
/// rotations anyway. That may be the secret itself.
async fn leaving(app: &App, secret: &Secret, known: &BTreeMap<String, SecretName>) -> Result<Vec<String>, StoreError> {
    let (mut gone, mut youngest) = (Vec::new(), secret.clone());
    for (id, name) in known {
        match listed(app, &secret.project, id, name).await? {
            None => gone.push(id.clone()),
            Some(other) if is_older(&youngest, &other) => youngest = other,
            Some(_) => {}
        }
    }
    Ok(if gone.is_empty() { vec![youngest.id.as_str().to_owned()] } else { gone })
}

/// Removes identifiers of a row; a row without any is removed itself.
async fn remove(app: &App, project: &ProjectId, key: &str, gone: Vec<String>) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    change(app, project, key, move |users| users.retain(|id, _| !gone.contains(id))).await
}

/// Changes a row of the index.
async fn change(
    app: &App,
    project: &ProjectId,
    key: &str,
    edit: impl Fn(&mut BTreeMap<String, SecretName>) + Clone + Send + 'static,
) -> Result<(), StoreError> {
    let decide = move |present: Option<Users>| {
        let Users(mut users) = present.unwrap_or_default();
        edit(&mut users);
        let change = if users.is_empty() { EntryChange::Remove } else { EntryChange::Put(Users(users)) };
        Ok::<_, core::convert::Infallible>((change, ()))
    };
    let mut changed = app.store.change_index(project, key, decide.clone()).await;
    if matches!(changed, Err(ChangeError::Store(StoreError::Conflict(_)))) {
        // Another made the entry at the same time.
        changed = app.store.change_index(project, key, decide).await;
    }
    match changed {
        Ok(()) | Err(ChangeError::NotFound) => Ok(()),
        Err(ChangeError::Store(error)) => Err(error),
        Err(ChangeError::Refused(never)) => match never {},
    }
}

/// The account's places in the index: by the address that applications use, and by that of rotations where it is another. Who
/// reads the store learns neither.
fn keys(root: &RootRing, login: &Login) -> Vec<String> {
    places(&root.derive_numbered(PURPOSE), login)
}

/// The account's places under all other root keys.
fn former_keys(root: &RootRing, login: &Login) -> Vec<String> {
    root.derive_all(PURPOSE).1.iter().flat_map(|key| places(key, login)).collect()
}

fn places(key: &DerivedKey, login: &Login) -> Vec<String> {
    let family = match login.engine {
        Engine::PostgreSql => "postgresql",
        Engine::MySql | Engine::MariaDb => "mysql",
    };
    let place = |(host, port): (&str, u16)| {
        hidden(key, &format!("{family}\0{}\0{port}\0{}", same_host(host), login.account_name()))
    };
    let mut places = vec![place((&login.host, login.port)), place(login.rotation_address())];
    places.dedup();
    places
}

/// A text that only the root key leads to.
fn hidden(key: &DerivedKey, text: &str) -> String {
    // HMAC takes keys of any length.
    let mac = Hmac::<Sha256>::new_from_slice(key.key.as_slice());
    mac.map(|mac| hex::encode(mac.chain_update(text).finalize().into_bytes())).unwrap_or_default()
}

/// Puts the secrets of all projects into the index, once for each root key: those that an older release has stored, and those
/// whose places were made under the former key.
///
/// # Errors
/// Failures of the store; what is in the index stays there.
pub async fn index(app: &Arc<App>) -> Result<(), Failure> {
    let mark = format!("{INDEXED} {}", hidden(&app.root.derive_numbered(PURPOSE), "mark"));
    if app.store.meta(&mark).await?.is_some() {
        return Ok(());
    }
    let mut projects: Vec<&ProjectId> = app.identity.regions.iter().map(|region| &region.project).collect();
    if !projects.contains(&&app.identity.project_id) {
        projects.push(&app.identity.project_id);
    }
    for project in projects {
        let mut after: Option<String> = None;
        loop {
            let page = app.store.list_secrets(project, after.as_deref(), PAGE, None).await?;
            for secret in page.items.iter().filter(|secret| secret.secret_type.is_rotated()) {
                for login in logins(app, secret).await? {
                    put(app, secret, &login).await?;
                }
            }
            after = page.items.last().map(|secret| secret.name.to_string());
            if !page.more {
                break;
            }
        }
    }
    app.store.put_meta_if_absent(&mark, b"1".to_vec()).await?;
    Ok(())
}
