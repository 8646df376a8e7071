//! The audit trail: who changed what, and who read which value.
//!
//! A change's record is written in the change's own transaction. Reads of values and attempts that failed are gathered and
//! written together, at most [`DELAY`] later, so that a read does not cost a write; equal ones of that time become one record
//! with their number. Refused attempts are gathered for a minute, see [`Trail::refused`]. With `audit_reads = "strict"` an answer waits until its record is on disk. A record never holds a value.

pub mod archive;
mod record;
mod refused;
pub mod signing_key;
mod store;
mod uses;

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::HeaderValue;
use csms_core::{ProjectId, UnixMillis, VersionId};
use csms_kms::{DerivedKey, RootRing};
use csms_store::{AccessKeyUse, AnyStore, AuditEntry, ChainKey, LastKeyUse, Store, StoreError};
use tokio::sync::Notify;

pub use record::{OK, Record};
use refused::{Refusals, Refused};
pub use store::AuditedStore;
use uses::RecentUses;

use crate::{
    auth::{Caller, cache::AccessKey},
    clock::Clock,
    failure::Chain,
    telemetry::outage,
};

/// How long a gathered record waits at most before it is written.
pub const DELAY: Duration = Duration::from_millis(50);

/// Beyond as many gathered records answers wait until they are written, so that memory stays bounded.
const MOST: usize = 20_000;

/// How long to wait after the store has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether reads wait for their records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadRecords {
    /// Records of reads are written at most 50 ms after the response; a crash loses those not yet written.
    #[default]
    Batched,
    /// A response with a value waits until its record is on disk.
    Strict,
}

/// The keys of the chain, from the root keys: also from retired ones, under which older records stand.
#[must_use]
pub fn chain_key(root: &RootRing) -> Arc<ChainKey> {
    let (DerivedKey { number, key }, others) = root.derive_all("audit-chain");
    Arc::new(ChainKey::with_others(number, key, others.into_iter().map(|other| (other.number, other.key))))
}

/// Who does something, and as part of what. Set for the time of an operation, so that whatever it changes is recorded under
/// its name, and no operation can forget to say so.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who.
    pub caller: Arc<Caller>,
    /// The operation's name.
    pub action: &'static str,
    /// The version that the request names.
    pub version: Option<VersionId>,
    request: Option<Requested>,
    recorded: Arc<std::sync::atomic::AtomicBool>,
}

tokio::task_local! {
    static ORIGIN: Origin;
    static REQUESTED: Requested;
}

/// The request that is being answered: its identifier, and where it came from.
#[derive(Clone, Debug)]
pub struct Requested {
    id: HeaderValue,
    peer: Option<IpAddr>,
    is_secure: bool,
}

impl Requested {
    /// A request.
    #[must_use]
    pub const fn new(id: HeaderValue, peer: Option<IpAddr>, is_secure: bool) -> Self {
        Self { id, peer, is_secure }
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Where it came from.
    #[must_use]
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Whether it was encrypted on its way.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The one that this task answers, if it answers one.
    #[must_use]
    pub fn current() -> Option<Self> {
        REQUESTED.try_with(Clone::clone).ok()
    }

    /// Runs `work` as part of the answer to it.
    pub async fn during<T>(self, work: impl Future<Output = T>) -> T {
        REQUESTED.scope(self, work).await
    }
}

impl Origin {
    /// A caller's operation.
    #[must_use]
    pub fn new(caller: Arc<Caller>, action: &'static str, version: Option<VersionId>) -> Self {
        Self { caller, action, version, request: Requested::current(), recorded: Arc::default() }
    }

    /// What the service does by itself.
    #[must_use]
    pub fn service(action: &'static str) -> Self {
        Self::new(Arc::new(Caller::service()), action, None)
    }

    /// The origin of what is being done now; background work of the service when nobody has said so.
    #[must_use]
    pub fn current() -> Self {
        ORIGIN.try_with(Clone::clone).unwrap_or_else(|_| Self::service("Maintain"))
    }

    /// Runs `work` under this origin.
    pub async fn during<T>(self, work: impl Future<Output = T>) -> T {
        ORIGIN.scope(self, work).await
    }

