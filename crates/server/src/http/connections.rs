//! Accepts connections, serves HTTP/1.1 on each, and closes idle ones when there are too many.
//!
//! It knows nothing of what requests mean. A client must send a whole header in time and read its response at a minimum pace. At
//! the limit, unauthenticated connections are closed first.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Request, Response, header},
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tower::{Service, ServiceExt as _};

pub use super::table::ConnectionLimits;
use super::{
    half_closed::HalfClosed,
    paced::{HeadMeter, InRequest, Paced},
    peers::{TrustedProxies, read_proxy_header},
    table::{ActiveRequest, Admitted, Table},
    tls::Tls,
};
use crate::{
    gate::{
        body::MeteredBody,
        limits::{Room, Standing},
        pace::Pace,
    },
    request::{Peer, Secure},
};

/// How long to wait after a failed accept; out of file descriptors, the next one fails at once too.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Most bytes of a connection that wait to be read or written: a head has to fit.
const MAX_BUFFER: usize = 64 * 1024;

/// How long clients may take for heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionTimeouts {
    /// From the connection to the end of the first request's head, a TLS handshake included.
    pub header: Duration,
    /// From an answer to the end of the next request's head, so also how long a connection may be idle. Proxies that keep
    /// connections open should close theirs a little earlier.
    pub keep_alive: Duration,
}

impl Default for ConnectionTimeouts {
    fn default() -> Self {
        Self { header: Duration::from_secs(10), keep_alive: Duration::from_secs(75) }
    }
}

/// What holds for all connections.
#[derive(Clone, Debug, Default)]
pub struct ConnectionSettings {
    /// How long clients may take for heads.
    pub timeouts: ConnectionTimeouts,
    /// How many connections there may be.
    pub limits: ConnectionLimits,
    /// The slowest body and answer that are waited for.
    pub pace: Pace,
    /// Room for bodies whose senders have proven nothing.
    pub room: Arc<Room>,
    /// Proxies that are believed.
    pub proxies: TrustedProxies,
    /// TLS; without it the port speaks clear text.
    pub tls: Option<Arc<Tls>>,
}

/// What answers the requests: the routes of the server.
pub trait Answers:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<T> Answers for T where
    T: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Serves until `stop` is done, then closes idle connections and returns when the others have had their answers.
