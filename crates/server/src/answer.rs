//! What an operation answers: a status and perhaps a JSON body.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde::Serialize;

use crate::failure::Failure;

/// Content type of every JSON answer, as the definitions write it.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// An answer whose status the operation table decides. Has no `Debug`: a body may hold an opened value.
pub enum Answer {
    /// A JSON body.
    Json(Vec<u8>),
    /// No body.
    Empty,
}

impl Answer {
    /// The body in JSON.
    ///
    /// # Errors
    /// An internal failure when it cannot be written, which our own types do not cause.
    pub fn json(body: &impl Serialize) -> Result<Self, Failure> {
        serde_json::to_vec(body).map(Self::Json).map_err(Failure::internal)
    }
}

/// A response with a JSON body.
pub fn json_response(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
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
