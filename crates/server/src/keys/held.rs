//! What a running server holds of the keyring, and how it takes up a change that a command has stored.
//!
//! It opens the row with the wrapping key that the server was started with, and never looks at a file again: a file that is gone
//! or wrong does not concern a server that runs. A row that may not take the place of the one in use leaves the keys as they are.
//! Whether the server is ready does not depend on the row, but on whether the database has the root key in use under which the
//! server writes: otherwise the store refuses what it writes.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use csms_kms::RootRing;
use csms_store::{AnyStore, Store as _, StoreError};
use thiserror::Error;
use tokio::sync::Notify;

use super::{
    keyring::{KEYRING, Keyring, RingError, WrappingKey, digest, proves_replaced},
    phase::Phase,
    root,
};
use crate::{audit::Trail, failure::Chain, installation};

/// Time between two looks of a server at the keyring.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a server counts as running that does not report itself although the keyring has changed.
pub const SILENCE: Duration = Duration::from_secs(30);

/// How long rows under a former root key are still valid behind a change: reads that began before it end sooner.
const READS_END: Duration = Duration::from_secs(10);

/// Why a stored keyring does not take the place of the one in use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Refusal {
    /// There is none any more.
    #[error("the stored keyring was removed")]
    Removed,
    /// The row does not open.
    #[error("{0}")]
    Closed(String),
    /// The wrapping key of this server was retired.
    #[error("{0}")]
    Replaced(String),
    /// The database has gone back.
    #[error("the stored keyring is version {stored}, and version {used} is in use here")]
    Older {
        /// Version of the row.
        stored: u64,
        /// Version in use.
        used: u64,
    },
    /// Another history.
    #[error("the stored keyring lacks root keys that are in use here")]
    OtherKeys,
}

/// A keyring that may be used.
struct Usable {
    ring: RootRing,
    /// Its version; 0 without a row.
    version: u64,
    is_rotating: bool,
}

/// Rows under former root keys that are still valid.
#[derive(Clone, Copy)]
struct Former {
    /// Least number of those keys.
    least: u32,
    until: Instant,
}

/// The keyring as this server has read it.
struct State {
    /// Version and digest of the one in use, and whether a rotation is under way by it.
    version: u64,
    digest: String,
    is_rotating: bool,
    /// Why the row that was read last is not in use.
    refusal: Option<Refusal>,
    /// Why the database takes nothing that this server writes.
    closed: Option<String>,
    former: Option<Former>,
}

/// The keyring of a running server.
pub struct HeldKeyring {
    wrapping: WrappingKey,
    fingerprint: String,
    state: Mutex<State>,
    replaced: Notify,
}

