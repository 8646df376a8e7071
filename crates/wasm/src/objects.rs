//! Results as JavaScript objects, by serde: what `serde-wasm-bindgen` does for structs, lists and what is in them, in a module
//! without the standard library, which that crate needs.
//!
//! A text is copied into the engine for each value; names of members are copied once and kept there. Not here: reading, and maps.
//!
//! Setting a member that an object does not have asks its prototypes first: a setter in `Object.prototype` would get the value, and
//! what it throws would end the instance. So a member that a prototype has is defined instead, which is slower.

use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::{fmt, ptr};

use js_sys::{Array, JsString, Object};
use once_cell::race::OnceBox;
use serde::ser::{self, Impossible, Serialize, SerializeSeq, SerializeStruct, Serializer};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use crate::results;

/// The members of an answer.
const ANSWER: [&str; 4] = ["ok", "value", "problems", "refusal"];

/// The value as an object, an array, a text, a number, a boolean or `null`. An integer beyond 2^53 becomes the nearest number,
/// as in JSON. What has another form, which no result contains, becomes `undefined`.
pub(crate) fn object(value: &impl Serialize) -> JsValue {
    value.serialize(Objects).unwrap_or_default()
}

/// The value has a form that no result has.
#[derive(Debug)]
struct Formless;

impl fmt::Display for Formless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has another form")
    }
}

impl core::error::Error for Formless {}

impl ser::Error for Formless {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[wasm_bindgen]
extern "C" {
    /// An object whose members are set without asking whether they can be.
    #[wasm_bindgen(extends = Object)]
    type Plain;
    #[wasm_bindgen(method, indexing_setter)]
    fn set(this: &Plain, name: JsString, value: JsValue);

    #[wasm_bindgen(js_namespace = Object)]
    fn create(prototype: &JsValue) -> Plain;
    #[wasm_bindgen(js_namespace = Reflect, js_name = has)]
    fn has(object: &Plain, name: &JsString) -> bool;
    #[wasm_bindgen(js_namespace = Reflect, js_name = has)]
    fn has_index(array: &Array, index: u32) -> bool;
    #[wasm_bindgen(js_namespace = Reflect, js_name = defineProperty)]
    fn define(object: &Plain, name: &JsString, property: &Plain) -> bool;
}

/// Gives an object a member of its own.
fn put(object: &Plain, name: JsString, value: JsValue) {
    if !has(object, &name) {
        return object.set(name, value);
    }
    // Without a prototype it has what is set here, and nothing else.
    let property = create(&JsValue::NULL);
    for switch in ["writable", "enumerable", "configurable"] {
        property.set(switch.into(), JsValue::TRUE);
    }
    property.set("value".into(), value);
    define(object, &name, &property);
}

/// The name of a member, which the engine keeps if a type of [`results`] or an answer has it.
fn name(text: &'static str) -> JsString {
    /// Copies of the names, in their order.
    static KEPT: OnceBox<Vec<JsString>> = OnceBox::new();
    let names = || ANSWER.iter().chain(results::MEMBERS);
    let kept = || Box::new(names().map(|name| JsString::from(*name)).collect());
    // Equal texts are one nearly always, and comparing addresses is quick.
    let place = names().position(|name| ptr::eq(*name, text)).or_else(|| names().position(|name| *name == text));
    place.and_then(|place| KEPT.get_or_init(kept).get(place).cloned()).unwrap_or_else(|| text.into())
}

type Done = Result<JsValue, Formless>;

/// Writes values.
#[derive(Clone, Copy)]
struct Objects;

macro_rules! numbers {
    ($($method:ident $kind:ty),+) => {
        $(fn $method(self, number: $kind) -> Done {
            self.serialize_f64(number.into())
        })+
    };
}

impl Serializer for Objects {
    type Ok = JsValue;
    type Error = Formless;
    type SerializeSeq = List;
    type SerializeTuple = Impossible<JsValue, Formless>;
    type SerializeTupleStruct = Impossible<JsValue, Formless>;
    type SerializeTupleVariant = Impossible<JsValue, Formless>;
    type SerializeMap = Impossible<JsValue, Formless>;
    type SerializeStruct = Members;
    type SerializeStructVariant = Impossible<JsValue, Formless>;

    numbers!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32);
    numbers!(serialize_f32 f32);

    fn serialize_i64(self, number: i64) -> Done {
        self.serialize_f64(number as f64)
    }

    fn serialize_u64(self, number: u64) -> Done {
        self.serialize_f64(number as f64)
    }

    fn serialize_f64(self, number: f64) -> Done {
        Ok(number.into())
    }

    fn serialize_bool(self, switch: bool) -> Done {
        Ok(switch.into())
    }

    fn serialize_char(self, letter: char) -> Done {
        self.serialize_str(&letter.to_string())
    }

    fn serialize_str(self, text: &str) -> Done {
        Ok(text.into())
    }

    fn serialize_bytes(self, _: &[u8]) -> Done {
        Err(Formless)
    }

    fn serialize_none(self) -> Done {
        Ok(JsValue::NULL)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Done {
        Err(Formless)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Formless> {
        Ok(List(Array::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Formless> {
        Err(Formless)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Formless> {
        Err(Formless)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Formless> {
        Err(Formless)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Formless> {
        Err(Formless)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members, Formless> {
        Ok(Members(Object::new().unchecked_into()))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Formless> {
        Err(Formless)
    }
}

/// An array in the making.
struct List(Array);

impl SerializeSeq for List {
    type Ok = JsValue;
    type Error = Formless;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Formless> {
        let value = value.serialize(Objects)?;
        if has_index(&self.0, self.0.length()) {
            self.0 = self.0.concat(&Array::of1(&value));
        } else {
            self.0.push(&value);
        }
        Ok(())
    }

    fn end(self) -> Done {
        Ok(self.0.into())
    }
}

/// An object in the making.
struct Members(Plain);

impl SerializeStruct for Members {
    type Ok = JsValue;
    type Error = Formless;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, member: &'static str, value: &T) -> Result<(), Formless> {
        put(&self.0, name(member), value.serialize(Objects)?);
        Ok(())
    }

    fn end(self) -> Done {
        Ok(self.0.into())
    }
}
