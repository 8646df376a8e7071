//! Generated identifiers: of projects, secrets, keys and tasks.

use alloc::string::String;
use core::fmt;

use rand_core::TryCryptoRng;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};
use sha2::{Digest as _, Sha256};

use crate::{
    name::{checked_text, is_word},
    problem::{Rule, Violation, length},
};

/// Number of characters of a UUID's text.
const UUID_LENGTH: usize = 36;

/// Whether a dash stands at this place of the text.
const fn is_dash(at: usize) -> bool {
    matches!(at, 8 | 13 | 18 | 23)
}

/// Reads `8-4-4-4-12` characters of `[0-9a-z]`, as the definitions write identifiers. Clients may write them in upper case.
fn parse_uuid(text: &str) -> Result<[u8; UUID_LENGTH], Violation> {
    let form = || Violation::new(Rule::Pattern, "a UUID of the form 8-4-4-4-12");
    let mut bytes: [u8; UUID_LENGTH] = text.as_bytes().try_into().map_err(|_| form())?;
    bytes.make_ascii_lowercase();
    let well_formed = bytes
        .iter()
        .enumerate()
        .all(|(at, byte)| if is_dash(at) { *byte == b'-' } else { byte.is_ascii_lowercase() || byte.is_ascii_digit() });
    if well_formed { Ok(bytes) } else { Err(form()) }
}

/// An identifier of an enterprise project as it is stored and compared: one that is a UUID has no case.
#[must_use]
pub fn fold_enterprise_project(text: &str) -> String {
    if parse_uuid(text).is_ok() { text.to_ascii_lowercase() } else { String::from(text) }
}

/// A random (version 4) UUID in its canonical text form.
fn make_uuid_text<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<[u8; UUID_LENGTH], R::Error> {
    let mut bytes = [0_u8; 16];
    rng.try_fill_bytes(&mut bytes)?;
    Ok(uuid_of(bytes, 0x4000 << 64))
}

/// The text of the UUID of some bytes. The version stands in its place, and so does variant 10 (RFC 9562 section 5).
fn uuid_of(bytes: [u8; 16], version: u128) -> [u8; UUID_LENGTH] {
    let number = u128::from_be_bytes(bytes) & !(0xf000 << 64) | version;
    let number = number & !(0xc000 << 48) | (0x8000 << 48);
    let digits = hex::encode(number.to_be_bytes());
    let mut digits = digits.bytes();
    let mut text = [b'-'; UUID_LENGTH];
    for (at, place) in text.iter_mut().enumerate() {
        if !is_dash(at) {
            *place = digits.next().unwrap_or(b'0');
        }
    }
    text
}

/// A random (version 4) UUID as text, for identifiers without a type of their own.
///
/// # Errors
/// Whatever the generator answers.
pub fn make_uuid<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<String, R::Error> {
    let text = make_uuid_text(rng)?;
    Ok(text.iter().map(|byte| char::from(*byte)).collect())
}

/// Defines an identifier in UUID form, with a constructor from randomness. The text is kept in place: a secret's document
/// holds one for each version, and reading it should not allocate for each.
macro_rules! uuid_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; UUID_LENGTH]);

        impl $name {
            /// Checks `text`, which must have the form 8-4-4-4-12.
            ///
            /// # Errors
            /// [`Rule::Pattern`].
            pub fn parse(text: impl AsRef<str>) -> Result<Self, Violation> {
                parse_uuid(text.as_ref()).map(Self)
            }

            /// Makes a new random identifier.
            ///
            /// # Errors
            /// Whatever the generator answers.
            pub fn make<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, R::Error> {
                make_uuid_text(rng).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                // The constructor admits ASCII only.
                core::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().into()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(UuidText).map(Self)
            }
        }
    };
}

/// Reads a UUID's text where it stands.
struct UuidText;

impl Visitor<'_> for UuidText {
    type Value = [u8; UUID_LENGTH];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID of the form 8-4-4-4-12")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        parse_uuid(text).map_err(|violation| E::custom(violation.message()))
    }
}

uuid_text!(
    /// Identifier of a secret, used in tag paths and in associated data.
    SecretId
);

uuid_text!(
    /// Identifier of a KMS key (customer master key).
    KeyId
);

impl KeyId {
    /// The identifier that a project's default key gets (UUID version 8). It is known before the key is made, so that rights
    /// can be judged on it.
    #[must_use]
    pub fn default_of(project: &ProjectId) -> Self {
        let digest = Sha256::new().chain_update("csms default key ").chain_update(project.as_str()).finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
        Self(uuid_of(bytes, 0x8000 << 64))
    }
}

uuid_text!(
    /// Identifier of a rotation task.
    TaskId
);

checked_text!(
    /// Identifier of a project: 32 to 64 letters and digits (`compatibility/api.md#1-common-rules`).
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
    fn the_default_key_of_a_project_has_an_identifier_of_its_own_that_stays() {
        let of = |digit: &str| KeyId::default_of(&ProjectId::parse(digit.repeat(32)).unwrap());
        assert_eq!(of("1").as_str(), "39932f1a-5c3d-8569-8ae8-c7ab87bff09a");
        assert_ne!(of("1"), of("2"));
    }

    #[test]
    fn identifiers_of_other_forms_are_refused() {
        for text in [
            "",
            "0f3e",
            "00000000-0000-0000-0000-00000000000",
            "00000000-0000-0000-0000-000000000000-",
            "_0000000-0000-0000-0000-000000000000",
        ] {
            assert!(KeyId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_identifier_may_be_written_in_upper_case() {
        let id = SecretId::parse("0B1C2D3E-0000-4000-8000-00000000000F").unwrap();
        assert_eq!(id.as_str(), "0b1c2d3e-0000-4000-8000-00000000000f");
    }

    #[test]
    fn a_project_is_32_to_64_letters_and_digits() {
        assert!(ProjectId::parse("0123456789abcdef0123456789abcdef").is_ok());
        assert!(ProjectId::parse("0123456789abcdef").is_err());
        assert!(ProjectId::parse("0123456789abcdef0123456789abcde/").is_err());
    }
}
