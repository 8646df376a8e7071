//! MySQL, MariaDB and their kin: trying a login, and changing one's own password.
//!
//! MariaDB is sent a hash, because it writes statements into its general log as they are. MySQL takes the password alone
//! and keeps it out of its logs; TLS keeps it from the network.

mod statement;

use core::{future::poll_fn, task::Poll, time::Duration};
use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
};

use csms_core::rotation::{
    Account, Probe, Tls,
    plan::{Cause, Change},
};
use mysql_async::{Conn, DriverError, Error, IoError, OptsBuilder, SslOpts, prelude::Queryable};
use statement::{Method, Shown};

use crate::{database::Answer, tls};

/// Tries to log in.
pub(crate) async fn probe(account: &Account) -> Answer<Probe> {
    let conn = match connect(account).await {
        Ok(conn) => conn,
        Err(error) => {
            let finding = match &error {
                // 1045: access denied. 1698: the same by an account that may log in in several ways, none of which did.
                Error::Server(server) if matches!(server.code, 1045 | 1698) => Probe::Rejected,
                _ => Probe::Unknown(cause(&error)),
            };
            let mut detail = detail(&error);
            if finding == Probe::Rejected && *account.tls() == Tls::Disable {
                // MariaDB says the same of a wrong password and of a connection without the TLS it asks for.
                detail.push_str("; the server may require TLS");
            }
            return Answer::detailed(finding, detail);
        }
    };
    // The login is proven; that the farewell fails changes nothing.
    let _ = conn.disconnect().await;
    Answer::plain(Probe::Accepted)
}

/// Logs in and gives the account that logged in another password.
pub(crate) async fn set_password(login: &Account, password: &str, limit: Duration) -> Answer<Change> {
    match change(login, password, limit).await {
        Ok(answer) => answer,
        Err(error) => Answer::detailed(change_that_failed(&error), detail(&error)),
    }
}

async fn change(login: &Account, password: &str, limit: Duration) -> Result<Answer<Change>, Error> {
    let mut conn = connect(login).await?;
    let shown: Option<String> = conn.query_first("SHOW CREATE USER CURRENT_USER()").await?;
    let unsupported = |detail| Ok(Answer::detailed(Change::Unknown(Cause::Unsupported), detail));
    let Some(shown) = shown.as_deref().and_then(Shown::parse) else {
        return unsupported("SHOW CREATE USER has an unknown form");
    };
    // An anonymous account may have let the login in.
    if shown.username != login.login().username {
        return Ok(Answer::detailed(
            Change::Unknown(Cause::Forbidden),
            "the login leads to an account of another name",
        ));
    }
    let Some(method) = shown.method else {
        return unsupported("the account's authentication plugin is not supported");
    };
    conn.query_drop(statement::settings(method, limit)).await?;
    match method {
        Method::Alter => conn.query_drop(statement::alter(password).as_str()).await?,
        Method::NativeHash => match conn.query_drop(statement::set_by_hash(password)).await {
            Err(error) if takes_no_hash(&error) => {
                if writes_a_general_log(&mut conn).await? {
                    let detail = "strict_password_validation takes no hash, and general_log would show the password";
                    return Ok(Answer::detailed(Change::Unknown(Cause::Forbidden), detail));
                }
                conn.query_drop(statement::set_by_text(password).as_str()).await?;
            }
            result => result?,
        },
    }
    let _ = conn.disconnect().await;
    Ok(Answer::plain(Change::Done))
}

/// MariaDB with a password validation plugin and `strict_password_validation` takes passwords only in plain text.
fn takes_no_hash(error: &Error) -> bool {
    matches!(error, Error::Server(server) if server.code == 1290 && server.message.contains("strict-password-validation"))
}

async fn writes_a_general_log(conn: &mut Conn) -> Result<bool, Error> {
    let row: Option<(bool, bool)> = conn.query_first("SELECT @@GLOBAL.general_log, @@SESSION.sql_log_off").await?;
    Ok(row.is_none_or(|(general_log, switched_off)| general_log && !switched_off))
}

