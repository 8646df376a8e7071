//! Keeps an access key out for a while after signatures with it were wrong several times in a row (authentication fact
//! sheet, section 2). Counted in each server for itself.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use csms_core::UnixMillis;

/// Failures in a row that lock a key.
pub const MOST_FAILURES: u32 = 5;

/// How long a key stays locked, in milliseconds.
pub const LOCKED_MILLIS: u64 = 5 * 60_000;

/// Keys remembered at most. Only keys that exist are counted, so this is for installations with very many.
const MOST_KEYS: usize = 10_000;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: UnixMillis,
}

/// Failures in a row, by access key.
#[derive(Default)]
pub struct Lockout {
    failures: Mutex<HashMap<String, Failures>>,
    /// Whether there are any, so that most requests need no lock.
    any: AtomicBool,
}

impl Lockout {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the key is locked.
    pub fn is_locked(&self, access_key: &str, now: UnixMillis) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let mut failures = self.lock();
        let Some(found) = failures.get(access_key) else { return false };
        if found.count < MOST_FAILURES {
            return false;
        }
        let over = now.millis_since(found.last) >= LOCKED_MILLIS;
        if over {
            failures.remove(access_key);
        }
        !over
    }

    /// Counts a wrong signature.
    pub fn failed(&self, access_key: &str, now: UnixMillis) {
        let mut failures = self.lock();
        if failures.len() >= MOST_KEYS {
            failures.retain(|_, found| now.millis_since(found.last) < LOCKED_MILLIS);
        }
        let found = failures.entry(access_key.to_owned()).or_insert(Failures { count: 0, last: now });
        // What failed long ago is not in a row with this.
        if now.millis_since(found.last) >= LOCKED_MILLIS {
            found.count = 0;
        }
        *found = Failures { count: found.count.saturating_add(1), last: now };
        self.any.store(true, Ordering::Relaxed);
    }

    /// Forgets the failures of a key that has signed well.
    pub fn succeeded(&self, access_key: &str) {
        if self.any.load(Ordering::Relaxed) {
            let mut failures = self.lock();
            failures.remove(access_key);
            self.any.store(!failures.is_empty(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + millis)
    }

    #[test]
    fn the_fifth_failure_in_a_row_locks_for_five_minutes() {
        let lockout = Lockout::default();
        for number in 0..4 {
            lockout.failed("AK", at(number));
            assert!(!lockout.is_locked("AK", at(number)));
        }
        lockout.failed("AK", at(4));
        assert!(lockout.is_locked("AK", at(4)) && !lockout.is_locked("OTHER", at(4)));
        assert!(lockout.is_locked("AK", at(3 + LOCKED_MILLIS)));
        assert!(!lockout.is_locked("AK", at(4 + LOCKED_MILLIS)));
        lockout.failed("AK", at(5 + LOCKED_MILLIS));
        assert!(!lockout.is_locked("AK", at(5 + LOCKED_MILLIS)));
    }

    #[test]
    fn a_good_signature_ends_the_row() {
        let lockout = Lockout::default();
        for _ in 0..4 {
            lockout.failed("AK", at(0));
        }
        lockout.succeeded("AK");
        lockout.failed("AK", at(1));
        assert!(!lockout.is_locked("AK", at(1)));
    }
}
