//! The check of rights says what the operations then do.

use std::collections::BTreeSet;

use crate::support::{Key, Server};
use axum::http::StatusCode;
use csms_api::{Operation, vocabulary::rights};
use csms_core::policy::Policy;
use csms_store::{AccessChange, Store as _, UserRecord};
use serde_json::{Value, json};

fn temporary(server: &Server, policy: &str) -> Key {
    server.temporary(Policy::parse(policy).unwrap())
}

async fn check(server: &Server, key: &Key, body: Value) -> Value {
    let answer = server.call_as(key, "POST", &server.path("csms/permissions/check"), &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn every_action_is_allowed_to_the_administrator_and_denied_by_default() {
    let server = Server::start().await;
    let needed = Operation::ALL.iter().filter(|operation| !operation.needs_no_action());
    let mut named = BTreeSet::new();
    let each = needed.map(|operation| operation.specification().actions[0]);
    let mut actions: Vec<_> = each.filter(|action| named.insert(*action)).collect();
    actions.extend(["kms:cmk:create", "iam:users:attachPolicyV5", "iam:policies:createV5", "cts:trace:list"]);
    let all = check(&server, &server.key(), json!({ "actions": actions })).await;
    assert_eq!(all, json!({ "allowed": actions, "denied": [] }));
    let none = temporary(&server, r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["obs:*"]}]}"#);
    let denied = check(&server, &none, json!({ "actions": actions })).await;
    assert_eq!(denied, json!({ "allowed": [], "denied": actions }));
}

#[tokio::test]
async fn a_star_asks_about_every_action_that_policies_may_name() {
    let server = Server::start().await;
    let answer = check(&server, &server.key(), json!({ "actions": ["*"] })).await;
    let names: BTreeSet<_> = rights().map(|right| right.actions[0]).collect();
    assert_eq!(answer, json!({ "allowed": names, "denied": [] }));
    let one = json!({ "actions": ["iam:agencies:assume", "STS:agencies:assume"] });
    assert_eq!(
        check(&server, &server.key(), one).await,
        json!({ "allowed": ["iam:agencies:assume", "STS:agencies:assume"], "denied": [] })
    );
    let deploy = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["iam:agencies:*"],"Resource":["iam::*:agency:deploy"]}]}"#;
    let of_policy = json!({ "actions": ["iam:agencies:assume"], "policy_document": deploy });
    let answer = check(&server, &server.key(), of_policy).await;
    assert_eq!(answer["depends"], json!([{ "action": "iam:agencies:assume", "on": ["Resource"] }]), "{answer}");
}

#[tokio::test]
async fn the_answer_is_about_the_secret_and_goes_by_its_tags() {
    let server = Server::start().await;
    for name in ["mine", "locked", "other"] {
        let body = json!({ "name": name, "secret_string": "s" });
        assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    }
    let id = server.call("GET", &server.path("secrets/locked"), Value::Null).await.body["secret"]["id"].clone();
    let tag = json!({ "tag": { "key": "stage", "value": "production" } });
    let uri = server.path(&format!("csms/{}/tags", id.as_str().unwrap()));
    assert_eq!(server.call("POST", &uri, tag).await.status, StatusCode::NO_CONTENT);
    let key = temporary(
        &server,
        r#"{"Version":"5.0","Statement":[
            {"Effect":"Allow","Action":["csms:secret:get*"],
             "Resource":["csms:*:*:secretName:mine","csms:*:*:secretName:locked"]},
            {"Effect":"Deny","Action":["csms:secret:getVersion"],
             "Condition":{"StringEquals":{"g:ResourceTag/stage":["production"]}}}]}"#,
    );
    for (secret, get, read) in [("mine", true, true), ("locked", true, false), ("other", false, false)] {
        let actions = ["csms:secret:get", "csms:secret:getVersion"];
        let answer = check(&server, &key, json!({ "actions": actions, "secret_name": secret })).await;
        let allowed: Vec<_> =
            actions.iter().zip([get, read]).filter(|(_, may)| *may).map(|(action, _)| action).collect();
        assert_eq!(answer["allowed"], json!(allowed), "{secret}");
        for (path, may) in [(format!("secrets/{secret}"), get), (format!("secrets/{secret}/versions/latest"), read)] {
            let status = server.call_as(&key, "GET", &server.path(&path), &Value::Null).await.status;
            assert_eq!(status != StatusCode::FORBIDDEN, may, "{path}");
        }
    }
}

