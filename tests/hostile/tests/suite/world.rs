//! A server with two regions and something of every kind to attack, and the caller that attacks it.
//!
//! Says nothing about rights: `touches` has the table of what operations touch.

use std::{fs, net::Ipv4Addr, os::unix::fs::PermissionsExt as _};

use axum::body::Body;
use csms_core::{FunctionUrn, RegionName, policy::Policy};
use csms_server::{boot::settings::Settings, request::Peer};
use csms_store::{AccessChange, Store as _, UserRecord};
use serde_json::{Value, json};

use crate::support::{self, Answer, Key, Server};

/// The rotation function, which ends at once.
pub(crate) const FUNCTION: &str = "urn:fss:home:0123456789abcdef0123456789abcdef:function:default:failing:latest";

/// Where the requests of the caller come from.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

/// A request of the caller.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// The body as text, because a hostile one may be no JSON; empty for none.
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn new(method: &'static str, path: &str, body: &Value) -> Self {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Self { method, path: path.to_owned(), body }
    }
}

/// The server, what it keeps, and the caller.
pub(crate) struct World {
    pub(crate) server: Server,
    _directory: tempfile::TempDir,
    pub(crate) domain: String,
    pub(crate) home: String,
    pub(crate) away: String,
    /// Enabled, alias `k1`.
    pub(crate) k1: String,
    /// Enabled, aliases `k2` and `k2-other`.
    pub(crate) k2: String,
    /// Disabled.
    pub(crate) disabled: String,
    /// Waits for its deletion.
    pub(crate) ending: String,
    /// Of the region `away`.
    pub(crate) abroad: String,
    pub(crate) admin: String,
    pub(crate) bob: String,
    /// The identifier of the policy `pol`.
    pub(crate) policy: String,
    /// The identifier of a policy of the system, which nobody changes.
    pub(crate) system_policy: String,
    pub(crate) caller: Key,
    pub(crate) record: UserRecord,
    /// Whether the last request was let through, so that it may have used up the secrets.
    pub(crate) is_spoilt: bool,
    /// Distinguishes the names of the present set of secrets.
    pub(crate) round: usize,
    /// A backup of the present subject.
    pub(crate) blob: String,
    pub(crate) subject_id: String,
    /// Sealed by `k2`: text and data key.
    pub(crate) sealed: (String, String),
}

