//! A session with a server of the MySQL family, the only way to a connection for the modules beside this one.
//!
//! Every session begins with [`statement::SESSION`], so that no setting of the server for new sessions (a global variable,
//! `init_connect`) changes what a statement means or what its result leaves out. A row that cannot be read is an error: the
//! driver's own conversions panic.

use core::{convert::Infallible, future::poll_fn, net::SocketAddr, task::Poll, time::Duration};
use std::{
    io::{self, ErrorKind},
    panic::{AssertUnwindSafe, catch_unwind},
};

use csms_core::rotation::{Account, Login, Tls, Trust};
use mysql_async::{
    ClientIdentity, Conn, DriverError, Error, Opts, OptsBuilder, Row, SslOpts, from_row_opt,
    prelude::{FromRow, Queryable},
};
use tokio::time::{sleep, timeout};

use super::statement;
use crate::{kept::Kept, tls};

/// How often a login is tried again that was refused for the number of connections, and the pause before each.
const RECOUNTS: usize = 10;
const RECOUNT_PAUSE: Duration = Duration::from_millis(100);

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the driver would ask the server for on every connection: the longest packet and the idle time, its own defaults.
const MAX_ALLOWED_PACKET: usize = 4 * 1024 * 1024;
const WAIT_TIMEOUT: usize = 28_800;

/// How long a question may take that waits for another session's lock, and how long it may take to end it.
const PATIENCE: Duration = Duration::from_secs(3);

/// A session that is logged in.
pub(super) struct Session {
    conn: Conn,
    account: Account,
    address: SocketAddr,
}

impl Session {
    /// Logs in. A server counts a connection until it has cleaned up behind it, so an account that may have one at a time
    /// is asked for again for a moment: the last connection may have been ours.
    pub(super) async fn open(account: &Account, address: SocketAddr) -> Result<Self, Error> {
        for _ in 0..RECOUNTS {
            match connect(account, address).await {
                Err(Error::Server(server)) if is_limit_of_connections(server.code, &server.message) => {
                    sleep(RECOUNT_PAUSE).await;
                }
                connected => return connected.map(|conn| Self::new(conn, account, address)),
            }
        }
        connect(account, address).await.map(|conn| Self::new(conn, account, address))
    }

    fn new(conn: Conn, account: &Account, address: SocketAddr) -> Self {
        Self { conn, account: account.clone(), address }
    }

    /// Whether the server that knows this session by a number (`CONNECTION_ID()`) is the one that has greeted it. A proxy that
    /// logs clients in by itself has numbers of its own; one that passes bytes on has none.
    pub(super) fn is_greeted_as(&self, number: u64) -> bool {
        is_in_greeting(number, self.conn.id())
    }

    /// Runs a statement whose result nobody reads.
    pub(super) async fn execute(&mut self, sql: &str) -> Result<(), Error> {
        self.conn.query_drop(sql).await
    }

    /// All rows of a result.
    pub(super) async fn rows<T: FromRow>(&mut self, sql: &str) -> Result<Vec<T>, Error> {
        let rows: Vec<Row> = self.conn.query(sql).await?;
        rows.into_iter().map(read).collect()
    }

    /// The first row of a result, if there is one.
    pub(super) async fn first<T: FromRow>(&mut self, sql: &str) -> Result<Option<T>, Error> {
        let row: Option<Row> = self.conn.query_first(sql).await?;
        row.map(read).transpose()
    }

    /// The same for a statement that may wait for a lock without end, whatever the session's limits say (`SHOW CREATE USER` of MySQL
    /// while another session's transaction holds `mysql.user`).
    pub(super) async fn first_in_time<T: FromRow>(&mut self, sql: &str) -> Result<Option<T>, Error> {
        let Ok(found) = timeout(PATIENCE, self.first(sql)).await else {
            let _ = timeout(PATIENCE, self.kill()).await;
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        };
        found
    }

