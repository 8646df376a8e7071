//! Bodies about tags: CreateSecretTag, BatchCreateOrDeleteTags, ListResourceInstances.

use alloc::{string::String, vec::Vec};

use csms_core::{
    Problem, Rule, Violation,
    tag::{MAX_FILTERS, MAX_TAGS, Tag, TagFilter, TagKey, TagValue},
};
use serde_json::Value;

use crate::{fields::Fields, optional};

/// Greatest page size of ListResourceInstances.
pub(crate) const MAX_LIMIT: u64 = 1000;

fn tag(value: Value) -> Result<Tag, Vec<Problem>> {
    let mut fields = Fields::with_optional(value, &optional::TAG)?;
    fields.require("key");
    let key = fields.parsed("key", TagKey::parse);
    let value =
        if fields.has("value") { fields.parsed_or_number("value", TagValue::parse) } else { TagValue::parse("").ok() };
    fields.finish(key.zip(value).map(|(key, value)| Tag { key, value }))
}

/// Reads the body of CreateSecretTag.
///
/// # Errors
/// Every problem it has.
pub fn read_tag(body: Value) -> Result<Tag, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("tag");
    let tag = fields.object("tag", tag);
    fields.finish(tag)
}

/// A read BatchCreateOrDeleteTags body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeTags {
    /// `create`: add these tags, or give their keys new values.
    Create(Vec<Tag>),
    /// `delete`: take the tags with these keys away, whatever their values.
    Delete(Vec<TagKey>),
}

impl ChangeTags {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let is_empty = body.get("tags").and_then(Value::as_array).is_some_and(Vec::is_empty);
        let mut fields = Fields::with_optional(body, &optional::CHANGE_TAGS)?;
        fields.require("action");
        let creates = fields.parsed("action", |text| match text.as_str() {
            "create" => Ok(true),
            "delete" => Ok(false),
            _ => Err(Violation::new(Rule::Choice, "create, delete")),
        });
        sequence(&mut fields);
        fields.require("tags");
        let tags = fields.objects("tags", MAX_TAGS, "20 items", tag);
        if is_empty {
            fields.report(Violation::new(Rule::TooShort, "1 item").at("tags"));
        }
        if let Some(tags) = &tags
            && tags.iter().enumerate().any(|(at, tag)| tags.iter().skip(at + 1).any(|other| other.key == tag.key))
        {
            fields.report(Violation::new(Rule::Duplicate, "").at("tags"));
        }
        fields.finish(creates.zip(tags).map(|(creates, tags)| {
            if creates { Self::Create(tags) } else { Self::Delete(tags.into_iter().map(|tag| tag.key).collect()) }
        }))
    }
}

/// The number that callers may give a request; nothing depends on it.
fn sequence(fields: &mut Fields) {
    fields.parsed_or_number("sequence", |text| {
        let length = text.chars().count() as u64;
        if length > 36 {
            Err(Violation::new(Rule::TooLong, "36 characters long").with_limit(36, length))
        } else {
            Ok(())
        }
    });
}

/// A read ListResourceInstances body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindResources {
    /// Whether only the number of secrets is asked for.
    pub counts: bool,
    /// Most secrets to answer, 1 to 1,000; 10 by default.
    pub limit: usize,
    /// Secrets to leave out at the beginning.
    pub offset: usize,
    /// Tags, all of which a secret must have.
    pub tags: Vec<TagFilter>,
    /// Parts of the name, all of which it must have; an empty one finds nothing.
    pub names: Vec<String>,
}

/// Digits of a number between two bounds.
pub(crate) fn number(text: &str, least: u64, greatest: u64) -> Result<u64, Violation> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && number < least => Err(Violation::new(Rule::TooSmall, "1").with_limit(least, number)),
        Ok(number) if digits && number > greatest => {
            Err(Violation::new(Rule::TooLarge, "1000").with_limit(greatest, number))
        }
        Ok(number) if digits => Ok(number),
        _ => Err(Violation::new(Rule::Type, "a string of digits")),
    }
}

