//! The Key Management Service on the same port, and what the state of a key and the rights to it mean for secrets.

use crate::support::{Answer, Key, Server};
use axum::http::StatusCode;
use csms_api::kms::KmsOperation;
use csms_core::policy::Policy;
use csms_server::audit::Record;
use csms_store::Store;
use serde_json::{Value, json};

fn allowing(server: &Server, actions: &[&str]) -> Key {
    server.temporary(Policy::allow(actions.iter().map(|action| (*action).to_owned()).collect(), None))
}

async fn call(server: &Server, operation: &str, body: Value) -> Answer {
    let path = format!("/v1.0/{}/kms/{operation}", server.credentials.project_id);
    server.call("POST", &path, body).await
}

async fn ok(server: &Server, operation: &str, body: Value) -> Value {
    let answer = call(server, operation, body).await;
    assert!(answer.status.is_success(), "{operation}: {}", answer.body);
    answer.body
}

async fn create_key(server: &Server, alias: &str) -> String {
    let made = ok(server, "create-key", json!({ "key_alias": alias })).await;
    made["key_info"]["key_id"].as_str().unwrap().to_owned()
}

async fn create_secret(server: &Server, name: &str, key: &str) {
    let body = json!({ "name": name, "secret_string": "correct horse", "kms_key_id": key });
    let answer = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

async fn read(server: &Server, key: &Key, name: &str) -> Answer {
    server.call_as(key, "GET", &server.path(&format!("secrets/{name}/versions/latest")), &Value::Null).await
}

#[tokio::test]
async fn every_operation_is_denied_without_a_policy_that_allows_it() {
    let server = Server::start().await;
    let nobody = allowing(&server, &[]);
    for operation in KmsOperation::ALL {
        let specification = operation.specification();
        let path = specification.path.replace("{project_id}", &server.credentials.project_id);
        let path = path.replace("{key_id}", "absent").replace("{key}", "absent");
        let answer = server.call_as(&nobody, specification.method.as_str(), &path, &json!({})).await;
        let (status, code) = (answer.status, answer.body["error"]["error_code"].as_str());
        assert_eq!((status, code), (StatusCode::FORBIDDEN, Some("KMS.0302")), "{}", specification.name);
    }
}

#[tokio::test]
async fn every_operation_is_allowed_by_its_own_action() {
    let server = Server::start().await;
    for operation in KmsOperation::ALL {
        let specification = operation.specification();
        let only = allowing(&server, &specification.actions[..1]);
        let path = specification.path.replace("{project_id}", &server.credentials.project_id);
        let path = path.replace("{key_id}", "absent").replace("{key}", "absent");
        let answer = server.call_as(&only, specification.method.as_str(), &path, &json!({})).await;
        assert_ne!(answer.status, StatusCode::FORBIDDEN, "{}", specification.name);
    }
}

#[tokio::test]
async fn a_disabled_key_makes_values_unreadable_and_nothing_else() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    create_secret(&server, "db", &key).await;
    assert_eq!(read(&server, &server.key(), "db").await.status, StatusCode::OK);

    ok(&server, "disable-key", json!({ "key_id": key })).await;
    assert_eq!(read(&server, &server.key(), "db").await.code(), "CSMS.0401");
    let added = server.call("POST", &server.path("secrets/db/versions"), json!({ "secret_string": "x" })).await;
    assert_eq!((added.status, added.code()), (StatusCode::BAD_REQUEST, "CSMS.0401"));
    for rest in ["secrets", "secrets/db", "secrets/db/versions", "secrets/db/stages/SYSCURRENT"] {
        let answer = server.call("GET", &server.path(rest), Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{rest}");
    }
    ok(&server, "enable-key", json!({ "key_id": key })).await;
    assert_eq!(read(&server, &server.key(), "db").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_waits_for_its_deletion_and_is_gone_then() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    create_secret(&server, "db", &key).await;
    let scheduled = ok(&server, "schedule-key-deletion", json!({ "key_id": key, "pending_days": "7" })).await;
    assert_eq!(scheduled, json!({ "key_id": key, "key_state": "4" }));
    assert_eq!(read(&server, &server.key(), "db").await.code(), "CSMS.0401");
    let cancelled = ok(&server, "cancel-key-deletion", json!({ "key_id": key })).await;
    assert_eq!(cancelled["key_state"], "3");
    ok(&server, "enable-key", json!({ "key_id": key })).await;
    assert_eq!(read(&server, &server.key(), "db").await.status, StatusCode::OK);

    ok(&server, "schedule-key-deletion", json!({ "key_id": key, "pending_days": "7" })).await;
    server.clock.advance(7 * 86_400_000);
    csms_server::background::keys::purge(&server.app).await.unwrap();
    assert_eq!(call(&server, "describe-key", json!({ "key_id": key })).await.code(), "KMS.0005");
    assert_eq!(server.app.store.keys_pending_deletion().await.unwrap(), []);
    assert_eq!(read(&server, &server.key(), "db").await.code(), "CSMS.0401");
}

#[tokio::test]
async fn a_key_of_ones_own_needs_rights_to_it_and_the_default_one_does_not() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    create_secret(&server, "db", &key).await;
    let body = json!({ "name": "plain", "secret_string": "x" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);

    let reader = allowing(&server, &["csms:secret:getVersion"]);
    assert_eq!(read(&server, &reader, "plain").await.status, StatusCode::OK);
    assert_eq!(read(&server, &reader, "db").await.code(), "CSMS.0401");
    for right in ["kms:cmk:decryptDataKey", "kms:dek:decrypt"] {
        let reader = allowing(&server, &["csms:secret:getVersion", right]);
        assert_eq!(read(&server, &reader, "db").await.status, StatusCode::OK, "{right}");
    }
    let writer = |rights: &[&str]| allowing(&server, &[&["csms:secret:createVersion"], rights].concat());
    let write = async |key: &Key| {
        let path = server.path("secrets/db/versions");
        server.call_as(key, "POST", &path, &json!({ "secret_string": "y" })).await.status
    };
    assert_eq!(write(&writer(&[])).await, StatusCode::BAD_REQUEST);
    assert_eq!(write(&writer(&["kms:cmk:createDataKey"])).await, StatusCode::OK);
}

#[tokio::test]
async fn a_right_may_be_for_one_key() {
    let server = Server::start().await;
    let (one, two) = (create_key(&server, "one").await, create_key(&server, "two").await);
    let policy = Policy::allow(vec!["kms:cmk:*".to_owned()], Some(vec![format!("KMS:*:*:KeyId:{one}")]));
    let caller = server.temporary(policy);
    let path = format!("/v1.0/{}/kms/create-datakey", server.credentials.project_id);
    let status = async |key: &str| server.call_as(&caller, "POST", &path, &json!({ "key_id": key })).await.status;
    assert_eq!((status(&one).await, status(&two).await), (StatusCode::OK, StatusCode::FORBIDDEN));

    // Sealed data name their key, and the right is asked for that one.
    let sealed = ok(&server, "encrypt-data", json!({ "key_id": two, "plain_text": "x" })).await;
    let path = format!("/v1.0/{}/kms/decrypt-data", server.credentials.project_id);
    let open = async |body: Value| server.call_as(&caller, "POST", &path, &body).await;
    let cipher = &sealed["cipher_text"];
    assert_eq!(open(json!({ "cipher_text": cipher })).await.status, StatusCode::FORBIDDEN);
    assert_eq!(open(json!({ "cipher_text": cipher, "key_id": one })).await.code(), "KMS.0402");
}

#[tokio::test]
async fn the_default_key_is_not_for_users_to_change() {
    let server = Server::start().await;
    let body = json!({ "name": "plain", "secret_string": "x" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let listed = ok(&server, "list-keys", json!({})).await;
    assert_eq!(listed["key_details"][0]["default_key_flag"], "1");
    let key = listed["keys"][0].clone();
    assert_eq!(call(&server, "disable-key", json!({ "key_id": key })).await.code(), "KMS.0403");
    let body = json!({ "key_id": key, "pending_days": "7" });
    assert_eq!(call(&server, "schedule-key-deletion", body).await.code(), "KMS.0403");
    assert_eq!(call(&server, "create-key", json!({ "key_alias": "mine/default" })).await.code(), "KMS.0002");
}

#[tokio::test]
async fn a_secret_takes_a_key_by_any_of_its_aliases() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    ok(&server, "aliases", json!({ "key_id": key, "alias": "nickname" })).await;
    let body = json!({ "name": "plain", "secret_string": "x" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    for name in ["own", "nickname", &key] {
        let updated = server.call("PUT", &server.path("secrets/plain"), json!({ "kms_key_id": name })).await;
        assert_eq!((updated.status, &updated.body["secret"]["kms_key_id"]), (StatusCode::OK, &json!(key)), "{name}");
    }
}

#[tokio::test]
async fn the_default_key_is_made_when_something_is_first_sealed_under_it() {
    for operation in ["create-datakey", "create-datakey-without-plaintext", "encrypt-data"] {
        let server = Server::start().await;
        let body = json!({ "key_id": "csms/default", "plain_text": "x" });
        assert_eq!(call(&server, "describe-key", json!({ "key_id": "csms/default" })).await.status, 404);
        let denied = server
            .call_as(
                &allowing(&server, &["csms:*:*"]),
                "POST",
                &format!("/v1.0/{}/kms/{operation}", server.credentials.project_id),
                &body,
            )
            .await;
        assert_eq!(denied.status, StatusCode::FORBIDDEN);
        assert_eq!(call(&server, "describe-key", json!({ "key_id": "csms/default" })).await.status, 404);
        let sealed = ok(&server, operation, body).await;
        let described = ok(&server, "describe-key", json!({ "key_id": "csms/default" })).await;
        assert_eq!(described["key_info"]["key_id"], sealed["key_id"], "{operation}");
    }
    let server = Server::start().await;
    create_secret(&server, "by-name", "csms/default").await;
    let absent = json!({ "name": "absent", "secret_string": "x" });
    assert_eq!(server.call("POST", &server.path("secrets"), absent).await.status, StatusCode::OK);
    let shown = async |name: &str| {
        server.call("GET", &server.path(&format!("secrets/{name}")), Value::Null).await.body["secret"]["kms_key_id"]
            .clone()
    };
    assert_eq!(shown("by-name").await, shown("absent").await);
    let other = Server::start().await;
    let key = create_key(&other, "own").await;
    create_secret(&other, "moved", &key).await;
    let moved = json!({ "kms_key_id": "csms/default" });
    let moved = other.call("PUT", &other.path("secrets/moved"), moved).await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
    let default = ok(&other, "describe-key", json!({ "key_id": "csms/default" })).await;
    assert_eq!(moved.body["secret"]["kms_key_id"], default["key_info"]["key_id"]);
}

#[tokio::test]
async fn a_refused_request_leaves_no_default_key_behind_and_is_judged_on_the_one_that_would_be_made() {
    let server = Server::start().await;
    let own = create_key(&server, "own").await;
    create_secret(&server, "moved", &own).await;
    let default = csms_core::KeyId::default_of(&server.app.identity.project_id).to_string();
    let under = |operator: &str, key: &str| {
        let condition = json!({ operator: { "csms:KmsKeyId": key } });
        let statement = json!([{ "Effect": "Allow", "Action": "csms:*", "Condition": condition }]);
        let policy = json!({ "Version": "5.0", "Statement": statement }).to_string();
        server.temporary(Policy::parse(&policy).unwrap())
    };
    let secrets = server.path("secrets");
    let absent = json!({ "name": "plain", "secret_string": "x" });
    let by_alias = json!({ "name": "plain", "secret_string": "x", "kms_key_id": "csms/default" });
    let only_own = under("StringEquals", &own);
    let moved = json!({ "kms_key_id": "csms/default" });
    for (method, path, body) in [
        ("POST", secrets.clone(), &absent),
        ("POST", secrets.clone(), &by_alias),
        ("PUT", server.path("secrets/moved"), &moved),
    ] {
        let refused = server.call_as(&only_own, method, &path, body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {body}: {}", refused.body);
        let listed = ok(&server, "list-keys", json!({})).await;
        assert_eq!(listed["keys"], json!([own]), "{method} {body}");
    }
    let made = server.call_as(&under("StringEquals", &default), "POST", &secrets, &absent).await;
    assert_eq!((made.status, &made.body["secret"]["kms_key_id"]), (StatusCode::OK, &json!(default)), "{}", made.body);
}

#[tokio::test]
async fn whoever_has_no_right_to_keys_does_not_learn_which_aliases_there_are() {
    let server = Server::start().await;
    create_key(&server, "known").await;
    create_secret(&server, "s", "csms/default").await;
    let no_keys = allowing(&server, &["csms:*:*"]);
    let of_all = allowing(&server, &["csms:*:*", "kms:cmk:createDataKey"]);
    let mut messages = Vec::new();
    for alias in ["known", "unknown"] {
        let body = json!({ "name": format!("of-{alias}"), "secret_string": "x", "kms_key_id": alias });
        let made = server.call_as(&no_keys, "POST", &server.path("secrets"), &body).await;
        let moved = json!({ "kms_key_id": alias });
        let moved = server.call_as(&no_keys, "PUT", &server.path("secrets/s"), &moved).await;
        messages.push((made.status, made.body, moved.status, moved.body));
        let asked = json!({ "requests": [{ "method": "POST", "path": server.path("secrets"), "body": body }] });
        let checked = server.call_as(&no_keys, "POST", &server.path("csms/permissions/check"), &asked).await;
        assert_eq!(checked.body["requests"][0]["allowed"], false, "{alias}");
    }
    assert_eq!(messages[0], messages[1]);
    let body = json!({ "name": "x", "secret_string": "x", "kms_key_id": "unknown" });
    let told = server.call_as(&of_all, "POST", &server.path("secrets"), &body).await;
    assert!(told.body["error_msg"].as_str().unwrap().ends_with("names no key of the project"), "{}", told.body);
}

#[tokio::test]
async fn an_alias_names_one_key_and_has_its_limits_wherever_it_comes_from() {
    let server = Server::start().await;
    let (full, other) = (create_key(&server, "full").await, create_key(&server, "other").await);
    for number in 0..50 {
        ok(&server, "aliases", json!({ "key_id": full, "alias": format!("alias/{number}") })).await;
    }
    ok(&server, "aliases", json!({ "key_id": other, "alias": "alias/moving" })).await;
    let to_full = json!({ "target_key_id": full, "alias": "alias/moving" });
    assert_eq!(call(&server, "alias/associate", to_full.clone()).await.status, 400);
    // One that the key has already takes no room.
    ok(&server, "alias/associate", json!({ "target_key_id": full, "alias": "alias/7" })).await;
    let path = format!("/v1.0/{}/kms/aliases", server.credentials.project_id);
    let delete = async |key: &str, alias: &str| {
        server.call("DELETE", &path, json!({ "key_id": key, "aliases": [alias] })).await.status.as_u16()
    };
    assert_eq!([delete(&other, "alias/7").await, delete(&full, "alias/none").await], [404, 404]);
    assert_eq!(delete(&full, "alias/7").await, 204);
    ok(&server, "alias/associate", to_full).await;
    let list = async |key: &str| server.call("GET", &format!("{path}?key_id={key}"), Value::Null).await.status;
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!((list(unknown).await, list("unknown").await), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    for alias in [other.as_str(), &other.to_uppercase(), "alias/", "x/DEFAULT", "csms/default"] {
        for (operation, member) in
            [("create-key", "key_alias"), ("update-key-alias", "key_alias"), ("aliases", "alias")]
        {
            let mut body = json!({ "key_id": full });
            body[member] = alias.into();
            assert_eq!(call(&server, operation, body).await.status, 400, "{operation} {alias}");
        }
    }
    ok(&server, "schedule-key-deletion", json!({ "key_id": other, "pending_days": "7" })).await;
    for (operation, body) in [
        ("update-key-alias", json!({ "key_id": other, "key_alias": "renamed" })),
        ("update-key-description", json!({ "key_id": other, "key_description": "d" })),
        ("aliases", json!({ "key_id": other, "alias": "alias/late" })),
        ("alias/associate", json!({ "target_key_id": other, "alias": "alias/8" })),
    ] {
        let refused = call(&server, operation, body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "KMS.0401"), "{operation}");
    }
}

#[tokio::test]
async fn words_have_no_case_and_pages_no_end() {
    let server = Server::start().await;
    let body = json!({ "key_alias": "k", "key_usage": "encrypt_decrypt", "key_spec": "aes_256", "origin": "KMS" });
    let made = ok(&server, "create-key", body).await;
    let id = &made["key_info"]["key_id"];
    let described = ok(&server, "describe-key", json!({ "key_id": id })).await;
    assert_eq!(described["key_info"]["key_spec"], "AES_256");
    assert_eq!(ok(&server, "list-keys", json!({ "key_spec": "all" })).await["total"], 1);
    assert_eq!(ok(&server, "list-keys", json!({ "marker": "10000" })).await["keys"], json!([]));
    let key = ok(&server, "create-datakey", json!({ "key_id": id, "key_spec": "aes_128" })).await;
    assert_eq!(key["plain_text"].as_str().map(str::len), Some(32));
}

#[tokio::test]
async fn changes_and_uses_of_keys_are_recorded() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    ok(&server, "create-datakey", json!({ "key_id": key })).await;
    ok(&server, "disable-key", json!({ "key_id": key })).await;
    call(&server, "create-datakey", json!({ "key_id": key })).await;
    server.app.trail.flush().await.unwrap();
    let records = server.app.store.audit_records(0, 100, None).await.unwrap();
    let mut lines: Vec<_> = records
        .iter()
        .map(|record| serde_json::from_str::<Record<'_>>(&record.document).unwrap())
        .filter(|record| record.key == Some(key.as_str()))
        .map(|record| format!("{} {}", record.action, record.outcome))
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, ["CreateDatakey KMS.0401", "CreateDatakey OK", "CreateKey OK", "DisableKey OK"]);
}
