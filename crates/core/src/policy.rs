//! Access policies: who may do what to which secret. Deny wins, and whatever no statement allows is denied.
//!
//! A policy with an unknown part is rejected as a whole, so it never allows more than it says.

mod condition;
mod judgement;
mod pattern;
mod possible;
mod shape;
mod system;
mod template;

use alloc::{
    borrow::{Cow, ToOwned as _},
    string::String,
    vec::Vec,
};
use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};

pub use self::{
    condition::{ConditionKey, ConditionKind, Conditions, RequestContext},
    judgement::{Judge, Judgement, RESOURCE, ResourceQuery, judge},
    pattern::{ResourceType, Segment},
    possible::{Doubt, UUID, quoted},
    shape::{Run, Shape},
    system::{SYSTEM_POLICIES, system_policy},
};
use self::{
    pattern::{matches_action, matches_resource},
    template::{Template, has_variables},
};

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Allows what matches.
    Allow,
    /// Denies what matches, whatever else allows it.
    Deny,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    /// A name for the statement, which decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// Action patterns such as `csms:secret:get*`. A single one may stand without a list.
    #[serde(deserialize_with = "one_or_many")]
    pub action: Vec<String>,
    /// Resource patterns such as `CSMS:*:*:secretName:demo`; every resource when absent. A single one may stand without a list.
    #[serde(default, deserialize_with = "none_one_or_many", skip_serializing_if = "Option::is_none")]
    pub resource: Option<Vec<String>>,
    /// What the request must satisfy for the statement to apply.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub condition: Conditions,
}

impl Statement {
    /// Whether a pattern of the statement matches one of an action's names.
    #[must_use]
    pub fn names_action(&self, action_names: &[&str]) -> bool {
        self.action.iter().any(|pattern| action_names.iter().any(|name| matches_action(pattern, name)))
    }

    fn names_resource(&self, resource: &str, context: &RequestContext) -> bool {
        let matches = |pattern: &String| {
            if !has_variables(pattern) {
                return matches_resource(pattern.as_str(), resource);
            }
            let tokens = Template::parse(pattern).pattern(context, &[]);
            tokens.is_some_and(|tokens| matches_resource(tokens.as_slice(), resource))
        };
        self.resource.as_ref().is_none_or(|list| list.iter().any(matches))
    }

    /// Whether it says something about the request besides its action and its resource.
    fn asks_about_request(&self) -> bool {
        !self.condition.is_empty() || self.resource.iter().flatten().any(|pattern| has_variables(pattern))
    }
}

/// A text, or a list of texts.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Vec::from([text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(Texts)
}

fn none_one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    one_or_many(deserializer).map(Some)
}

/// A policy in the cloud's form: `{"Version":"1.1","Statement":[…]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    /// `1.1`, or `5.0` for identity policies; the two are read alike.
    pub version: String,
    /// The statements, in no particular order.
    pub statement: Vec<Statement>,
}

impl Policy {
    /// Allows everything.
    #[must_use]
    pub fn administrator() -> Self {
        Self::allow(Vec::from([String::from("*")]), None)
    }

    /// Allows some actions on some resources, and nothing else.
    #[must_use]
    pub fn allow(action: Vec<String>, resource: Option<Vec<String>>) -> Self {
        let statement =
            Statement { sid: None, effect: Effect::Allow, action, resource, condition: Conditions::default() };
        Self { version: String::from("1.1"), statement: Vec::from([statement]) }
    }

    /// Whether a statement depends on the request's context.
    #[must_use]
    pub fn has_conditions(&self) -> bool {
        self.statement.iter().any(Statement::asks_about_request)
    }

    /// Adds the statements of another policy.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.statement.extend(other.statement);
        self
    }

    /// Reads a policy and checks what its form does not: the version, and that each statement names an action.
    ///
    /// # Errors
    /// What is wrong, in words for the author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let policy: Self = serde_json::from_str(text).map_err(|error| alloc::format!("{error}"))?;
        if !matches!(policy.version.as_str(), "1.0" | "1.1" | "5.0") {
            return Err(String::from("Version must be 1.0, 1.1 or 5.0"));
        }
        if policy.statement.is_empty() {
            return Err(String::from("Statement must have at least one statement"));
        }
        for (index, statement) in policy.statement.iter().enumerate() {
            if statement.action.is_empty() || statement.action.iter().any(String::is_empty) {
                return Err(alloc::format!("Statement[{index}].Action must name at least one action"));
            }
            if statement.resource.as_ref().is_some_and(Vec::is_empty) {
                return Err(alloc::format!(
                    "Statement[{index}].Resource must name at least one resource, or be left out"
                ));
            }
        }
        Ok(policy)
    }
}

