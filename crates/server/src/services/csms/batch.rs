//! Several secrets at once: read their values, import them, delete those of an instance.

use csms_api::{
    ApiError,
    request::{
        batch::{DeleteOfInstance, ImportEntry, read_import, read_names},
        version::VersionSelector,
    },
    response::batch::{BatchDeleteResponse, BatchGetResponse, FailedSecret, ImportResponse},
};
use csms_core::{Action, Refusal, RotationConfig, Secret, SecretName};

use super::{
    scan::each_secret,
    secrets::{creation, deleted, make},
    versions::reading,
};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, Facts, Kind, Stored},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// BatchGetSecretValue: the SYSCURRENT value of each secret, or the first refusal.
///
/// # Errors
/// Every problem of the request; of the work: a secret that does not exist, its state, or a value that cannot be opened.
pub async fn get_values(call: Call, body: Body) -> Result<Prepared, Failure> {
    let names = read_names(body.object()?)?;
    let mut readings = Vec::with_capacity(names.len());
    let (mut accesses, mut uses) = (Vec::new(), Vec::new());
    for name in &names {
        let mut reading = reading(&call, name, VersionSelector::Latest).await?;
        accesses.append(&mut reading.accesses);
        uses.extend(reading.subject.take());
        readings.push(reading);
    }
    if names.is_empty() {
        accesses.push(call.all(Kind::Secret));
    }
    let prepared = Prepared::new(accesses, async move {
        let mut versions = Vec::with_capacity(readings.len());
        for (index, reading) in readings.into_iter().enumerate() {
            versions.push(reading.open().map_err(|failure| at(index, failure))?);
        }
        Answer::secret(&BatchGetResponse { total_count: versions.len() as u64, versions })
    });
    Ok(prepared.using(uses))
}

/// Says which of the names a refusal is about.
fn at(index: usize, failure: Failure) -> Failure {
    let message = format!("{} (secret_name_list[{index}])", failure.error.message);
    Failure { error: ApiError { message, ..failure.error }, ..failure }
}

/// BatchImportSecrets: creates what can be created, and says why the rest was not.
///
/// # Errors
/// Problems of the list as a whole; of the work: failures of the server itself, after which some secrets may have been
/// created.
pub async fn import(call: Call, body: Body) -> Result<Prepared, Failure> {
    let entries = read_import(body.object()?, call.app.limits().rules)?;
    let mut accesses = Vec::new();
    let mut creations = Vec::with_capacity(entries.len());
    for ImportEntry { name, secret_type, secret } in entries {
        let creation = match secret {
            Ok(secret) => {
                let mut creation = creation(&call, secret).await?;
                accesses.append(&mut creation.accesses);
                Ok(creation)
            }
            Err(problems) => {
                // An entry that cannot be created is judged too, by what it says of itself.
                let facts = Facts { secret_type, ..Facts::default() };
                accesses.push(match SecretName::parse(name.clone()) {
                    Ok(name) => Access::secret(call.actions(), &call.project, &name, Stored::Missing).with(facts),
                    Err(_) => call.all(Kind::Secret).with(facts),
                });
                Err(problems)
            }
        };
        creations.push((name, creation));
    }
    if accesses.is_empty() {
        accesses.push(call.all(Kind::Secret));
    }
    Ok(Prepared::new(accesses, async move {
        let mut answer = ImportResponse { total: creations.len() as u64, ..ImportResponse::default() };
        for (name, creation) in creations {
            let made = match creation {
                Ok(creation) => make(&call, creation).await.map(drop),
                Err(problems) => Err(problems.into()),
            };
            match made {
                Ok(()) => answer.success += 1,
                Err(failure) if failure.is_internal() => return Err(failure),
                Err(failure) => {
                    answer.failed += 1;
                    answer.error_list.push(FailedSecret { name, error_msg: failure.error.message });
                }
            }
        }
        Answer::json(&answer)
    }))
}

/// BatchDeleteSecrets: deletes every secret of an instance, at once and for good. Each is judged as DeleteSecret judges it.
///
/// # Errors
/// Every problem of the request; of the work: failures of the store, after which some secrets may have been deleted.
pub fn delete(call: Call, body: Body) -> Result<Prepared, Failure> {
    let wanted = DeleteOfInstance::read(body.object()?)?;
    Ok(Prepared::new(vec![call.some(Kind::Secret)], async move {
        let belongs = |secret: &Secret| {
            let instance = secret.rotation_config.as_ref().map(RotationConfig::instance_id);
            instance == Some(wanted.instance_id.as_str())
                && wanted.secret_type.is_none_or(|wanted| wanted == secret.secret_type)
        };
        let mut secrets = Vec::new();
        if !wanted.has_no_secrets {
            each_secret(&call, |secret| secrets.extend(Some(secret).filter(&belongs))).await?;
        }
        let mut answer = BatchDeleteResponse { total: secrets.len() as u64, ..BatchDeleteResponse::default() };
        for secret in secrets {
            let name = secret.name.clone();
            match delete_one(&call, secret).await {
                Ok(()) => answer.success_secrets.push(name.into()),
                Err(failure) if failure.is_internal() => return Err(failure),
                Err(failure) => {
                    answer.failed_secrets.push(FailedSecret { name: name.into(), error_msg: failure.error.message });
                }
            }
        }
        Answer::json(&answer)
    }))
}

async fn delete_one(call: &Call, secret: Secret) -> Result<(), Failure> {
    let (id, name) = (secret.id.clone(), secret.name.clone());
    let access = Access::secret(call.actions(), &call.project, &name, Stored::from(Some(secret)));
    let guard = call.guard_of(access).await?;
    let occurrence = deleted(call)?;
    let deleted = call.app.store.change_secret(&call.project, &name, false, move |draft| {
        if draft.secret.id != id {
            return Err(Failure::from(Refusal::SecretNotFound));
        }
        guard.check(draft)?;
        draft.secret.permits_change(Action::Delete)?;
        draft.occur(occurrence);
        draft.delete();
        Ok(())
    });
    Ok(deleted.await?)
}
