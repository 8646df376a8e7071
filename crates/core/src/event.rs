//! Events: which changes of secrets are reported to which topic, and the notification of one.
//!
//! Pure: what a notification says is decided here, when the thing happens. Keeping and delivering it is done elsewhere.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    identity::{ProjectId, TaskId},
    name::{EventName, check_name, checked_text},
    problem::{Rule, Violation, length},
    secret::{Secret, SecretType},
    task::{Task, TaskStatus},
    time::UnixMillis,
    version::VersionId,
};

/// Days that records of notifications are kept: three months (ListNotificationRecords).
pub const RECORD_DAYS: u64 = 92;

/// Most events of a project (user guide, event notifications).
pub const MAX_EVENTS: u16 = 30;

/// Something that events tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventType {
    /// A version was added to a secret, by hand or by a rotation. The first version of a new secret is none.
    SecretVersionCreated,
    /// The time that was set for a version has come. Its value stays readable.
    SecretVersionExpired,
    /// A rotation succeeded.
    SecretRotated,
    /// A rotation task failed.
    SecretRotatedFailed,
    /// A secret was deleted for good.
    SecretDeleted,
}

impl EventType {
    /// Every type.
    pub const ALL: &'static [Self] = &[
        Self::SecretVersionCreated,
        Self::SecretVersionExpired,
        Self::SecretRotated,
        Self::SecretRotatedFailed,
        Self::SecretDeleted,
    ];

    /// The word of `event_types`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretVersionCreated => "SECRET_VERSION_CREATED",
            Self::SecretVersionExpired => "SECRET_VERSION_EXPIRED",
            Self::SecretRotated => "SECRET_ROTATED",
            Self::SecretRotatedFailed => "SECRET_ROTATED_FAILED",
            Self::SecretDeleted => "SECRET_DELETED",
        }
    }

    /// The type of this word.
    ///
    /// # Errors
    /// [`Rule::Choice`] for another word.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let words =
            "SECRET_VERSION_CREATED, SECRET_VERSION_EXPIRED, SECRET_ROTATED, SECRET_DELETED, SECRET_ROTATED_FAILED";
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or(Violation::new(Rule::Choice, words))
    }
}

checked_text!(
    /// Identifier of a notification target, such as the URN of an SMN topic: `^[a-zA-Z0-9\-._:]{1,256}$`.
    TargetId,
    |text| {
        length(text.chars().count(), 1, 256, "1 character long", "256 characters long")?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if text.bytes().all(allowed) {
            Ok(())
        } else {
            Err(Violation::new(Rule::Pattern, r"^[a-zA-Z0-9\-._:]{1,256}$"))
        }
    }
);

checked_text!(
    /// Name of a notification target: `^[a-zA-Z0-9_-]{1,64}$`.
    TargetName,
    check_name
);

/// Where notifications go: a topic of the message service (SMN).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// URN of the topic.
    pub id: TargetId,
    /// Name of the topic.
    pub name: TargetName,
}

/// An event: types of happenings, and where they are told. Secrets subscribe to it by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Identifier, a UUID.
    pub id: String,
    /// Name, unique in the project.
    pub name: EventName,
    /// The types it reports; at least one, without duplicates.
    pub types: Vec<EventType>,
    /// Whether it fires at all.
    pub enabled: bool,
    /// Where.
    pub target: Target,
    /// Creation.
    pub create_time: UnixMillis,
    /// Last change.
    pub update_time: UnixMillis,
}

/// A change of an event; `None` leaves a part as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventUpdate {
    /// New types.
    pub types: Option<Vec<EventType>>,
    /// On or off.
    pub enabled: Option<bool>,
    /// New target.
    pub target: Option<Target>,
}

impl Event {
    /// Whether the event fires for this type.
    #[must_use]
    pub fn fires(&self, kind: EventType) -> bool {
        self.enabled && self.types.contains(&kind)
    }

    /// Changes the event.
    pub fn update(&mut self, update: EventUpdate, now: UnixMillis) {
        if let Some(types) = update.types {
            self.types = types;
        }
        if let Some(enabled) = update.enabled {
            self.enabled = enabled;
        }
        if let Some(target) = update.target {
            self.target = target;
        }
        self.update_time = now;
    }
}

/// Something that has happened to a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Identifier of the notification that it may become, a UUID.
    pub id: String,
    /// What it was.
    pub kind: EventType,
    /// When.
    pub time: UnixMillis,
    /// The version it was about.
    pub version: Option<VersionId>,
    /// The rotation task it was about.
    pub task: Option<TaskId>,
    /// Code and message of a failure.
    pub failure: Option<(String, String)>,
}

