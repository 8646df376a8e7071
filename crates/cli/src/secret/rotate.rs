//! `csms secret rotate`: starts a rotation and, when asked, waits for its end.

use std::time::{Duration, Instant};

use clap::Args;
use csms_api::response::TaskInfo;
use csms_client::{Client, ListTasksQuery};
use csms_core::{
    RotationPeriod, SecretName,
    rotation::{
        DryRunReport, DryRunStep, Message,
        message::{dry_run, sentence_or, service, step_in},
    },
};

use super::{name, tasks};
use crate::{
    complete::secrets,
    failure::CliError,
    language::{in_terminal, of_terminal},
    output::{Output, parsed},
};

/// Time between two looks at a task.
const GLANCE: Duration = Duration::from_millis(250);

/// Arguments of `csms secret rotate`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    pub(super) name: SecretName,

    /// Wait until the rotation has ended; a failed one is exit status 7
    #[arg(long)]
    wait: bool,

    /// Report what a rotation would do now, and change nothing; exit status 7 if it would fail. The secret's function is
    /// asked, which this server runs. A wrong stored password is one failed login, unless AdminSecret is named
    #[arg(long, conflicts_with_all = ["wait", "timeout"])]
    dry_run: bool,

    /// Longest wait, for example 90s or 10m; the rotation goes on after that
    #[arg(long, value_name = "TIME", requires = "wait", default_value = "10m", value_parser = duration)]
    timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parsed(RotationPeriod::parse_with_minimum(text, 1)).map(|period| Duration::from_secs(period.as_seconds()))
}

/// Rotates the secret.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    if arguments.dry_run {
        return report(output, &client.dry_run(&arguments.name, client).await?);
    }
    let started = client.rotate_secret(&arguments.name).await?;
    if !arguments.wait {
        return output.changed("the rotation has begun", &started, |facts| {
            facts.add("secret", &started.secret_name);
            facts.add("version", &started.version_id);
            facts.add("task", &started.rotation_task_id);
        });
    }
    let task = end_of(client, &started.rotation_task_id, arguments.timeout).await?;
    output.changed("the rotation has ended", &task, |facts| tasks::describe(&task, facts))?;
    if task.task_status == "SUCCESS" {
        Ok(())
    } else {
        Err(CliError::Rotation(in_terminal(&service::rotation_failed())))
    }
}

/// Prints the outcome of a dry run.
fn report(output: Output, report: &DryRunReport) -> Result<(), CliError> {
    let language = of_terminal();
    let said = |message: Option<&Message>, text: Option<&String>| {
        sentence_or(message, text.map(String::as_str).unwrap_or_default(), language)
    };
    output.facts(report, |facts| {
        facts.add("account", said(report.account_detail.as_ref(), report.account.as_ref()));
        facts.add("overlap", report.overlap.map(|overlap| in_terminal(&overlap.message())).unwrap_or_default());
        facts.add("missing", report.missing_in(language).collect::<Vec<_>>().join("; "));
        for DryRunStep { step, taken, outcome, outcome_detail } in &report.steps {
            let outcome = said(outcome_detail.as_ref(), Some(outcome));
            facts.add(if *taken { "done" } else { "to do" }, format!("{}: {outcome}", step_in(step, language)));
        }
    })?;
    if report.would_succeed {
        return output.sentence(&in_terminal(&dry_run::would_succeed()));
    }
    let reason = match (&report.error_detail, &report.error_msg) {
        (Some(detail), _) if detail.sentence_in(language).is_some() => dry_run::would_fail(detail.clone()),
        (_, Some(text)) => dry_run::would_fail(text),
        _ => dry_run::would_fail(dry_run::see_what_is_missing()),
    };
    Err(CliError::Rotation(in_terminal(&reason)))
}

/// The task when it is no longer running.
async fn end_of(client: &Client, task_id: &str, timeout: Duration) -> Result<TaskInfo, CliError> {
    let deadline = Instant::now() + timeout;
    loop {
        let query = ListTasksQuery { task_id: Some(task_id), ..ListTasksQuery::default() };
        let task = client.list_tasks(query).await?.tasks.into_iter().next();
        let task = task.ok_or_else(|| CliError::impossible(format!("the task {task_id} is gone")))?;
        if task.task_status != "RUNNING" {
            return Ok(task);
        }
        if Instant::now() >= deadline {
            let message = format!("the rotation is still running; look at it with csms secret tasks --task {task_id}");
            return Err(CliError::Running(message));
        }
        tokio::time::sleep(GLANCE).await;
    }
}
