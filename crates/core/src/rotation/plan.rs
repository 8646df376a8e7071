//! What a rotation does next, decided from what is known. No I/O: the caller finds out what an action asks for, puts it
//! into the [`Situation`] and asks again, until [`Action::Done`], [`Action::Retry`] or [`Action::NeedsOperator`].
//!
//! The order is: pending value stored, database changed, login with the pending value proven, labels moved. Nothing
//! but the versions and their labels is remembered between attempts; where a rotation stands is found out by trying
//! to log in. These rules hold everywhere:
//!
//! - A probe that is [`Probe::Unknown`] never leads to a write.
//! - A password is changed only by a login as the very account whose password it is. An administrator changes it only
//!   after the account has shown that it cannot, and never on the strength of a refused login alone: servers refuse a
//!   right password too (a host that the account does not admit, a missing client certificate, an expired role). It reads
//!   the account first, and writes where the stored passwords are known to be wrong and the account's own connection is known to
//!   get as far as the password. The management service of a cloud, where
//!   it sets passwords, takes the place of whichever login might have done so, and needs the same proof.
//! - SYSCURRENT that is refused may have the right password: its value may differ from SYSPREVIOUS's in more than the password, in
//!   the protection of the connection for instance. So SYSPREVIOUS changes the password only where its own one, another one, is
//!   accepted over the connection that SYSCURRENT describes, which SYSPENDING will be proven over.
//! - A password is changed only once it is known that a login with the new one will prove something: a server that lets
//!   anybody in here may check the old one elsewhere, where applications log in.
//! - A candidate is given up only when the database has *refused* it, or has not set it and may have written it into a log. One
//!   that may have been set is tried again.
//! - An administrator's change that keeps the replaced password as a second one is not idempotent: sent twice, the
//!   password that applications use is gone. So it is sent only while the account keeps no second password but a stored
//!   one.
//! - Where one refused login locks the account, none is made that may be refused: an administrator compares the passwords, or
//!   the attempt ends.

use core::fmt;

use crate::{
    rotation::account::{Engine, Login},
    rotation_config::RotationMode,
    version::VersionId,
};

/// How many candidates one attempt offers to a database that refuses them.
pub const MAX_CANDIDATES: u32 = 3;

/// Why a login or a change did not succeed, or why it is not known whether it did. Never a reason to believe that a
/// password is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The server refuses the login that was to make the change.
    NoLogin,
    /// No connection to the server, or it broke.
    Unreachable,
    /// The host name does not resolve.
    NameUnknown,
    /// No answer in time.
    TimedOut,
    /// TLS could not be established, or the certificate is not trusted.
    Tls,
    /// The server speaks no TLS.
    TlsNotOffered,
    /// The server or the account admits no connection without TLS.
    TlsWanted,
    /// The account admits no connection without a client certificate.
    CertificateWanted,
    /// What listens there is no server of this engine.
    OtherServer,
    /// A pooler or a proxy answers in the database's place, and its answer may mean many things.
    Pooler,
    /// The server takes no further connection now.
    Busy,
    /// The server starts or stops.
    NotReady,
    /// The server is read-only.
    ReadOnly,
    /// The account is locked.
    Locked,
    /// The account is locked for a time after failed logins.
    LockedForNow,
    /// The account or its password has expired.
    Expired,
    /// The account does not exist, or not for this host.
    NoAccount,
    /// The account admits no login from this host.
    HostNotAdmitted,
    /// The server admits no login from this host, of any account, after connection errors.
    HostBlocked,
    /// The database that the value names does not exist.
    NoDatabase,
    /// The account may not connect to this database.
    NoConnect,
    /// The account may not log in, or not from here.
    Barred,
    /// The account may log in, but may not change the password.
    Forbidden,
    /// The password that the change replaces is not the account's first one.
    NotFirst,
    /// The account has changed since it was read.
    Changed,
    /// The login leads to another account than the one that is to be changed.
    OtherAccount,
    /// The account admits other hosts than the one whose turn it ends.
    OtherHosts,
    /// The change would send the password over the network or into a log in clear.
    InClear,
    /// The account logs in by a method that this code cannot change or does not know.
    Unsupported,
    /// Any other answer.
    Other,
}

impl Cause {
    /// Whether it soon goes away by itself, for everybody who logs in to this server.
    const fn passes(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Busy | Self::NotReady)
    }

    /// Whether only a person can remove it, so that trying again helps nobody.
    #[must_use]
    pub const fn is_for_good(self) -> bool {
        matches!(
            self,
            Self::TlsWanted
                | Self::CertificateWanted
                | Self::OtherServer
                | Self::Locked
                | Self::Expired
                | Self::NoAccount
                | Self::HostNotAdmitted
                | Self::HostBlocked
                | Self::NoDatabase
                | Self::NoConnect
                | Self::Barred
                | Self::OtherAccount
                | Self::OtherHosts
                | Self::InClear
                | Self::Unsupported
        )
    }
}

/// What an attempt to log in showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// The login succeeded.
    Accepted,
    /// The password is not one of the account's: nothing else can be meant.
    WrongPassword,
    /// The server refused the login. The password may be right all the same: servers give the same answer for a host that
    /// the account does not admit, a missing client certificate, or an expired role.
    Refused,
    /// The password is right and has expired.
    Expired,
    /// Nothing is known of the password.
    Unknown(Cause),
}

