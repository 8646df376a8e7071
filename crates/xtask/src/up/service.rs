//! The few operations of the service that the demonstration needs, over signed HTTP.
//!
//! The only file of `up` that knows paths and bodies.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use csms_core::UnixMillis;
use csms_core::sign::{self, SignedRequest};
use csms_testbed::server::Credentials;
use serde_json::{Value, json};

use super::database::Login;

/// The type of a secret that holds the login of a relational database.
const SECRET_TYPE: &str = "RDS-FG";

/// A client of one server with one user's keys.
pub(crate) struct Service {
    agent: ureq::Agent,
    credentials: Credentials,
}

/// How far a rotation task is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TaskStatus {
    /// Under way, in its nth attempt.
    Running { attempt: u64 },
    /// Done.
    Success,
    /// Given up.
    Failed { code: String, message: String },
}

impl Service {
    pub(crate) fn new(credentials: &Credentials) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        Self { agent, credentials: credentials.clone() }
    }

    /// Creates a secret that the bundled function rotates.
    pub(crate) async fn create_secret(&self, name: &str, value: &str, sub_type: &str) -> Result<()> {
        let urn = self.credentials.rotation_func_urn.as_deref();
        let urn = urn.context("the server found no rotation function beside its binary")?;
        let body = json!({
            "name": name,
            "secret_type": SECRET_TYPE,
            "secret_string": value,
            "rotation_func_urn": urn,
            "rotation_config": json!({"InstanceId": "local", "SecretSubType": sub_type}).to_string(),
        });
        self.call("POST", "secrets", "", Some(&body)).await.map(drop)
    }

    /// Adds a version that only `stage` names.
    pub(crate) async fn create_version(&self, name: &str, value: &str, stage: &str) -> Result<()> {
        let body = json!({"secret_string": value, "version_stages": [stage]});
        self.call("POST", &format!("secrets/{name}/versions"), "", Some(&body)).await.map(drop)
    }

    /// Asks for a rotation and returns the id of its task.
    pub(crate) async fn rotate(&self, name: &str) -> Result<String> {
        let answer = self.call("POST", &format!("secrets/{name}/rotate"), "", None).await?;
        text(&answer, "/rotation_task_id")
    }

    /// How far a task is.
    pub(crate) async fn task(&self, id: &str) -> Result<TaskStatus> {
        let answer = self.call("GET", "csms/tasks", &format!("task_id={id}"), None).await?;
        let task = answer.pointer("/tasks/0").with_context(|| format!("the task {id} is not listed"))?;
        Ok(match text(task, "/task_status")?.as_str() {
            "SUCCESS" => TaskStatus::Success,
            "FAILED" => TaskStatus::Failed {
                code: text(task, "/task_error_code").unwrap_or_default(),
                message: text(task, "/task_error_msg").unwrap_or_default(),
            },
            _ => TaskStatus::Running { attempt: task.pointer("/attempt_nums").and_then(Value::as_u64).unwrap_or(0) },
        })
    }

    /// The current version of a secret: its id and the login in it.
    pub(crate) async fn current_login(&self, name: &str) -> Result<(String, Login)> {
        let answer = self.call("GET", &format!("secrets/{name}/versions/latest"), "", None).await?;
        let value = text(&answer, "/version/secret_string")?;
        // serde names at most the position of a mistake, not the text around it.
        let login = serde_json::from_str(&value).context("the value of the secret is not a login")?;
        Ok((text(&answer, "/version/version_metadata/id")?, login))
    }

    /// One operation below `/v1/{project_id}/`; an answer outside 2xx is an error with its text.
    async fn call(&self, method: &'static str, path: &str, query: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let path = format!("/v1/{}/{path}", self.credentials.project_id);
        let request = self.signed(method, &path, query, body)?;
        let agent = self.agent.clone();
        let (status, answer) = tokio::task::spawn_blocking(move || -> Result<_> {
            let mut response = agent.run(request)?;
            Ok((response.status(), response.body_mut().read_to_string()?))
        })
        .await??;
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {answer}");
        }
        if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&answer)?) }
    }

    fn signed(&self, method: &str, path: &str, query: &str, body: String) -> Result<ureq::http::Request<String>> {
        let credentials = &self.credentials;
        let host = credentials.endpoint.strip_prefix("http://").context("the endpoint is not an http:// address")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let date = sign::format_date(UnixMillis::new(u64::try_from(now.as_millis())?));
        let payload_hash = sign::payload_hash(body.as_bytes());
        let signed = SignedRequest { method, path, query, date: &date, payload_hash: &payload_hash };
        let headers = [
            ("content-type", "application/json"),
            ("host", host),
            ("x-project-id", &credentials.project_id),
            (sign::DATE_HEADER, &date),
        ];
        let authorization =
            sign::authorize(&credentials.access_key, credentials.secret_key.as_bytes(), &signed, &headers);
        let separator = if query.is_empty() { "" } else { "?" };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}{separator}{query}", credentials.endpoint))
            .header("authorization", authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Ok(request.body(body)?)
    }
}

fn text(answer: &Value, pointer: &str) -> Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("the answer has no text at {pointer}"))
}
