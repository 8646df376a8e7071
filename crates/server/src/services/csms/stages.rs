//! Stages: show, create, move, delete.

use std::sync::Arc;

use csms_api::{
    fields::both,
    request::version::{CreateStage, read_stage_target},
    response::StageResponse,
};
use csms_core::{SecretName, StageName, VersionId};

use super::secrets::find;
use crate::{failure::Failure, gate::answer::Answer, gate::pipeline::Call, rotation::rights::require_hold};

/// ShowSecretStage
///
/// # Errors
/// No such secret or stage.
pub async fn show(call: &Call) -> Result<Answer, Failure> {
    let (_, stage) = both(call.secret_name(), call.path("stage_name", StageName::parse))?;
    let secret = find(call).await?;
    Answer::json(&StageResponse::of(&secret, secret.stage(&stage)?))
}

/// UpdateSecretStage: moves a stage, making it if there is none.
///
/// # Errors
/// Every problem of the request; no such secret or version; the secret's state; the stage quota.
pub async fn update(call: &Call) -> Result<Answer, Failure> {
    let path = both(call.secret_name(), call.path("stage_name", StageName::parse));
    let ((name, stage), target) = both(path, read_stage_target(call.body()?))?;
    move_stage(call, &name, stage, target).await
}

/// CreateSecretStage: as UpdateSecretStage, with the stage in the body.
///
/// # Errors
/// As [`update`].
pub async fn create(call: &Call) -> Result<Answer, Failure> {
    let (name, CreateStage { name: stage, version }) = both(call.secret_name(), CreateStage::read(call.body()?))?;
    move_stage(call, &name, stage, version).await
}

async fn move_stage(call: &Call, name: &SecretName, stage: StageName, target: VersionId) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let caller = Arc::clone(&call.caller);
    let changed = call.app.store.change_secret(&call.project, name, false, move |draft| {
        require_hold(&caller, draft)?;
        let stage = draft.secret.move_stage(&stage, target, now)?.clone();
        Ok::<_, Failure>(StageResponse::of(&draft.secret, &stage))
    });
    Answer::json(&changed.await?)
}

/// DeleteSecretStage
///
/// # Errors
/// A built-in stage; no such secret or stage; the secret's state.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let (name, stage) = both(call.secret_name(), call.path("stage_name", StageName::parse))?;
    let now = call.app.clock.now();
    let caller = Arc::clone(&call.caller);
    let changed = call.app.store.change_secret(&call.project, &name, false, move |draft| {
        require_hold(&caller, draft)?;
        Ok::<_, Failure>(draft.secret.delete_stage(&stage, now)?)
    });
    changed.await?;
    Ok(Answer::Empty)
}
