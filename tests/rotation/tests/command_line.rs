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

async fn csms_in(language: &str, service: &Service, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary().unwrap());
    command.args(arguments).env("CSMS_CREDENTIALS", service.server.credentials_path()).env("LC_ALL", language);
    timeout(WITHIN, command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap().unwrap()
}

async fn csms(service: &Service, arguments: &[&str]) -> Output {
    csms_in("C.UTF-8", service, arguments).await
}

/// On a terminal that speaks Chinese.
async fn in_chinese(service: &Service, arguments: &[&str]) -> Output {
    csms_in("zh_CN.UTF-8", service, arguments).await
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

    let tried = in_chinese(&service, &["secret", "rotate", name.as_str(), "--dry-run"]).await;
    let tried = String::from_utf8(tried.stdout).unwrap();
    assert!(
        tried.ends_with("轮转会成功\n") && tried.contains("读取标记为 SYSCURRENT 的版本: v1 是数据库账号"),
        "{tried}"
    );
    assert!(tried.contains("将由账号自身（使用 SYSCURRENT）修改 app 的密码"), "{tried}");
    assert!(tried.contains("PostgreSQL 的每个角色只有一个密码"), "{tried}");

    let rotated = csms(&service, &["secret", "rotate", name.as_str(), "--wait"]).await;
    let told = String::from_utf8(rotated.stdout).unwrap();
    assert!(rotated.status.success() && told.contains("SUCCESS"), "{told}");
    assert_eq!(service.client.list_versions(&name, 50, None).await.unwrap().version_metadatas.len(), 2);
    let steps = in_chinese(&service, &["secret", "tasks", name.as_str(), "--steps"]).await;
    let steps = String::from_utf8(steps.stdout).unwrap();
    for words in ["在数据库中设置新密码", "SYSCURRENT 从 v1 移到 v2", "登录成功", "报告 v2 为 SYSCURRENT"]
    {
        assert!(steps.contains(words), "{words}: {steps}");
    }
    let steps = csms(&service, &["secret", "tasks", name.as_str(), "--steps"]).await;
    let steps = String::from_utf8(steps.stdout).unwrap();
    assert!(steps.contains("SYSPENDING: v2, SYSCURRENT: v1, SYSPREVIOUS: none"), "{steps}");

    database.execute("ALTER ROLE app PASSWORD 'set by hand'").await.unwrap();
    let failing = ["secret", "rotate", name.as_str(), "--dry-run"];
    let tried = csms(&service, &failing).await;
    assert_eq!(tried.status.code(), Some(7));
    let told = String::from_utf8(tried.stderr).unwrap();
    assert!(told.contains("the rotation would fail: account app of SYSCURRENT (v2)"), "{told}");
    let tried = in_chinese(&service, &failing).await;
    let told = String::from_utf8(tried.stderr).unwrap();
    assert!(told.contains("轮转会失败：账号 app（SYSCURRENT v2，位于 "), "{told}");
    assert!(told.contains("轮转还会尝试 SYSPREVIOUS，试运行则不会"), "{told}");
}
