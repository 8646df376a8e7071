//! What is known of whether this server should get requests. The answer is put together in [`crate::http`].

use std::sync::atomic::{AtomicBool, Ordering};

/// What is known besides store and keys.
#[derive(Default)]
pub struct Readiness {
    has_looked: AtomicBool,
    is_draining: AtomicBool,
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
