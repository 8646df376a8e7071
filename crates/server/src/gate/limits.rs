//! Limits on unauthenticated senders: the memory that all their bodies share.
//!
//! It does not authenticate; [`Standing`] is how the gate reports the outcome to the connection and to this budget.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
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

/// The bounded room for what senders sent who have proven nothing.
#[derive(Debug, Default)]
pub struct Room {
    size: RoomSize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_peer: HashMap<Option<PeerNetwork>, usize>,
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

impl Room {
    /// A room of this size.
    #[must_use]
    pub fn new(size: RoomSize) -> Self {
        Self { size, held: Mutex::default() }
    }

    /// A reservation for a peer, of no bytes as yet. Requests without a peer share one.
    #[must_use]
    pub fn reservation(self: &Arc<Self>, peer: Option<PeerNetwork>) -> Reservation {
        Reservation { room: Arc::clone(self), peer, held: AtomicUsize::new(0) }
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

/// Room that one request holds, until it is released or dropped.
#[derive(Debug)]
pub struct Reservation {
    room: Arc<Room>,
    peer: Option<PeerNetwork>,
    held: AtomicUsize,
}

impl Reservation {
    /// Holds this many bytes more.
    ///
    /// # Errors
    /// [`RoomFull`]; then nothing more is held than before.
    pub fn grow(&self, bytes: usize) -> Result<(), RoomFull> {
        let mut held = self.room.held.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = held.by_peer.get(&self.peer).copied().unwrap_or(0);
        let size = self.room.size;
        let fits = |now: usize, most: usize| now.checked_add(bytes).filter(|sum| *sum <= most);
        let (Some(total), Some(of_peer)) = (fits(held.total, size.total), fits(of_peer, size.per_peer)) else {
            return Err(RoomFull);
        };
        held.total = total;
        held.by_peer.insert(self.peer, of_peer);
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Gives back all that is held.
    pub fn release(&self) {
        if self.held.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut held = self.room.held.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.held.swap(0, Ordering::Relaxed);
        held.total = held.total.saturating_sub(bytes);
        if let Some(of_peer) = held.by_peer.get_mut(&self.peer) {
            *of_peer = of_peer.saturating_sub(bytes);
            if *of_peer == 0 {
                held.by_peer.remove(&self.peer);
            }
        }
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
    body_ended: AtomicBool,
    reservation: Reservation,
    on_proof: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("proven", &self.is_proven()).finish_non_exhaustive()
    }
}

impl Standing {
    /// The standing of a new request. `on_proof` runs once, when its sender is proven.
    pub fn new(reservation: Reservation, on_proof: impl Fn() + Send + Sync + 'static) -> Self {
        let (proven, body_ended) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Inner { proven, body_ended, reservation, on_proof: Box::new(on_proof) }))
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
        assert_eq!(second.grow(1), Err(RoomFull));
        first.release();
        assert_eq!(second.grow(20), Ok(()));
        drop((first, second));
        assert_eq!(room.held(), 0);
        assert!(room.held.lock().unwrap().by_peer.is_empty());
    }

    #[test]
    fn a_proof_gives_the_room_back_and_is_reported_once() {
        let (room, proofs) = (Arc::new(Room::new(RoomSize { total: 10, per_peer: 10 })), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&proofs);
        let standing = Standing::new(room.reservation(peer(1)), move || {
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
