//! PostgreSQL: trying a login, changing a password by a hash made here, and reading a role.

mod hash;
mod scram;

use core::{cell::Cell, net::SocketAddr, time::Duration};
use std::io::ErrorKind;

use csms_core::rotation::{
    Account, Inspection, Probe, Tls,
    plan::{Cause, Change, Match, Passwords},
};
use hash::Kind;
use tokio::{net::TcpStream, time::timeout};
use tokio_postgres::{
    Client, Config, Error, NoTls, SimpleQueryMessage,
    config::SslMode,
    error::{DbError, SqlState},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    database::{Answer, By, Forecast, Inspect, Limits, NewPassword},
    tls,
};

/// Where to go when the value names no database. Every server has this one, and roles belong to no database.
const DEFAULT_DATABASE: &str = "postgres";

/// The first version that says how it let a session in (`system_user`).
const SYSTEM_USER: u32 = 16;

/// The oldest version that knows SCRAM, as `server_version_num`.
const OLDEST: u32 = 100_000;

/// Tries to log in.
pub(crate) async fn probe(account: &Account, address: SocketAddr) -> Answer<Probe> {
    let looked = with_session(account, address, async |client, own, version| {
        // The login is proven; that more cannot be asked changes nothing.
        Ok(version >= SYSTEM_USER && checks_passwords(client, own).await.unwrap_or(false))
    });
    match looked.await {
        Ok(checked) => {
            let detail = format!("as {}", account.login().username);
            Answer { checked, ..Answer::detailed(Probe::Accepted, detail) }
        }
        Err(Failed::Before(cause, detail)) => Answer::detailed(Probe::Unknown(cause), detail),
        Err(Failed::Driver(error)) => {
            let finding = match error.as_db_error() {
                Some(refusal) if refusal.code() == &SqlState::INVALID_PASSWORD && !is_of_a_pooler(refusal) => {
                    Probe::Refused
                }
                _ => Probe::Unknown(cause(&error, Stage::Login)),
            };
            Answer::detailed(finding, login_detail(&error))
        }
    }
}

/// Whether the server says that it let this very connection in by the password that it keeps for the role. Behind a pooler or
/// a proxy it speaks of the pooler's connection, which is not the one that was made here.
async fn checks_passwords(client: &Client, own: SocketAddr) -> Result<bool, Error> {
    let row = first_row(client, "SELECT system_user, host(inet_client_addr()), inet_client_port()").await?;
    let text = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
    let method = text(0);
    let is_by_password = ["scram-sha-256:", "md5:", "password:"].iter().any(|kind| method.starts_with(kind));
    Ok(is_by_password && text(1) == own.ip().to_string() && text(2) == own.port().to_string())
}

/// Poolers do not say which routine of the server has refused a login; the server does.
fn is_of_a_pooler(refusal: &DbError) -> bool {
    refusal.code() == &SqlState::PROTOCOL_VIOLATION || refusal.routine().is_none()
}

/// What the session is and what the server asks of passwords.
struct Session {
    user: String,
    is_standby: bool,
    version: u32,
    kind: Kind,
    /// Whether the server would keep passwords as MD5, and the new one will be kept as SCRAM-SHA-256 all the same.
    kind_changes: bool,
}

/// Opens the transaction of the change. Its settings end with it, since a pooler may give the session to somebody else
/// afterwards: those of the role that stand in the way are undone (acting as another role, writing nothing), and statements
/// end that wait for longer than their attempt lives.
fn begin(limit: Duration) -> String {
    let millis = limit.as_millis().max(1);
    format!(
        "BEGIN READ WRITE; SET LOCAL ROLE NONE; SET LOCAL statement_timeout = {millis}; \
         SET LOCAL lock_timeout = {millis}; {SESSION}"
    )
}

const SESSION: &str = "SELECT current_user, pg_is_in_recovery(), current_setting('server_version_num'), \
    current_setting('password_encryption'), current_setting('scram_iterations', true)";

