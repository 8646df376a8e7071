//! What callers name a KMS key by: its identifier, or one of its aliases.
//!
//! Only reads the text. Which key bears an alias is looked up by the server.

use alloc::string::String;
use core::fmt;

use crate::{
    identity::KeyId,
    problem::{Rule, Violation},
};

/// Greatest number of characters of an alias (KMS fact sheet).
const MAX_ALIAS: usize = 255;

/// Name of a KMS key in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// The key with this identifier. Clients may write it in upper case; identifiers are in lower case.
    Id(KeyId),
    /// The key with this alias.
    Alias(String),
}

impl KeyName {
    /// Reads an identifier, or an alias of 1 to 255 letters, digits and `:/_-`. A text in the form of an identifier is never an
    /// alias.
    ///
    /// # Errors
    /// [`Rule::Pattern`].
    pub fn parse(text: impl Into<String>) -> Result<Self, Violation> {
        let text = text.into();
        if let Ok(id) = KeyId::parse(&text) {
            return Ok(Self::Id(id));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'/' | b'_' | b'-');
        if (1..=MAX_ALIAS).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self::Alias(text))
        } else {
            Err(Violation::new(Rule::Pattern, "^[a-zA-Z0-9:/_-]{1,255}$"))
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Alias(alias) => f.write_str(alias),
        }
    }
}

impl From<KeyId> for KeyName {
    fn from(id: KeyId) -> Self {
        Self::Id(id)
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    #[test]
    fn an_identifier_has_no_case_and_everything_else_is_an_alias() {
        let id = KeyId::parse("0b1c2d3e-0000-4000-8000-00000000000f").unwrap();
        assert_eq!(KeyName::parse("0B1C2D3E-0000-4000-8000-00000000000F"), Ok(KeyName::Id(id)));
        for alias in ["alias/prod", "csms/default", "0b1c2d3e"] {
            assert_eq!(KeyName::parse(alias), Ok(KeyName::Alias(alias.to_owned())));
        }
        for text in ["", "a b", "a.b", "é", &"a".repeat(256)] {
            assert_eq!(KeyName::parse(text).unwrap_err().rule, Rule::Pattern, "{text}");
        }
    }
}
