//! Conditions of policies: operators over keys that a request and its resource carry.
//!
//! A condition that cannot be understood is an error when the policy is read, so a policy never allows more than it says.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use super::pattern::glob;
use crate::{sign::parse_date, time::UnixMillis};

/// What conditions may ask about a request. A key that is not known here is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// `g:CurrentTime`.
    pub now: Option<UnixMillis>,
    /// `g:UserName`.
    pub user_name: Option<String>,
    /// `csms:Type`: type of the secret, also of one about to be created.
    pub secret_type: Option<String>,
    /// `csms:KmsKeyId`: the key that the request names, or else the secret's.
    pub kms_key_id: Option<String>,
    /// `g:EnterpriseProjectId` of the secret, also of one about to be created.
    pub enterprise_project_id: Option<String>,
    /// `g:ResourceTag/<key>`: tags that the secret has.
    pub resource_tags: Vec<(String, String)>,
    /// `g:RequestTag/<key>` and `g:TagKeys`: tags that the request sets or removes.
    pub request_tags: Vec<(String, String)>,
}

/// A key that conditions may name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    CurrentTime,
    UserName,
    SecretType,
    KmsKeyId,
    EnterpriseProjectId,
    ResourceTag(String),
    RequestTag(String),
    TagKeys,
}

impl Key {
    /// Keys are compared without case, as the cloud does; names of tags are not.
    fn parse(text: &str) -> Option<Self> {
        const FIXED: [(&str, Key); 6] = [
            ("g:CurrentTime", Key::CurrentTime),
            ("g:UserName", Key::UserName),
            ("csms:Type", Key::SecretType),
            ("csms:KmsKeyId", Key::KmsKeyId),
            ("g:EnterpriseProjectId", Key::EnterpriseProjectId),
            ("g:TagKeys", Key::TagKeys),
        ];
        if let Some((_, key)) = FIXED.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Some(key.clone());
        }
        let (kind, tag) = text.split_once('/').filter(|(_, tag)| !tag.is_empty())?;
        if kind.eq_ignore_ascii_case("g:ResourceTag") {
            Some(Self::ResourceTag(tag.to_string()))
        } else if kind.eq_ignore_ascii_case("g:RequestTag") {
            Some(Self::RequestTag(tag.to_string()))
        } else {
            None
        }
    }

    /// The values in the request; none when the key is absent.
    fn values<'c>(&self, context: &'c RequestContext, now: &'c Option<String>) -> Vec<&'c str> {
        let one = |value: &'c Option<String>| value.as_deref().into_iter().collect();
        let tag = |tags: &'c [(String, String)], wanted: &str| {
            tags.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value.as_str()).collect()
        };
        match self {
            Self::CurrentTime => one(now),
            Self::UserName => one(&context.user_name),
            Self::SecretType => one(&context.secret_type),
            Self::KmsKeyId => one(&context.kms_key_id),
            Self::EnterpriseProjectId => one(&context.enterprise_project_id),
            Self::ResourceTag(key) => tag(&context.resource_tags, key),
            Self::RequestTag(key) => tag(&context.request_tags, key),
            Self::TagKeys => context.request_tags.iter().map(|(key, _)| key.as_str()).collect(),
        }
    }
}

/// How one value of the request is compared with one of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    StartsWith,
    EndsWith,
    Bool,
    Before,
    BeforeOrAt,
    After,
    AfterOrAt,
}

/// Which of several values of a key have to satisfy a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// The key has one value; should it have several, one that matches is enough.
    Single,
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// `Null`: whether the key is absent.
    Null,
    Compare {
        comparison: Comparison,
        negated: bool,
        if_exists: bool,
        quantifier: Quantifier,
    },
}

