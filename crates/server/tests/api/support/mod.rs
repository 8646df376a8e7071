//! A server in this process, on its own directory and clock, asked without a socket.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, request::Builder},
};
use csms_core::{
    ProjectId,
    policy::Policy,
    sign::{SignedRequest, authorize, format_date, payload_hash},
};
use csms_server::{
    app::App,
    auth::{
        cache::secret_key_purpose,
        key_pair::make_key_pair,
        new_password::{NewPassword, PasswordRule},
        passwords,
        token::TemporaryKey,
    },
    boot::serve::{self, ServeError},
    boot::settings::{Flags, Settings},
    clock::Clock,
    http::router,
    installation::Credentials,
};
use csms_store::{AccessChange, AccessKeyRecord, Store, StoreError, UserDetails, UserRecord};
use serde_json::{Value, json};
use tower::ServiceExt;

/// An answer, its body read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// What the body holds as JSON, else its text; null when it is empty.
    pub body: Value,
}

impl Answer {
    /// The error code in a flat or a nested body.
    pub fn code(&self) -> &str {
        let code = self.body.get("error_code").or_else(|| self.body.pointer("/error/error_code"));
        code.and_then(Value::as_str).unwrap_or("none")
    }
}

/// A key pair to sign with, and perhaps its security token.
#[derive(Clone)]
pub struct Key {
    pub access_key: String,
    pub secret_key: String,
    pub security_token: Option<String>,
}

/// A password of a test, which need not be a good one.
pub fn any_password(text: &str) -> NewPassword {
    NewPassword::judge(text.to_owned().into(), "", PasswordRule::Any).ok().unwrap()
}

pub struct Server {
    pub app: Arc<App>,
    pub clock: Clock,
    pub credentials: Credentials,
    router: router::Routes,
    #[allow(dead_code, reason = "kept so that it is removed with the server")]
    directory: Option<tempfile::TempDir>,
}

pub fn settings(data: &Path) -> Settings {
    let flags = Flags { listen: Some(([127, 0, 0, 1], 0).into()), data: Some(data.to_owned()), ..Flags::default() };
    flags.settle().unwrap()
}

pub async fn open(data: &Path) -> Result<Server, ServeError> {
    open_with(&settings(data)).await
}

pub async fn open_with(settings: &Settings) -> Result<Server, ServeError> {
    let clock = Clock::default();
    let deadline = Instant::now() + Duration::from_secs(30);
    let bound = loop {
        match serve::bind(settings, clock.clone()).await {
            // A server that was just dropped closes its store in a thread of its own.
            Err(ServeError::Store(StoreError::Unavailable(_))) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            bound => break bound?,
        }
    };
    let credentials = serde_json::from_slice(&std::fs::read(&bound.credentials).unwrap()).unwrap();
    Ok(Server { router: router::router(&bound.app), app: bound.app, clock, credentials, directory: None })
}

