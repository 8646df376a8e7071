//! MySQL, MariaDB and their kin: trying a login, changing a password, and reading an account.
//!
//! MariaDB is sent a hash, because it writes statements into its logs as they are. MySQL takes the password alone and keeps
//! it out of its logs; TLS keeps it from the network.

mod account;
mod hash;
mod policy;
mod session;
mod statement;

use core::{cell::Cell, net::SocketAddr, time::Duration};
use std::io::ErrorKind;

use account::{Method, Shown};
use csms_core::{
    password::{Password, PasswordPolicy},
    rotation::{
        Account, Inspection, Message, Probe, Tls,
        message::{connection, mysql as say},
        plan::{Cause, Change, Match, Passwords},
    },
};
use hash::Hash;
use mysql_async::{DriverError, Error, IoError};
use session::Session;
use sha2::{Digest, Sha256};
use statement::{Name, SecondPassword};
use tokio::time::timeout;

use crate::{
    database::{Answer, By, Forecast, Inspect, Limits, NewPassword, Stored},
    tls,
};

/// How long the question what a refused login does may take, with the end of its session.
pub(crate) const QUESTION: Duration = Duration::from_secs(10);

/// Tries to log in, for no longer than `limit`. `asks_about_locks` says whether to ask what one refused login does to the
/// account, which takes no longer than [`QUESTION`].
pub(crate) async fn probe(
    account: &Account,
    address: SocketAddr,
    limit: Duration,
    asks_about_locks: bool,
) -> Answer<Probe> {
    match look_in(account, address, limit, asks_about_locks).await {
        // A proxy has checked the password against a list of its own, and its server may have another one.
        Ok(None) => Answer::detailed(Probe::Unknown(Cause::Pooler), say::greeted_by_a_proxy()),
        Ok(Some((logged_in, refusal_locks))) if user_of(&logged_in) == account.login().username => {
            let host = logged_in.rsplit_once('@').map(|(_, host)| host.to_owned());
            Answer { host, refusal_locks, ..Answer::detailed(Probe::Accepted, say::logged_in(logged_in)) }
        }
        // An anonymous account, or a server that checks nothing (skip-grant-tables).
        Ok(Some((logged_in, _))) => Answer::detailed(Probe::Unknown(Cause::OtherAccount), say::logged_in(logged_in)),
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

/// Logs in, asks as whom and whether one refused login locks the account, and leaves. `None` where a proxy answers for itself.
async fn look_in(
    account: &Account,
    address: SocketAddr,
    within: Duration,
    asks_about_locks: bool,
) -> Result<Option<(String, bool)>, Error> {
    let enter = async {
        let mut session = Session::open(account, address).await?;
        let found: Option<(String, u64, u64)> = session.first(statement::LOGGED_IN).await?;
        Ok((session, found))
    };
    let (mut session, found) = timeout(within, enter).await.unwrap_or_else(|_| Err(too_late()))?;
    let (logged_in, number, limit) = found.unwrap_or_default();
    if !session.is_greeted_as(number) {
        session.close().await;
        return Ok(None);
    }
    // The login is proven; that more cannot be asked changes nothing. MariaDB has a limit for all accounts alone.
    let shown = match asks_about_locks && limit == 0 {
        true => show(&mut session, &Name::LoggedIn).await.ok().flatten(),
        false => None,
    };
    session.close().await;
    Ok(Some((logged_in, one_refusal_locks(limit, shown.as_ref()))))
}

/// Whether one refused login locks the account, by the server's limit for all accounts (MariaDB; otherwise 0) and by what is
/// shown of the account (MySQL).
fn one_refusal_locks(limit: u64, shown: Option<&Shown>) -> bool {
    limit == 1 || shown.is_some_and(|shown| shown.failed_logins == Some(1) && shown.is_locked_after_them)
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
    let mut session = timeout(limits.login, Session::open(login, address)).await.unwrap_or_else(|_| Err(too_late()))?;
    let target = match find(&mut session, &new).await? {
        Ok(target) => target,
        Err((cause, detail)) => return Ok(Answer::detailed(Change::NotDone(cause), detail)),
    };
    if let Some(what) = would_replace_another(&new, &target) {
        return Ok(Answer::detailed(Change::NotDone(Cause::NotFirst), what));
    }
    let second = second_password(&mut session, &new, &target).await?;
    session.execute(&statement::settings(target.method, limits.change)).await?;
    if matches!(new.by, By::Admin { .. })
        && let Some(answer) = not_as_it_was(&mut session, &new, &target, limits.change).await?
    {
        return Ok(answer);
    }
    if target.method == Method::Alter
        && let Some(what) = shows_text_of_mysql(&mut session, login).await?
    {
        return Ok(Answer::detailed(Change::NotDone(Cause::InClear), what));
    }
    let full_name = target.shown.full_name();
    let answer = match target.method {
        Method::Alter => {
            let alter = Alter { new: &new, target: &target, limit: limits.change, sent };
            alter.run(&mut session, second).await?
        }
        Method::NativeHash => set_by_hash(&mut session, &new, &target.name, sent).await?,
    };
    session.close().await;
    let detail = match answer.detail.or_else(|| others_keep(&target.shown)) {
        Some(remark) => say::changed(full_name, remark),
        None => say::account(full_name),
    };
    Ok(Answer { detail: Some(detail), ..answer })
}

/// That the change would replace a password that may be another one than it is made from: a server sets the one of the first way
/// of logging in, whichever way the login went (MariaDB).
fn would_replace_another(new: &NewPassword<'_>, target: &Target) -> Option<Message> {
    let replaced = match new.by {
        By::Itself(login) => login,
        By::Restored { first, .. } => first,
        By::Admin { .. } | By::Service { .. } => return None,
    };
    let shown = &target.shown;
    shown.may_replace_another(replaced.password()).then(|| say::not_of_the_first_way(shown.plugin_names()))
}

/// That the account has further passwords, which the change leaves as they are (MariaDB).
fn others_keep(shown: &Shown) -> Option<Message> {
    shown.has_further_passwords().then(|| say::others_keep(shown.plugin_names()))
}

/// Waits until changes of earlier sessions are over, and sees whether the account is still as it was read: a change that
/// keeps the replaced password must not be sent twice.
async fn not_as_it_was(
    session: &mut Session,
    new: &NewPassword<'_>,
    target: &Target,
    limit: Duration,
) -> Result<Option<Answer<Change>>, Error> {
    let (Some(seen), Name::Other { user, host }) = (new.seen, &target.name) else { return Ok(None) };
    if let Some(busy) = take_turn(session, user, host, limit).await? {
        return Ok(Some(busy));
    }
    let shown = show(session, &target.name).await?;
    let second = second_hash(session, user, host, target.method).await?;
    let now = shown.map(|shown| digest(&shown, second.as_deref()));
    Ok((now.as_deref() != Some(seen))
        .then(|| Answer::detailed(Change::NotDone(Cause::Changed), say::hash_changed(seen, now.unwrap_or_default()))))
}

/// Waits until changes of earlier sessions are over, and has later ones wait for the end of this one. Returns what comes of a
/// change that waited in vain.
async fn take_turn(
    session: &mut Session,
    user: &str,
    host: &str,
    limit: Duration,
) -> Result<Option<Answer<Change>>, Error> {
    let locked: Option<Option<u8>> = session.first(&statement::lock(user, host, limit)).await?;
    Ok((locked.flatten() != Some(1)).then(|| Answer::detailed(Change::NotDone(Cause::Busy), say::change_under_way())))
}

/// A change on MySQL. `REPLACE` says which password the change is from, on servers that know second passwords: without it, a
/// login with the second one would replace a first one that nobody has stored. A change that says nothing of the replaced password
/// leaves a second one as it is.
struct Alter<'a> {
    new: &'a NewPassword<'a>,
    target: &'a Target,
    /// How long the change may wait for others.
    limit: Duration,
    sent: &'a Cell<bool>,
}

impl Alter<'_> {
    async fn run(&self, session: &mut Session, second: SecondPassword) -> Result<Answer<Change>, Error> {
        let (new, password) = (self.new, self.new.account.password());
        let retains = new.keep_old && second == SecondPassword::Kept;
        let is_kept = match new.by {
            // The login is with the second password, which stays.
            By::Restored { first, .. } => {
                if let Some(busy) = self.replace(session, first, false).await? {
                    return Ok(busy);
                }
                true
            }
            By::Itself(login) if second != SecondPassword::NotKnown => {
                if let Some(busy) = self.replace(session, login, retains).await? {
                    return Ok(busy);
                }
                retains
            }
            By::Admin { in_use: Some(in_use), .. } if retains => {
                match self.target.shown.is_first(in_use.password()) {
                    Some(true) => self.send(session, password, None, true).await?,
                    // It logs in, so it is the second one, which stays.
                    Some(false) => self.send(session, password, None, false).await?,
                    None => {
                        // Whether the server takes the password that is in use once more says nothing of the new one.
                        match self.send(session, in_use.password(), None, false).await {
                            Err(error) if change_that_failed(&error) == Change::RefusedCandidate => {
                                let what = say::current_not_taken();
                                return Ok(Answer::detailed(Change::NotDone(Cause::Forbidden), what));
                            }
                            result => result?,
                        }
                        self.send(session, password, None, true).await?;
                    }
                }
                true
            }
            By::Itself(_) | By::Admin { .. } | By::Service { .. } => {
                self.send(session, password, None, retains).await?;
                retains
            }
        };
        Ok(match is_kept {
            true => Answer::detailed(Change::Done, say::old_kept()),
            false => Answer::plain(Change::Done),
        })
    }

    /// Sends the change with the password that it replaces. Given that one, validate_password compares the two, and may want more
    /// characters changed than two random passwords differ in; it compares nothing where it is not given the old one. By then the
    /// server has found the old one to be the first, so that the change may leave it out: in turn, because of several sessions
    /// that do so only the first may keep the old password as the second one.
    async fn replace(
        &self,
        session: &mut Session,
        replaced: &Account,
        retains: bool,
    ) -> Result<Option<Answer<Change>>, Error> {
        let password = self.new.account.password();
        let mut result = self.send(session, password, Some(replaced), retains).await;
        if differs_too_little(&result) {
            let account = &self.target.shown;
            if let Some(busy) = take_turn(session, &account.username, &account.host, self.limit).await? {
                return Ok(Some(busy));
            }
            // The change of a session before this one has made it the second one.
            result = self.send(session, password, Some(replaced), retains).await;
        }
        if differs_too_little(&result) {
            result = self.send(session, password, None, retains).await;
        }
        result.map(|()| None)
    }

    /// Sends the statement, and again with the password that it replaces if the server asks for that (password_require_current).
    async fn send(
        &self,
        session: &mut Session,
        password: &str,
        replaced: Option<&Account>,
        retains: bool,
    ) -> Result<(), Error> {
        self.sent.set(true);
        let statement = |replaced: Option<&Account>| {
            statement::alter(&self.target.name, password, replaced.map(Account::password), retains)
        };
        let result = session.execute(&statement(replaced)).await;
        match (&result, self.new.by) {
            (Err(Error::Server(error)), By::Itself(first) | By::Restored { first, .. })
                if error.code == MISSING_CURRENT_PASSWORD =>
            {
                session.execute(&statement(Some(first))).await
            }
            _ => result,
        }
    }
}

