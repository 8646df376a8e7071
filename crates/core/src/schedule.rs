//! When a secret is due: next rotation and end of the deletion window. Decides times, starts nothing.

use crate::{
    period::RotationPeriod,
    problem::{Rule, Violation},
    time::UnixMillis,
};

const DAY_MILLIS: u64 = 86_400_000;

/// Days between scheduling a deletion and carrying it out: 7 to 30 (DeleteSecretForSchedule).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryWindow(u8);

impl RecoveryWindow {
    /// Checks a number of days.
    ///
    /// # Errors
    /// [`Rule::TooSmall`] below 7, [`Rule::TooLarge`] above 30.
    pub const fn days(days: u64) -> Result<Self, Violation> {
        match days {
            7..=30 => Ok(Self(days as u8)),
            0..=6 => Err(Violation::new(Rule::TooSmall, "7").with_limit(7, days)),
            _ => Err(Violation::new(Rule::TooLarge, "30").with_limit(30, days)),
        }
    }

    /// When the window that opens at `now` closes.
    #[must_use]
    pub const fn end(self, now: UnixMillis) -> UnixMillis {
        now.plus_millis(DAY_MILLIS.saturating_mul(self.0 as u64))
    }
}

/// When the next automatic rotation is due: one period after the last success, or after `since` (the moment at
/// which automatic rotation was switched on or its period changed) where there was none later.
#[must_use]
pub fn next_rotation(period: &RotationPeriod, last_success: Option<UnixMillis>, since: UnixMillis) -> UnixMillis {
    last_success.unwrap_or(since).max(since).plus_millis(period.as_millis())
}

/// The next `count` automatic rotations if each succeeds the moment it is due.
pub fn next_rotations(
    period: &RotationPeriod,
    last_success: Option<UnixMillis>,
    since: UnixMillis,
    count: usize,
) -> impl Iterator<Item = UnixMillis> {
    let first = next_rotation(period, last_success, since);
    core::iter::successors(Some(first), move |due| Some(next_rotation(period, Some(*due), since))).take(count)
}

/// When a failed automatic rotation is tried again: after an hour, the interval of the cloud's scheduler, or after the
/// period if that is shorter.
#[must_use]
pub fn retry_after_failure(period: &RotationPeriod, now: UnixMillis) -> UnixMillis {
    const HOUR_MILLIS: u64 = 3_600_000;
    now.plus_millis(period.as_millis().min(HOUR_MILLIS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_is_7_to_30_days() {
        assert!(RecoveryWindow::days(6).is_err());
        assert!(RecoveryWindow::days(31).is_err());
        let end = RecoveryWindow::days(7).unwrap().end(UnixMillis::new(0));
        assert_eq!(end, UnixMillis::new(7 * DAY_MILLIS));
    }

    #[test]
    fn later_rotations_follow_one_period_apart() {
        let period = RotationPeriod::parse("1d").unwrap();
        let due: std::vec::Vec<_> = next_rotations(&period, None, UnixMillis::new(5), 3).collect();
        assert_eq!(due, [1, 2, 3].map(|days| UnixMillis::new(days * DAY_MILLIS + 5)));
    }

    proptest! {
        #[test]
        fn the_next_rotation_lies_a_full_period_after_both_times(last in proptest::option::of(0_u64..1 << 42), since in 0_u64..1 << 42) {
            let period = RotationPeriod::parse("30d").unwrap();
            let next = next_rotation(&period, last.map(UnixMillis::new), UnixMillis::new(since));
            prop_assert!(next.millis_since(UnixMillis::new(since)) >= period.as_millis());
            prop_assert!(next.millis_since(UnixMillis::new(last.unwrap_or(0))) >= period.as_millis());
        }
    }
}
