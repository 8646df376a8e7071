//! Rotation and its tasks.

use super::{
    description::{Description, operation, problems},
    observe::field,
};
use crate::{
    Operation,
    request::{
        query::ListTasks,
        rotation::{TemplateQuery, read_agency_body, read_agency_query},
    },
    response::{
        ListTasksResponse, RotateResponse,
        rotation::{CreateAgencyResponse, FunctionTemplatesResponse, ShowAgencyResponse},
    },
};

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::RotateSecret => operation("Starts a rotation and returns its task.").answer::<RotateResponse>(),
        Operation::ListSecretTask => operation("Lists rotation tasks, newest first.")
            .query(
                |pairs| problems(ListTasks::read(pairs)),
                &[
                    ("secret_name", "Only tasks of this secret."),
                    ("status", "Only tasks with this outcome."),
                    ("task_id", "Only this task; excludes `secret_name` and `status`."),
                    ("limit", "Maximum number of items on the page; 50 by default."),
                    ("marker", "Task after which the page begins."),
                    ("steps", "Whether each task comes with its steps (an extension of this server)."),
                ],
            )
            .answer::<ListTasksResponse>(),
        Operation::CreateAgency => operation("Records the agencies for functions that rotate secrets of a type.")
            .body(&|body| problems(read_agency_body(body)), &[field("secret_type", "Type of the secrets.")])
            .answer::<CreateAgencyResponse>(),
        Operation::ShowAgency => operation("Returns whether the agencies of a type are recorded.")
            .query(|pairs| problems(read_agency_query(pairs)), &[("secret_type", "Type of the secrets.")])
            .answer::<ShowAgencyResponse>(),
        Operation::ShowSecretFunctionTemplates => {
            operation("Returns the source text of a rotation function in Python.")
                .query(
                    |pairs| problems(TemplateQuery::read(pairs)),
                    &[
                        ("secret_type", "Type of the secrets."),
                        ("secret_sub_type", "How many accounts take turns."),
                        ("engine", "The database; with RDS-FG only, and then always."),
                    ],
                )
                .answer::<FunctionTemplatesResponse>()
        }
        _ => return None,
    })
}
