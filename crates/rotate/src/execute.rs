//! One attempt of a rotation: asks the planner what to do, does it, reports to the planner what came of it, until it is
//! over.

use core::time::Duration;

use csms_core::{
    RotationConfig, RotationMode, SecretName, SecretValue, StageName, VersionId,
    password::{Password, PasswordPolicy},
    problem::Problem,
    rotation::{
        Account, Action, FailureCode, Inspection, Message, OperatorReason, Probe, RetryReason, RotationEvent,
        RotationReply, Setter, Situation,
        message::{attempt as say, causes, reasons, rules},
        plan,
        plan::{Cause, Change, Labels, Powers, Reading, Role},
    },
};
use rand_core::TryCryptoRng;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    database::{Answer, By, Databases, Inspect, NewPassword, Stored},
    observer::{Moment, Observer},
    secrets::{Secrets, SecretsError},
};

/// Why an attempt ended without a new SYSCURRENT version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure, for whoever decides on another attempt.
    pub code: FailureCode,
    /// What happened, without any value of a secret.
    pub message: Message,
}

impl Failure {
    const fn new(code: FailureCode, message: Message) -> Self {
        Self { code, message }
    }

    /// The reply of a function that failed so.
    #[must_use]
    pub fn into_reply(self) -> RotationReply {
        RotationReply::failed(self.code, self.message)
    }
}

/// How long the rotation of an administrator's own account may take from its new password to its stages: a login and a request.
const ADMIN_MOVES: Duration = Duration::from_secs(2);

mod dry_run;

pub use dry_run::dry_run;

/// Makes one attempt. Returns the version that is SYSCURRENT and logs in now.
///
/// Ends by `deadline` with [`FailureCode::Unavailable`] or [`FailureCode::ServiceUnavailable`], or [`FailureCode::Unfinished`] if the password may have been
/// changed; whatever was under way then is taken up by the next attempt.
///
/// # Errors
/// A [`Failure`]; SYSCURRENT is then what it was, unless the service's answer to moving it was lost.
pub async fn rotate<S: Secrets, D: Databases, R: TryCryptoRng + ?Sized, O: Observer>(
    event: &RotationEvent,
    secrets: &S,
    databases: &D,
    rng: &mut R,
    deadline: Instant,
    observer: &mut O,
) -> Result<VersionId, Failure> {
    let mut steps = Steps { observer };
    steps.before("read-labels")?;
    let labels = in_time(deadline, read_labels(secrets)).await?;
    steps.after("read-labels", &stages(labels))?;

    let mut attempt = Attempt::new(event, secrets, databases, rng, deadline, labels);
    loop {
        let action = plan(&attempt.situation);
        match action {
            Action::Done(version) => return Ok(version),
            Action::Retry(reason) => return Err(attempt.ended(attempt.retry(reason))),
            Action::NeedsOperator(reason) => {
                let concluded = timeout_at(deadline, attempt.conclude(reason)).await;
                return Err(attempt.ended(concluded.unwrap_or_else(|_| attempt.needs_operator(reason))));
            }
            _ => {}
        }
        let step = action.step();
        steps.before(step)?;
        attempt.changing = matches!(action, Action::SetPassword { .. });
        let outcome = in_time(deadline, attempt.carry_out(&action)).await.map_err(|failure| attempt.ended(failure))?;
        attempt.changing = false;
        steps.after(step, &outcome)?;
    }
}

/// Tells log and observer of the steps.
struct Steps<'a, O> {
    observer: &'a mut O,
}

impl<O: Observer> Steps<'_, O> {
    fn before(&mut self, step: &'static str) -> Result<(), Failure> {
        tracing::debug!(step, "begins");
        self.report_step(step, Moment::Before)
    }

    fn after(&mut self, step: &'static str, outcome: &Message) -> Result<(), Failure> {
        tracing::info!(step, %outcome, "done");
        self.report_step(step, Moment::After { outcome })
    }

    fn report_step(&mut self, step: &'static str, moment: Moment<'_>) -> Result<(), Failure> {
        if self.observer.observe(step, moment).is_break() {
            return Err(Failure::new(FailureCode::Unavailable, say::interrupted(step)));
        }
        Ok(())
    }
}

