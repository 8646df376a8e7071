//! Events and the records of their notifications.

use csms_api::{
    Operation,
    response::event::{EventResponse, ListEventsResponse, ListRecordsResponse},
};
use csms_core::EventName;

use super::{Client, NO_BODY, NO_QUERY, page};
use crate::{
    error::ClientError,
    request::{CreateEventBody, UpdateEventBody},
};

impl Client {
    operation! {
        /// CreateSecretEvent
        create_event(body: &CreateEventBody<'_>) -> EventResponse = CreateSecretEvent, [], NO_QUERY, Some(body)
    }
    operation! {
        /// ListSecretEvents: one page, after `marker`.
        list_events(limit: u16, marker: Option<&str>) -> ListEventsResponse = ListSecretEvents, [], &page(limit, marker), NO_BODY
    }
    operation! {
        /// ShowSecretEvent
        show_event(name: &EventName) -> EventResponse = ShowSecretEvent, [name.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// UpdateSecretEvent
        update_event(name: &EventName, body: &UpdateEventBody<'_>) -> EventResponse = UpdateSecretEvent, [name.as_str()], NO_QUERY, Some(body)
    }
    operation! {
        /// DeleteSecretEvent
        delete_event(name: &EventName) -> () = DeleteSecretEvent, [name.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// ListNotificationRecords: one page, after `marker`.
        list_notification_records(limit: u16, marker: Option<&str>) -> ListRecordsResponse = ListNotificationRecords, [], &page(limit, marker), NO_BODY
    }
}
