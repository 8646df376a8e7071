//! Several secrets at once, passwords, and stages made by name.

use crate::support::{Answer, Server};
use axum::http::StatusCode;
use csms_core::policy::Policy;
use serde_json::{Value, json};

async fn post(server: &Server, path: &str, body: Value) -> Answer {
    server.call("POST", &server.path(path), body).await
}

async fn create(server: &Server, body: Value) {
    let answer = post(server, "secrets", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn the_current_values_of_several_secrets_are_read_in_the_order_asked_for() {
    let server = Server::start().await;
    for name in ["a", "b"] {
        create(&server, json!({ "name": name, "secret_string": format!("old {name}") })).await;
        post(&server, &format!("secrets/{name}/versions"), json!({ "secret_string": format!("new {name}") })).await;
    }
    let answer = post(&server, "secrets/batch-get-secret-value", json!({ "secret_name_list": ["b", "a"] })).await;
    assert_eq!((answer.status, &answer.body["total_count"]), (StatusCode::OK, &json!(2)));
    let values: Vec<_> = (0..2).map(|at| answer.body["versions"][at]["secret_string"].clone()).collect();
    assert_eq!(values, ["new b", "new a"]);
    assert_eq!(answer.body["versions"][0]["version_metadata"]["secret_name"], "b");
    let none = post(&server, "secrets/batch-get-secret-value", Value::Null).await;
    assert_eq!(none.body, json!({ "total_count": 0, "versions": [] }));
}

#[tokio::test]
async fn one_secret_that_cannot_be_read_refuses_the_whole_batch_and_is_named() {
    let server = Server::start().await;
    create(&server, json!({ "name": "a", "secret_string": "value" })).await;
    let answer = post(&server, "secrets/batch-get-secret-value", json!({ "secret_name_list": ["a", "absent"] })).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "CSMS.0106"));
    assert!(answer.body["error_msg"].as_str().unwrap().ends_with("(secret_name_list[1])"), "{}", answer.body);
}

#[tokio::test]
async fn a_batch_needs_the_right_to_each_of_its_secrets() {
    let server = Server::start().await;
    for name in ["mine", "other"] {
        create(&server, json!({ "name": name, "secret_string": "value" })).await;
    }
    let resource = Some(vec!["CSMS:*:*:secretName:mine*".to_owned()]);
    let actions =
        vec!["csms:secret:getVersion".to_owned(), "csms:secret:create".to_owned(), "csms:tag:list".to_owned()];
    let key = server.temporary(Policy::allow(actions, resource));
    let read = async |names: Value| {
        let body = json!({ "secret_name_list": names });
        server.call_as(&key, "POST", &server.path("secrets/batch-get-secret-value"), &body).await.status
    };
    assert_eq!(read(json!(["mine"])).await, StatusCode::OK);
    assert_eq!(read(json!(["mine", "other"])).await, StatusCode::FORBIDDEN);
    let import = async |name: &str| {
        let body = json!({ "secrets": [{ "name": name, "secret_string": "value" }] });
        server.call_as(&key, "POST", &server.path("secrets/batch-import"), &body).await.status
    };
    assert_eq!(import("mine-too").await, StatusCode::OK);
    assert_eq!(import("others").await, StatusCode::FORBIDDEN);
    for (name, expected) in [("mine", StatusCode::OK), ("other", StatusCode::FORBIDDEN)] {
        let shown = server.call("GET", &server.path(&format!("secrets/{name}")), Value::Null).await;
        let path = server.path(&format!("csms/{}/tags", shown.body["secret"]["id"].as_str().unwrap()));
        assert_eq!(server.call_as(&key, "GET", &path, &Value::Null).await.status, expected, "{name}");
    }
}

