//! FunctionGraph's invoke API over HTTP: the synchronous and the asynchronous call, their headers and error bodies.
//!
//! Authentication, authorisation and rate limits belong to the server which embeds the router: it layers them on and
//! leaves what it learned in the request's extensions, where a [`CredentialSource`] finds it.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header as standard},
    response::{IntoResponse, Response},
    routing::post,
};
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::json;

use super::{
    error::{FunctionError, InvokeError},
    function::{billed_milliseconds, megabytes, milliseconds},
    host::{AsyncRetry, Host, Invocation, Outcome},
    urn::FunctionUrn,
};
use crate::{
    Credentials,
    protocol::{MAX_ASYNC_EVENT_BYTES, MAX_LOG_HEADER_BYTES, MAX_SYNC_EVENT_BYTES, header},
};

/// When a caller that found no room may try again, in seconds. A guess: how long a place stays taken is not known.
const RETRY_AFTER_SECONDS: &str = "5";

/// Chooses what a function may act with during one invocation. Asked after the URN has been read and before the
/// function is looked up; gets the extensions which the embedding server put on the request.
pub type CredentialSource = Arc<dyn Fn(&Extensions, &FunctionUrn) -> Option<Credentials> + Send + Sync>;

/// How a failing function is answered. The vendor documents headers for it but no status, so both known ways exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserFailureReply {
    /// Status 500 with `{"code","message","errorType"}`, as the open kernel's front end does.
    #[default]
    InternalServerError,
    /// Status 200 with `{"errorType","errorMessage"}` as the result; only headers (and `status` of v1) tell.
    OkWithHeaders,
}

/// What the router serves, and how.
#[derive(Clone)]
pub struct Front {
    /// The functions.
    pub host: Host,
    /// Credentials for each invocation; none if `None`.
    pub credentials: Option<CredentialSource>,
    /// Answer to a failing function.
    pub user_failure: UserFailureReply,
    /// Repetition of failed asynchronous invocations.
    pub async_retry: AsyncRetry,
}

impl Front {
    /// Serves `host` without credentials and with the defaults.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self { host, credentials: None, user_failure: UserFailureReply::default(), async_retry: AsyncRetry::default() }
    }
}

/// The routes `POST /v2/{project_id}/fgs/functions/{function_urn}/invocations` and `…/invocations-async`.
pub fn router(front: Front) -> Router {
    Router::new()
        .route("/v2/{project_id}/fgs/functions/{function_urn}/invocations", post(invoke))
        .route("/v2/{project_id}/fgs/functions/{function_urn}/invocations-async", post(invoke_async))
        .with_state(Arc::new(front))
}

type Target = Path<(String, String)>;

async fn invoke(State(front): State<Arc<Front>>, Path(target): Target, request: Request) -> Response {
    let version = match request.headers().get(header::REQUEST_VERSION).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"v0") => Version::V0,
        Some(b"v1") => Version::V1,
        Some(_) => return api_error(StatusCode::BAD_REQUEST, "FSS.0400", "X-CFF-Request-Version must be v0 or v1"),
    };
    let tail_log = request.headers().get(header::LOG_TYPE).is_some_and(|kind| kind == "tail");
    let (urn, mut invocation) = match read(&front, &target, request, MAX_SYNC_EVENT_BYTES).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    invocation.tail_log = tail_log;
    match front.host.invoke(&urn, invocation).await {
        Ok(outcome) => answer(&outcome, version, tail_log, front.user_failure),
        Err(error) => refuse(&error),
    }
}

async fn invoke_async(State(front): State<Arc<Front>>, Path(target): Target, request: Request) -> Response {
    let (urn, invocation) = match read(&front, &target, request, MAX_ASYNC_EVENT_BYTES).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    match front.host.invoke_async(&urn, &invocation, front.async_retry) {
        Ok(request_id) => {
            let mut answer = json_response(StatusCode::ACCEPTED, &json!({ "request_id": request_id }));
            put(answer.headers_mut(), header::REQUEST_ID, &request_id);
            answer
        }
        Err(error) => refuse(&error),
    }
}

