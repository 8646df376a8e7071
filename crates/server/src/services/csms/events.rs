//! Events: create, list, show, update, delete; and the records of what they told.

use csms_api::{
    ErrorCode,
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
use csms_core::{EventName, Problem, Refusal, Rule, Violation, event::Event, identity::make_uuid};
use csms_store::{ChangeError, EntryChange, Store, StoreError};
use getrandom::SysRng;

use crate::{
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        json::Body,
        service::{Call, Prepared, Subject},
    },
};

fn answer(event: &Event) -> Result<Answer, Failure> {
    Answer::json(&EventResponse { event: EventInfo::from(event) })
}

fn event_name(call: &Call) -> Result<EventName, Vec<Problem>> {
    call.path("event_name", EventName::parse)
}

/// Refuses a topic that the server may not publish to for the project: it would sign the call with keys of its own.
fn require_own_topic(is_own: bool) -> Result<(), Failure> {
    if is_own {
        return Ok(());
    }
    let rule = "notification.target_id must name a topic of the project, one with a webhook that is no other project's, or \
                one that --topic-allow of the server names";
    Err(Failure::new(ErrorCode::Forbidden, rule))
}

/// CreateSecretEvent
///
/// # Errors
/// Every problem of the request; of the work: a taken name.
pub fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let CreateEvent { name, types, enabled, target } = CreateEvent::read(body.object()?)?;
    let is_own = call.app.channels.may_name(&call.project, &target.id);
    let subject = Subject::target(name.as_str());
    let prepared = Prepared::new(vec![call.all(Kind::Secret)], async move {
        require_own_topic(is_own)?;
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
            Err(ChangeError::Store(StoreError::Full(_))) => Err(Refusal::EventQuota.into()),
            Err(error) => Err(error.into()),
        }
    });
    Ok(prepared.about(subject))
}

/// ListSecretEvents
///
/// # Errors
/// Every problem of the parameters.
pub fn list(call: Call) -> Result<Prepared, Failure> {
    let query = ListEvents::read(call.query())?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let page = call.app.store.entries::<Event>(&call.project, query.marker.as_deref(), query.limit.get()).await?;
        let page_info = PageInfo::of(page.items.iter().map(|(name, _)| name.as_str()), page.more);
        let events = page.items.iter().map(|(_, event)| EventInfo::from(event)).collect();
        Answer::json(&ListEventsResponse { events, page_info })
    }))
}

/// ShowSecretEvent
///
/// # Errors
/// A malformed name; of the work: no such event.
pub fn show(call: Call) -> Result<Prepared, Failure> {
    let name = event_name(&call)?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let event = call.app.store.entry::<Event>(&call.project, name.as_str()).await?;
        answer(&event.ok_or(Refusal::EventNotFound)?)
    }))
}

/// UpdateSecretEvent
///
/// # Errors
/// Every problem of the request; of the work: no such event.
pub fn update(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, update) = both(event_name(&call), read_event_update(body.object()?))?;
    let is_own = update.target.as_ref().is_none_or(|target| call.app.channels.may_name(&call.project, &target.id));
    let subject = Subject::target(name.as_str());
    let prepared = Prepared::new(vec![call.all(Kind::Secret)], async move {
        require_own_topic(is_own)?;
        let now = call.app.clock.now();
        let change = move |present: Option<Event>| {
            let mut event = present.ok_or(Refusal::EventNotFound)?;
            event.update(update, now);
            Ok::<_, Refusal>((EntryChange::Put(event.clone()), event))
        };
        answer(&call.app.store.change_entry(&call.project, name.as_str(), change).await?)
    });
    Ok(prepared.about(subject))
}

/// DeleteSecretEvent
///
/// # Errors
/// A malformed name; of the work: no such event; secrets that subscribe to it.
pub fn delete(call: Call) -> Result<Prepared, Failure> {
    let name = event_name(&call)?;
    let subject = Subject::target(name.as_str());
    let prepared = Prepared::new(vec![call.all(Kind::Secret)], async move {
        let remove = |present: Option<Event>| {
            present.ok_or(Refusal::EventNotFound)?;
            Ok::<_, Refusal>((EntryChange::Remove, ()))
        };
        match call.app.store.change_entry(&call.project, name.as_str(), remove).await {
            Err(ChangeError::Store(StoreError::InUse)) => Err(Refusal::EventInUse.into()),
            done => Ok(done.map(|()| Answer::Empty)?),
        }
    });
    Ok(prepared.about(subject))
}

/// ListNotificationRecords
///
/// # Errors
/// Every problem of the parameters; of the work: a marker that is no notification of the project.
pub fn list_records(call: Call) -> Result<Prepared, Failure> {
    let query = ListRecords::read(call.query())?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let found = call.app.store.notifications(&call.project, query.marker.as_deref(), query.limit.get());
        let page = match found.await {
            Err(StoreError::NotFound) => {
                let unknown = Violation::new(Rule::Unknown, "a notification of the project");
                return Err(vec![unknown.at("marker")].into());
            }
            page => page?,
        };
        let page_info = PageInfo::of(page.items.iter().map(|(notification, _)| notification.id.as_str()), page.more);
        let records = page.items.iter().map(|(notification, status)| RecordInfo::of(notification, *status));
        Answer::json(&ListRecordsResponse { records: records.collect(), page_info })
    }))
}