    /// Ends this session through another one of the same account, since the server would go on with its statement. The numbers of a
    /// proxy are none of the server's, and a greeting has room for short ones alone.
    async fn kill(&self) -> Result<(), Error> {
        let mut other = Self::open(&self.account, self.address).await?;
        let number: u64 = other.first("SELECT CONNECTION_ID()").await?.unwrap_or_default();
        if u32::try_from(number) == Ok(other.conn.id()) {
            other.execute(&format!("KILL {}", self.conn.id())).await?;
        }
        other.close().await;
        Ok(())
    }

    /// Leaves. What was asked has been answered, so a farewell that fails changes nothing.
    pub(super) async fn close(self) {
        let _ = timeout(FAREWELL, self.conn.disconnect()).await;
    }
}

/// The row itself is left out of the error: it may hold a hash.
fn read<T: FromRow>(row: Row) -> Result<T, Error> {
    from_row_opt(row).map_err(|_| Error::Other("a row of another form than the statement's".into()))
}

/// Whether the account has as many connections at the same time as it may have. Limits per hour have the first code, too.
fn is_limit_of_connections(code: u16, message: &str) -> bool {
    matches!(code, 1203 | 1226) && message.contains("max_user_connections")
}

/// A greeting has room for the low half of a number.
fn is_in_greeting(number: u64, greeted: u32) -> bool {
    number & u64::from(u32::MAX) == u64::from(greeted)
}

async fn connect(account: &Account, address: SocketAddr) -> Result<Conn, Error> {
    let login = account.login();
    let options = match account.tls() {
        Tls::Disable => OptsBuilder::default(),
        Tls::Verify(trust) => with_tls(login, trust),
    };
    // No database is named: accounts belong to none, and one that is missing would look like a failed login.
    let options = options
        .ip_or_hostname(address.ip().to_string())
        .tcp_port(address.port())
        .user(Some(login.username.clone()))
        .pass(Some(account.password().to_owned()))
        .prefer_socket(false)
        .stmt_cache_size(0)
        .max_allowed_packet(Some(MAX_ALLOWED_PACKET))
        .wait_timeout(Some(WAIT_TIMEOUT))
        .init(vec![statement::SESSION]);
    let mut conn = Conn::new(options);
    // The driver panics when a server asks for a login it was built without (ed25519, parsec).
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| conn.as_mut().poll(context))).unwrap_or_else(|_| {
            Poll::Ready(Err(DriverError::UnknownAuthPlugin { name: "client_ed25519 or parsec".to_owned() }.into()))
        })
    })
    .await
}

/// A name that no certificate carries. The driver lets a certificate without the right name pass when it is told to and the
/// text of the failure has this word; rustls puts the expected name into that text, and has checked the chain before.
const ANY_NAME: &str = "NotValidForName.invalid";

/// Options with TLS. What comes of the certificates in them is part of them and of their copies, once a connection has needed it.
fn with_tls(login: &Login, trust: &Trust) -> OptsBuilder {
    static KEPT: Kept<Opts> = Kept::new();
    let server = login.rotation_address();
    let make = || Ok::<_, Infallible>(OptsBuilder::default().ssl_opts(tls_options(trust, server.0)).into());
    let Ok(options) = KEPT.get(server, trust, make);
    OptsBuilder::from_opts(options)
}

fn tls_options(trust: &Trust, host: &str) -> SslOpts {
    // The driver builds its configuration from these, with the provider of the process.
    tls::choose_provider();
    let own = trust.ca.as_ref().map(|pem| pem.as_bytes().to_vec().into());
    let identity = trust.identity.as_ref().map(|identity| {
        ClientIdentity::new(identity.certificate.as_bytes().to_vec().into(), identity.key.as_bytes().to_vec().into())
    });
    let name = if trust.any_name { ANY_NAME } else { trust.server_name.as_deref().unwrap_or(host) };
    SslOpts::default()
        .with_root_certs(own.into_iter().collect())
        .with_client_identity(identity)
        .with_danger_skip_domain_validation(trust.any_name)
        .with_danger_tls_hostname_override(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_holds_the_low_half_of_the_number_of_a_connection() {
        assert!(is_in_greeting(7, 7));
        assert!(is_in_greeting(0x1_0000_0007, 7));
        assert!(!is_in_greeting(7, 8));
        assert!(!is_in_greeting(0x7_0000_0000, 7));
    }
}