/// Function, event and credentials of a request, or the answer which refuses it.
async fn read(
    front: &Front,
    (project_id, urn): &(String, String),
    request: Request,
    limit: usize,
) -> Result<(FunctionUrn, Invocation), Response> {
    let invalid = |reason: &str| api_error(StatusCode::BAD_REQUEST, "FSS.1309", &format!("invalid URN: {reason}"));
    let urn: FunctionUrn = urn.parse().map_err(|error: super::UrnError| invalid(&error.to_string()))?;
    let urn = urn.with_default_project(project_id);
    if urn.project_id() != Some(project_id) {
        return Err(invalid("its project is not the one of the path"));
    }
    let (parts, body) = request.into_parts();
    let event = read_event(body, limit).await?;
    let credentials = front.credentials.as_ref().and_then(|source| source(&parts.extensions, &urn));
    Ok((urn, Invocation { event, credentials, ..Invocation::default() }))
}

/// An event is a JSON object. No body means an event without content.
async fn read_event(body: Body, limit: usize) -> Result<Bytes, Response> {
    // One byte more than allowed tells a large body from one which just fits; the rest is never read.
    let event = match axum::body::to_bytes(body, limit + 1).await {
        Ok(event) if event.len() <= limit => event,
        _ => {
            let reason = format!("the request body cannot be read or is larger than {limit} bytes");
            return Err(api_error(StatusCode::BAD_REQUEST, "FSS.1201", &reason));
        }
    };
    if event.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<AnyObject>(&event) {
        Ok(AnyObject) => Ok(event),
        Err(_) => Err(api_error(StatusCode::BAD_REQUEST, "FSS.0400", "the request body must be a JSON object")),
    }
}

/// A JSON object of any content, which is read and not kept: as values in memory an event takes many times its length.
struct AnyObject;

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = AnyObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<AnyObject, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnyObject)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V0,
    V1,
}

fn answer(outcome: &Outcome, version: Version, tail_log: bool, user_failure: UserFailureReply) -> Response {
    let failure_as_result;
    let (status, result): (u16, &[u8]) = match &outcome.result {
        Ok(result) => (200, result),
        Err(error) => {
            failure_as_result = json!({
                "errorType": error.failure.error_type,
                "errorMessage": error.failure.error_message,
            })
            .to_string();
            (500, failure_as_result.as_bytes())
        }
    };
    let mut answer = match (&outcome.result, user_failure) {
        (Err(error), UserFailureReply::InternalServerError) => function_failed(error),
        _ if version == Version::V0 => {
            let kind = if is_json(result) { "application/json" } else { "text/plain; charset=utf-8" };
            (StatusCode::OK, [(standard::CONTENT_TYPE, kind)], result.to_vec()).into_response()
        }
        _ => json_response(
            StatusCode::OK,
            &json!({
                "request_id": outcome.request_id,
                "result": String::from_utf8_lossy(result),
                "log": outcome.log_tail,
                "status": status,
            }),
        ),
    };
    let summary = json!({
        "duration": milliseconds(outcome.duration),
        "billingDuration": billed_milliseconds(outcome.duration),
        "memorySize": format!("{}MB", outcome.memory_mb),
        "memoryUsed": megabytes(outcome.peak_memory_bytes),
    });
    let code = outcome.result.as_ref().err().map_or(0, |error| error.code);
    let headers = answer.headers_mut();
    put(headers, header::REQUEST_ID, &outcome.request_id);
    put(headers, header::INVOKE_SUMMARY, &summary.to_string());
    put(headers, header::BILLING_DURATION, &billed_milliseconds(outcome.duration));
    put(headers, header::RESPONSE_VERSION, if version == Version::V0 { "v0" } else { "v1" });
    put(headers, header::FUNCTION_ERROR_CODE, &code.to_string());
    put(headers, header::IS_FUNCTION_ERROR, if code == 0 { "false" } else { "true" });
    if tail_log {
        let log = outcome.log_tail.as_bytes();
        let end = log.get(log.len().saturating_sub(MAX_LOG_HEADER_BYTES)..).unwrap_or_default();
        put(headers, header::FUNCTION_LOG, &Base64::encode_string(end));
    }
    answer
}

