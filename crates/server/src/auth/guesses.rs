//! Slows down wrong passwords: few guesses a minute for one user from one peer.
//!
//! Wrong guesses from one peer never delay another, so no user can lock out another. Each server counts in memory for itself; the
//! number of entries is bounded in total and for each peer. Requests without a known address count as one peer.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use csms_core::UnixMillis;
use sha2::{Digest as _, Sha256};

use crate::request::PeerNetwork;

/// Wrong passwords in a row that are checked without a wait.
pub const FREE_GUESSES: u64 = 5;

/// How long a wrong password beyond these delays the next check, in milliseconds: three guesses a minute.
pub const GUESS_MILLIS: u64 = 20_000;

/// Users that are remembered for one peer at most; beyond that the one whose wait ends first is forgotten.
const MAX_OF_PEER: usize = 200;

/// Entries in all.
const MAX_ENTRIES: usize = 10_000;

/// Whose password is guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject([u8; 32]);

impl Subject {
    /// A user, by identifier.
    #[must_use]
    pub fn user(id: &str) -> Self {
        Self::digest("user", id)
    }

    /// A name that no user has. It is slowed down as a user is, so that a caller cannot tell the two apart.
    #[must_use]
    pub fn unknown(name: &str) -> Self {
        Self::digest("name", name)
    }

    /// Names may be long, and an entry must not be.
    fn digest(kind: &str, text: &str) -> Self {
        Self(Sha256::new_with_prefix(kind).chain_update([0]).chain_update(text).finalize().into())
    }
}

/// Wrong guesses that are not forgotten yet.
#[derive(Clone, Copy)]
struct Debt {
    /// When all of them are forgotten. Each adds [`GUESS_MILLIS`].
    until: UnixMillis,
}

impl Debt {
    /// Milliseconds until the next guess is checked.
    fn wait(self, now: UnixMillis) -> u64 {
        self.until.millis_since(now).saturating_sub((FREE_GUESSES - 1) * GUESS_MILLIS)
    }
}

/// Wrong passwords by user and peer.
#[derive(Default)]
pub struct Guesses(Mutex<HashMap<(Subject, Option<PeerNetwork>), Debt>>);

impl Guesses {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Subject, Option<PeerNetwork>), Debt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds until a password for this user from this peer is checked again; 0 when it is checked now.
    #[must_use]
    pub fn wait(&self, subject: Subject, peer: Option<PeerNetwork>, now: UnixMillis) -> u64 {
        self.lock().get(&(subject, peer)).map_or(0, |debt| debt.wait(now))
    }

    /// Whether some peer is held off from guessing this user's password.
    #[must_use]
    pub fn is_held_off(&self, subject: Subject, now: UnixMillis) -> bool {
        self.lock().iter().any(|((guessed, _), debt)| *guessed == subject && debt.wait(now) > 0)
    }

    /// Counts a wrong password. Returns `true` when the peer is held off from now on and was not before.
    pub fn wrong(&self, subject: Subject, peer: Option<PeerNetwork>, now: UnixMillis) -> bool {
        let mut debts = self.lock();
        let known = debts.get(&(subject, peer)).copied();
        if known.is_none() {
            make_room(&mut debts, peer, now);
        }
        let before = known.unwrap_or(Debt { until: now });
        let after = Debt { until: before.until.max(now).plus_millis(GUESS_MILLIS) };
        debts.insert((subject, peer), after);
        before.wait(now) == 0 && after.wait(now) > 0
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Forgets the wrong passwords of a peer that has given the right one.
    pub fn right(&self, subject: Subject, peer: Option<PeerNetwork>) {
        self.lock().remove(&(subject, peer));
    }
}

