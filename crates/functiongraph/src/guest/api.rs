//! The client side of the runtime API: one poll, one report.
//!
//! It decides nothing about waiting or giving up, apart from the bounded repetition of a failed report.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use ureq::{Agent, http::HeaderMap};
use zeroize::Zeroizing;

use crate::{
    Credentials, Failure,
    protocol::{ERROR_PATH, MAX_SYNC_EVENT_BYTES, NEXT_EVENT_PATH, RESPONSE_PATH, header},
};

/// Longest time for a connection to the runtime API, as in the vendor's sample client.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for one report, from connecting to the answer.
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a report is sent before it is given up.
const REPORT_ATTEMPTS: u32 = 4;
/// Pause before the first repetition of a report; doubled each time.
const REPORT_PAUSE: Duration = Duration::from_millis(50);
/// An event may be a little larger than documented (the limit is stated with a tolerance of 100 bytes).
const EVENT_READ_LIMIT: u64 = MAX_SYNC_EVENT_BYTES as u64 + 64 * 1024;

/// One event as it came.
pub(super) struct RawEvent {
    pub(super) request_id: String,
    pub(super) credentials: Option<Credentials>,
    pub(super) asynchronous: bool,
    pub(super) received: Instant,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// What a poll brought.
pub(super) enum Poll {
    /// An event to handle.
    Event(RawEvent),
    /// An event whose body could not be read; its failure is still owed.
    Unreadable { request_id: String, failure: Failure },
    /// The API answered, but not with an event. Some platforms answer so when there is nothing to do.
    NoEvent(String),
    /// The API did not answer.
    Unreachable { refused: bool, reason: String },
}

/// Why a report was not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    #[error("the runtime API answered {0}")]
    Status(u16),
    #[error("the runtime API is out of reach: {0}")]
    Transport(#[from] ureq::Error),
}

#[derive(Clone)]
pub(super) struct RuntimeApi {
    agent: Agent,
    base: String,
}

impl RuntimeApi {
    /// `address` is `host:port`.
    pub(super) fn new(address: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The API is on this machine. A proxy variable of the function's own making must not divert it.
            .proxy(None)
            .build();
        Self { agent: config.into(), base: format!("http://{address}") }
    }

    /// Asks for the next event and waits as long as the platform keeps the request open.
    pub(super) fn poll(&self) -> Poll {
        let mut answer = match self.agent.get(format!("{}{NEXT_EVENT_PATH}", self.base)).call() {
            Ok(answer) => answer,
            Err(error) => return Poll::Unreachable { refused: is_refused(&error), reason: error.to_string() },
        };
        let received = Instant::now();
        if answer.status().as_u16() != 200 {
            return Poll::NoEvent(format!("the runtime API answered {}", answer.status().as_u16()));
        }
        let Some(request_id) = request_id(answer.headers()) else {
            return Poll::NoEvent("the runtime API sent an event without a usable request id".to_owned());
        };
        let credentials = Credentials::from_headers(answer.headers());
        let asynchronous = answer.headers().get(header::INVOKE_TYPE).is_some_and(|kind| kind == "async");
        match answer.body_mut().with_config().limit(EVENT_READ_LIMIT).read_to_vec() {
            Ok(body) => {
                Poll::Event(RawEvent { request_id, credentials, asynchronous, received, body: Zeroizing::new(body) })
            }
            Err(error) => {
                let failure = Failure::new("UnreadableEvent", format!("the event could not be read: {error}"));
                Poll::Unreadable { request_id, failure }
            }
        }
    }

    /// Reports a result.
    pub(super) fn respond(&self, request_id: &str, result: &[u8]) -> Result<(), ReportError> {
        self.report(&format!("{}{RESPONSE_PATH}{request_id}", self.base), result)
    }

    /// Reports a failure.
    pub(super) fn fail(&self, request_id: &str, failure: &Failure) -> Result<(), ReportError> {
        let body = serde_json::json!({
            "errorType": failure.error_type,
            "errorMessage": failure.error_message,
        });
        self.report(&format!("{}{ERROR_PATH}{request_id}", self.base), body.to_string().as_bytes())
    }

    /// Repeats what may pass (no connection, 5xx) and nothing else: a 4xx will not change.
    fn report(&self, url: &str, body: &[u8]) -> Result<(), ReportError> {
        let mut pause = REPORT_PAUSE;
        let mut attempt = 1;
        loop {
            let error = match self.report_once(url, body) {
                Ok(()) => return Ok(()),
                Err(ReportError::Status(status)) if status < 500 => return Err(ReportError::Status(status)),
                Err(error) => error,
            };
            if attempt == REPORT_ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
            thread::sleep(pause);
            pause *= 2;
        }
    }

    fn report_once(&self, url: &str, body: &[u8]) -> Result<(), ReportError> {
        let mut answer = self
            .agent
            .post(url)
            .content_type("application/json")
            .config()
            .timeout_global(Some(REPORT_TIMEOUT))
            .build()
            .send(body)?;
        // Read to the end, or the connection cannot be used again. The text does not matter.
        let _ = answer.body_mut().with_config().limit(64 * 1024).read_to_vec();
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            status => Err(ReportError::Status(status)),
        }
    }
}

/// The id goes into a path, so only characters which need no escaping there are accepted.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(header::REQUEST_ID)?.to_str().ok()?.trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    (!id.is_empty() && id.len() <= 256 && id.bytes().all(plain) && !id.starts_with('.')).then(|| id.to_owned())
}

fn is_refused(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(text: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::REQUEST_ID, text.parse().unwrap());
        request_id(&headers)
    }

    #[test]
    fn a_uuid_is_a_request_id() {
        let id = "0f6d1a4e-2f0b-4a4e-9a52-0d6a0f1c2b3d";
        assert_eq!(id_of(id).as_deref(), Some(id));
    }

    #[test]
    fn an_id_which_would_change_the_path_is_refused() {
        for id in ["", "a/b", "..", "a?b", "a#b", "a%2fb", "a b"] {
            assert_eq!(id_of(id), None, "{id}");
        }
    }

    #[test]
    fn a_closed_port_counts_as_refused() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let poll = RuntimeApi::new(&format!("127.0.0.1:{port}")).poll();
        assert!(matches!(poll, Poll::Unreachable { refused: true, .. }));
    }
}
