//! Rotation periods such as `30d` or `12h`: how often a secret is rotated.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    language::Language,
    problem::{Rule, Violation, length},
};

const HOUR: u64 = 3600;

/// Greatest period: 8,760 hours, a year (CreateSecret).
pub const MAX_SECONDS: u64 = 8_760 * HOUR;

/// Least period by default: 4 hours (CreateSecret page of 2026; older pages say 6 hours, so it is a setting).
pub const DEFAULT_MIN_SECONDS: u64 = 4 * HOUR;

/// Time between two automatic rotations: an integer and a unit `d`, `h`, `m` or `s` (CreateSecret).
///
/// Two periods are equal when they last equally long: `1d` equals `24h`. The text is kept as it was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RotationPeriod {
    seconds: u64,
    text: String,
}

impl RotationPeriod {
    /// Parses `text` with the default least period of 4 hours.
    ///
    /// # Errors
    /// See [`RotationPeriod::parse_with_minimum`].
    pub fn parse(text: &str) -> Result<Self, Violation> {
        Self::parse_with_minimum(text, DEFAULT_MIN_SECONDS)
    }

    /// Parses `text`, asking for at least `min_seconds`.
    ///
    /// # Errors
    /// [`Rule::TooLong`] above 50 characters, [`Rule::Pattern`] for another form, [`Rule::TooSmall`] and
    /// [`Rule::TooLarge`] outside `min_seconds` to 8,760 hours; their `limit` and `got` are seconds.
    pub fn parse_with_minimum(text: &str, min_seconds: u64) -> Result<Self, Violation> {
        length(text.chars().count(), 1, 50, "1 character long", "50 characters long")?;
        let form = || Violation::new(Rule::Pattern, "an integer and a unit d, h, m or s, such as 30d");
        let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(form)?;
        let unit_seconds = match unit {
            "d" => 24 * HOUR,
            "h" => HOUR,
            "m" => 60,
            "s" => 1,
            _ => return Err(form()),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(form());
        }
        // Digits that overflow are far above the maximum; saturating keeps the verdict right.
        let seconds = digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(unit_seconds);
        if seconds < min_seconds {
            return Err(Violation::new(
                Rule::TooSmall,
                "the least period allowed, 4h unless the server is set otherwise",
            )
            .with_limit(min_seconds, seconds));
        }
        if seconds > MAX_SECONDS {
            let violation = Violation::new(Rule::TooLarge, "8760h (365d)");
            // A period that does not fit is not reported as the largest number that does.
            let is_exact = seconds < u64::MAX;
            return Err(if is_exact { violation.with_limit(MAX_SECONDS, seconds) } else { violation });
        }
        Ok(Self { seconds, text: text.to_string() })
    }

    /// Length in seconds.
    #[must_use]
    pub const fn as_seconds(&self) -> u64 {
        self.seconds
    }

    /// Length in milliseconds.
    #[must_use]
    pub const fn as_millis(&self) -> u64 {
        self.seconds.saturating_mul(1000)
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The shortest equal text: the largest unit that divides the period.
    #[must_use]
    pub fn canonical(&self) -> String {
        for (unit, unit_seconds) in [("d", 24 * HOUR), ("h", HOUR), ("m", 60)] {
            if self.seconds.checked_rem(unit_seconds) == Some(0) {
                return format!("{}{unit}", self.seconds.checked_div(unit_seconds).unwrap_or(self.seconds));
            }
        }
        format!("{}s", self.seconds)
    }
}

/// The units of humanised text, largest first: seconds, English name, Chinese name.
const WORDS: [(u64, &str, &str); 4] =
    [(24 * HOUR, "day", "天"), (HOUR, "hour", "小时"), (60, "minute", "分钟"), (1, "second", "秒")];

impl RotationPeriod {
    /// The period in words: “1 day 12 hours”, “1 天 12 小时”.
    #[must_use]
    pub fn humanised(&self, language: Language) -> String {
        let mut text = String::new();
        let mut rest = self.seconds;
        for (unit_seconds, english, chinese) in WORDS {
            let count = rest.checked_div(unit_seconds).unwrap_or(0);
            rest = rest.checked_rem(unit_seconds).unwrap_or(0);
            // A period of nothing, which no least period of a server admits, still has words.
            if count == 0 && !(unit_seconds == 1 && text.is_empty()) {
                continue;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            let plural = if count == 1 { "" } else { "s" };
            text.push_str(&match language {
                Language::English => format!("{count} {english}{plural}"),
                Language::Chinese => format!("{count} {chinese}"),
            });
        }
        text
    }
}

impl PartialEq for RotationPeriod {
    fn eq(&self, other: &Self) -> bool {
        self.seconds == other.seconds
    }
}

impl Eq for RotationPeriod {}

impl fmt::Display for RotationPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for RotationPeriod {
    type Error = String;

    /// For stored periods, which were checked when they were set: a least period raised since then does not make
    /// them unreadable.
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse_with_minimum(&text, 0).map_err(|violation| violation.message())
    }
}

impl From<RotationPeriod> for String {
    fn from(period: RotationPeriod) -> Self {
        period.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_equals_24_hours_and_keeps_its_text() {
        let day = RotationPeriod::parse("24h").unwrap();
        assert_eq!(day, RotationPeriod::parse("1d").unwrap());
        assert_eq!(day.as_str(), "24h");
        assert_eq!(day.canonical(), "1d");
    }

    #[test]
    fn the_bounds_are_inclusive() {
        assert!(RotationPeriod::parse("4h").is_ok());
        assert!(RotationPeriod::parse("365d").is_ok());
        assert_eq!(RotationPeriod::parse("14399s").unwrap_err().rule, Rule::TooSmall);
        assert_eq!(RotationPeriod::parse("31536001s").unwrap_err().rule, Rule::TooLarge);
        assert_eq!(RotationPeriod::parse_with_minimum("5h", 6 * HOUR).unwrap_err().limit, Some(21_600));
    }

    #[test]
    fn words_name_every_unit_that_counts() {
        let words = |text: &str, language| RotationPeriod::parse_with_minimum(text, 0).unwrap().humanised(language);
        assert_eq!(words("36h", Language::English), "1 day 12 hours");
        assert_eq!(words("90061s", Language::English), "1 day 1 hour 1 minute 1 second");
        assert_eq!(words("30d", Language::Chinese), "30 天");
        assert_eq!(words("0s", Language::English), "0 seconds");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "d", "1", "1w", "-1d", "+1d", "1.5d", " 1d", "1 d", "1D", "１d", "1é"] {
            assert!(RotationPeriod::parse(text).is_err(), "{text}");
        }
        assert_eq!(RotationPeriod::parse(&"9".repeat(30).replace("99", "9d")).unwrap_err().rule, Rule::Pattern);
        assert_eq!(RotationPeriod::parse("99999999999999999999999999d").unwrap_err().rule, Rule::TooLarge);
    }

    proptest! {
        #[test]
        fn the_canonical_form_means_the_same_and_is_stable(seconds in DEFAULT_MIN_SECONDS..=MAX_SECONDS) {
            let period = RotationPeriod::parse(&format!("{seconds}s")).unwrap();
            let canonical = RotationPeriod::parse(&period.canonical()).unwrap();
            prop_assert_eq!(&canonical, &period);
            prop_assert_eq!(canonical.canonical(), canonical.as_str());
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = RotationPeriod::parse(&text);
        }
    }
}
