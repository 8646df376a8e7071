//! Replicas: create, delete; and the regions in which they may be.

use std::{collections::HashMap, sync::Arc};

use csms_api::{ErrorCode, fields::both, request::replica::CreateReplica, response::replica::ListRegionsResponse};
use csms_core::{Action, KeyId, Refusal, RegionName, Rule, SecretId, Violation, secret::Counterpart};
use csms_kms::{MasterKey, envelope};
use csms_store::Draft;
use getrandom::SysRng;

use super::{
    secrets::{ChosenKey, Named, answer, chosen_or_default, making},
    used::sealing,
};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, DECRYPT_DATA_KEY, Facts, Kind, Need, Stored},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
    identity::Region,
    keys::{replicas::seal, usable::UsableKey},
};

/// The regions in which secrets of the call's project may have replicas.
fn other_regions(call: &Call) -> impl Iterator<Item = &Region> {
    let regions = call.app.identity.regions.iter();
    regions.filter(|region| region.project != call.project && call.caller.may_use(&region.project))
}

/// ListSupportRegions
pub fn list_regions(call: Call) -> Prepared {
    Prepared::new(vec![call.all(Kind::Secret).needs(Need::NoDeny)], async move {
        let mut regions: Vec<_> = other_regions(&call).map(|region| region.name.to_string()).collect();
        regions.sort_unstable();
        Answer::json(&ListRegionsResponse { total: regions.len() as u64, regions })
    })
}

/// CreateSecretReplica: the secret becomes a primary, and its copy is there when this returns. It touches the secret, the name in
/// the other region, the keys of all values, which are copied, and the key that seals the copies.
///
/// # Errors
/// Every problem of the request; of the work: no such secret; its state; a replica, or a replica in the region; the name or the
/// quota in the region; an unusable key; a value that cannot be opened.
pub async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, request) = both(call.secret_name(), CreateReplica::read(body.object()?))?;
    let named = Named::read(&call, name.clone()).await?;
    let mut accesses = vec![named.access(&call)];
    let target = other_regions(&call).find(|region| region.name == request.region).cloned();
    let mut keys = HashMap::new();
    let mut target_key = None;
    if let (Some(secret), Some(target)) = (named.stored(), &target) {
        // Whoever is denied a value here must not read it there.
        accesses.extend(Access::reading_each(secret));
        if let Some(name) = &request.kms_key_id {
            target_key = Some(ChosenKey::find(&call, &target.project, name).await);
        }
        let facts = Facts {
            secret_type: Some(secret.secret_type),
            enterprise_project_id: Some(secret.enterprise_project_id.clone()),
            ..Facts::default()
        };
        let made = Access::secret(call.actions(), &target.project, &name, Stored::Missing).with(facts);
        accesses.extend(making(&call, made, &target.project, target_key.as_ref()).await?);
        for version in secret.versions() {
            if keys.contains_key(&version.kms_key_id) {
                continue;
            }
            let usable = call.app.keys.usable(&call.project, &version.kms_key_id).await;
            accesses.extend(sealing(&call.project, DECRYPT_DATA_KEY, &version.kms_key_id, &usable));
            keys.insert(version.kms_key_id.clone(), usable);
        }
    }
    Ok(Prepared::new(accesses, async move {
        let secret = named.found()?;
        secret.permits_change(Action::UseValue)?;
        let target = target.ok_or_else(|| {
            let expected = "another region of this installation, with a project that the caller may use";
            vec![Violation::new(Rule::Unknown, expected).at("region")]
        })?;
        let (kms_key_id, key) = chosen_or_default(&call, &target.project, target_key).await?;
        let keys = keys.into_iter().map(|(id, usable): (KeyId, Result<UsableKey, Failure>)| Ok((id, usable?.key)));
        let keys = keys.collect::<Result<HashMap<_, _>, Failure>>()?;
        let now = call.app.clock.now();
        let replica = Counterpart {
            id: SecretId::make(&mut SysRng)?,
            project: target.project.clone(),
            region: target.name.clone(),
            kms_key_id,
            create_time: now,
        };
        let own = RegionName::parse(call.app.identity.region_of(&call.project));
        let own = own.map_err(|violation| Failure::internal(violation.message()))?;
        let quota = call.app.limits().secret_quota;
        let made = call.change_secret(&name, true, move |draft| {
            draft.secret.add_replica(own, replica.clone(), now)?;
            draft.limit_replicas(quota);
            copy_values(draft, &keys, &replica, &key)?;
            Ok::<_, Failure>(draft.secret.clone())
        });
        answer(&call, &made.await?)
    }))
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
/// Every problem of the path; of the work: no such secret, or no replica of it in the region; a replica.
pub async fn delete(call: Call) -> Result<Prepared, Failure> {
    let (name, region) = both(call.secret_name(), call.path("region_name", RegionName::parse))?;
    let named = Named::read(&call, name.clone()).await?;
    let mut accesses = vec![named.access(&call)];
    let replica = named.stored().and_then(|secret| secret.replicas().iter().find(|replica| replica.region == region));
    let replica = replica.map(|replica| (replica.id.clone(), replica.project.clone()));
    if let Some((_, project)) = &replica {
        accesses.push(Access::secret(call.actions(), project, &name, Stored::Unread));
    }
    Ok(Prepared::new(accesses, async move {
        named.found()?;
        let now = call.app.clock.now();
        let judged = replica.map(|(id, _)| id);
        let deleted = call.change_secret(&name, false, move |draft| {
            // Another replica may be in the region by now.
            let found = draft.secret.replicas().iter().find(|replica| replica.region == region);
            if found.map(|replica| &replica.id) != judged.as_ref() {
                return Err(Refusal::ReplicaNotFound);
            }
            draft.secret.remove_replica(region.as_str(), now).map(drop)
        });
        deleted.await?;
        Ok(Answer::Empty)
    }))
}
