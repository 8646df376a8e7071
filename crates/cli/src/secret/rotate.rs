//! `csms secret rotate`: starts a rotation and, when asked, waits for its end.

use std::time::{Duration, Instant};

use clap::Args;
use csms_api::response::TaskInfo;
use csms_client::{Client, ListTasksQuery};
use csms_core::{RotationPeriod, SecretName};

use super::{name, tasks};
use crate::{
    failure::CliError,
    output::{Output, parsed},
};

/// Time between two looks at a task.
const GLANCE: Duration = Duration::from_millis(250);

/// Arguments of `csms secret rotate`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name)]
    name: SecretName,

    /// Wait until the rotation has ended; a failed one is exit status 1
    #[arg(long)]
    wait: bool,

    /// Longest wait, for example 90s or 10m; the rotation goes on after that
    #[arg(long, value_name = "TIME", requires = "wait", default_value = "10m", value_parser = duration)]
    timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parsed(RotationPeriod::parse_with_minimum(text, 1)).map(|period| Duration::from_secs(period.as_seconds()))
}

/// Rotates the secret.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
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
    if task.task_status == "SUCCESS" { Ok(()) } else { Err(CliError::impossible("the rotation failed")) }
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
            return Err(CliError::impossible(message));
        }
        tokio::time::sleep(GLANCE).await;
    }
}
