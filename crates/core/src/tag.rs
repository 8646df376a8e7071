//! Tags: pairs of key and value that mark secrets, and filters that find secrets by them.
//!
//! It holds the rules of one tag and of a filter; [`crate::secret`] limits the number of tags.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    name::checked_text,
    problem::{Rule, Violation, length},
};

/// Most tags of one secret (CreateSecretTag).
pub const MAX_TAGS: usize = 20;

/// Most keys in a filter, and most values of a key (ListResourceInstances).
pub const MAX_FILTERS: usize = 10;

/// Letters, separators and digits of every script: the documented classes `\p{L}`, `\p{Z}` and `\p{N}`, and the marks
/// that some scripts write their letters with.
fn is_documented(character: char) -> bool {
    character.is_alphanumeric() || (character.is_whitespace() && !character.is_control())
}

/// Whether the key of a tag may have a character.
pub(crate) fn is_of_key(character: char) -> bool {
    is_documented(character) || matches!(character, '_' | '.' | ':' | '=' | '+' | '-' | '@')
}

/// Whether the value of a tag may have a character.
pub(crate) fn is_of_value(character: char) -> bool {
    is_of_key(character) || character == '/'
}

fn check_key(text: &str) -> Result<(), Violation> {
    length(text.chars().count(), 1, 128, "1 character long", "128 characters long")?;
    let trimmed = text.trim().len() == text.len();
    if trimmed && !text.starts_with("_sys_") && text.chars().all(is_of_key) {
        Ok(())
    } else {
        Err(Violation::new(Rule::Pattern, r"^((?!\s)(?!_sys_)[\p{L}\p{Z}\p{N}_.:=+\-@]*)(?<!\s)$"))
    }
}

fn check_value(text: &str) -> Result<(), Violation> {
    length(text.chars().count(), 0, 255, "0 characters long", "255 characters long")?;
    if text.chars().all(is_of_value) {
        Ok(())
    } else {
        Err(Violation::new(Rule::Pattern, r"^([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)$"))
    }
}

checked_text!(
    /// Key of a tag: 1 to 128 letters, digits, spaces and `_.:=+-@`, no space at its ends, not beginning with `_sys_`.
    TagKey,
    check_key
);

checked_text!(
    /// Value of a tag: up to 255 letters, digits, spaces and `_.:/=+-@`.
    TagValue,
    check_value
);

/// A tag of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Key, once in a secret.
    pub key: TagKey,
    /// Value, which may be empty.
    pub value: TagValue,
}

/// Asks for one key with one of some values, or with any value when there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    /// The key.
    pub key: TagKey,
    /// The values, any of which will do.
    pub values: Vec<TagValue>,
}

impl TagFilter {
    /// Whether one of `tags` is asked for.
    #[must_use]
    pub fn matches(&self, tags: &[Tag]) -> bool {
        let wanted = |tag: &Tag| tag.key == self.key && (self.values.is_empty() || self.values.contains(&tag.value));
        tags.iter().any(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_script_are_accepted_and_reserved_ones_refused() {
        for key in ["env", "环境", "a b", "a:b=c+d-e@f._g"] {
            assert!(TagKey::parse(key).is_ok(), "{key}");
        }
        for key in ["", " a", "a ", "_sys_a", "a/b", "a\tb", "a*"] {
            assert!(TagKey::parse(key).is_err(), "{key}");
        }
        assert!(TagKey::parse("k".repeat(129)).is_err());
        assert!(TagValue::parse("").is_ok() && TagValue::parse("a/b").is_ok());
        assert!(TagValue::parse("a*").is_err() && TagValue::parse("v".repeat(256)).is_err());
    }

    #[test]
    fn a_filter_without_values_takes_any() {
        let tag = |value: &str| Tag { key: TagKey::parse("env").unwrap(), value: TagValue::parse(value).unwrap() };
        let filter = |key: &str, values: &[&str]| TagFilter {
            key: TagKey::parse(key).unwrap(),
            values: values.iter().map(|value| TagValue::parse(*value).unwrap()).collect(),
        };
        assert!(filter("env", &[]).matches(&[tag("prod")]));
        assert!(filter("env", &["test", "prod"]).matches(&[tag("prod")]));
        assert!(!filter("env", &["test"]).matches(&[tag("prod")]));
        assert!(!filter("other", &[]).matches(&[tag("prod")]));
    }
}
