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
            || list(&statement["Resource"]).any(|pattern| is_same_resource(text(pattern), resource, context));
        let allows = text(&statement["Effect"]) == "Allow";
        if !is_about_action || !is_about_resource || !holds(&statement["Condition"], context, allows) {
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
    matches(&wild(&pattern.to_lowercase()), &action.to_lowercase())
}

fn is_same_resource(pattern: &str, resource: &str, context: &Context) -> bool {
    let Some(signs) = filled_in(pattern, context, true) else { return false };
    let is_key = resource.to_lowercase().starts_with("kms:");
    let mut colons = 0;
    // A star may stand for several segments, so the case of a sign is that of the character it meets.
    let folded: Vec<(char, bool)> = resource
        .chars()
        .map(|character| {
            colons += usize::from(character == ':');
            let has_no_case = colons == 0 || colons == 3 || (is_key && colons > 3);
            (character, has_no_case)
        })
        .collect();
    matches_marked(&signs, &folded)
}

/// A sign of a pattern: a character, or a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Anything,
    One,
    Character(char),
}

/// The signs of a text in which `*` stands for any characters and `?` for one.
fn wild(text: &str) -> Vec<Sign> {
    let sign = |character| match character {
        '*' => Sign::Anything,
        '?' => Sign::One,
        other => Sign::Character(other),
    };
    text.chars().map(sign).collect()
}

/// A text of a policy with the values of the request in place of its variables, which are no wildcards; `None` if one has no
/// value. `has_wildcards` says whether the text itself may have some.
fn filled_in(text: &str, context: &Context, has_wildcards: bool) -> Option<Vec<Sign>> {
    let plain = |text: &str| text.chars().map(Sign::Character).collect::<Vec<_>>();
    let mut signs = Vec::new();
    let mut left = text;
    while let Some(start) = left.find("${") {
        let before = &left[..start];
        signs.extend(if has_wildcards { wild(before) } else { plain(before) });
        left = &left[start + 2..];
        if let Some(sign @ ('*' | '?' | '$')) = left.chars().next() {
            signs.push(Sign::Character(sign));
            left = left[1..].strip_prefix('}')?;
            continue;
        }
        let (name, default, behind) = variable(left)?;
        let known = match context.get(&normalised(&name)).map(Vec::as_slice) {
            Some([only]) if !["g:tagkeys", "g:currenttime"].contains(&name.to_lowercase().as_str()) => {
                Some(only.clone())
            }
            _ => None,
        };
        signs.extend(plain(&known.or(default)?));
        left = behind;
    }
    signs.extend(if has_wildcards { wild(left) } else { plain(left) });
    Some(signs)
}

/// The name and the default of a variable whose opening was read, and what is behind it.
fn variable(text: &str) -> Option<(String, Option<String>, &str)> {
    let end = text.find(['}', ','])?;
    let name = text[..end].trim().to_owned();
    if text[end..].starts_with('}') {
        return Some((name, None, &text[end + 1..]));
    }
    let quoted = text[end + 1..].trim_start().strip_prefix('\'')?;
    let mut default = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            default.push(character);
        } else if characters.peek().is_some_and(|(_, next)| *next == '\'') {
            characters.next();
            default.push('\'');
        } else {
            return Some((name, Some(default), quoted[at + 1..].trim_start().strip_prefix('}')?));
        }
    }
    None
}

/// Whether a text matches signs, with case.
fn matches(signs: &[Sign], text: &str) -> bool {
    matches_marked(signs, &text.chars().map(|character| (character, false)).collect::<Vec<_>>())
}

/// The same where some characters of the text have no case.
fn matches_marked(signs: &[Sign], text: &[(char, bool)]) -> bool {
    match (signs.first(), text.first()) {
        (None, None) => true,
        (Some(Sign::Anything), _) => {
            matches_marked(&signs[1..], text) || (!text.is_empty() && matches_marked(signs, &text[1..]))
        }
        (Some(Sign::One), Some(_)) => matches_marked(&signs[1..], &text[1..]),
        (Some(Sign::Character(one)), Some((other, has_no_case))) => {
            let is_same = one == other || (*has_no_case && one.eq_ignore_ascii_case(other));
            is_same && matches_marked(&signs[1..], &text[1..])
        }
        _ => false,
    }
}

