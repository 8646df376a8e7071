//! Page sizes. Markers are plain names or identifiers and need no type of their own.

use crate::problem::{Rule, Violation};

/// Number of items on a page: 1 to 1,000, 50 unless asked otherwise (ListSecrets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// The greatest page size.
    pub const MAX: Self = Self(1000);

    /// Parses the decimal text of a query parameter.
    ///
    /// # Errors
    /// [`Rule::Type`] when it is no number, [`Rule::TooSmall`] below 1, [`Rule::TooLarge`] above 1,000.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.is_empty() || text.len() > 18 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Violation::new(Rule::Type, "a whole number from 1 to 1000"));
        }
        let number: u64 = text.parse().unwrap_or(u64::MAX);
        match u16::try_from(number) {
            Ok(0) => Err(Violation::new(Rule::TooSmall, "1").with_limit(1, number)),
            Ok(limit @ 1..=1000) => Ok(Self(limit)),
            _ => Err(Violation::new(Rule::TooLarge, "1000").with_limit(1000, number)),
        }
    }

    /// The number of items.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_a_thousand_is_accepted() {
        assert_eq!(PageLimit::parse("1").unwrap().get(), 1);
        assert_eq!(PageLimit::parse("1000").unwrap().get(), 1000);
        for text in ["", "0", "1001", "-1", "ten", "99999999999999999999"] {
            assert!(PageLimit::parse(text).is_err(), "{text}");
        }
    }
}
