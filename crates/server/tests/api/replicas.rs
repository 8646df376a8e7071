//! Regions, replicas that follow their primaries, and when a secret was last used.

use crate::support;
use std::path::Path;

use crate::support::{Answer, Key, Server};
use csms_core::{
    RegionName,
    policy::{Policy, secret_resource},
};
use csms_server::boot::settings::{FunctionGraph, Settings};
use csms_store::Store;
use serde_json::{Value, json};

async fn shown(server: &Server, name: &str) -> Value {
    server.call("GET", &server.path(&format!("secrets/{name}")), Value::Null).await.body["secret"].clone()
}

async fn create(server: &Server, name: &str) {
    let created = server.call("POST", &server.path("secrets"), json!({ "name": name, "secret_string": "1" })).await;
    assert_eq!(created.status, 200, "{:?}", created.body);
}

#[tokio::test]
async fn a_secret_without_copies_stands_alone_in_its_account() {
    let server = Server::start().await;
    create(&server, "db").await;
    let secret = shown(&server, "db").await;
    assert_eq!(secret["replica_type"], "STANDALONE");
    assert_eq!(secret["domain_id"], server.credentials.domain_id.as_str());
    assert_eq!((secret.get("replicas"), secret.get("last_used_time")), (None, None));
}

#[tokio::test]
async fn the_last_read_of_a_value_is_known_to_within_a_minute() {
    let server = Server::start().await;
    create(&server, "db").await;
    let read = async || {
        let answer = server.call("GET", &server.path("secrets/db/versions/latest"), Value::Null).await;
        assert_eq!(answer.status, 200);
        server.app.trail.flush().await.unwrap();
        shown(&server, "db").await["last_used_time"].as_u64().unwrap()
    };
    let before = server.clock.now().as_millis();
    let first = read().await;
    assert!((before..=server.clock.now().as_millis()).contains(&first));
    assert_eq!(read().await, first);
    server.clock.advance(60_000);
    assert!(read().await >= first + 60_000);
    let metadata = server.call("GET", &server.path("secrets"), Value::Null).await;
    assert!(metadata.body["secrets"][0]["last_used_time"].as_u64() >= Some(first + 60_000));
}

#[tokio::test]
async fn what_did_not_answer_a_value_is_no_use() {
    let server = Server::start().await;
    create(&server, "db").await;
    assert_eq!(server.call("GET", &server.path("secrets/db/versions/v9"), Value::Null).await.status, 404);
    assert_eq!(server.call("GET", &server.path("secrets/db/versions"), Value::Null).await.status, 200);
    server.app.trail.flush().await.unwrap();
    assert_eq!(shown(&server, "db").await.get("last_used_time"), None);
}

/// A server with the regions `home` and `away`, and the directory that it keeps.
async fn with_regions(regions: &[&str]) -> (Server, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = open_in(directory.path(), regions).await;
    (server, directory)
}

async fn open_in(directory: &Path, regions: &[&str]) -> Server {
    let regions = regions.iter().map(|name| RegionName::parse(*name).unwrap()).collect();
    support::open_with(&Settings { regions, ..support::settings(directory) }).await.unwrap()
}

const BOTH: [&str; 2] = ["home", "away"];

/// The path of a resource in the project of a region.
fn within(server: &Server, region: &str, rest: &str) -> String {
    let found = server.app.identity.regions.iter().find(|known| known.name.as_str() == region).unwrap();
    format!("/v1/{}/{rest}", found.project)
}

async fn replicate(server: &Server, name: &str, body: Value) -> Answer {
    server.call("POST", &server.path(&format!("secrets/{name}/replicas")), body).await
}

/// A server with a secret `db` and its replica.
async fn replicated() -> (Server, tempfile::TempDir) {
    let (server, directory) = with_regions(&BOTH).await;
    create(&server, "db").await;
    let made = replicate(&server, "db", json!({ "region": "away" })).await;
    assert_eq!(made.status, 200, "{:?}", made.body);
    (server, directory)
}

async fn get(server: &Server, region: &str, rest: &str) -> Answer {
    server.call("GET", &within(server, region, rest), Value::Null).await
}

async fn current(server: &Server, region: &str) -> Value {
    get(server, region, "secrets/db/versions/latest").await.body["version"]["secret_string"].clone()
}

/// What of a secret must be the same in both regions.
async fn content(server: &Server, region: &str) -> Value {
    let mut secret = get(server, region, "secrets/db").await.body["secret"].clone();
    let object = secret.as_object_mut().unwrap();
    let own = ["id", "kms_key_id", "replica_type", "replicas", "last_used_time"];
    own.iter().for_each(|name| drop(object.remove(*name)));
    let mut versions = get(server, region, "secrets/db/versions").await.body;
    for version in versions["version_metadatas"].as_array_mut().unwrap() {
        version.as_object_mut().unwrap().remove("kms_key_id");
    }
    json!([secret, versions])
}

