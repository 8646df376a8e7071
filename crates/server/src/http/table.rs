//! The table of connections: how many there may be, in all and of one peer, and which make room for new ones.
//!
//! Authenticated connections count towards the total only, because an undeclared proxy has many of them for many clients. An
//! authenticated request is never interrupted.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::request::PeerNetwork;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Of all peers.
    pub total: usize,
    /// Of one peer, as long as nobody has proven anything on them.
    pub per_peer: usize,
}

impl ConnectionLimits {
    /// Most connections that are let in unless a setting says more. An idle one costs some 10 KiB.
    const DEFAULT_TOTAL: usize = 4096;

    /// The limits where `descriptors` files may be open: three quarters of them are for connections, the rest for the store,
    /// functions and calls.
    #[must_use]
    pub fn for_descriptors(descriptors: u64) -> Self {
        let total = usize::try_from(descriptors / 4 * 3).unwrap_or(usize::MAX).clamp(16, Self::DEFAULT_TOTAL);
        Self::for_total(total)
    }

    /// The limits with this many connections in all: one peer may have an eighth of them.
    #[must_use]
    pub const fn for_total(total: usize) -> Self {
        let eighth = total / 8;
        Self { total, per_peer: if eighth == 0 { 1 } else { eighth } }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self::for_total(Self::DEFAULT_TOTAL)
    }
}

/// Connections beyond the limit that are still let in when no other can make room, so that health is answered.
const RESERVE: usize = 16;

/// How long a connection may be without a request before it counts as idle. A new one has none yet.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// What happens on a connection.
const IDLE: u8 = 0;
const UNPROVEN: u8 = 1;
const PROVEN: u8 = 2;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    limits: ConnectionLimits,
    begun: Instant,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    connections: HashMap<u64, Arc<Entry>>,
    /// Connections of each peer on which nobody has proven anything.
    unproven: HashMap<PeerNetwork, usize>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    /// Absent for a trusted proxy, whose connections are many peers'.
    peer: Mutex<Option<PeerNetwork>>,
    phase: AtomicU8,
    /// When the phase began, in microseconds since the table was made.
    since: AtomicU64,
    asked: AtomicBool,
    /// Whether the sender of any request so far was proven.
    trusted: AtomicBool,
    evicted: Notify,
}

/// A connection's place in the table, which it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    table: Arc<Table>,
    entry: Arc<Entry>,
}

