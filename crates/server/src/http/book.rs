//! The book at `/docs`: what `cargo xtask docs --embed` makes of `www/docs`, from the program or from the directory of the
//! console.
//!
//! It is public like the console. Its scripts are files, so that nothing inline is allowed here either.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode},
    response::Redirect,
    routing::get,
};

use super::files::{find, respond};
use crate::app::App;

/// Like that of the console, without modules of WebAssembly. Its style sheets hold an icon, and the list of pages is a frame where
/// scripts are off.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
);

const NOT_BUILT: &str = "This build has no book. `cargo xtask docs --embed` builds it, and the next `cargo build` puts it into the server.\n";

const NOT_YET_BUILT: &str = "The book is not built yet. `cargo xtask docs --embed` builds it into crates/server/console, from where a server with \
     `--console crates/server/console` serves it without a restart.\n";

const NO_SUCH_PAGE: &str = "The book has no such page. It begins at /docs/.\n";

/// The page with which the book begins.
const FIRST: &str = "index.html";

/// The routes of the book.
pub fn routes() -> Router<Arc<App>> {
    // Links in the book are relative, so that its first page needs the slash.
    Router::new()
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(first))
        .route("/docs/{*name}", get(page))
}

async fn first(State(app): State<Arc<App>>, headers: HeaderMap) -> Response<Body> {
    serve(&app, FIRST, &headers).await
}

async fn page(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    serve(&app, &name, &headers).await
}

async fn serve(app: &App, name: &str, headers: &HeaderMap) -> Response<Body> {
    if let Some(file) = find(app, &format!("docs/{name}")).await {
        return file.response(name, POLICY, headers);
    }
    let is_built = name != FIRST && find(app, &format!("docs/{FIRST}")).await.is_some();
    let text = match (is_built, app.console.is_some()) {
        (true, _) => NO_SUCH_PAGE,
        (false, true) => NOT_YET_BUILT,
        (false, false) => NOT_BUILT,
    };
    respond(StatusCode::NOT_FOUND, "", POLICY, Body::from(text))
}
