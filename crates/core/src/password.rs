//! Random passwords: the characters, how many of each kind, and how they are chosen.

use alloc::{string::String, vec::Vec};
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::problem::{Problem, Rule, Violation};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// Specials that every supported engine accepts and that need no quoting in a shell, a URL or a connection string.
const DATABASE_SPECIALS: &str = "-_~^*";

/// What a password is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    length: usize,
    classes: Vec<Vec<u8>>,
    share: Share,
}

/// How many characters of each class a password has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// Any number.
    Any,
    /// At least one.
    One,
    /// The same number of each.
    Even,
}

impl PasswordPolicy {
    /// Least and greatest length, in characters.
    pub const LENGTHS: core::ops::RangeInclusive<usize> = 1..=4096;

    /// A policy from character classes (ASCII; empty ones are left out).
    ///
    /// # Errors
    /// [`Rule::TooSmall`] or [`Rule::TooLarge`] for a length outside [`Self::LENGTHS`] or too short for one character
    /// of each class; [`Rule::Forbidden`] when no character is left.
    pub fn new(length: usize, classes: &[&str], each_class: bool) -> Result<Self, Violation> {
        let classes: Vec<Vec<u8>> =
            classes.iter().filter(|class| !class.is_empty()).map(|class| class.bytes().collect()).collect();
        let least = if each_class { classes.len() } else { *Self::LENGTHS.start() };
        let greatest = *Self::LENGTHS.end();
        if classes.is_empty() {
            return Err(Violation::new(Rule::Forbidden, "it leaves no character"));
        }
        if length < least.max(1) {
            let expected = if each_class { "one character of each required class" } else { "1" };
            return Err(Violation::new(Rule::TooSmall, expected).with_limit(least.max(1) as u64, length as u64));
        }
        if length > greatest {
            return Err(Violation::new(Rule::TooLarge, "4096").with_limit(greatest as u64, length as u64));
        }
        let share = if each_class { Share::One } else { Share::Any };
        Ok(Self { length, classes, share })
    }

    /// The policy for accounts of MySQL, MariaDB, TaurusDB and PostgreSQL: 32 characters, the longest that the RDS password
    /// rules allow (`compatibility/rotation.md#8-password-reset-apis`), [`Self::OF_EACH_CLASS`] of each of the four classes.
    /// Servers may ask for several of a class (`validate_password.special_char_count`), and whether they take a password is
    /// not left to chance.
    #[must_use]
    pub fn for_database() -> Self {
        let classes = [LOWER, UPPER, DIGITS, DATABASE_SPECIALS].map(|class| class.bytes().collect());
        Self { length: 4 * Self::OF_EACH_CLASS, classes: Vec::from(classes), share: Share::Even }
    }

    /// How many lower-case letters, upper-case letters, digits and other characters a password for a database has.
    pub const OF_EACH_CLASS: usize = 8;
}

/// Punctuation of GenerateRandomPassword. The service does not document its set; these are the specials that RDS
/// passwords may have (`compatibility/api.md#10-password-generator`).
pub const PUNCTUATION: &str = "~!@#%^*-_=+?,";

/// The options of GenerateRandomPassword, with the service's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "they are the API's")]
pub struct GenerateOptions<'a> {
    /// Number of characters, 1 to 4,096; 32 by default.
    pub length: usize,
    /// Characters that must not occur.
    pub exclude_characters: &'a str,
    /// Leaves out `a` to `z`.
    pub exclude_lowercase: bool,
    /// Leaves out `A` to `Z`.
    pub exclude_uppercase: bool,
    /// Leaves out `0` to `9`.
    pub exclude_numbers: bool,
    /// Leaves out [`PUNCTUATION`].
    pub exclude_punctuation: bool,
    /// Lets spaces occur.
    pub include_space: bool,
    /// Asks for at least one character of each class that is not left out.
    pub require_each_included_type: bool,
}

impl Default for GenerateOptions<'_> {
    fn default() -> Self {
        Self {
            length: 32,
            exclude_characters: "",
            exclude_lowercase: false,
            exclude_uppercase: false,
            exclude_numbers: false,
            exclude_punctuation: false,
            include_space: false,
            require_each_included_type: false,
        }
    }
}

impl GenerateOptions<'_> {
    /// The policy that these options describe.
    ///
    /// # Errors
    /// As [`PasswordPolicy::new`], with the option that breaks the rule; a class whose characters are all excluded counts as
    /// left out.
    pub fn policy(&self) -> Result<PasswordPolicy, Problem> {
        let classes = [
            (LOWER, !self.exclude_lowercase),
            (UPPER, !self.exclude_uppercase),
            (DIGITS, !self.exclude_numbers),
            (PUNCTUATION, !self.exclude_punctuation),
            (" ", self.include_space),
        ];
        let left = |class: &str| class.chars().filter(|c| !self.exclude_characters.contains(*c)).collect::<String>();
        let classes: Vec<String> =
            classes.iter().filter(|(_, included)| *included).map(|(class, _)| left(class)).collect();
        let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
        let policy = PasswordPolicy::new(self.length, &classes, self.require_each_included_type);
        policy.map_err(|violation| {
            let option = match violation.rule {
                Rule::Forbidden if classes.is_empty() => "exclude_punctuation",
                Rule::Forbidden => "exclude_characters",
                _ => "length",
            };
            violation.at(option)
        })
    }
}

