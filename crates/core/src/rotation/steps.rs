//! The steps that a rotation function reports beside its result, for people who look for a cause.
//!
//! A reply may have a member `steps`: a list of objects with the texts `step` and `outcome`, perhaps the time `at` in Unix
//! milliseconds, and perhaps the outcome as a message in `outcome_detail`, oldest first. It decides nothing, so anything of
//! another form is ignored.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{rotation::message::Message, time::UnixMillis};

/// Most steps that are read out of one reply; the last ones.
pub const MAX_REPORTED: usize = 12;

/// A step as a function reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedStep {
    /// What, in a word or two, such as `set password`.
    pub step: String,
    /// How it ended, in an English sentence without any secret value.
    pub outcome: String,
    /// The same as a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_detail: Option<Message>,
    /// When it was over, by the function's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<UnixMillis>,
}

/// The steps in a reply, whatever else it says; none if it is of another form.
#[must_use]
pub fn reported_steps(reply: &[u8]) -> Vec<ReportedStep> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(reply) else { return Vec::new() };
    let Some(Value::Array(steps)) = members.remove("steps") else { return Vec::new() };
    let passed_over = steps.len().saturating_sub(MAX_REPORTED);
    steps.iter().skip(passed_over).filter_map(read).collect()
}

fn read(step: &Value) -> Option<ReportedStep> {
    let text = |name: &str| step.get(name).and_then(Value::as_str).map(ToString::to_string);
    let at = step.get("at").and_then(Value::as_u64).map(UnixMillis::new);
    let outcome_detail = step.get("outcome_detail").and_then(Message::read);
    Some(ReportedStep { step: text("step")?, outcome: text("outcome").unwrap_or_default(), outcome_detail, at })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::rotation::{RotationReply, message::reasons};

    #[test]
    fn steps_are_read_and_the_result_is_as_without_them() {
        let reply = json!({
            "status": "SUCCESS", "version_id": "v2",
            "steps": [{"step": "probe pending", "outcome": "rejected", "at": 5}, "odd", {"outcome": "no word"},
                      {"step": "set password", "outcome": "done", "more": 1, "outcome_detail": {"code": "change.done"}},
                      {"step": "look", "outcome": "", "outcome_detail": "odd"}],
        });
        let steps = reported_steps(reply.to_string().as_bytes());
        let step = |step: &str, outcome: &str, outcome_detail, at| ReportedStep {
            step: step.into(),
            outcome: outcome.into(),
            outcome_detail,
            at,
        };
        let expected = [
            step("probe pending", "rejected", None, Some(UnixMillis::new(5))),
            step("set password", "done", Some(reasons::changed()), None),
            step("look", "", None, None),
        ];
        assert_eq!(steps, expected);
        let result = RotationReply::parse(reply.to_string().as_bytes());
        assert!(matches!(result, Some(RotationReply::Success { version_id, .. }) if version_id == "v2"));
    }

    #[test]
    fn of_too_many_steps_the_last_are_read() {
        let steps: Vec<_> = (0..100).map(|number| json!({"step": number.to_string(), "outcome": ""})).collect();
        let read = reported_steps(json!({ "steps": steps }).to_string().as_bytes());
        assert_eq!((read.len(), read[0].step.as_str()), (MAX_REPORTED, "88"));
    }

    #[test]
    fn a_reply_without_steps_has_none() {
        for reply in [&b"{}"[..], b"[]", b"no JSON", br#"{"steps":7}"#] {
            assert_eq!(reported_steps(reply), []);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = reported_steps(&bytes);
        }
    }
}
