//! RotateSecret and ListSecretTask.

use std::{collections::HashMap, sync::Arc};

use csms_api::{
    request::query::ListTasks,
    response::{ListTasksResponse, RotateResponse, TaskInfo},
};
use csms_core::Refusal;
use csms_store::{Draft, Store, StoreError, TaskFilter, TaskOutcome, TaskPage};
use tracing::Instrument as _;

use super::{
    secrets::{Named, by_name},
    used::{changed_meanwhile, used_by_rotations, uses_the_same},
};
use crate::{
    audit::Origin,
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        service::{Call, Prepared},
    },
    rotation::begin::{self, Reason},
};

/// RotateSecret: stores a task and its pending version in one transaction, then begins the task.
///
/// # Errors
/// A malformed name; of the work: no such secret; its state; a COMMON secret; a running rotation; a value or a configuration that
/// cannot be rotated; a function that this server cannot invoke.
pub async fn rotate(call: Call) -> Result<Prepared, Failure> {
    let named = Named::read(&call, call.secret_name()?).await?;
    let mut accesses = vec![named.access(&call)];
    let judged = named.stored().cloned();
    if let Some(secret) = &judged {
        accesses.extend(used_by_rotations(&call, secret).await?);
    }
    let name = named.name;
    Ok(Prepared::new(accesses, async move {
        // In a task of its own: a caller that hangs up must not leave a stored task that nobody runs.
        let origin = Origin::current();
        let (app, project, guard) = (Arc::clone(&call.app), call.project.clone(), call.guard());
        let check = move |draft: &Draft| {
            guard.check(draft)?;
            if judged.is_some_and(|judged| uses_the_same(&judged, &draft.secret)) {
                return Ok(());
            }
            Err(changed_meanwhile())
        };
        let start = async move { begin::start(&app, &project, &name, Reason::Request, check).await };
        let started = tokio::spawn(origin.during(start).in_current_span());
        let task = started.await.map_err(Failure::internal)??;
        Answer::json(&RotateResponse::of(&task))
    }))
}

/// ListSecretTask: the tasks of one secret, for which the right is judged on that secret, or of all secrets that no policy
/// denies; `total` counts the others, too. One task is a task of its secret, whatever secret the request names beside it.
///
/// # Errors
/// Every problem of the parameters; failures of the store.
pub async fn list_tasks(call: Call) -> Result<Prepared, Failure> {
    let query = ListTasks::read(call.query())?;
    let task = match &query.task_id {
        Some(id) => call.app.store.task(&call.project, id).await?,
        None => None,
    };
    let names = [query.secret_name.as_ref(), task.as_ref().map(|task| &task.secret_name)];
    let mut accesses: Vec<_> = names.into_iter().flatten().map(|name| by_name(&call, name)).collect();
    if accesses.is_empty() {
        accesses.push(call.all(Kind::Secret));
    }
    Ok(Prepared::new(accesses, async move {
        if query.task_id.is_some() {
            let tasks: Vec<_> = task.iter().map(TaskInfo::with_steps).collect();
            return Answer::json(&ListTasksResponse { total: tasks.len() as u64, tasks, next_marker: None });
        }
        let outcome = |succeeded| if succeeded { TaskOutcome::Succeeded } else { TaskOutcome::Failed };
        let filter = TaskFilter {
            secret_name: query.secret_name,
            status: query.succeeded.map(outcome),
            after: query.marker,
            limit: query.limit.get(),
        };
        let TaskPage { page, total } = match call.app.store.tasks(&call.project, &filter).await {
            Err(StoreError::NotFound) => return Err(Refusal::TaskNotFound.into()),
            found => found?,
        };
        let next_marker = page.items.last().filter(|_| page.more).map(|task| task.id.to_string());
        let mut may_list = HashMap::new();
        let mut tasks = Vec::with_capacity(page.items.len());
        for task in &page.items {
            let is_listed = match may_list.get(&task.secret_name) {
                Some(is_listed) => *is_listed,
                None => {
                    let is_listed = call.may_list(by_name(&call, &task.secret_name)).await?;
                    may_list.insert(task.secret_name.clone(), is_listed);
                    is_listed
                }
            };
            if is_listed {
                tasks.push(if query.steps { TaskInfo::with_steps(task) } else { TaskInfo::from(task) });
            }
        }
        Answer::json(&ListTasksResponse { tasks, total, next_marker })
    }))
}
