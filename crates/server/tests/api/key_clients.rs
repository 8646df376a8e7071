//! Keys as Terraform and sealing clients use them: aliases, tags, rotation, encryption contexts, quotas, grants.

use crate::support::{Answer, Key, Server};
use axum::{
    body::Body,
    http::{StatusCode, header},
};
use csms_core::policy::Policy;
use csms_server::{background::keys, keys::project::MATERIAL_LEAD_MILLIS};
use csms_store::Store;
use serde_json::{Value, json};

const DAY: u64 = 86_400_000;

fn kms(server: &Server, rest: &str) -> String {
    format!("/v1.0/{}/kms/{rest}", server.credentials.project_id)
}

async fn call(server: &Server, operation: &str, body: Value) -> Answer {
    server.call("POST", &kms(server, operation), body).await
}

async fn ok(server: &Server, operation: &str, body: Value) -> Value {
    let answer = call(server, operation, body).await;
    assert!(answer.status.is_success(), "{operation}: {}", answer.body);
    answer.body
}

async fn get(server: &Server, rest: &str) -> Value {
    let answer = server.call("GET", &kms(server, rest), Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{rest}: {}", answer.body);
    answer.body
}

async fn create_key(server: &Server, alias: &str) -> String {
    let made = ok(server, "create-key", json!({ "key_alias": alias })).await;
    made["key_info"]["key_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn aliases_are_an_object_and_a_list_for_the_sdks_that_decode_a_list() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    ok(&server, "aliases", json!({ "key_id": key, "alias": "alias/a" })).await;
    let path = kms(&server, &format!("aliases?key_id={key}&limit=50"));
    let listed = async |agent: Option<&str>| {
        let mut request = server.signed(&server.key(), "GET", &path, b"");
        if let Some(agent) = agent {
            request = request.header(header::USER_AGENT, agent);
        }
        server.send(request.body(Body::empty()).unwrap()).await.body
    };
    for agent in [
        "huaweicloud-usdk-go/3.0",
        "huaweicloud-usdk-go/3.0; my-app",
        "huaweicloud-usdk-java/3.0",
        "huaweicloud-usdk-net/3.0",
    ] {
        assert_eq!(listed(Some(agent)).await[0]["aliases"][0]["alias"], "alias/a", "{agent}");
    }
    for agent in [None, Some("huaweicloud-usdk-python/3.0"), Some("golangsdk/2.0.0"), Some("Mozilla/5.0")] {
        let body = listed(agent).await;
        assert_eq!((&body["aliases"][0]["alias"], &body["page_info"]["current_count"]), (&json!("alias/a"), &json!(1)));
    }
}

#[tokio::test]
async fn a_key_is_named_by_its_identifier_in_any_case_and_by_each_alias() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    ok(&server, "aliases", json!({ "key_id": key, "alias": "alias/a" })).await;
    for name in [key.clone(), key.to_uppercase(), "own".to_owned(), "alias/a".to_owned()] {
        let shown = ok(&server, "describe-key", json!({ "key_id": name })).await;
        assert_eq!(shown["key_info"]["key_id"], json!(key), "{name}");
        let sealed = ok(&server, "encrypt-data", json!({ "key_id": name, "plain_text": "x" })).await;
        assert_eq!(sealed["key_id"], json!(key), "{name}");
        let body =
            json!({ "name": format!("by-{}", name.replace('/', "-")), "secret_string": "x", "kms_key_id": name });
        let made = server.call("POST", &server.path("secrets"), body).await;
        assert_eq!(made.body["secret"]["kms_key_id"], json!(key), "{name}");
    }
    assert_eq!(call(&server, "describe-key", json!({ "key_id": "alias/none" })).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_right_to_one_key_is_judged_on_the_key_that_an_alias_names() {
    let server = Server::start().await;
    let (one, _) = (create_key(&server, "one").await, create_key(&server, "two").await);
    let policy = Policy::allow(vec!["kms:*".to_owned()], Some(vec![format!("kms:*:*:KeyId:{one}")]));
    let (_, alice) = server.make_user("alice", "alice's password", vec![policy]).await;
    let status = async |name: &str| {
        let body = json!({ "key_id": name });
        server.call_as(&alice, "POST", &kms(&server, "describe-key"), &body).await.status
    };
    assert_eq!(status("one").await, StatusCode::OK);
    for name in ["two", "absent"] {
        assert_eq!(status(name).await, StatusCode::FORBIDDEN, "{name}");
    }
}

#[tokio::test]
async fn tags_of_a_key_are_set_listed_found_and_removed() {
    let server = Server::start().await;
    let (key, other) = (create_key(&server, "own").await, create_key(&server, "other").await);
    let action = |key: &str| format!("{key}/tags/action");
    let tags = json!([{ "key": "foo", "value": "bar" }, { "key": "env", "value": "" }]);
    let set = call(&server, &action(&key), json!({ "action": "create", "tags": tags })).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.body);
    let added = call(&server, &format!("{other}/tags"), json!({ "tag": { "key": "foo", "value": "baz" } })).await;
    assert_eq!(added.status, StatusCode::NO_CONTENT, "{}", added.body);
    assert_eq!(get(&server, &format!("{key}/tags")).await, json!({ "tags": tags, "existTagsNum": 2 }));
    let all = json!({ "tags": [{ "key": "env", "values": [""] }, { "key": "foo", "values": ["bar", "baz"] }] });
    assert_eq!(get(&server, "tags").await, all);

    let body = json!({ "action": "filter", "tags": [{ "key": "foo", "values": ["bar"] }] });
    let found = ok(&server, "resource_instances/action", body).await;
    assert_eq!((&found["total_count"], &found["resources"][0]["resource_id"]), (&json!(1), &json!(key)));
    let counted =
        ok(&server, "resource_instances/action", json!({ "action": "count", "tags": [{ "key": "foo" }] })).await;
    assert_eq!(counted, json!({ "total_count": 2 }));

    let removed = call(&server, &action(&key), json!({ "action": "delete", "tags": [{ "key": "foo" }] })).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let path = kms(&server, &format!("{key}/tags/env"));
    assert_eq!(server.call("DELETE", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.call("DELETE", &path, Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&server, &format!("{key}/tags")).await["tags"], json!([]));
}

#[tokio::test]
async fn a_key_has_at_most_twenty_tags_and_none_is_added_with_one_too_many() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let tags = |from: usize, to: usize| {
        let tags: Vec<_> = (from..to).map(|number| json!({ "key": format!("k{number}"), "value": "" })).collect();
        json!({ "action": "create", "tags": tags })
    };
    let path = format!("{key}/tags/action");
    assert_eq!(call(&server, &path, tags(0, 19)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(call(&server, &path, tags(19, 21)).await.code(), "KMS.0202");
    assert_eq!(get(&server, &format!("{key}/tags")).await["existTagsNum"], 19);
}

#[tokio::test]
async fn a_condition_on_tags_sees_those_of_the_key() {
    let server = Server::start().await;
    let (key, other) = (create_key(&server, "own").await, create_key(&server, "other").await);
    let body = json!({ "tag": { "key": "team", "value": "a" } });
    assert_eq!(call(&server, &format!("{key}/tags"), body).await.status, StatusCode::NO_CONTENT);
    let policy = r#"{"Version": "5.0", "Statement": [{"Effect": "Allow", "Action": ["kms:cmk:get"],
        "Condition": {"StringEquals": {"g:ResourceTag/team": ["a"]}}}]}"#;
    let (_, alice) = server.make_user("alice", "alice's password", vec![Policy::parse(policy).unwrap()]).await;
    let status = async |key: &str| {
        let body = json!({ "key_id": key });
        server.call_as(&alice, "POST", &kms(&server, "describe-key"), &body).await.status
    };
    assert_eq!((status(&key).await, status(&other).await), (StatusCode::OK, StatusCode::FORBIDDEN));
}

async fn read(server: &Server, name: &str) -> Answer {
    server.call("GET", &server.path(&format!("secrets/{name}/versions/latest")), Value::Null).await
}

/// Number of the material that sealed bytes name.
fn material_of(cipher_text: &str) -> u32 {
    u32::from_be_bytes(hex::decode(cipher_text).unwrap()[37..41].try_into().unwrap())
}

#[tokio::test]
async fn the_material_of_a_key_is_rotated_on_time_and_old_material_opens_what_it_sealed() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let status = async || ok(&server, "get-key-rotation-status", json!({ "key_id": key })).await;
    let never = json!({ "key_rotation_enabled": false, "rotation_interval": 0, "last_rotation_time": "",
                        "number_of_rotations": 0 });
    assert_eq!(status().await, never);
    ok(&server, "enable-key-rotation", json!({ "key_id": key })).await;
    assert_eq!(status().await["rotation_interval"], 365);
    ok(&server, "update-key-rotation-interval", json!({ "key_id": key, "rotation_interval": 30 })).await;
    assert_eq!(ok(&server, "describe-key", json!({ "key_id": key })).await["key_info"]["key_rotation_enabled"], "true");

    let data = ok(&server, "encrypt-data", json!({ "key_id": key, "plain_text": "before" })).await;
    let datakey = ok(&server, "create-datakey", json!({ "key_id": key })).await;
    let body = json!({ "name": "db", "secret_string": "before", "kms_key_id": key });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);

    server.clock.advance(30 * DAY - MATERIAL_LEAD_MILLIS);
    keys::rotate(&server.app).await.unwrap();
    assert_eq!(status().await["number_of_rotations"], 0);
    server.clock.advance(MATERIAL_LEAD_MILLIS);
    let before = server.clock.now().as_millis();
    keys::rotate(&server.app).await.unwrap();
    keys::rotate(&server.app).await.unwrap();
    let rotated = status().await;
    let last: u64 = rotated["last_rotation_time"].as_str().unwrap().parse().unwrap();
    assert_eq!(rotated["number_of_rotations"], 1);
    assert!((before..=server.clock.now().as_millis()).contains(&last), "{last}");

    // Other servers have to know the material before it seals.
    let next = ok(&server, "create-datakey", json!({ "key_id": key })).await;
    assert_eq!(material_of(next["cipher_text"].as_str().unwrap()), 0);
    server.clock.advance(MATERIAL_LEAD_MILLIS);
    server.app.keys.forget(&csms_core::ProjectId::parse(&server.credentials.project_id).unwrap(), &key_id(&key));
    let next = ok(&server, "create-datakey", json!({ "key_id": key })).await;
    assert_eq!(material_of(next["cipher_text"].as_str().unwrap()), 1);

    let opened = ok(&server, "decrypt-data", json!({ "cipher_text": data["cipher_text"] })).await;
    assert_eq!(opened["plain_text"], "before");
    for sealed in [&datakey, &next] {
        let body = json!({ "key_id": key, "cipher_text": sealed["cipher_text"], "datakey_cipher_length": "64" });
        assert_eq!(ok(&server, "decrypt-datakey", body).await["data_key"], sealed["plain_text"]);
    }
    assert_eq!(read(&server, "db").await.body["version"]["secret_string"], "before");
    let added = server.call("POST", &server.path("secrets/db/versions"), json!({ "secret_string": "after" })).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.body);
    assert_eq!(read(&server, "db").await.body["version"]["secret_string"], "after");
}

