//! Problems of an input: the broken rule, the limit, and the place.
//!
//! A [`Violation`] says what rule one value breaks; a [`Problem`] adds the path of the field. Neither ever holds the
//! value itself, so both may be shown, logged and sent. Mapping to status codes is the API crate's business.

use alloc::{
    borrow::Cow,
    string::{String, ToString},
};
use core::fmt;

use crate::language::{Language, in_chinese};

/// The rule that a value breaks. The names are stable: they are part of the npm package's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The field must be present.
    Required,
    /// The field must be absent here.
    Forbidden,
    /// The value has another JSON type than the field needs.
    Type,
    /// Shorter than the least length.
    TooShort,
    /// Longer than the greatest length.
    TooLong,
    /// More items than allowed.
    TooMany,
    /// A number or time below the least allowed.
    TooSmall,
    /// A number or time above the greatest allowed.
    TooLarge,
    /// Characters or form that the field does not allow.
    Pattern,
    /// Not one of the documented words.
    Choice,
    /// Not base64 text.
    Base64,
    /// Not the JSON object the field must hold.
    Json,
    /// Exactly one of two fields must be given.
    ExactlyOne,
    /// The field is needed because of another field's value.
    RequiredWith,
    /// An item of a list, or a member of an object, is repeated.
    Duplicate,
    /// A time that must lie in the future does not.
    Past,
    /// The value names something that does not exist.
    Unknown,
}

impl Rule {
    /// Every rule.
    pub const ALL: &'static [Self] = &[
        Self::Required,
        Self::Forbidden,
        Self::Type,
        Self::TooShort,
        Self::TooLong,
        Self::TooMany,
        Self::TooSmall,
        Self::TooLarge,
        Self::Pattern,
        Self::Choice,
        Self::Base64,
        Self::Json,
        Self::ExactlyOne,
        Self::RequiredWith,
        Self::Duplicate,
        Self::Past,
        Self::Unknown,
    ];

    /// The rule's stable name, in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Forbidden => "forbidden",
            Self::Type => "type",
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
            Self::TooMany => "too-many",
            Self::TooSmall => "too-small",
            Self::TooLarge => "too-large",
            Self::Pattern => "pattern",
            Self::Choice => "choice",
            Self::Base64 => "base64",
            Self::Json => "json",
            Self::ExactlyOne => "exactly-one",
            Self::RequiredWith => "required-with",
            Self::Duplicate => "duplicate",
            Self::Past => "past",
            Self::Unknown => "unknown",
        }
    }
}

/// One broken rule, without the place where it was broken.
///
/// `expected` completes the sentence of [`Violation::message`]: a limit (“64 characters”), a pattern or a list of words. It is
/// written by us and never contains input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What the rule asks for, in words.
    pub expected: &'static str,
    /// The numeric limit, where the rule has one.
    pub limit: Option<u64>,
    /// The measured number (a length, a count, a time), where there is one. Never the value.
    pub got: Option<u64>,
}

impl Violation {
    /// A broken rule with what it asks for.
    #[must_use]
    pub const fn new(rule: Rule, expected: &'static str) -> Self {
        Self { rule, expected, limit: None, got: None }
    }

    /// The same with the limit and what was measured.
    #[must_use]
    pub const fn with_limit(mut self, limit: u64, got: u64) -> Self {
        self.limit = Some(limit);
        self.got = Some(got);
        self
    }

