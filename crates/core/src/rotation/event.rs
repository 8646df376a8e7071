//! The event that the service sends to a rotation function, and the function's reply.
//!
//! The vendor's own event is not public, so this one is defined by this project and carries a version
//! (`compatibility/rotation.md#6-the-rotation-function-contract`). It is written in one way and read in many: keys in snake,
//! Pascal or camel case, the rotation configuration as object or text, and the whole event wrapped by a timer (`user_event`) or
//! a gateway (`body`). Neither the event nor the reply ever holds a value of a secret.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    identity::{ProjectId, SecretId, TaskId},
    name::{RegionName, SecretName},
    problem::{Problem, Rule, Violation},
    rotation::{
        message::{Message, message_or_none},
        traceparent::Traceparent,
    },
    rotation_config::{RotationConfig, RotationMode},
    secret::SecretType,
    version::VersionId,
};

/// The version of the event that asks for a rotation.
pub const EVENT_VERSION: &str = "1";

/// The version of the event that asks for a dry run. It is another one so that a function that knows no dry runs refuses
/// the event, and does not rotate.
pub const DRY_RUN_VERSION: &str = "2";

/// The event that a rotation function receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationEvent {
    /// The task, for logs.
    pub task_id: Option<TaskId>,
    /// Which attempt of the task this is, from 1.
    pub attempt: u32,
    /// Region of the service, needed to sign requests to it.
    pub region: Option<RegionName>,
    /// Project that holds the secret; a function may know it from its own environment.
    pub project_id: Option<ProjectId>,
    /// Account that the project belongs to.
    pub domain_id: Option<String>,
    /// The secret.
    pub secret_id: Option<SecretId>,
    /// The secret's name, by which its API knows it.
    pub secret_name: SecretName,
    /// Type of the secret.
    pub secret_type: Option<SecretType>,
    /// One account or two.
    pub mode: RotationMode,
    /// The secret's configuration, where the caller has one.
    pub rotation_config: Option<RotationConfig>,
    /// Base address of the service's API, `https://…` or, for a local service, `http://…`.
    pub csms_endpoint: Option<String>,
    /// The pending version that the task works towards, where the service has already made it.
    pub version_id: Option<VersionId>,
    /// Whether no earlier attempt, of this task or of another, can have given that version's password to the database.
    pub pending_is_new: bool,
    /// Whether the service itself takes `SYSPENDING` off when the task ends, so that the function need not.
    pub removes_pending: bool,
    /// Where the caller's trace stands, for the function's requests to the service.
    pub traceparent: Option<Traceparent>,
    /// Whether the function is only to find out and tell what it would do, and to write nothing.
    pub dry_run: bool,
    /// Whether the service knows of an older secret that names the same account. It would not begin a rotation.
    pub shared_account: bool,
}

impl RotationEvent {
    /// The least that an event can say: which secret, and whether one account or two.
    #[must_use]
    pub const fn new(secret_name: SecretName, mode: RotationMode) -> Self {
        Self {
            task_id: None,
            attempt: 1,
            region: None,
            project_id: None,
            domain_id: None,
            secret_id: None,
            secret_name,
            secret_type: None,
            mode,
            rotation_config: None,
            csms_endpoint: None,
            version_id: None,
            pending_is_new: false,
            removes_pending: false,
            traceparent: None,
            dry_run: false,
            shared_account: false,
        }
    }

