//! Which kind of server listens at an address, after a login met something that no server of its engine would say.
//!
//! MySQL and its kin speak first; PostgreSQL answers a request for TLS with one letter. No login is tried, and nothing is sent
//! to a server that speaks first, because MySQL counts broken handshakes and bars a host after too many.

use core::{net::SocketAddr, time::Duration};

use csms_core::rotation::Engine;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a server may take for each of connecting, speaking first and answering.
const WITHIN: Duration = Duration::from_secs(3);

/// The request for TLS of PostgreSQL's protocol: its length, 8, and its code.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Whether a server of another kind than `engine` listens there. `false` also when that cannot be told.
pub(crate) async fn is_of_another_kind(engine: Engine, address: SocketAddr) -> bool {
    let Ok(Ok(mut stream)) = timeout(WITHIN, TcpStream::connect(address)).await else { return false };
    let mut first = [0; 5];
    let speaks_first = matches!(timeout(WITHIN, stream.read_exact(&mut first)).await, Ok(Ok(_)));
    match engine {
        Engine::PostgreSql => speaks_first && is_mysql(&first),
        Engine::MySql | Engine::MariaDb => !speaks_first && is_postgresql(&mut stream).await,
    }
}

/// The head of a first packet, then version 10 of the protocol or the mark of an error.
fn is_mysql(first: &[u8; 5]) -> bool {
    matches!(first, [_, _, 0, 0, 10 | 255])
}

async fn is_postgresql(stream: &mut TcpStream) -> bool {
    let mut letter = [0];
    let answer = async {
        stream.write_all(&TLS_REQUEST).await?;
        stream.read_exact(&mut letter).await
    };
    matches!(timeout(WITHIN, answer).await, Ok(Ok(_))) && matches!(letter, [b'S' | b'N'])
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that says this by itself, and then this to whatever it is sent.
    async fn server(first: &'static [u8], then: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(first).await.unwrap();
                let mut request = [0; 64];
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(then).await;
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn servers_are_told_apart_by_who_speaks_first() {
        let mysql = server(b"\x4a\0\0\0\x0a9.7.4\0", b"").await;
        let postgresql = server(b"", b"N").await;
        let mail = server(b"220 mail.example ESMTP\r\n", b"").await;
        for (engine, address, is_other) in [
            (Engine::PostgreSql, mysql, true),
            (Engine::MySql, mysql, false),
            (Engine::PostgreSql, postgresql, false),
            (Engine::MariaDb, postgresql, true),
            (Engine::PostgreSql, mail, false),
            (Engine::MySql, mail, false),
        ] {
            assert_eq!(is_of_another_kind(engine, address).await, is_other, "{engine} {address}");
        }
    }
}
