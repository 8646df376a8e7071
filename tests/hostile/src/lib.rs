//! A reference evaluator of policies: what `www/docs/src/reference/access.md` promises, written a second time.
//!
//! It shares no code with the server, so that a mistake would have to be made twice to be missed. The suite in `tests/suite`
//! sends hostile requests to a server in its own process and compares each outcome with what this evaluator expects.

use std::collections::BTreeMap;

use serde_json::Value;

/// What conditions may ask about: values by condition key. See [`normalised`].
pub type Context = BTreeMap<String, Vec<String>>;

/// What policies say of an action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement is about it.
    Silent,
}

/// A condition key as it is compared: without case, but for the name of a tag.
#[must_use]
pub fn normalised(key: &str) -> String {
    match key.split_once('/') {
        Some((prefix, tag)) => format!("{}/{tag}", prefix.to_lowercase()),
        None => key.to_lowercase(),
    }
}

/// Judges an action, known by several names, on a resource. A statement that denies wins.
#[must_use]
pub fn decide(policies: &[Value], actions: &[&str], resource: &str, context: &Context) -> Decision {
    let mut decision = Decision::Silent;
    for statement in policies.iter().flat_map(|policy| list(&policy["Statement"])) {
        let is_about_action = list(&statement["Action"])
            .any(|pattern| actions.iter().any(|action| is_same_action(text(pattern), action)));
        let is_about_resource = statement["Resource"].is_null()
            || list(&statement["Resource"]).any(|pattern| is_same_resource(text(pattern), resource));
        if !is_about_action || !is_about_resource || !holds(&statement["Condition"], context) {
            continue;
        }
        if text(&statement["Effect"]) == "Deny" {
            return Decision::Denied;
        }
        decision = Decision::Allowed;
    }
    decision
}

/// The items of a list; a value that is not a list is its only item.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.iter(),
        other => std::slice::from_ref(other).iter(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_same_action(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_lowercase(), &action.to_lowercase())
}

fn is_same_resource(pattern: &str, resource: &str) -> bool {
    matches(&without_case(pattern), &without_case(resource))
}

/// A resource with its service and its type in lower case: they have no case, while region, domain and name have.
fn without_case(resource: &str) -> String {
    let parts: Vec<_> = resource.splitn(5, ':').collect();
    match parts.as_slice() {
        [service, region, domain, kind, name] => {
            format!("{}:{region}:{domain}:{}:{name}", service.to_lowercase(), kind.to_lowercase())
        }
        _ => resource.to_owned(),
    }
}