impl Probe {
    /// Whether the server has looked at the password and not let the login in.
    const fn is_refusal(self) -> bool {
        matches!(self, Self::WrongPassword | Self::Refused)
    }
}

/// What an attempt to set the pending password showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The server confirmed it.
    Done,
    /// The server refused this candidate (policy, history) and has not set it.
    RefusedCandidate,
    /// It has not been set, for a reason that is not the candidate's.
    NotDone(Cause),
    /// It may or may not have been set.
    Unknown(Cause),
}

/// How a stored password compares with those that the database keeps for the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Match {
    /// It was not compared.
    #[default]
    Unknown,
    /// It is the account's first password.
    First,
    /// It is the second password that the account keeps.
    Second,
    /// It is neither.
    Neither,
}

impl Match {
    /// Whether it is one of the account's passwords.
    const fn is_right(self) -> bool {
        matches!(self, Self::First | Self::Second)
    }
}

/// What an administrator reads of an account before it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inspection {
    /// There is one account of this name to look at.
    Account {
        /// Why it would not let this login in with the right password either, as far as that can be read.
        barrier: Option<Cause>,
        /// What is known of the passwords; `None` when the administrator may not read their hashes.
        passwords: Option<Passwords>,
    },
    /// There is no account of this name.
    NoAccount,
    /// There are several accounts of this name, for different hosts, and the configuration does not choose one.
    SeveralAccounts,
    /// The account could not be read.
    Failed(Cause),
}

/// The stored passwords beside those that the database keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Passwords {
    /// SYSPENDING's.
    pub pending: Match,
    /// SYSCURRENT's.
    pub current: Match,
    /// SYSPREVIOUS's.
    pub previous: Match,
    /// Whether the account keeps a second password.
    pub has_second: bool,
}

impl Passwords {
    const fn of(self, role: Role) -> Match {
        match role {
            Role::Pending => self.pending,
            Role::Current => self.current,
            Role::Previous => self.previous,
        }
    }

    /// Whether the account keeps a second password that no stored version holds.
    const fn has_unknown_second(self) -> bool {
        self.has_second
            && !matches!(self.current, Match::Second)
            && !matches!(self.previous, Match::Second)
            && !matches!(self.pending, Match::Second)
    }
}

/// Who sets an account's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setter {
    /// The account itself, logged in with the value of the version with this label.
    Account(Role),
    /// The account itself with SYSCURRENT, a second password that the account keeps. It takes SYSPREVIOUS's place as the
    /// first one before it is replaced, so that it goes on working.
    Restored,
    /// The administrator that the configuration names.
    Admin,
    /// The management service of the cloud that runs the database.
    Service,
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
    /// Have the administrator read the account in the database.
    Inspect,
    /// Try to log in with the value of the version with this label. Where one account does it all, SYSPREVIOUS's password, if it
    /// is another one, is tried over the connection that SYSCURRENT's value describes.
    Probe(Role),
    /// Try to log in as the account of the pending version with a random password, which nobody can have set. A server
    /// that accepts it accepts any, and an accepted probe of it proves nothing.
    ProbeDecoy,
    /// Store a version marked `SYSPENDING`: the value of the version with this label, with a new random password.
    MakePending {
        /// The label whose version is the base.
        base: Role,
    },
    /// Store a version marked `SYSPENDING`: the value of the version with this label, with the password of the pending version,
    /// whose other members are of before and may not lead to the account any more.
    RenewPending {
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
            Self::Inspect => "inspect",
            Self::Probe(Role::Pending) => "probe-pending",
            Self::Probe(Role::Current) => "probe-current",
            Self::Probe(Role::Previous) => "probe-previous",
            Self::ProbeDecoy => "probe-decoy",
            Self::MakePending { .. } => "make-pending",
            Self::RenewPending { .. } => "renew-pending",
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
            Self::MakePending { .. }
                | Self::RenewPending { .. }
                | Self::SetPassword { .. }
                | Self::MoveStages { .. }
                | Self::RemovePendingLabel
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
    /// The administrator could not read the account.
    NotInspected(Cause),
    /// The password could not be changed.
    NotChanged(Cause),
    /// The change was sent, its outcome is unknown, and it has not taken effect yet.
    ChangeUnknown(Cause),
    /// The change was confirmed, but the new password does not log in (yet): a replica behind, or a proxy with a cache.
    ChangeNotSeen,
}

