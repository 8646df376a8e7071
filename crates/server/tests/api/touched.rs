//! What a request touches besides the secret or key that it names: each of those is judged on its own.

use crate::support::{Answer, Server};
use axum::http::StatusCode;
use csms_store::Store as _;
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

const FUNCTION: &str = "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:any:latest";

/// A server with the secret `adm` of an administrator, and the secret `prod-db` under a key of its own that names it, which the
/// server does not rotate by itself. Returns the key, too.
async fn rotated() -> (Server, String) {
    let server = Server::start().await;
    let own = make_key(&server, "own").await;
    let config = json!({ "InstanceId": "i", "SecretSubType": "SingleUser", "AdminSecret": "adm" });
    let account = json!({ "engine": "mysql", "host": "127.0.0.1", "username": "app", "password": "x" });
    for body in [
        json!({ "name": "adm", "secret_string": "x" }),
        json!({
            "name": "prod-db", "secret_string": account.to_string(), "secret_type": "RDS-FG", "kms_key_id": own,
            "rotation_config": config.to_string(), "rotation_func_urn": FUNCTION,
        }),
    ] {
        let made = server.call("POST", &server.path("secrets"), body).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    }
    (server, own)
}

/// What denies a rotation of `prod-db`: the secret itself, its key, its function, and the secret of its administrator.
fn denying(key: &str) -> [Value; 4] {
    [
        json!({ "Action": ["csms:secret:rotate"], "Resource": ["CSMS:*:*:secretName:prod-*"] }),
        json!({ "Action": ["kms:*"], "Resource": [format!("KMS:*:*:KeyId:{key}")] }),
        json!({ "Action": ["functiongraph:*"], "Resource": ["functiongraph:*:*:function:default/any"] }),
        json!({ "Action": ["csms:secret:getVersion"], "Resource": ["CSMS:*:*:secretName:adm"] }),
    ]
}

/// Whether an answer is a refusal of a right to the secret, to its key, to its function or to the administrator's secret.
fn is_refused(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN
        || (answer.code() == "CSMS.0401" && answer.body.to_string().contains("policies do not allow"))
}

#[tokio::test]
async fn a_rotation_is_refused_to_whom_its_key_its_function_or_its_administrator_is_denied() {
    let (server, key) = rotated().await;
    let rotate = server.path("secrets/prod-db/rotate");
    for denied in denying(&key) {
        let answer = server.call_as(&server.limited(&all_but(&denied)), "POST", &rotate, &Value::Null).await;
        assert!(is_refused(&answer), "{denied}: {} {}", answer.status, answer.body);
    }
    // The right to rotate is enough for whom nothing is denied: they get as far as the function that does not run here.
    let rotating = server.limited(&json!([{ "Effect": "Allow", "Action": ["csms:secret:rotate"] }]));
    let answer = server.call_as(&rotating, "POST", &rotate, &Value::Null).await;
    assert_eq!(answer.code(), "CSMS.0502", "{}", answer.body);
}