#[tokio::test]
async fn an_older_name_of_an_action_counts_as_for_the_operation() {
    let server = Server::start().await;
    let text = r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["csms:secretVersion:get"]}]}"#;
    let key = temporary(&server, text);
    let body = json!({ "actions": ["csms:secret:getVersion", "csms:secret:update"], "secret_name": "db" });
    let answer = check(&server, &key, body).await;
    assert_eq!(answer, json!({ "allowed": ["csms:secret:getVersion"], "denied": ["csms:secret:update"] }));
}

#[tokio::test]
async fn a_question_that_is_not_understood_is_refused_whole() {
    let server = Server::start().await;
    let body = json!({ "actions": ["csms:secret:list", "csms:secret:lisst"], "secret_name": "a/b" });
    let answer = server.call("POST", &server.path("csms/permissions/check"), body).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    let message = answer.body["error_msg"].as_str().unwrap();
    assert!(message.contains("actions[1]") && message.contains("secret_name"), "{message}");
    let other = format!("/v1/{}/csms/permissions/check", "f".repeat(32));
    let answer = server.call("POST", &other, json!({ "actions": ["csms:secret:list"] })).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_pattern_asks_about_every_action_that_it_matches() {
    let server = Server::start().await;
    let all = check(&server, &server.key(), json!({ "actions": ["*"] })).await;
    let allowed: Vec<_> = all["allowed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for action in ["csms:secret:getVersion", "kms:cmk:create", "iam:policies:createV5", "cts:trace:list"] {
        assert_eq!(allowed.iter().filter(|allowed| **allowed == action).count(), 1, "{action} in {allowed:?}");
    }
    assert_eq!(all["denied"], json!([]));
    let body = json!({ "actions": ["csms:secret:list", "csms:secret:list*"] });
    let lists = check(&server, &server.key(), body).await;
    let lists = lists["allowed"].as_array().unwrap();
    assert_eq!(lists[0], "csms:secret:list");
    assert!(lists.iter().filter(|action| **action == "csms:secret:list").count() == 1, "{lists:?}");
    let none = server.call("POST", &server.path("csms/permissions/check"), json!({ "actions": ["obs:*"] })).await;
    assert_eq!((none.status, none.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
}

#[tokio::test]
async fn a_policy_that_nobody_has_is_judged_instead_of_the_callers() {
    let server = Server::start().await;
    let body = json!({ "name": "team-a-db", "secret_string": "s" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let policy = r#"{"Version":"5.0","Statement":[
        {"Effect":"Allow","Action":["csms:secret:get*"],"Resource":["csms:*:*:secretName:team-a-*"]},
        {"Effect":"Allow","Action":["csms:secret:update"],
         "Condition":{"StringEquals":{"g:ResourceTag/stage":["test"]}}},
        {"Effect":"Deny","Action":["csms:secret:getVersion"],"Resource":["csms:*:*:secretName:team-a-root"]}]}"#;
    let actions = ["csms:secret:getVersion", "csms:secret:update", "csms:secret:delete"];
    let asked = |name: Option<&str>| {
        let mut body = json!({ "actions": actions, "policy_document": policy });
        if let Some(name) = name {
            body["secret_name"] = json!(name);
        }
        body
    };
    let update = json!({ "action": "csms:secret:update", "on": ["g:ResourceTag/stage"] });
    // Whoever asks, and whatever is stored under the name.
    let nobody = temporary(&server, r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["obs:*"]}]}"#);
    for key in [server.key(), nobody] {
        for (name, may_read) in [("team-a-db", true), ("team-a-root", false), ("other", false)] {
            let found = check(&server, &key, asked(Some(name))).await;
            assert_eq!(found["allowed"] == json!(["csms:secret:getVersion"]), may_read, "{name}: {found}");
            assert_eq!(found["depends"], json!([update]), "{name}");
        }
        let found = check(&server, &key, asked(None)).await;
        assert_eq!(found["depends"][0], json!({ "action": "csms:secret:getVersion", "on": ["Resource"] }));
        assert_eq!(found["denied"], json!(["csms:secret:delete"]));
    }
}

#[tokio::test]
async fn a_policy_that_could_not_be_stored_is_not_judged() {
    let server = Server::start().await;
    for document in ["{", r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:secret:gett"]}]}"#] {
        let body = json!({ "actions": ["*"], "policy_document": document });
        let answer = server.call("POST", &server.path("csms/permissions/check"), body).await;
        let stored = json!({ "policy_name": "p", "policy_document": document });
        let refused = server.call("POST", "/v5/policies", stored).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{document}");
        assert_eq!(answer.body["error_msg"], refused.body["error_msg"], "{document}");
    }
}

#[tokio::test]
async fn a_whole_request_is_judged_as_the_route_would_however_it_is_spelt() {
    let server = Server::start().await;
    let body = json!({ "name": "db", "secret_string": "s" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let check_itself = server.path("csms/permissions/check");
    let question = json!({ "actions": ["csms:secret:list"] });
    let nested = json!({ "requests": [{ "method": "POST", "path": check_itself, "body": question }] });
    let secrets = server.path("secrets");
    for (method, path, body) in [
        ("GET", format!("{secrets}/db"), Value::Null),
        ("HEAD", format!("{secrets}/db"), Value::Null),
        ("HEAD", format!("{secrets}/db/versions/"), Value::Null),
        ("GET", format!("{secrets}/db/versions/"), Value::Null),
        ("GET", format!("/{secrets}/db"), Value::Null),
        ("HEAD", "/v3/auth/catalog".to_owned(), Value::Null),
        ("GET", format!("{secrets}/%ff"), Value::Null),
        ("HEAD", format!("{secrets}/%ff"), Value::Null),
        ("GET", "/v5/users/%ff".to_owned(), Value::Null),
        ("POST", check_itself.clone(), question),
        ("POST", check_itself.clone(), nested),
        ("POST", check_itself.clone(), json!({ "actions": ["csms:secret:lisst"] })),
        ("POST", format!("/v1/{}/csms/permissions/check", "f".repeat(32)), json!({ "actions": ["csms:secret:list"] })),
        ("HEAD", check_itself.clone(), Value::Null),
        ("GET", format!("{secrets}//db"), Value::Null),
    ] {
        let mut request = json!({ "method": method, "path": path });
        if !body.is_null() {
            request["body"] = body.clone();
        }
        let told = check(&server, &server.key(), json!({ "requests": [request] })).await;
        let told = &told["requests"][0];
        let answer = server.call(method, &path, body).await;
        assert_eq!(told["allowed"] == true, answer.status.is_success(), "{method} {path}: {told} {}", answer.status);
        // The answer to HEAD has no body.
        if method != "HEAD" {
            assert_eq!(told["error_code"].as_str().unwrap_or("none"), answer.code(), "{method} {path}: {told}");
        }
    }
}

#[tokio::test]
async fn moves_and_searches_in_a_foreign_project_tell_nothing_of_what_is_in_it() {
    let server = Server::start().await;
    let body = json!({ "name": "db", "secret_string": "s" });
    let made = server.call("POST", &server.path("secrets"), body).await;
    let (_, abroad) = server.make_user("abroad", "a long password", vec![Policy::administrator()]).await;
    let user = server.app.store.users().await.unwrap().into_iter().find(|user| user.name == "abroad").unwrap();
    let projects = vec![csms_core::ProjectId::parse("f".repeat(32)).unwrap()];
    let change = AccessChange::PutUser(UserRecord { projects, ..user });
    server.app.store.change_access(vec![change], Vec::new()).await.unwrap();
    server.app.authenticator.forget();
    let unknown = json!("00000000-0000-4000-8000-000000000000");
    let mut answers = Vec::new();
    for resource in [&made.body["secret"]["id"], &unknown] {
        let project = &server.credentials.project_id;
        let body = json!({ "project_id": project, "resource_id": resource, "resource_type": "csms" });
        let path = "/v1.0/enterprise-projects/0/resources-migrate";
        let answer = server.call_as(&abroad, "POST", path, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        answers.push(answer.body);
    }
    assert_eq!(answers[0], answers[1]);
    let body = json!({ "projects": [server.credentials.project_id], "resource_types": ["csms"] });
    let path = "/v1.0/enterprise-projects/0/resources/filter";
    let answer = server.call_as(&abroad, "POST", path, &body).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    let found = server.call("POST", path, body).await;
    assert_eq!(found.body["total_count"], 1, "{}", found.body);
}

#[tokio::test]
async fn an_action_is_judged_once_however_often_it_is_named() {
    let server = Server::start().await;
    let statement = json!({ "Effect": "Allow", "Action": ["csms:*"], "Resource": [format!("*{}", "?*".repeat(500))] });
    let policy = json!({ "Version": "5.0", "Statement": vec![statement; 55] }).to_string();
    let body = json!({ "actions": vec!["csms:secret:getVersion"; 200], "policy_document": policy });
    let answer = check(&server, &server.key(), body).await;
    assert_eq!(answer["denied"].as_array().map_or(0, Vec::len) + answer["depends"].as_array().map_or(0, Vec::len), 1);
    let answer = check(&server, &server.key(), json!({ "actions": vec!["csms:secret:getVersion"; 200] })).await;
    assert_eq!(answer["allowed"], json!(["csms:secret:getVersion"]));
}