async fn session(client: &Client, statements: &str) -> Result<Session, Error> {
    let row = first_row(client, statements).await?;
    let text = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
    let version: u32 = text(2).parse().unwrap_or_default();
    let wanted = Kind::of(&text(3), Some(text(4)).as_deref().filter(|iterations| !iterations.is_empty()));
    // An MD5 hash is of use only where pg_hba.conf asks for MD5, which lets SCRAM hashes in too. A role whose rule asks for
    // SCRAM would be locked out by one, so the rule has to be known; older servers do not tell it.
    let asks_for_md5 = wanted == Kind::Md5
        && version >= 160_000
        && first_row(client, "SELECT system_user")
            .await?
            .first()
            .is_some_and(|method| method.as_deref().is_some_and(|method| method.starts_with("md5:")));
    let kind = if wanted == Kind::Md5 && !asks_for_md5 { Kind::Scram(scram::ITERATIONS) } else { wanted };
    Ok(Session { user: text(0), is_standby: text(1) == "t", version, kind, kind_changes: kind != wanted })
}

/// Logs in and gives a role another password: the role that logged in, or as an administrator another one.
pub(crate) async fn set_password(new: NewPassword<'_>, address: SocketAddr, limits: Limits) -> Answer<Change> {
    let Some(login) = new.login() else { return Answer::plain(Change::NotDone(Cause::Unsupported)) };
    let salt = match make_salt() {
        Ok(salt) => salt,
        Err(detail) => return Answer::detailed(Change::NotDone(Cause::Other), detail),
    };
    let role = &new.account.login().username;
    // Before the statement is sent, a failure means that nothing was changed.
    let sent = Cell::new(false);
    let alter = |kind: Kind| {
        // The role is named, because an extension may take CURRENT_USER for another one (credcheck 4.5).
        let hash = kind.hash(role, new.account.password(), &salt);
        format!("ALTER ROLE {} PASSWORD '{hash}'", identifier(role))
    };
    let in_transaction = with_client(login, address, async |client| {
        // The login was in time; the statements end by themselves.
        let session = session(client, &begin(limits.change)).await?;
        if let Some(obstacle) = obstacle_of(&session, login) {
            return Ok(Err(obstacle));
        }
        sent.set(true);
        client.batch_execute(&format!("{}; COMMIT", alter(session.kind))).await?;
        Ok(Ok(()))
    });
    let in_transaction = timeout(limits.login.saturating_add(limits.change), in_transaction);
    let changed = match in_transaction.await {
        Ok(changed) => changed,
        Err(_) if sent.get() => return Answer::plain(Change::Unknown(Cause::TimedOut)),
        Err(_) => return Answer::plain(Change::NotDone(Cause::TimedOut)),
    };
    let changed = match changed {
        // An extension may let a role do nothing before it has changed its password (credcheck).
        Err(Failed::Driver(error)) if !sent.get() && is_refused_statement(&error) => {
            let alone = with_client(login, address, async |client| {
                sent.set(true);
                client.batch_execute(&alter(Kind::Scram(scram::ITERATIONS))).await?;
                Ok(Ok(()))
            });
            alone.await
        }
        changed => changed,
    };
    match changed {
        Ok(Ok(())) => Answer::detailed(Change::Done, role.clone()),
        Ok(Err((cause, detail))) => Answer::detailed(Change::NotDone(cause), detail),
        Err(Failed::Before(cause, detail)) => Answer::detailed(Change::NotDone(cause), detail),
        Err(Failed::Driver(error)) if sent.get() => {
            let finding = change_that_failed(&error);
            let mut text = detail(&error);
            if finding == Change::NotDone(Cause::Forbidden)
                && let Some(reason) = reason_of_an_extension(login, address).await
            {
                text = format!("{text}: {reason}");
            }
            Answer::detailed(finding, text)
        }
        Err(Failed::Driver(error)) => Answer::detailed(Change::NotDone(cause_of_change(&error)), login_detail(&error)),
    }
}