/// Accounts read from versions in this attempt, with what was wrong with values that hold none.
#[derive(Default)]
struct Accounts {
    pending: Option<Result<Account, Vec<Problem>>>,
    current: Option<Result<Account, Vec<Problem>>>,
    previous: Option<Result<Account, Vec<Problem>>>,
    admin: Option<Account>,
}

impl Accounts {
    const fn of(&self, role: Role) -> Option<&Result<Account, Vec<Problem>>> {
        match role {
            Role::Pending => self.pending.as_ref(),
            Role::Current => self.current.as_ref(),
            Role::Previous => self.previous.as_ref(),
        }
    }

    fn keep(&mut self, role: Role, account: Result<Account, Vec<Problem>>) {
        let slot = match role {
            Role::Pending => &mut self.pending,
            Role::Current => &mut self.current,
            Role::Previous => &mut self.previous,
        };
        *slot = Some(account);
    }

    /// The account that the planner speaks of. It speaks only of accounts that were read.
    fn get(&self, role: Role) -> Result<&Account, Failure> {
        match self.of(role) {
            Some(Ok(account)) => Ok(account),
            Some(Err(_)) | None => Err(Failure::new(FailureCode::InvalidSecret, say::stage_not_read(role))),
        }
    }
}

/// What is behind the answers of the database, by what was asked.
#[derive(Default)]
struct Details {
    pending: Option<Message>,
    current: Option<Message>,
    previous: Option<Message>,
    decoy: Option<Message>,
    inspection: Option<Message>,
    change: Option<Message>,
}

impl Details {
    const fn of(&self, role: Role) -> &Option<Message> {
        match role {
            Role::Pending => &self.pending,
            Role::Current => &self.current,
            Role::Previous => &self.previous,
        }
    }

    const fn of_mut(&mut self, role: Role) -> &mut Option<Message> {
        match role {
            Role::Pending => &mut self.pending,
            Role::Current => &mut self.current,
            Role::Previous => &mut self.previous,
        }
    }
}

/// The account that applications use while another one is changed. Its stored password may be stale, and a refused login may lock
/// it, so it is logged in as once at most, and again only after that.
#[derive(Default)]
struct InUse {
    /// Its host part, once it has been looked for.
    host: Option<Option<String>>,
    /// What the login has shown.
    finding: Option<Probe>,
    /// Whether an administrator has read that one refused login locks it.
    one_refusal_locks: bool,
}

struct Attempt<'a, S, D, R: ?Sized> {
    secrets: &'a S,
    databases: &'a D,
    rng: &'a mut R,
    deadline: Instant,
    mode: RotationMode,
    admin_secret: Option<&'a SecretName>,
    /// The host part of the account, where the configuration names one.
    host: Option<&'a str>,
    situation: Situation,
    accounts: Accounts,
    /// Whether a change of the password is under way.
    changing: bool,
    details: Details,
    /// The digest of the account's hashes when the administrator read it.
    seen: Option<String>,
    /// The host part of the account that is changed, where accounts have one.
    host_part: Option<String>,
    /// What is known of the account in use, where two take turns.
    in_use: InUse,
    /// Whether the server has refused the administrator's login.
    admin_refused: bool,
    /// How the service refused to hand the administrator's account out.
    admin_withheld: Option<Failure>,
}

impl<'a, S: Secrets, D: Databases, R: TryCryptoRng + ?Sized> Attempt<'a, S, D, R> {
    fn new(
        event: &'a RotationEvent,
        secrets: &'a S,
        databases: &'a D,
        rng: &'a mut R,
        deadline: Instant,
        labels: Labels,
    ) -> Self {
        let admin_secret = event.rotation_config.as_ref().and_then(RotationConfig::admin_secret);
        let host = event.rotation_config.as_ref().and_then(RotationConfig::host);
        let powers = Powers { admin: admin_secret.is_some(), service: databases.are_managed() };
        let situation = Situation::new(event.mode, event.version_id, labels).with_powers(powers);
        let is_new = event.pending_is_new && event.version_id.is_some() && labels.pending == event.version_id;
        let situation = if is_new { situation.with_new_pending() } else { situation };
        let situation = if event.removes_pending { situation.leaving_the_label() } else { situation };
        Self {
            secrets,
            databases,
            rng,
            deadline,
            mode: event.mode,
            admin_secret,
            host,
            situation,
            accounts: Accounts::default(),
            changing: false,
            details: Details::default(),
            seen: None,
            host_part: None,
            in_use: InUse::default(),
            admin_refused: false,
            admin_withheld: None,
        }
    }

