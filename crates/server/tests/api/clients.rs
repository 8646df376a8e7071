//! Requests as clients in use build them: scalars of the other type, empty members, paths and headers that a template filled in
//! with nothing. Each is signed over what is sent.

use std::collections::HashSet;

use axum::{body::Body, http::StatusCode};
use csms_api::{
    Operation,
    cts::CtsOperation,
    iam::IamOperation,
    kms::KmsOperation,
    operation::{Specification, parameter},
};
use csms_core::{RegionName, policy::Policy};
use csms_server::boot::settings::Settings;
use csms_server::services::functiongraph::FunctionOperation;
use csms_server::services::iam::tokens::TokenOperation;
use serde_json::{Value, json};

use crate::support::{self, Server};

async fn created(server: &Server, name: &str) -> Value {
    let answer = server.call("POST", &server.path("secrets"), json!({ "name": name, "secret_string": "s" })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["secret"].clone()
}

fn denying(actions: &[&str], condition: &Value) -> Vec<Policy> {
    let policy = json!({ "Version": "5.0", "Statement": [
        { "Effect": "Allow", "Action": ["csms:*:*", "kms:*:*"] },
        { "Effect": "Deny", "Action": actions, "Condition": condition },
    ]});
    vec![Policy::parse(&policy.to_string()).unwrap()]
}

#[tokio::test]
async fn scalars_of_the_other_type_are_understood() {
    let server = Server::start().await;
    let secret = created(&server, "s").await;
    let id = secret["id"].as_str().unwrap();
    let path = |rest: &str| server.path(rest);
    for (method, path, body, status) in [
        (
            "POST",
            path("csms/resource_instances/action"),
            json!({ "action": "filter", "limit": 1, "offset": 0, "tags": [{ "key": "foo", "values": ["bar"] }] }),
            200,
        ),
        ("POST", path("secrets/s/versions"), json!({ "secret_string": "y", "expire_time": "9999999999000" }), 200),
        ("POST", path("secrets/s/versions"), json!({ "secret_string": "y", "expire_time": 9.999_999e12 }), 200),
        (
            "POST",
            path("secrets/s/versions"),
            json!({ "secret_string": "y", "secret_binary": "", "expire_time": 0 }),
            200,
        ),
        ("PUT", path("secrets/s/versions/v1"), json!({ "expire_time": "9999999999000" }), 200),
        ("PUT", path("secrets/s"), json!({ "auto_rotation": "false" }), 200),
        ("POST", path("csms/generate-password"), json!({ "length": "16", "include_space": "true" }), 200),
        ("POST", path(&format!("csms/{id}/tags")), json!({ "tag": { "key": "a", "value": 1 } }), 204),
        ("POST", path("secrets/s/scheduled-deleted-tasks/create"), json!({ "recovery_window_in_days": 7.0 }), 200),
    ] {
        let answer = server.call(method, &path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let tags = server.call("GET", &path(&format!("csms/{id}/tags")), Value::Null).await;
    assert_eq!(tags.body["tags"], json!([{ "key": "a", "value": "1" }]));
    for body in [json!({ "name": 7, "secret_string": "s" }), json!({ "name": "n", "secret_string": 12345 })] {
        assert_eq!(server.call("POST", &path("secrets"), body).await.status, 400);
    }
}

#[tokio::test]
async fn keys_take_numbers_for_their_texts() {
    let server = Server::start().await;
    let path = |rest: &str| format!("/v1.0/{}/kms/{rest}", server.credentials.project_id);
    let key = server.call("POST", &path("create-key"), json!({ "key_alias": "k" })).await;
    let key = key.body["key_info"]["key_id"].as_str().unwrap();
    for (operation, body) in [
        ("list-keys", json!({ "key_state": 2, "marker": 0, "limit": 10 })),
        ("create-datakey", json!({ "key_id": key, "datakey_length": 512 })),
        ("gen-random", json!({ "random_data_length": 512 })),
        ("schedule-key-deletion", json!({ "key_id": key, "pending_days": 7 })),
    ] {
        let answer = server.call("POST", &path(operation), body).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    }
}

/// A policy sees the value that the operation uses, however it was written.
#[tokio::test]
async fn rights_are_judged_on_the_value_that_is_used() {
    let server = Server::start().await;
    let tagged = created(&server, "tagged").await;
    let tags = format!("csms/{}/tags", tagged["id"].as_str().unwrap());
    let denied = json!({ "StringEquals": { "g:RequestTag/a": ["1"] } });
    let key = server.make_user("tags", "a long password", denying(&["csms:secret:createTag"], &denied)).await.1;
    for value in [json!("1"), json!(1)] {
        let body = json!({ "tag": { "key": "a", "value": value } });
        assert_eq!(server.call_as(&key, "POST", &server.path(&tags), &body).await.status, 403, "{body}");
    }
    let denied = json!({ "StringEquals": { "g:EnterpriseProjectId": ["7"] } });
    let key = server.make_user("projects", "a long password", denying(&["csms:secret:create"], &denied)).await.1;
    for id in [json!("7"), json!(7)] {
        let body = json!({ "name": "n", "secret_string": "s", "enterprise_project_id": id });
        assert_eq!(server.call_as(&key, "POST", &server.path("secrets"), &body).await.status, 403, "{body}");
    }
    // Nothing but a text names a secret, so that a policy on the name sees every request.
    let body = json!({ "name": 7, "secret_string": "s" });
    assert_eq!(server.call_as(&key, "POST", &server.path("secrets"), &body).await.status, 400);
}

#[tokio::test]
async fn a_byte_order_mark_and_a_compressed_body_are_told_apart() {
    let server = Server::start().await;
    let send = async |headers: &[(&str, &str)], body: &[u8]| {
        let builder = server.signed(&server.key(), "POST", &server.path("secrets"), body);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        server.send(builder.body(Body::from(body.to_vec())).unwrap()).await
    };
    let marked = "\u{feff}{\"name\":\"n\",\"secret_string\":\"s\"}".as_bytes();
    assert_eq!(send(&[], marked).await.status, 200);
    let answer = send(&[("content-encoding", "gzip")], &[0x1f, 0x8b, 8]).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0004"));
    assert!(answer.body["error_msg"].as_str().unwrap().contains("Content-Encoding gzip is not supported"));
    let answer = send(&[("content-encoding", "identity"), ("content-encoding", "gzip")], &[0x1f, 0x8b, 8]).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0004"));
    let answer = send(&[("transfer-encoding", "gzip, chunked")], b"{}").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0003"));
    let answer = send(&[("x-sdk-content-sha256", "UNSIGNED-PAYLOAD")], b"{}").await;
    assert_eq!(answer.status, 401);
    assert!(answer.body["error_msg"].as_str().unwrap().contains("UNSIGNED-PAYLOAD"));
    // Refused by the head alone, it does not count as a guess.
    for _ in 0..6 {
        send(&[("x-sdk-content-sha256", "UNSIGNED-PAYLOAD")], b"{}").await;
    }
    created(&server, "still").await;
}

#[tokio::test]
async fn a_version_is_named_by_its_number_and_no_page_is_too_far() {
    let server = Server::start().await;
    let secret = created(&server, "s").await;
    for (version, wanted) in
        [("SYSCURRENT", (400, "CSMS.0002")), ("v01", (400, "CSMS.0002")), ("v2", (404, "CSMS.0005"))]
    {
        let path = server.path(&format!("secrets/s/versions/{version}"));
        let read = server.call("GET", &path, Value::Null).await;
        assert_eq!((read.status.as_u16(), read.code()), wanted, "{version}");
        let body = json!({ "expire_time": 9_999_999_999_000_u64 });
        let changed = server.call("PUT", &path, body).await;
        assert_eq!((changed.status.as_u16(), changed.code()), wanted, "{version}");
    }
    for (marker, count) in [("v0", 1), ("v00", 1), ("v01", 0)] {
        let listed =
            server.call("GET", &server.path(&format!("secrets/s/versions?marker={marker}")), Value::Null).await;
        assert_eq!(listed.body["version_metadatas"].as_array().map(Vec::len), Some(count), "{}", listed.body);
    }
    let action = json!({ "action": "filter", "offset": "10000" });
    let found = server.call("POST", &server.path("csms/resource_instances/action"), action).await;
    assert_eq!((found.status.as_u16(), &found.body["resources"]), (200, &json!([])), "{}", found.body);
    let password = json!({ "exclude_characters": 0 });
    assert_eq!(server.call("POST", &server.path("csms/generate-password"), password).await.status, 200);
    let id = secret["id"].as_str().unwrap().to_uppercase();
    assert_eq!(server.call("GET", &server.path(&format!("csms/{id}/tags")), Value::Null).await.status, 200);
    let grants = server.path(&format!("csms/grants?resource_id={id}"));
    assert_eq!(server.call("GET", &grants, Value::Null).await.status, 200);
    let body = json!({ "resource_id": id, "resource_type": "CSMS", "project_id": server.credentials.project_id });
    let moved = server.call("POST", "/v1.0/enterprise-projects/0/resources-migrate", body).await;
    assert_eq!(moved.status, 204, "{}", moved.body);
}

#[tokio::test]
async fn a_refusal_names_what_is_wrong_and_nothing_else() {
    let server = Server::start().await;
    let event = json!({
        "name": "e", "event_types": ["X"], "state": "ENABLED",
        "notification": { "target_type": "SMN", "target_id": "urn:smn:a:b", "target_name": "t" },
    });
    let action = json!({ "action": "filter", "offset": -1 });
    for (path, body, said, unsaid) in [
        ("csms/events", event, "event_types[0]", "at least"),
        ("csms/permissions/check", json!({ "actions": ["a:b:c"] }), "actions[0] must name", "is required"),
        ("csms/resource_instances/action", action, "offset must be a string of digits", "; "),
    ] {
        let answer = server.call("POST", &server.path(path), body).await;
        let message = answer.body["error_msg"].as_str().or(answer.body["error"]["error_msg"].as_str()).unwrap();
        assert_eq!(answer.status, 400, "{message}");
        assert!(message.contains(said) && !message.contains(unsaid), "{message}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_versions_reads_the_latest() {
    let server = Server::start().await;
    created(&server, "s").await;
    let answer = server.call("GET", &server.path("secrets/s/versions/"), Value::Null).await;
    assert_eq!((answer.status, &answer.body["version"]["secret_string"]), (StatusCode::OK, &json!("s")));
    let key = server.make_user("u", "a long password", denying(&["csms:secret:getVersion"], &json!({}))).await.1;
    let answer = server.call_as(&key, "GET", &server.path("secrets/s/versions/"), &Value::Null).await;
    assert_eq!(answer.status, 403);
    let answer = server.call("GET", "/v3//projects?name=local-1", Value::Null).await;
    assert_eq!((answer.status, answer.body["projects"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)));
}

/// All operations that a path with a variable leads to.
fn rows() -> Vec<Specification> {
    let own = Operation::ALL.iter().map(|operation| operation.specification());
    let of_keys = KmsOperation::ALL.iter().map(|operation| operation.specification());
    let of_users = IamOperation::ALL.iter().map(|operation| operation.specification());
    let of_traces = CtsOperation::ALL.iter().map(|operation| operation.specification());
    let of_functions = FunctionOperation::ALL.iter().map(|operation| operation.specification());
    let of_logins = TokenOperation::ALL.iter().map(|operation| operation.specification());
    own.chain(of_keys).chain(of_users).chain(of_traces).chain(of_functions).chain(of_logins).collect()
}

#[tokio::test]
async fn an_empty_variable_runs_no_other_operation() {
    let server = Server::start().await;
    created(&server, "restore").await;
    let project = server.credentials.project_id.clone();
    let mut tried = HashSet::new();
    for row in rows() {
        for empty in row.parameters() {
            let path = row.path.split('/').map(|segment| match parameter(segment) {
                Some(name) if name == empty => "",
                Some("project_id") => project.as_str(),
                Some("secret_name") => "restore",
                Some(_) => "tags",
                None => segment,
            });
            let path = path.collect::<Vec<_>>().join("/");
            let method = row.method.as_str();
            if !tried.insert((method, path.clone())) {
                continue;
            }
            let answer = server.call(method, &path, json!({})).await;
            if row.name == "ShowSecretVersion" && empty == "version_id" {
                assert_eq!(answer.status, 200, "{}", answer.body);
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (404, "APIGW.0101"),
                    "{} {method} {path}",
                    row.name
                );
            }
        }
    }
    assert_eq!(server.call("GET", &server.path("secrets/restore"), Value::Null).await.status, 200);
}

#[tokio::test]
async fn an_empty_header_of_a_project_counts_as_none() {
    let server = Server::start().await;
    let path = server.path("secrets");
    for (value, status) in [("", 200), ("0123456789abcdef0123456789abcdef", 403)] {
        let request = server.signed(&server.key(), "GET", &path, b"").header("x-project-id", value);
        assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status, status, "{value}");
    }
}

#[tokio::test]
async fn versions_made_at_one_instant_have_distinct_times() {
    let server = Server::start().await;
    created(&server, "s").await;
    let path = server.path("secrets/s/versions");
    let made = (0..15).map(|_| server.call("POST", &path, json!({ "secret_string": "y" })));
    for answer in futures_util::future::join_all(made).await {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let listed = server.call("GET", &path, Value::Null).await;
    let versions = listed.body["version_metadatas"].as_array().unwrap();
    let times: Vec<u64> = versions.iter().map(|version| version["create_time"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), 16);
    assert!(times.is_sorted_by(|one, next| one < next) || times.is_sorted_by(|one, next| one > next), "{times:?}");
    let current = |version: &&Value| version["version_stages"].as_array().unwrap().contains(&json!("SYSCURRENT"));
    assert_eq!(versions.iter().filter(current).count(), 1);
}

#[tokio::test]
async fn a_secret_moves_to_another_enterprise_project() {
    let server = Server::start().await;
    let secret = created(&server, "s").await;
    created(&server, "other").await;
    let project = server.credentials.project_id.clone();
    let body = json!({
        "resource_id": secret["id"], "resource_type": "csms", "region_id": "local-1", "project_id": project,
    });
    let path = |id: &str| format!("/v1.0/enterprise-projects/{id}/resources-migrate");
    let denied = json!({ "StringEquals": { "g:EnterpriseProjectId": ["eps-1"] } });
    let key = server.make_user("u", "a long password", denying(&["csms:secret:update"], &denied)).await.1;
    assert_eq!(server.call_as(&key, "POST", &path("eps-1"), &body).await.status, 403);
    assert_eq!(server.call_as(&key, "POST", &path("eps-2"), &body).await.status, 204);
    assert_eq!(server.call("POST", &path("eps-1"), body.clone()).await.status, 204);
    assert_eq!(server.call_as(&key, "POST", &path("eps-2"), &body).await.status, 403);
    let shown = server.call("GET", &server.path("secrets/s"), Value::Null).await;
    assert_eq!(shown.body["secret"]["enterprise_project_id"], "eps-1");
    for (filter, names) in
        [("eps-1", json!(["s"])), ("0", json!(["other"])), ("nope", json!([])), ("all", json!(["other", "s"]))]
    {
        let listed =
            server.call("GET", &server.path(&format!("secrets?enterprise_project_id={filter}")), Value::Null).await;
        let found: Vec<_> = listed.body["secrets"].as_array().unwrap().iter().map(|secret| &secret["name"]).collect();
        assert_eq!(json!(found), names, "{filter}");
    }
    let mut unknown = body.clone();
    unknown["resource_id"] = json!("00000000-0000-4000-8000-000000000000");
    let answer = server.call("POST", &path("eps-1"), unknown).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (404, "CSMS.0106"));
    let mut other = body;
    other["resource_type"] = json!("vpc");
    let answer = server.call("POST", &path("eps-1"), other).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body["error_msg"].as_str().unwrap().contains("resource_type"));
}

#[tokio::test]
async fn a_key_moves_to_another_enterprise_project() {
    let server = Server::start().await;
    let project = server.credentials.project_id.clone();
    let kms = |operation: &str| format!("/v1.0/{project}/kms/{operation}");
    let made = server.call("POST", &kms("create-key"), json!({ "key_alias": "k" })).await;
    let id = made.body["key_info"]["key_id"].clone();
    let body = json!({ "resource_id": id, "resource_type": "kms", "region_id": "local-1", "project_id": project });
    let path = |id: &str| format!("/v1.0/enterprise-projects/{id}/resources-migrate");
    let denied = json!({ "StringEquals": { "g:EnterpriseProjectId": ["eps-1"] } });
    let key = server.make_user("u", "a long password", denying(&["kms:cmk:update"], &denied)).await.1;
    assert_eq!(server.call_as(&key, "POST", &path("eps-1"), &body).await.status, 403);
    assert_eq!(server.call_as(&key, "POST", &path("eps-2"), &body).await.status, 204);
    assert_eq!(server.call("POST", &path("eps-1"), body.clone()).await.status, 204);
    assert_eq!(server.call_as(&key, "POST", &path("eps-2"), &body).await.status, 403);
    let shown = server.call("POST", &kms("describe-key"), json!({ "key_id": id })).await;
    assert_eq!(shown.body["key_info"]["sys_enterprise_project_id"], "eps-1");
    let mut unknown = body.clone();
    unknown["resource_id"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(server.call("POST", &path("eps-1"), unknown).await.status, 404);
    server.call("POST", &kms("schedule-key-deletion"), json!({ "key_id": id, "pending_days": "7" })).await;
    assert_eq!(server.call("POST", &path("eps-2"), body).await.status, 400);
}

#[tokio::test]
async fn the_secrets_and_keys_of_an_enterprise_project_are_found() {
    let server = Server::start().await;
    let project = server.credentials.project_id.clone();
    for (name, enterprise) in [("a", "eps-1"), ("b", "eps-1"), ("c", "eps-2")] {
        let body = json!({ "name": name, "secret_string": "x", "enterprise_project_id": enterprise });
        server.call("POST", &server.path("secrets"), body).await;
        let body = json!({ "key_alias": name, "enterprise_project_id": enterprise });
        server.call("POST", &format!("/v1.0/{project}/kms/create-key"), body).await;
    }
    let path = "/v1.0/enterprise-projects/eps-1/resources/filter";
    let body = |more: &Value| {
        let mut body = json!({ "projects": [project], "resource_types": ["csms", "kms"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let found = |answer: &Value| -> Vec<String> {
        let resources = answer["resources"].as_array().unwrap().iter();
        let words = resources.map(|found| [&found["resource_type"], &found["resource_name"]].map(Value::as_str));
        words.map(|[kind, name]| format!("{} {}", kind.unwrap(), name.unwrap())).collect()
    };
    for (more, wanted, total) in [
        (json!({}), vec!["csms a", "csms b", "kms a", "kms b"], 4),
        (json!({ "resource_types": ["kms"] }), vec!["kms a", "kms b"], 2),
        (json!({ "limit": 2, "offset": "1" }), vec!["csms b", "kms a"], 4),
        (json!({ "limit": 1000, "offset": 4 }), vec![], 4),
        (json!({ "matches": [{ "key": "resource_name", "value": "B" }] }), vec!["csms b", "kms b"], 2),
    ] {
        let answer = server.call("POST", path, body(&more)).await;
        assert_eq!(
            (found(&answer.body), answer.body["total_count"].as_u64()),
            (wanted.iter().map(ToString::to_string).collect(), Some(total)),
            "{more}"
        );
    }
    let answer = server.call("POST", path, body(&json!({ "resource_types": ["csms"] }))).await;
    let shown = server.call("GET", &server.path("secrets/a"), Value::Null).await;
    let expected = json!({
        "enterprise_project_id": "eps-1", "project_id": project, "project_name": "local-1",
        "resource_id": shown.body["secret"]["id"], "resource_name": "a", "resource_type": "csms",
    });
    assert_eq!(answer.body["resources"][0], expected);
    let policy = json!({ "Version": "5.0", "Statement": [{ "Effect": "Allow", "Action": ["csms:secret:list"] }] });
    let policy = Policy::parse(&policy.to_string()).unwrap();
    let key = server.make_user("u", "a long password", vec![policy]).await.1;
    let of_secrets = body(&json!({ "resource_types": ["csms"] }));
    assert_eq!(server.call_as(&key, "POST", path, &of_secrets).await.status, 200);
    assert_eq!(server.call_as(&key, "POST", path, &body(&json!({}))).await.status, 403);
}

#[tokio::test]
async fn resources_behind_the_page_are_counted_and_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let regions = ["home", "away"].map(|name| RegionName::parse(name).unwrap()).to_vec();
    let settings = Settings { regions, ..support::settings(directory.path()) };
    let server = support::open_with(&settings).await.unwrap();
    let projects: Vec<_> = server.app.identity.regions.iter().map(|region| region.project.to_string()).collect();
    for project in &projects {
        let body = json!({ "name": "db", "secret_string": "x", "enterprise_project_id": "eps-1" });
        assert_eq!(server.call("POST", &format!("/v1/{project}/secrets"), body).await.status, 200);
    }
    let database = rusqlite::Connection::open(directory.path().join("csms.db")).unwrap();
    let damage = "UPDATE secrets SET document = 'damaged' WHERE project = ?1";
    assert_eq!(database.execute(damage, [&projects[1]]).unwrap(), 1);
    let found = async |limit: u32| {
        let body = json!({ "projects": projects, "resource_types": ["csms"], "limit": limit });
        server.call("POST", "/v1.0/enterprise-projects/eps-1/resources/filter", body).await
    };
    let page = found(1).await;
    assert_eq!((page.status.as_u16(), &page.body["total_count"]), (200, &json!(2)));
    assert_eq!(found(2).await.status, 500);
}

#[tokio::test]
async fn a_taken_name_says_that_its_secret_waits_for_deletion() {
    let server = Server::start().await;
    created(&server, "s").await;
    let again = json!({ "name": "s", "secret_string": "y" });
    let text = |body: &Value| body["error_msg"].as_str().unwrap_or_default().to_owned();
    let answer = server.call("POST", &server.path("secrets"), again.clone()).await;
    assert!(answer.code() == "CSMS.0101" && !text(&answer.body).contains("deletion"), "{}", answer.body);
    let window = json!({ "recovery_window_in_days": 7 });
    server.call("POST", &server.path("secrets/s/scheduled-deleted-tasks/create"), window).await;
    let answer = server.call("POST", &server.path("secrets"), again.clone()).await;
    assert!(answer.code() == "CSMS.0101" && text(&answer.body).contains("waits for its deletion"), "{}", answer.body);
    let imported = server.call("POST", &server.path("secrets/batch-import"), json!({ "secrets": [again] })).await;
    assert!(text(&imported.body["error_list"][0]).contains("waits for its deletion"), "{}", imported.body);
}

#[tokio::test]
async fn a_project_has_at_most_thirty_events() {
    let server = Server::start().await;
    let event = |number: usize| {
        json!({
            "name": format!("e{number}"), "event_types": ["SECRET_DELETED"], "state": "ENABLED",
            "notification": { "target_type": "SMN", "target_id": "urn:smn:local-1:t", "target_name": "t" },
        })
    };
    for number in 0..30 {
        let answer = server.call("POST", &server.path("csms/events"), event(number)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let answer = server.call("POST", &server.path("csms/events"), event(30)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "CSMS.0209"));
    assert!(answer.body["error"]["error_msg"].as_str().unwrap().contains("30"));
}

#[tokio::test]
async fn a_page_of_one_task_is_taken_as_one() {
    let server = Server::start().await;
    let id = "22222222-2222-4222-8222-222222222222";
    for (query, status) in
        [("limit=50", 200), (&*format!("limit=50&marker={id}"), 200), ("secret_name=s", 400), ("status=SUCCESS", 400)]
    {
        let answer = server.call("GET", &server.path(&format!("csms/tasks?task_id={id}&{query}")), Value::Null).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_greatest_value_and_the_functions_are_told() {
    let server = Server::start().await;
    let config = server.call("GET", &server.path("secrets/checker/config"), Value::Null).await;
    assert_eq!(config.body["max_value_bytes"], 32_768);
    let functions = format!("/v2/{}/fgs/functions?maxitems=10", server.credentials.project_id);
    let answer = server.call("GET", &functions, Value::Null).await;
    assert_eq!(answer.body, json!({ "functions": [], "next_marker": 0, "count": 0 }));
    let nobody = server.make_user("u", "a long password", Vec::new()).await.1;
    assert_eq!(server.call_as(&nobody, "GET", &functions, &Value::Null).await.status, 403);
}