/// A request that is being read, run or answered.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    table: Arc<Table>,
    entry: Arc<Entry>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, begun: Instant::now(), entries: Mutex::default() }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Gives a connection a place; at a limit others make room. `None` when none can, and the reserve is used up.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<PeerNetwork>) -> Option<Admitted> {
        let mut entries = lock(&self.entries);
        if let Some(peer) = peer {
            self.make_room_of_peer(&mut entries, peer);
        }
        if entries.connections.len() >= self.limits.total {
            self.evict(&mut entries, batch(self.limits.total), |_| true);
        }
        if entries.connections.len() >= self.limits.total.saturating_add(RESERVE) {
            return None;
        }
        entries.next += 1;
        let entry = Arc::new(Entry {
            id: entries.next,
            peer: Mutex::new(peer),
            phase: AtomicU8::new(IDLE),
            since: AtomicU64::new(self.now()),
            asked: AtomicBool::new(false),
            trusted: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        entries.connections.insert(entry.id, Arc::clone(&entry));
        if let Some(peer) = peer {
            *entries.unproven.entry(peer).or_insert(0) += 1;
        }
        drop(entries);
        Some(Admitted { table: Arc::clone(self), entry })
    }

    /// Closes connections because the process is out of something that they hold.
    pub(super) fn evict_for_resources(&self) {
        let mut entries = lock(&self.entries);
        let count = batch(entries.connections.len());
        self.evict(&mut entries, count, |_| true);
    }

    /// Makes room for one more unproven connection of a peer. Those that count towards its limit can always be closed.
    fn make_room_of_peer(&self, entries: &mut Entries, peer: PeerNetwork) {
        if entries.unproven.get(&peer).is_some_and(|count| *count >= self.limits.per_peer) {
            let of_peer = |entry: &Entry| !entry.trusted.load(Ordering::Relaxed) && *lock(&entry.peer) == Some(peer);
            self.evict(entries, batch(self.limits.per_peer), of_peer);
        }
    }

    /// Closes up to `count` connections. Those on which nobody has proven anything go first, and of them those of the peers that
    /// have the most; then idle ones before others, and the oldest before younger ones.
    fn evict(&self, entries: &mut Entries, count: usize, of: impl Fn(&Entry) -> bool) {
        let idle_since = self.now().saturating_sub(u64::try_from(IDLE_AFTER.as_micros()).unwrap_or(u64::MAX));
        let unproven = &entries.unproven;
        let crowd_of = |entry: &Entry| {
            let peer = *lock(&entry.peer);
            crowd(peer.and_then(|peer| unproven.get(&peer)).copied().unwrap_or(0))
        };
        let rank = |entry: &Entry| {
            let since = entry.since.load(Ordering::Relaxed);
            let phase = entry.phase.load(Ordering::Relaxed);
            if phase == PROVEN {
                return None;
            }
            // A client that has just come, and is not served yet, must not be taken for one of a crowd.
            let trusted = entry.trusted.load(Ordering::Relaxed);
            let crowd = if trusted { 0 } else { crowd_of(entry) };
            let is_idle = phase == IDLE && (trusted || since <= idle_since);
            Some((trusted, Reverse(crowd), !is_idle, since, entry.id))
        };
        let candidates = entries.connections.values().filter(|entry| of(entry));
        let mut candidates: Vec<(bool, Reverse<u32>, bool, u64, u64)> =
            candidates.filter_map(|entry| rank(entry)).collect();
        if count < candidates.len() {
            candidates.select_nth_unstable(count);
            candidates.truncate(count);
        }
        for (.., id) in candidates {
            if let Some(entry) = entries.remove(id) {
                entry.evicted.notify_one();
            }
        }
    }
}

/// How many make room at once, so that the table is not searched for each new connection.
const fn batch(limit: usize) -> usize {
    let share = limit / 64;
    if share == 0 { 1 } else { share }
}

/// How large a crowd this many unproven connections of one peer are, by powers of two. A few are none.
const fn crowd(connections: usize) -> u32 {
    (connections | 3).ilog2()
}

impl Entries {
    fn remove(&mut self, id: u64) -> Option<Arc<Entry>> {
        let entry = self.connections.remove(&id)?;
        if !entry.trusted.load(Ordering::Relaxed) {
            self.forget_unproven(*lock(&entry.peer));
        }
        Some(entry)
    }

    fn forget_unproven(&mut self, peer: Option<PeerNetwork>) {
        let Some(peer) = peer else { return };
        if let Some(count) = self.unproven.get_mut(&peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.unproven.remove(&peer);
            }
        }
    }
}

impl Admitted {
    /// Names the peer of a connection that a trusted proxy made. Returns `false` when the connection has lost its place.
    pub(super) fn identify(&self, peer: PeerNetwork) -> bool {
        let mut entries = lock(&self.table.entries);
        self.table.make_room_of_peer(&mut entries, peer);
        if !entries.connections.contains_key(&self.entry.id) {
            return false;
        }
        *lock(&self.entry.peer) = Some(peer);
        *entries.unproven.entry(peer).or_insert(0) += 1;
        true
    }

    /// Returns when the connection has to make room.
    pub(super) async fn evicted(&self) {
        self.entry.evicted.notified().await;
    }

    /// Whether there was a request.
    pub(super) fn has_asked(&self) -> bool {
        self.entry.asked.load(Ordering::Relaxed)
    }

    /// Notes that a request has begun, whose sender has proven nothing.
    pub(super) fn begin_request(&self) -> ActiveRequest {
        self.entry.asked.store(true, Ordering::Relaxed);
        self.entry.since.store(self.table.now(), Ordering::Relaxed);
        self.entry.phase.store(UNPROVEN, Ordering::Relaxed);
        ActiveRequest { table: Arc::clone(&self.table), entry: Arc::clone(&self.entry) }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        lock(&self.table.entries).remove(self.entry.id);
    }
}

