//! A request's body as JSON: read once, strictly, into a value that is wiped when it is dropped.
//!
//! A repeated member is an error at every depth, because two readers of such a text may see different values. Knows no
//! request; what the members mean is read in `csms-api`.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use axum::body::Bytes;
use csms_api::ErrorCode;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::failure::Failure;

/// The longest member name that an error repeats, in characters.
const MAX_SHOWN_NAME: usize = 64;

/// Values in one body, those at every depth counted. The largest request, a hundred secrets with their tags, has a third as many.
/// Each costs memory however short it is written, an object some hundred times its two bytes.
const MAX_VALUES: usize = 20_000;

/// The body of a request, not read yet. Reading takes it, so there is one reading. Has no `Debug`: it may hold a value.
pub struct Body {
    content: Content,
    encoding: Option<String>,
}

enum Content {
    /// As it was sent.
    Sent(Bytes),
    /// A part of another body, which has been read.
    Read(Wiped),
}

/// How a body begins that was compressed with gzip.
const GZIP: &[u8] = &[0x1f, 0x8b];

impl Body {
    /// The bytes of a body.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self { content: Content::Sent(bytes), encoding: None }
    }

    /// A body that stands in another one, and was read with it.
    #[must_use]
    pub const fn read(value: Value) -> Self {
        Self { content: Content::Read(Wiped(value)), encoding: None }
    }

    /// The same bytes, to which their sender says this was done.
    #[must_use]
    pub fn encoded(self, encoding: Option<String>) -> Self {
        Self { encoding, ..self }
    }

    /// What the body says, before an operation takes it; `None` when that is no JSON. Read here, it is not read again.
    pub fn look(&mut self) -> Option<&Value> {
        if let Content::Sent(bytes) = &self.content
            && self.encoding.is_none()
        {
            self.content = Content::Read(Wiped(read(bytes).ok()?));
        }
        match &self.content {
            Content::Read(value) => Some(value),
            Content::Sent(_) => None,
        }
    }

    /// The body as it was sent, for operations whose body is not JSON of ours.
    ///
    /// # Errors
    /// CSMS.0004 with the encoding of a body that is not sent as it is; a value that cannot be written, which none is that was read.
    pub fn into_bytes(self) -> Result<Bytes, Failure> {
        match self.content {
            Content::Sent(bytes) => {
                refuse_encoding(self.encoding, &bytes)?;
                Ok(bytes)
            }
            Content::Read(value) => {
                let text = Zeroizing::new(serde_json::to_vec(&*value).map_err(Failure::internal)?);
                Ok(Bytes::from_owner(text))
            }
        }
    }

    /// The body as a JSON object; an empty body counts as `{}`, so that what is missing in it is named.
    ///
    /// # Errors
    /// CSMS.0004 when it is no JSON object, or when it repeats a member; the message names the member or the place, and
    /// never quotes a value.
    pub fn object(self) -> Result<Value, Failure> {
        let value = match self.content {
            Content::Read(value) => value.release(),
            Content::Sent(bytes) if bytes.is_empty() => Value::Object(Map::new()),
            Content::Sent(bytes) => {
                refuse_encoding(self.encoding, &bytes)?;
                read(&bytes)?
            }
        };
        if value.is_object() {
            return Ok(value);
        }
        drop(Wiped(value));
        Err(Failure::new(ErrorCode::InvalidBody, ""))
    }

    /// The body as a JSON object that is wiped when it is dropped, for readers that copy what they need.
    ///
    /// # Errors
    /// As [`Body::object`].
    pub fn wiped_object(self) -> Result<Wiped, Failure> {
        self.object().map(Wiped)
    }
}

/// Refuses a body that is not sent as it is.
///
/// # Errors
/// CSMS.0004 with the encoding.
fn refuse_encoding(encoding: Option<String>, bytes: &[u8]) -> Result<(), Failure> {
    let gzip = || bytes.starts_with(GZIP).then(|| "gzip".to_owned());
    let Some(encoding) = encoding.or_else(gzip) else { return Ok(()) };
    let detail = format!("Content-Encoding {encoding} is not supported; send the body as it is");
    Err(Failure::new(ErrorCode::InvalidBody, detail))
}

/// The byte order mark that some clients write before a text. The signature covers it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a JSON text.
fn read(text: &[u8]) -> Result<Value, Failure> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let (refused, left) = (RefCell::new(None), Cell::new(MAX_VALUES));
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { refused: &refused, left: &left }.deserialize(&mut reader).and_then(|value| {
        let value = Wiped(value);
        reader.end().map(|()| value.release())
    });
    value.map_err(|error| {
        // The parser's own message could quote the body.
        let place = format!("line {} column {}", error.line(), error.column());
        let detail = match refused.take() {
            Some(Refused::Repeated(Some(name))) => format!("the member {name} is repeated at {place}"),
            Some(Refused::Repeated(None)) => format!("a member is repeated at {place}"),
            Some(Refused::TooMany) => format!("a body has at most {MAX_VALUES} values"),
            None => place,
        };
        Failure::new(ErrorCode::InvalidBody, detail)
    })
}

