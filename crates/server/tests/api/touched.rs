//! What a request touches besides the secret or key that it names: each of those is judged on its own.

use crate::support::{Answer, Server};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Statements that allow everything but this.
fn all_but(denied: &Value) -> Value {
    let mut denied = denied.clone();
    denied["Effect"] = "Deny".into();
    json!([{ "Effect": "Allow", "Action": ["*"] }, denied])
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "CSMS.0302"), "{}", answer.body);
}

async fn make_key(server: &Server, alias: &str) -> String {
    let path = format!("/v1.0/{}/kms/create-key", server.credentials.project_id);
    let made = server.call("POST", &path, json!({ "key_alias": alias })).await;
    made.body["key_info"]["key_id"].as_str().unwrap_or_else(|| panic!("{}", made.body)).to_owned()
}

#[tokio::test]
async fn a_move_to_the_default_key_is_judged_by_that_key_also_where_there_is_none_yet() {
    let server = Server::start().await;
    let own = make_key(&server, "own").await;
    let body = json!({ "name": "db", "secret_string": "x", "kms_key_id": own });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let only_own = json!({ "Action": ["csms:*"], "Condition": { "StringNotEquals": { "csms:KmsKeyId": [own] } } });
    let limited = server.limited(&all_but(&only_own));
    let db = server.path("secrets/db");
    assert_refused(&server.call_as(&limited, "PUT", &db, &json!({ "kms_key_id": "csms/default" })).await);
    let stays = server.call_as(&limited, "PUT", &db, &json!({ "kms_key_id": own, "description": "mine" })).await;
    assert_eq!(stays.status, StatusCode::OK, "{}", stays.body);
    assert_eq!(stays.body["secret"]["kms_key_id"], own.as_str());
}