impl RetryReason {
    /// The cause in it.
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::LoginUnknown(_, cause)
            | Self::DecoyUnknown(cause)
            | Self::NotInspected(cause)
            | Self::NotChanged(cause)
            | Self::ChangeUnknown(cause) => Some(cause),
            Self::ChangeNotSeen => None,
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
    /// Two accounts take turns, but in different databases, so that SYSCURRENT would lead to another one each time.
    DifferentDatabases,
    /// The value of the version with this label describes no account.
    NotAnAccount(Role),
    /// This field of the pending version is not the one of the version it replaces, so it would be another account.
    PendingDiffers(&'static str),
    /// The version with this label cannot log in, for a reason that only a person can remove.
    LoginBarred(Role, Cause),
    /// The password of the version with this label is right and has expired.
    PasswordExpired(Role),
    /// No version of the account that is to be changed logs in; servers may refuse a right password too.
    NobodyLogsIn,
    /// The password of the version with this label is the account's, and is refused all the same; why, as far as it is
    /// known.
    RightPasswordRefused(Role, Option<Cause>),
    /// SYSCURRENT is refused, and SYSPREVIOUS logs in with the same password.
    SharedPasswordRefused,
    /// The administrator finds that the account would not let the rotation in with the right password either.
    AccountBarred(Cause),
    /// No version logs in, and the administrator may not read, or cannot tell, whether their passwords are wrong.
    HashesUnreadable,
    /// No version logs in, and it cannot be told whether the password of the version with this label is the account's: its
    /// hash is one of bytes, and clients may have sent the characters in another encoding.
    PasswordNotComparable(Role),
    /// The account keeps a second password that no version holds. Another change would discard it.
    SecondPasswordUnknown,
    /// The account's first password is in no version, and nobody may replace it.
    FirstPasswordUnknown,
    /// There are several accounts of this name, for different hosts.
    SeveralAccounts,
    /// There is no account of this name.
    NoAccount,
    /// The database lets neither the account nor, if there is one, the administrator change the account's password.
    ChangeForbidden,
    /// The password was not changed, for a reason that only a person can remove.
    ChangeBarred(Cause),
    /// The administrator could not read the account, for a reason that only a person can remove.
    NotInspected(Cause),
    /// The administrator's secret describes no account.
    AdminNotAnAccount,
    /// The administrator's secret does not name the address at which the account is rotated.
    AdminElsewhere,
    /// The administrator's secret names the very account.
    AdminIsTheAccount,
    /// The server refuses the administrator's login.
    AdminRefused,
    /// The database accepts any password, so no login proves anything.
    PasswordsNotChecked,
    /// A login must be refused to prove that the database checks passwords, and would lock the account.
    ProofWouldLock,
    /// A rotation that is interrupted after the change finds that out by a refused login, which would lock the account.
    ResumingWouldLock,
    /// The database refused [`MAX_CANDIDATES`] new passwords.
    CandidatesRefused,
}

impl OperatorReason {
    /// The cause in it.
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::LoginBarred(_, cause)
            | Self::AccountBarred(cause)
            | Self::ChangeBarred(cause)
            | Self::NotInspected(cause) => Some(cause),
            Self::RightPasswordRefused(_, cause) => cause,
            _ => None,
        }
    }
}