#[tokio::test]
async fn each_region_has_a_project_that_is_found_by_its_name() {
    let (server, directory) = with_regions(&BOTH).await;
    let project = async |server: &Server, region: &str| {
        let answer = server.call("GET", &format!("/v3/projects?name={region}"), Value::Null).await;
        let projects = answer.body["projects"].as_array().unwrap().clone();
        assert!(projects.len() <= 1);
        projects.first().map(|project| project["id"].as_str().unwrap().to_owned())
    };
    let (home, away) = (project(&server, "home").await.unwrap(), project(&server, "away").await.unwrap());
    assert_eq!(
        (home.as_str(), server.credentials.projects["away"].as_str()),
        (&*server.credentials.project_id, &*away)
    );
    assert_ne!(home, away);
    drop(server);
    // A region that is added later gets its project, and the others keep theirs.
    let server = open_in(directory.path(), &["home", "late", "away"]).await;
    let late = project(&server, "late").await.unwrap();
    assert!(late != home && late != away);
    assert_eq!((project(&server, "home").await, project(&server, "away").await), (Some(home), Some(away)));
    assert_eq!(get(&server, "late", "secrets").await.status, 200);
    assert_eq!(server.credentials.projects.len(), 3);
    let regions = server.call("GET", &server.path("csms/replica-regions"), Value::Null).await.body;
    assert_eq!(regions, json!({ "regions": ["away", "late"], "total": 2 }));
}

#[tokio::test]
async fn a_server_of_one_region_has_no_place_for_replicas() {
    let server = Server::start().await;
    create(&server, "db").await;
    let regions = server.call("GET", &server.path("csms/replica-regions"), Value::Null).await.body;
    assert_eq!(regions, json!({ "regions": [], "total": 0 }));
    for region in ["away", "local-1"] {
        let refused = replicate(&server, "db", json!({ "region": region })).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "CSMS.0002"), "{region}");
    }
}

#[tokio::test]
async fn a_replica_is_read_in_its_region_under_its_own_key() {
    let (server, _kept) = replicated().await;
    let primary = shown(&server, "db").await;
    let replica = get(&server, "away", "secrets/db").await.body["secret"].clone();
    assert_eq!((&primary["replica_type"], &replica["replica_type"]), (&json!("PRIMARY"), &json!("REPLICA")));
    let told = primary["replicas"][0].clone();
    assert_eq!((&told["id"], &told["kms_key_id"]), (&replica["id"], &replica["kms_key_id"]));
    assert_eq!((&told["region"], &told["status"]), (&json!("away"), &json!("IN_SYNC")));
    let back = replica["replicas"][0].clone();
    assert_eq!(
        (&back["id"], &back["region"], &back["replica_type"]),
        (&primary["id"], &json!("home"), &json!("PRIMARY"))
    );
    assert_ne!(primary["kms_key_id"], replica["kms_key_id"]);
    assert_eq!(current(&server, "away").await, "1");
    let batch = json!({ "secret_name_list": ["db"] });
    let batch = server.call("POST", &within(&server, "away", "secrets/batch-get-secret-value"), batch).await;
    assert_eq!(batch.body["versions"][0]["secret_string"], "1");
    // The key of the one does not decide about the other.
    let disable = async |region: &str, key: &Value| {
        let path = within(&server, region, "kms/disable-key").replace("/v1/", "/v1.0/");
        server.call("POST", &path, json!({ "key_id": key })).await
    };
    let own = json!({ "key_alias": "own" });
    let made = server.call("POST", &within(&server, "away", "kms/create-key").replace("/v1/", "/v1.0/"), own).await;
    let key = made.body["key_info"]["key_id"].clone();
    create(&server, "keyed").await;
    let made = replicate(&server, "keyed", json!({ "region": "away", "kms_key_id": key })).await;
    assert_eq!(made.body["secret"]["replicas"][0]["kms_key_id"], key);
    assert_eq!(disable("away", &key).await.status, 200);
    let read = async |region: &str| get(&server, region, "secrets/keyed/versions/latest").await;
    assert_eq!(read("away").await.code(), "CSMS.0401");
    assert_eq!(read("home").await.status, 200);
    // What could not be copied is not written at all.
    let version = json!({ "secret_string": "2" });
    let refused = server.call("POST", &server.path("secrets/keyed/versions"), version).await;
    assert_eq!(refused.code(), "CSMS.0401");
    assert!(refused.body["error_msg"].as_str().unwrap().contains("away"), "{:?}", refused.body);
    assert_eq!(get(&server, "home", "secrets/keyed/versions").await.body["page_info"]["current_count"], 1);
}

