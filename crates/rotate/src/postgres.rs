//! PostgreSQL: trying a login, changing a password by a hash made here, and reading a role. How a session begins is the
//! business of `session`; everything asked here is asked through it, and names what it uses by its schema.

mod hash;
mod rights;
mod scram;
mod session;

use core::{cell::Cell, net::SocketAddr, time::Duration};
use std::io::ErrorKind;

use csms_core::rotation::{
    Account, Inspection, Message, Probe,
    message::{attempt, connection, postgresql as say},
    plan::{Cause, Change, Match, Passwords},
};
use hash::{Chosen, Kept, Kind};
use session::{DEFAULT_DATABASE, Exchange, Failed, Purpose, Session, alone, first, with_session};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_postgres::{
    Error,
    error::{DbError, SqlState},
};

use crate::{
    database::{Answer, By, Forecast, Inspect, Limits, NewPassword},
    tls,
};

/// The first version that says how it let a session in (`system_user`).
const SYSTEM_USER: u32 = 16;

/// The oldest version that knows SCRAM, as `server_version_num`.
const OLDEST: u32 = 100_000;

/// How long the server may take to say how it has let a login in.
pub(crate) const QUESTION: Duration = Duration::from_secs(5);

/// Tries to log in, for no longer than the limit of a login, and asks how the server has let it in, for no longer than
/// [`QUESTION`].
pub(crate) async fn probe(account: &Account, address: SocketAddr, limits: Limits) -> Answer<Probe> {
    let role = account.login().account_name();
    let logged_in = Notify::new();
    let question = |version| {
        logged_in.notify_one();
        method(version)
    };
    let looked = with_session(account, address, (Purpose::Look, QUESTION), question, async |session, rows| {
        Ok(Guard::of(&first(rows), session.own, role))
    });
    let over = async {
        let is_logged_in = timeout(limits.login, logged_in.notified()).await.is_ok();
        if is_logged_in {
            sleep(QUESTION).await;
        }
        is_logged_in
    };
    let looked = tokio::select! {
        biased;
        looked = looked => looked,
        is_logged_in = over => Err(Failed::Silent { is_logged_in }),
    };
    let accepted = |guard: Guard| {
        let detail = say::logged_in(&account.login().username);
        let refusal_locks = guard.refusal_locks();
        Answer { checked: guard.checks_passwords, refusal_locks, ..Answer::detailed(Probe::Accepted, detail) }
    };
    match looked {
        Ok(Guard { elsewhere: Some(method), .. }) => {
            Answer::detailed(Probe::Unknown(Cause::Unsupported), say::checked_elsewhere(method))
        }
        Ok(guard) => accepted(guard),
        // The login is proven; that more cannot be asked changes nothing.
        Err(Failed::Statement(_) | Failed::Silent { is_logged_in: true }) => accepted(Guard::default()),
        Err(Failed::Silent { is_logged_in: false }) => {
            Answer::detailed(Probe::Unknown(Cause::TimedOut), connection::timed_out())
        }
        Err(Failed::Before(cause, detail)) => Answer::detailed(Probe::Unknown(cause), detail),
        Err(Failed::Login(error)) => {
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

/// Asks how this session was let in, and what credcheck does about failed logins.
fn method(version: u32) -> String {
    let system_user = if version >= SYSTEM_USER { "system_user" } else { "NULL" };
    format!(
        "SELECT {system_user}, pg_catalog.host(pg_catalog.inet_client_addr()), pg_catalog.inet_client_port(), {FAILURES}"
    )
}

/// The number of failed logins after which credcheck bans a role, and the roles that it never bans.
const FAILURES: &str = "pg_catalog.current_setting('credcheck.max_auth_failure', true), \
    pg_catalog.current_setting('credcheck.whitelist_auth_failure', true)";

/// How the server guards logins, as far as it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Guard {
    /// Whether the server says that it let this very connection in by the password that it keeps for the role. Behind a pooler
    /// or a proxy it speaks of the pooler's connection, which is not the one that was made here.
    checks_passwords: bool,
    /// What else checks passwords, where the server says that something does.
    elsewhere: Option<&'static str>,
    /// Failed logins after which the role is banned.
    banned_after: Option<u32>,
}

impl Guard {
    /// From the answer to [`method`] in a session with this address of its own.
    fn of(row: &[Option<String>], own: SocketAddr, role: &str) -> Self {
        let method = text(row, 0);
        let is_by_password = ["scram-sha-256:", "md5:", "password:"].iter().any(|kind| method.starts_with(kind));
        let is_direct = text(row, 1) == own.ip().to_string() && text(row, 2) == own.port().to_string();
        let elsewhere = ["ldap", "radius", "pam", "bsd"]
            .into_iter()
            .find(|other| is_direct && method.strip_prefix(other).is_some_and(|identity| identity.starts_with(':')));
        Self { checks_passwords: is_by_password && is_direct, elsewhere, banned_after: banned_after(row, 3, role) }
    }

    const fn refusal_locks(self) -> bool {
        matches!(self.banned_after, Some(1))
    }
}

/// After how many failed logins a role is banned, from the columns of [`FAILURES`].
fn banned_after(row: &[Option<String>], column: usize, role: &str) -> Option<u32> {
    let exempt = text(row, column + 1);
    let is_exempt = exempt.split(',').any(|name| name.trim() == role);
    text(row, column).parse().ok().filter(|limit| *limit > 0 && !is_exempt)
}

/// A column as text, empty where there is nothing.
fn text(row: &[Option<String>], column: usize) -> String {
    row.get(column).cloned().flatten().unwrap_or_default()
}

/// A column as truth.
fn is(row: &[Option<String>], column: usize) -> bool {
    row.get(column).is_some_and(|value| value.as_deref() == Some("t"))
}

/// Poolers have codes and texts of their own and pass on the server's, but do not say which routine of the server has refused a
/// login; the server does.
fn is_of_a_pooler(refusal: &DbError) -> bool {
    refusal.code() == &SqlState::PROTOCOL_VIOLATION || refusal.routine().is_none()
}

/// What the session is and what the server asks of passwords.
struct Server {
    user: String,
    is_standby: bool,
    version: u32,
    password_encryption: String,
    scram_iterations: Option<String>,
    /// The client's address and port, as the server sees them.
    client: (String, String),
    /// Whether the session may switch the log of its statements off.
    is_superuser: bool,
}

const SERVER: &str = "SELECT current_user, pg_catalog.pg_is_in_recovery(), \
    pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('password_encryption'), \
    pg_catalog.current_setting('scram_iterations', true), pg_catalog.host(pg_catalog.inet_client_addr()), \
    pg_catalog.inet_client_port(), pg_catalog.current_setting('is_superuser')";

impl Server {
    fn of(row: &[Option<String>]) -> Self {
        Self {
            user: text(row, 0),
            is_standby: is(row, 1),
            version: text(row, 2).parse().unwrap_or_default(),
            password_encryption: text(row, 3),
            scram_iterations: row.get(4).cloned().flatten().filter(|iterations| !iterations.is_empty()),
            client: (text(row, 5), text(row, 6)),
            is_superuser: text(row, 7) == "on",
        }
    }

    /// Whether nothing is in between that logs clients in by itself.
    fn is_direct(&self, own: SocketAddr) -> bool {
        self.client == (own.ip().to_string(), own.port().to_string())
    }
}

/// How the new password is to be kept, and a digest of the present hash where it can be read.
///
/// An account that changes its own password has the settings of its session. An administrator's session has settings that are
/// none of the account's: those of the account's role count, then what is kept so far, then those of the server.
async fn kind(
    session: &Session<'_>,
    server: &Server,
    new: &NewPassword<'_>,
) -> Result<(Chosen, Option<String>), Error> {
    if !matches!(new.by, By::Admin { .. }) {
        let asked = Kind::of(&server.password_encryption, server.scram_iterations.as_deref());
        let kept = match session.exchange {
            // A pooler asks by MD5 whatever the server keeps.
            Exchange::Md5 if asked != Kind::Md5 && !server.is_direct(session.own) => Kept::Unknown,
            Exchange::Md5 => Kept::Md5,
            Exchange::Scram => Kept::Scram(None),
            Exchange::Other => Kept::Unknown,
        };
        return Ok((hash::choose(asked, kept), None));
    }
    let role = literal(new.account.login().account_name());
    let hash = match is(&session.first_row(MAY_READ_HASHES).await?, 0) {
        true => session.first_row(&kept_hash(&role)).await?.into_iter().next().flatten(),
        false => None,
    };
    let kept = hash.as_deref().map_or(Kept::Unknown, hash::kept);
    let database = literal(new.account.dbname().unwrap_or(DEFAULT_DATABASE));
    // Settings of the role in its database come first, those of the database last.
    let settings = format!(
        "SELECT u.setting FROM pg_catalog.pg_db_role_setting s, LATERAL pg_catalog.unnest(s.setconfig) u(setting) \
         WHERE (s.setrole = 0 OR s.setrole = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = {role})) \
         AND (s.setdatabase = 0 OR s.setdatabase = \
         (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = {database})) \
         ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC"
    );
    let own: Vec<String> = session.rows(&settings).await?.into_iter().flatten().flatten().collect();
    let of_role = |name: &str| own.iter().find_map(|setting| setting.strip_prefix(name)?.strip_prefix('='));
    let all = session.rows(OF_THE_SERVER).await?;
    let of_server = |name: &str| all.iter().find(|row| text(row, 0) == name).map(|row| text(row, 1));
    let encryption = of_role("password_encryption").map(str::to_owned).or_else(|| of_server("password_encryption"));
    let kept_iterations = match kept {
        Kept::Scram(Some(iterations)) => Some(iterations.to_string()),
        _ => None,
    };
    let iterations = of_role("scram_iterations").map(str::to_owned).or(kept_iterations);
    let iterations = iterations.or_else(|| of_server("scram_iterations"));
    let asked = Kind::of(&encryption.unwrap_or_default(), iterations.as_deref());
    // Nobody has logged in by MD5, so that a new hash of that kind might not log in either.
    let is_used = matches!(new.by, By::Admin { in_use: Some(_), .. });
    let kept = if kept == Kept::Md5 && asked != Kind::Md5 && !is_used { Kept::Unknown } else { kept };
    Ok((hash::choose(asked, kept), hash.as_deref().map(digest)))
}

/// Whether hashes of passwords can be read.
const MAY_READ_HASHES: &str = "SELECT pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolname', 'SELECT') \
    AND pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT')";

fn kept_hash(role: &str) -> String {
    format!("SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = {role}")
}

/// Settings of the server, whatever the session has chosen for itself.
const OF_THE_SERVER: &str = "SELECT name, CASE WHEN source IN ('database', 'user', 'database user', 'client', 'session') \
    THEN boot_val ELSE setting END FROM pg_catalog.pg_settings \
    WHERE name IN ('password_encryption', 'scram_iterations')";

/// By which a later change of a hash is noticed.
fn digest(hash: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(hash)[..6])
}

/// Logs in and gives a role another password: the role that logged in, or as an administrator another one.
pub(crate) async fn set_password(new: NewPassword<'_>, address: SocketAddr, limits: Limits) -> Answer<Change> {
    let Some(login) = new.login() else { return Answer::plain(Change::NotDone(Cause::Unsupported)) };
    let salt = match make_salt() {
        Ok(salt) => salt,
        Err(detail) => return Answer::detailed(Change::NotDone(Cause::Other), detail),
    };
    let role = new.account.login().account_name();
    // Before the statement is sent, a failure means that nothing was changed.
    let sent = Cell::new(false);
    // Whether the statement may be in a log with what logs in as the new password does.
    let is_exposed = Cell::new(false);
    let alter = |kind: Kind| {
        // The role is named, because an extension may take CURRENT_USER for another one (credcheck 4.5).
        let hash = kind.hash(role, new.account.password(), &salt);
        format!("ALTER ROLE {} PASSWORD '{hash}'", identifier(role))
    };
    // The login was in time; the statements end by themselves.
    let in_transaction = with_server(login, address, limits, async |session, server| {
        let (chosen, seen) = kind(session, server, &new).await?;
        if new.seen.zip(seen.as_deref()).is_some_and(|(then, now)| then != now) {
            return Ok(Err((Cause::Changed, None)));
        }
        sent.set(true);
        match chosen.kind {
            Kind::Md5 if server.is_superuser => session.commit_unlogged(&alter(chosen.kind)).await?,
            kind => {
                is_exposed.set(kind == Kind::Md5);
                session.commit(&alter(kind)).await?;
            }
        }
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
        Err(Failed::Statement(error)) if !sent.get() && is_refused_statement(&error) => {
            sent.set(true);
            let statement = alter(Kind::Scram(scram::ITERATIONS));
            match alone(login, address, limits.change, &statement).await {
                // It was not let in, so that nothing was sent.
                Err(failed @ (Failed::Before(..) | Failed::Login(_))) => {
                    sent.set(false);
                    Err(failed)
                }
                done => done.map(Ok),
            }
        }
        changed => changed,
    };
    match changed {
        Ok(Ok(())) => Answer::detailed(Change::Done, say::role(role)),
        Ok(Err((cause, detail))) => Answer::detailed(Change::NotDone(cause), detail),
        Err(Failed::Login(error) | Failed::Statement(error)) if sent.get() => {
            let finding = change_that_failed(&error);
            // An answer of a proxy says nothing of the server, which may be about to make the change.
            let exposed = is_exposed.get() && error.as_db_error().is_some_and(|refusal| refusal.routine().is_some());
            let mut text = detail(&error);
            if finding == Change::NotDone(Cause::Forbidden)
                && let Some(reason) = reason_of_an_extension(login, address, limits).await
            {
                text = say::because(text, reason);
            }
            Answer { exposed, ..Answer::detailed(finding, text) }
        }
        Err(failed) => {
            let (cause, detail) = reason(failed);
            Answer::detailed(Change::NotDone(cause), detail)
        }
    }
}

/// Why something was not done, with what is behind it.
type Obstacle = (Cause, Option<Message>);

/// Logs in for a change, reads the server, and does `work` in a transaction unless what was read stands in the way. The
/// transaction ends with the connection unless `work` commits it.
async fn with_server<T>(
    login: &Account,
    address: SocketAddr,
    limits: Limits,
    work: impl AsyncFnOnce(&Session<'_>, &Server) -> Result<Result<T, Obstacle>, Error>,
) -> Result<Result<T, Obstacle>, Failed> {
    let purpose = (Purpose::Change, limits.change);
    let question = |_| SERVER.to_owned();
    with_session(login, address, purpose, question, async |session, rows| {
        let server = Server::of(&first(rows));
        match obstacle_of(&server, login) {
            Some(obstacle) => Ok(Err(obstacle)),
            None => work(session, &server).await,
        }
    })
    .await
}

/// Why a session has come to nothing before anything was changed.
fn reason(failed: Failed) -> Obstacle {
    match failed {
        Failed::Before(cause, detail) => (cause, detail),
        Failed::Silent { .. } => (Cause::TimedOut, None),
        Failed::Login(error) | Failed::Statement(error) => (cause_of_change(&error), Some(login_detail(&error))),
    }
}

/// Why this session cannot make the change, if that can be seen.
fn obstacle_of(server: &Server, login: &Account) -> Option<Obstacle> {
    if server.user != login.login().account_name() {
        return Some((Cause::OtherAccount, Some(say::acts_as(&server.user))));
    }
    if server.version < OLDEST {
        return Some((Cause::Unsupported, Some(say::too_old())));
    }
    server.is_standby.then(|| (Cause::ReadOnly, Some(say::standby())))
}

/// 28000 to a statement: an extension refuses it, not the server the login.
fn is_refused_statement(error: &Error) -> bool {
    let refusal = error.as_db_error();
    refusal.is_some_and(|refusal| {
        refusal.code() == &SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            && refusal.routine().is_some_and(|routine| {
                !matches!(routine, "ClientAuthentication" | "InitializeSessionUserId" | "auth_failed")
            })
    })
}

/// The setting by which credcheck refuses hashes or changes, if it is there and does so.
fn credcheck(row: &[Option<String>]) -> Option<Message> {
    match () {
        () if text(row, 1) == "on" => Some(say::change_disallowed()),
        () if text(row, 0) == "off" => Some(say::hashes_disallowed()),
        () => None,
    }
}

/// Asks for the settings of [`credcheck`], and for those of [`banned_after`].
fn of_credcheck(_: u32) -> String {
    format!(
        "SELECT pg_catalog.current_setting('credcheck.encrypted_password_allowed', true), \
         pg_catalog.current_setting('credcheck.disallow_change_password', true), {FAILURES}"
    )
}

async fn reason_of_an_extension(login: &Account, address: SocketAddr, limits: Limits) -> Option<Message> {
    let purpose = (Purpose::Look, limits.change);
    let asked = with_session(login, address, purpose, of_credcheck, async |_, rows| Ok(credcheck(&first(rows))));
    asked.await.ok().flatten()
}

/// Logs in and looks at what a change would meet. PostgreSQL keeps one password for each role, so there is no overlap.
pub(crate) async fn forecast(new: NewPassword<'_>, address: SocketAddr, limits: Limits) -> Forecast {
    let Some(login) = new.login() else { return Forecast::obstacle(Cause::Unsupported, connection::login_needed()) };
    let role = new.account.login().account_name();
    let looked = with_server(login, address, limits, async |session, server| foreseen(session, server, &new).await);
    let forecast = match looked.await {
        Ok(Ok(forecast)) => forecast,
        Ok(Err((cause, what))) => Forecast::obstacle(cause, what),
        Err(Failed::Statement(error)) if is_refused_statement(&error) => Forecast {
            // The change is tried as the first statement of a session then.
            expected: Change::Done,
            keeps_old: false,
            missing: vec![say::password_first(), say::perhaps_no_md5()],
            account: None,
        },
        Err(failed) => {
            let (cause, what) = reason(failed);
            Forecast::obstacle(cause, what)
        }
    };
    Forecast { account: Some(role.to_owned()), ..forecast }
}

/// What a change would meet on a server that can be written to.
async fn foreseen(
    session: &Session<'_>,
    server: &Server,
    new: &NewPassword<'_>,
) -> Result<Result<Forecast, Obstacle>, Error> {
    let role = new.account.login().account_name();
    let settings = session.first_row(&of_credcheck(session.version)).await?;
    if let Some(what) = credcheck(&settings) {
        return Ok(Err((Cause::Forbidden, Some(what))));
    }
    let by_admin = matches!(new.by, By::Admin { .. });
    if let Some(what) = may_not_change(session, role, server.version, by_admin).await? {
        return Ok(Err((Cause::Forbidden, Some(what))));
    }
    let mut missing = Vec::new();
    match standbys_of(session).await? {
        Standbys::Enough => {}
        Standbys::Missing => {
            let (expected, missing) = (Change::Unknown(Cause::Other), vec![say::no_standby()]);
            return Ok(Ok(Forecast { expected, keeps_old: false, missing, account: None }));
        }
        Standbys::Hidden => missing.push(say::standby_hidden()),
    }
    if new.keep_old {
        missing.push(say::one_password());
    }
    if let Some(limit) = banned_after(&settings, 2, role) {
        missing.push(say::banned_after(limit));
    }
    let expires = format!(
        "SELECT rolvaliduntil FROM pg_catalog.pg_roles WHERE rolname = {} AND rolvaliduntil < 'infinity'",
        literal(role)
    );
    if let Some(Some(date)) = session.first_row(&expires).await?.first() {
        missing.push(say::role_expires(date));
    }
    let (chosen, _) = kind(session, server, new).await?;
    missing.extend(chosen.remarks);
    if chosen.kind == Kind::Md5 {
        let settings: Vec<String> =
            session.rows(&writers_of_statements(server.is_superuser)).await?.into_iter().flatten().flatten().collect();
        missing.extend((!settings.is_empty()).then(|| say::md5_in_the_log(settings.join(", "))));
    }
    Ok(Ok(Forecast { expected: Change::Done, keeps_old: false, missing, account: None }))
}

/// Asks for the settings by which a server writes a statement down that succeeds. Of one that fails, which `log_min_error_statement`
/// does by default, the password is never used. A superuser switches most of them off ([`Session::commit_unlogged`]).
fn writers_of_statements(is_superuser: bool) -> String {
    let others = if is_superuser {
        ""
    } else {
        "OR name = 'log_statement' AND setting <> 'none' \
         OR name IN ('log_min_duration_statement', 'log_min_duration_sample') AND setting <> '-1' \
         OR name = 'log_min_error_statement' AND (setting LIKE 'debug%' OR setting IN ('info', 'notice', 'warning')) \
         OR name = 'pg_stat_statements.track_utility' AND setting = 'on'"
    };
    format!(
        "SELECT name || ' = ' || setting FROM pg_catalog.pg_settings \
         WHERE name = 'log_transaction_sample_rate' AND setting <> '0' {others} ORDER BY name"
    )
}

/// What a login lacks for changing a role's password. From PostgreSQL 16 on an administrator needs ADMIN OPTION on the role;
/// before, a role with REPLICATION could not even change its own. On Amazon RDS, `rds.restrict_password_commands` leaves passwords to
/// members of a role of its own.
async fn may_not_change(
    session: &Session<'_>,
    role: &str,
    version: u32,
    by_admin: bool,
) -> Result<Option<Message>, Error> {
    let is_older = version < 160_000;
    let query = format!(
        "SELECT a.rolsuper, a.rolcreaterole, r.rolsuper, r.rolreplication, {}, \
         pg_catalog.current_setting('rds.restrict_password_commands', true), EXISTS (SELECT FROM pg_catalog.pg_roles p \
         WHERE p.rolname = 'rds_password' AND pg_catalog.pg_has_role(a.oid, p.oid, 'MEMBER')) \
         FROM pg_catalog.pg_roles a, pg_catalog.pg_roles r WHERE a.rolname = current_user AND r.rolname = {}",
        if is_older { "true" } else { "pg_catalog.pg_has_role(a.oid, r.oid, 'MEMBER WITH ADMIN OPTION')" },
        literal(role),
    );
    let row = session.first_row(&query).await?;
    Ok(match () {
        () if is(&row, 0) => None,
        () if matches!(text(&row, 5).as_str(), "1" | "on") && !is(&row, 6) => Some(say::rds_password()),
        () if is_older && is(&row, 3) => Some(say::superuser_for_replication()),
        () if !by_admin => None,
        () if !is(&row, 1) => Some(say::createrole()),
        () if is(&row, 2) => Some(say::superuser_for_superuser()),
        () if !is(&row, 4) => Some(say::admin_option(role)),
        () => None,
    })
}

/// What is known of the standbys that commits wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standbys {
    /// Commits wait for none, or those that they wait for are connected.
    Enough,
    /// Fewer are connected than commits wait for.
    Missing,
    /// Some are connected, and the login may not see whether they are those.
    Hidden,
}

/// What to make of `synchronous_standby_names`, of `synchronous_commit`, and of the numbers of connections that send the log:
/// all of them, those that count, and those whose state is hidden.
fn standbys(names: &str, commit: &str, [all, counting, hidden]: [u64; 3]) -> Standbys {
    if names.trim().is_empty() || matches!(commit, "off" | "local") {
        return Standbys::Enough;
    }
    // `FIRST 2 (a, b)`, `ANY 2 (a, b)`, `2 (a, b)`, or names alone, of which one counts.
    let head = names.split_once('(').map_or("", |(head, _)| head);
    let wanted = head.split_whitespace().last().and_then(|word| word.parse().ok()).unwrap_or(1);
    match () {
        () if all < wanted => Standbys::Missing,
        () if hidden > 0 => Standbys::Hidden,
        () if counting < wanted => Standbys::Missing,
        () => Standbys::Enough,
    }
}

/// Whether commits wait for standbys that are not there.
async fn standbys_of(session: &Session<'_>) -> Result<Standbys, Error> {
    let query = "SELECT pg_catalog.current_setting('synchronous_standby_names'), \
        pg_catalog.current_setting('synchronous_commit'), pg_catalog.count(*), \
        pg_catalog.count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')), \
        pg_catalog.count(*) FILTER (WHERE sync_state IS NULL) FROM pg_catalog.pg_stat_get_wal_senders()";
    let row = session.first_row(query).await?;
    let number = |column| text(&row, column).parse().unwrap_or_default();
    Ok(standbys(&text(&row, 0), &text(&row, 1), [number(2), number(3), number(4)]))
}

/// What a role may do, as far as the catalogs of its database say.
pub(crate) async fn rights(
    account: &Account,
    address: SocketAddr,
    limits: Limits,
) -> Answer<Result<Vec<String>, Cause>> {
    let purpose = (Purpose::Look, limits.change);
    let listed = with_session(account, address, purpose, rights::question, async |_, rows| {
        Ok(rows.into_iter().flatten().flatten().collect())
    });
    match listed.await {
        Ok(rights) => Answer::plain(Ok(rights)),
        Err(failed) => {
            let (cause, detail) = reason(failed);
            Answer::detailed(Err(cause), detail)
        }
    }
}

/// Reads a role as an administrator.
pub(crate) async fn inspect(inspect: Inspect<'_>, address: SocketAddr, limits: Limits) -> Answer<Inspection> {
    let name = inspect.account.login().account_name();
    let role = literal(name);
    let database = literal(inspect.account.dbname().unwrap_or(DEFAULT_DATABASE));
    // The server looks at all of this only after the password, so that a login with a wrong one tells nothing of it.
    let question = |_| {
        format!(
            "SELECT NOT r.rolcanlogin, r.rolconnlimit = 0 AND NOT r.rolsuper, \
             COALESCE(r.rolvaliduntil < pg_catalog.now(), false), d.oid IS NULL, \
             NOT (d.datallowconn AND pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT')), \
             NOT r.rolsuper AND r.rolconnlimit > 0 AND r.rolconnlimit <= \
             (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid) \
             FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_database d ON d.datname = {database} \
             WHERE r.rolname = {role}"
        )
    };
    let purpose = (Purpose::Look, limits.change);
    let read = with_session(inspect.admin, address, purpose, question, async |session, rows| {
        let row = first(rows);
        if row.is_empty() {
            return Ok(Answer::plain(Inspection::NoAccount));
        }
        let barrier = match () {
            () if is(&row, 0) || is(&row, 1) => Some(Cause::Barred),
            () if is(&row, 2) => Some(Cause::Expired),
            () if is(&row, 3) => Some(Cause::NoDatabase),
            () if is(&row, 4) => Some(Cause::NoConnect),
            () if is(&row, 5) => Some(Cause::Busy),
            () => None,
        };
        let guard = Guard::of(&session.first_row(&method(session.version)).await?, session.own, name);
        let mut answer = match is(&session.first_row(MAY_READ_HASHES).await?, 0) {
            true => {
                let kept = session.first_row(&kept_hash(&role)).await?.into_iter().next().flatten();
                compared(&inspect, barrier, kept.as_deref())
            }
            false => {
                let finding = Inspection::Account { barrier, passwords: None };
                Answer::detailed(finding, say::hashes_hidden())
            }
        };
        if is(&row, 1) {
            answer.detail = answer.detail.map(say::no_connections);
        }
        Ok(Answer { checked: guard.checks_passwords, refusal_locks: guard.refusal_locks(), ..answer })
    });
    read.await.unwrap_or_else(|failed| {
        let (cause, detail) = reason(failed);
        Answer::detailed(Inspection::Failed(cause), detail)
    })
}

fn compared(inspect: &Inspect<'_>, barrier: Option<Cause>, kept: Option<&str>) -> Answer<Inspection> {
    let role = inspect.account.login().account_name();
    let of = |account: Option<&Account>| -> Option<Match> {
        let Some(account) = account else { return Some(Match::Unknown) };
        let Some(kept) = kept else { return Some(Match::Neither) };
        let is_first = hash::is_of(kept, role, account.password())?;
        Some(if is_first { Match::First } else { Match::Neither })
    };
    let stored = inspect.stored;
    let all = (of(stored.pending), of(stored.current), of(stored.previous));
    let is_unclear = kept.is_some() && (all.0.is_none() || all.1.is_none() || all.2.is_none());
    let passwords = match all {
        (Some(pending), Some(current), Some(previous)) => {
            Some(Passwords { pending, current, previous, has_second: false })
        }
        _ => None,
    };
    // The role logs in by something else, where its passwords are kept elsewhere.
    let barrier = barrier.or_else(|| kept.is_none().then_some(Cause::Unsupported));
    let seen = kept.map(digest);
    let mut detail = match (kept, &seen) {
        (Some(kept), Some(seen)) => say::hash(role, seen, hash::kind_of(kept)),
        _ => say::no_password(role),
    };
    if is_unclear {
        detail = say::not_comparable(detail);
    }
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

fn make_salt() -> Result<[u8; scram::SALT_BYTES], Message> {
    let mut salt = [0; scram::SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| attempt::no_random_numbers(error.to_string()))?;
    Ok(salt)
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
        return if has_too_many_iterations(error) { Cause::Unsupported } else { cause_of_broken_connection(error) };
    };
    match (stage, refusal.code().code()) {
        (Stage::Login, code) if is_of_a_pooler(refusal) && !code.starts_with("53") && !code.starts_with("57") => {
            Cause::Pooler
        }
        (Stage::Login, "28000") => cause_of_28000(refusal),
        (Stage::Login, "XX000") if is_a_ban(refusal) => Cause::Locked,
        (Stage::Login, "P0001") => Cause::Barred,
        (Stage::Login, "3D000") => Cause::NoDatabase,
        (Stage::Login, "42501" | "55000") => Cause::NoConnect,
        (Stage::Statement, "28000" | "42501") => Cause::Forbidden,
        (_, "25006") => Cause::ReadOnly,
        (_, "57P01" | "57P02" | "57P03" | "57P04") => Cause::NotReady,
        (_, "57014" | "55P03" | "57P05" | "25P03" | "25P04") => Cause::TimedOut,
        (_, code) if code.starts_with("53") => Cause::Busy,
        (_, code) if code.starts_with("08") => Cause::Unreachable,
        _ => Cause::Other,
    }
}

/// Credcheck bans a role after failed logins, without a code of its own.
fn is_a_ban(refusal: &DbError) -> bool {
    refusal.message().contains("has been banned")
}

/// Servers that speak English say which of its reasons it is; the text itself is not passed on.
fn cause_of_28000(refusal: &DbError) -> Cause {
    let text = refusal.message();
    if text.contains("client certificate") { Cause::CertificateWanted } else { Cause::Barred }
}

/// The driver logs in with no more than [`hash::MOST_ITERATIONS`], and has a text for it and no code.
fn has_too_many_iterations(error: &Error) -> bool {
    let source = std::error::Error::source(error).map(ToString::to_string);
    source.is_some_and(|text| text.contains("iteration count exceeds"))
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
        // A proxy answers, and its connection to the server may have broken after the statement was sent.
        Some(_) if error.as_db_error().is_some_and(|refusal| refusal.routine().is_none()) => {
            Change::Unknown(cause(error, Stage::Statement))
        }
        Some(code) if code.starts_with("22") || code == "P0001" => Change::RefusedCandidate,
        Some(code) if code.starts_with("57") || code.starts_with("08") => {
            Change::Unknown(cause(error, Stage::Statement))
        }
        Some(_) => Change::NotDone(cause(error, Stage::Statement)),
        None => Change::Unknown(cause(error, Stage::Statement)),
    }
}

/// Codes and texts of the connection. Texts of the server are left out: they may quote the statement.
fn detail(error: &Error) -> Message {
    match (error.code(), tls::failure_behind(error), tls::io_kind_behind(error)) {
        (Some(code), _, _) => say::sqlstate(code.code()),
        (None, Some(failure), _) => failure,
        (None, None, Some(ErrorKind::UnexpectedEof)) => say::closed_at_login(),
        (None, None, Some(kind)) => tls::said_of(kind),
        (None, None, None) => connection::said(error.to_string()),
    }
}

/// The same of a login, with what its code may mean.
fn login_detail(error: &Error) -> Message {
    if has_too_many_iterations(error) {
        return say::too_many_iterations(hash::MOST_ITERATIONS);
    }
    let Some(refusal) = error.as_db_error() else { return detail(error) };
    let meaning = match refusal.code().code() {
        "28P01" => say::login_refused(),
        "28000" if refusal.routine() == Some("InitializeSessionUserId") => say::may_not_log_in(),
        "28000" if refusal.message().contains("no encryption") => say::wants_tls(),
        "28000" if refusal.routine() == Some("ClientAuthentication") => say::not_let_in(),
        "55000" => say::takes_no_connections(),
        "57P05" => say::ends_idle_sessions(),
        "25P03" | "25P04" => say::ends_transactions(),
        "53300" if refusal.routine() == Some("InitializeSessionUserId") => say::role_limit(),
        "53300" if refusal.routine() == Some("CheckMyDatabase") => say::database_limit(),
        "P0001" => say::login_trigger(),
        "XX000" if is_a_ban(refusal) => say::banned(),
        "XX000" => say::perhaps_banned(),
        _ => return detail(error),
    };
    say::sqlstate_meaning(refusal.code().code(), meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refused_login_locks_where_credcheck_bans_after_one() {
        let own: SocketAddr = "127.0.0.1:40000".parse().unwrap();
        let guard = |method: &str, port: &str, limit: &str, exempt: &str| {
            let row = [method, "127.0.0.1", port, limit, exempt].map(|text| Some(text.to_owned()));
            Guard::of(&row, own, "app")
        };
        let checked = guard("scram-sha-256:app", "40000", "1", "");
        assert!(checked.checks_passwords && checked.refusal_locks());
        assert!(!guard("scram-sha-256:app", "40001", "1", "").checks_passwords, "a proxy is in between");
        assert!(guard("", "40000", "1", "apple, other").refusal_locks());
        assert!(!guard("", "40000", "1", "other, app").refusal_locks());
        assert_eq!(guard("", "40000", "3", "").banned_after, Some(3));
        assert_eq!(guard("", "40000", "0", "").banned_after, None);
        assert_eq!(Guard::of(&[], own, "app"), Guard::default());
        assert_eq!(guard("ldap:app", "40000", "0", "").elsewhere, Some("ldap"));
        assert_eq!(guard("ldap:app", "40001", "0", "").elsewhere, None, "a proxy is in between");
    }

    #[test]
    fn commits_wait_for_as_many_standbys_as_the_setting_says() {
        let of = |names, counts| standbys(names, "on", counts);
        assert_eq!(of("", [0, 0, 0]), Standbys::Enough);
        assert_eq!(standbys("gone", "local", [0, 0, 0]), Standbys::Enough);
        assert_eq!(of("gone", [0, 0, 0]), Standbys::Missing);
        assert_eq!(of("gone", [1, 0, 0]), Standbys::Missing, "another one is connected");
        assert_eq!(of("gone", [1, 0, 1]), Standbys::Hidden);
        assert_eq!(of("*", [1, 1, 0]), Standbys::Enough);
        for two in ["FIRST 2 (a, b)", "ANY 2(a,b)", "2 (a, b)"] {
            assert_eq!(of(two, [1, 1, 1]), Standbys::Missing, "{two}");
            assert_eq!(of(two, [2, 2, 0]), Standbys::Enough, "{two}");
        }
    }
}
