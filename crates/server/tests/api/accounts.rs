//! Users, access keys, logins and policies by requests of IAM v5.

use crate::support::{Answer, Key, Server};
use axum::{body::Body, http::StatusCode};
use csms_api::iam::IamOperation;
use csms_core::policy::Policy;
use csms_store::{AccessChange, Store};
use serde_json::{Value, json};

const READERS: &str = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*:list*"]}]}"#;
const NOTHING: &str = r#"{"Version":"5.0","Statement":[{"Effect":"Deny","Action":["*"]}]}"#;

async fn make_user(server: &Server, name: &str) -> String {
    let answer = server.call("POST", "/v5/users", json!({ "name": name, "enabled": true })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.body["user"]["user_id"].as_str().unwrap().to_owned()
}

async fn make_key(server: &Server, user: &str) -> Key {
    let answer = server.call("POST", &format!("/v5/users/{user}/access-keys"), Value::Null).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let text = |name: &str| answer.body["access_key"][name].as_str().unwrap().to_owned();
    Key { access_key: text("access_key_id"), secret_key: text("secret_access_key"), security_token: None }
}

async fn make_policy(server: &Server, name: &str, document: &str) -> String {
    let body = json!({ "policy_name": name, "policy_document": document, "description": "for tests" });
    let answer = server.call("POST", "/v5/policies", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.body["policy"]["policy_id"].as_str().unwrap().to_owned()
}

async fn attach(server: &Server, policy: &str, user: &str) -> Answer {
    server.call("POST", &format!("/v5/policies/{policy}/attach-user"), json!({ "user_id": user })).await
}

async fn list_secrets(server: &Server, key: &Key) -> StatusCode {
    server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await.status
}

fn temporary(server: &Server, actions: &[&str], resource: Option<&str>) -> Key {
    let actions = actions.iter().map(|action| (*action).to_owned()).collect();
    let policy = Policy::allow(actions, resource.map(|resource| vec![resource.to_owned()]));
    server.temporary(policy)
}

fn path(operation: IamOperation) -> String {
    let path = operation.specification().path;
    path.replace("{user_id}", "u")
        .replace("{access_key_id}", "AK")
        .replace("{policy_id}", "p")
        .replace("{version_id}", "v1")
}

#[tokio::test]
async fn every_operation_is_allowed_by_its_own_action_and_by_no_other() {
    let server = Server::start().await;
    for operation in IamOperation::ALL {
        let action = operation.specification().actions[0];
        let only = temporary(&server, &[action], None);
        for other in IamOperation::ALL {
            let specification = other.specification();
            let answer = server.call_as(&only, specification.method.as_str(), &path(*other), &json!({})).await;
            let allowed = answer.status != StatusCode::FORBIDDEN;
            assert_eq!(allowed, operation == other, "{action} {}: {}", specification.name, answer.body);
            if !allowed {
                assert_eq!(answer.code(), "PAP5.0001");
                assert_eq!(answer.body["request_id"].as_str().unwrap(), answer.headers["x-request-id"]);
            }
        }
    }
}

#[tokio::test]
async fn a_right_to_one_user_is_none_to_another() {
    let server = Server::start().await;
    let (alice, bob) = (make_user(&server, "alice").await, make_user(&server, "bob").await);
    let key = temporary(&server, &["iam:*"], Some("iam:*:*:user:alice"));
    let show = async |id: &str| server.call_as(&key, "GET", &format!("/v5/users/{id}"), &Value::Null).await.status;
    assert_eq!(show(&alice).await, StatusCode::OK);
    assert_eq!(show(&bob).await, StatusCode::FORBIDDEN);
    // Whether a user exists is told only to who may see it.
    assert_eq!(show("absent").await, StatusCode::FORBIDDEN);
    let make = async |name: &str| {
        server.call_as(&key, "POST", "/v5/users", &json!({ "name": name, "enabled": true })).await.status
    };
    assert_eq!(make("carol").await, StatusCode::FORBIDDEN);
    assert_eq!(make("alice").await, StatusCode::CONFLICT);
    // Attaching is a right to the user, whatever the policy.
    let policy = make_policy(&server, "readers", READERS).await;
    let attach = async |user: &str| {
        let uri = format!("/v5/policies/{policy}/attach-user");
        server.call_as(&key, "POST", &uri, &json!({ "user_id": user })).await.status
    };
    assert_eq!(attach(&bob).await, StatusCode::FORBIDDEN);
    assert_eq!(attach(&alice).await, StatusCode::OK);
}

#[tokio::test]
async fn a_user_is_made_shown_changed_and_deleted() {
    let server = Server::start().await;
    let body = json!({ "name": "alice", "description": "of the team", "enabled": true });
    let made = server.call("POST", "/v5/users", body.clone()).await.body["user"].clone();
    let id = made["user_id"].as_str().unwrap();
    let domain = &server.app.identity.domain_id;
    assert_eq!(made["urn"], format!("iam::{domain}:user:alice"));
    assert_eq!(
        (&made["user_name"], &made["enabled"], &made["is_root_user"]),
        (&json!("alice"), &json!(true), &json!(false))
    );
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));
    let again = server.call("POST", "/v5/users", body).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "IAM.0101"));

    let uri = format!("/v5/users/{id}");
    let changes = json!({ "new_user_name": "alicia", "new_description": "", "enabled": false });
    let changed = server.call("PUT", &uri, changes).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let shown = server.call("GET", &uri, Value::Null).await.body["user"].clone();
    assert_eq!(
        (&shown["user_name"], &shown["description"], &shown["enabled"]),
        (&json!("alicia"), &json!(""), &json!(false))
    );
    assert_eq!(shown["tags"], json!([]));
    assert_eq!(shown["created_at"], made["created_at"]);

    let deleted = server.call("DELETE", &uri, Value::Null).await;
    assert_eq!((deleted.status, deleted.body), (StatusCode::NO_CONTENT, Value::Null));
    let gone = server.call("GET", &uri, Value::Null).await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, "IAM.0005"));
}