    /// Places the violation at a field.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Problem {
        Problem { path: path.into(), violation: self }
    }

    /// The rule in an English sentence without a subject: “must be …”.
    #[must_use]
    pub fn message(&self) -> String {
        self.message_in(Language::English)
    }

    /// The rule in a sentence without a subject, in the language asked for.
    #[must_use]
    pub fn message_in(&self, language: Language) -> String {
        let ((before, after), (open, close), expected) = match language {
            Language::English => (self.in_english(), (" (got ", ")"), Cow::Borrowed(self.expected)),
            Language::Chinese => (self.in_chinese(), ("（实际为 ", "）"), in_chinese(self.expected)),
        };
        let expected = if matches!(self.rule, Rule::Required | Rule::Base64) { "" } else { &expected };
        let message = [before, expected, after].concat();
        match (self.rule, self.got) {
            (Rule::TooShort | Rule::TooSmall | Rule::TooLong | Rule::TooLarge | Rule::TooMany, Some(got)) => {
                [&message, open, &got.to_string(), close].concat()
            }
            _ => message,
        }
    }

    /// What stands before and behind what is expected.
    const fn in_english(&self) -> (&'static str, &'static str) {
        match self.rule {
            Rule::Required => ("is required", ""),
            Rule::Forbidden => ("is not allowed: ", ""),
            Rule::Type => ("must be ", ""),
            Rule::TooShort | Rule::TooSmall => ("must be at least ", ""),
            Rule::TooLong | Rule::TooLarge => ("must be at most ", ""),
            Rule::TooMany => ("must have at most ", ""),
            Rule::Pattern => ("must match ", ""),
            Rule::Choice => ("must be one of ", ""),
            Rule::Base64 => ("must be standard base64 text", ""),
            Rule::Json => ("must be JSON text of the form ", ""),
            Rule::ExactlyOne => ("exactly one of ", " is required"),
            Rule::RequiredWith => ("is required ", ""),
            Rule::Duplicate if self.expected.is_empty() => ("must not repeat an item", ""),
            Rule::Duplicate => ("must not repeat ", ""),
            Rule::Past => ("must be later than ", ""),
            Rule::Unknown => ("must name ", ""),
        }
    }

    /// As [`Violation::in_english`].
    const fn in_chinese(&self) -> (&'static str, &'static str) {
        match self.rule {
            Rule::Required => ("为必填项", ""),
            Rule::Forbidden => ("此处不允许：", ""),
            Rule::Type => ("必须是 ", ""),
            Rule::TooShort | Rule::TooSmall => ("不得小于 ", ""),
            Rule::TooLong | Rule::TooLarge => ("不得超过 ", ""),
            Rule::TooMany => ("最多允许 ", ""),
            Rule::Pattern => ("格式必须为 ", ""),
            Rule::Choice => ("必须是以下之一：", ""),
            Rule::Base64 => ("必须是标准 base64 文本", ""),
            Rule::Json => ("必须是形如 ", " 的 JSON 文本"),
            Rule::ExactlyOne => ("", " 必须且只能提供一个"),
            Rule::RequiredWith => ("在 ", "为必填项"),
            Rule::Duplicate if self.expected.is_empty() => ("不得包含重复项", ""),
            Rule::Duplicate => ("不得重复 ", ""),
            Rule::Past => ("必须晚于 ", ""),
            Rule::Unknown => ("必须指向 ", ""),
        }
    }
}

/// A broken rule and the path of the field that broke it, such as `version_stages[2]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field within the request; empty for the request as a whole.
    pub path: String,
    /// The broken rule.
    pub violation: Violation,
}

impl Problem {
    /// The problem as a sentence in the language asked for; English is what [`fmt::Display`] prints.
    #[must_use]
    pub fn message_in(&self, language: Language) -> String {
        let message = self.violation.message_in(language);
        if self.path.is_empty() { message } else { [&self.path, " ", &message].concat() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message_in(Language::English))
    }
}

/// Checks the length of a text, counted in the unit the caller chose.
pub(crate) const fn length(
    got: usize,
    min: u64,
    max: u64,
    expected_min: &'static str,
    expected_max: &'static str,
) -> Result<(), Violation> {
    let got = got as u64;
    if got < min {
        return Err(Violation::new(Rule::TooShort, expected_min).with_limit(min, got));
    }
    if got > max {
        return Err(Violation::new(Rule::TooLong, expected_max).with_limit(max, got));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_a_sentence() {
        let problem = Violation::new(Rule::TooLong, "64 characters").with_limit(64, 70).at("name");
        assert_eq!(problem.to_string(), "name must be at most 64 characters (got 70)");
        let whole = Violation::new(Rule::ExactlyOne, "secret_string and secret_binary").at("");
        assert_eq!(whole.to_string(), "exactly one of secret_string and secret_binary is required");
    }

    #[test]
    fn a_problem_reads_as_a_sentence_in_chinese_too() {
        let problem = Violation::new(Rule::TooLong, "64 characters long").with_limit(64, 70).at("name");
        assert_eq!(problem.message_in(Language::Chinese), "name 不得超过 64 个字符（实际为 70）");
        assert_eq!(problem.message_in(Language::English), problem.to_string());
    }

    #[test]
    fn every_rule_is_listed_under_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::Unknown as usize + 1);
    }
}
