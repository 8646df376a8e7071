//! What a rotation does next, decided from what is known. No I/O: the caller finds out what an action asks for, puts it
//! into the [`Situation`] and asks again, until [`Action::Done`], [`Action::Retry`] or [`Action::NeedsOperator`].
//!
//! The order is: pending value stored, database changed, login with the pending value proven, labels moved. Nothing
//! but the versions and their labels is remembered between attempts; where a rotation stands is found out by trying
//! to log in. Three rules hold everywhere:
//!
//! - A probe that is [`Probe::Unknown`] never leads to a write.
//! - A password is changed only by a login as the very account whose password it is. Where there is an administrator, it
//!   does so only after the account has shown that it cannot; where the management service of a cloud sets passwords, it
//!   is told the name of the account.
//! - A candidate is given up only when the database has *refused* it. One that may have been set is tried again.

use core::fmt;

use crate::{rotation::account::Login, rotation_config::RotationMode, version::VersionId};

/// How many candidates one attempt offers to a database that refuses them.
pub const MAX_CANDIDATES: u32 = 3;

/// Why it is not known whether a login or a change succeeded. Never a reason to believe that a password is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The server does not let the login in that was to make the change.
    NoLogin,
    /// No connection to the server, or it broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// TLS could not be established, or the certificate is not trusted.
    Tls,
    /// The server takes no further connection now.
    Busy,
    /// The server starts, stops or is read-only.
    NotReady,
    /// The account may not log in from here, whatever its password: locked, expired, or barred by host or database.
    Barred,
    /// The account may log in, but may not change the password.
    Forbidden,
    /// The account logs in by a method that this code cannot change or does not know.
    Unsupported,
    /// Any other answer.
    Other,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLogin => "the login that was to change the password is refused",
            Self::Unreachable => "the database is not reachable",
            Self::TimedOut => "the database did not answer in time",
            Self::Tls => "no trusted TLS connection to the database",
            Self::Busy => "the database takes no further connection now",
            Self::NotReady => "the database is starting, stopping or read-only",
            Self::Barred => "the database bars the account from logging in here, whatever its password",
            Self::Forbidden => "the database does not let this login change the account's password",
            Self::Unsupported => "the account's way of logging in is not supported",
            Self::Other => "the database gave an unexpected answer",
        })
    }
}

/// What an attempt to log in showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// The login succeeded.
    Accepted,
    /// The server was reached and said that the password is wrong.
    Rejected,
    /// Neither is known.
    Unknown(Cause),
}

/// What an attempt to set the pending password showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The server confirmed it.
    Done,
    /// The server refused this candidate (policy, history) and has not set it.
    Refused,
    /// It has not been set, for a reason that is not the candidate's.
    Failed(Cause),
    /// It may or may not have been set.
    Unknown(Cause),
}

/// Who sets an account's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setter {
    /// The account itself, logged in with the value of the version with this label.
    Account(Role),
    /// The administrator that the configuration names.
    Admin,
    /// The management service of the cloud that runs the database.
    Service,
}

impl fmt::Display for Setter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(role) => write!(f, "the account itself with {role}"),
            Self::Admin => f.write_str("the administrator"),
            Self::Service => f.write_str("the management service"),
        }
    }
}

/// Who may set passwords besides the accounts themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Powers {
    /// The configuration names an administrator.
    pub admin: bool,
    /// Passwords are set through the management service; accounts log in for proofs alone.
    pub service: bool,
}

/// A label of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `SYSPENDING`.
    Pending,
    /// `SYSCURRENT`.
    Current,
    /// `SYSPREVIOUS`.
    Previous,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "SYSPENDING",
            Self::Current => "SYSCURRENT",
            Self::Previous => "SYSPREVIOUS",
        })
    }
}

/// What the value of a version turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// A database account.
    Login(Login),
    /// Something else.
    Invalid,
}

