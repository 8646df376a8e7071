//! What a caller binds to sealed bytes: `additional_authenticated_data` and `encryption_context`.
//!
//! Both must be given again to open the bytes. How they are bound is decided where they are sealed.

use alloc::{collections::BTreeMap, string::String};

use csms_core::{Rule, Violation};
use serde_json::Value;

use super::{sequence, text_of};
use crate::fields::Fields;

/// Most bytes of names and texts in an encryption context.
const MAX_CONTEXT_BYTES: usize = 8192;

/// What is bound to sealed bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// `additional_authenticated_data`; empty when absent.
    pub associated: String,
    /// `encryption_context`.
    pub context: Context,
}

/// An encryption context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Context {
    /// Absent, `{}` or the empty text.
    #[default]
    None,
    /// Pairs of a name and a text, whose order does not matter.
    Pairs(BTreeMap<String, String>),
    /// One text, as older clients send it.
    Text(String),
}

/// Reads both members, and the `sequence` that may stand beside them.
pub(super) fn binding(fields: &mut Fields) -> Option<Binding> {
    sequence(fields);
    let associated = if fields.has("additional_authenticated_data") {
        fields.parsed("additional_authenticated_data", text_of(128, "128 characters long"))
    } else {
        Some(String::new())
    };
    let context = match fields.value("encryption_context") {
        None => Some(Context::None),
        Some(value) => fields.checked("encryption_context", context(value)),
    };
    associated.zip(context).map(|(associated, context)| Binding { associated, context })
}

fn context(value: Value) -> Result<Context, Violation> {
    let mut bytes = 0_usize;
    let mut count = |text: &str| bytes = bytes.saturating_add(text.len());
    let context = match value {
        Value::String(text) => {
            count(&text);
            if text.is_empty() { Context::None } else { Context::Text(text) }
        }
        Value::Object(members) => {
            let mut pairs = BTreeMap::new();
            for (name, value) in members {
                let Value::String(text) = value else {
                    return Err(Violation::new(Rule::Type, "a JSON object whose members are strings, or a string"));
                };
                count(&name);
                count(&text);
                pairs.insert(name, text);
            }
            if pairs.is_empty() { Context::None } else { Context::Pairs(pairs) }
        }
        _ => return Err(Violation::new(Rule::Type, "a JSON object")),
    };
    if bytes > MAX_CONTEXT_BYTES {
        return Err(
            Violation::new(Rule::TooLong, "8192 bytes in all").with_limit(MAX_CONTEXT_BYTES as u64, bytes as u64)
        );
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Context, Rule> {
        let mut fields = Fields::of(body).unwrap();
        let binding = binding(&mut fields);
        fields.finish(binding).map(|read| read.context).map_err(|problems| problems[0].violation.rule)
    }

    #[test]
    fn a_context_is_pairs_of_texts_or_one_text() {
        let pairs = BTreeMap::from([("a".to_owned(), "b".to_owned()), ("c".to_owned(), String::new())]);
        assert_eq!(read(json!({ "encryption_context": { "c": "", "a": "b" } })), Ok(Context::Pairs(pairs)));
        assert_eq!(read(json!({ "encryption_context": "abc" })), Ok(Context::Text("abc".to_owned())));
        for nothing in [json!({}), json!({ "encryption_context": null }), json!({ "encryption_context": "" })] {
            assert_eq!(read(nothing), Ok(Context::None));
        }
        assert_eq!(read(json!({ "encryption_context": {} })), Ok(Context::None));
    }

    #[test]
    fn other_types_and_too_many_bytes_are_refused() {
        for wrong in [json!(1), json!(true), json!(["a"]), json!({ "a": 1 }), json!({ "a": { "b": "c" } })] {
            assert_eq!(read(json!({ "encryption_context": wrong })), Err(Rule::Type));
        }
        let most = "x".repeat(MAX_CONTEXT_BYTES);
        assert!(read(json!({ "encryption_context": most })).is_ok());
        assert_eq!(read(json!({ "encryption_context": { most: "" , "a": "" } })), Err(Rule::TooLong));
    }
}