/// A value that is wiped when it is dropped, unless it is released: a text that turns out to be malformed leaves nothing behind.
/// Has no `Debug`: it may hold a value.
pub struct Wiped(Value);

impl std::ops::Deref for Wiped {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Wiped {
    fn release(mut self) -> Value {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Empties every text of a value, at any depth.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Why a text is refused that is JSON.
enum Refused {
    /// A member is repeated: this one, if its name is fit to be shown.
    Repeated(Option<String>),
    /// It has more than [`MAX_VALUES`].
    TooMany,
}

/// Reads a value, counts those in it, and notes why it is refused.
#[derive(Clone, Copy)]
struct Strict<'r> {
    refused: &'r RefCell<Option<Refused>>,
    left: &'r Cell<usize>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, why: Refused) -> E {
        *self.refused.borrow_mut() = Some(why);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else { return Err(self.refuse(Refused::TooMany)) };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Wiped(Value::Array(Vec::new()));
        while let Some(item) = items.next_element_seed(self)? {
            if let Value::Array(list) = &mut read.0 {
                list.push(item);
            }
        }
        Ok(read.release())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Wiped(Value::Object(Map::new()));
        while let Some(name) = members.next_key::<String>()? {
            let Value::Object(object) = &mut read.0 else { break };
            if object.contains_key(&name) {
                let fits = name.len() <= MAX_SHOWN_NAME && name.bytes().all(|byte| byte.is_ascii_graphic());
                return Err(self.refuse(Refused::Repeated(fits.then_some(name))));
            }
            object.insert(name, members.next_value_seed(self)?);
        }
        Ok(read.release())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn message(text: &str) -> String {
        let failure = read(text.as_bytes()).unwrap_err();
        assert_eq!(failure.error.code, ErrorCode::InvalidBody);
        failure.error.message
    }

    #[test]
    fn texts_at_every_depth_are_wiped() {
        let mut value = json!({ "a": "x", "b": [{ "c": ["y", 1] }], "d": true });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": [{ "c": ["", 1] }], "d": true }));
    }

    #[test]
    fn a_repeated_member_is_named_at_any_depth_and_however_it_is_written() {
        for text in [
            r#"{"name":1,"name":2}"#,
            r#"{"name":1,"n\u0061me":1}"#,
            r#"{"a":{"name":1,"b":2,"name":1}}"#,
            r#"{"a":[{"name":1,"name":1}]}"#,
        ] {
            assert!(message(text).contains("the member name is repeated"), "{text}");
        }
    }

    #[test]
    fn an_error_quotes_no_value_and_no_name_that_is_not_fit_to_be_shown() {
        let long = "x".repeat(MAX_SHOWN_NAME + 1);
        assert!(!message(&format!(r#"{{"{long}":1,"{long}":2}}"#)).contains(&long));
        assert!(!message(r#"{"a":"hunter2",}"#).contains("hunter2"));
        assert!(message(r#"{"a":}"#).contains("line 1 column 6"));
        assert!(message(r#"{"a":1} x"#).contains("line 1"));
    }

    #[test]
    fn a_compressed_body_is_refused_by_the_name_of_its_encoding() {
        let reason = |body: Body| body.object().unwrap_err().error.message;
        let bytes = Bytes::from_static(&[0x1f, 0x8b, 8, 0]);
        assert!(reason(Body::new(bytes.clone())).contains("Content-Encoding gzip is not supported"));
        assert!(
            reason(Body::new(bytes).encoded(Some("br".to_owned()))).contains("Content-Encoding br is not supported")
        );
        assert!(Body::new(Bytes::new()).encoded(Some("gzip".to_owned())).object().is_ok());
    }

    #[test]
    fn a_byte_order_mark_before_the_text_is_passed_over_once() {
        assert_eq!(read("\u{feff}{\"a\":1}".as_bytes()).unwrap(), json!({ "a": 1 }));
        assert!(read("\u{feff}\u{feff}{}".as_bytes()).is_err());
    }

    #[test]
    fn a_body_has_so_many_values_and_no_more() {
        let of = |count: usize| format!("[{}{{}}]", "{\"\":0},".repeat(count / 2 - 1));
        assert!(read(of(MAX_VALUES).as_bytes()).is_ok());
        assert!(message(&of(MAX_VALUES + 2)).contains("at most 20000 values"));
        assert!(message(&format!("[{}0]", "[],".repeat(MAX_VALUES))).contains("at most 20000 values"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("\\PC{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_repeats_nothing_is_read_as_a_general_reader_reads_it(value in any_json()) {
            let text = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(read(&text).unwrap(), serde_json::from_slice::<Value>(&text).unwrap());
        }
    }
}