impl World {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let regions = ["home", "away"].map(|name| RegionName::parse(name).unwrap()).to_vec();
        let code = directory.path().join("function");
        fs::create_dir(&code).unwrap();
        fs::write(code.join("bootstrap"), "#!/bin/sh\nexit 1\n").unwrap();
        fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
        let functions = vec![(FunctionUrn::parse(FUNCTION).unwrap(), code)];
        let data = directory.path().join("data");
        let settings = Settings { regions, functions, secret_quota: 100_000, ..support::settings(&data) };
        let server = support::open_with(&settings).await.unwrap();
        let project = |name: &str| {
            let found = server.app.identity.regions.iter().find(|region| region.name.as_str() == name);
            found.unwrap().project.to_string()
        };
        let (home, away, domain) = (project("home"), project("away"), server.credentials.domain_id.clone());
        let (id, caller) = server.make_user("mallory", "correct horse battery", Vec::new()).await;
        let mut record = server.app.store.user(&id).await.unwrap().unwrap();
        record.projects = server.app.identity.regions.iter().map(|region| region.project.clone()).collect();
        let none = String::new;
        let mut world = Self {
            server,
            _directory: directory,
            domain,
            home,
            away,
            k1: none(),
            k2: none(),
            disabled: none(),
            ending: none(),
            abroad: none(),
            admin: none(),
            bob: none(),
            policy: none(),
            system_policy: none(),
            is_spoilt: false,
            caller,
            record,
            round: 0,
            blob: none(),
            subject_id: none(),
            sealed: (none(), none()),
        };
        world.furnish().await;
        world.renew().await;
        world
    }

    /// Makes keys, users and policies.
    async fn furnish(&mut self) {
        self.k1 = self.make_key(&self.home, "k1").await;
        self.k2 = self.make_key(&self.home, "k2").await;
        self.disabled = self.make_key(&self.home, "disabled").await;
        self.ending = self.make_key(&self.home, "ending").await;
        self.abroad = self.make_key(&self.away, "abroad").await;
        let kms = format!("/v1.0/{}/kms", self.home);
        self.done("POST", &format!("{kms}/aliases"), json!({ "key_id": self.k2, "alias": "alias/k2-other" })).await;
        self.done("POST", &format!("{kms}/disable-key"), json!({ "key_id": self.disabled })).await;
        let ending = json!({ "key_id": self.ending, "pending_days": "7" });
        self.done("POST", &format!("{kms}/schedule-key-deletion"), ending).await;
        let data = json!({ "key_id": self.k2, "plain_text": "x" });
        let data = self.done("POST", &format!("{kms}/encrypt-data"), data).await;
        let key = json!({ "key_id": self.k2, "key_spec": "AES_256" });
        let key = self.done("POST", &format!("{kms}/create-datakey"), key).await;
        self.sealed = (text(&data["cipher_text"]), text(&key["cipher_text"]));
        let bob = self.done("POST", "/v5/users", json!({ "name": "bob", "enabled": true })).await;
        self.bob = text(&bob["user"]["user_id"]);
        let users = self.done("GET", "/v5/users", Value::Null).await;
        let admin = users["users"].as_array().unwrap().iter().find(|user| user["is_root_user"] == true);
        self.admin = text(&admin.unwrap()["user_id"]);
        let document = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:secret:list"]}]}"#;
        let policy = json!({ "policy_name": "pol", "policy_document": document });
        self.policy = text(&self.done("POST", "/v5/policies", policy).await["policy"]["policy_id"]);
        let policies = self.done("GET", "/v5/policies?limit=200", Value::Null).await;
        let policies = policies["policies"].as_array().unwrap();
        let system = policies.iter().find(|policy| policy["policy_name"] == "Administrator");
        self.system_policy = text(&system.unwrap()["policy_id"]);
    }

    async fn make_key(&self, project: &str, alias: &str) -> String {
        let made = self.done("POST", &format!("/v1.0/{project}/kms/create-key"), json!({ "key_alias": alias })).await;
        text(&made["key_info"]["key_id"])
    }

    /// Makes a new set of secrets: see [`World::subject`], [`World::other`], [`World::rotated`], [`World::copied`],
    /// [`World::moved`], [`World::unready`].
    pub(crate) async fn renew(&mut self) {
        self.round += 1;
        let secrets = format!("/v1/{}/secrets", self.home);
        let subject = json!({ "name": self.subject(), "secret_string": "hunter2", "kms_key_id": self.k2 });
        self.subject_id = text(&self.done("POST", &secrets, subject).await["secret"]["id"]);
        let tag = json!({ "tag": { "key": "stage", "value": "production" } });
        self.done("POST", &format!("/v1/{}/csms/{}/tags", self.home, self.subject_id), tag).await;
        let other = json!({ "name": self.other(), "secret_string": "x", "kms_key_id": self.k1 });
        self.done("POST", &secrets, other).await;
        self.done("POST", &secrets, self.rotation(&self.rotated())).await;
        let copied = json!({ "name": self.copied(), "secret_string": "x", "kms_key_id": self.k2 });
        self.done("POST", &secrets, copied).await;
        let replica = json!({ "region": "away" });
        self.done("POST", &format!("{secrets}/{}/replicas", self.copied()), replica).await;
        let moved = json!({ "name": self.moved(), "secret_string": "x", "kms_key_id": self.k2 });
        self.done("POST", &secrets, moved).await;
        self.done("PUT", &format!("{secrets}/{}", self.moved()), json!({ "kms_key_id": self.k1 })).await;
        let mut unready = self.rotation(&self.unready());
        unready["secret_string"] = "no account".into();
        unready["kms_key_id"] = self.k2.clone().into();
        self.done("POST", &secrets, unready).await;
        let blob = self.done("POST", &format!("{secrets}/{}/backup", self.rotated()), Value::Null).await;
        self.blob = text(&blob["secret_blob"]);
    }

    /// The body that makes a secret whose rotation uses the [`subject`](World::subject) as its administrator's secret.
    pub(crate) fn rotation(&self, name: &str) -> Value {
        let account = json!({ "engine": "postgresql", "host": "127.0.0.1", "username": name, "password": "x" });
        let config = json!({
            "InstanceId": format!("i{}", self.round), "SecretSubType": "SingleUser", "AdminSecret": self.subject(),
        });
        json!({
            "name": name, "secret_string": account.to_string(), "secret_type": "RDS-FG",
            "rotation_func_urn": FUNCTION,
            "rotation_config": config.to_string(),
        })
    }

    /// A COMMON secret under `k2` with the tag `stage=production`.
    pub(crate) fn subject(&self) -> String {
        format!("prod-{}", self.round)
    }

    /// A COMMON secret under `k1` without tags.
    pub(crate) fn other(&self) -> String {
        format!("other-{}", self.round)
    }

    /// An RDS-FG secret under the default key.
    pub(crate) fn rotated(&self) -> String {
        format!("rotated-{}", self.round)
    }

    /// A COMMON secret under `k2` with a replica in `away`.
    pub(crate) fn copied(&self) -> String {
        format!("copied-{}", self.round)
    }

    /// A COMMON secret under `k1`, whose one version was sealed by `k2` before it was moved.
    pub(crate) fn moved(&self) -> String {
        format!("moved-{}", self.round)
    }

    /// An RDS-FG secret under `k2` that a rotation would use the [`subject`](World::subject) for, if its value were an account.
    pub(crate) fn unready(&self) -> String {
        format!("unready-{}", self.round)
    }

    /// Gives the caller these policies, and no others.
    pub(crate) async fn give(&self, policies: &[Value]) {
        let policies = policies.iter().map(|policy| Policy::parse(&policy.to_string()).unwrap()).collect();
        let user = UserRecord { policies, ..self.record.clone() };
        self.server.app.store.change_access(vec![AccessChange::PutUser(user)], Vec::new()).await.unwrap();
        self.server.app.authenticator.forget();
    }

    /// What the caller gets.
    pub(crate) async fn ask(&self, asked: &Asked) -> Answer {
        self.ask_as(&self.caller, asked).await
    }

    pub(crate) async fn ask_as(&self, key: &Key, asked: &Asked) -> Answer {
        let Asked { method, path, body } = asked;
        let request = self.server.signed(key, method, path, body.as_bytes()).extension(Peer(ADDRESS.into()));
        self.server.send(request.body(Body::from(body.clone())).unwrap()).await
    }

    /// What the administrator gets, which must be a success.
    pub(crate) async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.server.call(method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.body);
        answer.body
    }
}

/// A text in an answer.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A policy of these statements.
pub(crate) fn policy(statements: &Value) -> Value {
    json!({ "Version": "5.0", "Statement": statements })
}