fn key_id(text: &str) -> csms_core::KeyId {
    csms_core::KeyId::parse(text).unwrap()
}

#[tokio::test]
async fn a_key_whose_rotation_is_off_or_that_is_out_of_use_is_not_rotated() {
    let server = Server::start().await;
    let (off, disabled) = (create_key(&server, "off").await, create_key(&server, "disabled").await);
    for key in [&off, &disabled] {
        ok(&server, "enable-key-rotation", json!({ "key_id": key })).await;
    }
    ok(&server, "disable-key-rotation", json!({ "key_id": off })).await;
    ok(&server, "disable-key", json!({ "key_id": disabled })).await;
    server.clock.advance(366 * DAY);
    keys::rotate(&server.app).await.unwrap();
    for key in [&off, &disabled] {
        let stored = server.app.store.key(&server.app.identity.project_id, &key_id(key)).await.unwrap().unwrap();
        assert!(stored.details.materials.is_empty());
    }
    let body = json!({ "key_id": disabled });
    assert_eq!(call(&server, "enable-key-rotation", body).await.code(), "KMS.0401");
}

#[tokio::test]
async fn an_encryption_context_has_to_be_given_again() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let contexts = [json!({ "a": "b", "c": "d" }), json!("abc"), Value::Null];
    for given in &contexts {
        let body = json!({ "key_id": key, "datakey_length": "512", "encryption_context": given });
        let datakey = ok(&server, "create-datakey", body).await;
        let body = json!({ "key_id": key, "plain_text": "x", "encryption_context": given });
        let data = ok(&server, "encrypt-data", body).await;
        for again in &contexts {
            let body = json!({ "key_id": key, "cipher_text": datakey["cipher_text"], "datakey_cipher_length": "64",
                               "encryption_context": again });
            let opened = call(&server, "decrypt-datakey", body).await;
            let body = json!({ "cipher_text": data["cipher_text"], "encryption_context": again });
            let read = call(&server, "decrypt-data", body).await;
            let expected = if again == given { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            assert_eq!((opened.status, read.status), (expected, expected), "{given} opened with {again}");
        }
    }
}

