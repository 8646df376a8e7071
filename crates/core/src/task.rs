//! Rotation tasks: a series of attempts to give a secret a new value.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    identity::{ProjectId, SecretId, TaskId},
    name::SecretName,
    rotation::message::{Message, message_or_none},
    rotation_config::RotationMode,
    time::UnixMillis,
    urn::FunctionUrn,
    version::VersionId,
};

/// How often one task invokes its function before it fails (`compatibility/rotation.md#4-rotatesecret-and-tasks`).
pub const MAX_ATTEMPTS: u32 = 3;

/// How many failed tasks in a row switch automatic rotation off
/// (`compatibility/rotation.md#3-rotation_period-windows-next_rotation_time`).
pub const MAX_FAILED_TASKS: u32 = 3;

/// Most steps that a task keeps. When one more comes, the oldest but the first goes.
pub const MAX_STEPS: usize = 48;

/// Longest outcome of a step, in characters.
pub const MAX_OUTCOME: usize = 200;

/// Longest word of a step, in characters.
const MAX_WORD: usize = 40;

/// Something that happened in a task: for people who look for a cause. Nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStep {
    /// When it was over, in Unix milliseconds.
    pub at: UnixMillis,
    /// The attempt it belongs to; 0 before the first.
    pub attempt: u32,
    /// What, in a word or two, such as `function` or `set password`.
    pub step: String,
    /// How it ended, in an English sentence without any secret value.
    pub outcome: String,
    /// The same as a message; steps of earlier versions and of functions of others have none.
    #[serde(default, deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
    pub detail: Option<Message>,
}

/// A foreign text as it may be stored, logged and shown: one line of at most `most` characters.
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

/// Milliseconds to wait before attempt number `attempt` (2 is the first repetition): 1 s, then 4 s.
#[must_use]
pub fn backoff_millis(attempt: u32) -> u64 {
    match attempt {
        0 | 1 => 0,
        2 => 1_000,
        _ => 4_000,
    }
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskStatus {
    /// Not finished; the server attempts it, also after a restart.
    Running,
    /// The secret's SYSCURRENT is the new version.
    Succeeded,
    /// Given up, and why.
    Failed {
        /// A code such as `CSMS.0511`.
        code: String,
        /// What happened, in an English sentence without any secret value.
        message: String,
        /// The same as a message; tasks of earlier versions have none.
        #[serde(default, deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
        detail: Option<Message>,
    },
}

impl TaskStatus {
    /// The word of `task_status`. The service documents SUCCESS and FAILED; RUNNING is our choice for the rest.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCESS",
            Self::Failed { .. } => "FAILED",
        }
    }
}

/// A rotation task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Identifier.
    pub id: TaskId,
    /// Project of the secret.
    pub project: ProjectId,
    /// The secret, which may be gone by now.
    pub secret_id: SecretId,
    /// Its name when the task began.
    pub secret_name: SecretName,
    /// The function that the task invokes.
    pub function: FunctionUrn,
    /// One account or two.
    pub mode: RotationMode,
    /// The pending version that the task works towards.
    pub version: VersionId,
    /// Whether that version was made for this task and no attempt can have given its password to the database. `false` as soon as
    /// an attempt begins; the server that makes it knows more when the function reports that nothing was changed.
    #[serde(default)]
    pub pending_is_new: bool,
    /// When the task began.
    pub create_time: UnixMillis,
    /// Attempts begun so far. At most [`MAX_ATTEMPTS`], and one more for each time the server stopped in an attempt.
    pub attempts: u32,
    /// Whether the schedule began it, rather than somebody by RotateSecret.
    #[serde(default)]
    pub scheduled: bool,
    /// Where it stands.
    pub status: TaskStatus,
    /// What has happened so far, oldest first, at most [`MAX_STEPS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<TaskStep>,
}

impl Task {
    /// Notes a step of the present attempt.
    pub fn note(&mut self, at: UnixMillis, step: &str, outcome: Message) {
        self.note_text(at, step, &outcome.english(), Some(outcome));
    }

