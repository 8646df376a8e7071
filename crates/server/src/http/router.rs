//! Routes: the operations of all services, the console, the book, health and metrics, and the answer to everything else.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    middleware::{self, Next},
    routing::{future::RouteFuture, get},
};
use csms_api::operation::Specification;
use serde_json::{Map, Value};
use tower::Service;

use super::{book, console, cors, readiness, reference};
use crate::{
    app::App,
    gate::{
        answer::json_response,
        exchange::{complete_headers, identified},
        pipeline::{no_such_operation, routes},
    },
    request::path::canonical_request,
    services::{every_service, specifications},
    version,
};

/// All routes of the server, behind the one change of a path that clients need.
#[derive(Clone)]
pub struct Routes {
    routes: Router,
    rows: Arc<[Specification]>,
}

impl Service<Request> for Routes {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.routes.call(canonical_request(&self.rows, request))
    }
}

/// The routes of a server.
pub fn router(app: &Arc<App>) -> Routes {
    Routes { routes: operations(app), rows: specifications().into() }
}

/// The routes of paths as the tables write them.
fn operations(app: &Arc<App>) -> Router {
    let other = open(app)
        .route("/healthz", get(health))
        .route("/livez", get(async || json_response(StatusCode::OK, br#"{"status":"ok"}"#.to_vec())))
        .route("/readyz", get(ready))
        .route_layer(middleware::from_fn_with_state(Arc::clone(app), identify));
    macro_rules! merged {
        ($($all:expr),+) => { Router::new()$(.merge(routes($all)))+ };
    }
    let router = every_service!(merged)
        .merge(other)
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
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

/// Identifies a request that is for no operation; operations identify theirs themselves.
async fn identify(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    identified(&app, request, async |request| next.run(request).await).await
}

/// The answer where there is no operation.
async fn unknown(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    identified(&app, request, async |_| no_such_operation()).await
}

/// What is open to everybody, and so to any page in a browser on this machine unless `Host` is judged.
fn open(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = console::routes().merge(book::routes()).merge(reference::routes()).route("/metrics", get(metrics));
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

/// The answer to a probe: its status, and more about the server where the request has a `Host` that it is known by. A probe may
/// have any, and a page in a browser on this machine that has made the server's address its own learns no more than the status.
fn probed(app: &App, headers: &HeaderMap, code: StatusCode, status: &str, more: Map<String, Value>) -> Response<Body> {
    let mut body = if app.hosts.check_host(headers).is_ok() { more } else { Map::new() };
    body.insert("status".to_owned(), status.into());
    json_response(code, Value::Object(body).to_string().into_bytes())
}

/// `GET /healthz`: whether the store can be read, and with `?write=1` whether it can be written, too.
async fn health(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let unavailable = |status| probed(&app, &headers, StatusCode::SERVICE_UNAVAILABLE, status, Map::new());
    if !app.health.can_read(&app.store).await {
        return unavailable("the store does not answer");
    }
    if query.as_deref() == Some("write=1") {
        let can_write = app.health.can_write(&app.store).await;
        app.metrics.writable(can_write);
        if !can_write {
            return unavailable("the store cannot be written");
        }
    }
    probed(&app, &headers, StatusCode::OK, "ok", version::members())
}

/// `GET /readyz`: whether this server should get requests, and why not.
async fn ready(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    let (is_ready, checks) = readiness::check(&app).await;
    let (code, status) =
        if is_ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    probed(&app, &headers, code, status, Map::from_iter([("checks".to_owned(), checks)]))
}

async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    let mut response = Response::new(Body::from(app.metrics.text()));
    let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
