//! Limits on unauthenticated senders: the memory that all their bodies share.
//!
//! It does not authenticate; [`Standing`] is how the gate reports the outcome to the connection and to this budget.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use axum::http::Extensions;

use crate::request::PeerNetwork;

/// How many bytes of senders who have proven nothing are held at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomSize {
    /// Bytes of all of them.
    pub total: usize,
    /// Bytes of one peer.
    pub per_peer: usize,
}

impl Default for RoomSize {
    fn default() -> Self {
        // One peer can send a body of the greatest length and a little besides.
        Self { total: 64 * 1024 * 1024, per_peer: 16 * 1024 * 1024 }
    }
}

/// The bounded room for what senders sent who have proven nothing. When it is full, the peer that holds most gives way to one
/// that holds less, so that a few who send much and slowly turn nobody away.
#[derive(Debug, Default)]
pub struct Room {
    size: RoomSize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    /// A peer that holds nothing has no entry.
    by_peer: HashMap<Option<PeerNetwork>, OfPeer>,
}

#[derive(Debug, Default)]
struct OfPeer {
    total: usize,
    shares: Vec<Arc<Share>>,
}

/// What one request holds.
#[derive(Debug, Default)]
struct Share {
    /// Changed under the lock of the room.
    bytes: AtomicUsize,
    gave_way: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// The room is full, for everybody or for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomFull;

impl fmt::Display for RoomFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no room for more requests whose senders have proven nothing yet")
    }
}

impl std::error::Error for RoomFull {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    /// A room of this size.
    #[must_use]
    pub fn new(size: RoomSize) -> Self {
        Self { size, held: Mutex::default() }
    }

    /// A reservation for a peer, of no bytes as yet. Requests without a peer share one.
    #[must_use]
    pub fn reservation(self: &Arc<Self>, peer: Option<PeerNetwork>) -> Reservation {
        Reservation { room: Arc::clone(self), peer, share: OnceLock::new() }
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        lock(&self.held).total
    }
}

impl Held {
    /// Takes the largest share from the peer that holds most, if that is more than `bytes`.
    fn take_from_the_greatest(&mut self, bytes: usize) -> Result<(), RoomFull> {
        let greatest = self.by_peer.iter().max_by_key(|(_, of_peer)| of_peer.total);
        let (peer, of_peer) = greatest.filter(|(_, of_peer)| of_peer.total > bytes).ok_or(RoomFull)?;
        let largest = of_peer.shares.iter().max_by_key(|share| share.bytes.load(Ordering::Relaxed));
        let (peer, share) = (*peer, Arc::clone(largest.ok_or(RoomFull)?));
        share.gave_way.store(true, Ordering::Relaxed);
        self.give_back(peer, &share);
        if let Some(waker) = lock(&share.waker).take() {
            waker.wake();
        }
        Ok(())
    }

    fn give_back(&mut self, peer: Option<PeerNetwork>, share: &Arc<Share>) {
        let bytes = share.bytes.swap(0, Ordering::Relaxed);
        self.total = self.total.saturating_sub(bytes);
        if let Some(of_peer) = self.by_peer.get_mut(&peer) {
            of_peer.total = of_peer.total.saturating_sub(bytes);
            of_peer.shares.retain(|known| !Arc::ptr_eq(known, share));
            if of_peer.shares.is_empty() {
                self.by_peer.remove(&peer);
            }
        }
    }
}

/// Room that one request holds, until it is released or dropped, or has to give way.
#[derive(Debug)]
pub struct Reservation {
    room: Arc<Room>,
    peer: Option<PeerNetwork>,
    /// Absent while nothing was held.
    share: OnceLock<Arc<Share>>,
}

impl Reservation {
    /// Holds this many bytes more.
    ///
    /// # Errors
    /// [`RoomFull`]; then nothing more is held than before.
    pub fn grow(&self, bytes: usize) -> Result<(), RoomFull> {
        if bytes == 0 {
            return Ok(());
        }
        let share = self.share.get_or_init(Arc::default);
        let mut held = lock(&self.room.held);
        if share.gave_way.load(Ordering::Relaxed) {
            return Err(RoomFull);
        }
        let size = self.room.size;
        let of_peer = held.by_peer.get(&self.peer).map_or(0, |of_peer| of_peer.total).saturating_add(bytes);
        if of_peer > size.per_peer || bytes > size.total {
            return Err(RoomFull);
        }
        while held.total > size.total.saturating_sub(bytes) {
            held.take_from_the_greatest(of_peer)?;
        }
        held.total = held.total.saturating_add(bytes);
        let entry = held.by_peer.entry(self.peer).or_default();
        entry.total = of_peer;
        if share.bytes.fetch_add(bytes, Ordering::Relaxed) == 0 {
            entry.shares.push(Arc::clone(share));
        }
        Ok(())
    }

    /// Gives back all that is held.
    pub fn release(&self) {
        let Some(share) = self.share.get() else { return };
        if share.bytes.load(Ordering::Relaxed) > 0 {
            lock(&self.room.held).give_back(self.peer, share);
        }
    }

    /// Whether the request has to give way to others, which wakes the task otherwise when it comes to that.
    pub fn poll_gave_way(&self, context: &Context<'_>) -> Poll<()> {
        let Some(share) = self.share.get() else { return Poll::Pending };
        *lock(&share.waker) = Some(context.waker().clone());
        if share.gave_way.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release();
    }
}

