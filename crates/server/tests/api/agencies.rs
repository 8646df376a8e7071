//! Agencies: who may assume one, what it may do, when what was assumed ends, and what the records say.

use crate::support::{Answer, Key, Server, any_password, giving_rights};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use csms_core::policy::Policy;
use csms_server::{auth::passwords, services::csms::agencies::BUILT_IN};
use csms_store::{AccessChange, AgencyRecord, PolicyDetails, PolicyRecord, Store};
use serde_json::{Value, json};

const TOKENS: &str = "/v3/auth/tokens";
const MINT: &str = "/v3.0/OS-CREDENTIAL/securitytokens";
const SESSION: &str = "/v5/agencies/assume";

fn policy(statements: &Value) -> Policy {
    Policy::parse(&json!({ "Version": "5.0", "Statement": statements }).to_string()).unwrap()
}

/// The right to assume every agency, and nothing else.
fn may_assume() -> Policy {
    policy(&json!([{ "Effect": "Allow", "Action": ["iam:agencies:assume"] }]))
}

async fn change(server: &Server, change: AccessChange) {
    server.app.store.change_access(vec![change], Vec::new()).await.unwrap();
    server.app.authenticator.forget();
}

/// Makes the agency `build` with a policy, which `users` may assume.
async fn make_agency(server: &Server, users: &[&str], statements: Value) -> AgencyRecord {
    let record = PolicyRecord {
        name: "of build".to_owned(),
        description: String::new(),
        policy: policy(&statements),
        details: PolicyDetails::default(),
    };
    change(server, AccessChange::PutPolicy(record)).await;
    let agency = AgencyRecord {
        id: "a".repeat(32),
        name: "build".to_owned(),
        description: String::new(),
        projects: vec![server.app.identity.project_id.clone()],
        attached: vec!["of build".to_owned()],
        users: users.iter().map(|&user| user.to_owned()).collect(),
        create_time: server.clock.now(),
    };
    change(server, AccessChange::PutAgency(agency.clone())).await;
    agency
}

fn listing() -> Value {
    json!([{ "Effect": "Allow", "Action": ["csms:secret:list", "csms:secret:create", "iam:*:*"] }])
}

fn assumed(agency: &str) -> Value {
    json!({ "auth": { "identity": { "methods": ["assume_role"], "assume_role": { "agency_name": agency } } } })
}

fn session(server: &Server, agency: &str) -> Value {
    let urn = format!("iam::{}:agency:{agency}", server.app.identity.domain_id);
    json!({ "agency_urn": urn, "agency_session_name": "run-7" })
}

fn key_of(minted: &Answer) -> Key {
    let text = |pointer: &str| minted.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let either = |v3: &str, sts: &str| {
        text(&format!("/credential/{v3}")).or_else(|| text(&format!("/credentials/{sts}"))).unwrap_or_default()
    };
    Key {
        access_key: either("access", "access_key_id"),
        secret_key: either("secret", "secret_access_key"),
        security_token: Some(either("securitytoken", "security_token")),
    }
}

async fn ask_by_token(server: &Server, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header("host", "localhost").header("x-auth-token", token);
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    server.send(request.body(body).unwrap()).await
}

async fn list(server: &Server, key: &Key) -> StatusCode {
    server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await.status
}

