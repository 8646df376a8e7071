//! Routes: the operations of all services, the console, health and metrics, and the answer to everything else.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, RawQuery, Request, State},
    http::{HeaderValue, Response, StatusCode, header},
    middleware::{self, Next},
    routing::get,
};
use csms_api::{
    ErrorCode, Operation, cts::CtsOperation, eps::EpsOperation, iam::IamOperation, kms::KmsOperation,
    operation::Specification,
};
use serde_json::{Value, json};
use tower::util::MapRequest;
use tracing::{Instrument as _, Span};

use super::{console, cors, readiness, reference};
use crate::{
    app::App,
    audit::Requested,
    failure::Chain,
    gate::{
        access_log::AccessLine,
        answer::json_response,
        pipeline::{Counted, Refused, no_such_operation, routes},
        service::Service,
    },
    request::{Peer, REQUEST_ID, Secure, make_request_id, path::canonical_request},
    services::{functiongraph::FunctionOperation, iam::tokens::TokenOperation, permissions::PermissionOperation},
    telemetry::{outage, traces},
    version,
};

/// The operations of a service.
fn rows<S: Service>(all: &'static [S]) -> impl Iterator<Item = Specification> {
    all.iter().map(|operation| operation.specification())
}

/// All routes of the server, behind the one change of a path that clients need.
pub fn router(app: &Arc<App>) -> Router {
    let rows: Arc<[Specification]> = rows(Operation::ALL)
        .chain(rows(KmsOperation::ALL))
        .chain(rows(IamOperation::ALL))
        .chain(rows(TokenOperation::ALL))
        .chain(rows(CtsOperation::ALL))
        .chain(rows(PermissionOperation::ALL))
        .chain(rows(FunctionOperation::ALL))
        .chain(rows(EpsOperation::ALL))
        .collect();
    let canonical = move |request: Request| canonical_request(&rows, request);
    Router::new().fallback_service(MapRequest::new(operations(app), canonical))
}

/// The routes of paths as the tables write them.
fn operations(app: &Arc<App>) -> Router {
    let router = routes(Operation::ALL)
        .merge(routes(KmsOperation::ALL))
        .merge(routes(IamOperation::ALL))
        .merge(routes(TokenOperation::ALL))
        .merge(routes(CtsOperation::ALL))
        .merge(routes(PermissionOperation::ALL))
        .merge(routes(FunctionOperation::ALL))
        .merge(routes(EpsOperation::ALL))
        .merge(open(app))
        .route("/healthz", get(health))
        .route("/livez", get(async || json_response(StatusCode::OK, br#"{"status":"ok"}"#.to_vec())))
        .route("/readyz", get(ready))
        .fallback(async || no_such_operation())
        .method_not_allowed_fallback(async || no_such_operation())
        .layer(middleware::from_fn_with_state(Arc::clone(app), identify))
        .with_state(Arc::clone(app));
    if app.allow_origins.is_empty() {
        return router;
    }
    // Preflight requests are answered by this layer, so that it needs the headers of all answers again.
    let complete = middleware::map_response(|mut response: Response<Body>| async move {
        complete_headers(&mut response);
        response
    });
    router.layer(cors::layer(&app.allow_origins)).layer(complete)
}

/// What is open to everybody, and so to any page in a browser on this machine unless `Host` is judged.
fn open(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = console::routes().merge(reference::routes()).route("/metrics", get(metrics));
    routes.route_layer(middleware::from_fn_with_state(Arc::clone(app), require_known_host))
}

/// Refuses a `Host` that the server is not known by, in plain text: who reads it is the operator in front of a browser.
async fn require_known_host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    match app.hosts.check_host(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(failure) => {
            let mut response = Response::new(Body::from(failure.error.message + "\n"));
            *response.status_mut() = StatusCode::FORBIDDEN;
            let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            response
        }
    }
}

/// Gives every request an identifier, counts those that no operation counts, and logs one line for each, a private cause included.
async fn identify(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response<Body> {
    let id = make_request_id();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let is_secure = request.extensions().get::<Secure>().is_some_and(|secure| secure.0);
    let begun = Instant::now();
    // Whether the line is wanted is not asked here: to ask a filter just before a span is made takes the span from the others.
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let span = traces::of_request(&request, id.to_str().unwrap_or_default());
    let requested = Requested::new(id.clone(), peer, is_secure);
    let line = begin_line(&app, &request, &requested, &span);
    if let Some(line) = &line {
        request.extensions_mut().insert(line.clone());
    }
    let mut response = requested.during(next.run(request).instrument(span.clone())).await;
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
    let trace = traces::trace_id(span, request.headers());
    AccessLine::begin(&app.access_log, app.clock.now(), requested, request.method(), route, trace.as_deref())
}

/// How long a client should wait that is turned away for want of room or of a store, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Sets the headers that answers have whatever they are about. Unless an answer says how long it may be kept, nobody may
/// keep it: it may hold a value or a token.
fn complete_headers(response: &mut Response<Body>) {
    let status = response.status();
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
        }
        // The rest of the body is not waited for.
        StatusCode::REQUEST_TIMEOUT => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
}

/// `GET /healthz`: whether the store can be read, and with `?write=1` whether it can be written, too.
async fn health(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response<Body> {
    let unavailable = |status: &[u8]| json_response(StatusCode::SERVICE_UNAVAILABLE, status.to_vec());
    if !app.health.can_read(&app.store).await {
        return unavailable(br#"{"status":"the store does not answer"}"#);
    }
    if query.as_deref() == Some("write=1") {
        let can_write = app.health.can_write(&app.store).await;
        app.metrics.writable(can_write);
        if !can_write {
            return unavailable(br#"{"status":"the store cannot be written"}"#);
        }
    }
    let mut body = version::members();
    body.insert("status".to_owned(), "ok".into());
    json_response(StatusCode::OK, Value::Object(body).to_string().into_bytes())
}

/// `GET /readyz`: whether this server should get requests, and why not.
async fn ready(State(app): State<Arc<App>>) -> Response<Body> {
    let (is_ready, checks) = readiness::check(&app).await;
    let (status, word) =
        if is_ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    json_response(status, json!({ "status": word, "checks": checks }).to_string().into_bytes())
}

async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    let mut response = Response::new(Body::from(app.metrics.text()));
    let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
