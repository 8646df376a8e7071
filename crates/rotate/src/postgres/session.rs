//! One session with a PostgreSQL server: how it begins, and the only way to ask something in it. What is asked, and what
//! answers mean, is not its business.
//!
//! Owners of databases and roles choose settings for sessions (`ALTER DATABASE … SET`, `ALTER ROLE … SET`). A search path that
//! puts functions or operators of theirs before the server's own would run them with the rights of an administrator. So the
//! settings are undone twice, by options of the login and by the first statements of a transaction, before anything else is
//! asked, and statements qualify the names of what they use. A pooler may drop the options; settings of a transaction end with
//! it, since a pooler may give the session to somebody else afterwards.

use core::{
    pin::Pin,
    sync::atomic::{AtomicI32, Ordering},
    task::{Context, Poll},
    time::Duration,
};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
};

use csms_core::rotation::{Account, Login, Message, Tls, Trust, message::connection, plan::Cause};
use rustls::client::Resumption;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_postgres::{
    Client, Config, Error, NoTls, SimpleQueryMessage,
    config::SslMode,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{kept::Kept, tls};

/// Where to go when the value names no database. Every server has this one, and roles belong to no database.
pub(super) const DEFAULT_DATABASE: &str = "postgres";

/// The first version with `idle_session_timeout`.
const IDLE_SESSION_TIMEOUT: u32 = 14;

/// The first version with `log_min_duration_sample`.
const DURATION_SAMPLE: u32 = 13;

/// The first version with `transaction_timeout`.
const TRANSACTION_TIMEOUT: u32 = 17;

/// The columns of a row.
pub(super) type Row = Vec<Option<String>>;

/// Why a session did not do what it was to do.
pub(super) enum Failed {
    /// No connection, or none that the account's settings allow; nothing was asked of the server.
    Before(Cause, Option<Message>),
    /// The server has not let the session in, or the driver failed by then.
    Login(Error),
    /// A statement failed, or the connection broke after the login.
    Statement(Error),
    /// There was no answer in time, to the login or to what was asked after it.
    Silent { is_logged_in: bool },
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To read.
    Look,
    /// To change something.
    Change,
}

/// How a server has asked for the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// By MD5, which it does only where it keeps an MD5 hash.
    Md5,
    /// By SCRAM, which it does only where it keeps a SCRAM verifier.
    Scram,
    /// By something that does not show how it keeps the password.
    Other,
}

/// A session in a transaction with the settings of this module.
pub(super) struct Session<'a> {
    client: &'a Client,
    /// The own address of the connection.
    pub(super) own: SocketAddr,
    /// How the server has asked for the password.
    pub(super) exchange: Exchange,
    /// The main number of the server's version.
    pub(super) version: u32,
}

impl Session<'_> {
    /// Runs statements and returns all rows.
    pub(super) async fn rows(&self, statements: &str) -> Result<Vec<Row>, Error> {
        rows(self.client, statements).await
    }

    /// Runs statements and returns the first row; an empty one when there is none.
    pub(super) async fn first_row(&self, statements: &str) -> Result<Row, Error> {
        Ok(first(self.rows(statements).await?))
    }

    /// Runs a statement and ends the transaction, in one message.
    pub(super) async fn commit(&self, statement: &str) -> Result<(), Error> {
        self.client.batch_execute(&format!("{statement}; COMMIT")).await
    }

    /// As [`Session::commit`], as a superuser, and without a trace of the statement in the server's log. What a server logs by the
    /// time that a message took, it decides at the message's end, so that the transaction's settings have to last longer.
    pub(super) async fn commit_unlogged(&self, statement: &str) -> Result<(), Error> {
        self.client.batch_execute(&unlogged(self.version)).await?;
        self.client.batch_execute(statement).await?;
        self.client.batch_execute("COMMIT").await
    }
}

/// The first of some rows; an empty one when there is none.
pub(super) fn first(rows: Vec<Row>) -> Row {
    rows.into_iter().next().unwrap_or_default()
}

async fn rows(client: &Client, statements: &str) -> Result<Vec<Row>, Error> {
    let messages = client.simple_query(statements).await?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    });
    Ok(rows.collect())
}