/// What one refused login does to the account, as far as a server has said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Refusal {
    /// Nothing that is known.
    #[default]
    Harmless,
    /// It locks the account, and the server has checked the password of the login that was told so.
    Locks,
    /// It locks the account, and nothing says that the server checks passwords.
    LocksUnproven,
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
    /// Whether SYSPREVIOUS and SYSCURRENT hold the same password.
    is_shared: bool,
    /// Whether the value of the pending version differs from its base's in more than the password.
    is_outdated: bool,
    decoy: Option<Probe>,
    /// Whether the server has rejected a password in this attempt, or has said that it checked the one it accepted, so that
    /// accepting one means something.
    passwords_checked: bool,
    /// Whether the server has looked at a password of the account over the account's own connection in this attempt.
    is_reached: bool,
    /// What one refused login does to the account.
    refusal: Refusal,
    /// Whether an earlier attempt, or a change in this one, may have set the pending password.
    pending_may_be_set: bool,
    /// Whether the service takes `SYSPENDING` off when the rotation has ended.
    leaves_label: bool,
    /// What the administrator's secret holds.
    admin: Option<Reading>,
    /// What the administrator has read of the account.
    inspection: Option<Inspection>,
    /// The last change that was tried with this candidate, and who tried it.
    change: Option<(Setter, Change)>,
    /// Candidates that the database has refused in this attempt.
    refused: u32,
    /// Whether the change that failed may have left the pending password in a log of the server.
    is_exposed: bool,
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
            is_shared: false,
            is_outdated: false,
            decoy: None,
            passwords_checked: false,
            is_reached: false,
            refusal: Refusal::default(),
            pending_may_be_set: labels.pending.is_some(),
            leaves_label: false,
            admin: None,
            inspection: None,
            change: None,
            refused: 0,
            is_exposed: false,
        }
    }

    /// The same with others who may set passwords.
    #[must_use]
    pub fn with_powers(self, powers: Powers) -> Self {
        Self { powers, ..self }
    }

    /// The same where no attempt before this one can have set the pending password.
    #[must_use]
    pub fn with_new_pending(self) -> Self {
        Self { pending_may_be_set: false, ..self }
    }

    /// The same where the service takes `SYSPENDING` off when the rotation has ended.
    #[must_use]
    pub fn leaving_the_label(self) -> Self {
        Self { leaves_label: true, ..self }
    }

    /// The version that a label marks.
    #[must_use]
    pub fn version(&self, role: Role) -> Option<VersionId> {
        self.labelled(role).map(|labelled| labelled.version)
    }

    /// [`Action::Read`] was executed.
    pub fn note_reading(&mut self, role: Role, reading: Reading) {
        if let Some(labelled) = self.labelled_mut(role) {
            labelled.reading = Some(reading);
        }
    }

    /// SYSPREVIOUS holds the same password as SYSCURRENT. What else is in their values may differ.
    pub const fn note_shared_password(&mut self) {
        self.is_shared = true;
    }

    /// The value of the pending version differs from that of its base in more than the password.
    pub const fn note_outdated_pending(&mut self) {
        self.is_outdated = true;
    }

    /// [`Action::RenewPending`] was executed. The password may be set already, as it may have been before.
    pub fn note_renewed(&mut self, version: VersionId, login: Login) {
        self.pending = Some(Labelled { version, reading: Some(Reading::Login(login)), probe: None });
        self.is_outdated = false;
    }

    /// [`Action::ReadAdmin`] was executed.
    pub fn note_admin(&mut self, reading: Reading) {
        self.admin = Some(reading);
    }

    /// [`Action::Inspect`] was executed. A stored password that is not the account's is known to be wrong without a
    /// login.
    pub fn note_inspection(&mut self, inspection: Inspection) {
        self.inspection = Some(inspection);
        for role in [Role::Pending, Role::Current, Role::Previous] {
            let is_wrong = self.matching(role) == Match::Neither;
            if let Some(labelled) = self.labelled_mut(role).filter(|_| is_wrong) {
                labelled.probe = Some(Probe::WrongPassword);
            }
        }
    }

    /// [`Action::Probe`] was executed.
    pub fn note_probe(&mut self, role: Role, probe: Probe) {
        self.passwords_checked |= probe.is_refusal();
        self.is_reached |= !matches!(probe, Probe::Unknown(_));
        if let Some(labelled) = self.labelled_mut(role) {
            labelled.probe = Some(probe);
        }
    }

    /// The server has said that it checked the password of a login that it accepted.
    pub fn note_passwords_checked(&mut self) {
        self.passwords_checked = true;
    }

    /// The server has said that it locks the account after one refused login, and whether it has `checked` the password of
    /// the login that was told so.
    pub const fn note_refusal_locks(&mut self, checked: bool) {
        self.refusal = match self.refusal {
            Refusal::Harmless | Refusal::Locks if checked => Refusal::Locks,
            _ => Refusal::LocksUnproven,
        };
    }

    /// Whether the server has said that it locks the account after one refused login.
    #[must_use]
    pub const fn one_refusal_locks(&self) -> bool {
        !matches!(self.refusal, Refusal::Harmless)
    }

    /// Whether the server is known to check passwords, so that no login has to be refused for a proof.
    #[must_use]
    pub const fn passwords_are_checked(&self) -> bool {
        self.passwords_checked
    }

    /// [`Action::ProbeDecoy`] was executed.
    pub fn note_decoy(&mut self, probe: Probe) {
        self.passwords_checked |= probe.is_refusal();
        self.is_reached |= probe.is_refusal();
        self.decoy = Some(probe);
    }

    /// [`Action::MakePending`] was executed.
    pub fn note_pending(&mut self, version: VersionId, login: Login) {
        // Nobody can have set a password that was made just now. Where a refused login proves something, it is tried, unless
        // an administrator sees the hashes: refused logins may lock the account.
        let was_exposed = core::mem::take(&mut self.is_exposed);
        let is_known = login.engine.login_proves_the_password() || self.hashes_are_read() || was_exposed;
        let probe = is_known.then_some(Probe::WrongPassword);
        self.pending = Some(Labelled { version, reading: Some(Reading::Login(login)), probe });
        self.pending_may_be_set = false;
        // Why the last candidate was not set has nothing to do with it.
        if !was_exposed {
            self.change = None;
        }
        if let Some(Inspection::Account { passwords: Some(passwords), .. }) = &mut self.inspection {
            passwords.pending = Match::Neither;
        }
    }

    /// [`Action::SetPassword`] was executed. What logged in before a change may not do so afterwards, so the probes are
    /// forgotten.
    pub fn note_change(&mut self, by: Setter, change: Change) {
        match change {
            Change::RefusedCandidate => {
                self.refused = self.refused.saturating_add(1);
                self.note_unset();
            }
            // Another attempt may have set the pending password, and then it is the first one.
            Change::NotDone(Cause::NotFirst) => {
                self.inspection = None;
                if let Some(pending) = &mut self.pending {
                    pending.probe = None;
                }
            }
            Change::NotDone(_) => self.note_unset(),
            Change::Done | Change::Unknown(_) => {
                self.pending_may_be_set = true;
                self.inspection = None;
                for labelled in [&mut self.pending, &mut self.current, &mut self.previous].into_iter().flatten() {
                    labelled.probe = None;
                }
            }
        }
        self.change = Some((by, change));
    }

    /// The change that failed may have left the pending password in a log of the server.
    pub const fn note_exposed(&mut self) {
        self.is_exposed = matches!(self.change, Some((_, Change::NotDone(_) | Change::Unknown(_))));
    }

    /// The change was not made, so that the pending password is no more set than it was before.
    fn note_unset(&mut self) {
        if let Some(pending) = self.pending.as_mut().filter(|_| !self.pending_may_be_set) {
            pending.probe.get_or_insert(Probe::WrongPassword);
        }
    }

    /// Whether the version with a label was found to log in.
    #[must_use]
    pub fn accepted(&self, role: Role) -> bool {
        self.probe(role) == Ok(Probe::Accepted)
    }

    /// Whether the administrator has seen that the password of the version with a label is the account's second one.
    #[must_use]
    pub fn is_second(&self, role: Role) -> bool {
        self.matching(role) == Match::Second
    }

    /// What the administrator has seen that would not let the account in with the right password either.
    #[must_use]
    pub const fn barrier(&self) -> Option<Cause> {
        match self.inspection {
            Some(Inspection::Account { barrier, .. }) => barrier,
            _ => None,
        }
    }

    /// Whether the administrator has read the account.
    #[must_use]
    pub const fn is_inspected(&self) -> bool {
        matches!(self.inspection, Some(Inspection::Account { .. }))
    }

    /// Whether the account may have the pending password while SYSCURRENT still marks another version.
    #[must_use]
    pub fn is_between(&self) -> bool {
        let changed = matches!(self.change, Some((_, Change::Done | Change::Unknown(_))));
        self.live_pending().is_some_and(|pending| changed || pending.probe == Some(Probe::Accepted))
    }

    /// [`Action::MoveStages`] was executed.
    pub fn note_moved(&mut self) {
        self.previous = self.current.take();
        self.current.clone_from(&self.pending);
        self.goal = self.version(Role::Current);
    }

    /// [`Action::RemovePendingLabel`] was executed, or given up: the stage is of no use any more and harms nobody.
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

    /// How the attempt ends if nothing but a login that may be refused would tell which password the account has after the
    /// last change, and such a login would lock it.
    const fn untold(&self) -> Option<RetryReason> {
        match self.change {
            Some((_, Change::Unknown(cause))) if self.one_refusal_locks() => Some(RetryReason::ChangeUnknown(cause)),
            Some((_, Change::NotDone(cause @ Cause::NotFirst))) if self.one_refusal_locks() => {
                Some(RetryReason::NotChanged(cause))
            }
            _ => None,
        }
    }

    /// Whether the administrator has compared the stored passwords with the account's.
    const fn hashes_are_read(&self) -> bool {
        matches!(self.inspection, Some(Inspection::Account { passwords: Some(_), .. }))
    }

    /// How the password of the version with a label compares with the account's.
    fn matching(&self, role: Role) -> Match {
        match self.inspection {
            Some(Inspection::Account { passwords: Some(passwords), .. }) => passwords.of(role),
            _ => Match::Unknown,
        }
    }

    /// The probe of the version with a label, or the action that makes it.
    fn probe(&self, role: Role) -> Result<Probe, Action> {
        self.labelled(role).and_then(|labelled| labelled.probe).ok_or(Action::Probe(role))
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
        match self.probe(role)? {
            Probe::Accepted => Ok(true),
            Probe::WrongPassword | Probe::Refused | Probe::Expired => Ok(false),
            Probe::Unknown(cause) => {
                // The administrator sees more than the login is told, such as that the limit of connections is none (PostgreSQL).
                let seen = self.barrier().unwrap_or(cause);
                let is_postgresql = self.login(role).is_ok_and(|login| login.engine == Engine::PostgreSql);
                Err(match cause.is_for_good() || (cause == Cause::Busy && seen == Cause::Barred && is_postgresql) {
                    true => Action::NeedsOperator(OperatorReason::LoginBarred(role, seen)),
                    false => Action::Retry(RetryReason::LoginUnknown(role, cause)),
                })
            }
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
        let label_left = situation.version(Role::Pending) == Some(current) && !situation.leaves_label;
        return Ok(if label_left { Action::RemovePendingLabel } else { Action::Done(current) });
    }
    let (base, account) = account_to_change(situation)?;
    let Some(pending) = situation.live_pending() else {
        return Ok(Action::MakePending { base });
    };
    if let Some(field) = situation.login(Role::Pending)?.difference(account) {
        return Err(Action::NeedsOperator(OperatorReason::PendingDiffers(field)));
    }
    // What its password is set to has to be proven by its value.
    if situation.is_outdated {
        return Ok(Action::RenewPending { base });
    }
    if situation.refused >= MAX_CANDIDATES && situation.change.is_none() {
        return Err(Action::NeedsOperator(OperatorReason::CandidatesRefused));
    }
    // The administrator looks before anything else: it alone sees whether there are several accounts of one name, for
    // different hosts, and which stored passwords are wrong. Trying them might lock the account.
    let untold = situation.untold();
    if situation.powers.admin && (situation.change.is_none() || untold.is_some()) {
        inspected_if_possible(situation, base, account)?;
    }
    if let Some(reason) = untold
        && situation.probe(Role::Pending).is_err()
        && !situation.matching(Role::Pending).is_right()
    {
        return Err(Action::Retry(reason));
    }
    // Where an accepted login is a proof by itself, none has to be refused first, and some servers lock accounts that are
    // refused. Where the base logs in, the change says whether the pending password has been set already.
    if situation.change.is_none()
        && situation.probe(Role::Pending).is_err()
        && !situation.matching(Role::Pending).is_right()
    {
        let replaced = situation.logs_in(base)?;
        if replaced && (situation.passwords_checked || account.engine.login_proves_the_password()) {
            discards_no_unknown_password(situation)?;
            return set(situation, account, Setter::Account(base));
        }
        proof_locks_nobody(situation, account)?;
    }
    // Nobody can have set what no attempt before this one has tried to set.
    let is_unset = situation.change.is_none()
        && !situation.pending_may_be_set
        && !situation.matching(Role::Pending).is_right()
        && (situation.passwords_checked || account.engine.login_proves_the_password());
    if !is_unset && situation.logs_in(Role::Pending)? {
        // The administrator may have seen that the account has it.
        if !situation.matching(Role::Pending).is_right() {
            passwords_are_checked(situation, account)?;
        }
        return Ok(Action::MoveStages { to: pending.version, from: current });
    }
    // It is not the account's; where the change may have been made all the same, the password that it was to replace shows that.
    let was_told = !matches!(situation.change, Some((_, Change::Unknown(_))));
    if situation.is_exposed && (was_told || situation.logs_in(base)?) {
        return Ok(Action::MakePending { base });
    }
    match situation.change {
        None => set(situation, account, setter(situation, base, account)?),
        // A refused password may be in a log of the server, so that it is never offered again, not even by a later rotation.
        Some((_, Change::RefusedCandidate)) => Ok(Action::MakePending { base }),
        Some((Setter::Account(_), Change::NotDone(Cause::Forbidden))) if situation.powers.admin => {
            set(situation, account, admin(situation, account)?)
        }
        Some((_, Change::NotDone(Cause::Forbidden))) => Ok(Action::NeedsOperator(OperatorReason::ChangeForbidden)),
        Some((Setter::Admin, Change::NotDone(Cause::NoLogin))) => {
            Ok(Action::NeedsOperator(OperatorReason::AdminRefused))
        }
        Some((by, Change::NotDone(Cause::NotFirst))) => after_not_first(situation, base, account, by),
        Some((_, Change::NotDone(cause))) if cause.is_for_good() => {
            Ok(Action::NeedsOperator(OperatorReason::ChangeBarred(cause)))
        }
        Some((_, Change::NotDone(cause))) => Ok(Action::Retry(RetryReason::NotChanged(cause))),
        Some((_, Change::Unknown(cause))) => Ok(Action::Retry(RetryReason::ChangeUnknown(cause))),
        Some((_, Change::Done)) => Ok(Action::Retry(RetryReason::ChangeNotSeen)),
    }
}

