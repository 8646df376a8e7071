//! The store for several replicas: a PostgreSQL database, or one that speaks its protocol.
//!
//! Plain SQL, no extensions, no triggers. A change locks the row of its secret, so changes of one secret happen one after
//! the other and those of others do not wait. Every operation has a limit in time; what was not answered within it is
//! [`StoreError::Unavailable`](crate::StoreError::Unavailable), also a commit whose answer was lost.
//!
//! Here is only the wiring; statements are in the modules named after what they store.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use csms_core::{
    EventName, KeyId, ProjectId, Secret, SecretId, SecretName, TaskId, UnixMillis, VersionId,
    event::{Notification, NotificationStatus},
    task::Task,
};
use deadpool_postgres::Pool;

use crate::{
    audit::{AuditEntry, AuditHead, AuditRecord},
    bound::{self, KnownKey, Replacement, RowKey, RowMark},
    draft::Draft,
    entry::{Entry, EntryChange},
    error::{Cause, ChangeError, CreateError, ReadError, StoreError},
    record::{
        AccessChange, AccessDecision, AccessKeyRecord, AccessState, ClaimedNotification, KeyRecord, Lease, Page,
        PolicyRecord, RotationBacklog, SecretUse, StoredValue, TaskFilter, TaskOutcome, TaskPage, UserRecord,
    },
    row,
    search::AuditFilter,
    store::Store,
};

mod access;
mod audit;
mod connect;
mod entries;
mod failure;
mod identities;
mod outbox;
mod schema;
mod secrets;
mod session;
mod tasks;
pub(crate) mod transfer;

pub use connect::PostgresSettings;
use session::{Session, within};

/// How often a change is begun again while nothing has been decided.
const ATTEMPTS: usize = 3;

/// A store in a PostgreSQL database. Clones share its connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
    timeout: Duration,
    row_key: Arc<KnownKey>,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date. The database should hold nothing else; its user owns it, or owns the
    /// tables once they are there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the settings cannot be used, the database is not reached, refuses the user, or
    /// belongs to a newer release; [`StoreError::Corrupt`] when it has tables of another program.
    pub async fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let store = Self { pool: connect::pool(settings)?, timeout: settings.timeout, row_key: Arc::default() };
        within(settings.timeout, schema::migrate(&store.pool)).await?;
        Ok(store)
    }

    /// Locks a secret in a new transaction. Nothing has been decided yet, so what others were in the way of is begun
    /// again.
    async fn lock(
        &self,
        project: &ProjectId,
        name: &SecretName,
        load_values: bool,
    ) -> Result<(Session, Option<Draft>), StoreError> {
        let mut attempt = 1;
        loop {
            let locked = async {
                let session = Session::write(&self.pool).await?;
                match secrets::lock(&session, project, name, load_values).await {
                    Ok(draft) => Ok((session, draft)),
                    Err(error) => session.end(Err(error)).await,
                }
            };
            match locked.await {
                Err(error) if attempt < ATTEMPTS && failure::may_repeat(&error) => attempt += 1,
                outcome => return outcome,
            }
        }
    }
}

