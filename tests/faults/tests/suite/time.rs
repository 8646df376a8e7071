//! A clock that is wrong when the server starts and is set while it runs: everything acknowledged is there, nothing was deleted or
//! rotated early, and no token made meanwhile is good for years.
//!
//! The server alone reads the wrong clock; its database and its clients have their own. Clocks that jump in the middle of a rotation
//! are in `tests/rotation`, where the function reads them too.

use csms_api::{iam::token::TokenOperation, kms::KmsOperation};
use csms_client::{Client, ClientError, CreateSecretBody, Credentials, ListTasksQuery};
use csms_faults::{
    Database, client, client_with, command, create, create_many, eventually, gauge, is_long, log_in, name, read,
    require_many,
};
use csms_testbed::{Server, WallClock, roots::if_provided, server::Options};
use serde_json::{Value, json};
use tempfile::TempDir;

const SECRETS: usize = 3;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// Secrets and keys are deleted after a week, the shortest time there is.
const WINDOW: u8 = 7;

/// The present, in seconds since 1970.
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// Data, and the clock of the servers that use it.
struct World {
    clock: WallClock,
    data: TempDir,
    database: Option<Database>,
    key: String,
}

impl World {
    /// A store with secrets, of which one is to be rotated in a day and one to be deleted in a week, and a key that is to be deleted
    /// then. Nothing where clocks cannot be set.
    async fn made(database: Option<Database>) -> Option<Self> {
        let clock = if_provided(WallClock::start()).unwrap()?;
        let mut world = Self { clock, data: tempfile::tempdir().unwrap(), database, key: String::new() };
        let server = world.start().await;
        let client = client(&server);
        create_many(&client, "kept", SECRETS).await;
        create(&client, "going").await.unwrap();
        client.schedule_deletion(&name("going"), WINDOW).await.unwrap();
        // Its database is not there, so a rotation that begins leaves a task that failed.
        let value = json!({ "engine": "postgresql", "host": "127.0.0.1", "port": 1, "username": "a", "password": "p" });
        let (value, config) = (value.to_string(), json!({ "InstanceId": "local", "SecretSubType": "SingleUser" }));
        let config = config.to_string();
        let body = CreateSecretBody {
            name: "rotated",
            secret_string: Some(&value),
            secret_type: Some("RDS-FG"),
            auto_rotation: Some(true),
            rotation_period: Some("1d"),
            rotation_config: Some(&config),
            rotation_func_urn: server.credentials().rotation_func_urn.as_deref(),
            ..CreateSecretBody::default()
        };
        client.create_secret(&body).await.unwrap();
        let made = of_kms(&client, KmsOperation::CreateKey, &json!({ "key_alias": "going" })).await.unwrap();
        world.key = made["key_info"]["key_id"].as_str().unwrap().to_owned();
        let body = json!({ "key_id": world.key, "pending_days": WINDOW.to_string() });
        of_kms(&client, KmsOperation::DeleteKey, &body).await.unwrap();
        // With its first look the server has noted the time.
        looked(&server, now() - HOUR).await;
        server.terminate().await.unwrap();
        Some(world)
    }

    async fn start(&self) -> Server {
        let options = self.database.as_ref().map_or_else(Options::default, Database::options);
        let options = Options { data: Some(self.data.path().to_owned()), ..options };
        let options = self.clock.variables().into_iter().fold(options, |all, (name, value)| all.variable(name, value));
        Server::start(options).await.unwrap()
    }

