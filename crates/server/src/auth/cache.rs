//! Users and access keys as requests need them: read from the store, secret keys opened, kept for a few seconds.
//!
//! An entry lives [`LIFETIME`], so a change of a user takes effect within that time on every replica, and at once on the one
//! that makes it ([`AccessKeys::forget`]). That there is no such access key is remembered no longer, and apart, so that made-up
//! keys take no room of those in use.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use csms_core::{
    UnixMillis,
    policy::{Policy, system_policy},
};
use csms_kms::RootRing;
use csms_store::{AgencyRecord, AnyStore, Store, StoreError, UserRecord};
use zeroize::Zeroizing;

use super::{Assumed, Caller};
use crate::failure::{Chain, Failure};

/// How long an entry is used before it is read again.
pub const LIFETIME: Duration = Duration::from_secs(5);

/// Entries kept at most; beyond that the cache starts again.
const MAX_ENTRIES: usize = 10_000;

/// Longest access key that can exist, in bytes, so that what is remembered of others is small.
const MAX_ACCESS_KEY: usize = 128;

/// Purpose under which older releases sealed secret access keys, whatever row they are in.
pub const UNBOUND_SECRET_KEY: &str = "secret-access-key";

/// Purpose under which the secret key of an access key is sealed, so that it opens in its own row alone.
#[must_use]
pub fn secret_key_purpose(access_key: &str, user_id: &str) -> String {
    // Neither holds a space.
    format!("secret-access-key {access_key} {user_id}")
}

/// How old the noted last use of an access key may be before another use is noted, in milliseconds.
const NOTE_INTERVAL: u64 = 60_000;

/// An access key with its opened secret key and its user.
pub struct AccessKey {
    /// The access key (AK).
    pub access_key: String,
    /// The secret key (SK).
    pub secret_key: Zeroizing<Vec<u8>>,
    /// Its owner.
    pub user: Arc<Caller>,
    /// When it ends.
    expires: Option<UnixMillis>,
    /// The last use that has been noted, here or by another server, in milliseconds since 1970.
    noted: AtomicU64,
}

impl AccessKey {
    /// Whether a use at `now` has to be noted. Returns `true` at most once a minute, so that a use costs no write.
    pub fn begins_minute(&self, now: UnixMillis) -> bool {
        let (noted, now) = (self.noted.load(Ordering::Relaxed), now.as_millis());
        now.saturating_sub(noted) >= NOTE_INTERVAL
            && self.noted.compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A map whose entries grow old.
struct Aging<K, V>(RwLock<HashMap<K, (Instant, Arc<V>)>>);

impl<K: Eq + Hash, V> Aging<K, V> {
    fn new() -> Self {
        Self(RwLock::default())
    }

    fn get(&self, key: &K) -> Option<Arc<V>> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (read, value) = entries.get(key)?;
        (read.elapsed() < LIFETIME).then(|| Arc::clone(value))
    }

    /// Keeps a value that was read in an age, unless that is over.
    fn put(&self, key: K, value: Arc<V>, age: &Age, read_in: u64) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if age.now() != read_in {
            return;
        }
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(key, (Instant::now(), value));
    }
}

/// Counts how often everything was forgotten, so that what was read before is not kept after it.
#[derive(Default)]
struct Age(AtomicU64);

impl Age {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Finds access keys and users.
pub struct AccessKeys {
    root: Arc<RootRing>,
    store: AnyStore,
    keys: Aging<String, AccessKey>,
    /// Access keys that do not exist or are out of use.
    unknown: Aging<String, ()>,
    users: Aging<String, Caller>,
    /// Agencies with what they may do.
    agencies: Aging<String, (AgencyRecord, Vec<Policy>)>,
    age: Age,
}

impl AccessKeys {
    /// Looks in `store`; secret keys are opened by `root`.
    pub fn new(root: Arc<RootRing>, store: AnyStore) -> Self {
        Self {
            root,
            store,
            keys: Aging::new(),
            unknown: Aging::new(),
            users: Aging::new(),
            agencies: Aging::new(),
            age: Age::default(),
        }
    }

