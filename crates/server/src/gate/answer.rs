//! What an operation answers: a status and perhaps a JSON body.

use std::io;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Response, StatusCode, header},
};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Content type of every JSON answer, as the definitions write it.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// An answer whose status the operation table decides. Has no `Debug`: a body may hold an opened value.
pub enum Answer {
    /// A JSON body.
    Json(Bytes),
    /// No body.
    Empty,
    /// A response with a status and headers of its own.
    Whole(Response<Body>),
}

impl Answer {
    /// The body in JSON.
    ///
    /// # Errors
    /// An internal failure when it cannot be written, which our own types do not cause.
    pub fn json(body: &impl Serialize) -> Result<Self, Failure> {
        serde_json::to_vec(body).map(|text| Self::Json(text.into())).map_err(Failure::internal)
    }

    /// The same answer with a warning for whoever reads headers (`X-Csms-Warning`): the operation is done, and something is to
    /// be seen to.
    #[must_use]
    pub fn with_warning(self, warning: &str) -> Self {
        let Self::Json(body) = self else { return self };
        let mut response = json_response(StatusCode::OK, body);
        if let Ok(warning) = HeaderValue::from_str(warning) {
            response.headers_mut().insert("x-csms-warning", warning);
        }
        Self::Whole(response)
    }

    /// The body in JSON, for bodies with values and keys: it is wiped when it has been sent.
    ///
    /// # Errors
    /// As [`Answer::json`].
    pub fn secret(body: &impl Serialize) -> Result<Self, Failure> {
        written_once(body).map(|text| Self::Json(Bytes::from_owner(text))).map_err(Failure::internal)
    }
}

/// The text in a buffer of its length: one that grows leaves copies of its beginning behind.
fn written_once(body: &impl Serialize) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    struct Length(usize);
    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    serde_json::to_writer(&mut length, body)?;
    let mut text = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *text, body)?;
    Ok(text)
}

/// A response with a JSON body.
pub fn json_response(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A response without a body.
pub fn empty_response(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_body_is_the_same_json_in_a_buffer_that_did_not_grow() {
        let body = json!({ "secret_string": "x".repeat(10_000), "version": { "id": "v1" } });
        let written = written_once(&body).unwrap();
        assert_eq!(written.as_slice(), serde_json::to_vec(&body).unwrap());
        assert_eq!(written.capacity(), written.len());
    }
}
