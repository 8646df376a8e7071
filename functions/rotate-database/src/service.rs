//! The service as the function sees it: one secret, through the client, with the credentials of the invocation.

use csms_client::{Client, ClientError, CreateVersionBody, Credentials};
use csms_core::{
    Language, ProjectId, SecretName, SecretValue, StageName, VersionId,
    rotation::{
        FailureCode, Message, RotationEvent,
        message::{connection, function as say},
        plan::Labels,
    },
    stage,
};
use csms_rotate::{Failure, Secrets, SecretsError, stage_by_stage};
use csms_tls::CA_VARIABLE;
use functiongraph_runtime::guest::Context;

/// User variable with the address of the service; wins over the event, so that who deploys the function decides whom it
/// hands its credentials to.
pub const ENDPOINT: &str = "CSMS_ENDPOINT";

/// The service's code for a secret that does not exist. A stage that does not exist has the same status and another code.
const NO_SUCH_SECRET: &str = "CSMS.0106";

/// Versions of one page: more than a secret has.
const PAGE: u16 = 50;

/// One secret of the service.
#[derive(Debug)]
pub struct Service {
    client: Client,
    name: SecretName,
}

/// The project of the secret that an event names: the event's, or that of the function's environment.
#[must_use]
pub fn project(event: &RotationEvent, context: &Context) -> Option<ProjectId> {
    event.project_id.clone().or_else(|| ProjectId::parse(context.project_id()).ok())
}

impl Service {
    /// The secret that the event names.
    ///
    /// # Errors
    /// [`FailureCode::InvalidEvent`] when event and environment name no service or no project, or the function has no
    /// credentials.
    pub fn connect(event: &RotationEvent, context: &Context) -> Result<Self, Failure> {
        let missing = |message: Message| Failure { code: FailureCode::InvalidEvent, message };
        let endpoint = context.user_data(ENDPOINT).or(event.csms_endpoint.as_deref());
        let endpoint = endpoint.ok_or_else(|| missing(say::no_service()))?;
        let project = project(event, context).ok_or_else(|| missing(say::no_project()))?;
        let credentials = credentials(context).ok_or_else(|| missing(say::no_credentials()))?;
        let client = match context.user_data(CA_VARIABLE) {
            None => Client::new(endpoint, project, credentials),
            Some(named) => {
                let authorities = csms_tls::authorities(named)
                    .map_err(|error| missing(say::authorities_unusable(CA_VARIABLE, error.to_string())))?;
                Client::trusting(endpoint, project, credentials, &authorities)
            }
        };
        let client = client.map_err(|error| missing(message(error)))?;
        Ok(Self { client: client.within(event.traceparent.clone()), name: event.secret_name.clone() })
    }
}

impl Service {
    /// The value of a version, `vN` or `latest`, of a secret.
    async fn value_of(&self, name: &SecretName, version: &str) -> Result<SecretValue, SecretsError> {
        let found = self.client.show_version(name, version).await.map_err(told)?;
        let value = match (found.version.secret_string.as_deref(), found.version.secret_binary.as_deref()) {
            (Some(text), None) => SecretValue::text(text.to_owned()),
            (None, Some(base64)) => SecretValue::from_base64(base64),
            (Some(_), Some(_)) | (None, None) => return Err(not_understood()),
        };
        value.map_err(|_| not_understood())
    }
}

fn credentials(context: &Context) -> Option<Credentials> {
    let given = context.credentials()?;
    match (given.key_pair(), given.security_token(), given.auth_token()) {
        (Some((access_key, secret_key)), Some(token), _) => Some(Credentials::temporary(access_key, secret_key, token)),
        (Some((access_key, secret_key)), None, _) => Some(Credentials::key_pair(access_key, secret_key)),
        (None, _, Some(token)) => Some(Credentials::token(token)),
        (None, _, None) => None,
    }
}