#[tokio::test]
async fn an_import_creates_what_it_can_and_says_why_the_rest_failed() {
    let server = Server::start().await;
    create(&server, json!({ "name": "taken", "secret_string": "value" })).await;
    let body = json!({ "secrets": [
        { "name": "one", "secret_string": "1" }, { "name": "taken", "secret_string": "2" },
        { "name": "no value" }, { "name": "one", "secret_string": "3" }, { "name": "two", "secret_string": "4" },
    ]});
    let answer = post(&server, "secrets/batch-import", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let counts = ["total", "success", "failed"].map(|name| answer.body[name].as_u64().unwrap());
    assert_eq!(counts, [5, 2, 3]);
    let failed: Vec<_> = (0..3).map(|at| answer.body["error_list"][at]["name"].clone()).collect();
    assert_eq!(failed, ["taken", "no value", "one"]);
    let read = post(&server, "secrets/batch-get-secret-value", json!({ "secret_name_list": ["one"] })).await;
    assert_eq!(read.body["versions"][0]["secret_string"], "1");
}

#[tokio::test]
async fn the_secrets_of_an_instance_are_deleted_and_no_others() {
    let server = Server::start().await;
    for (name, instance, kind) in [("a", "i1", "RDS-FG"), ("b", "i1", "GaussDB-FG"), ("c", "i2", "RDS-FG")] {
        let config = json!({ "InstanceId": instance, "SecretSubType": "SingleUser" }).to_string();
        let body = json!({ "name": name, "secret_string": "x", "secret_type": kind, "rotation_config": config });
        create(&server, body).await;
    }
    create(&server, json!({ "name": "plain", "secret_string": "x" })).await;
    let delete = async |body: Value| post(&server, "secrets/batch-delete", body).await;
    assert_eq!(delete(json!({})).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(delete(json!({ "instance_id": "i1", "instance_type": "APIG" })).await.body["total"], 0);
    let answer = delete(json!({ "instance_id": "i1", "instance_type": "RDS" })).await;
    assert_eq!(answer.body, json!({ "total": 1, "success_secrets": ["a"], "failed_secrets": [] }));
    assert_eq!(delete(json!({ "instance_id": "i1" })).await.body["success_secrets"], json!(["b"]));
    let left = server.call("GET", &server.path("secrets"), Value::Null).await;
    assert_eq!(left.body["page_info"]["current_count"], 2);
}

#[tokio::test]
async fn secrets_may_be_named_like_operations() {
    let server = Server::start().await;
    for name in ["batch-import", "batch-get-secret-value", "batch-delete", "checker", "restore"] {
        create(&server, json!({ "name": name, "secret_string": "value" })).await;
        let path = server.path(&format!("secrets/{name}"));
        assert_eq!(server.call("GET", &path, Value::Null).await.body["secret"]["name"], name);
        let stage = server.call("GET", &format!("{path}/stages/SYSCURRENT"), Value::Null).await;
        assert_eq!(stage.status, StatusCode::OK, "{name}");
        assert_eq!(server.call("DELETE", &path, Value::Null).await.status, StatusCode::OK, "{name}");
    }
    let none = post(&server, "secrets/unknown-word", json!({})).await;
    assert_eq!((none.status, none.code()), (StatusCode::NOT_FOUND, "APIGW.0101"));
}

#[tokio::test]
async fn a_stage_is_made_by_name() {
    let server = Server::start().await;
    create(&server, json!({ "name": "demo", "secret_string": "value" })).await;
    let made = post(&server, "secrets/demo/stages", json!({ "name": "blue", "version_id": "v1" })).await;
    assert_eq!((made.status, &made.body["stage"]["version_id"]), (StatusCode::OK, &json!("v1")));
    let missing = post(&server, "secrets/demo/stages", json!({ "name": "blue", "version_id": "v9" })).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "CSMS.0005"));
    let wrong = post(&server, "secrets/de.mo/stages", json!({ "name": "no stage" })).await;
    let text = wrong.body["error_msg"].as_str().unwrap();
    assert!(["secret_name", "version_id", "name"].iter().all(|part| text.contains(part)), "{text}");
}

#[tokio::test]
async fn passwords_are_drawn_as_asked_for() {
    let server = Server::start().await;
    let draw = async |body: Value| post(&server, "csms/generate-password", body).await;
    let password = |answer: &Answer| answer.body["password"].as_str().unwrap().to_owned();
    let usual = draw(Value::Null).await;
    assert_eq!((usual.status, password(&usual).len()), (StatusCode::OK, 32));
    let digits = draw(json!({
        "length": 12, "exclude_lowercase": true, "exclude_uppercase": true, "exclude_punctuation": true,
        "exclude_characters": "01",
    }));
    let digits = password(&digits.await);
    assert!(digits.len() == 12 && digits.chars().all(|c| ('2'..='9').contains(&c)), "{}", digits.len());
    let wrong = draw(json!({ "length": 0 })).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
}

#[tokio::test]
async fn a_password_is_judged_unless_the_project_switches_that_off() {
    let server = Server::start().await;
    let judge = async |secret: &str| {
        let body = json!({ "type": "password", "data": { "secret": secret, "user_name": "app" } });
        let answer = post(&server, "secrets/checker/check", body).await;
        assert_eq!((answer.status, &answer.body["type"]), (StatusCode::OK, &json!("password")));
        answer.body["data"].clone()
    };
    assert_eq!(judge("hunter2").await["strength"], "weak");
    assert!(judge("hunter2").await["reasons"].as_array().unwrap().len() >= 2);
    let config = server.path("secrets/checker/config");
    let shown = async || server.call("GET", &config, Value::Null).await.body["checking_secret_strength"].clone();
    assert_eq!(shown().await, true);
    let switched = server.call("POST", &config, json!({ "checking_secret_strength": false })).await;
    assert_eq!((switched.status, &switched.body["checking_secret_strength"]), (StatusCode::OK, &json!(false)));
    assert_eq!(shown().await, false);
    assert_eq!(judge("hunter2").await, json!({ "strength": "unchecked", "reasons": [] }));
}

#[tokio::test]
async fn each_entry_of_an_import_is_judged_by_what_it_says_itself() {
    let server = Server::start().await;
    let text = r#"{"Version":"5.0","Statement":[
        {"Effect":"Allow","Action":["csms:secret:create"],"Condition":{"StringEquals":{"csms:Type":"COMMON"}}}]}"#;
    let key = server.temporary(Policy::parse(text).unwrap());
    let import = async |entries: Value| {
        let body = json!({ "secrets": entries });
        server.call_as(&key, "POST", &server.path("secrets/batch-import"), &body).await.status
    };
    let common = json!({ "name": "a", "secret_string": "s", "secret_type": "COMMON" });
    let rotated = json!({ "name": "a", "secret_string": "s", "secret_type": "RDS-FG" });
    assert_eq!(import(json!([common, rotated])).await, StatusCode::FORBIDDEN);
    assert_eq!(import(json!([{ "secret_string": "s" }, rotated])).await, StatusCode::FORBIDDEN);
    let absent = server.call("GET", &server.path("secrets/a"), Value::Null).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    assert_eq!(import(json!([common, common])).await, StatusCode::OK);
}