/// Which version each label marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    /// `SYSPENDING`.
    pub pending: Option<VersionId>,
    /// `SYSCURRENT`.
    pub current: Option<VersionId>,
    /// `SYSPREVIOUS`.
    pub previous: Option<VersionId>,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the value of the version with this label.
    Read(Role),
    /// Read the administrator's account.
    ReadAdmin,
    /// Try to log in with the value of the version with this label.
    Probe(Role),
    /// Try to log in as the account of the pending version with a random password, which nobody can have set. A server
    /// that accepts it accepts any, and an accepted probe of it proves nothing.
    ProbeDecoy,
    /// Store a version marked `SYSPENDING`: the value of the version with this label, with a new random password.
    MakePending {
        /// The label whose version is the base.
        base: Role,
    },
    /// Set the account's password to the pending one.
    SetPassword {
        /// Who does it.
        by: Setter,
    },
    /// Move `SYSCURRENT` to the pending version; `SYSPREVIOUS` follows to `from`.
    MoveStages {
        /// The pending version.
        to: VersionId,
        /// The version that is SYSCURRENT until then.
        from: VersionId,
    },
    /// Take `SYSPENDING` off the version that is SYSCURRENT now.
    RemovePendingLabel,
    /// The rotation is over: this version is SYSCURRENT.
    Done(VersionId),
    /// End this attempt; a later one may get further.
    Retry(RetryReason),
    /// End this attempt; a person has to look.
    NeedsOperator(OperatorReason),
}

impl Action {
    /// A stable name for logs and tests.
    #[must_use]
    pub const fn step(&self) -> &'static str {
        match self {
            Self::Read(Role::Pending) => "read-pending",
            Self::Read(Role::Current) => "read-current",
            Self::Read(Role::Previous) => "read-previous",
            Self::ReadAdmin => "read-admin",
            Self::Probe(Role::Pending) => "probe-pending",
            Self::Probe(Role::Current) => "probe-current",
            Self::Probe(Role::Previous) => "probe-previous",
            Self::ProbeDecoy => "probe-decoy",
            Self::MakePending { .. } => "make-pending",
            Self::SetPassword { .. } => "set-password",
            Self::MoveStages { .. } => "move-stages",
            Self::RemovePendingLabel => "remove-pending-label",
            Self::Done(_) => "done",
            Self::Retry(_) => "retry",
            Self::NeedsOperator(_) => "needs-operator",
        }
    }

    /// Whether the action changes the secret or the database.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(
            self,
            Self::MakePending { .. } | Self::SetPassword { .. } | Self::MoveStages { .. } | Self::RemovePendingLabel
        )
    }
}

/// Why an attempt ends although nothing is wrong with the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryReason {
    /// It is not known whether the version with this label logs in.
    LoginUnknown(Role, Cause),
    /// It is not known whether passwords are checked at all.
    DecoyUnknown(Cause),
    /// The password could not be changed.
    ChangeFailed(Cause),
    /// The change was sent, its outcome is unknown, and it has not taken effect yet.
    ChangeUnknown(Cause),
    /// The change was confirmed, but the new password does not log in (yet): a replica behind, or a proxy with a cache.
    ChangeNotSeen,
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginUnknown(role, cause) => write!(f, "cannot tell whether {role} logs in: {cause}"),
            Self::DecoyUnknown(cause) => write!(f, "cannot tell whether the database checks passwords: {cause}"),
            Self::ChangeFailed(cause) => write!(f, "the password was not changed: {cause}"),
            Self::ChangeUnknown(cause) => write!(f, "cannot tell whether the password was changed: {cause}"),
            Self::ChangeNotSeen => f.write_str("the database confirmed the new password but does not accept it"),
        }
    }
}

/// Why nothing the function may do would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatorReason {
    /// No version is SYSCURRENT.
    NoCurrentVersion,
    /// Two accounts take turns, but no version is SYSPREVIOUS.
    NoSecondAccount,
    /// Two accounts take turns, but both versions name the same one.
    SameAccountTwice,
    /// Two accounts take turns, but on different servers.
    DifferentServers,
    /// The value of the version with this label describes no account.
    NotAnAccount(Role),
    /// This field of the pending version is not the one of the version it replaces, so it would be another account.
    PendingDiffers(&'static str),
    /// No version that may log in as the account does.
    NobodyLogsIn,
    /// The database lets neither the account nor, if there is one, the administrator change the account's password.
    ChangeForbidden,
    /// The administrator's secret describes no account.
    AdminNotAnAccount,
    /// The administrator's secret belongs to another database server.
    AdminElsewhere,
    /// The administrator's secret names the very account.
    AdminIsTheAccount,
    /// The database accepts any password, so no login proves anything.
    PasswordsNotChecked,
    /// The database refused [`MAX_CANDIDATES`] new passwords.
    CandidatesRefused,
}

