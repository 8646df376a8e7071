//! Events and notifications.

use alloc::vec::Vec;

use super::{
    description::{Description, operation, problems},
    observe::{Field, field},
};
use crate::{
    Operation,
    request::{
        event::{CreateEvent, read_event_update},
        query::{ListEvents, ListRecords},
    },
    response::event::{EventResponse, ListEventsResponse, ListRecordsResponse},
};

/// What can be set when an event is made and changed later.
fn settings() -> [Field; 3] {
    [
        field("event_types", "The types that the event reports, each once."),
        field("state", "Whether the event fires: `ENABLED` or `DISABLED`."),
        field("notification", "The topic to notify.").of([
            field("target_type", "Kind of the target."),
            field("target_id", "URN of the topic."),
            field("target_name", "Name of the topic."),
        ]),
    ]
}

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::CreateSecretEvent => {
            let name = field("name", "Name, unique in the project.");
            let fields: Vec<_> = [name].into_iter().chain(settings()).collect();
            operation("Creates an event, to which secrets can subscribe.")
                .body(&|body| problems(CreateEvent::read(body)), &fields)
                .answer::<EventResponse>()
        }
        Operation::ListSecretEvents => operation("Lists events by name, a page at a time.")
            .query(
                |pairs| problems(ListEvents::read(pairs)),
                &[
                    ("limit", "Maximum number of items on the page; 50 by default."),
                    ("marker", "Name after which the page begins."),
                ],
            )
            .answer::<ListEventsResponse>(),
        Operation::ShowSecretEvent => operation("Shows an event.").answer::<EventResponse>(),
        Operation::UpdateSecretEvent => operation("Changes an event; a field that is absent stays as it is.")
            .body(&|body| problems(read_event_update(body)), &settings())
            .answer::<EventResponse>(),
        Operation::DeleteSecretEvent => operation("Deletes an event."),
        Operation::ListNotificationRecords => operation("Lists notifications, newest first.")
            .query(
                |pairs| problems(ListRecords::read(pairs)),
                &[
                    ("limit", "Maximum number of items on the page; 50 by default."),
                    ("marker", "Notification after which the page begins."),
                ],
            )
            .answer::<ListRecordsResponse>(),
        _ => return None,
    })
}