#[tokio::test]
async fn whatever_changes_the_primary_changes_the_replica() {
    let (server, _kept) = replicated().await;
    let id = shown(&server, "db").await["id"].as_str().unwrap().to_owned();
    let expiry = server.clock.now().as_millis() + 3_600_000;
    for (method, rest, body) in [
        ("POST", "secrets/db/versions", json!({ "secret_string": "2" })),
        ("PUT", "secrets/db", json!({ "description": "new" })),
        ("PUT", "secrets/db/stages/blue", json!({ "version_id": "v1" })),
        ("PUT", "secrets/db/stages/SYSCURRENT", json!({ "version_id": "v1" })),
        ("PUT", "secrets/db/versions/v2", json!({ "expire_time": expiry })),
        ("DELETE", "secrets/db/stages/blue", Value::Null),
        ("POST", &format!("csms/{id}/tags"), json!({ "tag": { "key": "team", "value": "a" } })),
        ("POST", "secrets/db/scheduled-deleted-tasks/create", json!({ "recovery_window_in_days": 7 })),
        ("POST", "secrets/db/scheduled-deleted-tasks/cancel", json!({})),
    ] {
        let changed = server.call(method, &server.path(rest), body).await;
        assert!(changed.status.is_success(), "{method} {rest}: {:?}", changed.body);
        assert_eq!(content(&server, "away").await, content(&server, "home").await, "{method} {rest}");
    }
    assert_eq!((current(&server, "home").await, current(&server, "away").await), (json!("1"), json!("1")));
    let replica = get(&server, "away", "secrets/db").await.body["secret"]["id"].as_str().unwrap().to_owned();
    let tags = get(&server, "away", &format!("csms/{replica}/tags")).await.body;
    assert_eq!(tags["tags"], json!([{ "key": "team", "value": "a" }]));
    let second = get(&server, "away", "secrets/db/versions/v2").await.body;
    assert_eq!(second["version"]["secret_string"], "2");
}

#[tokio::test]
async fn a_replica_refuses_every_direct_change() {
    let (server, _kept) = replicated().await;
    let before = get(&server, "away", "secrets/db").await.body;
    let id = before["secret"]["id"].as_str().unwrap().to_owned();
    let expiry = server.clock.now().as_millis() + 3_600_000;
    let tag = json!({ "key": "team", "value": "a" });
    for (method, rest, body) in [
        ("POST", "secrets/db/versions", json!({ "secret_string": "2" })),
        ("PUT", "secrets/db", json!({ "description": "new" })),
        ("PUT", "secrets/db/stages/blue", json!({ "version_id": "v1" })),
        ("POST", "secrets/db/stages", json!({ "name": "blue", "version_id": "v1" })),
        ("DELETE", "secrets/db/stages/blue", Value::Null),
        ("PUT", "secrets/db/versions/v1", json!({ "expire_time": expiry })),
        ("POST", "secrets/db/rotate", json!({})),
        ("DELETE", "secrets/db", Value::Null),
        ("POST", "secrets/db/scheduled-deleted-tasks/create", json!({ "recovery_window_in_days": 7 })),
        ("POST", "secrets/db/scheduled-deleted-tasks/cancel", json!({})),
        ("POST", "secrets/db/replicas", json!({ "region": "home" })),
        ("DELETE", "secrets/db/replicas/home", Value::Null),
        ("POST", &format!("csms/{id}/tags"), json!({ "tag": tag })),
        ("POST", &format!("csms/{id}/tags/action"), json!({ "action": "create", "tags": [tag] })),
        ("DELETE", &format!("csms/{id}/tags/team"), Value::Null),
    ] {
        let refused = server.call(method, &within(&server, "away", rest), body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "CSMS.0110"), "{method} {rest}");
    }
    assert_eq!(get(&server, "away", "secrets/db").await.body, before);
}