impl fmt::Display for OperatorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCurrentVersion => f.write_str("the secret has no SYSCURRENT version"),
            Self::NoSecondAccount => f.write_str(
                "MultiUser needs a version of the second account marked SYSPREVIOUS; create it with version_stages",
            ),
            Self::SameAccountTwice => {
                f.write_str("SYSCURRENT and SYSPREVIOUS name the same account; MultiUser needs two")
            }
            Self::DifferentServers => f.write_str("SYSCURRENT and SYSPREVIOUS name accounts of different servers"),
            Self::NotAnAccount(role) => write!(f, "the value of {role} does not describe a database account"),
            Self::PendingDiffers(field) => write!(
                f,
                "SYSPENDING has another {field} than the version it would replace; delete that stage to start anew",
            ),
            Self::NobodyLogsIn => {
                f.write_str("no version of the secret logs in; set the account's password to that of SYSPENDING")
            }
            Self::ChangeForbidden => f.write_str("the database does not allow the change of the password"),
            Self::AdminNotAnAccount => f.write_str("the value of AdminSecret does not describe a database account"),
            Self::AdminElsewhere => f.write_str("AdminSecret names an account of another database server"),
            Self::AdminIsTheAccount => f.write_str("AdminSecret names the account that is to be changed"),
            Self::PasswordsNotChecked => f.write_str("the database accepts any password for this account"),
            Self::CandidatesRefused => f.write_str("the database refuses the new passwords; see its password policy"),
        }
    }
}

/// What is known of the version with a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Labelled {
    version: VersionId,
    reading: Option<Reading>,
    probe: Option<Probe>,
}

impl Labelled {
    const fn new(version: VersionId) -> Self {
        Self { version, reading: None, probe: None }
    }
}

/// All that one attempt knows. Begins with the labels and grows by what the planner's actions find out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Situation {
    mode: RotationMode,
    powers: Powers,
    /// The version this attempt is to make SYSCURRENT, once that is known.
    goal: Option<VersionId>,
    pending: Option<Labelled>,
    current: Option<Labelled>,
    previous: Option<Labelled>,
    decoy: Option<Probe>,
    /// Whether the server has rejected any password in this attempt, so that accepting one means something.
    passwords_checked: bool,
    /// What the administrator's secret holds.
    admin: Option<Reading>,
    /// The last change that was tried with this candidate, and who tried it.
    change: Option<(Setter, Change)>,
    /// Candidates that the database has refused in this attempt.
    refused: u32,
}

impl Situation {
    /// What an attempt knows at first. `asked` is the version that the event names, if it names one.
    #[must_use]
    pub fn new(mode: RotationMode, asked: Option<VersionId>, labels: Labels) -> Self {
        Self {
            mode,
            powers: Powers::default(),
            goal: asked,
            pending: labels.pending.map(Labelled::new),
            current: labels.current.map(Labelled::new),
            previous: labels.previous.map(Labelled::new),
            decoy: None,
            passwords_checked: false,
            admin: None,
            change: None,
            refused: 0,
        }
    }

    /// The same with others who may set passwords.
    #[must_use]
    pub fn with_powers(self, powers: Powers) -> Self {
        Self { powers, ..self }
    }

    /// The version that a label marks.
    #[must_use]
    pub fn version(&self, role: Role) -> Option<VersionId> {
        self.labelled(role).map(|labelled| labelled.version)
    }

    /// [`Action::Read`] was carried out.
    pub fn note_reading(&mut self, role: Role, reading: Reading) {
        if let Some(labelled) = self.labelled_mut(role) {
            labelled.reading = Some(reading);
        }
    }

    /// [`Action::ReadAdmin`] was carried out.
    pub fn note_admin(&mut self, reading: Reading) {
        self.admin = Some(reading);
    }

    /// [`Action::Probe`] was carried out.
    pub fn note_probe(&mut self, role: Role, probe: Probe) {
        self.passwords_checked |= probe == Probe::Rejected;
        if let Some(labelled) = self.labelled_mut(role) {
            labelled.probe = Some(probe);
        }
    }

    /// [`Action::ProbeDecoy`] was carried out.
    pub fn note_decoy(&mut self, probe: Probe) {
        self.passwords_checked |= probe == Probe::Rejected;
        self.decoy = Some(probe);
    }

    /// [`Action::MakePending`] was carried out.
    pub fn note_pending(&mut self, version: VersionId, login: Login) {
        self.pending = Some(Labelled { version, reading: Some(Reading::Login(login)), probe: None });
        self.change = None;
    }

    /// [`Action::SetPassword`] was carried out. What logged in before a change may not do so afterwards, so the probes are
    /// forgotten.
    pub fn note_change(&mut self, by: Setter, change: Change) {
        match change {
            Change::Refused => self.refused = self.refused.saturating_add(1),
            Change::Failed(_) => {}
            Change::Done | Change::Unknown(_) => {
                for labelled in [&mut self.pending, &mut self.current, &mut self.previous].into_iter().flatten() {
                    labelled.probe = None;
                }
            }
        }
        self.change = Some((by, change));
    }