/// Operators and what they compare; `true` marks the ones that turn the comparison round.
const OPERATORS: [(&str, Comparison, bool); 16] = [
    ("StringEquals", Comparison::Equals, false),
    ("StringNotEquals", Comparison::Equals, true),
    ("StringEqualsIgnoreCase", Comparison::EqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Comparison::EqualsIgnoreCase, true),
    ("StringLike", Comparison::Like, false),
    ("StringNotLike", Comparison::Like, true),
    ("StringMatch", Comparison::Like, false),
    ("StringNotMatch", Comparison::Like, true),
    ("StringStartWith", Comparison::StartsWith, false),
    ("StringNotStartWith", Comparison::StartsWith, true),
    ("StringEndWith", Comparison::EndsWith, false),
    ("Bool", Comparison::Bool, false),
    ("DateLessThan", Comparison::Before, false),
    ("DateLessThanEquals", Comparison::BeforeOrAt, false),
    ("DateGreaterThan", Comparison::After, false),
    ("DateGreaterThanEquals", Comparison::AfterOrAt, false),
];

impl Test {
    fn parse(text: &str) -> Option<Self> {
        if text == "Null" {
            return Some(Self::Null);
        }
        let (quantifier, name) = match text.split_once(':') {
            Some(("ForAnyValue", name)) => (Quantifier::Any, name),
            Some(("ForAllValues", name)) => (Quantifier::All, name),
            Some(_) => return None,
            None => (Quantifier::Single, text),
        };
        let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
        let (_, comparison, negated) = OPERATORS.iter().find(|(known, _, _)| *known == name)?;
        Some(Self::Compare { comparison: *comparison, negated: *negated, if_exists, quantifier })
    }
}

impl Comparison {
    const fn is_about_time(self) -> bool {
        matches!(self, Self::Before | Self::BeforeOrAt | Self::After | Self::AfterOrAt)
    }

    fn holds(self, actual: &str, expected: &str) -> bool {
        let times = || Some((read_time(actual)?, read_time(expected)?));
        match self {
            Self::Equals => actual == expected,
            Self::EqualsIgnoreCase | Self::Bool => actual.eq_ignore_ascii_case(expected),
            Self::Like => glob(expected.as_bytes(), actual.as_bytes()),
            Self::StartsWith => actual.starts_with(expected),
            Self::EndsWith => actual.ends_with(expected),
            Self::Before => times().is_some_and(|(actual, expected)| actual < expected),
            Self::BeforeOrAt => times().is_some_and(|(actual, expected)| actual <= expected),
            Self::After => times().is_some_and(|(actual, expected)| actual > expected),
            Self::AfterOrAt => times().is_some_and(|(actual, expected)| actual >= expected),
        }
    }
}

/// A time such as `2026-01-02T03:04:05Z`, or Unix milliseconds as the context writes them.
fn read_time(text: &str) -> Option<UnixMillis> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(UnixMillis::new);
    }
    let compact: String = text.chars().filter(|character| !matches!(character, '-' | ':')).collect();
    // Only the usual form: parts that the compact one would accept in other places are not times.
    let usual = text.len() == 20 && text.get(4..5) == Some("-") && text.get(13..14) == Some(":");
    if usual { parse_date(&compact) } else { None }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    test: Test,
    key: Key,
    expected: Vec<String>,
}

impl Condition {
    fn holds(&self, context: &RequestContext, now: &Option<String>) -> bool {
        let actual = self.key.values(context, now);
        match self.test {
            Test::Null => {
                let absent = if actual.is_empty() { "true" } else { "false" };
                self.expected.iter().any(|expected| expected.eq_ignore_ascii_case(absent))
            }
            Test::Compare { comparison, negated, if_exists, quantifier } => {
                let matches = |value: &str| self.expected.iter().any(|expected| comparison.holds(value, expected));
                match quantifier {
                    _ if actual.is_empty() && if_exists => true,
                    // An absent key differs from everything.
                    Quantifier::Single => actual.iter().any(|value| matches(value)) != negated,
                    Quantifier::Any => actual.iter().any(|value| matches(value) != negated),
                    Quantifier::All => actual.iter().all(|value| matches(value) != negated),
                }
            }
        }
    }
}

