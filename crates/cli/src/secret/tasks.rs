//! `csms secret tasks`.

use clap::Args;
use csms_api::response::TaskInfo;
use csms_client::{Client, ListTasksQuery};
use csms_core::{
    SecretName,
    rotation::message::{sentence_or, step_in},
};

use super::name;
use crate::{
    complete::secrets,
    failure::CliError,
    language::of_terminal,
    output::{Facts, Output, Table, time},
};

/// Arguments of `csms secret tasks`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Only tasks of this secret
    #[arg(value_parser = name, add = secrets())]
    name: Option<SecretName>,

    /// Only tasks that ended so
    #[arg(long, value_parser = ["SUCCESS", "FAILED"])]
    status: Option<String>,

    /// Only this task
    #[arg(long, value_name = "ID", conflicts_with_all = ["name", "status", "limit"])]
    task: Option<String>,

    /// Maximum number of tasks to list
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: Option<u16>,

    /// List what happened in each task, oldest step first
    #[arg(long)]
    steps: bool,
}

/// Lists tasks.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    let query = ListTasksQuery {
        secret_name: arguments.name.as_ref().map(SecretName::as_str),
        status: arguments.status.as_deref(),
        task_id: arguments.task.as_deref(),
        limit: arguments.limit,
        marker: None,
        steps: arguments.steps,
    };
    let answer = client.list_tasks(query).await?;
    if arguments.steps {
        return output.table(&answer, || steps(&answer.tasks));
    }
    output.table(&answer, || {
        let mut table = Table::new(&["TASK", "SECRET", "BEGUN", "STATUS", "ATTEMPTS", "ERROR"]);
        for task in &answer.tasks {
            table.row(vec![
                task.task_id.clone(),
                task.secret_name.clone(),
                time(task.task_time),
                task.task_status.clone(),
                task.attempt_nums.to_string(),
                error(task),
            ]);
        }
        table
    })
}

fn steps(tasks: &[TaskInfo]) -> Table {
    let mut table = Table::new(&["TASK", "SECRET", "TIME", "ATTEMPT", "STEP", "OUTCOME"]);
    for task in tasks {
        for step in &task.steps {
            table.row(vec![
                task.task_id.clone(),
                task.secret_name.clone(),
                time(step.time),
                step.attempt.to_string(),
                step_in(&step.step, of_terminal()),
                sentence_or(step.outcome_detail.as_ref(), &step.outcome, of_terminal()),
            ]);
        }
    }
    table
}

fn error(task: &TaskInfo) -> String {
    let code = task.task_error_code.as_deref().unwrap_or_default();
    let message = task.task_error_msg.as_deref().unwrap_or_default();
    let message = sentence_or(task.task_error_detail.as_ref(), message, of_terminal());
    format!("{code} {message}").trim().to_owned()
}

/// What is known of a task.
pub(super) fn describe(task: &TaskInfo, facts: &mut Facts<'_>) {
    facts.add("task", &task.task_id);
    facts.add("secret", &task.secret_name);
    facts.add("status", &task.task_status);
    facts.add("attempts", task.attempt_nums.to_string());
    facts.add("error", error(task));
}
