//! Function templates as ShowSecretFunctionTemplates answers them: each is Python, and functions made of them rotate real
//! accounts, invoked by a server process. The management API here stands in for the cloud's, which cannot run in a test:
//! it applies what it is asked to a real database. Whether requests are signed well is told by the server, which the same
//! code of the template signs for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use csms_core::{RotationMode, SecretType, VersionId, rotation::Engine, stage};
use csms_rotation_tests::{Database, Service};
use csms_testbed::server::Options;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

/// FunctionGraph's Python runtime in small: takes events from the host and gives the handler its context.
const RUNTIME: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request
import index

API = "http://" + os.environ["RUNTIME_API_ADDR"] + "/v1/runtime/invocation/"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Context:
    def __init__(self, headers):
        self.headers = headers

    def getSecurityAccessKey(self):
        return self.headers["x-cff-security-access-key"]

    def getSecuritySecretKey(self):
        return self.headers["x-cff-security-secret-key"]

    def getSecurityToken(self):
        return self.headers["x-cff-security-token"]

    def getUserData(self, name):
        return USER_DATA.get(name)


USER_DATA = json.loads("""SETTINGS""")

while True:
    with OPENER.open(API + "request") as answer:
        headers, event = answer.headers, json.load(answer)
    result = json.dumps(index.handler(event, Context(headers))).encode()
    OPENER.open(API + "response/" + headers["x-cff-request-id"], data=result).close()
"#;

/// The stand-in for the management service.
#[derive(Clone)]
struct Cloud {
    database: Arc<Database>,
    /// How many requests are still answered 503 and not executed.
    outages: Arc<AtomicU32>,
}

async fn serve(
    State(cloud): State<Cloud>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let signed = headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"SDK-HMAC-SHA256 "));
    assert!(signed && headers.contains_key("x-security-token"), "{headers:?}");
    let body: Value = serde_json::from_slice(&body).unwrap();
    let is_taurusdb = uri.path().ends_with("/instances/local/db-users/password");
    let expected = if is_taurusdb { Method::PUT } else { Method::POST };
    assert!(is_taurusdb || uri.path().ends_with("/instances/local/db_user/resetpwd"), "{uri}");
    assert_eq!(method, expected);
    if cloud.outages.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        return (StatusCode::SERVICE_UNAVAILABLE, json!({ "error_code": "DBS.1", "error_msg": "later" }).to_string());
    }
    let user = if is_taurusdb { &body["users"][0] } else { &body };
    let (name, password) = (user["name"].as_str().unwrap(), user["password"].as_str().unwrap());
    let sql = match cloud.database.engine() {
        Engine::PostgreSql => format!("ALTER ROLE {name} PASSWORD '{password}'"),
        Engine::MySql | Engine::MariaDb => format!("ALTER USER {name}@'%' IDENTIFIED BY '{password}'"),
    };
    cloud.database.execute(&sql).await.unwrap();
    (StatusCode::OK, json!({ "resp": "successful" }).to_string())
}

