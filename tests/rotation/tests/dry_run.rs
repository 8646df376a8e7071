//! Dry runs tell what a rotation would do, and write nothing into the secret or the database. The secret lives in memory;
//! all logins are real. One test goes through a server and its API.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_client::ListTasksQuery;
use csms_core::{
    RotationMode, SecretName, SecretValue, StageName, VersionId,
    rotation::{DryRunReport, Engine, Overlap, RotationEvent},
    stage,
};
use csms_rotate::{Secrets, SecretsError, SqlDatabases, Unobserved, dry_run, rotate};
use csms_rotation_tests::{Database, MemorySecret, Service, on};
use getrandom::SysRng;
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, sleep, timeout};

const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

/// A secret that can be read and not written.
struct ReadOnly<'a>(&'a MemorySecret);

impl Secrets for ReadOnly<'_> {
    async fn stage(&self, stage: &StageName) -> Result<Option<VersionId>, SecretsError> {
        self.0.stage(stage).await
    }

    async fn value(&self, version: VersionId) -> Result<SecretValue, SecretsError> {
        self.0.value(version).await
    }

    async fn admin_value(&self, name: &SecretName) -> Result<SecretValue, SecretsError> {
        self.0.admin_value(name).await
    }

    async fn create_pending(&self, _: SecretValue) -> Result<VersionId, SecretsError> {
        unreachable!("a dry run has created a version")
    }

    async fn make_current(&self, _: VersionId) -> Result<(), SecretsError> {
        unreachable!("a dry run has moved SYSCURRENT")
    }

    async fn remove_pending_label(&self) -> Result<(), SecretsError> {
        unreachable!("a dry run has removed SYSPENDING")
    }
}

async fn look(mode: RotationMode, secret: &MemorySecret) -> DryRunReport {
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), mode);
    let deadline = Instant::now() + Duration::from_secs(60);
    dry_run(&event, &ReadOnly(secret), &SqlDatabases::default(), &mut SysRng, deadline).await
}

/// What the server keeps of all accounts.
async fn accounts_in(database: &Database) -> Vec<(String, String)> {
    match database {
        Database::PostgreSql(server) => {
            let client = server.admin().await.unwrap();
            let sql = "SELECT rolname::text, coalesce(rolpassword, '') FROM pg_authid ORDER BY rolname";
            client.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
        }
        Database::MySql(server) => {
            let mut client = server.admin().await.unwrap();
            let sql = "SELECT user, CAST(priv AS CHAR) FROM mysql.global_priv ORDER BY user, host";
            let accounts = client.query(sql).await.unwrap();
            client.disconnect().await.unwrap();
            accounts
        }
    }
}

async fn a_dry_run_tells_the_steps_and_writes_nothing(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    database.create_login("a", FIRST).await.unwrap();
    database.create_login("b", SECOND).await.unwrap();
    for (mode, overlap) in [(RotationMode::SingleUser, Overlap::None), (RotationMode::MultiUser, Overlap::TwoAccounts)]
    {
        let secret = MemorySecret::default();
        if mode == RotationMode::MultiUser {
            secret.add(&database.value("b", SECOND), stage::PREVIOUS);
        }
        secret.add(&database.value("a", FIRST), stage::CURRENT);
        let before = accounts_in(&database).await;
        let report = look(mode, &secret).await;
        assert_eq!(accounts_in(&database).await, before);
        assert!(report.would_succeed, "{report:?}");
        assert_eq!(report.overlap, Some(overlap));
        let would: Vec<_> = report.steps.iter().filter(|step| !step.taken).map(|step| step.step.as_str()).collect();
        assert_eq!(would, ["make-pending", "set-password", "probe-pending", "move-stages", "remove-pending-label"]);
        let account = report.account.unwrap();
        let name = if mode == RotationMode::MultiUser { "b" } else { "a" };
        assert_eq!(account.split(['@', ' ']).next(), Some(name), "{account}");
    }
}

async fn a_dry_run_of_a_rotation_that_is_half_way_goes_on_from_there(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    database.create_login("a", SECOND).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("a", FIRST), stage::CURRENT);
    secret.add(&database.value("a", SECOND), stage::PENDING);
    let report = look(RotationMode::SingleUser, &secret).await;
    assert!(report.would_succeed, "{report:?}");
    let would: Vec<_> = report.steps.iter().filter(|step| !step.taken).map(|step| step.step.as_str()).collect();
    assert_eq!(would, ["move-stages", "remove-pending-label"]);
}