pub async fn serve(
    listener: TcpListener,
    router: impl Answers,
    settings: ConnectionSettings,
    stop: impl Future<Output = ()>,
) {
    let connections = GracefulShutdown::new();
    let table = Arc::new(Table::new(settings.limits));
    let settings = Arc::new(settings);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let address = canonical(address);
                let peer = (!settings.proxies.contains(address)).then(|| Peer(address).network());
                let Some(admitted) = table.admit(peer) else {
                    tracing::debug!("a connection was refused: all others are in use");
                    continue;
                };
                let accepted = Accepted { stream, address, admitted };
                tokio::spawn(serve_connection(accepted, router.clone(), Arc::clone(&settings), connections.watcher()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                table.evict_for_resources();
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// The address as IPv4 if that is what an IPv6 socket shows.
fn canonical(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

/// A connection that has a place in the table.
struct Accepted {
    stream: TcpStream,
    address: IpAddr,
    admitted: Admitted,
}

/// Serves one connection until it ends or has to make room.
async fn serve_connection(
    accepted: Accepted,
    router: impl Answers,
    settings: Arc<ConnectionSettings>,
    watcher: Watcher,
) {
    let Accepted { stream, address, admitted } = accepted;
    tokio::select! {
        ended = open(stream, address, &admitted, router, &settings, watcher) => {
            if let Err(error) = ended {
                tracing::debug!(error, "a connection broke off");
            }
        }
        () = admitted.evicted() => tracing::debug!("a connection was closed to make room"),
    }
}

/// Reads what comes before HTTP, within the time of the first head, and serves HTTP.
async fn open(
    stream: TcpStream,
    address: IpAddr,
    admitted: &Admitted,
    router: impl Answers,
    settings: &ConnectionSettings,
    watcher: Watcher,
) -> Result<(), String> {
    let deadline = tokio::time::Instant::now() + settings.timeouts.header;
    // Answers are small and complete: waiting to fill packets only delays them.
    let _ = stream.set_nodelay(true);
    let via_proxy = settings.proxies.contains(address);
    let counted = (!via_proxy).then(|| Peer(address).network());
    let heads = Arc::new(HeadMeter::new(settings.room.reservation(counted)));
    let mut stream = Paced::new(stream, settings.pace, Arc::clone(&heads));
    let mut connection = Connection { address, via_proxy, encrypted: false, deadline };
    if connection.via_proxy && settings.proxies.proxy_protocol {
        let header = tokio::time::timeout_at(deadline, read_proxy_header(&mut stream)).await;
        if let Some(client) = header.map_err(|_| "no PROXY header in time")?.map_err(|error| error.to_string())? {
            connection.address = client;
            connection.via_proxy = settings.proxies.contains(client);
            if !connection.via_proxy && !admitted.identify(Peer(client).network()) {
                return Err("its client has too many connections".to_owned());
            }
        }
    }
    match &settings.tls {
        None => serve_http(stream, connection, (admitted, &heads), router, settings, watcher).await,
        Some(tls) => {
            let accepting = tokio::time::timeout_at(deadline, tls.acceptor().accept(stream)).await;
            let stream = accepting.map_err(|_| "no TLS handshake in time")?.map_err(|error| error.to_string())?;
            connection.encrypted = true;
            // In a box, so that connections without TLS are not as large as those with it.
            Box::pin(serve_http(stream, connection, (admitted, &heads), router, settings, watcher)).await
        }
    }
}

/// What is known of a connection before its first request.
#[derive(Clone, Copy)]
struct Connection {
    address: IpAddr,
    /// Whether a trusted proxy is at the other end.
    via_proxy: bool,
    encrypted: bool,
    /// When the first head must be there.
    deadline: tokio::time::Instant,
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    at: Connection,
    (admitted, heads): (&Admitted, &Arc<HeadMeter>),
    router: impl Answers,
    settings: &ConnectionSettings,
    watcher: Watcher,
) -> Result<(), String> {
    let service = service_fn(move |request: Request<Incoming>| {
        let (active, in_request) = (admitted.begin_request(), heads.begin_request());
        let (peer, secure) = if at.via_proxy {
            let (proxies, headers) = (&settings.proxies, request.headers());
            (proxies.peer(at.address, headers), proxies.reports_tls(at.address, headers).unwrap_or(at.encrypted))
        } else {
            (at.address, at.encrypted)
        };
        let peer = Peer(peer);
        let standing =
            Standing::new(settings.room.reservation(Some(peer.network())), heads.body_end(), active.on_proof());
        let (of_body, of_answer) = (standing.clone(), standing.clone());
        let mut request = request.map(|body| Body::new(MeteredBody::new(body, settings.pace, of_body)));
        let extensions = request.extensions_mut();
        extensions.insert(peer);
        extensions.insert(Secure(secure));
        extensions.insert(standing);
        let answer = router.clone().oneshot(request);
        let heads = Arc::clone(heads);
        async move {
            let mut answer = answer.await.unwrap_or_else(|never| match never {});
            if !of_answer.has_body_ended() {
                // The rest of the body is not waited for.
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                heads.refuse_body();
            }
            Ok::<Response<ActiveBody>, Infallible>(
                answer.map(|body| ActiveBody { body, _active: (active, in_request) }),
            )
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(settings.timeouts.keep_alive).max_buf_size(MAX_BUFFER);
    let stream = TokioIo::new(HalfClosed::new(stream, Arc::clone(heads)));
    let connection = watcher.watch(builder.serve_connection(stream, service));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = tokio::time::sleep_until(at.deadline) => {
            if !admitted.has_asked() {
                return Err("no request in time".to_owned());
            }
            connection.await
        }
    };
    ended.map_err(|error| error.to_string())
}

/// The body of an answer. Its request is active until it has been taken.
struct ActiveBody {
    body: Body,
    _active: (ActiveRequest, InRequest),
}

impl HttpBody for ActiveBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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

    use axum::Router;

    use super::*;

    /// Bounds that a test reaches at once, and so far apart that it is seen which of the two it was.
    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(600);

    /// Longest wait for something that takes a moment.
    const TIMEOUT: Duration = Duration::from_secs(60);

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

    fn settings(timeouts: ConnectionTimeouts) -> ConnectionSettings {
        ConnectionSettings { timeouts, ..ConnectionSettings::default() }
    }

    /// A server of one page that says `page` once `open` is notified.
    async fn server(timeouts: ConnectionTimeouts, open: Arc<Notify>) -> (SocketAddr, JoinHandle<()>) {
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
        (address, tokio::spawn(serve(listener, router, settings(timeouts), std::future::pending())))
    }

    async fn read_page(stream: &mut TcpStream) {
        let mut read = Vec::new();
        while !read.ends_with(b"page") {
            let mut part = [0; 1024];
            let count = timeout(TIMEOUT, stream.read(&mut part)).await.unwrap().unwrap();
            assert_ne!(count, 0, "closed before the answer: {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&part[..count]);
        }
    }

    /// Reads until the server has closed the connection.
    async fn closed(stream: &mut TcpStream) {
        let mut rest = Vec::new();
        // A reset closes it too.
        let _ = timeout(TIMEOUT, stream.read_to_end(&mut rest)).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_without_a_request_is_closed() {
        let (address, _) = server(ConnectionTimeouts { header: SHORT, keep_alive: LONG }, Arc::default()).await;
        closed(&mut TcpStream::connect(address).await.unwrap()).await;
    }

    #[tokio::test]
    async fn a_head_that_arrives_byte_by_byte_is_cut_off() {
        let (address, _) = server(ConnectionTimeouts { header: SHORT, keep_alive: LONG }, Arc::default()).await;
        let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
        let dripping = tokio::spawn(async move {
            while to.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        });
        let _ = timeout(TIMEOUT, from.read_to_end(&mut Vec::new())).await.unwrap();
        timeout(TIMEOUT, dripping).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_is_idle_after_an_answer_is_closed() {
        let open = Arc::new(Notify::new());
        open.notify_one();
        let (address, _) = server(ConnectionTimeouts { header: LONG, keep_alive: SHORT }, open).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        read_page(&mut stream).await;
        closed(&mut stream).await;
    }

    #[tokio::test]
    async fn a_request_that_takes_its_time_is_answered() {
        let open = Arc::new(Notify::new());
        let (address, _) = server(ConnectionTimeouts { header: SHORT, keep_alive: SHORT }, Arc::clone(&open)).await;
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
        let timeouts = ConnectionTimeouts { header: LONG, keep_alive: LONG };
        let serving = tokio::spawn(serve(listener, Router::new().route("/", page), settings(timeouts), stopping));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        timeout(TIMEOUT, asked.notified()).await.unwrap();
        stop.notify_one();
        open.notify_one();
        read_page(&mut stream).await;
        closed(&mut stream).await;
        timeout(TIMEOUT, serving).await.unwrap().unwrap();
    }
}