/// Forgets what is over, and where that is not enough, the entry of this peer, or of all, that would be over first.
fn make_room(debts: &mut HashMap<(Subject, Option<PeerNetwork>), Debt>, peer: Option<PeerNetwork>, now: UnixMillis) {
    let of_peer =
        |debts: &HashMap<(Subject, Option<PeerNetwork>), Debt>| debts.keys().filter(|(_, of)| *of == peer).count();
    if debts.len() < MAX_ENTRIES && of_peer(debts) < MAX_OF_PEER {
        return;
    }
    debts.retain(|_, debt| debt.until > now);
    let full = of_peer(debts) >= MAX_OF_PEER;
    if full || debts.len() >= MAX_ENTRIES {
        let candidates = debts.iter().filter(|((_, of), _)| !full || *of == peer);
        if let Some(first) = candidates.min_by_key(|(_, debt)| debt.until).map(|(key, _)| *key) {
            debts.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Peer;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + millis)
    }

    fn peer(address: &str) -> Option<PeerNetwork> {
        Some(Peer(address.parse().unwrap()).network())
    }

    /// Five wrong passwords at the same time.
    fn exhaust(guesses: &Guesses, subject: Subject, from: Option<PeerNetwork>) {
        for number in 1..=FREE_GUESSES {
            assert_eq!(guesses.wait(subject, from, at(0)), 0);
            assert_eq!(guesses.wrong(subject, from, at(0)), number == FREE_GUESSES);
        }
    }

    #[test]
    fn after_five_wrong_passwords_three_a_minute_are_checked() {
        let (guesses, bob, here) = (Guesses::default(), Subject::user("bob"), peer("192.0.2.1"));
        exhaust(&guesses, bob, here);
        assert_eq!(guesses.wait(bob, here, at(0)), GUESS_MILLIS);
        assert!(guesses.is_held_off(bob, at(GUESS_MILLIS - 1)));
        let mut checked = 0;
        for millis in (0..60_000).step_by(100) {
            if guesses.wait(bob, here, at(millis)) == 0 {
                guesses.wrong(bob, here, at(millis));
                checked += 1;
            }
        }
        assert_eq!(checked, 2, "at 20 s and at 40 s; the next one would be at 60 s");
    }

    #[test]
    fn another_peer_and_another_user_do_not_wait() {
        let (guesses, bob, here) = (Guesses::default(), Subject::user("bob"), peer("192.0.2.1"));
        exhaust(&guesses, bob, here);
        assert_eq!(guesses.wait(bob, peer("192.0.2.2"), at(0)), 0);
        assert_eq!(guesses.wait(Subject::unknown("bob"), here, at(0)), 0);
        assert!(!guesses.is_held_off(Subject::user("alice"), at(0)));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let (guesses, bob) = (Guesses::default(), Subject::user("bob"));
        exhaust(&guesses, bob, peer("2001:db8::1"));
        assert!(guesses.wait(bob, peer("2001:db8::ffff:1"), at(0)) > 0);
        assert_eq!(guesses.wait(bob, peer("2001:db8:0:1::1"), at(0)), 0);
    }

    #[test]
    fn the_right_password_ends_the_row() {
        let (guesses, bob, here) = (Guesses::default(), Subject::user("bob"), peer("192.0.2.1"));
        exhaust(&guesses, bob, here);
        guesses.right(bob, here);
        exhaust(&guesses, bob, here);
    }

    #[test]
    fn entries_are_bounded_for_one_peer_and_in_all() {
        let (guesses, bob, here) = (Guesses::default(), Subject::user("bob"), peer("192.0.2.1"));
        exhaust(&guesses, bob, here);
        for number in 0..MAX_OF_PEER * 2 {
            guesses.wrong(Subject::unknown(&number.to_string()), here, at(0));
        }
        assert_eq!(guesses.lock().len(), MAX_OF_PEER);
        // The one that is held off is not what is forgotten first.
        assert!(guesses.wait(bob, here, at(0)) > 0);
        for number in 0..u32::try_from(MAX_ENTRIES).unwrap() {
            guesses.wrong(bob, peer(&std::net::Ipv4Addr::from(number + 7).to_string()), at(0));
        }
        assert_eq!(guesses.lock().len(), MAX_ENTRIES);
    }
}
