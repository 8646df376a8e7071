//! What this server has last seen of its store: the head of the audit trail, and the rotations that ended well here.
//!
//! A store that is behind this has lost acknowledged changes, as an asynchronous standby may after a failover, or is an older copy.
//! Its trail verifies, so only a head that was kept elsewhere shows the loss. Nothing is repaired here, and the server starts or runs
//! on: its log names the rotated accounts to look at.

use std::{
    collections::VecDeque,
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use csms_core::{ProjectId, SecretName, VersionId};
use csms_store::{AnyStore, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// File name in the data directory.
const FILE: &str = "last-seen.json";

/// Time between two looks at the head.
const INTERVAL: Duration = Duration::from_secs(5);

/// The shortest time between two writes of the file, which is as long as all the rotations in it: many that end in a row share a
/// write.
const PAUSE: Duration = Duration::from_millis(200);

/// Most rotations that are remembered; the newest are kept.
const ROTATIONS: usize = 1_000;

/// A place in the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    number: u64,
    /// In hexadecimal digits.
    link: String,
}

/// A rotation that ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Rotated {
    project: ProjectId,
    secret: SecretName,
    version: VersionId,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    head: Option<Place>,
    rotations: VecDeque<Rotated>,
}

/// The head and the rotations that were seen. Clones share them.
#[derive(Clone, Debug)]
pub struct Seen {
    file: PathBuf,
    state: Arc<Mutex<State>>,
    /// Held while the file is written, so that an older state never replaces a newer one.
    writing: Arc<tokio::sync::Mutex<()>>,
    /// A rotation has ended well.
    rotated: Arc<Notify>,
    /// The head that the log says is missing.
    reported: Arc<Mutex<Option<Place>>>,
}

/// How a store is behind what was seen of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Behind {
    /// Number of the newest audit record that was seen.
    pub seen: u64,
    /// Number of the newest audit record in the store.
    pub found: u64,
    /// Secrets whose last rotation is missing, so that perhaps no version opens their accounts.
    pub lost_rotations: Vec<String>,
}