/// Why this session cannot make the change, if that can be seen.
fn obstacle_of(session: &Session, login: &Account) -> Option<(Cause, String)> {
    if session.user != login.login().username {
        return Some((Cause::OtherAccount, format!("the login acts as {}", session.user)));
    }
    if session.version < OLDEST {
        return Some((Cause::Unsupported, "PostgreSQL 10 or later, which knows SCRAM-SHA-256".to_owned()));
    }
    session.is_standby.then(|| (Cause::ReadOnly, "a server that can be written to: this one is a standby".to_owned()))
}

/// 28000 to a statement: an extension refuses it, not the server the login.
fn is_refused_statement(error: &Error) -> bool {
    let refusal = error.as_db_error();
    refusal.is_some_and(|refusal| {
        refusal.code() == &SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            && !matches!(refusal.routine(), Some("ClientAuthentication" | "InitializeSessionUserId" | "auth_failed"))
    })
}

/// The setting by which credcheck refuses hashes or changes, if it is there and does so.
async fn credcheck(client: &Client) -> Result<Option<&'static str>, Error> {
    let settings = "SELECT current_setting('credcheck.encrypted_password_allowed', true), \
        current_setting('credcheck.disallow_change_password', true)";
    let row = first_row(client, settings).await?;
    let is = |column: usize, word: &str| row.get(column).is_some_and(|value| value.as_deref() == Some(word));
    Ok(match () {
        () if is(1, "on") => {
            Some("credcheck.disallow_change_password is on: the server lets no role change its password")
        }
        () if is(0, "off") => Some(
            "credcheck.encrypted_password_allowed is off: the server takes passwords as text alone, which its log would \
             show; this function sends hashes",
        ),
        () => None,
    })
}

async fn reason_of_an_extension(login: &Account, address: SocketAddr) -> Option<&'static str> {
    with_client(login, address, async |client| credcheck(client).await).await.ok().flatten()
}

/// Logs in and looks at what a change would meet. PostgreSQL keeps one password for each role, so there is no overlap.
pub(crate) async fn forecast(new: NewPassword<'_>, address: SocketAddr, limits: Limits) -> Forecast {
    let Some(login) = new.login() else { return Forecast::obstacle(Cause::Unsupported, "a login") };
    let role = &new.account.login().username;
    let looked = with_client(login, address, async |client| {
        // The transaction ends with the connection.
        let session = session(client, &begin(limits.change)).await?;
        if let Some((cause, what)) = obstacle_of(&session, login) {
            return Ok(Forecast::obstacle(cause, what));
        }
        if let Some(what) = credcheck(client).await? {
            return Ok(Forecast::obstacle(Cause::Forbidden, what));
        }
        if matches!(new.by, By::Admin { .. })
            && let Some(what) = may_not_change(client, role, session.version).await?
        {
            return Ok(Forecast::obstacle(Cause::Forbidden, what));
        }
        if let Some(standby) = waits_for_a_standby(client).await? {
            let expected = Change::Unknown(Cause::Other);
            return Ok(Forecast { expected, keeps_old: false, missing: vec![standby], account: None });
        }
        let mut missing = Vec::new();
        if new.keep_old {
            missing.push(
                "PostgreSQL keeps one password for each role; with MultiUser, SYSCURRENT always logs in".to_owned(),
            );
        }
        let expires = format!(
            "SELECT rolvaliduntil FROM pg_roles WHERE rolname = {} AND rolvaliduntil < 'infinity'",
            literal(role)
        );
        if let Some(Some(date)) = first_row(client, &expires).await?.first() {
            missing.push(format!("the role expires on {date} (VALID UNTIL), whatever its password"));
        }
        if session.kind_changes {
            missing.push(
                "password_encryption is md5, and the new password will be kept as SCRAM-SHA-256: drivers that know MD5 \
                 alone will not log in any more"
                    .to_owned(),
            );
        }
        Ok(Forecast { expected: Change::Done, keeps_old: false, missing, account: None })
    });
    let forecast = match looked.await {
        Ok(forecast) => forecast,
        Err(Failed::Before(cause, detail)) => Forecast::obstacle(cause, detail),
        Err(Failed::Driver(error)) if is_refused_statement(&error) => Forecast {
            // The change is tried as the first statement of a session then.
            expected: Change::Done,
            keeps_old: false,
            missing: vec!["the server lets the role do nothing before its password has been changed".to_owned()],
            account: None,
        },
        Err(Failed::Driver(error)) => Forecast::obstacle(cause_of_change(&error), login_detail(&error)),
    };
    Forecast { account: Some(role.clone()), ..forecast }
}