/// The template of a server that runs no functions.
async fn template(kind: SecretType, mode: RotationMode, engine: Option<&str>) -> String {
    let service = Service::start().await;
    service.client.function_template(kind, mode, engine).await.unwrap().function_templates
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn every_template_is_python_and_says_what_it_is_for() {
    let service = Service::start().await;
    let directory = tempfile::tempdir().unwrap();
    for mode in [RotationMode::SingleUser, RotationMode::MultiUser] {
        for engine in [Some("mysql"), Some("postgresql"), Some("sqlserver"), None] {
            let kind = if engine.is_some() { SecretType::RdsFg } else { SecretType::GaussDbFg };
            let text = service.client.function_template(kind, mode, engine).await.unwrap().function_templates;
            let base = if mode == RotationMode::SingleUser { "SYSCURRENT" } else { "SYSPREVIOUS" };
            assert!(text.contains(&format!("BASE_STAGE = \"{base}\"\n")), "{text}");
            let named = engine.map_or("db-users/password".to_owned(), |engine| format!("RDS_ENGINE = \"{engine}\"\n"));
            assert!(text.contains(&named), "{text}");
            let file = directory.path().join("index.py");
            fs::write(&file, text).unwrap();
            let mut python = Command::new("python3");
            let compiled = python.args(["-W", "error", "-m", "py_compile"]).arg(&file).output().unwrap();
            assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        }
    }
}

/// A server with a function made of a template, for a database that the stand-in changes.
async fn made_of(template: String, database: &Arc<Database>, outages: u32) -> (Service, String, tempfile::TempDir) {
    let cloud = Cloud { database: Arc::clone(database), outages: Arc::new(outages.into()) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = json!({ "DATABASE_ENDPOINT": format!("http://{}", listener.local_addr().unwrap()) });
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve).with_state(cloud)).await });
    let code = tempfile::tempdir().unwrap();
    fs::write(code.path().join("index.py"), template).unwrap();
    write_program(&code.path().join("bootstrap"), &RUNTIME.replace("SETTINGS", &settings.to_string()));
    let urn = "urn:fss:local-1:templates:function:default:rotate:latest".to_owned();
    let options = Options::default().argument("--function").argument(format!("{urn}={}", code.path().display()));
    (Service::start_with(options).await, urn, code)
}

async fn one_account_gets_a_new_password(engine: Engine, template: String, outages: u32) {
    let database = Arc::new(Database::start(engine).await.unwrap());
    database.create_login("app", FIRST).await.unwrap();
    let (service, urn, _code) = made_of(template, &database, outages).await;
    let value = database.value("app", FIRST);
    let name = service.create("app", RotationMode::SingleUser, &urn, &value).await;
    let rotation = service.rotate(&name).await;
    service.assert_rotated(&rotation, 1 + outages, VersionId::FIRST, "of a template").await;
    let current = service.current(&name).await;
    assert!(database.can_log_in("app", current.password()).await.unwrap());
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
    assert!(!service.server.log().contains(current.password()), "a password is in the log");
}

#[tokio::test]
async fn the_template_for_postgresql_rotates_an_account() {
    let template = template(SecretType::RdsFg, RotationMode::SingleUser, Some("postgresql")).await;
    one_account_gets_a_new_password(Engine::PostgreSql, template, 0).await;
}

#[tokio::test]
async fn the_template_for_taurusdb_goes_on_where_an_attempt_broke_off() {
    let template = template(SecretType::GaussDbFg, RotationMode::SingleUser, None).await;
    one_account_gets_a_new_password(Engine::MariaDb, template, 1).await;
}

#[tokio::test]
async fn the_template_for_mysql_lets_two_accounts_take_turns() {
    let database = Arc::new(Database::start(Engine::MariaDb).await.unwrap());
    database.create_login("app_a", FIRST).await.unwrap();
    database.create_login("app_b", SECOND).await.unwrap();
    let template = template(SecretType::RdsFg, RotationMode::MultiUser, Some("mysql")).await;
    let (service, urn, _code) = made_of(template, &database, 0).await;
    let name = service.create("app", RotationMode::MultiUser, &urn, &database.value("app_a", FIRST)).await;
    service.add_version(&name, stage::PREVIOUS, &database.value("app_b", SECOND)).await;
    let mut former = VersionId::FIRST;
    for user in ["app_b", "app_a"] {
        let rotation = service.rotate(&name).await;
        service.assert_rotated(&rotation, 1, former, user).await;
        former = rotation.0.version().unwrap();
        let current = service.current(&name).await;
        assert_eq!(current.login().username, user);
        assert!(database.can_log_in(user, current.password()).await.unwrap());
        let previous = service.account(&name, stage::PREVIOUS).await.unwrap();
        assert!(database.can_log_in(&previous.login().username, previous.password()).await.unwrap());
    }
}