impl Secrets for Service {
    async fn stage(&self, stage: &StageName) -> Result<Option<VersionId>, SecretsError> {
        match self.client.show_stage(&self.name, stage).await {
            Ok(found) => version(&found.stage.version_id).map(Some),
            Err(error) if is_no_such_stage(&error) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    async fn labels(&self) -> Result<Labels, SecretsError> {
        match self.client.list_versions(&self.name, PAGE, None).await {
            Ok(page) if page.page_info.next_marker.is_none() => {
                let marked = |stage: &str| {
                    let is_marked = |names: &[String]| names.iter().any(|name| name == stage);
                    let found = page.version_metadatas.iter().find(|found| is_marked(&found.version_stages));
                    found.map(|found| version(&found.id)).transpose()
                };
                let (pending, current) = (marked(stage::PENDING)?, marked(stage::CURRENT)?);
                Ok(Labels { pending, current, previous: marked(stage::PREVIOUS)? })
            }
            Err(error) if may_pass(&error) => Err(told(error)),
            // A caller who may not list versions may still read stages.
            Ok(_) | Err(_) => stage_by_stage(self).await,
        }
    }

    async fn value(&self, version: VersionId) -> Result<SecretValue, SecretsError> {
        self.value_of(&self.name, &String::from(version)).await
    }

    async fn admin_value(&self, name: &SecretName) -> Result<SecretValue, SecretsError> {
        self.value_of(name, "latest").await
    }

    async fn create_pending(&self, value: SecretValue) -> Result<VersionId, SecretsError> {
        let body = CreateVersionBody {
            secret_string: value.as_text(),
            version_stages: Some(&[stage::PENDING]),
            ..CreateVersionBody::default()
        };
        let made = self.client.create_version(&self.name, &body).await.map_err(told)?;
        version(&made.version_metadata.id)
    }

    async fn make_current(&self, version: VersionId) -> Result<(), SecretsError> {
        let moved = self.client.update_stage(&self.name, &StageName::current(), version).await;
        moved.map(drop).map_err(told)
    }

    async fn remove_pending_label(&self) -> Result<(), SecretsError> {
        match self.client.delete_stage(&self.name, &StageName::pending()).await {
            Ok(()) => Ok(()),
            Err(error) if is_no_such_stage(&error) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }
}

fn is_no_such_stage(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { status: 404, code, .. } if code != NO_SUCH_SECRET)
}

fn version(text: &str) -> Result<VersionId, SecretsError> {
    VersionId::parse(text).map_err(|_| not_understood())
}

/// Whether another attempt may succeed. Credentials come with the call and end soon: when a clock jumps they have expired
/// before their time, and the next call brings new ones.
fn may_pass(error: &ClientError) -> bool {
    error.is_retryable() || error.status() == Some(401)
}

/// An error as the planner understands it.
fn told(error: ClientError) -> SecretsError {
    if may_pass(&error) { SecretsError::Unavailable(message(error)) } else { SecretsError::Refused(message(error)) }
}

/// An error of the client as a message.
fn message(error: ClientError) -> Message {
    match error {
        ClientError::Refused { status, code, message, request_id, detail } => {
            // A newer server may have messages that are not known here; the text beside one says the same.
            let known = detail.filter(|detail| detail.sentence_in(Language::English).is_some());
            let said = known.map_or_else(|| connection::said(message), |detail| *detail);
            say::service_refused(code, said, status, request_id)
        }
        ClientError::Unreachable { endpoint, reason } => say::service_unreachable(endpoint, reason),
        ClientError::Answer { operation } => say::service_answer(operation),
        ClientError::Setup(what) => connection::said(what),
    }
}

fn not_understood() -> SecretsError {
    SecretsError::Refused(say::service_not_understood())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
        thread,
    };

    use functiongraph_runtime::Credentials as Given;

    use super::*;

    /// A service that answers each request by the end of its path, and the function's view of it.
    fn answering(answer: fn(&str) -> (u16, &'static str)) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(&stream).lines().map(Result::unwrap);
                let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
                let target = head[0].split(' ').nth(1).unwrap().split('?').next().unwrap();
                let (status, body) = answer(target.rsplit('/').next().unwrap());
                let length = body.len();
                let head = format!("HTTP/1.1 {status} Answer\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        let with_keys = Context::builder("a test").credentials(Given::from_keys("AK", "SK")).build();
        let event = event(&format!(
            r#"{{"secret_name":"db","operate_type":"SINGLE_USER","csms_endpoint":"{endpoint}",
                "project_id":"0123456789abcdef0123456789abcdef"}}"#
        ));
        Service::connect(&event, &with_keys).unwrap()
    }

    const CURRENT: &str = r#"{"stage":{"name":"SYSCURRENT","update_time":1,"secret_name":"db","version_id":"v2"}}"#;
    const NO_STAGE: &str = r#"{"error_code":"CSMS.0005","error_msg":"no such stage"}"#;

    fn labels(pending: u32, current: u32, previous: u32) -> Result<Labels, SecretsError> {
        let version = VersionId::from_number;
        Ok(Labels { pending: version(pending), current: version(current), previous: version(previous) })
    }

    #[tokio::test]
    async fn the_stages_are_read_from_one_list_of_versions() {
        let service = answering(|end| match end {
            "versions" => {
                let list = r#"{"version_metadatas":[
                    {"id":"v1","create_time":1,"kms_key_id":"k","secret_name":"db","version_stages":[]},
                    {"id":"v2","create_time":2,"kms_key_id":"k","secret_name":"db","version_stages":["SYSPREVIOUS","own"]},
                    {"id":"v3","create_time":3,"kms_key_id":"k","secret_name":"db","version_stages":["SYSPENDING","SYSCURRENT"]}
                ],"page_info":{"current_count":3}}"#;
                (200, list)
            }
            _ => (500, ""),
        });
        assert_eq!(service.labels().await, labels(3, 3, 2));
    }

    #[tokio::test]
    async fn a_function_that_may_not_list_versions_or_sees_a_part_of_them_reads_the_stages() {
        let refused = answering(|end| match end {
            "versions" => (403, r#"{"error_code":"CSMS.0302","error_msg":"not allowed"}"#),
            "SYSCURRENT" => (200, CURRENT),
            _ => (404, NO_STAGE),
        });
        assert_eq!(refused.labels().await, labels(0, 2, 0));
        let a_part = answering(|end| match end {
            "versions" => (200, r#"{"version_metadatas":[],"page_info":{"current_count":0,"next_marker":"v1"}}"#),
            "SYSCURRENT" => (200, CURRENT),
            _ => (404, NO_STAGE),
        });
        assert_eq!(a_part.labels().await, labels(0, 2, 0));
    }

    fn event(text: &str) -> RotationEvent {
        RotationEvent::parse(text.as_bytes()).unwrap()
    }

    fn refusal(event: &RotationEvent, context: &Context) -> String {
        Service::connect(event, context).unwrap_err().message.english()
    }

    #[test]
    fn what_is_missing_is_named() {
        let bare = Context::builder("a test").build();
        let with_keys = Context::builder("a test").credentials(Given::from_keys("AK", "SK")).build();
        let nothing = event(r#"{"secret_name":"db","operate_type":"SINGLE_USER"}"#);
        assert!(refusal(&nothing, &bare).contains("CSMS_ENDPOINT"));
        let project = "0123456789abcdef0123456789abcdef";
        let no_project =
            event(r#"{"secret_name":"db","operate_type":"SINGLE_USER","csms_endpoint":"http://127.0.0.1:1"}"#);
        assert!(refusal(&no_project, &with_keys).contains("project"));
        let full = event(&format!(
            r#"{{"secret_name":"db","operate_type":"SINGLE_USER","csms_endpoint":"http://127.0.0.1:1","project_id":"{project}"}}"#
        ));
        assert!(refusal(&full, &bare).contains("credentials"));
        assert!(Service::connect(&full, &with_keys).is_ok());
    }

    #[test]
    fn a_missing_stage_and_a_missing_secret_are_told_apart() {
        let refused = |code: &str| ClientError::Refused {
            status: 404,
            code: code.to_owned(),
            message: String::new(),
            request_id: String::new(),
            detail: None,
        };
        assert!(is_no_such_stage(&refused("CSMS.0005")));
        assert!(!is_no_such_stage(&refused(NO_SUCH_SECRET)));
    }
}