impl Occurrence {
    /// Something about a secret as a whole.
    #[must_use]
    pub const fn of_secret(id: String, kind: EventType, time: UnixMillis) -> Self {
        Self { id, kind, time, version: None, task: None, failure: None }
    }

    /// Something about one version.
    #[must_use]
    pub const fn of_version(id: String, kind: EventType, time: UnixMillis, version: VersionId) -> Self {
        Self { id, kind, time, version: Some(version), task: None, failure: None }
    }

    /// The end of a rotation task; `None` while it runs. A task ends once, so its identifier serves.
    #[must_use]
    pub fn of_task(task: &Task, time: UnixMillis) -> Option<Self> {
        let (kind, failure) = match &task.status {
            TaskStatus::Running => return None,
            TaskStatus::Succeeded => (EventType::SecretRotated, None),
            TaskStatus::Failed { code, message, .. } => {
                (EventType::SecretRotatedFailed, Some((code.clone(), message.clone())))
            }
        };
        let (id, version, task) = (task.id.to_string(), Some(task.version), Some(task.id.clone()));
        Some(Self { id, kind, time, version, task, failure })
    }
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotificationStatus {
    /// The target has taken it.
    Success,
    /// The target has not taken it yet, or never did.
    Fail,
    /// The target is none that anything could be sent to.
    Invalid,
}

impl NotificationStatus {
    /// The word of `notification_status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
            Self::Invalid => "INVALID",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Success, Self::Fail, Self::Invalid].into_iter().find(|status| status.as_str() == word)
    }
}

/// What is told of one occurrence. Says everything by itself: event and secret may change or go before it is delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Identifier, a UUID, by which a receiver knows a repetition.
    pub id: String,
    /// Project of event and secret.
    pub project: ProjectId,
    /// The event.
    pub event_name: EventName,
    /// What happened.
    pub kind: EventType,
    /// When.
    pub create_time: UnixMillis,
    /// The secret's name.
    pub secret_name: String,
    /// The secret's type.
    pub secret_type: SecretType,
    /// Where it goes.
    pub target: Target,
    /// The message, JSON text. Never a value.
    pub content: String,
}

impl Notification {
    /// The notification of `event` for something that happened to `secret`, if the event fires for it.
    #[must_use]
    pub fn of(event: &Event, secret: &Secret, occurrence: &Occurrence) -> Option<Self> {
        event.fires(occurrence.kind).then(|| Self {
            id: occurrence.id.clone(),
            project: secret.project.clone(),
            event_name: event.name.clone(),
            kind: occurrence.kind,
            create_time: occurrence.time,
            secret_name: secret.name.to_string(),
            secret_type: secret.secret_type,
            target: event.target.clone(),
            content: content(event, secret, occurrence),
        })
    }
}

/// The message: camelCase, times in RFC 3339 (`compatibility/events.md#message-content`).
fn content(event: &Event, secret: &Secret, occurrence: &Occurrence) -> String {
    let Occurrence { kind, time, version, task, failure, .. } = occurrence;
    let mut data = Members::default();
    data.text("secretId", secret.id.as_str());
    data.text("secretName", secret.name.as_str());
    data.text("createTime", &secret.create_time.to_rfc3339());
    data.text("updateTime", &secret.update_time.to_rfc3339());
    if let Some(id) = version {
        data.text("versionId", &id.to_string());
        if let Some(time) = secret.version(*id).ok().and_then(|version| version.expire_time) {
            data.text("versionExpireTime", &time.to_rfc3339());
        }
    }
    if let Some(task) = task {
        data.text("taskId", task.as_str());
    }
    if let Some((code, message)) = failure {
        data.text("errorCode", code);
        data.text("errorMsg", message);
    }
    let mut whole = Members::default();
    whole.text("eventName", event.name.as_str());
    whole.text("eventType", kind.as_str());
    whole.text("eventTime", &time.to_rfc3339());
    whole.raw("data", &data.finish());
    whole.finish()
}

/// Writes an object of texts in JSON, in the order given.
#[derive(Default)]
struct Members(String);

impl Members {
    fn text(&mut self, name: &str, value: &str) {
        let mut quoted = String::from("\"");
        for character in value.chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => quoted.push(c),
            }
        }
        quoted.push('"');
        self.raw(name, &quoted);
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&format!("\"{name}\":{value}"));
    }

    fn finish(self) -> String {
        format!("{}}}", self.0)
    }
}

/// Attempts to deliver a notification end after this time: a day.
pub const DELIVERY_MILLIS: u64 = 86_400_000;

