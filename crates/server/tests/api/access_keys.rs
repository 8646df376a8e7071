//! Access keys have a last use and may have an end; auditors see both.

use std::{path::Path, process::Command};

use axum::http::StatusCode;
use csms_core::UnixMillis;
use csms_server::auth::{InvokedFrom, token::TemporaryKey};
use csms_store::{AccessChange, AccessKeyRecord, Store};
use serde_json::{Value, json};

use crate::support::{self, Key, Server};

const MINUTE: u64 = 60_000;
const DAY: u64 = 86_400_000;

/// A user without rights, with an access key.
async fn alice(server: &Server) -> (String, Key) {
    let made = server.call("POST", "/v5/users", json!({ "name": "alice", "enabled": true })).await;
    let id = made.body["user"]["user_id"].as_str().unwrap().to_owned();
    let made = server.call("POST", &format!("/v5/users/{id}/access-keys"), Value::Null).await;
    let text = |name: &str| made.body["access_key"][name].as_str().unwrap().to_owned();
    let key = Key { access_key: text("access_key_id"), secret_key: text("secret_access_key"), security_token: None };
    (id, key)
}

async fn list(server: &Server, key: &Key) -> support::Answer {
    server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await
}

async fn stored(server: &Server, key: &Key) -> AccessKeyRecord {
    server.app.trail.flush().await.unwrap();
    server.app.store.access_key(&key.access_key).await.unwrap().unwrap().0
}

async fn end(server: &Server, key: &Key, expires: UnixMillis) {
    let record = AccessKeyRecord { expires: Some(expires), ..stored(server, key).await };
    server.app.store.change_access(vec![AccessChange::PutAccessKey(record)], Vec::new()).await.unwrap();
    server.app.authenticator.forget();
}

#[tokio::test]
async fn the_last_use_of_a_key_is_noted_once_a_minute() {
    let server = Server::start().await;
    let (id, key) = alice(&server).await;
    let uri = format!("/v5/users/{id}/access-keys/{}/last-used", key.access_key);
    let never = server.call("GET", &uri, Value::Null).await;
    assert_eq!((never.status, never.body), (StatusCode::OK, json!({ "access_key_last_used": {} })));

    // A wrong signature is no use.
    let wrong = Key { secret_key: "wrong".to_owned(), ..key.clone() };
    assert_eq!(list(&server, &wrong).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stored(&server, &key).await.last_use, None);

    // A refusal is one: the key was proved.
    assert_eq!(list(&server, &key).await.status, StatusCode::FORBIDDEN);
    let first = stored(&server, &key).await.last_use.unwrap();
    assert_eq!(first.operation, "ListSecrets");
    let shown = server.call("GET", &uri, Value::Null).await;
    let at = shown.body["access_key_last_used"]["last_used_at"].as_str().unwrap();
    assert_eq!(at, csms_server::clock::rfc3339(first.time, 3));

    let versions = server.path("secrets/db/versions");
    server.call_as(&key, "GET", &versions, &Value::Null).await;
    // Also by a server that has just started, or has read the key again.
    server.app.authenticator.forget();
    server.call_as(&key, "GET", &versions, &Value::Null).await;
    assert_eq!(stored(&server, &key).await.last_use, Some(first.clone()));
    server.clock.advance(MINUTE);
    server.call_as(&key, "GET", &versions, &Value::Null).await;
    let second = stored(&server, &key).await.last_use.unwrap();
    assert_eq!(second.operation, "ListSecretVersions");
    assert!(second.time.millis_since(first.time) >= MINUTE);
}

#[tokio::test]
async fn a_key_that_has_ended_is_refused_as_an_unknown_one() {
    let server = Server::start().await;
    let (id, key) = alice(&server).await;
    end(&server, &key, server.clock.now().plus_millis(DAY)).await;
    assert_eq!(list(&server, &key).await.status, StatusCode::FORBIDDEN);
    // Its end counts at once, also where the key was read before.
    server.clock.advance(DAY);
    let ended = list(&server, &key).await;
    let unknown = list(&server, &Key { access_key: "AKUNKNOWN00000000000".to_owned(), ..key.clone() }).await;
    assert_eq!((ended.status, &ended.body["error_code"]), (StatusCode::UNAUTHORIZED, &unknown.body["error_code"]));
    assert_eq!(ended.body["error_msg"], unknown.body["error_msg"]);
    let listed = server.call("GET", &format!("/v5/users/{id}/access-keys"), Value::Null).await;
    assert_eq!(listed.body["access_keys"][0]["status"], "inactive");
}