    /// Says in a record which request it is of.
    fn sign<'r>(&'r self, record: &mut Record<'r>) {
        record.request = self.request.as_ref().map(Requested::id);
        record.source = self.request.as_ref().and_then(|request| request.peer);
    }

    /// Notes that a record of it has been written.
    fn note(&self) {
        self.recorded.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether a record of it has been written.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.recorded.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// What makes two reads equal. The caller is compared by its place in memory, where it stays while it is a key here.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Same {
    caller: usize,
    action: &'static str,
    project: String,
    secret: String,
    key: String,
    target: String,
    version: Option<VersionId>,
    outcome: &'static str,
    source: Option<IpAddr>,
}

struct Gathered {
    caller: Arc<Caller>,
    first: UnixMillis,
    count: u64,
}

impl Gathered {
    /// The record of all of them.
    fn record<'r>(&'r self, same: &'r Same) -> Record<'r> {
        let text = |text: &'r String| Some(text.as_str()).filter(|text| !text.is_empty());
        let mut record = Record::by(&self.caller, same.action, self.first);
        record.project = text(&same.project);
        record.secret = text(&same.secret);
        record.key = text(&same.key);
        record.target = text(&same.target);
        record.version = same.version;
        record.outcome = same.outcome;
        record.source = same.source;
        record.count = self.count;
        record
    }
}

/// One read of a value, or one attempt that failed.
pub struct Event<'e> {
    /// Who.
    pub caller: &'e Arc<Caller>,
    /// The operation's name.
    pub action: &'static str,
    /// The project; what is about the account has none.
    pub project: Option<&'e ProjectId>,
    /// Name of the secret; empty when it is about none.
    pub secret: &'e str,
    /// Identifier of the KMS key; empty when it is about none.
    pub key: &'e str,
    /// The user, access key or policy; empty when it is about none.
    pub target: &'e str,
    /// The version.
    pub version: Option<VersionId>,
    /// [`OK`], or the code of the error.
    pub outcome: &'static str,
}

/// Gathers and writes records.
pub struct Trail {
    store: AnyStore,
    chain: RwLock<Arc<ChainKey>>,
    clock: Clock,
    reads: ReadRecords,
    gathered: Mutex<HashMap<Same, Gathered>>,
    refusals: Mutex<Refusals>,
    key_uses: Mutex<Vec<AccessKeyUse>>,
    writing: tokio::sync::Mutex<RecentUses>,
    wake: Notify,
    write_failures: AtomicU64,
}

impl Trail {
    /// A trail in `store`, linked under a key from `root`.
    #[must_use]
    pub fn new(store: AnyStore, root: &RootRing, clock: Clock, reads: ReadRecords) -> Self {
        Self {
            store,
            chain: RwLock::new(chain_key(root)),
            clock,
            reads,
            gathered: Mutex::default(),
            refusals: Mutex::default(),
            key_uses: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            write_failures: AtomicU64::new(0),
        }
    }

    /// Links later records under the keys of this ring.
    pub fn follow(&self, root: &RootRing) {
        *self.chain.write().unwrap_or_else(PoisonError::into_inner) = chain_key(root);
    }

