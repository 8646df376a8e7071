//! The invoke API in front of a running function.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use base64ct::{Base64, Encoding};
use functiongraph_runtime::{
    Credentials,
    host::{Front, UserFailureReply, router},
};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::setup::{Fixture, content_of, patient};

pub(crate) fn tests() -> Vec<Trial> {
    crate::tests![
        a_synchronous_call_returns_the_result,
        a_call_without_a_body_is_an_empty_event,
        a_call_of_version_1_returns_an_envelope,
        the_log_comes_in_a_header_when_asked_for,
        a_failing_function_is_answered_with_its_code,
        a_failing_function_can_be_answered_with_status_200,
        an_asynchronous_call_is_accepted_at_once,
        a_short_urn_means_the_project_of_the_path,
        credentials_come_from_the_embedding_server,
    ]
}

const URN: &str = "urn:fss:region:project:function:default:rotate:latest";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

async fn post(routes: Router, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post(format!("/v2/project/fgs/functions/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = routes.oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: serde_json::from_slice(&body).unwrap() }
}

async fn sync(fixture: &Fixture, headers: &[(&str, &str)], event: Value) -> Answer {
    post(router(Front::new(fixture.host.clone())), &format!("{URN}/invocations"), headers, event.to_string()).await
}

async fn a_synchronous_call_returns_the_result() {
    let fixture = Fixture::with_function(patient()).await;
    let event = json!({"do": "echo", "text": "hello"});
    let answer = sync(&fixture, &[], event.clone()).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, event));
    assert_eq!(answer.headers["x-cff-request-id"].len(), 36);
    assert_eq!(answer.headers["x-func-err-code"], "0");
    assert_eq!(answer.headers["x-is-func-err"], "false");
}

async fn a_call_without_a_body_is_an_empty_event() {
    let fixture = Fixture::with_function(patient()).await;
    let routes = router(Front::new(fixture.host.clone()));
    let answer = post(routes, &format!("{URN}/invocations"), &[], "").await;
    assert_eq!((&answer.body["errorType"], &answer.body["message"]), (&json!("UnknownOrder"), &json!("None")));
}

async fn a_call_of_version_1_returns_an_envelope() {
    let fixture = Fixture::with_function(patient()).await;
    let answer = sync(&fixture, &[("X-CFF-Request-Version", "v1")], json!({"do": "echo"})).await;
    assert_eq!(answer.body["result"], r#"{"do":"echo"}"#);
    assert_eq!(answer.body["status"], 200);
    assert_eq!(answer.body["log"], "");
    assert_eq!(answer.body["request_id"], answer.headers["x-cff-request-id"].to_str().unwrap());
}

async fn the_log_comes_in_a_header_when_asked_for() {
    let fixture = Fixture::with_function(patient()).await;
    let headers = [("X-Cff-Log-Type", "tail"), ("X-CFF-Request-Version", "v1")];
    let answer = sync(&fixture, &headers, json!({"do": "log"})).await;
    let header = Base64::decode_vec(answer.headers["x-cff-function-log"].to_str().unwrap()).unwrap();
    assert!(String::from_utf8(header).unwrap().contains("to standard output\n"));
    assert!(answer.body["log"].as_str().unwrap().contains("to standard output\n"));
}

async fn a_failing_function_is_answered_with_its_code() {
    let fixture = Fixture::with_function(patient()).await;
    let answer = sync(&fixture, &[], json!({"do": "exit"})).await;
    assert_eq!((answer.status, &answer.body["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!(4204)));
    assert_eq!(answer.headers["x-func-err-code"], "4204");
    assert_eq!(answer.headers["x-is-func-err"], "true");
}

async fn a_failing_function_can_be_answered_with_status_200() {
    let fixture = Fixture::with_function(patient()).await;
    let front = Front { user_failure: UserFailureReply::OkWithHeaders, ..Front::new(fixture.host.clone()) };
    let event = json!({"do": "fail"}).to_string();
    let answer = post(router(front), &format!("{URN}/invocations"), &[], event).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({"errorType": "OutOfStock", "errorMessage": "none left"}));
    assert_eq!(answer.headers["x-func-err-code"], "4002");
}

async fn an_asynchronous_call_is_accepted_at_once() {
    let fixture = Fixture::with_function(patient()).await;
    let routes = router(Front::new(fixture.host.clone()));
    let event = json!({"do": "meet", "mine": fixture.path("one"), "other": fixture.path("two")}).to_string();
    let answer = post(routes, &format!("{URN}/invocations-async"), &[], event).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["request_id"].as_str().unwrap().len(), 36);
    content_of(&fixture.path("one")).await;
}

async fn a_short_urn_means_the_project_of_the_path() {
    let fixture = Fixture::with_function(patient()).await;
    let routes = router(Front::new(fixture.host.clone()));
    let event = json!({"do": "echo"});
    let answer = post(routes.clone(), "rotate/invocations", &[], event.to_string()).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, event));
    let escaped = URN.replace(':', "%3A");
    assert_eq!(post(routes, &format!("{escaped}/invocations"), &[], r#"{"do":"echo"}"#).await.status, 200);
}

async fn credentials_come_from_the_embedding_server() {
    #[derive(Clone)]
    struct Caller(&'static str);

    let fixture = Fixture::with_function(patient()).await;
    let mut front = Front::new(fixture.host.clone());
    front.credentials = Some(Arc::new(|extensions, urn| {
        let Caller(name) = extensions.get()?;
        Some(Credentials::from_keys(*name, format!("secret-of-{}", urn.name())))
    }));
    let routes = router(front);
    let event = json!({"do": "describe"}).to_string();
    let path = format!("{URN}/invocations");
    let known = post(routes.clone().layer(Extension(Caller("alice"))), &path, &[], event.clone()).await;
    assert_eq!(known.body["credentials"], json!(["alice", "secret-of-rotate", null]));
    let unknown = post(routes, &path, &[], event).await;
    assert_eq!(unknown.body["credentials"], json!(null));
}