    /// The event as the function receives it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // It prints as JSON.
        let config: Option<Value> =
            self.rotation_config.as_ref().and_then(|config| serde_json::from_str(&config.to_string()).ok());
        let mut event = json!({
            "version": if self.dry_run { DRY_RUN_VERSION } else { EVENT_VERSION },
            "task_id": self.task_id,
            "attempt": self.attempt,
            "region": self.region,
            "project_id": self.project_id,
            "domain_id": self.domain_id,
            "secret_id": self.secret_id,
            "secret_name": self.secret_name,
            "secret_type": self.secret_type,
            "operate_type": self.mode.operate_type(),
            "rotation_config": config,
            "csms_endpoint": self.csms_endpoint,
            "version_id": self.version_id.map(String::from),
            "traceparent": self.traceparent,
            "dry_run": self.dry_run.then_some(true),
            "pending_is_new": self.pending_is_new.then_some(true),
            "removes_pending": self.removes_pending.then_some(true),
            "shared_account": self.shared_account.then_some(true),
        });
        if let Value::Object(members) = &mut event {
            members.retain(|_, value| !value.is_null());
        }
        event
    }

    /// Reads an event in any of the forms named above.
    ///
    /// # Errors
    /// Every problem at once. Only what the function cannot work without must be there: the secret's name, and the
    /// mode by `operate_type` or `rotation_config`.
    pub fn parse(event: &[u8]) -> Result<Self, Vec<Problem>> {
        let value: Value =
            serde_json::from_slice(event).map_err(|_| Vec::from([Violation::new(Rule::Json, "{…}").at("")]))?;
        Fields(unwrap_event(value, 3)).read()
    }
}

impl Serialize for RotationEvent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// Why a rotation did not happen, by what somebody can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// The database could not be reached or was not ready; a later attempt may pass.
    Unavailable,
    /// The service could not be reached or was not ready, and nobody has asked the database; a later attempt may pass.
    ServiceUnavailable,
    /// The same, after the account's password was changed or may have been: until a later attempt passes, SYSCURRENT of
    /// a secret with one account may not log in. Worth another attempt soon.
    Unfinished,
    /// Nothing the function may do would help; a person has to look.
    NeedsOperator,
    /// The service refused a request of the function.
    ServiceRefused,
    /// A value of the secret does not describe a database account.
    InvalidSecret,
    /// The event lacks something or contradicts itself.
    InvalidEvent,
}

impl FailureCode {
    const ALL: [Self; 7] = [
        Self::Unavailable,
        Self::ServiceUnavailable,
        Self::Unfinished,
        Self::NeedsOperator,
        Self::ServiceRefused,
        Self::InvalidSecret,
        Self::InvalidEvent,
    ];

    /// The word of `error_code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "ROTATION_UNAVAILABLE",
            Self::ServiceUnavailable => "ROTATION_SERVICE_UNAVAILABLE",
            Self::Unfinished => "ROTATION_UNFINISHED",
            Self::NeedsOperator => "ROTATION_NEEDS_OPERATOR",
            Self::ServiceRefused => "ROTATION_SERVICE_REFUSED",
            Self::InvalidSecret => "ROTATION_INVALID_SECRET",
            Self::InvalidEvent => "ROTATION_INVALID_EVENT",
        }
    }

    /// The code of this word; functions of others have words of their own.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub const fn may_pass_later(self) -> bool {
        matches!(self, Self::Unavailable | Self::ServiceUnavailable | Self::Unfinished)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the function answers: `{"status":"SUCCESS","version_id":"v2"}` or
/// `{"status":"FAILED","error_code":"…","error_msg":"…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum RotationReply {
    /// The named version is SYSCURRENT and logs in.
    #[serde(rename = "SUCCESS")]
    Success {
        /// The version that is SYSCURRENT now, `vN`.
        version_id: String,
    },
    /// SYSCURRENT is what it was.
    #[serde(rename = "FAILED")]
    Failed {
        /// The word of a [`FailureCode`], or a word of another function.
        error_code: String,
        /// What happened, in an English sentence without any value of a secret.
        error_msg: String,
        /// The same as a message; functions of others send none.
        #[serde(default, deserialize_with = "message_or_none", skip_serializing_if = "Option::is_none")]
        error_detail: Option<Message>,
    },
}

impl RotationReply {
    /// The reply that this version is SYSCURRENT and logs in.
    #[must_use]
    pub fn success(version: VersionId) -> Self {
        Self::Success { version_id: version.into() }
    }

