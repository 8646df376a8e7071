//! Stages: show, create, move, delete.

use csms_api::{
    fields::both,
    request::version::{CreateStage, read_stage_target},
    response::StageResponse,
};
use csms_core::{Refusal, SecretName, StageName, VersionId};

use super::secrets::{Named, by_name};
use crate::{
    failure::Failure,
    gate::{
        access::Need,
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// ShowSecretStage
///
/// # Errors
/// Every problem of the path; of the work: no such secret or stage.
pub async fn show(call: Call) -> Result<Prepared, Failure> {
    let (name, stage) = both(call.secret_name(), call.path("stage_name", StageName::parse))?;
    let named = Named::read(&call, name).await?;
    let access = named.access(&call).needs(Need::AllowOrGrant);
    Ok(Prepared::new(vec![access], async move {
        let secret = named.found()?;
        Answer::json(&StageResponse::of(&secret, secret.stage(&stage)?))
    }))
}

/// UpdateSecretStage: moves a stage, making it if there is none.
///
/// # Errors
/// Every problem of the request; of the work: no such secret or version; the secret's state; the stage quota.
pub fn update(call: Call, body: Body) -> Result<Prepared, Failure> {
    let path = both(call.secret_name(), call.path("stage_name", StageName::parse));
    let ((name, stage), target) = both(path, read_stage_target(body.object()?))?;
    Ok(moving(call, name, stage, target))
}

/// CreateSecretStage: as UpdateSecretStage, with the stage in the body.
///
/// # Errors
/// As [`update`].
pub fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, CreateStage { name: stage, version }) = both(call.secret_name(), CreateStage::read(body.object()?))?;
    Ok(moving(call, name, stage, version))
}

fn moving(call: Call, name: SecretName, stage: StageName, target: VersionId) -> Prepared {
    Prepared::new(vec![by_name(&call, &name)], async move {
        let now = call.app.clock.now();
        let changed = call.change_secret(&name, false, move |draft| {
            let stage = draft.secret.move_stage(&stage, target, now)?.clone();
            Ok::<_, Refusal>(StageResponse::of(&draft.secret, &stage))
        });
        Answer::json(&changed.await?)
    })
}

/// DeleteSecretStage
///
/// # Errors
/// Every problem of the path; of the work: a built-in stage; no such secret or stage; the secret's state.
pub fn delete(call: Call) -> Result<Prepared, Failure> {
    let (name, stage) = both(call.secret_name(), call.path("stage_name", StageName::parse))?;
    Ok(Prepared::new(vec![by_name(&call, &name)], async move {
        let now = call.app.clock.now();
        call.change_secret(&name, false, move |draft| draft.secret.delete_stage(&stage, now)).await?;
        Ok(Answer::Empty)
    }))
}