    fn chain(&self) -> Arc<ChainKey> {
        Arc::clone(&self.chain.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many gathered records wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// How often writing gathered records has failed.
    #[must_use]
    pub fn write_failures(&self) -> u64 {
        self.write_failures.load(Ordering::Relaxed)
    }

    /// Makes the first record, so that an empty trail is a sign of its removal.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn open(&self) -> Result<(), StoreError> {
        if self.store.audit_head().await?.number > 0 {
            return Ok(());
        }
        let caller = Caller::service();
        let record = Record::by(&caller, "OpenTrail", self.clock.now());
        self.store.append_audit(vec![self.entry(&record)]).await
    }

    /// A record ready to be appended.
    #[must_use]
    pub fn entry(&self, record: &Record<'_>) -> AuditEntry {
        record.entry(&self.chain())
    }

    /// A record of the current operation, about a secret or a key, to be appended in the transaction of its change.
    #[must_use]
    pub fn change<'r>(
        &self,
        origin: &'r Origin,
        project: &'r ProjectId,
        describe: impl FnOnce(&mut Record<'r>),
    ) -> AuditEntry {
        origin.note();
        self.record(origin, project, describe)
    }

    /// The same where it turns out later whether there is a change at all.
    fn record<'r>(
        &self,
        origin: &'r Origin,
        project: &'r ProjectId,
        describe: impl FnOnce(&mut Record<'r>),
    ) -> AuditEntry {
        let mut record = Record::by(&origin.caller, origin.action, self.clock.now());
        record.project = Some(project.as_str());
        origin.sign(&mut record);
        describe(&mut record);
        self.entry(&record)
    }

    /// A record of the current operation, about a user, access key or policy, to be appended in the transaction of its
    /// change.
    #[must_use]
    pub fn change_of_account(&self, origin: &Origin, target: &str) -> AuditEntry {
        let mut record = Record::by(&origin.caller, origin.action, self.clock.now());
        record.target = Some(target);
        origin.sign(&mut record);
        origin.note();
        self.entry(&record)
    }

    /// The time, as records tell it.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Same, Gathered>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gathers an event. `true` when the answer has to wait for [`Trail::flush`].
    #[must_use]
    pub fn gather(&self, event: &Event<'_>) -> bool {
        let same = Same {
            caller: Arc::as_ptr(event.caller) as usize,
            action: event.action,
            project: event.project.map(ToString::to_string).unwrap_or_default(),
            secret: event.secret.to_owned(),
            key: event.key.to_owned(),
            target: event.target.to_owned(),
            version: event.version,
            outcome: event.outcome,
            source: REQUESTED.try_with(|request| request.peer).ok().flatten(),
        };
        let mut gathered = self.lock();
        let first = gathered.is_empty();
        match gathered.entry(same) {
            Entry::Occupied(mut entry) => entry.get_mut().count += 1,
            Entry::Vacant(entry) => {
                entry.insert(Gathered { caller: Arc::clone(event.caller), first: self.clock.now(), count: 1 });
            }
        }
        let full = gathered.len() > MOST;
        drop(gathered);
        if first {
            self.wake.notify_one();
        }
        full || self.reads == ReadRecords::Strict
    }

    /// Notes an attempt that was refused. The first one of a caller with an action and a code is written soon, with its
    /// resource; equal ones of the next minute become one record with their number. [`Caller::nobody`] stands for requests
    /// that proved no identity: they count by their peer, and the first one is logged.
    pub fn refused(&self, event: &Event<'_>) {
        let source = REQUESTED.try_with(|request| request.peer).ok().flatten();
        let refused = Refused::new(event, source, self.clock.now());
        let is_unproven = refused.is_unproven();
        if !self.lock_refusals().note(refused) {
            return;
        }
        if is_unproven {
            tracing::warn!(peer = ?source, action = event.action, code = event.outcome, "refused without a proven identity");
        }
        self.wake.notify_one();
    }

    /// Notes that an access key has proved a request for an operation, once a minute for each key. It is written soon, not
    /// before the answer.
    pub fn note_key_use(&self, key: &AccessKey, operation: &str) {
        let time = self.clock.now();
        if !key.begins_minute(time) {
            return;
        }
        let peer = REQUESTED.try_with(|request| request.peer).ok().flatten().map(|peer| peer.to_string());
        let last = LastKeyUse { time, peer, operation: operation.to_owned() };
        self.lock_key_uses().push(AccessKeyUse { access_key: key.access_key.clone(), last });
        self.wake.notify_one();
    }

    fn lock_key_uses(&self) -> MutexGuard<'_, Vec<AccessKeyUse>> {
        self.key_uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what has been gathered. When this returns, every event that was gathered before the call is on disk; of refused
    /// attempts, those whose minute is over and the first of each kind.
    ///
    /// # Errors
    /// Failures of the store; what was gathered is kept.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.write(false).await
    }