    /// The reply that nothing is to be used from this call.
    #[must_use]
    pub fn failed(code: FailureCode, message: Message) -> Self {
        Self::Failed {
            error_code: code.as_str().to_string(),
            error_msg: message.english(),
            error_detail: Some(message),
        }
    }

    /// Reads a reply; `None` when it is something else.
    #[must_use]
    pub fn parse(reply: &[u8]) -> Option<Self> {
        serde_json::from_slice(reply).ok()
    }
}

/// The member that names the service.
const ENDPOINT: &str = "csms_endpoint";

/// A member's name without what its cases differ in.
fn folded(name: &str) -> String {
    name.chars().filter(|character| *character != '_').map(|character| character.to_ascii_lowercase()).collect()
}

/// Takes an event out of the envelope of a timer or a gateway. `depth` bounds envelopes within envelopes. The service that an
/// envelope names goes before the one that its content names: the outermost was written last.
fn unwrap_event(value: Value, depth: u8) -> Map<String, Value> {
    let Value::Object(members) = value else { return Map::new() };
    let fields = Fields(members);
    let inner = ["user_event", "body"].into_iter().find_map(|name| fields.find(name)).and_then(read_envelope);
    match (depth.checked_sub(1), inner) {
        (Some(depth), Some(inner)) if fields.find("secret_name").is_none() => {
            let mut event = unwrap_event(inner, depth);
            if let Some(endpoint) = fields.find(ENDPOINT) {
                event.insert(ENDPOINT.into(), endpoint.clone());
            }
            event
        }
        _ => fields.0,
    }
}

/// What an envelope holds: an object, its JSON text, or the base64 of that.
fn read_envelope(content: &Value) -> Option<Value> {
    match content {
        Value::Object(_) => Some(content.clone()),
        Value::String(text) => {
            serde_json::from_str(text).ok().or_else(|| serde_json::from_slice(&Base64::decode_vec(text).ok()?).ok())
        }
        _ => None,
    }
}

/// The members of an event, found by name in any of the three cases.
struct Fields(Map<String, Value>);

impl Fields {
    /// The member of this name, or else one that has it in another case; `null` and the empty text count as absent.
    fn find(&self, name: &str) -> Option<&Value> {
        let wanted = folded(name);
        let in_another_case = || self.0.iter().find(|(name, _)| folded(name) == wanted).map(|(_, value)| value);
        let value = self.0.get(name).or_else(in_another_case)?;
        (!value.is_null() && value != "").then_some(value)
    }

    /// The text of a member; `Err` when it has another type.
    fn text(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        self.find(name)
            .map(|value| value.as_str().ok_or_else(|| Violation::new(Rule::Type, "a text").at(name)))
            .transpose()
    }

    fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Violation>,
    ) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|text| parse(text).map_err(|violation| violation.at(name))).transpose()
    }

    /// A member that serves logs alone: of another form it is as good as absent.
    fn optional<T>(&self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.find(name)?.as_str().and_then(parse)
    }

    /// Anything but a plain yes or no is a problem: a dry run that was misread would rotate. The version of dry runs is
    /// enough to ask for one.
    fn dry_run(&self) -> Result<bool, Problem> {
        match self.find("dry_run") {
            _ if self.find("version").is_some_and(|version| version == DRY_RUN_VERSION) => Ok(true),
            None => Ok(false),
            Some(Value::Bool(dry_run)) => Ok(*dry_run),
            Some(_) => Err(Violation::new(Rule::Type, "true or false").at("dry_run")),
        }
    }

    fn config(&self) -> Result<Option<RotationConfig>, Problem> {
        let text = match self.find("rotation_config") {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        RotationConfig::parse(&text).map(Some).map_err(|violation| violation.at("rotation_config"))
    }

    fn mode(&self, config: Option<&RotationConfig>) -> Result<RotationMode, Problem> {
        let named = self.parsed("operate_type", parse_mode)?;
        match (named, config.map(RotationConfig::mode)) {
            (Some(named), Some(configured)) if named != configured => {
                Err(Violation::new(Rule::Choice, "the mode that rotation_config names").at("operate_type"))
            }
            (Some(mode), _) | (None, Some(mode)) => Ok(mode),
            (None, None) => Err(Violation::new(Rule::Required, "").at("operate_type")),
        }
    }

    fn read(&self) -> Result<RotationEvent, Vec<Problem>> {
        fn keep<T>(problems: &mut Vec<Problem>, result: Result<T, Problem>) -> Option<T> {
            result.map_err(|problem| problems.push(problem)).ok()
        }
        let mut problems = Vec::new();
        keep(&mut problems, self.parsed("version", check_version));
        let name = keep(&mut problems, self.parsed("secret_name", |text| SecretName::parse(text)));
        if name == Some(None) {
            problems.push(Violation::new(Rule::Required, "").at("secret_name"));
        }
        let rotation_config = keep(&mut problems, self.config());
        let mode = match &rotation_config {
            // A broken configuration is told once, not a second time as a missing mode.
            None => None,
            Some(config) => keep(&mut problems, self.mode(config.as_ref())),
        };
        let project_id = keep(&mut problems, self.parsed("project_id", |text| ProjectId::parse(text)));
        let region = keep(&mut problems, self.parsed("region", |text| RegionName::parse(text)));
        let csms_endpoint = keep(&mut problems, self.parsed("csms_endpoint", parse_endpoint));
        let version_id = keep(&mut problems, self.parsed("version_id", VersionId::parse));
        let dry_run = keep(&mut problems, self.dry_run());
        let attempt = self.find("attempt").and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        match (name.flatten(), mode) {
            (Some(secret_name), Some(mode)) if problems.is_empty() => Ok(RotationEvent {
                task_id: self.optional("task_id", |text| TaskId::parse(text).ok()),
                attempt: attempt.unwrap_or(1),
                region: region.flatten(),
                project_id: project_id.flatten(),
                domain_id: self.optional("domain_id", |text| Some(text.to_string())),
                secret_id: self.optional("secret_id", |text| SecretId::parse(text).ok()),
                secret_name,
                secret_type: self.optional("secret_type", SecretType::from_word),
                mode,
                rotation_config: rotation_config.flatten(),
                csms_endpoint: csms_endpoint.flatten(),
                version_id: version_id.flatten(),
                pending_is_new: self.find("pending_is_new") == Some(&Value::Bool(true)),
                removes_pending: self.find("removes_pending") == Some(&Value::Bool(true)),
                traceparent: self.optional("traceparent", Traceparent::parse),
                dry_run: dry_run.unwrap_or_default(),
                shared_account: self.find("shared_account") == Some(&Value::Bool(true)),
            }),
            _ => Err(problems),
        }
    }
}

fn check_version(text: &str) -> Result<(), Violation> {
    if matches!(text, EVENT_VERSION | DRY_RUN_VERSION) { Ok(()) } else { Err(Violation::new(Rule::Choice, "1, 2")) }
}

/// `SINGLE_USER`, `SingleUser` or any other case of the two words.
fn parse_mode(text: &str) -> Result<RotationMode, Violation> {
    let word: String = text.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    match word.as_str() {
        "singleuser" => Ok(RotationMode::SingleUser),
        "multiuser" => Ok(RotationMode::MultiUser),
        _ => Err(Violation::new(Rule::Choice, "SINGLE_USER, MULTI_USER")),
    }
}