/// What an administrator lacks for changing a role's password. From PostgreSQL 16 on it needs ADMIN OPTION on the role.
async fn may_not_change(client: &Client, role: &str, version: u32) -> Result<Option<String>, Error> {
    let query = format!(
        "SELECT a.rolsuper, a.rolcreaterole, r.rolsuper, {} FROM pg_roles a, pg_roles r \
         WHERE a.rolname = current_user AND r.rolname = {}",
        if version >= 160_000 { "pg_has_role(a.oid, r.oid, 'MEMBER WITH ADMIN OPTION')" } else { "true" },
        literal(role),
    );
    let row = first_row(client, &query).await?;
    let is = |column: usize| row.get(column).is_some_and(|value| value.as_deref() == Some("t"));
    Ok(match () {
        () if is(0) => None,
        () if !is(1) => Some("CREATEROLE for the administrator".to_owned()),
        () if is(2) => Some("a superuser as administrator: the account is one".to_owned()),
        () if !is(3) => Some(format!("ADMIN OPTION on {role} for the administrator")),
        () => None,
    })
}

/// Whether commits wait for a standby that is not there.
async fn waits_for_a_standby(client: &Client) -> Result<Option<String>, Error> {
    let query = "SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit'), \
        (SELECT count(*) FROM pg_stat_get_wal_senders())";
    let row = first_row(client, query).await?;
    let text = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
    let waits = !text(0).is_empty() && !matches!(text(1).as_str(), "off" | "local") && text(2) == "0";
    Ok(waits.then(|| "commits wait for a standby (synchronous_standby_names), and none is connected".to_owned()))
}

/// What a role may do, as far as the catalogs of its database say.
pub(crate) async fn rights(account: &Account, address: SocketAddr) -> Answer<Result<Vec<String>, Cause>> {
    let looked = with_client(account, address, async |client| {
        let messages = client.simple_query(RIGHTS).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(rows.collect())
    });
    match looked.await {
        Ok(rights) => Answer::plain(Ok(rights)),
        Err(Failed::Before(cause, detail)) => Answer::detailed(Err(cause), detail),
        Err(Failed::Driver(error)) => Answer::detailed(Err(cause_of_change(&error)), login_detail(&error)),
    }
}

