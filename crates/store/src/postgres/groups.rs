//! Changes that wait at the same time are decided and written in one transaction.
//!
//! A commit costs a flush of the disk, and appending to the audit trail locks its head until then, however many changes there
//! are. One task of each store takes what waits as a group: it locks the rows, decides each change, writes all of them, and
//! appends their records last. A change that is refused writes nothing; one that fails takes nothing of its neighbours along,
//! because those are written again without it. At most one change of a secret is in a group, and the next waits for the next.
//!
//! A row that somebody else has locked does not stop the group: its change leaves the group and waits in a transaction of its
//! own (see [`super::alone`]), and later changes of the same secret wait behind it.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use csms_core::{ProjectId, Secret, SecretName, VersionId};
use tokio::sync::{mpsc, oneshot};

use super::{
    alone::{self, Alone},
    audit,
    batch::{self, Locked},
    connect::Connections,
    entries, failure, outbox,
    secrets::{self, Loaded},
    session::{Session, within},
};
use crate::{
    audit::AuditEntry,
    draft::{Changes, Draft},
    error::{Cause, ChangeError, CreateError, Remedy, StoreError},
};

/// Most changes in one transaction.
const MOST: usize = 128;

/// How often a group is begun while nothing of it has been decided.
const ATTEMPTS: usize = 3;

/// Project and name of a secret.
pub(super) type Key = (ProjectId, SecretName);

/// Sends its caller what became of a change, given how the write went. The lock is never waited for: it lets what holds an
/// answer be shared between threads.
pub(super) struct Answer(Mutex<Box<Told>>);

/// Takes how the write went.
type Told = dyn FnOnce(Result<(), StoreError>) + Send;

impl Answer {
    fn new(send: impl FnOnce(Result<(), StoreError>) + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(send)))
    }

    pub(super) fn send(self, written: Result<(), StoreError>) {
        (self.0.into_inner().unwrap_or_else(PoisonError::into_inner))(written);
    }
}

/// Decides a change of the secret that was found, if any.
type Decide = Box<dyn FnOnce(Result<Option<Draft>, StoreError>) -> Decision + Send>;

/// What was decided.
pub(super) struct Decision {
    /// What is to be stored; nothing if the change was refused.
    pub(super) draft: Option<Draft>,
    pub(super) answer: Answer,
}

/// A change of a secret that waits.
pub(super) struct Change {
    pub(super) key: Key,
    pub(super) load_values: bool,
    pub(super) decide: Decide,
    caller: Weak<()>,
}

/// A change that was decided on what is loaded, and waits to be written.
pub(super) struct Decided {
    pub(super) key: Key,
    pub(super) load_values: bool,
    /// What it was decided on.
    pub(super) loaded: Loaded,
    pub(super) changes: Changes,
    /// The draft, if an event has to be looked up for it.
    pub(super) telling: Option<Draft>,
    pub(super) answer: Answer,
}

/// A secret that waits to be created.
pub(super) struct Creation {
    pub(super) secret: Secret,
    pub(super) values: BTreeMap<VersionId, Vec<u8>>,
    pub(super) quota: u64,
    pub(super) records: Vec<AuditEntry>,
    pub(super) answer: oneshot::Sender<Result<(), CreateError>>,
}

/// Records that belong to no change.
pub(super) struct Records {
    pub(super) records: Vec<AuditEntry>,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// What waits to be written.
#[allow(clippy::large_enum_variant, reason = "few of them wait at a time")]
enum Job {
    Change(Change),
    Creation(Creation),
    Records(Records),
}

impl Job {
    /// The secret that it is about.
    fn key(&self) -> Option<Key> {
        match self {
            Self::Change(change) => Some(change.key.clone()),
            Self::Creation(Creation { secret, .. }) => Some((secret.project.clone(), secret.name.clone())),
            Self::Records(_) => None,
        }
    }

    /// Whether nobody waits for it any longer.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Change(change) => change.caller.strong_count() == 0,
            Self::Creation(creation) => creation.answer.is_closed(),
            Self::Records(records) => records.answer.is_closed(),
        }
    }
}

#[allow(clippy::large_enum_variant, reason = "few of them wait at a time")]
enum Message {
    Job(Job),
    /// The change of this secret that was made alone has ended.
    Ended(Key),
}

/// The queue to the task that writes. Clones share it; the task ends with the last one.
#[derive(Clone)]
pub(super) struct Groups(mpsc::UnboundedSender<Message>);

