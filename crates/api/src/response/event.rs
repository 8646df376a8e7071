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
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct TargetInfo {
    pub target_type: String,
    pub target_id: String,
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
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct EventInfo {
    pub name: String,
    pub event_id: String,
    pub event_types: Vec<String>,
    pub state: String,
    pub create_time: u64,
    pub update_time: u64,
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
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct RecordInfo {
    pub event_name: String,
    pub trigger_event_type: String,
    pub create_time: u64,
    pub secret_name: String,
    pub secret_type: String,
    pub notification_target_name: String,
    pub notification_target_id: String,
    pub notification_content: String,
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