/// Whether a text matches a pattern of `*` (any characters) and `?` (one character).
fn matches(pattern: &str, text: &str) -> bool {
    fn from(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => from(&pattern[1..], text) || (!text.is_empty() && from(pattern, &text[1..])),
            (Some('?'), Some(_)) => from(&pattern[1..], &text[1..]),
            (Some(one), Some(other)) if one == other => from(&pattern[1..], &text[1..]),
            _ => false,
        }
    }
    from(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

/// Whether all conditions hold.
fn holds(conditions: &Value, context: &Context) -> bool {
    let Some(conditions) = conditions.as_object() else { return true };
    conditions.iter().all(|(operator, keys)| {
        let Some(keys) = keys.as_object() else { return false };
        keys.iter().all(|(key, wanted)| {
            let wanted: Vec<_> = list(wanted).map(written).collect();
            is_met(operator, &wanted, context.get(&normalised(key)).map(Vec::as_slice))
        })
    })
}

/// A value of a condition as text: a policy may write `true` with or without quotes.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether one condition holds for the values of its key. An absent key satisfies the operators with `Not` and `IfExists`.
fn is_met(operator: &str, wanted: &[String], known: Option<&[String]>) -> bool {
    if operator == "Null" {
        return wanted.iter().any(|wanted| (wanted == "true") == known.is_none());
    }
    let (needs_all, operator) = match operator.split_once(':') {
        Some(("ForAllValues", rest)) => (true, rest),
        Some((_, rest)) => (false, rest),
        None => (false, operator),
    };
    let (if_exists, operator) = match operator.strip_suffix("IfExists") {
        Some(rest) => (true, rest),
        None => (false, operator),
    };
    let (is_negated, base) = match operator {
        "NotIpAddress" => (true, "IpAddress".to_owned()),
        other => (other.contains("Not"), other.replacen("Not", "", 1)),
    };
    let Some(known) = known.filter(|known| !known.is_empty()) else { return if_exists || is_negated || needs_all };
    let meets = |value: &String| wanted.iter().any(|wanted| compares(&base, value, wanted)) != is_negated;
    if needs_all { known.iter().all(meets) } else { known.iter().any(meets) }
}

fn compares(operator: &str, value: &str, wanted: &str) -> bool {
    match operator {
        "StringEquals" => value == wanted,
        "StringEqualsIgnoreCase" | "Bool" => value.to_lowercase() == wanted.to_lowercase(),
        "StringLike" | "StringMatch" => matches(wanted, value),
        "StringStartWith" => value.starts_with(wanted),
        "StringEndWith" => value.ends_with(wanted),
        "IpAddress" => is_in_block(value, wanted),
        _ => false,
    }
}

/// Whether an IPv4 address is in a block.
fn is_in_block(address: &str, block: &str) -> bool {
    let number = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    let (network, length) = block.split_once('/').unwrap_or((block, "32"));
    let (Some(address), Some(network), Ok(length)) = (number(address), number(network), length.parse::<u32>()) else {
        return false;
    };
    let shift = 32_u32.saturating_sub(length);
    address.checked_shr(shift).unwrap_or(0) == network.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decided(statements: &Value, action: &str, resource: &str) -> Decision {
        let context = Context::from([("g:resourcetag/Stage".to_owned(), vec!["production".to_owned()])]);
        decide(&[json!({ "Version": "5.0", "Statement": statements })], &[action], resource, &context)
    }

    const PROD: &str = "csms:home:domain:secretName:prod-db";

    #[test]
    fn a_deny_wins_and_silence_is_neither() {
        let both = json!([
            { "Effect": "Deny", "Action": ["csms:secret:get"], "Resource": ["CSMS:*:*:secretname:prod-*"] },
            { "Effect": "Allow", "Action": ["CSMS:*:*"] },
        ]);
        assert_eq!(decided(&both, "csms:secret:get", PROD), Decision::Denied);
        assert_eq!(decided(&both, "csms:secret:list", PROD), Decision::Allowed);
        assert_eq!(decided(&both, "kms:cmk:get", PROD), Decision::Silent);
    }

    #[test]
    fn names_and_tags_have_case_while_types_and_condition_keys_have_none() {
        let by_name = json!([{ "Effect": "Deny", "Action": ["*"], "Resource": ["csms:*:*:SECRETNAME:PROD-*"] }]);
        assert_eq!(decided(&by_name, "csms:secret:get", PROD), Decision::Silent);
        for (key, decision) in [("G:RESOURCETAG/Stage", Decision::Denied), ("g:ResourceTag/stage", Decision::Silent)] {
            let by_tag = json!([
                { "Effect": "Deny", "Action": ["*"], "Condition": { "StringEquals": { key: ["production"] } } },
            ]);
            assert_eq!(decided(&by_tag, "csms:secret:get", PROD), decision, "{key}");
        }
    }

    #[test]
    fn an_absent_key_satisfies_what_is_negated_or_asks_only_if_it_exists() {
        for (operator, is_met) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("ForAllValues:StringEquals", true),
            ("ForAnyValue:StringEquals", false),
        ] {
            let statement = json!([
                { "Effect": "Allow", "Action": ["*"], "Condition": { operator: { "csms:Type": ["COMMON"] } } },
            ]);
            let expected = if is_met { Decision::Allowed } else { Decision::Silent };
            assert_eq!(decided(&statement, "csms:secret:get", PROD), expected, "{operator}");
        }
    }
}
