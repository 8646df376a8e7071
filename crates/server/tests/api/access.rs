//! Who gets in, and to what: signatures, their age, temporary keys, projects, policies.

use crate::support::{Answer, Key, Server};
use axum::{body::Body, http::StatusCode};
use csms_api::Operation;
use csms_core::{
    policy::Policy,
    sign::{MAX_SKEW_MILLIS, format_date},
};
use serde_json::{Value, json};

async fn create(server: &Server, name: &str) {
    let answer = server.call("POST", &server.path("secrets"), json!({ "name": name, "secret_string": "s" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn every_operation_is_denied_without_a_policy_that_allows_it() {
    let server = Server::start().await;
    let none = server.temporary(Policy::allow(vec![], None));
    for operation in Operation::ALL.iter().filter(|operation| !operation.needs_no_action()) {
        let specification = operation.specification();
        let path = operation.path(&[server.credentials.project_id.as_str(), "demo", "v1"]);
        let answer = server.call_as(&none, specification.method.as_str(), &path, &json!({})).await;
        let (status, code) = (answer.status, answer.code());
        assert_eq!((status, code), (StatusCode::FORBIDDEN, "CSMS.0302"), "{}", specification.name);
    }
}

#[tokio::test]
async fn every_operation_is_allowed_by_its_own_actions_and_by_no_others() {
    let server = Server::start().await;
    for operation in Operation::ALL {
        let specification = operation.specification();
        let only = server.temporary(Policy::allow(vec![specification.actions[0].to_owned()], None));
        for other in Operation::ALL {
            let path = other.path(&[server.credentials.project_id.as_str(), "absent", "v1"]);
            let answer = server.call_as(&only, other.specification().method.as_str(), &path, &json!({})).await;
            let allowed = answer.status != StatusCode::FORBIDDEN;
            let named = other.needs_no_action() || other.specification().actions.contains(&specification.actions[0]);
            assert_eq!(allowed, named, "{} {}", specification.name, other.specification().name);
        }
    }
}

#[tokio::test]
async fn a_temporary_key_reaches_the_one_secret_it_is_for() {
    let server = Server::start().await;
    create(&server, "mine").await;
    create(&server, "other").await;
    let resource = Some(vec!["CSMS:*:*:secretName:mine".to_owned()]);
    let key = server.temporary(Policy::allow(vec!["csms:secret:getVersion".to_owned()], resource));
    let read = async |name: &str| {
        let path = server.path(&format!("secrets/{name}/versions/latest"));
        server.call_as(&key, "GET", &path, &Value::Null).await.status
    };
    assert_eq!(read("mine").await, StatusCode::OK);
    assert_eq!(read("other").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_temporary_key_ends() {
    let server = Server::start().await;
    let key = server.temporary(Policy::administrator());
    server.clock.advance(600_001);
    let answer = server.call_as(&key, "GET", &server.path("secrets"), &Value::Null).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "APIGW.0301"));
}

#[tokio::test]
async fn a_security_token_goes_with_its_own_access_key_only() {
    let server = Server::start().await;
    let mut key = server.temporary(Policy::administrator());
    key.access_key = server.key().access_key;
    let answer = server.call_as(&key, "GET", &server.path("secrets"), &Value::Null).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_signature_may_be_15_minutes_off_and_no_more() {
    let server = Server::start().await;
    let status = async |millis: i64| {
        let now = i64::try_from(server.clock.now().as_millis()).unwrap();
        let date = format_date(csms_core::UnixMillis::new(u64::try_from(now + millis).unwrap()));
        let path = server.path("secrets");
        let request = server.signed_at(&server.key(), "GET", &path, b"", &date).body(Body::empty()).unwrap();
        server.send(request).await.status
    };
    let skew = i64::try_from(MAX_SKEW_MILLIS).unwrap();
    assert_eq!(status(-skew + 5000).await, StatusCode::OK);
    assert_eq!(status(skew - 5000).await, StatusCode::OK);
    assert_eq!(status(-skew - 5000).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(skew + 5000).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_changed_body_breaks_the_signature() {
    let server = Server::start().await;
    let path = server.path("secrets");
    let signed = server.signed(&server.key(), "POST", &path, br#"{"name":"a"}"#);
    let answer = server.send(signed.body(Body::from(r#"{"name":"b"}"#)).unwrap()).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "APIGW.0301"));
}

#[tokio::test]
async fn a_declared_hash_does_not_stand_in_for_a_json_body() {
    let server = Server::start().await;
    let path = server.path("secrets");
    let declared = csms_core::sign::payload_hash(br#"{"name":"a"}"#);
    let signed = server.signed(&server.key(), "POST", &path, br#"{"name":"a"}"#);
    let request = signed.header("x-sdk-content-sha256", declared).body(Body::from(r#"{"name":"b"}"#)).unwrap();
    assert_eq!(server.send(request).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_that_is_not_signed_is_refused_by_name_whether_there_is_such_a_key_or_not() {
    let server = Server::start().await;
    let unknown = Key { access_key: "UNKNOWN".to_owned(), ..server.key() };
    for key in [server.key(), unknown] {
        for header in ["x-sdk-content-sha256", "x-sdk-content-sm3"] {
            let signed = server.signed(&key, "POST", &server.path("secrets"), br#"{"name":"a"}"#);
            let request = signed.header(header, "UNSIGNED-PAYLOAD").body(Body::from(r#"{"name":"a"}"#)).unwrap();
            let refused = server.send(request).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
            assert!(refused.body["error_msg"].as_str().unwrap().contains("UNSIGNED-PAYLOAD"), "{}", refused.body);
        }
    }
    let signed = server.signed(&server.key(), "GET", &server.path("secrets"), b"");
    let request = signed.header("x-sdk-content-sha256", "UNSIGNED-PAYLOAD").body(Body::empty()).unwrap();
    assert_eq!(server.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_scheme_that_is_not_accepted_is_told_which_are() {
    let server = Server::start().await;
    for scheme in ["SDK-ECDSA-P256-SHA256", "SDK-SM2-SM3", "AWS4-HMAC-SHA256"] {
        let authorization = format!("{scheme} Access=a, SignedHeaders=x-sdk-date, Signature=00");
        let request = axum::http::Request::builder().uri(server.path("secrets")).header("host", "localhost");
        let refused = server.send(request.header("authorization", authorization).body(Body::empty()).unwrap()).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let message = refused.body["error_msg"].as_str().unwrap();
        for accepted in ["SDK-HMAC-SHA256", "SDK-HMAC-SM3", "V11-HMAC-SHA256"] {
            assert!(message.contains(accepted), "{message}");
        }
    }
}

#[tokio::test]
async fn a_body_of_another_content_type_is_hashed_all_the_same() {
    let server = Server::start().await;
    let path = server.path("secrets");
    let mut signed = server.signed(&server.key(), "POST", &path, br#"{"name":"a"}"#).body(()).unwrap();
    // The signature covers a declared hash only if the server takes it for the body's.
    let declared = csms_core::sign::payload_hash(br#"{"name":"a"}"#);
    signed.headers_mut().insert("x-sdk-content-sha256", declared.parse().unwrap());
    let (parts, ()) = signed.into_parts();
    let request = axum::http::Request::from_parts(parts, Body::from(r#"{"name":"evil","secret_string":"x"}"#));
    assert_eq!(server.send(request).await.status, StatusCode::UNAUTHORIZED);
    let shown = server.call("GET", &server.path("secrets/evil"), Value::Null).await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_policy_may_limit_the_names_of_secrets_that_are_created() {
    let server = Server::start().await;
    let resource = Some(vec!["CSMS:*:*:secretName:team-*".to_owned()]);
    let key = server.temporary(Policy::allow(vec!["csms:secret:create".to_owned()], resource));
    let create = async |name: &str| {
        let body = json!({ "name": name, "secret_string": "s" });
        server.call_as(&key, "POST", &server.path("secrets"), &body).await.status
    };
    assert_eq!(create("team-a").await, StatusCode::OK);
    assert_eq!(create("other").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_login_with_a_large_body_is_refused_before_it_is_read_to_the_end() {
    let server = Server::start().await;
    let request = axum::http::Request::builder().method("POST").uri("/v3/auth/tokens");
    let answer = server.send(request.body(Body::from(vec![b' '; 64 * 1024 + 1])).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_project_in_the_header_must_be_the_one_in_the_path() {
    let server = Server::start().await;
    let path = server.path("secrets");
    let request = server.signed(&server.key(), "GET", &path, b"").header("x-project-id", "0".repeat(32));
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "CSMS.0302"));
}

#[tokio::test]
async fn a_header_that_is_judged_does_not_say_two_things() {
    let server = Server::start().await;
    let path = server.path("secrets");
    let date = csms_core::sign::format_date(server.clock.now());
    let other = csms_core::sign::format_date(server.clock.now().plus_millis(1000));
    let project = server.credentials.project_id.clone();
    for (name, value, status) in [
        ("x-sdk-date", date.as_str(), 200),
        ("x-sdk-date", other.as_str(), 401),
        ("host", "localhost", 200),
        ("host", "elsewhere", 401),
        ("authorization", "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=b", 401),
        ("x-project-id", project.as_str(), 200),
        ("x-project-id", "0123456789abcdef0123456789abcdef", 403),
    ] {
        let request = server.signed_at(&server.key(), "GET", &path, b"", &date);
        let request = request.header("x-project-id", &project).header(name, value).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_body_before_the_head_is_right() {
    let server = Server::start().await;
    // A body that never ends: an answer proves that it was not waited for.
    let endless = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = axum::http::Request::builder().method("POST").uri(server.path("secrets")).body(endless).unwrap();
    assert_eq!(server.send(request).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_of_a_login_works_until_it_ends() {
    let server = Server::start().await;
    let credentials = &server.credentials;
    let body = json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": {
            "name": credentials.user_name, "password": &*credentials.password,
            "domain": { "name": credentials.domain_name },
        } } },
        "scope": { "project": { "id": credentials.project_id } },
    } });
    let login = axum::http::Request::builder().method("POST").uri("/v3/auth/tokens");
    let answer = server.send(login.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let token = answer.headers["x-subject-token"].clone();
    let list = async || {
        let request = axum::http::Request::builder().uri(server.path("secrets")).header("x-auth-token", token.clone());
        server.send(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(list().await, StatusCode::OK);
    server.clock.advance(25 * 3_600_000);
    assert_eq!(list().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_answer_carries_a_request_id_of_its_own() {
    let server = Server::start().await;
    let first = server.call("GET", &server.path("secrets"), Value::Null).await;
    let second = server.call("GET", "/nowhere", Value::Null).await;
    assert_eq!((second.status, second.code()), (StatusCode::NOT_FOUND, "APIGW.0101"));
    assert_ne!(first.headers["x-request-id"], second.headers["x-request-id"]);
}

/// A key with the policy of this text.
fn with_policy(server: &Server, text: &str) -> Key {
    server.temporary(Policy::parse(text).unwrap())
}

#[tokio::test]
async fn conditions_look_at_the_request_and_at_the_secret() {
    let server = Server::start().await;
    create(&server, "plain").await;
    let text = r#"{"Version":"5.0","Statement":[
        {"Effect":"Allow","Action":["csms:*"],"Condition":{"StringEquals":{"csms:Type":"COMMON"}}},
        {"Effect":"Deny","Action":["csms:secret:create"],"Condition":{"Null":{"csms:KmsKeyId":"false"}}},
        {"Effect":"Deny","Action":["csms:secret:create"],"Condition":{"ForAnyValue:StringEquals":{"g:TagKeys":["owner"]}}}]}"#;
    let key = with_policy(&server, text);
    let status = async |method: &str, rest: &str, body: Value| {
        server.call_as(&key, method, &server.path(rest), &body).await.status
    };
    assert_eq!(status("GET", "secrets/plain/versions/latest", Value::Null).await, StatusCode::OK);
    assert_eq!(status("GET", "secrets/absent", Value::Null).await, StatusCode::FORBIDDEN);
    let body = json!({ "name": "a", "secret_string": "s" });
    assert_eq!(status("POST", "secrets", body).await, StatusCode::OK);
    let config = r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#;
    let body = json!({ "name": "b", "secret_string": "s", "secret_type": "RDS-FG", "rotation_config": config });
    assert_eq!(status("POST", "secrets", body).await, StatusCode::FORBIDDEN);
    let body = json!({ "name": "b", "secret_string": "s", "kms_key_id": "0b1c2d3e-0000-4000-8000-000000000000" });
    assert_eq!(status("POST", "secrets", body).await, StatusCode::FORBIDDEN);
    // The operation takes no tags, so there are none to judge.
    let body = json!({ "name": "b", "secret_string": "s", "tags": [{ "key": "owner", "value": "me" }] });
    assert_eq!(status("POST", "secrets", body).await, StatusCode::OK);
}

#[tokio::test]
async fn a_condition_on_the_time_ends_a_right() {
    let server = Server::start().await;
    create(&server, "plain").await;
    let text = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["*"],
        "Condition":{"DateLessThan":{"g:CurrentTime":"2001-01-01T00:00:00Z"}}}]}"#;
    let over = with_policy(&server, text);
    let later = with_policy(&server, &text.replace("2001", "2999"));
    let status = async |key: &Key| server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await.status;
    assert_eq!((status(&over).await, status(&later).await), (StatusCode::FORBIDDEN, StatusCode::OK));
}

#[tokio::test]
async fn wrong_signatures_never_lock_a_key() {
    let server = Server::start().await;
    let wrong = Key { secret_key: "wrong".to_owned(), ..server.key() };
    let call = async |key: &Key| server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await;
    for _ in 0..20 {
        assert_eq!(call(&wrong).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(call(&server.key()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_access_key_and_a_wrong_signature_get_the_same_answer() {
    let server = Server::start().await;
    let wrong = Key { secret_key: "wrong".to_owned(), ..server.key() };
    let unknown = Key { access_key: "A".repeat(20), ..server.key() };
    let call = async |key: &Key| server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await;
    let (wrong, unknown) = (call(&wrong).await, call(&unknown).await);
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let without_id = |mut answer: Answer| {
        if let Some(body) = answer.body.as_object_mut() {
            body.remove("request_id");
        }
        (answer.status, answer.body)
    };
    assert_eq!(without_id(wrong), without_id(unknown));
}
