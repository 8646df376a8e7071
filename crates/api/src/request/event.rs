//! Bodies about events: CreateSecretEvent and UpdateSecretEvent.

use alloc::vec::Vec;

use csms_core::{
    EventName, Problem, Rule, Violation,
    event::{EventType, EventUpdate, Target, TargetId, TargetName},
};
use serde_json::Value;

use crate::{fields::Fields, optional};

/// A read CreateSecretEvent body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateEvent {
    /// Name.
    pub name: EventName,
    /// The types it reports.
    pub types: Vec<EventType>,
    /// Whether it tells at all.
    pub enabled: bool,
    /// Where.
    pub target: Target,
}

impl CreateEvent {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::of(body)?;
        for name in ["name", "event_types", "state", "notification"] {
            fields.require(name);
        }
        let name = fields.parsed("name", EventName::parse);
        let EventUpdate { types, enabled, target } = update(&mut fields);
        let read = (name, types, enabled, target);
        fields.finish(match read {
            (Some(name), Some(types), Some(enabled), Some(target)) => Some(Self { name, types, enabled, target }),
            _ => None,
        })
    }
}

/// Reads the body of UpdateSecretEvent; what is absent stays as it is.
///
/// # Errors
/// Every problem it has.
pub fn read_event_update(body: Value) -> Result<EventUpdate, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::UPDATE_EVENT)?;
    let update = update(&mut fields);
    fields.finish(Some(update))
}

fn update(fields: &mut Fields) -> EventUpdate {
    let types = fields.list("event_types", 12, "12 items", |text| EventType::parse(&text));
    if let Some(types) = &types {
        if types.is_empty() {
            fields.report(Violation::new(Rule::TooShort, "1 item").at("event_types"));
        }
        if types.iter().enumerate().any(|(at, kind)| types.iter().skip(at + 1).any(|other| other == kind)) {
            fields.report(Violation::new(Rule::Duplicate, "").at("event_types"));
        }
    }
    let enabled = fields.parsed("state", |text| match text.as_str() {
        "ENABLED" => Ok(true),
        "DISABLED" => Ok(false),
        _ => Err(Violation::new(Rule::Choice, "ENABLED, DISABLED")),
    });
    EventUpdate { types, enabled, target: fields.object("notification", target) }
}

fn target(value: Value) -> Result<Target, Vec<Problem>> {
    let mut fields = Fields::of(value)?;
    for name in ["target_type", "target_id", "target_name"] {
        fields.require(name);
    }
    fields.parsed("target_type", |text| if text == "SMN" { Ok(()) } else { Err(Violation::new(Rule::Choice, "SMN")) });
    let id = fields.parsed("target_id", TargetId::parse);
    let name = fields.parsed("target_name", TargetName::parse);
    fields.finish(id.zip(name).map(|(id, name)| Target { id, name }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documented() -> Value {
        json!({
            "name": "event-test", "event_types": ["SECRET_VERSION_CREATED", "SECRET_VERSION_EXPIRED"], "state": "ENABLED",
            "notification": { "target_type": "SMN", "target_id": "urn:smn:cn-north-4:Test", "target_name": "Test" },
        })
    }

    #[test]
    fn the_documented_example_is_read() {
        let read = CreateEvent::read(documented()).unwrap();
        assert_eq!(read.types, [EventType::SecretVersionCreated, EventType::SecretVersionExpired]);
        assert!(read.enabled);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let body = json!({
            "name": "a.b", "event_types": ["SECRET_DELETED", "SECRET_DELETED"], "state": "ON",
            "notification": { "target_type": "MAIL", "target_id": "a b" },
        });
        let told: Vec<_> = CreateEvent::read(body).unwrap_err().into_iter().map(|problem| problem.path).collect();
        let expected = [
            "name",
            "event_types",
            "state",
            "notification.target_name",
            "notification.target_type",
            "notification.target_id",
        ];
        assert_eq!(told, expected);
        assert_eq!(CreateEvent::read(json!({})).unwrap_err().len(), 4);
    }

    #[test]
    fn an_update_leaves_what_it_does_not_name() {
        assert_eq!(read_event_update(json!({})).unwrap(), EventUpdate::default());
        let none = read_event_update(json!({ "event_types": [] })).unwrap_err();
        assert_eq!(none[0].violation.rule, Rule::TooShort);
    }
}
