//! The members of a JSON object as they are written, for values that must not be converted.
//!
//! A general reader makes 1.1 of `1.10`, a nearby fraction of twenty digits, and the last one of two members with one name.

use std::{
    collections::BTreeSet,
    fmt::{self, Display},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use zeroize::Zeroizing;

/// The value of a member. Has no `Debug`: it may be secret.
pub(crate) enum Member<'a> {
    /// A text, decoded.
    Text(Zeroizing<String>),
    /// Anything else.
    Other(&'a RawValue),
}

impl Member<'_> {
    /// The text, or what is written.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Other(raw) => raw.get(),
        }
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Other(raw) if raw.get() == "null")
    }
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.as_str().serialize(serializer),
            Self::Other(raw) => raw.serialize(serializer),
        }
    }
}

/// Why the members of a text are not read. Quotes no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is not JSON, as is seen at this place.
    Malformed { line: usize, column: usize },
    /// It is JSON, but no object.
    NoObject,
    /// It has two members of this name.
    Repeated(String),
}

impl Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { line, column } => write!(f, "it is not JSON: see line {line}, column {column}"),
            Self::NoObject => f.write_str("it is not a JSON object"),
            Self::Repeated(name) => write!(f, "{} is there twice", name.escape_debug()),
        }
    }
}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() { Self::NoObject } else { Self::Malformed { line: error.line(), column: error.column() } }
    }
}

/// Reads the members of an object, in the order they are written.
///
/// # Errors
/// [`Unread`]: the text is something else, or has two members of one name.
pub(crate) fn members(text: &str) -> Result<Vec<(String, Member<'_>)>, Unread> {
    let Raw(raw) = serde_json::from_str(text)?;
    let mut names = BTreeSet::new();
    if let Some((name, _)) = raw.iter().find(|(name, _)| !names.insert(name)) {
        return Err(Unread::Repeated(name.clone()));
    }
    let mut members = Vec::with_capacity(raw.len());
    for (name, value) in raw {
        members.push(if value.get().starts_with('"') {
            let decoded: Result<String, _> = serde_json::from_str(value.get());
            (name, Member::Text(Zeroizing::new(decoded.map_err(|_| place_of_problem(text))?)))
        } else {
            (name, Member::Other(value))
        });
    }
    Ok(members)
}

/// Where a text is seen not to be JSON that a reader skipping values took.
fn place_of_problem(text: &str) -> Unread {
    match serde_json::from_str::<Value>(text) {
        Err(error) => error.into(),
        Ok(_) => Unread::Malformed { line: 1, column: 1 },
    }
}

/// Names and values as they are written.
struct Raw<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw(entries))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_text_is_decoded_and_anything_else_keeps_its_spelling() {
        let text = r#"{"t":"a\u0062\n","m1":1.10,"m2":12345678901234567890123,"m3":1e3,"m4":null,"o":{ "a" : [1.0] }}"#;
        let read = members(text).unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("t", "ab\n"),
            ("m1", "1.10"),
            ("m2", "12345678901234567890123"),
            ("m3", "1e3"),
            ("m4", "null"),
            ("o", r#"{ "a" : [1.0] }"#),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_repeated_member_is_refused_by_name_however_it_is_written() {
        for text in [r#"{"a":1,"b":2,"a":1}"#, r#"{"a":"x","\u0061":"y"}"#] {
            assert_eq!(members(text).err(), Some(Unread::Repeated("a".to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_told_from_what_is_no_json() {
        for text in ["[]", "1", "\"a\"", "null"] {
            assert_eq!(members(text).err(), Some(Unread::NoObject), "{text}");
        }
        for text in ["", "{", "hunter2", "{\"a\":1}x", "{\"a\":\"\\ud800\"}", "{\"a\":01}"] {
            assert!(matches!(members(text).err(), Some(Unread::Malformed { .. })), "{text}");
        }
    }
}
