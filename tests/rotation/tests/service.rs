//! Rotations as users see them: through the API of a server process that runs the packaged function, with real accounts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_core::{
    RotationMode, SecretName, VersionId,
    rotation::{Account, Engine},
    stage,
};
use csms_rotation_tests::{Database, Service, on};
use csms_testbed::server::Options;
use tokio::{sync::watch, time::timeout};

const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

/// Longest wait for an application to take two more looks.
const TWO_LOOKS: Duration = Duration::from_secs(30);

async fn logs_in(database: &Database, account: &Account) -> bool {
    database.can_log_in(&account.login().username, account.password()).await.unwrap()
}

fn version(number: u32) -> VersionId {
    VersionId::from_number(number).unwrap()
}

async fn one_account_has_a_new_password_after_each_rotation(engine: Engine) {
    let options = Options::default().argument("--log").argument("trace");
    let (database, service) = tokio::join!(Database::start(engine), Service::start_with(options));
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let original = database.value("app", FIRST);
    let name = service.create("app", RotationMode::SingleUser, service.bundled_function(), &original).await;

    for round in 1..=2 {
        let former = service.current(&name).await;
        let rotation = service.rotate(&name).await;
        service.assert_rotated(&rotation, 1, version(round), &format!("rotation {round}")).await;
        assert_eq!(rotation.0.version(), Some(version(round + 1)));
        assert_eq!(rotation.1.operate_type, "SINGLE_USER");
        assert_eq!(rotation.1.rotation_func_urn, service.bundled_function());

        let current = service.current(&name).await;
        assert!(logs_in(&database, &current).await, "the new password logs in");
        assert!(!logs_in(&database, &former).await, "the old password is refused");
        let previous = service.account(&name, stage::PREVIOUS).await.unwrap();
        assert_eq!(previous.password(), former.password());

        let mut value = service.value(&name, "latest").await;
        value["password"] = FIRST.into();
        assert_eq!(value, original, "only the password is another one");
        for password in [former.password(), current.password()] {
            assert!(!service.server.log().contains(password), "a password is in the log");
        }
    }
}

/// An application that reads SYSCURRENT and connects, all the time. Counts its looks until the other end is dropped.
async fn application(database: &Database, service: &Service, name: &SecretName, looks: watch::Sender<u32>) {
    while !looks.is_closed() {
        let current = service.current(name).await;
        assert!(logs_in(database, &current).await, "SYSCURRENT does not log in");
        looks.send_modify(|count| *count += 1);
    }
}

async fn two_accounts_take_turns_and_an_application_always_gets_in(engine: Engine) {
    let (database, service) = tokio::join!(Database::start(engine), Service::start());
    let database = database.unwrap();
    database.create_login("app_a", FIRST).await.unwrap();
    database.create_login("app_b", SECOND).await.unwrap();
    let value = database.value("app_a", FIRST);
    let name = service.create("app", RotationMode::MultiUser, service.bundled_function(), &value).await;
    service.add_version(&name, stage::PREVIOUS, &database.value("app_b", SECOND)).await;

    let (sender, mut looks) = watch::channel(0);
    let rotations = async {
        let mut marked = version(1);
        for round in 1..=4 {
            let former = service.current(&name).await;
            let rotation = service.rotate(&name).await;
            service.assert_rotated(&rotation, 1, marked, &format!("rotation {round}")).await;
            assert_eq!(rotation.1.operate_type, "MULTI_USER");
            marked = rotation.0.version().unwrap();

            let current = service.current(&name).await;
            assert_ne!(current.login().username, former.login().username, "the other account's turn");
            assert!(logs_in(&database, &former).await, "the account that is idle now was not touched");
            // A look that began before this rotation ended may still use the account whose turn is next.
            let seen = *looks.borrow_and_update();
            timeout(TWO_LOOKS, looks.wait_for(|count| *count >= seen + 2)).await.unwrap().unwrap();
        }
        drop(looks);
    };
    tokio::join!(rotations, application(&database, &service, &name, sender));
    assert_eq!(service.value(&name, "latest").await["owner"], "kept as it is");
}

on!(PostgreSql, postgresql:
    one_account_has_a_new_password_after_each_rotation,
    two_accounts_take_turns_and_an_application_always_gets_in,
);

on!(MariaDb, mariadb:
    one_account_has_a_new_password_after_each_rotation,
    two_accounts_take_turns_and_an_application_always_gets_in,
);
