//! The platform's side of the runtime API for one instance: passes one event and receives one outcome.
//!
//! It knows nothing of processes. All responses to the instance are built here.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::{
    Failure,
    protocol::{ERROR_PATH, MAX_RESULT_BYTES, NEXT_EVENT_PATH, RESPONSE_PATH},
};

/// Largest failure report which is read, in bytes.
const LARGEST_FAILURE: usize = 256 * 1024;

/// One event on its way to an instance.
pub(super) struct Delivery {
    pub(super) request_id: String,
    /// Request id, kind of invocation and credentials.
    pub(super) headers: HeaderMap,
    pub(super) event: Bytes,
    /// Dropped unused when the exchange closes.
    pub(super) outcome: oneshot::Sender<Report>,
}

/// What the instance reported.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    Result(Bytes),
    Failure(Failure),
    /// A result above the limit, which was not read further.
    TooLarge,
}

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Waiting(Delivery),
    Running {
        request_id: String,
        outcome: oneshot::Sender<Report>,
    },
}

#[derive(Default)]
struct Inner {
    slot: Slot,
    polled: bool,
    closed: bool,
}

/// Shared by the instance's HTTP listener and its owner.
#[derive(Default)]
pub(super) struct Exchange {
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while holding the lock; even so its content would be whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one event up for the next poll. The owner gives one event at a time.
    pub(super) fn offer(&self, delivery: Delivery) {
        self.lock().slot = Slot::Waiting(delivery);
        self.changed.notify_waiters();
    }

    /// Takes back an event which no poll has taken; `None` if the instance has it, or has reported on it.
    pub(super) fn withdraw(&self) -> Option<Delivery> {
        let mut inner = self.lock();
        match std::mem::take(&mut inner.slot) {
            Slot::Waiting(delivery) => Some(delivery),
            other => {
                inner.slot = other;
                None
            }
        }
    }

    /// Returns once the instance has polled for the first time.
    pub(super) async fn polled(&self) {
        self.until(|inner| inner.polled.then_some(())).await;
    }

    /// Ends every poll, now and later, and forgets a running event.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.slot = Slot::Empty;
        drop(inner);
        self.changed.notify_waiters();
    }

    /// The next event; `None` when the exchange is closed. While an event runs, further polls wait.
    async fn take(&self) -> Option<(HeaderMap, Bytes)> {
        self.lock().polled = true;
        self.changed.notify_waiters();
        self.until(|inner| {
            if inner.closed {
                return Some(None);
            }
            match std::mem::take(&mut inner.slot) {
                Slot::Waiting(Delivery { request_id, headers, event, outcome }) => {
                    inner.slot = Slot::Running { request_id, outcome };
                    Some(Some((headers, event)))
                }
                other => {
                    inner.slot = other;
                    None
                }
            }
        })
        .await
    }

    /// The sender for the outcome of `request_id`, if just that one is running.
    fn finish(&self, request_id: &str) -> Option<oneshot::Sender<Report>> {
        let mut inner = self.lock();
        match std::mem::take(&mut inner.slot) {
            Slot::Running { request_id: running, outcome } if running == request_id => Some(outcome),
            other => {
                inner.slot = other;
                None
            }
        }
    }

    fn is_running(&self, request_id: &str) -> bool {
        matches!(&self.lock().slot, Slot::Running { request_id: running, .. } if running == request_id)
    }

    async fn until<T>(&self, mut step: impl FnMut(&mut Inner) -> Option<T>) -> T {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Registered before looking, so a change in between is not missed.
            changed.as_mut().enable();
            if let Some(value) = step(&mut self.lock()) {
                return value;
            }
            changed.await;
        }
    }
}

/// The three calls of the runtime API.
pub(super) fn router(exchange: Arc<Exchange>) -> Router {
    Router::new()
        .route(NEXT_EVENT_PATH, get(next_event))
        .route(&format!("{RESPONSE_PATH}{{request_id}}"), post(response))
        .route(&format!("{ERROR_PATH}{{request_id}}"), post(failure))
        .with_state(exchange)
}

async fn next_event(State(exchange): State<Arc<Exchange>>) -> Response {
    let Some((mut headers, event)) = exchange.take().await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the instance is being stopped");
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (headers, event).into_response()
}

async fn response(State(exchange): State<Arc<Exchange>>, Path(request_id): Path<String>, body: Body) -> Response {
    if !exchange.is_running(&request_id) {
        return unknown();
    }
    let report = match axum::body::to_bytes(body, MAX_RESULT_BYTES + 1).await {
        Ok(result) if result.len() <= MAX_RESULT_BYTES => Report::Result(result),
        Ok(_) => Report::TooLarge,
        Err(error) if is_length_limit(&error) => Report::TooLarge,
        // The instance hung up in the middle. It may report again.
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "the result could not be read"),
    };
    accept(&exchange, &request_id, report)
}

async fn failure(State(exchange): State<Arc<Exchange>>, Path(request_id): Path<String>, body: Body) -> Response {
    if !exchange.is_running(&request_id) {
        return unknown();
    }
    let Ok(body) = axum::body::to_bytes(body, LARGEST_FAILURE).await else {
        return refuse(StatusCode::BAD_REQUEST, "the failure could not be read");
    };
    let failure = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Failure::new("UnknownError", String::from_utf8_lossy(&body).into_owned()));
    accept(&exchange, &request_id, Report::Failure(failure))
}

fn accept(exchange: &Exchange, request_id: &str, report: Report) -> Response {
    let Some(outcome) = exchange.finish(request_id) else { return unknown() };
    let status = if report == Report::TooLarge { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::OK };
    // Nobody listens any more when the invocation has just timed out.
    match outcome.send(report) {
        Ok(()) if status == StatusCode::OK => (StatusCode::OK, "{}").into_response(),
        Ok(()) => refuse(status, "the result is too large"),
        Err(_) => unknown(),
    }
}

