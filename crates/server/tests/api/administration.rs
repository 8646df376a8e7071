//! The commands that administer users, policies and the audit trail, beside a running server.

use crate::support;
use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Key, Server};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Runs `csms` on the data in `directory`, with `input` on its standard input.
fn csms(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_csms"));
    command.args(arguments);
    if matches!(arguments.first(), Some(&("user" | "policy" | "audit"))) {
        command.arg("--offline");
    }
    command.env_clear().env("CSMS_DATA", directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn ok(directory: &Path, arguments: &[&str]) -> String {
    let output = csms(directory, arguments, "");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn ok_json(directory: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--output", "json"]].concat();
    serde_json::from_str(&ok(directory, &arguments)).unwrap()
}

/// What a command says that ends with this status, of the table that all commands share.
fn refused(directory: &Path, arguments: &[&str], status: i32) -> String {
    let output = csms(directory, arguments, "");
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn put_policy(directory: &Path, action: &str, name: &str, text: &str) {
    let output = csms(directory, &["policy", action, name, "--file", "-"], text);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn key_of(made: &Value) -> Key {
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Key { access_key: text("access_key"), secret_key: text("secret_key"), security_token: None }
}

async fn status(server: &Server, key: &Key, method: &str, rest: &str, body: Value) -> StatusCode {
    server.call_as(key, method, &server.path(rest), &body).await.status
}

/// Calls until the answer is the expected one: users are kept for a few seconds.
async fn becomes(server: &Server, key: &Key, expected: StatusCode) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let status = status(server, key, "GET", "secrets", Value::Null).await;
        if status == expected {
            return;
        }
        assert!(Instant::now() < deadline, "still {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const TEAM: &str = r#"{"Version":"5.0","Statement":[
    {"Effect":"Allow","Action":["csms:secret:*"],"Resource":["CSMS:*:*:secretName:team-*"]},
    {"Effect":"Deny","Action":["csms:secret:create"],"Condition":{"StringNotEquals":{"csms:Type":"COMMON"}}}]}"#;

#[tokio::test]
async fn a_user_with_a_policy_is_served_by_the_running_server() {
    let directory = tempfile::tempdir().unwrap();
    let server = support::open(directory.path()).await.unwrap();
    put_policy(directory.path(), "create", "team", TEAM);
    let made = ok_json(directory.path(), &["user", "create", "alice", "--policy", "team"]);
    let alice = key_of(&made);
    let body = |name: &str| json!({ "name": name, "secret_string": "s" });
    assert_eq!(status(&server, &alice, "POST", "secrets", body("team-db")).await, StatusCode::OK);
    assert_eq!(status(&server, &alice, "POST", "secrets", body("other")).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&server, &alice, "GET", "secrets", Value::Null).await, StatusCode::FORBIDDEN);

    ok(directory.path(), &["user", "attach", "alice", "CSMS ReadOnlyAccess"]);
    becomes(&server, &alice, StatusCode::OK).await;
    ok(directory.path(), &["user", "key", "disable", &alice.access_key]);
    becomes(&server, &alice, StatusCode::UNAUTHORIZED).await;
    let second = key_of(&ok_json(directory.path(), &["user", "key", "create", "alice"]));
    assert_eq!(status(&server, &second, "GET", "secrets", Value::Null).await, StatusCode::OK);
    ok(directory.path(), &["user", "delete", "alice"]);
    becomes(&server, &second, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn a_password_lets_a_user_sign_in() {
    let directory = tempfile::tempdir().unwrap();
    let server = support::open(directory.path()).await.unwrap();
    ok(directory.path(), &["user", "create", "bob", "--no-key"]);
    let made = ok_json(directory.path(), &["user", "set-password", "bob"]);
    let login = async |password: &str| {
        let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": {
            "name": "bob", "password": password, "domain": { "name": server.credentials.domain_name },
        } } } } });
        let request = axum::http::Request::builder().method("POST").uri("/v3/auth/tokens");
        server.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await.status
    };
    assert_eq!(login(made["password"].as_str().unwrap()).await, StatusCode::CREATED);
    let set = csms(directory.path(), &["user", "set-password", "bob", "--password-file", "-"], "Correct-Horse-7\n");
    assert!(set.status.success(), "{set:?}");
    assert_eq!(set.stdout, b"the password of bob is set\n");
    assert_eq!(login("Correct-Horse-7").await, StatusCode::CREATED);
    assert_eq!(login(made["password"].as_str().unwrap()).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_secret_key_and_a_password_are_shown_once() {
    let directory = tempfile::tempdir().unwrap();
    let _server = support::open(directory.path()).await.unwrap();
    let made = ok_json(directory.path(), &["user", "create", "alice"]);
    let secret_key = made["secret_key"].as_str().unwrap();
    for arguments in
        [&["user", "show", "alice"][..], &["user", "list"], &["user", "key", "list", "alice"], &["audit", "list"]]
    {
        let shown = ok(directory.path(), arguments);
        assert!(!shown.contains(secret_key), "{arguments:?}");
        let json = ok_json(directory.path(), arguments).to_string();
        assert!(!json.contains(secret_key) && !json.contains("argon2"), "{arguments:?}");
    }
    assert!(ok(directory.path(), &["user", "show", "alice"]).contains(made["access_key"].as_str().unwrap()));
}

#[tokio::test]
async fn what_contradicts_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    assert!(refused(directory.path(), &["user", "list"], 3).contains("start `csms serve` there first"));
    let _server = support::open(directory.path()).await.unwrap();
    let here = directory.path();
    ok(here, &["user", "create", "alice"]);
    assert!(refused(here, &["user", "create", "alice"], 6).contains("user alice: there is such a user already"));
    assert!(refused(here, &["user", "create", " x"], 6).contains("the name must be"));
    assert!(
        refused(here, &["user", "attach", "alice", "nothing"], 3).contains("policy nothing: there is no such policy")
    );
    assert!(refused(here, &["user", "delete", "bob"], 3).contains("user bob: there is no such user"));
    assert!(refused(here, &["user", "key", "delete", "AK"], 3).contains("access key AK: there is no such access key"));
    let bad = csms(here, &["policy", "create", "p", "--file", "-"], r#"{"Version":"1.1","Statement":[]}"#);
    assert_eq!(bad.status.code(), Some(6), "{bad:?}");
    assert!(String::from_utf8_lossy(&bad.stderr).contains("at least one statement"));
    put_policy(here, "create", "team", TEAM);
    ok(here, &["user", "attach", "alice", "team"]);
    assert!(refused(here, &["policy", "delete", "team"], 6).contains("attached to the user alice"));
    ok(here, &["user", "detach", "alice", "team"]);
    ok(here, &["policy", "delete", "team"]);
    assert!(refused(here, &["policy", "show", "team"], 3).contains("policy team: there is no such policy"));
}

#[tokio::test]
async fn scripts_tell_failures_on_the_data_apart_as_those_of_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let error = |arguments: &[&str], status: i32, kind: &str| -> Value {
        let told = refused(here, &[arguments, &["-o", "json"]].concat(), status);
        let error = serde_json::from_str::<Value>(&told).unwrap_or_else(|_| panic!("{arguments:?}: {told}"));
        assert_eq!((&error["error"]["kind"], &error["error"]["exit_status"]), (&json!(kind), &json!(status)), "{told}");
        error["error"].clone()
    };
    let [nowhere, database] = ["/nowhere/file", "postgres://csms@127.0.0.1:9/csms?sslmode=disable"];
    error(&["user", "list"], 3, "not_found");
    error(&["migrate", "--from", "sqlite:/nowhere", "--to", database], 3, "not_found");
    error(&["audit", "list", "--store", database], 5, "unreachable");
    let damaged = here.join("damaged");
    std::fs::write(&damaged, "no snapshot").unwrap();
    let damaged = damaged.to_str().unwrap();
    for (file, status, kind) in [(nowhere, 2, "usage"), (damaged, 1, "failed")] {
        error(&["snapshot", "verify", file], status, kind);
        error(&["drill", file], status, kind);
        error(&["access", "check", file], 2, "usage");
    }
    drop(support::open(here).await.unwrap());
    error(&["user", "list", "--root-key-file", nowhere], 2, "usage");
    error(&["user", "list", "--config", nowhere], 2, "usage");
    error(&["policy", "create", "p", "--file", nowhere], 2, "usage");
    error(&["user", "create", "alice", "--expires", "soon"], 2, "usage");
    error(&["audit", "verify", "--expect", "x"], 2, "usage");
    error(&["audit", "archive", "--until", "soon", "--out", nowhere], 2, "usage");
    error(&["audit", "verify", "--expect", &format!("1:{}", "00".repeat(32))], 1, "failed");
    for (arguments, subject) in [
        (&["user", "show", "bob"][..], "user bob"),
        (&["user", "create", "alice", "--policy", "nothing"], "policy nothing"),
        (&["agency", "allow", "deploy", "admin"], "agency deploy"),
        (&["user", "key", "disable", "AK"], "access key AK"),
    ] {
        assert_eq!(error(arguments, 3, "not_found")["subject"], subject, "{arguments:?}");
    }
    for (arguments, subject) in [
        (&["user", "delete", "admin"][..], "user admin"),
        (&["user", "create", "admin"], "user admin"),
        (&["agency", "create", "a/b"], "agency a/b"),
    ] {
        assert_eq!(error(arguments, 6, "refused")["subject"], subject, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_policy_that_could_mean_nothing_here_is_not_stored() {
    let directory = tempfile::tempdir().unwrap();
    drop(support::open(directory.path()).await.unwrap());
    let here = directory.path();
    let put = |action: &str, actions: &str| {
        let text = format!(r#"{{"Version":"5.0","Statement":[{{"Effect":"Allow","Action":[{actions}]}}]}}"#);
        let output = csms(here, &["policy", action, "p", "--file", "-"], &text);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (created, told) = put("create", r#""csms:secret:gte","csms:scret:get""#);
    assert!(!created && told.contains("Statement[0].Action[0]") && told.contains("Statement[0].Action[1]"), "{told}");
    assert!(refused(here, &["policy", "show", "p"], 3).contains("policy p: there is no such policy"));

    let (created, told) = put("create", r#""csms:secret:get","kms:cmk:sign""#);
    assert!(created && told.contains("warning: policy p: Statement[0].Action[1]"), "{told}");

    let (updated, told) = put("update", r#""csms:secret:gte""#);
    assert!(!updated && told.contains("the nearest is csms:secret:get"), "{told}");
    let kept: Value = serde_json::from_str(&ok(here, &["policy", "show", "p"])).unwrap();
    assert_eq!(kept["Statement"][0]["Action"][1], "kms:cmk:sign");
}

#[tokio::test]
async fn a_policy_can_be_checked_before_it_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let _server = support::open(directory.path()).await.unwrap();
    let here = directory.path();
    put_policy(here, "create", "team", TEAM);
    ok(here, &["user", "create", "alice", "--policy", "team"]);
    let check = |more: &[&str]| {
        let arguments = [&["policy", "check", "--user", "alice"], more].concat();
        csms(here, &arguments, "").status.success()
    };
    assert!(check(&["--action", "csms:secret:create", "--secret", "team-a", "--type", "COMMON"]));
    assert!(!check(&["--action", "csms:secret:create", "--secret", "team-a", "--type", "RDS-FG"]));
    assert!(!check(&["--action", "csms:secret:get", "--secret", "other"]));
    put_policy(here, "update", "team", r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*"]}]}"#);
    assert!(check(&["--action", "csms:secret:get", "--secret", "other"]));
    let deny = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*"]},
        {"Effect":"Deny","Action":["csms:secretVersion:get"]}]}"#;
    put_policy(here, "update", "team", deny);
    assert!(!check(&["--action", "CSMS:secret:getversion", "--secret", "other"]), "by the older name of the action");
    assert_eq!(serde_json::from_str::<Value>(&ok(here, &["policy", "show", "team"])).unwrap()["Version"], "5.0");
    assert!(ok(here, &["policy", "list"]).contains("CSMS FullAccess"));
}

#[tokio::test]
async fn the_audit_trail_is_verified_and_listed_and_an_edit_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let server = support::open(here).await.unwrap();
    let body = json!({ "name": "db", "secret_string": "correct horse" });
    assert_eq!(status(&server, &server.key(), "POST", "secrets", body).await, StatusCode::OK);
    let path = "secrets/db/versions/latest";
    assert_eq!(status(&server, &server.key(), "GET", path, Value::Null).await, StatusCode::OK);
    server.app.trail.flush().await.unwrap();
    ok(here, &["user", "create", "alice"]);

    let head = ok_json(here, &["audit", "verify"])["head"].as_str().unwrap().to_owned();
    let listed = ok_json(here, &["audit", "list", "--secret", "db"]);
    let actions: Vec<_> = listed.as_array().unwrap().iter().map(|record| record["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["CreateSecret", "ShowSecretVersion"]);
    let table = ok(here, &["audit", "list"]);
    assert!(table.contains("CreateUser") && table.contains("alice") && !table.contains("horse"), "{table}");
    ok(here, &["user", "create", "bob"]);
    assert!(ok(here, &["audit", "verify", "--expect", &head]).starts_with("intact"));
    let forged = format!("1:{}", "00".repeat(32));
    assert!(refused(here, &["audit", "verify", "--expect", &forged], 1).contains("not part of the trail"));

    let database = rusqlite::Connection::open(here.join("csms.db")).unwrap();
    database.execute_batch("UPDATE audit SET document = replace(document, 'alice', 'carol')").unwrap();
    assert!(refused(here, &["audit", "verify"], 1).contains("is not what was written there"));
}

#[tokio::test]
async fn the_last_administrator_is_removed_only_by_force() {
    let directory = tempfile::tempdir().unwrap();
    drop(support::open(directory.path()).await.unwrap());
    let directory = directory.path();
    for arguments in [["user", "delete", "admin"], ["user", "disable", "admin"]] {
        let reason = refused(directory, &arguments, 6);
        assert!(reason.contains("nobody who may administer") && reason.contains("--force"), "{reason}");
    }
    put_policy(
        directory,
        "create",
        "admins",
        r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["iam:*:*"]}]}"#,
    );
    let made = ok_json(directory, &["user", "create", "second", "--policy", "admins"]);
    let key = made["access_key"].as_str().unwrap();
    assert_eq!(ok(directory, &["user", "disable", "admin"]), "the user admin is out of use\n");
    for arguments in [
        &["user", "detach", "second", "admins"][..],
        &["user", "key", "disable", key],
        &["user", "key", "delete", key],
        &["user", "delete", "second"],
    ] {
        let reason = refused(directory, arguments, 6);
        assert!(reason.contains("nobody who may administer"), "{arguments:?}: {reason}");
    }
    let less = csms(directory, &["policy", "update", "admins", "--file", "-"], TEAM);
    assert!(String::from_utf8_lossy(&less.stderr).contains("nobody who may administer"), "{less:?}");
    let deleted = ok(directory, &["user", "delete", "second", "--force"]);
    assert_eq!(deleted, "the user second and its access keys are deleted\n");
}

#[tokio::test]
async fn an_access_file_that_leaves_nobody_who_may_administer_needs_force() {
    let directory = tempfile::tempdir().unwrap();
    drop(support::open(directory.path()).await.unwrap());
    let directory = directory.path();
    let file = directory.join("access.toml");
    std::fs::write(&file, "[[users]]\nname = \"admin\"\nabsent = true\n").unwrap();
    let file = file.to_str().unwrap();
    for action in ["check", "apply"] {
        let reason = refused(directory, &["access", action, file], 2);
        assert!(reason.contains("nobody who may administer") && reason.contains("--force"), "{reason}");
    }
    assert!(ok(directory, &["user", "list"]).contains("admin"), "a refused file changes nothing");
    assert!(ok(directory, &["access", "apply", file, "--force"]).contains("DeleteUser"));
    assert!(!ok(directory, &["user", "list"]).contains("admin"));
}

#[tokio::test]
async fn an_agency_is_made_changed_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    drop(support::open(directory.path()).await.unwrap());
    let directory = directory.path();
    ok(directory, &["user", "create", "alice"]);
    let made =
        ok_json(directory, &["agency", "create", "deploy", "--policy", "CSMS ReadOnlyAccess", "--user", "alice"]);
    assert_eq!((&made["users"], &made["policies"]), (&json!(["alice"]), &json!(["CSMS ReadOnlyAccess"])));
    assert!(refused(directory, &["agency", "create", "deploy"], 6).contains("there is such an agency already"));
    for (arguments, sentence) in [
        (["disallow", "deploy", "alice"], "alice may not assume the agency deploy\n"),
        (["allow", "deploy", "admin"], "admin may assume the agency deploy\n"),
        (
            ["detach", "deploy", "CSMS ReadOnlyAccess"],
            "the policy CSMS ReadOnlyAccess is not attached to the agency deploy\n",
        ),
        (["attach", "deploy", "CSMS FullAccess"], "the policy CSMS FullAccess is attached to the agency deploy\n"),
    ] {
        let arguments = [&["agency"][..], &arguments[..]].concat();
        assert_eq!(ok(directory, &arguments), sentence);
    }
    let shown = ok_json(directory, &["agency", "show", "deploy"]);
    assert_eq!((&shown["users"], &shown["policies"]), (&json!(["admin"]), &json!(["CSMS FullAccess"])));
    for (arguments, reason) in [
        (["agency", "allow", "deploy", "nobody"], "user nobody: there is no such user"),
        (["agency", "attach", "deploy", "nothing"], "policy nothing: there is no such policy"),
        (["agency", "allow", "absent", "alice"], "agency absent: there is no such agency"),
    ] {
        assert!(refused(directory, &arguments, 3).contains(reason), "{arguments:?}");
    }
    assert_eq!(ok(directory, &["agency", "delete", "deploy"]), "the agency deploy is deleted\n");
    assert!(refused(directory, &["agency", "delete", "deploy"], 3).contains("agency deploy: there is no such agency"));
}