/// Whether `policies` allow an action, given by its name and older aliases, on `resource`, in a request of this context.
#[must_use]
pub fn allows(policies: &[Policy], action_names: &[&str], resource: &str, context: &RequestContext) -> bool {
    decide(policies, action_names, resource, context) == Some(Effect::Allow)
}

/// Whether an action matches an action pattern, without case.
#[must_use]
pub fn action_matches(pattern: &str, action: &str) -> bool {
    matches_action(pattern, action)
}

/// Whether a value matches a pattern with `*` and `?`, with case.
#[must_use]
pub fn value_matches(pattern: &str, value: &str) -> bool {
    pattern::glob(pattern, value)
}

/// Whether a resource pattern matches some resource of a type. `has` says which kinds of keys a request for it may have, whose
/// values may take the place of variables.
#[must_use]
pub fn resource_may_name(pattern: &str, of: &ResourceType<'_>, has: &dyn Fn(ConditionKind) -> bool) -> bool {
    if !has_variables(pattern) {
        return pattern::may_name(pattern, of);
    }
    Template::parse(pattern).any(true, has).is_some_and(|tokens| pattern::may_name(tokens.as_slice(), of))
}

/// A resource pattern with a text in place of each of its variables.
#[must_use]
pub fn variables_as<'p>(text: &str, pattern: &'p str) -> Cow<'p, str> {
    if has_variables(pattern) { Cow::Owned(template::with_each_as(text, pattern)) } else { Cow::Borrowed(pattern) }
}

