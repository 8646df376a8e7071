//! The scheduler: how many rotations run at once, what is tried again when, what a task tells about itself, and how long
//! records are kept. The functions are answers of an endpoint in this process; they change no database.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{Server, open_with, settings};
use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use csms_server::{background::due, boot::settings::FunctionGraph};
use serde_json::{Value, json};
use tokio::sync::Barrier;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const PASSWORD: &str = "a-password-that-stays-secret";

/// Starts an endpoint that invokes every function by calling `answer`, and returns its address.
async fn endpoint<F, A>(answer: F) -> String
where
    F: Fn() -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Value> + Send,
{
    endpoint_for_events(move |_| answer()).await
}

/// As [`endpoint`]; `answer` is given the event.
async fn endpoint_for_events<F, A>(answer: F) -> String
where
    F: Fn(Value) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Value> + Send,
{
    let invoke = move |event: Bytes| {
        let event: Value = serde_json::from_slice(&event).unwrap();
        let answer = answer.clone();
        async move { answer(event).await.to_string() }
    };
    let router = Router::new().route("/v2/{project}/fgs/functions/{urn}/invocations", post(invoke));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A server that runs `concurrent` rotations at once through an endpoint.
async fn server(directory: &tempfile::TempDir, endpoint: String, concurrent: usize) -> Server {
    let mut settings = settings(directory.path());
    settings.rotation_concurrency = concurrent;
    settings.deputies.functions.push("urn:fss:*:0123456789abcdef0123456789abcdef:function:*".parse().unwrap());
    let (access_key, secret_key) = ("AK".to_owned(), "SK".to_owned().into());
    settings.functiongraph = Some(FunctionGraph { url: endpoint, access_key, secret_key });
    open_with(&settings).await.unwrap()
}

async fn create(server: &Server, name: &str) {
    let account =
        json!({ "engine": "postgresql", "host": format!("{name}.example"), "username": "app", "password": PASSWORD });
    let body = json!({
        "name": name, "secret_string": account.to_string(), "secret_type": "RDS-FG", "auto_rotation": true,
        "rotation_period": "1d", "rotation_config": r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#,
        "rotation_func_urn": "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:elsewhere",
    });
    let answer = server.call("POST", &server.path("secrets"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

async fn tasks(server: &Server, query: &str) -> Vec<Value> {
    let answer = server.call("GET", &server.path(&format!("csms/tasks?{query}")), Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["tasks"].as_array().unwrap().clone()
}

/// Waits for as many failed tasks. The waits between attempts end at once, because the clock is moved on.
async fn failed(server: &Server, expected: usize) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let failed = tasks(server, "status=FAILED").await;
        if failed.len() >= expected {
            assert_eq!(failed.len(), expected);
            return failed;
        }
        assert!(Instant::now() < deadline, "{} of {expected}", failed.len());
        server.clock.advance(1_000);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a line of the metrics: what has happened is stored first and counted then.
async fn counted(server: &Server, line: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let metrics = server.app.metrics.text();
        if metrics.contains(line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not in\n{metrics}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn shown(server: &Server, name: &str) -> Value {
    server.call("GET", &server.path(&format!("secrets/{name}")), Value::Null).await.body["secret"].take()
}

fn refusal(code: &str) -> Value {
    json!({ "status": "FAILED", "error_code": code, "error_msg": "as the test wants it" })
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_within_the_bound_and_without_idling() {
    const CONCURRENT: usize = 3;
    const SECRETS: usize = 4 * CONCURRENT;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Nobody is answered before the bound is reached, so the bound is used to the full.
    let full = Arc::new(Barrier::new(CONCURRENT));
    let counted = (Arc::clone(&now), Arc::clone(&most));
    let answer = move || {
        let ((now, most), full) = (counted.clone(), Arc::clone(&full));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            full.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            refusal("ROTATION_NEEDS_OPERATOR")
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint(answer).await, CONCURRENT).await;
    for number in 0..SECRETS {
        create(&server, &format!("db-{number}")).await;
    }
    // A downtime of a week.
    server.clock.advance(7 * DAY);
    let watching = tokio::spawn(due::watch(Arc::clone(&server.app)));
    let deadline = Instant::now() + Duration::from_secs(120);
    let failed = loop {
        let failed = tasks(&server, "status=FAILED").await;
        if failed.len() >= SECRETS {
            break failed;
        }
        assert!(Instant::now() < deadline, "{} of {SECRETS}", failed.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    watching.abort();
    assert_eq!(failed.len(), SECRETS, "each once, however many periods were missed");
    assert_eq!(most.load(Ordering::SeqCst), CONCURRENT);
}

#[tokio::test]
async fn a_clock_that_jumps_by_years_rotates_and_deletes_nothing_for_an_hour() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint(|| async { json!({ "status": "SUCCESS" }) }).await, 8).await;
    create(&server, "rotated").await;
    create(&server, "going").await;
    let path = server.path("secrets/going/scheduled-deleted-tasks/create");
    let scheduled = server.call("POST", &path, json!({ "recovery_window_in_days": 7 })).await;
    assert_eq!(scheduled.status, StatusCode::OK, "{}", scheduled.body);
    let look = async || {
        due::delete_due(&server.app).await.unwrap();
        due::rotate_due(&server.app).await.unwrap();
        (tasks(&server, "").await.len(), shown(&server, "going").await["state"].clone())
    };
    assert_eq!(look().await, (0, json!("PENDING_DELETE")));
    server.clock.set_forward(10 * 365 * DAY);
    assert_eq!(look().await, (0, json!("PENDING_DELETE")));
    server.clock.advance(HOUR);
    assert_eq!(look().await, (1, Value::Null));
}

#[tokio::test]
async fn a_rotation_that_a_clock_ahead_has_put_off_for_years_is_planned_again() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint(|| async { refusal("ROTATION_NEEDS_OPERATOR") }).await, 8).await;
    server.clock.set_forward(10 * 365 * DAY);
    create(&server, "put-off").await;
    server.clock.set_back(10 * 365 * DAY);
    create(&server, "right").await;
    let next = async |name| shown(&server, name).await["next_rotation_time"].as_u64().unwrap();
    let right = next("right").await;
    assert!(next("put-off").await > right + 9 * 365 * DAY);
    due::plan_far(&server.app).await.unwrap();
    assert!((right..right + HOUR).contains(&next("put-off").await));
    assert_eq!(next("right").await, right);
}

#[tokio::test]
async fn a_rotation_left_unfinished_is_tried_again_soon_and_for_as_long_as_it_takes() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint(|| async { refusal("ROTATION_UNFINISHED") }).await, 8).await;
    create(&server, "db").await;
    server.clock.advance(DAY + HOUR);
    let mut waits = Vec::new();
    for round in 1..=4 {
        due::rotate_due(&server.app).await.unwrap();
        failed(&server, round).await;
        let next = shown(&server, "db").await["next_rotation_time"].as_u64().unwrap();
        // Rounded: between the end of the task and this look the clock may have been moved a little.
        waits.push(next.saturating_sub(server.clock.now().as_millis()).div_ceil(60_000));
        server.clock.advance(HOUR);
    }
    assert_eq!(waits, [1, 10, 60, 60]);
    assert_eq!(shown(&server, "db").await["auto_rotation"], true);
}

#[tokio::test]
async fn the_third_failure_is_recorded_as_what_ended_automatic_rotation() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint(|| async { refusal("ROTATION_NEEDS_OPERATOR") }).await, 8).await;
    create(&server, "db").await;
    server.clock.advance(DAY);
    for round in 1..=3 {
        server.clock.advance(HOUR);
        due::rotate_due(&server.app).await.unwrap();
        failed(&server, round).await;
    }
    assert_eq!(shown(&server, "db").await["auto_rotation"], false);
    let newest = tasks(&server, "secret_name=db&limit=1&steps=true").await.remove(0);
    let last = newest["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["step"], &last["attempt"]), (&json!("auto_rotation"), &json!(1)));
    assert!(last["outcome"].as_str().unwrap().contains("3 scheduled rotations failed in a row"), "{last}");
    counted(&server, "csms_auto_rotation_switched_off_total 1\n").await;
    counted(&server, "csms_rotation_tasks_total{outcome=\"failed\"} 3\n").await;
}

#[tokio::test]
async fn a_task_tells_its_steps_and_no_value() {
    let reply = json!({
        "status": "FAILED", "error_code": "ROTATION_UNAVAILABLE", "error_msg": "no answer",
        "steps": [{ "step": "probe pending", "outcome": "unknown", "at": 1 }],
    });
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint(move || std::future::ready(reply.clone())).await, 8).await;
    create(&server, "db").await;
    let begun = server.call("POST", &server.path("secrets/db/rotate"), Value::Null).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.body);
    let listed = failed(&server, 1).await.remove(0);
    assert!(listed.get("steps").is_none(), "only where they are asked for: {listed}");
    let id = listed["task_id"].as_str().unwrap();
    let task = tasks(&server, &format!("task_id={id}")).await.remove(0);
    let steps: Vec<_> = task["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    let attempt = ["attempt", "probe pending", "function"];
    assert_eq!(steps, [&["begin"][..], &attempt, &attempt, &attempt, &["end"]].concat());
    let outcome = |at: usize| task["steps"][at]["outcome"].as_str().unwrap().to_owned();
    assert_eq!(outcome(0), "by RotateSecret; v2 is SYSPENDING");
    assert_eq!((outcome(2), task["steps"][2]["time"].as_u64()), ("unknown".to_owned(), Some(1)));
    assert_eq!(outcome(3), "CSMS.0511: ROTATION_UNAVAILABLE: no answer");
    assert_eq!((outcome(10), task["steps"][9]["attempt"].as_u64()), ("FAILED".to_owned(), Some(3)));
    assert!(!task.to_string().contains(PASSWORD));
}

#[tokio::test]
async fn a_pending_version_is_new_until_an_attempt_may_have_set_it() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let answer = {
        let told = Arc::clone(&told);
        move |event: Value| {
            let mut told = told.lock().unwrap();
            told.push(event["pending_is_new"] == true);
            let codes = ["ROTATION_UNAVAILABLE", "ROTATION_UNFINISHED", "ROTATION_UNAVAILABLE"];
            std::future::ready(refusal(codes.get(told.len() - 1).unwrap_or(&"ROTATION_NEEDS_OPERATOR")))
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint_for_events(answer).await, 8).await;
    create(&server, "db").await;
    for task in 1..=2 {
        server.call("POST", &server.path("secrets/db/rotate"), Value::Null).await;
        failed(&server, task).await;
    }
    let of_the_next_task = false;
    assert_eq!(*told.lock().unwrap(), [true, true, false, of_the_next_task]);
}

#[tokio::test]
async fn failed_tasks_are_kept_for_a_month() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, endpoint(|| async { refusal("ROTATION_NEEDS_OPERATOR") }).await, 8).await;
    create(&server, "db").await;
    server.call("POST", &server.path("secrets/db/rotate"), Value::Null).await;
    failed(&server, 1).await;
    server.clock.advance(30 * DAY);
    due::purge(&server.app).await.unwrap();
    assert_eq!(tasks(&server, "").await.len(), 1);
    server.clock.advance(2 * DAY);
    due::purge(&server.app).await.unwrap();
    assert_eq!(tasks(&server, "").await.len(), 0);
    assert!(server.app.metrics.text().contains("csms_rotation_tasks_purged_total 1\n"));
}