/// Attributes, memberships, grants, property and settings of the role that has logged in. Everybody may read these catalogs.
const RIGHTS: &str = "WITH me AS (SELECT * FROM pg_roles WHERE rolname = session_user) \
    SELECT 'superuser' FROM me WHERE rolsuper \
    UNION ALL SELECT 'CREATEROLE' FROM me WHERE rolcreaterole \
    UNION ALL SELECT 'CREATEDB' FROM me WHERE rolcreatedb \
    UNION ALL SELECT 'REPLICATION' FROM me WHERE rolreplication \
    UNION ALL SELECT 'BYPASSRLS' FROM me WHERE rolbypassrls \
    UNION ALL SELECT 'member of ' || g.rolname FROM me, pg_auth_members m, pg_roles g \
        WHERE m.member = me.oid AND g.oid = m.roleid \
    UNION ALL SELECT 'the setting ' || s FROM me, unnest(me.rolconfig) AS s \
    UNION ALL SELECT a.privilege_type || ' on ' || c.oid::regclass FROM me, pg_class c, aclexplode(c.relacl) a \
        WHERE a.grantee = me.oid AND c.relowner <> me.oid \
    UNION ALL SELECT a.privilege_type || ' on schema ' || n.nspname FROM me, pg_namespace n, aclexplode(n.nspacl) a \
        WHERE a.grantee = me.oid AND n.nspowner <> me.oid \
    UNION ALL SELECT a.privilege_type || ' on database ' || d.datname FROM me, pg_database d, aclexplode(d.datacl) a \
        WHERE a.grantee = me.oid AND d.datdba <> me.oid \
    UNION ALL SELECT a.privilege_type || ' on ' || p.oid::regprocedure FROM me, pg_proc p, aclexplode(p.proacl) a \
        WHERE a.grantee = me.oid AND p.proowner <> me.oid \
    UNION ALL SELECT 'owner of ' || c.oid::regclass FROM me, pg_class c \
        WHERE c.relowner = me.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') \
    UNION ALL SELECT 'owner of schema ' || n.nspname FROM me, pg_namespace n WHERE n.nspowner = me.oid \
    UNION ALL SELECT 'owner of database ' || d.datname FROM me, pg_database d WHERE d.datdba = me.oid";

/// Reads a role as an administrator.
pub(crate) async fn inspect(inspect: Inspect<'_>, address: SocketAddr) -> Answer<Inspection> {
    let role = &inspect.account.login().username;
    let read = with_client(inspect.admin, address, async |client| {
        let query = format!(
            "SELECT rolcanlogin, COALESCE(rolvaliduntil < now(), false), \
             has_table_privilege('pg_catalog.pg_authid', 'SELECT') FROM pg_roles WHERE rolname = {}",
            literal(role)
        );
        let row = first_row(client, &query).await?;
        let is = |column: usize| row.get(column).is_some_and(|value| value.as_deref() == Some("t"));
        if row.is_empty() {
            return Ok(Answer::plain(Inspection::NoAccount));
        }
        let barrier = match () {
            () if !is(0) => Some(Cause::Barred),
            () if is(1) => Some(Cause::Expired),
            () => None,
        };
        if !is(2) {
            let finding = Inspection::Account { barrier, passwords: None };
            return Ok(Answer::detailed(finding, "the administrator may not read pg_authid"));
        }
        let query = format!("SELECT rolpassword FROM pg_authid WHERE rolname = {}", literal(role));
        let kept = first_row(client, &query).await?.into_iter().next().flatten();
        Ok(compared(&inspect, barrier, kept.as_deref()))
    });
    match read.await {
        Ok(answer) => answer,
        Err(Failed::Before(cause, detail)) => Answer::detailed(Inspection::Failed(cause), detail),
        Err(Failed::Driver(error)) => {
            Answer::detailed(Inspection::Failed(cause_of_change(&error)), login_detail(&error))
        }
    }
}

fn compared(inspect: &Inspect<'_>, barrier: Option<Cause>, kept: Option<&str>) -> Answer<Inspection> {
    let role = &inspect.account.login().username;
    let of = |account: Option<&Account>| -> Option<Match> {
        let Some(account) = account else { return Some(Match::Unknown) };
        let Some(kept) = kept else { return Some(Match::Neither) };
        let is_first = hash::is_of(kept, role, account.password())?;
        Some(if is_first { Match::First } else { Match::Neither })
    };
    let stored = inspect.stored;
    let all = (of(stored.pending), of(stored.current), of(stored.previous));
    let passwords = match all {
        (Some(pending), Some(current), Some(previous)) => {
            Some(Passwords { pending, current, previous, has_second: false })
        }
        _ => None,
    };
    let seen = kept.map(|kept| {
        use sha2::{Digest, Sha256};
        hex::encode(&Sha256::digest(kept)[..6])
    });
    let detail = match (kept, &seen) {
        (Some(kept), Some(seen)) => format!("{role}, hash digest {seen} ({})", hash::kind_of(kept)),
        _ => format!("{role}, which has no password"),
    };
    Answer { seen, ..Answer::detailed(Inspection::Account { barrier, passwords }, detail) }
}