/// An address of the service: scheme and host, no credentials, no query.
fn parse_endpoint(text: &str) -> Result<String, Violation> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '/');
    match rest {
        Some(rest) if !rest.is_empty() && rest.chars().all(plain) => Ok(text.trim_end_matches('/').to_string()),
        _ => Err(Violation::new(Rule::Pattern, "https://host or http://host:port")),
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use proptest::prelude::*;

    use super::*;
    use crate::rotation::message::causes;

    const PROJECT: &str = "0123456789abcdef0123456789abcdef";
    const UUID: &str = "bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e";

    fn event() -> RotationEvent {
        RotationEvent {
            task_id: Some(TaskId::parse(UUID).unwrap()),
            attempt: 2,
            region: Some(RegionName::parse("cn-north-4").unwrap()),
            project_id: Some(ProjectId::parse(PROJECT).unwrap()),
            domain_id: Some("domain".into()),
            secret_id: Some(SecretId::parse(UUID).unwrap()),
            secret_name: SecretName::parse("db-main").unwrap(),
            secret_type: Some(SecretType::RdsFg),
            mode: RotationMode::SingleUser,
            rotation_config: Some(RotationConfig::parse(r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#).unwrap()),
            csms_endpoint: Some("http://127.0.0.1:7070".into()),
            version_id: VersionId::from_number(3),
            pending_is_new: true,
            removes_pending: true,
            traceparent: Traceparent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            dry_run: false,
            shared_account: false,
        }
    }

    fn parse(value: &Value) -> Result<RotationEvent, Vec<Problem>> {
        RotationEvent::parse(value.to_string().as_bytes())
    }

    #[test]
    fn the_event_has_the_documented_form() {
        let expected = json!({
            "version": "1", "task_id": UUID, "attempt": 2, "region": "cn-north-4", "project_id": PROJECT,
            "domain_id": "domain", "secret_id": UUID, "secret_name": "db-main", "secret_type": "RDS-FG",
            "operate_type": "SINGLE_USER", "rotation_config": {"InstanceId": "i", "SecretSubType": "SingleUser"},
            "csms_endpoint": "http://127.0.0.1:7070", "version_id": "v3", "pending_is_new": true,
            "removes_pending": true,
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        });
        assert_eq!(serde_json::to_value(event()).unwrap(), expected);
        assert_eq!(parse(&expected).unwrap(), event());
    }

    #[test]
    fn a_dry_run_is_an_event_of_another_version() {
        let dry = RotationEvent { dry_run: true, shared_account: true, ..event() };
        assert_eq!(RotationEvent::parse(dry.to_json().to_string().as_bytes()), Ok(dry.clone()));
        let json = dry.to_json();
        assert_eq!((&json["version"], &json["dry_run"]), (&json!("2"), &json!(true)));
        assert_eq!(parse(&json).unwrap(), dry);
        assert_eq!(parse(&json!({"secret_name": "db", "dry_run": "yes"})).unwrap_err()[0].path, "operate_type");
        let misspelt = json!({"secret_name": "db", "operate_type": "SINGLE_USER", "dry_run": "yes"});
        assert_eq!(parse(&misspelt).unwrap_err()[0].path, "dry_run");
    }

    #[test]
    fn the_service_is_the_one_that_the_outermost_event_names_by_the_exact_word() {
        let (own, other) = ("http://own", "http://other");
        let content = json!({"secret_name": "db", "operate_type": "SINGLE_USER", "csms_endpoint": other});
        let text = content.to_string();
        let encoded = Base64::encode_string(text.as_bytes());
        for event in [
            json!({"csms_endpoint": own, "user_event": content}),
            json!({"csms_endpoint": own, "user_event": text}),
            json!({"csms_endpoint": own, "body": encoded}),
            json!({"csms_endpoint": own, "body": {"user_event": content, "CsmsEndpoint": other}}),
            json!({"secret_name": "db", "operate_type": "SINGLE_USER", "csms_endpoint": own, "CSMS_ENDPOINT": other}),
            json!({"secret_name": "db", "operate_type": "SINGLE_USER", "csms_endpoint": own, "CsmsEndpoint": other}),
        ] {
            assert_eq!(parse(&event).unwrap().csms_endpoint.as_deref(), Some(own), "{event}");
        }
    }

    #[test]
    fn a_bare_event_is_enough() {
        let read = parse(&json!({"secret_name": "db", "operate_type": "MULTI_USER"})).unwrap();
        assert_eq!((read.secret_name.as_str(), read.mode, read.attempt), ("db", RotationMode::MultiUser, 1));
        assert_eq!(read.version_id, None);
    }

    #[test]
    fn pascal_and_camel_case_are_read() {
        let pascal = json!({"SecretName": "db", "OperateType": "SingleUser", "VersionId": "v4"});
        let camel = json!({"secretName": "db", "operateType": "SINGLE_USER", "versionId": "v4"});
        assert_eq!(parse(&pascal).unwrap(), parse(&camel).unwrap());
    }

    #[test]
    fn a_configuration_in_text_is_read() {
        let read =
            parse(&json!({"secret_name": "db", "rotation_config": "{'InstanceId':'i','SecretSubType':'MultiUser'}"}));
        assert_eq!(read.unwrap().mode, RotationMode::MultiUser);
    }

    #[test]
    fn an_event_is_found_in_the_envelopes_of_timer_and_gateway() {
        let inner = event().to_json();
        let text = inner.to_string();
        for envelope in [
            json!({"version": "v2.0", "trigger_type": "TIMER", "user_event": text}),
            json!({"user_event": inner}),
            json!({"body": text, "isBase64Encoded": false}),
            json!({"body": Base64::encode_string(text.as_bytes()), "isBase64Encoded": true}),
            json!({"body": json!({"user_event": text}).to_string()}),
        ] {
            assert_eq!(parse(&envelope).unwrap(), event(), "{envelope}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = parse(&json!({
            "version": "3", "secret_name": "a b", "operate_type": "TRIPLE", "project_id": "short", "region": 7,
            "csms_endpoint": "https://user@host/", "version_id": "3",
        }))
        .unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            ["version", "secret_name", "operate_type", "project_id", "region", "csms_endpoint", "version_id"]
        );
        assert_eq!(parse(&json!([])).unwrap_err().len(), 2);
    }

    #[test]
    fn a_region_is_a_name_and_nothing_that_leads_elsewhere() {
        for region in ["evil.example/#", "a.b", "evil.example:443/x", "a@b", "cn north", "cn-north-4\n", "[::1]"] {
            let event = json!({"secret_name": "db", "operate_type": "SINGLE_USER", "region": region});
            assert_eq!(parse(&event).unwrap_err()[0].path, "region", "{region}");
        }
    }

    #[test]
    fn a_mode_that_contradicts_the_configuration_is_refused() {
        let mut value = event().to_json();
        value["operate_type"] = "MULTI_USER".into();
        assert_eq!(parse(&value).unwrap_err()[0].path, "operate_type");
    }

    #[test]
    fn replies_have_the_documented_form() {
        let success = RotationReply::success(VersionId::FIRST);
        assert_eq!(serde_json::to_string(&success).unwrap(), r#"{"status":"SUCCESS","version_id":"v1"}"#);
        let failed = RotationReply::failed(FailureCode::Unavailable, causes::busy());
        let told = r#""error_msg":"the database takes no further connection now""#;
        let detail = r#""error_detail":{"code":"cause.busy"}"#;
        let head = r#""status":"FAILED","error_code":"ROTATION_UNAVAILABLE""#;
        let text = format!("{{{head},{told},{detail}}}");
        assert_eq!(serde_json::to_string(&failed).unwrap(), text);
        assert_eq!(RotationReply::parse(text.as_bytes()), Some(failed));
        for in_words in [format!("{{{head},{told}}}"), format!(r#"{{{head},{told},"error_detail":"odd"}}"#)] {
            let reply = RotationReply::parse(in_words.as_bytes());
            assert!(matches!(reply, Some(RotationReply::Failed { error_detail: None, .. })), "{in_words}");
        }
        assert_eq!(RotationReply::parse(b"\"done\""), None);
    }

    #[test]
    fn every_failure_code_is_read_back() {
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::from_word(code.as_str()), Some(code));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RotationEvent::parse(&bytes);
        }

        #[test]
        fn envelopes_within_envelopes_end(depth in 0_usize..40) {
            let mut value = event().to_json();
            for _ in 0..depth {
                value = json!({ "body": value });
            }
            prop_assert_eq!(parse(&value).is_ok(), depth <= 3, "{}", format!("{depth}"));
        }
    }
}