    /// As [`Trail::flush`], with all refused attempts: nothing is gathered any more.
    ///
    /// # Errors
    /// As [`Trail::flush`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.write(true).await
    }

    async fn write(&self, everything: bool) -> Result<(), StoreError> {
        // Whoever waits here finds its events written by the one before, or takes all that came meanwhile along.
        let mut recent = self.writing.lock().await;
        let batch = std::mem::take(&mut *self.lock());
        let refused = self.lock_refusals().take((!everything).then(|| self.clock.now()));
        if batch.is_empty() && refused.is_empty() {
            self.write_key_uses().await;
            return Ok(());
        }
        let mut kept = Kept { trail: self, batch: Some((batch, refused)) };
        let chain = self.chain();
        let entries = kept.batch.iter().flat_map(|(batch, refused)| {
            let uses = batch.iter().map(|(same, gathered)| self.entry(&gathered.record(same)));
            uses.chain(refused.iter().map(|refused| refused.entry(&chain)))
        });
        let entries = entries.collect();
        self.store.append_audit(entries).await?;
        let (batch, _) = kept.batch.take().unwrap_or_default();
        self.note_uses(&mut recent, &batch).await;
        self.write_key_uses().await;
        Ok(())
    }

    /// Writes the last uses of access keys. One that cannot be written is made up for by the next use.
    async fn write_key_uses(&self) {
        let uses = std::mem::take(&mut *self.lock_key_uses());
        if uses.is_empty() {
            return;
        }
        match self.store.note_key_uses(uses).await {
            // Written with what comes next.
            Ok(held) => self.lock_key_uses().extend(held),
            Err(error) => tracing::warn!(cause = %Chain(&error), "the last use of access keys was not noted"),
        }
    }

    /// Notes when the secrets were last used whose reads have just been recorded.
    async fn note_uses(&self, recent: &mut RecentUses, batch: &HashMap<Same, Gathered>) {
        let reads = batch.iter().filter(|(same, _)| same.outcome == OK && !same.secret.is_empty());
        let uses: Vec<_> =
            reads.filter_map(|(same, read)| recent.news(&same.project, &same.secret, read.first)).collect();
        if uses.is_empty() {
            return;
        }
        match self.store.note_uses(uses.clone()).await {
            // A secret whose row is held is news again with the next read.
            Ok(held) => recent.noted(uses.into_iter().filter(|noted| !held.contains(noted)).collect()),
            // The records are written; the time comes with the next read.
            Err(error) => tracing::warn!(cause = %Chain(&error), "the last use of secrets was not noted"),
        }
    }

    /// Writes what is gathered soon after it comes, until the task is dropped.
    pub async fn keep_writing(&self) {
        loop {
            let next = self.lock_refusals().next_time();
            tokio::select! {
                () = self.wake.notified() => {}
                // The end of a minute of refused attempts.
                () = self.wait_until(next) => {}
            }
            // Leaves time to write before the delay is over.
            tokio::time::sleep(DELAY * 3 / 4).await;
            while let Err(error) = self.flush().await {
                self.write_failures.fetch_add(1, Ordering::Relaxed);
                outage::report(&error, "records of the audit trail will be written later");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn wait_until(&self, time: Option<UnixMillis>) {
        match time {
            Some(time) => self.clock.sleep(Duration::from_millis(time.millis_since(self.clock.now()))).await,
            None => std::future::pending().await,
        }
    }
}

/// Puts events back that were not written, also when whoever writes them stops waiting.
struct Kept<'t> {
    trail: &'t Trail,
    batch: Option<(HashMap<Same, Gathered>, Vec<Refused>)>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let Some((batch, refused)) = self.batch.take() else { return };
        self.trail.lock_refusals().put_back(refused);
        let mut gathered = self.trail.lock();
        for (same, old) in batch {
            match gathered.entry(same) {
                Entry::Occupied(mut entry) => {
                    let entry = entry.get_mut();
                    (entry.first, entry.count) = (old.first, entry.count + old.count);
                }
                Entry::Vacant(entry) => {
                    entry.insert(old);
                }
            }
        }
        drop(gathered);
        self.trail.wake.notify_one();
    }
}