impl PostgresStore {
    /// Stores a secret with the values of its versions.
    async fn insert(
        &self,
        secret: &Secret,
        values: &[(VersionId, &[u8])],
        quota: u64,
        records: &[AuditEntry],
    ) -> Result<(), CreateError> {
        loop {
            let session = Session::write(&self.pool).await?;
            let created = secrets::create(&session, secret, values, quota, records.to_vec()).await;
            match session.end(created).await {
                Err(CreateError::Quota)
                    if secrets::has_room(&Session::open(&self.pool).await?, &secret.project, quota).await? => {}
                outcome => return outcome,
            }
        }
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

/// The statements that are to stay quick however many rows there are, and the indexes that each must use; for tests that ask
/// a database for its plans.
#[cfg(feature = "testing")]
pub const QUICK_STATEMENTS: &[(&str, &[&str])] = &[
    (secrets::FIND, &["secrets_by_name"]),
    (secrets::VALUE, &["secret_values_pkey"]),
    (secrets::LIST, &["secrets_by_name"]),
    (secrets::LIST_OF_EVENT, &["secrets_by_event"]),
    (secrets::DUE_ROTATIONS, &["secrets_by_rotation"]),
    (secrets::DUE_DELETIONS, &["secrets_by_deletion"]),
    (secrets::NEXT_DUE_TIME, &["secrets_by_rotation", "secrets_by_deletion"]),
    (tasks::BACKLOG, &["secrets_by_rotation", "tasks_running"]),
    (tasks::CLAIM, &["tasks_running"]),
    (tasks::PURGE, &["tasks_by_age"]),
];

/// Runs the caller's function and writes what it amounts to.
async fn decide<T, E>(
    session: &Session,
    mut draft: Draft,
    decide: impl FnOnce(&mut Draft) -> Result<T, E>,
) -> Result<T, ChangeError<E>> {
    let before = draft.secret.clone();
    let answer = catch_unwind(AssertUnwindSafe(|| decide(&mut draft)))
        .map_err(|_| StoreError::Unavailable(Cause::new("the function that decides a write panicked")))?
        .map_err(ChangeError::Refused)?;
    if let Some(event) = draft.new_binding() {
        entries::require_event(session, &before.project, event).await?;
    }
    outbox::tell(session, &draft).await?;
    secrets::apply(session, &before, draft.into_changes()?).await?;
    Ok(answer)
}

impl Store for PostgresStore {
    async fn secret(&self, project: &ProjectId, name: &SecretName) -> Result<Option<Secret>, StoreError> {
        within(self.timeout, async { secrets::find(&Session::open(&self.pool).await?, project, name).await }).await
    }

    async fn secret_value<E: Send>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        select: impl FnOnce(&Secret) -> Result<VersionId, E> + Send,
    ) -> Result<StoredValue, ReadError<E>> {
        let read = async {
            let session = Session::snapshot(&self.pool).await?;
            let found = async {
                let secret = secrets::find(&session, project, name).await?.ok_or(ReadError::NotFound)?;
                let version = select(&secret).map_err(ReadError::Refused)?;
                let sealed = secrets::value(&session, &secret, version).await?;
                Ok(StoredValue { secret, version, sealed })
            };
            let found = found.await;
            session.end(found).await
        };
        within(self.timeout, read).await
    }

    async fn list_secrets(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
        event: Option<&EventName>,
    ) -> Result<Page<Secret>, StoreError> {
        let list = async { secrets::list(&Session::open(&self.pool).await?, project, after, limit, event).await };
        within(self.timeout, list).await
    }

    async fn secret_by_id(&self, project: &ProjectId, id: &SecretId) -> Result<Option<Secret>, StoreError> {
        within(self.timeout, async { secrets::find_by_id(&Session::open(&self.pool).await?, project, id).await }).await
    }

    async fn entry<T: Entry>(&self, project: &ProjectId, name: &str) -> Result<Option<T>, StoreError> {
        within(self.timeout, async { entries::find(&Session::open(&self.pool).await?, project, name).await }).await
    }

    async fn entries<T: Entry>(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(String, T)>, StoreError> {
        within(self.timeout, async { entries::list(&Session::open(&self.pool).await?, project, after, limit).await })
            .await
    }

    async fn change_entry<T: Entry, R: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &str,
        records: Vec<AuditEntry>,
        decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E> + Send + 'static,
    ) -> Result<R, ChangeError<E>> {
        let change = async {
            let session = Session::write(&self.pool).await?;
            let changed = entries::change(&session, project, name, records, decide).await;
            session.end(changed).await
        };
        within(self.timeout, change).await
    }

    async fn task(&self, project: &ProjectId, id: &TaskId) -> Result<Option<Task>, StoreError> {
        let found = within(self.timeout, async { tasks::find(&Session::open(&self.pool).await?, id).await }).await?;
        Ok(found.filter(|task| task.project == *project))
    }

    async fn tasks(&self, project: &ProjectId, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        let list = async {
            let session = Session::snapshot(&self.pool).await?;
            let listed = tasks::list(&session, project, filter).await;
            session.end(listed).await
        };
        within(self.timeout, list).await
    }

    async fn due_deletions(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        let due = async { secrets::due(&Session::open(&self.pool).await?, secrets::DUE_DELETIONS, now, limit).await };
        within(self.timeout, due).await
    }

    async fn due_rotations(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        let due = async { secrets::due(&Session::open(&self.pool).await?, secrets::DUE_ROTATIONS, now, limit).await };
        within(self.timeout, due).await
    }

    async fn rotation_backlog(&self, now: UnixMillis) -> Result<RotationBacklog, StoreError> {
        within(self.timeout, async { tasks::backlog(&Session::open(&self.pool).await?, now).await }).await
    }

    async fn next_due_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        within(self.timeout, async { secrets::next_due_time(&Session::open(&self.pool).await?).await }).await
    }