    /// A failure reported as one that leaves the account's password in doubt, if it does: another attempt should follow soon.
    /// A refusal of the service counts, too: it leaves a password set that no version in use has, and the next attempt has
    /// other credentials and may have other rights.
    fn ended(&self, failure: Failure) -> Failure {
        let in_doubt = self.changing || self.situation.is_between();
        match failure.code {
            FailureCode::Unavailable | FailureCode::ServiceUnavailable | FailureCode::ServiceRefused if in_doubt => {
                Failure { code: FailureCode::Unfinished, ..failure }
            }
            _ => failure,
        }
    }

    /// Does what an action says and notes what came of it. Returns a few words for the log.
    async fn carry_out(&mut self, action: &Action) -> Result<Message, Failure> {
        match *action {
            Action::Read(role) => self.read(role).await,
            Action::Probe(role) => {
                let account = self.accounts.get(role)?;
                let answer = match role == Role::Pending && self.situation.is_between() {
                    true => self.databases.prove(account, self.deadline).await,
                    false => self.databases.probe(account, self.deadline).await,
                };
                self.situation.note_probe(role, answer.finding);
                if answer.checked {
                    self.situation.note_passwords_checked();
                }
                self.note_refusal_locks(&answer);
                self.details.of_mut(role).clone_from(&answer.detail);
                if role == self.base() && answer.host.is_some() {
                    self.host_part.clone_from(&answer.host);
                }
                Ok(told(answer.finding.message(), answer.detail))
            }
            Action::ProbeDecoy => {
                let password = self.random_password()?;
                let decoy = self.accounts.get(Role::Pending)?.trying(password.reveal());
                let answer = self.databases.probe(&decoy, self.deadline).await;
                self.situation.note_decoy(answer.finding);
                self.details.decoy.clone_from(&answer.detail);
                Ok(told(answer.finding.message(), answer.detail))
            }
            Action::MakePending { base } => self.make_pending(base).await,
            Action::RenewPending { base } => self.renew_pending(base).await,
            Action::ReadAdmin => self.read_admin().await,
            Action::Inspect => self.inspect().await,
            Action::SetPassword { by } => {
                self.require_pending_label().await?;
                if let Some(difference) = self.difference_of_hosts().await? {
                    self.situation.note_change(by, Change::NotDone(Cause::OtherHosts));
                    self.details.change = Some(difference.clone());
                    return Ok(say::by(by.message(), difference));
                }
                let answer = self.databases.set_password(self.new_password(by)?, self.deadline).await;
                self.situation.note_change(by, answer.finding);
                if answer.exposed {
                    self.situation.note_exposed();
                }
                self.details.change.clone_from(&answer.detail);
                Ok(say::by(by.message(), told(answer.finding.message(), answer.detail)))
            }
            Action::MoveStages { to, from } => self.move_stages(to, from).await,
            Action::RemovePendingLabel => Ok(self.remove_pending_label().await),
            Action::Done(version) => Ok(say::version(version)),
            Action::Retry(reason) => Ok(reason.message()),
            Action::NeedsOperator(reason) => Ok(reason.message()),
        }
    }

    /// A server that says whether it checks passwords needs no refused login as a proof.
    const fn note_refusal_locks<T>(&mut self, answer: &Answer<T>) {
        if answer.refusal_locks {
            self.situation.note_refusal_locks(answer.checked);
        }
    }

    async fn inspect(&mut self) -> Result<Message, Failure> {
        let (account, base) = (self.accounts.get(Role::Pending)?.login().clone(), self.base());
        let stored = |role| match self.accounts.of(role) {
            Some(Ok(stored)) if stored.login().is_the_account_of(&account) => Some(stored),
            _ => None,
        };
        let inspect = Inspect {
            admin: self.accounts.admin.as_ref().ok_or_else(no_admin)?,
            account: self.accounts.get(base)?,
            stored: Stored {
                pending: stored(Role::Pending),
                current: stored(Role::Current),
                previous: stored(Role::Previous),
            },
            host: self.host,
        };
        let answer = self.databases.inspect(inspect, self.deadline).await;
        self.situation.note_inspection(answer.finding);
        self.note_refusal_locks(&answer);
        self.details.inspection.clone_from(&answer.detail);
        self.seen.clone_from(&answer.seen);
        self.host_part.clone_from(&answer.host);
        self.admin_refused = answer.finding == Inspection::Failed(Cause::NoLogin);
        Ok(told(answer.finding.message(), answer.detail))
    }