#[tokio::test]
async fn whoever_may_not_rotate_a_secret_cannot_have_the_server_rotate_it() {
    let (server, key) = rotated().await;
    let db = server.path("secrets/prod-db");
    let update = async |key: &crate::support::Key, body: &Value| server.call_as(key, "PUT", &db, body).await;
    let on = |period: &str| json!({ "auto_rotation": true, "rotation_period": period });
    let other = json!({ "rotation_func_urn": FUNCTION.replace(":any:", ":another:") });
    for denied in denying(&key) {
        let limited = server.limited(&all_but(&denied));
        assert!(is_refused(&update(&limited, &on("30d")).await), "{denied}");
        let answer = update(&limited, &json!({ "description": "mine" })).await;
        assert_eq!(answer.status, StatusCode::OK, "{denied}: {}", answer.body);
        // What changes nothing about a schedule that is on, or puts it off, begins nothing.
        assert_eq!(update(&server.key(), &on("30d")).await.status, StatusCode::OK);
        for (body, is_begun) in [(on("30d"), false), (on("60d"), false), (on("20d"), true), (other.clone(), true)] {
            let answer = update(&limited, &body).await;
            // Of another function nothing is denied.
            let is_denied = is_begun && !(body == other && denied.to_string().contains("functiongraph"));
            assert_eq!(is_refused(&answer), is_denied, "{denied} {body}: {} {}", answer.status, answer.body);
        }
        let back = json!({ "auto_rotation": false, "rotation_func_urn": FUNCTION });
        assert_eq!(update(&server.key(), &back).await.status, StatusCode::OK);
    }
    // Without a Deny the right to update is enough.
    let updating = server.limited(&json!([{ "Effect": "Allow", "Action": ["csms:secret:update"] }]));
    assert_eq!(update(&updating, &on("30d")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_may_not_rotate_a_secret_cannot_make_or_restore_one_that_the_server_rotates() {
    let (server, key) = rotated().await;
    let on = json!({ "auto_rotation": true, "rotation_period": "30d" });
    assert_eq!(server.call("PUT", &server.path("secrets/prod-db"), on.clone()).await.status, StatusCode::OK);
    let blob = server.call("POST", &server.path("secrets/prod-db/backup"), Value::Null).await;
    let restored = json!({ "secret_blob": blob.body["secret_blob"] });
    let gone = server.call("DELETE", &server.path("secrets/prod-db"), Value::Null).await;
    assert!(gone.status.is_success(), "{}", gone.body);
    let config = json!({ "InstanceId": "i", "SecretSubType": "SingleUser", "AdminSecret": "adm" }).to_string();
    let mut made = json!({
        "name": "prod-new", "secret_string": "x", "secret_type": "RDS-FG", "kms_key_id": key,
        "rotation_config": config, "rotation_func_urn": FUNCTION,
    });
    made.as_object_mut().unwrap().extend(on.as_object().unwrap().clone());
    let (secrets, restore) = (server.path("secrets"), server.path("secrets/restore"));
    for denied in denying(&key) {
        let limited = server.limited(&all_but(&denied));
        for (path, body) in [(&secrets, &made), (&restore, &restored)] {
            let answer = server.call_as(&limited, "POST", path, body).await;
            assert!(is_refused(&answer), "{denied} {path}: {} {}", answer.status, answer.body);
        }
    }
    let allowed = json!([{
        "Effect": "Allow",
        "Action": ["csms:secret:create", "csms:secret:getVersion", "kms:*"],
    }]);
    let allowed = server.limited(&allowed);
    for (path, body) in [(&secrets, &made), (&restore, &restored)] {
        let answer = server.call_as(&allowed, "POST", path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_change_of_a_key_is_judged_by_the_key_as_it_is_when_it_is_changed() {
    let server = Server::start().await;
    let own = make_key(&server, "own").await;
    let production = json!({ "StringEquals": { "g:ResourceTag/stage": ["production"] } });
    let limited = server.limited(&all_but(&json!({ "Action": ["kms:*"], "Condition": production })));
    let kms = |operation: &str| format!("/v1.0/{}/kms/{operation}", server.credentials.project_id);
    let by_id = json!({ "key_id": own });
    for operation in ["disable-key", "enable-key"] {
        let answer = server.call_as(&limited, "POST", &kms(operation), &by_id).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    // Another change of the key is under way, which tags it.
    let (proceed, waiting) = std::sync::mpsc::channel();
    let tag = csms_core::tag::Tag {
        key: csms_core::tag::TagKey::parse("stage").unwrap(),
        value: csms_core::tag::TagValue::parse("production").unwrap(),
    };
    let project = server.app.identity.project_id.clone();
    let tagging = server.app.store.change_keys(&project, move |keys| {
        waiting.recv().unwrap();
        for key in keys.iter_mut().filter(|key| key.alias == "own") {
            key.details.tags = vec![tag.clone()];
        }
        Ok::<_, std::convert::Infallible>(((), Vec::new()))
    });
    let path = kms("disable-key");
    let disabling = server.call_as(&limited, "POST", &path, &by_id);
    tokio::pin!(tagging, disabling);
    for _ in 0..1000 {
        tokio::select! {
            biased;
            _ = &mut tagging => panic!("the tagging waits"),
            answer = &mut disabling => panic!("the change waits for the one before it: {}", answer.body),
            () = tokio::task::yield_now() => {}
        }
    }
    proceed.send(()).unwrap();
    let (tagged, answer) = tokio::join!(tagging, disabling);
    assert!(tagged.is_ok());
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
}