fn closed() -> StoreError {
    StoreError::Unavailable(Cause::new("the change was given up"))
}

impl Groups {
    /// Starts the task that writes, each group within `timeout`.
    pub(super) fn start(connections: Connections, timeout: Duration) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let writer = Writer {
            connections,
            timeout,
            sender: sender.downgrade(),
            waiting: VecDeque::new(),
            alone: HashMap::new(),
        };
        drop(tokio::spawn(writer.run(messages)));
        Self(sender)
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.0.send(Message::Job(job)).map_err(|_| closed())
    }

    /// As [`crate::Store::change_secret`].
    pub(super) async fn change<T: Send + 'static, E: Send + 'static>(
        &self,
        key: Key,
        load_values: bool,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let (sender, receiver) = oneshot::channel();
        let caller = Arc::new(());
        let decide = move |found: Result<Option<Draft>, StoreError>| {
            let decided = match found {
                Err(error) => Err(error.into()),
                Ok(None) => Err(ChangeError::NotFound),
                Ok(Some(mut draft)) => match catch_unwind(AssertUnwindSafe(|| decide(&mut draft))) {
                    Err(_) => {
                        let cause = Cause::new("the function that decides a write panicked").until(Remedy::Repair);
                        Err(StoreError::Unavailable(cause).into())
                    }
                    Ok(Err(refusal)) => Err(ChangeError::Refused(refusal)),
                    Ok(Ok(answer)) => Ok((draft, answer)),
                },
            };
            // Nobody listens when the caller has gone; a change that was written counts all the same.
            match decided {
                Err(error) => Decision { draft: None, answer: Answer::new(move |_| drop(sender.send(Err(error)))) },
                Ok((draft, answer)) => {
                    let answer = move |written: Result<(), StoreError>| {
                        drop(sender.send(written.map(|()| answer).map_err(ChangeError::Store)));
                    };
                    Decision { draft: Some(draft), answer: Answer::new(answer) }
                }
            }
        };
        let change = Change { key, load_values, decide: Box::new(decide), caller: Arc::downgrade(&caller) };
        self.send(Job::Change(change))?;
        receiver.await.map_err(|_| closed())?
    }

    /// As [`crate::Store::restore_secret`]; `values` are those of the secret's versions.
    pub(super) async fn create(
        &self,
        secret: Secret,
        values: BTreeMap<VersionId, Vec<u8>>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Job::Creation(Creation { secret, values, quota, records, answer }))?;
        receiver.await.map_err(|_| closed())?
    }

    /// As [`crate::Store::append_audit`].
    pub(super) async fn append(&self, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        let (answer, receiver) = oneshot::channel();
        self.send(Job::Records(Records { records, answer }))?;
        receiver.await.map_err(|_| closed())?
    }
}

/// The task that writes groups.
struct Writer {
    connections: Connections,
    timeout: Duration,
    sender: mpsc::WeakUnboundedSender<Message>,
    /// What waits, in the order in which it came.
    waiting: VecDeque<Job>,
    /// The secrets that are changed alone now, each with what waits behind that.
    alone: HashMap<Key, VecDeque<Job>>,
}

impl Writer {
    async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = messages.recv().await {
            self.take(message);
            // Callers that have just been answered may have something else to write.
            tokio::task::yield_now().await;
            loop {
                while let Ok(message) = messages.try_recv() {
                    self.take(message);
                }
                let group = self.next_group();
                if group.is_empty() {
                    break;
                }
                self.write(group).await;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Job(job) => self.waiting.push_back(job),
            Message::Ended(key) => {
                let behind = self.alone.remove(&key).unwrap_or_default();
                behind.into_iter().rev().for_each(|job| self.waiting.push_front(job));
            }
        }
    }

    /// Takes what can be written together out of what waits.
    fn next_group(&mut self) -> Vec<Job> {
        let (mut group, mut later) = (Vec::new(), VecDeque::new());
        let (mut keys, mut ids) = (HashSet::new(), HashSet::new());
        while let Some(job) = self.waiting.pop_front() {
            if job.is_abandoned() {
                continue;
            }
            if group.len() == MOST {
                later.push_back(job);
                continue;
            }
            let key = job.key();
            if let Some(behind) = key.as_ref().and_then(|key| self.alone.get_mut(key)) {
                behind.push_back(job);
                continue;
            }
            let is_first = key.is_none_or(|key| keys.insert(key));
            let is_apart =
                if let Job::Creation(creation) = &job { ids.insert(creation.secret.id.clone()) } else { true };
            match job {
                job if !is_first || !is_apart => later.push_back(job),
                // Its event has to be locked, which may take a while.
                Job::Creation(creation) if !creation.secret.event_subscriptions.is_empty() => {
                    self.leave(Leaving::Alone(Alone::Creation(creation)));
                }
                job => group.push(job),
            }
        }
        later.into_iter().rev().for_each(|job| self.waiting.push_front(job));
        group
    }

