//! One call on the wire: signing, sending, repeating what may be repeated.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use csms_api::{Method, operation::Specification};
use csms_core::{
    ProjectId, UnixMillis,
    rotation::Traceparent,
    sign::{SignedRequest, authorize, format_date, host_header, payload_hash, percent_encode},
};
use reqwest::{Url, header::HeaderMap};
use tokio::sync::Mutex;

use crate::{
    credentials::Credentials,
    error::{ClientError, is_retryable_status},
};

/// Waits between tries: three repetitions over about 3.5 seconds.
const BACKOFF: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(800), Duration::from_millis(2500)];

/// Time for one try, from the connection to the whole answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The HTTP side of a client.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    http: reqwest::Client,
    endpoint: Url,
    project: ProjectId,
    credentials: Credentials,
    /// What a provider returned last, shared by clones.
    provided: Arc<Mutex<Option<Arc<Credentials>>>>,
    traceparent: Option<Traceparent>,
}

impl Exchange {
    pub(crate) fn new(
        endpoint: &str,
        project: ProjectId,
        credentials: Credentials,
        authorities: Option<&str>,
    ) -> Result<Self, ClientError> {
        let invalid = || ClientError::Setup("the endpoint must be an http:// or https:// address".to_owned());
        let endpoint: Url = endpoint.parse().map_err(|_| invalid())?;
        if !matches!(endpoint.scheme(), "http" | "https") || !endpoint.has_host() {
            return Err(invalid());
        }
        let tls = csms_tls::client_config(authorities).map_err(|error| ClientError::Setup(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| ClientError::Setup(format!("cannot set up HTTP: {error}")))?;
        Ok(Self { http, endpoint, project, credentials, provided: Arc::default(), traceparent: None })
    }

    /// The same, whose requests belong to a trace.
    pub(crate) fn within(self, traceparent: Option<Traceparent>) -> Self {
        Self { traceparent, ..self }
    }

    /// Calls an operation and returns the body of its success. The project comes first among the parameters of a path that
    /// names it.
    pub(crate) async fn call(
        &self,
        row: Specification,
        parameters: &[&str],
        query: &[(&str, String)],
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Vec<u8>, ClientError> {
        let names_project = row.parameters().next() == Some("project_id");
        let project = names_project.then_some(self.project.as_str());
        let parameters: Vec<_> = project.into_iter().chain(parameters.iter().copied()).collect();
        let mut url = self.at(&row.fill(&parameters));
        if !query.is_empty() {
            let pairs = query.iter().map(|(name, value)| format!("{name}={}", percent_encode(value)));
            url.set_query(Some(&pairs.collect::<Vec<_>>().join("&")));
        }
        let method = match row.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        // A read or a replacement may always be sent again. Anything else only when it cannot have arrived.
        let idempotent = !matches!(row.method, Method::Post);
        let mut waits = BACKOFF.iter();
        loop {
            let error = match self.send(&method, url.clone(), &body, timeout).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = error.never_arrived || (idempotent && error.error.is_retryable());
            match waits.next() {
                Some(wait) if again => tokio::time::sleep(*wait).await,
                _ => return Err(error.error),
            }
        }
    }

    /// Posts once to a path that is no operation of the service.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, ClientError> {
        let url = self.at(path);
        self.send(&reqwest::Method::POST, url, &body, timeout).await.map_err(|failed| failed.error)
    }

    /// The address of a path behind the endpoint, whose own path is that of a proxy.
    fn at(&self, path: &str) -> Url {
        let mut url = self.endpoint.clone();
        url.set_path(&format!("{}{path}", self.base_path()));
        url
    }

    fn base_path(&self) -> &str {
        self.endpoint.path().trim_end_matches('/')
    }

    /// The credentials for the next request. A provider is asked when it has not been, or when `refused` are the last ones that
    /// it returned; concurrent requests wait for one answer.
    async fn credentials(&self, refused: Option<&Arc<Credentials>>) -> Result<Arc<Credentials>, ClientError> {
        let Credentials::Provider(provider) = &self.credentials else { return Ok(Arc::new(self.credentials.clone())) };
        let mut last = self.provided.lock().await;
        if let Some(known) = last.as_ref().filter(|known| !refused.is_some_and(|refused| Arc::ptr_eq(refused, known))) {
            return Ok(Arc::clone(known));
        }
        let provided = Arc::new(provider.provide().await?);
        *last = Some(Arc::clone(&provided));
        Ok(provided)
    }

    pub(crate) const fn project(&self) -> &ProjectId {
        &self.project
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.endpoint.as_str()
    }

    /// Sends a request, and once more when the service refuses what a provider returned: nothing was done then.
    async fn send(
        &self,
        method: &reqwest::Method,
        url: Url,
        body: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, Failed> {
        let credentials = self.credentials(None).await.map_err(Failed::before)?;
        let outcome = self.send_as(&credentials, method, &url, body, timeout).await;
        match &outcome {
            Err(failed) if failed.is_unauthenticated && matches!(self.credentials, Credentials::Provider(_)) => {
                let credentials = self.credentials(Some(&credentials)).await.map_err(Failed::before)?;
                self.send_as(&credentials, method, &url, body, timeout).await
            }
            _ => outcome,
        }
    }

    async fn send_as(
        &self,
        credentials: &Credentials,
        method: &reqwest::Method,
        url: &Url,
        body: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, Failed> {
        let failed = |error: &reqwest::Error| Failed {
            never_arrived: error.is_connect(),
            is_unauthenticated: false,
            error: ClientError::Unreachable { endpoint: self.endpoint.to_string(), reason: reason(error) },
        };
        let mut request = self.http.request(method.clone(), url.clone()).timeout(timeout);
        for (name, value) in self.headers(credentials, method.as_str(), url, body) {
            request = request.header(name, value);
        }
        if let Some(traceparent) = &self.traceparent {
            request = request.header("traceparent", traceparent.as_str());
        }
        let response = request.body(body.to_vec()).send().await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let request_id = request_id(response.headers());
        let body = response.bytes().await.map_err(|error| failed(&error))?;
        if (200..300).contains(&status) {
            return Ok(body.to_vec());
        }
        // 429 says that nothing was done.
        let never_arrived = status == 429 && is_retryable_status(status);
        Err(Failed {
            never_arrived,
            is_unauthenticated: status == 401,
            error: ClientError::of(status, request_id, &body),
        })
    }

    /// The headers that prove who sends the request.
    fn headers(&self, credentials: &Credentials, method: &str, url: &Url, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut headers =
            vec![("content-type", "application/json".to_owned()), ("x-project-id", self.project.to_string())];
        match credentials {
            // What a provider returns is a key pair, a token or a session.
            Credentials::Provider(_) => {}
            Credentials::Session(cookie) => headers.push(("cookie", cookie.to_string())),
            Credentials::Token(token) => headers.push(("x-auth-token", token.to_string())),
            Credentials::Key { access_key, secret_key, security_token } => {
                let date = format_date(now());
                headers.push(("host", host_header(url.scheme(), url.host_str().unwrap_or_default(), url.port())));
                headers.push(("x-sdk-date", date.clone()));
                headers.extend(security_token.as_ref().map(|token| ("x-security-token", token.to_string())));
                headers.sort_unstable();
                let hash = payload_hash(body);
                let query = url.query().unwrap_or_default();
                // A proxy removes its own path, so that the service sees and checks the rest.
                let path = url.path().strip_prefix(self.base_path()).unwrap_or(url.path());
                let request = SignedRequest { method, path, query, date: &date, payload_hash: &hash };
                let signed: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let authorization = authorize(access_key, secret_key.as_bytes(), &request, &signed);
                headers.push(("authorization", authorization));
            }
        }
        headers
    }
}

/// A try that brought nothing.
struct Failed {
    error: ClientError,
    never_arrived: bool,
    is_unauthenticated: bool,
}

impl Failed {
    /// Before anything was sent.
    const fn before(error: ClientError) -> Self {
        Self { error, never_arrived: false, is_unauthenticated: false }
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn request_id(headers: &HeaderMap) -> String {
    let id = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    id.unwrap_or("unknown").to_owned()
}

/// The innermost cause, which says more than the library's summary; without the address, which is told beside it.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
