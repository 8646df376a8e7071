//! Accepts a rotation function's requests only while its server holds the lease of the task.
//!
//! It decides nothing about rights; [`crate::rotation::rights`] does.

use csms_api::ErrorCode;
use csms_core::ProjectId;
use csms_store::{ChangeError, Draft};

use crate::{
    app::App,
    auth::{Caller, token::Hold},
    failure::Failure,
};

/// Refuses a function whose task has ended or was taken over by another server: its credentials end with its task. Such a
/// function may still be running, and what it does would come between the steps of its successor.
///
/// # Errors
/// CSMS.0302; failures of the store.
pub async fn require_task(app: &App, caller: &Caller) -> Result<(), Failure> {
    let Some(hold) = caller.hold.clone() else { return Ok(()) };
    let Some(project) = caller.projects.first().cloned() else { return Err(overtaken()) };
    require(app, &project, hold).await
}

async fn require(app: &App, project: &ProjectId, hold: Hold) -> Result<(), Failure> {
    let name = hold.secret.clone();
    // Read where nobody can take the task concurrently, and left as it is.
    let look = move |draft: &mut Draft| Err::<(), _>(is_held(&hold, draft));
    match app.store.change_secret(project, &name, false, look).await {
        Err(ChangeError::Refused(true)) => Ok(()),
        Ok(()) | Err(ChangeError::Refused(false) | ChangeError::NotFound) => Err(overtaken()),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}

/// [`require_task`] inside the transaction of a write: the task may be taken between the two.
///
/// # Errors
/// CSMS.0302.
pub fn require_lease(caller: &Caller, draft: &Draft) -> Result<(), Failure> {
    match &caller.hold {
        Some(hold) if !is_held(hold, draft) => Err(overtaken()),
        Some(_) | None => Ok(()),
    }
}

fn is_held(hold: &Hold, draft: &Draft) -> bool {
    draft.holder() == Some(&hold.holder)
}

fn overtaken() -> Failure {
    let reason = "the rotation task of this function has ended, or another server has taken it over";
    Failure::new(ErrorCode::Forbidden, reason)
}
