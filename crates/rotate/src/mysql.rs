//! MySQL, MariaDB and their kin: trying a login, changing a password, and reading an account.
//!
//! MariaDB is sent a hash, because it writes statements into its logs as they are. MySQL takes the password alone and keeps
//! it out of its logs; TLS keeps it from the network.

mod account;
mod hash;
mod policy;
mod statement;

use core::{cell::Cell, future::poll_fn, net::SocketAddr, task::Poll, time::Duration};
use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
};

use account::{Method, Shown};
use csms_core::{
    password::{Password, PasswordPolicy},
    rotation::{
        Account, Inspection, Probe, Tls,
        plan::{Cause, Change, Match, Passwords},
    },
};
use hash::Hash;
use mysql_async::{ClientIdentity, Conn, DriverError, Error, IoError, OptsBuilder, SslOpts, prelude::Queryable};
use sha2::{Digest, Sha256};
use statement::{Name, SecondPassword};
use tokio::time::{sleep, timeout};

use crate::{
    database::{Answer, By, Forecast, Inspect, Limits, NewPassword, Stored},
    tls,
};

/// Tries to log in.
pub(crate) async fn probe(account: &Account, address: SocketAddr) -> Answer<Probe> {
    match look_in(account, address).await {
        Ok(logged_in) if user_of(&logged_in) == account.login().username => {
            Answer::detailed(Probe::Accepted, format!("as {logged_in}"))
        }
        // An anonymous account, or a server that checks nothing (skip-grant-tables).
        Ok(logged_in) => Answer::detailed(Probe::Unknown(Cause::OtherAccount), format!("as {logged_in}")),
        Err(error) => {
            let finding = match &error {
                Error::Server(server) if is_access_denied(server.code) => Probe::Refused,
                Error::Server(server) if is_expired(server.code) => Probe::Expired,
                _ => Probe::Unknown(cause(&error)),
            };
            Answer::detailed(finding, detail(&error))
        }
    }
}

/// Logs in, asks as whom, and leaves.
async fn look_in(account: &Account, address: SocketAddr) -> Result<String, Error> {
    let mut conn = connect(account, address).await?;
    let logged_in: Option<String> = conn.query_first("SELECT CURRENT_USER()").await?;
    // The login is proven; that the farewell fails changes nothing.
    let _ = conn.disconnect().await;
    Ok(logged_in.unwrap_or_default())
}

/// The name in `name@host`; host parts hold no `@`.
fn user_of(logged_in: &str) -> &str {
    logged_in.rsplit_once('@').map_or(logged_in, |(user, _)| user)
}

/// Logs in and gives an account another password: the one that logged in, or as an administrator another one.
pub(crate) async fn set_password(new: NewPassword<'_>, address: SocketAddr, limits: Limits) -> Answer<Change> {
    // Before the statement is sent, a failure means that nothing was changed.
    let sent = Cell::new(false);
    match change(new, address, limits, &sent).await {
        Ok(answer) => answer,
        Err(error) if sent.get() => Answer::detailed(change_that_failed(&error), detail(&error)),
        Err(error) => Answer::detailed(Change::NotDone(cause_of_change(&error)), detail(&error)),
    }
}

async fn change(
    new: NewPassword<'_>,
    address: SocketAddr,
    limits: Limits,
    sent: &Cell<bool>,
) -> Result<Answer<Change>, Error> {
    let Some(login) = new.login() else { return Ok(Answer::plain(Change::NotDone(Cause::Unsupported))) };
    // A server that is silent before anything was sent has changed nothing.
    let mut conn = timeout(limits.login, connect(login, address)).await.unwrap_or_else(|_| Err(too_late()))?;
    let target = match find(&mut conn, &new).await? {
        Ok(target) => target,
        Err((cause, detail)) => return Ok(Answer::detailed(Change::NotDone(cause), detail)),
    };
    let second = second_password(&mut conn, &new, &target).await?;
    let kept = new.keep_old && second == SecondPassword::Kept;
    conn.query_drop(statement::settings(target.method, limits.change)).await?;
    if matches!(new.by, By::Admin { .. })
        && let Some(answer) = not_as_it_was(&mut conn, &new, &target, limits.change).await?
    {
        return Ok(answer);
    }
    if target.method == Method::Alter && sends_in_clear(login) {
        return Ok(Answer::detailed(Change::NotDone(Cause::InClear), IN_CLEAR));
    }
    let full_name = target.shown.full_name();
    let answer = match target.method {
        Method::Alter => alter(&mut conn, &new, &target, kept, sent).await?,
        Method::NativeHash => set_by_hash(&mut conn, &new, &target.name, sent).await?,
    };
    let _ = conn.disconnect().await;
    let detail = if answer.detail.is_empty() { full_name } else { format!("{full_name}; {}", answer.detail) };
    Ok(Answer { detail, ..answer })
}