    /// Where two accounts take turns: how the hosts that they admit differ, as far as that can be found out. Applications
    /// that log in as the one from anywhere are shut out when the other admits them from a few places alone.
    async fn difference_of_hosts(&mut self) -> Result<Option<Message>, Failure> {
        if self.mode != RotationMode::MultiUser || self.host_part.is_none() {
            return Ok(None);
        }
        if self.in_use.host.is_none() {
            self.in_use.host = Some(self.host_in_use().await?);
        }
        let (Some(host), Some(Some(other))) = (&self.host_part, &self.in_use.host) else { return Ok(None) };
        let (used, idle) = (self.accounts.get(Role::Current)?.login(), self.accounts.get(Role::Previous)?.login());
        let differ = !other.eq_ignore_ascii_case(host);
        Ok(differ.then(|| say::hosts_differ(&used.username, other, &idle.username, host)))
    }

    /// The host part of the account in use: as the administrator reads it, where there is one that reads accounts, otherwise as a
    /// login shows it.
    async fn host_in_use(&mut self) -> Result<Option<String>, Failure> {
        let used = self.accounts.get(Role::Current)?;
        if let (Some(admin), true) = (&self.accounts.admin, self.situation.is_inspected()) {
            let inspect = Inspect { admin, account: used, stored: Stored::default(), host: None };
            let read = self.databases.inspect(inspect, self.deadline).await;
            self.in_use.one_refusal_locks = read.refusal_locks;
            if read.host.is_some() {
                return Ok(read.host);
            }
        }
        if !self.may_enter_as_in_use() {
            return Ok(None);
        }
        let answer = self.databases.probe(used, self.deadline).await;
        self.in_use.finding = Some(answer.finding);
        Ok(answer.host)
    }

    /// Whether a login as the account in use is none that is known to be refused or to lock it.
    fn may_enter_as_in_use(&self) -> bool {
        let locks = self.in_use.one_refusal_locks || self.situation.one_refusal_locks();
        self.in_use.finding.map_or(!locks, |finding| finding == Probe::Accepted)
    }

    /// The label of the version whose account is changed.
    const fn base(&self) -> Role {
        match self.mode {
            RotationMode::SingleUser => Role::Current,
            RotationMode::MultiUser => Role::Previous,
        }
    }

    async fn read(&mut self, role: Role) -> Result<Message, Failure> {
        let version = self.situation.version(role).ok_or_else(|| vanished(role))?;
        let value = self.secrets.value(version).await.map_err(|error| refused(error, say::cannot_read_version))?;
        let account = Account::parse(&value);
        let (reading, outcome) = match &account {
            Ok(account) => {
                let remark = password_elsewhere(account).filter(|_| role == self.base());
                (Reading::Login(account.login().clone()), told(say::names_an_account(version), remark))
            }
            Err(problems) => (Reading::Invalid, say::has_problems(version, problems.len())),
        };
        self.situation.note_reading(role, reading);
        if role == Role::Pending
            && let (Ok(pending), Some(Ok(base))) = (&account, self.accounts.of(self.base()))
            && !pending.is_like(base)
        {
            self.situation.note_outdated_pending();
        }
        let account = account.map(|account| self.as_tried(role, account));
        self.accounts.keep(role, account);
        Ok(outcome)
    }

    /// The account of a version as it logs in. Where one account does it all, a password of SYSPREVIOUS that is not SYSCURRENT's
    /// is tried over SYSCURRENT's connection, over which the change has to be proven: accepted there, it shows that SYSCURRENT
    /// is refused for its password and for nothing else in its value.
    fn as_tried(&mut self, role: Role, account: Account) -> Account {
        match self.accounts.of(Role::Current) {
            Some(Ok(current))
                if role == Role::Previous
                    && self.mode == RotationMode::SingleUser
                    && account.login().is_the_account_of(current.login()) =>
            {
                if account.password() == current.password() {
                    self.situation.note_shared_password();
                    account
                } else {
                    current.trying(account.password())
                }
            }
            _ => account,
        }
    }

