//! Identifiers that nobody chooses: of projects, secrets, keys and tasks.

use alloc::{format, string::String};
use core::fmt;

use rand_core::TryCryptoRng;
use serde::{Deserialize, Serialize};

use crate::{
    name::{checked_text, is_word},
    problem::{Rule, Violation, length},
};

/// `8-4-4-4-12` characters of `[0-9a-z]`, as the definitions write identifiers.
fn check_uuid(text: &str) -> Result<(), Violation> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let pattern = Violation::new(Rule::Pattern, "a UUID of the form 8-4-4-4-12");
    let mut groups = text.split('-');
    for expected in GROUPS {
        let group = groups.next().ok_or_else(|| pattern.clone())?;
        if group.len() != expected || !group.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return Err(pattern);
        }
    }
    if groups.next().is_some() { Err(pattern) } else { Ok(()) }
}

/// A random (version 4) UUID in its canonical text form.
///
/// # Errors
/// Whatever the generator answers.
pub fn make_uuid<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<String, R::Error> {
    let mut bytes = [0_u8; 16];
    rng.try_fill_bytes(&mut bytes)?;
    let number = u128::from_be_bytes(bytes);
    // Version 4 and variant 10, as RFC 9562 section 5.4 places them.
    let number = number & !(0xf000 << 64) | (0x4000 << 64);
    let number = number & !(0xc000 << 48) | (0x8000 << 48);
    let (a, b, c, d, e) =
        (number >> 96, number >> 80 & 0xffff, number >> 64 & 0xffff, number >> 48 & 0xffff, number & 0xffff_ffff_ffff);
    Ok(format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"))
}

/// Defines an identifier in UUID form, with a constructor from randomness.
macro_rules! uuid_text {
    ($(#[$doc:meta])* $name:ident) => {
        checked_text!($(#[$doc])* $name, check_uuid);

        impl $name {
            /// Makes a new random identifier.
            ///
            /// # Errors
            /// Whatever the generator answers.
            pub fn make<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, R::Error> {
                make_uuid(rng).map(Self)
            }
        }
    };
}

uuid_text!(
    /// Identifier of a secret, used in tag paths and in associated data.
    SecretId
);

uuid_text!(
    /// Identifier of a KMS key (customer master key).
    KeyId
);

uuid_text!(
    /// Identifier of a rotation task.
    TaskId
);

checked_text!(
    /// Identifier of a project: 32 to 64 letters and digits (API fact sheet, section 1).
    ProjectId,
    |text| {
        length(text.chars().count(), 32, 64, "32 characters long", "64 characters long")?;
        if is_word(text) && !text.contains(['-', '_']) {
            Ok(())
        } else {
            Err(Violation::new(Rule::Pattern, "^[0-9a-zA-Z]{32,64}$"))
        }
    }
);

#[cfg(test)]
mod tests {
    use getrandom::SysRng;

    use super::*;

    #[test]
    fn a_made_identifier_is_a_version_4_uuid() {
        let id = SecretId::make(&mut SysRng).unwrap();
        assert_eq!(SecretId::parse(id.as_str()).unwrap(), id);
        assert_eq!(&id.as_str()[14..15], "4");
        assert!("89ab".contains(&id.as_str()[19..20]));
    }

    #[test]
    fn identifiers_of_other_forms_are_refused() {
        for text in [
            "",
            "0f3e",
            "00000000-0000-0000-0000-00000000000",
            "00000000-0000-0000-0000-000000000000-",
            "G0000000-0000-0000-0000-000000000000",
        ] {
            assert!(KeyId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_project_is_32_to_64_letters_and_digits() {
        assert!(ProjectId::parse("0123456789abcdef0123456789abcdef").is_ok());
        assert!(ProjectId::parse("0123456789abcdef").is_err());
        assert!(ProjectId::parse("0123456789abcdef0123456789abcde/").is_err());
    }
}
