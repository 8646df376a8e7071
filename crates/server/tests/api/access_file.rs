//! The access file: a start brings users, access keys and policies to what it says, once, whole and with records.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::support::{Key, Server, open, open_with, settings};
use axum::http::StatusCode;
use csms_core::policy::Policy;
use csms_server::{boot::settings::Settings, failure::Chain};
use csms_store::{AccessChange, Store};
use serde_json::{Value, json};

const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef01234567";

/// A data directory, and beside it the access file and what it names.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("team-a.json", &policy("team-a-*"));
        place.write("alice.key", SECRET_KEY);
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    fn settings(&self, text: &str) -> Settings {
        self.write("access.toml", text);
        Settings { access_file: Some(self.0.path().join("access.toml")), ..settings(&self.data()) }
    }

    async fn start(&self, text: &str) -> Server {
        open_with(&self.settings(text)).await.unwrap()
    }

    /// Why no server starts with this file.
    async fn refusal(&self, text: &str) -> String {
        let error = open_with(&self.settings(text)).await.err().unwrap();
        Chain(&error).to_string()
    }
}

fn policy(secrets: &str) -> String {
    let statement = json!({
        "Effect": "Allow", "Action": ["csms:secret:*"], "Resource": [format!("CSMS:*:*:secretName:{secrets}")],
    });
    json!({ "Version": "5.0", "Statement": [statement] }).to_string()
}

const ALICE: &str = r#"
[[policies]]
name = "team-a"
description = "the secrets of team A"
file = "team-a.json"

[[users]]
name = "alice"
policies = ["team-a"]
access_key = "ALICE00000000000KEY1"
secret_key_file = "alice.key"
"#;

fn alice() -> Key {
    Key { access_key: "ALICE00000000000KEY1".to_owned(), secret_key: SECRET_KEY.to_owned(), security_token: None }
}

/// The status that alice gets for making a secret of this name.
async fn create(server: &Server, name: &str) -> StatusCode {
    let body = json!({ "name": name, "secret_string": "value" });
    server.call_as(&alice(), "POST", &server.path("secrets"), &body).await.status
}

/// What of the trail the access file did.
async fn records(server: &Server) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in server.app.store.audit_records(0, 10_000, None).await.unwrap() {
        let record: Value = serde_json::from_str(&entry.document).unwrap();
        if record["actor"] == "access file" {
            let text = |name: &str| record[name].as_str().unwrap().to_owned();
            all.push((text("action"), text("target")));
        }
    }
    all
}

#[tokio::test]
async fn a_user_of_the_file_may_do_what_its_policies_allow() {
    let place = Place::new();
    let server = place.start(ALICE).await;
    assert_eq!(create(&server, "team-a-db").await, StatusCode::OK);
    assert_eq!(create(&server, "other").await, StatusCode::FORBIDDEN);
    let done = records(&server).await;
    let expected = [("CreatePolicy", "team-a"), ("CreateUser", "alice"), ("CreateAccessKey", "ALICE00000000000KEY1")];
    assert_eq!(done, expected.map(|(action, target)| (action.to_owned(), target.to_owned())));
}

#[tokio::test]
async fn a_second_start_with_the_same_file_changes_nothing() {
    let place = Place::new();
    let server = place.start(ALICE).await;
    let (users, policies) = (server.app.store.users().await.unwrap(), server.app.store.policies().await.unwrap());
    drop(server);
    let server = place.start(ALICE).await;
    assert_eq!(server.app.store.users().await.unwrap(), users);
    assert_eq!(server.app.store.policies().await.unwrap(), policies);
    assert_eq!(records(&server).await.len(), 3);
}

#[tokio::test]
async fn a_start_brings_what_the_file_names_back_and_leaves_the_rest() {
    let place = Place::new();
    let server = place.start(ALICE).await;
    let mut user = server.app.store.user_by_name(None, "alice").await.unwrap().unwrap();
    user.enabled = false;
    user.attached = vec!["CSMS FullAccess".to_owned()];
    server.app.store.put_user(user).await.unwrap();
    drop(server);

    let server = open(&place.data()).await.unwrap();
    assert_eq!(create(&server, "team-a-db").await, StatusCode::UNAUTHORIZED, "the file is not used");
    drop(server);
    let server = place.start(ALICE).await;
    assert_eq!(create(&server, "team-a-db").await, StatusCode::OK);
    assert_eq!(create(&server, "other").await, StatusCode::FORBIDDEN);
    assert_eq!(records(&server).await[3..], [("UpdateUser".to_owned(), "alice".to_owned())]);
    let admin = server.app.store.user_by_name(None, "admin").await.unwrap();
    assert!(admin.is_some(), "a user that the file does not name");
}