    async fn read_admin(&mut self) -> Result<Message, Failure> {
        let name = self.admin_secret.ok_or_else(|| Failure::new(FailureCode::InvalidEvent, say::no_admin_secret()))?;
        let value = match self.secrets.admin_value(name).await {
            Ok(value) => value,
            Err(error @ SecretsError::Unavailable(_)) => return Err(refused(error, say::cannot_read_admin)),
            // The rotation may do without.
            Err(error @ SecretsError::Refused(_)) => {
                let failure = refused(error, say::cannot_read_admin);
                let outcome = failure.message.clone();
                self.situation.note_admin(Reading::Invalid);
                self.admin_withheld = Some(failure);
                return Ok(outcome);
            }
        };
        let account = Account::parse(&value);
        let (reading, outcome) = match &account {
            Ok(account) => (Reading::Login(account.login().clone()), say::names_an_account(name)),
            Err(problems) => (Reading::Invalid, say::has_problems(name, problems.len())),
        };
        self.situation.note_admin(reading);
        self.accounts.admin = account.ok();
        Ok(outcome)
    }

    /// The change that sets the pending password. With one account the old password is worth keeping alive beside it.
    fn new_password(&self, by: Setter) -> Result<NewPassword<'_>, Failure> {
        let by = match by {
            Setter::Account(role) => By::Itself(self.accounts.get(role)?),
            Setter::Restored => {
                By::Restored { login: self.accounts.get(Role::Current)?, first: self.accounts.get(Role::Previous)? }
            }
            Setter::Admin => By::Admin {
                login: self.accounts.admin.as_ref().ok_or_else(no_admin)?,
                in_use: match self.situation.accepted(self.base()) {
                    true => Some(self.accounts.get(self.base())?),
                    false => None,
                },
            },
            Setter::Service => By::Service { host: self.host_part.as_deref() },
        };
        let keep_old = self.mode == RotationMode::SingleUser;
        let account = self.accounts.get(Role::Pending)?;
        Ok(NewPassword { by, account, keep_old, host: self.host, seen: self.seen.as_deref() })
    }

    /// Re-reads SYSPENDING immediately before the write, so that a concurrent rotation never finds a password that it did
    /// not set.
    async fn require_pending_label(&self) -> Result<(), Failure> {
        let pending = self.secrets.stage(&StageName::pending()).await;
        if pending.map_err(|error| refused(error, say::cannot_read_pending))? == self.situation.version(Role::Pending) {
            return Ok(());
        }
        Err(Failure::new(FailureCode::Unavailable, say::pending_moved()))
    }

    async fn make_pending(&mut self, base: Role) -> Result<Message, Failure> {
        let password = self.random_password()?;
        let (version, account) = self.create_pending(base, password.reveal()).await?;
        self.situation.note_pending(version, account.login().clone());
        self.accounts.keep(Role::Pending, Ok(account));
        Ok(say::version(version))
    }

    async fn renew_pending(&mut self, base: Role) -> Result<Message, Failure> {
        let (version, account) = self.create_pending(base, self.accounts.get(Role::Pending)?.password()).await?;
        self.situation.note_renewed(version, account.login().clone());
        self.accounts.keep(Role::Pending, Ok(account));
        Ok(say::version(version))
    }

    /// Stores the value of the version with a label, with this password, as the pending version.
    async fn create_pending(&self, base: Role, password: &str) -> Result<(VersionId, Account), Failure> {
        self.require_pending_label().await?;
        let value: SecretValue = self.accounts.get(base)?.with_password(password).map_err(|violation| {
            Failure::new(FailureCode::InvalidSecret, say::next_value(rules::violated(&violation)))
        })?;
        let account = Account::parse(&value).map_err(|problems| invalid(base, &problems))?;
        let created = self.secrets.create_pending(value).await;
        Ok((created.map_err(|error| refused(error, say::cannot_create_pending))?, account))
    }

    /// The stage API has no compare-and-set, so SYSCURRENT is re-read just before it is moved.
    async fn move_stages(&mut self, to: VersionId, from: VersionId) -> Result<Message, Failure> {
        let stage = StageName::current();
        let current = self.secrets.stage(&stage).await.map_err(|error| refused(error, say::cannot_read_current))?;
        if current != Some(from) {
            return Err(Failure::new(FailureCode::Unavailable, say::current_moved()));
        }
        self.secrets.make_current(to).await.map_err(|error| refused(error, say::cannot_move_current))?;
        self.situation.note_moved();
        Ok(say::stage_moved(from, to))
    }

    /// A label left behind harms nobody: the next rotation sees that its version is in use and moves it. So failing
    /// here, for instance for want of a permission, is no failure of the rotation.
    async fn remove_pending_label(&mut self) -> Message {
        let removed = self.secrets.remove_pending_label().await;
        self.situation.note_label_removed();
        match removed {
            Ok(()) => say::label_removed(),
            Err(error) => say::label_left(error.into_message()),
        }
    }

    fn random_password(&mut self) -> Result<Password, Failure> {
        Password::make(&PasswordPolicy::for_database(), self.rng)
            .map_err(|error| Failure::new(FailureCode::Unavailable, say::no_random_numbers(error.to_string())))
    }

    fn retry(&self, reason: RetryReason) -> Failure {
        let detail = match reason {
            RetryReason::LoginUnknown(role, _) => self.details.of(role),
            RetryReason::DecoyUnknown(_) => &self.details.decoy,
            RetryReason::NotInspected(_) => &self.details.inspection,
            RetryReason::NotChanged(_) | RetryReason::ChangeUnknown(_) => &self.details.change,
            RetryReason::ChangeNotSeen => &self.details.pending,
        };
        let remedy = reason.cause().and_then(Cause::remedy);
        Failure::new(FailureCode::Unavailable, self.sentence(reason.message(), detail.clone(), remedy))
    }

    /// What ends a rotation for good. It was concluded from the versions that the stages marked when they were read: where they
    /// mark others now, another attempt has gone on, and what this one has met says nothing of those.
    async fn conclude(&self, reason: OperatorReason) -> Failure {
        let moved = |role, now| self.situation.version(role) != now;
        match self.secrets.labels().await {
            Ok(now) if moved(Role::Current, now.current) => {
                Failure::new(FailureCode::Unavailable, say::current_moved())
            }
            Ok(now) if moved(Role::Pending, now.pending) => {
                Failure::new(FailureCode::Unavailable, say::pending_moved())
            }
            Ok(_) if reason == OperatorReason::AdminRefused && self.admin_has_moved().await => {
                Failure::new(FailureCode::Unavailable, say::admin_moved())
            }
            Ok(_) => self.needs_operator(reason),
            // Credentials end with an attempt that another one has replaced.
            Err(error) => refused(error, say::cannot_read_stage),
        }
    }

    /// Whether AdminSecret has another account or password than the one that the server refused: it may be rotated, too, and
    /// its own password is set before its stages move.
    async fn admin_has_moved(&self) -> bool {
        let (Some(name), Some(refused)) = (self.admin_secret, &self.accounts.admin) else { return false };
        sleep(ADMIN_MOVES).await;
        let Ok(value) = self.secrets.admin_value(name).await else { return false };
        let now = Account::parse(&value);
        now.is_ok_and(|now| now.login() != refused.login() || now.password() != refused.password())
    }

    fn needs_operator(&self, reason: OperatorReason) -> Failure {
        if let OperatorReason::NotAnAccount(role) = reason {
            return match self.accounts.of(role) {
                Some(Err(problems)) => invalid(role, problems),
                Some(Ok(_)) | None => Failure::new(FailureCode::InvalidSecret, reason.message()),
            };
        }
        if let (OperatorReason::AdminNotAnAccount, Some(withheld)) = (reason, &self.admin_withheld) {
            return withheld.clone();
        }
        let nothing = None;
        let detail = match reason {
            // The administrator sees more than the login is told.
            OperatorReason::LoginBarred(..) if self.situation.barrier().is_some() => &self.details.inspection,
            OperatorReason::LoginBarred(role, _) | OperatorReason::PasswordExpired(role) => self.details.of(role),
            OperatorReason::NobodyLogsIn | OperatorReason::SharedPasswordRefused => self.details.of(self.base()),
            OperatorReason::RightPasswordRefused(..)
            | OperatorReason::AccountBarred(_)
            | OperatorReason::HashesUnreadable
            | OperatorReason::PasswordNotComparable(_)
            | OperatorReason::SecondPasswordUnknown
            | OperatorReason::SeveralAccounts
            | OperatorReason::NotInspected(_)
            | OperatorReason::NoAccount => &self.details.inspection,
            OperatorReason::AdminRefused if self.details.change.is_none() => &self.details.inspection,
            OperatorReason::AdminRefused
            | OperatorReason::ChangeForbidden
            | OperatorReason::ChangeBarred(_)
            | OperatorReason::FirstPasswordUnknown
            | OperatorReason::CandidatesRefused => &self.details.change,
            OperatorReason::PasswordsNotChecked => &self.details.decoy,
            _ => &nothing,
        };
        let has_admin = self.admin_secret.is_some();
        let remedy = match reason.cause() {
            Some(Cause::Expired) if has_admin => Some(causes::remedy_expired_alone()),
            // Of an account that logs in, the administrator changes nothing.
            None if reason == OperatorReason::FirstPasswordUnknown
                && !has_admin
                && !self.situation.accepted(Role::Current) =>
            {
                Some(causes::remedy_first_by_admin())
            }
            cause => cause.and_then(Cause::remedy),
        };
        Failure::new(FailureCode::NeedsOperator, self.sentence(reason.message(), detail.clone(), remedy))
    }

    /// Which account, in which version, what happened, what is behind it, and what to do.
    fn sentence(&self, reason: Message, detail: Option<Message>, remedy: Option<Message>) -> Message {
        let said = match self.accounts.of(self.base()) {
            Some(Ok(account)) => say::of_account(self.full_name(account), reason),
            _ => reason,
        };
        let said = told(said, detail);
        match remedy {
            Some(remedy) => say::remedied(said, remedy),
            None => said,
        }
    }

    /// `app of SYSCURRENT (v2) at db.example:5432`; with two accounts, the one in use as well, which nobody is to touch.
    fn full_name(&self, account: &Account) -> Message {
        let (login, base) = (account.login(), self.base());
        let (host, port) = login.rotation_address();
        let address = format!("{host}:{port}");
        let named = match self.situation.version(base) {
            Some(version) => say::account(&login.username, base, version, address),
            None => say::account_without_version(&login.username, base, address),
        };
        match (base, self.accounts.of(Role::Current)) {
            (Role::Previous, Some(Ok(used))) => say::idle_account(named, &used.login().username),
            _ => named,
        }
    }
}

