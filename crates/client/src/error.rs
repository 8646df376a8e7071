//! Errors of a call.

use csms_core::rotation::Message;
use serde_json::Value;
use thiserror::Error;

/// Why a call brought no result. Holds no secret value.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The service answered with an error.
    #[error("{code} {message} (HTTP {status}, request {request_id})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The service's code, or the status in digits when the body has none.
        code: String,
        /// The service's message.
        message: String,
        /// Identifier of the request, for the service's log.
        request_id: String,
        /// The service's message as a code with fields, where it sends one.
        detail: Option<Box<Message>>,
    },
    /// The service was not reached, or broke off.
    #[error("the service at {endpoint} did not answer: {reason}")]
    Unreachable {
        /// Where it should have been.
        endpoint: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not what the operation answers.
    #[error("the answer to {operation} is not understood")]
    Answer {
        /// The operation.
        operation: &'static str,
    },
    /// The client itself cannot be made: a bad address, or TLS.
    #[error("{0}")]
    Setup(String),
}

impl ClientError {
    /// HTTP status of a refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Answer { .. } | Self::Setup(_) => None,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { status, .. } => is_retryable_status(*status),
            Self::Unreachable { .. } => true,
            Self::Answer { .. } | Self::Setup(_) => false,
        }
    }

    /// Reads an error body, flat or nested, as the official SDKs do.
    pub(crate) fn of(status: u16, request_id: String, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let member = |name: &str| body.get(name).or_else(|| body.get("error")?.get(name));
        let text = |name: &str| member(name).and_then(Value::as_str).map(str::to_owned);
        let message = text("error_msg").or_else(|| text("message"));
        Self::Refused {
            status,
            code: text("error_code").unwrap_or_else(|| status.to_string()),
            message: message.unwrap_or_else(|| "no message".to_owned()),
            request_id,
            detail: member("error_detail").and_then(Message::read).map(Box::new),
        }
    }
}

/// The statuses that clients should retry (`compatibility/api.md#5-limits-and-quotas`).
pub(crate) const fn is_retryable_status(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_and_nested_bodies_are_read_alike() {
        for body in [
            r#"{"error_code":"CSMS.0501","error_msg":"no"}"#,
            r#"{"error":{"error_code":"CSMS.0501","error_msg":"no"}}"#,
        ] {
            let ClientError::Refused { code, message, .. } = ClientError::of(400, "r".into(), body.as_bytes()) else {
                panic!()
            };
            assert_eq!((code.as_str(), message.as_str()), ("CSMS.0501", "no"));
        }
    }

    #[test]
    fn a_body_that_is_not_json_leaves_the_status() {
        let ClientError::Refused { code, .. } = ClientError::of(502, "r".into(), b"<html>") else { panic!() };
        assert_eq!(code, "502");
    }
}
