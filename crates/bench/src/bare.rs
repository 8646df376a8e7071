//! The baseline of reads: a process that answers every GET with the same JSON, on the server's HTTP stack and nothing
//! more.

use anyhow::Result;
use axum::{Router, http::header, routing::get, serve::ListenerExt};
use tokio::net::TcpListener;

/// Answer every GET with the same 256 bytes of JSON; prints its port.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Serves until it is killed.
pub(crate) async fn run(_: Arguments) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let body = serde_json::json!({ "version": { "secret_string": "x".repeat(256) } }).to_string();
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json;charset=UTF-8")], body) }
    };
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, Router::new().route("/", get(answer))).await?;
    Ok(())
}