/// What the sender of a request has proven, which is nothing at first: a known access key is no proof. And whether the body is
/// here, which may still be on its way when the request is refused.
#[derive(Clone)]
pub struct Standing(Arc<Inner>);

struct Inner {
    proven: AtomicBool,
    body_ended: Arc<AtomicBool>,
    reservation: Reservation,
    on_proof: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("proven", &self.is_proven()).finish_non_exhaustive()
    }
}

impl Standing {
    /// The standing of a new request. In `body_ended` is noted when its body has been read; `on_proof` runs once, when its
    /// sender is proven.
    pub fn new(
        reservation: Reservation,
        body_ended: Arc<AtomicBool>,
        on_proof: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { proven: AtomicBool::new(false), body_ended, reservation, on_proof: Box::new(on_proof) }))
    }

    /// Reports that the sender of a request is proven: by a token, by a signature over the whole request, or by a password.
    /// Requests that did not come through the port have no standing.
    pub fn prove(extensions: &Extensions) {
        let Some(Self(inner)) = extensions.get::<Self>() else { return };
        if !inner.proven.swap(true, Ordering::Relaxed) {
            inner.reservation.release();
            (inner.on_proof)();
        }
    }

    /// Whether the sender is proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.0.proven.load(Ordering::Relaxed)
    }

    /// Accounts for bytes of the body that were received.
    ///
    /// # Errors
    /// [`RoomFull`], if the sender is not proven.
    pub fn received(&self, bytes: usize) -> Result<(), RoomFull> {
        if self.is_proven() { Ok(()) } else { self.0.reservation.grow(bytes) }
    }

    /// Whether the rest of the body cannot be waited for, because its sender is not proven and the room is needed by others.
    pub fn poll_gave_way(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_proven() { Poll::Pending } else { self.0.reservation.poll_gave_way(context) }
    }

    /// Notes that the whole body has been read.
    pub fn end_body(&self) {
        self.0.body_ended.store(true, Ordering::Relaxed);
    }

    /// Whether the whole body has been read.
    #[must_use]
    pub fn has_body_ended(&self) -> bool {
        self.0.body_ended.load(Ordering::Relaxed)
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

    #[test]
    fn the_room_is_bounded_for_all_and_for_one_peer() {
        let room = Arc::new(Room::new(RoomSize { total: 100, per_peer: 60 }));
        let first = room.reservation(peer(1));
        assert_eq!(first.grow(61), Err(RoomFull));
        assert_eq!(first.grow(60), Ok(()));
        assert_eq!(room.reservation(peer(1)).grow(1), Err(RoomFull));
        let second = room.reservation(peer(2));
        assert_eq!(second.grow(40), Ok(()));
        assert_eq!((second.grow(21), room.held()), (Err(RoomFull), 100));
        first.release();
        assert_eq!(second.grow(20), Ok(()));
        drop((first, second));
        assert_eq!(room.held(), 0);
        assert!(room.held.lock().unwrap().by_peer.is_empty());
    }

    #[test]
    fn who_holds_most_gives_way_to_whoever_holds_less() {
        let room = Arc::new(Room::new(RoomSize { total: 100, per_peer: 60 }));
        let (large, small, other) = (room.reservation(peer(1)), room.reservation(peer(1)), room.reservation(peer(2)));
        for (reservation, bytes) in [(&large, 50), (&small, 10), (&other, 40)] {
            reservation.grow(bytes).unwrap();
        }
        let (task, wakes) = counting();
        let context = Context::from_waker(&task);
        assert!([&large, &small, &other].iter().all(|one| one.poll_gave_way(&context).is_pending()));
        let newcomer = room.reservation(peer(3));
        newcomer.grow(30).unwrap();
        assert_eq!((large.poll_gave_way(&context), wakes.load(Ordering::Relaxed)), (Poll::Ready(()), 1));
        assert_eq!(large.grow(1), Err(RoomFull));
        assert!([&small, &other, &newcomer].iter().all(|one| one.poll_gave_way(&context).is_pending()));
        assert_eq!(room.held(), 80);
        drop((large, small, other, newcomer));
        assert_eq!(room.held(), 0);
        assert!(room.held.lock().unwrap().by_peer.is_empty());
    }

    /// A waker that counts, and its count.
    fn counting() -> (Waker, Arc<AtomicUsize>) {
        struct Counting(Arc<AtomicUsize>);
        impl std::task::Wake for Counting {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let wakes = Arc::default();
        (Arc::new(Counting(Arc::clone(&wakes))).into(), wakes)
    }

    #[test]
    fn a_proof_gives_the_room_back_and_is_reported_once() {
        let (room, proofs) = (Arc::new(Room::new(RoomSize { total: 10, per_peer: 10 })), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&proofs);
        let standing = Standing::new(room.reservation(peer(1)), Arc::default(), move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        standing.received(10).unwrap();
        assert_eq!(standing.received(1), Err(RoomFull));
        let mut extensions = Extensions::new();
        extensions.insert(standing.clone());
        Standing::prove(&extensions);
        Standing::prove(&extensions);
        assert_eq!((room.held(), proofs.load(Ordering::Relaxed)), (0, 1));
        standing.received(1000).unwrap();
        assert_eq!(room.held(), 0);
    }
}
