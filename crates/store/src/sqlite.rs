//! The embedded store: one SQLite file.
//!
//! Reads run where they are called, on a connection of that thread; there is no hand-over to another thread, because
//! that costs more than the read. Writes go to one thread that commits them in groups. The file is in WAL mode with
//! `synchronous=FULL`: a commit that returned is on disk. A lock beside the file keeps a second server out.
//!
//! Here is only the wiring; statements are in the modules named after what they store.

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use csms_core::{
    EventName, KeyId, ProjectId, Secret, SecretId, SecretName, TaskId, UnixMillis, VersionId,
    event::{Notification, NotificationStatus},
    task::Task,
};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{
    audit::{AuditCheckpoint, AuditEntry, AuditHead, AuditRecord, Pruned},
    bound::{self, Binding, KnownKey, Replacement, RowKey, RowMark},
    draft::Draft,
    entry::{Entry, EntryChange},
    error::{Cause, ChangeError, CreateError, ReadError, StoreError},
    find::{Found, SecretFilter, Window},
    record::{
        AccessChange, AccessDecision, AccessKeyRecord, AccessKeyUse, AccessState, AgencyRecord, ClaimedNotification,
        KeyRecord, Lease, OutboxBacklog, Page, PolicyRecord, Postponed, RotationBacklog, SecretUse, StoredValue,
        TaskFilter, TaskOutcome, TaskPage, UserRecord,
    },
    rekey::{Rekey, Rekeyed, ServerReport},
    row,
    search::AuditFilter,
    store::Store,
};

mod access;
mod audit;
mod checkpoint;
mod connect;
mod entries;
mod failure;
mod files;
mod find;
mod identities;
mod keyring;
mod leases;
mod log_number;
mod outbox;
mod readers;
mod schema;
mod secrets;
mod snapshot;
mod tasks;
pub(crate) mod transfer;
mod writer;

use checkpoint::{Checkpoints, Limits};
use files::Files;
use leases::Leases;
use readers::Readers;
use writer::{Group, Writer};

/// Most searches of one kind at the same time.
const MAX_SEARCHES: usize = 1;

/// How an SQLite file is used.
#[derive(Clone, Copy, Debug)]
pub struct SqliteSettings {
    /// Greatest number of writes in one commit; 1 gives each write its own.
    pub max_batch: usize,
    /// How long to wait for a lock that another program holds on the file.
    pub busy_timeout: Duration,
    /// How long a write may take, longer than that. Beyond it the disk counts as one that does not answer.
    pub timeout: Duration,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { max_batch: 256, busy_timeout: Duration::from_secs(2), timeout: Duration::from_secs(10) }
    }
}

/// A store in an SQLite file. Clones share it; it closes when the last one is dropped, after the writes that were
/// begun, or before by [`SqliteStore::close`].
#[derive(Clone)]
pub struct SqliteStore(Arc<Parts>);

struct Parts {
    // Dropped in this order: the writer finishes, closes the readers, moves its log into the file and stops; the lock opens.
    writer: Writer,
    readers: Arc<Readers>,
    leases: Arc<Leases>,
    row_key: Arc<KnownKey>,
    /// Permits for searches of secrets, which may take as long as there are rows.
    secret_searches: Arc<Semaphore>,
    /// The same for searches of the audit trail.
    audit_searches: Arc<Semaphore>,
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the file at `path`, making it if there is none, and brings its schema up to date. Its directory must
    /// exist; beside it come `-wal`, `-shm` and `.lock` files.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when another process has the file open, its schema belongs to a newer release, or
    /// the system refuses; [`StoreError::Corrupt`] when it is no database of ours.
    pub fn open(path: &Path, settings: SqliteSettings) -> Result<Self, StoreError> {
        Self::open_with(path, settings, Limits::USUAL)
    }