fn function_failed(error: &FunctionError) -> Response {
    json_response(
        StatusCode::INTERNAL_SERVER_ERROR,
        &json!({
            "code": error.code,
            "message": error.failure.error_message,
            "errorType": error.failure.error_type,
        }),
    )
}

fn refuse(error: &InvokeError) -> Response {
    let (status, code) = match error {
        InvokeError::UnknownFunction => (StatusCode::NOT_FOUND, "FSS.1051"),
        InvokeError::UnknownVersion => (StatusCode::NOT_FOUND, "FSS.1052"),
        InvokeError::UnknownAlias => (StatusCode::NOT_FOUND, "FSS.1053"),
        InvokeError::RequestTooLarge { .. } => (StatusCode::BAD_REQUEST, "FSS.1201"),
        InvokeError::InvalidRequestId => (StatusCode::BAD_REQUEST, "FSS.0400"),
        InvokeError::Overloaded | InvokeError::QueueFull => {
            let mut answer = api_error(StatusCode::TOO_MANY_REQUESTS, "FSS.0429", &error.to_string());
            answer.headers_mut().insert(standard::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
            return answer;
        }
        InvokeError::ShutDown => (StatusCode::SERVICE_UNAVAILABLE, "FSS.0503"),
        InvokeError::InvalidCredentials | InvokeError::Internal(_) => {
            // The caller can do nothing about it and need not know more.
            tracing::error!(%error, "invocation failed inside the host");
            return api_error(StatusCode::INTERNAL_SERVER_ERROR, "FSS.0500", "internal error");
        }
    };
    api_error(status, code, &error.to_string())
}

fn api_error(status: StatusCode, code: &str, message: &str) -> Response {
    json_response(status, &json!({ "error_code": code, "error_msg": message }))
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(standard::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// All values written here are plain ASCII.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tower::ServiceExt;

    use super::*;
    use crate::Failure;

    fn outcome(result: Result<&'static str, FunctionError>) -> Outcome {
        Outcome {
            request_id: "id-1".to_owned(),
            result: result.map(Bytes::from),
            duration: Duration::from_micros(12_345),
            peak_memory_bytes: 1024 * 1024,
            memory_mb: 128,
            log_tail: "x".repeat(3000),
        }
    }

    fn user_failure() -> FunctionError {
        FunctionError { code: 4002, failure: Failure::new("OutOfStock", "none left") }
    }

    async fn text(response: Response) -> String {
        String::from_utf8(axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    async fn json(response: Response) -> serde_json::Value {
        serde_json::from_str(&text(response).await).unwrap()
    }

    async fn post(path: &str, body: impl Into<Body>) -> Response {
        let routes = router(Front::new(Host::new(super::super::HostConfig::default()).unwrap()));
        routes.oneshot(Request::post(path).body(body.into()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn v0_is_the_result_itself() {
        let answer = answer(&outcome(Ok(r#"{"a":1}"#)), Version::V0, false, UserFailureReply::default());
        assert_eq!(answer.status(), 200);
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["x-cff-request-id"], "id-1");
        assert_eq!(headers["x-cff-response-version"], "v0");
        assert_eq!(headers["x-cff-billing-duration"], "13ms");
        assert_eq!(
            (&headers["x-func-err-code"], &headers["x-is-func-err"]),
            (&"0".parse().unwrap(), &"false".parse().unwrap())
        );
        assert!(!headers.contains_key("x-cff-function-log"));
        let summary: serde_json::Value = serde_json::from_slice(headers["x-cff-invoke-summary"].as_bytes()).unwrap();
        assert_eq!(
            summary,
            serde_json::json!({
                "duration": "12.345ms", "billingDuration": "13ms", "memorySize": "128MB", "memoryUsed": "1.000MB",
            })
        );
        assert_eq!(text(answer).await, r#"{"a":1}"#);
    }

    #[tokio::test]
    async fn v1_is_an_envelope_with_the_result_as_text() {
        let answer = answer(&outcome(Ok(r#"{"a":1}"#)), Version::V1, true, UserFailureReply::default());
        assert_eq!(answer.headers()["x-cff-response-version"], "v1");
        let body = json(answer).await;
        assert_eq!(body["result"], r#"{"a":1}"#);
        assert_eq!((&body["request_id"], &body["status"]), (&serde_json::json!("id-1"), &serde_json::json!(200)));
        assert_eq!(body["log"].as_str().unwrap().len(), 3000);
    }

    #[test]
    fn the_log_header_holds_the_last_2000_bytes() {
        let answer = answer(&outcome(Ok("")), Version::V0, true, UserFailureReply::default());
        let log = answer.headers()["x-cff-function-log"].to_str().unwrap();
        assert_eq!(Base64::decode_vec(log).unwrap().len(), 2000);
    }

    #[tokio::test]
    async fn a_failing_function_is_an_internal_server_error_with_its_code() {
        for version in [Version::V0, Version::V1] {
            let answer = answer(&outcome(Err(user_failure())), version, false, UserFailureReply::default());
            assert_eq!(answer.status(), 500);
            assert_eq!(answer.headers()["x-func-err-code"], "4002");
            assert_eq!(answer.headers()["x-is-func-err"], "true");
            let expected = serde_json::json!({ "code": 4002, "message": "none left", "errorType": "OutOfStock" });
            assert_eq!(json(answer).await, expected);
        }
    }

    #[tokio::test]
    async fn a_failing_function_can_be_answered_with_200_and_headers() {
        let reply = UserFailureReply::OkWithHeaders;
        let v0 = answer(&outcome(Err(user_failure())), Version::V0, false, reply);
        assert_eq!((v0.status(), &v0.headers()["x-is-func-err"]), (StatusCode::OK, &"true".parse().unwrap()));
        assert_eq!(json(v0).await["errorType"], "OutOfStock");
        let v1 = json(answer(&outcome(Err(user_failure())), Version::V1, false, reply)).await;
        assert_eq!(v1["status"], 500);
        assert_eq!(v1["result"], r#"{"errorMessage":"none left","errorType":"OutOfStock"}"#);
    }

    #[tokio::test]
    async fn a_bad_urn_is_fss_1309() {
        for urn in ["urn:fss:only", "1bad", "urn:fss:r:other-project:function:default:name"] {
            let answer = post(&format!("/v2/p/fgs/functions/{urn}/invocations"), "{}").await;
            assert_eq!(answer.status(), 400);
            assert_eq!(json(answer).await["error_code"], "FSS.1309", "{urn}");
        }
    }

    #[tokio::test]
    async fn an_unknown_function_is_fss_1051() {
        for call in ["invocations", "invocations-async"] {
            let answer = post(&format!("/v2/p/fgs/functions/urn:fss:r:p:function:default:name/{call}"), "{}").await;
            assert_eq!(answer.status(), 404);
            assert_eq!(json(answer).await["error_code"], "FSS.1051");
        }
    }

    #[tokio::test]
    async fn an_event_which_is_not_an_object_is_refused() {
        for event in ["[]", "text", "{", "{}x", r#"{"a":[}"#, "null", r#"{1:2}"#] {
            let answer = post("/v2/p/fgs/functions/name/invocations", event).await;
            assert_eq!(answer.status(), 400);
            assert_eq!(json(answer).await["error_code"], "FSS.0400", "{event}");
        }
    }

    #[tokio::test]
    async fn an_event_above_the_limit_is_fss_1201() {
        for (call, limit) in [("invocations", MAX_SYNC_EVENT_BYTES), ("invocations-async", MAX_ASYNC_EVENT_BYTES)] {
            let event = format!(r#"{{"a":"{}"}}"#, "x".repeat(limit));
            let answer = post(&format!("/v2/p/fgs/functions/name/{call}"), event).await;
            assert_eq!(answer.status(), 400);
            assert_eq!(json(answer).await["error_code"], "FSS.1201", "{call}");
        }
    }

    #[tokio::test]
    async fn an_unknown_request_version_is_refused() {
        let routes = router(Front::new(Host::new(super::super::HostConfig::default()).unwrap()));
        let request = Request::post("/v2/p/fgs/functions/name/invocations")
            .header("X-CFF-Request-Version", "v2")
            .body(Body::from("{}"))
            .unwrap();
        assert_eq!(routes.oneshot(request).await.unwrap().status(), 400);
    }
}
