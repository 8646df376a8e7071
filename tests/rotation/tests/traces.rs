//! Traces of a rotation, as an OTLP collector gets them: the caller's trace goes on through the request, the task, the
//! function and its steps to the function's own requests, and no password is in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use bytes::Bytes;
use csms_core::{
    RotationMode, VersionId,
    rotation::{Engine, Traceparent},
};
use csms_rotation_tests::{Database, FaultyFunctions, Service};
use csms_testbed::server::Options;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Attribute, trace::v1::Span,
};
use prost::Message;
use tokio::{net::TcpListener, time::Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rotate-database-with-faults");
const FIRST: &str = "First-password-1";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Longest wait for an export.
const WITHIN: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Everything that the function asks of the service in a rotation where nothing is in the way. The last two reads of stages come
/// right before a password is set and a stage is moved.
const REQUESTS: [&str; 6] = [
    "GET /v1/{project_id}/secrets/{secret_name}/stages/{stage_name}",
    "GET /v1/{project_id}/secrets/{secret_name}/stages/{stage_name}",
    "GET /v1/{project_id}/secrets/{secret_name}/versions",
    "GET /v1/{project_id}/secrets/{secret_name}/versions/{version_id}",
    "GET /v1/{project_id}/secrets/{secret_name}/versions/{version_id}",
    "PUT /v1/{project_id}/secrets/{secret_name}/stages/{stage_name}",
];

/// What a collector has received.
#[derive(Default)]
struct Collector(Mutex<Vec<Bytes>>);

impl Collector {
    /// Listens, and returns the address.
    async fn start(self: Arc<Self>) -> String {
        let receive = async |State(this): State<Arc<Self>>, export: Bytes| {
            this.0.lock().unwrap().push(export);
            StatusCode::OK
        };
        let router = Router::new().route("/v1/traces", post(receive)).with_state(self);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// The spans of the caller's trace so far.
    fn spans(&self) -> Vec<Span> {
        let exports = self.0.lock().unwrap().clone();
        let exports = exports.into_iter().map(|export| ExportTraceServiceRequest::decode(export).unwrap());
        let resources = exports.flat_map(|export| export.resource_spans);
        let spans = resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
        spans.filter(|span| hex(&span.trace_id) == TRACE).collect()
    }

    /// The requests below a span so far, sorted.
    fn requests_below(&self, parent: &str) -> Vec<String> {
        let spans = self.spans().into_iter().filter(|span| hex(&span.parent_span_id) == parent);
        let mut names: Vec<_> = spans.map(|span| span.name).filter(|name| name.contains(" /")).collect();
        names.sort_unstable();
        names
    }

    /// Waits for a span of this name below that one.
    async fn child(&self, parent: &str, name: &str) -> Span {
        let deadline = Instant::now() + WITHIN;
        loop {
            let spans = self.spans();
            if let Some(span) = spans.iter().find(|span| span.name == name && hex(&span.parent_span_id) == parent) {
                return span.clone();
            }
            let names: Vec<_> = spans.iter().map(|span| (&span.name, hex(&span.parent_span_id))).collect();
            assert!(Instant::now() < deadline, "no {name} below {parent}: {names:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Attribute::StringValue(text) => Some(text.clone()),
        Attribute::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_trace_goes_on_through_the_rotation_and_holds_no_password() {
    let collector = Arc::new(Collector::default());
    let endpoint = Arc::clone(&collector).start().await;
    let mut functions = FaultyFunctions::of(PROGRAM);
    let function = functions.add(None);
    let options = functions.register(Options::default());
    let options = options.variable("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).variable("OTEL_BSP_SCHEDULE_DELAY", "100");
    let (database, service) = tokio::join!(Database::start(Engine::PostgreSql), Service::start_with(options));
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let value = database.value("app", FIRST);
    let name = service.create("app", RotationMode::SingleUser, &function, &value).await;

    let traceparent = Traceparent::parse(&format!("00-{TRACE}-{CALLER}-01"));
    let caller = service.client.clone().within(traceparent);
    let begun = caller.rotate_secret(&name).await.unwrap();
    let task = service.ended(&begun.rotation_task_id).await;
    service.assert_rotated(&(begun.clone(), task), 1, VersionId::FIRST, "traced").await;

    let request = collector.child(CALLER, "POST /v1/{project_id}/secrets/{secret_name}/rotate").await;
    assert_eq!(attribute(&request, "http.response.status_code").as_deref(), Some("200"));
    let rotation = collector.child(&hex(&request.span_id), "rotation").await;
    assert_eq!(attribute(&rotation, "task").as_deref(), Some(begun.rotation_task_id.as_str()));
    assert_eq!(attribute(&rotation, "outcome").as_deref(), Some("SUCCESS"));
    let call = collector.child(&hex(&rotation.span_id), "invoke function").await;
    assert_eq!(attribute(&call, "function").as_deref(), Some(function.as_str()));
    for step in ["probe-pending", "set-password", "move-stages"] {
        let step = collector.child(&hex(&call.span_id), step).await;
        assert!(attribute(&step, "outcome").is_some(), "{step:?}");
    }
    let current = service.current(&name).await;
    service.server.terminate().await.unwrap();
    assert_eq!(collector.requests_below(&hex(&call.span_id)), REQUESTS);
    let exports = collector.0.lock().unwrap().clone();
    for password in [FIRST, current.password()] {
        let within = |export: &Bytes| export.windows(password.len()).any(|part| part == password.as_bytes());
        assert!(!exports.iter().any(within), "a password is in a trace");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_traced_at_every_level_and_in_both_forms_of_the_log() {
    for (level, format) in
        [("error", "text"), ("info", "json"), ("debug", "text"), ("debug", "json"), ("trace", "text")]
    {
        let collector = Arc::new(Collector::default());
        let endpoint = Arc::clone(&collector).start().await;
        let options = Options::default().argument("--log").argument(level).argument("--log-format").argument(format);
        let options = options.variable("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        let service = Service::start_with(options.variable("OTEL_BSP_SCHEDULE_DELAY", "100")).await;
        let traceparent = Traceparent::parse(&format!("00-{TRACE}-{CALLER}-01"));
        service.client.clone().within(traceparent).list_secrets(1, None).await.unwrap();
        let request = collector.child(CALLER, "GET /v1/{project_id}/secrets").await;
        assert_eq!(attribute(&request, "http.response.status_code").as_deref(), Some("200"), "{level} {format}");
    }
}