#[tokio::test]
async fn what_is_made_with_a_key_ends_with_it() {
    let server = Server::start().await;
    let (_, key) = alice(&server).await;
    let (now, far) = (server.clock.now(), server.clock.now().plus_millis(2 * DAY));
    end(&server, &key, now.plus_millis(DAY)).await;
    let request = server.signed(&key, "GET", &server.path("secrets"), b"").body(()).unwrap();
    let (parts, ()) = request.into_parts();
    let claim = server.app.authenticator.claim(&parts).await.unwrap();
    let csms_server::auth::Claim::Signed(claim) = claim else { panic!("a signature") };
    let caller = claim.verify(&parts, b"").unwrap();
    let project = server.app.identity.project_id.clone();
    let from = InvokedFrom { peer: None, is_secure: false };
    let made = TemporaryKey::acting_for(&caller, "test".to_owned(), project, far, from).unwrap();
    let made = server.signing_with(&made);
    assert_eq!(list(&server, &made).await.status, StatusCode::FORBIDDEN);
    server.clock.advance(DAY);
    assert_eq!(list(&server, &made).await.status, StatusCode::UNAUTHORIZED);
}

/// Runs `csms user …` on the data in a directory.
fn user(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_csms"));
    command.args(["user", "--offline"]).args(arguments).env_clear().env("CSMS_DATA", directory);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn json_of(directory: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--output", "json"]].concat();
    serde_json::from_str(&user(directory, &arguments).unwrap()).unwrap()
}

#[tokio::test]
async fn commands_set_the_end_of_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let server = support::open(directory.path()).await.unwrap();
    let here = directory.path();
    let made = json_of(here, &["create", "alice", "--expires", "30d"]);
    let key = |made: &Value| made["access_key"].as_str().unwrap().to_owned();
    let end_of = async |key: &str| server.app.store.access_key(key).await.unwrap().unwrap().0.expires;
    let days = end_of(&key(&made)).await.unwrap().millis_since(server.clock.now()) / DAY;
    assert!((29..=30).contains(&days), "{days}");
    let second = json_of(here, &["key", "create", "alice", "--expires", "2099-01-02"]);
    assert_eq!(end_of(&key(&second)).await, csms_server::clock::parse_time("2099-01-02T00:00:00Z"));
    user(here, &["key", "expire", &key(&second), "never"]).unwrap();
    assert_eq!(end_of(&key(&second)).await, None);
    for (end, reason) in [("2001-01-01", "must lie ahead"), ("soon", "must be a number of days")] {
        let refused = user(here, &["key", "expire", &key(&second), end]).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn the_report_lists_users_logins_and_keys() {
    let directory = tempfile::tempdir().unwrap();
    let server = support::open(directory.path()).await.unwrap();
    let here = directory.path();
    user(here, &["create", "alice", "--expires", "30d", "--policy", "CSMS ReadOnlyAccess"]).unwrap();
    user(here, &["create", "bob", "--no-key"]).unwrap();
    assert_eq!(server.call("GET", &server.path("secrets"), Value::Null).await.status, StatusCode::OK);
    server.app.trail.flush().await.unwrap();

    let report = json_of(here, &["report"]);
    let names: Vec<_> = report.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "alice", "bob"]);
    let (admin, alice, bob) = (&report[0], &report[1], &report[2]);
    assert_eq!((&admin["has_password"], &admin["password_age_days"]), (&json!(true), &json!(0)));
    let used = &admin["access_keys"][0];
    assert_eq!((&used["last_used_operation"], &used["expires_at"]), (&json!("ListSecrets"), &Value::Null));
    assert!(used["last_used_at"].is_string());
    assert_eq!((&alice["policies"], &alice["has_password"]), (&json!(["CSMS ReadOnlyAccess"]), &json!(false)));
    let fresh = &alice["access_keys"][0];
    assert_eq!(
        (&fresh["age_days"], &fresh["state"], &fresh["last_used_at"]),
        (&json!(0), &json!("enabled"), &Value::Null)
    );
    assert!(fresh["expires_at"].is_string());
    assert_eq!(bob["access_keys"], json!([]));

    let table = user(here, &["report"]).unwrap();
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(rows.len(), 4, "{table}");
    assert!(rows[0].contains("LAST USED") && rows[1].contains("ListSecrets") && rows[2].contains("never"), "{table}");
    assert!(rows[3].starts_with("bob") && rows[3].contains("no login") && rows[3].contains("none"), "{table}");
    for text in [&table, &report.to_string()] {
        assert!(!text.contains("argon2") && !text.contains(server.credentials.secret_key.as_str()));
    }
}
