//! The password policy of servers of the MySQL family, from the variables that every account may read. Pure.
//!
//! A dry run checks a random password like those of rotations. It does not see dictionaries and histories.

use std::collections::BTreeSet;

use csms_core::{
    password::Password,
    rotation::{Message, message::mysql},
};

/// The statement that reads the variables.
pub(super) const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name LIKE 'validate_password%' \
    OR Variable_name LIKE 'simple_password_check%' OR Variable_name = 'password_require_current'";

/// Whether accounts that say nothing of it have to give their old password when they set a new one (MySQL).
pub(super) fn asks_for_old_passwords(variables: &[(String, String)]) -> bool {
    variables.iter().any(|(name, value)| name == "password_require_current" && value == "ON")
}

/// The rule that an account breaks which has to give its old password: the new one holds too few characters that the old one does
/// not. The server counts each character once, whatever its case, against a share of the old one's length.
pub(super) fn too_few_changed(variables: &[(String, String)], old: &str, new: &str) -> Option<Message> {
    let rule = |(name, value): &(String, String)| match name.as_str() {
        "validate_password.changed_characters_percentage" => value.parse::<usize>().ok(),
        _ => None,
    };
    let needed = variables.iter().find_map(rule)?.saturating_mul(old.chars().count()) / 100;
    let characters = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<BTreeSet<_>>();
    let has = characters(new).difference(&characters(old)).count();
    (has < needed).then(|| mysql::too_few_changed(needed, has))
}

/// The rule that a password breaks, by the name and the value of its variable.
pub(super) fn broken_rule(variables: &[(String, String)], password: &Password) -> Option<Message> {
    let password = password.reveal();
    let count = |matches: fn(char) -> bool| password.chars().filter(|c| matches(*c)).count();
    let lower = count(|c| c.is_ascii_lowercase());
    let upper = count(|c| c.is_ascii_uppercase());
    let digits = count(|c| c.is_ascii_digit());
    let others = count(|c| !c.is_ascii_alphanumeric());
    // With this policy MySQL looks at the length alone.
    let is_low = |name: &str, value: &str| {
        matches!(name, "validate_password.policy" | "validate_password_policy") && matches!(value, "LOW" | "0")
    };
    let length_alone = variables.iter().any(|(name, value)| is_low(name, value));
    variables.iter().find_map(|(name, value)| {
        if length_alone && name.starts_with("validate_password") && !name.ends_with("length") {
            return None;
        }
        let rule = name.trim_start_matches("validate_password").trim_start_matches("simple_password_check");
        let has = match rule.trim_start_matches(['.', '_']) {
            "length" | "minimal_length" => password.chars().count(),
            "mixed_case_count" => lower.min(upper),
            "letters_same_case" => lower.min(upper),
            "number_count" | "digits" => digits,
            "special_char_count" | "other_characters" => others,
            _ => return None,
        };
        let needed: usize = value.parse().ok()?;
        (has < needed).then(|| mysql::breaks_rule(name, value, has))
    })
}

#[cfg(test)]
mod tests {
    use csms_core::password::PasswordPolicy;
    use getrandom::SysRng;

    use super::*;

    #[test]
    fn a_rule_that_new_passwords_break_is_named() {
        let password = Password::make(&PasswordPolicy::for_database(), &mut SysRng).unwrap();
        let variable = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for name in ["validate_password.length", "simple_password_check_minimal_length"] {
            assert!(broken_rule(&variable(name, "400"), &password).unwrap().english().starts_with(name));
            assert_eq!(broken_rule(&variable(name, "8"), &password), None);
        }
        assert_eq!(broken_rule(&variable("validate_password.mixed_case_count", "1"), &password), None);
        assert_eq!(broken_rule(&variable("validate_password.policy", "MEDIUM"), &password), None);
        assert_eq!(broken_rule(&variable("validate_password.special_char_count", "8"), &password), None);
        let mut rules = variable("validate_password.special_char_count", "10");
        assert!(broken_rule(&rules, &password).is_some());
        rules.push(("validate_password.policy".to_owned(), "LOW".to_owned()));
        assert_eq!(broken_rule(&rules, &password), None);
    }

    #[test]
    fn characters_that_the_old_password_does_not_have_are_counted_as_mysql_does() {
        let told = |percentage: &str, old: &str, new: &str| {
            let name = "validate_password.changed_characters_percentage".to_owned();
            too_few_changed(&[(name, percentage.to_owned())], old, new)
        };
        // As MySQL 9.7 has said it of the same passwords.
        let few = |needed: usize, has: usize| Some(mysql::too_few_changed(needed, has));
        assert_eq!(told("100", "Start-password-1234", "Start-password-9999"), few(19, 1));
        assert_eq!(told("100", "Abcdefghij-1234567890", "ZZZZyxwvut-99QzzzzZZZZ"), few(21, 8));
        assert_eq!(told("30", "Abcdefghij-1234567890", "Abcdefghij-123456789099"), few(6, 0));
        assert_eq!(told("30", "Abcdefghij-1234567890", "Zyxwvut-99Q"), None);
        assert_eq!(told("0", "same", "same"), None);
        assert_eq!(too_few_changed(&[], "same", "same"), None);
    }
}