/// MariaDB.
async fn set_by_hash(
    session: &mut Session,
    new: &NewPassword<'_>,
    name: &Name,
    sent: &Cell<bool>,
) -> Result<Answer<Change>, Error> {
    let password = new.account.password();
    sent.set(true);
    let Err(error) = session.execute(&statement::set_by_hash(name, password)).await else {
        return Ok(Answer::plain(Change::Done));
    };
    if !takes_no_hash(session, &error).await? {
        return Err(error);
    }
    if let Some(detail) = shows_text(session, new).await? {
        return Ok(Answer::detailed(Change::NotDone(Cause::InClear), detail));
    }
    match session.execute(&statement::set_by_text(name, password)).await {
        // An administrator who may not write into the system database: the statement that is left goes into the binary log
        // as it is.
        Err(Error::Server(error)) if cause_of_code(error.code) == Cause::Forbidden && *name != Name::LoggedIn => {
            if !new.login().is_some_and(Account::allows_cleartext) && writes_a_binary_log(session).await? {
                return Ok(Answer::detailed(Change::NotDone(Cause::InClear), say::into_binary_log()));
            }
            session.execute(&statement::alter(name, password, None, false)).await?;
        }
        result => result?,
    }
    Ok(Answer::plain(Change::Done))
}

/// Where a password that goes to MariaDB as text could be read, if anywhere.
async fn shows_text(session: &mut Session, new: &NewPassword<'_>) -> Result<Option<Message>, Error> {
    if new.login().is_some_and(Account::allows_cleartext) {
        return Ok(None);
    }
    if writes_a_general_log(session).await? {
        return Ok(Some(say::into_general_log()));
    }
    Ok(new.login().is_some_and(sends_in_clear).then(say::strict_in_clear))
}