    async fn due_expiries(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        within(self.timeout, async {
            secrets::due(&Session::open(&self.pool).await?, secrets::DUE_EXPIRIES, now, limit).await
        })
        .await
    }

    async fn next_event_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        within(self.timeout, async { outbox::next_event_time(&Session::open(&self.pool).await?).await }).await
    }

    async fn notifications(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(Notification, NotificationStatus)>, StoreError> {
        let list = async {
            let session = Session::snapshot(&self.pool).await?;
            let listed = outbox::list(&session, project, after, limit).await;
            session.end(listed).await
        };
        within(self.timeout, list).await
    }

    async fn claim_notifications(
        &self,
        now: UnixMillis,
        until: UnixMillis,
        limit: u16,
    ) -> Result<Vec<ClaimedNotification>, StoreError> {
        let claim = async {
            let session = Session::write(&self.pool).await?;
            let claimed = outbox::claim(&session, now, until, limit).await;
            session.end(claimed).await
        };
        within(self.timeout, claim).await
    }

    async fn settle_notification(
        &self,
        id: &str,
        attempt: u32,
        status: NotificationStatus,
        next: Option<UnixMillis>,
    ) -> Result<bool, StoreError> {
        within(self.timeout, async {
            outbox::settle(&Session::open(&self.pool).await?, id, attempt, status, next).await
        })
        .await
    }

    async fn purge_notifications(&self, before: UnixMillis) -> Result<u64, StoreError> {
        within(self.timeout, async { outbox::purge(&Session::open(&self.pool).await?, before).await }).await
    }

    async fn key(&self, project: &ProjectId, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let found = within(self.timeout, async { identities::key(&Session::open(&self.pool).await?, id).await });
        Ok(found.await?.filter(|key| key.project == *project))
    }

    async fn key_by_alias(&self, project: &ProjectId, alias: &str) -> Result<Option<KeyRecord>, StoreError> {
        let find = async { identities::key_by_alias(&Session::open(&self.pool).await?, project, alias).await };
        within(self.timeout, find).await
    }

    async fn user(&self, id: &str) -> Result<Option<UserRecord>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        within(self.timeout, async { identities::user(&Session::open(&self.pool).await?, binding, id).await }).await
    }

    async fn user_by_name(&self, domain_id: Option<&str>, name: &str) -> Result<Option<UserRecord>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        let find =
            async { identities::user_by_name(&Session::open(&self.pool).await?, binding, domain_id, name).await };
        within(self.timeout, find).await
    }

    async fn access_key(&self, access_key: &str) -> Result<Option<(AccessKeyRecord, UserRecord)>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        let find = async { identities::access_key(&Session::open(&self.pool).await?, binding, access_key).await };
        within(self.timeout, find).await
    }

    async fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        within(self.timeout, async { access::users(&Session::open(&self.pool).await?, binding).await }).await
    }

    async fn access_keys(&self, user_id: &str) -> Result<Vec<AccessKeyRecord>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        let find = async { access::access_keys(&Session::open(&self.pool).await?, binding, user_id).await };
        within(self.timeout, find).await
    }

    async fn policy(&self, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        within(self.timeout, async { access::policy(&Session::open(&self.pool).await?, binding, name).await }).await
    }

    async fn policies(&self) -> Result<Vec<PolicyRecord>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        within(self.timeout, async { access::policies(&Session::open(&self.pool).await?, binding).await }).await
    }

    async fn keys(&self, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
        within(self.timeout, async { access::keys(&Session::open(&self.pool).await?, project).await }).await
    }

    async fn keys_pending_deletion(&self) -> Result<Vec<KeyRecord>, StoreError> {
        within(self.timeout, async { access::keys_pending_deletion(&Session::open(&self.pool).await?).await }).await
    }

    async fn audit_records(
        &self,
        after: u64,
        limit: u16,
        secret: Option<&str>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let list = async { audit::after(&Session::open(&self.pool).await?, after, limit, secret).await };
        within(self.timeout, list).await
    }

    async fn find_audit_records(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        within(self.timeout, async { audit::find(&Session::open(&self.pool).await?, filter).await }).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        within(self.timeout, async { audit::head(&Session::open(&self.pool).await?).await }).await
    }

    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        within(self.timeout, async { identities::meta(&Session::open(&self.pool).await?, key).await }).await
    }

    async fn create_secret(
        &self,
        secret: Secret,
        sealed: Vec<u8>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        let values = [(row::only_version(&secret)?, sealed.as_slice())];
        within(self.timeout, self.insert(&secret, &values, quota, &records)).await
    }

    async fn restore_secret(
        &self,
        secret: Secret,
        values: BTreeMap<VersionId, Vec<u8>>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        let values = row::values_of(&secret, &values)?;
        within(self.timeout, self.insert(&secret, &values, quota, &records)).await
    }

    async fn change_secret<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        load_values: bool,
        decision: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let change = async {
            let (session, draft) = self.lock(project, name, load_values).await?;
            let changed = match draft {
                None => Err(ChangeError::NotFound),
                Some(draft) => decide(&session, draft, decision).await,
            };
            session.end(changed).await
        };
        within(self.timeout, change).await
    }

    async fn finish_orphan_task(&self, task: Task, holder: &str, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        let finish = async {
            let session = Session::write(&self.pool).await?;
            let outcome = tasks::finish_orphan(&session, &task, holder, records).await;
            session.end(outcome).await
        };
        within(self.timeout, finish).await
    }

    async fn claim_tasks(
        &self,
        holder: &str,
        now: UnixMillis,
        expires: UnixMillis,
        limit: u16,
    ) -> Result<Vec<Task>, StoreError> {
        let claim = async {
            let session = Session::write(&self.pool).await?;
            let claimed = tasks::claim(&session, holder, now, expires, limit).await;
            session.end(claimed).await
        };
        within(self.timeout, claim).await
    }

    async fn renew_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        within(self.timeout, async { tasks::renew_lease(&Session::open(&self.pool).await?, lease).await }).await
    }

    async fn release_lease(&self, task: &TaskId, holder: &str) -> Result<(), StoreError> {
        within(self.timeout, async { tasks::release_lease(&Session::open(&self.pool).await?, task, holder).await })
            .await
    }

    async fn purge_tasks(&self, outcome: TaskOutcome, before: UnixMillis, limit: u16) -> Result<u64, StoreError> {
        let purge = async { tasks::purge(&Session::open(&self.pool).await?, outcome, before, limit).await };
        within(self.timeout, purge).await
    }

    async fn ensure_key(&self, key: KeyRecord) -> Result<KeyRecord, StoreError> {
        within(self.timeout, async { identities::ensure_key(&Session::open(&self.pool).await?, &key).await }).await
    }

    async fn put_user(&self, user: UserRecord) -> Result<(), StoreError> {
        self.change_access(vec![AccessChange::PutUser(user)], Vec::new()).await
    }

    async fn put_access_key(&self, key: AccessKeyRecord) -> Result<(), StoreError> {
        self.change_access(vec![AccessChange::PutAccessKey(key)], Vec::new()).await
    }

    async fn access_rows(&self) -> Result<Vec<RowMark>, StoreError> {
        let binding = bound::known(&self.row_key)?;
        within(self.timeout, async { access::rows(&Session::open(&self.pool).await?, binding).await }).await
    }

    fn use_row_key(&self, key: Arc<RowKey>) {
        // The first one stays: a store has one root key.
        let _ = self.row_key.set(key);
    }

    async fn convert_access(
        &self,
        mark: Replacement,
        convert: impl FnOnce(&mut AccessState) -> Result<(), StoreError> + Send + 'static,
        records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        let change = async {
            let session = Session::write(&self.pool).await?;
            let converted =
                async { access::convert(&session, bound::known(&self.row_key)?, &mark, convert, records).await };
            let converted = converted.await;
            session.end(converted).await
        };
        within(self.timeout, change).await
    }

    async fn make_user_once(
        &self,
        mark: &str,
        user: UserRecord,
        key: AccessKeyRecord,
        mut records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        let make = async {
            let session = Session::write(&self.pool).await?;
            let made = async {
                let marks = identities::make_user(&session, bound::known(&self.row_key)?, mark, &user, &key).await?;
                crate::audit::name_rows(&mut records, &marks);
                audit::append(&session, records).await
            };
            let made = made.await;
            match session.end(made).await {
                // Whether the mark or the user's name was there is told apart by looking.
                Err(error) if failure::is_duplicate(&error) => {
                    match identities::meta(&Session::open(&self.pool).await?, mark).await? {
                        Some(_) => Ok(false),
                        None => Err(error),
                    }
                }
                made => made.map(|()| true),
            }
        };
        within(self.timeout, make).await
    }

    async fn change_access(&self, changes: Vec<AccessChange>, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        let change = async {
            let session = Session::write(&self.pool).await?;
            let changed = async {
                access::lock(&session).await?;
                access::change_all(&session, bound::known(&self.row_key)?, &changes, records).await
            };
            let changed = changed.await;
            session.end(changed).await
        };
        within(self.timeout, change).await
    }

    async fn decide_access<T: Send + 'static, E: Send + 'static>(
        &self,
        decide: impl FnOnce(&AccessState) -> Result<AccessDecision<T>, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let change = async {
            let session = Session::write(&self.pool).await?;
            let changed = async {
                let binding = bound::known(&self.row_key)?;
                let state = access::lock_state(&session, binding).await?;
                let (answer, changes, records) = catch_unwind(AssertUnwindSafe(|| decide(&state)))
                    .map_err(|_| StoreError::Unavailable(Cause::new("the function that decides a write panicked")))?
                    .map_err(ChangeError::Refused)?;
                access::change_all(&session, binding, &changes, records).await?;
                Ok(answer)
            };
            let changed = changed.await;
            session.end(changed).await
        };
        within(self.timeout, change).await
    }

    async fn change_keys<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        decide: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(T, Vec<AuditEntry>), E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let change = async {
            let session = Session::write(&self.pool).await?;
            let changed = async {
                let before = access::lock_keys(&session, project).await?;
                let mut after = before.clone();
                let (answer, records) = catch_unwind(AssertUnwindSafe(|| decide(&mut after)))
                    .map_err(|_| StoreError::Unavailable(Cause::new("the function that decides a write panicked")))?
                    .map_err(ChangeError::Refused)?;
                access::apply_keys(&session, &before, &after).await?;
                audit::append(&session, records).await?;
                Ok(answer)
            };
            let changed = changed.await;
            session.end(changed).await
        };
        within(self.timeout, change).await
    }

    async fn append_audit(&self, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        let append = async {
            let session = Session::write(&self.pool).await?;
            let appended = audit::append(&session, records).await;
            session.end(appended).await
        };
        within(self.timeout, append).await
    }

    async fn note_uses(&self, uses: Vec<SecretUse>) -> Result<(), StoreError> {
        within(self.timeout, async { secrets::note_uses(&Session::open(&self.pool).await?, &uses).await }).await
    }

    async fn put_meta_if_absent(&self, key: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let put = async { identities::put_meta_if_absent(&Session::open(&self.pool).await?, key, value).await };
        within(self.timeout, put).await
    }
}