    fn open_with(path: &Path, settings: SqliteSettings, limits: Limits) -> Result<Self, StoreError> {
        let lock = connect::lock(path)?;
        let mut connection = connect::for_writing(path, settings.busy_timeout)?;
        log_number::require_own_log(path, &connection)?;
        schema::migrate(&mut connection)?;
        audit::fill_columns(&connection)?;
        Self::open_locked(path, connection, settings, Some((lock, limits)))
    }

    /// Opens an existing file for a command, also while a server has it open. The server sees what the command changes about
    /// users, access keys and policies; nothing else may be changed this way.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; [`StoreError::NotFound`] when there is no file; [`StoreError::Unavailable`] also when the schema
    /// belongs to an older release, whose server may have the file open.
    pub fn open_beside(path: &Path) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError::NotFound);
        }
        let (busy_timeout, timeout) = (Duration::from_secs(10), Duration::from_secs(20));
        let settings = SqliteSettings { busy_timeout, timeout, ..SqliteSettings::default() };
        let connection = connect::for_writing(path, settings.busy_timeout)?;
        log_number::require_own_log(path, &connection)?;
        schema::require(&connection)?;
        Self::open_locked(path, connection, settings, None)
    }

    /// Whether a server has the file at `path` open. Makes nothing; a lock that cannot be asked for counts as held.
    #[must_use]
    pub fn is_in_use(path: &Path) -> bool {
        match File::open(connect::lock_of(path)) {
            Ok(lock) => lock.try_lock_shared().is_err(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }

    fn open_locked(
        path: &Path,
        connection: Connection,
        settings: SqliteSettings,
        alone: Option<(File, Limits)>,
    ) -> Result<Self, StoreError> {
        let files = Arc::new(Files::remember(path, alone.is_some())?);
        // Raised by each commit, so that readers know when what they see is out of date.
        let commits = Arc::new(AtomicU64::new(0));
        let readers = Arc::new(Readers::new(path, settings.busy_timeout, Arc::clone(&commits), Arc::clone(&files)));
        let (lock, limits) = alone.unzip();
        let checkpoints = Checkpoints::start(path, Arc::clone(&readers), Arc::clone(&files), limits)?;
        let row_key = Arc::<KnownKey>::default();
        let writer = Writer::start(connection, settings, commits, files, Arc::clone(&row_key), checkpoints)?;
        let parts = Parts {
            writer,
            readers,
            leases: Arc::default(),
            row_key,
            secret_searches: Arc::new(Semaphore::new(MAX_SEARCHES)),
            audit_searches: Arc::new(Semaphore::new(MAX_SEARCHES)),
            _lock: lock,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Runs a search on a thread of its own, one of its kind at a time: it may read as many rows as there are, and the caller's
    /// thread serves others, too.
    async fn search<T: Send + 'static>(
        &self,
        permits: &Arc<Semaphore>,
        search: impl FnOnce(&Parts) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let failed = |error| StoreError::Unavailable(error);
        let alone = Arc::clone(permits).acquire_owned().await;
        let alone = alone.map_err(|error| failed(Cause::with("searching", error)))?;
        let parts = Arc::clone(&self.0);
        // Whoever leaves while it runs frees nothing early.
        let found = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            search(&parts)
        });
        let found = found.await;
        found.map_err(|error| failed(Cause::with("searching", error)))?
    }

    /// Runs a search of secrets in a window.
    async fn find<T: Send + 'static>(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
        find: fn(&Connection, Binding<'_>, &ProjectId, &SecretFilter, Window<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (project, filter, after) = (project.clone(), filter.clone(), window.after.map(str::to_owned));
        let (offset, limit) = (window.offset, window.limit);
        let search = move |parts: &Parts| {
            let binding = bound::known(&parts.row_key)?;
            let window = Window { after: after.as_deref(), offset, limit };
            parts.readers.read(|db| find(db, binding, &project, &filter, window))
        };
        self.search(&self.0.secret_searches, search).await
    }

    /// Address of the database that the data was moved to, if it was; see [`crate::transfer`]. The file is out of date then.
    ///
    /// # Errors
    /// As every read.
    pub async fn moved_to(&self) -> Result<Option<String>, StoreError> {
        self.0.readers.read(transfer::moved_to)
    }

    /// Has the file used again although its data was moved.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_move(&self) -> Result<(), StoreError> {
        self.0.writer.write_all(|db| transfer::forget_move(db)).await
    }

    /// Copies the state of one instant into a new file, while writes go on. It takes as long as there is data.
    pub(crate) fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        snapshot::copy(self.0.readers.path(), target)
    }

    /// The projects that have secrets.
    ///
    /// # Errors
    /// As every read.
    pub async fn projects(&self) -> Result<Vec<ProjectId>, StoreError> {
        self.0.readers.read(snapshot::projects)
    }

    /// Ends after the writes that were begun, and moves all data into the one file. What is asked for afterwards fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when a part of the data stays in the log, because another program reads the file or the
    /// disk is full. The next start finds it there.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.writer.close().await
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    async fn secret(&self, project: &ProjectId, name: &SecretName) -> Result<Option<Secret>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read(|db| Ok(secrets::find(db, binding, project, name)?.map(|found| found.secret)))
    }

    async fn secret_value<E: Send>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        _expected: Option<VersionId>,
        select: impl Fn(&Secret) -> Result<VersionId, E> + Send,
    ) -> Result<StoredValue, ReadError<E>> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read(|db| {
            let found = secrets::find(db, binding, project, name)?.ok_or(ReadError::NotFound)?;
            let version = select(&found.secret).map_err(ReadError::Refused)?;
            let sealed = secrets::value(db, &found, version)?;
            Ok(StoredValue { secret: found.secret, version, sealed })
        })
    }

    async fn list_secrets(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
        event: Option<&EventName>,
    ) -> Result<Page<Secret>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read(|db| secrets::list(db, binding, project, after, limit, event))
    }

    async fn find_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> Result<Page<Secret>, StoreError> {
        self.find(project, filter, window, find::find).await
    }

    async fn find_and_count_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> Result<Found, StoreError> {
        self.find(project, filter, window, find::find_and_count).await
    }

    async fn count_secrets(&self, project: &ProjectId, filter: &SecretFilter) -> Result<u64, StoreError> {
        let (project, filter) = (project.clone(), filter.clone());
        let count = move |parts: &Parts| parts.readers.read(|db| find::count(db, &project, &filter));
        self.search(&self.0.secret_searches, count).await
    }

    async fn project_tags(&self, project: &ProjectId) -> Result<Vec<(String, String)>, StoreError> {
        let project = project.clone();
        let tags = move |parts: &Parts| parts.readers.read(|db| find::tags(db, &project));
        self.search(&self.0.secret_searches, tags).await
    }

    async fn secret_by_id(&self, project: &ProjectId, id: &SecretId) -> Result<Option<Secret>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read(|db| secrets::find_by_id(db, binding, project, id))
    }

    async fn entry<T: Entry>(&self, project: &ProjectId, name: &str) -> Result<Option<T>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read(|db| entries::find(db, binding, project, name))
    }

    async fn entries<T: Entry>(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(String, T)>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read(|db| entries::list(db, binding, project, after, limit))
    }

    async fn change_entry<T: Entry, R: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &str,
        records: Vec<AuditEntry>,
        decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E> + Send + 'static,
    ) -> Result<R, ChangeError<E>> {
        let (project, name, row_key) = (project.clone(), name.to_owned(), Arc::clone(&self.0.row_key));
        let change =
            move |db: &Group<'_>| entries::change(db, bound::known(&row_key)?, &project, &name, records, decide);
        self.0.writer.write(change).await
    }

    async fn task(&self, project: &ProjectId, id: &TaskId) -> Result<Option<Task>, StoreError> {
        self.0.readers.read(|db| Ok(tasks::find(db, id)?.filter(|task| task.project == *project)))
    }

    async fn tasks(&self, project: &ProjectId, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        self.0.readers.read(|db| tasks::list(db, project, filter))
    }

    async fn due_deletions(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        self.0.readers.read(|db| secrets::due(db, secrets::DUE_DELETIONS, now, limit))
    }

    async fn due_rotations(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        self.0.readers.read(|db| secrets::due(db, secrets::DUE_ROTATIONS, now, limit))
    }

    async fn rotations_due_after(
        &self,
        time: UnixMillis,
        limit: u16,
    ) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        self.0.readers.read(|db| secrets::due(db, secrets::FAR_ROTATIONS, time, limit))
    }

    async fn rotation_backlog(&self, now: UnixMillis) -> Result<RotationBacklog, StoreError> {
        self.0.readers.read(|db| tasks::backlog(db, now))
    }

    async fn outbox_backlog(&self) -> Result<OutboxBacklog, StoreError> {
        self.0.readers.read(outbox::backlog)
    }

    async fn next_due_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        self.0.readers.read(secrets::next_due_time)
    }

    async fn due_expiries(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        self.0.readers.read(|db| secrets::due(db, secrets::DUE_EXPIRIES, now, limit))
    }

    async fn next_event_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        self.0.readers.read(outbox::next_event_time)
    }

    async fn notifications(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(Notification, NotificationStatus)>, StoreError> {
        self.0.readers.read(|db| outbox::list(db, project, after, limit))
    }

    async fn claim_notifications(
        &self,
        now: UnixMillis,
        until: UnixMillis,
        limit: u16,
    ) -> Result<Vec<ClaimedNotification>, StoreError> {
        self.0.writer.write(move |db| outbox::claim(db, now, until, limit)).await
    }

    async fn postpone_notifications(&self, postponed: Vec<Postponed>) -> Result<(), StoreError> {
        self.0.writer.write(move |db| outbox::postpone(db, &postponed)).await
    }

    async fn settle_notification(
        &self,
        id: &str,
        attempt: u32,
        status: NotificationStatus,
        next: Option<UnixMillis>,
    ) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.0.writer.write(move |db| outbox::settle(db, &id, attempt, status, next)).await
    }

    async fn hasten_notifications(&self, now: UnixMillis, latest: UnixMillis) -> Result<u64, StoreError> {
        self.0.writer.write(move |db| outbox::hasten(db, now, latest)).await
    }

    async fn purge_notifications(&self, before: UnixMillis) -> Result<u64, StoreError> {
        self.0.writer.write(move |db| outbox::purge(db, before)).await
    }

    async fn key(&self, project: &ProjectId, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| Ok(identities::key(db, binding, id)?.filter(|key| key.project == *project)))
    }

    async fn key_by_alias(&self, project: &ProjectId, alias: &str) -> Result<Option<KeyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| identities::key_by_alias(db, binding, project, alias))
    }

    async fn user(&self, id: &str) -> Result<Option<UserRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| identities::user(db, binding, id))
    }

    async fn user_by_name(&self, domain_id: Option<&str>, name: &str) -> Result<Option<UserRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| identities::user_by_name(db, binding, domain_id, name))
    }

    async fn access_key(&self, access_key: &str) -> Result<Option<(AccessKeyRecord, UserRecord)>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| identities::access_key(db, binding, access_key))
    }

    async fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::users(db, binding))
    }

    async fn access_keys(&self, user_id: &str) -> Result<Vec<AccessKeyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::access_keys(db, binding, user_id))
    }

    async fn policy(&self, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::policy(db, binding, name))
    }

    async fn policies(&self) -> Result<Vec<PolicyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::policies(db, binding))
    }

    async fn agency(&self, id: &str) -> Result<Option<AgencyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::agency(db, binding, id))
    }

    async fn agencies(&self) -> Result<Vec<AgencyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::agencies(db, binding))
    }

    async fn keys(&self, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::keys(db, binding, project))
    }

    async fn keys_pending_deletion(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::keys_pending_deletion(db, binding))
    }

    async fn keys_due_for_rotation(&self, now: UnixMillis) -> Result<Vec<KeyRecord>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::keys_due_for_rotation(db, binding, now))
    }

    async fn audit_records(
        &self,
        after: u64,
        limit: u16,
        secret: Option<&str>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.0.readers.read_latest(|db| audit::after(db, after, limit, secret))
    }

    async fn find_audit_records(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        let filter = filter.clone();
        let find = move |parts: &Parts| parts.readers.read_latest(|db| audit::find(db, &filter));
        self.search(&self.0.audit_searches, find).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.0.readers.read_latest(audit::head)
    }

    async fn audit_checkpoint(&self) -> Result<Option<AuditCheckpoint>, StoreError> {
        self.0.readers.read_latest(audit::checkpoint)
    }

    async fn audit_sink(&self) -> Result<Option<u64>, StoreError> {
        self.0.readers.read_latest(audit::sink)
    }

    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.readers.read_latest(|db| identities::meta(db, key))
    }

    async fn create_secret(
        &self,
        secret: Secret,
        sealed: Vec<u8>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        let row_key = Arc::clone(&self.0.row_key);
        let create =
            move |db: &Group<'_>| secrets::create(db, bound::known(&row_key)?, &secret, &sealed, quota, records);
        self.0.writer.write(create).await
    }

    async fn restore_secret(
        &self,
        secret: Secret,
        values: BTreeMap<VersionId, Vec<u8>>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        let row_key = Arc::clone(&self.0.row_key);
        let restore = move |db: &Group<'_>| {
            let values = row::values_of(&secret, &values)?;
            secrets::insert(db, bound::known(&row_key)?, &secret, &values, quota, records)
        };
        self.0.writer.write(restore).await
    }

    async fn change_secret<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        load_values: bool,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let (project, name, leases) = (project.clone(), name.clone(), Arc::clone(&self.0.leases));
        let row_key = Arc::clone(&self.0.row_key);
        self.0
            .writer
            .write(move |db| {
                let binding = bound::known(&row_key)?;
                let found = secrets::find(db, binding, &project, &name)?.ok_or(ChangeError::NotFound)?;
                let row = found.row;
                let values = if load_values { secrets::values(db, row)? } else { Default::default() };
                let running = found.secret.running_task.as_ref().map(|id| tasks::find(db, id)).transpose()?.flatten();
                let holder = running.as_ref().and_then(|task| leases.holder(&task.id));
                let mut draft = Draft::new(found.secret, values, running, holder);
                let answer = decide(&mut draft).map_err(ChangeError::Refused)?;
                if let Some(event) = draft.new_binding() {
                    entries::require_event(db, binding, &project, event)?;
                }
                outbox::notify(db, binding, &draft)?;
                let tasks = secrets::apply(db, binding, row, draft.into_changes()?)?;
                leases.follow(&tasks);
                Ok(answer)
            })
            .await
    }

    async fn finish_orphan_task(&self, task: Task, holder: &str, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        let (holder, leases) = (holder.to_owned(), Arc::clone(&self.0.leases));
        let finish = move |db: &Group<'_>| {
            row::require_holder(&task, leases.holder(&task.id).as_deref(), &holder)?;
            tasks::finish_orphan(db, &task)?;
            db.record(records);
            leases.release(&task.id, &holder);
            Ok(())
        };
        self.0.writer.write(finish).await
    }

    async fn claim_tasks(&self, holder: &str, lasts: Duration, limit: u16) -> Result<Vec<Task>, StoreError> {
        let (holder, leases) = (holder.to_owned(), Arc::clone(&self.0.leases));
        let claim = move |db: &Group<'_>| Ok(leases.claim(&tasks::running(db)?, &holder, lasts, limit));
        self.0.writer.write(claim).await
    }

    async fn renew_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        let (lease, leases) = (lease.clone(), Arc::clone(&self.0.leases));
        self.0.writer.write(move |_| Ok(leases.renew(&lease))).await
    }

    async fn release_leases_of(&self, server: &str) -> Result<u64, StoreError> {
        let (server, leases) = (server.to_owned(), Arc::clone(&self.0.leases));
        self.0.writer.write(move |_| Ok(leases.release_of(&server))).await
    }

    async fn release_lease(&self, task: &TaskId, holder: &str) -> Result<(), StoreError> {
        let (task, holder, leases) = (task.clone(), holder.to_owned(), Arc::clone(&self.0.leases));
        let release = move |_: &Group<'_>| {
            leases.release(&task, &holder);
            Ok(())
        };
        self.0.writer.write(release).await
    }

    async fn purge_tasks(&self, outcome: TaskOutcome, before: UnixMillis, limit: u16) -> Result<u64, StoreError> {
        self.0.writer.write(move |db| tasks::purge(db, outcome, before, limit)).await
    }

    async fn put_user(&self, user: UserRecord) -> Result<(), StoreError> {
        self.change_access(vec![AccessChange::PutUser(user)], Vec::new()).await
    }

    async fn put_access_key(&self, key: AccessKeyRecord) -> Result<(), StoreError> {
        self.change_access(vec![AccessChange::PutAccessKey(key)], Vec::new()).await
    }

    async fn access_rows(&self) -> Result<Vec<RowMark>, StoreError> {
        let binding = bound::known(&self.0.row_key)?;
        self.0.readers.read_latest(|db| access::rows(db, binding))
    }

    fn use_row_key(&self, key: Arc<RowKey>) {
        self.0.row_key.put(key);
    }

    fn require_named_value(&self, _: &'static str, _: Vec<u8>) {}

    async fn convert_access(
        &self,
        mark: Replacement,
        convert: impl FnOnce(&mut AccessState) -> Result<(), StoreError> + Send + 'static,
        records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        let row_key = Arc::clone(&self.0.row_key);
        let change = move |db: &Group<'_>| access::convert(db, bound::known(&row_key)?, &mark, convert, records);
        self.0.writer.write_all(change).await
    }

    async fn bind_rows(&self, mark: Replacement, records: Vec<AuditEntry>) -> Result<bool, StoreError> {
        let row_key = Arc::clone(&self.0.row_key);
        let bind = move |db: &Group<'_>| access::bind_rows(db, bound::known(&row_key)?, &mark, records);
        self.0.writer.write_all(bind).await
    }

    async fn put_keyring(
        &self,
        key: &str,
        old: Option<Vec<u8>>,
        new: Vec<u8>,
        records: Vec<AuditEntry>,
        silence: Duration,
    ) -> Result<bool, StoreError> {
        let key = key.to_owned();
        let put = move |db: &Group<'_>| keyring::put_keyring(db, &key, old.as_deref(), &new, records, silence);
        self.0.writer.write(put).await
    }

    async fn rekey(&self, rekey: Rekey) -> Result<Rekeyed, StoreError> {
        self.0.writer.write_all(move |db: &Group<'_>| keyring::change(db, &rekey)).await
    }

    async fn report_server(&self, report: &ServerReport, lasts: Duration) -> Result<(), StoreError> {
        let report = report.clone();
        self.0.writer.write(move |db| keyring::report(db, &report, lasts)).await
    }

    async fn servers(&self) -> Result<Vec<ServerReport>, StoreError> {
        self.0.readers.read_latest(keyring::servers)
    }

    async fn withdraw_server(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.0.writer.write(move |db| keyring::withdraw(db, &name)).await
    }

    async fn make_user_once(
        &self,
        mark: &str,
        user: UserRecord,
        key: AccessKeyRecord,
        mut records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        let (mark, row_key) = (mark.to_owned(), Arc::clone(&self.0.row_key));
        let make = move |db: &Group<'_>| {
            let made = identities::make_user_once(db, bound::known(&row_key)?, &mark, &user, &key)?;
            let Some(marks) = made else { return Ok(false) };
            crate::audit::name_rows(&mut records, &marks);
            db.record(records);
            Ok(true)
        };
        self.0.writer.write(make).await
    }

    async fn change_access(&self, changes: Vec<AccessChange>, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        let row_key = Arc::clone(&self.0.row_key);
        let change = move |db: &Group<'_>| access::change_all(db, bound::known(&row_key)?, &changes, records);
        self.0.writer.write(change).await
    }

    async fn decide_access<T: Send + 'static, E: Send + 'static>(
        &self,
        decide: impl FnOnce(&AccessState) -> Result<AccessDecision<T>, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let row_key = Arc::clone(&self.0.row_key);
        let change = move |db: &Group<'_>| {
            let binding = bound::known(&row_key)?;
            let (answer, changes, records) = decide(&access::state(db, binding)?).map_err(ChangeError::Refused)?;
            access::change_all(db, binding, &changes, records)?;
            Ok(answer)
        };
        self.0.writer.write(change).await
    }

    async fn change_keys<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        decide: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(T, Vec<AuditEntry>), E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let (project, row_key) = (project.clone(), Arc::clone(&self.0.row_key));
        let change = move |db: &Group<'_>| {
            let binding = bound::known(&row_key)?;
            let before = access::keys(db, binding, &project)?;
            let mut after = before.clone();
            let (answer, mut records) = decide(&mut after).map_err(ChangeError::Refused)?;
            let marks = access::apply_keys(db, binding, &before, &after)?;
            crate::audit::name_rows(&mut records, &marks);
            db.record(records);
            Ok(answer)
        };
        self.0.writer.write(change).await
    }

    async fn append_audit(&self, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        let append = move |db: &Group<'_>| {
            db.record(records);
            Ok(())
        };
        self.0.writer.write(append).await
    }

    async fn put_audit_checkpoint(
        &self,
        before: u64,
        checkpoint: AuditCheckpoint,
        records: Vec<AuditEntry>,
    ) -> Result<(), StoreError> {
        let put = move |db: &Group<'_>| {
            audit::put_checkpoint(db, before, &checkpoint)?;
            db.record(records);
            Ok(())
        };
        self.0.writer.write(put).await
    }

    async fn prune_audit(&self, from: Option<u64>, limit: u16) -> Result<Pruned, StoreError> {
        self.0.writer.write(move |db| audit::prune(db, from, limit)).await
    }

    async fn claim_audit_sink(&self, _holder: &str, _lasts: Duration) -> Result<Option<u64>, StoreError> {
        match self.audit_sink().await? {
            Some(number) => Ok(Some(number)),
            None => self.0.writer.write(|db| audit::begin_sink(db)).await,
        }
    }

    async fn advance_audit_sink(&self, _holder: &str, _lasts: Duration, number: u64) -> Result<bool, StoreError> {
        self.0.writer.write(move |db| audit::advance_sink(db, number)).await
    }

    async fn note_key_uses(&self, uses: Vec<AccessKeyUse>) -> Result<Vec<AccessKeyUse>, StoreError> {
        // One writer writes everything: no row is held by somebody else.
        self.0.writer.write(move |db| access::note_key_uses(db, &uses)).await.map(|()| Vec::new())
    }

    async fn note_uses(&self, uses: Vec<SecretUse>) -> Result<Vec<SecretUse>, StoreError> {
        self.0.writer.write(move |db| secrets::note_uses(db, &uses)).await.map(|()| Vec::new())
    }

    async fn check_writing(&self) -> Result<(), StoreError> {
        self.0.writer.write(|db| identities::check_writing(db)).await
    }

    async fn check_root_key(&self) -> Result<(), StoreError> {
        let head = self.0.readers.read_latest(audit::head)?;
        crate::audit::require_next_key_in_use(&head, &self.0.row_key)
    }

    async fn put_meta_if_absent(&self, key: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let key = key.to_owned();
        self.0.writer.write(move |db| identities::put_meta_if_absent(db, &key, &value)).await
    }

    async fn put_meta(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.0.writer.write(move |db| identities::put_meta(db, &key, &value)).await
    }
}
