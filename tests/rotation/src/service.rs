//! A running `csms` server as its users see it: secrets, rotations and their tasks, through the client.
//!
//! Everything here panics when it fails: a test that cannot ask has failed.

#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a test support module")]

use core::time::Duration;

use csms_api::response::{RotateResponse, TaskInfo};
use csms_client::{Client, ClientError, CreateSecretBody, CreateVersionBody, Credentials, ListTasksQuery};
use csms_core::{ProjectId, RotationMode, SecretName, StageName, VersionId, rotation::Account, stage};
use csms_testbed::{Server, server::Options};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Longest wait for a task. Three attempts take some seconds; the rest is for a busy machine.
const TASK_WITHIN: Duration = Duration::from_secs(120);

/// How often a task is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A server process and a client with its first user's keys.
#[derive(Debug)]
pub struct Service {
    /// The process.
    pub server: Server,
    /// The client; clones may be used at the same time.
    pub client: Client,
}

impl Service {
    /// The project of the client.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        project(&self.server)
    }

    /// Starts a server with the bundled rotation function.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a server.
    pub async fn start_with(options: Options) -> Self {
        let server = Server::start(options).await.expect("the server starts");
        let client = client(&server);
        Self { server, client }
    }

    /// Kills the server, as a power failure would.
    pub async fn kill(&self) {
        self.server.kill().await.expect("the server can be killed");
    }

    /// Starts the server again on its data, on another port.
    pub async fn restart(&mut self) {
        self.server.restart().await.expect("the server starts again");
        self.client = client(&self.server);
    }

    /// The URN of the bundled rotation function.
    #[must_use]
    pub fn bundled_function(&self) -> &str {
        let urn = self.server.credentials().rotation_func_urn.as_deref();
        urn.expect("rotate-database.zip lies beside the server; `cargo xtask package` makes it")
    }

    /// Creates a secret that `function` rotates.
    pub async fn create(&self, name: &str, mode: RotationMode, function: &str, value: &Value) -> SecretName {
        self.create_text(name, mode, function, &value.to_string()).await
    }

    /// Creates a secret that `function` rotates, with a value that need not be JSON.
    pub async fn create_text(&self, name: &str, mode: RotationMode, function: &str, value: &str) -> SecretName {
        let config = json!({ "InstanceId": "local", "SecretSubType": mode.as_str() }).to_string();
        let body = CreateSecretBody {
            name,
            secret_string: Some(value),
            secret_type: Some("RDS-FG"),
            rotation_config: Some(&config),
            rotation_func_urn: Some(function),
            ..CreateSecretBody::default()
        };
        self.client.create_secret(&body).await.expect("a secret is created");
        SecretName::parse(name).expect("the name of a test is a name")
    }

    /// Adds a version that carries just this stage.
    pub async fn add_version(&self, name: &SecretName, stage: &str, value: &Value) -> VersionId {
        self.add_text(name, stage, &value.to_string()).await
    }

    /// Adds a version that carries just this stage, with a value that need not be JSON.
    pub async fn add_text(&self, name: &SecretName, stage: &str, value: &str) -> VersionId {
        let body = CreateVersionBody {
            secret_string: Some(value),
            version_stages: Some(&[stage]),
            ..CreateVersionBody::default()
        };
        let made = self.client.create_version(name, &body).await.expect("a version is created");
        VersionId::parse(&made.version_metadata.id).expect("a version has an id")
    }

    /// Asks for a rotation and does not wait for it.
    pub async fn begin(&self, name: &SecretName) -> RotateResponse {
        self.client.rotate_secret(name).await.expect("a rotation begins")
    }

    /// Asks for a rotation and waits until its task has ended, well or not.
    pub async fn rotate(&self, name: &SecretName) -> (RotateResponse, TaskInfo) {
        let begun = self.begin(name).await;
        let task = self.ended(&begun.rotation_task_id).await;
        (begun, task)
    }

    /// A task as it is now.
    pub async fn task(&self, id: &str) -> TaskInfo {
        let query = ListTasksQuery { task_id: Some(id), ..ListTasksQuery::default() };
        let found = self.client.list_tasks(query).await.expect("tasks are listed");
        assert_eq!(found.total, 1, "the task {id} is listed once");
        found.tasks.into_iter().next().expect("a list of one task has a first")
    }

    /// Waits until a task has ended.
    pub async fn ended(&self, id: &str) -> TaskInfo {
        let deadline = Instant::now() + TASK_WITHIN;
        loop {
            let task = self.task(id).await;
            if task.task_status != "RUNNING" {
                return task;
            }
            assert!(Instant::now() < deadline, "still running: {task:?}\n{}", self.server.log_tail());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The version that a stage marks.
    pub async fn marked(&self, name: &SecretName, stage: &str) -> Option<VersionId> {
        let stage = StageName::parse(stage).expect("the stage of a test is a stage");
        match self.client.show_stage(name, &stage).await {
            Ok(found) => Some(VersionId::parse(&found.stage.version_id).expect("a stage marks a version")),
            Err(ClientError::Refused { status: 404, .. }) => None,
            Err(error) => panic!("{stage} of {name} cannot be read: {error}"),
        }
    }

    /// The value of a version, `vN` or `latest`.
    pub async fn value(&self, name: &SecretName, version: &str) -> Value {
        let found = self.client.show_version(name, version).await.expect("a version is read");
        let text = found.version.secret_string.as_deref().expect("the value is a text");
        serde_json::from_str(text).expect("the value is JSON")
    }

    /// The account in the version that a stage marks.
    pub async fn account(&self, name: &SecretName, stage: &str) -> Option<Account> {
        let version = self.marked(name, stage).await?;
        Some(crate::database::account(&self.value(name, &String::from(version)).await))
    }

    /// The account in SYSCURRENT, read as applications do.
    pub async fn current(&self, name: &SecretName) -> Account {
        crate::database::account(&self.value(name, "latest").await)
    }

    /// Checks that a rotation has ended well in the given attempt: SYSCURRENT is the version it announced, SYSPREVIOUS
    /// the one before, and nothing is pending.
    pub async fn assert_rotated(
        &self,
        (begun, task): &(RotateResponse, TaskInfo),
        attempts: u32,
        former: VersionId,
        context: &str,
    ) {
        let ended = (task.task_status.as_str(), task.attempt_nums);
        assert_eq!(ended, ("SUCCESS", attempts), "{context}: {task:?}\n{}", self.server.log_tail());
        assert_eq!((&task.task_error_code, &task.task_error_msg), (&None, &None), "{context}");
        let name = SecretName::parse(begun.secret_name.clone()).expect("the answer names the secret");
        let made = VersionId::parse(&begun.version_id).ok();
        assert_eq!(self.marked(&name, stage::CURRENT).await, made, "{context}");
        assert_eq!(self.marked(&name, stage::PREVIOUS).await, Some(former), "{context}");
        assert_eq!(self.marked(&name, stage::PENDING).await, None, "{context}");
    }
}

fn project(server: &Server) -> ProjectId {
    ProjectId::parse(server.project_id().to_owned()).expect("the server names its project")
}

fn client(server: &Server) -> Client {
    let credentials = server.credentials();
    let project = project(server);
    let keys = Credentials::key_pair(&credentials.access_key, &credentials.secret_key);
    Client::new(server.url(), project, keys).expect("the server's address is one")
}