    /// Notes a step as a function reports it, perhaps in words alone.
    pub fn note_text(&mut self, at: UnixMillis, step: &str, outcome: &str, detail: Option<Message>) {
        if self.steps.len() >= MAX_STEPS {
            // The first one says how the task began.
            self.steps.remove(1);
        }
        let (step, outcome) = (one_line(step, MAX_WORD), one_line(outcome, MAX_OUTCOME));
        self.steps.push(TaskStep { at, attempt: self.attempts, step, outcome, detail });
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use serde_json::json;

    use super::*;
    use crate::rotation::message::{reasons, service};

    fn task() -> Task {
        let id = "22222222-2222-4222-8222-222222222222";
        Task {
            id: TaskId::parse(id).unwrap(),
            project: ProjectId::parse("0".repeat(32)).unwrap(),
            secret_id: SecretId::parse(id).unwrap(),
            secret_name: SecretName::parse("db").unwrap(),
            function: FunctionUrn::parse(&format!("urn:fss:local-1:{}:function:default:f", "0".repeat(32))).unwrap(),
            mode: RotationMode::SingleUser,
            version: VersionId::FIRST,
            pending_is_new: false,
            create_time: UnixMillis::new(1),
            attempts: 0,
            scheduled: false,
            status: TaskStatus::Running,
            steps: Vec::new(),
        }
    }

    #[test]
    fn a_task_with_a_message_beyond_the_bounds_is_read_without_it() {
        let deepest = (0..11)
            .fold(json!({ "code": "x" }), |inner, _| json!({ "code": "attempt.joined", "fields": { "all": [inner] } }));
        let foreign = Message::read(&deepest).unwrap();
        let wrapped = service::failed_with("CSMS.0511", service::failed_with("X", foreign));
        let mut task = task();
        task.note_text(UnixMillis::new(2), "function", "X: m", Some(wrapped.clone()));
        let failed = TaskStatus::Failed { code: "CSMS.0511".into(), message: "m".into(), detail: Some(wrapped) };
        let stored = serde_json::to_value(Task { status: failed, ..task }).unwrap();
        let read: Task = serde_json::from_value(stored).unwrap();
        assert_eq!((read.steps[0].outcome.as_str(), &read.steps[0].detail), ("X: m", &None));
        assert_eq!(read.status, TaskStatus::Failed { code: "CSMS.0511".into(), message: "m".into(), detail: None });
    }

    #[test]
    fn the_first_and_the_latest_steps_are_kept() {
        let mut task = task();
        for number in 0..100_u64 {
            task.note(UnixMillis::new(number), "step", reasons::changed());
        }
        let times: Vec<_> = task.steps.iter().map(|step| step.at.as_millis()).collect();
        assert_eq!((times.len(), times[0], times[1], times[MAX_STEPS - 1]), (MAX_STEPS, 0, 53, 99));
    }

    #[test]
    fn foreign_words_are_one_line_of_bounded_length() {
        let mut task = task();
        task.note_text(UnixMillis::new(1), &"w".repeat(500), &format!("a\nb{}", "x".repeat(5000)), None);
        assert_eq!((task.steps[0].step.len(), task.steps[0].outcome.len()), (MAX_WORD, MAX_OUTCOME));
        assert!(task.steps[0].outcome.starts_with("a bx"));
    }

    #[test]
    fn a_task_that_was_stored_without_steps_is_read() {
        let mut stored = serde_json::to_value(task()).unwrap();
        assert!(stored.get("steps").is_none());
        assert_eq!(serde_json::from_value::<Task>(stored.take()).unwrap(), task());
    }

    #[test]
    fn a_task_that_was_stored_in_words_alone_is_read() {
        let mut stored = serde_json::to_value(task()).unwrap();
        stored["status"] = json!({ "state": "failed", "code": "CSMS.0511", "message": "no" });
        stored["steps"] = json!([{ "at": 1, "attempt": 1, "step": "function", "outcome": "no" }]);
        let read: Task = serde_json::from_value(stored.clone()).unwrap();
        assert!(matches!(&read.status, TaskStatus::Failed { detail: None, .. }) && read.steps[0].detail.is_none());
        assert_eq!(serde_json::to_value(read).unwrap(), stored);
    }
}