#[tokio::test]
async fn additional_data_and_a_context_both_bind() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let body = json!({ "key_id": key, "plain_text": "x", "additional_authenticated_data": "ledger",
                       "encryption_context": { "a": "b" } });
    let sealed = ok(&server, "encrypt-data", body).await;
    let open = async |associated: Value, context: Value| {
        let body = json!({ "cipher_text": sealed["cipher_text"], "additional_authenticated_data": associated,
                           "encryption_context": context });
        call(&server, "decrypt-data", body).await.status
    };
    assert_eq!(open(json!("ledger"), json!({ "a": "b" })).await, StatusCode::OK);
    assert_eq!(open(json!("ledger"), Value::Null).await, StatusCode::BAD_REQUEST);
    assert_eq!(open(Value::Null, json!({ "a": "b" })).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn quotas_and_the_number_of_keys_are_shown() {
    let server = Server::start().await;
    create_key(&server, "own").await;
    let body = json!({ "name": "plain", "secret_string": "x" });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let resources = get(&server, "user-quotas").await["quotas"]["resources"].clone();
    assert_eq!(resources[0], json!({ "type": "CMK", "used": 2, "quota": 100 }));
    assert_eq!(get(&server, "user-instances").await, json!({ "instance_num": 1 }));
}

/// A key, a user without policies, and a grant of some operations to it.
async fn granted(operations: Value) -> (Server, String, (String, Key), String) {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![]).await;
    let body = json!({ "key_id": key, "grantee_principal": id, "operations": operations, "name": "for-alice" });
    let grant = ok(&server, "create-grant", body).await["grant_id"].as_str().unwrap().to_owned();
    (server, key, (id, alice), grant)
}

