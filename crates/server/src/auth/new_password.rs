//! Passwords that users are about to get, judged by one function whatever way they come in.
//!
//! Only a judged password can be hashed ([`super::passwords::hash`]), so no entrance can forget the rules. Passwords that are
//! checked at a login are not judged: a user who has a weak one keeps it until it is changed.

use csms_core::{
    Rule, Violation,
    language::Language,
    password::{Password, PasswordPolicy},
    strength::{Strength, Weakness, assess},
};
use getrandom::SysRng;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Least and greatest number of characters, under every rule.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=128;

/// Which passwords users may get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordRule {
    /// 8 to 128 characters, and not weak by [`assess`].
    #[default]
    NotWeak,
    /// 8 to 128 characters, but neither the user's name nor its reverse.
    Any,
}

impl PasswordRule {
    /// The rule of an installation whose settings allow weak passwords, or do not.
    #[must_use]
    pub const fn allowing_weak(allowed: bool) -> Self {
        if allowed { Self::Any } else { Self::NotWeak }
    }
}

/// A password that obeys the rule. Wiped when dropped; has no `Debug`.
pub struct NewPassword(Zeroizing<String>);

impl NewPassword {
    /// Judges a password for the user of this name.
    ///
    /// # Errors
    /// Every rule that it breaks; none repeats the password.
    pub fn judge(text: Zeroizing<String>, user_name: &str, rule: PasswordRule) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let length = text.chars().count();
        let (least, most) = (*LENGTHS.start() as u64, *LENGTHS.end() as u64);
        if length < *LENGTHS.start() {
            violations.push(Violation::new(Rule::TooShort, "8 characters long").with_limit(least, length as u64));
        }
        if length > *LENGTHS.end() {
            violations.push(Violation::new(Rule::TooLong, "128 characters long").with_limit(most, length as u64));
        }
        match rule {
            PasswordRule::Any => {
                let (password, name) = (Zeroizing::new(text.to_lowercase()), user_name.to_lowercase());
                if *password == name || password.chars().rev().eq(name.chars()) {
                    let expected = "the name of the user and its reverse are no passwords";
                    violations.push(Violation::new(Rule::Forbidden, expected));
                }
            }
            PasswordRule::NotWeak => {
                let assessment = assess(&text, user_name);
                // Databases have a greatest length; the length of a user's password has been judged above.
                let counts = |weakness: &&Weakness| !matches!(weakness, Weakness::TooShort | Weakness::TooLong);
                let weaknesses = assessment.weaknesses.iter().filter(counts);
                violations.extend(
                    weaknesses.map(|weakness| Violation::new(Rule::Forbidden, weakness.message_in(Language::English))),
                );
                if assessment.strength == Strength::Weak && violations.is_empty() {
                    let expected = "it is too easy to guess; make it longer, or mix more kinds of characters";
                    violations.push(Violation::new(Rule::Forbidden, expected));
                }
            }
        }
        if violations.is_empty() { Ok(Self(text)) } else { Err(violations) }
    }

    /// Draws a password for the user of this name, which obeys every rule.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn draw(user_name: &str) -> Result<Self, Failure> {
        loop {
            let drawn = Password::make(&PasswordPolicy::for_database(), &mut SysRng)?;
            let text = Zeroizing::new(drawn.reveal().to_owned());
            // About one in a hundred has a repetition or a run by chance.
            if let Ok(password) = Self::judge(text, user_name, PasswordRule::NotWeak) {
                return Ok(password);
            }
        }
    }

    /// The password.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(password: &str, user_name: &str, rule: PasswordRule) -> Vec<String> {
        let judged = NewPassword::judge(Zeroizing::new(password.to_owned()), user_name, rule);
        judged.err().into_iter().flatten().map(|violation| violation.message()).collect()
    }

    #[test]
    fn every_rule_that_a_password_breaks_is_reported_without_the_password() {
        let told = broken("P@ssw0rd", "alice", PasswordRule::NotWeak);
        assert_eq!(told, ["is not allowed: it is a variation of a well-known password"]);
        let told = broken("ecila111", "alice", PasswordRule::NotWeak);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(|told| !told.contains("ecila")));
        let told = broken("a", "alice", PasswordRule::NotWeak);
        assert!(told[0].contains("at least 8 characters long (got 1)"), "{told:?}");
    }

    #[test]
    fn a_password_without_a_named_weakness_that_is_easy_to_guess_is_refused() {
        let told = broken("Xq7mZ2pa", "alice", PasswordRule::NotWeak);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("make it longer"), "{told:?}");
    }

    #[test]
    fn the_length_for_databases_does_not_bind_users() {
        assert_eq!(broken(&"aQ7!".repeat(9), "alice", PasswordRule::NotWeak), [""; 0]);
        assert_eq!(broken(&"aQ7!".repeat(33), "alice", PasswordRule::NotWeak).len(), 1);
    }

    #[test]
    fn the_looser_rule_refuses_lengths_and_the_name_alone() {
        assert_eq!(broken("password", "alice", PasswordRule::Any), [""; 0]);
        assert_eq!(broken("passwor", "alice", PasswordRule::Any).len(), 1);
        for password in ["Alice Cooper", "REPOOC ecila"] {
            assert!(broken(password, "alice cooper", PasswordRule::Any)[0].contains("its reverse"), "{password}");
        }
    }

    #[test]
    fn a_drawn_password_obeys_every_rule() {
        for _ in 0..300 {
            let drawn = NewPassword::draw("admin").unwrap();
            assert_eq!(broken(drawn.reveal(), "admin", PasswordRule::NotWeak), [""; 0]);
        }
    }
}
