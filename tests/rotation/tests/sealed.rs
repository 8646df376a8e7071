//! Secrets whose values are sealed for the rotation function: rotated through a server that cannot read them, with real
//! accounts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;

use csms_core::{
    RotationMode, SecretName, SecretValue, VersionId,
    jwe::{Jwk, KeyMaterial, PrivateKey},
    rotation::{
        Account, Engine,
        sealed::{SealingKey, is_sealed},
    },
    stage,
};
use csms_rotation_tests::{Database, FaultyFunctions, Service};
use csms_testbed::server::Options;
use getrandom::SysRng;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rotate-database-with-faults");
const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

/// The text of a new private key.
fn make_key() -> String {
    let material = KeyMaterial::Private(PrivateKey::make(&mut SysRng).unwrap());
    Jwk { material, algorithm: None, key_id: Some("rotation-1".to_owned()) }.print().to_string()
}

fn seal(key: &SealingKey, service: &Service, name: &str, value: &Value) -> String {
    let value = SecretValue::text(value.to_string()).unwrap();
    let sealed = key.seal(&service.project(), &SecretName::parse(name).unwrap(), &value, &mut SysRng).unwrap();
    sealed.as_text().unwrap().to_owned()
}

async fn sealed_value(service: &Service, name: &SecretName, version: &str) -> SecretValue {
    let found = service.client.show_version(name, version).await.unwrap();
    SecretValue::text(found.version.secret_string.clone().unwrap()).unwrap()
}

async fn open(service: &Service, key: &SealingKey, name: &SecretName) -> Account {
    let value = sealed_value(service, name, "latest").await;
    assert!(is_sealed(&value), "what the function wrote is sealed");
    Account::parse(&key.open(&service.project(), name, &value).unwrap()).unwrap()
}

async fn a_sealed_secret_is_rotated_and_stays_sealed(engine: Engine) {
    let text = make_key();
    let key = SealingKey::parse(&text).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sealing-key.jwk");
    fs::write(&file, text).unwrap();

    let mut functions = FaultyFunctions::of(PROGRAM);
    let function = functions.add_with_key(&file);
    let killed = functions.add_killed_with_key("set-password:after", &file);
    let options = functions.register(Options::default());
    let (database, service) = tokio::join!(Database::start(engine), Service::start_with(options));
    let database = database.unwrap();
    for (name, function, attempts) in [("single", &function, 1), ("single_killed", &killed, 2)] {
        database.create_login(name, FIRST).await.unwrap();
        let value = seal(&key, &service, name, &database.value(name, FIRST));
        let secret = service.create_text(name, RotationMode::SingleUser, function, &value).await;
        let rotation = service.rotate(&secret).await;
        service.assert_rotated(&rotation, attempts, VersionId::FIRST, name).await;
        let current = open(&service, &key, &secret).await;
        assert!(database.can_log_in(name, current.password()).await.unwrap());
        assert!(!database.can_log_in(name, FIRST).await.unwrap());
    }

    database.create_login("a", FIRST).await.unwrap();
    database.create_login("b", SECOND).await.unwrap();
    let value = seal(&key, &service, "multi", &database.value("a", FIRST));
    let secret = service.create_text("multi", RotationMode::MultiUser, &function, &value).await;
    service.add_text(&secret, stage::PREVIOUS, &seal(&key, &service, "multi", &database.value("b", SECOND))).await;
    for user in ["b", "a"] {
        let (begun, task) = service.rotate(&secret).await;
        assert_eq!(task.task_status, "SUCCESS", "{task:?}");
        assert_eq!(service.marked(&secret, stage::CURRENT).await, begun.version());
        let current = open(&service, &key, &secret).await;
        assert_eq!(current.login().username, user);
        assert!(database.can_log_in(user, current.password()).await.unwrap());
    }
}

#[tokio::test]
async fn a_sealed_secret_of_postgresql_is_rotated_and_stays_sealed() {
    a_sealed_secret_is_rotated_and_stays_sealed(Engine::PostgreSql).await;
}

#[tokio::test]
async fn a_sealed_secret_of_mariadb_is_rotated_and_stays_sealed() {
    a_sealed_secret_is_rotated_and_stays_sealed(Engine::MariaDb).await;
}

#[tokio::test]
async fn the_server_gives_its_functions_the_variables_that_it_is_told() {
    let text = make_key();
    let key = SealingKey::parse(&text).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sealing-key.jwk");
    fs::write(&file, text).unwrap();
    let mut functions = FaultyFunctions::of(PROGRAM);
    let function = functions.add(None);
    let options = functions.register(Options::default());
    let options = options.argument("--function-variable").argument(format!("CSMS_SEALING_KEY_FILE={}", file.display()));
    let (database, service) = tokio::join!(Database::start(Engine::PostgreSql), Service::start_with(options));
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let value = seal(&key, &service, "app", &database.value("app", FIRST));
    let secret = service.create_text("app", RotationMode::SingleUser, &function, &value).await;
    let rotation = service.rotate(&secret).await;
    service.assert_rotated(&rotation, 1, VersionId::FIRST, "with a variable").await;
    let current = open(&service, &key, &secret).await;
    assert!(database.can_log_in("app", current.password()).await.unwrap());
}

#[tokio::test]
async fn a_function_without_the_key_says_so_and_changes_nothing() {
    let mut functions = FaultyFunctions::of(PROGRAM);
    let function = functions.add(None);
    let options = functions.register(Options::default());
    let (database, service) = tokio::join!(Database::start(Engine::PostgreSql), Service::start_with(options));
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let key = SealingKey::parse(&make_key()).unwrap();
    let value = seal(&key, &service, "app", &database.value("app", FIRST));
    let secret = service.create_text("app", RotationMode::SingleUser, &function, &value).await;
    let (_, task) = service.rotate(&secret).await;
    assert_eq!(task.task_status, "FAILED", "{task:?}");
    assert!(task.task_error_msg.unwrap().contains("CSMS_SEALING_KEY_FILE"));
    assert!(database.can_log_in("app", FIRST).await.unwrap());
    assert_eq!(service.marked(&secret, stage::PENDING).await, None);
}
