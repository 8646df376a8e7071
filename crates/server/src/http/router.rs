//! Routes: the operations of the table, IAM, the console, health and metrics, and what everything else is answered.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Response, StatusCode, header},
    middleware::{self, Next},
    routing::{MethodFilter, get, on},
};
use csms_api::{ErrorCode, ErrorShape, Method, Operation};
use tracing::Instrument as _;

use crate::{
    app::App,
    audit::Requested,
    failure::Failure,
    functions,
    gate::answer::json_response,
    gate::pipeline::{Chain, Refused, dispatch, failure_response, method_filter},
    http::console,
    http::cors,
    http::reference,
    installation,
    request::{Peer, REQUEST_ID, make_request_id},
    services::cts,
    services::iam,
    services::iam::tokens,
    services::kms,
    services::permissions,
    telemetry::traces,
};

/// All routes of the server.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for operation in Operation::ALL.iter().copied().filter(|operation| word_of(*operation).is_none()) {
        let specification = operation.specification();
        let handler = move |State(app): State<Arc<App>>, request: Request| dispatch(app, operation, request);
        router = router.route(specification.path, on(method_filter(specification.method), handler));
    }
    let router = router
        .route(SECRET, on(MethodFilter::POST, post_to_word))
        .merge(open(app))
        .merge(tokens::routes())
        .merge(iam::routes())
        .merge(permissions::routes())
        .merge(cts::routes())
        .merge(kms::routes())
        .merge(functions::invoke_routes(app))
        .route("/healthz", get(health))
        .fallback(no_such_operation)
        .method_not_allowed_fallback(no_such_operation)
        .layer(middleware::from_fn(identify))
        .with_state(Arc::clone(app));
    if app.allow_origins.is_empty() { router } else { router.layer(cors::layer(&app.allow_origins)) }
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

/// The path of one secret.
const SECRET: &str = "/v1/{project_id}/secrets/{secret_name}";

/// The last word of an operation's path that stands where the path of a secret has its name, such as `batch-import`. A route
/// of its own would hide the secret of that name.
fn word_of(operation: Operation) -> Option<&'static str> {
    let specification = operation.specification();
    let (directory, word) = specification.path.rsplit_once('/')?;
    let is_word = specification.method == Method::Post && !word.starts_with('{');
    (is_word && SECRET.strip_suffix("/{secret_name}") == Some(directory)).then_some(word)
}

/// A POST to the path of a secret, which is none to a secret.
async fn post_to_word(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let last = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    match Operation::ALL.iter().find(|operation| word_of(**operation) == Some(&last)) {
        Some(operation) => dispatch(app, *operation, request).await,
        None => no_such_operation(request).await,
    }
}

/// Gives every request an identifier, and logs what became of it: one line, a private cause included.
async fn identify(request: Request, next: Next) -> Response<Body> {
    let id = make_request_id();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let begun = Instant::now();
    let line =
        tracing::enabled!(tracing::Level::DEBUG).then(|| (request.method().clone(), request.uri().path().to_owned()));
    let span = traces::of_request(&request, id.to_str().unwrap_or_default());
    let requested = Requested::new(id.clone(), peer);
    let mut response = requested.during(next.run(request).instrument(span.clone())).await;
    let status = response.status().as_u16();
    traces::answered(&span, status);
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        let (request, operation, code) = (id.to_str().unwrap_or_default(), refused.operation, refused.code);
        match refused.cause {
            Some(cause) => tracing::error!(request, operation, status, code, cause = %Chain(cause.as_ref()), "failed"),
            None => tracing::debug!(request, operation, status, code, "refused"),
        }
    }
    if let Some((method, path)) = line {
        let request = id.to_str().unwrap_or_default();
        tracing::debug!(request, %method, path, status, micros = begun.elapsed().as_micros(), "answered");
    }
    complete_headers(&mut response);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// How long a client that is turned away for want of room should wait, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Sets the headers that answers have whatever they are about. Unless an answer says how long it may be kept, nobody may
/// keep it: it may hold a value or a token.
fn complete_headers(response: &mut Response<Body>) {
    let status = response.status();
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            headers.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
        }
        // The rest of the body is not waited for.
        StatusCode::REQUEST_TIMEOUT => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
}

async fn no_such_operation(request: Request) -> Response<Body> {
    let failure = Failure::new(ErrorCode::NoSuchOperation, "no operation has this method and path");
    drop(request);
    failure_response(failure, ErrorShape::Flat, "none")
}

async fn health(State(app): State<Arc<App>>) -> Response<Body> {
    use csms_store::Store;
    match app.store.meta(installation::DOMAIN_ID).await {
        Ok(_) => json_response(StatusCode::OK, br#"{"status":"ok"}"#.to_vec()),
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            json_response(StatusCode::SERVICE_UNAVAILABLE, br#"{"status":"the store does not answer"}"#.to_vec())
        }
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    let mut response = Response::new(Body::from(app.metrics.text()));
    let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
