//! Access policies: who may do what to which secret. Deny wins, and what nothing allows is denied.
//!
//! Conditions are not known here; a policy that has one is not read at all, so it never allows more than it says.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

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
    /// Allow or deny.
    pub effect: Effect,
    /// Action patterns such as `csms:secret:get*`.
    pub action: Vec<String>,
    /// Resource patterns such as `CSMS:*:*:secretName:demo`; every resource when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Vec<String>>,
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
        let statement = Statement { effect: Effect::Allow, action, resource };
        Self { version: String::from("1.1"), statement: Vec::from([statement]) }
    }
}

/// Whether `policies` allow an action, given by its name and older aliases, on `resource`.
#[must_use]
pub fn allows(policies: &[Policy], action_names: &[&str], resource: &str) -> bool {
    let mut allowed = false;
    for statement in policies.iter().flat_map(|policy| &policy.statement) {
        let names_action =
            statement.action.iter().any(|pattern| action_names.iter().any(|name| matches(pattern, name)));
        let names_resource =
            statement.resource.as_ref().is_none_or(|list| list.iter().any(|pattern| matches(pattern, resource)));
        if names_action && names_resource {
            match statement.effect {
                Effect::Deny => return false,
                Effect::Allow => allowed = true,
            }
        }
    }
    allowed
}

/// The resource text of a secret: `csms:<region>:<domain id>:secretName:<name>`; `*` names every secret.
#[must_use]
pub fn secret_resource(region: &str, domain: &str, name: &str) -> String {
    alloc::format!("csms:{region}:{domain}:secretName:{name}")
}

/// Whether `text` matches a pattern in which `*` stands for any characters and `?` for one. The service name before
/// the first colon is compared without case, since policies write both `CSMS:` and `csms:`.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.split_once(':'), text.split_once(':')) {
        (Some((pattern_service, pattern)), Some((service, text))) if !pattern_service.contains('*') => {
            pattern_service.eq_ignore_ascii_case(service) && glob(pattern.as_bytes(), text.as_bytes())
        }
        _ => glob(pattern.as_bytes(), text.as_bytes()),
    }
}

/// Matches with one point to return to: the last star. Linear in the product of the lengths at worst.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut rest, mut remaining) = (pattern, text);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (rest.split_first(), remaining.split_first()) {
            (Some((b'*', after)), _) => {
                star = Some((after, remaining));
                rest = after;
            }
            (Some((wanted, after)), Some((byte, left))) if wanted == byte || *wanted == b'?' => {
                rest = after;
                remaining = left;
            }
            (None, None) => return true,
            (_, _) => match star {
                // Let the last star take one more character, and go on behind it.
                Some((after, [_, left @ ..])) => {
                    star = Some((after, left));
                    rest = after;
                    remaining = left;
                }
                Some((_, [])) | None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        assert!(!allows(&[], GET, &demo()));
    }

    #[test]
    fn a_deny_wins_over_every_allow() {
        let deny = policy(r#"{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["csms:secret:getVersion"]}]}"#);
        assert!(allows(&[Policy::administrator()], GET, &demo()));
        assert!(!allows(&[Policy::administrator(), deny], GET, &demo()));
    }

    #[test]
    fn the_older_name_of_an_action_counts() {
        let old = policy(r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["csms:secretVersion:get"]}]}"#);
        assert!(allows(&[old], GET, &demo()));
    }

    #[test]
    fn a_resource_in_the_documented_form_names_one_secret() {
        let text = r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["csms:secret:*"],"Resource":["CSMS:*:*:secretName:demo"]}]}"#;
        assert!(allows(&[policy(text)], GET, &demo()));
        assert!(!allows(&[policy(text)], GET, &secret_resource("local-1", "domain", "demo2")));
    }

    #[test]
    fn a_policy_with_parts_that_are_not_understood_is_not_read() {
        let conditional = r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["*"],"Condition":{}}]}"#;
        assert!(serde_json::from_str::<Policy>(conditional).is_err());
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxb", true),
            ("**", "x", true),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_made_by_blanking_parts_of_a_text_matches_it(text in "[a-z]{0,12}", from in 0_usize..12, to in 0_usize..12) {
            let (from, to) = (from.min(text.len()), to.min(text.len()));
            let pattern = alloc::format!("{}*{}", &text[..from.min(to)], &text[from.max(to)..]);
            prop_assert!(glob(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn without_wildcards_only_the_same_text_matches(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
            prop_assert_eq!(glob(a.as_bytes(), b.as_bytes()), a == b);
        }
    }
}