/// Where a password that goes to MySQL could be read, if anywhere.
async fn shows_text_of_mysql(session: &mut Session, login: &Account) -> Result<Option<Message>, Error> {
    if login.allows_cleartext() {
        return Ok(None);
    }
    if sends_in_clear(login) {
        return Ok(Some(say::in_clear()));
    }
    // Servers without log_raw decide it when they start, and do not say.
    let raw: Vec<(String, String)> =
        session.rows("SHOW GLOBAL VARIABLES WHERE Variable_name = 'log_raw' AND Value IN ('ON', '1')").await?;
    Ok((!raw.is_empty() && writes_a_general_log(session).await?).then(say::raw_log))
}

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
    let Some(login) = new.login() else {
        return Ok(Forecast::obstacle(Cause::Unsupported, connection::login_needed()));
    };
    let mut session = Session::open(login, address).await?;
    let target = match find(&mut session, &new).await? {
        Ok(target) => target,
        Err((cause, detail)) => return Ok(Forecast::obstacle(cause, detail)),
    };
    let grants: Vec<String> = session.rows("SHOW GRANTS").await?;
    let full_name = target.shown.full_name();
    if matches!(new.by, By::Admin { .. }) && !statement::may_change_others(&grants) {
        let obstacle = Forecast::obstacle(Cause::Forbidden, say::create_user());
        return Ok(Forecast { account: Some(full_name), ..obstacle });
    }
    session.execute(&statement::settings(target.method, limit)).await?;
    let second = second_password(&mut session, &new, &target).await?;
    let kept = new.keep_old && second == SecondPassword::Kept;
    let kept = kept || matches!(new.by, By::Restored { .. });
    let obstacle = obstacle(&mut session, &new, &target, &grants, second).await?;
    let unseen = match &obstacle {
        None => unseen(&mut session, &new, &target, second).await?,
        Some(_) => Vec::new(),
    };
    session.close().await;
    let mut missing: Vec<Message> = second.missing().filter(|_| new.keep_old && !kept).into_iter().collect();
    missing.extend(unseen);
    missing.extend(others_keep(&target.shown));
    if let Some(limit) = target.shown.failed_logins.filter(|_| target.shown.is_locked_after_them) {
        missing.push(say::locked_after(limit));
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

/// What an account of MySQL cannot know of its own passwords, unless an administrator has read them.
async fn unseen(
    session: &mut Session,
    new: &NewPassword<'_>,
    target: &Target,
    second: SecondPassword,
) -> Result<Vec<Message>, Error> {
    let By::Itself(login) = new.by else { return Ok(Vec::new()) };
    if second == SecondPassword::NotKnown || new.seen.is_some() {
        return Ok(Vec::new());
    }
    let mut unseen = Vec::new();
    if is_first(session, target, login).await?.is_none() {
        unseen.push(say::first_not_seen());
    }
    let (user, host) = (&target.shown.username, &target.shown.host);
    let retains = new.keep_old && second == SecondPassword::Kept;
    if retains && !matches!(second_hash(session, user, host, target.method).await, Ok(None)) {
        unseen.push(say::second_discarded());
    }
    Ok(unseen)
}

/// Logins that a dry run and the rotation after it make with the account's own password; with two accounts, one more compares
/// their rights.
const fn logins_of_a_rotation(new: &NewPassword<'_>) -> u32 {
    match new.by {
        // The stored password is tried twice, and the new one once.
        By::Admin { .. } => 3,
        _ if new.keep_old => 5,
        _ => 6,
    }
}

/// Statements that a rotation sends at least with the account's own password, those of the driver included.
const STATEMENTS_OF_A_ROTATION: u32 = 17;

/// What would keep the change from being made.
async fn obstacle(
    session: &mut Session,
    new: &NewPassword<'_>,
    target: &Target,
    grants: &[String],
    second: SecondPassword,
) -> Result<Option<(Change, Message)>, Error> {
    let not_done = |cause, what: Message| Ok(Some((Change::NotDone(cause), what)));
    let logins = logins_of_a_rotation(new);
    if let Some(limit) = target.shown.connections_per_hour.filter(|limit| *limit < logins) {
        return not_done(Cause::Busy, say::connections_per_hour(limit, logins));
    }
    if let Some(limit) = target.shown.queries_per_hour.filter(|limit| *limit < STATEMENTS_OF_A_ROTATION) {
        return not_done(Cause::Busy, say::statements_per_hour(limit, STATEMENTS_OF_A_ROTATION));
    }
    if let Some(variable) = read_only(session, target.method, grants).await? {
        return not_done(Cause::ReadOnly, say::read_only(variable));
    }
    if let Some(what) = would_replace_another(new, target) {
        return not_done(Cause::NotFirst, what);
    }
    if let By::Itself(login) = new.by
        && second != SecondPassword::NotKnown
        && is_first(session, target, login).await? == Some(false)
    {
        return not_done(Cause::NotFirst, say::second_stored());
    }
    if let Name::Other { user, host } = &target.name
        && !statement::has_any(grants, &statement::OVER_SYSTEM_USERS)
        && let Ok(others) = session.rows::<String>(&statement::grants_of(user, host)).await
        && statement::has_any(&others, &statement::OVER_SYSTEM_USERS)
    {
        return not_done(Cause::Forbidden, say::system_user());
    }
    if let Some(what) = against_the_policy(session, target, grants).await? {
        return not_done(Cause::Forbidden, what);
    }
    let rules: Vec<(String, String)> = session.rows(policy::VARIABLES).await?;
    if let By::Itself(first) | By::Restored { first, .. } = new.by
        && second != SecondPassword::NotKnown
        && !statement::may_change_others(grants)
        && target.shown.gives_old_password(policy::asks_for_old_passwords(&rules))
        && let Some(what) = policy::too_few_changed(&rules, first.password(), new.account.password())
    {
        return not_done(Cause::Forbidden, what);
    }
    if target.method == Method::NativeHash {
        // The server takes hashes unless a plugin checks passwords.
        if !is_strict(session).await? {
            return Ok(None);
        }
        if let Some(what) = shows_text(session, new).await? {
            return not_done(Cause::InClear, what);
        }
        let allows = new.login().is_some_and(Account::allows_cleartext);
        if matches!(target.name, Name::Other { .. })
            && !allows
            && !statement::may_write_accounts(grants)
            && writes_a_binary_log(session).await?
        {
            return not_done(Cause::InClear, say::into_binary_log());
        }
    } else if let Some(login) = new.login()
        && let Some(what) = shows_text_of_mysql(session, login).await?
    {
        return not_done(Cause::InClear, what);
    }
    // Any password that a rotation would make has the same length and the same classes.
    let broken = Password::make(&PasswordPolicy::for_database(), &mut getrandom::SysRng)
        .ok()
        .and_then(|password| policy::broken_rule(&rules, &password));
    Ok(broken.map(|rule| (Change::RefusedCandidate, rule)))
}

/// What the server admits for new passwords, where it is not the account's way of logging in (MySQL).
async fn against_the_policy(
    session: &mut Session,
    target: &Target,
    grants: &[String],
) -> Result<Option<Message>, Error> {
    if target.method == Method::NativeHash || statement::has_any(grants, &["AUTHENTICATION_POLICY_ADMIN"]) {
        return Ok(None);
    }
    let policy: Option<(String, String)> = session.first(statement::AUTHENTICATION_POLICY).await?;
    let policy = policy.map(|(_, policy)| policy).unwrap_or_default();
    let is_the_accounts = |plugin: &str| target.shown.plugins.iter().any(|(name, _)| name == plugin);
    let wanted = statement::wanted_plugin(&policy).filter(|plugin| !is_the_accounts(plugin));
    Ok(wanted.map(|wanted| say::against_the_policy(wanted, target.shown.full_name(), target.shown.plugin_names())))
}

/// The variable that makes the server read-only for a login with these privileges.
async fn read_only(session: &mut Session, method: Method, grants: &[String]) -> Result<Option<String>, Error> {
    let variables: Vec<(String, String)> = session.rows(statement::READ_ONLY).await?;
    let version = version(session).await?;
    let exempt = statement::has_any(grants, statement::despite_read_only(method, &version));
    let blocks = |(name, value): &(String, String)| match name.as_str() {
        // MariaDB keeps accounts in files of another kind.
        "innodb_read_only" => value != "OFF" && method == Method::Alter,
        "super_read_only" => value != "OFF",
        _ => value != "OFF" && !exempt,
    };
    Ok(variables.into_iter().find(blocks).map(|(name, _)| name))
}

/// Whether a login's password is the account's first one, as far as the server shows its hash.
async fn is_first(session: &mut Session, target: &Target, login: &Account) -> Result<Option<bool>, Error> {
    show_hashes_in_hex(session).await;
    Ok(show(session, &target.name).await?.and_then(|shown| shown.is_first(login.password())))
}

/// The account to change, as the server names it and logs it in.
struct Target {
    name: Name,
    shown: Shown,
    method: Method,
}

/// Finds out which account the change is about and that it is the one named. The inner error says what is wrong with it.
async fn find(session: &mut Session, new: &NewPassword<'_>) -> Result<Result<Target, (Cause, Message)>, Error> {
    let user = &new.account.login().username;
    let name = match new.by {
        By::Itself(_) | By::Restored { .. } | By::Service { .. } => Name::LoggedIn,
        By::Admin { .. } => match chosen(hosts_of(session, user).await?, new.host) {
            Chosen::Host(host) => {
                show_hashes_in_hex(session).await;
                Name::Other { user: user.clone(), host }
            }
            Chosen::None => return Ok(Err((Cause::NoAccount, say::no_such_account()))),
            Chosen::Several(hosts) => return Ok(Err((Cause::OtherAccount, several(&hosts)))),
        },
    };
    let Some(shown) = show(session, &name).await? else {
        return Ok(Err((Cause::Unsupported, say::unknown_form())));
    };
    // An anonymous account may have let the login in.
    if shown.username != *user {
        return Ok(Err((Cause::OtherAccount, say::leads_to(shown.full_name()))));
    }
    if let Some(host) = new.host.filter(|host| !host.eq_ignore_ascii_case(&shown.host)) {
        return Ok(Err((Cause::OtherAccount, say::leads_elsewhere(shown.full_name(), host))));
    }
    if matches!(name, Name::Other { .. }) && shown.has_several() {
        let what = say::would_lose_others(shown.full_name(), shown.plugin_names());
        return Ok(Err((Cause::Unsupported, what)));
    }
    Ok(match shown.method {
        Some(method) => Ok(Target { name, shown, method }),
        None => Err((Cause::Unsupported, unsupported(&shown))),
    })
}

fn several(hosts: &[String]) -> Message {
    say::several(hosts.join(", "))
}

fn unsupported(shown: &Shown) -> Message {
    say::unsupported(shown.full_name(), shown.plugin_names())
}

/// Which account of a name is meant.
enum Chosen {
    Host(String),
    None,
    Several(Vec<String>),
}

async fn hosts_of(session: &mut Session, user: &str) -> Result<Vec<String>, Error> {
    session.rows(&statement::hosts_of(user)).await
}

fn chosen(mut hosts: Vec<String>, wanted: Option<&str>) -> Chosen {
    if let Some(wanted) = wanted {
        hosts.retain(|host| host.eq_ignore_ascii_case(wanted));
    }
    match <[String; 1]>::try_from(hosts) {
        Ok([host]) => Chosen::Host(host),
        Err(hosts) if hosts.is_empty() => Chosen::None,
        Err(hosts) => Chosen::Several(hosts),
    }
}

/// Hashes of MySQL hold bytes that are not printable. Servers without the setting show them all the same.
async fn show_hashes_in_hex(session: &mut Session) {
    let _ = session.execute("SET SESSION print_identified_with_as_hex = ON").await;
}

async fn show(session: &mut Session, name: &Name) -> Result<Option<Shown>, Error> {
    let text: Option<Vec<u8>> = session.first_in_time(&statement::show(name)).await?;
    Ok(text.and_then(|text| Shown::parse(&text)))
}

/// An unknown column.
const BAD_FIELD: u16 = 1054;

/// The hash of the second password that MySQL keeps for an account. Servers that know none have no such column; any other
/// failure says nothing.
async fn second_hash(session: &mut Session, user: &str, host: &str, method: Method) -> Result<Option<Vec<u8>>, Error> {
    if method == Method::NativeHash {
        return Ok(None);
    }
    match session.first::<Option<Vec<u8>>>(&statement::second_password_of(user, host)).await {
        Err(Error::Server(error)) if error.code == BAD_FIELD => Ok(None),
        found => Ok(found?.flatten().filter(|hash| !hash.is_empty())),
    }
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

/// What an account may do and what it asks of its clients, without its name and its hash.
pub(crate) async fn rights(account: &Account, address: SocketAddr) -> Answer<Result<Vec<String>, Cause>> {
    let read = async {
        let mut session = Session::open(account, address).await?;
        let grants: Vec<String> = session.rows("SHOW GRANTS").await?;
        show_hashes_in_hex(&mut session).await;
        let shown = show(&mut session, &Name::LoggedIn).await?;
        session.close().await;
        Ok::<_, Error>((grants, shown))
    };
    match read.await {
        Ok((_, None)) => Answer::plain(Err(Cause::Unsupported)),
        Ok((grants, Some(shown))) => {
            let grants = grants.iter().map(|grant| statement::granted(grant));
            Answer::plain(Ok(grants.chain(shown.options).collect()))
        }
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
    let mut session = Session::open(inspect.admin, address).await?;
    let user = &inspect.account.login().username;
    let client: Option<(String, u64, u64)> = session.first(statement::CLIENT).await?;
    let (client, number, limit) = client.unwrap_or_default();
    if !session.is_greeted_as(number) {
        return Ok(Answer::detailed(Inspection::Failed(Cause::Pooler), say::greeted_by_a_proxy()));
    }
    let hosts = hosts_of(&mut session, user).await?;
    let host = match chosen(hosts.clone(), inspect.host) {
        Chosen::Host(host) => host,
        Chosen::None => return Ok(Answer::plain(Inspection::NoAccount)),
        Chosen::Several(hosts) => return Ok(Answer::detailed(Inspection::SeveralAccounts, several(&hosts))),
    };
    let name = Name::Other { user: user.clone(), host: host.clone() };
    show_hashes_in_hex(&mut session).await;
    let Some(shown) = show(&mut session, &name).await? else {
        return Ok(Answer::detailed(Inspection::Failed(Cause::Unsupported), say::unknown_form()));
    };
    let refusal_locks = one_refusal_locks(limit, Some(&shown));
    let client = client.rsplit_once('@').map(|(_, host)| host.to_owned());
    let second = match shown.method {
        Some(method) => second_hash(&mut session, user, &host, method).await?,
        None => None,
    };
    // Accounts without a name admit whoever they come before.
    let anonymous = hosts_of(&mut session, "").await?;
    let open: Option<u64> = match shown.connections {
        Some(_) => session.first(&statement::connections_of(user)).await?,
        None => None,
    };
    session.close().await;
    let is_admitted = client.as_deref().and_then(|client| account::admits(&host, client));
    let shadow = client.as_deref().and_then(|client| shadow_of(&host, &hosts, anonymous, client));
    let is_full = open.zip(shown.connections).is_some_and(|(open, most)| open >= u64::from(most));
    let barrier = match is_admitted {
        Some(false) => Some(Cause::HostNotAdmitted),
        Some(true) if shadow.is_some() => Some(Cause::OtherAccount),
        Some(true) | None => shown.barrier(inspect.account.tls()).or(is_full.then_some(Cause::Busy)),
    };
    let digest = digest(&shown, second.as_deref());
    let read = say::hash(shown.full_name(), &digest);
    let client = client.unwrap_or_default();
    let detail = match barrier {
        Some(Cause::HostNotAdmitted) => say::admits_only(read, &host, client),
        Some(Cause::OtherAccount) => say::shadowed(read, client, shadow.unwrap_or_default()),
        Some(Cause::Barred) => say::asks_for_more(read),
        Some(Cause::Busy) => say::all_in_use(read, shown.connections.unwrap_or_default()),
        Some(Cause::Unsupported) if shown.method.is_none() => say::also(read, unsupported(&shown)),
        Some(Cause::Unsupported) => say::first_factor_alone(read, shown.plugin_names()),
        None if is_admitted.is_none() => say::perhaps_admits(read, &host, client),
        _ => read,
    };
    let passwords = compared(&shown, second.as_deref(), &inspect.stored);
    let finding = Inspection::Account { barrier, passwords };
    Ok(Answer { seen: Some(digest), host: Some(host), refusal_locks, ..Answer::detailed(finding, detail) })
}

/// The host parts of other accounts, also of those without a name, to which the server takes or may take a client that an account
/// admits.
fn shadow_of(host: &str, named: &[String], mut anonymous: Vec<String>, client: &str) -> Option<String> {
    // Of two accounts with one host part, the one with a name comes first.
    anonymous.retain(|other| !named.contains(other));
    let all = [named, &anonymous].concat();
    match account::reached(&all, client) {
        Some(reached) => (reached != host).then(|| reached.to_owned()),
        None => {
            let others = all.iter().filter(|other| *other != host && account::admits(other, client) != Some(false));
            let others: Vec<&str> = others.map(String::as_str).collect();
            (!others.is_empty()).then(|| others.join(", "))
        }
    }
}

/// Compares the stored passwords with the hashes; `None` where they cannot be compared.
fn compared(shown: &Shown, second: Option<&[u8]>, stored: &Stored<'_>) -> Option<Passwords> {
    let plugin = shown.plugins.first().map(|(plugin, _)| plugin.as_str()).unwrap_or_default();
    let of = |account: Option<&Account>| -> Option<Match> {
        let Some(account) = account else { return Some(Match::Unknown) };
        let password = account.password();
        let is_first = shown.is_first(password);
        let is_second = second.map_or(Some(false), |bytes| Hash { plugin, bytes }.is_of(password));
        let is_second = if shown.has_further_passwords() { shown.is_further(password) } else { is_second };
        match (is_first, is_second) {
            (Some(true), _) => Some(Match::First),
            (_, Some(true)) => Some(Match::Second),
            (Some(false), Some(false)) => Some(Match::Neither),
            // The hashes can be compared, and this password cannot.
            _ if !password.is_ascii() => Some(Match::Unknown),
            _ => None,
        }
    };
    Some(Passwords {
        pending: of(stored.pending)?,
        current: of(stored.current)?,
        previous: of(stored.previous)?,
        has_second: second.is_some(),
    })
}

/// Whether the server would keep the old password as a second one when the account's password is changed.
async fn second_password(
    session: &mut Session,
    new: &NewPassword<'_>,
    target: &Target,
) -> Result<SecondPassword, Error> {
    if target.method == Method::NativeHash {
        return Ok(SecondPassword::NotKnown);
    }
    let version = version(session).await?;
    if !SecondPassword::is_known(&version) {
        return Ok(SecondPassword::NotKnown);
    }
    if !new.keep_old {
        return Ok(SecondPassword::NotWanted);
    }
    let grants: Vec<String> = session.rows("SHOW GRANTS").await?;
    Ok(SecondPassword::of(&version, &grants))
}

async fn version(session: &mut Session) -> Result<String, Error> {
    Ok(session.first("SELECT VERSION()").await?.unwrap_or_default())
}

/// MySQL with `password_require_current` wants to hear the current password.
const MISSING_CURRENT_PASSWORD: u16 = 3892;

/// `validate_password.changed_characters_percentage`.
const TOO_FEW_CHANGED_CHARACTERS: u16 = 4165;

/// One of the account's ways of logging in has no password to set (`unix_socket`).
const SET_PASSWORD_NOT_APPLICABLE: u16 = 1699;

/// The password after `REPLACE` is not the primary one.
const WRONG_CURRENT_PASSWORD: u16 = 3891;

/// The account's way of logging in is not the one that `authentication_policy` wants.
const NOT_THE_POLICY: u16 = 4058;

/// What `init_connect` asks for fails, and the server ends the session with its first statement.
const INIT_CONNECT: u16 = 1184;

/// Another session holds a lock, a backup for instance.
const LOCK_WAIT: u16 = 1205;

/// A node of a cluster that does not take statements yet, or not any more (Galera).
const NOT_IN_THE_CLUSTER: u16 = 1047;

/// Codes of clients and of proxies. No server has them, so it is a proxy that answers, and its connection to the server may have
/// broken after the statement was sent.
const fn is_of_a_proxy(code: u16) -> bool {
    matches!(code, 2000..=2999 | 9000..)
}

/// An account operation has failed.
const CANNOT_USER: u16 = 1396;

/// MariaDB with a password validation plugin and `strict_password_validation` takes passwords only in plain text. To an
/// administrator it says of a hash what it says of an account that does not exist.
async fn takes_no_hash(session: &mut Session, error: &Error) -> Result<bool, Error> {
    match error {
        Error::Server(server) if server.code == CANNOT_USER => is_strict(session).await,
        Error::Server(server) => Ok(server.code == 1290 && server.message.contains("strict-password-validation")),
        _ => Ok(false),
    }
}

/// Whether the server has refused a change because of the password that it replaces.
const fn differs_too_little(changed: &Result<(), Error>) -> bool {
    matches!(changed, Err(Error::Server(error)) if error.code == TOO_FEW_CHANGED_CHARACTERS)
}

/// Whether MariaDB checks passwords and therefore takes no hash.
async fn is_strict(session: &mut Session) -> Result<bool, Error> {
    let strict: Option<String> = session
        .first(
            "SELECT @@GLOBAL.strict_password_validation FROM information_schema.plugins \
            WHERE plugin_type = 'PASSWORD VALIDATION' AND plugin_status = 'ACTIVE' LIMIT 1",
        )
        .await?;
    Ok(strict.as_deref() == Some("1"))
}

async fn writes_a_binary_log(session: &mut Session) -> Result<bool, Error> {
    let log: Option<String> = session.first("SELECT @@GLOBAL.log_bin").await?;
    Ok(log.as_deref() != Some("0"))
}

async fn writes_a_general_log(session: &mut Session) -> Result<bool, Error> {
    let row: Option<(bool, bool)> = session.first("SELECT @@GLOBAL.general_log, @@SESSION.sql_log_off").await?;
    Ok(row.is_none_or(|(general_log, switched_off)| general_log && !switched_off))
}

fn too_late() -> Error {
    std::io::Error::from(ErrorKind::TimedOut).into()
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
        1053 | 1077 | 1079 | 1080 | 1927 | NOT_IN_THE_CLUSTER => Cause::NotReady,
        1290 | 1792 | 1836 | 1874 => Cause::ReadOnly,
        // Lock wait, execution time.
        LOCK_WAIT | 1317 | 1907 | 1969 | 3024 => Cause::TimedOut,
        1820 | 1862 => Cause::Expired,
        3118 | 4151 => Cause::Locked,
        3955 | 4150 => Cause::LockedForNow,
        3159 => Cause::TlsWanted,
        INIT_CONNECT => Cause::Barred,
        // Host not allowed.
        1130 => Cause::HostNotAdmitted,
        // After connection errors.
        1129 => Cause::HostBlocked,
        // Too many failures.
        4166 => Cause::Barred,
        // No such privilege or statement for this account.
        1044 | 1131 | 1132 | 1142 | 1143 | 1227 | 1410 => Cause::Forbidden,
        // authentication_policy admits no such way of logging in.
        4052 | NOT_THE_POLICY => Cause::Forbidden,
        // Left out, the old password is asked for, and given, it is compared.
        TOO_FEW_CHANGED_CHARACTERS => Cause::Forbidden,
        // A further factor has to be registered first.
        4055 => Cause::Unsupported,
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
        Error::Server(server) if is_of_a_proxy(server.code) => Change::Unknown(Cause::Unreachable),
        Error::Server(server) if matches!(server.code, LOCK_WAIT | NOT_IN_THE_CLUSTER) => {
            Change::NotDone(cause_of_code(server.code))
        }
        Error::Server(_) => match cause(error) {
            cause @ (Cause::NotReady | Cause::TimedOut) => Change::Unknown(cause),
            cause => Change::NotDone(cause),
        },
        _ => Change::Unknown(cause(error)),
    }
}

/// Codes and texts of the connection. Texts of the server are left out: they may quote the statement.
fn detail(error: &Error) -> Message {
    match (error, tls::failure_behind(error), tls::io_kind_behind(error)) {
        (Error::Server(server), _, _) => match server.code {
            1698 => say::refused_without_password(),
            INIT_CONNECT => say::init_connect_fails(),
            NOT_THE_POLICY => say::not_the_policy(),
            4055 => say::register_second_factor(),
            LOCK_WAIT => say::lock_wait(),
            TOO_FEW_CHANGED_CHARACTERS => say::compared_with_the_old_one(),
            1045 => say::refused(),
            code => say::error(code),
        },
        (_, Some(failure), _) => failure,
        (Error::Io(IoError::Tls(failure)), _, _) => connection::said(failure.to_string()),
        (_, None, Some(kind)) => tls::said_of(kind),
        // Packets of the server are left out for the same reason.
        (Error::Driver(DriverError::UnexpectedPacket { .. }), None, None) => say::unexpected_packet(),
        (other, None, None) => connection::said(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::ServerError;

    use super::*;

    fn after_the_statement(code: u16) -> Change {
        let (message, state) = (String::new(), "HY000".to_owned());
        change_that_failed(&Error::Server(ServerError { code, message, state }))
    }

    #[test]
    fn an_account_that_comes_first_may_be_one_without_a_name() {
        let hosts = |hosts: &[&str]| -> Vec<String> { hosts.iter().map(|host| (*host).to_owned()).collect() };
        let shadow = |named: &[&str], anonymous: &[&str]| shadow_of("%", &hosts(named), hosts(anonymous), "127.0.0.1");
        assert_eq!(shadow(&["%"], &[]), None);
        assert_eq!(
            shadow(&["%"], &["%", "10.%", "localhost"]),
            None,
            "of one host part, the one with a name comes first"
        );
        assert_eq!(shadow(&["%"], &["127.0.0.1"]).as_deref(), Some("127.0.0.1"));
        assert_eq!(shadow(&["%", "127.%"], &[]).as_deref(), Some("127.%"));
        assert_eq!(
            shadow(&["%", "127.0.0.0/255.0.0.0"], &[]).as_deref(),
            Some("127.0.0.0/255.0.0.0"),
            "it may come first"
        );
    }

    #[test]
    fn an_error_of_the_statement_has_undone_it_unless_the_session_or_a_proxy_was_at_its_end() {
        assert_eq!(after_the_statement(LOCK_WAIT), Change::NotDone(Cause::TimedOut));
        assert_eq!(after_the_statement(NOT_IN_THE_CLUSTER), Change::NotDone(Cause::NotReady));
        for code in [1290, 1836, 1874] {
            assert!(matches!(after_the_statement(code), Change::NotDone(_)), "{code}");
        }
        for code in [1053, 1317, 1969, 3024] {
            assert!(matches!(after_the_statement(code), Change::Unknown(_)), "{code}");
        }
        for of_a_proxy in [2006, 2013, 9001, 9999] {
            assert_eq!(after_the_statement(of_a_proxy), Change::Unknown(Cause::Unreachable), "{of_a_proxy}");
        }
        assert_eq!(after_the_statement(1819), Change::RefusedCandidate);
    }
}
