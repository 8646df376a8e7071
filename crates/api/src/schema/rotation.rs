//! Rotation and its tasks.

use super::description::{Description, operation, problems};
use crate::{
    Operation,
    request::query::ListTasks,
    response::{ListTasksResponse, RotateResponse},
};

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::RotateSecret => operation("Starts a rotation and answers its task.").answer::<RotateResponse>(),
        Operation::ListSecretTask => operation("Lists rotation tasks, newest first.")
            .query(
                |pairs| problems(ListTasks::read(pairs)),
                &[
                    ("secret_name", "Only tasks of this secret."),
                    ("status", "Only tasks that ended so."),
                    ("task_id", "Only this task; excludes every other parameter."),
                    ("limit", "Most items of the page, 50 unless given."),
                    ("marker", "Task after which the page begins."),
                    ("steps", "Whether each task comes with its steps (an extension of this server)."),
                ],
            )
            .answer::<ListTasksResponse>(),
        _ => return None,
    })
}