async fn connect(account: &Account) -> Result<Conn, Error> {
    let login = account.login();
    // No database is named: accounts belong to none, and one that is missing would look like a failed login.
    let options = OptsBuilder::default()
        .ip_or_hostname(login.host.clone())
        .tcp_port(login.port)
        .user(Some(login.username.clone()))
        .pass(Some(account.password().to_owned()))
        .prefer_socket(false)
        .stmt_cache_size(0)
        .ssl_opts(match account.tls() {
            Tls::Disable => None,
            Tls::Verify { ca } => Some(tls_options(ca.as_deref())),
        });
    let mut conn = Conn::new(options);
    // The driver panics when a server asks for a login it was built without (ed25519, parsec).
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| conn.as_mut().poll(context))).unwrap_or_else(|_| {
            Poll::Ready(Err(DriverError::UnknownAuthPlugin { name: "unknown to the driver".to_owned() }.into()))
        })
    })
    .await
}

fn tls_options(ca: Option<&str>) -> SslOpts {
    // The driver builds its configuration from these, with the provider of the process.
    tls::choose_provider();
    let own = ca.map(|pem| pem.as_bytes().to_vec().into());
    SslOpts::default().with_root_certs(own.into_iter().collect())
}

/// Why nothing is known.
fn cause(error: &Error) -> Cause {
    if tls::failure_behind(error).is_some() {
        return Cause::Tls;
    }
    match error {
        Error::Server(server) => match server.code {
            // Too many connections, of all or of this account.
            1040 | 1203 | 1226 => Cause::Busy,
            // Shutting down, killed, read-only.
            1053 | 1077 | 1079 | 1080 | 1290 | 1836 | 1927 => Cause::NotReady,
            // Lock wait, execution time.
            1205 | 1317 | 1907 | 1969 | 3024 => Cause::TimedOut,
            // Host blocked or not allowed, account locked, password expired, TLS required, too many failures.
            1129 | 1130 | 1820 | 1862 | 3118 | 3159 | 3955 | 4151 | 4166 => Cause::Barred,
            // No such privilege or statement for this account.
            1044 | 1131 | 1132 | 1142 | 1227 | 1410 => Cause::Forbidden,
            // Unknown plugin, hash of another form.
            1372 | 1524 | 1251 => Cause::Unsupported,
            _ => Cause::Other,
        },
        Error::Driver(DriverError::NoClientSslFlagFromServer) | Error::Io(IoError::Tls(_)) => Cause::Tls,
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled,
        ) => Cause::Unsupported,
        Error::Driver(DriverError::ConnectionClosed) => Cause::Unreachable,
        Error::Io(_) => match tls::io_kind_behind(error) {
            Some(ErrorKind::TimedOut) => Cause::TimedOut,
            _ => Cause::Unreachable,
        },
        Error::Driver(_) | Error::Other(_) | Error::Url(_) => Cause::Other,
    }
}

/// What a failed change says: password validation and history refuse this password.
fn change_that_failed(error: &Error) -> Change {
    match error {
        Error::Server(server) if matches!(server.code, 1819 | 3638 | 4108) => Change::Refused,
        _ => Change::Unknown(cause(error)),
    }
}

/// Codes and texts of the connection. Texts of the server are left out: they may quote the statement.
fn detail(error: &Error) -> String {
    match (error, tls::failure_behind(error), tls::io_kind_behind(error)) {
        (Error::Server(server), _, _) => format!("error {}", server.code),
        (_, Some(failure), _) => failure,
        (Error::Io(IoError::Tls(failure)), _, _) => failure.to_string(),
        (_, None, Some(kind)) => kind.to_string(),
        // Packets of the server are left out for the same reason.
        (Error::Driver(DriverError::UnexpectedPacket { .. }), None, None) => "unexpected packet".to_owned(),
        (other, None, None) => other.to_string(),
    }
}
