//! Tags of secrets, and secrets found by them.

use crate::support::{Answer, Server};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// A secret's identifier.
async fn create(server: &Server, name: &str) -> String {
    let answer = server.call("POST", &server.path("secrets"), json!({ "name": name, "secret_string": "s" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["secret"]["id"].as_str().unwrap().to_owned()
}

async fn tags(server: &Server, id: &str) -> Answer {
    server.call("GET", &server.path(&format!("csms/{id}/tags")), Value::Null).await
}

async fn change(server: &Server, id: &str, action: &str, tags: Value) -> Answer {
    let path = server.path(&format!("csms/{id}/tags/action"));
    server.call("POST", &path, json!({ "action": action, "tags": tags })).await
}

#[tokio::test]
async fn tags_are_added_replaced_and_taken_away() {
    let server = Server::start().await;
    let id = create(&server, "demo").await;
    assert_eq!(tags(&server, &id).await.body, json!({ "tags": [] }));
    let one = json!({ "tag": { "key": "环境", "value": "prod" } });
    let added = server.call("POST", &server.path(&format!("csms/{id}/tags")), one).await;
    assert_eq!((added.status, added.body), (StatusCode::NO_CONTENT, Value::Null));
    let both = json!([{ "key": "环境", "value": "test" }, { "key": "team a" }]);
    assert_eq!(change(&server, &id, "create", both).await.status, StatusCode::NO_CONTENT);
    let expected = json!([{ "key": "环境", "value": "test" }, { "key": "team a", "value": "" }]);
    assert_eq!(tags(&server, &id).await.body["tags"], expected);
    let path = server.path(&format!("csms/{id}/tags/team%20a"));
    assert_eq!(server.call("DELETE", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    let again = server.call("DELETE", &path, Value::Null).await;
    assert_eq!((again.status, again.code()), (StatusCode::NOT_FOUND, "CSMS.0005"));
    let gone = json!([{ "key": "环境" }, { "key": "never" }]);
    assert_eq!(change(&server, &id, "delete", gone).await.status, StatusCode::NO_CONTENT);
    assert_eq!(tags(&server, &id).await.body, json!({ "tags": [] }));
}

#[tokio::test]
async fn problems_of_path_and_body_are_told_together_in_the_nested_shape() {
    let server = Server::start().await;
    let answer = change(&server, "nowhere", "replace", json!([])).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    let text = answer.body["error"]["error_msg"].as_str().unwrap();
    for part in ["secret_id", "action", "tags"] {
        assert!(text.contains(part), "{text}");
    }
    let absent = tags(&server, "11111111-1111-4111-8111-111111111111").await;
    assert_eq!((absent.status, absent.code()), (StatusCode::NOT_FOUND, "CSMS.0106"));
}

#[tokio::test]
async fn a_secret_has_twenty_tags_at_most() {
    let server = Server::start().await;
    let id = create(&server, "demo").await;
    let twenty: Vec<_> = (0..20).map(|number| json!({ "key": format!("k{number}") })).collect();
    assert_eq!(change(&server, &id, "create", json!(twenty)).await.status, StatusCode::NO_CONTENT);
    let more = change(&server, &id, "create", json!([{ "key": "more" }])).await;
    assert_eq!((more.status, more.code()), (StatusCode::BAD_REQUEST, "CSMS.0206"));
}

#[tokio::test]
async fn secrets_are_found_by_tags_and_parts_of_their_names() {
    let server = Server::start().await;
    for (name, environment, team) in [("db-a", "prod", "x"), ("db-b", "test", "x"), ("web", "prod", "y")] {
        let id = create(&server, name).await;
        let tags = json!([{ "key": "env", "value": environment }, { "key": "team", "value": team }]);
        assert_eq!(change(&server, &id, "create", tags).await.status, StatusCode::NO_CONTENT);
    }
    create(&server, "untagged").await;
    let find = async |body: Value| {
        let answer = server.call("POST", &server.path("csms/resource_instances/action"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let resources = answer.body["resources"].as_array().map(|all| {
            let name = |resource: &Value| resource["resource_name"].as_str().unwrap().to_owned();
            all.iter().map(name).collect::<Vec<_>>()
        });
        (resources, answer.body["total_count"].as_u64().unwrap())
    };
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let tag = |key: &str, values: &[&str]| json!({ "key": key, "values": values });
    assert_eq!(
        find(json!({ "action": "filter", "tags": [tag("env", &["prod", "test"]), tag("team", &["x"])] })).await,
        (names(&["db-a", "db-b"]), 2)
    );
    assert_eq!(find(json!({ "action": "filter", "tags": [tag("env", &[])], "limit": "2" })).await.1, 3);
    assert_eq!(
        find(json!({ "action": "filter", "tags": [tag("env", &[])], "limit": "2", "offset": "2" })).await,
        (names(&["web"]), 3)
    );
    let by_name = |value: &str| json!([{ "key": "resource_name", "value": value }]);
    assert_eq!(find(json!({ "action": "filter", "matches": by_name("DB") })).await, (names(&["db-a", "db-b"]), 2));
    assert_eq!(find(json!({ "action": "filter", "matches": by_name("") })).await, (names(&[]), 0));
    assert_eq!(find(json!({ "action": "count" })).await, (None, 4));

    let all = server.call("GET", &server.path("csms/tags"), Value::Null).await;
    let expected = json!([{ "key": "env", "values": ["prod", "test"] }, { "key": "team", "values": ["x", "y"] }]);
    assert_eq!(all.body["tags"], expected);
}
