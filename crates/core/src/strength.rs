//! Estimates how well a password resists guessing, with reasons, for people who choose one themselves.
//!
//! It is rough by design: it knows the database rules (length, four classes, the user name), repetitions, runs and
//! the best-known passwords, and has no dictionary. Passwords from [`crate::password`] need no estimate.

use alloc::{string::String, vec::Vec};

use crate::language::Language;

/// The least length that the database services accept (`compatibility/rotation.md#8-password-reset-apis`).
const MIN_LENGTH: usize = 8;
/// Their greatest length.
const MAX_LENGTH: usize = 32;

/// The stems of the best-known passwords, in lower case and without the usual digits for letters.
const WELL_KNOWN: [&str; 12] = [
    "password", "passwd", "admin", "root", "qwerty", "letmein", "welcome", "huawei", "changeme", "iloveyou", "123456",
    "abc123",
];

/// What speaks against a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than 8 characters.
    TooShort,
    /// More than the 32 characters that the database services accept.
    TooLong,
    /// Fewer than three of the four classes: lower case, upper case, digits, others.
    FewClasses,
    /// It holds the user name, forwards or backwards.
    HoldsUserName,
    /// Its core is one of the best-known passwords.
    WellKnown,
    /// The same character three times in a row.
    Repetition,
    /// Four characters in a row such as `abcd` or `4321`.
    Run,
}

impl Weakness {
    /// Every weakness.
    pub const ALL: &'static [Self] = &[
        Self::TooShort,
        Self::TooLong,
        Self::FewClasses,
        Self::HoldsUserName,
        Self::WellKnown,
        Self::Repetition,
        Self::Run,
    ];

    /// The weakness's stable name, in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
            Self::FewClasses => "few-classes",
            Self::HoldsUserName => "holds-user-name",
            Self::WellKnown => "well-known",
            Self::Repetition => "repetition",
            Self::Run => "run",
        }
    }

    /// The weakness as a sentence.
    #[must_use]
    pub const fn message_in(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::TooShort => ("it has fewer than 8 characters", "少于 8 个字符"),
            Self::TooLong => ("it has more than 32 characters, which databases refuse", "超过 32 个字符，数据库不接受"),
            Self::FewClasses => (
                "it mixes fewer than three of lower case, upper case, digits and other characters",
                "小写字母、大写字母、数字和其他字符少于三类",
            ),
            Self::HoldsUserName => ("it holds the user name, forwards or backwards", "包含用户名或倒序的用户名"),
            Self::WellKnown => ("it is a variation of a well-known password", "是常见密码的变体"),
            Self::Repetition => ("it repeats a character three times in a row", "同一字符连续出现三次"),
            Self::Run => ("it has a run of four such as abcd or 4321", "包含如 abcd 或 4321 的四位连续字符"),
        };
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Do not use it.
    Weak,
    /// It meets the database rules and little more.
    Fair,
    /// At least 80 bits against someone who knows how it was made, and no weakness.
    Strong,
}

impl Strength {
    /// The verdict's stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Fair => "fair",
            Self::Strong => "strong",
        }
    }
}

/// A verdict with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The verdict.
    pub strength: Strength,
    /// Estimated bits of a random password of this make; repeated and running characters count once.
    pub bits: u32,
    /// What speaks against it, in the order of [`Weakness::ALL`].
    pub weaknesses: Vec<Weakness>,
}

/// Judges a password for the account `user_name`, which may be empty.
#[must_use]
pub fn assess(password: &str, user_name: &str) -> Assessment {
    let characters: Vec<char> = password.chars().collect();
    let classes = classes(&characters);
    let found = |weakness: &Weakness| match weakness {
        Weakness::TooShort => characters.len() < MIN_LENGTH,
        Weakness::TooLong => characters.len() > MAX_LENGTH,
        Weakness::FewClasses => classes.iter().filter(|size| **size > 0).count() < 3,
        Weakness::HoldsUserName => holds_user_name(password, user_name),
        Weakness::WellKnown => is_well_known(password),
        Weakness::Repetition => characters.windows(3).any(|w| matches!(w, [a, b, c] if a == b && b == c)),
        Weakness::Run => characters.windows(4).any(is_run),
    };
    let weaknesses: Vec<Weakness> = Weakness::ALL.iter().copied().filter(found).collect();
    let bits = bits(&characters, classes);
    let strength = if weaknesses.iter().any(|weakness| !matches!(weakness, Weakness::TooLong)) || bits < 48 {
        Strength::Weak
    } else if weaknesses.is_empty() && bits >= 80 {
        Strength::Strong
    } else {
        Strength::Fair
    };
    Assessment { strength, bits, weaknesses }
}

