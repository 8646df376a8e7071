//! Two secrets that name one database account: said when the second is made, and refused when that one is to be rotated.

use axum::http::StatusCode;
use csms_core::{StageName, UnixMillis};
use csms_server::{background::due, boot::settings::FunctionGraph, rotation::accounts};
use csms_store::Store as _;
use serde_json::{Value, json};

use crate::support::{Answer, Key, Server, open_with, settings};

/// A server that calls functions elsewhere, where none is reached.
async fn server(directory: &std::path::Path) -> Server {
    let mut settings = settings(directory);
    let (access_key, secret_key) = ("AK".to_owned(), "SK".to_owned().into());
    let url = "http://127.0.0.1:9".to_owned();
    settings.functiongraph = Some(FunctionGraph { url, access_key, secret_key });
    open_with(&settings).await.unwrap()
}

fn account(user: &str) -> Value {
    json!({ "engine": "mysql", "host": "DB.example", "port": 3306, "username": user, "password": "x" })
}

async fn create(server: &Server, name: &str, value: &Value, more: Value) -> Answer {
    create_as(server, &server.key(), name, value, more).await
}

async fn create_as(server: &Server, key: &Key, name: &str, value: &Value, more: Value) -> Answer {
    let mut config = json!({ "InstanceId": "i", "SecretSubType": "SingleUser" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = json!({
        "name": name, "secret_string": value.to_string(), "secret_type": "RDS-FG", "rotation_config": config.to_string(),
        "rotation_func_urn": format!("urn:fss:local-1:{}:function:default:elsewhere", server.credentials.project_id),
    });
    // No two are of one age.
    server.clock.advance(1);
    let answer = server.call_as(key, "POST", &server.path("secrets"), &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer
}

fn warns(answer: &Answer) -> bool {
    answer.headers.get("x-csms-warning").is_some_and(|text| text.to_str().unwrap().contains("names the same"))
}

async fn rotate(server: &Server, name: &str) -> Answer {
    server.call("POST", &server.path(&format!("secrets/{name}/rotate")), Value::Null).await
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0502"), "{}", answer.body);
    assert!(answer.body.to_string().contains("names the same database account"), "{}", answer.body);
}

#[tokio::test]
async fn the_second_secret_of_an_account_is_noticed_and_not_rotated() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    assert!(!warns(&create(&server, "one", &account("app"), json!({})).await));
    assert!(!warns(&create(&server, "neighbour", &account("app2"), json!({})).await));
    let mut same = account("app");
    same["host"] = "db.example.".into();
    same["engine"] = "mariadb".into();
    assert!(warns(&create(&server, "two", &same, json!({})).await));
    assert_refused(&rotate(&server, "two").await);
    // Whoever makes the second one does not stop the rotations of the first.
    assert_eq!(rotate(&server, "one").await.status, StatusCode::OK);
    assert_eq!(rotate(&server, "neighbour").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_older_secret_that_waits_for_its_deletion_stands_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    create(&server, "one", &account("app"), json!({})).await;
    create(&server, "two", &account("app"), json!({})).await;
    assert_refused(&rotate(&server, "two").await);
    let path = server.path("secrets/one/scheduled-deleted-tasks/create");
    let waiting = server.call("POST", &path, json!({ "recovery_window_in_days": 7 })).await;
    assert_eq!(waiting.status, StatusCode::OK, "{}", waiting.body);
    assert_eq!(rotate(&server, "two").await.status, StatusCode::OK);
}

#[tokio::test]
async fn which_accounts_there_are_is_said_only_to_whoever_may_read_them() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    create(&server, "prod-db", &account("app"), json!({})).await;
    let creating = json!({ "Effect": "Allow", "Action": ["csms:secret:create"] });
    let reading = json!({
        "Effect": "Allow", "Action": ["csms:secret:getVersion"], "Resource": ["CSMS:*:*:secretName:prod-*"],
    });
    for (name, statements, is_told) in
        [("team-a-1", json!([creating]), false), ("team-a-2", json!([creating, reading]), true)]
    {
        let made = create_as(&server, &server.limited(&statements), name, &account("app"), json!({})).await;
        assert_eq!(warns(&made), is_told, "{name}");
        // It is not rotated in either case, and the older one is.
        assert_refused(&rotate(&server, name).await);
    }
    assert_eq!(rotate(&server, "prod-db").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_names_of_one_host_and_a_name_that_the_server_cuts_lead_to_one_account() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    for (number, engine) in ["mysql", "postgresql"].into_iter().enumerate() {
        let mut value = account("app");
        value["engine"] = engine.into();
        value["host"] = "127.0.0.1".into();
        assert!(!warns(&create(&server, &format!("one-{number}"), &value, json!({})).await));
        for (name, host) in ["localhost", "::1", "::ffff:127.0.0.1", "127.1"].into_iter().enumerate() {
            value["host"] = host.into();
            assert!(
                warns(&create(&server, &format!("two-{number}-{name}"), &value, json!({})).await),
                "{engine} {host}"
            );
        }
        assert_refused(&rotate(&server, &format!("two-{number}-0")).await);
    }
    let long = |engine: &str, bytes: usize| {
        let mut value = account(&"n".repeat(bytes));
        value["engine"] = engine.into();
        value
    };
    assert!(!warns(&create(&server, "cut", &long("postgresql", 63), json!({})).await));
    assert!(warns(&create(&server, "whole", &long("postgresql", 64), json!({})).await));
    assert!(!warns(&create(&server, "other-1", &long("mysql", 63), json!({})).await));
    assert!(!warns(&create(&server, "other-2", &long("mysql", 64), json!({})).await));
}

#[tokio::test]
async fn a_version_that_names_the_account_of_another_secret_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    create(&server, "one", &account("app"), json!({})).await;
    create(&server, "two", &account("other"), json!({})).await;
    let body = json!({ "secret_string": account("app").to_string() });
    let added = server.call("POST", &server.path("secrets/two/versions"), body).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.body);
    assert_refused(&rotate(&server, "two").await);
    // Moved back, it names its own account again.
    let moved = server.call("PUT", &server.path("secrets/two/stages/SYSCURRENT"), json!({ "version_id": "v1" })).await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
    assert_eq!(rotate(&server, "two").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_pooler_before_the_database_does_not_hide_the_account() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    create(&server, "direct", &account("app"), json!({})).await;
    let mut pooled = account("app");
    pooled["host"] = "pooler.example".into();
    pooled["rotation_host"] = "db.example".into();
    assert!(warns(&create(&server, "pooled", &pooled, json!({})).await));
    assert_refused(&rotate(&server, "pooled").await);
}

#[tokio::test]
async fn accounts_of_one_name_for_different_hosts_are_two() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    create(&server, "one", &account("app"), json!({ "Host": "10.0.%" })).await;
    assert!(!warns(&create(&server, "two", &account("app"), json!({ "Host": "10.1.%" })).await));
    assert!(warns(&create(&server, "three", &account("app"), json!({})).await));
}

#[tokio::test]
async fn a_role_of_postgresql_is_one_account_whatever_host_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut role = account("app");
    role["engine"] = "postgresql".into();
    create(&server, "one", &role, json!({ "Host": "10.0.%" })).await;
    assert!(warns(&create(&server, "two", &role, json!({ "Host": "10.1.%" })).await));
    assert_refused(&rotate(&server, "two").await);
}