async fn a_dry_run_says_what_stands_in_the_way(engine: Engine) {
    let mut database = Database::start(engine).await.unwrap();
    database.create_login("a", FIRST).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("a", SECOND), stage::CURRENT);
    let report = look(RotationMode::SingleUser, &secret).await;
    assert_eq!(report.error_code.as_deref(), Some("ROTATION_NEEDS_OPERATOR"), "{report:?}");
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains(FIRST) && !text.contains(SECOND), "{text}");
    database.stop().await.unwrap();
    let report = look(RotationMode::SingleUser, &secret).await;
    assert_eq!(report.error_code.as_deref(), Some("ROTATION_UNAVAILABLE"), "{report:?}");
    // After all this a rotation finds the secret as it was.
    database.start_again().await.unwrap();
    secret.add(&database.value("a", FIRST), stage::CURRENT);
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), RotationMode::SingleUser);
    let deadline = Instant::now() + Duration::from_secs(60);
    let version = rotate(&event, &secret, &SqlDatabases::default(), &mut SysRng, deadline, &mut Unobserved).await;
    assert_eq!(version.unwrap(), VersionId::from_number(3).unwrap());
}

async fn a_dry_run_through_the_api_leaves_the_secret_and_the_account_as_they_were(engine: Engine) {
    let (database, service) = tokio::join!(Database::start(engine), Service::start());
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let value = database.value("app", FIRST);
    let name = service.create("app", RotationMode::SingleUser, service.bundled_function(), &value).await;
    let before = accounts_in(&database).await;

    let report = service.client.dry_run(&name, &service.client).await.unwrap();
    assert!(report.would_succeed, "{report:?}");
    assert_eq!(report.overlap, Some(Overlap::None));
    assert_eq!(accounts_in(&database).await, before);
    assert_eq!(service.client.list_versions(&name, 50, None).await.unwrap().version_metadatas.len(), 1);
    assert_eq!(service.marked(&name, stage::PENDING).await, None);
    let tasks = service.client.list_tasks(ListTasksQuery::default()).await.unwrap();
    assert_eq!(tasks.total, 0);
}

/// A rotation of either would make the other's SYSCURRENT wrong.
async fn of_two_secrets_of_one_account_the_younger_is_not_rotated(engine: Engine) {
    let (database, service) = tokio::join!(Database::start(engine), Service::start());
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let value = database.value("app", FIRST);
    let function = service.bundled_function().to_owned();
    let one = service.create("one", RotationMode::SingleUser, &function, &value).await;
    let mut pooled = value.clone();
    pooled["port"] = 6432.into();
    pooled["rotation_host"] = value["host"].clone();
    pooled["rotation_port"] = value["port"].clone();
    let other = service.create("other", RotationMode::SingleUser, &function, &pooled).await;
    // The log is written by a thread of its own.
    let is_noticed = async {
        while !service.server.log().contains("names the same database account") {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), is_noticed).await.unwrap();
    let before = accounts_in(&database).await;
    let age = async |name| {
        let secret = service.client.show_secret(name).await.unwrap().secret;
        (secret.create_time, secret.id.to_string())
    };
    let (one, other) = if age(&one).await < age(&other).await { (one, other) } else { (other, one) };
    let report = service.client.dry_run(&other, &service.client).await.unwrap();
    assert!(!report.would_succeed, "{report:?}");
    let foretold = report.error_msg.unwrap();
    assert!(foretold.contains("another secret of this project names the same database account"), "{foretold}");
    let refusal = service.client.rotate_secret(&other).await.unwrap_err().to_string();
    assert!(refusal.contains(&foretold), "{refusal}");
    assert_eq!(accounts_in(&database).await, before);
    // The older one is not held up by it.
    let report = service.client.dry_run(&one, &service.client).await.unwrap();
    assert!(report.would_succeed, "{report:?}");
    let rotation = service.rotate(&one).await;
    service.assert_rotated(&rotation, 1, VersionId::FIRST, "the older one").await;
}

/// The setting and the role of Amazon RDS, whose own refusal cannot be had here.
async fn a_dry_run_says_that_passwords_are_left_to_members_of_a_role(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    database.create_login("a", FIRST).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("a", FIRST), stage::CURRENT);
    database.execute("ALTER ROLE a SET rds.restrict_password_commands = '1'").await.unwrap();
    let report = look(RotationMode::SingleUser, &secret).await;
    assert!(!report.would_succeed && report.error_msg.clone().unwrap().contains("rds_password"), "{report:?}");
    database.execute("CREATE ROLE rds_password").await.unwrap();
    database.execute("GRANT rds_password TO a").await.unwrap();
    let report = look(RotationMode::SingleUser, &secret).await;
    assert!(report.would_succeed, "{report:?}");
}

on!(PostgreSql, postgresql:
    a_dry_run_says_that_passwords_are_left_to_members_of_a_role,
    a_dry_run_tells_the_steps_and_writes_nothing,
    a_dry_run_of_a_rotation_that_is_half_way_goes_on_from_there,
    a_dry_run_says_what_stands_in_the_way,
    a_dry_run_through_the_api_leaves_the_secret_and_the_account_as_they_were,
    of_two_secrets_of_one_account_the_younger_is_not_rotated,
);

on!(MariaDb, mariadb:
    a_dry_run_tells_the_steps_and_writes_nothing,
    a_dry_run_of_a_rotation_that_is_half_way_goes_on_from_there,
    a_dry_run_says_what_stands_in_the_way,
);