/// Options of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Startup {
    /// Those that every supported version knows.
    Usual,
    /// Besides, no limit on idle sessions and transactions, as far as this version knows them.
    Patient(u32),
    /// None: a pooler refuses them.
    Bare,
}

impl Startup {
    /// Settings by the client win over those of the database and the role, from the first statement on.
    fn options(self, limit: Duration) -> Option<String> {
        let millis = millis(limit);
        let usual = format!(
            "-c search_path=pg_catalog,pg_temp -c role=none -c default_transaction_read_only=off \
             -c default_transaction_deferrable=off -c statement_timeout={millis} -c lock_timeout={millis} \
             -c idle_in_transaction_session_timeout={millis}"
        );
        match self {
            Self::Bare => None,
            Self::Usual => Some(usual),
            Self::Patient(version) => {
                let idle = if version >= IDLE_SESSION_TIMEOUT { " -c idle_session_timeout=0" } else { "" };
                let long = if version >= TRANSACTION_TIMEOUT { " -c transaction_timeout=0" } else { "" };
                Some(format!("{usual}{idle}{long}"))
            }
        }
    }

    /// What is worth another try after this failure, if anything is.
    fn after(self, failed: &Failed, version: u32) -> Option<Self> {
        match failed {
            Failed::Login(error) if self != Self::Bare && refuses_options(error) => Some(Self::Bare),
            Failed::Statement(error) if self == Self::Usual && ends_what_is_idle(error) => Some(Self::Patient(version)),
            _ => None,
        }
    }
}

/// Whether a pooler refuses the options themselves (`unsupported startup parameter: options`).
fn refuses_options(error: &Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        matches!(refusal.code().code(), "08P01" | "0A000") && refusal.message().contains("options")
    })
}

/// Whether the server has ended the session by a limit that only some versions have (`idle_session_timeout`,
/// `transaction_timeout`).
fn ends_what_is_idle(error: &Error) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "57P05" | "25P04"))
}

fn millis(limit: Duration) -> u128 {
    limit.as_millis().max(1)
}

/// Opens the transaction in which everything is asked, with the settings of this module.
fn begin(purpose: Purpose, limit: Duration, version: u32) -> String {
    let mode = if purpose == Purpose::Change { "READ WRITE" } else { "READ ONLY" };
    let long = if version >= TRANSACTION_TIMEOUT { "SET LOCAL transaction_timeout = 0; " } else { "" };
    let millis = millis(limit);
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED {mode}; {long}SET LOCAL search_path = pg_catalog, pg_temp; \
         SET LOCAL ROLE NONE; SET LOCAL statement_timeout = {millis}; SET LOCAL lock_timeout = {millis}; \
         SET LOCAL idle_in_transaction_session_timeout = {millis}; SET LOCAL quote_all_identifiers = off; "
    )
}

/// Switches off what writes statements down, until the end of the transaction.
fn unlogged(version: u32) -> String {
    let sample = if version >= DURATION_SAMPLE { "SET LOCAL log_min_duration_sample = -1; " } else { "" };
    format!(
        "SET LOCAL log_statement = none; SET LOCAL log_min_duration_statement = -1; {sample}\
         SET LOCAL log_min_error_statement = panic; SET LOCAL pg_stat_statements.track_utility = off"
    )
}

