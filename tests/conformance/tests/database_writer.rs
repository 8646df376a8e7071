//! Who can write the shared database but has no root key gets no rights by it. What is written is what the cases against the
//! embedded store write, too; here a real server notices it in PostgreSQL.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    future::Future,
    time::{Duration, Instant},
};

use csms_client::{Client, CreateSecretBody, Credentials};
use csms_conformance::client;
use csms_core::{ProjectId, SecretName};
use csms_testbed::{
    Postgres, Server,
    postgres::{ADMIN, DATABASE},
    server::{Options, binary},
};
use serde_json::Value;

/// Longest wait for what a server has kept in memory.
const WITHIN: Duration = Duration::from_secs(30);

const LISTS: &str = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:secret:list"]}]}"#;

/// A server on PostgreSQL with the secret `crown`, and a user who may only list secrets.
struct Attacked {
    postgres: Postgres,
    server: Server,
    mallory: Client,
    access_key: String,
}

impl Attacked {
    async fn start() -> Self {
        let postgres = Postgres::start().await.unwrap();
        let options = Options::default().argument("--store").argument(address(&postgres));
        let server = Server::start(options.variable("PGPASSWORD", postgres.admin_password())).await.unwrap();
        let body = CreateSecretBody { name: "crown", secret_string: Some("jewels"), ..CreateSecretBody::default() };
        client(&server).create_secret(&body).await.unwrap();
        let policy = server.data().join("lists.json");
        std::fs::write(&policy, LISTS).unwrap();
        let run = async |arguments: &[&str]| command(&postgres, &server, arguments).await;
        run(&["policy", "create", "lists", "--file", policy.to_str().unwrap()]).await.unwrap();
        let made = run(&["user", "create", "mallory", "--policy", "lists", "--output", "json"]).await.unwrap();
        let made: Value = serde_json::from_str(&made).unwrap();
        let access_key = made["access_key"].as_str().unwrap().to_owned();
        let keys = Credentials::key_pair(&access_key, made["secret_key"].as_str().unwrap());
        let project = ProjectId::parse(server.project_id()).unwrap();
        let mallory = Client::new(server.url(), project, keys).unwrap();
        mallory.list_secrets(10, None).await.unwrap();
        let attacked = Self { postgres, server, mallory, access_key };
        assert_eq!(reading(&attacked.mallory, "crown").await, 403);
        attacked.verify().await.unwrap();
        attacked
    }

    /// Writes to one row behind the server's back.
    async fn write(&self, sql: &str) {
        let admin = self.postgres.admin().await.unwrap();
        assert_eq!(admin.execute(sql, &[]).await.unwrap(), 1, "{sql}");
    }

    /// Replaces a part of a document together with its checksum, as somebody would who knows the format.
    async fn edit(&self, table: &str, name: &str, from: &str, to: &str) {
        let admin = self.postgres.admin().await.unwrap();
        let sql = format!("SELECT document FROM {table} WHERE name = $1");
        let text: String = admin.query_one(&sql, &[&name]).await.unwrap().get(0);
        assert!(text.contains(from), "{text}");
        let text = text.replacen(from, to, 1);
        let checksum = i64::from(crc32fast::hash(text.as_bytes()));
        let sql = format!("UPDATE {table} SET document = $1, checksum = $2 WHERE name = $3");
        assert_eq!(admin.execute(&sql, &[&text, &checksum, &name]).await.unwrap(), 1);
    }

    async fn verify(&self) -> Result<String, String> {
        command(&self.postgres, &self.server, &["audit", "verify"]).await
    }

    /// Mallory is nobody, and the check names the row.
    async fn is_noticed(&self, row: &str) {
        until(401, || reading(&self.mallory, "crown")).await;
        let reason = self.verify().await.unwrap_err();
        assert!(reason.contains(row), "{reason}");
    }
}

fn address(postgres: &Postgres) -> String {
    format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", postgres.port())
}

/// Runs a command on the server's data; its output, or what it complains about.
async fn command(postgres: &Postgres, server: &Server, arguments: &[&str]) -> Result<String, String> {
    let mut command = tokio::process::Command::new(binary().unwrap());
    command.args(arguments).arg("--offline").arg("--data").arg(server.data()).arg("--store").arg(address(postgres));
    let output = command.env("PGPASSWORD", postgres.admin_password()).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The status of reading the newest value of a secret.
async fn reading(client: &Client, name: &str) -> u16 {
    let name = SecretName::parse(name).unwrap();
    match client.show_version(&name, "latest").await {
        Ok(_) => 200,
        Err(error) => error.status().unwrap_or(0),
    }
}

/// Waits until the server no longer uses what it has kept in memory.
async fn until<F: Future<Output = u16>>(expected: u16, status: impl Fn() -> F) {
    let deadline = Instant::now() + WITHIN;
    loop {
        let found = status().await;
        if found == expected {
            return;
        }
        assert_ne!(found, 200, "a value was read");
        assert!(Instant::now() < deadline, "still {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_access_key_does_not_move_to_another_user() {
    let attacked = Attacked::start().await;
    let key = &attacked.access_key;
    let admin = "(SELECT id FROM users WHERE name = 'admin')";
    attacked.write(&format!("UPDATE access_keys SET user_id = {admin} WHERE access_key = '{key}'")).await;
    attacked.is_noticed(&format!("the access key {key}")).await;
}

#[tokio::test]
async fn a_sealed_secret_key_does_not_open_in_another_row() {
    let attacked = Attacked::start().await;
    let (key, admin) = (&attacked.access_key, attacked.server.credentials().access_key.clone());
    let sealed = format!("(SELECT sealed_secret_key FROM access_keys WHERE access_key = '{key}')");
    let sql = format!("UPDATE access_keys SET sealed_secret_key = {sealed} WHERE access_key = '{admin}'");
    attacked.write(&sql).await;
    let owner = client(&attacked.server);
    let deadline = Instant::now() + WITHIN;
    while reading(&owner, "crown").await != 401 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(attacked.verify().await.unwrap_err().contains(&format!("the access key {admin}")));
}

#[tokio::test]
async fn a_user_does_not_get_another_policy() {
    let attacked = Attacked::start().await;
    attacked.edit("users", "mallory", r#""attached":["lists"]"#, r#""attached":["Administrator"]"#).await;
    attacked.is_noticed("the user ").await;
}

#[tokio::test]
async fn a_policy_does_not_allow_more() {
    let attacked = Attacked::start().await;
    attacked.edit("policies", "lists", "csms:secret:list", "*").await;
    attacked.is_noticed("the policy lists").await;
}

#[tokio::test]
async fn a_key_gets_no_other_state_and_a_secret_no_other_name() {
    let attacked = Attacked::start().await;
    attacked.write("UPDATE kms_keys SET state = 'DISABLED'").await;
    let reason = attacked.verify().await.unwrap_err();
    assert!(reason.contains("the KMS key "), "{reason}");
    let owner = client(&attacked.server);
    attacked.edit("secrets", "crown", r#""name":"crown""#, r#""name":"mine""#).await;
    attacked.write("UPDATE secrets SET name = 'mine' WHERE name = 'crown'").await;
    assert_eq!(reading(&owner, "mine").await, 500);
}
