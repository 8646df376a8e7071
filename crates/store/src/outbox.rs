//! The notifications of a change: the occurrences in a draft, and the notifications they become.
//!
//! Pure, and the same for every store. `csms-core` decides for which occurrences an event fires.

use csms_core::{
    EventName, UnixMillis,
    event::{Event, MAX_EVENTS, Notification, NotificationStatus},
};

use crate::{
    document,
    draft::Draft,
    entry::Entry,
    error::{Cause, StoreError},
    row,
};

impl Entry for Event {
    const KIND: &'static str = "event";
    const MOST: Option<u16> = Some(MAX_EVENTS);
}

impl Draft {
    /// The event that a change binds the secret to, if it was not bound to it before.
    pub(crate) fn new_binding(&self) -> Option<&EventName> {
        let bound = self.secret.event_subscriptions.first().filter(|_| !self.is_deleted());
        bound.filter(|event| self.bound_before() != Some(event))
    }

    /// The event that has to be looked at because something happened that it may tell of.
    pub(crate) fn event_concerned(&self) -> Option<&EventName> {
        let event = self.secret.event_subscriptions.first().or(self.bound_before());
        event.filter(|_| !self.occurrences().is_empty())
    }

    /// The notifications of `event` for all occurrences.
    pub(crate) fn notifications(&self, event: &Event) -> Vec<Notification> {
        let told = self.occurrences().iter();
        told.filter_map(|occurrence| Notification::of(event, &self.secret, occurrence)).collect()
    }
}

/// The columns of a notification in an answer, in the order in which they are selected.
pub(crate) fn read_notification(text: &[u8], checksum: i64) -> Result<Notification, StoreError> {
    document::decode(text, checksum, "a notification")
}

/// The status in a column.
pub(crate) fn read_status(word: &str) -> Result<NotificationStatus, StoreError> {
    let unknown = || StoreError::Corrupt(Cause::new("a stored notification has no status"));
    NotificationStatus::from_word(word).ok_or_else(unknown)
}

/// The number of an attempt in a column.
pub(crate) fn read_attempt(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The optional time in a column.
pub(crate) fn optional_time(time: Option<UnixMillis>) -> Option<i64> {
    time.map(row::time)
}