    /// Writes a group. What is not answered in time is unavailable: its caller finds the channel closed.
    async fn write(&mut self, group: Vec<Job>) {
        let connections = self.connections.clone();
        let written = within(self.timeout, async { Ok::<_, StoreError>(write(&connections, group).await) });
        for leaving in written.await.unwrap_or_default() {
            self.leave(leaving);
        }
    }

    fn leave(&mut self, leaving: Leaving) {
        let work = match leaving {
            Leaving::Again(job) => return self.waiting.push_front(job),
            Leaving::Alone(work) => work,
        };
        let key = work.key();
        if let Some(key) = &key {
            self.alone.insert(key.clone(), VecDeque::new());
        }
        let ended = Ended { key, sender: self.sender.clone() };
        let (connections, timeout) = (self.connections.clone(), self.timeout);
        drop(tokio::spawn(async move {
            let _ended = ended;
            // What is not answered in time is unavailable, as above.
            let run = async {
                alone::run(&connections, work).await;
                Ok::<_, StoreError>(())
            };
            drop(within(timeout, run).await);
        }));
    }
}

/// Reports that a secret is no longer changed alone.
struct Ended {
    key: Option<Key>,
    sender: mpsc::WeakUnboundedSender<Message>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let (Some(key), Some(sender)) = (self.key.take(), self.sender.upgrade()) {
            drop(sender.send(Message::Ended(key)));
        }
    }
}

/// What leaves a group unwritten.
#[allow(clippy::large_enum_variant, reason = "few of them wait at a time")]
enum Leaving {
    /// For the next group.
    Again(Job),
    /// For a transaction of its own.
    Alone(Alone),
}

/// A group, by what its members need.
#[derive(Default)]
struct Group {
    changes: Vec<Change>,
    creations: Vec<Creation>,
    records: Vec<Records>,
}

/// Writes a group and answers its members, except for those that leave it.
async fn write(connections: &Connections, jobs: Vec<Job>) -> Vec<Leaving> {
    let mut group = Group::default();
    for job in jobs {
        match job {
            Job::Change(change) => group.changes.push(change),
            Job::Creation(creation) => group.creations.push(creation),
            Job::Records(records) => group.records.push(records),
        }
    }
    // All replicas insert in the same order, so that no two of them wait for each other.
    group.creations.sort_by(|one, other| {
        let key = |creation: &Creation| (creation.secret.project.clone(), creation.secret.name.clone());
        key(one).cmp(&key(other))
    });
    let wanted: Vec<_> = group.changes.iter().map(|change| (change.key.clone(), change.load_values)).collect();
    let mut projects: Vec<_> = group.creations.iter().map(|creation| creation.secret.project.clone()).collect();
    projects.dedup();
    let mut attempt = 1;
    let (session, locked) = loop {
        match lock(connections, &wanted, &projects).await {
            Ok(locked) => break locked,
            Err(error) if attempt < ATTEMPTS && failure::may_repeat(&error) => attempt += 1,
            Err(error) => {
                group.fail(&error);
                return Vec::new();
            }
        }
    };
    store(session, decide(group, locked)).await
}

impl Group {
    fn fail(self, error: &StoreError) {
        for change in self.changes {
            change.fail(error.clone());
        }
        for creation in self.creations {
            drop(creation.answer.send(Err(error.clone().into())));
        }
        for records in self.records {
            drop(records.answer.send(Err(error.clone())));
        }
    }
}

/// Begins the transaction and locks what is free of the group's rows.
async fn lock(
    connections: &Connections,
    wanted: &[(Key, bool)],
    projects: &[ProjectId],
) -> Result<(Session, Locked), StoreError> {
    let session = Session::open(connections).await?;
    match batch::lock(&session, &connections.limits.begin_group, wanted, projects).await {
        Ok(locked) => Ok((session, locked)),
        Err(error) => {
            session.discard().await;
            Err(error)
        }
    }
}

