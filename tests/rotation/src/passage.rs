//! A way to a port of 127.0.0.1 that can be closed or made to answer nothing, for one client of a shared database.
//!
//! What is sent while it is silent never arrives. The testbed's relay between the members of a cluster delivers it later, as a mended
//! network does; here a statement that came late would change a password that the test has looked at already.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They are passed on.
    Open,
    /// They are closed at once, those that there are too.
    Closed,
    /// They are accepted, and nothing is answered; those that there are stand still for good.
    Silent,
}

/// A port that passes connections on. It ends with this.
#[derive(Debug)]
pub struct Passage {
    port: u16,
    state: Arc<watch::Sender<State>>,
    work: JoinHandle<()>,
}

impl Passage {
    /// An open passage to `port`.
    pub async fn to(port: u16) -> Self {
        Self::from_address("127.0.0.1", port).await
    }

    /// An open passage whose connections come to the server from this address of the loopback network.
    pub async fn from_address(address: &str, port: u16) -> Self {
        let source: IpAddr = address.parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("its number").port();
        let state = Arc::new(watch::Sender::new(State::Open));
        let watched = Arc::clone(&state);
        let work = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                tokio::spawn(pass(from, source, port, watched.subscribe()));
            }
        });
        Self { port: own, state, work }
    }

    /// Its own port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What becomes of connections from now on.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// What becomes of connections now.
    #[must_use]
    pub fn state(&self) -> State {
        *self.state.borrow()
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.work.abort();
    }
}

async fn pass(mut from: TcpStream, source: IpAddr, port: u16, mut state: watch::Receiver<State>) {
    if *state.borrow_and_update() == State::Open {
        let connect = async || {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(source, 0))?;
            socket.connect(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port)).await
        };
        let Ok(mut to) = connect().await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut from, &mut to) => return,
            _ = state.wait_for(|state| *state != State::Open) => {}
        }
    }
    // Silent: the connection is kept until somebody opens or closes the passage.
    let _ = state.wait_for(|state| *state != State::Silent).await;
}