/// The written form: `{operator: {key: value or list of values}}`.
type Written = BTreeMap<String, BTreeMap<String, OneOrMany>>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    OneBool(bool),
    Many(Vec<String>),
}

/// All conditions of a statement; the statement applies when every one of them holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Conditions {
    written: Written,
    all: Vec<Condition>,
}

impl Conditions {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether all of them hold.
    #[must_use]
    pub fn hold(&self, context: &RequestContext) -> bool {
        if self.all.is_empty() {
            return true;
        }
        let now = context.now.map(|now| now.as_millis().to_string());
        self.all.iter().all(|condition| condition.holds(context, &now))
    }
}

impl From<Conditions> for Written {
    fn from(conditions: Conditions) -> Self {
        conditions.written
    }
}

impl TryFrom<Written> for Conditions {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut all = Vec::new();
        for (operator, keys) in &written {
            let test =
                Test::parse(operator).ok_or_else(|| format!("the condition operator {operator} is not known"))?;
            for (name, values) in keys {
                let key = Key::parse(name).ok_or_else(|| format!("the condition key {name} is not known"))?;
                let expected = match values {
                    OneOrMany::One(value) => Vec::from([value.clone()]),
                    OneOrMany::OneBool(value) => Vec::from([value.to_string()]),
                    OneOrMany::Many(values) => values.clone(),
                };
                check_values(test, &expected).map_err(|rule| format!("{operator} of {name} {rule}"))?;
                all.push(Condition { test, key, expected });
            }
        }
        Ok(Self { written, all })
    }
}