/// What a group comes down to.
#[derive(Default)]
struct Pending {
    changes: Vec<Decided>,
    creations: Vec<Creation>,
    records: Vec<Records>,
    leaving: Vec<Leaving>,
}

/// Lets the changes be decided on what was locked.
fn decide(group: Group, mut locked: Locked) -> Pending {
    let mut pending = Pending { records: group.records, ..Pending::default() };
    let leaving = &mut pending.leaving;
    for change in group.changes {
        let Some(loaded) = locked.secrets.remove(&change.key) else {
            if locked.missing.contains(&change.key) {
                change.not_found();
            } else {
                leaving.push(Leaving::Alone(Alone::Change(change)));
            }
            continue;
        };
        if let Some(decided) = change.decided(loaded) {
            if decided.is_safe() {
                pending.changes.push(decided);
            } else {
                leaving.push(Leaving::Alone(Alone::Decided(decided)));
            }
        }
    }
    let mut planned = HashMap::<ProjectId, u64>::new();
    for creation in group.creations {
        let planned = planned.entry(creation.secret.project.clone()).or_default();
        match locked.usage.get(creation.secret.project.as_str()) {
            Some(used) if used.saturating_add(*planned) < creation.quota => {
                *planned += 1;
                pending.creations.push(creation);
            }
            // Another one before it may turn out to be refused.
            Some(used) if *planned > 0 && *used < creation.quota => {
                leaving.push(Leaving::Again(Job::Creation(creation)));
            }
            _ => leaving.push(Leaving::Alone(Alone::Creation(creation))),
        }
    }
    pending
}

impl Change {
    pub(super) fn fail(self, error: StoreError) {
        let Decision { answer, .. } = (self.decide)(Err(error.clone()));
        answer.send(Err(error));
    }

    pub(super) fn not_found(self) {
        let Decision { answer, .. } = (self.decide)(Ok(None));
        answer.send(Ok(()));
    }

    /// Decides the change; `None` if nothing is to be written, and the caller has been answered.
    pub(super) fn decided(self, loaded: Loaded) -> Option<Decided> {
        let Decision { draft, answer } = (self.decide)(Ok(Some(loaded.clone().draft())));
        let Some(draft) = draft else {
            answer.send(Ok(()));
            return None;
        };
        let telling = (draft.new_binding().is_some() || draft.event_concerned().is_some()).then(|| draft.clone());
        match draft.into_changes() {
            Ok(changes) => {
                Some(Decided { key: self.key, load_values: self.load_values, loaded, changes, telling, answer })
            }
            Err(error) => {
                answer.send(Err(error));
                None
            }
        }
    }
}

impl Decided {
    pub(super) fn records(&self) -> &[AuditEntry] {
        self.changes.tasks().audit.as_slice()
    }

    /// Whether its records can be in a group: PostgreSQL would refuse all of them for one that it cannot look into.
    fn is_safe(&self) -> bool {
        self.records().iter().all(|record| !record.document.contains("\\u0000"))
    }

    /// Whether it is written by the statements that all changes of a group share.
    fn is_plain(&self) -> bool {
        self.telling.is_none() && self.changes.is_plain()
    }

    /// The projects whose numbers of secrets it changes, in order.
    fn counted(&self) -> Vec<&ProjectId> {
        let mut projects = self.changes.counted_elsewhere();
        if matches!(self.changes, Changes::Delete { .. }) {
            projects.insert(projects.partition_point(|project| **project < self.key.0), &self.key.0);
        }
        projects
    }

    /// Writes it by itself, but for its records.
    pub(super) async fn write(&self, session: &Session) -> Result<(), StoreError> {
        if let Some(draft) = &self.telling {
            if let Some(event) = draft.new_binding() {
                entries::require_event(session, &self.key.0, event).await?;
            }
            outbox::notify(session, draft).await?;
        }
        secrets::apply(session, &self.loaded.secret, &self.changes).await
    }
}

/// Writes what was decided, appends the records and commits. Returns what left the group.
async fn store(session: Session, mut pending: Pending) -> Vec<Leaving> {
    let written = write_pending(&session, &mut pending).await;
    let mut leaving = std::mem::take(&mut pending.leaving);
    match written {
        Ok(()) => {
            pending.succeed();
            session.ended();
        }
        Err(Uncommitted::Unknown(error)) => pending.answer(&error),
        Err(Uncommitted::Undone(error)) => {
            session.discard().await;
            leaving.extend(pending.fail(&error));
        }
    }
    leaving
}