    /// Requires that everything is as it was made: nothing is deleted or rotated, and the audit trail verifies.
    async fn require_untouched(&self, server: Server) {
        let client = client(&server);
        require_many(&client, "kept", SECRETS).await;
        assert_eq!(client.show_secret(&name("going")).await.unwrap().secret.state, "PENDING_DELETE");
        let key = of_kms(&client, KmsOperation::ListKeyDetail, &json!({ "key_id": self.key })).await.unwrap();
        assert_eq!(key["key_info"]["key_state"], "4", "pending deletion");
        assert_eq!(client.list_tasks(ListTasksQuery::default()).await.unwrap().tasks.len(), 0, "nothing was rotated");
        server.terminate().await.unwrap();
        let verify: &[&str] = &["audit", "verify", "--offline"];
        let verified = match &self.database {
            Some(database) => database.command(self.data.path(), verify).await,
            None => command(self.data.path(), verify).await,
        };
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

async fn of_kms(client: &Client, operation: KmsOperation, body: &Value) -> Result<Value, ClientError> {
    client.call_json(operation.specification(), &[], &[], Some(body)).await
}

/// Waits until the scheduler has looked by a clock that shows this time or a later one.
async fn looked(server: &Server, since: i64) {
    eventually("the scheduler looks", async || {
        gauge(server, "csms_scheduler_last_look_time_seconds").await >= since as f64
    })
    .await;
}

/// Waits until the server believes its clock, or does not.
async fn in_doubt(server: &Server, is_in_doubt: bool) {
    let value = f64::from(u8::from(is_in_doubt));
    eventually("the clock is looked at", async || gauge(server, "csms_clock_in_doubt").await == value).await;
}

/// A temporary access key of whoever a client is.
async fn temporary_key(client: &Client) -> Credentials {
    let body = json!({ "auth": { "identity": { "methods": ["token"], "token": { "duration_seconds": 86_400 } } } });
    let row = TokenOperation::CreateTemporaryAccessKey.specification();
    let made: Value = client.call_json(row, &[], &[], Some(&body)).await.unwrap();
    let text = |member: &str| made["credential"][member].as_str().unwrap().to_owned();
    Credentials::temporary(text("access"), text("secret"), text("securitytoken"))
}

/// The status with which a client is refused.
async fn refusal(client: &Client) -> Option<u16> {
    read(client, "kept-0").await.err().and_then(|refused| refused.status())
}

/// Starts a server years ahead, and sets its clock right while it runs.
async fn years_ahead(database: Option<Database>) {
    let Some(world) = World::made(database).await else { return };
    let years = 64 * 365 * DAY;
    world.clock.set(years).unwrap();
    let server = world.start().await;
    in_doubt(&server, true).await;
    looked(&server, now() + years - DAY).await;
    assert!(server.log().contains("was expected"), "{}", server.log_tail());
    // A password opens the door whatever the clock says; a signature of another time does not.
    assert_eq!(refusal(&client(&server)).await, Some(401));
    let by_token = client_with(&server, Credentials::token(log_in(&server).await));
    create(&by_token, "made-ahead").await.unwrap();
    let temporary = temporary_key(&by_token).await;

    world.clock.set(0).unwrap();
    assert_eq!(refusal(&by_token).await, Some(401), "a token of 2090");
    assert_eq!(refusal(&client_with(&server, temporary)).await, Some(401), "a temporary key of 2090");
    in_doubt(&server, false).await;
    assert_eq!(read(&client(&server), "made-ahead").await.unwrap(), "made-ahead");
    world.require_untouched(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_file_that_starts_decades_ahead_deletes_and_rotates_nothing() {
    years_ahead(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_database_that_starts_decades_ahead_deletes_and_rotates_nothing() {
    years_ahead(Some(Database::start().await)).await;
}

/// Starts a server with a clock of a long time ago, and sets it right while it runs.
async fn long_ago(database: Option<Database>, year: i64) {
    let Some(world) = World::made(database).await else { return };
    let days = (year - 1970) * 365 + 1;
    world.clock.set(days * DAY - now()).unwrap();
    let server = world.start().await;
    in_doubt(&server, true).await;
    assert_eq!(refusal(&client(&server)).await, Some(401));
    let by_token = client_with(&server, Credentials::token(log_in(&server).await));
    create(&by_token, "made-long-ago").await.unwrap();
    create(&by_token, "going-since-long-ago").await.unwrap();
    let scheduled = by_token.schedule_deletion(&name("going-since-long-ago"), WINDOW).await.unwrap();
    let ends = i64::try_from(scheduled.secret.scheduled_delete_time.unwrap() / 1_000).unwrap();
    assert!(ends > now() + i64::from(WINDOW) * DAY - HOUR, "{ends}");

    world.clock.set(0).unwrap();
    assert_eq!(refusal(&by_token).await, Some(401), "a token of {year}");
    in_doubt(&server, false).await;
    looked(&server, now()).await;
    let signed = client(&server);
    assert_eq!(read(&signed, "made-long-ago").await.unwrap(), "made-long-ago");
    let shown = signed.show_secret(&name("going-since-long-ago")).await.unwrap();
    assert_eq!(shown.secret.state, "PENDING_DELETE");
    world.require_untouched(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_file_that_starts_in_1970_loses_nothing_when_its_clock_is_set() {
    long_ago(None, 1970).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_database_that_starts_in_1970_loses_nothing_when_its_clock_is_set() {
    long_ago(Some(Database::start().await), 1970).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_in_2000_loses_nothing_when_its_clock_is_set() {
    if is_long() {
        long_ago(None, 2000).await;
        long_ago(Some(Database::start().await), 2000).await;
    }
}

/// Starts a server some hours ahead, as with a hardware clock in local time, and sets it right while it runs.
async fn hours_ahead(database: Option<Database>) {
    let Some(world) = World::made(database).await else { return };
    world.clock.set(8 * HOUR).unwrap();
    let server = world.start().await;
    looked(&server, now() + 7 * HOUR).await;
    assert_eq!(refusal(&client(&server)).await, Some(401));
    let by_token = client_with(&server, Credentials::token(log_in(&server).await));
    create(&by_token, "made-ahead").await.unwrap();
    world.clock.set(0).unwrap();
    // The scheduler does not wait for the time that it saw last.
    eventually("the scheduler looks", async || {
        gauge(&server, "csms_scheduler_last_look_time_seconds").await <= now() as f64
    })
    .await;
    // Eight hours are no reason to log everybody out.
    assert_eq!(read(&by_token, "made-ahead").await.unwrap(), "made-ahead");
    world.require_untouched(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_hours_ahead_goes_on_when_its_clock_is_set() {
    hours_ahead(None).await;
    if is_long() {
        hours_ahead(Some(Database::start().await)).await;
    }
}
