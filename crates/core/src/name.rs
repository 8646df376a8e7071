//! Names of secrets, events and regions. It knows nothing about the things they name.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::problem::{Rule, Violation, length};

/// Whether `text` holds only letters, digits, `_` and `-` of ASCII.
pub(crate) fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Defines a text type with one checking constructor.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and takes it over.
            ///
            /// # Errors
            /// The first rule that the text breaks.
            pub fn parse(text: impl Into<String>) -> Result<Self, Violation> {
                let text = text.into();
                let check: fn(&str) -> Result<(), Violation> = $check;
                check(&text)?;
                Ok(Self(text))
            }

            /// Takes over a text of ours that is known to be well-formed.
            #[allow(dead_code, reason = "not every name type has built-in values")]
            pub(crate) fn built_in(text: &str) -> Self {
                Self(String::from(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                Self::parse(text).map_err(|violation| violation.message())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
pub(crate) use checked_text;

/// The rule shared by names of secrets, events and stages: `^[a-zA-Z0-9_-]{1,64}$`.
pub(crate) fn check_name(text: &str) -> Result<(), Violation> {
    length(text.chars().count(), 1, 64, "1 character long", "64 characters long")?;
    if is_word(text) { Ok(()) } else { Err(Violation::new(Rule::Pattern, "^[a-zA-Z0-9_-]{1,64}$")) }
}

checked_text!(
    /// Name of a secret, unique within a project: `^[a-zA-Z0-9_-]{1,64}$` (CreateSecret).
    SecretName,
    check_name
);

checked_text!(
    /// Name of an event: `^[a-zA-Z0-9_-]{1,64}$` (CreateSecretEvent).
    EventName,
    check_name
);

checked_text!(
    /// Name of a region, which is also the name of its project: letters, digits, `-` and `_`, 64 at most.
    RegionName,
    check_name
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dot_in_a_name_is_refused() {
        assert_eq!(SecretName::parse("db.main").unwrap_err().rule, Rule::Pattern);
    }

    #[test]
    fn the_empty_name_and_the_65th_character_are_refused() {
        assert_eq!(SecretName::parse("").unwrap_err().rule, Rule::TooShort);
        let long = SecretName::parse("a".repeat(65)).unwrap_err();
        assert_eq!((long.rule, long.limit, long.got), (Rule::TooLong, Some(64), Some(65)));
    }

    proptest! {
        #[test]
        fn every_documented_name_is_accepted_and_kept(name in "[a-zA-Z0-9_-]{1,64}") {
            let parsed = SecretName::parse(name.clone()).unwrap();
            prop_assert_eq!(parsed.as_str(), name.as_str());
        }

        #[test]
        fn a_name_is_accepted_only_if_it_matches_the_documented_pattern(name in ".{0,70}") {
            let documented = (1..=64).contains(&name.chars().count())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            prop_assert_eq!(SecretName::parse(name).is_ok(), documented);
        }
    }
}