/// A name between quotes. Names hold no control characters.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text constant that reads the same whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn make_salt() -> Result<[u8; scram::SALT_BYTES], String> {
    let mut salt = [0; scram::SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(salt)
}

/// The columns of the first row; empty when there is none.
async fn first_row(client: &Client, query: &str) -> Result<Vec<Option<String>>, Error> {
    let messages = client.simple_query(query).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    });
    Ok(row.unwrap_or_default())
}

enum Failed {
    /// No connection, or none that the account's settings allow; nothing was asked of the server.
    Before(Cause, String),
    /// The driver failed, or the server answered with an error.
    Driver(Error),
}

/// Connects to one address, does `work` and closes the connection.
async fn with_client<T>(
    account: &Account,
    address: SocketAddr,
    work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
) -> Result<T, Failed> {
    with_session(account, address, async |client, _, _| work(client).await).await
}

/// The same, with the own address of the connection and the main number of the server's version.
async fn with_session<T>(
    account: &Account,
    address: SocketAddr,
    work: impl AsyncFnOnce(&Client, SocketAddr, u32) -> Result<T, Error>,
) -> Result<T, Failed> {
    let mut config = Config::new();
    let login = account.login();
    config
        .user(&login.username)
        .password(account.password())
        .dbname(account.dbname().unwrap_or(DEFAULT_DATABASE))
        .application_name("csms-rotate");
    let stream = TcpStream::connect(address).await.map_err(|error| not_connected(&error))?;
    stream.set_nodelay(true).map_err(|error| not_connected(&error))?;
    let own = stream.local_addr().map_err(|error| not_connected(&error))?;
    match account.tls() {
        Tls::Disable => {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(Failed::Driver)?;
            let version = main_version(connection.parameter("server_version"));
            drive(client, connection, async |client| work(client, own, version).await).await
        }
        Tls::Verify(trust) => {
            config.ssl_mode(SslMode::Require);
            let (host, _) = login.rotation_address();
            let name = trust.server_name.as_deref().unwrap_or(host);
            let before = |detail| Failed::Before(Cause::Tls, detail);
            let mut tls = MakeRustlsConnect::new(tls::client_config(trust).map_err(before)?);
            let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, name)
                .map_err(|error| before(error.to_string()))?;
            let (client, connection) = config.connect_raw(stream, tls).await.map_err(Failed::Driver)?;
            let version = main_version(connection.parameter("server_version"));
            drive(client, connection, async |client| work(client, own, version).await).await
        }
    }
}

fn not_connected(error: &std::io::Error) -> Failed {
    let cause = if error.kind() == ErrorKind::TimedOut { Cause::TimedOut } else { Cause::Unreachable };
    Failed::Before(cause, error.kind().to_string())
}

