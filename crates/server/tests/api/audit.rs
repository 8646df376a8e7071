//! The audit trail: what is recorded, when, and that nothing is missing from it.

use crate::support;
use crate::support::Server;
use axum::http::StatusCode;
use csms_api::Operation;
use csms_core::{VersionId, policy::Policy};
use csms_server::{
    audit::{OK, ReadRecords, Record, chain_key},
    boot::settings::Settings,
};
use csms_store::{ChainCheck, Store};
use serde_json::{Value, json};

/// All records, after a check of the chain.
async fn documents(server: &Server) -> Vec<String> {
    let key = chain_key(&server.app.root);
    let mut check = ChainCheck::new(&key);
    let records = server.app.store.audit_records(0, 10_000, None).await.unwrap();
    records.iter().try_for_each(|record| check.next(record)).unwrap();
    check.finish(&server.app.store.audit_head().await.unwrap()).unwrap();
    records.into_iter().map(|record| record.document).collect()
}

/// `action version outcome` of the records about one secret.
async fn trail_of(server: &Server, secret: &str) -> Vec<String> {
    server.app.trail.flush().await.unwrap();
    let documents = documents(server).await;
    let records = documents.iter().map(|text| serde_json::from_str::<Record<'_>>(text).unwrap());
    let records = records.filter(|record| record.secret == Some(secret));
    let line = |record: Record<'_>| {
        let version = record.version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        format!("{} {version} {}", record.action, record.outcome)
    };
    records.map(line).collect()
}

async fn ok(server: &Server, method: &str, rest: &str, body: Value) {
    let answer = server.call(method, &server.path(rest), body).await;
    assert!(answer.status.is_success(), "{method} {rest}: {}", answer.body);
}

#[tokio::test]
async fn every_change_of_a_secret_is_recorded_with_its_version() {
    let server = Server::start().await;
    ok(&server, "POST", "secrets", json!({ "name": "db", "secret_string": "one" })).await;
    ok(&server, "POST", "secrets/db/versions", json!({ "secret_string": "two" })).await;
    ok(&server, "PUT", "secrets/db", json!({ "description": "the database" })).await;
    ok(&server, "PUT", "secrets/db/stages/live", json!({ "version_id": "v1" })).await;
    ok(&server, "DELETE", "secrets/db/stages/live", Value::Null).await;
    ok(&server, "POST", "secrets/db/scheduled-deleted-tasks/create", json!({ "recovery_window_in_days": 7 })).await;
    ok(&server, "POST", "secrets/db/scheduled-deleted-tasks/cancel", Value::Null).await;
    ok(&server, "DELETE", "secrets/db", Value::Null).await;
    let expected = [
        "CreateSecret v1 OK",
        "CreateSecretVersion v2 OK",
        "UpdateSecret - OK",
        "UpdateSecretStage v1 OK",
        "DeleteSecretStage - OK",
        "DeleteSecretForSchedule - OK",
        "RestoreSecret - OK",
        "DeleteSecret - OK",
    ];
    assert_eq!(trail_of(&server, "db").await, expected);
}

#[tokio::test]
async fn a_record_says_who_and_never_the_value() {
    let server = Server::start().await;
    ok(&server, "POST", "secrets", json!({ "name": "db", "secret_string": "correct horse" })).await;
    ok(&server, "GET", "secrets/db/versions/latest", Value::Null).await;
    server.app.trail.flush().await.unwrap();
    let documents = documents(&server).await;
    assert!(documents.iter().all(|text| !text.contains("horse")));
    let read: Record<'_> = serde_json::from_str(documents.last().unwrap()).unwrap();
    assert_eq!((read.action, &*read.actor, read.outcome), ("ShowSecretVersion", "admin", OK));
    assert!(read.user_id.is_some());
    assert_eq!((read.project, read.version), (Some(server.credentials.project_id.as_str()), Some(VersionId::FIRST)));
}

#[tokio::test]
async fn reads_of_the_same_version_become_one_record_with_their_number() {
    let server = Server::start().await;
    ok(&server, "POST", "secrets", json!({ "name": "db", "secret_string": "one" })).await;
    for _ in 0..3 {
        ok(&server, "GET", "secrets/db/versions/v1", Value::Null).await;
    }
    server.app.trail.flush().await.unwrap();
    let documents = documents(&server).await;
    let read: Record<'_> = serde_json::from_str(documents.last().unwrap()).unwrap();
    assert_eq!((read.action, read.count), ("ShowSecretVersion", 3));
}