impl Seen {
    /// Reads what a data directory remembers, and removes drafts that killed servers left there. A file that cannot be read counts
    /// as absent.
    #[must_use]
    pub fn open(directory: &Path) -> Self {
        let file = directory.join(FILE);
        let state = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_str().and_then(|name| name.strip_prefix(FILE)).is_some_and(|end| !end.is_empty()) {
                // A draft that stays does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
        Self {
            file,
            state: Arc::new(Mutex::new(state.unwrap_or_default())),
            writing: Arc::default(),
            rotated: Arc::default(),
            reported: Arc::default(),
        }
    }

    /// The data directory that this was read from.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// Forgets everything, for a new installation.
    pub fn forget(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the store with what was seen of it. Returns `None` when nothing is missing.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn compare(&self, store: &AnyStore) -> Result<Option<Behind>, StoreError> {
        let state = self.lock().clone();
        let Some(Place { number, link }) = state.head else { return Ok(None) };
        let found = store.audit_head().await?.number;
        let record = store.audit_records(number.saturating_sub(1), 1, None).await?.into_iter().next();
        let is_behind = match record {
            // The trail of an older copy may have gone on with other records.
            Some(record) if record.number == number => hex::encode(&record.link) != link,
            // Absent records were archived, unless the trail ends before them.
            _ => found < number,
        };
        if !is_behind {
            return Ok(None);
        }
        let mut lost_rotations = Vec::new();
        for Rotated { project, secret, version } in &state.rotations {
            let stored = store.secret(project, secret).await?;
            let is_there = stored.is_some_and(|secret| secret.versions().iter().any(|known| known.id >= *version));
            if !is_there && !lost_rotations.contains(&secret.to_string()) {
                lost_rotations.push(secret.to_string());
            }
        }
        Ok(Some(Behind { seen: number, found, lost_rotations }))
    }

    /// Compares the store with what was seen of it, and logs what is missing, once.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn report_loss(&self, store: &AnyStore) -> Result<(), StoreError> {
        let head = self.lock().head.clone();
        if *self.reported.lock().unwrap_or_else(PoisonError::into_inner) == head {
            return Ok(());
        }
        if let Some(Behind { seen, found, lost_rotations }) = self.compare(store).await? {
            *self.reported.lock().unwrap_or_else(PoisonError::into_inner) = head;
            tracing::error!(
                last_seen_record = seen,
                newest_record = found,
                ?lost_rotations,
                "the store is behind what this server has seen of it: acknowledged changes are lost, or this is an older copy. \
                 Compare the passwords of the secrets in lost_rotations with their databases"
            );
        }
        Ok(())
    }

    /// Notes a successful rotation: losing one locks an account out. [`Self::watch`] writes it down at once, or 0.2 s after the last
    /// write.
    pub fn rotated(&self, project: &ProjectId, secret: &SecretName, version: VersionId) {
        let mut state = self.lock();
        state.rotations.retain(|known| known.secret != *secret || known.project != *project);
        state.rotations.push_back(Rotated { project: project.clone(), secret: secret.clone(), version });
        if state.rotations.len() > ROTATIONS {
            state.rotations.pop_front();
        }
        drop(state);
        self.rotated.notify_one();
    }

    /// Writes the head down every few seconds, and rotations soon after they have ended; a store that has gone back is logged first.
    /// Never returns.
    pub async fn watch(self, store: AnyStore) {
        loop {
            if let Err(error) = self.report_loss(&store).await {
                tracing::debug!(%error, "what was seen of the store is compared later");
            }
            self.keep_up(&store).await;
            tokio::time::sleep(PAUSE).await;
            let _ = tokio::time::timeout(INTERVAL, self.rotated.notified()).await;
        }
    }

    /// Notes the present head. A failure is logged at `debug`: that of the store is reported elsewhere, and the file matters only to
    /// a later start.
    pub async fn keep_up(&self, store: &AnyStore) {
        let alone = Arc::clone(&self.writing).lock_owned().await;
        let Ok(head) = store.audit_head().await else { return };
        let state = {
            let mut state = self.lock();
            let known = state.head.as_ref().map_or(0, |place| place.number);
            if head.number >= known {
                state.head = Some(Place { number: head.number, link: hex::encode(&head.link) });
            }
            state.clone()
        };
        let file = self.file.clone();
        let written = tokio::task::spawn_blocking(move || {
            // Whoever gives up waiting does not let another write begin.
            let _alone = alone;
            write(&file, &state)
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, file = %self.file.display(), "the file is not written"),
            Err(error) => tracing::debug!(%error, file = %self.file.display(), "the file is not written"),
        }
    }
}

fn write(file: &Path, state: &State) -> io::Result<()> {
    let text = serde_json::to_vec(state)?;
    if fs::read(file).is_ok_and(|present| present == text) {
        return Ok(());
    }
    // Servers on a shared store may share one directory.
    let draft = file.with_extension(format!("json.{}", std::process::id()));
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let written = out.write_all(&text).and_then(|()| out.sync_all()).and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        // Nothing more can be done about a draft that cannot be removed.
        let _ = fs::remove_file(&draft);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use csms_store::{AuditEntry, ChainKey, RowKey, SqliteSettings, SqliteStore};
    use zeroize::Zeroizing;

    use super::*;

    async fn append(store: &AnyStore, what: &str) {
        let chain = Arc::new(ChainKey::new(1, Zeroizing::new([7; 32])));
        let entry = AuditEntry { secret: None, document: format!("{{\"what\":\"{what}\"}}"), chain };
        store.append_audit(vec![entry]).await.unwrap();
    }

    fn store(directory: &Path) -> AnyStore {
        let store: AnyStore = SqliteStore::open(&directory.join("csms.db"), SqliteSettings::default()).unwrap().into();
        store.use_row_key(RowKey::new(1, [7; 32].into()));
        store
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_written_down_without_waiting_for_the_next_look_at_the_head() {
        let directory = tempfile::tempdir().unwrap();
        let (store, seen) = (store(directory.path()), Seen::open(directory.path()));
        let is_written =
            |what: &str| fs::read_to_string(directory.path().join(FILE)).is_ok_and(|text| text.contains(what));
        let watching = tokio::spawn(seen.clone().watch(store));
        let until = async |what: &str| {
            while !is_written(what) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        until("head").await;
        let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
        for name in ["one", "two"] {
            let ended = tokio::time::Instant::now();
            let secret = SecretName::parse(name).unwrap();
            seen.rotated(&project, &secret, VersionId::FIRST);
            until(name).await;
            assert!(ended.elapsed() < 2 * PAUSE, "{:?}", ended.elapsed());
        }
        watching.abort();
    }

    #[tokio::test]
    async fn a_store_that_is_behind_or_went_another_way_is_noticed() {
        let (directory, copy, other) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = store(directory.path());
        append(&first, "one").await;
        first.close().await.unwrap();
        for place in [&copy, &other] {
            fs::copy(directory.path().join("csms.db"), place.path().join("csms.db")).unwrap();
        }
        drop(first);
        let first = store(directory.path());
        let seen = Seen::open(directory.path());
        assert_eq!(seen.compare(&first).await.unwrap(), None, "nothing is remembered yet");
        append(&first, "two").await;
        let secret = SecretName::parse("db").unwrap();
        let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
        seen.rotated(&project, &secret, VersionId::FIRST);
        seen.keep_up(&first).await;
        assert_eq!(Seen::open(directory.path()).compare(&first).await.unwrap(), None);
        append(&first, "three").await;
        assert_eq!(Seen::open(directory.path()).compare(&first).await.unwrap(), None, "it went on");
        let behind = Behind { seen: 2, found: 1, lost_rotations: vec!["db".to_owned()] };
        let copy = store(copy.path());
        assert_eq!(Seen::open(directory.path()).compare(&copy).await.unwrap(), Some(behind));
        let other = store(other.path());
        append(&other, "another").await;
        append(&other, "and another").await;
        let behind = seen.compare(&other).await.unwrap().unwrap();
        assert_eq!((behind.seen, behind.found), (2, 3));
    }
}
