//! The guest against a scripted runtime API: every promise of the loop, without a platform.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod scripted_api;

use std::{
    sync::mpsc::channel,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use functiongraph_runtime::{
    Failure,
    guest::{Context, Environment, Guest, RunError, StopHandle},
};
use scripted_api::{Report, ScriptedApi, Step, event, response};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Order {
    item: String,
    count: u32,
}

#[derive(Serialize)]
struct Receipt {
    text: String,
}

/// Panics, fails, or writes a receipt.
#[expect(clippy::needless_pass_by_value, reason = "the form of a handler")]
fn shop(order: Order, _: &Context) -> Result<Receipt, Failure> {
    match order.item.as_str() {
        "panic" => panic!("no {} left", order.item),
        "fail" => Err(Failure::new("OutOfStock", "none left")),
        item => Ok(Receipt { text: format!("{} {item}", order.count) }),
    }
}

struct Running {
    stop: StopHandle,
    thread: JoinHandle<Result<(), RunError>>,
}

impl Running {
    fn end(self) -> Result<(), RunError> {
        self.stop.stop();
        self.thread.join().unwrap()
    }
}

fn guest(api: &ScriptedApi) -> Guest {
    let environment = Environment {
        api_addr: Some(api.address()),
        timeout: Duration::from_secs(60),
        max_result_bytes: 1000,
        ..Environment::default()
    };
    Guest::new(environment).without_signals()
}

fn start<H>(api: &ScriptedApi, handler: H) -> Running
where
    H: FnMut(Order, &Context) -> Result<Receipt, Failure> + Send + 'static,
{
    let guest = guest(api);
    let stop = guest.stop_handle();
    Running { stop, thread: thread::spawn(move || guest.run(handler)) }
}

fn failure_of(report: &Report, id: &str) -> Failure {
    assert_eq!(report.path, format!("/v1/runtime/invocation/error/{id}"));
    serde_json::from_str(&report.body).unwrap()
}

#[test]
fn a_typed_event_round_trips() {
    let api = ScriptedApi::start([event("id-1", r#"{"item":"pears","count":3}"#)]);
    let running = start(&api, shop);
    assert_eq!(api.all_reports(), [response("id-1", r#"{"text":"3 pears"}"#)]);
    running.end().unwrap();
}

#[test]
fn bytes_pass_through_unchanged() {
    let body = vec![0, 159, 146, 150, 10];
    let api = ScriptedApi::start([Step::Event { id: "id-1", headers: vec![], body: body.clone() }]);
    let guest = guest(&api);
    let stop = guest.stop_handle();
    let (seen, was_seen) = channel();
    let thread = thread::spawn(move || {
        guest.run_bytes(move |event, _| {
            seen.send(event.to_vec()).unwrap();
            Ok(b"not json".to_vec())
        })
    });
    assert_eq!(api.reports(1), [response("id-1", "not json")]);
    assert_eq!(was_seen.recv().unwrap(), body);
    Running { stop, thread }.end().unwrap();
}

#[test]
fn the_context_of_an_event_comes_from_its_headers() {
    let api = ScriptedApi::start([
        Step::Event {
            id: "id-1",
            headers: vec![
                "X-CFF-Invoke-Type: async",
                "X-CFF-Access-Key: null",
                "X-CFF-Secret-Key: null",
                "X-CFF-Security-Access-Key: access",
                "X-CFF-Security-Secret-Key: secret",
                "X-CFF-Security-Token: token",
            ],
            body: br#"{"item":"figs","count":1}"#.to_vec(),
        },
        event("id-2", r#"{"item":"figs","count":1}"#),
    ]);
    let (seen, was_seen) = channel();
    let running = start(&api, move |order, context| {
        seen.send(context.clone()).unwrap();
        shop(order, context)
    });
    let first = was_seen.recv().unwrap();
    let second = was_seen.recv().unwrap();
    running.end().unwrap();

    let credentials = first.credentials().unwrap();
    assert_eq!(credentials.key_pair(), Some(("access", "secret")));
    assert_eq!(credentials.security_token(), Some("token"));
    assert_eq!((first.request_id(), first.is_asynchronous()), ("id-1", true));
    assert!(first.remaining() <= Duration::from_secs(60));
    assert_eq!((second.request_id(), second.is_asynchronous()), ("id-2", false));
    assert!(second.credentials().is_none(), "credentials belong to one invocation");
}

#[test]
fn a_failing_handler_is_reported_and_the_loop_goes_on() {
    let api = ScriptedApi::start([
        event("id-1", r#"{"item":"fail","count":1}"#),
        event("id-2", r#"{"item":"figs","count":2}"#),
    ]);
    let running = start(&api, shop);
    let reports = api.all_reports();
    assert_eq!(failure_of(&reports[0], "id-1"), Failure::new("OutOfStock", "none left"));
    assert_eq!(reports[1..], [response("id-2", r#"{"text":"2 figs"}"#)]);
    running.end().unwrap();
}

#[test]
fn a_panic_is_reported_and_the_loop_goes_on() {
    let api = ScriptedApi::start([
        event("id-1", r#"{"item":"panic","count":1}"#),
        event("id-2", r#"{"item":"figs","count":2}"#),
    ]);
    let running = start(&api, shop);
    let reports = api.all_reports();
    assert_eq!(failure_of(&reports[0], "id-1"), Failure::new("Panic", "no panic left"));
    assert_eq!(reports[1..], [response("id-2", r#"{"text":"2 figs"}"#)]);
    running.end().unwrap();
}

#[test]
fn an_event_which_does_not_parse_fails_alone() {
    let api = ScriptedApi::start([event("id-1", "nonsense"), event("id-2", r#"{"item":"figs","count":2}"#)]);
    let running = start(&api, shop);
    let reports = api.all_reports();
    assert_eq!(failure_of(&reports[0], "id-1").error_type, "InvalidEvent");
    assert_eq!(reports[1..], [response("id-2", r#"{"text":"2 figs"}"#)]);
    running.end().unwrap();
}

#[test]
fn a_result_above_the_limit_is_reported_as_a_failure() {
    let api = ScriptedApi::start([event("id-1", r#"{"item":"figs","count":2}"#)]);
    let running = start(&api, |_, _| Ok(Receipt { text: "x".repeat(1000) }));
    let reports = api.all_reports();
    assert_eq!(reports.len(), 1);
    let failure = failure_of(&reports[0], "id-1");
    assert_eq!(failure.error_type, "ResponseTooLarge");
    assert!(failure.error_message.contains("limit of 1000 bytes"), "{failure}");
    running.end().unwrap();
}

#[test]
fn polls_without_an_event_are_repeated() {
    let api = ScriptedApi::start([
        Step::HangUp,
        Step::Status(404),
        Step::Status(503),
        Step::NoRequestId,
        Step::HangUp,
        event("id-1", r#"{"item":"figs","count":2}"#),
    ]);
    let running = start(&api, shop);
    assert_eq!(api.all_reports(), [response("id-1", r#"{"text":"2 figs"}"#)]);
    running.end().unwrap();
}

#[test]
fn a_report_is_repeated_when_the_platform_stumbles() {
    let api = ScriptedApi::start_with([event("id-1", r#"{"item":"figs","count":2}"#)], [500, 503]);
    let running = start(&api, shop);
    let once = response("id-1", r#"{"text":"2 figs"}"#);
    assert_eq!(api.all_reports(), [once.clone(), once.clone(), once]);
    running.end().unwrap();
}

#[test]
fn a_report_which_is_never_accepted_is_given_up_and_the_loop_goes_on() {
    let api = ScriptedApi::start_with(
        [event("id-1", r#"{"item":"figs","count":1}"#), event("id-2", r#"{"item":"figs","count":2}"#)],
        [500, 500, 500, 500],
    );
    let running = start(&api, shop);
    let reports = api.all_reports();
    assert_eq!(reports.iter().filter(|report| report.path.ends_with("id-1")).count(), 4);
    assert_eq!(reports[4..], [response("id-2", r#"{"text":"2 figs"}"#)]);
    running.end().unwrap();
}

#[test]
fn a_report_which_the_platform_refuses_is_not_repeated() {
    let api = ScriptedApi::start_with([event("id-1", r#"{"item":"figs","count":1}"#)], [404]);
    let running = start(&api, shop);
    assert_eq!(api.all_reports().len(), 1);
    running.end().unwrap();
}

#[test]
fn a_guest_parked_in_a_poll_ends_as_soon_as_it_is_asked_to() {
    let api = ScriptedApi::start([]);
    let running = start(&api, shop);
    api.wait_until_parked();
    running.end().unwrap();
}

#[test]
fn a_guest_which_is_asked_to_end_finishes_the_current_event() {
    let api = ScriptedApi::start([
        event("id-1", r#"{"item":"figs","count":1}"#),
        event("id-2", r#"{"item":"figs","count":2}"#),
    ]);
    let (entered, has_entered) = channel();
    let (release, released) = channel::<()>();
    let running = start(&api, move |order, context| {
        entered.send(()).unwrap();
        released.recv().unwrap();
        shop(order, context)
    });
    has_entered.recv().unwrap();
    running.stop.stop();
    release.send(()).unwrap();
    running.end().unwrap();
    assert_eq!(api.reports(1), [response("id-1", r#"{"text":"1 figs"}"#)]);
}

#[test]
fn a_guest_ends_when_the_runtime_api_is_gone() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let environment = Environment { api_addr: Some(format!("127.0.0.1:{port}")), ..Environment::default() };
    let limit = Duration::from_millis(200);
    let started = Instant::now();
    let ended = Guest::new(environment).without_signals().give_up_after(Some(limit)).run(shop);
    assert!(matches!(ended, Err(RunError::RuntimeApiGone(time)) if time == limit));
    assert!(started.elapsed() >= limit);
}
