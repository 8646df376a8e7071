//! PostgreSQL: trying a login, and changing one's own password by a verifier made here.

mod scram;

use core::time::Duration;
use std::io::ErrorKind;

use csms_core::rotation::{
    Account, Probe, Tls,
    plan::{Cause, Change},
};
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage, config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{database::Answer, tls};

/// Where to go when the value names no database. Every server has this one, and roles belong to no database.
const DEFAULT_DATABASE: &str = "postgres";

/// Tries to log in.
pub(crate) async fn probe(account: &Account) -> Answer<Probe> {
    match with_client(account, async |_| Ok(())).await {
        Ok(()) => Answer::plain(Probe::Accepted),
        Err(Failed::Config(detail)) => Answer::detailed(Probe::Unknown(Cause::Tls), detail),
        Err(Failed::Driver(error)) => {
            let finding = match error.code() {
                Some(&SqlState::INVALID_PASSWORD) => Probe::Rejected,
                _ => Probe::Unknown(cause(&error)),
            };
            Answer::detailed(finding, detail(&error))
        }
    }
}

/// Logs in and gives the role that logged in another password.
pub(crate) async fn set_password(login: &Account, password: &str, limit: Duration) -> Answer<Change> {
    let verifier = match make_salt() {
        Ok(salt) => scram::verifier(password, &salt),
        Err(detail) => return Answer::detailed(Change::Unknown(Cause::Other), detail),
    };
    let username = login.login().username.as_str();
    let changed = with_client(login, async |client| {
        client.batch_execute(&settings(limit)).await?;
        if current_user(client).await?.as_deref() != Some(username) {
            return Ok(false);
        }
        // A verifier holds no character that SQL would have to quote.
        client.batch_execute(&format!("ALTER ROLE CURRENT_USER PASSWORD '{verifier}'")).await?;
        Ok(true)
    });
    match changed.await {
        Ok(true) => Answer::plain(Change::Done),
        Ok(false) => Answer::detailed(Change::Unknown(Cause::Forbidden), "the login leads to a role of another name"),
        Err(Failed::Config(detail)) => Answer::detailed(Change::Unknown(Cause::Tls), detail),
        Err(Failed::Driver(error)) => Answer::detailed(change_that_failed(&error), detail(&error)),
    }
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

async fn current_user(client: &Client) -> Result<Option<String>, Error> {
    let messages = client.simple_query("SELECT current_user").await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

enum Failed {
    /// The account's settings allow no connection.
    Config(String),
    /// The driver failed, or the server answered with an error.
    Driver(Error),
}

/// Connects, does `work` and takes leave.
async fn with_client<T>(account: &Account, work: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, Failed> {
    let mut config = Config::new();
    let login = account.login();
    config
        .host(&login.host)
        .port(login.port)
        .user(&login.username)
        .password(account.password())
        .dbname(account.dbname().unwrap_or(DEFAULT_DATABASE))
        .application_name("csms-rotate");
    match account.tls() {
        Tls::Disable => {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(Failed::Driver)?;
            drive(client, connection, work).await
        }
        Tls::Verify { ca } => {
            config.ssl_mode(SslMode::Require);
            let tls = MakeRustlsConnect::new(tls::client_config(ca.as_deref()).map_err(Failed::Config)?);
            let (client, connection) = config.connect(tls).await.map_err(Failed::Driver)?;
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

/// What a failed change says: a data exception or an error raised by a check is a refusal of this password.
fn change_that_failed(error: &Error) -> Change {
    match error.code().map(SqlState::code) {
        Some(code) if code.starts_with("22") || code == "P0001" => Change::Refused,
        Some("42501") => Change::Unknown(Cause::Forbidden),
        _ => Change::Unknown(cause(error)),
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