/// Whether all conditions hold, for a statement that allows or one that denies.
fn holds(conditions: &Value, context: &Context, allows: bool) -> bool {
    let Some(conditions) = conditions.as_object() else { return true };
    conditions.iter().all(|(operator, keys)| {
        let Some(keys) = keys.as_object() else { return false };
        keys.iter().all(|(key, wanted)| {
            let key = normalised(key);
            let of_pattern = ["Like", "Match"].iter().any(|word| operator.contains(word));
            let filled: Vec<_> = list(wanted).map(|wanted| filled_in(&written(wanted), context, of_pattern)).collect();
            let known = context.get(&key).map(Vec::as_slice);
            let is_whole = filled.iter().all(Option::is_some);
            let wanted: Vec<_> = filled.into_iter().flatten().collect();
            let fold = key == "csms:kmskeyid";
            is_met(operator, &wanted, known, fold, allows && !is_whole)
        })
    })
}

/// A value of a condition as text: a policy may write `true` with or without quotes.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether one condition holds for the values of its key. An absent key satisfies the operators with `Not` and `IfExists`.
/// `fold` says that case does not count; `must_match` that nothing is known of the values to differ from.
fn is_met(operator: &str, wanted: &[Vec<Sign>], known: Option<&[String]>, fold: bool, must_match: bool) -> bool {
    if operator == "Null" {
        return wanted.iter().any(|wanted| (plain_text(wanted) == "true") == known.is_none());
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
    let known = known.filter(|known| !known.is_empty());
    if is_negated && must_match && !(if_exists && known.is_none()) {
        return false;
    }
    let Some(known) = known else { return if_exists || is_negated || needs_all };
    let meets = |value: &String| wanted.iter().any(|wanted| compares(&base, value, wanted, fold)) != is_negated;
    if needs_all { known.iter().all(meets) } else { known.iter().any(meets) }
}

/// Signs as they are written.
fn plain_text(signs: &[Sign]) -> String {
    let character = |sign: &Sign| match sign {
        Sign::Anything => '*',
        Sign::One => '?',
        Sign::Character(character) => *character,
    };
    signs.iter().map(character).collect()
}

fn compares(operator: &str, value: &str, wanted: &[Sign], fold: bool) -> bool {
    let text = plain_text(wanted);
    let (value, text) = if fold { (value.to_lowercase(), text.to_lowercase()) } else { (value.to_owned(), text) };
    match operator {
        "StringEquals" => value == text,
        "StringEqualsIgnoreCase" | "Bool" => value.to_lowercase() == text.to_lowercase(),
        "StringLike" | "StringMatch" => {
            matches_marked(wanted, &value.chars().map(|character| (character, fold)).collect::<Vec<_>>())
        }
        "StringStartWith" => value.starts_with(&text),
        "StringEndWith" => value.ends_with(&text),
        "IpAddress" => is_in_block(&value, &text),
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
    fn a_variable_is_the_value_of_the_request_and_no_wildcard() {
        for (value, decision) in [("prod", Decision::Denied), ("p*", Decision::Silent), ("", Decision::Silent)] {
            let context = Context::from([("g:username".to_owned(), vec![value.to_owned()])]);
            let deny =
                json!([{ "Effect": "Deny", "Action": ["*"], "Resource": ["csms:*:*:secretName:${G:userName}-*"] }]);
            let decided = decide(&[json!({ "Statement": deny })], &["csms:secret:get"], PROD, &context);
            assert_eq!(decided, decision, "{value}");
        }
        for (effect, operator, wanted, decision) in [
            ("Allow", "StringEquals", "${g:ResourceTag/Stage}", Decision::Allowed),
            ("Deny", "StringEquals", "${g:UserName}", Decision::Silent),
            ("Deny", "StringNotEquals", "${g:UserName}", Decision::Denied),
            ("Allow", "StringNotEquals", "${g:UserName}", Decision::Silent),
            ("Allow", "StringNotEquals", "${g:UserName, 'x'}", Decision::Allowed),
            ("Allow", "StringLike", "prod${*}", Decision::Silent),
            ("Allow", "StringLike", "prod*${foo", Decision::Silent),
        ] {
            let condition = json!({ operator: { "g:ResourceTag/Stage": [wanted] } });
            let statement = json!([{ "Effect": effect, "Action": ["*"], "Condition": condition }]);
            assert_eq!(decided(&statement, "csms:secret:get", PROD), decision, "{effect} {operator} {wanted}");
        }
    }

    #[test]
    fn the_identifier_of_a_key_has_no_case() {
        let key = "kms:home:domain:KeyId:0b1c";
        let by_name = json!([{ "Effect": "Deny", "Action": ["*"], "Resource": ["KMS:*:*:keyid:0B1C"] }]);
        assert_eq!(decided(&by_name, "kms:cmk:get", key), Decision::Denied);
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
