//! Whether the store can be read and written: for `/healthz`, for the gauge, and once a minute for the log.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use csms_store::{AnyStore, Cause, Store, StoreError};

use crate::failure::Chain;

/// How long a read may take. Those who ask wait a second.
const READ_WITHIN: Duration = Duration::from_millis(900);

/// How long a write may take: it may wait behind others, and for a slow disk.
const WRITE_WITHIN: Duration = Duration::from_secs(3);

/// How long the outcome of a write counts. Anybody may ask, and a write is not free.
const WRITE_COUNTS: Duration = Duration::from_secs(1);

/// How often the log has a line about an outage.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// What is known of the store.
#[derive(Default)]
pub struct StoreHealth {
    written: tokio::sync::Mutex<Option<(Instant, bool)>>,
    latencies: Mutex<Latencies>,
}

/// How long the last read and the last write of a check took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latencies {
    /// The read.
    pub read: Duration,
    /// The write.
    pub write: Duration,
}

impl StoreHealth {
    /// How long the last checks took.
    #[must_use]
    pub fn latencies(&self) -> Latencies {
        *self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Latencies)) {
        change(&mut self.latencies.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the store can be read now.
    pub async fn can_read(&self, store: &AnyStore) -> bool {
        let begun = Instant::now();
        let read = tokio::time::timeout(READ_WITHIN, store.meta("health")).await;
        self.note(|latencies| latencies.read = begun.elapsed());
        match read {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                report(&error, "the store cannot be read");
                false
            }
            Err(elapsed) => {
                report(&late(elapsed), "the store cannot be read");
                false
            }
        }
    }

    /// Whether a write has succeeded now or within the last second.
    pub async fn can_write(&self, store: &AnyStore) -> bool {
        let mut written = self.written.lock().await;
        if let Some((at, succeeded)) = *written
            && at.elapsed() < WRITE_COUNTS
        {
            return succeeded;
        }
        let begun = Instant::now();
        let checked = tokio::time::timeout(WRITE_WITHIN, store.check_writing()).await;
        self.note(|latencies| latencies.write = begun.elapsed());
        let succeeded = match checked {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                report(&error, "the store cannot be written");
                false
            }
            Err(elapsed) => {
                report(&late(elapsed), "the store cannot be written");
                false
            }
        };
        *written = Some((Instant::now(), succeeded));
        succeeded
    }
}

/// The failure of a store that does not answer in time.
fn late(elapsed: tokio::time::error::Elapsed) -> StoreError {
    StoreError::Unavailable(Cause::with("waiting for an answer", elapsed))
}

/// When the log last had a line about an outage.
static LAST_LINE: LastLine = LastLine::new();

/// When the log last had a line about something that repeats itself, and how many it was spared since.
pub struct LastLine(Mutex<Option<(Instant, u64)>>);

impl LastLine {
    /// There was none yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether a line is due, and how many were spared since the last: one a minute is written.
    pub fn is_due(&self) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some((at, spared)) if at.elapsed() < LINE_EVERY => {
                *spared += 1;
                None
            }
            other => {
                let spared = other.map_or(0, |(_, spared)| spared);
                *other = Some((Instant::now(), 0));
                Some(spared)
            }
        }
    }
}

impl Default for LastLine {
    fn default() -> Self {
        Self::new()
    }
}

/// Logs a failure of the store. While the store is out, everything fails that needs it, so there is one line a minute.
pub fn report(error: &StoreError, what: &str) {
    if !matches!(error, StoreError::Unavailable(_)) {
        tracing::error!(cause = %Chain(error), "{what}");
    } else if let Some(spared) = line_is_due() {
        tracing::error!(cause = %Chain(error), spared, "{what}; further failures of the store are logged in a minute");
    }
}

/// Whether a line about an outage is due, and how many were spared since the last.
pub fn line_is_due() -> Option<u64> {
    LAST_LINE.is_due()
}
