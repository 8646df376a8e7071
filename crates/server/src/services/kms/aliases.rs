//! Further aliases of keys: create, list, delete, give to another key.

use std::sync::Arc;

use axum::http::header;
use csms_api::{
    ErrorCode,
    kms::{
        request::{ListAliases, read_alias, read_delete_aliases},
        response::{AliasEntity, AliasPage, ListAliasesResponse},
    },
};
use csms_core::{KeyId, Rule, Violation};
use csms_store::{KeyAlias, KeyRecord, Store};

use super::{
    Named, access, access_to, change, keys_to_list,
    lifecycle::{is_taken, require_changeable, taken},
    no_such_key,
};
use crate::{
    audit::Origin,
    clock::rfc3339,
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
    keys::project::is_gone,
};

/// Most further aliases of one key.
const MOST: usize = 50;

fn entity(call: &Call, key: &KeyId, alias: &KeyAlias) -> AliasEntity {
    let identity = &call.app.identity;
    AliasEntity {
        domain_id: identity.domain_id.clone(),
        key_id: key.clone(),
        alias: alias.name.clone(),
        alias_urn: format!("kms:{}:{}:alias:{}", identity.region_of(&call.project), identity.domain_id, alias.name),
        create_time: rfc3339(alias.create_time, 0),
        update_time: rfc3339(alias.update_time, 0),
    }
}

/// Refuses a further alias of a key that waits for its deletion, or that has the most.
fn require_room(key: &KeyRecord) -> Result<(), Failure> {
    require_changeable(key)?;
    if key.details.aliases.len() >= MOST {
        let violation = Violation::new(Rule::TooMany, "50 aliases");
        return Err(vec![violation.with_limit(50, 51).at("alias")].into());
    }
    Ok(())
}

pub(super) async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (key, name) = read_alias(body.object()?, "key_id", "alias")?;
    let named = Named::find(&call, &key).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        let now = call.app.clock.now();
        let alias = KeyAlias { name, create_time: now, update_time: now };
        let made = alias.clone();
        let add = move |key: &mut KeyRecord, all: &[KeyRecord]| {
            if is_taken(all, &alias.name) {
                return Err(taken());
            }
            require_room(key)?;
            key.details.aliases.push(alias);
            Ok(())
        };
        change(&call, &id, add).await?;
        Answer::json(&entity(&call, &id, &made))
    }))
}

pub(super) async fn delete(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (key, names) = read_delete_aliases(body.object()?)?;
    let named = Named::find(&call, &key).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        let remove = move |key: &mut KeyRecord, _: &[KeyRecord]| {
            if !names.iter().all(|name| key.details.aliases.iter().any(|alias| alias.name == *name)) {
                return Err(Failure::new(ErrorCode::KmsKeyNotFound, "the key does not bear all of the aliases"));
            }
            key.details.aliases.retain(|alias| !names.contains(&alias.name));
            Ok(())
        };
        change(&call, &id, remove).await?;
        Ok(Answer::Empty)
    }))
}

/// The key that bears an alias.
fn bearer(keys: &[KeyRecord], name: &str) -> Option<KeyId> {
    let found = keys.iter().find(|key| key.details.aliases.iter().any(|alias| alias.name == name));
    found.map(|key| key.id.clone())
}

/// AssociateAlias: takes an alias from the key that bears it and gives it to another. Both keys are touched.
pub(super) async fn associate(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (target, name) = read_alias(body.object()?, "target_key_id", "alias")?;
    let target = Named::find(&call, &target).await?;
    let source = bearer(&call.app.store.keys(&call.project).await?, &name);
    let mut accesses = vec![target.access(&call)];
    accesses.extend(source.iter().map(|source| access(&call, source)));
    Ok(Prepared::new(accesses, async move {
        let target = target.id()?;
        let (origin, trail, guard) = (Origin::current(), Arc::clone(&call.app.trail), call.guard());
        let (to, now) = (target.clone(), call.app.clock.now());
        let moved = call.app.store.change_keys(&call.project, move |keys| {
            let target = keys.iter().find(|key| key.id == to && !is_gone(key, now)).ok_or_else(no_such_key)?;
            for key in keys.iter().filter(|key| key.id == to || Some(&key.id) == source.as_ref()) {
                guard.check_key(key)?;
            }
            // The one that bears it already needs no room for it.
            if source.as_ref() != Some(&to) {
                require_room(target)?;
            }
            if bearer(keys, &name) != source {
                // The right to take it from another key has not been judged.
                return Err(no_such_alias());
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
        Answer::json(&entity(&call, &target, &alias))
    }))
}

fn no_such_alias() -> Failure {
    Failure::new(ErrorCode::KmsKeyNotFound, "no key of the project bears the alias")
}

/// Whether a client decodes the answer of ListAliases as a list, as the definition's schema says; its example, and every other
/// client, has the one object of it. The SDKs that go by the schema name themselves first in `User-Agent`.
fn decodes_list(agent: &[u8]) -> bool {
    const SDKS: [&[u8]; 3] = [b"huaweicloud-usdk-go/", b"huaweicloud-usdk-java/", b"huaweicloud-usdk-net/"];
    SDKS.iter().any(|sdk| agent.starts_with(sdk))
}

pub(super) async fn list(call: Call) -> Result<Prepared, Failure> {
    let ListAliases { key, limit, marker } = ListAliases::read(call.query())?;
    let named = match &key {
        Some(key) => Some(Named::find(&call, key).await?),
        None => None,
    };
    let found = match &named {
        Some(named) => named.record(&call).await?,
        None => None,
    };
    let touched = match &named {
        Some(named) => access_to(&call, named, found.clone()),
        None => call.all(Kind::Key),
    };
    let wants_list = call.head().headers.get(header::USER_AGENT).is_some_and(|agent| decodes_list(agent.as_bytes()));
    Ok(Prepared::new(vec![touched], async move {
        let bearers = match named {
            Some(_) => vec![found.ok_or_else(no_such_key)?],
            None => keys_to_list(&call).await?,
        };
        let limit = usize::from(limit.get());
        let mut all: Vec<_> = Vec::new();
        for key in &bearers {
            all.extend(key.details.aliases.iter().map(|alias| entity(&call, &key.id, alias)));
        }
        all.sort_by(|a, b| a.alias.cmp(&b.alias));
        all.retain(|alias| alias.alias > marker);
        let more = all.len() > limit;
        all.truncate(limit);
        let next_marker = all.last().filter(|_| more).map(|alias| alias.alias.clone()).unwrap_or_default();
        let page_info = AliasPage { next_marker, current_count: all.len() as u64 };
        let page = ListAliasesResponse { aliases: all, page_info };
        if wants_list { Answer::json(&[page]) } else { Answer::json(&page) }
    }))
}