impl HeldKeyring {
    /// What a start has opened.
    ///
    /// # Errors
    /// A keyring that does not open, which the start has ruled out.
    pub fn new(opened: &root::Keyring) -> Result<Self, RingError> {
        let (wrapping, row) = (opened.wrapping.clone(), opened.row.clone());
        let Usable { version, is_rotating, .. } = usable(row.as_deref(), &wrapping)?;
        let digest = digest(row.as_deref());
        let state = State { version, digest, is_rotating, refusal: None, closed: None, former: None };
        Ok(Self { fingerprint: wrapping.fingerprint(), wrapping, state: Mutex::new(state), replaced: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Version and digest of the keyring that is in use here; 0 and empty without one.
    pub fn in_use(&self) -> (u64, String) {
        let state = self.state();
        (state.version, state.digest.clone())
    }

    /// Fingerprint of the wrapping key that the server was started with.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether a command is changing the root key, as far as this server has read.
    pub fn is_rotating(&self) -> bool {
        self.state().is_rotating
    }

    /// Why the stored keyring is not in use here, if it is not. What this server reads and writes is right all the same, unless the
    /// database is [closed](HeldKeyring::closed) to it.
    pub fn refusal(&self) -> Option<String> {
        self.state().refusal.as_ref().map(ToString::to_string)
    }

    /// Why the database takes nothing that this server writes, by the last [check](HeldKeyring::check).
    pub fn closed(&self) -> Option<String> {
        let state = self.state();
        let closed = state.closed.as_ref()?;
        Some(state.refusal.as_ref().map_or_else(|| closed.clone(), ToString::to_string))
    }

    /// Why this server ends: its wrapping key has been retired, by whoever has the root key in use.
    pub fn replacement(&self) -> Option<String> {
        match &self.state().refusal {
            Some(Refusal::Replaced(reason)) => Some(reason.clone()),
            _ => None,
        }
    }

    /// Waits for a [replacement](HeldKeyring::replacement).
    pub async fn replaced(&self) -> String {
        loop {
            let noted = self.replaced.notified();
            if let Some(reason) = self.replacement() {
                return reason;
            }
            noted.await;
        }
    }

    /// Reads the keyring again and uses it from now on if it has changed. Returns whether it has.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn follow(&self, store: &AnyStore, root: &RootRing, trail: &Trail) -> Result<bool, StoreError> {
        let row = store.meta(KEYRING).await?;
        let found = digest(row.as_deref());
        if found == self.state().digest {
            self.state().refusal = None;
            return Ok(false);
        }
        let next = match self.later(row.as_deref(), root) {
            Ok(later) => later,
            Err(refusal) => {
                // A database that has gone back is used as it is when it has the root key in use under which this server writes.
                let is_open = check(store).await?.is_none();
                match self.same_in_use(row.as_deref(), root).filter(|_| is_open) {
                    Some(earlier) => earlier,
                    None => {
                        self.state().refusal = Some(refusal);
                        self.replaced.notify_waiters();
                        return Ok(false);
                    }
                }
            }
        };
        let Usable { ring, version, is_rotating } = next;
        let mut state = self.state();
        if ring.current() > root.current() {
            state.former = Some(Former { least: root.current(), until: Instant::now() + READS_END });
        }
        let least = state.former.map_or(ring.current(), |former| former.least);
        store.use_row_key(installation::row_key_from(&ring, least));
        root.replace(&ring);
        trail.follow(root);
        (state.version, state.digest, state.is_rotating, state.refusal) = (version, found, is_rotating, None);
        tracing::info!(version, root_key = root.current(), "the keyring has changed");
        Ok(true)
    }

    /// Asks whether the database has the root key in use under which this server writes, and ends the validity of rows under a
    /// former one in time.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn check(&self, store: &AnyStore, root: &RootRing) -> Result<(), StoreError> {
        let closed = check(store).await?;
        self.state().closed = closed;
        let Some(former) = self.state().former.filter(|former| former.until <= Instant::now()) else { return Ok(()) };
        if matches!(store, AnyStore::Sqlite(_)) {
            // Readers may still see rows as they were before the change, until this process has committed something.
            store.check_writing().await?;
        }
        tracing::debug!(root_key = former.least, "rows under a former root key are no longer valid");
        store.use_row_key(installation::row_key(root));
        self.state().former = None;
        Ok(())
    }

    /// What a row holds, if it may take the place of the keyring in use as a later one, which has all of its keys.
    fn later(&self, row: Option<&[u8]>, root: &RootRing) -> Result<Usable, Refusal> {
        let row = row.ok_or(Refusal::Removed)?;
        let later = usable(Some(row), &self.wrapping).map_err(|error| match error {
            RingError::Replaced(_) if proves_replaced(row, &self.fingerprint, root) => {
                Refusal::Replaced(error.to_string())
            }
            other => Refusal::Closed(Chain(&other).to_string()),
        })?;
        let used = self.state().version;
        if later.version <= used {
            return Err(Refusal::Older { stored: later.version, used });
        }
        if !later.ring.contains(root, u32::MAX) {
            return Err(Refusal::OtherKeys);
        }
        Ok(later)
    }

    /// What a row holds, if it has the same root key in use and the same former ones, whatever its version: then it lacks at most what
    /// was announced. One in which a retired key comes back is not among them.
    fn same_in_use(&self, row: Option<&[u8]>, root: &RootRing) -> Option<Usable> {
        let same = usable(row, &self.wrapping).ok()?;
        let (ring, current) = (&same.ring, root.current());
        let is_same = ring.current() == current && ring.oldest() >= root.oldest() && ring.contains(root, current);
        is_same.then_some(same)
    }
}

/// Why the database takes nothing that this process writes; `None` when it does.
async fn check(store: &AnyStore) -> Result<Option<String>, StoreError> {
    match store.check_root_key().await {
        Ok(()) => Ok(None),
        Err(error) => error.refused_root_key().map(|cause| Some(cause.to_string())).ok_or(error),
    }
}

/// What a row holds; without one, the operator's key is the root key.
fn usable(row: Option<&[u8]>, wrapping: &WrappingKey) -> Result<Usable, RingError> {
    let Some(row) = row else {
        return Ok(Usable { ring: wrapping.as_root().into(), version: 0, is_rotating: false });
    };
    let keyring = Keyring::open(row, wrapping)?;
    Ok(Usable { ring: keyring.ring()?, version: keyring.version(), is_rotating: keyring.phase() != Phase::Settled })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use csms_core::UnixMillis;
    use csms_kms::RootKey;
    use csms_store::{Rekey, Replacement, SqliteSettings, SqliteStore};
    use getrandom::SysRng;

    use super::*;
    use crate::{
        audit::{ReadRecords, Record, chain_key},
        clock::Clock,
        keys::reseal::Resealer,
    };

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn wrapping() -> WrappingKey {
        WrappingKey::new(RootKey::make(&mut SysRng).unwrap(), None)
    }

    fn held(wrapping: &WrappingKey, ring: Option<&Keyring>) -> (HeldKeyring, RootRing) {
        let root = ring.map_or_else(|| wrapping.as_root().into(), |ring| ring.ring().unwrap());
        let row = ring.map(|ring| ring.to_row().unwrap());
        let opened = root::Keyring { root: root.into(), wrapping: wrapping.clone(), row, remote: None };
        let root = ring.map_or_else(|| wrapping.as_root().into(), |ring| ring.ring().unwrap());
        (HeldKeyring::new(&opened).unwrap(), root)
    }

    fn judge(held: &HeldKeyring, root: &RootRing, row: &Keyring) -> Result<(RootRing, u64), Refusal> {
        held.later(Some(&row.to_row().unwrap()), root).map(|later| (later.ring, later.version))
    }

    #[test]
    fn a_server_follows_each_step_of_a_rotation_that_its_file_opens() {
        let (old, new) = (wrapping(), wrapping());
        let announced = Keyring::announce(None, &old, &new).unwrap();
        let switched = announced.switch(NOW).unwrap();
        let (without, root) = held(&old, None);
        assert_eq!(judge(&without, &root, &announced).unwrap().0.current(), 1);
        // It need not see every step.
        let (ring, version) = judge(&without, &root, &switched).unwrap();
        assert_eq!((ring.current(), ring.oldest(), version), (2, 1, 2));
        let retired = switched.retire(&new, NOW).unwrap();
        let (restarted, root) = held(&new, Some(&switched));
        assert_eq!(judge(&restarted, &root, &retired).unwrap().0.oldest(), 2);
    }

    #[test]
    fn a_server_ends_when_its_key_was_retired_by_whoever_has_the_root_key() {
        let (old, new) = (wrapping(), wrapping());
        let announced = Keyring::announce(None, &old, &new).unwrap();
        let switched = announced.switch(NOW).unwrap();
        let retired = switched.retire(&new, NOW).unwrap();
        for known in [&announced, &switched] {
            let (held_ring, root) = held(&old, Some(known));
            let refused = judge(&held_ring, &root, &retired);
            assert!(
                matches!(&refused, Err(Refusal::Replaced(reason)) if reason.contains("replaced on")),
                "{refused:?}"
            );
        }
        // One that does not know the root key in use cannot tell, and is not ready.
        let (without, root) = held(&old, None);
        assert!(matches!(judge(&without, &root, &retired), Err(Refusal::Closed(_))));
    }

    #[test]
    fn an_older_row_a_removed_row_and_one_of_another_root_key_are_not_used() {
        let (old, new) = (wrapping(), wrapping());
        let announced = Keyring::announce(None, &old, &new).unwrap();
        let switched = announced.switch(NOW).unwrap();
        let (held_ring, root) = held(&old, Some(&switched));
        assert_eq!(judge(&held_ring, &root, &announced).unwrap_err(), Refusal::Older { stored: 1, used: 2 });
        assert_eq!(held_ring.later(None, &root).err(), Some(Refusal::Removed));
        // The database went back, and then another command made another second key.
        let other = Keyring::announce(None, &old, &new).unwrap().switch(NOW).unwrap().retire(&new, NOW).unwrap();
        let (held_ring, root) = held(&new, Some(&switched));
        assert_eq!(judge(&held_ring, &root, &other).unwrap_err(), Refusal::OtherKeys);
        assert!(held_ring.same_in_use(Some(&other.to_row().unwrap()), &root).is_none());
    }

    #[test]
    fn a_row_that_lacks_only_what_was_announced_has_the_same_root_key_in_use() {
        let (old, new) = (wrapping(), wrapping());
        let announced = Keyring::announce(None, &old, &new).unwrap();
        let (held_ring, root) = held(&old, Some(&announced));
        let earlier = held_ring.same_in_use(None, &root).unwrap();
        assert_eq!((earlier.ring.current(), earlier.version), (1, 0));
        assert!(earlier.ring.derive_all("x").1.is_empty());
        // Then another one may be announced.
        let other = Keyring::announce(None, &old, &wrapping()).unwrap();
        assert!(held_ring.same_in_use(Some(&other.to_row().unwrap()), &root).is_some());
        // Who was started with the new file has nothing to read such a database with.
        let (restarted, root) = held(&new, Some(&announced));
        assert!(restarted.same_in_use(None, &root).is_none());
        // Nor does a key come back that was announced and is in use by now, or was retired.
        let switched = announced.switch(NOW).unwrap();
        let (held_ring, root) = held(&old, Some(&switched));
        assert!(held_ring.same_in_use(None, &root).is_none());
        assert!(held_ring.same_in_use(Some(&announced.to_row().unwrap()), &root).is_none());
        let (held_ring, root) = held(&new, Some(&switched.retire(&new, NOW).unwrap()));
        assert!(held_ring.same_in_use(Some(&switched.to_row().unwrap()), &root).is_none());
    }

    #[tokio::test]
    async fn a_keyring_is_read_also_while_nothing_can_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        let settings = SqliteSettings { busy_timeout: Duration::from_millis(1), ..SqliteSettings::default() };
        let sqlite = SqliteStore::open(&path, settings).unwrap();
        let command = SqliteStore::open_beside(&path).unwrap();
        let (old, new) = (wrapping(), wrapping());
        let switched = Keyring::announce(None, &old, &new).unwrap().switch(NOW).unwrap();
        let (held_ring, root) = held(&new, Some(&switched));
        let store = AnyStore::from(sqlite);
        store.use_row_key(installation::row_key_from(&root, 1));
        let trail = Trail::new(store.clone(), &root, Clock::default(), ReadRecords::default());
        held_ring.state().former = Some(Former { least: 1, until: Instant::now() });
        let retired = switched.retire(&new, NOW).unwrap().to_row().unwrap();
        let switched = command.put_meta_if_absent(KEYRING, switched.to_row().unwrap()).await.unwrap();
        let rekey = Rekey {
            row_key: installation::row_key(&root),
            started_with: None,
            reseal: Arc::new(Resealer(Arc::new(RootRing::from(RootKey::make(&mut SysRng).unwrap())))),
            replacements: vec![Replacement { key: KEYRING.to_owned(), old: switched, new: retired }],
            record: Record::of("command", "RetireRootKey", NOW).entry(&chain_key(&root)),
        };
        command.rekey(rekey).await.unwrap();
        // Somebody else keeps the file locked.
        let (locked, is_locked) = tokio::sync::oneshot::channel();
        let (free, is_free) = std::sync::mpsc::channel();
        let keep = move |_: &mut Vec<csms_store::KeyRecord>| {
            locked.send(()).unwrap();
            is_free.recv().unwrap();
            Ok::<_, std::convert::Infallible>(((), Vec::new()))
        };
        command.use_row_key(installation::row_key(&root));
        let project = csms_core::ProjectId::parse("a".repeat(32)).unwrap();
        let keeper = tokio::spawn(async move { command.change_keys(&project, keep).await });
        is_locked.await.unwrap();
        assert!(held_ring.follow(&store, &root, &trail).await.unwrap());
        assert_eq!(root.oldest(), 2);
        // Only rows under the former key stay valid for longer.
        held_ring.check(&store, &root).await.unwrap_err();
        assert!(held_ring.state().former.is_some());
        free.send(()).unwrap();
        drop(keeper.await.unwrap());
        held_ring.check(&store, &root).await.unwrap();
        assert!(held_ring.state().former.is_none());
    }
}