#[tokio::test]
async fn a_primary_is_deleted_after_its_replicas_or_with_them_when_its_window_closes() {
    let (server, _kept) = replicated().await;
    let refused = server.call("DELETE", &server.path("secrets/db"), Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "CSMS.0111"));
    let gone = server.call("DELETE", &server.path("secrets/db/replicas/away"), Value::Null).await;
    assert_eq!(gone.status, 204);
    assert_eq!(get(&server, "away", "secrets/db").await.status, 404);
    assert_eq!(shown(&server, "db").await["replica_type"], "STANDALONE");
    let again = server.call("DELETE", &server.path("secrets/db/replicas/away"), Value::Null).await;
    assert_eq!((again.status.as_u16(), again.code()), (404, "CSMS.0005"));

    assert_eq!(replicate(&server, "db", json!({ "region": "away" })).await.status, 200);
    let path = server.path("secrets/db/scheduled-deleted-tasks/create");
    assert_eq!(server.call("POST", &path, json!({ "recovery_window_in_days": 7 })).await.status, 200);
    assert_eq!(get(&server, "away", "secrets/db/versions/latest").await.code(), "CSMS.0103");
    server.clock.advance(8 * 86_400_000);
    csms_server::background::due::delete_due(&server.app).await.unwrap();
    for region in BOTH {
        assert_eq!(get(&server, region, "secrets/db").await.status, 404, "{region}");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_in_the_region_is_refused() {
    let (server, _kept) = with_regions(&BOTH).await;
    create(&server, "db").await;
    let theirs = json!({ "name": "db", "secret_string": "theirs" });
    assert_eq!(server.call("POST", &within(&server, "away", "secrets"), theirs).await.status, 200);
    let refused = replicate(&server, "db", json!({ "region": "away" })).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "CSMS.0101"));
    assert_eq!((current(&server, "away").await, shown(&server, "db").await["replica_type"].clone()), {
        (json!("theirs"), json!("STANDALONE"))
    });
    assert_eq!(replicate(&server, "absent", json!({ "region": "away" })).await.code(), "CSMS.0106");
    create(&server, "other").await;
    assert_eq!(replicate(&server, "other", json!({ "region": "away" })).await.status, 200);
    let twice = replicate(&server, "other", json!({ "region": "away" })).await;
    assert_eq!((twice.status.as_u16(), twice.code()), (400, "CSMS.0101"));
}

/// A temporary key in the project of a region.
fn temporary(server: &Server, region: &str, policy: Policy) -> Key {
    let found = server.app.identity.regions.iter().find(|known| known.name.as_str() == region).unwrap();
    server.temporary_in(&found.project, policy)
}

#[tokio::test]
async fn only_who_may_use_the_other_region_makes_or_deletes_a_replica_there() {
    let (server, _kept) = replicated().await;
    create(&server, "other").await;
    let key = temporary(&server, "home", Policy::administrator());
    let path = server.path("secrets/other/replicas");
    let refused = server.call_as(&key, "POST", &path, &json!({ "region": "away" })).await;
    assert_eq!(refused.code(), "CSMS.0002");
    let path = server.path("secrets/db/replicas/away");
    let refused = server.call_as(&key, "DELETE", &path, &Value::Null).await;
    assert_eq!(refused.code(), "CSMS.0302");
    let regions = server.call_as(&key, "GET", &server.path("csms/replica-regions"), &Value::Null).await;
    assert_eq!(regions.body["total"], 0);
    assert_eq!(current(&server, "away").await, "1");
}

#[tokio::test]
async fn a_policy_for_one_region_ends_at_its_border() {
    let (server, _kept) = replicated().await;
    let resource = secret_resource("home", "*", "*");
    let policy = Policy::allow(vec!["csms:*:*".to_owned()], Some(vec![resource]));
    let read = |region: &str| {
        let (key, path) = (temporary(&server, region, policy.clone()), within(&server, region, "secrets/db"));
        let server = &server;
        async move { server.call_as(&key, "GET", &path, &Value::Null).await.status.as_u16() }
    };
    assert_eq!((read("home").await, read("away").await), (200, 403));
}