#[tokio::test]
async fn a_grant_of_a_key_lets_its_user_do_what_it_names_until_it_is_revoked() {
    let (server, key, (id, alice), grant) = granted(json!(["describe-key", "encrypt-data"])).await;
    let other = create_key(&server, "other").await;
    let (_, bob) = server.make_user("bob", "bob's password", vec![]).await;
    let status = async |who: &Key, operation: &str, key: &str| {
        let body = json!({ "key_id": key, "plain_text": "x" });
        server.call_as(who, "POST", &kms(&server, operation), &body).await.status
    };
    for operation in ["describe-key", "encrypt-data"] {
        assert_eq!(status(&alice, operation, &key).await, StatusCode::OK, "{operation}");
        assert_eq!(status(&alice, operation, &other).await, StatusCode::FORBIDDEN, "{operation}");
        assert_eq!(status(&bob, operation, &key).await, StatusCode::FORBIDDEN, "{operation}");
    }
    for operation in ["create-datakey", "disable-key", "list-grants"] {
        assert_eq!(status(&alice, operation, &key).await, StatusCode::FORBIDDEN, "{operation}");
    }
    let listed = ok(&server, "list-grants", json!({ "key_id": key })).await;
    assert_eq!((&listed["total"], &listed["truncated"]), (&json!(1), &json!("false")));
    let shown = &listed["grants"][0];
    assert_eq!((&shown["grantee_principal"], &shown["name"]), (&json!(id), &json!("for-alice")));
    ok(&server, "revoke-grant", json!({ "key_id": key, "grant_id": grant })).await;
    assert_eq!(status(&alice, "describe-key", &key).await, StatusCode::FORBIDDEN);
    let again = call(&server, "revoke-grant", json!({ "key_id": key, "grant_id": grant })).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_policy_that_denies_wins_over_a_grant_of_a_key() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let deny = r#"{"Version": "5.0", "Statement": [{"Effect": "Deny", "Action": ["kms:cmk:get"]}]}"#;
    let (id, alice) = server.make_user("alice", "alice's password", vec![Policy::parse(deny).unwrap()]).await;
    let body = json!({ "key_id": key, "grantee_principal": id, "operations": ["describe-key"] });
    ok(&server, "create-grant", body).await;
    let shown = server.call_as(&alice, "POST", &kms(&server, "describe-key"), &json!({ "key_id": key })).await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nobody_grants_what_they_may_not_do_themselves() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let granting = Policy::allow(vec!["kms:cmk:createGrant".to_owned(), "kms:cmk:get".to_owned()], None);
    let (id, alice) = server.make_user("alice", "alice's password", vec![granting]).await;
    let status = async |operations: Value| {
        let body = json!({ "key_id": key, "grantee_principal": id, "operations": operations });
        server.call_as(&alice, "POST", &kms(&server, "create-grant"), &body).await.status
    };
    assert_eq!(status(json!(["describe-key"])).await, StatusCode::OK);
    assert_eq!(status(json!(["describe-key", "decrypt-data"])).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_grant_is_retired_by_its_user_if_it_says_so_and_by_whom_it_names() {
    let (server, key, (_, alice), plain) = granted(json!(["describe-key"])).await;
    let (bob_id, bob) = server.make_user("bob", "bob's password", vec![]).await;
    let retire = async |who: &Key, grant: &str| {
        let body = json!({ "key_id": key, "grant_id": grant });
        server.call_as(who, "POST", &kms(&server, "retire-grant"), &body).await.status
    };
    let grant = async |operations: Value, retiring: &str| {
        let body = json!({ "key_id": key, "grantee_principal": bob_id, "operations": operations,
                           "retiring_principal": retiring });
        ok(&server, "create-grant", body).await["grant_id"].as_str().unwrap().to_owned()
    };
    let own = grant(json!(["describe-key", "retire-grant"]), "").await;
    let named = grant(json!(["describe-key"]), &bob_id).await;
    // A right to retire one grant is none to another.
    for (who, grant) in [(&alice, &plain), (&alice, &own), (&bob, &plain)] {
        assert_eq!(retire(who, grant).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(retire(&bob, &own).await, StatusCode::OK);
    assert_eq!(retire(&bob, &named).await, StatusCode::OK);
    assert_eq!(ok(&server, "list-grants", json!({ "key_id": key })).await["total"], 1);
}

#[tokio::test]
async fn a_grant_is_for_a_user_of_the_installation() {
    let server = Server::start().await;
    let key = create_key(&server, "own").await;
    let body = json!({ "key_id": key, "grantee_principal": "nobody", "operations": ["describe-key"] });
    let refused = call(&server, "create-grant", body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "KMS.0002"));
}

#[tokio::test]
async fn a_grant_of_a_key_serves_for_reading_a_secret_under_it() {
    let (server, key, (_, alice), _) = granted(json!(["decrypt-datakey"])).await;
    let body = json!({ "name": "db", "secret_string": "s", "kms_key_id": key });
    assert_eq!(server.call("POST", &server.path("secrets"), body).await.status, StatusCode::OK);
    let path = server.path("secrets/db/versions/latest");
    let status = async || server.call_as(&alice, "GET", &path, &Value::Null).await.status;
    assert_eq!(status().await, StatusCode::FORBIDDEN);
    let grant = json!({ "resource_id": "db", "type": "SECRET", "grantee_type": "0", "grantee_target_id": "alice" });
    assert_eq!(server.call("POST", &server.path("csms/grants"), grant).await.status, StatusCode::OK);
    assert_eq!(status().await, StatusCode::OK);
}
