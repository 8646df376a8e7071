//! Traces: spans of requests, rotations, function calls and their steps, exported by OTLP over HTTP when the standard variable
//! `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) is set.
//!
//! Exports the spans of this crate alone, and their log records from `info` up; neither ever holds a value of a secret. The
//! spans themselves are made where the work is done.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use axum::{
    extract::MatchedPath,
    http::{HeaderMap, Request, Response},
};
use bytes::Bytes;
use csms_core::rotation::{ReportedStep, Traceparent};
use opentelemetry::{
    Context, KeyValue, global,
    trace::{Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider},
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::runtime::Handle;
use tracing::{Level, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use crate::outgoing;

/// The variables that switch traces on.
const SWITCHES: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// The name of the service in its traces, unless `OTEL_SERVICE_NAME` has another.
const SERVICE: &str = "csms";

/// Longest time for one export.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Traces that are exported.
#[derive(Clone, Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts to export, when the environment asks for it, to a service whose certificate comes from an authority of the system
    /// or from one of `authorities` (PEM).
    ///
    /// # Errors
    /// Variables that cannot be used, in words.
    pub fn start(authorities: Option<&str>) -> Result<Option<Self>, String> {
        let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        if !SWITCHES.into_iter().any(is_set) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().with_http_client(Sender::new(authorities)?).build();
        let exporter = exporter.map_err(|error| error.to_string())?;
        let resource = Resource::builder();
        let resource = if is_set("OTEL_SERVICE_NAME") { resource } else { resource.with_service_name(SERVICE) };
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
        global::set_tracer_provider(provider.clone());
        Ok(Some(Self(provider)))
    }

    /// What makes spans of this crate into traces.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + 'static + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let tracer: SdkTracer = self.0.tracer(SERVICE);
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_target(false);
        layer.with_filter(filter_fn(|about| {
            about.target().starts_with(env!("CARGO_CRATE_NAME")) && (about.is_span() || *about.level() <= Level::INFO)
        }))
    }

    /// Exports what is left.
    pub async fn end(self) {
        // It waits for the exporter, which needs this runtime to send.
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be exported");
        }
    }
}

/// Sends exports on the server's runtime, since the exporter's thread has none.
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl Sender {
    fn new(authorities: Option<&str>) -> Result<Self, String> {
        let tls = outgoing::tls(authorities).map_err(|failure| failure.error.message)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build();
        Ok(Self { client: client.map_err(|error| error.to_string())?, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let exchange = async move {
            let answer = client.execute(request.try_into()?).await?;
            let status = answer.status();
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            Ok::<_, reqwest::Error>(response)
        };
        Ok(self.runtime.spawn(exchange).await??)
    }
}

/// The span of a request, in the trace of its caller if that names one. Nothing of it is made when nobody listens.
#[must_use]
pub fn of_request<B>(request: &Request<B>, id: &str) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if matches!(route, "/healthz" | "/livez" | "/readyz" | "/metrics") {
        return Span::none();
    }
    let method = request.method().as_str();
    let span = tracing::debug_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        otel.status_code = Empty,
        csms.request_id = id,
    );
    if !span.is_disabled()
        && let Some(caller) = parent(request.headers())
    {
        // An error says that nobody listens.
        let _ = span.set_parent(Context::new().with_remote_span_context(caller));
    }
    span
}

/// The trace that a request belongs to: that of its span, or else the one that the caller names.
#[must_use]
pub fn trace_id(span: &Span, headers: &HeaderMap) -> Option<String> {
    let context = span.context();
    let own = context.span().span_context().clone();
    let at = if own.is_valid() { own } else { parent(headers)? };
    Some(at.trace_id().to_string())
}

/// Ends the span of a request with its answer's status.
pub fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let traceparent = Traceparent::parse(text)?;
    let mut parts = traceparent.as_str().split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    Some(SpanContext::new(trace, span, TraceFlags::new(flags), true, TraceState::default()))
}

/// Where the current trace stands, for those who are called next; `None` when nobody listens.
#[must_use]
pub fn current() -> Option<Traceparent> {
    let context = Span::current().context();
    let span = context.span();
    let at = span.span_context();
    let text = format!("00-{}-{}-{:02x}", at.trace_id(), at.span_id(), at.trace_flags().to_u8());
    at.is_valid().then(|| Traceparent::parse(&text)).flatten()
}

/// Adds the steps that a function reports to the current span, each from the end of the one before.
pub fn steps(steps: &[ReportedStep], begun: SystemTime) {
    let context = Span::current().context();
    if !context.span().span_context().is_valid() {
        return;
    }
    let tracer = global::tracer(SERVICE);
    let mut start = begun;
    for step in steps {
        let ended = step.at.map(|at| SystemTime::UNIX_EPOCH + Duration::from_millis(at.as_millis()));
        let end = ended.unwrap_or(start).max(start);
        let outcome = KeyValue::new("outcome", step.outcome.clone());
        let span = tracer.span_builder(step.step.clone()).with_start_time(start).with_attributes([outcome]);
        span.start_with_context(&tracer, &context).end_with_timestamp(end);
        start = end;
    }
}
