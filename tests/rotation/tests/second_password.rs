//! MySQL keeps the old password beside the new one until the next rotation, where the privileges allow it. The server is a
//! real one; that MariaDB keeps none is in `rotations`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_core::{
    RotationConfig, RotationMode, SecretName, VersionId,
    rotation::{
        Engine, Overlap, RotationEvent,
        plan::{Cause, Change},
    },
    stage,
};
use csms_rotate::{By, Databases, Failure, NewPassword, SqlDatabases, Unobserved, dry_run, rotate};
use csms_rotation_tests::{Database, MemorySecret};
use getrandom::SysRng;
use tokio::time::Instant;

const FIRST: &str = "First-password-1";
const BY_HAND: &str = "Set-by-the-dba-1";
const KEEPER: &str = "Keeper-password-3";

const GRANT: &str = "GRANT APPLICATION_PASSWORD_ADMIN ON *.* TO";

/// One server, with an account and its secret for each part of a test.
struct Scene {
    database: Database,
}

impl Scene {
    async fn start() -> Self {
        let database = Database::start(Engine::MySql).await.unwrap();
        database.create_login("keeper", KEEPER).await.unwrap();
        database.execute("GRANT CREATE USER ON *.* TO keeper@'%'").await.unwrap();
        database.execute("GRANT SELECT ON mysql.* TO keeper@'%'").await.unwrap();
        Self { database }
    }

    async fn account(&self, name: &str, grant: &str) -> MemorySecret {
        self.database.create_login(name, FIRST).await.unwrap();
        if !grant.is_empty() {
            self.database.execute(&format!("{grant} {name}@'%'")).await.unwrap();
        }
        let secret = MemorySecret::default();
        secret.add(&self.database.value(name, FIRST), stage::CURRENT);
        secret.add_admin("keeper", &self.database.value("keeper", KEEPER));
        secret
    }

    async fn logs_in(&self, secret: &MemorySecret, stage: &str) -> bool {
        let account = secret.account(stage).unwrap();
        self.database.can_log_in(&account.login().username, account.password()).await.unwrap()
    }

    async fn by_hand(&self, name: &str) {
        self.database.execute(&format!("ALTER USER {name}@'%' IDENTIFIED BY '{BY_HAND}'")).await.unwrap();
    }
}

