//! Follows whether the wall clock can be believed, for the log and `/metrics`, and notes in the store the last time that was believed, for
//! later starts. Work that has to wait takes its time from [`Clock::believed`].

use std::time::{Duration, Instant};

use csms_core::UnixMillis;
use csms_store::{AnyStore, Store as _, StoreError};

use crate::{
    app::App,
    clock::{Clock, trust::EARLIEST},
    telemetry::outage,
};

/// Under which name the store keeps the time, in decimal milliseconds since 1970.
const KEY: &str = "believed_time";

/// How often the time is noted. It is compared in days.
const NOTED_EVERY: Duration = Duration::from_secs(3_600);

/// Reads from the store the last time that a server believed, and lets the clock be compared with it.
///
/// # Errors
/// Failures of the store.
pub async fn recall(store: &AnyStore, clock: &Clock) -> Result<(), StoreError> {
    if let Some(time) = noted(store).await? {
        clock.recall(time);
    }
    Ok(())
}

/// The last time that a server believed, as the store has it.
///
/// # Errors
/// Failures of the store.
pub async fn noted(store: &AnyStore) -> Result<Option<UnixMillis>, StoreError> {
    let noted = store.meta(KEY).await?.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok());
    Ok(noted.map(UnixMillis::new))
}

/// What a server has noted and logged about its clock.
#[derive(Default)]
pub(super) struct BelievedTime {
    noted: Option<Instant>,
    is_in_doubt: bool,
}

impl BelievedTime {
    /// Looks at the clock, and reports a change.
    pub(super) async fn look(&mut self, app: &App) {
        let believed = app.clock.believed();
        app.metrics.clock_in_doubt(believed.is_err());
        let was_in_doubt = std::mem::replace(&mut self.is_in_doubt, believed.is_err());
        match believed {
            Err(doubt) if !was_in_doubt && doubt.shown < EARLIEST => {
                tracing::warn!("{doubt}: scheduled rotations and deletions wait until the clock is set");
            }
            Err(doubt) if !was_in_doubt => tracing::warn!(
                "{doubt}: scheduled rotations and deletions wait for an hour, or until the clock is set. If it is right, as after weeks \
                 of downtime, there is nothing to do"
            ),
            Err(_) => {}
            Ok(now) => {
                if was_in_doubt {
                    tracing::info!("the clock is believed again: scheduled rotations and deletions go on");
                }
                self.note(now, &app.store).await;
            }
        }
    }

    /// Notes the time, seldom.
    async fn note(&mut self, now: UnixMillis, store: &AnyStore) {
        if self.noted.is_some_and(|noted| noted.elapsed() < NOTED_EVERY) {
            return;
        }
        match store.put_meta(KEY, now.as_millis().to_string().into_bytes()).await {
            Ok(()) => self.noted = Some(Instant::now()),
            Err(error) => outage::report(&error, "the time will be noted later"),
        }
    }
}
