//! Times as people write them: after a while such as `90d` or `12h`, a day, or an RFC 3339 time.

use core::time::Duration;

use csms_core::RotationPeriod;
use jiff::{Timestamp, civil::Date, tz::Offset};

/// What is accepted, for messages and help.
const FORMS: &str = "a while such as 90d or 12h, a day such as 2026-01-02, or a time such as 2026-01-02T03:04:05Z";

/// Milliseconds since 1970 of a time that lies ahead of `now`.
///
/// # Errors
/// A sentence with what is accepted.
fn ahead(text: &str, now: Timestamp) -> Result<u64, String> {
    let after = RotationPeriod::parse_with_minimum(text, 1).ok();
    let time = match after {
        Some(period) => now.checked_add(Duration::from_secs(period.as_seconds())).ok(),
        None => text.parse::<Timestamp>().ok().or_else(|| start_of_day(text)),
    };
    let time = time.ok_or_else(|| format!("it must be {FORMS}"))?;
    if time <= now {
        return Err("it must lie ahead".to_owned());
    }
    u64::try_from(time.as_millisecond()).map_err(|_| format!("it must be {FORMS}"))
}

fn start_of_day(text: &str) -> Option<Timestamp> {
    let day: Date = text.parse().ok()?;
    Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

/// Reads an argument: a time that lies ahead, in milliseconds since 1970.
pub(crate) fn time_ahead(text: &str) -> Result<u64, String> {
    ahead(text, Timestamp::now())
}

/// Reads an argument: the last day of something, `YYYY-MM-DD` in UTC, also as a while from now.
pub(crate) fn last_day(text: &str) -> Result<String, String> {
    let millis = i64::try_from(ahead(text, Timestamp::now())?).map_err(|_| format!("it must be {FORMS}"))?;
    let time = Timestamp::from_millisecond(millis).map_err(|_| format!("it must be {FORMS}"))?;
    Ok(Offset::UTC.to_datetime(time).date().to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const DAY: u64 = 86_400_000;

    #[test]
    fn a_while_a_day_and_a_time_are_understood() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        assert_eq!(ahead("90d", now), Ok(1_700_000_000_000 + 90 * DAY));
        assert_eq!(ahead("12h", now), Ok(1_700_000_000_000 + DAY / 2));
        assert_eq!(ahead("2026-01-02", now), Ok(1_767_312_000_000));
        assert_eq!(ahead("2026-01-02T03:04:05Z", now), Ok(1_767_323_045_000));
        assert_eq!(ahead("2026-01-02T03:04:05+08:00", now), Ok(1_767_294_245_000));
    }

    #[test]
    fn what_has_passed_and_what_is_no_time_are_refused() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        assert_eq!(ahead("2020-01-02", now).unwrap_err(), "it must lie ahead");
        for text in ["", "soon", "1800000000000", "-1d"] {
            assert!(ahead(text, now).unwrap_err().contains("90d"), "{text}");
        }
    }
}
