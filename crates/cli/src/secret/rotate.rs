//! `csms secret rotate`: starts a rotation and, when asked, waits for its end.

use std::time::{Duration, Instant};

use clap::Args;
use csms_api::response::TaskInfo;
use csms_client::{Client, ListTasksQuery};
use csms_core::{
    RotationPeriod, SecretName,
    rotation::{DryRunReport, DryRunStep},
};

use super::{name, tasks};
use crate::{
    complete::secrets,
    failure::CliError,
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
        return output.facts(&started, |facts| {
            facts.add("secret", &started.secret_name);
            facts.add("version", &started.version_id);
            facts.add("task", &started.rotation_task_id);
        });
    }
    let task = end_of(client, &started.rotation_task_id, arguments.timeout).await?;
    output.facts(&task, |facts| tasks::describe(&task, facts))?;
    if task.task_status == "SUCCESS" { Ok(()) } else { Err(CliError::Rotation("the rotation failed".to_owned())) }
}

/// Prints the outcome of a dry run.
fn report(output: Output, report: &DryRunReport) -> Result<(), CliError> {
    output.facts(report, |facts| {
        facts.add("account", report.account.as_deref().unwrap_or_default());
        facts.add("overlap", report.overlap.as_ref().map(ToString::to_string).unwrap_or_default());
        facts.add("missing", report.missing.join("; "));
        for DryRunStep { step, taken, outcome } in &report.steps {
            facts.add(if *taken { "done" } else { "to do" }, format!("{step}: {outcome}"));
        }
    })?;
    if report.would_succeed {
        return output.sentence("the rotation would succeed");
    }
    let message = report.error_msg.as_deref().unwrap_or("see what is missing");
    Err(CliError::Rotation(format!("the rotation would fail: {message}")))
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