/// Waits until changes of earlier sessions are over, and sees whether the account is still as it was read: a change that
/// keeps the replaced password must not be sent twice.
async fn not_as_it_was(
    conn: &mut Conn,
    new: &NewPassword<'_>,
    target: &Target,
    limit: Duration,
) -> Result<Option<Answer<Change>>, Error> {
    let (Some(seen), Name::Other { user, host }) = (new.seen, &target.name) else { return Ok(None) };
    let locked: Option<Option<u8>> = conn.query_first(statement::lock(user, host, limit)).await?;
    if locked.flatten() != Some(1) {
        return Ok(Some(Answer::detailed(Change::NotDone(Cause::Busy), "another change of this account is under way")));
    }
    let shown = show(conn, &target.name).await?;
    let second = second_hash(conn, user, host, target.method).await.unwrap_or_default();
    let now = shown.map(|shown| digest(&shown, second.as_deref()));
    Ok((now.as_deref() != Some(seen)).then(|| {
        Answer::detailed(
            Change::NotDone(Cause::Changed),
            format!("its hash was {seen} and is {}", now.unwrap_or_default()),
        )
    }))
}

/// MySQL. `REPLACE` says which password the change is from. With a kept password that is needed: without it, a second change
/// by somebody who has logged in with the kept password would lose that one. Otherwise it is said only if the server asks.
async fn alter(
    conn: &mut Conn,
    new: &NewPassword<'_>,
    target: &Target,
    kept: bool,
    sent: &Cell<bool>,
) -> Result<Answer<Change>, Error> {
    let (name, password) = (&target.name, new.account.password());
    let mut send = async |password: &str, replaced: Option<&str>, kept: bool| {
        sent.set(true);
        let result = conn.query_drop(statement::alter(name, password, replaced, kept).as_str()).await;
        // The server asks for the password that is replaced (password_require_current).
        match (&result, new.by) {
            (Err(Error::Server(error)), By::Itself(login) | By::Restored { login, .. })
                if error.code == MISSING_CURRENT_PASSWORD =>
            {
                conn.query_drop(statement::alter(name, password, Some(login.password()), kept).as_str()).await
            }
            _ => result,
        }
    };
    match new.by {
        // The second password becomes the first one again, so that it is the one that is kept.
        By::Restored { login, first } if kept => {
            send(login.password(), Some(first.password()), false).await?;
            send(password, Some(login.password()), true).await?;
        }
        By::Restored { .. } => send(password, None, false).await?,
        By::Itself(login) => send(password, Some(login.password()).filter(|_| kept), kept).await?,
        By::Admin { in_use: Some(in_use), .. } if kept && target.shown.is_first(in_use.password()) != Some(true) => {
            send(in_use.password(), None, false).await?;
            send(password, None, true).await?;
        }
        By::Admin { .. } | By::Service => send(password, None, kept).await?,
    }
    Ok(match kept {
        true => Answer::detailed(Change::Done, "the old password is kept until the next change"),
        false => Answer::plain(Change::Done),
    })
}

