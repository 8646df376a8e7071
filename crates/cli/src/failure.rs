//! Why a command fails, the exit status that says so, and how it is told.

use std::{fmt::Display, io, process::ExitCode};

use csms_client::ClientError;
use csms_core::{Violation, rotation::message::function::service_refused};
use serde_json::{Value, json};
use thiserror::Error;

use crate::language::{in_terminal, of_terminal};

/// The part of `--help` that lists the exit statuses.
pub const STATUSES: &str = "\
Exit status:
  0  done
  1  failed for another reason than those below
  2  the command line, the credentials or a file it names cannot be used
  3  what is named does not exist
  4  the server does not know the caller, or the caller has no right to it
  5  the server, or the database with its data, cannot be reached
  6  the request is refused: a rule is broken, or something is in the way
  7  the rotation failed, or would fail
  8  the rotation is still running";

/// Why a command fails. Never holds a secret value.
#[derive(Debug, Error)]
pub enum CliError {
    /// The service refused or did not answer.
    #[error(transparent)]
    Service(#[from] ClientError),
    /// What was asked cannot be done.
    #[error("{0}")]
    Impossible(String),
    /// The command line, or what it names, cannot be used.
    #[error("{0}")]
    Usage(String),
    /// What is named is not there.
    #[error("{0}")]
    Missing(String),
    /// A rule of the service is broken, or something is in the way, as the data itself shows.
    #[error("{0}")]
    Refused(String),
    /// The database with the data does not respond, or another process holds it.
    #[error("{0}")]
    Unavailable(String),
    /// A rotation failed or would fail.
    #[error("{0}")]
    Rotation(String),
    /// A rotation goes on after the longest wait.
    #[error("{0}")]
    Running(String),
    /// A file or stream.
    #[error("cannot {what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        error: io::Error,
    },
    /// `csms exec` could not run the program, for whatever reason.
    #[error("{message}")]
    Exec {
        /// What went wrong.
        message: String,
        /// The exit status that shells use for it.
        status: u8,
    },
    /// One of these, with what the command was about.
    #[error("{subject}: {error}")]
    About {
        /// Such as `secret db`.
        subject: String,
        /// What happened.
        error: Box<CliError>,
    },
}

impl CliError {
    /// A file or stream that failed.
    pub fn io(what: impl Into<String>, error: io::Error) -> Self {
        Self::Io { what: what.into(), error }
    }

    /// What was asked cannot be done.
    pub fn impossible(message: impl Into<String>) -> Self {
        Self::Impossible(message.into())
    }

    /// The command line, or what it names, cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// A rule of the service is broken, or something is in the way.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// There is no thing of this kind and name.
    #[must_use]
    pub fn absent(kind: &str, name: &str) -> Self {
        Self::Missing(format!("there is no such {kind}")).about(format!("{kind} {name}"))
    }

    /// There is no policy of this name.
    #[must_use]
    pub fn no_policy(name: &str) -> Self {
        Self::Missing("there is no such policy; see `csms policy list`".to_owned()).about(format!("policy {name}"))
    }

    /// Whether the error names what is missing, which may be another thing than the command is about.
    fn names_what_is_missing(&self) -> bool {
        match self {
            Self::Missing(_) => true,
            Self::About { error, .. } => matches!(**error, Self::Missing(_)),
            _ => false,
        }
    }

    /// A file that is named, or standard input, cannot be read.
    pub fn unreadable(source: impl Display, error: &io::Error) -> Self {
        Self::Usage(format!("cannot read {source}: {error}"))
    }

    /// What the parser of the command line says, in one line and without the usage.
    pub(crate) fn not_parsed(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        let reasons =
            paragraphs.take_while(|part| !part.starts_with("Usage: ") && !part.starts_with("For more information"));
        let message = reasons.collect::<Vec<_>>().join("; ");
        Self::usage(message.strip_prefix("error: ").unwrap_or(&message))
    }

    /// An argument that breaks a rule.
    pub(crate) fn argument(name: &str, violation: &Violation) -> Self {
        Self::Usage(format!("{name} {}", violation.message()))
    }

    /// The failure to tell of something that is done: the same, saying what that is.
    #[must_use]
    pub fn though_done(self, done: impl Display) -> Self {
        Self::Impossible(format!("{self}; {done}"))
    }

    /// The same, saying what the command was about.
    #[must_use]
    pub fn about(self, subject: impl Into<String>) -> Self {
        Self::About { subject: subject.into(), error: Box::new(self) }
    }

    /// The same, saying what the command was about, if that is one thing.
    #[must_use]
    pub fn about_any(self, subject: Option<String>) -> Self {
        match subject {
            Some(subject) => self.about(subject),
            None => self,
        }
    }

    /// The same, saying what the command was about, unless the error names what is missing.
    #[must_use]
    pub fn about_all_but_missing(self, subject: Option<String>) -> Self {
        if self.names_what_is_missing() { self } else { self.about_any(subject) }
    }

