//! The secret of an administrator that a rotation names (`AdminSecret`) is used for those only who may read it themselves; and
//! what is said of a value that no rotation can use.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{Answer, Key, Server, open_with, settings};
use axum::http::StatusCode;
use csms_core::{FunctionUrn, policy::Policy};
use serde_json::{Value, json};

const FUNCTION: &str = "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:any:latest";

/// A key with these policies.
fn key(server: &Server, statements: &Value) -> Key {
    let text = json!({ "Version": "1.1", "Statement": statements }).to_string();
    server.temporary(Policy::parse(&text).unwrap())
}

/// A key that may do everything with these secrets, and nothing with others.
fn limited_to(server: &Server, names: &[&str]) -> Key {
    let resources: Vec<_> = names.iter().map(|name| format!("CSMS:*:*:secretName:{name}")).collect();
    key(server, &json!([{ "Effect": "Allow", "Action": ["csms:*:*"], "Resource": resources }]))
}

fn account(engine: &str) -> String {
    json!({ "engine": engine, "host": "127.0.0.1", "username": "app", "password": "x" }).to_string()
}

fn rotated(name: &str, engine: &str, admin: Option<&str>) -> Value {
    let mut config = json!({ "InstanceId": "i", "SecretSubType": "SingleUser" });
    if let Some(admin) = admin {
        config["AdminSecret"] = admin.into();
    }
    json!({
        "name": name, "secret_string": account(engine), "secret_type": "RDS-FG", "rotation_func_urn": FUNCTION,
        "rotation_config": config.to_string(),
    })
}

async fn create(server: &Server, key: &Key, body: &Value) -> Answer {
    server.call_as(key, "POST", &server.path("secrets"), body).await
}

/// A server with the administrator's secret `keeper`, and the secret `helped` that names it.
async fn scene() -> Server {
    let server = Server::start().await;
    let keeper = json!({ "name": "keeper", "secret_string": account("postgresql") });
    for body in [keeper, rotated("helped", "postgresql", Some("keeper"))] {
        let made = create(&server, &server.key(), &body).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    }
    server
}

/// Refused because of the administrator's secret, and not for another reason.
fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "CSMS.0302"), "{}", answer.body);
    assert!(answer.body.to_string().contains("AdminSecret"), "{}", answer.body);
}

fn assert_allowed(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn who_may_not_read_the_administrators_secret_cannot_name_it() {
    let server = scene().await;
    let body = rotated("mine", "postgresql", Some("keeper"));
    assert_refused(&create(&server, &limited_to(&server, &["mine"]), &body).await);
    // A name that nobody has is answered alike, so that nobody learns which there are.
    let absent = rotated("mine", "postgresql", Some("absent"));
    assert_refused(&create(&server, &limited_to(&server, &["mine"]), &absent).await);
    let alone = rotated("mine", "postgresql", None);
    assert_allowed(&create(&server, &limited_to(&server, &["mine"]), &alone).await);
    let other = rotated("other", "postgresql", Some("keeper"));
    assert_allowed(&create(&server, &limited_to(&server, &["other", "keeper"]), &other).await);
}

#[tokio::test]
async fn who_may_not_read_the_administrators_secret_cannot_say_whom_it_helps() {
    let server = scene().await;
    let path = server.path("secrets/helped/versions");
    let body = json!({ "secret_string": account("postgresql").replace("app", "victim") });
    assert_refused(&server.call_as(&limited_to(&server, &["helped"]), "POST", &path, &body).await);
    assert_allowed(&server.call_as(&limited_to(&server, &["helped", "keeper"]), "POST", &path, &body).await);
}

#[tokio::test]
async fn who_may_not_read_the_administrators_secret_cannot_restore_one_that_names_it() {
    let server = scene().await;
    let root = server.key();
    let blob = server.call_as(&root, "POST", &server.path("secrets/helped/backup"), &Value::Null).await;
    assert_allowed(&blob);
    server.call_as(&root, "DELETE", &server.path("secrets/helped"), &Value::Null).await;
    let (path, body) = (server.path("secrets/restore"), json!({ "secret_blob": blob.body["secret_blob"] }));
    // The name is in the blob alone, so the right to restore is one to any secret.
    let keeper = ["CSMS:*:*:secretName:keeper"];
    let statements = json!([
        { "Effect": "Allow", "Action": ["csms:*:*"] },
        { "Effect": "Deny", "Action": ["csms:secret:getVersion"], "Resource": keeper },
    ]);
    let denied = key(&server, &statements);
    assert_refused(&server.call_as(&denied, "POST", &path, &body).await);
    assert_allowed(&server.call_as(&root, "POST", &path, &body).await);
}

#[tokio::test]
async fn a_secret_that_is_not_there_yet_cannot_be_named() {
    let server = scene().await;
    let answer = create(&server, &server.key(), &rotated("early", "postgresql", Some("later"))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    assert!(answer.body.to_string().contains("rotation_config.AdminSecret"), "{}", answer.body);
    let listed = server.call("GET", &server.path("secrets/early"), Value::Null).await;
    assert_eq!(listed.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_is_denied_the_administrators_secret_cannot_have_it_used_by_a_rotation() {
    let server = scene().await;
    let path = server.path("secrets/helped/rotate");
    let denied = json!([
        { "Effect": "Allow", "Action": ["csms:*:*"] },
        { "Effect": "Deny", "Action": ["csms:secret:getVersion"], "Resource": ["CSMS:*:*:secretName:keeper"] },
    ]);
    assert_refused(&server.call_as(&key(&server, &denied), "POST", &path, &Value::Null).await);
    // Who may rotate and nothing else is let through to what this server lacks: the function.
    let rotating = json!([{ "Effect": "Allow", "Action": ["csms:secret:rotate"] }]);
    let answer = server.call_as(&key(&server, &rotating), "POST", &path, &Value::Null).await;
    assert_ne!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
}

#[tokio::test]
async fn sql_server_is_refused_by_field_and_rule() {
    let directory = tempfile::tempdir().unwrap();
    let code = directory.path().join("function");
    fs::create_dir(&code).unwrap();
    fs::write(code.join("bootstrap"), "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut settings = settings(&directory.path().join("data"));
    settings.functions = vec![(FunctionUrn::parse(FUNCTION).unwrap(), code)];
    let server = open_with(&settings).await.unwrap();
    assert_allowed(&create(&server, &server.key(), &rotated("legacy", "sqlserver", None)).await);
    let answer = server.call("POST", &server.path("secrets/legacy/rotate"), Value::Null).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    let told = answer.body.to_string();
    assert!(told.contains("engine must be one of postgresql, mysql, mariadb; SQL Server is not supported"), "{told}");
}
