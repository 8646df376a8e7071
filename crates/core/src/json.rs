//! Parses and writes JSON, in a tenth of the code of a general library.
//!
//! The npm package pays for every byte it ships, and the general parser brings floating point, error positions and
//! serialisers that are not needed here. It is as strict as RFC 8259, and a repeated member is refused at every depth, because
//! two readers of such a text may see different values; a number that is not a 64-bit integer becomes one that no rule accepts.
//! Tokens and keys need wiped memory, so the encryption module has its own.

use alloc::{string::String, vec::Vec};
use core::fmt::Write as _;

use serde_json::{Map, Number, Value, map::Entry};

/// How deep lists and objects may nest; requests nest three levels.
const MAX_DEPTH: u8 = 32;

/// Why a text was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not JSON.
    Malformed,
    /// It repeats this member.
    Repeated(String),
}

/// Reads one JSON value.
///
/// # Errors
/// [`Unread`]: the text is something else, or one of its objects repeats a member.
pub fn parse(text: &str) -> Result<Value, Unread> {
    let mut reader = Reader { text, at: 0, repeated: None };
    let value = reader.value(MAX_DEPTH);
    reader.skip_space();
    match (value, reader.repeated) {
        (Some(value), _) if reader.at == text.len() => Ok(value),
        (None, Some(name)) => Err(Unread::Repeated(name)),
        _ => Err(Unread::Malformed),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The first member that is repeated. Nothing is read behind it.
    repeated: Option<String>,
}

impl Reader<'_> {
    // Where size counts, these two would be called for every byte.
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    /// Takes `byte` after space, if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        if found {
            self.step();
        }
        found
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at = self.at.saturating_add(word.len());
            value
        })
    }

    fn value(&mut self, depth: u8) -> Option<Value> {
        self.skip_space();
        match self.peek()? {
            b'n' => self.word("null", Value::Null),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'"' => self.string().map(Value::String),
            b'[' => self.list(depth.checked_sub(1)?),
            b'{' => self.object(depth.checked_sub(1)?),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: u8) -> Option<Value> {
        self.step();
        let mut items = Vec::new();
        if self.take(b']') {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(b']') {
                return Some(Value::Array(items));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn object(&mut self, depth: u8) -> Option<Value> {
        self.step();
        let mut members = Map::new();
        if self.take(b'}') {
            return Some(Value::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            if !self.take(b':') {
                return None;
            }
            match members.entry(name) {
                Entry::Vacant(free) => free.insert(self.value(depth)?),
                Entry::Occupied(known) => {
                    self.repeated = Some(known.key().clone());
                    return None;
                }
            };
            if self.take(b'}') {
                return Some(Value::Object(members));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.peek() != Some(b'"') {
            return None;
        }
        self.step();
        let mut out = String::from(self.unescaped()?);
        loop {
            let end = self.peek()?;
            self.step();
            match end {
                b'"' => return Some(out),
                b'\\' => out.push(self.escape()?),
                _ => return None,
            }
            out.push_str(self.unescaped()?);
        }
    }

    /// The characters of a string up to its end, an escape or what a string cannot contain.
    fn unescaped(&mut self) -> Option<&str> {
        let rest = self.text.get(self.at..)?;
        let length = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
        self.at = self.at.saturating_add(length);
        rest.get(..length)
    }

    fn escape(&mut self) -> Option<char> {
        let kind = self.peek()?;
        self.step();
        Some(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                if unit & 0xfc00 != 0xd800 {
                    return char::from_u32(unit);
                }
                // The first half of a pair; alone it is no character.
                self.word("\\u", Value::Null)?;
                let low = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                return char::from_u32(0x1_0000_u32.saturating_add((unit & 0x3ff) << 10).saturating_add(low));
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let end = self.at.saturating_add(4);
        let digits = self.text.get(self.at..end)?;
        self.at = end;
        digits.bytes().try_fold(0, |unit: u32, byte| Some(unit << 4 | char::from(byte).to_digit(16)?))
    }

    fn digits(&mut self) -> Option<&str> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.step();
        }
        self.text.get(start..self.at).filter(|digits| !digits.is_empty())
    }

    fn number(&mut self) -> Option<Value> {
        let negative = self.peek() == Some(b'-');
        if negative {
            self.step();
        }
        let digits = self.digits()?;
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        let whole = digits.parse::<u64>().ok();
        let mut is_whole = true;
        if self.peek() == Some(b'.') {
            self.step();
            self.digits()?;
            is_whole = false;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.step();
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.step();
            }
            self.digits()?;
            is_whole = false;
        }
        Some(Value::Number(match whole {
            Some(number) if is_whole && !negative => Number::from(number),
            // Its size does not matter: no rule takes a negative number or a fraction.
            _ => Number::from(-1),
        }))
    }
}

/// What stands before the name of an object's first member.
const FIRST: &str = "{\"";

/// Writes an object as JSON text, member by member. Nothing notices a name that is written twice.
pub struct ObjectWriter<'a> {
    out: &'a mut String,
    /// What stands before the name of the next member.
    separator: &'static str,
}

impl<'a> ObjectWriter<'a> {
    /// Writes behind what `out` holds.
    pub const fn new(out: &'a mut String) -> Self {
        Self { out, separator: FIRST }
    }

    /// Writes the name of a member with what stands behind it.
    fn name(&mut self, name: &str, behind: &str) {
        self.out.push_str(self.separator);
        self.separator = ",\"";
        write_escaped(self.out, name);
        self.out.push_str(behind);
    }

    /// Writes a member that is a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name, "\":\"");
        write_escaped(self.out, text);
        self.out.push('"');
    }

    /// Writes a member, as [`write()`] does.
    pub fn value(&mut self, name: &str, value: &Value) {
        self.name(name, "\":");
        write(self.out, value);
    }

    /// Ends the object.
    pub fn finish(self) {
        self.out.push_str(if self.separator == FIRST { "{}" } else { "}" });
    }
}

/// Writes a value as JSON text behind what `out` holds. Of numbers it knows the whole ones; any other is written as `null`.
pub fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.as_u64() {
            // Writing to a string does not fail.
            Some(number) => write!(out, "{number}").unwrap_or_default(),
            None => out.push_str("null"),
        },
        Value::String(text) => {
            out.push('"');
            write_escaped(out, text);
            out.push('"');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut object = ObjectWriter::new(out);
            for (name, item) in members {
                object.value(name, item);
            }
            object.finish();
        }
    }
}