    /// The status and its name for programs.
    fn kind(&self) -> (u8, &'static str) {
        match self {
            Self::Service(ClientError::Refused { status: 401 | 403, .. }) => (4, "denied"),
            Self::Service(ClientError::Refused { status: 404, .. }) | Self::Missing(_) => (3, "not_found"),
            Self::Service(ClientError::Refused { status: 400..500, .. }) | Self::Refused(_) => (6, "refused"),
            Self::Service(ClientError::Unreachable { .. }) | Self::Unavailable(_) => (5, "unreachable"),
            Self::Service(ClientError::Setup(_)) | Self::Usage(_) => (2, "usage"),
            Self::Rotation(_) => (7, "rotation_failed"),
            Self::Running(_) => (8, "still_running"),
            Self::Exec { status, .. } => (*status, "not_run"),
            Self::About { error, .. } => error.kind(),
            Self::Service(ClientError::Refused { .. } | ClientError::Answer { .. })
            | Self::Impossible(_)
            | Self::Io { .. } => (1, "failed"),
        }
    }

    /// The exit status, see [`STATUSES`].
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind().0)
    }

    /// The error as people read it: a refusal that is about a rotation is in the language of the terminal.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::About { subject, error } => format!("{subject}: {}", error.told()),
            // A newer server may have messages that are not known here; the text beside one says the same.
            Self::Service(ClientError::Refused { status, code, request_id, detail: Some(detail), .. })
                if detail.sentence_in(of_terminal()).is_some() =>
            {
                in_terminal(&service_refused(code, (**detail).clone(), *status, request_id))
            }
            other => other.to_string(),
        }
    }

    /// The error as programs read it.
    pub(crate) fn to_json(&self) -> Value {
        let (status, kind) = self.kind();
        let (subject, innermost) = match self {
            Self::About { subject, error } => (Some(subject), error.as_ref()),
            other => (None, other),
        };
        let mut error = json!({ "kind": kind, "exit_status": status, "message": innermost.to_string() });
        let mut add = |name: &str, value: Value| {
            if let Some(members) = error.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        if let Some(subject) = subject {
            add("subject", subject.as_str().into());
        }
        if let Self::Service(failed) = innermost {
            add("retryable", failed.is_retryable().into());
            if let ClientError::Refused { status, code, message, request_id, detail } = failed {
                add("http_status", (*status).into());
                add("code", code.as_str().into());
                add("message", message.as_str().into());
                add("request_id", request_id.as_str().into());
                if let Some(detail) = detail {
                    add("detail", json!(detail));
                }
            }
        }
        json!({ "error": error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> CliError {
        let (code, message) = ("CSMS.0106".to_owned(), "no such secret".to_owned());
        CliError::Service(ClientError::Refused { status, code, message, request_id: "r".to_owned(), detail: None })
    }

    #[test]
    fn each_kind_of_failure_has_a_status_of_its_own() {
        let unreachable = ClientError::Unreachable { endpoint: "e".to_owned(), reason: "r".to_owned() };
        let statuses = [
            refused(404),
            refused(401),
            refused(403),
            refused(400),
            refused(409),
            refused(500),
            unreachable.into(),
            CliError::usage("u"),
            refused(404).about("secret db"),
            CliError::absent("user", "alice"),
            CliError::refused("in the way"),
            CliError::Unavailable("no database".to_owned()),
        ];
        assert_eq!(statuses.map(|error| error.kind().0), [3, 4, 4, 6, 6, 1, 5, 2, 3, 3, 6, 5]);
    }

    #[test]
    fn the_subject_is_what_is_missing_before_what_the_command_is_about() {
        let missing = CliError::no_policy("p").about_all_but_missing(Some("user alice".to_owned()));
        assert_eq!(missing.to_string(), "policy p: there is no such policy; see `csms policy list`");
        let refused = CliError::refused("no").about_all_but_missing(Some("user alice".to_owned()));
        assert_eq!(refused.to_string(), "user alice: no");
    }

    #[test]
    fn what_the_parser_says_is_one_line_without_the_usage() {
        let parser = clap::Command::new("p").no_binary_name(true).arg(clap::Arg::new("name").long("name"));
        let parser = parser.arg(clap::Arg::new("of").long("of").value_parser(["a", "b"]));
        for (arguments, message) in [
            (["--nam", "x"], "unexpected argument '--nam' found; tip: a similar argument exists: '--name'"),
            (["--of", "c"], "invalid value 'c' for '--of <of>' [possible values: a, b]"),
        ] {
            let refused = parser.clone().try_get_matches_from(arguments).map_err(|error| CliError::not_parsed(&error));
            assert!(matches!(&refused, Err(CliError::Usage(said)) if said == message), "{refused:?}");
        }
    }

    #[test]
    fn what_is_done_is_said_beside_why_it_cannot_be_told() {
        let full = CliError::io("write to standard output", io::ErrorKind::StorageFull.into());
        let told = full.though_done("the secret is created").about("secret db");
        assert_eq!(told.kind().0, 1);
        let sentence = "secret db: cannot write to standard output: no storage space; the secret is created";
        assert_eq!(told.to_string(), sentence);
    }

    #[test]
    fn every_status_is_in_the_list() {
        for status in 0..=8 {
            assert!(STATUSES.lines().any(|line| line.trim_start().starts_with(&format!("{status}  "))), "{status}");
        }
    }

    #[test]
    fn programs_get_the_parts_and_people_a_sentence_that_names_the_secret() {
        let error = refused(404).about("secret db");
        assert_eq!(error.to_string(), "secret db: CSMS.0106 no such secret (HTTP 404, request r)");
        assert_eq!(
            error.to_json(),
            json!({ "error": {
                "kind": "not_found", "exit_status": 3, "subject": "secret db", "message": "no such secret",
                "code": "CSMS.0106", "http_status": 404, "request_id": "r", "retryable": false,
            } })
        );
    }
}
