//! Stages: show, move, delete.

use csms_api::{request::version::read_stage_target, response::StageResponse};
use csms_core::{Refusal, StageName};
use csms_store::Store;

use super::secrets::find;
use crate::{answer::Answer, dispatch::Call, failure::Failure};

/// ShowSecretStage
///
/// # Errors
/// No such secret or stage.
pub async fn show(call: &Call) -> Result<Answer, Failure> {
    let stage = call.path("stage_name", StageName::parse)?;
    let secret = find(call).await?;
    Answer::json(&StageResponse::of(&secret, secret.stage(&stage)?))
}

/// UpdateSecretStage: moves a stage, making it if there is none.
///
/// # Errors
/// Every problem of the request; no such secret or version; the secret's state; the stage quota.
pub async fn update(call: &Call) -> Result<Answer, Failure> {
    let name = call.secret_name()?;
    let stage = call.path("stage_name", StageName::parse)?;
    let target = read_stage_target(call.body()?)?;
    let now = call.app.clock.now();
    let changed = call.app.store.change_secret(&call.project, &name, false, move |draft| {
        let stage = draft.secret.move_stage(&stage, target, now)?.clone();
        Ok::<_, Refusal>(StageResponse::of(&draft.secret, &stage))
    });
    Answer::json(&changed.await?)
}

/// DeleteSecretStage
///
/// # Errors
/// A built-in stage; no such secret or stage; the secret's state.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let name = call.secret_name()?;
    let stage = call.path("stage_name", StageName::parse)?;
    let now = call.app.clock.now();
    let changed =
        call.app.store.change_secret(&call.project, &name, false, move |draft| draft.secret.delete_stage(&stage, now));
    changed.await?;
    Ok(Answer::Empty)
}
