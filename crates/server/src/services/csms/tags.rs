//! Tags: of one secret by its identifier, of a project, and secrets found by them.

use std::collections::{BTreeMap, BTreeSet};

use csms_api::{
    fields::both,
    request::tag::{ChangeTags, FindResources, read_tag},
    response::tag::{
        ListProjectTagsResponse, ListResourcesResponse, ListTagsResponse, ProjectTagInfo, ResourceInfo, TagInfo,
    },
};
use csms_core::{Refusal, Secret, SecretId, tag::TagKey};
use csms_store::Store;

use crate::{failure::Failure, gate::answer::Answer, gate::pipeline::Call};

/// Secrets looked through in one go.
const PAGE: u16 = 1000;

async fn find(call: &Call, id: &SecretId) -> Result<Secret, Failure> {
    call.app.store.secret_by_id(&call.project, id).await?.ok_or_else(|| Refusal::SecretNotFound.into())
}

/// Changes the secret of this identifier.
async fn change_secret<T: Send + 'static>(
    call: &Call,
    id: SecretId,
    decide: impl FnOnce(&mut Secret) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Failure> {
    let name = find(call, &id).await?.name;
    let changed = call.app.store.change_secret(&call.project, &name, false, move |draft| {
        // Another secret may have the name by now.
        if draft.secret.id == id { decide(&mut draft.secret) } else { Err(Refusal::SecretNotFound) }
    });
    Ok(changed.await?)
}

/// BatchCreateOrDeleteTags
///
/// # Errors
/// Every problem of the request; no such secret; its state; the tag quota.
pub async fn change(call: &Call) -> Result<Answer, Failure> {
    let (id, change) = both(call.secret_id(), ChangeTags::read(call.body()?))?;
    let decide = move |secret: &mut Secret| match change {
        ChangeTags::Create(tags) => secret.put_tags(tags),
        // A tag that is gone already is what was asked for.
        ChangeTags::Delete(keys) => secret.remove_tags(&keys).map(drop),
    };
    change_secret(call, id, decide).await?;
    Ok(Answer::Empty)
}

/// CreateSecretTag: adds a tag, or gives its key a new value.
///
/// # Errors
/// Every problem of the request; no such secret; its state; the tag quota.
pub async fn create(call: &Call) -> Result<Answer, Failure> {
    let (id, tag) = both(call.secret_id(), read_tag(call.body()?))?;
    change_secret(call, id, |secret| secret.put_tags(vec![tag])).await?;
    Ok(Answer::Empty)
}

/// DeleteSecretTag
///
/// # Errors
/// A malformed key; no such secret or tag; the secret's state.
pub async fn delete(call: &Call) -> Result<Answer, Failure> {
    let (id, key) = both(call.secret_id(), call.path("key", TagKey::parse))?;
    let decide = move |secret: &mut Secret| match secret.remove_tags(&[key])? {
        0 => Err(Refusal::TagNotFound),
        _ => Ok(()),
    };
    change_secret(call, id, decide).await?;
    Ok(Answer::Empty)
}

/// ListSecretTags
///
/// # Errors
/// No such secret.
pub async fn list(call: &Call) -> Result<Answer, Failure> {
    let secret = find(call, &call.secret_id()?).await?;
    Answer::json(&ListTagsResponse { tags: secret.tags.iter().map(TagInfo::from).collect() })
}

/// Every secret of the project that `wanted` picks, by name.
pub(super) async fn select(call: &Call, wanted: impl Fn(&Secret) -> bool + Send) -> Result<Vec<Secret>, Failure> {
    let mut selected = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = call.app.store.list_secrets(&call.project, after.as_deref(), PAGE, None).await?;
        after = page.items.last().map(|secret| secret.name.to_string());
        selected.extend(page.items.into_iter().filter(&wanted));
        if !page.more {
            return Ok(selected);
        }
    }
}

/// ListProjectSecretsTags
///
/// # Errors
/// Failures of the store.
pub async fn list_of_project(call: &Call) -> Result<Answer, Failure> {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tag in select(call, |secret| !secret.tags.is_empty()).await?.into_iter().flat_map(|secret| secret.tags) {
        values.entry(tag.key.into()).or_default().insert(tag.value.into());
    }
    let tags = values.into_iter().map(|(key, values)| ProjectTagInfo { key, values: values.into_iter().collect() });
    Answer::json(&ListProjectTagsResponse { tags: tags.collect() })
}

/// ListResourceInstances
///
/// # Errors
/// Every problem of the request.
pub async fn find_resources(call: &Call) -> Result<Answer, Failure> {
    let wanted = FindResources::read(call.body()?)?;
    let has_name = |secret: &Secret, part: &String| {
        !part.is_empty() && secret.name.as_str().to_ascii_lowercase().contains(&part.to_ascii_lowercase())
    };
    let found = select(call, |secret| {
        wanted.tags.iter().all(|filter| filter.matches(&secret.tags))
            && wanted.names.iter().all(|part| has_name(secret, part))
    });
    let found = found.await?;
    let page = found.iter().skip(wanted.offset).take(wanted.limit);
    let page = page.map(|secret| ResourceInfo::of(secret, &call.app.identity.domain_id));
    let resources = (!wanted.counts).then(|| page.collect());
    Answer::json(&ListResourcesResponse { resources, total_count: found.len() as u64 })
}