/// Longest wait between two attempts, in milliseconds: ten minutes.
pub const LONGEST_WAIT_MILLIS: u64 = 600_000;

/// When a notification is tried again after attempt number `attempt` failed at `now`: after one second, then twice as long
/// each time, at most ten minutes. `None` a day after it was made.
#[must_use]
pub fn next_delivery(created: UnixMillis, attempt: u32, now: UnixMillis) -> Option<UnixMillis> {
    let doubled = 1_000_u64.checked_shl(attempt.saturating_sub(1).min(20)).unwrap_or(LONGEST_WAIT_MILLIS);
    let next = now.plus_millis(doubled.min(LONGEST_WAIT_MILLIS));
    (next.millis_since(created) < DELIVERY_MILLIS).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{NewVersion, demo};

    const NOW: UnixMillis = UnixMillis::new(1_681_503_910_126);

    fn event() -> Event {
        Event {
            id: "120eeafd-eca5-4098-8733-c1b369f3a450".into(),
            name: EventName::parse("TestEvent").unwrap(),
            types: [EventType::SecretVersionExpired, EventType::SecretRotatedFailed].into(),
            enabled: true,
            target: Target {
                id: TargetId::parse("urn:smn:local-1:dc3b7c85759141a991da17423c0f2068:topic").unwrap(),
                name: TargetName::parse("topic").unwrap(),
            },
            create_time: NOW,
            update_time: NOW,
        }
    }

    fn secret() -> Secret {
        let mut secret = demo("fde3d6ba-cb31-40b0-b6c4-78757050f8c8", UnixMillis::new(0));
        let expire_time = Some(UnixMillis::new(1_680_109_643_000));
        secret.add_version(NewVersion { expire_time, stages: Vec::new() }, UnixMillis::new(1)).unwrap();
        secret
    }

    #[test]
    fn the_message_has_the_documented_form() {
        let version = VersionId::from_number(2).unwrap();
        let occurrence = Occurrence::of_version("n".into(), EventType::SecretVersionExpired, NOW, version);
        let notification = Notification::of(&event(), &secret(), &occurrence).unwrap();
        assert_eq!(
            notification.content,
            r#"{"eventName":"TestEvent","eventType":"SECRET_VERSION_EXPIRED","eventTime":"2023-04-14T20:25:10.126Z","data":{"secretId":"fde3d6ba-cb31-40b0-b6c4-78757050f8c8","secretName":"demo","createTime":"1970-01-01T00:00:00.000Z","updateTime":"1970-01-01T00:00:00.001Z","versionId":"v2","versionExpireTime":"2023-03-29T17:07:23.000Z"}}"#
        );
    }

    #[test]
    fn a_foreign_message_is_quoted() {
        let occurrence = Occurrence {
            failure: Some(("CSMS.0511".into(), "he said \"no\\\"\n".into())),
            ..Occurrence::of_secret("n".into(), EventType::SecretRotatedFailed, NOW)
        };
        let content = Notification::of(&event(), &secret(), &occurrence).unwrap().content;
        let read: serde_json::Value = serde_json::from_str(&content).unwrap();
        assert_eq!(read["data"]["errorMsg"], "he said \"no\\\"\n");
    }

    #[test]
    fn only_an_enabled_event_fires_and_only_for_its_types() {
        let (mut event, secret) = (event(), secret());
        let told = |event: &Event, kind| {
            Notification::of(event, &secret, &Occurrence::of_secret("n".into(), kind, NOW)).is_some()
        };
        assert!(told(&event, EventType::SecretRotatedFailed));
        assert!(!told(&event, EventType::SecretDeleted));
        event.update(EventUpdate { enabled: Some(false), ..EventUpdate::default() }, NOW);
        assert!(!told(&event, EventType::SecretRotatedFailed));
    }

    #[test]
    fn attempts_become_rarer_and_end_after_a_day() {
        let wait = |attempt| next_delivery(NOW, attempt, NOW).map(|next| next.millis_since(NOW));
        assert_eq!([1, 2, 3, 10, 99].map(wait), [1_000, 2_000, 4_000, 512_000, 600_000].map(Some));
        assert_eq!(next_delivery(NOW, 1, NOW.plus_millis(DELIVERY_MILLIS)), None);
    }

    #[test]
    fn words_that_are_no_type_are_refused() {
        assert_eq!(EventType::parse("SECRET_DELETED"), Ok(EventType::SecretDeleted));
        assert!(EventType::parse("SECRET_VERSION_NEAR_EXPIRY").is_err());
        assert!(TargetId::parse("urn:smn:a/b").is_err());
    }
}
