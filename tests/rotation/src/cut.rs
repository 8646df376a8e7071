//! A way to a port of 127.0.0.1 that hears the server's answer to the client's n-th packet and keeps it: what a client
//! meets that is killed, or cut off, between a statement and its answer.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// Such a way. It ends with this.
#[derive(Debug)]
pub struct Cut {
    port: u16,
    packets: Arc<AtomicUsize>,
    reached: Arc<Notify>,
    work: JoinHandle<()>,
}

impl Cut {
    /// A way to `port` whose answer to the packet with this number, counted over all connections from 1 on, is kept.
    pub async fn at(port: u16, number: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("its number").port();
        let (packets, reached) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, notified) = (Arc::clone(&packets), Arc::clone(&reached));
        let work = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                tokio::spawn(pass(from, port, number, Arc::clone(&counted), Arc::clone(&notified)));
            }
        });
        Self { port: own, packets, reached, work }
    }

    /// Its own port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the answer was kept.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// How many packets of clients have come through.
    #[must_use]
    pub fn packets(&self) -> usize {
        self.packets.load(Ordering::SeqCst)
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.work.abort();
    }
}

async fn pass(mut from: TcpStream, port: u16, number: usize, packets: Arc<AtomicUsize>, reached: Arc<Notify>) {
    let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (mut asked, mut answered) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut keeps = false;
    loop {
        tokio::select! {
            read = from.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                keeps = packets.fetch_add(1, Ordering::SeqCst) + 1 == number;
                if to.write_all(&asked[..length]).await.is_err() {
                    return;
                }
            }
            read = to.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if keeps {
                    reached.notify_one();
                    return;
                }
                if from.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