fn check_values(test: Test, expected: &[String]) -> Result<(), &'static str> {
    let all = |check: fn(&str) -> bool| expected.iter().all(|value| check(value));
    let is_bool = |value: &str| value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
    let needs_bool = match test {
        Test::Null => true,
        Test::Compare { comparison, .. } => comparison == Comparison::Bool,
    };
    let needs_time = matches!(test, Test::Compare { comparison, .. } if comparison.is_about_time());
    match () {
        () if expected.is_empty() => Err("needs at least one value"),
        () if needs_bool && !all(is_bool) => Err("must be true or false"),
        () if needs_time && !all(|value| read_time(value).is_some()) => {
            Err("must be times of the form 2026-01-02T03:04:05Z")
        }
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, context: &RequestContext) -> bool {
        serde_json::from_str::<Conditions>(text).unwrap().hold(context)
    }

    fn context() -> RequestContext {
        let tag = |key: &str, value: &str| (key.to_string(), value.to_string());
        RequestContext {
            now: parse_date("20260102T030405Z"),
            user_name: Some("alice".to_string()),
            secret_type: Some("COMMON".to_string()),
            kms_key_id: None,
            enterprise_project_id: Some("0".to_string()),
            resource_tags: Vec::from([tag("team", "red")]),
            request_tags: Vec::from([tag("team", "red"), tag("cost", "7")]),
        }
    }

    #[test]
    fn each_operator_means_what_its_name_says() {
        for (condition, expected) in [
            (r#"{"StringEquals":{"csms:Type":"COMMON"}}"#, true),
            (r#"{"StringEquals":{"csms:Type":["RDS-FG","COMMON"]}}"#, true),
            (r#"{"StringEquals":{"csms:Type":"common"}}"#, false),
            (r#"{"StringEqualsIgnoreCase":{"csms:Type":"common"}}"#, true),
            (r#"{"StringNotEquals":{"csms:Type":["RDS-FG","COMMON"]}}"#, false),
            (r#"{"StringNotEquals":{"csms:Type":"RDS-FG"}}"#, true),
            (r#"{"StringLike":{"g:ResourceTag/team":"r?d*"}}"#, true),
            (r#"{"StringNotLike":{"g:ResourceTag/team":"r*"}}"#, false),
            (r#"{"StringStartWith":{"g:UserName":"al"}}"#, true),
            (r#"{"StringEndWith":{"g:UserName":"al"}}"#, false),
            (r#"{"Bool":{"g:RequestTag/cost":"true"}}"#, false),
            (r#"{"DateLessThan":{"g:CurrentTime":"2026-01-02T03:04:06Z"}}"#, true),
            (r#"{"DateLessThan":{"g:CurrentTime":"2026-01-02T03:04:05Z"}}"#, false),
            (r#"{"DateLessThanEquals":{"g:CurrentTime":"2026-01-02T03:04:05Z"}}"#, true),
            (r#"{"DateGreaterThan":{"g:CurrentTime":"2026-01-02T03:04:05Z"}}"#, false),
            (r#"{"DateGreaterThanEquals":{"g:CurrentTime":"2025-01-02T03:04:05Z"}}"#, true),
            (r#"{"Null":{"csms:KmsKeyId":true}}"#, true),
            (r#"{"Null":{"csms:Type":["true"]}}"#, false),
            (r#"{"ForAnyValue:StringEquals":{"g:TagKeys":["cost"]}}"#, true),
            (r#"{"ForAllValues:StringEquals":{"g:TagKeys":["cost"]}}"#, false),
            (r#"{"ForAllValues:StringEquals":{"g:TagKeys":["cost","team"]}}"#, true),
            (r#"{"ForAnyValue:StringNotEquals":{"g:TagKeys":["cost"]}}"#, true),
            (r#"{"StringEquals":{"csms:Type":"COMMON","g:EnterpriseProjectId":"1"}}"#, false),
            (r#"{"StringEquals":{"csms:Type":"COMMON"},"Null":{"csms:KmsKeyId":"false"}}"#, false),
            ("{}", true),
        ] {
            assert_eq!(holds(condition, &context()), expected, "{condition}");
        }
    }

    #[test]
    fn an_absent_key_matches_nothing_and_differs_from_everything() {
        for (condition, expected) in [
            (r#"{"StringEquals":{"csms:KmsKeyId":"k"}}"#, false),
            (r#"{"StringLike":{"csms:KmsKeyId":"*"}}"#, false),
            (r#"{"StringNotEquals":{"csms:KmsKeyId":"k"}}"#, true),
            (r#"{"StringEqualsIfExists":{"csms:KmsKeyId":"k"}}"#, true),
            (r#"{"ForAnyValue:StringEquals":{"g:ResourceTag/none":"k"}}"#, false),
            (r#"{"ForAllValues:StringEquals":{"g:ResourceTag/none":"k"}}"#, true),
            (r#"{"DateLessThan":{"csms:KmsKeyId":"2026-01-02T03:04:05Z"}}"#, false),
        ] {
            assert_eq!(holds(condition, &RequestContext::default()), expected, "{condition}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (condition, word) in [
            (r#"{"StringResembles":{"csms:Type":"x"}}"#, "StringResembles"),
            (r#"{"ForSome:StringEquals":{"csms:Type":"x"}}"#, "ForSome"),
            (r#"{"StringEquals":{"csms:Tpye":"x"}}"#, "csms:Tpye"),
            (r#"{"StringEquals":{"g:ResourceTag/":"x"}}"#, "g:ResourceTag/"),
            (r#"{"StringEquals":{"csms:Type":[]}}"#, "at least one"),
            (r#"{"Bool":{"csms:Type":"yes"}}"#, "true or false"),
            (r#"{"DateLessThan":{"g:CurrentTime":"tomorrow"}}"#, "2026-01-02T03:04:05Z"),
            (r#"{"DateLessThan":{"g:CurrentTime":"2026-02-30T03:04:05Z"}}"#, "2026-01-02T03:04:05Z"),
        ] {
            let error = serde_json::from_str::<Conditions>(condition).unwrap_err().to_string();
            assert!(error.contains(word), "{condition}: {error}");
        }
    }

    #[test]
    fn the_written_form_comes_back() {
        let text = r#"{"ForAnyValue:StringLikeIfExists":{"g:TagKeys":["a*","b"]},"Null":{"csms:KmsKeyId":true}}"#;
        let read: Conditions = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
