//! A server with something in it: signed calls without the client, and fresh objects for each of them.

use std::{
    collections::BTreeMap,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use csms_core::{
    UnixMillis,
    sign::{SignedRequest, authorize, format_date, payload_hash, percent_encode},
};
use csms_testbed::Server;
use serde_json::{Value, json};

use crate::definitions::Definition;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Content type; empty when there is none.
    pub content_type: String,
    /// The body; `null` when it is none or no JSON.
    pub body: Value,
}

impl Answer {
    /// The error code, flat or nested.
    #[must_use]
    pub fn code(&self) -> &str {
        let code = self.body["error_code"].as_str().or(self.body["error"]["error_code"].as_str());
        code.unwrap_or("no code")
    }
}

/// Where a call goes: values of the parameters in its path.
pub type Place = BTreeMap<String, String>;

/// A server and what is known of it.
pub struct World {
    agent: ureq::Agent,
    url: String,
    project: String,
    access_key: String,
    secret_key: String,
    user_name: String,
    password: String,
    granted: OnceLock<Value>,
    number: AtomicU32,
}

impl World {
    /// The world of a server.
    ///
    /// # Panics
    /// When the server's keys are not complete.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let credentials = server.credentials();
        // No connection is used twice: the server closes one whose body it did not read.
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build().new_agent();
        Self {
            agent,
            url: server.url().to_owned(),
            project: server.project_id().to_owned(),
            access_key: credentials.access_key.clone(),
            secret_key: credentials.secret_key.clone(),
            user_name: credentials.user_name.clone().expect("the first user has a name"),
            password: credentials.password.clone().expect("the first user has a password"),
            granted: OnceLock::new(),
            number: AtomicU32::new(0),
        }
    }

    /// A name that nothing has.
    pub fn fresh(&self) -> String {
        format!("fresh-{}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// A signed call.
    pub fn call(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.send(method, target, body, true)
    }

    /// The path of something in the first project.
    #[must_use]
    pub fn project_path(&self, version: &str, rest: &str) -> String {
        format!("{version}/{}/{rest}", self.project)
    }

    /// A signed call to a server that may be gone; `None` when it does not answer.
    #[must_use]
    pub fn attempt(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        self.exchange(method, target, body, true).ok()
    }

    /// A call, signed or not.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn send(&self, method: &str, target: &str, body: &Value, signed: bool) -> Answer {
        let answered = self.exchange(method, target, body, signed);
        answered.unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    fn exchange(&self, method: &str, target: &str, body: &Value, signed: bool) -> Result<Answer, ureq::Error> {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
        let date = format_date(UnixMillis::new(u64::try_from(now).expect("a time")));
        let host = self.url.strip_prefix("http://").expect("an address");
        let hash = payload_hash(&bytes);
        let request = SignedRequest { method, path, query, date: &date, payload_hash: &hash };
        let headers = [("content-type", "application/json"), ("host", host), ("x-sdk-date", date.as_str())];
        let authorization = authorize(&self.access_key, self.secret_key.as_bytes(), &request, &headers);
        let mut builder = ureq::http::Request::builder().method(method).uri(format!("{}{target}", self.url));
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        if signed {
            builder = builder.header("authorization", authorization);
        }
        let answered = if bytes.is_empty() {
            self.agent.run(builder.body(()).expect("a request"))
        } else {
            self.agent.run(builder.body(bytes).expect("a request"))
        };
        let mut response = answered?;
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_vec()?;
        Ok(Answer { status, content_type, body: serde_json::from_slice(&text).unwrap_or(Value::Null) })
    }

    /// A call that makes something and must succeed.
    fn make(&self, method: &str, rest: &str, body: &Value) -> Value {
        let answer = self.call(method, &format!("/v1/{}/{rest}", self.project), body);
        assert!((200..300).contains(&answer.status), "{method} {rest}: {answer:?}");
        answer.body
    }

    /// Deletes the secret in an answer, so that later lists do not have it.
    pub fn tidy(&self, answer: &Answer) {
        if let Some(name) = answer.body["secret"]["name"].as_str() {
            self.make("DELETE", &format!("secrets/{name}"), &Value::Null);
        }
    }

    /// Makes what an operation needs and says where it is.
    pub fn prepare(&self, of: &Definition) -> Place {
        let mut place = Place::from([("project_id".to_owned(), self.project.clone())]);
        let mut names = vec![];
        for segment in of.path.split('/') {
            names.extend(segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')));
        }
        if names.contains(&"secret_name") || names.contains(&"secret_id") {
            let name = self.fresh();
            let mut body = json!({ "name": name, "secret_string": "value" });
            if of.name == "RotateSecret" {
                let login =
                    json!({ "engine": "mysql", "host": "localhost", "port": 9, "username": name, "password": "b" });
                body = json!({
                    "name": name, "secret_string": login.to_string(), "secret_type": "RDS-FG",
                    "rotation_config": r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#,
                    "rotation_func_urn": self.function(),
                });
            }
            let made = self.make("POST", "secrets", &body);
            place.insert("secret_id".to_owned(), made["secret"]["id"].as_str().unwrap_or_default().to_owned());
            if of.name == "RestoreSecret" {
                let rest = format!("secrets/{name}/scheduled-deleted-tasks/create");
                self.make("POST", &rest, &json!({ "recovery_window_in_days": 7 }));
            }
            if names.contains(&"stage_name") {
                self.make("PUT", &format!("secrets/{name}/stages/blue"), &json!({ "version_id": "v1" }));
            }
            if names.contains(&"key") {
                let rest = format!("csms/{}/tags", place["secret_id"]);
                self.make("POST", &rest, &json!({ "tag": { "key": "env", "value": "test" } }));
            }
            place.insert("secret_name".to_owned(), name);
        }
        if names.contains(&"user_id") {
            let users = self.call("GET", "/v1/csms/users?offset=0&limit=10", &Value::Null).body;
            place.insert("user_id".to_owned(), users["users"][0]["user_id"].as_str().unwrap_or_default().to_owned());
        }
        if names.contains(&"event_name") {
            place.insert("event_name".to_owned(), self.event());
        }
        for (name, value) in
            [("stage_name", "blue"), ("version_id", "v1"), ("key", "env"), ("resource_instances", "resource_instances")]
        {
            place.insert(name.to_owned(), value.to_owned());
        }
        place
    }

    /// Makes an event, and room for it: a project has 30 at most. One that a secret subscribes to stays.
    fn event(&self) -> String {
        let events = format!("/v1/{}/csms/events", self.project);
        let existing = self.call("GET", &format!("{events}?limit=100"), &Value::Null).body;
        let existing = existing["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        for name in existing.iter().take(existing.len().saturating_sub(20)).filter_map(|event| event["name"].as_str()) {
            self.call("DELETE", &format!("{events}/{name}"), &Value::Null);
        }
        let name = self.fresh();
        let notification =
            json!({ "target_type": "SMN", "target_id": "urn:smn:local-1:p:topic", "target_name": "topic" });
        let body = json!({
            "name": name, "event_types": ["SECRET_ROTATED"], "state": "ENABLED", "notification": notification,
        });
        self.make("POST", "csms/events", &body);
        name
    }

    /// A secret, which the first user has a grant on if `granted`, by its identifier.
    fn resource(&self, granted: bool) -> Value {
        let made = self.make("POST", "secrets", &json!({ "name": self.fresh(), "secret_string": "value" }));
        let id = made["secret"]["id"].clone();
        if granted {
            let body = json!({ "resource_id": id, "type": "SECRET", "grantee_type": "0", "grantee_target_id": self.user_name });
            self.make("POST", "csms/grants", &body);
        }
        id
    }

    fn function(&self) -> String {
        format!("urn:fss:local-1:{}:function:default:nowhere:latest", self.project)
    }

    /// The target of a call.
    #[must_use]
    pub fn target(of: &Definition, place: &Place) -> String {
        let segments = of.path.split('/').map(|segment| {
            match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
                Some(name) => percent_encode(place.get(name).map_or("missing", String::as_str)),
                None => segment.to_owned(),
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// A value that is right for a field in this world; `None` where the schema is enough to make one.
    pub fn live(&self, of: &Definition, name: &str) -> Option<Value> {
        let year = UNIX_EPOCH.elapsed().expect("a clock").as_millis() as u64 + 31_536_000_000;
        let is_event = of.name.ends_with("SecretEvent");
        Some(match name {
            "name" | "secret_name" => json!(self.fresh()),
            "secret_string" => json!("value"),
            "secret_binary" => json!("dmFsdWU="),
            "kms_key_id" => {
                let body = json!({ "name": self.fresh(), "secret_string": "value" });
                self.make("POST", "secrets", &body)["secret"]["kms_key_id"].clone()
            }
            "secret_type" if of.name == "CreateSecret" || of.name == "BatchImportSecrets" => json!("COMMON"),
            "rotation_config" => json!(r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#),
            "rotation_period" => json!("30d"),
            "rotation_func_urn" => json!(self.function()),
            "auto_rotation" => json!(false),
            "event_subscriptions" => json!([self.event()]),
            "enterprise_project_id" => json!("0"),
            "expire_time" => json!(year),
            "version_stages" => json!(["blue"]),
            "version_id" => json!("v1"),
            "secret_name_list" => {
                let name = self.fresh();
                self.make("POST", "secrets", &json!({ "name": name, "secret_string": "value" }));
                json!([name])
            }
            "target_id" => json!("urn:smn:local-1:p:topic"),
            "target_type" => json!("SMN"),
            "state" if is_event => json!("ENABLED"),
            "event_types" => json!(["SECRET_ROTATED"]),
            "action" if of.name == "ListResourceInstances" => json!("filter"),
            "action" => json!("create"),
            "limit" if of.parameters("query").any(|one| one["name"] == "limit" && one["type"] == "integer") => {
                json!(10)
            }
            "limit" => json!("10"),
            "offset" if of.name == "ListUsers" => json!(0),
            "offset" => json!("0"),
            "length" => json!(20),
            "exclude_lowercase" => json!(false),
            "type" if of.name == "CheckSecrets" => json!("password"),
            "data" if of.name == "CheckSecrets" => json!({ "secret": "a password" }),
            "resource_id" if of.name == "CreateGrants" || of.name == "DeleteGrant" => {
                self.resource(of.name == "DeleteGrant")
            }
            // Query and body must name the same.
            "resource_id" => self.granted.get_or_init(|| self.resource(true)).clone(),
            "type" if of.name.ends_with("Grant") || of.name.ends_with("Grants") => json!("SECRET"),
            "grantee_type" => json!("0"),
            "grantee_target_id" | "grantee_user" => json!(self.user_name),
            "validity_time" => json!("2999-12-31"),
            "password" | "old_password" if of.name == "UpdateUserPassword" => json!(self.password),
            "secret_blob" => {
                let name = self.fresh();
                self.make("POST", "secrets", &json!({ "name": name, "secret_string": "value" }));
                let blob = self.make("POST", &format!("secrets/{name}/backup"), &Value::Null)["secret_blob"].clone();
                self.make("DELETE", &format!("secrets/{name}"), &Value::Null);
                blob
            }
            _ => return None,
        })
    }
}
