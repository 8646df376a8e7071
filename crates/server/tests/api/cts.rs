//! The audit trail as traces.

use crate::support::{Answer, Server};
use axum::http::StatusCode;
use csms_core::policy::Policy;
use serde_json::{Value, json};

async fn traces(server: &Server, query: &str) -> Answer {
    let uri = format!("/v3/{}/traces?trace_type=system{query}", server.credentials.project_id);
    server.call("GET", &uri, Value::Null).await
}

async fn names(server: &Server, query: &str) -> Vec<String> {
    let answer = traces(server, query).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let traces = answer.body["traces"].as_array().unwrap();
    assert_eq!(answer.body["meta_data"]["count"], traces.len());
    traces.iter().map(|trace| trace["trace_name"].as_str().unwrap().to_owned()).collect()
}

/// Makes a secret (and with it the default key), reads it, has a read refused, and makes a key and a user.
async fn busy() -> Server {
    let server = Server::start().await;
    let body = json!({ "name": "db", "secret_string": "hunter2" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let value = server.path("secrets/db/versions/latest");
    assert_eq!(server.call("GET", &value, Value::Null).await.status, StatusCode::OK);
    server.app.trail.flush().await.unwrap();
    let limited = server.temporary(Policy::allow(vec!["csms:secret:list".to_owned()], None));
    assert_eq!(server.call_as(&limited, "GET", &value, &Value::Null).await.status, StatusCode::FORBIDDEN);
    server.app.trail.flush().await.unwrap();
    let keys = format!("/v1.0/{}/kms/create-key", server.credentials.project_id);
    assert_eq!(server.call("POST", &keys, json!({ "key_alias": "mine" })).await.status, StatusCode::OK);
    let user = json!({ "name": "alice", "enabled": true });
    assert_eq!(server.call("POST", "/v5/users", user).await.status, StatusCode::CREATED);
    server
}

#[tokio::test]
async fn traces_come_newest_first_and_page_by_page() {
    let server = busy().await;
    let all = [
        "CreateUserV5",
        "CreateKey",
        "ShowSecretVersion",
        "ShowSecretVersion",
        "CreateSecret",
        "CreateKey",
        "CreateUser",
        "OpenTrail",
    ];
    assert_eq!(names(&server, "").await, all);
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = traces(&server, &format!("&limit=4{next}")).await.body;
        found.extend(page["traces"].as_array().unwrap().iter().map(|trace| trace["trace_name"].clone()));
        let Some(marker) = page["meta_data"]["marker"].as_str() else { break };
        next = format!("&next={marker}");
    }
    assert_eq!(found, all);
}

#[tokio::test]
async fn a_trace_says_who_did_what_with_what_and_no_value() {
    let server = busy().await;
    let body = traces(&server, "&trace_name=CreateSecret").await.body;
    let trace = &body["traces"][0];
    assert_eq!((&trace["resource_type"], &trace["resource_name"]), (&json!("secret"), &json!("db")));
    assert_eq!((&trace["user"]["name"], &trace["service_type"]), (&json!("admin"), &json!("CSMS")));
    assert_eq!(
        (&trace["code"], &trace["trace_rating"], &trace["read_only"]),
        (&json!("200"), &json!("normal"), &json!(false))
    );
    assert_eq!(trace["trace_type"], "ApiCall");
    assert_eq!(trace["request_id"].as_str().unwrap().len(), 32);
    let by_id = traces(&server, &format!("&from=1&to=2&trace_id={}", trace["trace_id"].as_str().unwrap())).await.body;
    assert_eq!(by_id["traces"], json!([trace]));

    let refused = traces(&server, "&trace_rating=warning").await.body;
    assert_eq!(refused["meta_data"]["count"], 1);
    let refused = &refused["traces"][0];
    assert_eq!((&refused["user"]["name"], &refused["code"]), (&json!("temporary"), &json!("403")));
    assert!(refused["message"].as_str().unwrap().contains("CSMS.0302"));
    assert!(!traces(&server, "").await.body.to_string().contains("hunter2"));
}

#[tokio::test]
async fn traces_are_narrowed_by_what_is_asked() {
    let server = busy().await;
    for (query, expected) in [
        ("&user=temporary", &["ShowSecretVersion"][..]),
        ("&user=nobody", &[]),
        ("&resource_name=db", &["ShowSecretVersion", "ShowSecretVersion", "CreateSecret"]),
        ("&resource_name=alice", &["CreateUserV5"]),
        ("&trace_name=CreateKey", &["CreateKey", "CreateKey"]),
        ("&service_type=KMS", &["CreateKey", "CreateKey"]),
        ("&service_type=IAM", &["CreateUserV5", "CreateUser"]),
        ("&service_type=KMS&trace_name=CreateSecret", &[]),
        ("&service_type=CSMS&user=admin&trace_rating=normal", &["ShowSecretVersion", "CreateSecret"]),
        ("&trace_id=999999", &[]),
        ("&from=1000000000000&to=1000000000001", &[]),
    ] {
        assert_eq!(names(&server, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn traces_older_than_an_hour_are_shown_when_they_are_asked_for() {
    let server = busy().await;
    server.clock.advance(2 * 3_600_000);
    assert_eq!(names(&server, "").await, [""; 0]);
    assert_eq!(names(&server, "&from=1").await.len(), 8);
}

#[tokio::test]
async fn another_project_sees_only_what_belongs_to_none() {
    let server = busy().await;
    let project = csms_core::ProjectId::parse("f".repeat(32)).unwrap();
    let key = server.temporary_in(&project, Policy::administrator());
    let uri = format!("/v3/{}/traces", "f".repeat(32));
    let body = server.call_as(&key, "GET", &uri, &Value::Null).await.body;
    let names: Vec<_> = body["traces"].as_array().unwrap().iter().map(|trace| trace["trace_name"].clone()).collect();
    assert_eq!(names, ["CreateUserV5", "CreateUser", "OpenTrail"]);
    let foreign = traces(&server, "&trace_name=CreateSecret").await.body["traces"][0]["trace_id"].clone();
    let uri = format!("{uri}?trace_id={}", foreign.as_str().unwrap());
    assert_eq!(server.call_as(&key, "GET", &uri, &Value::Null).await.body["meta_data"]["count"], 0);
}

#[tokio::test]
async fn traces_need_their_own_right() {
    let server = Server::start().await;
    let uri = format!("/v3/{}/traces", server.credentials.project_id);
    let status = async |action: &str| {
        let key = server.temporary(Policy::allow(vec![action.to_owned()], None));
        server.call_as(&key, "GET", &uri, &Value::Null).await.status
    };
    assert_eq!(status("csms:*").await, StatusCode::FORBIDDEN);
    assert_eq!(status("cts:trace:list").await, StatusCode::OK);
}

#[tokio::test]
async fn bad_questions_are_refused_with_every_problem() {
    let server = Server::start().await;
    let answer = traces(&server, "&limit=0&from=x&resource_type=secret").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    let message = answer.body["error_msg"].as_str().unwrap();
    assert!(["limit", "from", "resource_type"].iter().all(|word| message.contains(word)), "{message}");
}
