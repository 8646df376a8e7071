//! Conditions of policies: operators over keys that a request and its resource carry.
//!
//! An unknown condition is an error when the policy is read, so a policy never allows more than it says. This module does not
//! know which keys apply to which action.

use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};

use super::{judgement::Truth, pattern::glob};
use crate::{network::Network, sign::parse_date, time::UnixMillis};

/// What conditions may ask about a request. A key that is not known here is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// `g:CurrentTime`.
    pub now: Option<UnixMillis>,
    /// `g:UserName`.
    pub user_name: Option<String>,
    /// `g:UserId`.
    pub user_id: Option<String>,
    /// `g:SourceIp`: the peer that sent the request.
    pub source_ip: Option<IpAddr>,
    /// `g:SecureTransport`: whether the request came by TLS.
    pub secure_transport: Option<bool>,
    /// `g:MFAPresent`: whether the caller has proven a second factor.
    pub mfa_present: Option<bool>,
    /// `csms:Type`: type of the secret, also of one about to be created.
    pub secret_type: Option<String>,
    /// `csms:KmsKeyId`: identifier of the key that the request names, or else of the secret's; of an operation on a key, that
    /// key's.
    pub kms_key_id: Option<String>,
    /// `csms:VersionId`: the version that the operation is about.
    pub version_id: Option<String>,
    /// `g:EnterpriseProjectId` of the secret or key, also of one about to be created.
    pub enterprise_project_id: Option<String>,
    /// `g:ResourceTag/<key>`: tags that the secret or key has.
    pub resource_tags: Vec<(String, String)>,
    /// `g:RequestTag/<key>` and `g:TagKeys`: tags that the request sets or removes.
    pub request_tags: Vec<(String, String)>,
}

/// What a condition may be about. For the tags it is the kind of key, without the tag's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionKind {
    /// `g:CurrentTime`
    CurrentTime,
    /// `g:UserName`
    UserName,
    /// `g:UserId`
    UserId,
    /// `g:SourceIp`
    SourceIp,
    /// `g:SecureTransport`
    SecureTransport,
    /// `g:MFAPresent`
    MfaPresent,
    /// `csms:Type`
    SecretType,
    /// `csms:KmsKeyId`
    KmsKeyId,
    /// `csms:VersionId`
    VersionId,
    /// `g:EnterpriseProjectId`
    EnterpriseProjectId,
    /// `g:ResourceTag/<key>`
    ResourceTag,
    /// `g:RequestTag/<key>`
    RequestTag,
    /// `g:TagKeys`
    TagKeys,
}

impl ConditionKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::CurrentTime,
        Self::UserName,
        Self::UserId,
        Self::SourceIp,
        Self::SecureTransport,
        Self::MfaPresent,
        Self::SecretType,
        Self::KmsKeyId,
        Self::VersionId,
        Self::EnterpriseProjectId,
        Self::ResourceTag,
        Self::RequestTag,
        Self::TagKeys,
    ];

    /// Its canonical name; of the tags, the part before the slash.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CurrentTime => "g:CurrentTime",
            Self::UserName => "g:UserName",
            Self::UserId => "g:UserId",
            Self::SourceIp => "g:SourceIp",
            Self::SecureTransport => "g:SecureTransport",
            Self::MfaPresent => "g:MFAPresent",
            Self::SecretType => "csms:Type",
            Self::KmsKeyId => "csms:KmsKeyId",
            Self::VersionId => "csms:VersionId",
            Self::EnterpriseProjectId => "g:EnterpriseProjectId",
            Self::ResourceTag => "g:ResourceTag",
            Self::RequestTag => "g:RequestTag",
            Self::TagKeys => "g:TagKeys",
        }
    }

    /// Whether the key's name goes on with a slash and the name of a tag.
    const fn takes_tag(self) -> bool {
        matches!(self, Self::ResourceTag | Self::RequestTag)
    }
}

/// A key that a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionKey {
    kind: ConditionKind,
    /// Name of the tag; empty for other keys.
    tag: String,
}

