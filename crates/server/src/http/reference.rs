//! The API's description, open to everybody: `/openapi.json` for machines and `/reference` for people.
//!
//! It needs no authentication: it is the same for every installation and public in the repository.

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, Response, StatusCode, header},
    routing::get,
};
use csms_api::{ApiError, ErrorCode, ErrorShape, schema};
use tokio::{sync::OnceCell, task::JoinError};

use crate::gate::answer::json_response;

/// Nothing but the page's own styles.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

/// The description is public, but belongs to the running version.
const KEEP: HeaderValue = HeaderValue::from_static("no-cache");

/// The description as JSON and as a page.
struct Description {
    json: Bytes,
    page: Bytes,
}

static DESCRIPTION: OnceCell<Description> = OnceCell::const_new();

/// Returns the description, which is made when it is first asked for, and not on the threads of requests: it takes a while.
async fn description() -> Result<&'static Description, JoinError> {
    if let Some(description) = DESCRIPTION.get() {
        return Ok(description);
    }
    let make = || {
        let document = schema::document();
        Description { json: document.to_string().into(), page: schema::page(&document).into() }
    };
    // A task of its own goes on when its client leaves; otherwise clients that leave could have it made again and again.
    let making = tokio::spawn(DESCRIPTION.get_or_try_init(move || tokio::task::spawn_blocking(make)));
    making.await?
}

/// The routes.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/openapi.json", get(openapi)).route("/reference", get(page))
}

async fn openapi() -> Response<Body> {
    match description().await {
        Ok(description) => kept(json_response(StatusCode::OK, description.json.clone())),
        Err(error) => failed(&error),
    }
}

async fn page() -> Response<Body> {
    let description = match description().await {
        Ok(description) => description,
        Err(error) => return failed(&error),
    };
    let mut response = kept(Response::new(Body::from(description.page.clone())));
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

fn failed(error: &JoinError) -> Response<Body> {
    tracing::error!(%error, "the description could not be made");
    let error = ApiError::new(ErrorCode::Internal, "");
    json_response(StatusCode::INTERNAL_SERVER_ERROR, error.body(ErrorShape::Flat).to_string())
}

fn kept(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, KEEP);
    response
}
