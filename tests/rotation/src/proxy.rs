//! A scripted stand-in for a proxy of the MySQL family that logs clients in by itself, as ProxySQL and RDS Proxy do: it greets them
//! with a connection number of its own. No package of such a proxy is in the archive.
//!
//! It keeps no list of passwords: all else is passed on to a real server.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The version of the protocol at the head of a greeting; an error has another byte there.
const GREETING: u8 = 10;

/// A port that greets for a server. It ends with this.
#[derive(Debug)]
pub struct GreetingProxy {
    port: u16,
    work: JoinHandle<()>,
}

impl GreetingProxy {
    /// A proxy before the server at this port of 127.0.0.1.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("its number").port();
        let work = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, port));
            }
        });
        Self { port: own, work }
    }

    /// Its own port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for GreetingProxy {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// Serves one connection until either end closes it.
async fn serve(mut client: TcpStream, port: u16) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut head = [0; 4];
    server.read_exact(&mut head).await?;
    let [low, middle, high, _] = head;
    let mut greeting = vec![0; u32::from_le_bytes([low, middle, high, 0]) as usize];
    server.read_exact(&mut greeting).await?;
    renumber(&mut greeting);
    client.write_all(&head).await?;
    client.write_all(&greeting).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// Puts another number in the place of the connection's: after the byte of the protocol and the server's version, which ends at a
/// zero byte.
fn renumber(greeting: &mut [u8]) {
    let end = greeting.iter().position(|byte| *byte == 0);
    if let (Some(&GREETING), Some(end)) = (greeting.first(), end)
        && let Some(number) = greeting.get_mut(end + 1)
    {
        *number ^= 0x55;
    }
}