fn event(admin: bool) -> RotationEvent {
    let admin = if admin { r#","AdminSecret":"keeper""# } else { "" };
    let config = format!(r#"{{"InstanceId":"i","SecretSubType":"SingleUser"{admin}}}"#);
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), RotationMode::SingleUser);
    RotationEvent { rotation_config: RotationConfig::parse(&config).ok(), ..event }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn attempt(secret: &MemorySecret, admin: bool) -> Result<VersionId, Failure> {
    rotate(&event(admin), secret, &SqlDatabases::default(), &mut SysRng, soon(), &mut Unobserved).await
}

/// The dry run says beforehand what comes of the attempt.
async fn as_foretold(secret: &MemorySecret, admin: bool) -> Result<VersionId, Failure> {
    let report = dry_run(&event(admin), secret, &SqlDatabases::default(), &mut SysRng, soon()).await;
    let done = attempt(secret, admin).await;
    assert_eq!(report.would_succeed, done.is_ok(), "{report:?} {done:?}");
    done
}

#[tokio::test]
async fn the_old_password_works_until_the_next_rotation() {
    let scene = Scene::start().await;
    for require_current in ["", "PASSWORD REQUIRE CURRENT"] {
        let name = if require_current.is_empty() { "app" } else { "asked" };
        let secret = scene.account(name, GRANT).await;
        if !require_current.is_empty() {
            scene.database.execute(&format!("ALTER USER {name}@'%' {require_current}")).await.unwrap();
        }
        for _ in 0..3 {
            as_foretold(&secret, false).await.unwrap();
            assert!(scene.logs_in(&secret, stage::CURRENT).await && scene.logs_in(&secret, stage::PREVIOUS).await);
        }
        assert!(!scene.database.can_log_in(name, FIRST).await.unwrap(), "only one old password is kept");
    }
}

#[tokio::test]
async fn the_privilege_decides_and_a_dry_run_says_so() {
    let scene = Scene::start().await;
    for (name, grant, overlap) in [("granted", GRANT, Overlap::UntilNextRotation), ("plain", "", Overlap::None)] {
        let secret = scene.account(name, grant).await;
        let report = dry_run(&event(false), &secret, &SqlDatabases::default(), &mut SysRng, soon()).await;
        assert!(report.would_succeed, "{report:?}");
        assert_eq!(report.overlap, Some(overlap));
        let missing = report.missing.iter().any(|what| what.contains("APPLICATION_PASSWORD_ADMIN"));
        assert_eq!(missing, grant.is_empty(), "{report:?}");
        let says = |words: &str| report.missing.iter().any(|what| what.contains(words));
        assert!(says("does not show the account its password hashes"), "{report:?}");
        assert_eq!(says("would be discarded"), !grant.is_empty(), "{report:?}");
        assert!(report.account.unwrap().starts_with(&format!("{name}@% on mysql")));
        attempt(&secret, false).await.unwrap();
        assert_eq!(scene.logs_in(&secret, stage::PREVIOUS).await, !grant.is_empty());
    }
}

#[tokio::test]
async fn a_second_change_by_the_kept_password_changes_nothing() {
    let scene = Scene::start().await;
    let secret = scene.account("app", GRANT).await;
    attempt(&secret, false).await.unwrap();
    // A replica that was overtaken, and still holds the old password, sets the same one again.
    let (login, new) = (secret.account(stage::PREVIOUS).unwrap(), secret.account(stage::CURRENT).unwrap());
    let again = NewPassword { by: By::Itself(&login), account: &new, keep_old: true, host: None, seen: None };
    let answer = SqlDatabases::default().set_password(again, soon()).await;
    assert_eq!(answer.finding, Change::NotDone(Cause::NotFirst), "{answer:?}");
    assert!(scene.logs_in(&secret, stage::CURRENT).await && scene.logs_in(&secret, stage::PREVIOUS).await);
}

#[tokio::test]
async fn a_secret_that_was_moved_back_to_the_kept_password_rotates_again() {
    let scene = Scene::start().await;
    // With a history, the server would not take the old password once more.
    for (name, rules) in [("app", "PASSWORD HISTORY DEFAULT"), ("remembered", "PASSWORD HISTORY 5")] {
        let secret = scene.account(name, GRANT).await;
        scene.database.execute(&format!("ALTER USER {name}@'%' {rules}")).await.unwrap();
        attempt(&secret, false).await.unwrap();
        secret.move_to(stage::CURRENT, secret.marked(stage::PREVIOUS).unwrap());
        let current = secret.account(stage::CURRENT).unwrap();
        as_foretold(&secret, false).await.unwrap();
        assert!(scene.database.can_log_in(name, current.password()).await.unwrap(), "SYSCURRENT went on working");
        assert!(scene.logs_in(&secret, stage::CURRENT).await);
    }
}

#[tokio::test]
async fn a_first_password_set_by_hand_is_not_replaced_by_the_second_one() {
    let scene = Scene::start().await;
    let secret = scene.account("app", "").await;
    let retain = format!("ALTER USER app@'%' IDENTIFIED BY '{BY_HAND}' RETAIN CURRENT PASSWORD");
    scene.database.execute(&retain).await.unwrap();
    let failure = attempt(&secret, false).await.unwrap_err();
    assert!(failure.message.english().contains("first password is in no stored version"), "{}", failure.message);
    assert!(!failure.message.english().contains("AdminSecret"), "it would not help: {}", failure.message);
    assert!(scene.database.can_log_in("app", BY_HAND).await.unwrap());
}

/// The server compares the new password with the old one only where it is given that, and has found it to be the first one then.
#[tokio::test]
async fn a_server_that_wants_every_character_changed_takes_no_password_from_anybody() {
    let scene = Scene::start().await;
    scene.database.execute("INSTALL COMPONENT 'file://component_validate_password'").await.unwrap();
    scene.database.execute("SET GLOBAL validate_password.changed_characters_percentage = 100").await.unwrap();

    let secret = scene.account("app", GRANT).await;
    for _ in 0..3 {
        as_foretold(&secret, false).await.unwrap();
        assert!(scene.logs_in(&secret, stage::CURRENT).await && scene.logs_in(&secret, stage::PREVIOUS).await);
    }
    // Another session that still holds the old password makes the change once more.
    let (login, new) = (secret.account(stage::PREVIOUS).unwrap(), secret.account(stage::CURRENT).unwrap());
    let again = NewPassword { by: By::Itself(&login), account: &new, keep_old: true, host: None, seen: None };
    let answer = SqlDatabases::default().set_password(again, soon()).await;
    assert_eq!(answer.finding, Change::NotDone(Cause::NotFirst), "{answer:?}");
    assert!(scene.logs_in(&secret, stage::CURRENT).await && scene.logs_in(&secret, stage::PREVIOUS).await);

    // Moved back to the second password.
    secret.move_to(stage::CURRENT, secret.marked(stage::PREVIOUS).unwrap());
    let current = secret.account(stage::CURRENT).unwrap();
    as_foretold(&secret, false).await.unwrap();
    assert!(scene.database.can_log_in("app", current.password()).await.unwrap(), "SYSCURRENT went on working");
    assert!(scene.logs_in(&secret, stage::CURRENT).await);

    for (name, grant) in [("plain", ""), ("granted", GRANT)] {
        let secret = scene.account(name, grant).await;
        let retain = format!("ALTER USER {name}@'%' IDENTIFIED BY '{BY_HAND}' RETAIN CURRENT PASSWORD");
        scene.database.execute(&retain).await.unwrap();
        let failure = attempt(&secret, false).await.unwrap_err();
        assert!(failure.message.english().contains("first password is in no stored version"), "{}", failure.message);
        assert!(scene.database.can_log_in(name, BY_HAND).await.unwrap(), "{name}");
        assert!(scene.logs_in(&secret, stage::CURRENT).await, "{name}");
    }
}

#[tokio::test]
async fn a_dry_run_locks_nobody_out() {
    let scene = Scene::start().await;
    let limit = "FAILED_LOGIN_ATTEMPTS 2 PASSWORD_LOCK_TIME UNBOUNDED";
    let secret = scene.account("app", "").await;
    for (stage, stale) in [(stage::PREVIOUS, "Stale-password-8"), (stage::CURRENT, "Stale-password-9")] {
        secret.add(&scene.database.value("app", stale), stage);
    }
    scene.database.execute(&format!("ALTER USER app@'%' {limit}")).await.unwrap();
    let report = dry_run(&event(false), &secret, &SqlDatabases::default(), &mut SysRng, soon()).await;
    assert!(report.error_msg.unwrap_or_default().contains("A rotation would try SYSPREVIOUS"));
    assert!(scene.database.can_log_in("app", FIRST).await.unwrap());

    // An AdminSecret that is out of date.
    let secret = scene.account("other", "").await;
    secret.add_admin("keeper", &scene.database.value("keeper", "Not-the-keepers-4"));
    let report = dry_run(&event(true), &secret, &SqlDatabases::default(), &mut SysRng, soon()).await;
    assert!(report.would_succeed, "{report:?}");
    assert!(report.missing.iter().any(|what| what.contains("refuses the login of AdminSecret")), "{report:?}");
    scene.by_hand("other").await;
    let failure = attempt(&secret, true).await.unwrap_err();
    assert!(failure.message.english().contains("refuses the login of AdminSecret"), "{}", failure.message);
}

#[tokio::test]
async fn a_password_set_by_hand_is_kept_by_the_administrator_and_never_sent_twice() {
    let scene = Scene::start().await;
    let secret = scene.account("app", GRANT).await;
    attempt(&secret, false).await.unwrap();
    scene.by_hand("app").await;
    let failure = as_foretold(&secret, false).await.unwrap_err();
    assert!(failure.message.english().contains("first password is in no stored version"), "{}", failure.message);
    assert!(!failure.message.english().contains("1045"), "{}", failure.message);
    assert!(failure.message.english().contains("name an AdminSecret"), "{}", failure.message);

    as_foretold(&secret, true).await.unwrap();
    assert!(scene.logs_in(&secret, stage::CURRENT).await);
    assert!(scene.database.can_log_in("app", BY_HAND).await.unwrap(), "whoever was given it goes on");

    // Set by hand once more, while one that nobody has stored is kept: another change would discard that one.
    scene.database.execute("ALTER USER app@'%' IDENTIFIED BY 'Another-by-hand-2'").await.unwrap();
    let failure = as_foretold(&secret, true).await.unwrap_err();
    assert!(failure.message.english().contains("DISCARD OLD PASSWORD"), "{}", failure.message);
    for password in ["Another-by-hand-2", BY_HAND] {
        assert!(scene.database.can_log_in("app", password).await.unwrap(), "{password}");
    }
    scene.database.execute("ALTER USER app@'%' DISCARD OLD PASSWORD").await.unwrap();
    as_foretold(&secret, true).await.unwrap();
    assert!(scene.database.can_log_in("app", "Another-by-hand-2").await.unwrap());
}
