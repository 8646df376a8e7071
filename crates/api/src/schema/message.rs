//! The schema of a message about a rotation. The type itself is `csms_core::rotation::Message`, which knows no schemas.

use alloc::{collections::BTreeMap, string::String};

use serde_json::Value;

/// What people are told about a rotation, for programs and for sentences in several languages.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "it is described and never made")]
pub(crate) struct Message {
    /// Which message it is, such as `cause.unreachable`; the list may grow.
    pub(crate) code: String,
    /// What fills its sentence: each a number, a text, a message or a list of messages. Absent when nothing does.
    #[schemars(skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<BTreeMap<String, Value>>,
}
