//! Functions that run elsewhere and are invoked through FunctionGraph: what their service may send back.

use std::net::SocketAddr;

use axum::Router;
use csms_core::FunctionUrn;
use csms_server::{boot::settings::FunctionGraph, functions::InvokeFailure};
use tokio::net::TcpListener;

use crate::support::{open_with, settings};

const MEBIBYTE: usize = 1024 * 1024;

/// A service whose function replies with as many bytes.
async fn service(bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().fallback(move || async move { "x".repeat(bytes) });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

#[tokio::test]
async fn a_reply_is_read_up_to_the_limit_of_the_service() {
    for (bytes, is_taken) in [(6 * MEBIBYTE, true), (6 * MEBIBYTE + 1, false)] {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(directory.path());
        let url = format!("http://{}", service(bytes).await);
        let (access_key, secret_key) = ("AK".to_owned(), "SK".to_owned().into());
        settings.functiongraph = Some(FunctionGraph { url, access_key, secret_key });
        let server = open_with(&settings).await.unwrap();
        let project = server.app.identity.project_id.clone();
        let urn = FunctionUrn::parse(&format!("urn:fss:local-1:{project}:function:default:elsewhere")).unwrap();
        let reply = server.app.functions.invoke(&project, &urn, b"{}".to_vec(), None, server.clock.now()).await;
        match reply {
            Ok(reply) => assert!(is_taken && reply.len() == bytes, "{bytes} bytes were taken"),
            Err(InvokeFailure::Function(reason)) => assert!(!is_taken && reason.contains("6 MiB"), "{reason}"),
            Err(other) => panic!("{bytes} bytes: {other}"),
        }
    }
}
