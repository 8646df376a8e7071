//! What clients ask before their first real request: versions, catalog, projects, tokens by tokens, temporary keys.

use crate::support::{Answer, Key, Server, giving_rights, open_with, settings};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use csms_core::{ProjectId, RegionName, policy::Policy};
use csms_server::{auth::passwords, boot::settings::Settings};
use csms_store::{AccessChange, Store, UserRecord};
use serde_json::{Value, json};

const HOUR: u64 = 3_600_000;

async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    server.send(request.body(body).unwrap()).await
}

fn subject(answer: &Answer) -> String {
    answer.headers["x-subject-token"].to_str().unwrap().to_owned()
}

async fn log_in(server: &Server, name: &str, project: Option<&str>) -> String {
    let user = json!({ "name": name, "password": format!("{name}'s password") });
    let mut body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
    if let Some(project) = project {
        body["auth"]["scope"] = json!({ "project": { "id": project } });
    }
    let made = ask(server, "POST", "/v3/auth/tokens", &[], &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    subject(&made)
}

async fn by_token(server: &Server, token: &str, scope: Value) -> Answer {
    let identity = json!({ "methods": ["token"], "token": { "id": token } });
    let body = json!({ "auth": { "identity": identity, "scope": scope } });
    ask(server, "POST", "/v3/auth/tokens", &[], &body).await
}

async fn start_with_alice() -> Server {
    let server = Server::start().await;
    server.make_user("alice", "alice's password", vec![Policy::administrator()]).await;
    server
}

#[tokio::test]
async fn the_version_document_needs_no_proof() {
    let server = Server::start().await;
    for path in ["/v3"] {
        let plain = ask(&server, "GET", path, &[], &Value::Null).await;
        assert_eq!((plain.status, &plain.body["version"]["status"]), (StatusCode::OK, &json!("stable")));
        assert_eq!(plain.body["version"]["links"][0]["href"], "http://localhost/v3/");
        assert_eq!(server.call("GET", path, Value::Null).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_catalog_names_the_services_where_the_client_came_in() {
    let server = start_with_alice().await;
    let region = server.app.identity.region.clone();
    let signed = server.call("GET", "/v3/auth/catalog", Value::Null).await;
    assert_eq!(signed.status, StatusCode::OK, "{}", signed.body);
    let kms = signed.body["catalog"].as_array().unwrap().iter().find(|service| service["type"] == "kms").unwrap();
    let endpoint = &kms["endpoints"][0];
    assert_eq!((&endpoint["interface"], &endpoint["region"]), (&json!("public"), &json!(region)));
    assert_eq!(endpoint["url"], "http://localhost/v1.0");
    let token = log_in(&server, "alice", None).await;
    let shown = ask(&server, "GET", "/v3/auth/catalog", &[("x-auth-token", &token)], &Value::Null).await;
    assert_eq!(shown.body["catalog"], signed.body["catalog"]);
    assert_eq!(by_token(&server, &token, Value::Null).await.body["token"]["catalog"], signed.body["catalog"]);
    assert_eq!(ask(&server, "GET", "/v3/auth/catalog", &[], &Value::Null).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_project_is_shown_to_whoever_may_use_it() {
    let server = Server::start().await;
    let own = server.credentials.project_id.clone();
    let shown = server.call("GET", &format!("/v3/projects/{own}"), Value::Null).await;
    assert_eq!((shown.status, &shown.body["project"]["id"]), (StatusCode::OK, &json!(own)));
    let other = server.call("GET", &format!("/v3/projects/{}", "f".repeat(32)), Value::Null).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_by_a_token_ends_with_it_and_stays_in_its_project() {
    let server = start_with_alice().await;
    let project = server.credentials.project_id.clone();
    let first = log_in(&server, "alice", Some(&project)).await;
    let headers = [("x-auth-token", first.as_str()), ("x-subject-token", first.as_str())];
    let source = ask(&server, "GET", "/v3/auth/tokens", &headers, &Value::Null).await;
    server.clock.advance(HOUR);
    let made = by_token(&server, &first, Value::Null).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let token = &made.body["token"];
    assert_eq!(token["expires_at"], source.body["token"]["expires_at"]);
    assert_eq!((&token["project"]["id"], &token["methods"]), (&json!(project), &json!(["token"])));
    let second = subject(&made);
    let list = async |token: &str| {
        ask(&server, "GET", &server.path("secrets"), &[("x-auth-token", token)], &Value::Null).await
    };
    assert_eq!(list(&second).await.status, StatusCode::OK);
    let elsewhere = by_token(&server, &first, json!({ "project": { "id": "f".repeat(32) } })).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    server.clock.advance(23 * HOUR);
    assert_eq!(list(&second).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(by_token(&server, &second, Value::Null).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(by_token(&server, "AAAA", Value::Null).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_is_shown_to_its_bearer_alone_and_head_says_only_that_it_is_valid() {
    let server = start_with_alice().await;
    server.make_user("bob", "bob's password", vec![Policy::administrator()]).await;
    let (alice, bob) = (log_in(&server, "alice", None).await, log_in(&server, "bob", None).await);
    let show = async |method: &str, proof: &str, subject: &str| {
        ask(&server, method, "/v3/auth/tokens", &[("x-auth-token", proof), ("x-subject-token", subject)], &Value::Null)
            .await
    };
    let shown = show("GET", &alice, &alice).await;
    assert_eq!((shown.status, &shown.body["token"]["user"]["name"]), (StatusCode::OK, &json!("alice")));
    assert_eq!(subject(&shown), alice);
    let head = show("HEAD", &alice, &alice).await;
    assert_eq!((head.status, head.body), (StatusCode::OK, Value::Null));
    for (proof, subject) in [(&bob, &alice), (&alice, &bob)] {
        assert_eq!(show("GET", proof, subject).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(show("GET", &alice, "AAAA").await.status, StatusCode::NOT_FOUND);
    assert_eq!(show("GET", "AAAA", &alice).await.status, StatusCode::UNAUTHORIZED);
}

fn key_of(answer: &Answer) -> Key {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let text = |member: &str| answer.body["credential"][member].as_str().unwrap().to_owned();
    Key { access_key: text("access"), secret_key: text("secret"), security_token: Some(text("securitytoken")) }
}

const MINT: &str = "/v3.0/OS-CREDENTIAL/securitytokens";

fn for_seconds(seconds: u64) -> Value {
    json!({ "auth": { "identity": { "methods": ["token"], "token": { "duration_seconds": seconds } } } })
}

#[tokio::test]
async fn a_temporary_key_works_as_its_user_until_it_ends() {
    let server = Server::start().await;
    let reading = Policy::allow(vec!["csms:secret:list".to_owned()], None);
    let (_, alice) = server.make_user("alice", "alice's password", vec![reading]).await;
    let minted = key_of(&server.call_as(&alice, "POST", MINT, &for_seconds(3600)).await);
    let status = async |key: &Key, method: &str, rest: &str| {
        server.call_as(key, method, &server.path(rest), &json!({ "name": "db", "secret_string": "x" })).await.status
    };
    assert_eq!(status(&minted, "GET", "secrets").await, StatusCode::OK);
    assert_eq!(status(&minted, "POST", "secrets").await, StatusCode::FORBIDDEN);
    let without_token = Key { security_token: None, ..minted.clone() };
    assert_eq!(status(&without_token, "GET", "secrets").await, StatusCode::UNAUTHORIZED);

    // What it mints ends with it.
    server.clock.advance(HOUR / 2);
    let again = key_of(&server.call_as(&minted, "POST", MINT, &for_seconds(86_400)).await);
    assert_eq!(status(&again, "GET", "secrets").await, StatusCode::OK);
    server.clock.advance(HOUR / 2);
    for key in [&minted, &again] {
        assert_eq!(status(key, "GET", "secrets").await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_temporary_key_ends_no_later_than_the_token_that_it_was_minted_with() {
    let server = start_with_alice().await;
    let token = log_in(&server, "alice", None).await;
    server.clock.advance(23 * HOUR);
    let minted = ask(&server, "POST", MINT, &[("x-auth-token", &token)], &for_seconds(86_400)).await;
    let key = key_of(&minted);
    let status = async || server.call_as(&key, "GET", &server.path("secrets"), &Value::Null).await.status;
    assert_eq!(status().await, StatusCode::OK);
    server.clock.advance(HOUR);
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn credentials_of_one_project_mint_no_key_for_another_or_for_all() {
    let directory = tempfile::tempdir().unwrap();
    let regions = ["home", "away"].map(|name| RegionName::parse(name).unwrap()).to_vec();
    let server = open_with(&Settings { regions, ..settings(directory.path()) }).await.unwrap();
    let projects: Vec<_> = server.app.identity.regions.iter().map(|region| region.project.clone()).collect();
    let (id, _) = server.make_user("alice", "alice's password", vec![Policy::administrator()]).await;
    let put = async |projects: &[ProjectId]| {
        let user = server.app.store.user(&id).await.unwrap().unwrap();
        let change = AccessChange::PutUser(UserRecord { projects: projects.to_vec(), ..user });
        server.app.store.change_access(vec![change], Vec::new()).await.unwrap();
        server.app.authenticator.forget();
    };
    put(&projects).await;
    let of = async |index: usize| log_in(&server, "alice", Some(projects[index].as_str())).await;
    let (home, away) = (of(0).await, of(1).await);
    let naming = |token: &str| json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": token } } } });
    let mint = async |by: &str, body: Value| ask(&server, "POST", MINT, &[("x-auth-token", by)], &body).await;
    assert_eq!(mint(&home, naming(&home)).await.status, StatusCode::CREATED);
    assert_eq!(mint(&home, naming(&away)).await.status, StatusCode::FORBIDDEN);
    // The user may not use the token's project any more, and may use another.
    put(&projects[1..]).await;
    assert_eq!(mint(&home, for_seconds(900)).await.status, StatusCode::FORBIDDEN);
    let minted = key_of(&mint(&away, for_seconds(900)).await);
    let path = |index: usize| format!("/v1/{}/secrets", projects[index]);
    let status = async |index: usize| server.call_as(&minted, "GET", &path(index), &Value::Null).await.status;
    assert_eq!((status(0).await, status(1).await), (StatusCode::FORBIDDEN, StatusCode::OK));
}

#[tokio::test]
async fn credentials_of_one_project_give_no_rights_of_the_account_to_a_user_of_several() {
    let directory = tempfile::tempdir().unwrap();
    let regions = ["home", "away"].map(|name| RegionName::parse(name).unwrap()).to_vec();
    let server = open_with(&Settings { regions, ..settings(directory.path()) }).await.unwrap();
    let home = server.credentials.project_id.clone();
    let secret = json!({ "name": "db", "secret_string": "x" });
    assert_eq!(server.call("POST", &server.path("secrets"), secret).await.status, StatusCode::OK);
    let (id, _) = server.make_user("alice", "alice's password", vec![Policy::administrator()]).await;
    let (bob, _) = server.make_user("bob", "bob's password", Vec::new()).await;
    let requests = giving_rights(&server, &bob).await;
    let (whole, confined) = (log_in(&server, "alice", None).await, log_in(&server, "alice", Some(&home)).await);
    let send = async |token: &str, request: &(&'static str, String, Value)| {
        let (method, path, body) = request;
        ask(&server, method, path, &[("x-auth-token", token)], body).await
    };
    // A user of one project loses nothing by a token for it.
    let described = ("PUT", format!("/v5/users/{bob}"), json!({ "new_description": "x" }));
    assert_eq!(send(&confined, &described).await.status, StatusCode::OK);
    let user = server.app.store.user(&id).await.unwrap().unwrap();
    let projects = server.app.identity.regions.iter().map(|region| region.project.clone()).collect();
    let change = AccessChange::PutUser(UserRecord { projects, ..user });
    server.app.store.change_access(vec![change], Vec::new()).await.unwrap();
    server.app.authenticator.forget();
    let minted = key_of(&ask(&server, "POST", MINT, &[("x-auth-token", &confined)], &for_seconds(900)).await);
    for request in &requests {
        let is_of_account = request.1.starts_with("/v5/");
        let (method, path, body) = request;
        for refused in [send(&confined, request).await, server.call_as(&minted, method, path, body).await] {
            let is_refused = refused.status == StatusCode::FORBIDDEN;
            assert_eq!(is_refused, is_of_account, "{method} {path}: {}", refused.body);
        }
    }
    for request in &requests {
        let answer = send(&whole, request).await;
        assert_ne!(answer.status, StatusCode::FORBIDDEN, "{} {}: {}", request.0, request.1, answer.body);
    }
}

#[tokio::test]
async fn a_temporary_key_ends_with_the_access_key_that_it_was_minted_with() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![Policy::administrator()]).await;
    let minted = key_of(&server.call_as(&alice, "POST", MINT, &for_seconds(86_400)).await);
    let again = key_of(&server.call_as(&minted, "POST", MINT, &for_seconds(86_400)).await);
    let both = async || {
        let status = async |key| server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await.status;
        [status(&minted).await, status(&again).await]
    };
    let path = format!("/v5/users/{id}/access-keys/{}", alice.access_key);
    assert_eq!(both().await, [StatusCode::OK; 2]);
    for (status, seen) in [("inactive", StatusCode::UNAUTHORIZED), ("active", StatusCode::OK)] {
        let changed = server.call("PUT", &path, json!({ "status": status })).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
        assert_eq!(both().await, [seen; 2], "{status}");
    }
    assert_eq!(server.call("DELETE", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(both().await, [StatusCode::UNAUTHORIZED; 2]);
}

#[tokio::test]
async fn what_a_temporary_key_gives_ends_with_it_and_a_login_gives_what_lasts() {
    let server = start_with_alice().await;
    let (id, bob) = server.make_user("bob", "bob's password", Vec::new()).await;
    let token = log_in(&server, "alice", None).await;
    let minted = key_of(&ask(&server, "POST", MINT, &[("x-auth-token", &token)], &for_seconds(900)).await);
    let keys = format!("/v5/users/{id}/access-keys");
    let made = server.call_as(&minted, "POST", &keys, &Value::Null).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let name = made.body["access_key"]["access_key_id"].as_str().unwrap();
    let (stored, _) = server.app.store.access_key(name).await.unwrap().unwrap();
    assert!(stored.expires.is_some_and(|end| end <= server.clock.now().plus_millis(900_000)), "{:?}", stored.expires);
    let lasting = ask(&server, "POST", &keys, &[("x-auth-token", &token)], &Value::Null).await;
    let name = lasting.body["access_key"]["access_key_id"].as_str().unwrap();
    assert_eq!(server.app.store.access_key(name).await.unwrap().unwrap().0.expires, None);

    let password = json!({ "password": "Battery-Horse-Staple-9", "password_reset_required": false });
    let login = format!("/v5/users/{id}/login-profile");
    assert_eq!(server.call_as(&minted, "PUT", &login, &password).await.status, StatusCode::FORBIDDEN);
    let set = ask(&server, "PUT", &login, &[("x-auth-token", &token)], &password).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);

    let key = format!("{keys}/{}", bob.access_key);
    let status = async |word: &str| server.call_as(&minted, "PUT", &key, &json!({ "status": word })).await.status;
    assert_eq!(status("inactive").await, StatusCode::OK);
    assert_eq!(status("active").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_temporary_key_ends_with_the_generation_of_its_user() {
    let server = Server::start().await;
    let (id, alice) = server.make_user("alice", "alice's password", vec![Policy::administrator()]).await;
    let minted = key_of(&server.call_as(&alice, "POST", MINT, &for_seconds(900)).await);
    let user = server.app.store.user(&id).await.unwrap().unwrap();
    let new = passwords::hash(&crate::support::any_password("another password")).unwrap();
    let change = AccessChange::ReplacePassword { user_id: id, old: user.password_hash, new, time: server.clock.now() };
    server.app.store.change_access(vec![change], Vec::new()).await.unwrap();
    server.app.authenticator.forget();
    let status = async |key: &Key| server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await.status;
    assert_eq!((status(&alice).await, status(&minted).await), (StatusCode::OK, StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn a_policy_that_would_limit_a_temporary_key_is_refused_and_so_is_a_token_of_another_user() {
    let server = start_with_alice().await;
    server.make_user("bob", "bob's password", vec![]).await;
    let limited = json!({ "auth": { "identity": { "methods": ["token"], "policy": { "Version": "1.1" } } } });
    let refused = server.call("POST", MINT, limited).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("auth.identity.policy"), "{}", refused.body);
    let (alice, bob) = (log_in(&server, "alice", None).await, log_in(&server, "bob", None).await);
    let body = json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": alice } } } });
    assert_eq!(ask(&server, "POST", MINT, &[("x-auth-token", &bob)], &body).await.status, StatusCode::FORBIDDEN);
    assert_eq!(ask(&server, "POST", MINT, &[("x-auth-token", &alice)], &body).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_credentials_of_the_service_itself_mint_nothing() {
    let server = Server::start().await;
    let key = server.temporary(Policy::administrator());
    assert_eq!(server.call_as(&key, "POST", MINT, &for_seconds(900)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_agency_that_cannot_be_assumed_is_named_in_one_refusal() {
    let server = Server::start().await;
    let identity = json!({ "methods": ["assume_role"], "assume_role": { "agency_name": "ops", "domain_name": "d" } });
    let body = json!({ "auth": { "identity": identity, "scope": { "project": { "name": "eu-1" } } } });
    for path in ["/v3/auth/tokens", MINT] {
        let refused = server.call("POST", path, body.clone()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(refused.body["error"]["message"].as_str().unwrap().contains("agency ops"), "{}", refused.body);
    }
}

/// A login of alice with these members of the user and this scope.
async fn log_in_as(server: &Server, user: Value, scope: Value) -> Answer {
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    ask(server, "POST", "/v3/auth/tokens", &[], &json!({ "auth": { "identity": identity, "scope": scope } })).await
}

#[tokio::test]
async fn a_user_logs_in_by_identifier_and_an_empty_text_names_nothing() {
    let server = start_with_alice().await;
    let password = "alice's password";
    let shown = subject(&log_in_as(&server, json!({ "name": "alice", "password": password }), json!({})).await);
    let shown =
        ask(&server, "GET", "/v3/auth/tokens", &[("x-auth-token", &shown), ("x-subject-token", &shown)], &Value::Null)
            .await;
    let (id, domain) = (shown.body["token"]["user"]["id"].clone(), shown.body["token"]["user"]["domain"].clone());
    let region = json!({ "project": { "id": "", "name": "local-1" } });
    let empty = json!({ "id": "", "name": domain["name"] });
    for user in [
        json!({ "id": id, "password": password }),
        json!({ "id": id, "name": "alice", "password": password, "domain": empty }),
        json!({ "id": "", "name": "alice", "password": password, "domain": { "id": domain["id"], "name": "" } }),
    ] {
        let made = log_in_as(&server, user.clone(), region.clone()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{user}: {}", made.body);
        assert_eq!(made.body["token"]["project"]["name"], "local-1");
    }
    for user in [
        json!({ "id": id, "name": "bob", "password": password }),
        json!({ "id": "nobody", "password": password }),
        json!({ "name": "alice", "password": password, "domain": { "id": domain["id"], "name": "foreign" } }),
    ] {
        assert_eq!(log_in_as(&server, user.clone(), json!({})).await.status, StatusCode::UNAUTHORIZED, "{user}");
    }
}

#[tokio::test]
async fn whoever_wants_json_at_the_root_is_told_the_versions_of_iam() {
    let server = Server::start().await;
    let asked = ask(&server, "GET", "/", &[("accept", "application/json")], &Value::Null).await;
    assert_eq!(
        (asked.status, &asked.body["versions"]["values"][0]["id"]),
        (StatusCode::MULTIPLE_CHOICES, &json!("v3.0"))
    );
    let browser = [("accept", "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8")];
    assert_eq!(ask(&server, "GET", "/", &browser, &Value::Null).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_has_no_catalog_when_the_client_wants_none() {
    let server = start_with_alice().await;
    let token = log_in(&server, "alice", None).await;
    for (query, is_there) in [("", true), ("?nocatalog=false", true), ("?nocatalog", false), ("?nocatalog=true", false)]
    {
        let path = format!("/v3/auth/tokens{query}");
        let shown =
            ask(&server, "GET", &path, &[("x-auth-token", &token), ("x-subject-token", &token)], &Value::Null).await;
        assert_eq!(shown.body["token"].get("catalog").is_some(), is_there, "{query}");
    }
}

#[tokio::test]
async fn projects_are_listed_by_what_the_query_says_and_page_by_page() {
    let server = start_with_alice().await;
    let token = log_in(&server, "alice", None).await;
    for (query, number) in [
        ("", 1),
        ("?name=", 1),
        ("?name=local-1&enabled=true&is_domain=false", 1),
        ("?enabled=false", 0),
        ("?domain_id=foreign", 0),
        ("?page=1&per_page=1", 1),
        ("?page=2&per_page=1", 0),
        ("?page=2", 0),
    ] {
        let listed =
            ask(&server, "GET", &format!("/v3/projects{query}"), &[("x-auth-token", &token)], &Value::Null).await;
        assert_eq!(listed.body["projects"].as_array().map(Vec::len), Some(number), "{query}: {}", listed.body);
    }
    let wrong = ask(&server, "GET", "/v3/projects?page=0&per_page=x", &[("x-auth-token", &token)], &Value::Null).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let message = wrong.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("page") && message.contains("per_page"), "{message}");
}

#[tokio::test]
async fn a_login_that_is_held_off_says_in_its_head_for_how_long() {
    let server = start_with_alice().await;
    let wrong = json!({ "name": "alice", "password": "a wrong password" });
    let mut guesses = 0;
    let held_off = loop {
        let answer = log_in_as(&server, wrong.clone(), json!({})).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            break answer;
        }
        guesses += 1;
        assert!(guesses < 20, "nothing slows the guesses down");
    };
    assert_eq!(held_off.status, StatusCode::TOO_MANY_REQUESTS, "{}", held_off.body);
    let wait: u64 = held_off.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((2..=20).contains(&wait), "{wait}");
    let message = held_off.body["error"]["message"].as_str().unwrap();
    assert!(message.ends_with(&format!("wait {wait} seconds")), "{message}");
    server.clock.advance(wait * 1000);
    assert_eq!(log_in_as(&server, wrong, json!({})).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_is_for_this_account_alone_and_no_second_factor_is_passed_over() {
    let server = start_with_alice().await;
    let user = json!({ "name": "alice", "password": "alice's password" });
    let domain = json!({ "domain": { "name": server.app.identity.domain_name } });
    let own = log_in_as(&server, user.clone(), domain).await;
    assert_eq!(own.status, StatusCode::CREATED, "{}", own.body);
    let foreign = json!({ "domain": { "name": "other" } });
    assert_eq!(log_in_as(&server, user.clone(), foreign.clone()).await.status, StatusCode::FORBIDDEN);
    let token = subject(&own);
    assert_eq!(by_token(&server, &token, foreign).await.status, StatusCode::FORBIDDEN);
    let identity = json!({ "methods": ["password", "totp"], "password": { "user": user }, "totp": { "user": {} } });
    let refused = ask(&server, "POST", "/v3/auth/tokens", &[], &json!({ "auth": { "identity": identity } })).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("auth.identity.methods"), "{}", refused.body);
}

#[tokio::test]
async fn a_caller_asks_sts_who_it_is() {
    let server = Server::start().await;
    let domain = server.app.identity.domain_id.clone();
    let (id, alice) = server.make_user("alice", "alice's password", Vec::new()).await;
    let identity = json!({
        "account_id": domain, "principal_urn": format!("iam::{domain}:user:alice"), "principal_id": id,
    });
    let by_key = server.call_as(&alice, "GET", "/v5/caller-identity", &Value::Null).await;
    assert_eq!((by_key.status, &by_key.body), (StatusCode::OK, &identity));
    let token = log_in(&server, "alice", None).await;
    let by_token = ask(&server, "GET", "/v5/caller-identity", &[("x-auth-token", &token)], &Value::Null).await;
    assert_eq!(by_token.body, identity);
    let nobody = ask(&server, "GET", "/v5/caller-identity", &[], &Value::Null).await;
    assert_eq!((nobody.status, nobody.code()), (StatusCode::UNAUTHORIZED, "APIGW.0301"));
    let asked = json!({ "requests": [{ "method": "GET", "path": "/v5/caller-identity" }] });
    let checked = server.call_as(&alice, "POST", &server.path("csms/permissions/check"), &asked).await;
    assert_eq!(checked.body["requests"], json!([{ "allowed": true }]));
}

#[tokio::test]
async fn a_header_that_a_client_leaves_empty_counts_as_none() {
    let server = start_with_alice().await;
    let user = json!({ "name": "alice", "password": "alice's password" });
    let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
    let answer = ask(&server, "POST", "/v3/auth/tokens", &[("origin", "")], &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let answer = ask(&server, "GET", "/v3/projects", &[("x-auth-token", "")], &Value::Null).await;
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("neither an Authorization nor an X-Auth-Token header"), "{message}");
}
