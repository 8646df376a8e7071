//! When a secret is due: next rotation and end of the deletion window. Decides times, starts nothing.

use crate::{
    identity::SecretId,
    period::RotationPeriod,
    problem::{Rule, Violation},
    time::UnixMillis,
};

const MINUTE_MILLIS: u64 = 60_000;
const HOUR_MILLIS: u64 = 60 * MINUTE_MILLIS;
const DAY_MILLIS: u64 = 24 * HOUR_MILLIS;

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

    /// Its days.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
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

/// Most milliseconds that a due rotation waits so that not all begin at once: an hour, as long as the cloud's scheduler
/// may be late, or a 24th of the period.
#[must_use]
pub fn spread_millis(period: &RotationPeriod) -> u64 {
    (period.as_millis() / 24).min(HOUR_MILLIS)
}

/// How many milliseconds after `next_rotation_time` the scheduler begins with this secret: always the same for a secret,
/// less than [`spread_millis`], and spread evenly over the secrets.
#[must_use]
pub fn jitter_millis(id: &SecretId, period: &RotationPeriod) -> u64 {
    // FNV-1a: identifiers are random, so any hash that mixes well will do. Not a secret, not a defence.
    let hash = id
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash.checked_rem(spread_millis(period)).unwrap_or(0)
}

/// What a failed rotation task leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// The account has its old password, as far as is known.
    Untouched,
    /// The function ended without a word, perhaps after the change.
    Unknown,
    /// The password was changed or may have been, and the stages were not moved: applications may be locked out.
    Unfinished,
}

/// When a failed automatic rotation is tried again. `failures` counts it and those before it since the last success.
///
/// After an hour, the interval of the cloud's scheduler; soon, if applications may be locked out until then: a minute
/// after the first failure and, when that is known, ten minutes after the second. Never later than a period.
#[must_use]
pub fn retry_after_failure(
    period: &RotationPeriod,
    aftermath: Aftermath,
    failures: u32,
    now: UnixMillis,
) -> UnixMillis {
    let wait = match (aftermath, failures) {
        (Aftermath::Unknown | Aftermath::Unfinished, 0 | 1) => MINUTE_MILLIS,
        (Aftermath::Unfinished, 2) => 10 * MINUTE_MILLIS,
        _ => HOUR_MILLIS,
    };
    now.plus_millis(period.as_millis().min(wait))
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

    #[test]
    fn what_may_lock_applications_out_is_tried_again_soon() {
        let (day, now) = (RotationPeriod::parse("1d").unwrap(), UnixMillis::new(0));
        let minutes =
            |aftermath, failures| retry_after_failure(&day, aftermath, failures, now).millis_since(now) / MINUTE_MILLIS;
        assert_eq!([1, 2, 3].map(|failures| minutes(Aftermath::Untouched, failures)), [60, 60, 60]);
        assert_eq!([1, 2, 3].map(|failures| minutes(Aftermath::Unknown, failures)), [1, 60, 60]);
        assert_eq!([1, 2, 3, 9].map(|failures| minutes(Aftermath::Unfinished, failures)), [1, 10, 60, 60]);
        let short = RotationPeriod::parse_with_minimum("30s", 1).unwrap();
        assert_eq!(retry_after_failure(&short, Aftermath::Untouched, 1, now), UnixMillis::new(30_000));
    }

    #[test]
    fn secrets_that_are_due_at_once_are_spread_evenly() {
        let month = RotationPeriod::parse("30d").unwrap();
        let mut tenths = [0; 10];
        for number in 0..1000 {
            let id = SecretId::parse(std::format!("11111111-1111-4111-8111-{number:012}")).unwrap();
            let jitter = jitter_millis(&id, &month);
            assert_eq!(jitter, jitter_millis(&id, &month));
            tenths[usize::try_from(jitter * 10 / HOUR_MILLIS).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
    }

    proptest! {
        #[test]
        fn the_spread_is_at_most_an_hour_and_a_24th_of_the_period(seconds in 1_u64..1 << 24, digits in 0_u64..1 << 40) {
            let period = RotationPeriod::parse_with_minimum(&std::format!("{seconds}s"), 1);
            prop_assume!(period.is_ok());
            let period = period.unwrap();
            let id = SecretId::parse(std::format!("11111111-1111-4111-8111-{digits:012x}")).unwrap();
            let jitter = jitter_millis(&id, &period);
            prop_assert!(jitter < HOUR_MILLIS && jitter * 24 <= period.as_millis());
        }

        #[test]
        fn the_next_rotation_lies_a_full_period_after_both_times(last in proptest::option::of(0_u64..1 << 42), since in 0_u64..1 << 42) {
            let period = RotationPeriod::parse("30d").unwrap();
            let next = next_rotation(&period, last.map(UnixMillis::new), UnixMillis::new(since));
            prop_assert!(next.millis_since(UnixMillis::new(since)) >= period.as_millis());
            prop_assert!(next.millis_since(UnixMillis::new(last.unwrap_or(0))) >= period.as_millis());
        }
    }
}
