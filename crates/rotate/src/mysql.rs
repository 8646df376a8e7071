//! MySQL, MariaDB and their kin: trying a login, and changing a password.
//!
//! MariaDB is sent a hash, because it writes statements into its general log as they are. MySQL takes the password alone
//! and keeps it out of its logs; TLS keeps it from the network.

mod statement;

use core::{cell::Cell, future::poll_fn, task::Poll, time::Duration};
use std::{
    io::ErrorKind,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
};

use csms_core::rotation::{
    Account, Probe, Tls,
    plan::{Cause, Change},
};
use mysql_async::{Conn, DriverError, Error, IoError, OptsBuilder, SslOpts, prelude::Queryable};
use statement::{Method, Name, SecondPassword, Shown};

use crate::{
    database::{Answer, By, Forecast, NewPassword},
    tls,
};

/// Tries to log in at the first of these addresses that takes a connection.
pub(crate) async fn probe(account: &Account, at: &[IpAddr]) -> Answer<Probe> {
    let conn = match connect(account, at).await {
        Ok(conn) => conn,
        Err(error) => {
            let finding = match &error {
                Error::Server(server) if is_access_denied(server.code) => Probe::Rejected,
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

/// Logs in and gives an account another password: the one that logged in, or as an administrator another one.
pub(crate) async fn set_password(new: NewPassword<'_>, at: &[IpAddr], limit: Duration) -> Answer<Change> {
    // Before the statement is sent, a failure means that nothing was changed.
    let sent = Cell::new(false);
    match change(new, at, limit, &sent).await {
        Ok(answer) => answer,
        Err(error) if sent.get() => Answer::detailed(change_that_failed(&error), detail(&error)),
        Err(error) => Answer::detailed(Change::Failed(cause_of_change(&error)), detail(&error)),
    }
}

async fn change(
    new: NewPassword<'_>,
    at: &[IpAddr],
    limit: Duration,
    sent: &Cell<bool>,
) -> Result<Answer<Change>, Error> {
    let Some(login) = new.login() else { return Ok(Answer::plain(Change::Failed(Cause::Unsupported))) };
    let mut conn = connect(login, at).await?;
    let target = match find(&mut conn, &new).await? {
        Ok(target) => target,
        Err((cause, detail)) => return Ok(Answer::detailed(Change::Failed(cause), detail)),
    };
    let kept = new.keep_old && matches!(second_password(&mut conn, &new, target.method).await?, SecondPassword::Kept);
    conn.query_drop(statement::settings(target.method, limit)).await?;
    sent.set(true);
    let answer = match target.method {
        Method::Alter => alter(&mut conn, &new, &target.name, kept).await?,
        Method::NativeHash => set_by_hash(&mut conn, new.account.password(), &target.name).await?,
    };
    let _ = conn.disconnect().await;
    Ok(answer)
}

/// MySQL. `REPLACE` says which password the change is from. With a kept password that is needed: without it, a second change
/// by somebody who has logged in with the kept password would lose that one. Otherwise it is said only if the server asks.
async fn alter(conn: &mut Conn, new: &NewPassword<'_>, name: &Name, kept: bool) -> Result<Answer<Change>, Error> {
    let password = new.account.password();
    let replaced = new.login().filter(|_| kept).map(Account::password);
    let mut result = conn.query_drop(statement::alter(name, password, replaced, kept).as_str()).await;
    if let (Err(Error::Server(error)), By::Itself(login)) = (&result, new.by)
        && error.code == MISSING_CURRENT_PASSWORD
    {
        result = conn.query_drop(statement::alter(name, password, Some(login.password()), kept).as_str()).await;
    }
    result?;
    Ok(match kept {
        true => Answer::detailed(Change::Done, "the old password is kept until the next change"),
        false => Answer::plain(Change::Done),
    })
}

/// MariaDB.
async fn set_by_hash(conn: &mut Conn, password: &str, name: &Name) -> Result<Answer<Change>, Error> {
    match conn.query_drop(statement::set_by_hash(name, password).as_str()).await {
        Err(error) if takes_no_hash(&error) => {
            if writes_a_general_log(conn).await? {
                let detail = "strict_password_validation takes no hash, and general_log would show the password";
                return Ok(Answer::detailed(Change::Failed(Cause::Forbidden), detail));
            }
            conn.query_drop(statement::set_by_text(name, password).as_str()).await?;
        }
        result => result?,
    }
    Ok(Answer::plain(Change::Done))
}

/// Logs in and looks at what a change would meet.
pub(crate) async fn forecast(new: NewPassword<'_>, at: &[IpAddr], limit: Duration) -> Forecast {
    look(new, at, limit).await.unwrap_or_else(|error| Forecast::obstacle(cause_of_change(&error), detail(&error)))
}

async fn look(new: NewPassword<'_>, at: &[IpAddr], limit: Duration) -> Result<Forecast, Error> {
    let Some(login) = new.login() else { return Ok(Forecast::obstacle(Cause::Unsupported, "a login")) };
    let mut conn = connect(login, at).await?;
    let target = match find(&mut conn, &new).await? {
        Ok(target) => target,
        Err((cause, detail)) => return Ok(Forecast::obstacle(cause, detail)),
    };
    if matches!(new.by, By::Admin(_)) {
        let grants: Vec<String> = conn.query("SHOW GRANTS").await?;
        if !statement::has_any(&grants, &statement::OVER_OTHERS) {
            return Ok(Forecast::obstacle(Cause::Forbidden, "CREATE USER for the administrator"));
        }
    }
    conn.query_drop(statement::settings(target.method, limit)).await?;
    let second = second_password(&mut conn, &new, target.method).await?;
    let _ = conn.disconnect().await;
    let keeps_old = new.keep_old && second == SecondPassword::Kept;
    let missing = second.missing().filter(|_| new.keep_old && !keeps_old).map(str::to_owned).into_iter().collect();
    Ok(Forecast { obstacle: None, keeps_old, missing })
}

/// The account to change, as the server names it and logs it in.
struct Target {
    name: Name,
    method: Method,
}

/// Finds out which account the change is about and that it is the one named. The inner error says what is wrong with it.
async fn find(conn: &mut Conn, new: &NewPassword<'_>) -> Result<Result<Target, (Cause, &'static str)>, Error> {
    let name = match new.by {
        By::Itself(_) | By::Service => Name::LoggedIn,
        By::Admin(_) => {
            let user = &new.account.login().username;
            conn.query_drop(statement::LITERALS).await?;
            let hosts: Vec<String> = conn.query(statement::hosts_of(user).as_str()).await?;
            match <[String; 1]>::try_from(hosts) {
                Ok([host]) => Name::Other { user: user.clone(), host },
                Err(hosts) if hosts.is_empty() => return Ok(Err((Cause::Other, "no account of this name"))),
                Err(_) => return Ok(Err((Cause::Unsupported, "several accounts of this name, for different hosts"))),
            }
        }
    };
    let shown: Option<String> = conn.query_first(statement::show(&name).as_str()).await?;
    let Some(shown) = shown.as_deref().and_then(Shown::parse) else {
        return Ok(Err((Cause::Unsupported, "SHOW CREATE USER has an unknown form")));
    };
    // An anonymous account may have let the login in.
    if shown.username != new.account.login().username {
        return Ok(Err((Cause::Forbidden, "the login leads to an account of another name")));
    }
    if matches!(name, Name::Other { .. }) && shown.has_several {
        return Ok(Err((Cause::Unsupported, "the account has several ways of logging in, and would lose the others")));
    }
    Ok(match shown.method {
        Some(method) => Ok(Target { name, method }),
        None => Err((Cause::Unsupported, "the account's authentication plugin is not supported")),
    })
}

/// Whether the server would keep the old password as a second one when the account changes its password.
async fn second_password(conn: &mut Conn, new: &NewPassword<'_>, method: Method) -> Result<SecondPassword, Error> {
    if method == Method::NativeHash {
        return Ok(SecondPassword::NotKnown);
    }
    if !matches!(new.by, By::Itself(_)) {
        // The password that an administrator replaces is not known, and need not go on working.
        return Ok(SecondPassword::NotWanted);
    }
    let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
    let grants: Vec<String> = conn.query("SHOW GRANTS").await?;
    Ok(SecondPassword::of(&version.unwrap_or_default(), &grants))
}

/// MySQL with `password_require_current` wants to hear the current password.
const MISSING_CURRENT_PASSWORD: u16 = 3892;

/// The password after `REPLACE` is not the primary one.
const WRONG_CURRENT_PASSWORD: u16 = 3891;

/// MariaDB with a password validation plugin and `strict_password_validation` takes passwords only in plain text.
fn takes_no_hash(error: &Error) -> bool {
    matches!(error, Error::Server(server) if server.code == 1290 && server.message.contains("strict-password-validation"))
}

async fn writes_a_general_log(conn: &mut Conn) -> Result<bool, Error> {
    let row: Option<(bool, bool)> = conn.query_first("SELECT @@GLOBAL.general_log, @@SESSION.sql_log_off").await?;
    Ok(row.is_none_or(|(general_log, switched_off)| general_log && !switched_off))
}

async fn connect(account: &Account, at: &[IpAddr]) -> Result<Conn, Error> {
    let login = account.login();
    // No database is named: accounts belong to none, and one that is missing would look like a failed login.
    let options = OptsBuilder::default()
        .ip_or_hostname(login.host.clone())
        .resolved_ips(Some(at.to_vec()))
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

/// Why a login that was to make a change, or what it did before, failed.
fn cause_of_change(error: &Error) -> Cause {
    match error {
        Error::Server(server) if is_access_denied(server.code) => Cause::NoLogin,
        _ => cause(error),
    }
}

/// 1045: access denied. 1698: the same by an account that may log in in several ways, none of which did.
const fn is_access_denied(code: u16) -> bool {
    matches!(code, 1045 | 1698)
}

/// What a failed change says: password validation and history refuse this password. Any other error of the statement has
/// undone it, unless the server was ending the session or the statement's time was over.
fn change_that_failed(error: &Error) -> Change {
    match error {
        Error::Server(server) if matches!(server.code, 1819 | 3638 | 4108) => Change::Refused,
        // The password to be replaced is not the account's: somebody has changed it meanwhile, perhaps to this very one.
        Error::Server(server) if server.code == WRONG_CURRENT_PASSWORD => Change::Unknown(Cause::Other),
        Error::Server(_) => match cause(error) {
            cause @ (Cause::NotReady | Cause::TimedOut) => Change::Unknown(cause),
            cause => Change::Failed(cause),
        },
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
