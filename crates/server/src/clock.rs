//! The server's clock: the system's time plus an offset that tests move, and waits that a clock set wrongly cannot stretch.
//!
//! The wall clock says when something is due. How long something has lasted, such as a wait or a lease, is measured by
//! [`BootInstant`], which nobody can set and which goes on while the machine is suspended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use csms_core::UnixMillis;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// How long a wait sleeps before it looks at both clocks again. The kernel's timers stand still while the machine is
/// suspended, so this bounds how late a wait ends after that.
const SLICE: Duration = Duration::from_secs(10);

/// A moment on the clock that counts from the start of the machine (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootInstant(Duration);

impl BootInstant {
    /// The present.
    #[must_use]
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        Self(Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default()))
    }

    /// Time since then.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

/// Tells the time. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_millis: Arc<AtomicI64>,
    moved: Arc<Notify>,
}

impl Clock {
    /// The present, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(system.as_millis()).unwrap_or(u64::MAX);
        UnixMillis::new(millis.saturating_add_signed(self.offset_millis.load(Ordering::SeqCst)))
    }

    /// Moves this clock and its clones forward, for tests of things that happen days later.
    pub fn advance(&self, millis: u64) {
        self.offset_millis.fetch_add(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Moves this clock and its clones back, for tests of a clock that is set.
    pub fn set_back(&self, millis: u64) {
        self.offset_millis.fetch_sub(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Waits until this clock has gone on by `wait`, or the machine has: a clock that is set back delays nothing.
    pub async fn sleep(&self, wait: Duration) {
        let begun = BootInstant::now();
        let until = self.now().plus_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // From here on no move is missed.
            moved.as_mut().enable();
            let left = Duration::from_millis(until.millis_since(self.now())).min(wait.saturating_sub(begun.elapsed()));
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(SLICE)) => {}
                () = moved => {}
            }
        }
    }
}

/// A time in UTC as RFC 3339 writes it, with this many decimals of a second: `2026-01-02T03:04:05.678Z`.
#[must_use]
pub fn rfc3339(time: UnixMillis, decimals: usize) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map(|time| format!("{time:.decimals$}")).unwrap_or_default()
}

/// What [`parse_time`] reads, in words.
pub const TIME_FORM: &str = "a time such as 2026-01-02T03:04:05Z, or a day such as 2026-01-02";

/// The time that a text names: one of RFC 3339 with its offset, or a day, which begins at midnight UTC.
#[must_use]
pub fn parse_time(text: &str) -> Option<UnixMillis> {
    let midnight = |day: jiff::civil::Date| jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| text.parse().ok().and_then(midnight))?;
    u64::try_from(time.as_millisecond()).ok().map(UnixMillis::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_and_a_day_are_read() {
        for text in ["2026-01-02T00:00:00Z", "2026-01-02", "2026-01-02T02:00:00+02:00"] {
            assert_eq!(
                parse_time(text).map(|time| rfc3339(time, 0)).as_deref(),
                Some("2026-01-02T00:00:00Z"),
                "{text}"
            );
        }
        for text in ["", "tomorrow", "2026-13-01", "90d", "1969-12-31"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock = Clock::default();
        let asleep = clock.clone();
        let sleeper = tokio::spawn(async move { asleep.sleep(Duration::from_secs(30 * 86_400)).await });
        tokio::task::yield_now().await;
        clock.advance(15 * 86_400_000);
        assert!(!sleeper.is_finished());
        clock.advance(16 * 86_400_000);
        tokio::time::timeout(Duration::from_secs(60), sleeper).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_delays_no_sleeper() {
        let clock = Clock::default();
        let asleep = clock.clone();
        let sleeper = tokio::spawn(async move { asleep.sleep(Duration::from_millis(300)).await });
        tokio::task::yield_now().await;
        clock.set_back(3_600_000);
        tokio::time::timeout(Duration::from_secs(60), sleeper).await.unwrap().unwrap();
    }
}
