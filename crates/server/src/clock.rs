//! The server's clock: the system's time plus an offset that tests move, and waits that a clock set wrongly cannot stretch.
//!
//! The wall clock says when something is due. How long something has lasted, such as a wait or a lease, is measured by
//! [`BootInstant`], which nobody can set and which goes on while the machine is suspended. [`trust`] says whether the wall clock
//! can be believed.

pub mod trust;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use csms_core::UnixMillis;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

use trust::{Doubt, Trust};

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

/// Tells the time. Clones share what tests move and which times were believed.
#[derive(Clone, Debug)]
pub struct Clock {
    /// What the wall clock showed when this was made, and when that was.
    origin: (UnixMillis, BootInstant),
    /// Milliseconds that tests have let pass.
    passed: Arc<AtomicI64>,
    /// Milliseconds by which tests have set the wall clock.
    set: Arc<AtomicI64>,
    moved: Arc<Notify>,
    trust: Arc<Mutex<Trust>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            origin: (wall_clock(), BootInstant::now()),
            passed: Arc::default(),
            set: Arc::default(),
            moved: Arc::default(),
            trust: Arc::default(),
        }
    }
}

fn wall_clock() -> UnixMillis {
    let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(millis(system))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Clock {
    /// The present, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        let moved = self.passed.load(Ordering::SeqCst).saturating_add(self.set.load(Ordering::SeqCst));
        UnixMillis::new(wall_clock().as_millis().saturating_add_signed(moved))
    }

    /// The time when this process began plus the time that has passed since, whatever the wall clock has been set to: for waits and
    /// intervals.
    #[must_use]
    pub fn steady(&self) -> UnixMillis {
        let (time, then) = self.origin;
        let steady = time.plus_millis(millis(then.elapsed()));
        UnixMillis::new(steady.as_millis().saturating_add_signed(self.passed.load(Ordering::SeqCst)))
    }

    /// The present, for work that deletes, rotates or reports because its time has come.
    ///
    /// # Errors
    /// When the clock cannot be believed: see [`trust`]. The work then waits.
    pub fn believed(&self) -> Result<UnixMillis, Doubt> {
        let mut trust = self.trust();
        let now = self.now();
        trust.judge(now, self.steady()).map(|()| now)
    }

    /// Takes the time that a server on the same store last believed as the one that this process began with.
    pub fn recall(&self, time: UnixMillis) {
        self.trust().recall(time, self.steady());
    }

    /// When a recovery window begins: at present, or at the expected time if the clock is in doubt and behind it. Otherwise the window
    /// would be over when the clock is set.
    #[must_use]
    pub fn begin_window(&self) -> UnixMillis {
        self.believed().unwrap_or_else(|doubt| doubt.shown.max(doubt.expected))
    }

    fn trust(&self) -> MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves this clock and its clones forward, for tests of things that happen days later.
    pub fn advance(&self, millis: u64) {
        self.passed.fetch_add(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Sets this clock and its clones back, for tests of a clock that is set.
    pub fn set_back(&self, millis: u64) {
        self.set.fetch_sub(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Sets this clock and its clones forward without letting time pass, for tests of a clock that is set.
    pub fn set_forward(&self, millis: u64) {
        self.set.fetch_add(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Waits until this clock has gone on by `wait`, or the machine has: a clock that is set back delays nothing.
    pub async fn sleep(&self, wait: Duration) {
        let begun = BootInstant::now();
        let until = self.now().plus_millis(millis(wait));
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

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the clock shows {}, and {} was expected", rfc3339(self.shown, 0), rfc3339(self.expected, 0))
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

    #[test]
    fn setting_the_clock_leaves_the_steady_one_alone() {
        let clock = Clock::default();
        clock.set_back(3_600_000);
        assert!(clock.steady().millis_since(clock.now()) >= 3_599_000);
        clock.set_forward(3_600_000);
        clock.advance(86_400_000);
        assert!(clock.steady().millis_since(Clock::default().now()) >= 86_399_000);
        assert!(clock.steady().millis_since(clock.now()) < 1_000);
    }

    #[test]
    fn a_window_that_begins_under_a_clock_in_doubt_begins_when_it_should() {
        let (clock, decade) = (Clock::default(), 10 * 365 * 86_400_000);
        let now = clock.now();
        clock.recall(now);
        clock.set_back(decade);
        assert!(clock.begin_window() >= now);
        clock.set_forward(2 * decade);
        assert!(clock.begin_window().millis_since(now) >= decade);
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