#[tokio::test]
async fn a_scheduled_rotation_of_a_shared_account_ends_as_a_failed_task() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    create(&server, "one", &account("app"), json!({})).await;
    create(&server, "two", &account("app"), json!({})).await;
    let project = server.app.identity.project_id.clone();
    let name = csms_core::SecretName::parse("two").unwrap();
    let due = |draft: &mut csms_store::Draft| {
        draft.secret.auto_rotation = true;
        draft.secret.rotation_period = csms_core::RotationPeriod::parse("4h").ok();
        draft.secret.next_rotation_time = Some(UnixMillis::new(1));
        Ok::<_, ()>(())
    };
    server.app.store.change_secret(&project, &name, false, due).await.unwrap();
    due::rotate_due(&server.app).await.unwrap();
    let tasks = server.call("GET", &server.path("csms/tasks"), Value::Null).await;
    let task = &tasks.body["tasks"][0];
    assert_eq!(task["task_status"], "FAILED", "{}", tasks.body);
    assert!(task["task_error_msg"].as_str().unwrap().contains("names the same database account"), "{task}");
    let secret = server.app.store.secret(&project, &name).await.unwrap().unwrap();
    assert!(secret.staged(&StageName::pending()).is_err(), "nothing was begun");
}

#[tokio::test]
async fn secrets_that_an_older_release_has_stored_are_found_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    create(&server, "one", &account("app"), json!({})).await;
    create(&server, "two", &account("app"), json!({})).await;
    drop(server);
    // As an older release has left it.
    let database = rusqlite::Connection::open(directory.path().join("csms.db")).unwrap();
    let forgotten = database.execute("DELETE FROM entries WHERE kind = 'database_account'", []).unwrap();
    assert_eq!(forgotten, 1);
    drop(database);
    let server = self::server(directory.path()).await;
    accounts::index(&server.app).await.unwrap();
    assert_refused(&rotate(&server, "two").await);
}

