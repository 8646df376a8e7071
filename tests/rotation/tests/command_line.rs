//! A rotation by the command line: tried dry, run, looked at.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::process::{Output, Stdio};

use csms_core::{RotationMode, rotation::Engine};
use csms_rotation_tests::{Database, Service};
use csms_testbed::server::binary;
use tokio::{process::Command, time::timeout};

/// Longest wait for a rotation that takes well under a second.
const WITHIN: Duration = Duration::from_secs(120);

async fn csms(service: &Service, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary().unwrap());
    command.args(arguments).env("CSMS_CREDENTIALS", service.server.credentials_path());
    timeout(WITHIN, command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_rotation_is_tried_dry_and_then_carried_out() {
    const FIRST: &str = "First-password-1";
    let (database, service) = tokio::join!(Database::start(Engine::PostgreSql), Service::start());
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let value = database.value("app", FIRST);
    let name = service.create("app", RotationMode::SingleUser, service.bundled_function(), &value).await;

    let tried = csms(&service, &["secret", "rotate", name.as_str(), "--dry-run"]).await;
    let told = String::from_utf8(tried.stdout).unwrap();
    assert!(tried.status.success(), "{told}{}", String::from_utf8_lossy(&tried.stderr));
    assert!(told.contains("to do") && told.ends_with("the rotation would succeed\n"), "{told}");
    assert!(!told.contains(FIRST));
    assert_eq!(service.client.list_versions(&name, 50, None).await.unwrap().version_metadatas.len(), 1);

    let rotated = csms(&service, &["secret", "rotate", name.as_str(), "--wait"]).await;
    let told = String::from_utf8(rotated.stdout).unwrap();
    assert!(rotated.status.success() && told.contains("SUCCESS"), "{told}");
    assert_eq!(service.client.list_versions(&name, 50, None).await.unwrap().version_metadatas.len(), 2);
}
