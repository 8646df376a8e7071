//! JSON (RFC 8259) as far as protected headers and JSON Web Keys need it: a strict reader and a writer.
//!
//! The reader takes one object and refuses a duplicate name, however it is escaped. It keeps texts, whole
//! numbers and objects; lists, `true`, `false`, `null` and other numbers are checked and forgotten, for no member that
//! is used here has one. Texts may be keys, so they are wiped.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::str::Chars;

use zeroize::Zeroizing;

/// How deep objects and lists may be nested.
const DEPTH: u8 = 4;

/// Why a text was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonError {
    /// Not one JSON object.
    Syntax,
    /// A name is duplicated in one object.
    Duplicate,
}

/// A member's value.
pub(super) enum Value {
    /// A text.
    Text(Zeroizing<String>),
    /// A whole number, 0 to 2^64 - 1, written without fraction and exponent.
    Count(u64),
    /// An object.
    Object(Object),
    /// Anything else.
    Other,
}

/// An object whose members are taken out one by one; what remains was not expected.
pub(super) struct Object(Vec<(Zeroizing<String>, Value)>);

impl Object {
    /// Reads a text that is one object.
    pub(super) fn parse(text: &str) -> Result<Self, JsonError> {
        let mut reader = Reader { rest: text };
        reader.skip_space();
        let object = reader.object(DEPTH)?;
        reader.skip_space();
        if reader.rest.is_empty() { Ok(object) } else { Err(JsonError::Syntax) }
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(known, _)| known.as_str() == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Whether no member is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is still to be read.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Skips `token` if it comes next.
    fn eat(&mut self, token: &str) -> bool {
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), JsonError> {
        if self.eat(token) { Ok(()) } else { Err(JsonError::Syntax) }
    }

    /// Reads items separated by commas, up to and with the token `close`.
    fn sequence(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.skip_space();
        if self.eat(close) {
            return Ok(());
        }
        loop {
            self.skip_space();
            item(self)?;
            self.skip_space();
            if self.eat(close) {
                return Ok(());
            }
            self.expect(",")?;
        }
    }

    fn object(&mut self, depth: u8) -> Result<Object, JsonError> {
        let depth = depth.checked_sub(1).ok_or(JsonError::Syntax)?;
        self.expect("{")?;
        let mut members: Vec<(Zeroizing<String>, Value)> = Vec::new();
        self.sequence("}", |reader| {
            let name = reader.text()?;
            if members.iter().any(|(known, _)| *known == name) {
                return Err(JsonError::Duplicate);
            }
            reader.skip_space();
            reader.expect(":")?;
            reader.skip_space();
            let value = reader.value(depth)?;
            members.push((name, value));
            Ok(())
        })?;
        Ok(Object(members))
    }

    fn value(&mut self, depth: u8) -> Result<Value, JsonError> {
        match self.rest.chars().next() {
            Some('"') => Ok(Value::Text(self.text()?)),
            Some('{') => Ok(Value::Object(self.object(depth)?)),
            Some('[') => {
                let depth = depth.checked_sub(1).ok_or(JsonError::Syntax)?;
                self.expect("[")?;
                self.sequence("]", |reader| reader.value(depth).map(|_| ()))?;
                Ok(Value::Other)
            }
            Some('-' | '0'..='9') => self.number(),
            _ if self.eat("true") || self.eat("false") || self.eat("null") => Ok(Value::Other),
            _ => Err(JsonError::Syntax),
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let is_part = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
        let after = self.rest.trim_start_matches(is_part);
        let end = self.rest.len().saturating_sub(after.len());
        let text = self.rest.get(..end).ok_or(JsonError::Syntax)?;
        self.rest = after;

        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let no_leading_zero = whole == "0" || !whole.starts_with('0');
        if !(digits(whole) && no_leading_zero && fraction.is_none_or(digits) && exponent.is_none_or(digits)) {
            return Err(JsonError::Syntax);
        }
        // Equal only if there is no sign, fraction or exponent.
        let count = if whole == text { text.parse().ok() } else { None };
        Ok(count.map_or(Value::Other, Value::Count))
    }

    fn text(&mut self) -> Result<Zeroizing<String>, JsonError> {
        self.expect("\"")?;
        let mut escaped = false;
        let is_end = |c: char| {
            let end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        };
        let (raw, after) = self.rest.split_once(is_end).ok_or(JsonError::Syntax)?;
        self.rest = after;

        // As long as it can get, so that it never moves and leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(raw.len()));
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            text.push(match c {
                '\\' => unescape(&mut chars).ok_or(JsonError::Syntax)?,
                '\0'..='\x1f' => return Err(JsonError::Syntax),
                c => c,
            });
        }
        Ok(text)
    }
}

/// The character of an escape, whose backslash has been read.
fn unescape(chars: &mut Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = code_unit(chars)?;
            if !(0xd800..0xdc00).contains(&first) {
                return char::from_u32(u32::from(first));
            }
            if (chars.next()?, chars.next()?) != ('\\', 'u') {
                return None;
            }
            char::decode_utf16([first, code_unit(chars)?]).next()?.ok()?
        }
        _ => return None,
    })
}

/// A UTF-16 code unit of four hexadecimal digits.
fn code_unit(chars: &mut Chars<'_>) -> Option<u16> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit << 4 | u16::try_from(chars.next()?.to_digit(16)?).ok()?;
    }
    Some(unit)
}

/// Writes one object, members in the order of the calls, without spaces. What is written is wiped when dropped.
pub(super) struct Writer(Zeroizing<String>);

