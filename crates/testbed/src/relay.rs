//! A relay of TCP connections on the loopback interface, which can be cut as a network is: nothing arrives any more, and neither end
//! notices.
//!
//! Connections are still accepted while it is cut, as by a machine that has frozen. What was sent meanwhile arrives when it is
//! mended.

use std::net::Ipv4Addr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

use crate::error::{Error, Result};

/// A relay to one port; it ends with its connections when it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    port: u16,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Starts one to a port of 127.0.0.1. It is cut while `cut` holds true.
    pub(crate) async fn start(target: u16, cut: &watch::Sender<bool>) -> Result<Self> {
        let failed = |source| Error::Io { what: "cannot start a relay".into(), source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, target, cut.subscribe()));
        Ok(Self { port, _tasks: tasks })
    }

    /// The port on 127.0.0.1 that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

async fn serve(listener: TcpListener, target: u16, cut: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(connect(client, target, cut.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection. Both ends see it end when either of them ends it or the target does not listen.
async fn connect(client: TcpStream, target: u16, mut cut: watch::Receiver<bool>) {
    if is_mended(&mut cut).await
        && let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await
    {
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let other = cut.clone();
        tokio::join!(forward(from_client, to_server, cut), forward(from_server, to_client, other));
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut cut: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // A connection that broke ends as one that was closed.
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if !is_mended(&mut cut).await {
            return;
        }
        let written = match buffer.get(..read) {
            Some(bytes) if !bytes.is_empty() => to.write_all(bytes).await,
            _ => return drop(to.shutdown().await),
        };
        if written.is_err() {
            return;
        }
    }
}

/// Waits until the relay is not cut. False when it has ended.
async fn is_mended(cut: &mut watch::Receiver<bool>) -> bool {
    cut.wait_for(|cut| !cut).await.is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_cut_relay_delivers_nothing_until_it_is_mended() {
        let target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let cut = watch::Sender::new(false);
        let relay = Relay::start(target.local_addr().unwrap().port(), &cut).await.unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).await.unwrap();
        let (mut server, _) = target.accept().await.unwrap();
        let mut byte = [0];
        client.write_all(b"a").await.unwrap();
        server.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"a");

        cut.send_replace(true);
        client.write_all(b"b").await.unwrap();
        assert!(timeout(Duration::from_millis(100), server.read_exact(&mut byte)).await.is_err());
        cut.send_replace(false);
        server.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"b");
        drop(client);
        assert_eq!(server.read(&mut byte).await.unwrap(), 0);
    }
}
