//! Strangers: many connections that prove nothing and only cost the server something, each kind in its own way.
//!
//! They come from addresses in 127.0.1.0/24, so that a probe from 127.0.0.1 is another peer. What the server does with them is
//! not judged here.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// How long a stranger whose connection ended waits before the next one.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// How long a connection that does nothing is held if the server does not close it.
const HOLD: Duration = Duration::from_secs(300);

/// Requests that one connection pipelines without reading an answer.
const PIPELINED: usize = 60;

/// In which way a connection costs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sends a head byte by byte.
    SlowHead,
    /// Sends the body of a login byte by byte.
    SlowBody,
    /// Pipelines requests and reads no answer.
    NeverReading,
    /// Sends nothing.
    Idle,
    /// Sends a whole login and resets the connection.
    AbortedLogin,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::SlowHead, Self::SlowBody, Self::NeverReading, Self::Idle, Self::AbortedLogin];

    /// What reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowHead => "slow head",
            Self::SlowBody => "slow body",
            Self::NeverReading => "never reading",
            Self::Idle => "idle",
            Self::AbortedLogin => "aborted logins",
        }
    }
}

/// Active strangers; they leave when this is dropped.
#[derive(Debug)]
pub struct Strangers {
    connected: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Strangers {
    /// Lets `each` connections of every kind of `kinds` loose on a server, and raises this process's limit of open files,
    /// since each needs one. A connection that ends is made again after a second.
    pub fn start(server: SocketAddr, kinds: &[Kind], each: usize) -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // If that is not permitted, fewer connections succeed, which `connected` shows.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let connected = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for kind in kinds.iter().copied() {
            for number in 0..each {
                let connected = Arc::clone(&connected);
                tasks.spawn(async move {
                    loop {
                        // A refused or broken connection is what the server may do to strangers.
                        if let Ok(stream) = connect(server, number).await {
                            connected.fetch_add(1, Ordering::Relaxed);
                            let _ = cost(kind, stream).await;
                        }
                        sleep(RECONNECT_DELAY).await;
                    }
                });
            }
        }
        Self { connected, _tasks: tasks }
    }

    /// Connections that were made so far.
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }
}

async fn connect(server: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let host = u8::try_from(number % 254).unwrap_or(0).saturating_add(1);
    socket.bind(SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, host), 0).into())?;
    // So that answers that nobody reads soon wait in the server.
    socket.set_recv_buffer_size(4096)?;
    socket.connect(server).await
}

/// Does what a kind does until the server ends it.
async fn cost(kind: Kind, mut stream: TcpStream) -> std::io::Result<()> {
    match kind {
        Kind::SlowHead => {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await?;
            drip(stream).await
        }
        Kind::SlowBody => {
            stream
                .write_all(b"POST /v3/auth/tokens HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10000\r\n\r\n")
                .await?;
            drip(stream).await
        }
        Kind::NeverReading => {
            let request = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(PIPELINED);
            stream.write_all(&request).await?;
            // Whether the server has closed it can be seen without reading only when something is written.
            drip(stream).await
        }
        Kind::Idle => {
            let _ = tokio::time::timeout(HOLD, stream.read(&mut [0; 1])).await;
            Ok(())
        }
        Kind::AbortedLogin => {
            let body = br#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","password":"guess"}}}}}"#;
            let length = body.len();
            let head = format!("POST /v3/auth/tokens HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(&[head.as_bytes(), body].concat()).await?;
            sleep(Duration::from_millis(5)).await;
            stream.set_zero_linger()
        }
    }
}

/// A byte now and then, until the other side has had enough.
async fn drip(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        sleep(Duration::from_secs(2)).await;
        stream.write_all(b"x").await?;
    }
}
