//! The loopback listener of one instance, open to processes of this user only.
//!
//! The runtime API has no authentication, and events carry credentials. Any user of the machine can connect to a
//! loopback port, so the system is asked who owns the other end of each connection. Where the system does not tell
//! (no `/proc`), every local connection is accepted.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
};

use rustix::process::geteuid;
use tokio::net::{TcpListener, TcpStream};

/// Where Linux lists the IPv4 sockets of this network namespace with their owners.
const SOCKETS: &str = "/proc/self/net/tcp";

/// Accepts connections whose other end belongs to this user.
pub(super) struct OwnUserListener {
    listener: TcpListener,
}

impl OwnUserListener {
    /// Binds a free port of 127.0.0.1.
    pub(super) async fn bind() -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await? })
    }
}

impl axum::serve::Listener for OwnUserListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (stream, peer) = axum::serve::Listener::accept(&mut self.listener).await;
            let sockets = fs::read_to_string(SOCKETS);
            let foreign = sockets.is_ok_and(|sockets| owner_of(&sockets, peer) != Some(geteuid().as_raw()));
            if foreign {
                tracing::warn!(%peer, "connection of another user to a runtime API refused");
                continue;
            }
            return (stream, peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The user id in the line of the socket whose own address is `address`.
///
/// Addresses are written as the bytes of the IPv4 address in memory order, read as one native number, and the port,
/// both in hexadecimal (proc(5)). Fields: number, local address, remote address, state, queues, timer, retransmits,
/// user id.
fn owner_of(sockets: &str, address: SocketAddr) -> Option<u32> {
    let SocketAddr::V4(address) = address else { return None };
    let written = format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    sockets.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        (fields.nth(1)? == written).then(|| fields.nth(5)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener;

    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_owner_is_read_from_the_list_of_sockets() {
        let sockets = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 9276 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 9277 1 0 20 4 30 10 -1
";
        assert_eq!(owner_of(sockets, ([127, 0, 0, 1], 0xD431).into()), Some(1001));
        assert_eq!(owner_of(sockets, ([127, 0, 0, 1], 0x1F90).into()), Some(1003));
        assert_eq!(owner_of(sockets, ([127, 0, 0, 1], 1).into()), None);
    }

    #[tokio::test]
    async fn a_connection_of_this_user_is_accepted() {
        let mut listener = OwnUserListener::bind().await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_stream, peer) = listener.accept().await;
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(owner_of(&fs::read_to_string(SOCKETS).unwrap(), peer), Some(geteuid().as_raw()));
    }
}
