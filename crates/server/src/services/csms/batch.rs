//! Several secrets at once: read their values, import them, delete those of an instance.

use csms_api::{
    ApiError, ErrorCode,
    request::{
        batch::{DeleteOfInstance, ImportEntry, read_import, read_names},
        version::VersionSelector,
    },
    response::batch::{BatchDeleteResponse, BatchGetResponse, FailedSecret, ImportResponse},
};
use csms_core::{Action, Refusal, Secret, event::EventType};

use super::{events::occurrence, secrets::make, tags::select, versions::opened};
use crate::{failure::Failure, gate::answer::Answer, gate::pipeline::Call};

/// BatchGetSecretValue: the SYSCURRENT value of each secret, or the first refusal.
///
/// # Errors
/// Every problem of the request; a secret that does not exist, its state, or a value that cannot be opened.
pub async fn get_values(call: &Call) -> Result<Answer, Failure> {
    let names = read_names(call.optional_body()?)?;
    let mut versions = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let value = opened(call, name, VersionSelector::Latest).await;
        versions.push(value.map_err(|failure| at(index, failure))?);
    }
    Answer::secret(&BatchGetResponse { total_count: versions.len() as u64, versions })
}

/// Says which of the names a refusal is about.
fn at(index: usize, failure: Failure) -> Failure {
    let ApiError { code, message } = failure.error;
    Failure { error: ApiError { code, message: format!("{message} (secret_name_list[{index}])") }, ..failure }
}

/// BatchImportSecrets: creates what can be created, and says why the rest was not.
///
/// # Errors
/// Problems of the list as a whole, and failures of the server itself, after which some secrets may have been created.
pub async fn import(call: &Call) -> Result<Answer, Failure> {
    let entries = read_import(call.body()?, call.app.rules)?;
    let mut answer = ImportResponse { total: entries.len() as u64, ..ImportResponse::default() };
    for ImportEntry { name, secret } in entries {
        let made = match secret {
            Ok(secret) => make(call, secret).await.map(drop),
            Err(problems) => Err(problems.into()),
        };
        match made {
            Ok(()) => answer.success += 1,
            Err(failure) if failure.error.code == ErrorCode::Internal => return Err(failure),
            Err(failure) => {
                answer.failed += 1;
                answer.error_list.push(FailedSecret { name, error_msg: failure.error.message });
            }
        }
    }
    Answer::json(&answer)
}

/// BatchDeleteSecrets: deletes every secret of an instance, at once and for good.
///
/// # Errors
/// Every problem of the request; failures of the store, after which some secrets may have been deleted.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let wanted = DeleteOfInstance::read(call.body()?)?;
    let belongs = |secret: &Secret| {
        let instance = secret.rotation_config.as_ref().map(csms_core::RotationConfig::instance_id);
        !wanted.has_no_secrets
            && instance == Some(wanted.instance_id.as_str())
            && wanted.secret_type.is_none_or(|wanted| wanted == secret.secret_type)
    };
    let secrets = select(call, belongs).await?;
    let mut answer = BatchDeleteResponse { total: secrets.len() as u64, ..BatchDeleteResponse::default() };
    for Secret { id, name, .. } in secrets {
        let occurrence = occurrence(EventType::SecretDeleted, &call.app.clock)?;
        let deleted = call.app.store.change_secret(&call.project, &name, false, move |draft| {
            if draft.secret.id != id {
                return Err(Failure::from(Refusal::SecretNotFound));
            }
            draft.secret.permits_change(Action::Delete)?;
            draft.occur(occurrence);
            draft.delete();
            Ok(())
        });
        match deleted.await.map_err(Failure::from) {
            Ok(()) => answer.success_secrets.push(name.into()),
            Err(failure) if failure.error.code == ErrorCode::Internal => return Err(failure),
            Err(failure) => {
                answer.failed_secrets.push(FailedSecret { name: name.into(), error_msg: failure.error.message });
            }
        }
    }
    Answer::json(&answer)
}
