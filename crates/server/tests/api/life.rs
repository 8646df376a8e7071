//! What happens over time and across starts: deletion windows, keys, root key, damage, locks.

use crate::support;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Server, open, open_with};
use axum::http::StatusCode;
use csms_core::FunctionUrn;
use csms_server::{
    background::due,
    boot::serve::{self, ServeError},
    clock::Clock,
    installation::InstallationError,
};
use serde_json::{Value, json};

const DAY: u64 = 86_400_000;

async fn create(server: &Server, name: &str) -> Value {
    let body = json!({ "name": name, "secret_string": "value" });
    let answer = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["secret"].clone()
}

async fn read(server: &Server, name: &str) -> (StatusCode, Value) {
    let path = server.path(&format!("secrets/{name}/versions/latest"));
    let answer = server.call("GET", &path, Value::Null).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_secret_is_deleted_when_its_window_closes_and_not_before() {
    let server = Server::start().await;
    create(&server, "demo").await;
    let path = server.path("secrets/demo/scheduled-deleted-tasks/create");
    server.call("POST", &path, json!({ "recovery_window_in_days": 7 })).await;
    let shown = async || server.call("GET", &server.path("secrets/demo"), Value::Null).await.status;

    server.clock.advance(7 * DAY - 60_000);
    due::delete_due(&server.app).await.unwrap();
    assert_eq!(shown().await, StatusCode::OK);

    server.clock.advance(60_000);
    due::delete_due(&server.app).await.unwrap();
    assert_eq!(shown().await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_restored_secret_is_not_deleted() {
    let server = Server::start().await;
    create(&server, "demo").await;
    let path = |end| server.path(&format!("secrets/demo/scheduled-deleted-tasks/{end}"));
    server.call("POST", &path("create"), json!({ "recovery_window_in_days": 7 })).await;
    server.call("POST", &path("cancel"), Value::Null).await;
    server.clock.advance(8 * DAY);
    due::delete_due(&server.app).await.unwrap();
    assert_eq!(read(&server, "demo").await.0, StatusCode::OK);
}

#[tokio::test]
async fn values_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let server = open(directory.path()).await.unwrap();
    create(&server, "demo").await;
    let key = server.key();
    drop(server);
    let server = open(directory.path()).await.unwrap();
    assert_eq!(read(&server, "demo").await.1["version"]["secret_string"], "value");
    assert_eq!(server.key().access_key, key.access_key);
}

#[tokio::test]
async fn a_missing_root_key_is_not_replaced_and_another_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).await.unwrap());
    std::fs::remove_file(directory.path().join("root.key")).unwrap();
    let error = open(directory.path()).await.err().unwrap();
    assert!(matches!(error, csms_server::boot::serve::ServeError::RootKey(_)), "{error:?}");
    assert!(!directory.path().join("root.key").exists(), "a wrong key was put where the right one belongs");
    std::fs::write(directory.path().join("root.key"), format!("{}\n", "0".repeat(64))).unwrap();
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(directory.path().join("root.key"), owner_only).unwrap();
    let error = open(directory.path()).await.err().unwrap();
    assert!(format!("{:?}", std::error::Error::source(&error)).contains("WrongRootKey"), "{error:?}");
}

#[tokio::test]
async fn a_root_key_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).await.unwrap());
    let file = directory.path().join("root.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(open(directory.path()).await.is_err());
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = open(directory.path()).await.unwrap();
    assert!(open(directory.path()).await.is_err());
}