/// A finding with what is behind it.
fn told(finding: Message, detail: Option<Message>) -> Message {
    match detail {
        Some(detail) => say::detailed(finding, detail),
        None => finding,
    }
}

/// That a new password will not be wherever the present one is.
fn password_elsewhere(account: &Account) -> Option<Message> {
    let members = account.members_with_the_password();
    (members > 0).then(|| say::password_elsewhere(members))
}

/// Which versions the stages mark.
fn stages(labels: Labels) -> Message {
    let marked = |version: Option<VersionId>| version.map_or_else(say::no_version, say::version);
    say::stages(marked(labels.pending), marked(labels.current), marked(labels.previous))
}

fn no_admin() -> Failure {
    Failure::new(FailureCode::InvalidSecret, say::admin_not_read())
}

async fn read_labels<S: Secrets>(secrets: &S) -> Result<Labels, Failure> {
    secrets.labels().await.map_err(|error| refused(error, say::cannot_read_stage))
}

async fn in_time<T>(deadline: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout_at(deadline, work).await.unwrap_or_else(|_| Err(Failure::new(FailureCode::Unavailable, say::out_of_time())))
}

fn refused(error: SecretsError, say: impl FnOnce(Message) -> Message) -> Failure {
    let code = match error {
        SecretsError::Unavailable(_) => FailureCode::ServiceUnavailable,
        SecretsError::Refused(_) => FailureCode::ServiceRefused,
    };
    Failure::new(code, say(error.into_message()))
}

fn invalid(role: Role, problems: &[Problem]) -> Failure {
    Failure::new(FailureCode::InvalidSecret, reasons::not_an_account_because(role, rules::problems(problems)))
}

fn vanished(role: Role) -> Failure {
    Failure::new(FailureCode::Unavailable, say::no_version_of(role))
}

#[cfg(test)]
mod tests;
