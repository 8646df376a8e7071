//! Grants: users who may read a secret although no policy of theirs says so.

use crate::support::{Answer, Key, Server};
use axum::http::StatusCode;
use csms_core::policy::Policy;
use csms_server::audit::Record;
use csms_store::Store;
use serde_json::{Value, json};

const DAY: u64 = 86_400_000;

async fn create(server: &Server, name: &str) -> String {
    let answer = server.call("POST", &server.path("secrets"), json!({ "name": name, "secret_string": "s" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["secret"]["id"].as_str().unwrap().to_owned()
}

fn body(secret: &str, user: &str) -> Value {
    json!({ "resource_id": secret, "type": "SECRET", "grantee_type": "0", "grantee_target_id": user })
}

async fn grant(server: &Server, secret: &str, user: &str) {
    let answer = server.call("POST", &server.path("csms/grants"), body(secret, user)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

/// The day of the server's clock and some days, as `validity_time` has it.
fn day(server: &Server, later: u64) -> String {
    let text = csms_core::sign::format_date(server.clock.now().plus_millis(later * DAY));
    format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..8])
}

async fn status(server: &Server, key: &Key, method: &str, rest: &str) -> StatusCode {
    let body = if method == "GET" { Value::Null } else { json!({ "secret_string": "s", "secret_name_list": ["db"] }) };
    server.call_as(key, method, &server.path(rest), &body).await.status
}

#[tokio::test]
async fn a_grant_lets_its_user_read_the_one_secret_and_change_nothing() {
    let server = Server::start().await;
    let (_, key) = server.make_user("alice", "alice's password", vec![]).await;
    create(&server, "db").await;
    create(&server, "other").await;
    assert_eq!(status(&server, &key, "GET", "secrets/db/versions/latest").await, StatusCode::FORBIDDEN);
    grant(&server, "db", "alice").await;
    for (method, rest) in [
        ("GET", "secrets/db"),
        ("GET", "secrets/db/versions"),
        ("GET", "secrets/db/versions/latest"),
        ("GET", "secrets/db/stages/SYSCURRENT"),
        ("POST", "secrets/batch-get-secret-value"),
    ] {
        assert_eq!(status(&server, &key, method, rest).await, StatusCode::OK, "{rest}");
    }
    for (method, rest) in [
        ("GET", "secrets/other/versions/latest"),
        ("GET", "secrets"),
        ("PUT", "secrets/db"),
        ("POST", "secrets/db/versions"),
        ("POST", "secrets/db/backup"),
        ("DELETE", "secrets/db"),
        ("GET", "csms/grants?resource_id=db"),
        ("DELETE", "csms/grants?resource_id=db"),
    ] {
        assert_eq!(status(&server, &key, method, rest).await, StatusCode::FORBIDDEN, "{method} {rest}");
    }
}

#[tokio::test]
async fn a_policy_that_denies_wins_over_a_grant() {
    let server = Server::start().await;
    let deny = r#"{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["csms:secret:getVersion"]}]}"#;
    let (id, key) = server.make_user("alice", "alice's password", vec![Policy::parse(deny).unwrap()]).await;
    create(&server, "db").await;
    grant(&server, "db", &id).await;
    assert_eq!(status(&server, &key, "GET", "secrets/db").await, StatusCode::OK);
    assert_eq!(status(&server, &key, "GET", "secrets/db/versions/latest").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_grant_counts_to_the_end_of_its_last_day_and_can_be_prolonged() {
    let server = Server::start().await;
    let (id, key) = server.make_user("alice", "alice's password", vec![]).await;
    let secret = create(&server, "db").await;
    let mut wanted = body(&secret, &id);
    wanted["validity_time"] = json!(day(&server, 1));
    let made = server.call("POST", &server.path("csms/grants"), wanted.clone()).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!((&made.body["data"]["resourceId"], &made.body["data"]["granteeUser"]), (&json!(secret), &json!(id)));
    let read = async || status(&server, &key, "GET", "secrets/db/versions/latest").await;
    server.clock.advance(DAY);
    assert_eq!(read().await, StatusCode::OK);
    server.clock.advance(DAY);
    assert_eq!(read().await, StatusCode::FORBIDDEN);
    let path = server.path("csms/grants?resource_id=db");
    let over = server.call("PUT", &path, wanted.clone()).await;
    assert_eq!((over.status, over.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    wanted["validity_time"] = Value::Null;
    let prolonged = server.call("PUT", &path, wanted).await;
    assert_eq!(prolonged.status, StatusCode::OK, "{}", prolonged.body);
    assert_eq!(prolonged.body["data"]["uuid"], made.body["data"]["uuid"]);
    assert_eq!(read().await, StatusCode::OK);
}

#[tokio::test]
async fn grants_are_listed_with_their_users_and_taken_away() {
    let server = Server::start().await;
    let (alice, key) = server.make_user("alice", "alice's password", vec![]).await;
    let (bob, _) = server.make_user("bob", "bob's password", vec![]).await;
    let secret = create(&server, "db").await;
    grant(&server, &secret, &alice).await;
    grant(&server, "db", "bob").await;
    let list = async || {
        let answer = server.call("GET", &server.path("csms/grants?resource_id=db"), Value::Null).await;
        assert_eq!((&answer.body["data"]["id"], &answer.body["data"]["name"]), (&json!(secret), &json!("db")));
        let users = answer.body["data"]["grantee_user"].as_array().unwrap().clone();
        users.iter().map(|user| (user["user_id"].clone(), user["user_name"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [(json!(alice), json!("alice")), (json!(bob), json!("bob"))]);
    let delete =
        async |rest: &str| server.call("DELETE", &server.path(&format!("csms/grants?{rest}")), Value::Null).await;
    assert_eq!(delete("resource_id=db&grantee_user=alice").await.status, StatusCode::NO_CONTENT);
    assert_eq!(status(&server, &key, "GET", "secrets/db").await, StatusCode::FORBIDDEN);
    let again = delete("resource_id=db&grantee_user=alice").await;
    assert_eq!((again.status, again.code()), (StatusCode::NOT_FOUND, "CSMS.0005"));
    assert_eq!(delete("resource_id=db").await.status, StatusCode::NO_CONTENT);
    assert_eq!(list().await, []);
}

#[tokio::test]
async fn what_cannot_be_granted_is_refused_with_its_reason() {
    let server = Server::start().await;
    server.make_user("alice", "alice's password", vec![]).await;
    create(&server, "db").await;
    let refused = async |body: Value| -> Answer { server.call("POST", &server.path("csms/grants"), body).await };
    let mut group = body("db", "alice");
    group["type"] = json!("group");
    let groups = refused(group).await;
    assert_eq!((groups.status, groups.code()), (StatusCode::BAD_REQUEST, "CSMS.0601"));
    let unknown = refused(body("db", "nobody")).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    let absent = refused(body("absent", "alice")).await;
    assert_eq!((absent.status, absent.code()), (StatusCode::NOT_FOUND, "CSMS.0106"));
    grant(&server, "db", "alice").await;
    let twice = refused(body("db", "alice")).await;
    assert_eq!((twice.status, twice.code()), (StatusCode::BAD_REQUEST, "CSMS.0101"));
    let other = server.call("PUT", &server.path("csms/grants?resource_id=db"), body("absent", "alice")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_grants_what_only_a_grant_lets_them_read() {
    let server = Server::start().await;
    let granting = Policy::allow(vec!["csms:grant:*".to_owned()], None);
    let (_, key) = server.make_user("alice", "alice's password", vec![granting]).await;
    create(&server, "db").await;
    grant(&server, "db", "alice").await;
    for (method, rest) in [("POST", "csms/grants"), ("PUT", "csms/grants?resource_id=db")] {
        let answer = server.call_as(&key, method, &server.path(rest), &body("db", "admin")).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "CSMS.0302"), "{method}");
    }
}

#[tokio::test]
async fn a_policy_may_limit_the_secrets_that_are_granted() {
    let server = Server::start().await;
    let resource = Some(vec!["CSMS:*:*:secretName:mine".to_owned()]);
    let actions = vec!["csms:grant:*".to_owned(), "csms:secret:getVersion".to_owned()];
    let (_, key) = server.make_user("alice", "alice's password", vec![Policy::allow(actions, resource)]).await;
    let mine = create(&server, "mine").await;
    let other = create(&server, "other").await;
    let grants = async |secret: &str| {
        let answer = server.call_as(&key, "POST", &server.path("csms/grants"), &body(secret, "admin")).await;
        let rest = format!("csms/grants?resource_id={secret}");
        let listed = server.call_as(&key, "GET", &server.path(&rest), &Value::Null).await;
        (answer.status, listed.status)
    };
    assert_eq!(grants(&mine).await, (StatusCode::OK, StatusCode::OK));
    assert_eq!(grants(&other).await, (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    assert_eq!(grants("other").await, (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
}

#[tokio::test]
async fn a_secret_created_again_or_restored_has_no_grants() {
    let server = Server::start().await;
    let (_, key) = server.make_user("alice", "alice's password", vec![]).await;
    create(&server, "db").await;
    grant(&server, "db", "alice").await;
    let backup = server.call("POST", &server.path("secrets/db/backup"), Value::Null).await.body;
    server.call("DELETE", &server.path("secrets/db"), Value::Null).await;
    create(&server, "db").await;
    assert_eq!(status(&server, &key, "GET", "secrets/db").await, StatusCode::FORBIDDEN);
    server.call("DELETE", &server.path("secrets/db"), Value::Null).await;
    assert_eq!(server.call("POST", &server.path("secrets/restore"), backup).await.status, StatusCode::OK);
    assert_eq!(status(&server, &key, "GET", "secrets/db").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_change_of_grants_is_recorded_with_secret_and_user() {
    let server = Server::start().await;
    let (alice, _) = server.make_user("alice", "alice's password", vec![]).await;
    create(&server, "db").await;
    grant(&server, "db", "alice").await;
    let path = server.path("csms/grants?resource_id=db");
    assert_eq!(server.call("PUT", &path, body("db", "alice")).await.status, StatusCode::OK);
    assert_eq!(server.call("DELETE", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    let records = server.app.store.audit_records(0, 100, Some("db")).await.unwrap();
    let records = records.iter().map(|record| serde_json::from_str::<Record<'_>>(&record.document).unwrap());
    let told: Vec<_> =
        records.skip(1).map(|record| (record.action.to_owned(), record.target.map(str::to_owned))).collect();
    let expected =
        ["CreateGrants", "UpdateGrant", "DeleteGrant"].map(|action| (action.to_owned(), Some(alice.clone())));
    assert_eq!(told, expected);
}