#[tokio::test]
async fn a_strict_read_is_on_disk_before_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { audit_reads: ReadRecords::Strict, ..support::settings(directory.path()) };
    let server = support::open_with(&settings).await.unwrap();
    ok(&server, "POST", "secrets", json!({ "name": "db", "secret_string": "one" })).await;
    ok(&server, "GET", "secrets/db/versions/v1", Value::Null).await;
    // Nothing else has written it.
    assert!(documents(&server).await.last().unwrap().contains("ShowSecretVersion"));
}

#[tokio::test]
async fn every_audited_operation_that_is_refused_is_recorded() {
    let server = Server::start().await;
    let nobody = server.temporary(Policy::allow(vec![], None));
    for operation in Operation::ALL.iter().filter(|operation| operation.is_audited()) {
        let specification = operation.specification();
        let path = operation.path(&[server.credentials.project_id.as_str(), "db", "v1"]);
        let answer = server.call_as(&nobody, specification.method.as_str(), &path, &json!({})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", specification.name);
        server.app.trail.flush().await.unwrap();
        let documents = documents(&server).await;
        let last: Record<'_> = serde_json::from_str(documents.last().unwrap()).unwrap();
        assert_eq!((last.action, &*last.actor, last.outcome), (specification.name, "temporary", "CSMS.0302"));
    }
}

#[tokio::test]
async fn a_refused_change_is_no_change() {
    let server = Server::start().await;
    ok(&server, "POST", "secrets", json!({ "name": "db", "secret_string": "one" })).await;
    let answer = server.call("DELETE", &server.path("secrets/db/stages/SYSCURRENT"), Value::Null).await;
    assert_eq!(answer.code(), "CSMS.0105");
    let absent = server.call("GET", &server.path("secrets/db/versions/v9"), Value::Null).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    let expected = ["CreateSecret v1 OK", "DeleteSecretStage - CSMS.0105", "ShowSecretVersion v9 CSMS.0005"];
    let mut trail = trail_of(&server, "db").await;
    // Attempts that failed are gathered, in no order.
    trail[1..].sort_unstable();
    assert_eq!(trail, expected);
}

#[tokio::test]
async fn a_call_that_has_nothing_to_change_is_recorded_too() {
    let server = Server::start().await;
    ok(&server, "POST", "secrets", json!({ "name": "db", "secret_string": "one" })).await;
    ok(&server, "PUT", "secrets/db", json!({})).await;
    let trail = trail_of(&server, "db").await;
    assert_eq!(trail.len(), 2, "{trail:?}");
    assert_eq!(trail[1], "UpdateSecret - OK");
}

#[tokio::test]
async fn looking_at_metadata_is_not_recorded() {
    let server = Server::start().await;
    ok(&server, "POST", "secrets", json!({ "name": "db", "secret_string": "one" })).await;
    for rest in ["secrets", "secrets/db", "secrets/db/versions", "secrets/db/stages/SYSCURRENT"] {
        ok(&server, "GET", rest, Value::Null).await;
    }
    assert_eq!(trail_of(&server, "db").await, ["CreateSecret v1 OK"]);
}

#[tokio::test]
async fn a_change_of_an_event_or_a_setting_is_recorded_once_with_its_name() {
    let server = Server::start().await;
    let notification = json!({ "target_type": "SMN", "target_id": "urn:smn:x", "target_name": "x" });
    let body =
        json!({ "name": "told", "event_types": ["SECRET_DELETED"], "state": "ENABLED", "notification": notification });
    ok(&server, "POST", "csms/events", body).await;
    ok(&server, "PUT", "csms/events/told", json!({ "state": "DISABLED" })).await;
    ok(&server, "DELETE", "csms/events/told", Value::Null).await;
    ok(&server, "POST", "secrets/checker/config", json!({ "checking_secret_strength": false })).await;
    // Nothing was gathered: the records are on disk with what they tell of.
    let documents = documents(&server).await;
    let records = documents.iter().map(|text| serde_json::from_str::<Record<'_>>(text).unwrap());
    let told: Vec<_> =
        records.filter_map(|record| Some((record.action.to_owned(), record.target?.to_owned()))).collect();
    let expected = [
        ("CreateUser", "admin"),
        ("CreateSecretEvent", "told"),
        ("UpdateSecretEvent", "told"),
        ("DeleteSecretEvent", "told"),
        ("UpdateSecretsConfig", "checker"),
    ];
    assert_eq!(told, expected.map(|(action, target)| (action.to_owned(), target.to_owned())));
}
