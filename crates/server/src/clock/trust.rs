//! Whether the wall clock can be believed: it is compared with the last time that was believed plus the time that has passed since.
//! Nothing is read, stored or set here.
//!
//! A clock that is wrong by years would end every recovery window, rotate everything and remove every record at once. A server that
//! was off for weeks looks the same, so a clock that has jumped is believed after an hour. Until then the network's time or an
//! operator can set it, and honest work is no later than under the cloud's scheduler, which looks once an hour.

use csms_core::UnixMillis;

const HOUR_MILLIS: u64 = 3_600_000;
const DAY_MILLIS: u64 = 24 * HOUR_MILLIS;

/// 2026-01-01T00:00:00Z, before the first release. A clock before it is never believed.
pub const EARLIEST: UnixMillis = UnixMillis::new(1_767_225_600_000);

/// How far the clock may be from the time that is expected: a week, the shortest recovery window.
pub const TOLERANCE_MILLIS: u64 = 7 * DAY_MILLIS;

/// How long a clock that has jumped further is doubted.
pub const PATIENCE_MILLIS: u64 = HOUR_MILLIS;

/// Why the clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The time that it shows.
    pub shown: UnixMillis,
    /// The time that was expected; [`EARLIEST`] when no time was believed before.
    pub expected: UnixMillis,
}

/// The last time that was believed.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// That time, and the steady clock's then.
    believed: Option<(UnixMillis, UnixMillis)>,
    /// The steady clock's time when the doubt began.
    doubted_since: Option<UnixMillis>,
}

impl Trust {
    /// Takes a time as believed, unless no right clock can have shown it.
    pub(super) fn recall(&mut self, time: UnixMillis, steady: UnixMillis) {
        if time >= EARLIEST {
            self.believed = Some((time, steady));
        }
    }

    /// Judges the wall clock, which shows `shown` while the steady clock shows `steady`.
    pub(super) fn judge(&mut self, shown: UnixMillis, steady: UnixMillis) -> Result<(), Doubt> {
        let expected = self.believed.map(|(time, then)| time.plus_millis(steady.millis_since(then)));
        let is_near =
            |expected: UnixMillis| shown.millis_since(expected).max(expected.millis_since(shown)) <= TOLERANCE_MILLIS;
        if shown < EARLIEST || !expected.is_none_or(is_near) {
            let since = *self.doubted_since.get_or_insert(steady);
            if shown < EARLIEST || steady.millis_since(since) < PATIENCE_MILLIS {
                return Err(Doubt { shown, expected: expected.unwrap_or(EARLIEST) });
            }
        }
        self.believed = Some((shown, steady));
        self.doubted_since = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_795_996_800_000);
    const YEARS: u64 = 64 * 365 * DAY_MILLIS;

    fn days(number: u64) -> UnixMillis {
        UnixMillis::new(number * DAY_MILLIS)
    }

    /// What is known when the clock was right at the start of the steady clock.
    fn right() -> Trust {
        let mut trust = Trust::default();
        assert_eq!(trust.judge(NOW, days(0)), Ok(()));
        trust
    }

    #[test]
    fn a_clock_that_goes_on_is_believed_and_one_that_was_asleep_too() {
        let mut trust = right();
        for day in [1, 2, 40, 400] {
            assert_eq!(trust.judge(NOW.plus_millis(day * DAY_MILLIS), days(day)), Ok(()), "{day}");
        }
    }

    #[test]
    fn a_clock_that_jumps_by_years_is_doubted_until_it_is_right_again() {
        let ahead = NOW.plus_millis(YEARS);
        let mut trust = right();
        assert_eq!(trust.judge(ahead, days(0)), Err(Doubt { shown: ahead, expected: NOW }));
        assert_eq!(trust.judge(NOW, days(0)), Ok(()));
        let mut later = Trust::default();
        later.recall(NOW, days(0));
        assert!(later.judge(ahead, days(0)).is_err(), "after a start too");
    }

    #[test]
    fn a_clock_that_has_jumped_is_believed_after_an_hour() {
        for jumped in [NOW.plus_millis(YEARS), EARLIEST] {
            let mut trust = right();
            assert!(trust.judge(jumped, days(1)).is_err());
            let mut after = |wait| trust.judge(jumped.plus_millis(wait), days(1).plus_millis(wait));
            assert!(after(HOUR_MILLIS - 1).is_err());
            assert_eq!(after(HOUR_MILLIS), Ok(()));
        }
    }

    #[test]
    fn a_server_that_was_off_for_a_month_believes_its_clock_after_an_hour() {
        let (mut trust, month) = (Trust::default(), NOW.plus_millis(30 * DAY_MILLIS));
        trust.recall(NOW, days(0));
        assert!(trust.judge(month, days(0)).is_err());
        assert_eq!(trust.judge(month.plus_millis(HOUR_MILLIS), UnixMillis::new(HOUR_MILLIS)), Ok(()));
        trust.recall(NOW, days(0));
        assert_eq!(trust.judge(NOW.plus_millis(6 * DAY_MILLIS), days(0)), Ok(()), "a few days are no reason to wait");
    }

    #[test]
    fn a_second_jump_waits_for_an_hour_of_its_own() {
        let mut trust = right();
        let mut after = |wait, jump| trust.judge(NOW.plus_millis(jump + wait), UnixMillis::new(wait));
        assert!(after(0, YEARS).is_err());
        assert_eq!(after(HOUR_MILLIS / 2, 0), Ok(()));
        assert!(after(HOUR_MILLIS, YEARS).is_err());
    }

    #[test]
    fn a_clock_before_the_first_release_is_never_believed() {
        let mut trust = Trust::default();
        for day in 0..10 {
            assert!(trust.judge(days(day), days(day)).is_err());
        }
        trust.recall(days(10), days(10));
        assert_eq!(trust.judge(NOW, days(10)), Ok(()), "nothing was taken from it");
    }

    #[test]
    fn a_week_in_either_direction_is_no_jump() {
        for shown in [NOW.plus_millis(TOLERANCE_MILLIS), UnixMillis::new(NOW.as_millis() - TOLERANCE_MILLIS)] {
            assert_eq!(right().judge(shown, days(0)), Ok(()));
        }
    }
}
