//! The access log: one line for each request, with who, what and how it ended, and with no value in it.

use std::{fs, path::PathBuf, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use csms_server::{http::router, telemetry::access_log::AccessLogTarget};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{self, Server, open_with};

struct Logged {
    server: Server,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Logged {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut settings = support::settings(&directory.path().join("data"));
        settings.access_log = AccessLogTarget::File(path.clone());
        Self { server: open_with(&settings).await.unwrap(), path, _directory: directory }
    }

    /// The text and the lines, once all are written. Nothing is logged afterwards.
    fn lines(&self) -> (String, Vec<Value>) {
        self.server.app.access_log.end();
        let text = fs::read_to_string(&self.path).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (text, lines)
    }
}

#[tokio::test]
async fn each_request_is_one_line_with_who_asked_for_what_and_how_it_ended() {
    let logged = Logged::start().await;
    let server = &logged.server;
    let body = json!({ "name": "db", "secret_string": "value-4711" });
    let made = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    server.call("GET", &server.path("secrets/db/versions/v1?note=query-4712"), Value::Null).await;
    server.call("GET", &server.path("secrets/absent"), Value::Null).await;
    let health = Request::get("/healthz").body(Body::empty()).unwrap();
    server.send(health).await;

    let (_, lines) = logged.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let (created, read, absent, health) = (&lines[0], &lines[1], &lines[2], &lines[3]);
    assert_eq!((&created["csms.operation"], &created["csms.secret.name"]), (&json!("CreateSecret"), &json!("db")));
    assert_eq!(read["csms.operation"], "ShowSecretVersion");
    assert_eq!(read["http.route"], "/v1/{project_id}/secrets/{secret_name}/versions/{version_id}");
    assert_eq!((&read["http.request.method"], &read["http.response.status_code"]), (&json!("GET"), &json!(200)));
    assert_eq!(read["csms.version.id"], "v1");
    assert_eq!(read["csms.access_key.id"], server.credentials.access_key);
    assert_eq!(read["csms.project.id"], server.credentials.project_id);
    assert!(read["user.id"].is_string() && read["user.name"].is_string() && read["csms.actor"].is_string(), "{read}");
    assert!(read["http.server.request.duration"].as_f64().is_some_and(|seconds| seconds > 0.0), "{read}");
    assert_eq!(read["csms.request.id"].as_str().map(str::len), Some(32));
    assert!(read["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{read}");
    assert_eq!(read.get("error.type"), None);
    assert_eq!(absent["http.response.status_code"], 404);
    assert!(absent["error.type"].as_str().is_some_and(|code| code.starts_with("CSMS.")), "{absent}");
    assert_eq!((health["http.route"].as_str(), health.get("csms.operation")), (Some("/healthz"), None));
}

#[tokio::test]
async fn a_line_names_the_callers_trace_and_nobody_before_the_signature_is_proven() {
    let logged = Logged::start().await;
    let server = &logged.server;
    let mut key = server.key();
    key.secret_key = "another-4713".to_owned();
    let uri = server.path("secrets/db");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request =
        server.signed(&key, "GET", &uri, b"").header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
    let (_, lines) = logged.lines();
    assert_eq!((lines.len(), &lines[0]["trace_id"]), (1, &json!(trace)));
    assert_eq!((lines[0].get("user.id"), lines[0].get("csms.access_key.id")), (None, None));
}

#[tokio::test]
async fn a_request_that_is_given_up_has_a_line_too() {
    let logged = Logged::start().await;
    let router = router::router(&logged.server.app);
    // A body that never comes.
    let body = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/v3/auth/tokens").header("host", "localhost").body(body).unwrap();
    let answer = tokio::time::timeout(std::time::Duration::from_millis(50), router.oneshot(request)).await;
    assert!(answer.is_err(), "it has an answer");
    let (_, lines) = logged.lines();
    assert_eq!((lines.len(), &lines[0]["error.type"]), (1, &json!("cancelled")));
    assert_eq!(lines[0].get("http.response.status_code"), None);
}

#[tokio::test]
async fn no_value_password_key_or_token_is_in_any_line() {
    let logged = Logged::start().await;
    let server = &logged.server;
    let (_, key) = server.make_user("alice", "password-4720", Vec::new()).await;
    let login = |password: &str| {
        json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": {
            "name": "alice", "password": password, "domain": { "name": server.app.identity.domain_name.clone() } } } } } })
    };
    let mut secrets =
        vec!["value-4721", "value-4722", "dmFsdWUtNDcyMw==", "query-4724", "password-4720", "password-4725"];
    for (method, rest, body) in [
        ("POST", "secrets", json!({ "name": "db", "secret_string": "value-4721" })),
        ("POST", "secrets/db/versions", json!({ "secret_string": "value-4722" })),
        ("POST", "secrets/db/versions", json!({ "secret_binary": "dmFsdWUtNDcyMw==" })),
        ("POST", "secrets", json!({ "name": "value-4721 ", "secret_string": ["value-4722"] })),
        ("GET", "secrets/db/versions/latest?secret_string=query-4724", Value::Null),
        ("PUT", "secrets/db", json!({ "description": "value-4721" })),
    ] {
        server.call(method, &server.path(rest), body.clone()).await;
        server.call_as(&key, method, &server.path(rest), &body).await;
    }
    for password in ["password-4720", "password-4725"] {
        let body = Body::from(login(password).to_string());
        let request =
            Request::post("/v3/auth/tokens").header("host", "localhost").header("content-type", "application/json");
        server.send(request.body(body).unwrap()).await;
    }
    let (text, lines) = logged.lines();
    assert_eq!(lines.len(), 14);
    let keys = [key.secret_key.clone(), server.key().secret_key];
    secrets.extend(keys.iter().map(String::as_str));
    let found: Vec<_> = secrets.into_iter().filter(|secret| text.contains(secret)).collect();
    assert!(found.is_empty(), "{found:?} in\n{text}");
}

#[tokio::test]
async fn the_file_is_opened_again_under_its_name() {
    let logged = Logged::start().await;
    let get = || Request::get("/livez").body(Body::empty()).unwrap();
    logged.server.send(get()).await;
    let app = Arc::clone(&logged.server.app);
    let aside = logged.path.with_extension("1");
    // The queue writes in order, so the line is written before the file is moved away.
    while fs::read_to_string(&logged.path).unwrap().lines().count() < 1 {
        tokio::task::yield_now().await;
    }
    fs::rename(&logged.path, &aside).unwrap();
    app.access_log.reopen().unwrap();
    logged.server.send(get()).await;
    let (_, lines) = logged.lines();
    assert_eq!((lines.len(), fs::read_to_string(&aside).unwrap().lines().count()), (1, 1));
}
