//! What is known of whether this server should get requests. The answer is put together in [`crate::http`].

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// What is known besides the store.
#[derive(Default)]
pub struct Readiness {
    has_looked: AtomicBool,
    is_draining: AtomicBool,
    /// When keys were last tried, and whether they could be used.
    pub key: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// Notes that the scheduler has looked for due work.
    pub fn looked(&self) {
        self.has_looked.store(true, Ordering::Relaxed);
    }

    /// Whether it has.
    pub fn has_looked(&self) -> bool {
        self.has_looked.load(Ordering::Relaxed)
    }

    /// Notes that the server has been asked to end.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Whether it has been.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}
