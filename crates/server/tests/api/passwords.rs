//! Weak passwords are refused at every entrance, with the field and the rule, and are taken where a setting says so.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use axum::http::StatusCode;
use csms_core::policy::Policy;
use csms_server::boot::settings::{Flags, Settings};
use serde_json::{Value, json};

use crate::support::{self, Answer, Server};

const WEAK: &str = "P@ssw0rd";
const OLD: &str = "Brown-Kettle 7q";

async fn login_profile(server: &Server, method: &str, id: &str, password: &str) -> Answer {
    let body = json!({ "password": password, "password_reset_required": false });
    server.call(method, &format!("/v5/users/{id}/login-profile"), body).await
}

fn require_refused(entrance: &str, answer: &Answer, rule: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{entrance}: {}", answer.body);
    let text = answer.body.to_string();
    assert!(
        text.contains("password is not allowed") && text.contains(rule) && !text.contains(WEAK),
        "{entrance}: {text}"
    );
}

#[tokio::test]
async fn a_weak_password_is_refused_by_every_operation() {
    let server = Server::start().await;
    let made = server.call("POST", "/v5/users", json!({ "name": "alice", "enabled": true })).await;
    let id = made.body["user"]["user_id"].as_str().unwrap().to_owned();
    require_refused("create", &login_profile(&server, "POST", &id, WEAK).await, "well-known");
    require_refused("create", &login_profile(&server, "POST", &id, "Xq7!ecila9Rm").await, "the user name");
    assert_eq!(login_profile(&server, "POST", &id, OLD).await.status, StatusCode::CREATED);
    require_refused("update", &login_profile(&server, "PUT", &id, WEAK).await, "well-known");
    let (_, key) = server.make_user("bob", OLD, vec![Policy::administrator()]).await;
    let body = json!({ "old_password": OLD, "password": WEAK });
    let own = server.call_as(&key, "POST", "/v1/csms/users/change-password", &body).await;
    require_refused("own", &own, "well-known");
}

#[tokio::test]
async fn a_weak_password_is_taken_where_a_setting_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let settings: Settings =
        Flags { allow_weak_passwords: Some(true), data: Some(directory.path().to_owned()), ..Flags::default() }
            .settle()
            .unwrap();
    let server = support::open_with(&settings).await.unwrap();
    let made = server.call("POST", "/v5/users", json!({ "name": "alice", "enabled": true })).await;
    let id = made.body["user"]["user_id"].as_str().unwrap().to_owned();
    assert_eq!(login_profile(&server, "POST", &id, WEAK).await.status, StatusCode::CREATED);
    assert_eq!(login_profile(&server, "PUT", &id, "short").await.status, StatusCode::BAD_REQUEST);
}

/// Runs `csms user …` with a password on its standard input.
fn user(directory: &Path, arguments: &[&str], password: &str, allow: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_csms"));
    command.args(["user", "--offline"]).args(arguments).args(["--password-file", "-"]);
    command.env_clear().env("CSMS_DATA", directory);
    command.envs(allow.map(|allow| ("CSMS_ALLOW_WEAK_PASSWORDS", allow)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(password.as_bytes());
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_weak_password_is_refused_by_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let _server = support::open(directory.path()).await.unwrap();
    let here = directory.path();
    for (arguments, password) in
        [(["create", "alice"], WEAK), (["create", "alice"], "short"), (["set-password", "admin"], WEAK)]
    {
        let refused = user(here, &arguments, password, Some("false"));
        let text = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(6), "{arguments:?}");
        assert!(text.contains("the password ") && !text.contains(password), "{arguments:?}: {text}");
    }
    assert!(user(here, &["create", "alice"], WEAK, Some("true")).status.success());
    assert!(
        user(here, &["set-password", "alice", "--allow-weak-passwords"], "another P@ssw0rd", Some("false"))
            .status
            .success()
    );
    assert!(user(here, &["set-password", "alice"], OLD, Some("false")).status.success());
}

#[tokio::test]
async fn the_settings_file_of_the_server_loosens_the_commands_too() {
    let directory = tempfile::tempdir().unwrap();
    let _server = support::open(directory.path()).await.unwrap();
    let file = directory.path().join("csms.toml");
    std::fs::write(&file, "allow_weak_passwords = true\n").unwrap();
    let arguments = ["create", "alice", "--config", file.to_str().unwrap()];
    let refused = user(directory.path(), &arguments, WEAK, Some("false"));
    assert_eq!(refused.status.code(), Some(6), "a variable comes before the file");
    let made = user(directory.path(), &arguments, WEAK, None);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown: Value = Value::from(String::from_utf8(made.stdout).unwrap());
    assert!(!shown.to_string().contains(WEAK));
}
