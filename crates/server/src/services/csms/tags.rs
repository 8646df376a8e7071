//! Tags: of one secret by its identifier, of a project, and secrets found by them.

use std::sync::Arc;

use csms_api::{
    fields::both,
    request::tag::{ChangeTags, FindResources, read_tag},
    response::tag::{
        ListProjectTagsResponse, ListResourcesResponse, ListTagsResponse, ProjectTagInfo, ResourceInfo, TagInfo,
    },
};
use csms_core::{Refusal, Secret, SecretId, tag::TagKey};
use csms_store::{Found, SecretFilter, Store, Window};

use crate::{
    failure::Failure,
    gate::{
        access::{Access, Facts, Kind, Need, tag_pairs},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// The secret of the identifier in the path, as it is stored.
async fn find(call: &Call, id: &SecretId) -> Result<Option<Arc<Secret>>, Failure> {
    Ok(call.app.store.secret_by_id(&call.project, id).await?.map(Arc::new))
}

/// The operation's access to the secret of an identifier.
fn access(call: &Call, found: Option<&Arc<Secret>>) -> Access {
    match found {
        Some(secret) => Access::found(call.actions(), secret),
        None => call.all(Kind::Secret),
    }
}

/// An operation that changes the tags of the secret of an identifier.
async fn changing(
    call: Call,
    id: SecretId,
    tags: Vec<(String, String)>,
    decide: impl FnOnce(&mut Secret) -> Result<(), Refusal> + Send + 'static,
) -> Result<Prepared, Failure> {
    let found = find(&call, &id).await?;
    let access = access(&call, found.as_ref()).with(Facts { tags, ..Facts::default() });
    Ok(Prepared::new(vec![access], async move {
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        call.change_found(&secret, decide).await?;
        Ok(Answer::Empty)
    }))
}

/// BatchCreateOrDeleteTags
///
/// # Errors
/// Every problem of the request; of the work: no such secret; its state; the tag quota.
pub async fn change(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (id, change) = both(call.secret_id(), ChangeTags::read(body.object()?))?;
    let tags = match &change {
        ChangeTags::Create(tags) => tag_pairs(tags),
        ChangeTags::Delete(keys) => keys.iter().map(|key| (key.to_string(), String::new())).collect(),
    };
    let decide = move |secret: &mut Secret| match change {
        ChangeTags::Create(tags) => secret.put_tags(tags),
        // A tag that is gone already is what was asked for.
        ChangeTags::Delete(keys) => secret.remove_tags(&keys).map(drop),
    };
    changing(call, id, tags, decide).await
}

/// CreateSecretTag: adds a tag, or gives its key a new value.
///
/// # Errors
/// Every problem of the request; of the work: no such secret; its state; the tag quota.
pub async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (id, tag) = both(call.secret_id(), read_tag(body.object()?))?;
    let tags = tag_pairs([&tag]);
    changing(call, id, tags, |secret| secret.put_tags(vec![tag])).await
}

/// DeleteSecretTag
///
/// # Errors
/// A malformed key; of the work: no such secret or tag; the secret's state.
pub async fn delete(call: Call) -> Result<Prepared, Failure> {
    let (id, key) = both(call.secret_id(), call.path("key", TagKey::parse))?;
    let tags = vec![(key.to_string(), String::new())];
    let decide = move |secret: &mut Secret| match secret.remove_tags(&[key])? {
        0 => Err(Refusal::TagNotFound),
        _ => Ok(()),
    };
    changing(call, id, tags, decide).await
}

/// ListSecretTags
///
/// # Errors
/// A malformed identifier; of the work: no such secret.
pub async fn list(call: Call) -> Result<Prepared, Failure> {
    let found = find(&call, &call.secret_id()?).await?;
    let access = access(&call, found.as_ref()).needs(Need::AllowOrGrant);
    Ok(Prepared::new(vec![access], async move {
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        Answer::json(&ListTagsResponse { tags: secret.tags.iter().map(TagInfo::from).collect() })
    }))
}

/// ListProjectSecretsTags
pub fn list_of_project(call: Call) -> Prepared {
    Prepared::new(vec![call.all(Kind::Secret)], async move {
        let mut tags: Vec<ProjectTagInfo> = Vec::new();
        for (key, value) in call.app.store.project_tags(&call.project).await? {
            match tags.last_mut().filter(|last| last.key == key) {
                Some(last) => last.values.push(value),
                None => tags.push(ProjectTagInfo { key, values: vec![value] }),
            }
        }
        Answer::json(&ListProjectTagsResponse { tags })
    })
}

/// ListResourceInstances
///
/// # Errors
/// Every problem of the request.
pub fn find_resources(call: Call, body: Body) -> Result<Prepared, Failure> {
    let FindResources { counts, limit, offset, tags, names } = FindResources::read(body.object()?)?;
    let filter = SecretFilter { names, tags, enterprise_project: None };
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        if counts {
            let total_count = call.app.store.count_secrets(&call.project, &filter).await?;
            return Answer::json(&ListResourcesResponse { resources: None, total_count });
        }
        let Found { page, total } = matching(&call, &filter, offset, limit).await?;
        let info = |secret| ResourceInfo::of(secret, &call.app.identity.domain_id);
        let resources = Some(page.items.iter().map(info).collect());
        Answer::json(&ListResourcesResponse { resources, total_count: total })
    }))
}

/// Secrets that fit a filter, by name: at most `limit` behind the first `offset`; and how many fit.
///
/// # Errors
/// Failures of the store.
pub(in crate::services) async fn matching(
    call: &Call,
    filter: &SecretFilter,
    offset: usize,
    limit: usize,
) -> Result<Found, Failure> {
    let offset = u32::try_from(offset).unwrap_or(u32::MAX);
    let limit = u16::try_from(limit).unwrap_or(u16::MAX);
    let window = Window { after: None, offset, limit };
    Ok(call.app.store.find_and_count_secrets(&call.project, filter, window).await?)
}