/// The change, if its success can be proven by a login afterwards, also by another attempt. The management service, where it
/// sets passwords, takes the place of any other setter.
fn set(situation: &Situation, account: &Login, by: Setter) -> Result<Action, Action> {
    is_provable(situation, account, by)?;
    is_resumable(situation)?;
    Ok(Action::SetPassword { by: if situation.powers.service { Setter::Service } else { by } })
}

/// That accepting the new password will be a proof, which is found out before anything is changed.
fn is_provable(situation: &Situation, account: &Login, by: Setter) -> Result<(), Action> {
    if by == Setter::Admin {
        gets_as_far_as_the_password(situation)?;
    }
    match situation.decoy {
        _ if situation.passwords_checked => Ok(()),
        // A refused login would lock the account. No stored password is the account's, so SYSCURRENT has nothing to lose, and what
        // the administrator reads tells the next attempt whether the change was made.
        _ if by == Setter::Admin && situation.one_refusal_locks() => Ok(()),
        // No pooler has accepted the pending password yet, and this one may never do so.
        Some(Probe::Unknown(cause)) if cause.is_for_good() => {
            Err(Action::NeedsOperator(OperatorReason::LoginBarred(Role::Pending, cause)))
        }
        Some(Probe::Unknown(cause)) => Err(Action::Retry(RetryReason::DecoyUnknown(cause))),
        None | Some(_) => passwords_are_checked(situation, account),
    }
}

