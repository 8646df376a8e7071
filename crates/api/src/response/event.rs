//! Responses about events and notifications. Times are milliseconds since 1970.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use csms_core::event::{Event, EventType, Notification, NotificationStatus, Target};
use serde::{Deserialize, Serialize};

use super::PageInfo;

/// Where notifications go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TargetInfo {
    /// `SMN`, the one kind there is.
    pub target_type: String,
    /// URN of the topic.
    pub target_id: String,
    /// Name of the topic.
    pub target_name: String,
}

impl From<&Target> for TargetInfo {
    fn from(target: &Target) -> Self {
        Self { target_type: "SMN".to_owned(), target_id: target.id.to_string(), target_name: target.name.to_string() }
    }
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventInfo {
    /// Its name.
    pub name: String,
    /// Its identifier.
    pub event_id: String,
    /// What it notifies of.
    pub event_types: Vec<String>,
    /// `ENABLED` or `DISABLED`.
    pub state: String,
    /// When it was created.
    pub create_time: u64,
    /// When it last changed.
    pub update_time: u64,
    /// Where its notifications go.
    pub notification: TargetInfo,
}

impl From<&Event> for EventInfo {
    fn from(event: &Event) -> Self {
        Self {
            name: event.name.to_string(),
            event_id: event.id.clone(),
            event_types: event.types.iter().copied().map(EventType::as_str).map(str::to_owned).collect(),
            state: if event.enabled { "ENABLED" } else { "DISABLED" }.to_owned(),
            create_time: event.create_time.as_millis(),
            update_time: event.update_time.as_millis(),
            notification: TargetInfo::from(&event.target),
        }
    }
}

/// Response of CreateSecretEvent, ShowSecretEvent and UpdateSecretEvent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventResponse {
    /// The event.
    pub event: EventInfo,
}

/// Response of ListSecretEvents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListEventsResponse {
    /// The page, by name.
    pub events: Vec<EventInfo>,
    /// Its place.
    pub page_info: PageInfo,
}

/// A notification that was sent, or could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordInfo {
    /// Name of the event.
    pub event_name: String,
    /// What happened.
    pub trigger_event_type: String,
    /// When it happened.
    pub create_time: u64,
    /// Name of the secret to which it happened.
    pub secret_name: String,
    /// The type of that secret.
    pub secret_type: String,
    /// Name of the topic.
    pub notification_target_name: String,
    /// URN of the topic.
    pub notification_target_id: String,
    /// The message, JSON in text.
    pub notification_content: String,
    /// Whether the topic has taken it.
    pub notification_status: String,
}

impl RecordInfo {
    /// The record of a notification.
    #[must_use]
    pub fn of(notification: &Notification, status: NotificationStatus) -> Self {
        Self {
            event_name: notification.event_name.to_string(),
            trigger_event_type: notification.kind.as_str().to_owned(),
            create_time: notification.create_time.as_millis(),
            secret_name: notification.secret_name.clone(),
            secret_type: notification.secret_type.as_str().to_owned(),
            notification_target_name: notification.target.name.to_string(),
            notification_target_id: notification.target.id.to_string(),
            notification_content: notification.content.clone(),
            notification_status: status.as_str().to_owned(),
        }
    }
}

/// Response of ListNotificationRecords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListRecordsResponse {
    /// The page, newest first.
    pub records: Vec<RecordInfo>,
    /// Its place; its markers are identifiers of notifications.
    pub page_info: PageInfo,
}