/// Logs in at one address, asks what `first` says for this main version of the server, and does `work` with what came of it.
/// Statements end after `limit`; the transaction ends with the connection unless
/// `work` commits it.
pub(super) async fn with_session<T>(
    account: &Account,
    address: SocketAddr,
    (purpose, limit): (Purpose, Duration),
    first: impl Fn(u32) -> String,
    work: impl AsyncFnOnce(&Session<'_>, Vec<Row>) -> Result<T, Error>,
) -> Result<T, Failed> {
    let mut work = Some(work);
    let mut startup = Startup::Usual;
    loop {
        let opened = match open(account, address, startup.options(limit)).await {
            Err(failed) => match startup.after(&failed, 0) {
                Some(next) => {
                    startup = next;
                    continue;
                }
                None => return Err(failed),
            },
            Ok(opened) => opened,
        };
        let (own, version, exchange) = (opened.own, opened.version, opened.exchange);
        let done = drive(opened, async |client| {
            let session = Session { client, own, exchange, version };
            let found = session.rows(&format!("{}{}", begin(purpose, limit, version), first(version))).await?;
            match work.take() {
                Some(work) => work(&session, found).await.map(Some),
                None => Ok(None),
            }
        });
        match done.await {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => return Err(Failed::Before(Cause::Other, None)),
            Err(failed) => match startup.after(&failed, version).filter(|_| work.is_some()) {
                Some(next) => startup = next,
                None => return Err(failed),
            },
        }
    }
}

/// Logs in and runs one statement outside a transaction, as the first of the session. It must be one that looks no name of a
/// function, an operator or a relation up.
pub(super) async fn alone(
    account: &Account,
    address: SocketAddr,
    limit: Duration,
    statement: &str,
) -> Result<(), Failed> {
    let opened = open(account, address, Startup::Usual.options(limit)).await?;
    drive(opened, async |client| client.batch_execute(statement).await).await
}

/// A connection after its login.
struct Opened {
    client: Client,
    connection: Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>,
    own: SocketAddr,
    /// The main number of the server's version.
    version: u32,
    exchange: Exchange,
}

async fn open(account: &Account, address: SocketAddr, options: Option<String>) -> Result<Opened, Failed> {
    let mut config = Config::new();
    let login = account.login();
    config
        .user(&login.username)
        .password(account.password())
        .dbname(account.dbname().unwrap_or(DEFAULT_DATABASE))
        .application_name("csms-rotate");
    if let Some(options) = options {
        config.options(options);
    }
    let stream = TcpStream::connect(address).await.map_err(|error| not_connected(&error))?;
    stream.set_nodelay(true).map_err(|error| not_connected(&error))?;
    let own = stream.local_addr().map_err(|error| not_connected(&error))?;
    let method = Method::default();
    match account.tls() {
        Tls::Disable => {
            config.ssl_mode(SslMode::Disable);
            let stream = Watched::new(stream, method.clone());
            let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(Failed::Login)?;
            let version = main_version(connection.parameter("server_version"));
            Ok(Opened { client, connection: Box::pin(connection), own, version, exchange: method.exchange() })
        }
        Tls::Verify(trust) => {
            config.ssl_mode(SslMode::Require);
            let (host, _) = login.rotation_address();
            let name = trust.server_name.as_deref().unwrap_or(host);
            let before = |detail| Failed::Before(Cause::Tls, Some(detail));
            let mut tls = tls_of(login, trust).map_err(before)?;
            let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, name)
                .map_err(|error| before(connection::said(error.to_string())))?;
            let tls = WatchedTls { tls, method: method.clone() };
            let (client, connection) = config.connect_raw(stream, tls).await.map_err(Failed::Login)?;
            let version = main_version(connection.parameter("server_version"));
            Ok(Opened { client, connection: Box::pin(connection), own, version, exchange: method.exchange() })
        }
    }
}

/// TLS with the server of a login. PostgreSQL resumes no session, and a pooler that would is not asked to.
fn tls_of(login: &Login, trust: &Trust) -> Result<MakeRustlsConnect, Message> {
    static KEPT: Kept<MakeRustlsConnect> = Kept::new();
    KEPT.get(login.rotation_address(), trust, || {
        let mut config = tls::client_config(trust)?;
        config.resumption = Resumption::disabled();
        Ok(MakeRustlsConnect::new(config))
    })
}

fn not_connected(error: &io::Error) -> Failed {
    let cause = if error.kind() == ErrorKind::TimedOut { Cause::TimedOut } else { Cause::Unreachable };
    Failed::Before(cause, Some(tls::said_of(error.kind())))
}