/// MariaDB.
async fn set_by_hash(
    conn: &mut Conn,
    new: &NewPassword<'_>,
    name: &Name,
    sent: &Cell<bool>,
) -> Result<Answer<Change>, Error> {
    let password = new.account.password();
    sent.set(true);
    match conn.query_drop(statement::set_by_hash(name, password).as_str()).await {
        Err(error) if takes_no_hash(&error) => {
            if let Some(detail) = shows_text(conn, new).await? {
                return Ok(Answer::detailed(Change::NotDone(Cause::InClear), detail));
            }
            conn.query_drop(statement::set_by_text(name, password).as_str()).await?;
        }
        result => result?,
    }
    Ok(Answer::plain(Change::Done))
}

/// Where a password that goes to MariaDB as text could be read, if anywhere.
async fn shows_text(conn: &mut Conn, new: &NewPassword<'_>) -> Result<Option<&'static str>, Error> {
    if new.login().is_some_and(Account::allows_cleartext) {
        return Ok(None);
    }
    if writes_a_general_log(conn).await? {
        return Ok(Some("strict_password_validation takes no hash, and general_log would show the password"));
    }
    Ok(new.login().is_some_and(sends_in_clear).then_some(
        "strict_password_validation takes no hash, and without TLS the password would cross the network in clear; leave \
         \"tls\":\"disable\" out, or allow it with \"allow_cleartext_password\":true",
    ))
}

const IN_CLEAR: &str = "MySQL takes the password as text, and without TLS it would cross the network in clear; leave \
    \"tls\":\"disable\" out, or allow it with \"allow_cleartext_password\":true";

fn sends_in_clear(login: &Account) -> bool {
    matches!(login.tls(), Tls::Disable) && !login.allows_cleartext()
}

/// Logs in and looks at what a change would meet.
pub(crate) async fn forecast(new: NewPassword<'_>, address: SocketAddr, limits: Limits) -> Forecast {
    look(new, address, limits.change)
        .await
        .unwrap_or_else(|error| Forecast::obstacle(cause_of_change(&error), detail(&error)))
}

async fn look(new: NewPassword<'_>, address: SocketAddr, limit: Duration) -> Result<Forecast, Error> {
    let Some(login) = new.login() else { return Ok(Forecast::obstacle(Cause::Unsupported, "a login")) };
    let mut conn = connect(login, address).await?;
    let target = match find(&mut conn, &new).await? {
        Ok(target) => target,
        Err((cause, detail)) => return Ok(Forecast::obstacle(cause, detail)),
    };
    let grants: Vec<String> = conn.query("SHOW GRANTS").await?;
    let full_name = target.shown.full_name();
    if matches!(new.by, By::Admin { .. }) && !statement::has_any(&grants, &statement::OVER_OTHERS) {
        let missing = "CREATE USER for the administrator";
        return Ok(Forecast { account: Some(full_name), ..Forecast::obstacle(Cause::Forbidden, missing) });
    }
    conn.query_drop(statement::settings(target.method, limit)).await?;
    let second = second_password(&mut conn, &new, &target).await?;
    let kept = new.keep_old && second == SecondPassword::Kept;
    let obstacle = obstacle(&mut conn, &new, &target, &grants, kept).await?;
    let _ = conn.disconnect().await;
    let mut missing: Vec<String> =
        second.missing().filter(|_| new.keep_old && !kept).map(str::to_owned).into_iter().collect();
    if let Some(limit) = target.shown.failed_logins {
        missing.push(format!("the account is locked after {limit} failed logins, those of rotations included"));
    }
    let expected = match obstacle {
        None => Change::Done,
        Some((change, what)) => {
            missing.push(what);
            change
        }
    };
    Ok(Forecast { expected, keeps_old: kept, missing, account: Some(full_name) })
}

/// Logins that a dry run and the rotation after it make with the account's own password; with two accounts, one more compares
/// their rights.
const fn logins_of_a_rotation(new: &NewPassword<'_>) -> u32 {
    if new.keep_old { 5 } else { 6 }
}

/// Statements that a rotation sends at least with the account's own password, those of the driver included.
const STATEMENTS_OF_A_ROTATION: u32 = 15;

/// What would keep the change from being made.
async fn obstacle(
    conn: &mut Conn,
    new: &NewPassword<'_>,
    target: &Target,
    grants: &[String],
    kept: bool,
) -> Result<Option<(Change, String)>, Error> {
    let not_done = |cause, what: String| Ok(Some((Change::NotDone(cause), what)));
    let logins = logins_of_a_rotation(new);
    if let Some(limit) = target.shown.connections_per_hour.filter(|limit| *limit < logins) {
        let what =
            format!("the account admits {limit} connections per hour; this dry run and a rotation make {logins}");
        return not_done(Cause::Busy, what);
    }
    if let Some(limit) = target.shown.queries_per_hour.filter(|limit| *limit < STATEMENTS_OF_A_ROTATION) {
        let what = format!(
            "the account admits {limit} statements per hour; a rotation sends at least {STATEMENTS_OF_A_ROTATION}"
        );
        return not_done(Cause::Busy, what);
    }
    if let Some(variable) = read_only(conn, grants).await? {
        return not_done(Cause::ReadOnly, format!("a server that can be written to: {variable} is on"));
    }
    if let By::Itself(login) = new.by
        && kept
        && is_first(conn, target, login).await? == Some(false)
    {
        return not_done(Cause::NotFirst, "the stored password is the account's second one".to_owned());
    }
    let rules: Vec<(String, String)> = conn.query(policy::VARIABLES).await?;
    if target.method == Method::NativeHash {
        // The server takes hashes unless a plugin checks passwords.
        let strict: Option<String> = conn
            .query_first(
                "SELECT @@GLOBAL.strict_password_validation FROM information_schema.plugins \
                WHERE plugin_type = 'PASSWORD VALIDATION' AND plugin_status = 'ACTIVE' LIMIT 1",
            )
            .await?;
        if strict.as_deref() != Some("1") {
            return Ok(None);
        }
        if let Some(what) = shows_text(conn, new).await? {
            return not_done(Cause::InClear, what.to_owned());
        }
    } else if new.login().is_some_and(sends_in_clear) {
        return not_done(Cause::InClear, IN_CLEAR.to_owned());
    }
    // Any password that a rotation would make has the same length and the same classes.
    let broken = Password::make(&PasswordPolicy::for_database(), &mut getrandom::SysRng)
        .ok()
        .and_then(|password| policy::broken_rule(&rules, &password));
    Ok(broken.map(|rule| (Change::RefusedCandidate, rule)))
}

/// The variable that makes the server read-only for a login with these privileges.
async fn read_only(conn: &mut Conn, grants: &[String]) -> Result<Option<String>, Error> {
    let variables: Vec<(String, String)> =
        conn.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only')").await?;
    let exempt = statement::has_any(grants, &statement::DESPITE_READ_ONLY);
    let blocks = |(name, value): &(String, String)| value != "OFF" && (name == "super_read_only" || !exempt);
    Ok(variables.into_iter().find(blocks).map(|(name, _)| name))
}

/// Whether a login's password is the account's first one, as far as the server shows its hash.
async fn is_first(conn: &mut Conn, target: &Target, login: &Account) -> Result<Option<bool>, Error> {
    show_hashes_in_hex(conn).await;
    Ok(show(conn, &target.name).await?.and_then(|shown| shown.is_first(login.password())))
}

/// The account to change, as the server names it and logs it in.
struct Target {
    name: Name,
    shown: Shown,
    method: Method,
}

/// Finds out which account the change is about and that it is the one named. The inner error says what is wrong with it.
async fn find(conn: &mut Conn, new: &NewPassword<'_>) -> Result<Result<Target, (Cause, String)>, Error> {
    // Names are shown and read in the quotes of the mode.
    conn.query_drop(statement::LITERALS).await?;
    let user = &new.account.login().username;
    let name = match new.by {
        By::Itself(_) | By::Restored { .. } | By::Service => Name::LoggedIn,
        By::Admin { .. } => match chosen_host(conn, user, new.host).await? {
            Chosen::Host(host) => {
                show_hashes_in_hex(conn).await;
                Name::Other { user: user.clone(), host }
            }
            Chosen::None => return Ok(Err((Cause::NoAccount, "no account of this name".to_owned()))),
            Chosen::Several(hosts) => return Ok(Err((Cause::OtherAccount, several(&hosts)))),
        },
    };
    let Some(shown) = show(conn, &name).await? else {
        return Ok(Err((Cause::Unsupported, "SHOW CREATE USER has an unknown form".to_owned())));
    };
    // An anonymous account may have let the login in.
    if shown.username != *user {
        return Ok(Err((Cause::OtherAccount, format!("the login leads to {}", shown.full_name()))));
    }
    if let Some(host) = new.host.filter(|host| !host.eq_ignore_ascii_case(&shown.host)) {
        let what = format!("the login leads to {}, and \"Host\" of rotation_config says {host}", shown.full_name());
        return Ok(Err((Cause::OtherAccount, what)));
    }
    if matches!(name, Name::Other { .. }) && shown.has_several() {
        let what = format!("{} logs in by {} and would lose the others", shown.full_name(), shown.plugin_names());
        return Ok(Err((Cause::Unsupported, what)));
    }
    Ok(match shown.method {
        Some(method) => Ok(Target { name, shown, method }),
        None => Err((Cause::Unsupported, unsupported(&shown))),
    })
}

fn several(hosts: &[String]) -> String {
    format!("accounts of this name exist for the hosts {}", hosts.join(", "))
}

fn unsupported(shown: &Shown) -> String {
    format!("{} logs in by {}, whose passwords this function cannot set", shown.full_name(), shown.plugin_names())
}

/// Which account of a name is meant.
enum Chosen {
    Host(String),
    None,
    Several(Vec<String>),
}

async fn chosen_host(conn: &mut Conn, user: &str, wanted: Option<&str>) -> Result<Chosen, Error> {
    let mut hosts: Vec<String> = conn.query(statement::hosts_of(user)).await?;
    if let Some(wanted) = wanted {
        hosts.retain(|host| host.eq_ignore_ascii_case(wanted));
    }
    Ok(match <[String; 1]>::try_from(hosts) {
        Ok([host]) => Chosen::Host(host),
        Err(hosts) if hosts.is_empty() => Chosen::None,
        Err(hosts) => Chosen::Several(hosts),
    })
}

/// Hashes of MySQL hold bytes that are not printable. Servers without the setting show them all the same.
async fn show_hashes_in_hex(conn: &mut Conn) {
    let _ = conn.query_drop("SET SESSION print_identified_with_as_hex = ON").await;
}

async fn show(conn: &mut Conn, name: &Name) -> Result<Option<Shown>, Error> {
    let text: Option<Vec<u8>> = conn.query_first(statement::show(name)).await?;
    Ok(text.and_then(|text| Shown::parse(&text)))
}

/// The hash of the second password that MySQL keeps for an account. Servers that know none have no such column.
async fn second_hash(conn: &mut Conn, user: &str, host: &str, method: Method) -> Result<Option<Vec<u8>>, Error> {
    if method == Method::NativeHash {
        return Ok(None);
    }
    let found: Option<Option<Vec<u8>>> = conn.query_first(statement::second_password_of(user, host)).await?;
    Ok(found.flatten().filter(|hash| !hash.is_empty()))
}

/// A short digest of an account's hashes, by which a change of it is noticed.
fn digest(shown: &Shown, second: Option<&[u8]>) -> String {
    let mut digest = Sha256::new();
    for (plugin, hash) in &shown.plugins {
        digest = digest.chain_update(plugin).chain_update([0]).chain_update(hash).chain_update([0]);
    }
    let digest = digest.chain_update(second.unwrap_or_default()).finalize();
    hex::encode(&digest[..6])
}

/// What an account may do, without its name and its hash.
pub(crate) async fn rights(account: &Account, address: SocketAddr) -> Answer<Result<Vec<String>, Cause>> {
    let grants = async {
        let mut conn = connect(account, address).await?;
        let grants: Vec<String> = conn.query("SHOW GRANTS").await?;
        let _ = conn.disconnect().await;
        Ok::<_, Error>(grants)
    };
    match grants.await {
        Ok(grants) => Answer::plain(Ok(grants.iter().map(|grant| statement::granted(grant)).collect())),
        Err(error) => Answer::detailed(Err(cause_of_change(&error)), detail(&error)),
    }
}

/// Reads an account as an administrator.
pub(crate) async fn inspect(inspect: Inspect<'_>, address: SocketAddr) -> Answer<Inspection> {
    read_account(&inspect, address).await.unwrap_or_else(|error| {
        let finding = match &error {
            Error::Server(server) if is_access_denied(server.code) => Inspection::Failed(Cause::NoLogin),
            // The administrator may not read accounts: then nothing is known of this one.
            Error::Server(server) if cause_of_code(server.code) == Cause::Forbidden => {
                Inspection::Account { barrier: None, passwords: None }
            }
            _ => Inspection::Failed(cause(&error)),
        };
        Answer::detailed(finding, detail(&error))
    })
}

async fn read_account(inspect: &Inspect<'_>, address: SocketAddr) -> Result<Answer<Inspection>, Error> {
    let mut conn = connect(inspect.admin, address).await?;
    conn.query_drop(statement::LITERALS).await?;
    let user = &inspect.account.login().username;
    let host = match chosen_host(&mut conn, user, inspect.host).await? {
        Chosen::Host(host) => host,
        Chosen::None => return Ok(Answer::plain(Inspection::NoAccount)),
        Chosen::Several(hosts) => return Ok(Answer::detailed(Inspection::SeveralAccounts, several(&hosts))),
    };
    let name = Name::Other { user: user.clone(), host: host.clone() };
    show_hashes_in_hex(&mut conn).await;
    let Some(shown) = show(&mut conn, &name).await? else {
        return Ok(Answer::detailed(Inspection::Failed(Cause::Unsupported), "SHOW CREATE USER has an unknown form"));
    };
    let client: Option<String> = conn.query_first("SELECT USER()").await?;
    let client = client.as_deref().and_then(|user| user.rsplit_once('@')).map(|(_, host)| host.to_owned());
    let second = match shown.method {
        Some(method) => second_hash(&mut conn, user, &host, method).await.unwrap_or_default(),
        None => None,
    };
    let _ = conn.disconnect().await;
    let is_admitted = client.as_deref().is_none_or(|client| account::admits(&host, client));
    let barrier = if is_admitted { shown.barrier(inspect.account.tls()) } else { Some(Cause::HostNotAdmitted) };
    let digest = digest(&shown, second.as_deref());
    let mut detail = format!("{}, hash digest {digest}", shown.full_name());
    match barrier {
        Some(Cause::HostNotAdmitted) => {
            detail = format!("{detail}; it admits only {host}, and this is {}", client.unwrap_or_default());
        }
        Some(Cause::Unsupported) => detail = format!("{detail}; {}", unsupported(&shown)),
        _ => {}
    }
    let passwords = compared(&shown, second.as_deref(), &inspect.stored);
    let finding = Inspection::Account { barrier, passwords };
    Ok(Answer { seen: Some(digest), ..Answer::detailed(finding, detail) })
}

/// Compares the stored passwords with the hashes; `None` where one of them cannot be compared.
fn compared(shown: &Shown, second: Option<&[u8]>, stored: &Stored<'_>) -> Option<Passwords> {
    let plugin = shown.plugins.first().map(|(plugin, _)| plugin.as_str()).unwrap_or_default();
    let of = |account: Option<&Account>| -> Option<Match> {
        let Some(account) = account else { return Some(Match::Unknown) };
        if shown.is_first(account.password())? {
            return Some(Match::First);
        }
        let Some(bytes) = second else { return Some(Match::Neither) };
        let is_second = Hash { plugin, bytes }.is_of(account.password())?;
        Some(if is_second { Match::Second } else { Match::Neither })
    };
    Some(Passwords {
        pending: of(stored.pending)?,
        current: of(stored.current)?,
        previous: of(stored.previous)?,
        has_second: second.is_some(),
    })
}

/// Whether the server would keep the old password as a second one when the account's password is changed.
async fn second_password(conn: &mut Conn, new: &NewPassword<'_>, target: &Target) -> Result<SecondPassword, Error> {
    if target.method == Method::NativeHash {
        return Ok(SecondPassword::NotKnown);
    }
    if !new.keep_old {
        return Ok(SecondPassword::NotWanted);
    }
    let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
    let grants: Vec<String> = conn.query("SHOW GRANTS").await?;
    Ok(SecondPassword::of(&version.unwrap_or_default(), &grants))
}

/// How often a login is tried again that was refused for the number of connections, and the pause before each.
const RECOUNTS: usize = 10;
const RECOUNT_PAUSE: Duration = Duration::from_millis(100);

/// MySQL with `password_require_current` wants to hear the current password.
const MISSING_CURRENT_PASSWORD: u16 = 3892;

/// One of the account's ways of logging in has no password to set (`unix_socket`).
const SET_PASSWORD_NOT_APPLICABLE: u16 = 1699;

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

/// Connects. A server counts a connection until it has cleaned up behind it, so an account that may have one at a time is
/// asked for again for a moment: the last connection may have been ours.
async fn connect(account: &Account, address: SocketAddr) -> Result<Conn, Error> {
    for _ in 0..RECOUNTS {
        match connect_once(account, address).await {
            Err(Error::Server(server)) if is_limit_of_connections(server.code, &server.message) => {
                sleep(RECOUNT_PAUSE).await;
            }
            connected => return connected,
        }
    }
    connect_once(account, address).await
}

/// Whether the account has as many connections at the same time as it may have. Limits per hour have the first code, too.
fn is_limit_of_connections(code: u16, message: &str) -> bool {
    matches!(code, 1203 | 1226) && message.contains("max_user_connections")
}

async fn connect_once(account: &Account, address: SocketAddr) -> Result<Conn, Error> {
    let login = account.login();
    let (host, _) = login.rotation_address();
    // No database is named: accounts belong to none, and one that is missing would look like a failed login.
    let options = OptsBuilder::default()
        .ip_or_hostname(address.ip().to_string())
        .tcp_port(address.port())
        .user(Some(login.username.clone()))
        .pass(Some(account.password().to_owned()))
        .prefer_socket(false)
        .stmt_cache_size(0)
        .ssl_opts(match account.tls() {
            Tls::Disable => None,
            Tls::Verify(trust) => Some(tls_options(trust, host)),
        });
    let mut conn = Conn::new(options);
    // The driver panics when a server asks for a login it was built without (ed25519, parsec).
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| conn.as_mut().poll(context))).unwrap_or_else(|_| {
            Poll::Ready(Err(DriverError::UnknownAuthPlugin { name: "client_ed25519 or parsec".to_owned() }.into()))
        })
    })
    .await
}

