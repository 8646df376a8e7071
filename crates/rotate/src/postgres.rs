//! PostgreSQL: trying a login, and changing a password by a verifier made here.

mod scram;

use core::{cell::Cell, time::Duration};
use std::{
    io,
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
};

use csms_core::rotation::{
    Account, Probe, Tls,
    plan::{Cause, Change},
};
use tokio::net::TcpStream;
use tokio_postgres::{
    Client, Config, Error, NoTls, SimpleQueryMessage, config::SslMode, error::SqlState, tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    database::{Answer, By, Forecast, NewPassword},
    tls,
};

/// Where to go when the value names no database. Every server has this one, and roles belong to no database.
const DEFAULT_DATABASE: &str = "postgres";

/// Tries to log in at the first of these addresses that takes a connection.
pub(crate) async fn probe(account: &Account, at: &[IpAddr]) -> Answer<Probe> {
    match with_client(account, at, async |_| Ok(())).await {
        Ok(()) => Answer::plain(Probe::Accepted),
        Err(Failed::Config(detail)) => Answer::detailed(Probe::Unknown(Cause::Tls), detail),
        Err(Failed::Connect(error)) => Answer::detailed(Probe::Unknown(Cause::Unreachable), error.to_string()),
        Err(Failed::Driver(error)) => {
            let finding = match error.code() {
                Some(&SqlState::INVALID_PASSWORD) => Probe::Rejected,
                _ => Probe::Unknown(cause(&error)),
            };
            Answer::detailed(finding, detail(&error))
        }
    }
}

/// Logs in and gives a role another password: the role that logged in, or as an administrator another one.
pub(crate) async fn set_password(new: NewPassword<'_>, at: &[IpAddr], limit: Duration) -> Answer<Change> {
    let verifier = match make_salt() {
        Ok(salt) => scram::verifier(new.account.password(), &salt),
        Err(detail) => return Answer::detailed(Change::Failed(Cause::Other), detail),
    };
    let Some(login) = new.login() else { return Answer::plain(Change::Failed(Cause::Unsupported)) };
    let role = match new.by {
        By::Itself(_) | By::Service => "CURRENT_USER".to_owned(),
        By::Admin(_) => identifier(&new.account.login().username),
    };
    // Before the statement is sent, a failure means that nothing was changed.
    let sent = Cell::new(false);
    let changed = with_client(login, at, async |client| {
        client.batch_execute(&settings(limit)).await?;
        if !is_itself(client, login).await? {
            return Ok(false);
        }
        sent.set(true);
        // A verifier holds no character that SQL would have to quote.
        client.batch_execute(&format!("ALTER ROLE {role} PASSWORD '{verifier}'")).await?;
        Ok(true)
    });
    match changed.await {
        Ok(true) => Answer::plain(Change::Done),
        Ok(false) => Answer::detailed(Change::Failed(Cause::Forbidden), ANOTHER_ROLE),
        Err(Failed::Config(detail)) => Answer::detailed(Change::Failed(Cause::Tls), detail),
        Err(Failed::Connect(error)) => Answer::detailed(Change::Failed(Cause::Unreachable), error.to_string()),
        Err(Failed::Driver(error)) if sent.get() => Answer::detailed(change_that_failed(&error), detail(&error)),
        Err(Failed::Driver(error)) => Answer::detailed(Change::Failed(cause_of_change(&error)), detail(&error)),
    }
}

/// Logs in and looks at what a change would meet. PostgreSQL keeps one password for each role, so there is no overlap.
pub(crate) async fn forecast(new: NewPassword<'_>, at: &[IpAddr], limit: Duration) -> Forecast {
    let Some(login) = new.login() else { return Forecast::obstacle(Cause::Unsupported, "a login") };
    let looked = with_client(login, at, async |client| {
        client.batch_execute(&settings(limit)).await?;
        if !is_itself(client, login).await? {
            return Ok(Forecast::obstacle(Cause::Forbidden, ANOTHER_ROLE));
        }
        if value(client, "SELECT pg_is_in_recovery()").await?.as_deref() == Some("t") {
            return Ok(Forecast::obstacle(Cause::NotReady, "a server that can be written to: this one is a standby"));
        }
        let may_change_others = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user";
        if matches!(new.by, By::Admin(_)) && value(client, may_change_others).await?.as_deref() != Some("t") {
            return Ok(Forecast::obstacle(Cause::Forbidden, "CREATEROLE for the administrator"));
        }
        let missing = match new.keep_old {
            true => vec![
                "PostgreSQL keeps one password for each role; with MultiUser, SYSCURRENT always logs in".to_owned(),
            ],
            false => Vec::new(),
        };
        Ok(Forecast { obstacle: None, keeps_old: false, missing })
    });
    match looked.await {
        Ok(forecast) => forecast,
        Err(Failed::Config(detail)) => Forecast::obstacle(Cause::Tls, detail),
        Err(Failed::Connect(error)) => Forecast::obstacle(Cause::Unreachable, error.to_string()),
        Err(Failed::Driver(error)) => Forecast::obstacle(cause_of_change(&error), detail(&error)),
    }
}

const ANOTHER_ROLE: &str = "the login leads to a role of another name";

/// Whether the login acts as the role that it names.
async fn is_itself(client: &Client, login: &Account) -> Result<bool, Error> {
    Ok(value(client, "SELECT current_user").await?.as_deref() == Some(login.login().username.as_str()))
}

