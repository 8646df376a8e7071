//! Events: create, list, show, update, delete; and the records of what they told.

use csms_api::{
    fields::both,
    request::{
        event::{CreateEvent, read_event_update},
        query::{ListEvents, ListRecords},
    },
    response::{
        PageInfo,
        event::{EventInfo, EventResponse, ListEventsResponse, ListRecordsResponse, RecordInfo},
    },
};
use csms_core::{
    EventName, Problem, Refusal, Rule, Violation,
    event::{Event, EventType, Occurrence},
    identity::make_uuid,
};
use csms_store::{ChangeError, EntryChange, Store, StoreError};
use getrandom::SysRng;

use crate::{clock::Clock, failure::Failure, gate::answer::Answer, gate::pipeline::Call};

fn answer(event: &Event) -> Result<Answer, Failure> {
    Answer::json(&EventResponse { event: EventInfo::from(event) })
}

fn event_name(call: &Call) -> Result<EventName, Vec<Problem>> {
    call.path("event_name", EventName::parse)
}

/// Something that happens now to a secret as a whole.
///
/// # Errors
/// Failures of the random number generator.
pub fn occurrence(kind: EventType, clock: &Clock) -> Result<Occurrence, Failure> {
    Ok(Occurrence::of_secret(make_uuid(&mut SysRng)?, kind, clock.now()))
}

/// CreateSecretEvent
///
/// # Errors
/// Every problem of the request; a taken name.
pub async fn create(call: &Call) -> Result<Answer, Failure> {
    let CreateEvent { name, types, enabled, target } = CreateEvent::read(call.body()?)?;
    let now = call.app.clock.now();
    let id = make_uuid(&mut SysRng)?;
    let event = Event { id, name: name.clone(), types, enabled, target, create_time: now, update_time: now };
    let made = answer(&event)?;
    let create = move |present: Option<Event>| match present {
        Some(_) => Err(Refusal::EventExists),
        None => Ok((EntryChange::Put(event), ())),
    };
    match call.app.store.change_entry(&call.project, name.as_str(), create).await {
        Ok(()) => Ok(made),
        // Another made it at the same time.
        Err(ChangeError::Store(StoreError::Conflict(_))) => Err(Refusal::EventExists.into()),
        Err(error) => Err(error.into()),
    }
}

/// ListSecretEvents
///
/// # Errors
/// Every problem of the parameters.
pub async fn list(call: &Call) -> Result<Answer, Failure> {
    let query = ListEvents::read(&call.query())?;
    let page = call.app.store.entries::<Event>(&call.project, query.marker.as_deref(), query.limit.get()).await?;
    let page_info = PageInfo::of(page.items.iter().map(|(name, _)| name.as_str()), page.more);
    let events = page.items.iter().map(|(_, event)| EventInfo::from(event)).collect();
    Answer::json(&ListEventsResponse { events, page_info })
}

/// ShowSecretEvent
///
/// # Errors
/// No such event.
pub async fn show(call: &Call) -> Result<Answer, Failure> {
    let event = call.app.store.entry::<Event>(&call.project, event_name(call)?.as_str()).await?;
    answer(&event.ok_or(Refusal::EventNotFound)?)
}

/// UpdateSecretEvent
///
/// # Errors
/// Every problem of the request; no such event.
pub async fn update(call: &Call) -> Result<Answer, Failure> {
    let (name, update) = both(event_name(call), read_event_update(call.body()?))?;
    let now = call.app.clock.now();
    let change = move |present: Option<Event>| {
        let mut event = present.ok_or(Refusal::EventNotFound)?;
        event.update(update, now);
        Ok::<_, Refusal>((EntryChange::Put(event.clone()), event))
    };
    answer(&call.app.store.change_entry(&call.project, name.as_str(), change).await?)
}

/// DeleteSecretEvent
///
/// # Errors
/// No such event; secrets that subscribe to it.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let name = event_name(call)?;
    let remove = |present: Option<Event>| {
        present.ok_or(Refusal::EventNotFound)?;
        Ok::<_, Refusal>((EntryChange::Remove, ()))
    };
    match call.app.store.change_entry(&call.project, name.as_str(), remove).await {
        Err(ChangeError::Store(StoreError::InUse)) => Err(Refusal::EventInUse.into()),
        done => Ok(done.map(|()| Answer::Empty)?),
    }
}

/// ListNotificationRecords
///
/// # Errors
/// Every problem of the parameters; a marker that is no notification of the project.
pub async fn list_records(call: &Call) -> Result<Answer, Failure> {
    let query = ListRecords::read(&call.query())?;
    let page = match call.app.store.notifications(&call.project, query.marker.as_deref(), query.limit.get()).await {
        Err(StoreError::NotFound) => {
            let unknown = Violation::new(Rule::Unknown, "a notification of the project");
            return Err(vec![unknown.at("marker")].into());
        }
        page => page?,
    };
    let page_info = PageInfo::of(page.items.iter().map(|(notification, _)| notification.id.as_str()), page.more);
    let records = page.items.iter().map(|(notification, status)| RecordInfo::of(notification, *status));
    Answer::json(&ListRecordsResponse { records: records.collect(), page_info })
}
