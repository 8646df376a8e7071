//! What people are told about a rotation: codes with named fields, which programs read, and sentences in English and Chinese,
//! which people read.
//!
//! The modules below hold the catalogue, one table entry a message: its code, its fields and its sentence in both languages. A
//! code and the names of its fields never change their meaning; sentences may. Who writes a message sends its English sentence
//! beside it, for readers that know no codes.
//!
//! A message may come from a function that nobody trusts. Reading bounds it, and nothing is decided by it.

pub mod attempt;
pub mod causes;
pub mod connection;
pub mod dry_run;
pub mod function;
pub mod mysql;
pub mod postgresql;
mod read;
pub mod reasons;
pub mod rules;
pub mod service;
mod steps;

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{Serialize, Serializer};

pub use self::read::{message_or_none, messages_or_none};
use crate::{
    language::{Language, in_chinese},
    name::SecretName,
    rotation::{Engine, plan::Role},
    version::VersionId,
};

/// Longest sentence, in characters.
pub const MAX_SENTENCE: usize = 2000;

/// The field whose text is one of the phrases of rules, which have Chinese words of their own.
pub const PHRASE: &str = "phrase";

/// A message: which one, and what fills its sentence. Never holds a value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The stable name, such as `cause.unreachable`.
    code: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, Field>,
}

/// What fills a place in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A number.
    Number(u64),
    /// A name, an address or a foreign text, the same in every language.
    Text(String),
    /// Another message.
    Message(Message),
    /// Several messages, one after the other.
    List(Vec<Message>),
}

/// An entry of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// The function that makes the message; empty for the name of a step.
    pub constructor: &'static str,
    /// The code.
    pub code: &'static str,
    /// The names of the fields.
    pub fields: &'static [&'static str],
    /// The sentence in English, with `{field}` in the place of a field.
    pub english: &'static str,
    /// The same in Chinese.
    pub chinese: &'static str,
}

impl Template {
    const fn sentence(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Chinese => self.chinese,
        }
    }
}

/// Declares messages: a function that makes each, and the table of this module.
macro_rules! messages {
    ($($name:ident($($field:ident),*) $code:literal $english:literal $chinese:literal;)*) => {
        $(
            #[doc = concat!("“", $english, "”")]
            #[must_use]
            pub fn $name($($field: impl Into<super::Field>),*) -> super::Message {
                super::Message::new($code, [$((stringify!($field), $field.into())),*])
            }
        )*

        /// The messages of this module.
        pub(super) static TEMPLATES: &[super::Template] = &[$(super::Template {
            constructor: stringify!($name),
            code: $code,
            fields: &[$(stringify!($field)),*],
            english: $english,
            chinese: $chinese,
        }),*];
    };
}
use messages;

/// All messages, and the names of all steps.
pub fn templates() -> impl Iterator<Item = &'static Template> {
    [
        attempt::TEMPLATES,
        causes::TEMPLATES,
        connection::TEMPLATES,
        dry_run::TEMPLATES,
        function::TEMPLATES,
        mysql::TEMPLATES,
        postgresql::TEMPLATES,
        reasons::TEMPLATES,
        rules::TEMPLATES,
        service::TEMPLATES,
        steps::TEMPLATES,
    ]
    .into_iter()
    .flatten()
}

/// The name of a step in words; the name itself when it is not known, since functions of others have steps of their own.
#[must_use]
pub fn step_in(step: &str, language: Language) -> String {
    let known = steps::TEMPLATES.iter().find(|template| template.code.strip_prefix("step.") == Some(step));
    known.map_or_else(|| step.to_string(), |template| template.sentence(language).to_string())
}

/// A message in words where its code is known, else the text that was sent with it.
#[must_use]
pub fn sentence_or(message: Option<&Message>, text: &str, language: Language) -> String {
    message.and_then(|message| message.sentence_in(language)).unwrap_or_else(|| text.to_string())
}

impl Message {
    fn new(code: &str, fields: impl IntoIterator<Item = (&'static str, Field)>) -> Self {
        let fields = fields.into_iter().map(|(name, field)| (name.to_string(), field)).collect();
        Self { code: code.to_string(), fields }
    }

    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence, at most [`MAX_SENTENCE`] characters on one line; `None` when this code, or one within it, is not known
    /// or lacks a field.
    #[must_use]
    pub fn sentence_in(&self, language: Language) -> Option<String> {
        let mut sentence = String::new();
        self.write(language, &mut sentence)?;
        let on_one_line = sentence.chars().map(|c| if c.is_control() { ' ' } else { c });
        Some(on_one_line.take(MAX_SENTENCE).collect())
    }

    /// The English sentence; the code of a message that is not known.
    #[must_use]
    pub fn english(&self) -> String {
        self.sentence_in(Language::English).unwrap_or_else(|| self.code.clone())
    }

    fn write(&self, language: Language, sentence: &mut String) -> Option<()> {
        let template = templates().find(|template| template.code == self.code)?;
        // What a field says twice doubles at each depth; nobody sees more than the beginning.
        if sentence.len() > 4 * MAX_SENTENCE {
            return Some(());
        }
        let mut rest = template.sentence(language);
        while let Some((before, after)) = rest.split_once('{') {
            sentence.push_str(before);
            // Other braces are text, such as those of an example in JSON.
            rest = match after.split_once('}').filter(|(name, _)| template.fields.contains(name)) {
                Some((name, after)) => {
                    self.fields.get(name)?.write(name, language, sentence)?;
                    after
                }
                None => {
                    sentence.push('{');
                    after
                }
            };
        }
        sentence.push_str(rest);
        Some(())
    }
}

impl Field {
    fn write(&self, name: &str, language: Language, sentence: &mut String) -> Option<()> {
        match self {
            Self::Number(number) => sentence.push_str(&number.to_string()),
            Self::Text(text) if name == PHRASE && language == Language::Chinese => sentence.push_str(&in_chinese(text)),
            Self::Text(text) => sentence.push_str(text),
            Self::Message(message) => message.write(language, sentence)?,
            Self::List(messages) => {
                for (index, message) in messages.iter().enumerate() {
                    if index > 0 {
                        sentence.push_str(if language == Language::Chinese { "；" } else { "; " });
                    }
                    message.write(language, sentence)?;
                }
            }
        }
        Some(())
    }
}

/// The English sentence.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Message(message) => message.serialize(serializer),
            Self::List(messages) => messages.serialize(serializer),
        }
    }
}

impl From<Message> for Field {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl From<Vec<Message>> for Field {
    fn from(messages: Vec<Message>) -> Self {
        Self::List(messages)
    }
}

/// Numbers.
macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Field {
            fn from(number: $number) -> Self {
                Self::Number(number.into())
            }
        })*
    };
}
numbers!(u16, u32, u64);

impl From<usize> for Field {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

/// What prints as the same text in every language.
macro_rules! texts {
    ($($text:ty),*) => {
        $(impl From<$text> for Field {
            fn from(text: $text) -> Self {
                Self::Text(text.to_string())
            }
        })*
    };
}
texts!(String, &String, &str, VersionId, Role, Engine, SecretName, &SecretName);