/// That the server looks at the account's password over the account's own connection. No stored password is right, so a password that
/// nobody can have set has to be refused, before an administrator replaces the one that applications use: a connection that fails
/// before that, in TLS for instance, or is refused for another reason would never prove the new one.
fn gets_as_far_as_the_password(situation: &Situation) -> Result<(), Action> {
    match situation.decoy {
        _ if situation.is_reached => Ok(()),
        // A refused login would lock the account.
        _ if situation.one_refusal_locks() => Ok(()),
        None => Err(Action::ProbeDecoy),
        Some(Probe::Unknown(cause)) if cause.is_for_good() => {
            Err(Action::NeedsOperator(OperatorReason::LoginBarred(Role::Pending, cause)))
        }
        Some(Probe::Unknown(cause)) => Err(Action::Retry(RetryReason::DecoyUnknown(cause))),
        Some(_) => Err(Action::NeedsOperator(OperatorReason::PasswordsNotChecked)),
    }
}

/// That an attempt which finds the password changed, and SYSCURRENT refused, does not lock the account by finding it out.
/// With two accounts, the one that is locked then is used by nobody.
fn is_resumable(situation: &Situation) -> Result<(), Action> {
    let is_in_use = situation.mode == RotationMode::SingleUser;
    if is_in_use && situation.one_refusal_locks() && !situation.hashes_are_read() {
        return Err(Action::NeedsOperator(OperatorReason::ResumingWouldLock));
    }
    Ok(())
}