impl Server {
    /// A server that listens, too.
    pub fn of(app: &Arc<App>, credentials: Credentials) -> Self {
        let (router, clock) = (router::router(app), app.clock.clone());
        Self { router, app: Arc::clone(app), clock, credentials, directory: None }
    }

    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = open(directory.path()).await.unwrap();
        Self { directory: Some(directory), ..server }
    }

    pub fn key(&self) -> Key {
        Key {
            access_key: self.credentials.access_key.clone(),
            secret_key: self.credentials.secret_key.to_string(),
            security_token: None,
        }
    }

    /// A key with this policy, for ten minutes in the first project.
    pub fn temporary(&self, policy: Policy) -> Key {
        self.temporary_in(&self.app.identity.project_id, policy)
    }

    /// The same in another project.
    pub fn temporary_in(&self, project: &ProjectId, policy: Policy) -> Key {
        let expires = self.clock.now().plus_millis(600_000);
        self.signing_with(&TemporaryKey::make("temporary".to_owned(), project.clone(), policy, expires).unwrap())
    }

    /// A temporary key as its caller has it.
    pub fn signing_with(&self, key: &TemporaryKey) -> Key {
        Key {
            access_key: key.access_key.clone(),
            secret_key: key.secret_key.clone(),
            security_token: Some(key.security_token(&self.app.root).unwrap()),
        }
    }

    /// Makes a user of the first project with a password and an access key, and returns its identifier and the key.
    pub async fn make_user(&self, name: &str, password: &str, policies: Vec<Policy>) -> (String, Key) {
        let id = csms_server::installation::make_id().unwrap();
        let user = UserRecord {
            id: id.clone(),
            name: name.to_owned(),
            domain_id: self.app.identity.domain_id.clone(),
            password_hash: Some(passwords::hash(&any_password(password)).unwrap()),
            projects: vec![self.app.identity.project_id.clone()],
            policies,
            attached: Vec::new(),
            enabled: true,
            details: UserDetails::default(),
        };
        let (access_key, secret_key) = make_key_pair().unwrap();
        let sealed =
            self.app.root.seal(&secret_key_purpose(&access_key, &id), secret_key.as_bytes(), &mut getrandom::SysRng);
        let sealed = sealed.unwrap();
        let key = AccessKeyRecord {
            access_key: access_key.clone(),
            sealed_secret_key: sealed,
            user_id: id.clone(),
            enabled: true,
            create_time: None,
            expires: None,
            last_use: None,
        };
        let changes = vec![AccessChange::PutUser(user), AccessChange::PutAccessKey(key)];
        self.app.store.change_access(changes, Vec::new()).await.unwrap();
        (id, Key { access_key, secret_key: secret_key.to_string(), security_token: None })
    }

    /// A temporary key of the first project with a policy of these statements.
    pub fn limited(&self, statements: &Value) -> Key {
        self.temporary(Policy::parse(&json!({ "Version": "5.0", "Statement": statements }).to_string()).unwrap())
    }

    /// The path of an operation's resource within the first project.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/{}/{rest}", self.credentials.project_id)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = || if bytes.is_empty() { Value::Null } else { String::from_utf8_lossy(&bytes).into() };
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request signed now with `key`.
    pub fn signed(&self, key: &Key, method: &str, uri: &str, body: &[u8]) -> Builder {
        let date = format_date(self.clock.now());
        self.signed_at(key, method, uri, body, &date)
    }

    pub fn signed_at(&self, key: &Key, method: &str, uri: &str, body: &[u8], date: &str) -> Builder {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let hash = payload_hash(body);
        let request = SignedRequest { method, path, query, date, payload_hash: &hash };
        let mut headers = vec![("content-type", "application/json"), ("host", "localhost"), ("x-sdk-date", date)];
        if let Some(token) = &key.security_token {
            headers.push(("x-security-token", token));
        }
        headers.sort_unstable();
        let authorization = authorize(&key.access_key, key.secret_key.as_bytes(), &request, &headers);
        let builder = Request::builder().method(method).uri(uri).header("authorization", authorization);
        headers.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value))
    }

    pub async fn call_as(&self, key: &Key, method: &str, uri: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = self.signed(key, method, uri, &body).body(Body::from(body)).unwrap();
        self.send(request).await
    }

    pub async fn call(&self, method: &str, uri: &str, body: Value) -> Answer {
        self.call_as(&self.key(), method, uri, &body).await
    }
}

/// Requests that give the user of this identifier rights that last: to the secret `db`, and in the account.
pub async fn giving_rights(server: &Server, user: &str) -> Vec<(&'static str, String, Value)> {
    let key = server.call("POST", &format!("/v5/users/{user}/access-keys"), Value::Null).await;
    let key = key.body["access_key"]["access_key_id"].as_str().unwrap().to_owned();
    let document = r#"{"Version":"5.0","Statement":[{"Effect":"Deny","Action":["csms:secret:delete"]}]}"#;
    let policy = json!({ "policy_name": "limit", "policy_document": document });
    let policy = server.call("POST", "/v5/policies", policy).await;
    let policy = format!("/v5/policies/{}", policy.body["policy"]["policy_id"].as_str().unwrap());
    let version = json!({ "policy_document": document, "set_as_default": false });
    let made = json!({ "policy_name": "made", "policy_document": document });
    let grant = json!({ "resource_id": "db", "type": "SECRET", "grantee_type": "0", "grantee_target_id": user });
    let password = json!({ "password": "Battery-Horse-Staple-9", "password_reset_required": false });
    vec![
        ("POST", server.path("csms/grants"), grant.clone()),
        ("PUT", server.path("csms/grants?resource_id=db"), grant),
        ("POST", "/v5/users".to_owned(), json!({ "name": "made", "enabled": true })),
        ("PUT", format!("/v5/users/{user}"), json!({ "new_description": "x" })),
        ("POST", format!("/v5/users/{user}/access-keys"), Value::Null),
        ("PUT", format!("/v5/users/{user}/access-keys/{key}"), json!({ "status": "active" })),
        ("PUT", format!("/v5/users/{user}/login-profile"), password),
        ("POST", "/v5/policies".to_owned(), made),
        ("POST", format!("{policy}/versions"), version),
        ("POST", format!("{policy}/versions/v1/set-default"), Value::Null),
        ("POST", format!("{policy}/attach-user"), json!({ "user_id": user })),
        ("POST", format!("{policy}/detach-user"), json!({ "user_id": user })),
    ]
}
