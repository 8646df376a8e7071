//! The same planner with an executor that only looks: values are read and logins are tried, and what would be written is
//! reported and taken for done, so that the planner goes on to the end.
//!
//! Writes nothing, in the service or in a database. Logins are tried as in a rotation; since servers and their extensions lock
//! accounts after refused logins, none is tried that is known to be refused and proves nothing, and SYSPREVIOUS not after a
//! refused SYSCURRENT.

use csms_core::{
    VersionId,
    rotation::{
        Account, Action, DryRunReport, DryRunStep, FailureCode, Message, Overlap, Probe, RotationEvent, Setter,
        message::{attempt, dry_run as say},
        plan::{Cause, Change, Labels, Role},
    },
};

use super::{
    Attempt, Databases, Failure, Instant, RotationMode, Secrets, TryCryptoRng, in_time, password_elsewhere, plan,
    read_labels, stages,
};

/// Finds out what a rotation would do now. Ends by `deadline`.
pub async fn dry_run<S: Secrets, D: Databases, R: TryCryptoRng + ?Sized>(
    event: &RotationEvent,
    secrets: &S,
    databases: &D,
    rng: &mut R,
    deadline: Instant,
) -> DryRunReport {
    let labels = match in_time(deadline, read_labels(secrets)).await {
        Ok(labels) => labels,
        Err(failure) => return DryRunReport::new().failed(failure.code, failure.message),
    };
    let attempt = Attempt::new(event, secrets, databases, rng, deadline, labels);
    let next = next_version(labels);
    let mut run = DryRun { attempt, next, assumed_pending: false, assumed_set: false, report: DryRunReport::new() };
    run.report_step("read-labels", true, stages(labels));
    match run.run().await {
        Ok(()) => DryRunReport { would_succeed: true, ..run.report },
        Err(failure) => run.report.failed(failure.code, failure.message),
    }
}

/// The version that would be made: at least this number.
fn next_version(labels: Labels) -> VersionId {
    let newest = [labels.pending, labels.current, labels.previous].into_iter().flatten().max();
    newest.and_then(|newest| VersionId::from_number(newest.number().saturating_add(1))).unwrap_or(VersionId::FIRST)
}

struct DryRun<'a, S, D, R: ?Sized> {
    attempt: Attempt<'a, S, D, R>,
    next: VersionId,
    /// Whether the pending version is one that a rotation would make, so that nobody can have set its password.
    assumed_pending: bool,
    /// Whether the database is taken to have the pending password.
    assumed_set: bool,
    report: DryRunReport,
}

