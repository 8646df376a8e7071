//! Broken rules of values and events, as [`crate::problem`] words them.

use super::{Message, messages};
use crate::problem::{Problem, Rule, Violation};

messages! {
    at(path, violation) "rule.at" "{path} {violation}" "{path} {violation}";
    required() "rule.required" "is required" "为必填项";
    forbidden(phrase) "rule.forbidden" "is not allowed: {phrase}" "此处不允许：{phrase}";
    of_type(phrase) "rule.type" "must be {phrase}" "必须是 {phrase}";
    at_least(phrase) "rule.at-least" "must be at least {phrase}" "不得小于 {phrase}";
    at_least_not(phrase, got) "rule.at-least-not"
        "must be at least {phrase} (got {got})"
        "不得小于 {phrase}（实际为 {got}）";
    at_most(phrase) "rule.at-most" "must be at most {phrase}" "不得超过 {phrase}";
    at_most_not(phrase, got) "rule.at-most-not"
        "must be at most {phrase} (got {got})"
        "不得超过 {phrase}（实际为 {got}）";
    has_at_most(phrase) "rule.has-at-most" "must have at most {phrase}" "最多允许 {phrase}";
    has_at_most_not(phrase, got) "rule.has-at-most-not"
        "must have at most {phrase} (got {got})"
        "最多允许 {phrase}（实际为 {got}）";
    pattern(phrase) "rule.pattern" "must match {phrase}" "格式必须为 {phrase}";
    choice(phrase) "rule.choice" "must be one of {phrase}" "必须是以下之一：{phrase}";
    base64() "rule.base64" "must be standard base64 text" "必须是标准 base64 文本";
    json(phrase) "rule.json" "must be JSON text of the form {phrase}" "必须是形如 {phrase} 的 JSON 文本";
    exactly_one(phrase) "rule.exactly-one" "exactly one of {phrase} is required" "{phrase} 必须且只能提供一个";
    required_with(phrase) "rule.required-with" "is required {phrase}" "在 {phrase}为必填项";
    duplicate() "rule.duplicate" "must not repeat an item" "不得包含重复项";
    duplicate_of(phrase) "rule.duplicate-of" "must not repeat {phrase}" "不得重复 {phrase}";
    past(phrase) "rule.past" "must be later than {phrase}" "必须晚于 {phrase}";
    unknown(phrase) "rule.unknown" "must name {phrase}" "必须指向 {phrase}";
}

/// A violation as a message.
#[must_use]
pub fn violated(violation: &Violation) -> Message {
    let phrase = violation.expected;
    match (violation.rule, violation.got) {
        (Rule::Required, _) => required(),
        (Rule::Forbidden, _) => forbidden(phrase),
        (Rule::Type, _) => of_type(phrase),
        (Rule::TooShort | Rule::TooSmall, None) => at_least(phrase),
        (Rule::TooShort | Rule::TooSmall, Some(got)) => at_least_not(phrase, got),
        (Rule::TooLong | Rule::TooLarge, None) => at_most(phrase),
        (Rule::TooLong | Rule::TooLarge, Some(got)) => at_most_not(phrase, got),
        (Rule::TooMany, None) => has_at_most(phrase),
        (Rule::TooMany, Some(got)) => has_at_most_not(phrase, got),
        (Rule::Pattern, _) => pattern(phrase),
        (Rule::Choice, _) => choice(phrase),
        (Rule::Base64, _) => base64(),
        (Rule::Json, _) => json(phrase),
        (Rule::ExactlyOne, _) => exactly_one(phrase),
        (Rule::RequiredWith, _) => required_with(phrase),
        (Rule::Duplicate, _) if phrase.is_empty() => duplicate(),
        (Rule::Duplicate, _) => duplicate_of(phrase),
        (Rule::Past, _) => past(phrase),
        (Rule::Unknown, _) => unknown(phrase),
    }
}

/// A problem as a message.
#[must_use]
pub fn problem(problem: &Problem) -> Message {
    let violation = violated(&problem.violation);
    if problem.path.is_empty() { violation } else { at(&problem.path, violation) }
}

/// Problems as messages.
#[must_use]
pub fn problems(problems: &[Problem]) -> alloc::vec::Vec<Message> {
    problems.iter().map(problem).collect()
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::language::Language;

    #[test]
    fn every_rule_reads_as_the_problem_does_in_both_languages() {
        for rule in Rule::ALL {
            for violation in [
                Violation::new(*rule, "64 characters long").with_limit(64, 70),
                Violation::new(*rule, "a JSON object"),
                Violation::new(*rule, ""),
            ] {
                for found in [violation.clone().at("port"), violation.at("")] {
                    let message = problem(&found);
                    assert_eq!(message.english(), found.to_string());
                    let chinese = found.message_in(Language::Chinese);
                    assert_eq!(message.sentence_in(Language::Chinese), Some(chinese));
                }
            }
        }
    }
}
