//! The body of GenerateRandomPassword.

use alloc::vec::Vec;

use csms_core::{
    Problem, Rule, Violation,
    password::{GenerateOptions, PasswordPolicy},
};
use serde_json::Value;

use crate::{fields::Fields, optional};

/// Reads a body to the policy that it describes; the empty body stands for the defaults.
///
/// # Errors
/// Every problem it has, options that leave no character among them.
pub fn read_password_policy(body: Value) -> Result<PasswordPolicy, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::PASSWORD)?;
    let defaults = GenerateOptions::default();
    let length =
        fields.integer("length").map_or(defaults.length, |length| usize::try_from(length).unwrap_or(usize::MAX));
    let exclude_characters = fields.text_or_number("exclude_characters").unwrap_or_default();
    let mut switch = |name| fields.boolean(name).unwrap_or(false);
    let options = GenerateOptions {
        length,
        exclude_characters: &exclude_characters,
        exclude_lowercase: switch("exclude_lowercase"),
        exclude_uppercase: switch("exclude_uppercase"),
        exclude_numbers: switch("exclude_numbers"),
        exclude_punctuation: switch("exclude_punctuation"),
        include_space: switch("include_space"),
        require_each_included_type: switch("require_each_included_type"),
    };
    if fields.has("password_policy_name") {
        let reason = "no named password policy exists";
        fields.report(Violation::new(Rule::Forbidden, reason).at("password_policy_name"));
    }
    let policy = options.policy().map_err(|problem| fields.report(problem)).ok();
    fields.finish(policy)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_empty_body_stands_for_the_defaults() {
        assert!(read_password_policy(json!({})).is_ok());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let body = json!({ "length": 0, "include_space": "yes", "password_policy_name": "mine" });
        let problems = read_password_policy(body).unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["include_space", "password_policy_name", "length"]);
    }
}