impl<S: Secrets, D: Databases, R: TryCryptoRng + ?Sized> DryRun<'_, S, D, R> {
    fn report_step(&mut self, step: &str, taken: bool, outcome: Message) {
        self.report.steps.push(DryRunStep::new(step, taken, outcome));
    }

    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            let action = plan(&self.attempt.situation);
            let step = action.step();
            match action {
                Action::Done(_) => return Ok(()),
                Action::Retry(reason) => return Err(self.attempt.retry(reason)),
                Action::NeedsOperator(reason) => return Err(self.attempt.needs_operator(reason)),
                Action::Probe(Role::Pending) if self.assumed_set => {
                    self.attempt.situation.note_probe(Role::Pending, Probe::Accepted);
                    self.report_step(step, false, say::would_be_proven());
                }
                Action::Probe(Role::Pending) if self.assumed_pending && self.needs_no_refusal() => {
                    self.attempt.situation.note_probe(Role::Pending, Probe::WrongPassword);
                    self.report_step(step, false, say::not_set_yet());
                }
                Action::ProbeDecoy if self.attempt.situation.one_refusal_locks() => {
                    self.attempt.situation.note_decoy(Probe::WrongPassword);
                    self.report_step(step, false, say::none_is_tried());
                }
                Action::Probe(Role::Previous) if self.would_risk_a_lock() => return Err(self.not_tried_again()),
                Action::Read(_) | Action::ReadAdmin | Action::Inspect | Action::Probe(_) | Action::ProbeDecoy => {
                    let deadline = self.attempt.deadline;
                    let outcome = in_time(deadline, self.attempt.carry_out(&action)).await?;
                    self.report_step(step, true, outcome);
                    if action == Action::Inspect && self.attempt.admin_refused {
                        self.report.add_missing(say::admin_refused());
                    }
                }
                Action::MakePending { base } => self.assume_pending(step, base)?,
                Action::RenewPending { base } => self.assume_renewed(step, base)?,
                Action::SetPassword { by } => self.forecast(step, by).await?,
                Action::MoveStages { from, to } => {
                    self.attempt.situation.note_moved();
                    self.report_step(step, false, say::would_move(from, to));
                }
                Action::RemovePendingLabel => {
                    self.attempt.situation.note_label_removed();
                    self.report_step(step, false, say::would_remove_label());
                }
            }
        }
    }

    /// Whether no login has to be refused any more for the proof that the server checks passwords.
    fn needs_no_refusal(&self) -> bool {
        let pending = self.attempt.accounts.of(Role::Pending);
        self.attempt.situation.passwords_are_checked()
            || matches!(pending, Some(Ok(account)) if account.login().engine.login_proves_the_password())
    }

    /// Whether SYSCURRENT was refused and nothing shows that SYSPREVIOUS would not be.
    fn would_risk_a_lock(&self) -> bool {
        self.attempt.mode == RotationMode::SingleUser
            && self.attempt.admin_secret.is_none()
            && !self.attempt.situation.accepted(Role::Current)
    }

    fn not_tried_again(&self) -> Failure {
        let detail = self.attempt.details.current.clone();
        Failure::new(FailureCode::NeedsOperator, self.attempt.sentence(say::not_tried_again(), detail, None))
    }

    fn assume_renewed(&mut self, step: &str, base: Role) -> Result<(), Failure> {
        let accounts = &mut self.attempt.accounts;
        let renewed = accounts.get(base)?.trying(accounts.get(Role::Pending)?.password());
        self.attempt.situation.note_renewed(self.next, renewed.login().clone());
        accounts.keep(Role::Pending, Ok(renewed));
        self.report_step(step, false, say::would_renew(self.next, base));
        Ok(())
    }

    fn assume_pending(&mut self, step: &str, base: Role) -> Result<(), Failure> {
        let password = self.attempt.random_password()?;
        let account = self.attempt.accounts.get(base)?.trying(password.reveal());
        self.attempt.situation.note_pending(self.next, account.login().clone());
        self.attempt.accounts.keep(Role::Pending, Ok(account));
        self.assumed_pending = true;
        self.report_step(step, false, say::would_make(self.next));
        Ok(())
    }

    /// Says in what the two accounts differ: applications get each of them in turn.
    async fn compare_rights(&mut self) -> Result<(), Failure> {
        let attempt = &self.attempt;
        let (used, idle) = (attempt.accounts.get(Role::Current)?, attempt.accounts.get(Role::Previous)?);
        let of_used = match attempt.may_enter_as_in_use() {
            true => attempt.databases.rights(used, attempt.deadline).await,
            false => None,
        };
        let of_idle = match &of_used {
            Some(_) => attempt.databases.rights(idle, attempt.deadline).await,
            None => None,
        };
        let (used, idle) = (&used.login().username, &idle.login().username);
        let (Some(of_used), Some(of_idle)) = (of_used, of_idle) else {
            self.report.add_missing(say::rights_not_compared(used, idle));
            return Ok(());
        };
        for (has, rights, lacks, others) in [(used, &of_used, idle, &of_idle), (idle, &of_idle, used, &of_used)] {
            let more: Vec<&str> = rights.iter().filter(|right| !others.contains(right)).map(String::as_str).collect();
            if !more.is_empty() {
                self.report.add_missing(lacking(lacks, has, &more));
            }
        }
        Ok(())
    }

    async fn forecast(&mut self, step: &str, by: Setter) -> Result<(), Failure> {
        let new = self.attempt.new_password(by)?;
        let account = new.account.clone();
        let mut forecast = self.attempt.databases.forecast(new, self.attempt.deadline).await;
        // The administrator has seen that the password which the change would replace is the account's second one.
        if let Setter::Account(role) = by
            && self.attempt.situation.is_second(role)
            && forecast.expected == Change::Done
        {
            forecast.expected = Change::NotDone(Cause::NotFirst);
            forecast.missing.push(say::is_second_password(role));
        }
        let described = described(&account, forecast.account.as_deref());
        self.report.account = Some(described.english());
        self.report.account_detail = Some(described);
        let elsewhere = password_elsewhere(self.attempt.accounts.get(self.attempt.base())?);
        for what in forecast.missing.iter().cloned().chain(not_tried(&account)).chain(elsewhere) {
            self.report.add_missing(what);
        }
        if let Some(difference) = self.attempt.difference_of_hosts().await?
            && forecast.expected == Change::Done
        {
            forecast.expected = Change::NotDone(Cause::OtherHosts);
            forecast.missing.push(difference);
        }
        self.attempt.situation.note_change(by, forecast.expected);
        match forecast.expected {
            Change::Done => {}
            Change::RefusedCandidate => {
                // The obstacle comes after what is missing for an overlap.
                self.attempt.details.change = forecast.missing.last().cloned();
                self.report_step(step, false, say::would_refuse());
                return Ok(());
            }
            Change::NotDone(cause) | Change::Unknown(cause) => {
                // The obstacle comes after what is missing for an overlap.
                self.attempt.details.change = forecast.missing.last().cloned();
                self.report_step(step, false, say::would_not_change(by.message(), cause.message()));
                return Ok(());
            }
        }
        self.report.overlap = Some(match self.attempt.mode {
            RotationMode::MultiUser => Overlap::TwoAccounts,
            RotationMode::SingleUser if forecast.keeps_old => Overlap::UntilNextRotation,
            RotationMode::SingleUser => Overlap::None,
        });
        if self.attempt.mode == RotationMode::MultiUser {
            self.compare_rights().await?;
        }
        self.assumed_set = true;
        let account = forecast.account.unwrap_or(account.login().username.clone());
        self.report_step(step, false, say::would_change(by.message(), account));
        Ok(())
    }
}