/// Tries all three ways to assume an agency; they must agree.
async fn assume(server: &Server, key: &Key, agency: &str) -> Result<[Answer; 3], (StatusCode, String)> {
    let token = server.call_as(key, "POST", TOKENS, &assumed(agency)).await;
    let minted = server.call_as(key, "POST", MINT, &assumed(agency)).await;
    let session = server.call_as(key, "POST", SESSION, &session(server, agency)).await;
    let succeeded = [&token, &minted, &session].map(|answer| answer.status.is_success());
    assert!(succeeded.iter().all(|each| *each == succeeded[0]), "{} {} {}", token.body, minted.body, session.body);
    if succeeded[0] {
        return Ok([token, minted, session]);
    }
    assert_eq!(token.body["error"]["message"], minted.body["error"]["message"]);
    let message = token.body["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!((minted.status, session.status), (token.status, token.status), "{}", session.body);
    assert!(session.body["error_msg"].as_str().unwrap().ends_with(&message), "{}", session.body);
    Err((token.status, message))
}

#[tokio::test]
async fn an_assumed_agency_has_its_own_rights_and_none_of_the_users() {
    let server = Server::start().await;
    let secret = json!({ "name": "db", "secret_string": "x" });
    assert_eq!(server.call("POST", &server.path("secrets"), secret).await.status, StatusCode::OK);
    let rights = policy(&json!([
        { "Effect": "Allow", "Action": ["iam:agencies:assume", "csms:secret:getVersion", "csms:secret:get"] },
        { "Effect": "Deny", "Action": ["csms:secret:list"] },
    ]));
    let (id, alice) = server.make_user("alice", "alice's password", vec![rights]).await;
    make_agency(&server, &[&id], listing()).await;
    assert_eq!(list(&server, &alice).await, StatusCode::FORBIDDEN);

    let [token, minted, session] = assume(&server, &alice, "build").await.unwrap();
    assert_eq!(
        [token.status, minted.status, session.status],
        [StatusCode::CREATED, StatusCode::CREATED, StatusCode::OK]
    );
    let urn = session.body["assumed_agency"]["urn"].as_str().unwrap();
    assert!(urn.ends_with(":assumed-agency:build/run-7"), "{urn}");
    let identity = async |key: &Key| server.call_as(key, "GET", "/v5/caller-identity", &Value::Null).await.body;
    let of_session = identity(&key_of(&session)).await;
    assert_eq!(
        (&of_session["principal_urn"], &of_session["principal_id"]),
        (&json!(urn), &session.body["assumed_agency"]["id"])
    );
    assert_eq!(of_session["account_id"], server.app.identity.domain_id.as_str());
    // IAM v3 has no names of sessions.
    let of_key = identity(&key_of(&minted)).await["principal_urn"].as_str().unwrap().to_owned();
    assert!(of_key.ends_with(":assumed-agency:build/alice"), "{of_key}");
    for key in [key_of(&minted), key_of(&session)] {
        assert_eq!(list(&server, &key).await, StatusCode::OK);
        let read = server.call_as(&key, "GET", &server.path("secrets/db/versions/latest"), &Value::Null).await;
        assert_eq!(read.status, StatusCode::FORBIDDEN, "{}", read.body);
    }
    let described = &token.body["token"];
    assert_eq!(described["methods"], json!(["assume_role"]));
    assert_eq!(described["assumed_by"]["user"]["name"], "alice");
    assert!(described["user"]["name"].as_str().unwrap().ends_with("/build"), "{described}");
    let token = token.headers["x-subject-token"].to_str().unwrap().to_owned();
    let listed = ask_by_token(&server, &token, "GET", &server.path("secrets"), &Value::Null).await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.body);
    let read = ask_by_token(&server, &token, "GET", &server.path("secrets/db/versions/latest"), &Value::Null).await;
    assert_eq!(read.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_grant_to_the_user_is_none_to_the_agency() {
    let server = Server::start().await;
    let secret = json!({ "name": "db", "secret_string": "x" });
    server.call("POST", &server.path("secrets"), secret).await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    let grant = json!({ "resource_id": "db", "type": "SECRET", "grantee_type": "0", "grantee_target_id": "alice" });
    let granted = server.call("POST", &server.path("csms/grants"), grant).await;
    assert_eq!(granted.status, StatusCode::OK, "{}", granted.body);
    make_agency(&server, &[&id], listing()).await;
    let [_, minted, _] = assume(&server, &alice, "build").await.unwrap();
    let read = async |key: &Key| {
        server.call_as(key, "GET", &server.path("secrets/db/versions/latest"), &Value::Null).await.status
    };
    assert_eq!(read(&alice).await, StatusCode::OK);
    assert_eq!(read(&key_of(&minted)).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn it_takes_the_right_and_a_place_among_the_users() {
    let server = Server::start().await;
    let denied = policy(&json!([
        { "Effect": "Allow", "Action": ["*"] },
        { "Effect": "Deny", "Action": ["iam:agencies:assume"], "Resource": ["iam::*:agency:build"] },
    ]));
    let by_sts = policy(&json!([
        { "Effect": "Allow", "Action": ["*"] },
        { "Effect": "Deny", "Action": ["sts:agencies:assume"] },
    ]));
    let elsewhere = policy(&json!([
        { "Effect": "Allow", "Action": ["iam:agencies:assume"], "Resource": ["iam::*:agency:deploy"] },
    ]));
    let mut ids = Vec::new();
    let mut keys = Vec::new();
    for (name, policies) in
        [("none", vec![]), ("denied", vec![denied]), ("sts", vec![by_sts]), ("other", vec![elsewhere])]
    {
        let (id, key) = server.make_user(name, "a long password", policies).await;
        ids.push(id);
        keys.push((name, key));
    }
    let (_, stranger) = server.make_user("stranger", "a long password", vec![may_assume()]).await;
    make_agency(&server, &ids.iter().map(String::as_str).collect::<Vec<_>>(), listing()).await;
    for (name, key) in &keys {
        let (status, message) = assume(&server, key, "build").await.err().expect(name);
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(message.contains("iam:agencies:assume"), "{message}");
    }
    // An agency that does not let the user, and one that does not exist, are refused in the same words.
    for agency in ["build", "absent"] {
        let (status, message) = assume(&server, &stranger, agency).await.err().unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(message.ends_with(&format!("there is no agency {agency} that the caller may assume")), "{message}");
    }
    let unproven = Request::builder().method("POST").uri(TOKENS).header("host", "localhost");
    let unproven = server.send(unproven.body(Body::from(assumed("build").to_string())).unwrap()).await;
    assert_eq!(unproven.status, StatusCode::UNAUTHORIZED, "{}", unproven.body);
}

#[tokio::test]
async fn another_account_and_a_foreign_project_are_refused() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    make_agency(&server, &[&id], listing()).await;
    let mut foreign = assumed("build");
    foreign["auth"]["identity"]["assume_role"]["domain_name"] = "elsewhere".into();
    let mut of_project = assumed("build");
    of_project["auth"]["scope"] = json!({ "project": { "id": "f".repeat(32) } });
    for body in [&foreign, &of_project] {
        for path in [TOKENS, MINT] {
            assert_eq!(server.call_as(&alice, "POST", path, body).await.status, StatusCode::FORBIDDEN, "{path} {body}");
        }
    }
    let mut own = assumed("build");
    own["auth"]["identity"]["assume_role"]["domain_name"] = server.app.identity.domain_name.as_str().into();
    own["auth"]["scope"] = json!({ "project": { "id": server.credentials.project_id } });
    assert_eq!(server.call_as(&alice, "POST", TOKENS, &own).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_assumed_agency_assumes_no_other_and_mints_nothing() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    make_agency(&server, &[&id], json!([{ "Effect": "Allow", "Action": ["*"] }])).await;
    let [token, minted, _] = assume(&server, &alice, "build").await.unwrap();
    let key = key_of(&minted);
    let (status, message) = assume(&server, &key, "build").await.err().unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(message.contains("assumes no other agency"), "{message}");
    let own = json!({ "auth": { "identity": { "methods": ["token"] } } });
    assert_eq!(server.call_as(&key, "POST", MINT, &own).await.status, StatusCode::FORBIDDEN);
    let made = server.call_as(&key, "POST", &format!("/v5/users/{id}/access-keys"), &Value::Null).await;
    assert_eq!(made.status, StatusCode::FORBIDDEN, "{}", made.body);
    // A token by its token is the agency's again, and no longer.
    let token = token.headers["x-subject-token"].to_str().unwrap();
    let again = json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": token } } } });
    let again = ask_by_token(&server, token, "POST", TOKENS, &again).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.body);
    assert_eq!(again.body["token"]["assumed_by"]["user"]["name"], "alice");
    let again = again.headers["x-subject-token"].to_str().unwrap();
    let refused = ask_by_token(&server, again, "POST", TOKENS, &assumed("build")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_assumed_agency_gives_no_rights_that_last() {
    let server = Server::start().await;
    let secret = json!({ "name": "db", "secret_string": "x" });
    server.call("POST", &server.path("secrets"), secret).await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    make_agency(&server, &[&id], json!([{ "Effect": "Allow", "Action": ["*"] }])).await;
    let [token, minted, session] = assume(&server, &alice, "build").await.unwrap();
    let token = token.headers["x-subject-token"].to_str().unwrap().to_owned();
    for (method, path, body) in giving_rights(&server, &id).await {
        let by_token = ask_by_token(&server, &token, method, &path, &body).await;
        let by_key = server.call_as(&key_of(&minted), method, &path, &body).await;
        let by_session = server.call_as(&key_of(&session), method, &path, &body).await;
        for refused in [by_token, by_key, by_session] {
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}: {}", refused.body);
            assert!(refused.body.to_string().contains("gives no lasting rights"), "{}", refused.body);
        }
    }
    // The check of rights says so, too.
    let asked = json!({ "actions": ["csms:secret:get", "iam:users:attachPolicyV5"] });
    let checked = server.call_as(&key_of(&minted), "POST", &server.path("csms/permissions/check"), &asked).await;
    assert_eq!(checked.body["allowed"], json!(["csms:secret:get"]), "{}", checked.body);
    assert_eq!(checked.body["denied"], json!(["iam:users:attachPolicyV5"]), "{}", checked.body);
}

#[tokio::test]
async fn what_was_assumed_with_an_access_key_ends_with_it() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    make_agency(&server, &[&id], listing()).await;
    let [token, minted, _] = assume(&server, &alice, "build").await.unwrap();
    let token = token.headers["x-subject-token"].to_str().unwrap().to_owned();
    let path = server.path("secrets");
    assert_eq!(list(&server, &key_of(&minted)).await, StatusCode::OK);
    assert_eq!(ask_by_token(&server, &token, "GET", &path, &Value::Null).await.status, StatusCode::OK);
    let key = format!("/v5/users/{id}/access-keys/{}", alice.access_key);
    assert_eq!(server.call("DELETE", &key, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(list(&server, &key_of(&minted)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask_by_token(&server, &token, "GET", &path, &Value::Null).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_was_assumed_ends_with_the_agency_the_user_and_the_place_among_its_users() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    let agency = make_agency(&server, &[&id], listing()).await;
    let user = server.app.store.user(&id).await.unwrap().unwrap();
    let disabled = csms_store::UserRecord { enabled: false, ..user.clone() };
    let password = passwords::hash(&any_password("another password")).unwrap();
    let renewed = csms_store::UserRecord { password_hash: Some(password), ..user.clone() };
    let nobodys = AgencyRecord { users: Vec::new(), ..agency.clone() };
    let made_again = AgencyRecord { id: "b".repeat(32), ..agency.clone() };
    for (what, ends) in [
        ("the user leaves its list", vec![AccessChange::PutAgency(nobodys)]),
        ("it is deleted", vec![AccessChange::DeleteAgency(agency.id.clone())]),
        (
            "it is deleted and made again",
            vec![AccessChange::DeleteAgency(agency.id.clone()), AccessChange::PutAgency(made_again.clone())],
        ),
        ("the user is disabled", vec![AccessChange::PutUser(disabled)]),
        ("the user has another password", vec![AccessChange::PutUser(renewed)]),
    ] {
        let [token, minted, session] = assume(&server, &alice, "build").await.expect(what);
        let token = token.headers["x-subject-token"].to_str().unwrap();
        let (minted, session) = (key_of(&minted), key_of(&session));
        let uses = async || {
            let by_token = ask_by_token(&server, token, "GET", &server.path("secrets"), &Value::Null).await.status;
            [by_token, list(&server, &minted).await, list(&server, &session).await]
        };
        assert_eq!(uses().await, [StatusCode::OK; 3], "before {what}");
        for each in ends {
            change(&server, each).await;
        }
        assert_eq!(uses().await, [StatusCode::UNAUTHORIZED; 3], "{what}");
        // As before, but for the generation of the user.
        let _ =
            server.app.store.change_access(vec![AccessChange::DeleteAgency(made_again.id.clone())], Vec::new()).await;
        change(&server, AccessChange::PutAgency(agency.clone())).await;
        change(&server, AccessChange::PutUser(user.clone())).await;
    }
}

#[tokio::test]
async fn what_is_assumed_ends_no_later_than_its_source_and_stays_in_its_project() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    let mut agency = make_agency(&server, &[&id], listing()).await;
    let short = json!({ "auth": { "identity": { "methods": ["token"], "token": { "duration_seconds": 900 } } } });
    let short = key_of(&server.call_as(&alice, "POST", MINT, &short).await);
    let mut long = assumed("build");
    long["auth"]["identity"]["assume_role"]["duration_seconds"] = 86_400.into();
    let minted = server.call_as(&short, "POST", MINT, &long).await;
    let token = server.call_as(&short, "POST", TOKENS, &assumed("build")).await;
    let end = |answer: &Answer, pointer: &str| answer.body.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    assert_eq!(end(&minted, "/credential/expires_at"), end(&token, "/token/expires_at"));
    let key = key_of(&minted);
    assert_eq!(list(&server, &key).await, StatusCode::OK);
    server.clock.advance(900_000);
    assert_eq!(list(&server, &key).await, StatusCode::UNAUTHORIZED);

    // Credentials that are for one project lead to no other by way of the agency.
    agency.projects = vec![csms_core::ProjectId::parse("f".repeat(32)).unwrap()];
    change(&server, AccessChange::PutAgency(agency)).await;
    let confined = json!({ "auth": { "identity": { "methods": ["token"] } } });
    let confined = key_of(&server.call_as(&alice, "POST", MINT, &confined).await);
    assert!(assume(&server, &confined, "build").await.is_err());
    assert!(assume(&server, &alice, "build").await.is_ok());
}

#[tokio::test]
async fn the_agencies_of_services_are_assumed_by_nobody() {
    let server = Server::start().await;
    for agency in BUILT_IN {
        let (status, message) = assume(&server, &server.key(), agency).await.err().unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(message.contains(agency) && message.contains("trusts a service"), "{message}");
    }
}

#[tokio::test]
async fn conditions_on_users_do_not_hold_for_an_agency() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    let of_alice = json!([{
        "Effect": "Allow", "Action": ["csms:secret:list"], "Condition": { "StringEquals": { "g:UserName": "alice" } },
    }]);
    make_agency(&server, &[&id], of_alice).await;
    let [_, minted, _] = assume(&server, &alice, "build").await.unwrap();
    assert_eq!(list(&server, &key_of(&minted)).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_trail_names_the_user_and_the_agency() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![may_assume()]).await;
    make_agency(&server, &[&id], listing()).await;
    let [_, minted, _] = assume(&server, &alice, "build").await.unwrap();
    let key = key_of(&minted);
    let secret = json!({ "name": "db", "secret_string": "x" });
    let made = server.call_as(&key, "POST", &server.path("secrets"), &secret).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let refused = server.call_as(&key, "DELETE", &server.path("secrets/db"), &Value::Null).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    server.app.trail.close().await.unwrap();
    let found = server.app.store.audit_records(0, 100, None).await.unwrap();
    let records: Vec<Value> = found.iter().map(|record| serde_json::from_str(&record.document).unwrap()).collect();
    let of = |action: &str| records.iter().find(|record| record["action"] == action).unwrap_or(&Value::Null);
    for action in ["CreateSecret", "DeleteSecret"] {
        let record = of(action);
        assert_eq!(
            (&record["actor"], &record["user_id"], &record["agency"]),
            (&json!("alice"), &json!(id), &json!("build"))
        );
    }
    for action in ["CreateToken", "CreateTemporaryAccessKey", "AssumeAgency"] {
        let record = of(action);
        assert_eq!(
            (&record["actor"], &record["target"], &record["agency"]),
            (&json!("alice"), &json!("build"), &Value::Null)
        );
    }
    let traces = server
        .call("GET", &format!("/v3/{}/traces?trace_type=system&limit=50", server.credentials.project_id), Value::Null)
        .await;
    let traces = traces.body["traces"].as_array().cloned().unwrap_or_default();
    let made = traces.iter().find(|trace| trace["trace_name"] == "CreateSecret").unwrap();
    assert!(made["message"].as_str().unwrap().contains(r#""agency":"build""#), "{made}");
}

#[tokio::test]
async fn the_policy_of_an_agency_is_not_deleted() {
    let server = Server::start().await;
    make_agency(&server, &[], listing()).await;
    let policies = server.call("GET", "/v5/policies", Value::Null).await.body;
    let policy = policies["policies"].as_array().unwrap().iter().find(|policy| policy["policy_name"] == "of build");
    let path = format!("/v5/policies/{}", policy.unwrap()["policy_id"].as_str().unwrap());
    let refused = server.call("DELETE", &path, Value::Null).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    assert!(refused.body["error_msg"].as_str().unwrap().contains("agency"), "{}", refused.body);
}