/// Whether the names of regions and the identifiers of domains may have a character.
#[must_use]
pub fn is_of_region(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// What `policies` say of an action: deny, if any statement does; `None` when no statement is about it.
#[must_use]
pub fn decide(policies: &[Policy], action_names: &[&str], resource: &str, context: &RequestContext) -> Option<Effect> {
    let mut decision = None;
    for statement in policies.iter().flat_map(|policy| &policy.statement) {
        let applies = statement.names_action(action_names)
            && statement.names_resource(resource, context)
            && statement.condition.hold(context, statement.effect);
        if applies {
            match statement.effect {
                Effect::Deny => return Some(Effect::Deny),
                Effect::Allow => decision = Some(Effect::Allow),
            }
        }
    }
    decision
}

/// Whether some statement may allow an action on some resource, in some request, and none denies it everywhere. The question
/// of who names something that does not exist.
#[must_use]
pub fn may_allow(policies: &[Policy], action_names: &[&str]) -> bool {
    let is_about = |statement: &&Statement| statement.names_action(action_names);
    let is_about_everything = |statement: &Statement| {
        let resource = statement.resource.as_ref();
        statement.condition.is_empty() && resource.is_none_or(|patterns| patterns.iter().any(|pattern| pattern == "*"))
    };
    let mut is_allowed = false;
    for statement in policies.iter().flat_map(|policy| &policy.statement).filter(is_about) {
        match statement.effect {
            Effect::Deny if is_about_everything(statement) => return false,
            Effect::Deny => {}
            Effect::Allow => is_allowed = true,
        }
    }
    is_allowed
}

/// The resource text of a KMS key: `kms:<region>:<domain id>:KeyId:<id>`.
#[must_use]
pub fn key_resource(region: &str, domain: &str, id: &str) -> String {
    alloc::format!("kms:{region}:{domain}:KeyId:{id}")
}

/// The resource text of a user: `iam::<domain id>:user:<name>`; `*` names every user.
#[must_use]
pub fn user_resource(domain: &str, name: &str) -> String {
    alloc::format!("iam::{domain}:user:{name}")
}

/// The resource text of a shared policy: `iam::<domain id>:policy:<name>`; `*` names every policy.
#[must_use]
pub fn policy_resource(domain: &str, name: &str) -> String {
    alloc::format!("iam::{domain}:policy:{name}")
}

/// The resource text of an agency: `iam::<domain id>:agency:<name>`; `*` names every agency.
#[must_use]
pub fn agency_resource(domain: &str, name: &str) -> String {
    alloc::format!("iam::{domain}:agency:{name}")
}

/// The resource text of a secret: `csms:<region>:<domain id>:secretName:<name>`; `*` names every secret.
#[must_use]
pub fn secret_resource(region: &str, domain: &str, name: &str) -> String {
    alloc::format!("csms:{region}:{domain}:secretName:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[&str] = &["csms:secret:getVersion", "csms:secretVersion:get"];

    fn policy(text: &str) -> Policy {
        serde_json::from_str(text).unwrap()
    }

    fn demo() -> String {
        secret_resource("local-1", "domain", "demo")
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(!allows(&[], GET, &demo(), &RequestContext::default()));
    }

    #[test]
    fn a_deny_wins_over_every_allow() {
        let deny = policy(r#"{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["csms:secret:getVersion"]}]}"#);
        assert!(allows(&[Policy::administrator()], GET, &demo(), &RequestContext::default()));
        assert!(!allows(&[Policy::administrator(), deny.clone()], GET, &demo(), &RequestContext::default()));
        assert_eq!(decide(&[deny], GET, &demo(), &RequestContext::default()), Some(Effect::Deny));
        assert_eq!(decide(&[], GET, &demo(), &RequestContext::default()), None);
    }

    #[test]
    fn the_older_name_of_an_action_counts() {
        let old = policy(r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["csms:secretVersion:get"]}]}"#);
        assert!(allows(&[old], GET, &demo(), &RequestContext::default()));
    }

    #[test]
    fn a_resource_in_the_documented_form_names_one_secret() {
        let text = r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["csms:secret:*"],"Resource":["CSMS:*:*:secretName:demo"]}]}"#;
        assert!(allows(&[policy(text)], GET, &demo(), &RequestContext::default()));
        assert!(!allows(
            &[policy(text)],
            GET,
            &secret_resource("local-1", "domain", "demo2"),
            &RequestContext::default()
        ));
    }

    #[test]
    fn a_policy_with_parts_that_are_not_understood_is_not_read() {
        for part in [r#""Condition":{"StringResembles":{"csms:Type":"x"}}"#, r#""NotAction":["x"]"#] {
            let text =
                alloc::format!(r#"{{"Version":"1.1","Statement":[{{"Effect":"Allow","Action":["*"],{part}}}]}}"#);
            assert!(Policy::parse(&text).is_err(), "{part}");
        }
    }

    #[test]
    fn a_statement_applies_when_its_conditions_hold() {
        let text = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*"]},
            {"Effect":"Deny","Action":["csms:*"],"Condition":{"StringEquals":{"g:ResourceTag/stage":["production"]}}}]}"#;
        let policies = [policy(text)];
        let tagged = |value: &str| RequestContext {
            resource_tags: Vec::from([(String::from("stage"), String::from(value))]),
            ..RequestContext::default()
        };
        assert!(policies[0].has_conditions());
        assert!(allows(&policies, GET, &demo(), &tagged("test")));
        assert!(!allows(&policies, GET, &demo(), &tagged("production")));
        assert!(allows(&policies, GET, &demo(), &RequestContext::default()));
    }

    #[test]
    fn a_variable_in_a_resource_is_the_value_of_the_request() {
        let text = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*"],"Resource":["csms:*:*:secretName:${g:UserName}-*"]}]}"#;
        let policies = [policy(text)];
        assert!(policies[0].has_conditions());
        let of = |user: Option<&str>| RequestContext { user_name: user.map(String::from), ..RequestContext::default() };
        let allowed = |name: &str, user| allows(&policies, GET, &secret_resource("r", "d", name), &of(user));
        assert!(allowed("alice-db", Some("alice")));
        assert!(!allowed("bob-db", Some("alice")) && !allowed("alice-db", None) && !allowed("alice-db", Some("*")));
    }

    #[test]
    fn a_policy_that_could_not_apply_is_refused_with_its_place() {
        for (text, word) in [
            (r#"{"Version":"2.0","Statement":[{"Effect":"Allow","Action":["*"]}]}"#, "Version"),
            (r#"{"Version":"1.1","Statement":[]}"#, "Statement"),
            (r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":[]}]}"#, "Statement[0].Action"),
            (
                r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["*"],"Resource":[]}]}"#,
                "Statement[0].Resource",
            ),
            (r#"{"Version":"1.1","Statement":[{"Effect":"Permit","Action":["*"]}]}"#, "Permit"),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_policy_is_written_as_it_was_read() {
        let text = r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["csms:*"],"Condition":{"Bool":{"g:RequestTag/x":"true"}}}]}"#;
        assert_eq!(serde_json::to_string(&policy(text)).unwrap(), text);
    }
}