fn filter(value: Value) -> Result<TagFilter, Vec<Problem>> {
    let mut fields = Fields::with_optional(value, &optional::TAG_FILTER)?;
    fields.require("key");
    let key = fields.parsed("key", TagKey::parse);
    let values = fields.list_or_numbers("values", MAX_FILTERS, "10 items", TagValue::parse).unwrap_or_default();
    fields.finish(key.map(|key| TagFilter { key, values }))
}

pub(crate) fn name_match(value: Value) -> Result<String, Vec<Problem>> {
    let mut fields = Fields::with_optional(value, &optional::TAG)?;
    fields.require("key");
    let key = fields.parsed("key", |text| {
        if text == "resource_name" { Ok(()) } else { Err(Violation::new(Rule::Choice, "resource_name")) }
    });
    let value = fields.parsed_or_number("value", |text| {
        let length = text.chars().count() as u64;
        if length > 255 {
            Err(Violation::new(Rule::TooLong, "255 characters long").with_limit(255, length))
        } else {
            Ok(text)
        }
    });
    fields.finish(key.map(|()| value.unwrap_or_default()))
}

impl FindResources {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::FIND_RESOURCES)?;
        fields.require("action");
        let counts = fields.parsed("action", |text| match text.as_str() {
            "filter" => Ok(false),
            "count" => Ok(true),
            _ => Err(Violation::new(Rule::Choice, "filter, count")),
        });
        sequence(&mut fields);
        let limit = fields.parsed_digits("limit", |text| number(&text, 1, MAX_LIMIT)).unwrap_or(10);
        let offset = fields.parsed_digits("offset", |text| number(&text, 0, u64::MAX)).unwrap_or(0);
        let tags = fields.objects("tags", MAX_FILTERS, "10 items", filter).unwrap_or_default();
        let names = fields.objects("matches", MAX_FILTERS, "10 items", name_match).unwrap_or_default();
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        fields.finish(counts.map(|counts| Self { counts, limit: size(limit), offset: size(offset), tags, names }))
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::ToOwned, format};

    use serde_json::json;

    use super::*;

    fn paths<T: std::fmt::Debug>(read: Result<T, Vec<Problem>>) -> Vec<(String, Rule)> {
        read.unwrap_err().into_iter().map(|problem| (problem.path, problem.violation.rule)).collect()
    }

    #[test]
    fn a_tag_without_a_value_has_the_empty_one() {
        assert_eq!(read_tag(json!({ "tag": { "key": "env" } })).unwrap().value.as_str(), "");
        assert_eq!(paths(read_tag(json!({ "tag": {} }))), [("tag.key".to_owned(), Rule::Required)]);
        assert_eq!(paths(read_tag(json!({}))), [("tag".to_owned(), Rule::Required)]);
    }

    #[test]
    fn every_problem_of_a_batch_is_told() {
        let body = json!({ "action": "replace", "tags": [{ "key": "a*" }, { "key": "b", "value": [1] }] });
        assert_eq!(
            paths(ChangeTags::read(body)),
            [
                ("action".to_owned(), Rule::Choice),
                ("tags[0].key".to_owned(), Rule::Pattern),
                ("tags[1].value".to_owned(), Rule::Type),
            ]
        );
        let twice = json!({ "action": "create", "tags": [{ "key": "a" }, { "key": "a" }] });
        assert_eq!(paths(ChangeTags::read(twice)), [("tags".to_owned(), Rule::Duplicate)]);
        let none = json!({ "action": "create", "tags": [] });
        assert_eq!(paths(ChangeTags::read(none)), [("tags".to_owned(), Rule::TooShort)]);
    }

    #[test]
    fn a_search_has_documented_defaults_and_bounds() {
        let read = FindResources::read(json!({ "action": "filter" })).unwrap();
        assert_eq!((read.limit, read.offset, read.counts), (10, 0, false));
        let body = json!({
            "action": "x", "limit": "0", "offset": "-1", "matches": [{ "key": "name", "value": "" }],
            "tags": (0..11).map(|n| json!({ "key": format!("k{n}") })).collect::<Vec<_>>(),
        });
        let told: Vec<_> = paths(FindResources::read(body)).into_iter().map(|(path, _)| path).collect();
        assert_eq!(told, ["action", "limit", "offset", "tags", "matches[0].key"]);
    }
}