impl ActiveRequest {
    /// To be called when the request's sender is proven.
    pub(super) fn on_proof(&self) -> impl Fn() + Send + Sync + 'static {
        let (table, entry) = (Arc::clone(&self.table), Arc::clone(&self.entry));
        move || {
            entry.phase.store(PROVEN, Ordering::Relaxed);
            if entry.trusted.load(Ordering::Relaxed) {
                return;
            }
            let mut entries = lock(&table.entries);
            if entries.connections.contains_key(&entry.id) && !entry.trusted.swap(true, Ordering::Relaxed) {
                entries.forget_unproven(*lock(&entry.peer));
            }
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.entry.since.store(self.table.now(), Ordering::Relaxed);
        self.entry.phase.store(IDLE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::request::Peer;

    fn peer(last: u8) -> Option<PeerNetwork> {
        Some(Peer(IpAddr::from([192, 0, 2, last])).network())
    }

    fn table(total: usize, per_peer: usize) -> Arc<Table> {
        Arc::new(Table::new(ConnectionLimits { total, per_peer }))
    }

    /// Whether a connection still has its place.
    fn stays(admitted: &Admitted) -> bool {
        lock(&admitted.table.entries).connections.contains_key(&admitted.entry.id)
    }

    fn prove(admitted: &Admitted) -> ActiveRequest {
        let request = admitted.begin_request();
        request.on_proof()();
        request
    }

    /// Makes a connection old enough to be idle.
    fn age(admitted: &Admitted) {
        let entry = &admitted.entry;
        // The table is younger than that; what is older than it was idle all the time.
        entry.since.store(0, Ordering::Relaxed);
    }

    #[test]
    fn at_the_limit_the_oldest_makes_room() {
        let table = table(2, 2);
        let first = table.admit(peer(1)).unwrap();
        let second = table.admit(peer(2)).unwrap();
        let third = table.admit(peer(3)).unwrap();
        assert_eq!([&first, &second, &third].map(stays), [false, true, true]);
    }

    #[test]
    fn a_connection_with_an_unproven_request_goes_before_one_of_a_client_that_has_proven_itself() {
        let table = table(2, 2);
        let proven = table.admit(peer(1)).unwrap();
        drop(prove(&proven));
        let unproven = table.admit(peer(2)).unwrap();
        let _request = unproven.begin_request();
        let _next = table.admit(peer(3)).unwrap();
        assert_eq!([&proven, &unproven].map(stays), [true, false]);
    }

    #[test]
    fn a_proven_request_is_never_interrupted_and_the_reserve_lets_a_few_more_in() {
        let table = table(2, 2);
        let connections = [table.admit(peer(1)).unwrap(), table.admit(peer(1)).unwrap()];
        let _requests = connections.each_ref().map(prove);
        let mut reserve = Vec::new();
        for _ in 0..RESERVE {
            let next = table.admit(peer(2)).unwrap();
            reserve.push((prove(&next), next));
        }
        assert!(table.admit(peer(3)).is_none());
        assert!(connections.iter().all(stays));
    }

    #[test]
    fn one_peer_has_fewer_places_and_makes_room_itself() {
        let table = table(100, 2);
        let other = table.admit(peer(9)).unwrap();
        age(&other);
        let own: Vec<_> = (0..3).map(|_| table.admit(peer(1)).unwrap()).collect();
        assert_eq!(own.iter().map(stays).collect::<Vec<_>>(), [false, true, true]);
        assert!(stays(&other));
    }

    #[test]
    fn a_client_that_has_just_come_stays_when_a_crowd_comes_after_it() {
        let table = table(100, 100);
        // One waits for longer than the other; the server has not come to either.
        let clients = [table.admit(peer(9)).unwrap(), table.admit(peer(10)).unwrap()];
        age(&clients[0]);
        let mut crowd = Vec::new();
        for number in 0..1000 {
            let stranger = table.admit(peer(u8::try_from(number % 5).unwrap())).unwrap();
            if number % 2 == 0 {
                age(&stranger);
            }
            crowd.push(stranger);
        }
        assert!(clients.iter().all(stays));
        assert!(crowd.iter().filter(|one| stays(one)).count() < 100);
    }

    #[test]
    fn connections_on_which_somebody_was_proven_and_those_of_trusted_proxies_count_in_all_only() {
        let table = table(100, 2);
        let proven: Vec<_> = (0..10).map(|_| table.admit(peer(1)).unwrap()).inspect(|one| drop(prove(one))).collect();
        let proxied: Vec<_> = (0..10).map(|_| table.admit(None).unwrap()).collect();
        assert!(proven.iter().chain(&proxied).all(stays));
        drop((proven, proxied));
        let entries = lock(&table.entries);
        assert_eq!((entries.connections.len(), entries.unproven.len()), (0, 0));
    }

    #[test]
    fn a_client_behind_the_proxy_protocol_counts_as_itself() {
        let table = table(100, 1);
        let client = Peer(IpAddr::from([192, 0, 2, 1])).network();
        let (first, second) = (table.admit(None).unwrap(), table.admit(None).unwrap());
        assert!(first.identify(client) && second.identify(client));
        assert_eq!([&first, &second].map(stays), [false, true]);
        assert!(!first.identify(client));
    }

    #[test]
    fn the_limits_follow_the_descriptors() {
        assert_eq!(ConnectionLimits::for_descriptors(1024), ConnectionLimits { total: 768, per_peer: 96 });
        assert_eq!(ConnectionLimits::for_descriptors(1_000_000).total, 4096);
        assert_eq!(ConnectionLimits::for_descriptors(0), ConnectionLimits { total: 16, per_peer: 2 });
    }
}