/// 18 of `18.6 (Debian 18.6-3)`.
fn main_version(text: Option<&str>) -> u32 {
    let digits = text.and_then(|text| text.split(|c: char| !c.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// Runs the connection and the work on it side by side; dropping the client ends the connection in good order.
async fn drive<T>(opened: Opened, work: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, Failed> {
    let Opened { client, connection, .. } = opened;
    let work = async {
        let result = work(&client).await;
        drop(client);
        result
    };
    let (result, connection) = tokio::join!(work, connection);
    result.map_err(|error| match connection {
        // The server has said why it ends the session before anything was asked.
        Err(last_words) if error.is_closed() && last_words.as_db_error().is_some() => Failed::Statement(last_words),
        _ => Failed::Statement(error),
    })
}

/// The number by which a server has asked for a password.
#[derive(Clone, Debug, Default)]
struct Method(Arc<AtomicI32>);

impl Method {
    fn exchange(&self) -> Exchange {
        match self.0.load(Ordering::Relaxed) {
            5 => Exchange::Md5,
            10 => Exchange::Scram,
            _ => Exchange::Other,
        }
    }
}

/// A stream that notes the server's first message, which says how it asks for the password: the driver does not tell.
struct Watched<S> {
    stream: S,
    /// The message so far: its kind, its length and the number of the method.
    begun: Vec<u8>,
    method: Method,
}

impl<S> Watched<S> {
    /// `R`, four bytes of length, four bytes of method.
    const WHOLE: usize = 9;

    const fn new(stream: S, method: Method) -> Self {
        Self { stream, begun: Vec::new(), method }
    }

    fn note(&mut self, bytes: &[u8]) {
        let missing = Self::WHOLE.saturating_sub(self.begun.len());
        if missing == 0 {
            return;
        }
        self.begun.extend(bytes.iter().take(missing));
        if let [b'R', _, _, _, _, a, b, c, d] = self.begun[..] {
            self.method.0.store(i32::from_be_bytes([a, b, c, d]), Ordering::Relaxed);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.note(buffer.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Watched<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// TLS whose content is watched.
struct WatchedTls<T> {
    tls: T,
    method: Method,
}

impl<S, T> TlsConnect<S> for WatchedTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
    T::Stream: 'static,
    T::Error: 'static,
{
    type Stream = Watched<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let Self { tls, method } = self;
        let connecting = tls.connect(stream);
        Box::pin(async move { connecting.await.map(|stream| Watched::new(stream, method)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_says_how_the_password_is_asked_for() {
        for (number, exchange) in
            [(5, Exchange::Md5), (10, Exchange::Scram), (3, Exchange::Other), (0, Exchange::Other)]
        {
            let mut message = vec![b'R', 0, 0, 0, 12, 0, 0, 0, number];
            message.extend(*b"R\0\0\0\x0c\0\0\0\x05later");
            let method = Method::default();
            let mut watched = Watched::new((), method.clone());
            for piece in message.chunks(4) {
                watched.note(piece);
            }
            assert_eq!(method.exchange(), exchange, "{number}");
        }
    }

    #[test]
    fn a_message_of_another_kind_says_nothing() {
        let method = Method::default();
        Watched::new((), method.clone()).note(b"E\0\0\0\x0c\0\0\0\x05");
        assert_eq!(method.exchange(), Exchange::Other);
    }

    #[test]
    fn settings_that_a_version_does_not_know_are_not_named() {
        let second = Duration::from_secs(1);
        assert!(!begin(Purpose::Look, second, 16).contains("transaction_timeout = 0"));
        assert!(begin(Purpose::Look, second, 17).contains("transaction_timeout = 0"));
        assert_eq!(Startup::Patient(13).options(second), Startup::Usual.options(second));
        assert!(Startup::Patient(14).options(second).unwrap().ends_with("-c idle_session_timeout=0"));
        assert!(Startup::Patient(17).options(second).unwrap().ends_with("-c transaction_timeout=0"));
        assert_eq!(Startup::Bare.options(second), None);
    }

    #[test]
    fn the_search_path_comes_before_every_question() {
        let text = begin(Purpose::Change, Duration::ZERO, 18);
        assert!(text.contains("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL ROLE NONE"));
        assert!(!text.contains('('), "no function is looked up: {text}");
    }
}