/// A name between quotes. Names hold no control characters.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Undoes settings of the role that stand in the way (acting as another role, writing nothing), and ends statements that
/// wait for longer than their attempt lives.
fn settings(limit: Duration) -> String {
    let millis = limit.as_millis().max(1);
    format!(
        "SET ROLE NONE; SET default_transaction_read_only = off; \
         SET statement_timeout = {millis}; SET lock_timeout = {millis}"
    )
}

fn make_salt() -> Result<[u8; scram::SALT_BYTES], String> {
    let mut salt = [0; scram::SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(salt)
}

/// The first column of the first row.
async fn value(client: &Client, query: &str) -> Result<Option<String>, Error> {
    let messages = client.simple_query(query).await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

enum Failed {
    /// The account's settings allow no connection.
    Config(String),
    /// None of the addresses took a connection.
    Connect(io::Error),
    /// The driver failed, or the server answered with an error.
    Driver(Error),
}

/// Connects to the first of the addresses that takes a connection, does `work` and closes the connection.
async fn with_client<T>(
    account: &Account,
    at: &[IpAddr],
    work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
) -> Result<T, Failed> {
    let mut config = Config::new();
    let login = account.login();
    config
        .host(&login.host)
        .port(login.port)
        .user(&login.username)
        .password(account.password())
        .dbname(account.dbname().unwrap_or(DEFAULT_DATABASE))
        .application_name("csms-rotate");
    let at: Vec<_> = at.iter().map(|address| SocketAddr::new(*address, login.port)).collect();
    let connect = async || {
        let stream = TcpStream::connect(at.as_slice()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    match account.tls() {
        Tls::Disable => {
            config.ssl_mode(SslMode::Disable);
            let stream = connect().await.map_err(Failed::Connect)?;
            let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(Failed::Driver)?;
            drive(client, connection, work).await
        }
        Tls::Verify { ca } => {
            config.ssl_mode(SslMode::Require);
            let mut tls = MakeRustlsConnect::new(tls::client_config(ca.as_deref()).map_err(Failed::Config)?);
            let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, &login.host)
                .map_err(|error| Failed::Config(format!("the host is not the name of a certificate: {error}")))?;
            let stream = connect().await.map_err(Failed::Connect)?;
            let (client, connection) = config.connect_raw(stream, tls).await.map_err(Failed::Driver)?;
            drive(client, connection, work).await
        }
    }
}

/// Runs the connection and the work on it side by side; dropping the client ends the connection in good order.
async fn drive<T>(
    client: Client,
    connection: impl Future<Output = Result<(), Error>>,
    work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
) -> Result<T, Failed> {
    let work = async {
        let result = work(&client).await;
        drop(client);
        result
    };
    // What became of the connection shows in the result of the work.
    let (result, _) = tokio::join!(work, connection);
    result.map_err(Failed::Driver)
}

/// Why nothing is known. In particular 28000 is no wrong password: it says that the role may not log in at all, or not
/// from here, or not without TLS.
fn cause(error: &Error) -> Cause {
    let Some(code) = error.code() else {
        return cause_of_broken_connection(error);
    };
    match code.code() {
        "28000" | "3D000" | "42501" => Cause::Barred,
        "25006" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => Cause::NotReady,
        "57014" | "55P03" => Cause::TimedOut,
        code if code.starts_with("53") => Cause::Busy,
        code if code.starts_with("08") => Cause::Unreachable,
        _ => Cause::Other,
    }
}

fn cause_of_broken_connection(error: &Error) -> Cause {
    // The driver has a text for this and no code.
    if tls::failure_behind(error).is_some() || error.to_string().starts_with("error performing TLS handshake") {
        return Cause::Tls;
    }
    match tls::io_kind_behind(error) {
        Some(ErrorKind::TimedOut) => Cause::TimedOut,
        Some(_) => Cause::Unreachable,
        None if error.is_closed() => Cause::Unreachable,
        None => Cause::Other,
    }
}

/// Why a login that was to make a change, or what it did before, failed.
fn cause_of_change(error: &Error) -> Cause {
    if error.code() == Some(&SqlState::INVALID_PASSWORD) { Cause::NoLogin } else { cause(error) }
}

/// What a failed change says: a data exception or an error raised by a check is a refusal of this password. Any other
/// error of the statement has undone it, unless the server was ending the session.
fn change_that_failed(error: &Error) -> Change {
    match error.code().map(SqlState::code) {
        Some(code) if code.starts_with("22") || code == "P0001" => Change::Refused,
        Some("42501") => Change::Failed(Cause::Forbidden),
        Some(code) if code.starts_with("57") || code.starts_with("08") => Change::Unknown(cause(error)),
        Some(_) => Change::Failed(cause(error)),
        None => Change::Unknown(cause(error)),
    }
}

/// Codes and texts of the connection. Texts of the server are left out: they may quote the statement.
fn detail(error: &Error) -> String {
    match (error.code(), tls::failure_behind(error), tls::io_kind_behind(error)) {
        (Some(code), _, _) => format!("SQLSTATE {}", code.code()),
        (None, Some(failure), _) => failure,
        (None, None, Some(kind)) => kind.to_string(),
        (None, None, None) => error.to_string(),
    }
}