#[tokio::test]
async fn a_first_start_that_lacks_a_function_makes_no_data() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = support::settings(directory.path());
    let urn = "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:f:latest";
    settings.functions = vec![(FunctionUrn::parse(urn).unwrap(), directory.path().join("missing.zip"))];
    assert!(matches!(open_with(&settings).await.err().unwrap(), ServeError::Function(..)));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_start_beside_an_unfinished_restore_makes_no_new_installation() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join(".csms-snapshot-x7Qd2f")).unwrap();
    let error = open(directory.path()).await.err().unwrap();
    assert!(matches!(error, ServeError::Installation(InstallationError::Unrestored(_))), "{error:?}");
    assert!(!directory.path().join("csms.db").exists());
    std::fs::remove_dir(directory.path().join(".csms-snapshot-x7Qd2f")).unwrap();
    open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn a_store_that_another_program_locks_when_the_port_is_open_ends_no_server() {
    let directory = tempfile::tempdir().unwrap();
    let bound = serve::bind(&support::settings(directory.path()), Clock::default()).await.unwrap();
    let other = rusqlite::Connection::open(directory.path().join("csms.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The server is asked to end, and the lock is given back, when it serves.
    let ended = bound.run(async move { drop(other) }, std::future::pending()).await;
    assert!(ended.is_ok(), "{ended:?}");
}

#[tokio::test]
async fn secret_files_are_readable_by_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let _server = open(directory.path()).await.unwrap();
    for file in ["root.key", "credentials.json"] {
        let mode = std::fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_damaged_value_is_an_error_and_never_another_value() {
    let directory = tempfile::tempdir().unwrap();
    let server = open(directory.path()).await.unwrap();
    create(&server, "good").await;
    create(&server, "bad").await;
    drop(server);
    // Both values seal the same text, so only what they are bound to tells them apart.
    let database = rusqlite::Connection::open(directory.path().join("csms.db")).unwrap();
    let swapped = database
        .execute(
            "UPDATE secret_values SET sealed = (SELECT sealed FROM secret_values ORDER BY rowid LIMIT 1)
             WHERE rowid = (SELECT max(rowid) FROM secret_values)",
            [],
        )
        .unwrap();
    assert_eq!(swapped, 1);
    drop(database);
    let server = open(directory.path()).await.unwrap();
    assert_eq!(read(&server, "good").await.0, StatusCode::OK);
    let (status, body) = read(&server, "bad").await;
    assert_eq!((status, &body["error_code"]), (StatusCode::BAD_REQUEST, &json!("CSMS.0401")));
}

#[tokio::test]
async fn the_quota_of_secrets_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = support::settings(directory.path());
    settings.secret_quota = 1;
    let server = open_with(&settings).await.unwrap();
    create(&server, "first").await;
    let body = json!({ "name": "second", "secret_string": "value" });
    let answer = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0202"));
}

#[tokio::test]
async fn health_and_metrics_are_open_and_hold_no_names() {
    let server = Server::start().await;
    create(&server, "very-secret-name").await;
    let health = server.send(axum::http::Request::get("/healthz").body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((health.status, &health.body["status"]), (StatusCode::OK, &json!("ok")));
    assert_eq!(health.body["version"], env!("CARGO_PKG_VERSION"));
    assert!(["commit", "date", "target"].iter().all(|part| health.body[*part].is_string()), "{}", health.body);
    let text = server.app.metrics.text();
    assert!(text.contains(&format!("csms_build_info{{version=\"{}\",commit=", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(text.contains("csms_requests_total{operation=\"CreateSecret\",status=\"200\"} 1"), "{text}");
    assert!(!text.contains("very-secret-name"));
}

#[tokio::test]
async fn probes_by_a_foreign_host_learn_the_status_and_nothing_of_the_server() {
    let server = Server::start().await;
    for (path, own) in [("/healthz", "version"), ("/readyz", "checks")] {
        let get = async |host: &str| {
            let request = axum::http::Request::get(path).header("host", host);
            server.send(request.body(axum::body::Body::empty()).unwrap()).await
        };
        let (known, foreign) = (get("localhost").await, get("rebound.example").await);
        assert_eq!((known.status, &known.body["status"]), (foreign.status, &foreign.body["status"]), "{path}");
        assert!(!known.body[own].is_null(), "{path}: {}", known.body);
        assert_eq!(foreign.body.as_object().unwrap().len(), 1, "{path}: {}", foreign.body);
    }
}

#[tokio::test]
async fn a_server_is_ready_from_the_first_look_of_its_scheduler_until_it_drains_and_alive_all_the_time() {
    let server = Server::start().await;
    let get = async |path| server.send(axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap()).await;
    let early = get("/readyz").await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE);
    let checks = json!({ "store": "ok", "key": "ok", "scheduler": "has not looked yet", "draining": false });
    assert_eq!(early.body, json!({ "status": "not ready", "checks": checks }));
    server.app.readiness.looked();
    let ready = get("/readyz").await;
    assert_eq!((ready.status, &ready.body["status"]), (StatusCode::OK, &json!("ready")));
    server.app.readiness.drain();
    let draining = get("/readyz").await;
    assert_eq!(
        (draining.status, &draining.body["checks"]["draining"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!(true))
    );
    assert_eq!(get("/livez").await.status, StatusCode::OK);
}

/// An automatically rotated secret whose function this server cannot invoke.
async fn create_rotated(server: &Server) {
    let body = json!({
        "name": "rotated", "secret_string": "{}", "secret_type": "RDS-FG", "auto_rotation": true,
        "rotation_period": "1d", "rotation_config": r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#,
        "rotation_func_urn": "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:elsewhere",
    });
    let answer = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn a_due_rotation_that_cannot_begin_is_a_failed_task_and_the_third_ends_automatic_rotation() {
    let server = Server::start().await;
    create_rotated(&server).await;
    let failed = async || {
        due::rotate_due(&server.app).await.unwrap();
        let answer = server.call("GET", &server.path("csms/tasks?status=FAILED"), Value::Null).await;
        answer.body["total"].as_u64().unwrap()
    };
    assert_eq!(failed().await, 0);
    // A due rotation may wait for an hour.
    server.clock.advance(DAY + 3_600_000);
    assert_eq!(failed().await, 1);
    assert_eq!(failed().await, 1, "it is not tried again at once");
    for expected in [2, 3, 3] {
        server.clock.advance(3_600_000);
        assert_eq!(failed().await, expected);
    }
    let shown = server.call("GET", &server.path("secrets/rotated"), Value::Null).await;
    assert_eq!(shown.body["secret"]["auto_rotation"], false);
    assert_eq!(shown.body["secret"]["next_rotation_time"], Value::Null);
    let tasks = server.call("GET", &server.path("csms/tasks"), Value::Null).await;
    assert_eq!(tasks.body["tasks"][0]["task_error_code"], "CSMS.0502");
}
