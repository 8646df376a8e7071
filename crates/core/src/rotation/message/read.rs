//! Reads messages that others wrote, within bounds: of depth, of number and of length.
//!
//! What is not of the form of a message, or beyond the bounds, is no message; the text beside it is shown instead.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use super::{Field, Message};
use crate::task::one_line;

/// How deep messages may stand within each other.
const MAX_DEPTH: usize = 12;

/// How many messages one may consist of.
const MAX_MESSAGES: usize = 64;

/// Most fields of one message.
const MAX_FIELDS: usize = 8;

/// Longest code and longest name of a field, in bytes.
const MAX_NAME: usize = 64;

/// Longest text, in characters; more is cut off.
const MAX_TEXT: usize = 1000;

/// All codes, names and texts together, in characters: of texts more is cut off, and more names are beyond the bounds. Some more
/// than the longest sentence.
const MAX_CHARACTERS: usize = 2500;

/// Reads one message and what stands within it.
struct Reader {
    /// How many more messages there may be.
    messages: usize,
    /// How many more characters they may have.
    characters: usize,
}

impl Reader {
    fn message(&mut self, value: &Value, depth: usize) -> Option<Message> {
        self.messages = self.messages.checked_sub(1)?;
        let within = depth.checked_sub(1)?;
        let code = self.name(value.get("code")?.as_str()?)?;
        let mut fields = BTreeMap::new();
        if let Some(found) = value.get("fields") {
            let found = found.as_object().filter(|found| found.len() <= MAX_FIELDS)?;
            for (name, value) in found {
                let name = self.name(name)?;
                fields.insert(name, self.field(value, within)?);
            }
        }
        Some(Message { code, fields })
    }

    fn name(&mut self, name: &str) -> Option<String> {
        self.characters = self.characters.checked_sub(name.len()).filter(|_| name.len() <= MAX_NAME)?;
        (!name.contains(char::is_control)).then(|| name.to_string())
    }

    fn field(&mut self, value: &Value, depth: usize) -> Option<Field> {
        Some(match value {
            Value::Number(number) => Field::Number(number.as_u64()?),
            Value::String(text) => {
                let text = one_line(text, MAX_TEXT.min(self.characters));
                self.characters = self.characters.saturating_sub(text.chars().count());
                Field::Text(text)
            }
            Value::Array(list) => {
                let messages: Option<Vec<_>> = list.iter().map(|value| self.message(value, depth)).collect();
                Field::List(messages?)
            }
            Value::Object(_) => Field::Message(self.message(value, depth)?),
            Value::Null | Value::Bool(_) => return None,
        })
    }
}

impl Message {
    /// The message that a JSON value holds; `None` when it is of another form or beyond the bounds.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Reader { messages: MAX_MESSAGES, characters: MAX_CHARACTERS }.message(value, MAX_DEPTH)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("this is no message"))
    }
}

/// Reads a member that may hold a message. One of another form is as good as absent, so that it never hides what stands beside
/// it.
///
/// # Errors
/// Text that is no JSON.
pub fn message_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Message>, D::Error> {
    Ok(Message::read(&Value::deserialize(deserializer)?))
}

/// Reads a list of messages; one of another form has none.
///
/// # Errors
/// Text that is no JSON.
pub fn messages_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Message>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let list = value.as_array().filter(|list| list.len() <= MAX_MESSAGES);
    let messages = list.and_then(|list| list.iter().map(Message::read).collect::<Option<Vec<_>>>());
    Ok(messages.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        language::Language,
        rotation::message::{MAX_SENTENCE, attempt, causes, templates},
    };

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = attempt::remedied(
            attempt::detailed(causes::busy(), attempt::joined(Vec::from([causes::tls()]))),
            causes::remedy_pooler(),
        );
        let written = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&written).unwrap(), message);
    }

    #[test]
    fn what_is_too_deep_too_wide_or_of_another_form_is_no_message() {
        let deep = (0..100).fold(json!({ "code": "x" }), |inner, _| json!({ "code": "x", "fields": { "a": inner } }));
        let list: Vec<_> = (0..100).map(|_| json!({ "code": "x" })).collect();
        let fields: serde_json::Map<_, _> = (0..100).map(|number| (number.to_string(), json!(1))).collect();
        let long: Vec<_> = (0..60).map(|_| json!({ "code": "x".repeat(MAX_NAME) })).collect();
        for value in [
            json!({ "code": "x", "fields": { "a": long } }),
            deep,
            json!({ "code": "x", "fields": { "a": list } }),
            json!({ "code": "x", "fields": fields }),
            json!({ "code": "x".repeat(100) }),
            json!({ "code": "\u{1b}[2J" }),
            json!({ "code": "x", "fields": { "a": null } }),
            json!({ "code": "x", "fields": { "a": -1 } }),
            json!({ "code": "x", "fields": 7 }),
            json!({ "code": 7 }),
            json!("x"),
        ] {
            assert_eq!(Message::read(&value), None, "{value}");
        }
    }

    #[test]
    fn a_sentence_is_bounded_and_on_one_line() {
        let text = json!({ "code": "connection.said", "fields": { "text": "a\n".repeat(5000) } });
        let list: Vec<_> = (0..3).map(|_| text.clone()).collect();
        let message = Message::read(&json!({ "code": "attempt.joined", "fields": { "all": list } })).unwrap();
        let sentence = message.sentence_in(Language::English).unwrap();
        assert_eq!((sentence.chars().count(), sentence.contains('\n')), (MAX_SENTENCE, false));
    }

    #[test]
    fn a_code_that_is_not_known_or_lacks_a_field_has_no_sentence() {
        for value in [
            json!({ "code": "cause.of-the-future" }),
            json!({ "code": "attempt.joined" }),
            json!({ "code": "attempt.joined", "fields": { "all": { "code": "cause.of-the-future" } } }),
        ] {
            assert_eq!(Message::read(&value).unwrap().sentence_in(Language::Chinese), None, "{value}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let codes: Vec<_> = templates().map(|template| template.code).collect();
        let names: Vec<_> = templates().flat_map(|template| template.fields).copied().collect();
        let leaf = prop_oneof![any::<u64>().prop_map(Value::from), ".*".prop_map(Value::from), Just(Value::Null)];
        leaf.prop_recursive(6, 100, 6, move |inner| {
            let fields = prop::collection::hash_map(prop::sample::select(names.clone()), inner.clone(), 0..6);
            let message = (prop::sample::select(codes.clone()), fields).prop_map(|(code, fields)| {
                let fields: serde_json::Map<_, _> =
                    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
                json!({ "code": code, "fields": fields })
            });
            prop_oneof![message, prop::collection::vec(inner, 0..4).prop_map(Value::from)]
        })
    }

    proptest! {
        #[test]
        fn no_message_makes_reader_or_writer_panic(value in value()) {
            if let Some(message) = Message::read(&value) {
                for language in [Language::English, Language::Chinese] {
                    let sentence = message.sentence_in(language).unwrap_or_default();
                    prop_assert!(sentence.chars().count() <= MAX_SENTENCE);
                }
            }
        }
    }
}