#[tokio::test]
async fn users_are_listed_page_by_page() {
    let server = Server::start().await;
    for name in ["zoe", "bob", "alice"] {
        make_user(&server, name).await;
    }
    let (mut names, mut marker) = (Vec::new(), String::new());
    loop {
        let page = server.call("GET", &format!("/v5/users?limit=3{marker}"), Value::Null).await.body;
        let users = page["users"].as_array().unwrap();
        assert_eq!(page["page_info"]["current_count"], users.len());
        names.extend(users.iter().map(|user| user["user_name"].as_str().unwrap().to_owned()));
        let Some(next) = page["page_info"]["next_marker"].as_str() else { break };
        marker = format!("&marker={next}");
    }
    assert_eq!(names, ["admin", "alice", "bob", "zoe"]);
    let key = server.key().access_key;
    let of_key = server.call("GET", &format!("/v5/users?access_key_id={key}"), Value::Null).await.body;
    assert_eq!(
        (&of_key["users"][0]["user_name"], &of_key["users"][0]["is_root_user"]),
        (&json!("admin"), &json!(true))
    );
}

#[tokio::test]
async fn an_access_key_works_until_it_is_switched_off_or_deleted() {
    let server = Server::start().await;
    let alice = make_user(&server, "alice").await;
    let policy = make_policy(&server, "readers", READERS).await;
    assert_eq!(attach(&server, &policy, &alice).await.status, StatusCode::OK);
    let key = make_key(&server, &alice).await;
    assert_eq!(list_secrets(&server, &key).await, StatusCode::OK);

    let uri = format!("/v5/users/{alice}/access-keys/{}", key.access_key);
    let off = server.call("PUT", &uri, json!({ "status": "inactive" })).await;
    assert_eq!((off.status, &off.body["access_key"]["status"]), (StatusCode::OK, &json!("inactive")));
    assert_eq!(list_secrets(&server, &key).await, StatusCode::UNAUTHORIZED);
    server.call("PUT", &uri, json!({ "status": "active" })).await;
    assert_eq!(list_secrets(&server, &key).await, StatusCode::OK);

    let listed = server.call("GET", &format!("/v5/users/{alice}/access-keys"), Value::Null).await;
    assert_eq!(listed.body["access_keys"][0]["access_key_id"], key.access_key.as_str());
    assert!(!listed.body.to_string().contains(&key.secret_key));
    assert_eq!(server.call("DELETE", &uri, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(list_secrets(&server, &key).await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call("DELETE", &uri, Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_is_found_under_its_own_user_only() {
    let server = Server::start().await;
    let (alice, bob) = (make_user(&server, "alice").await, make_user(&server, "bob").await);
    let key = make_key(&server, &alice).await;
    let uri = format!("/v5/users/{bob}/access-keys/{}", key.access_key);
    for (method, body) in [("PUT", json!({ "status": "inactive" })), ("DELETE", Value::Null)] {
        assert_eq!(server.call(method, &uri, body).await.status, StatusCode::NOT_FOUND, "{method}");
    }
}

#[tokio::test]
async fn a_login_profile_is_the_right_to_sign_in() {
    let server = Server::start().await;
    let alice = make_user(&server, "alice").await;
    let uri = format!("/v5/users/{alice}/login-profile");
    let sign_in = async |password: &str| {
        let user = json!({ "name": "alice", "password": password, "domain": { "name": "csms" } });
        let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
        let request = axum::http::Request::post("/v3/auth/tokens").body(Body::from(body.to_string())).unwrap();
        server.send(request).await.status
    };
    assert_eq!(server.call("GET", &uri, Value::Null).await.status, StatusCode::NOT_FOUND);
    let made = json!({ "password": "First Pass-Phrase 1", "password_reset_required": false });
    let answer = server.call("POST", &uri, made.clone()).await;
    assert_eq!((answer.status, &answer.body["login_profile"]["user_id"]), (StatusCode::CREATED, &json!(alice)));
    assert!(!answer.body.to_string().contains("Pass-Phrase"));
    assert_eq!(server.call("POST", &uri, made).await.status, StatusCode::CONFLICT);
    assert_eq!(sign_in("First Pass-Phrase 1").await, StatusCode::CREATED);

    let changed = server.call("PUT", &uri, json!({ "password": "Second Pass-Phrase 2" })).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(sign_in("First Pass-Phrase 1").await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("Second Pass-Phrase 2").await, StatusCode::CREATED);
    assert_eq!(server.call("DELETE", &uri, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sign_in("Second Pass-Phrase 2").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_version_of_a_policy_that_counts_decides() {
    let server = Server::start().await;
    let alice = make_user(&server, "alice").await;
    let key = make_key(&server, &alice).await;
    assert_eq!(list_secrets(&server, &key).await, StatusCode::FORBIDDEN);
    let policy = make_policy(&server, "readers", READERS).await;
    assert_eq!(attach(&server, &policy, &alice).await.status, StatusCode::OK);
    assert_eq!(attach(&server, &policy, &alice).await.status, StatusCode::OK);
    assert_eq!(list_secrets(&server, &key).await, StatusCode::OK);

    let versions = format!("/v5/policies/{policy}/versions");
    let body = json!({ "policy_document": NOTHING, "set_as_default": true });
    let made = server.call("POST", &versions, body).await;
    assert_eq!((made.status, &made.body["policy_version"]["version_id"]), (StatusCode::CREATED, &json!("v2")));
    assert_eq!(list_secrets(&server, &key).await, StatusCode::FORBIDDEN);
    let first = server.call("POST", &format!("{versions}/v1/set-default"), Value::Null).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(list_secrets(&server, &key).await, StatusCode::OK);

    let shown = server.call("GET", &format!("{versions}/v2"), Value::Null).await.body["policy_version"].clone();
    let document: Value = serde_json::from_str(shown["document"].as_str().unwrap()).unwrap();
    assert_eq!((document, &shown["is_default"]), (serde_json::from_str(NOTHING).unwrap(), &json!(false)));
    let listed = server.call("GET", &versions, Value::Null).await.body;
    assert_eq!(listed["versions"].as_array().unwrap().len(), 2);
    let described = server.call("GET", &format!("/v5/policies/{policy}"), Value::Null).await.body["policy"].clone();
    assert_eq!((&described["attachment_count"], &described["default_version_id"]), (&json!(1), &json!("v1")));

    let in_force = server.call("DELETE", &format!("{versions}/v1"), Value::Null).await;
    assert_eq!((in_force.status, in_force.code()), (StatusCode::CONFLICT, "IAM.0102"));
    assert_eq!(server.call("DELETE", &format!("{versions}/v2"), Value::Null).await.status, StatusCode::NO_CONTENT);
    for expected in [201, 201, 201, 201, 409] {
        let more = server.call("POST", &versions, json!({ "policy_document": NOTHING })).await;
        assert_eq!(more.status, expected, "{}", more.body);
    }
}

#[tokio::test]
async fn a_policy_that_could_mean_nothing_here_is_refused_with_its_places() {
    let server = Server::start().await;
    let document = |action: &str| {
        json!({ "policy_document": format!(
            r#"{{"Version":"5.0","Statement":[{{"Effect":"Deny","Action":["csms:secret:get","{action}"],"Resource":["csms:*:*:secret:x"]}}]}}"#
        )})
    };
    let mut body = document("csms:secret:getVersions");
    body["policy_name"] = json!("typo");
    let refused = server.call("POST", "/v5/policies", body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "PAP5.0011"));
    let told = refused.body["error_msg"].as_str().unwrap();
    for part in
        ["Statement[0].Action[1]", "the nearest is csms:secret:getVersion", "Statement[0].Resource[0]", "secretName"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    let policy = make_policy(&server, "readers", READERS).await;
    let version = server.call("POST", &format!("/v5/policies/{policy}/versions"), document("kms:cmk:sing")).await;
    assert_eq!((version.status, version.code()), (StatusCode::BAD_REQUEST, "PAP5.0011"));
    let listed = server.call("GET", &format!("/v5/policies/{policy}/versions"), Value::Null).await.body;
    assert_eq!(listed["versions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_that_repeats_a_stored_one_is_taken_whatever_it_says() {
    let server = Server::start().await;
    let text = r#"{"Version":"5.0","Statement":[{"Effect":"Deny","Action":["csms:*:nonsense"]}]}"#;
    let policy = make_policy(&server, "old", READERS).await;
    // As an earlier version of the server stored it.
    let mut record = server.app.store.policy("old").await.unwrap().unwrap();
    record.policy = Policy::parse(text).unwrap();
    let put = AccessChange::PutPolicy(record);
    server.app.store.change_access(vec![put], Vec::new()).await.unwrap();
    let versions = format!("/v5/policies/{policy}/versions");
    let same = server.call("POST", &versions, json!({ "policy_document": text })).await;
    assert_eq!(same.status, StatusCode::CREATED, "{}", same.body);
    let other =
        server.call("POST", &versions, json!({ "policy_document": text.replace("nonsense", "nonsenses") })).await;
    assert_eq!(other.code(), "PAP5.0011");
}

#[tokio::test]
async fn a_deny_holds_however_the_cloud_writes_it() {
    let server = Server::start().await;
    for name in ["pub", "prod-db"] {
        let made = server.call("POST", &server.path("secrets"), json!({ "name": name, "secret_string": "x" })).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    }
    for (number, (deny, pub_status)) in [
        (r#""Action":["csms:secret:GetVersion"]"#, StatusCode::FORBIDDEN),
        (r#""Action":["CSMS:Secret:getversion"]"#, StatusCode::FORBIDDEN),
        (r#""Action":["csms:secretversion:GET"]"#, StatusCode::FORBIDDEN),
        (r#""Action":["*"],"Resource":["CSMS:*:*:secretname:prod-*"]"#, StatusCode::OK),
        (r#""Action":["*"],"Resource":["*SECRETNAME:prod-*"]"#, StatusCode::OK),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!(
            r#"{{"Version":"5.0","Statement":[{{"Effect":"Allow","Action":["csms:secret:*"]}},{{"Effect":"Deny",{deny}}}]}}"#
        );
        let user = make_user(&server, &format!("user{number}")).await;
        let key = make_key(&server, &user).await;
        let policy = make_policy(&server, &format!("deny{number}"), &text).await;
        assert_eq!(attach(&server, &policy, &user).await.status, StatusCode::OK);
        for (name, expected) in [("pub", pub_status), ("prod-db", StatusCode::FORBIDDEN)] {
            let uri = server.path(&format!("secrets/{name}/versions/latest"));
            assert_eq!(server.call_as(&key, "GET", &uri, &Value::Null).await.status, expected, "{deny} {name}");
        }
    }
}

#[tokio::test]
async fn an_attached_policy_is_listed_from_both_sides_and_not_deleted() {
    let server = Server::start().await;
    let alice = make_user(&server, "alice").await;
    let policy = make_policy(&server, "readers", READERS).await;
    attach(&server, &policy, &alice).await;
    let attached = server.call("GET", &format!("/v5/users/{alice}/attached-policies"), Value::Null).await.body;
    assert_eq!(attached["attached_policies"][0]["policy_name"], "readers");
    let users = server.call("GET", &format!("/v5/policies/{policy}/attached-entities"), Value::Null).await.body;
    assert_eq!(users["policy_users"][0]["user_id"], alice.as_str());
    assert!(users["policy_users"][0]["attached_at"].is_string());

    let uri = format!("/v5/policies/{policy}");
    assert_eq!(server.call("DELETE", &uri, Value::Null).await.status, StatusCode::CONFLICT);
    let detach = async || server.call("POST", &format!("{uri}/detach-user"), json!({ "user_id": alice })).await.status;
    assert_eq!(detach().await, StatusCode::OK);
    assert_eq!(detach().await, StatusCode::NOT_FOUND);
    assert_eq!(server.call("DELETE", &uri, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.call("GET", &uri, Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn policies_of_the_system_are_listed_attached_and_never_changed() {
    let server = Server::start().await;
    make_policy(&server, "readers", READERS).await;
    let list = async |query: &str| {
        let body = server.call("GET", &format!("/v5/policies{query}"), Value::Null).await.body;
        let policies = body["policies"].as_array().unwrap().clone();
        policies.into_iter().map(|policy| (policy["policy_name"].as_str().unwrap().to_owned(), policy))
    };
    let system: std::collections::HashMap<_, _> = list("?policy_type=system").await.collect();
    assert!(system.contains_key("Administrator") && !system.contains_key("readers"));
    let custom: Vec<_> = list("?policy_type=custom").await.map(|(name, _)| name).collect();
    assert_eq!(custom, ["readers"]);
    assert_eq!(list("").await.count(), system.len() + 1);
    assert_eq!(list("?only_attached=true").await.count(), 0);

    let id = system["Administrator"]["policy_id"].as_str().unwrap();
    assert_eq!(server.call("DELETE", &format!("/v5/policies/{id}"), Value::Null).await.status, StatusCode::CONFLICT);
    let version = json!({ "policy_document": NOTHING, "set_as_default": true });
    let changed = server.call("POST", &format!("/v5/policies/{id}/versions"), version).await;
    assert_eq!(changed.status, StatusCode::CONFLICT);
    let body = json!({ "policy_name": "Administrator", "policy_document": NOTHING });
    assert_eq!(server.call("POST", "/v5/policies", body).await.status, StatusCode::CONFLICT);
    let alice = make_user(&server, "alice").await;
    assert_eq!(attach(&server, id, &alice).await.status, StatusCode::OK);
    assert_eq!(list_secrets(&server, &make_key(&server, &alice).await).await, StatusCode::OK);
}

#[tokio::test]
async fn the_first_user_is_neither_deleted_nor_disabled_by_a_request() {
    let server = Server::start().await;
    let users = server.call("GET", "/v5/users", Value::Null).await.body;
    let uri = format!("/v5/users/{}", users["users"][0]["user_id"].as_str().unwrap());
    assert_eq!(server.call("DELETE", &uri, Value::Null).await.status, StatusCode::CONFLICT);
    assert_eq!(server.call("PUT", &uri, json!({ "enabled": false })).await.status, StatusCode::CONFLICT);
    assert_eq!(server.call("PUT", &uri, json!({ "new_description": "root" })).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bad_input_is_refused_with_every_problem() {
    let server = Server::start().await;
    let alice = make_user(&server, "alice").await;
    let user = format!("/v5/users/{alice}");
    let malformed = json!({ "policy_name": "p", "policy_document": "{}" });
    let cases: [(&str, &str, Value, &str, &[&str]); 12] = [
        ("POST", "/v5/users", json!({}), "IAM.0002", &["name is required", "enabled is required"]),
        ("POST", "/v5/users", json!({ "name": "a/b", "enabled": "yes" }), "IAM.0002", &["name", "enabled"]),
        ("POST", "/v5/users", json!([]), "IAM.0004", &[]),
        ("PUT", &user, json!({ "new_user_name": 7 }), "IAM.0002", &["new_user_name"]),
        ("GET", "/v5/users?limit=0", Value::Null, "IAM.0002", &["limit"]),
        ("GET", "/v5/users?marker=abcd", Value::Null, "PAP5.0010", &[]),
        // A marker of the list of policies.
        ("GET", "/v5/users?marker=TGlzdFBvbGljaWVzVjU6YQ", Value::Null, "PAP5.0010", &[]),
        ("GET", "/v5/users?group_id=g", Value::Null, "IAM.0002", &["group_id"]),
        ("GET", "/v5/policies?policy_type=x", Value::Null, "IAM.0002", &["policy_type"]),
        ("POST", "/v5/policies", malformed, "PAP5.0011", &[]),
        ("PUT", &format!("{user}/access-keys/AK"), json!({ "status": "on" }), "IAM.0002", &["status"]),
        ("POST", &format!("{user}/login-profile"), json!({ "password": "hunter2" }), "IAM.0002", &["password"]),
    ];
    for (method, uri, body, code, words) in cases {
        let answer = server.call(method, uri, body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{method} {uri}");
        let message = answer.body["error_msg"].as_str().unwrap();
        assert!(words.iter().all(|word| message.contains(word)), "{method} {uri}: {message}");
        assert!(!message.contains("hunter2"));
    }
}

#[tokio::test]
async fn another_account_in_the_header_is_refused() {
    let server = Server::start().await;
    let status = async |domain: &str| {
        let request = server.signed(&server.key(), "GET", "/v5/users", b"").header("x-domain-id", domain);
        server.send(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(status(&server.app.identity.domain_id).await, StatusCode::OK);
    assert_eq!(status("other").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_change_and_every_refusal_is_in_the_audit_trail() {
    let server = Server::start().await;
    let alice = make_user(&server, "alice").await;
    let key = make_key(&server, &alice).await;
    let uri = format!("/v5/users/{alice}");
    assert_eq!(server.call_as(&key, "DELETE", &uri, &Value::Null).await.status, StatusCode::FORBIDDEN);
    server.app.trail.flush().await.unwrap();
    let records = server.app.store.audit_records(0, 100, None).await.unwrap();
    let records: Vec<Value> = records.iter().map(|record| serde_json::from_str(&record.document).unwrap()).collect();
    let told = |action: &str| records.iter().find(|record| record["action"] == action).unwrap();
    let made = told("CreateUserV5");
    assert_eq!((&made["actor"], &made["target"], &made["outcome"]), (&json!("admin"), &json!("alice"), &json!("OK")));
    assert_eq!(told("CreateAccessKeyV5")["target"], key.access_key.as_str());
    let refused = told("DeleteUserV5");
    assert_eq!((&refused["actor"], &refused["target"]), (&json!("alice"), &json!("alice")));
    assert_eq!(refused["outcome"], "PAP5.0001");
    assert!(!records.iter().any(|record| record.to_string().contains(&key.secret_key)));
}

/// The token of a login.
async fn sign_in(server: &Server, name: &str, password: &str) -> axum::http::HeaderValue {
    let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": {
        "name": name, "password": password, "domain": { "name": server.credentials.domain_name },
    } } } } });
    let login = axum::http::Request::builder().method("POST").uri("/v3/auth/tokens");
    let answer = server.send(login.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.headers["x-subject-token"].clone()
}

async fn list_with_token(server: &Server, token: &axum::http::HeaderValue) -> StatusCode {
    let request = axum::http::Request::builder().uri(server.path("secrets")).header("x-auth-token", token);
    server.send(request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn a_token_ends_with_the_password_it_was_got_with() {
    let server = Server::start().await;
    let everything = vec![Policy::administrator()];
    for ending in ["another password", "no login profile", "disabled", "disabled and enabled again"] {
        let name = ending.replace(' ', "-");
        let (id, _) = server.make_user(&name, "the old password", everything.clone()).await;
        let token = sign_in(&server, &name, "the old password").await;
        assert_eq!(list_with_token(&server, &token).await, StatusCode::OK, "{ending}");
        let (user, profile) = (format!("/v5/users/{id}"), format!("/v5/users/{id}/login-profile"));
        let done = match ending {
            "another password" => server.call("PUT", &profile, json!({ "password": "Vq7-blue-Kettle" })).await,
            "no login profile" => server.call("DELETE", &profile, Value::Null).await,
            _ => {
                // The first user alone has policies of its own, and is not disabled.
                let mut record = server.app.store.user(&id).await.unwrap().unwrap();
                record.policies.clear();
                record.attached.push("Administrator".to_owned());
                let change = csms_store::AccessChange::PutUser(record);
                server.app.store.change_access(vec![change], Vec::new()).await.unwrap();
                server.call("PUT", &user, json!({ "enabled": false })).await
            }
        };
        assert!(done.status.is_success(), "{ending}: {}", done.body);
        assert_eq!(list_with_token(&server, &token).await, StatusCode::UNAUTHORIZED, "{ending}");
        if ending == "disabled and enabled again" {
            assert_eq!(server.call("PUT", &user, json!({ "enabled": true })).await.status, StatusCode::OK);
            assert_eq!(list_with_token(&server, &token).await, StatusCode::UNAUTHORIZED, "{ending}");
            let again = sign_in(&server, &name, "the old password").await;
            assert_eq!(list_with_token(&server, &again).await, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn no_request_leaves_nobody_who_may_administer() {
    let server = Server::start().await;
    let users = server.call("GET", "/v5/users", Value::Null).await;
    let admin = users.body["users"][0]["user_id"].as_str().unwrap().to_owned();
    let key = format!("/v5/users/{admin}/access-keys/{}", server.credentials.access_key);
    // The key is left to administer with.
    let login = server.call("DELETE", &format!("/v5/users/{admin}/login-profile"), Value::Null).await;
    assert_eq!(login.status, StatusCode::NO_CONTENT, "{}", login.body);
    for (method, body) in [("PUT", json!({ "status": "inactive" })), ("DELETE", Value::Null)] {
        let refused = server.call(method, &key, body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "IAM.0102"), "{method}");
        assert!(refused.body["error_msg"].as_str().unwrap().contains("nobody who may administer"), "{}", refused.body);
    }
    assert_eq!(list_secrets(&server, &server.key()).await, StatusCode::OK);

    let (second, _) = server.make_user("second", "a long password", Vec::new()).await;
    let policy = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["iam:*:*"]}]}"#;
    let policy = make_policy(&server, "admins", policy).await;
    assert_eq!(attach(&server, &policy, &second).await.status, StatusCode::OK);
    let off = server.call("PUT", &key, json!({ "status": "inactive" })).await;
    assert_eq!(off.status, StatusCode::OK, "{}", off.body);
}
