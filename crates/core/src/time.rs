//! A point in time as the API writes it: milliseconds since 1970-01-01 UTC.
//!
//! It reads no clock and knows no calendar; callers pass the current time.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. The API documentation says seconds, every example and every client
/// uses 13-digit milliseconds (`compatibility/api.md#1-common-rules`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The largest time the API can carry: thirteen digits, in the year 2286.
    pub const MAX: Self = Self(9_999_999_999_999);

    /// A time from its milliseconds.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This time plus `millis`, stopping at the largest representable value.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this time; 0 when `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same time with its milliseconds set to zero, as the service keeps expiry times.
    #[must_use]
    pub const fn whole_seconds(self) -> Self {
        Self(self.0.saturating_sub(self.0.wrapping_rem(1000)))
    }
}

impl fmt::Debug for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_time_loses_its_milliseconds() {
        assert_eq!(UnixMillis::new(1_700_000_000_999).whole_seconds(), UnixMillis::new(1_700_000_000_000));
    }

    #[test]
    fn time_does_not_overflow() {
        assert_eq!(UnixMillis::new(u64::MAX).plus_millis(1).as_millis(), u64::MAX);
        assert_eq!(UnixMillis::new(5).millis_since(UnixMillis::new(9)), 0);
    }
}