    /// Forgets everything that was read before.
    pub fn forget(&self) {
        self.age.0.fetch_add(1, Ordering::SeqCst);
        self.keys.0.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.unknown.0.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.users.0.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.agencies.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The enabled access key of this name, of an enabled user, unless it has ended at `now`.
    ///
    /// # Errors
    /// Failures of the store; a secret key that the root key does not open.
    pub async fn get(&self, access_key: &str, now: UnixMillis) -> Result<Option<Arc<AccessKey>>, Failure> {
        let found = self.find(access_key).await?;
        Ok(found.filter(|key| key.expires.is_none_or(|end| end > now)))
    }

    async fn find(&self, access_key: &str) -> Result<Option<Arc<AccessKey>>, Failure> {
        if access_key.len() > MAX_ACCESS_KEY {
            return Ok(None);
        }
        let name = access_key.to_owned();
        if let Some(key) = self.keys.get(&name) {
            return Ok(Some(key));
        }
        if self.unknown.get(&name).is_some() {
            return Ok(None);
        }
        let age = self.age.now();
        let found = trusted(self.store.access_key(access_key).await)?;
        let Some((key, user)) = found.filter(|(key, user)| key.enabled && user.enabled) else {
            self.unknown.put(name, Arc::new(()), &self.age, age);
            return Ok(None);
        };
        // The MAC of the row proves what is sealed in it.
        let secret_key =
            self.root.open_kept(&secret_key_purpose(&key.access_key, &key.user_id), &key.sealed_secret_key)?;
        let Some(user) = self.caller(user).await? else { return Ok(None) };
        // What is made with the key, such as credentials of a function, ends with it.
        let known_by = Some(Arc::from(key.access_key.as_str()));
        let user = Arc::new(Caller { expires: key.expires, access_key: known_by, ..Arc::unwrap_or_clone(user) });
        let noted = key.last_use.map_or(0, |last| last.time.as_millis());
        let key = Arc::new(AccessKey {
            access_key: key.access_key,
            secret_key,
            user,
            expires: key.expires,
            noted: AtomicU64::new(noted),
        });
        self.keys.put(name, Arc::clone(&key), &self.age, age);
        Ok(Some(key))
    }

    /// Policies with those attached by name. Whoever has a policy that cannot be found may do nothing: it could be the one that
    /// denies. `None` when one was not written by this installation.
    async fn policies(
        &self,
        bearer: &str,
        mut policies: Vec<Policy>,
        attached: &[String],
    ) -> Result<Option<Vec<Policy>>, Failure> {
        for name in attached {
            let shared = match system_policy(name) {
                Some(policy) => Some(policy),
                None => match self.store.policy(name).await {
                    Err(error) if error.is_foreign_row() => return trusted(Err(error)),
                    found => found?.map(|record| record.policy),
                },
            };
            let Some(policy) = shared else {
                tracing::warn!(bearer, policy = name, "an attached policy does not exist");
                return Ok(Some(Vec::new()));
            };
            policies.push(policy);
        }
        Ok(Some(policies))
    }

    async fn caller(&self, user: UserRecord) -> Result<Option<Arc<Caller>>, Failure> {
        let Some(policies) = self.policies(&user.name, user.policies, &user.attached).await? else { return Ok(None) };
        Ok(Some(Arc::new(Caller {
            name: user.name.clone(),
            user_id: Some(user.id),
            user_name: Some(user.name),
            projects: user.projects,
            policies,
            generation: user.details.generation,
            ..Caller::service()
        })))
    }

    /// The enabled user of this identifier, if tokens of this generation are valid.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn user(&self, id: &str, generation: u64) -> Result<Option<Arc<Caller>>, Failure> {
        let id = id.to_owned();
        // A token that is newer than the entry says that the user has changed since.
        if let Some(user) = self.users.get(&id).filter(|user| user.generation >= generation) {
            return Ok(Some(user).filter(|user| user.generation == generation));
        }
        let age = self.age.now();
        let Some(user) = trusted(self.store.user(&id).await)?.filter(|user| user.enabled) else { return Ok(None) };
        let Some(user) = self.caller(user).await? else { return Ok(None) };
        self.users.put(id, Arc::clone(&user), &self.age, age);
        Ok(Some(user).filter(|user| user.generation == generation))
    }

    /// Who acts for the enabled user of this identifier: the user itself, or the agency of this identifier, which has rights
    /// of its own and none of the user's. `None` when tokens of this generation are not valid, when there is no such agency,
    /// and when the user may not assume it.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn acting(
        &self,
        user: &str,
        generation: u64,
        agency: Option<&str>,
    ) -> Result<Option<Arc<Caller>>, Failure> {
        let Some(user) = self.user(user, generation).await? else { return Ok(None) };
        let Some(agency) = agency else { return Ok(Some(user)) };
        let Some(agency) = self.agency(agency).await? else { return Ok(None) };
        let (record, policies) = &*agency;
        let Some(user_id) = user.user_id.clone().filter(|id| record.users.contains(id)) else { return Ok(None) };
        Ok(Some(Arc::new(Caller {
            name: user.name.clone(),
            assumed: Some(Assumed {
                agency_id: record.id.clone(),
                agency: record.name.clone(),
                user_id,
                session: None,
            }),
            projects: record.projects.clone(),
            policies: policies.clone(),
            generation: user.generation,
            ..Caller::service()
        })))
    }

    async fn agency(&self, id: &str) -> Result<Option<Arc<(AgencyRecord, Vec<Policy>)>>, Failure> {
        let id = id.to_owned();
        if let Some(agency) = self.agencies.get(&id) {
            return Ok(Some(agency));
        }
        let age = self.age.now();
        let Some(record) = trusted(self.store.agency(&id).await)? else { return Ok(None) };
        let Some(policies) = self.policies(&record.name, Vec::new(), &record.attached).await? else { return Ok(None) };
        let agency = Arc::new((record, policies));
        self.agencies.put(id, Arc::clone(&agency), &self.age, age);
        Ok(Some(agency))
    }
}

/// What a row says, unless somebody else has written it: then it proves nobody, as if it were not there, and the log says so.
fn trusted<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, Failure> {
    match found {
        Err(error) if error.is_foreign_row() => {
            tracing::error!(cause = %Chain(&error), "a stored row proves nobody; `csms audit verify` names the rows");
            Ok(None)
        }
        found => Ok(found?),
    }
}
