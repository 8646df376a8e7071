//! The same planner with an executor that only looks: values are read and logins are tried, and what would be written is
//! told and taken for done, so that the planner goes on to the end.
//!
//! Writes nothing, in the service or in a database. A login with a random password is tried, as in a rotation.

use csms_core::{
    VersionId,
    rotation::{
        Account, Action, DryRunReport, DryRunStep, Overlap, Probe, RotationEvent, Setter,
        plan::{Change, Labels, Role},
    },
};

use super::{Attempt, Databases, Failure, Instant, RotationMode, Secrets, TryCryptoRng, in_time, plan, read_labels};

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
    let mut run = DryRun { attempt, next: next_version(labels), assumed_set: false, report: DryRunReport::new() };
    run.tell("read-labels", true, format!("{labels:?}"));
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
    /// Whether the database is taken to have the pending password.
    assumed_set: bool,
    report: DryRunReport,
}

impl<S: Secrets, D: Databases, R: TryCryptoRng + ?Sized> DryRun<'_, S, D, R> {
    fn tell(&mut self, step: &str, taken: bool, outcome: String) {
        self.report.steps.push(DryRunStep { step: step.to_owned(), taken, outcome });
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
                    self.tell(step, false, "the new password would be proven by a login".to_owned());
                }
                Action::Read(_) | Action::ReadAdmin | Action::Probe(_) | Action::ProbeDecoy => {
                    let deadline = self.attempt.deadline;
                    let outcome = in_time(deadline, self.attempt.carry_out(&action)).await?;
                    self.tell(step, true, outcome);
                }
                Action::MakePending { base } => self.assume_pending(step, base)?,
                Action::SetPassword { by } => self.forecast(step, by).await?,
                Action::MoveStages { from, to } => {
                    self.attempt.situation.note_moved();
                    self.tell(step, false, format!("SYSCURRENT would move from {from} to {to}, SYSPREVIOUS to {from}"));
                }
                Action::RemovePendingLabel => {
                    self.attempt.situation.note_label_removed();
                    self.tell(step, false, "SYSPENDING would be removed".to_owned());
                }
            }
        }
    }

    fn assume_pending(&mut self, step: &str, base: Role) -> Result<(), Failure> {
        let password = self.attempt.random_password()?;
        let account = self.attempt.accounts.get(base)?.trying(password.reveal());
        self.attempt.situation.note_pending(self.next, account.login().clone());
        self.attempt.accounts.keep(Role::Pending, Ok(account));
        self.tell(step, false, format!("{} would be made with a new password and marked SYSPENDING", self.next));
        Ok(())
    }

    async fn forecast(&mut self, step: &str, by: Setter) -> Result<(), Failure> {
        let new = self.attempt.new_password(by)?;
        self.report.account = Some(told(new.account));
        let forecast = self.attempt.databases.forecast(new, self.attempt.deadline).await;
        self.report.missing.extend(forecast.missing.iter().cloned());
        if let Some(cause) = forecast.obstacle {
            self.attempt.detail = forecast.missing.join("; ");
            self.attempt.situation.note_change(by, Change::Failed(cause));
            self.tell(step, false, format!("{by} would not change the password: {cause}"));
            return Ok(());
        }
        self.report.overlap = Some(match self.attempt.mode {
            RotationMode::MultiUser => Overlap::TwoAccounts,
            RotationMode::SingleUser if forecast.keeps_old => Overlap::UntilNextRotation,
            RotationMode::SingleUser => Overlap::None,
        });
        self.attempt.situation.note_change(by, Change::Done);
        self.assumed_set = true;
        self.tell(step, false, format!("{by} would change the password"));
        Ok(())
    }
}

fn told(account: &Account) -> String {
    let login = account.login();
    format!("{} on {} at {}:{}", login.username, login.engine, login.host, login.port)
}

impl Failure {
    /// The report of a function that failed so when it was asked for a dry run.
    #[must_use]
    pub fn into_report(self) -> DryRunReport {
        DryRunReport::new().failed(self.code, self.message)
    }
}