async fn write_pending(session: &Session, pending: &mut Pending) -> Result<(), Uncommitted> {
    let (plain, mut others): (Vec<_>, Vec<_>) =
        std::mem::take(&mut pending.changes).into_iter().partition(Decided::is_plain);
    pending.changes = plain;
    // Groups of all servers lock the counts of projects in the same order.
    others.sort_by(|one, other| one.counted().cmp(&other.counted()));
    // The head of the trail is locked last: after what is written one by one, or together with the rest.
    let with_head = others.is_empty() && pending.has_records();
    let written = batch::write(session, &pending.changes, &pending.creations, with_head).await;
    let (created, head) = match written {
        Ok(written) => written,
        Err(error) => {
            pending.changes.extend(others);
            return Err(Uncommitted::Undone(error));
        }
    };
    // What is there already was there before.
    for creation in std::mem::take(&mut pending.creations) {
        if created.contains(creation.secret.id.as_str()) {
            pending.creations.push(creation);
        } else {
            drop(creation.answer.send(Err(CreateError::Exists)));
        }
    }
    let mut others = others.into_iter();
    while let Some(change) = others.next() {
        if let Err(error) = pending.write_apart(session, change).await {
            pending.changes.extend(others);
            return Err(Uncommitted::Undone(error));
        }
    }
    audit::append_and_commit(session, head, pending.records()).await
}

/// Why a group is not known to be committed.
pub(super) enum Uncommitted {
    /// It is not.
    Undone(StoreError),
    /// Nobody knows, because the connection was lost.
    Unknown(StoreError),
}

impl Uncommitted {
    /// What an error means of a statement that was sent together with the commit.
    pub(super) fn of(error: StoreError) -> Self {
        if failure::leaves_doubt(&error) { Self::Unknown(error) } else { Self::Undone(error) }
    }
}

impl Pending {
    fn has_records(&self) -> bool {
        let changes = self.changes.iter().any(|change| !change.records().is_empty());
        changes || !self.records.is_empty() || self.creations.iter().any(|creation| !creation.records.is_empty())
    }

    /// The records of the group.
    fn records(&self) -> Vec<AuditEntry> {
        let changes = self.changes.iter().flat_map(Decided::records);
        let creations = self.creations.iter().flat_map(|creation| &creation.records);
        let records = self.records.iter().flat_map(|records| &records.records);
        changes.chain(creations).chain(records).cloned().collect()
    }

    /// Writes a change by itself, so that it takes nothing along if it fails. An error is one of the whole group.
    async fn write_apart(&mut self, session: &Session, change: Decided) -> Result<(), StoreError> {
        let outcome = match session.savepoint().await {
            Ok(()) => change.write(session).await,
            Err(error) => {
                self.changes.push(change);
                return Err(error);
            }
        };
        match outcome {
            Ok(()) => {
                self.changes.push(change);
                session.release().await
            }
            Err(error) if failure::ends_connection(&error) => {
                self.changes.push(change);
                Err(error)
            }
            Err(error) => {
                if failure::may_repeat(&error) || failure::is_locked(&error) {
                    self.leaving.push(Leaving::Alone(Alone::Decided(change)));
                } else {
                    change.answer.send(Err(error));
                }
                session.roll_back_to_savepoint().await
            }
        }
    }

    fn succeed(self) {
        for change in self.changes {
            change.answer.send(Ok(()));
        }
        for creation in self.creations {
            drop(creation.answer.send(Ok(())));
        }
        for records in self.records {
            drop(records.answer.send(Ok(())));
        }
    }

    /// Every caller gets this error.
    fn answer(self, error: &StoreError) {
        for change in self.changes {
            change.answer.send(Err(error.clone()));
        }
        for creation in self.creations {
            drop(creation.answer.send(Err(error.clone().into())));
        }
        for records in self.records {
            drop(records.answer.send(Err(error.clone())));
        }
    }

    /// Nothing was written. What may succeed by itself leaves the group for that.
    fn fail(self, error: &StoreError) -> Vec<Leaving> {
        if !(failure::may_repeat(error) || failure::concerns_content(error)) {
            self.answer(error);
            return Vec::new();
        }
        let changes = self.changes.into_iter().map(Alone::Decided);
        let creations = self.creations.into_iter().map(Alone::Creation);
        let records = self.records.into_iter().map(Alone::Records);
        changes.chain(creations).chain(records).map(Leaving::Alone).collect()
    }
}
