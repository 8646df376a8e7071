//! Backups of single secrets: a blob with all versions, which only this installation can open again.
//!
//! The blob is sealed and authenticated by the root key, with its format and the project; the values in it stay sealed by
//! their KMS keys. A blob that was changed, or that another installation or project made, is refused whole.

use std::collections::BTreeMap;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use csms_api::{request::secret::read_blob, response::BlobResponse};
use csms_core::{Action, ProjectId, Refusal, Rule, Secret, SecretState, VersionId, Violation};
use csms_store::CreateError;
use getrandom::SysRng;
use serde::{Deserialize, Serialize};

use super::{
    secrets::{by_name, taken, with_account_warning},
    used::{Administrator, used_by_rotations},
};
use crate::{
    app::App,
    failure::Failure,
    gate::{
        access::{Access, Facts, Need, ROTATE, Stored, tag_pairs},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// Begins every blob, and is its format.
const PREFIX: &str = "csms-backup-v1.";

/// What is in a blob.
#[derive(Serialize, Deserialize)]
struct Backup {
    secret: Secret,
    /// The values of all versions, each sealed by its KMS key, in base64.
    values: BTreeMap<VersionId, String>,
}

/// What a blob is sealed for.
fn purpose(project: &ProjectId) -> String {
    format!("{PREFIX} {project}")
}

/// DownloadSecretBlob
///
/// # Errors
/// A malformed name; of the work: no such secret.
pub fn download(call: Call) -> Result<Prepared, Failure> {
    let name = call.secret_name()?;
    Ok(Prepared::new(vec![by_name(&call, &name)], async move {
        let taken = call.change_secret(&name, true, |draft| {
            draft.secret.state.permits(Action::ReadMetadata)?;
            let values = draft.all_sealed().iter().map(|(version, sealed)| (*version, Base64::encode_string(sealed)));
            Ok::<_, Refusal>(Backup { secret: draft.secret.clone(), values: values.collect() })
        });
        let backup = serde_json::to_vec(&taken.await?).map_err(Failure::internal)?;
        let sealed = call.app.root.seal(&purpose(&call.project), &backup, &mut SysRng)?;
        Answer::json(&BlobResponse { secret_blob: format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&sealed)) })
    }))
}

/// What a blob of this installation and project holds.
fn open(app: &App, project: &ProjectId, blob: &str) -> Option<(Secret, BTreeMap<VersionId, Vec<u8>>)> {
    let sealed = Base64UrlUnpadded::decode_vec(blob.strip_prefix(PREFIX)?).ok()?;
    // Backups are kept for as long as their owners like.
    let backup = app.root.open_kept(&purpose(project), &sealed).ok()?;
    let Backup { secret, values } = serde_json::from_slice(&backup).ok()?;
    let values = values.into_iter().map(|(version, sealed)| Some((version, Base64::decode_vec(&sealed).ok()?)));
    Some((secret, values.collect::<Option<_>>()?))
}

/// UploadSecretBlob: the secret comes back under its name and identifier, with all versions, stages and tags. It stands
/// alone, whether it was a primary or a replica.
///
/// # Errors
/// Every problem of the request; a blob that is not of this installation and project; of the work: a taken name; the quota; an
/// event that is gone.
pub async fn upload(call: Call, body: Body) -> Result<Prepared, Failure> {
    let blob = read_blob(body.object()?)?;
    let (mut secret, values) = open(&call.app, &call.project, &blob).ok_or_else(|| {
        let expected = "a backup that this installation made of a secret of this project";
        vec![Violation::new(Rule::Unknown, expected).at("secret_blob")]
    })?;
    let facts = Facts {
        secret_type: Some(secret.secret_type),
        kms_key_id: Some(secret.kms_key_id.clone()),
        enterprise_project_id: Some(secret.enterprise_project_id.clone()),
        tags: tag_pairs(&secret.tags),
        ..Facts::default()
    };
    let made = Access::secret(call.actions(), &call.project, &secret.name, Stored::Missing).with(facts);
    let mut accesses = vec![made.clone()];
    if secret.auto_rotation {
        // Who is denied its rotation cannot have the server begin one.
        accesses.push(Access { actions: ROTATE, ..made }.needs(Need::NoDeny));
        accesses.extend(used_by_rotations(&call, &secret).await?);
    }
    let administrator = Administrator::of(&call, secret.admin_secret()).await?;
    accesses.extend(administrator.reading(&call));
    Ok(Prepared::new(accesses, async move {
        administrator.require()?;
        // What was under way then is not now, replicas may be gone or have changed since, and who could read it then may not
        // be meant to now.
        secret.running_task = None;
        secret.stand_alone();
        secret.grants = Vec::new();
        if secret.state == SecretState::PendingDelete {
            secret.state = SecretState::Enabled;
            secret.scheduled_delete_time = None;
        }
        let quota = call.app.limits().secret_quota;
        match call.app.store.restore_secret(secret.clone(), values, quota).await {
            Ok(()) => with_account_warning(&call, &secret).await,
            Err(CreateError::Exists) => Err(taken(&call, &secret.name).await),
            Err(CreateError::Quota) => Err(Refusal::SecretQuota(quota).into()),
            Err(CreateError::Store(error)) => Err(error.into()),
        }
    }))
}
