//! The server's clock: the system's time plus an offset that tests move.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use csms_core::UnixMillis;

/// Tells the time. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_millis: Arc<AtomicU64>,
}

impl Clock {
    /// The present, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(system.as_millis()).unwrap_or(u64::MAX);
        UnixMillis::new(millis).plus_millis(self.ahead_millis.load(Ordering::Relaxed))
    }

    /// Moves this clock and its clones forward, for tests of things that happen days later.
    pub fn advance(&self, millis: u64) {
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
    }
}