    /// Whether the account may have the pending password while SYSCURRENT still marks another version.
    #[must_use]
    pub fn is_between(&self) -> bool {
        let changed = matches!(self.change, Some((_, Change::Done | Change::Unknown(_))));
        self.live_pending().is_some_and(|pending| changed || pending.probe == Some(Probe::Accepted))
    }

    /// [`Action::MoveStages`] was carried out.
    pub fn note_moved(&mut self) {
        self.previous = self.current.take();
        self.current.clone_from(&self.pending);
        self.goal = self.version(Role::Current);
    }

    /// [`Action::RemovePendingLabel`] was carried out, or given up: the label is of no use any more and harms nobody.
    pub fn note_label_removed(&mut self) {
        self.pending = None;
    }

    const fn labelled(&self, role: Role) -> Option<&Labelled> {
        match role {
            Role::Pending => self.pending.as_ref(),
            Role::Current => self.current.as_ref(),
            Role::Previous => self.previous.as_ref(),
        }
    }

    const fn labelled_mut(&mut self, role: Role) -> Option<&mut Labelled> {
        match role {
            Role::Pending => self.pending.as_mut(),
            Role::Current => self.current.as_mut(),
            Role::Previous => self.previous.as_mut(),
        }
    }

    /// The pending version that a rotation works towards. A version that is SYSCURRENT or SYSPREVIOUS as well has been
    /// through a rotation already, and its label was left behind.
    fn live_pending(&self) -> Option<&Labelled> {
        self.pending.as_ref().filter(|pending| {
            let elsewhere = [self.version(Role::Current), self.version(Role::Previous)];
            !elsewhere.contains(&Some(pending.version))
        })
    }

    /// Whether the version asked for is SYSCURRENT, or a newer one is and no rotation is under way.
    fn is_over(&self, current: VersionId) -> bool {
        self.goal.is_some_and(|goal| current == goal || (current > goal && self.live_pending().is_none()))
    }

    /// The account in the version with a label, or the action that finds it out.
    fn login(&self, role: Role) -> Result<&Login, Action> {
        match self.labelled(role).map(|labelled| &labelled.reading) {
            Some(Some(Reading::Login(login))) => Ok(login),
            Some(None) => Err(Action::Read(role)),
            Some(Some(Reading::Invalid)) | None => Err(Action::NeedsOperator(OperatorReason::NotAnAccount(role))),
        }
    }

    /// Whether the version with a label logs in, or the action that finds it out or gives up.
    fn logs_in(&self, role: Role) -> Result<bool, Action> {
        match self.labelled(role).and_then(|labelled| labelled.probe) {
            None => Err(Action::Probe(role)),
            Some(Probe::Accepted) => Ok(true),
            Some(Probe::Rejected) => Ok(false),
            Some(Probe::Unknown(cause)) => Err(Action::Retry(RetryReason::LoginUnknown(role, cause))),
        }
    }
}

/// Decides what to do next. See the page of this module for the rules.
#[must_use]
pub fn plan(situation: &Situation) -> Action {
    // `Err` is a decision reached early, for `?`.
    decide(situation).unwrap_or_else(|action| action)
}

fn decide(situation: &Situation) -> Result<Action, Action> {
    let current = situation.version(Role::Current).ok_or(Action::NeedsOperator(OperatorReason::NoCurrentVersion))?;
    if situation.is_over(current) {
        let label_left = situation.version(Role::Pending) == Some(current);
        return Ok(if label_left { Action::RemovePendingLabel } else { Action::Done(current) });
    }
    let (base, account) = account_to_change(situation)?;
    let Some(pending) = situation.live_pending() else {
        return Ok(Action::MakePending { base });
    };
    if let Some(field) = situation.login(Role::Pending)?.difference(account) {
        return Err(Action::NeedsOperator(OperatorReason::PendingDiffers(field)));
    }
    if situation.logs_in(Role::Pending)? {
        passwords_are_checked(situation)?;
        return Ok(Action::MoveStages { to: pending.version, from: current });
    }
    match situation.change {
        None => Ok(Action::SetPassword { by: setter(situation, base, account)? }),
        Some((_, Change::Refused)) if situation.refused < MAX_CANDIDATES => Ok(Action::MakePending { base }),
        Some((_, Change::Refused)) => Ok(Action::NeedsOperator(OperatorReason::CandidatesRefused)),
        Some((Setter::Account(_), Change::Failed(Cause::Forbidden))) if situation.powers.admin => {
            Ok(Action::SetPassword { by: admin(situation, account)? })
        }
        Some((_, Change::Failed(Cause::Forbidden))) => Ok(Action::NeedsOperator(OperatorReason::ChangeForbidden)),
        Some((_, Change::Failed(cause))) => Ok(Action::Retry(RetryReason::ChangeFailed(cause))),
        Some((_, Change::Unknown(cause))) => Ok(Action::Retry(RetryReason::ChangeUnknown(cause))),
        Some((_, Change::Done)) => Ok(Action::Retry(RetryReason::ChangeNotSeen)),
    }
}

