//! The server's clock: the system's time plus an offset that tests move. Waits of background work end by it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use csms_core::UnixMillis;
use tokio::sync::Notify;

/// Tells the time. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_millis: Arc<AtomicU64>,
    advanced: Arc<Notify>,
}

impl Clock {
    /// The present, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(system.as_millis()).unwrap_or(u64::MAX);
        UnixMillis::new(millis).plus_millis(self.ahead_millis.load(Ordering::SeqCst))
    }

    /// Moves this clock and its clones forward, for tests of things that happen days later.
    pub fn advance(&self, millis: u64) {
        self.ahead_millis.fetch_add(millis, Ordering::SeqCst);
        self.advanced.notify_waiters();
    }

    /// Waits until this clock has gone on by `wait`.
    pub async fn sleep(&self, wait: Duration) {
        let until = self.now().plus_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        loop {
            let advanced = self.advanced.notified();
            tokio::pin!(advanced);
            // From here on no move is missed.
            advanced.as_mut().enable();
            let left = until.millis_since(self.now());
            if left == 0 {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left)) => {}
                () = advanced => {}
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
}