impl Writer {
    /// Begins an object. `capacity` is the length to expect, in bytes; a text that outgrows it leaves copies behind.
    pub(super) fn new(capacity: usize) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        text.push('{');
        Self(text)
    }

    /// Writes a member that is a text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.quoted(value);
    }

    /// Writes a member that is a whole number.
    pub(super) fn count(&mut self, name: &str, value: u32) {
        self.name(name);
        self.0.push_str(&value.to_string());
    }

    /// Writes a member that is an object.
    pub(super) fn object(&mut self, name: &str, members: impl FnOnce(&mut Self)) {
        self.name(name);
        self.0.push('{');
        members(self);
        self.0.push('}');
    }

    /// Ends the object.
    pub(super) fn finish(mut self) -> Zeroizing<String> {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        // A text ends with its quote, so a brace at the end has just been opened.
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        self.quoted(name);
        self.0.push(':');
    }

    fn quoted(&mut self, text: &str) {
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                '\0'..='\x1f' => {
                    self.0.push_str("\\u00");
                    for digit in [u32::from(c) >> 4, u32::from(c) & 15] {
                        self.0.push(char::from_digit(digit, 16).unwrap_or('0'));
                    }
                }
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }
}

#[cfg(test)]
mod tests {
    use std::{format, string::String};

    use proptest::prelude::*;

    use super::*;

    fn text(object: &mut Object, name: &str) -> Option<String> {
        match object.take(name) {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    #[test]
    fn members_of_every_kind_are_read() {
        let mut object = Object::parse(
            " { \"a\" : \"x\" ,\t\"n\":310000, \"o\":{\"i\":\"j\"},\"l\":[1,[],\"]\",{}],\"t\":true,\"f\":-1.5e+3}\r\n",
        )
        .unwrap();
        assert_eq!(text(&mut object, "a").unwrap(), "x");
        assert!(matches!(object.take("n"), Some(Value::Count(310_000))));
        let Some(Value::Object(mut inner)) = object.take("o") else { panic!("o is an object") };
        assert_eq!(text(&mut inner, "i").unwrap(), "j");
        assert!(inner.is_empty());
        for other in ["l", "t", "f"] {
            assert!(matches!(object.take(other), Some(Value::Other)), "{other}");
        }
        assert!(object.take("a").is_none());
        assert!(object.is_empty());
    }

    #[test]
    fn escapes_are_read_as_their_characters() {
        let mut object = Object::parse(r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000"}"#).unwrap();
        assert_eq!(text(&mut object, "a").unwrap(), "\"\\/\x08\x0c\n\r\té😀\0");
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_however_it_is_escaped() {
        for twice in [
            r#"{"alg":"dir","alg":"dir"}"#,
            r#"{"alg":"dir","\u0061lg":"dir"}"#,
            r#"{"a":{"b":1,"\u0062":1}}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
        ] {
            assert_eq!(Object::parse(twice).err(), Some(JsonError::Duplicate), "{twice}");
        }
    }

    #[test]
    fn text_that_is_not_one_json_object_is_refused() {
        for wrong in [
            "",
            "[]",
            "\"a\"",
            "{",
            "}",
            "{}{}",
            "{} x",
            "{,}",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{a:1}"#,
            r#"{"a":}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e}"#,
            r#"{"a":+1}"#,
            r#"{"a":--1}"#,
            r#"{"a":1e5e5}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[1}"#,
            r#"{"a":tru}"#,
            r#"{"a":NaN}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00"}"#,
            r#"{"a":"\ud800\u0041"}"#,
            r#"{"a":"b}"#,
            r#"{"a":"b\"}"#,
            "{\"a\":\"\n\"}",
            "\u{feff}{}",
        ] {
            assert_eq!(Object::parse(wrong).err(), Some(JsonError::Syntax), "{wrong}");
        }
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused() {
        assert!(Object::parse(r#"{"a":{"b":{"c":[]}}}"#).is_ok());
        assert_eq!(Object::parse(r#"{"a":{"b":{"c":[[]]}}}"#).err(), Some(JsonError::Syntax));
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(Object::parse(&deep).err(), Some(JsonError::Syntax));
    }

    #[test]
    fn a_number_beyond_64_bits_is_no_count() {
        let mut object = Object::parse(r#"{"a":18446744073709551615,"b":18446744073709551616}"#).unwrap();
        assert!(matches!(object.take("a"), Some(Value::Count(u64::MAX))));
        assert!(matches!(object.take("b"), Some(Value::Other)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_here_and_by_serde_json(key in ".{0,8}", value in ".{0,20}", number: u32) {
            let mut writer = Writer::new(0);
            writer.object("inner", |inner| {
                inner.text(&key, &value);
            });
            writer.text(&format!("{key}2"), &value);
            writer.count("n", number);
            let written = writer.finish();
            let known: serde_json::Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&known["inner"][&key], &value);
            prop_assert_eq!(&known["n"], number);
            let mut object = Object::parse(&written).unwrap();
            let Some(Value::Object(mut inner)) = object.take("inner") else { panic!("inner is an object") };
            prop_assert_eq!(text(&mut inner, &key).unwrap(), value);
        }

        #[test]
        fn what_serde_json_refuses_is_refused_here(text in r#"[{}\[\]:,"a\\u01. -]{0,12}"#) {
            if Object::parse(&text).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap().is_object());
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = Object::parse(&text);
        }
    }
}