impl ConditionKey {
    /// Parses a key. Keys are compared without case, as the cloud does; names of tags are not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, tag) = text.split_once('/').map_or((text, None), |(name, tag)| (name, Some(tag)));
        let kind = ConditionKind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name))?;
        match tag {
            Some(tag) if kind.takes_tag() && !tag.is_empty() => Some(Self { kind, tag: tag.to_owned() }),
            None if !kind.takes_tag() => Some(Self { kind, tag: String::new() }),
            _ => None,
        }
    }

    /// What the key is about.
    #[must_use]
    pub const fn kind(&self) -> ConditionKind {
        self.kind
    }

    /// The values in the request; none when the key is absent.
    fn values<'c>(&self, context: &'c RequestContext) -> Vec<Cow<'c, str>> {
        let text = |value: &'c Option<String>| value.as_deref().map(Cow::Borrowed).into_iter().collect();
        let truth = |value: Option<bool>| value.map(|value| Cow::Borrowed(if value { "true" } else { "false" }));
        let owned = |value: Option<String>| value.map(Cow::Owned).into_iter().collect();
        let tag = |tags: &'c [(String, String)]| {
            tags.iter().filter(|(key, _)| *key == self.tag).map(|(_, value)| Cow::Borrowed(value.as_str())).collect()
        };
        match self.kind {
            ConditionKind::CurrentTime => owned(context.now.map(|now| now.as_millis().to_string())),
            ConditionKind::UserName => text(&context.user_name),
            ConditionKind::UserId => text(&context.user_id),
            ConditionKind::SourceIp => owned(context.source_ip.map(|address| address.to_canonical().to_string())),
            ConditionKind::SecureTransport => truth(context.secure_transport).into_iter().collect(),
            ConditionKind::MfaPresent => truth(context.mfa_present).into_iter().collect(),
            ConditionKind::SecretType => text(&context.secret_type),
            ConditionKind::KmsKeyId => text(&context.kms_key_id),
            ConditionKind::VersionId => text(&context.version_id),
            ConditionKind::EnterpriseProjectId => text(&context.enterprise_project_id),
            ConditionKind::ResourceTag => tag(&context.resource_tags),
            ConditionKind::RequestTag => tag(&context.request_tags),
            ConditionKind::TagKeys => context.request_tags.iter().map(|(key, _)| Cow::Borrowed(key.as_str())).collect(),
        }
    }
}