#[tokio::test]
async fn what_comes_back_from_a_backup_stands_alone() {
    let (server, _kept) = replicated().await;
    let blob = async |region: &str| {
        server.call("POST", &within(&server, region, "secrets/db/backup"), Value::Null).await.body["secret_blob"]
            .clone()
    };
    let (primary, replica) = (blob("home").await, blob("away").await);
    assert_eq!(server.call("DELETE", &server.path("secrets/db/replicas/away"), Value::Null).await.status, 204);
    assert_eq!(server.call("DELETE", &server.path("secrets/db"), Value::Null).await.status, 200);
    for (region, blob) in [("home", primary), ("away", replica)] {
        let path = within(&server, region, "secrets/restore");
        let back = server.call("POST", &path, json!({ "secret_blob": blob })).await;
        assert_eq!(back.body["secret"]["replica_type"], "STANDALONE", "{:?}", back.body);
        assert_eq!(current(&server, region).await, "1");
    }
    let changed = server.call("PUT", &within(&server, "away", "secrets/db"), json!({ "description": "own" })).await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn the_trail_tells_of_replicas_in_their_own_projects() {
    let (server, _kept) = replicated().await;
    assert_eq!(server.call("DELETE", &server.path("secrets/db/replicas/away"), Value::Null).await.status, 204);
    let records = server.app.store.audit_records(0, 100, Some("db")).await.unwrap();
    let records: Vec<Value> = records.iter().map(|record| serde_json::from_str(&record.document).unwrap()).collect();
    let told: Vec<_> = records.iter().map(|record| (record["action"].clone(), record["project"].clone())).collect();
    let project = |region: &str| json!(within(&server, region, "").split('/').nth(2).unwrap());
    let expected = [
        ("CreateSecret", "home"),
        ("CreateSecretReplica", "home"),
        ("CreateSecretReplica", "away"),
        ("DeleteSecretReplica", "home"),
        ("DeleteSecretReplica", "away"),
    ];
    assert_eq!(told, expected.map(|(action, region)| (json!(action), project(region))));
}

#[tokio::test]
async fn a_rotation_of_the_primary_reaches_the_replica_which_never_rotates_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    // Nobody answers there: the task is begun, and its function's part is done below.
    let functiongraph = FunctionGraph {
        url: "http://127.0.0.1:9".to_owned(),
        access_key: "AK".to_owned(),
        secret_key: "SK".to_owned().into(),
    };
    let regions = BOTH.iter().map(|name| RegionName::parse(*name).unwrap()).collect();
    let settings = Settings { regions, functiongraph: Some(functiongraph), ..support::settings(directory.path()) };
    let server = support::open_with(&settings).await.unwrap();
    let account = json!({ "engine": "postgresql", "host": "127.0.0.1", "username": "app", "password": "x" });
    let body = json!({
        "name": "db", "secret_string": account.to_string(), "secret_type": "RDS-FG", "auto_rotation": true,
        "rotation_period": "1d", "rotation_config": r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#,
        "rotation_func_urn": format!("urn:fss:home:{}:function:default:elsewhere", server.credentials.project_id),
    });
    let created = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!(created.status, 200, "{:?}", created.body);
    assert_eq!(replicate(&server, "db", json!({ "region": "away" })).await.status, 200);
    let later = server.clock.now().plus_millis(30 * 86_400_000);
    let due = server.app.store.due_rotations(later, 10).await.unwrap();
    let projects: Vec<_> = due.iter().map(|(project, _)| project.as_str()).collect();
    assert_eq!(projects, [&*server.credentials.project_id]);

    let begun = server.call("POST", &server.path("secrets/db/rotate"), Value::Null).await;
    assert_eq!(begun.status, 200, "{:?}", begun.body);
    let value = async |region: &str| get(&server, region, "secrets/db/versions/v2").await.body["version"].clone();
    let (home, away) = (value("home").await, value("away").await);
    assert_eq!(away["secret_string"], home["secret_string"]);
    assert_eq!(away["version_metadata"]["version_stages"], json!(["SYSPENDING"]));
    let moved = json!({ "version_id": "v2" });
    assert_eq!(server.call("PUT", &server.path("secrets/db/stages/SYSCURRENT"), moved).await.status, 200);
    assert_eq!(current(&server, "away").await, home["secret_string"]);
    assert_eq!(get(&server, "away", "csms/tasks").await.body["total"], 0);
}

#[tokio::test]
async fn a_refused_move_is_recorded_in_the_project_of_its_secret() {
    let (server, _directory) = with_regions(&BOTH).await;
    let made = server.call("POST", &server.path("secrets"), json!({ "name": "hidden", "secret_string": "s" })).await;
    let (home, id) = (server.app.identity.project_id.to_string(), &made.body["secret"]["id"]);
    let body = json!({ "project_id": home, "resource_id": id, "resource_type": "csms" });
    let key = server.temporary(csms_core::policy::Policy::allow(vec!["cts:*".to_owned()], None));
    let path = "/v1.0/enterprise-projects/0/resources-migrate";
    assert_eq!(server.call_as(&key, "POST", path, &body).await.status, 403);
    server.app.trail.flush().await.unwrap();
    let records = server.app.store.audit_records(0, 10_000, None).await.unwrap();
    let moves: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_str(&record.document).unwrap())
        .filter(|record: &Value| record["action"] == "MigrateResource")
        .collect();
    assert_eq!(moves.len(), 1, "{moves:?}");
    assert_eq!((&moves[0]["secret"], &moves[0]["project"]), (&json!("hidden"), &json!(home)));
}
