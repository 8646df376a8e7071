//! Users of the installation, and their own passwords.

use crate::support::{Answer, Key, Server};
use axum::{body::Body, http::StatusCode};
use csms_core::policy::Policy;
use csms_store::Store;
use serde_json::{Value, json};

/// A password that nothing speaks against.
const NEW: &str = "Blue-Kettle 7q";

const OWN: &str = "csms:user:updatePassword";

fn own_password() -> Vec<Policy> {
    vec![Policy::allow(vec![OWN.to_owned()], None)]
}

async fn change(server: &Server, key: &Key, old: &str, new: &str) -> Answer {
    let body = json!({ "old_password": old, "password": new });
    server.call_as(key, "POST", "/v1/csms/users/change-password", &body).await
}

/// Whether the password lets its user sign in.
async fn signs_in(server: &Server, name: &str, password: &str) -> bool {
    let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": {
        "name": name, "password": password, "domain": { "name": server.credentials.domain_name },
    } } } } });
    let login = axum::http::Request::builder().method("POST").uri("/v3/auth/tokens");
    server.send(login.body(Body::from(body.to_string())).unwrap()).await.status == StatusCode::CREATED
}

#[tokio::test]
async fn users_are_listed_by_name_a_page_at_a_time() {
    let server = Server::start().await;
    let mut ids = vec![];
    for number in 0..11 {
        ids.push(server.make_user(&format!("user {number:02}"), "a password", vec![]).await.0);
    }
    let list = async |query: &str| {
        let answer = server.call("GET", &format!("/v1/csms/users?{query}"), Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let users = answer.body["users"].as_array().unwrap().clone();
        let names: Vec<_> = users.iter().map(|user| user["user_name"].as_str().unwrap().to_owned()).collect();
        (answer.body["total"].as_u64().unwrap(), names)
    };
    let names = |range: core::ops::Range<usize>| range.map(|number| format!("user {number:02}")).collect::<Vec<_>>();
    let (total, first) = list("offset=0&limit=10").await;
    assert_eq!((total, &first[0], &first[1..]), (12, &"admin".to_owned(), &*names(0..9)));
    assert_eq!(list("offset=1&limit=10&org_id=").await, (12, names(9..11)));
    assert_eq!(list("offset=0&limit=10&user_info=USER%200").await, (10, names(0..10)));
    assert_eq!(list("offset=0&limit=10&org_id=elsewhere").await, (0, vec![]));
    let organisation = &server.app.identity.domain_id;
    assert_eq!(list(&format!("offset=9&limit=100&org_id={organisation}")).await, (12, vec![]));

    let wrong = server.call("GET", "/v1/csms/users?limit=9", Value::Null).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    assert!(wrong.body["error"]["error_msg"].as_str().unwrap().contains("offset is required"), "{}", wrong.body);

    let shown = server.call("GET", &format!("/v1/csms/users/{}", ids[3]), Value::Null).await;
    assert_eq!((&shown.body["user_name"], &shown.body["disabled"]), (&json!("user 03"), &json!(false)));
    assert_eq!((&shown.body["domain_id"], &shown.body["locked"]), (&json!(organisation), &json!("false")));
    assert!(!shown.body.to_string().contains("argon2"), "{}", shown.body);
    let absent = server.call("GET", "/v1/csms/users/nobody", Value::Null).await;
    assert_eq!((absent.status, absent.code()), (StatusCode::NOT_FOUND, "CSMS.0005"));
}

#[tokio::test]
async fn a_user_changes_the_own_password() {
    let server = Server::start().await;
    let (id, key) = server.make_user("alice", "the old password", own_password()).await;
    let changed = change(&server, &key, "the old password", NEW).await;
    assert_eq!((changed.status, &changed.body), (StatusCode::OK, &json!({ "user_id": id })));
    assert!(signs_in(&server, "alice", NEW).await);
    assert!(!signs_in(&server, "alice", "the old password").await);
    let records = server.app.store.audit_records(0, 100, None).await.unwrap();
    let last = &records.last().unwrap().document;
    assert!(last.contains(r#""action":"UpdateUserPassword""#) && last.contains(r#""target":"alice""#), "{last}");
    assert!(!last.contains("password\":") && !last.contains(NEW), "{last}");
}

#[tokio::test]
async fn wrong_passwords_in_a_row_hold_the_change_off_for_a_while() {
    let server = Server::start().await;
    let (id, key) = server.make_user("alice", "the old password", own_password()).await;
    let mut guesses = 0;
    let held_off = loop {
        let refused = change(&server, &key, "a wrong password", NEW).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        if refused.code() != "CSMS.0602" {
            break refused;
        }
        guesses += 1;
        assert!(guesses < 20, "nothing slows the guesses down");
    };
    assert_eq!(held_off.code(), "CSMS.0603");
    let wait: u64 = held_off.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((2..=20).contains(&wait), "{wait}");
    assert!(
        held_off.body["error_msg"].as_str().unwrap().ends_with(&format!("wait {wait} seconds")),
        "{}",
        held_off.body
    );
    let shown = server.call("GET", &format!("/v1/csms/users/{id}"), Value::Null).await;
    assert_eq!(shown.body["locked"], "true");
    server.clock.advance(10 * 60_000);
    assert_eq!(change(&server, &key, "the old password", NEW).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_password_that_breaks_a_rule_is_refused_with_the_rule() {
    let server = Server::start().await;
    let (_, key) = server.make_user("alice cooper", "the old password", own_password()).await;
    for (new, rule) in [("short", "at least"), ("Alice Cooper 9!", "the user name"), ("Passw0rd!", "well-known")] {
        let refused = change(&server, &key, "the old password", new).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"), "{new}");
        assert!(refused.body["error_msg"].as_str().unwrap().contains(rule), "{}", refused.body);
    }
    assert!(signs_in(&server, "alice cooper", "the old password").await);
}

#[tokio::test]
async fn a_temporary_key_has_no_password_to_change() {
    let server = Server::start().await;
    let key = server.temporary(Policy::administrator());
    let refused = change(&server, &key, "the old password", NEW).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "CSMS.0302"));
}

#[tokio::test]
async fn agencies_are_there_once_they_are_made() {
    let server = Server::start().await;
    let granted = async |kind: &str| {
        let answer = server.call("GET", &format!("/v1/csms/agencies?secret_type={kind}"), Value::Null).await;
        answer.body["agency_granted"].as_str().unwrap_or_default().to_owned()
    };
    let create = async |kind: &str| {
        let answer = server.call("POST", "/v1/csms/agencies", json!({ "secret_type": kind })).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body["agencies"].clone()
    };
    assert_eq!(granted("RDS-FG").await, "false");
    let made = create("RDS-FG").await;
    let names: Vec<_> = made.as_array().unwrap().iter().map(|agency| agency["agency_name"].clone()).collect();
    assert_eq!(names, ["CSMSAccessFunctionGraph", "FunctionGraphAgencyForRotateRDSByCSMSV3"]);
    assert_eq!((granted("RDS-FG").await.as_str(), granted("GaussDB-FG").await.as_str()), ("true", "false"));
    assert_eq!(create("RDS-FG").await, made);
    // The agency of the service is one for both types.
    assert_eq!(create("GaussDB-FG").await[0], made[0]);
    assert_eq!(granted("GaussDB-FG").await, "true");
    let wrong = server.call("POST", "/v1/csms/agencies", json!({ "secret_type": "COMMON" })).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
}