fn unknown() -> Response {
    refuse(StatusCode::NOT_FOUND, "no invocation with this request id is running")
}

fn refuse(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({ "errorType": "RuntimeApi", "errorMessage": message });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Whether reading a body ended at its limit. The type of that error is not exported by axum; its text is stable.
fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("length limit exceeded"))
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, Request};
    use tower::ServiceExt;

    use super::*;

    async fn call(exchange: &Arc<Exchange>, method: Method, path: &str, body: impl Into<Body>) -> Response {
        let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        router(Arc::clone(exchange)).oneshot(request).await.unwrap()
    }

    fn delivery(request_id: &str, event: &'static str) -> (Delivery, oneshot::Receiver<Report>) {
        let (outcome, reported) = oneshot::channel();
        let mut headers = HeaderMap::new();
        headers.insert("x-cff-request-id", request_id.parse().unwrap());
        (Delivery { request_id: request_id.to_owned(), headers, event: event.into(), outcome }, reported)
    }

    /// An exchange whose event `id-1` the instance has taken.
    async fn with_running_event() -> (Arc<Exchange>, oneshot::Receiver<Report>) {
        let exchange = Arc::new(Exchange::default());
        let (delivery, reported) = delivery("id-1", "{}");
        exchange.offer(delivery);
        assert_eq!(call(&exchange, Method::GET, NEXT_EVENT_PATH, "").await.status(), 200);
        (exchange, reported)
    }

    #[tokio::test]
    async fn a_poll_waits_for_an_event_and_gets_it_with_its_headers() {
        let exchange = Arc::new(Exchange::default());
        let polling = tokio::spawn({
            let exchange = Arc::clone(&exchange);
            async move { call(&exchange, Method::GET, NEXT_EVENT_PATH, "").await }
        });
        exchange.polled().await;
        let (delivery, _reported) = delivery("id-1", r#"{"a":1}"#);
        exchange.offer(delivery);
        let answer = polling.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-cff-request-id"], "id-1");
        assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap(), r#"{"a":1}"#);
    }

    #[tokio::test]
    async fn a_result_reaches_the_owner() {
        let (exchange, reported) = with_running_event().await;
        let answer = call(&exchange, Method::POST, "/v1/runtime/invocation/response/id-1", "done").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(reported.await.unwrap(), Report::Result(Bytes::from("done")));
    }

    #[tokio::test]
    async fn a_failure_reaches_the_owner() {
        let (exchange, reported) = with_running_event().await;
        let body = r#"{"errorType":"T","errorMessage":"m","stackTrace":["s"]}"#;
        let answer = call(&exchange, Method::POST, "/v1/runtime/invocation/error/id-1", body).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(reported.await.unwrap(), Report::Failure(Failure::new("T", "m")));
    }

    #[tokio::test]
    async fn a_failure_which_is_not_json_keeps_its_text() {
        let (exchange, reported) = with_running_event().await;
        call(&exchange, Method::POST, "/v1/runtime/invocation/error/id-1", "plain words").await;
        assert_eq!(reported.await.unwrap(), Report::Failure(Failure::new("UnknownError", "plain words")));
    }

    #[tokio::test]
    async fn a_result_above_the_limit_is_refused_and_the_owner_knows() {
        for declared in [true, false] {
            let (exchange, reported) = with_running_event().await;
            let content = Bytes::from(vec![b'x'; MAX_RESULT_BYTES + 1]);
            let mut request = Request::post("/v1/runtime/invocation/response/id-1");
            if declared {
                request = request.header(header::CONTENT_LENGTH, content.len());
            }
            let answer =
                router(Arc::clone(&exchange)).oneshot(request.body(Body::from(content)).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 413);
            assert_eq!(reported.await.unwrap(), Report::TooLarge);
        }
    }

    #[tokio::test]
    async fn a_result_at_the_limit_is_accepted() {
        let (exchange, reported) = with_running_event().await;
        let content = vec![b'x'; MAX_RESULT_BYTES];
        let answer = call(&exchange, Method::POST, "/v1/runtime/invocation/response/id-1", content).await;
        assert_eq!(answer.status(), 200);
        assert!(matches!(reported.await.unwrap(), Report::Result(result) if result.len() == MAX_RESULT_BYTES));
    }

    #[tokio::test]
    async fn an_outcome_is_accepted_once_and_only_for_the_running_event() {
        let (exchange, _reported) = with_running_event().await;
        for (path, status) in
            [("response/other", 404), ("response/id-1", 200), ("response/id-1", 404), ("error/id-1", 404)]
        {
            let answer = call(&exchange, Method::POST, &format!("/v1/runtime/invocation/{path}"), "{}").await;
            assert_eq!(answer.status(), status, "{path}");
        }
    }

    #[tokio::test]
    async fn an_event_which_was_not_taken_can_be_withdrawn() {
        let exchange = Exchange::default();
        let (delivery, _reported) = delivery("id-1", "{}");
        exchange.offer(delivery);
        assert_eq!(exchange.withdraw().unwrap().request_id, "id-1");
        assert!(exchange.withdraw().is_none());
    }

    #[tokio::test]
    async fn a_running_event_cannot_be_withdrawn() {
        let (exchange, _reported) = with_running_event().await;
        assert!(exchange.withdraw().is_none());
        assert!(exchange.is_running("id-1"));
    }

    #[tokio::test]
    async fn closing_ends_polls_and_drops_the_running_event() {
        let (exchange, reported) = with_running_event().await;
        exchange.close();
        assert!(reported.await.is_err());
        assert_eq!(call(&exchange, Method::GET, NEXT_EVENT_PATH, "").await.status(), 503);
    }
}
