//! What every request gets, whatever it is for: an identifier, a span, a line in the logs, and the headers of its answer.
//!
//! Decides nothing about a request.

use std::{error::Error, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderValue, Response, StatusCode, header},
};
use csms_api::ErrorCode;
use tracing::{Instrument as _, Span};

use super::access_log::AccessLine;
use crate::{
    app::App,
    audit::Requested,
    failure::Chain,
    request::{Peer, REQUEST_ID, Secure, make_request_id},
    telemetry::{outage, traces},
};

/// Marks a response whose request has been counted.
#[derive(Clone, Copy)]
pub struct Counted;

/// Why a request was refused, as the answer carries it to where it is logged with the request's identifier.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The operation.
    pub operation: &'static str,
    /// The code that the caller was told.
    pub code: &'static str,
    /// The private cause.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// Gives a request an identifier, counts it if no operation counts it, and logs one line for it, a private cause included.
pub async fn identified<F: Future<Output = Response<Body>>>(
    app: &App,
    mut request: Request,
    respond: impl FnOnce(Request) -> F,
) -> Response<Body> {
    let id = make_request_id();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let is_secure = request.extensions().get::<Secure>().is_some_and(|secure| secure.0);
    let begun = Instant::now();
    // Whether the line is wanted is not asked here: to ask a filter just before a span is made takes the span from the others.
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let span = traces::of_request(&request, id.to_str().unwrap_or_default());
    let requested = Requested::new(id.clone(), peer, is_secure);
    let line = begin_line(app, &request, &requested, &span);
    if let Some(line) = &line {
        request.extensions_mut().insert(line.clone());
    }
    let mut response = requested.during(respond(request).instrument(span.clone())).await;
    let status = response.status().as_u16();
    traces::answered(&span, status);
    if response.extensions_mut().remove::<Counted>().is_none() {
        app.metrics.answered("Other", status, begun.elapsed());
    }
    if let Some(line) = line {
        line.end(status, response.extensions().get::<Refused>().map(|refused| refused.code));
    }
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        let (request, operation, code) = (id.to_str().unwrap_or_default(), refused.operation, refused.code);
        match refused.cause {
            // While the store is out, one line a minute says so.
            Some(cause) if code == ErrorCode::StoreUnavailable.as_str() => {
                if let Some(spared) = outage::line_is_due() {
                    tracing::error!(request, operation, status, code, spared, cause = %Chain(cause.as_ref()), "failed");
                }
            }
            Some(cause) => tracing::error!(request, operation, status, code, cause = %Chain(cause.as_ref()), "failed"),
            None => tracing::debug!(request, operation, status, code, "refused"),
        }
    }
    let request = id.to_str().unwrap_or_default();
    tracing::debug!(request, %method, path = uri.path(), status, micros = begun.elapsed().as_micros(), "answered");
    complete_headers(&mut response);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Begins the line of a request in the access log.
fn begin_line(app: &App, request: &Request, requested: &Requested, span: &Span) -> Option<AccessLine> {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let trace = || traces::trace_id(span, request.headers());
    AccessLine::begin(&app.access_log, app.clock.now(), requested, request.method(), route, trace)
}

/// How long a client should wait that is turned away for want of room or of a store, in seconds. A refusal that knows its end
/// says that instead.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Sets the headers that answers have whatever they are about. Unless an answer says how long it may be kept, nobody may
/// keep it: it may hold a value or a token.
pub fn complete_headers(response: &mut Response<Body>) {
    let status = response.status();
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
    }
}
