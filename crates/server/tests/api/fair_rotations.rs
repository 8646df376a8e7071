//! Whose rotation is next: silent databases do not keep others waiting, and the server calls only functions that it may.
//!
//! The functions are an endpoint in this process. For a secret whose name begins with `tarpit` it never answers, as a function
//! whose database accepts connections and says nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use csms_server::boot::settings::FunctionGraph;
use serde_json::{Value, json};

use crate::support::{Answer, Server, open_with, settings};

/// The names of the secrets for which functions were invoked, in order.
#[derive(Clone, Default)]
struct Invoked(Arc<Mutex<Vec<String>>>);

impl Invoked {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn server(directory: &std::path::Path, concurrent: usize, allow: Option<&str>) -> (Server, Invoked) {
    let invoked = Invoked::default();
    let invoke = |State(invoked): State<Invoked>, body: Bytes| async move {
        let event: HashMap<String, Value> = serde_json::from_slice(&body).unwrap();
        let name = event["secret_name"].as_str().unwrap().to_owned();
        invoked.0.lock().unwrap().push(name.clone());
        if name.starts_with("tarpit") {
            std::future::pending::<()>().await;
        }
        json!({ "status": "FAILED", "error_code": "ROTATION_NEEDS_OPERATOR", "error_msg": "x" }).to_string()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(invoke).with_state(invoked.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = settings(directory);
    settings.rotation_concurrency = concurrent;
    settings.deputies.functions.extend(allow.map(|pattern| pattern.parse().unwrap()));
    let (access_key, secret_key) = ("AK".to_owned(), "SK".to_owned().into());
    settings.functiongraph = Some(FunctionGraph { url, access_key, secret_key });
    (open_with(&settings).await.unwrap(), invoked)
}

async fn create(server: &Server, name: &str, port: u16, function_project: &str) {
    let answer = send(server, name, port, function_project).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

async fn send(server: &Server, name: &str, port: u16, function_project: &str) -> Answer {
    let account = json!({
        "engine": "postgresql", "host": "127.0.0.1", "port": port, "username": name, "password": "x", "tls": "disable",
    });
    let body = json!({
        "name": name, "secret_string": account.to_string(), "secret_type": "RDS-FG",
        "rotation_config": r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#,
        "rotation_func_urn": format!("urn:fss:local-1:{function_project}:function:default:any"),
    });
    server.call("POST", &server.path("secrets"), body).await
}

async fn rotate(server: &Server, name: &str) {
    let answer = server.call("POST", &server.path(&format!("secrets/{name}/rotate")), Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_silent_databases_let_another_secret_begin_after_at_most_two_of_their_attempts() {
    for concurrent in [1, 2, 8] {
        let directory = tempfile::tempdir().unwrap();
        let (server, invoked) = server(directory.path(), concurrent, None).await;
        let project = server.credentials.project_id.to_string();
        for number in 0..100 {
            create(&server, &format!("tarpit-{number}"), 10_000 + number, &project).await;
        }
        create(&server, "victim", 5432, &project).await;
        for number in 0..100 {
            rotate(&server, &format!("tarpit-{number}")).await;
        }
        let before = invoked.names().len();
        rotate(&server, "victim").await;
        let deadline = Instant::now() + Duration::from_secs(60);
        let position = loop {
            if let Some(position) = invoked.names().iter().position(|name| name == "victim") {
                break position;
            }
            assert!(Instant::now() < deadline, "the victim waits at concurrency {concurrent}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        // Each permit is given to at most one silent database more, besides one that was on its way.
        assert!(position <= before + concurrent + 1, "{position} behind {before} at concurrency {concurrent}");
    }
}

#[tokio::test]
async fn a_function_of_another_project_is_called_only_if_the_operator_lists_it() {
    const ELSEWHERE: &str = "ffffffffffffffffffffffffffffffff";
    for (allow, called) in
        [(None, false), (Some("urn:fss:*:ffffffffffffffffffffffffffffffff:function:default:*"), true)]
    {
        let directory = tempfile::tempdir().unwrap();
        let (server, invoked) = server(directory.path(), 1, allow).await;
        if !called {
            let answer = send(&server, "db", 5432, ELSEWHERE).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "CSMS.0302"));
            assert!(answer.body.to_string().contains("rotation_func_urn"), "{}", answer.body);
            assert!(invoked.names().is_empty());
            continue;
        }
        create(&server, "db", 5432, ELSEWHERE).await;
        rotate(&server, "db").await;
        let deadline = Instant::now() + Duration::from_secs(60);
        let failed = loop {
            let path = server.path("csms/tasks?status=FAILED");
            let mut answer = server.call("GET", &path, Value::Null).await;
            if answer.body["total"] == 1 {
                break answer.body["tasks"][0].take();
            }
            assert!(Instant::now() < deadline, "{}", answer.body);
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert!(!invoked.names().is_empty());
        assert_eq!(failed["task_error_code"], "CSMS.0511", "{failed}");
    }
}
