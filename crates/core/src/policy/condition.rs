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

use super::{
    Effect,
    judgement::Truth,
    pattern::{Token, glob},
    possible::Doubt,
    template::{Template, has_variables},
};
use crate::{identity::fold_enterprise_project, network::Network, sign::parse_date, time::UnixMillis};

/// What conditions may ask about a request. A key that is not known here is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// `g:CurrentTime`.
    pub now: Option<UnixMillis>,
    /// `g:UserName`.
    pub user_name: Option<String>,
    /// `g:UserId`.
    pub user_id: Option<String>,
    /// `g:DomainId`: the caller's account.
    pub domain_id: Option<String>,
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
    /// Whether the request names no key, so that `kms_key_id` is the default one's. `Null` asks whether it names one.
    pub is_key_left_out: bool,
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
    /// `g:DomainId`
    DomainId,
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
    pub const ALL: [Self; 14] = [
        Self::CurrentTime,
        Self::UserName,
        Self::UserId,
        Self::DomainId,
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
            Self::DomainId => "g:DomainId",
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

    /// The name of the tag that it is about.
    pub(super) fn tag(&self) -> Option<&str> {
        self.kind.takes_tag().then_some(self.tag.as_str())
    }

    /// Whether its value may take the place of a variable. `g:TagKeys` has several, and how the cloud writes a time is not known.
    pub(super) const fn is_replaceable(&self) -> bool {
        !matches!(self.kind, ConditionKind::TagKeys | ConditionKind::CurrentTime)
    }

    /// The value in the request, if there is exactly one.
    pub(super) fn only_value(&self, context: &RequestContext) -> Option<String> {
        let mut values = self.values(context).into_iter();
        values.next().filter(|_| values.next().is_none()).map(Cow::into_owned)
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
            ConditionKind::DomainId => text(&context.domain_id),
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
pub(super) enum Comparison {
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
    pub(super) const fn is_about_text(self) -> bool {
        matches!(self, Self::Equals | Self::EqualsIgnoreCase | Self::Like | Self::StartsWith | Self::EndsWith)
    }

    pub(super) const fn is_about_time(self) -> bool {
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

/// A value that a condition compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    /// As it is written; in lower case where case does not count.
    text: String,
    /// The same, where it has variables.
    template: Option<Template>,
}

impl Expected {
    fn parse(written: &str, test: Test, kind: ConditionKind) -> Self {
        let is_text = matches!(test, Test::Compare { comparison, .. } if comparison.is_about_text());
        let template = (is_text && has_variables(written)).then(|| Template::parse(written));
        let text = match kind {
            ConditionKind::EnterpriseProjectId => fold_enterprise_project(written),
            _ if kind.has_case() => written.to_owned(),
            _ => written.to_ascii_lowercase(),
        };
        Self { text, template }
    }

    /// Whether a value of the request satisfies a comparison with this one.
    fn is_met(&self, actual: &str, comparison: Comparison, kind: ConditionKind, context: &RequestContext) -> bool {
        let Some(template) = &self.template else { return comparison.holds(actual, &self.text) };
        if comparison == Comparison::Like {
            let folded = |token: Token| match token {
                Token::Is(character) if !kind.has_case() => Token::Is(character.to_ascii_lowercase()),
                token => token,
            };
            let pattern = template.pattern(context, &[]);
            return pattern.is_some_and(|tokens| {
                let tokens: Vec<_> = tokens.into_iter().map(folded).collect();
                glob(tokens.as_slice(), actual)
            });
        }
        let text = template.text(context);
        text.is_some_and(|text| {
            let text = if kind.has_case() { text } else { text.to_ascii_lowercase() };
            comparison.holds(actual, &text)
        })
    }

    /// Whether its variables can be replaced.
    fn is_whole(&self, context: &RequestContext) -> bool {
        self.template.as_ref().is_none_or(|template| template.text(context).is_some())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    test: Test,
    key: ConditionKey,
    expected: Vec<Expected>,
}

impl Condition {
    /// Whether it holds for a statement of this effect.
    fn holds(&self, context: &RequestContext, effect: Effect) -> bool {
        let actual = self.key.values(context);
        match self.test {
            Test::Null => {
                let is_left_out = self.key.kind == ConditionKind::KmsKeyId && context.is_key_left_out;
                self.expects_bool(actual.is_empty() || is_left_out)
            }
            Test::Compare { comparison, negated, if_exists, quantifier } => {
                let kind = self.key.kind;
                let matches = |value: &str| {
                    self.expected.iter().any(|expected| expected.is_met(value, comparison, kind, context))
                };
                if actual.is_empty() && if_exists {
                    return true;
                }
                // What differs from a text that is not known allows nothing.
                if negated
                    && effect == Effect::Allow
                    && !self.expected.iter().all(|expected| expected.is_whole(context))
                {
                    return false;
                }
                match quantifier {
                    // An absent key differs from everything.
                    Quantifier::Single => actual.iter().any(|value| matches(value)) != negated,
                    Quantifier::Any => actual.iter().any(|value| matches(value) != negated),
                    Quantifier::All => actual.iter().all(|value| matches(value) != negated),
                }
            }
        }
    }

    /// The keys of its variables.
    fn variables(&self) -> impl Iterator<Item = &ConditionKey> {
        self.expected.iter().filter_map(|expected| expected.template.as_ref()).flat_map(Template::keys)
    }

    fn expects_bool(&self, value: bool) -> bool {
        let word = if value { "true" } else { "false" };
        self.expected.iter().any(|expected| expected.text.eq_ignore_ascii_case(word))
    }

    /// The outcome that is the same for every value of the key, its absence among them; `None` when it depends.
    fn outcome_without_value(&self) -> Option<bool> {
        match self.test {
            Test::Null => (self.expects_bool(true) && self.expects_bool(false)).then_some(true),
            Test::Compare { comparison, negated, if_exists, quantifier } => {
                let is_written = |expected: &&Expected| expected.template.is_none();
                if !self.expected.iter().filter(is_written).any(|expected| comparison.holds_always(&expected.text)) {
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

    /// Whether the condition holds where the values of some kinds of keys are not known, and which of its keys it then depends
    /// on.
    fn truth(
        &self,
        context: &RequestContext,
        unknown: &[ConditionKind],
        effect: Effect,
    ) -> (Truth, Vec<&ConditionKey>) {
        let keys = core::iter::once(&self.key).chain(self.variables());
        let open: Vec<_> = keys.filter(|key| unknown.contains(&key.kind)).collect();
        if open.is_empty() {
            return (Truth::from(self.holds(context, effect)), open);
        }
        let outcome = if self.variables().next().is_none() { self.outcome_without_value() } else { None };
        outcome.map_or((Truth::Unknown, open), |outcome| (Truth::from(outcome), Vec::new()))
    }

    /// What in it no request meets. See [`Conditions::doubts`].
    fn doubts(&self, has: &dyn Fn(ConditionKind) -> bool, account: Option<&str>) -> Vec<Doubt> {
        let mut doubts: Vec<_> = self.key.doubt().into_iter().collect();
        match self.test {
            Test::Null => {
                if self.key.kind.is_always_there() && !self.expects_bool(false) {
                    doubts.push(Doubt::Impossible(format!("every request has {}", self.key)));
                }
            }
            Test::Compare { comparison, negated, .. } => match self.key.doubt_of_operator(comparison) {
                Some(doubt) => doubts.push(doubt),
                None => {
                    let only = self.key.kind.only_value(account);
                    let is_all = |expected: &Expected| {
                        comparison.holds_always(&expected.text)
                            || only.is_some_and(|only| comparison.holds(only, &expected.text))
                    };
                    if negated && self.key.kind.is_always_there() && self.expected.iter().any(is_all) {
                        let only = only.map(|only| format!(" {only}")).unwrap_or_default();
                        doubts.push(Doubt::Impossible(format!("every request has {}{only}", self.key)));
                    }
                    let doubt = |one: &Expected| self.key.doubt_of_value(comparison, &one.text, has, account);
                    doubts.extend(self.expected.iter().filter_map(doubt));
                }
            },
        }
        doubts
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

/// A value as JSON writes it: truths may stand with quotes or without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a value must be a text, true, false, or a list of them")]
enum OneOrMany {
    One(WrittenValue),
    Many(Vec<WrittenValue>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenValue {
    Text(String),
    Truth(bool),
}

impl WrittenValue {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

/// All conditions of a statement; the statement applies when every one of them holds.
#[derive(Clone, Debug, Default, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Conditions {
    written: Written,
    all: Vec<Condition>,
    /// Operators that stand without a key. They demand nothing and are not written.
    without_keys: Vec<String>,
}

impl PartialEq for Conditions {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Conditions {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether all of them hold, for a statement of this effect. A value with a variable that cannot be replaced matches
    /// nothing; what must differ from it holds in a Deny alone.
    #[must_use]
    pub fn hold(&self, context: &RequestContext, effect: Effect) -> bool {
        self.all.iter().all(|condition| condition.holds(context, effect))
    }

    /// What in the conditions no request meets, each with its operator as written. `has` says which kinds of keys a request of
    /// the statement may have, `account` is the one account that all callers belong to, where it is known.
    #[must_use]
    pub fn doubts(&self, has: &dyn Fn(ConditionKind) -> bool, account: Option<&str>) -> Vec<(&str, Doubt)> {
        let mut doubts: Vec<_> = self.without_keys.iter().map(|operator| (operator.as_str(), Doubt::NoKey)).collect();
        for ((operator, _), condition) in self.keys().zip(&self.all) {
            doubts.extend(condition.doubts(has, account).into_iter().map(|doubt| (operator, doubt)));
        }
        doubts
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
        effect: Effect,
    ) -> (Truth, Vec<&'s ConditionKey>) {
        let mut depends_on = Vec::new();
        for condition in &self.all {
            let (truth, open) = condition.truth(context, unknown, effect);
            if truth == Truth::False {
                return (Truth::False, Vec::new());
            }
            depends_on.extend(open);
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

    fn try_from(mut written: Written) -> Result<Self, String> {
        let (mut all, mut without_keys) = (Vec::new(), Vec::new());
        for (operator, keys) in &written.0 {
            let test =
                Test::parse(operator).ok_or_else(|| format!("the condition operator {operator} is not known"))?;
            for (name, values) in &keys.0 {
                let key = ConditionKey::parse(name).ok_or_else(|| format!("the condition key {name} is not known"))?;
                let expected: Vec<_> = match values {
                    OneOrMany::One(value) => Vec::from([value.text()]),
                    OneOrMany::Many(values) => values.iter().map(WrittenValue::text).collect(),
                };
                check_values(test, &expected).map_err(|rule| format!("{operator} of {name} {rule}"))?;
                let expected = expected.iter().map(|value| Expected::parse(value, test, key.kind)).collect();
                all.push(Condition { test, key, expected });
            }
            if keys.0.is_empty() {
                without_keys.push(operator.clone());
            }
        }
        written.0.retain(|_, keys| !keys.0.is_empty());
        Ok(Self { written, all, without_keys })
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
        serde_json::from_str::<Conditions>(text).unwrap().hold(context, Effect::Deny)
    }

    fn context() -> RequestContext {
        let tag = |key: &str, value: &str| (key.to_string(), value.to_string());
        RequestContext {
            now: parse_date("20260102T030405Z"),
            user_name: Some("alice".to_string()),
            user_id: Some("0123456789abcdef0123456789abcdef".to_string()),
            domain_id: Some("d1".to_string()),
            source_ip: "::ffff:192.0.2.7".parse().ok(),
            secure_transport: Some(true),
            mfa_present: Some(false),
            version_id: Some("v3".to_string()),
            secret_type: Some("COMMON".to_string()),
            kms_key_id: None,
            is_key_left_out: false,
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
            (r#"{"StringEquals":{"g:DomainId":"d1"}}"#, true),
            (r#"{"StringNotEquals":{"g:domainid":"d1"}}"#, false),
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
            (r#"{"Bool":{"g:SecureTransport":[false,"TRUE"]}}"#, true),
            (r#"{"Bool":{"g:SecureTransport":[false]}}"#, false),
            (r#"{"StringEquals":{}}"#, true),
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
    fn the_identifier_of_a_key_has_no_case() {
        let id = "0b1c2d3e-0000-4000-8000-00000000000f";
        let on_key =
            RequestContext { kms_key_id: Some(id.to_string()), user_name: Some(id.to_uppercase()), ..context() };
        for (operator, value) in [
            ("StringEquals", id.to_uppercase()),
            ("StringLike", "0B1C*".to_string()),
            ("StringStartWith", "0B1C".to_string()),
            ("ForAnyValue:StringEqualsIfExists", id.to_uppercase()),
            ("StringEquals", "${g:UserName}".to_string()),
            ("StringLike", "${g:UserName}*".to_string()),
        ] {
            let condition = format!(r#"{{"{operator}":{{"csms:KmsKeyId":"{value}"}}}}"#);
            assert!(holds(&condition, &on_key), "{condition}");
        }
        assert!(!holds(&format!(r#"{{"StringEquals":{{"g:UserName":"{id}"}}}}"#), &on_key));
    }

    #[test]
    fn an_enterprise_project_that_is_a_uuid_has_no_case() {
        let id = "0b1c2d3e-0000-4000-8000-00000000000f";
        let of = |project: &str| RequestContext { enterprise_project_id: Some(project.to_owned()), ..context() };
        let asked = |value: &str| format!(r#"{{"StringEquals":{{"g:EnterpriseProjectId":"{value}"}}}}"#);
        assert!(holds(&asked(&id.to_uppercase()), &of(id)));
        assert!(!holds(&asked("TEAM"), &of("team")));
    }

    #[test]
    fn a_variable_stands_for_the_value_of_its_key() {
        for (condition, expected) in [
            (r#"{"StringEquals":{"g:UserName":"${g:UserName}"}}"#, true),
            (r#"{"StringEquals":{"g:ResourceTag/team":"${g:RequestTag/team}"}}"#, true),
            (r#"{"StringEquals":{"g:ResourceTag/team":["x","${g:UserName}"]}}"#, false),
            (r#"{"StringNotEquals":{"g:ResourceTag/team":"${g:UserName}"}}"#, true),
            (r#"{"StringLike":{"csms:VersionId":"${*}"}}"#, false),
            (r#"{"StringLike":{"csms:VersionId":"v*"}}"#, true),
            (r#"{"StringStartWith":{"g:UserName":"${g:UserId, 'x'}"}}"#, false),
            (r#"{"ForAnyValue:StringEquals":{"g:TagKeys":["${g:ResourceTag/none, 'cost'}"]}}"#, true),
        ] {
            assert_eq!(holds(condition, &context()), expected, "{condition}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_replaced_matches_nothing_and_what_differs_from_it_allows_nothing() {
        let hold = |text: &str, effect| serde_json::from_str::<Conditions>(text).unwrap().hold(&context(), effect);
        for effect in [Effect::Allow, Effect::Deny] {
            assert!(!hold(r#"{"StringEquals":{"g:UserName":"${csms:KmsKeyId}"}}"#, effect));
            assert!(!hold(r#"{"StringLike":{"g:UserName":"*${csms:KmsKeyId}*"}}"#, effect));
            assert!(hold(r#"{"StringEquals":{"g:UserName":["${csms:KmsKeyId}","alice"]}}"#, effect));
            assert!(hold(r#"{"StringNotEqualsIfExists":{"csms:KmsKeyId":"${csms:KmsKeyId}"}}"#, effect));
        }
        for condition in [
            r#"{"StringNotEquals":{"g:UserName":"${csms:KmsKeyId}"}}"#,
            r#"{"ForAllValues:StringNotLike":{"g:UserName":["bob","${csms:KmsKeyId}"]}}"#,
        ] {
            assert!(hold(condition, Effect::Deny) && !hold(condition, Effect::Allow), "{condition}");
        }
    }

    fn doubts(condition: &str) -> Vec<String> {
        let conditions: Conditions = serde_json::from_str(condition).unwrap();
        let has = |kind| kind != ConditionKind::UserId;
        conditions
            .doubts(&has, Some("d1"))
            .into_iter()
            .map(|(operator, doubt)| format!("{operator} {doubt:?}"))
            .collect()
    }

    #[test]
    fn what_no_request_can_have_is_doubted() {
        let id = "0b1c2d3e-0000-4000-8000-00000000000f";
        let long = "k".repeat(129);
        let impossible = [
            ("StringEquals", "csms:KmsKeyId", "k2"),
            ("StringEquals", "csms:KmsKeyId", "0b1c2d3e0000400080000000000000000f"),
            ("StringLike", "csms:KmsKeyId", "alias/*"),
            ("StringEquals", "csms:Type", "common"),
            ("StringLike", "csms:Type", "RDS_*"),
            ("StringEqualsIgnoreCase", "csms:Type", "RDS_FG"),
            ("StringEquals", "csms:VersionId", "latest"),
            ("StringEquals", "csms:VersionId", "V1"),
            ("StringEquals", "csms:VersionId", "v01"),
            ("StringEquals", "csms:VersionId", "v9999999999"),
            ("StringEndWith", "csms:VersionId", "x"),
            ("StringEquals", "g:SourceIp", "127.0.0.0/8"),
            ("StringEquals", "g:SourceIp", "2001:DB8::1"),
            ("StringEquals", "g:SecureTransport", "False"),
            ("StringEquals", "g:UserName", ""),
            ("StringEquals", "g:UserId", "0123456789ABCDEF0123456789ABCDEF"),
            ("StringEquals", "g:DomainId", "d2"),
            ("Bool", "g:MFAPresent", "true"),
            ("StringEquals", "g:EnterpriseProjectId", "0123456789012345678901234567890123456"),
            ("StringEquals", "g:ResourceTag/stage ", "x"),
            ("StringEquals", "g:ResourceTag/_sys_x", "x"),
            ("StringEquals", "g:RequestTag/*", "x"),
            ("StringEquals", &format!("g:ResourceTag/{long}"), "x"),
            ("StringEquals", "g:ResourceTag/stage", "a*"),
            ("StringEquals", "g:TagKeys", " stage"),
            ("StringLike", "g:TagKeys", "_sys_*"),
            ("StringEquals", "g:UserName", "${g:UserId}"),
            ("StringEquals", "g:UserName", "${foo"),
            ("StringEquals", "g:UserName", "${g:TagKeys}"),
            ("StringEquals", "csms:Type", "${g:UserId, 'common'}"),
        ];
        for (operator, key, value) in impossible {
            let found = doubts(&format!(r#"{{"{operator}":{{"{key}":"{value}"}}}}"#));
            assert!(found.len() == 1 && found[0].contains("Impossible"), "{operator} {key} {value}: {found:?}");
        }
        let other_type = [
            ("StringLike", "g:CurrentTime", "2026-*"),
            ("StringEquals", "g:CurrentTime", "1767323045000"),
            ("IpAddress", "g:UserName", "192.0.2.7"),
            ("IpAddress", "csms:Type", "192.0.2.7"),
            ("Bool", "csms:Type", "true"),
            ("Bool", "g:SourceIp", "true"),
            ("DateLessThan", "g:UserName", "2026-01-02T03:04:05Z"),
            ("DateLessThanIfExists", "g:SecureTransport", "2026-01-02T03:04:05Z"),
            ("NotIpAddress", "g:CurrentTime", "192.0.2.7"),
        ];
        for (operator, key, value) in other_type {
            let found = doubts(&format!(r#"{{"{operator}":{{"{key}":"{value}"}}}}"#));
            assert!(found.len() == 1 && found[0].contains("Operator("), "{operator} {key} {value}: {found:?}");
        }
        for (condition, word) in [
            (r#"{"StringEquals":{}}"#, "StringEquals NoKey"),
            (r#"{"Null":{"g:CurrentTime":"true"}}"#, "every request has g:CurrentTime"),
            (r#"{"ForAllValues:StringNotLike":{"g:SecureTransport":"*"}}"#, "every request has g:SecureTransport"),
            (r#"{"StringNotEquals":{"g:MFAPresent":"false"}}"#, "every request has g:MFAPresent false"),
            (r#"{"StringNotLike":{"g:DomainId":"d?"}}"#, "every request has g:DomainId d1"),
        ] {
            let found = doubts(condition);
            assert!(found.len() == 1 && found[0].contains(word), "{condition}: {found:?}");
        }
        for (operator, key, value) in [
            ("StringEquals", "csms:KmsKeyId", id),
            ("StringEquals", "csms:KmsKeyId", &id.to_uppercase()),
            ("StringLike", "csms:KmsKeyId", "0B*"),
            ("StringEqualsIgnoreCase", "csms:Type", "common"),
            ("StringLike", "csms:Type", "*-FG"),
            ("StringEquals", "csms:VersionId", "v12"),
            ("StringEqualsIgnoreCase", "csms:VersionId", "V12"),
            ("StringStartWith", "csms:VersionId", "v1"),
            ("StringEquals", "g:SourceIp", "192.0.2.7"),
            ("StringLike", "g:SourceIp", "192.0.2.*"),
            ("StringEquals", "g:SecureTransport", "false"),
            ("Bool", "g:SecureTransport", "FALSE"),
            ("BoolIfExists", "g:MFAPresent", "false"),
            ("Bool", "g:ResourceTag/public", "true"),
            ("DateLessThan", "g:ResourceTag/expires", "2026-01-02T03:04:05Z"),
            ("DateLessThan", "g:CurrentTime", "2026-01-02T03:04:05Z"),
            ("NotIpAddress", "g:SourceIp", "192.0.2.0/24"),
            ("StringEquals", "g:UserId", "0123456789abcdef0123456789abcdef"),
            ("StringEquals", "g:DomainId", "d1"),
            ("StringNotEquals", "g:DomainId", "${g:UserId, 'd1'}"),
            ("StringEquals", "g:EnterpriseProjectId", "0"),
            ("StringEquals", "g:ResourceTag/环境", ""),
            ("StringEquals", "g:ResourceTag/owner", "${g:UserName}"),
            ("StringEquals", "csms:Type", "${g:UserName}"),
            ("StringEquals", "g:UserName", "${g:UserId, 'nobody'}"),
            ("ForAllValues:StringLike", "g:TagKeys", "team*"),
            ("StringMatch", "g:UserName", "*"),
        ] {
            let condition = format!(r#"{{"{operator}":{{"{key}":"{value}"}}}}"#);
            assert_eq!(doubts(&condition), [""; 0], "{condition}");
        }
    }

    #[test]
    fn an_operator_without_a_key_changes_nothing() {
        let read = |text: &str| serde_json::from_str::<Conditions>(text).unwrap();
        let empty = read(r#"{"StringEquals":{},"Null":{"csms:KmsKeyId":true}}"#);
        assert_eq!(empty, read(r#"{"Null":{"csms:KmsKeyId":true}}"#));
        assert_eq!(serde_json::to_string(&empty).unwrap(), r#"{"Null":{"csms:KmsKeyId":true}}"#);
        assert!(read(r#"{"StringEquals":{}}"#).is_empty());
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
            (r#"{"Bool":{"csms:Type":[1]}}"#, "a value must be a text, true, false, or a list of them"),
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
