//! MySQL 8 keeps the old password beside the new one until the next rotation, where version and privileges allow it. The
//! server is a stand-in that speaks the protocol, see `fake_mysql`; that MariaDB keeps none is in `rotations`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_core::{
    RotationMode, SecretName,
    rotation::{Overlap, Probe, RotationEvent, plan::Change},
    stage,
};
use csms_rotate::{By, Databases, NewPassword, SqlDatabases, Unobserved, dry_run, rotate};
use csms_rotation_tests::{FakeMySql, MemorySecret, database::account, fake_mysql::Account};
use getrandom::SysRng;
use tokio::time::Instant;

const FIRST: &str = "First-password-1";

const GRANTED: &str = "GRANT APPLICATION_PASSWORD_ADMIN ON *.* TO `app`@`%`";
const NOT_GRANTED: &str = "GRANT USAGE ON *.* TO `app`@`%`";

fn mysql(version: &str, grant: &str) -> Account {
    Account {
        version: version.to_owned(),
        grants: vec![grant.to_owned()],
        requires_current: false,
        primary: FIRST.to_owned(),
        second: None,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn logs_in(server: &FakeMySql, password: &str) -> bool {
    let probed = SqlDatabases::default().probe(&account(&server.value(password)), soon()).await.finding;
    assert!(matches!(probed, Probe::Accepted | Probe::Rejected), "{probed:?}");
    probed == Probe::Accepted
}

/// Rotates a secret with one account and answers the passwords of SYSCURRENT and SYSPREVIOUS.
async fn rotated(server: &FakeMySql, secret: &MemorySecret) -> (String, String) {
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), RotationMode::SingleUser);
    rotate(&event, secret, &SqlDatabases::default(), &mut SysRng, soon(), &mut Unobserved).await.unwrap();
    assert_eq!(server.account().primary, secret.account(stage::CURRENT).unwrap().password());
    [stage::CURRENT, stage::PREVIOUS].map(|stage| secret.account(stage).unwrap().password().to_owned()).into()
}

async fn scene(account: Account) -> (FakeMySql, MemorySecret) {
    let server = FakeMySql::start(account).await;
    let secret = MemorySecret::default();
    secret.add(&server.value(FIRST), stage::CURRENT);
    (server, secret)
}

#[tokio::test]
async fn the_old_password_works_until_the_next_rotation() {
    for requires_current in [false, true] {
        let (server, secret) = scene(Account { requires_current, ..mysql("8.0.14", GRANTED) }).await;
        for _ in 0..3 {
            let (current, previous) = rotated(&server, &secret).await;
            assert!(logs_in(&server, &current).await && logs_in(&server, &previous).await);
        }
        assert!(!logs_in(&server, FIRST).await, "only one old password is kept");
    }
}

#[tokio::test]
async fn without_version_or_privilege_the_old_password_ends_at_once() {
    for account in [mysql("8.0.13", GRANTED), mysql("5.7.44-log", GRANTED), mysql("8.4.6", NOT_GRANTED)] {
        let (server, secret) = scene(account).await;
        let (current, previous) = rotated(&server, &secret).await;
        assert!(logs_in(&server, &current).await && !logs_in(&server, &previous).await);
    }
}

#[tokio::test]
async fn a_server_that_asks_for_the_current_password_is_told_it() {
    let (server, secret) = scene(Account { requires_current: true, ..mysql("8.4.6", NOT_GRANTED) }).await;
    let (current, _) = rotated(&server, &secret).await;
    assert!(logs_in(&server, &current).await);
}

#[tokio::test]
async fn a_dry_run_tells_the_overlap_and_what_is_missing_for_it() {
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), RotationMode::SingleUser);
    for (account, overlap, missing) in [
        (mysql("8.4.6", GRANTED), Overlap::UntilNextRotation, None),
        (mysql("8.4.6", NOT_GRANTED), Overlap::None, Some("APPLICATION_PASSWORD_ADMIN")),
        (mysql("8.0.13", GRANTED), Overlap::None, Some("MySQL 8.0.14")),
    ] {
        let (server, secret) = scene(account).await;
        let report = dry_run(&event, &secret, &SqlDatabases::default(), &mut SysRng, soon()).await;
        assert!(report.would_succeed, "{report:?}");
        assert_eq!(report.overlap, Some(overlap));
        assert_eq!(missing.is_some(), !report.missing.is_empty(), "{report:?}");
        assert!(report.missing.iter().all(|told| told.contains(missing.unwrap())), "{report:?}");
        assert_eq!(server.account().primary, FIRST, "nothing was changed");
    }
}

#[tokio::test]
async fn a_second_change_by_the_kept_password_changes_nothing() {
    let (server, secret) = scene(mysql("8.4.6", GRANTED)).await;
    let (current, _) = rotated(&server, &secret).await;
    // A replica that was overtaken, and still holds the old password, sets the same one again.
    let (login, new) = (account(&server.value(FIRST)), account(&server.value(&current)));
    let again = NewPassword { by: By::Itself(&login), account: &new, keep_old: true };
    let answer = SqlDatabases::default().set_password(again, soon()).await;
    assert!(matches!(answer.finding, Change::Unknown(_)), "{answer:?}");
    assert!(logs_in(&server, &current).await && logs_in(&server, FIRST).await, "both work as before");
}