impl fmt::Display for ConditionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if self.kind.takes_tag() { write!(f, "/{}", self.tag) } else { Ok(()) }
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
    InNetwork,
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
const OPERATORS: [(&str, Comparison, bool); 18] = [
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
    ("IpAddress", Comparison::InNetwork, false),
    ("NotIpAddress", Comparison::InNetwork, true),
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
            Self::Like => glob(expected, actual),
            Self::StartsWith => actual.starts_with(expected),
            Self::EndsWith => actual.ends_with(expected),
            Self::InNetwork => {
                Network::parse(expected).zip(actual.parse().ok()).is_some_and(|(network, peer)| network.contains(peer))
            }
            Self::Before => times().is_some_and(|(actual, expected)| actual < expected),
            Self::BeforeOrAt => times().is_some_and(|(actual, expected)| actual <= expected),
            Self::After => times().is_some_and(|(actual, expected)| actual > expected),
            Self::AfterOrAt => times().is_some_and(|(actual, expected)| actual >= expected),
        }
    }

    /// Whether every value there can be satisfies the comparison.
    fn holds_always(self, expected: &str) -> bool {
        match self {
            Self::Like => !expected.is_empty() && expected.bytes().all(|byte| byte == b'*'),
            Self::StartsWith | Self::EndsWith => expected.is_empty(),
            _ => false,
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
    key: ConditionKey,
    expected: Vec<String>,
}

impl Condition {
    fn holds(&self, context: &RequestContext) -> bool {
        let actual = self.key.values(context);
        match self.test {
            Test::Null => self.expects_bool(actual.is_empty()),
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

    fn expects_bool(&self, value: bool) -> bool {
        let word = if value { "true" } else { "false" };
        self.expected.iter().any(|expected| expected.eq_ignore_ascii_case(word))
    }

    /// The outcome that is the same for every value of the key, its absence among them; `None` when it depends.
    fn outcome_without_value(&self) -> Option<bool> {
        match self.test {
            Test::Null => (self.expects_bool(true) && self.expects_bool(false)).then_some(true),
            Test::Compare { comparison, negated, if_exists, quantifier } => {
                if !self.expected.iter().any(|expected| comparison.holds_always(expected)) {
                    return None;
                }
                let when_present = !negated;
                let when_absent = if_exists
                    || match quantifier {
                        Quantifier::Single => negated,
                        Quantifier::Any => false,
                        Quantifier::All => true,
                    };
                (when_present == when_absent).then_some(when_present)
            }
        }
    }

    /// Whether the condition holds where the values of some kinds of keys are not known.
    fn truth(&self, context: &RequestContext, unknown: &[ConditionKind]) -> Truth {
        if !unknown.contains(&self.key.kind) {
            return Truth::from(self.holds(context));
        }
        self.outcome_without_value().map_or(Truth::Unknown, Truth::from)
    }
}

/// The written form: `{operator: {key: value or list of values}}`.
type Written = Members<Members<OneOrMany>>;

/// Members of a JSON object, by name. A repeated one is an error: one of the two would not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct Members<T>(BTreeMap<String, T>);

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unrepeated<T>(core::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Unrepeated<T> {
            type Value = Members<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format!("duplicate field `{name}`")));
                    }
                    members.insert(name, map.next_value()?);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Unrepeated(core::marker::PhantomData))
    }
}

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
        self.all.iter().all(|condition| condition.holds(context))
    }

    /// The keys that the conditions name, each with its operator as written.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &ConditionKey)> {
        // The conditions were made in this order.
        let operators = self.written.0.iter().flat_map(|(operator, keys)| keys.0.iter().map(|_| operator.as_str()));
        operators.zip(self.all.iter().map(|condition| &condition.key))
    }

    /// Whether all of them hold where the values of some kinds of keys are not known, and the keys it then depends on.
    pub(super) fn truth<'s>(
        &'s self,
        context: &RequestContext,
        unknown: &[ConditionKind],
    ) -> (Truth, Vec<&'s ConditionKey>) {
        let mut depends_on = Vec::new();
        for condition in &self.all {
            match condition.truth(context, unknown) {
                Truth::False => return (Truth::False, Vec::new()),
                Truth::Unknown => depends_on.push(&condition.key),
                Truth::True => {}
            }
        }
        (if depends_on.is_empty() { Truth::True } else { Truth::Unknown }, depends_on)
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
        for (operator, keys) in &written.0 {
            let test =
                Test::parse(operator).ok_or_else(|| format!("the condition operator {operator} is not known"))?;
            for (name, values) in &keys.0 {
                let key = ConditionKey::parse(name).ok_or_else(|| format!("the condition key {name} is not known"))?;
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
    let needs_network = matches!(test, Test::Compare { comparison, .. } if comparison == Comparison::InNetwork);
    match () {
        () if expected.is_empty() => Err("needs at least one value"),
        () if needs_bool && !all(is_bool) => Err("must be true or false"),
        () if needs_time && !all(|value| read_time(value).is_some()) => {
            Err("must be times of the form 2026-01-02T03:04:05Z")
        }
        () if needs_network && !all(|value| Network::parse(value).is_some()) => {
            Err("must be addresses or blocks of the form 192.0.2.0/24 or 2001:db8::/32")
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
            user_id: Some("0123456789abcdef0123456789abcdef".to_string()),
            source_ip: "::ffff:192.0.2.7".parse().ok(),
            secure_transport: Some(true),
            mfa_present: Some(false),
            version_id: Some("v3".to_string()),
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
            (r#"{"StringEquals":{"g:UserId":"0123456789abcdef0123456789abcdef"}}"#, true),
            (r#"{"StringEquals":{"csms:VersionId":["v2","v3"]}}"#, true),
            (r#"{"Bool":{"g:SecureTransport":"true"}}"#, true),
            (r#"{"Bool":{"g:SecureTransport":false}}"#, false),
            (r#"{"Bool":{"g:MFAPresent":"false"}}"#, true),
            (r#"{"IpAddress":{"g:SourceIp":"192.0.2.0/24"}}"#, true),
            (r#"{"IpAddress":{"g:SourceIp":["198.51.100.0/24","192.0.2.7"]}}"#, true),
            (r#"{"IpAddress":{"g:SourceIp":"::ffff:192.0.2.0/120"}}"#, true),
            (r#"{"IpAddress":{"g:SourceIp":"::/0"}}"#, false),
            (r#"{"NotIpAddress":{"g:SourceIp":["192.0.2.0/29","2001:db8::/32"]}}"#, false),
            (r#"{"NotIpAddress":{"g:SourceIp":"192.0.2.8/29"}}"#, true),
            (r#"{"StringEquals":{"g:SourceIp":"192.0.2.7"}}"#, true),
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
            (r#"{"IpAddress":{"g:SourceIp":"0.0.0.0/0"}}"#, false),
            (r#"{"NotIpAddress":{"g:SourceIp":"0.0.0.0/0"}}"#, true),
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
            (r#"{"StringEquals":{"csms:Type/x":"x"}}"#, "csms:Type/x"),
            (
                r#"{"StringEquals":{"csms:Type":"x"},"StringEquals":{"csms:Type":"y"}}"#,
                "duplicate field `StringEquals`",
            ),
            (r#"{"StringEquals":{"csms:Type":"x","csms:\u0054ype":"y"}}"#, "duplicate field `csms:Type`"),
            (r#"{"Bool":{"csms:Type":"yes"}}"#, "true or false"),
            (r#"{"IpAddress":{"g:SourceIp":"192.0.2.0/33"}}"#, "192.0.2.0/24"),
            (r#"{"DateLessThan":{"g:CurrentTime":"tomorrow"}}"#, "2026-01-02T03:04:05Z"),
            (r#"{"DateLessThan":{"g:CurrentTime":"2026-02-30T03:04:05Z"}}"#, "2026-01-02T03:04:05Z"),
        ] {
            let error = serde_json::from_str::<Conditions>(condition).unwrap_err().to_string();
            assert!(error.contains(word), "{condition}: {error}");
        }
    }

    #[test]
    fn keys_come_with_their_operators() {
        let text = r#"{"StringLike":{"csms:type":"a","g:ResourceTag/b":"c"},"Null":{"g:tagkeys":true}}"#;
        let read: Conditions = serde_json::from_str(text).unwrap();
        let keys: Vec<_> = read.keys().map(|(operator, key)| format!("{operator} {key}")).collect();
        assert_eq!(keys, ["Null g:TagKeys", "StringLike csms:Type", "StringLike g:ResourceTag/b"]);
    }

    #[test]
    fn the_written_form_comes_back() {
        let text = r#"{"ForAnyValue:StringLikeIfExists":{"g:TagKeys":["a*","b"]},"Null":{"csms:KmsKeyId":true}}"#;
        let read: Conditions = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
