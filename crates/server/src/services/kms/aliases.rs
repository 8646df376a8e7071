//! Further aliases of keys: create, list, delete, give to another key.

use csms_api::kms::{
    request::{ListAliases, read_alias, read_delete_aliases},
    response::{AliasEntity, AliasPage, ListAliasesResponse},
};
use csms_core::{KeyId, Rule, Violation};
use csms_store::{KeyAlias, KeyRecord, Store};

use super::{
    KmsCall,
    lifecycle::{is_gone, is_taken, taken},
    no_such_key, rfc3339,
};
use crate::{failure::Failure, gate::answer::Answer};

/// Most further aliases of one key.
const MOST: usize = 50;

fn entity(call: &KmsCall, key: &KeyId, alias: &KeyAlias) -> AliasEntity {
    let identity = &call.app.identity;
    AliasEntity {
        domain_id: identity.domain_id.clone(),
        key_id: key.clone(),
        alias: alias.name.clone(),
        alias_urn: format!("kms:{}:{}:alias:{}", identity.region_of(&call.project), identity.domain_id, alias.name),
        create_time: rfc3339(alias.create_time),
        update_time: rfc3339(alias.update_time),
    }
}

pub(super) async fn create(call: &KmsCall) -> Result<Answer, Failure> {
    let (id, name) = read_alias(call.body()?, "key_id", "alias")?;
    let now = call.app.clock.now();
    let alias = KeyAlias { name, create_time: now, update_time: now };
    let made = alias.clone();
    let add = move |key: &mut KeyRecord, all: &[KeyRecord]| {
        if is_taken(all, &alias.name) {
            return Err(taken());
        }
        if key.details.aliases.len() >= MOST {
            let violation = Violation::new(Rule::TooMany, "50 aliases");
            return Err(vec![violation.with_limit(50, 51).at("alias")].into());
        }
        key.details.aliases.push(alias);
        Ok(())
    };
    call.change(&id, add).await?;
    Answer::json(&entity(call, &id, &made))
}

pub(super) async fn delete(call: &KmsCall) -> Result<Answer, Failure> {
    let (id, names) = read_delete_aliases(call.body()?)?;
    let remove = move |key: &mut KeyRecord, _: &[KeyRecord]| {
        key.details.aliases.retain(|alias| !names.contains(&alias.name));
        Ok(())
    };
    call.change(&id, remove).await?;
    Ok(Answer::Empty)
}

/// AssociateAlias: gives an alias to another key.
pub(super) async fn associate(call: &KmsCall) -> Result<Answer, Failure> {
    let (target, name) = read_alias(call.body()?, "target_key_id", "alias")?;
    let (origin, trail) = (call.origin.clone(), std::sync::Arc::clone(&call.app.trail));
    let (to, now) = (target.clone(), call.app.clock.now());
    let moved = call.app.store.change_keys(&call.project, move |keys| {
        if !keys.iter().any(|key| key.id == to && !is_gone(key, now)) {
            return Err(no_such_key());
        }
        let mut found = None;
        for key in keys.iter_mut() {
            if let Some(at) = key.details.aliases.iter().position(|alias| alias.name == name) {
                found = Some(key.details.aliases.remove(at));
            }
        }
        let alias = found.ok_or_else(no_such_alias)?;
        let alias = KeyAlias { update_time: now, ..alias };
        let mut entries = Vec::new();
        for key in keys.iter_mut().filter(|key| key.id == to) {
            key.details.aliases.push(alias.clone());
            entries.push(trail.change(&origin, &key.project, |record| record.key = Some(to.as_str())));
        }
        Ok::<_, Failure>((alias, entries))
    });
    let alias = moved.await?;
    Answer::json(&entity(call, &target, &alias))
}

fn no_such_alias() -> Failure {
    Failure::new(csms_api::ErrorCode::KmsKeyNotFound, "no key of the project bears the alias")
}

pub(super) async fn list(call: &KmsCall) -> Result<Answer, Failure> {
    let ListAliases { key: id, limit, marker } = ListAliases::read(&call.query)?;
    let limit = usize::from(limit.get());
    let mut all: Vec<_> = Vec::new();
    for key in call.keys().await?.iter().filter(|key| id.as_ref().is_none_or(|id| key.id == *id)) {
        all.extend(key.details.aliases.iter().map(|alias| entity(call, &key.id, alias)));
    }
    all.sort_by(|a, b| a.alias.cmp(&b.alias));
    all.retain(|alias| alias.alias > marker);
    let more = all.len() > limit;
    all.truncate(limit);
    let next_marker = all.last().filter(|_| more).map(|alias| alias.alias.clone()).unwrap_or_default();
    let page_info = AliasPage { next_marker, current_count: all.len() as u64 };
    // The definition's schema, which the SDKs read, is a list of such objects; its example is one object.
    Answer::json(&[ListAliasesResponse { aliases: all, page_info }])
}