/// Who sets the password: the management service where passwords are its business, else the account, and if no version
/// of it logs in, the administrator.
fn setter(situation: &Situation, base: Role, account: &Login) -> Result<Setter, Action> {
    if situation.powers.service {
        return Ok(Setter::Service);
    }
    match who_logs_in(situation, base, account) {
        Err(Action::NeedsOperator(OperatorReason::NobodyLogsIn)) if situation.powers.admin => admin(situation, account),
        found => found.map(Setter::Account),
    }
}

/// The administrator, if it is one of the account's server and not the account.
fn admin(situation: &Situation, account: &Login) -> Result<Setter, Action> {
    let refused = match &situation.admin {
        None => return Err(Action::ReadAdmin),
        Some(Reading::Invalid) => OperatorReason::AdminNotAnAccount,
        Some(Reading::Login(admin)) if !admin.is_on_the_server_of(account) => OperatorReason::AdminElsewhere,
        Some(Reading::Login(admin)) if admin.username == account.username => OperatorReason::AdminIsTheAccount,
        Some(Reading::Login(_)) => return Ok(Setter::Admin),
    };
    Err(Action::NeedsOperator(refused))
}

/// The account whose password is changed and the label of the version that names it: the only account, or the idle one
/// of two. The one that applications use is never the idle one.
fn account_to_change(situation: &Situation) -> Result<(Role, &Login), Action> {
    match situation.mode {
        RotationMode::SingleUser => Ok((Role::Current, situation.login(Role::Current)?)),
        RotationMode::MultiUser => {
            situation.version(Role::Previous).ok_or(Action::NeedsOperator(OperatorReason::NoSecondAccount))?;
            let (idle, used) = (situation.login(Role::Previous)?, situation.login(Role::Current)?);
            check_two_accounts(used, idle).map_err(Action::NeedsOperator)?;
            Ok((Role::Previous, idle))
        }
    }
}

/// What `MultiUser` asks of the accounts in SYSCURRENT and SYSPREVIOUS: two accounts of one server.
///
/// # Errors
/// [`OperatorReason::DifferentServers`] or [`OperatorReason::SameAccountTwice`].
pub fn check_two_accounts(current: &Login, previous: &Login) -> Result<(), OperatorReason> {
    if !current.is_on_the_server_of(previous) {
        return Err(OperatorReason::DifferentServers);
    }
    if current.username == previous.username { Err(OperatorReason::SameAccountTwice) } else { Ok(()) }
}

/// The label of a version that logs in as the account: the base, or, when one account does it all, the one before.
fn who_logs_in(situation: &Situation, base: Role, account: &Login) -> Result<Role, Action> {
    if situation.logs_in(base)? {
        return Ok(base);
    }
    let nobody = Action::NeedsOperator(OperatorReason::NobodyLogsIn);
    let other = situation.version(Role::Previous).filter(|_| situation.mode == RotationMode::SingleUser);
    if other.is_none() {
        return Err(nobody);
    }
    match situation.login(Role::Previous) {
        Ok(login) if login.is_the_account_of(account) => {}
        Err(Action::Read(role)) => return Err(Action::Read(role)),
        Ok(_) | Err(_) => return Err(nobody),
    }
    if situation.logs_in(Role::Previous)? { Ok(Role::Previous) } else { Err(nobody) }
}

/// That the server has rejected some password, so that its accepting the pending one is a proof.
fn passwords_are_checked(situation: &Situation) -> Result<(), Action> {
    match situation.decoy {
        _ if situation.passwords_checked => Ok(()),
        None => Err(Action::ProbeDecoy),
        Some(Probe::Unknown(cause)) => Err(Action::Retry(RetryReason::DecoyUnknown(cause))),
        Some(Probe::Accepted | Probe::Rejected) => Err(Action::NeedsOperator(OperatorReason::PasswordsNotChecked)),
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod model;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