/// Writes a text as it stands between quotation marks.
fn write_escaped(out: &mut String, text: &str) {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let is_control = byte < b' ';
        if !is_control && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(text.get(start..at).unwrap_or_default());
        start = at;
        if is_control {
            write!(out, "\\u{byte:04x}").unwrap_or_default();
            start = at.saturating_add(1);
        } else {
            out.push('\\');
        }
    }
    out.push_str(text.get(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The numbers that are kept as they are, everywhere in a value.
    fn has_only_whole_numbers(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.is_u64(),
            Value::Array(items) => items.iter().all(has_only_whole_numbers),
            Value::Object(members) => members.values().all(has_only_whole_numbers),
            Value::Null | Value::Bool(_) | Value::String(_) => true,
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_number_that_is_not_whole_is_no_whole_number() {
        for text in ["-1", "1.5", "1e3", "18446744073709551616", "-0"] {
            assert_eq!(parse(text).unwrap().as_u64(), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_not_read() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            "1e",
            "+1",
            "nul",
            "\"\\x\"",
            "\"\n\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "1 2",
            "'a'",
            "\"a",
        ] {
            assert_eq!(parse(text), Err(Unread::Malformed), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(32)).is_ok());
        assert!(parse(&nested(33)).is_err());
        assert!(parse(&nested(100_000)).is_err());
    }

    #[test]
    fn pairs_of_surrogates_are_one_character() {
        assert_eq!(parse(r#""\ud83d\ude00\u00e9""#), Ok(json!("😀é")));
    }

    #[test]
    fn a_repeated_member_is_named_at_every_depth_and_however_it_is_written() {
        for text in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#, r#"[{"b":{"a":null,"a":"#, r#"{"a":{"c":1},"a":x"#]
        {
            assert_eq!(parse(text), Err(Unread::Repeated("a".to_string())), "{text}");
        }
        assert!(parse(r#"{"a":{"a":1},"A":[{"a":2},{"a":3}]}"#).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_here_and_by_the_general_library(value in any_value()) {
            let mut text = String::new();
            write(&mut text, &value);
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value.clone());
            prop_assert_eq!(parse(&text), Ok(value.clone()));
            prop_assert_eq!(parse(&value.to_string()), Ok(value));
        }

        #[test]
        fn the_general_library_agrees_on_any_text(text in "[\\[\\]{},:\"\\\\/0-9eE.+\\-truefalsn u\n]{0,16}") {
            match (parse(&text), serde_json::from_str::<Value>(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(ours == theirs || !has_only_whole_numbers(&theirs)),
                (Err(Unread::Malformed), Err(_)) => {}
                // The general library keeps the last of them.
                (Err(Unread::Repeated(_)), _) => {}
                // A number beyond all floating point is an error there and no whole number here.
                (Ok(ours), Err(_)) => prop_assert!(!has_only_whole_numbers(&ours)),
                (Err(Unread::Malformed), Ok(theirs)) => prop_assert!(false, "not read: {theirs}"),
            }
        }
    }
}
