//! Connections: accepts them, serves HTTP/1.1 on each, and closes those that only hold a place.
//!
//! Knows nothing of requests. A client that connects has to send a whole request head soon, and after an answer the next one
//! within a longer time; who sends a byte now and then (slow-loris) or nothing at all is cut off.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

/// How long a failed accept is waited out; out of file descriptors, the next one fails at once too.
const BREATH: Duration = Duration::from_millis(100);

/// How long clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the connection to the end of the first request's head.
    pub first_head: Duration,
    /// From an answer to the end of the next request's head, so also how long a connection may be idle. Proxies that keep
    /// connections open should close theirs a little earlier.
    pub next_head: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { first_head: Duration::from_secs(10), next_head: Duration::from_secs(75) }
    }
}

/// Serves until `stop` is done, then closes idle connections and returns when the others have had their answers.
pub async fn serve(listener: TcpListener, router: Router, patience: Patience, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, router.clone(), patience, connections.watcher()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Where a request comes from, as its extensions carry it: the other end of its connection, which may be a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Serves one connection.
async fn converse(stream: TcpStream, router: Router, patience: Patience, watcher: Watcher) {
    // Answers are small and complete: waiting to fill packets only delays them.
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
    let has_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&has_asked);
    let service = service_fn(move |request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let answer = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience.next_head);
    let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = tokio::time::sleep(patience.first_head) => {
            if !has_asked.load(Ordering::Relaxed) {
                tracing::debug!("a connection sent no request");
                return;
            }
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::Notify,
        task::JoinHandle,
        time::{Instant, timeout},
    };

    use super::*;

    /// Bounds that a test reaches at once, and so far apart that it is seen which of the two it was.
    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(600);

    /// Longest wait for something that takes a moment.
    const SOON: Duration = Duration::from_secs(60);

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

    /// A server of one page that says `page` once `open` is notified.
    async fn server(patience: Patience, open: Arc<Notify>) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let page = get(move || {
            let open = Arc::clone(&open);
            async move {
                open.notified().await;
                "page"
            }
        });
        let router = Router::new().route("/", page);
        (address, tokio::spawn(serve(listener, router, patience, std::future::pending())))
    }

    async fn read_page(stream: &mut TcpStream) {
        let mut read = Vec::new();
        while !read.ends_with(b"page") {
            let mut part = [0; 1024];
            let count = timeout(SOON, stream.read(&mut part)).await.unwrap().unwrap();
            assert_ne!(count, 0, "closed before the answer: {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&part[..count]);
        }
    }

    /// Reads until the server has closed the connection.
    async fn closed(stream: &mut TcpStream) {
        let mut rest = Vec::new();
        // A reset closes it too.
        let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_without_a_request_is_closed() {
        let (address, _) = server(Patience { first_head: SHORT, next_head: LONG }, Arc::default()).await;
        closed(&mut TcpStream::connect(address).await.unwrap()).await;
    }

    #[tokio::test]
    async fn a_head_that_arrives_byte_by_byte_is_cut_off() {
        let (address, _) = server(Patience { first_head: SHORT, next_head: LONG }, Arc::default()).await;
        let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
        let dripping = tokio::spawn(async move {
            while to.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        });
        let _ = timeout(SOON, from.read_to_end(&mut Vec::new())).await.unwrap();
        timeout(SOON, dripping).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_is_idle_after_an_answer_is_closed() {
        let open = Arc::new(Notify::new());
        open.notify_one();
        let (address, _) = server(Patience { first_head: LONG, next_head: SHORT }, open).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        read_page(&mut stream).await;
        closed(&mut stream).await;
    }

    #[tokio::test]
    async fn a_request_that_takes_its_time_is_answered() {
        let open = Arc::new(Notify::new());
        let (address, _) = server(Patience { first_head: SHORT, next_head: SHORT }, Arc::clone(&open)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let begun = Instant::now();
        // Another connection that is cut off meanwhile tells that the bounds have passed.
        while begun.elapsed() < SHORT * 2 {
            closed(&mut TcpStream::connect(address).await.unwrap()).await;
        }
        open.notify_one();
        read_page(&mut stream).await;
    }

    #[tokio::test]
    async fn a_stop_closes_idle_connections_and_waits_for_answers() {
        let (stop, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, answer) = (Arc::new(Notify::new()), Arc::clone(&open));
        let begun = Arc::clone(&asked);
        let page = get(move || {
            let (begun, answer) = (Arc::clone(&begun), Arc::clone(&answer));
            async move {
                begun.notify_one();
                answer.notified().await;
                "page"
            }
        });
        let stopped = Arc::clone(&stop);
        let stopping = async move { stopped.notified().await };
        let patience = Patience { first_head: LONG, next_head: LONG };
        let serving = tokio::spawn(serve(listener, Router::new().route("/", page), patience, stopping));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        timeout(SOON, asked.notified()).await.unwrap();
        stop.notify_one();
        open.notify_one();
        read_page(&mut stream).await;
        closed(&mut stream).await;
        timeout(SOON, serving).await.unwrap().unwrap();
    }
}
