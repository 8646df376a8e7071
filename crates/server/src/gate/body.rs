//! JSON that is looked at and dropped, with its texts wiped: a request may hold a value or a key.
//!
//! What readers of requests take out of a body is their own.

use std::ops::Deref;

use serde_json::Value;
use zeroize::Zeroize;

/// JSON whose texts are wiped when it is dropped.
pub(crate) struct WipedJson(Value);

impl WipedJson {
    /// Reads a body; `None` when it is not JSON.
    #[must_use]
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).map(Self).ok()
    }
}

impl Deref for WipedJson {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for WipedJson {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Empties every text, at any depth.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_at_every_depth_are_wiped() {
        let mut value = json!({ "a": "x", "b": [{ "c": ["y", 1] }], "d": true });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": [{ "c": ["", 1] }], "d": true }));
    }

    #[test]
    fn what_is_not_json_is_none() {
        assert!(WipedJson::read(b"{").is_none());
        assert_eq!(WipedJson::read(b"{\"a\":1}").unwrap()["a"], 1);
    }
}