#[tokio::test]
async fn a_value_that_repeats_a_member_is_refused_where_a_rotation_would_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let twice = account("app").to_string().replacen('{', r#"{"note":1,"note":2,"username":"other","#, 1);
    let created = |kind: &str, config: &str| {
        let mut body = json!({ "name": format!("made-{kind}"), "secret_string": twice, "secret_type": kind });
        if kind != "COMMON" {
            body["rotation_config"] = config.into();
        }
        body
    };
    let config = r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#;
    let secrets = server.path("secrets");
    create(&server, "kept", &account("app"), json!({})).await;
    let version = json!({ "secret_string": twice });
    let attempts = [
        server.call("POST", &secrets, created("RDS-FG", config)).await,
        server.call("POST", &server.path("secrets/kept/versions"), version).await,
    ];
    for refused in attempts {
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
        let told = refused.body.to_string();
        let names_ours = told.contains("secret_string must not repeat username");
        assert!(names_ours && told.contains("secret_string must not repeat a member"), "{told}");
    }
    let repeated = config.replace('}', r#","AdminSecret":"one","AdminSecret":"two"}"#);
    let refused = server.call("POST", &secrets, created("GaussDB-FG", &repeated)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    assert!(refused.body.to_string().contains("rotation_config must not repeat AdminSecret"), "{}", refused.body);
    let common = server.call("POST", &secrets, created("COMMON", config)).await;
    assert_eq!(common.status, StatusCode::OK, "{}", common.body);
}

#[tokio::test]
async fn a_secret_that_is_deleted_for_good_leaves_the_index_and_a_row_of_it_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let listed = || -> Vec<String> {
        let database = rusqlite::Connection::open(directory.path().join("csms.db")).unwrap();
        let select = "SELECT document FROM entries WHERE kind = 'database_account'";
        let document: String = database.query_row(select, [], |row| row.get(0)).unwrap();
        let users: Value = serde_json::from_str(&document).unwrap();
        users.as_object().unwrap().values().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    create(&server, "gone", &account("app"), json!({})).await;
    assert!(server.call("DELETE", &server.path("secrets/gone"), Value::Null).await.status.is_success());
    create(&server, "owner", &account("app"), json!({})).await;
    assert_eq!(listed(), ["owner"]);
    for number in 0..40 {
        create(&server, &format!("younger-{number}"), &account("app"), json!({})).await;
    }
    let names = listed();
    assert!(names.len() == 32 && names.iter().any(|name| name == "owner"), "{names:?}");
    assert_eq!(rotate(&server, "owner").await.status, StatusCode::OK);
    assert_refused(&rotate(&server, "younger-39").await);
}