/// A password. Wiped when dropped; `Debug` shows a fixed word.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Draws a password: every one that the policy allows is equally likely.
    ///
    /// # Errors
    /// Whatever the generator answers.
    pub fn make<R: TryCryptoRng + ?Sized>(policy: &PasswordPolicy, rng: &mut R) -> Result<Self, R::Error> {
        if policy.share == Share::Even {
            return Self::make_even(policy, rng);
        }
        let alphabet: Vec<u8> = policy.classes.iter().flatten().copied().collect();
        loop {
            let mut drawn = Zeroizing::new(String::with_capacity(policy.length));
            while drawn.len() < policy.length {
                drawn.push(char::from(draw(&alphabet, rng)?));
            }
            let has = |class: &Vec<u8>| drawn.bytes().any(|byte| class.contains(&byte));
            // Drawing again keeps the distribution even; mending a password would not.
            if policy.share == Share::Any || policy.classes.iter().all(has) {
                return Ok(Self(core::mem::take(&mut *drawn)));
            }
        }
    }

    /// Draws the same number of characters of each class, and their order.
    fn make_even<R: TryCryptoRng + ?Sized>(policy: &PasswordPolicy, rng: &mut R) -> Result<Self, R::Error> {
        let mut drawn = Zeroizing::new(Vec::with_capacity(policy.length));
        for class in policy.classes.iter().cycle().take(policy.length) {
            drawn.push(draw(class, rng)?);
        }
        let mut password = Zeroizing::new(String::with_capacity(policy.length));
        while !drawn.is_empty() {
            let places: Vec<u8> = (0..=u8::MAX).take(drawn.len()).collect();
            password.push(char::from(drawn.swap_remove(usize::from(draw(&places, rng)?))));
        }
        Ok(Self(core::mem::take(&mut *password)))
    }

    /// The password itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// One element of a list of 1 to 256, each equally likely: numbers that would favour some are drawn again.
fn draw<R: TryCryptoRng + ?Sized>(from: &[u8], rng: &mut R) -> Result<u8, R::Error> {
    let count = from.len().max(1);
    let fair = 256_usize.saturating_sub(256_usize.checked_rem(count).unwrap_or(0));
    loop {
        let mut byte = [0_u8; 1];
        rng.try_fill_bytes(&mut byte)?;
        let number = usize::from(u8::from_be_bytes(byte));
        if number < fair
            && let Some(element) = number.checked_rem(count).and_then(|index| from.get(index))
        {
            return Ok(*element);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, format, string::ToString as _};

    use getrandom::SysRng;

    use super::*;

    #[test]
    fn a_database_password_has_eight_characters_of_each_of_the_four_classes() {
        let mut firsts = BTreeSet::new();
        for _ in 0..200 {
            let password = Password::make(&PasswordPolicy::for_database(), &mut SysRng).unwrap();
            assert_eq!(password.reveal().len(), 32);
            for class in [LOWER, UPPER, DIGITS, DATABASE_SPECIALS] {
                assert_eq!(password.reveal().chars().filter(|c| class.contains(*c)).count(), 8);
                firsts.extend(password.reveal().chars().next().filter(|c| class.contains(*c)).map(|_| class));
            }
        }
        assert_eq!(firsts.len(), 4, "the order is drawn, too");
    }

    #[test]
    fn every_character_of_the_alphabet_is_drawn() {
        let policy = PasswordPolicy::new(4096, &[DIGITS, "-"], false).unwrap();
        let password = Password::make(&policy, &mut SysRng).unwrap();
        let seen: BTreeSet<char> = password.reveal().chars().collect();
        assert_eq!(seen.len(), 11);
    }

    #[test]
    fn the_options_of_the_service_decide_the_alphabet() {
        let options = GenerateOptions {
            length: 2000,
            exclude_characters: "0O1lI",
            exclude_punctuation: true,
            include_space: true,
            require_each_included_type: true,
            ..GenerateOptions::default()
        };
        let password = Password::make(&options.policy().unwrap(), &mut SysRng).unwrap();
        assert_eq!(password.reveal().len(), 2000);
        assert!(password.reveal().chars().all(|c| (c.is_ascii_alphanumeric() || c == ' ') && !"0O1lI".contains(c)));
        assert!(password.reveal().contains(' '));
    }

    #[test]
    fn a_refusal_names_the_option_and_its_rule() {
        let punctuation_alone = GenerateOptions {
            exclude_lowercase: true,
            exclude_uppercase: true,
            exclude_numbers: true,
            ..GenerateOptions::default()
        };
        for (options, message) in [
            (
                GenerateOptions { exclude_characters: PUNCTUATION, ..punctuation_alone },
                "exclude_characters is not allowed: it leaves no character",
            ),
            (
                GenerateOptions { exclude_punctuation: true, ..punctuation_alone },
                "exclude_punctuation is not allowed: it leaves no character",
            ),
            (GenerateOptions { length: 0, ..GenerateOptions::default() }, "length must be at least 1 (got 0)"),
            (
                GenerateOptions { length: 3, require_each_included_type: true, ..GenerateOptions::default() },
                "length must be at least one character of each required class (got 3)",
            ),
            (GenerateOptions { length: 4097, ..GenerateOptions::default() }, "length must be at most 4096 (got 4097)"),
        ] {
            assert_eq!(options.policy().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let password = Password::make(&PasswordPolicy::for_database(), &mut SysRng).unwrap();
        assert_eq!(format!("{password:?}"), "Password(hidden)");
    }
}