#[tokio::test]
async fn a_new_secret_key_takes_the_place_of_the_old_one() {
    let place = Place::new();
    drop(place.start(ALICE).await);
    place.write("alice.key", "another-secret-key-of-alice-0123456789");
    let server = place.start(ALICE).await;
    assert_eq!(create(&server, "team-a-db").await, StatusCode::UNAUTHORIZED);
    let key = Key { secret_key: "another-secret-key-of-alice-0123456789".to_owned(), ..alice() };
    let read = server.call_as(&key, "GET", &server.path("secrets/team-a-db"), &Value::Null).await;
    assert_eq!(read.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_the_file_calls_absent_is_removed() {
    let place = Place::new();
    drop(place.start(ALICE).await);
    let gone = "[[users]]\nname = \"alice\"\nabsent = true\n[[policies]]\nname = \"team-a\"\nabsent = true";
    let server = place.start(gone).await;
    assert_eq!(create(&server, "team-a-db").await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.app.store.policies().await.unwrap(), []);
    drop(server);
    let server = place.start(gone).await;
    assert_eq!(records(&server).await.len(), 5);
}

#[tokio::test]
async fn what_does_not_fit_the_data_is_told_whole_and_nothing_is_changed() {
    let place = Place::new();
    let server = place.start(ALICE).await;
    let admin_key = server.key().access_key;
    drop(server);
    let file = format!(
        r#"
        [[policies]]
        name = "team-b"
        file = "team-a.json"
        [[policies]]
        name = "team-a"
        absent = true
        [[policies]]
        name = "CSMS FullAccess"
        file = "team-a.json"
        [[users]]
        name = "bob"
        policies = ["team-b", "nowhere", "team-a"]
        access_key = "{admin_key}"
        secret_key_file = "alice.key"
        "#
    );
    let told = place.refusal(&file).await;
    for problem in [
        "policies[1].name: is attached to alice",
        "policies[2].name: is a policy of the system",
        "users[0].policies[1]: there is no policy nowhere",
        "users[0].policies[2]: there is no policy team-a",
        "users[0].access_key: is another user's",
    ] {
        assert!(told.contains(problem), "{problem} in {told}");
    }
    let server = open(&place.data()).await.unwrap();
    assert_eq!(server.app.store.user_by_name(None, "bob").await.unwrap(), None);
    assert!(server.app.store.policy("team-b").await.unwrap().is_none());
    assert!(!told.contains(SECRET_KEY));
}

#[tokio::test]
async fn a_policy_that_could_mean_nothing_here_stops_the_start_unless_it_is_stored_already() {
    let place = Place::new();
    let typo = r#"{"Version":"5.0","Statement":[{"Effect":"Deny","Action":["csms:secret:getVersions"]}]}"#;
    drop(place.start(ALICE).await);
    place.write("team-a.json", typo);
    let told = place.refusal(ALICE).await;
    let expected = "policies[0].file: Statement[0].Action[0]: no operation has the action csms:secret:getVersions";
    assert!(told.contains(expected), "{told}");

    let server = open(&place.data()).await.unwrap();
    // As an earlier version of the server stored it.
    let mut record = server.app.store.policy("team-a").await.unwrap().unwrap();
    record.policy = Policy::parse(typo).unwrap();
    server.app.store.change_access(vec![AccessChange::PutPolicy(record)], Vec::new()).await.unwrap();
    drop(server);
    let server = place.start(ALICE).await;
    assert_eq!(server.app.store.policy("team-a").await.unwrap().unwrap().policy, Policy::parse(typo).unwrap());
}

#[tokio::test]
async fn the_first_user_of_new_data_may_be_named_in_the_file() {
    let place = Place::new();
    let server = place.start("[[users]]\nname = \"admin\"\npolicies = [\"CSMS ReadOnlyAccess\"]").await;
    let answer = server.call("GET", &server.path("secrets"), Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK);
    let admin = server.app.store.user_by_name(None, "admin").await.unwrap().unwrap();
    assert_eq!((admin.attached.len(), admin.policies.len()), (1, 1), "its own policy is not the file's business");
}

#[tokio::test]
async fn a_file_that_is_not_there_stops_the_start() {
    let place = Place::new();
    let settings =
        Settings { access_file: Some(Path::new("/nowhere/access.toml").to_owned()), ..settings(&place.data()) };
    let error = open_with(&settings).await.err().unwrap();
    assert!(Chain(&error).to_string().contains("/nowhere/access.toml"));
}

#[tokio::test]
async fn a_file_that_is_not_toml_is_told_by_its_line_which_is_not_repeated() {
    let told = Place::new().refusal("[[users]]\nname = \"hunter2\n").await;
    assert!(told.contains("access.toml, line 2: ") && !told.contains("hunter2"), "{told}");
}