/// The size of each class that occurs: lower case, upper case, digits, others.
fn classes(characters: &[char]) -> [u32; 4] {
    let has = |test: fn(&char) -> bool, size| if characters.iter().any(test) { size } else { 0 };
    [
        has(char::is_ascii_lowercase, 26),
        has(char::is_ascii_uppercase, 26),
        has(char::is_ascii_digit, 10),
        has(|c| !c.is_ascii_alphanumeric(), 32),
    ]
}

/// Characters that count times the bits of one, in hundredths so that no floating point is needed.
fn bits(characters: &[char], classes: [u32; 4]) -> u32 {
    let alphabet = classes.iter().fold(0_u32, |sum, size| sum.saturating_add(*size));
    let predictable = characters.windows(2).filter(|w| matches!(w, [a, b] if step(*a, *b).is_some())).count();
    let counted = u32::try_from(characters.len().saturating_sub(predictable)).unwrap_or(u32::MAX);
    let hundredths = match alphabet {
        0 => 0,
        1..=10 => 332,
        11..=26 => 470,
        27..=36 => 517,
        37..=52 => 570,
        53..=62 => 595,
        _ => 650,
    };
    counted.saturating_mul(hundredths).checked_div(100).unwrap_or(0)
}

/// −1, 0 or 1 when `b` is the neighbour of `a` or `a` itself.
fn step(a: char, b: char) -> Option<i8> {
    match u32::from(b).abs_diff(u32::from(a)) {
        0 => Some(0),
        1 => Some(if b > a { 1 } else { -1 }),
        _ => None,
    }
}

fn is_run(window: &[char]) -> bool {
    matches!(window, [a, b, c, d]
        if matches!((step(*a, *b), step(*b, *c), step(*c, *d)), (Some(x @ (1 | -1)), Some(y), Some(z)) if x == y && y == z))
}

fn holds_user_name(password: &str, user_name: &str) -> bool {
    let (password, name) = (password.to_ascii_lowercase(), user_name.to_ascii_lowercase());
    let reversed: String = name.chars().rev().collect();
    name.chars().count() >= 3 && (holds(&password, &name) || holds(&password, &reversed))
}

/// Whether `part`, which is not empty, stands in `text`. Both are short, and the general search is a kilobyte of the npm
/// package.
fn holds(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window == part.as_bytes())
}

/// Whether a well-known password makes up most of this one, the usual digits for letters undone.
fn is_well_known(password: &str) -> bool {
    let lower = password.to_ascii_lowercase();
    let plain: String = lower.chars().map(undisguised).collect();
    WELL_KNOWN.iter().any(|known| {
        let most = password.len() < known.len().saturating_mul(2).saturating_add(2);
        most && (holds(&lower, known) || holds(&plain, known))
    })
}

const fn undisguised(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use proptest::prelude::*;

    use super::*;
    use crate::password::{Password, PasswordPolicy};

    #[test]
    fn each_weakness_is_told() {
        for (password, user, weakness) in [
            ("Ab1!xyQ", "", Weakness::TooShort),
            ("lowercaseonly", "", Weakness::FewClasses),
            ("Xq7!alice9Rm", "Alice", Weakness::HoldsUserName),
            ("Xq7!ecila9Rm", "alice", Weakness::HoldsUserName),
            ("P@ssw0rd1", "", Weakness::WellKnown),
            ("Xq7!aaa9Rm", "", Weakness::Repetition),
            ("Xq7!4321Rm", "", Weakness::Run),
        ] {
            let assessment = assess(password, user);
            assert!(assessment.weaknesses.contains(&weakness), "{password}: {assessment:?}");
            assert_eq!(assessment.strength, Strength::Weak, "{password}");
        }
        assert_eq!(assess(&"aQ7!".repeat(9), "").weaknesses, [Weakness::TooLong]);
    }

    #[test]
    fn a_drawn_password_is_strong() {
        for _ in 0..50 {
            let password = Password::make(&PasswordPolicy::for_database(), &mut SysRng).unwrap();
            let assessment = assess(password.reveal(), "app");
            assert!(assessment.bits >= 80, "{assessment:?}");
        }
    }

    #[test]
    fn a_short_mixture_is_fair() {
        assert_eq!(assess("Xq7!mZ2p", "").strength, Strength::Fair);
    }

    proptest! {
        #[test]
        fn no_text_panics(password in ".{0,60}", user in ".{0,8}") {
            let _ = assess(&password, &user);
        }
    }
}
