//! The report of a dry run: the steps that were executed, the steps that would follow, the overlap of old and new password that
//! the database offers, and what is missing.
//!
//! It differs from the reply to a rotation, so that a caller cannot mistake one for the other.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    language::Language,
    name::SecretName,
    rotation::{
        event::{FailureCode, RotationEvent},
        message::{Message, dry_run, message_or_none, messages_or_none, sentence_or},
    },
    rotation_config::RotationConfig,
    secret::SecretType,
};

/// How long the login that SYSCURRENT holds goes on working while a rotation is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Two accounts take turns: the former SYSCURRENT works until its account's turn comes.
    TwoAccounts,
    /// The server keeps the old password beside the new one until the next rotation.
    UntilNextRotation,
    /// None: from the change of the password until the stages have moved, SYSCURRENT does not log in.
    None,
}

impl Overlap {
    /// The overlap as a message.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::TwoAccounts => dry_run::two_accounts(),
            Self::UntilNextRotation => dry_run::until_next_rotation(),
            Self::None => dry_run::no_overlap(),
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

/// One step of a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunStep {
    /// Its name, as in the log of a rotation.
    pub step: String,
    /// Whether it was taken, because it only reads, or would be taken.
    pub taken: bool,
    /// What came of it, or what it would do, in an English sentence; never a value of a secret.
    pub outcome: String,
    /// The same as a message; functions of others send none.
    #[serde(default, deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
    pub outcome_detail: Option<Message>,
}

impl DryRunStep {
    /// A step with its outcome.
    #[must_use]
    pub fn new(step: &str, taken: bool, outcome: Message) -> Self {
        Self { step: step.to_string(), taken, outcome: outcome.english(), outcome_detail: Some(outcome) }
    }
}

/// What the function answers to an event with `dry_run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunReport {
    /// Always [`DryRunReport::STATUS`].
    pub status: String,
    /// Whether a rotation now would succeed, as far as can be known.
    pub would_succeed: bool,
    /// The account whose password would be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The same as a message.
    #[serde(default, deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
    pub account_detail: Option<Message>,
    /// The overlap that the database offers; absent when that was not found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// What stands in the way, or would make the overlap longer; English sentences.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The same as messages, one for each sentence; functions of others send none.
    #[serde(default, deserialize_with = "messages_or_none", skip_serializing_if = "Vec::is_empty")]
    pub missing_detail: Vec<Message>,
    /// All steps in their order.
    #[serde(default)]
    pub steps: Vec<DryRunStep>,
    /// Why a rotation would fail: the word of a [`FailureCode`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The same in an English sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
    /// The same as a message.
    #[serde(default, deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
    pub error_detail: Option<Message>,
}

impl DryRunReport {
    /// The word of `status`.
    pub const STATUS: &'static str = "DRY_RUN";

    /// A report without findings yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            status: Self::STATUS.to_string(),
            would_succeed: false,
            account: None,
            account_detail: None,
            overlap: None,
            missing: Vec::new(),
            missing_detail: Vec::new(),
            steps: Vec::new(),
            error_code: None,
            error_msg: None,
            error_detail: None,
        }
    }

    /// The same report of a rotation that would fail.
    #[must_use]
    pub fn failed(self, code: FailureCode, message: Message) -> Self {
        Self {
            would_succeed: false,
            error_code: Some(code.as_str().to_string()),
            error_msg: Some(message.english()),
            error_detail: Some(message),
            ..self
        }
    }

    /// Adds something that is missing, unless it is listed already.
    pub fn add_missing(&mut self, what: Message) {
        if !self.missing_detail.contains(&what) {
            self.missing.push(what.english());
            self.missing_detail.push(what);
        }
    }

    /// What is missing, in words of a language.
    pub fn missing_in(&self, language: Language) -> impl Iterator<Item = String> {
        // The two lists belong together only where there is a message for each sentence.
        let details =
            if self.missing_detail.len() == self.missing.len() { self.missing_detail.as_slice() } else { &[] };
        let details = details.iter().map(Some).chain(core::iter::repeat(None));
        self.missing.iter().zip(details).map(move |(text, detail)| sentence_or(detail, text, language))
    }

    /// Reads a report; `None` when it is something else.
    #[must_use]
    pub fn parse(reply: &[u8]) -> Option<Self> {
        serde_json::from_slice(reply).ok().filter(|report: &Self| report.status == Self::STATUS)
    }
}

impl Default for DryRunReport {
    fn default() -> Self {
        Self::new()
    }
}

/// The event that asks the function of a secret for a dry run, from what ShowSecret says of the secret. The function is
/// then invoked synchronously with the event's JSON; what it acts with is the invoker's or its agency's.
#[must_use]
pub fn dry_run_event(name: SecretName, secret_type: Option<SecretType>, config: &RotationConfig) -> RotationEvent {
    RotationEvent {
        secret_type,
        rotation_config: Some(config.clone()),
        dry_run: true,
        ..RotationEvent::new(name, config.mode())
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::{rotation::RotationReply, version::VersionId};

    #[test]
    fn a_report_is_read_back_and_is_no_reply_to_a_rotation() {
        let mut report = DryRunReport::new();
        report.overlap = Some(Overlap::UntilNextRotation);
        report.steps.push(DryRunStep::new("make-pending", false, dry_run::would_make(VersionId::FIRST)));
        report.add_missing(dry_run::admin_refused());
        let text = serde_json::to_vec(&report).unwrap();
        assert_eq!(DryRunReport::parse(&text), Some(report));
        assert_eq!(RotationReply::parse(&text), None);
        assert_eq!(DryRunReport::parse(br#"{"status":"SUCCESS","version_id":"v2","would_succeed":true}"#), None);
    }

    #[test]
    fn a_report_of_sentences_alone_is_read_and_shown_as_it_is() {
        let text = br#"{"status":"DRY_RUN","would_succeed":false,"missing":["a","b"],"missing_detail":["odd"],
            "steps":[{"step":"look","taken":true,"outcome":"seen","outcome_detail":"odd"}],"error_detail":7}"#;
        let report = DryRunReport::parse(text).unwrap();
        assert_eq!(report.missing_in(Language::Chinese).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((report.error_detail, &report.steps[0].outcome_detail), (None, &None));
    }

    #[test]
    fn the_event_of_a_dry_run_says_so() {
        let config = RotationConfig::parse(r#"{"InstanceId":"i","SecretSubType":"MultiUser"}"#).unwrap();
        let event = dry_run_event(SecretName::parse("db").unwrap(), Some(SecretType::RdsFg), &config);
        assert!(RotationEvent::parse(event.to_json().to_string().as_bytes()).unwrap().dry_run);
    }
}