/// 18 of `18.6 (Debian 18.6-3)`.
fn main_version(text: Option<&str>) -> u32 {
    let digits = text.and_then(|text| text.split(|c: char| !c.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
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

/// What the server was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Login,
    Statement,
}

/// Why nothing is known. In particular 28000 is no wrong password: it says that the role may not log in at all, or not
/// from here, or not without TLS; to a statement, that an extension refuses it.
fn cause(error: &Error, stage: Stage) -> Cause {
    let Some(refusal) = error.as_db_error() else {
        return cause_of_broken_connection(error);
    };
    match (stage, refusal.code().code()) {
        (Stage::Login, "08P01") => Cause::Pooler,
        (Stage::Login, "28P01") if is_of_a_pooler(refusal) => Cause::Pooler,
        (Stage::Login, "28000") => cause_of_28000(refusal),
        (Stage::Login, "3D000") => Cause::NoDatabase,
        (Stage::Login, "42501") => Cause::NoConnect,
        (Stage::Statement, "28000" | "42501") => Cause::Forbidden,
        (_, "25006") => Cause::ReadOnly,
        (_, "57P01" | "57P02" | "57P03" | "57P04" | "57P05") => Cause::NotReady,
        (_, "57014" | "55P03") => Cause::TimedOut,
        (_, code) if code.starts_with("53") => Cause::Busy,
        (_, code) if code.starts_with("08") => Cause::Unreachable,
        _ => Cause::Other,
    }
}

/// Servers that speak English say which of its reasons it is; the text itself is not passed on.
fn cause_of_28000(refusal: &DbError) -> Cause {
    let text = refusal.message();
    if text.contains("client certificate") { Cause::CertificateWanted } else { Cause::Barred }
}

fn cause_of_broken_connection(error: &Error) -> Cause {
    if tls::failure_behind(error).is_some() {
        return Cause::Tls;
    }
    // The driver has texts for these and no codes.
    let text = error.to_string();
    if text.starts_with("error performing TLS handshake") {
        let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        return if reason.contains("does not support TLS") { Cause::TlsNotOffered } else { Cause::Tls };
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
    match error.as_db_error() {
        Some(refusal) if refusal.code() == &SqlState::INVALID_PASSWORD && !is_of_a_pooler(refusal) => Cause::NoLogin,
        Some(_) if is_refused_statement(error) => Cause::Forbidden,
        _ => cause(error, Stage::Login),
    }
}

/// What a failed change says: a data exception or an error raised by a check is a refusal of this password. Any other
/// error of the statement has undone it, unless the server was ending the session.
fn change_that_failed(error: &Error) -> Change {
    match error.code().map(SqlState::code) {
        Some(code) if code.starts_with("22") || code == "P0001" => Change::RefusedCandidate,
        Some(code) if code.starts_with("57") || code.starts_with("08") => {
            Change::Unknown(cause(error, Stage::Statement))
        }
        Some(_) => Change::NotDone(cause(error, Stage::Statement)),
        None => Change::Unknown(cause(error, Stage::Statement)),
    }
}

/// Codes and texts of the connection. Texts of the server are left out: they may quote the statement.
fn detail(error: &Error) -> String {
    match (error.code(), tls::failure_behind(error), tls::io_kind_behind(error)) {
        (Some(code), _, _) => format!("SQLSTATE {}", code.code()),
        (None, Some(failure), _) => failure,
        (None, None, Some(ErrorKind::UnexpectedEof)) => {
            "the connection was closed during the login; is this a PostgreSQL server?".to_owned()
        }
        (None, None, Some(kind)) => kind.to_string(),
        (None, None, None) => error.to_string(),
    }
}

/// The same of a login, with what its code may mean.
fn login_detail(error: &Error) -> String {
    let code = detail(error);
    let Some(refusal) = error.as_db_error() else { return code };
    let meaning = match refusal.code().code() {
        "28P01" => "a wrong password, a role that has expired, or a hash of another kind than pg_hba.conf asks for",
        "28000" if refusal.routine() == Some("InitializeSessionUserId") => "the role may not log in",
        "28000" if refusal.message().contains("no encryption") => {
            "pg_hba.conf lets no such connection in; it may ask for TLS"
        }
        "28000" if refusal.routine() == Some("ClientAuthentication") => "pg_hba.conf lets no such connection in",
        "XX000" => "an extension may have banned the role after failed logins",
        _ => return code,
    };
    format!("{code}: {meaning}")
}
