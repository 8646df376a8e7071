//! Replicas: create, delete; and the regions in which they may be.

use std::{collections::HashMap, sync::Arc};

use csms_api::{ErrorCode, fields::both, request::replica::CreateReplica, response::replica::ListRegionsResponse};
use csms_core::{Action, KeyId, RegionName, Rule, Secret, SecretId, Violation, secret::Counterpart};
use csms_kms::{MasterKey, envelope};
use csms_store::Draft;
use getrandom::SysRng;

use super::secrets::{answer, find};
use crate::{
    app::Region,
    failure::Failure,
    gate::answer::Answer,
    gate::authorisation::{CREATE_DATA_KEY, DECRYPT_DATA_KEY},
    gate::pipeline::Call,
    keys::replicas::seal,
};

/// The regions in which secrets of the call's project may have replicas.
fn other_regions(call: &Call) -> impl Iterator<Item = &Region> {
    let regions = call.app.identity.regions.iter();
    regions.filter(|region| region.project != call.project && call.caller.may_use(&region.project))
}

/// ListSupportRegions
///
/// # Errors
/// None.
pub fn list_regions(call: &Call) -> Result<Answer, Failure> {
    let mut regions: Vec<_> = other_regions(call).map(|region| region.name.to_string()).collect();
    regions.sort_unstable();
    Answer::json(&ListRegionsResponse { total: regions.len() as u64, regions })
}

/// CreateSecretReplica: the secret becomes a primary, and its copy is there when this is answered.
///
/// # Errors
/// Every problem of the request; no such secret; its state; a replica, or a replica in the region; the name or the quota in
/// the region; no right to the region or to one of the keys; a value that cannot be opened.
pub async fn create(call: &Call) -> Result<Answer, Failure> {
    let (name, request) = both(call.secret_name(), CreateReplica::read(call.body()?))?;
    let secret = find(call).await?;
    secret.permits_change(Action::UseValue)?;
    let target = other_regions(call).find(|region| region.name == request.region).ok_or_else(|| {
        let expected = "another region of this installation, with a project that the caller may use";
        vec![Violation::new(Rule::Unknown, expected).at("region")]
    })?;
    call.authorise_in(&target.project, name.as_str()).await?;
    let kms_key_id = match request.kms_key_id {
        Some(id) => id,
        None => call.app.keys.default_key(&target.project).await?,
    };
    let key = call.key_in(&target.project, &kms_key_id, CREATE_DATA_KEY).await?;
    let keys = keys_of(call, &secret).await?;
    let now = call.app.clock.now();
    let replica = Counterpart {
        id: SecretId::make(&mut SysRng)?,
        project: target.project.clone(),
        region: target.name.clone(),
        kms_key_id,
        create_time: now,
    };
    let own = RegionName::parse(call.app.identity.region_of(&call.project)).map_err(|violation| violation.message());
    let own = own.map_err(Failure::internal)?;
    let quota = call.app.secret_quota;
    let made = call.app.store.change_secret(&call.project, &name, true, move |draft| {
        draft.secret.add_replica(own, replica.clone(), now)?;
        draft.limit_replicas(quota);
        copy_values(draft, &keys, &replica, &key)?;
        Ok::<_, Failure>(draft.secret.clone())
    });
    answer(call, &made.await?)
}

/// The keys of all values of a secret, which the caller has to have the right to: who makes a replica copies them.
async fn keys_of(call: &Call, secret: &Secret) -> Result<HashMap<KeyId, Arc<MasterKey>>, Failure> {
    let mut keys = HashMap::new();
    for version in secret.versions() {
        if !keys.contains_key(&version.kms_key_id) {
            keys.insert(version.kms_key_id.clone(), call.key_for(&version.kms_key_id, DECRYPT_DATA_KEY).await?);
        }
    }
    Ok(keys)
}

/// Seals the values of all versions for a new replica.
fn copy_values(
    draft: &mut Draft,
    keys: &HashMap<KeyId, Arc<MasterKey>>,
    replica: &Counterpart,
    key: &MasterKey,
) -> Result<(), Failure> {
    for version in draft.secret.versions().to_vec() {
        let own = keys.get(&version.kms_key_id).ok_or_else(|| {
            Failure::new(ErrorCode::KeyUnusable, "the secret got a version under another key meanwhile; try again")
        })?;
        let context = envelope::Context {
            project: &draft.secret.project,
            secret: &draft.secret.id,
            version: version.id,
            key: &version.kms_key_id,
        };
        let sealed = draft.sealed(version.id).ok_or_else(|| Failure::internal("a version has no value"))?;
        let value = envelope::open(own, &context, sealed)?;
        let sealed = seal(key, replica, version.id, &value)?;
        draft.put_replica_value(&replica.id, version.id, sealed);
    }
    Ok(())
}

/// DeleteSecretReplica: at once and for good. The primary keeps its values.
///
/// # Errors
/// No such secret, or no replica of it in the region; a replica; no right to the region.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let (name, region) = both(call.secret_name(), call.path("region_name", RegionName::parse))?;
    let secret = find(call).await?;
    if let Some(replica) = secret.replicas().iter().find(|replica| replica.region == region) {
        call.authorise_in(&replica.project, name.as_str()).await?;
    }
    let now = call.app.clock.now();
    let deleted = call.app.store.change_secret(&call.project, &name, false, move |draft| {
        draft.secret.remove_replica(region.as_str(), now).map(drop)
    });
    deleted.await?;
    Ok(Answer::Empty)
}