/// What one account may do and the other may not: the first few rights, and how many more there are.
fn lacking(lacks: &str, has: &str, rights: &[&str]) -> Message {
    const SHOWN: usize = 5;
    let shown = rights.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match rights.len().checked_sub(SHOWN) {
        None | Some(0) => say::lacks(lacks, has, shown),
        Some(more) => say::lacks_more(lacks, has, shown, more),
    }
}

/// Where applications log in and a rotation does not, if there is such a place. A pooler says of a password that it does not
/// know nothing else than of a wrong one, so nobody can tell beforehand whether it looks passwords up in the server.
fn not_tried(account: &Account) -> Option<Message> {
    let login = account.login();
    let is_elsewhere = login.rotation_address() != (login.host.as_str(), login.port);
    is_elsewhere.then(|| say::not_tried_at(format!("{}:{}", login.host, login.port)))
}

/// The account, by the name that the server has for it where that is known.
fn described(account: &Account, name: Option<&str>) -> Message {
    let login = account.login();
    let (host, port) = login.rotation_address();
    attempt::account_on_server(name.unwrap_or(&login.username), login.engine, format!("{host}:{port}"))
}

impl Failure {
    /// The report of a function that failed so when it was asked for a dry run.
    #[must_use]
    pub fn into_report(self) -> DryRunReport {
        DryRunReport::new().failed(self.code, self.message)
    }
}