/// Who sets the password: the account, and if no version of it logs in, the administrator. Without an administrator, the
/// management service renews a password that is right and has expired.
fn setter(situation: &Situation, base: Role, account: &Login) -> Result<Setter, Action> {
    match who_logs_in(situation, base, account) {
        Err(Action::NeedsOperator(OperatorReason::NobodyLogsIn | OperatorReason::PasswordExpired(_)))
            if situation.powers.admin =>
        {
            admin_for_nobody(situation, base, account)
        }
        Err(Action::NeedsOperator(OperatorReason::PasswordExpired(_))) if situation.powers.service => {
            Ok(Setter::Service)
        }
        found => {
            let role = found?;
            proof_locks_nobody(situation, account)?;
            discards_no_unknown_password(situation)?;
            Ok(Setter::Account(role))
        }
    }
}

/// After a change was refused because the password it replaced is the account's second one: SYSCURRENT was moved back, or
/// somebody has set another first password by hand.
fn after_not_first(situation: &Situation, base: Role, account: &Login, by: Setter) -> Result<Action, Action> {
    let unknown = Action::NeedsOperator(OperatorReason::FirstPasswordUnknown);
    match by {
        Setter::Account(Role::Current) if base == Role::Current => match previous_of(situation, account)? {
            // A login that may be refused would lock the account.
            Some(_) if situation.one_refusal_locks() && !situation.matching(Role::Previous).is_right() => Err(unknown),
            Some(_) if situation.logs_in(Role::Previous)? => set(situation, account, Setter::Restored),
            _ => Err(unknown),
        },
        // SYSCURRENT does not log in, so a change that keeps the first password takes nothing from it.
        Setter::Account(Role::Previous) if base == Role::Current && situation.powers.admin => {
            set(situation, account, admin_for_nobody(situation, base, account)?)
        }
        _ => Err(unknown),
    }
}

/// What the administrator has read, or the action that reads it. Values are read first, since it compares their passwords.
fn inspected(situation: &Situation, base: Role, account: &Login) -> Result<Inspection, Action> {
    admin(situation, account)?;
    previous_of(situation, account)?;
    situation.login(base)?;
    let inspection = situation.inspection.ok_or(Action::Inspect)?;
    match inspection {
        Inspection::SeveralAccounts => Err(Action::NeedsOperator(OperatorReason::SeveralAccounts)),
        Inspection::NoAccount => Err(Action::NeedsOperator(OperatorReason::NoAccount)),
        Inspection::Account { .. } | Inspection::Failed(_) => Ok(inspection),
    }
}

/// As [`inspected`]; but an administrator that is none ends only what cannot do without it. On engines where an accepted
/// login is a proof, there may be several accounts of one name, and nobody else sees that. One that cannot be reached now is
/// waited for where a refused login locks the account, or where an earlier attempt may have relied on the administrator because
/// one would. Otherwise the account goes on by itself.
fn inspected_if_possible(situation: &Situation, base: Role, account: &Login) -> Result<(), Action> {
    use OperatorReason::{AdminElsewhere, AdminIsTheAccount, AdminNotAnAccount};
    match inspected(situation, base, account) {
        Err(Action::NeedsOperator(AdminElsewhere | AdminIsTheAccount | AdminNotAnAccount))
            if !account.engine.login_proves_the_password() =>
        {
            Ok(())
        }
        Ok(Inspection::Failed(cause))
            if cause.passes() && (situation.pending_may_be_set || situation.one_refusal_locks()) =>
        {
            Err(Action::Retry(RetryReason::NotInspected(cause)))
        }
        found => found.map(|_| ()),
    }
}

/// The administrator, if what it has read shows that the stored passwords are wrong and that its change discards none that
/// is in use.
fn admin_for_nobody(situation: &Situation, base: Role, account: &Login) -> Result<Setter, Action> {
    let operator = |reason| Err(Action::NeedsOperator(reason));
    let (barrier, passwords) = match inspected(situation, base, account)? {
        // Servers may lock an account that is refused again and again.
        Inspection::Failed(Cause::NoLogin) => return operator(OperatorReason::AdminRefused),
        Inspection::Failed(cause) if cause.is_for_good() => return operator(OperatorReason::NotInspected(cause)),
        Inspection::Failed(cause) => return Err(Action::Retry(RetryReason::NotInspected(cause))),
        Inspection::Account { barrier, passwords } => (barrier, passwords),
        Inspection::NoAccount | Inspection::SeveralAccounts => return operator(OperatorReason::NoAccount),
    };
    let roles = [Role::Pending, base, Role::Previous];
    let is_refused =
        |role: &Role| situation.matching(*role).is_right() && situation.probe(*role).is_ok_and(Probe::is_refusal);
    if let Some(role) = roles.iter().find(|role| is_refused(role)) {
        return operator(OperatorReason::RightPasswordRefused(*role, barrier));
    }
    // An expired password is right, and replacing it is the cure.
    let expired = roles.iter().any(|role| situation.probe(*role) == Ok(Probe::Expired));
    match barrier {
        Some(Cause::Expired) if expired => {}
        Some(cause) => return operator(OperatorReason::AccountBarred(cause)),
        None => {}
    }
    let is_known_to_be_wrong = |role: &Role| {
        situation.matching(*role) == Match::Neither
            || situation.labelled(*role).is_none_or(|labelled| {
                matches!(labelled.probe, Some(Probe::WrongPassword | Probe::Expired | Probe::Accepted) | None)
            })
    };
    let in_doubt = roles.iter().find(|role| !expired && !is_known_to_be_wrong(role));
    match (passwords, in_doubt) {
        (None, Some(_)) => return operator(OperatorReason::HashesUnreadable),
        (Some(_), Some(role)) => return operator(OperatorReason::PasswordNotComparable(*role)),
        (_, None) => {}
    }
    proof_locks_nobody(situation, account)?;
    discards_no_unknown_password(situation)?;
    Ok(Setter::Admin)
}