fn too_late() -> Error {
    std::io::Error::from(ErrorKind::TimedOut).into()
}

/// A name that no certificate carries. The driver lets a certificate without the right name pass when it is told to and the
/// text of the failure has this word; rustls puts the expected name into that text, and has checked the chain before.
const ANY_NAME: &str = "NotValidForName.invalid";

fn tls_options(trust: &csms_core::rotation::Trust, host: &str) -> SslOpts {
    // The driver builds its configuration from these, with the provider of the process.
    tls::choose_provider();
    let own = trust.ca.as_ref().map(|pem| pem.as_bytes().to_vec().into());
    let identity = trust.identity.as_ref().map(|identity| {
        ClientIdentity::new(identity.certificate.as_bytes().to_vec().into(), identity.key.as_bytes().to_vec().into())
    });
    let name = match (trust.any_name, &trust.server_name) {
        (true, None) => ANY_NAME.to_owned(),
        (_, Some(name)) => name.clone(),
        (false, None) => host.to_owned(),
    };
    SslOpts::default()
        .with_root_certs(own.into_iter().collect())
        .with_client_identity(identity)
        .with_danger_skip_domain_validation(trust.any_name)
        .with_danger_tls_hostname_override(Some(name))
}

/// Why nothing is known.
fn cause(error: &Error) -> Cause {
    if tls::failure_behind(error).is_some() {
        return Cause::Tls;
    }
    match error {
        Error::Server(server) if server.code == 1290 && !server.message.contains("read-only") => Cause::Forbidden,
        Error::Server(server) => cause_of_code(server.code),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => Cause::TlsNotOffered,
        Error::Io(IoError::Tls(_)) => Cause::Tls,
        // The decoy that MySQL shows for accounts it does not have.
        Error::Driver(DriverError::UnknownAuthPlugin { name }) if name == "sha256_password" => Cause::NoAccount,
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

const fn cause_of_code(code: u16) -> Cause {
    match code {
        // Too many connections, of all or of this account; administrators alone (offline_mode).
        1040 | 1203 | 1226 | 3032 => Cause::Busy,
        // Shutting down, killed.
        1053 | 1077 | 1079 | 1080 | 1927 => Cause::NotReady,
        1290 | 1792 | 1836 => Cause::ReadOnly,
        // Lock wait, execution time.
        1205 | 1317 | 1907 | 1969 | 3024 => Cause::TimedOut,
        1820 | 1862 => Cause::Expired,
        3118 | 4151 => Cause::Locked,
        3955 | 4150 => Cause::LockedForNow,
        3159 => Cause::TlsWanted,
        // Host not allowed.
        1130 => Cause::HostNotAdmitted,
        // Host blocked after connection errors, too many failures.
        1129 | 4166 => Cause::Barred,
        // No such privilege or statement for this account.
        1044 | 1131 | 1132 | 1142 | 1143 | 1227 | 1410 => Cause::Forbidden,
        // Unknown plugin, hash of another form.
        1372 | 1524 | 1251 => Cause::Unsupported,
        WRONG_CURRENT_PASSWORD => Cause::NotFirst,
        _ => Cause::Other,
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

/// The server has looked at the password, found it right, and lets the login do nothing.
const fn is_expired(code: u16) -> bool {
    matches!(code, 1820 | 1862)
}

/// What a failed change says: password validation and history refuse this password. Any other error of the statement has
/// undone it, unless the server was ending the session or the statement's time was over.
fn change_that_failed(error: &Error) -> Change {
    match error {
        Error::Server(server) if matches!(server.code, 1819 | 3638 | 4108) => Change::RefusedCandidate,
        // Of an account that may also log in without a password, MariaDB says so after it has set the password.
        Error::Server(server) if server.code == SET_PASSWORD_NOT_APPLICABLE => Change::Unknown(Cause::Unsupported),
        Error::Server(_) => match cause(error) {
            cause @ (Cause::NotReady | Cause::TimedOut) => Change::Unknown(cause),
            cause => Change::NotDone(cause),
        },
        _ => Change::Unknown(cause(error)),
    }
}

/// Codes and texts of the connection. Texts of the server are left out: they may quote the statement.
fn detail(error: &Error) -> String {
    match (error, tls::failure_behind(error), tls::io_kind_behind(error)) {
        (Error::Server(server), _, _) => match server.code {
            1698 => "error 1698: a wrong password, or an account that logs in without one (auth_socket, unix_socket)"
                .to_owned(),
            1045 => "error 1045: a wrong password, or a host, a client certificate or TLS that the account asks for"
                .to_owned(),
            code => format!("error {code}"),
        },
        (_, Some(failure), _) => failure,
        (Error::Io(IoError::Tls(failure)), _, _) => failure.to_string(),
        (_, None, Some(kind)) => kind.to_string(),
        // Packets of the server are left out for the same reason.
        (Error::Driver(DriverError::UnexpectedPacket { .. }), None, None) => "unexpected packet".to_owned(),
        (other, None, None) => other.to_string(),
    }
}