/// That the account keeps no second password but one that a stored version holds, as far as an administrator has seen.
/// Another change would discard it, and applications may use it.
fn discards_no_unknown_password(situation: &Situation) -> Result<(), Action> {
    match situation.inspection {
        Some(Inspection::Account { passwords: Some(passwords), .. }) if passwords.has_unknown_second() => {
            Err(Action::NeedsOperator(OperatorReason::SecondPasswordUnknown))
        }
        _ => Ok(()),
    }
}

/// The administrator, if its value names the address at which the account is rotated, and another account.
fn admin(situation: &Situation, account: &Login) -> Result<Setter, Action> {
    let refused = match &situation.admin {
        None => return Err(Action::ReadAdmin),
        Some(Reading::Invalid) => OperatorReason::AdminNotAnAccount,
        Some(Reading::Login(admin)) if !admin.names_the_rotation_address_of(account) => OperatorReason::AdminElsewhere,
        Some(Reading::Login(admin)) if admin.account_name() == account.account_name() => {
            OperatorReason::AdminIsTheAccount
        }
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

/// What `MultiUser` asks of the accounts in SYSCURRENT and SYSPREVIOUS: two accounts of one server and one database.
///
/// # Errors
/// [`OperatorReason::DifferentServers`], [`OperatorReason::SameAccountTwice`] or [`OperatorReason::DifferentDatabases`].
pub fn check_two_accounts(current: &Login, previous: &Login) -> Result<(), OperatorReason> {
    if !current.is_on_the_server_of(previous) {
        return Err(OperatorReason::DifferentServers);
    }
    if current.account_name() == previous.account_name() {
        return Err(OperatorReason::SameAccountTwice);
    }
    if current.dbname == previous.dbname { Ok(()) } else { Err(OperatorReason::DifferentDatabases) }
}

/// SYSPREVIOUS, if there is one and it is a version of the same single account.
fn previous_of(situation: &Situation, account: &Login) -> Result<Option<Role>, Action> {
    if situation.mode != RotationMode::SingleUser || situation.version(Role::Previous).is_none() {
        return Ok(None);
    }
    match situation.login(Role::Previous) {
        Ok(login) => Ok(login.is_the_account_of(account).then_some(Role::Previous)),
        Err(Action::Read(role)) => Err(Action::Read(role)),
        Err(_) => Ok(None),
    }
}

/// The label of a version that logs in as the account: the base, or, when one account does it all, the one before.
fn who_logs_in(situation: &Situation, base: Role, account: &Login) -> Result<Role, Action> {
    if situation.logs_in(base)? {
        return Ok(base);
    }
    if situation.matching(base).is_right() && situation.probe(base).is_ok_and(Probe::is_refusal) {
        let reason = OperatorReason::RightPasswordRefused(base, situation.barrier());
        return Err(Action::NeedsOperator(reason));
    }
    let expired = situation.probe(base) == Ok(Probe::Expired);
    let nobody = if expired { OperatorReason::PasswordExpired(base) } else { OperatorReason::NobodyLogsIn };
    match previous_of(situation, account)? {
        Some(previous) if !expired && situation.logs_in(previous)? => match situation.is_shared {
            true => Err(Action::NeedsOperator(OperatorReason::SharedPasswordRefused)),
            false => Ok(previous),
        },
        _ => Err(Action::NeedsOperator(nobody)),
    }
}

/// That no login has to be refused for a proof, where one would lock the account.
const fn proof_locks_nobody(situation: &Situation, account: &Login) -> Result<(), Action> {
    let is_proven = situation.passwords_checked || account.engine.login_proves_the_password();
    if matches!(situation.refusal, Refusal::LocksUnproven) && !is_proven {
        return Err(Action::NeedsOperator(OperatorReason::ProofWouldLock));
    }
    Ok(())
}

/// That accepting the pending password is a proof: by the engine, or because the server has refused some password.
fn passwords_are_checked(situation: &Situation, account: &Login) -> Result<(), Action> {
    match situation.decoy {
        _ if situation.passwords_checked || account.engine.login_proves_the_password() => Ok(()),
        None => proof_locks_nobody(situation, account).and(Err(Action::ProbeDecoy)),
        // The same pooler has just accepted the pending password.
        Some(Probe::Unknown(Cause::Pooler)) => Ok(()),
        Some(Probe::Unknown(cause)) => Err(Action::Retry(RetryReason::DecoyUnknown(cause))),
        Some(_) => Err(Action::NeedsOperator(OperatorReason::PasswordsNotChecked)),
    }
}

mod words;

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod model;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
