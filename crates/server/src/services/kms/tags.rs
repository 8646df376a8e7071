//! The tags of keys, with the limits that tags of secrets have.

use std::collections::{BTreeMap, BTreeSet};

use csms_api::{
    ErrorCode,
    fields::both,
    kms::response::{KeyTagsResponse, ProjectKeyTagsResponse, TaggedKey, TaggedKeysResponse},
    request::tag::{ChangeTags, FindResources, read_tag},
    response::tag::{ProjectTagInfo, TagInfo},
};
use csms_core::{
    KeyName, Problem,
    tag::{MAX_TAGS, Tag, TagKey},
};
use csms_store::KeyRecord;

use super::{
    Named, access_to, change as change_key, keys, keys_to_list,
    lifecycle::{details, require_changeable},
    no_such_key,
};
use crate::{
    failure::Failure,
    gate::{
        access::{Facts, Kind, tag_pairs},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// The key in the path.
fn key_in_path(call: &Call) -> Result<KeyName, Vec<Problem>> {
    call.path("key_id", KeyName::parse)
}

/// An operation that changes the tags of a key of one's own.
async fn changing(
    call: Call,
    name: KeyName,
    tags: Vec<(String, String)>,
    decide: impl FnOnce(&mut Vec<Tag>) -> Result<(), Failure> + Send + 'static,
) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &name).await?;
    let access = named.access(&call).with(Facts { tags, ..Facts::default() });
    Ok(Prepared::new(vec![access], async move {
        let decide = move |key: &mut KeyRecord, _: &[KeyRecord]| {
            require_changeable(key)?;
            decide(&mut key.details.tags)
        };
        change_key(&call, &named.id()?, decide).await?;
        Ok(Answer::Empty)
    }))
}

/// Adds tags; one whose key is there gets the new value.
fn put(tags: &mut Vec<Tag>, new: Vec<Tag>) -> Result<(), Failure> {
    for tag in new {
        match tags.iter_mut().find(|known| known.key == tag.key) {
            Some(known) => *known = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(Failure::new(ErrorCode::KmsKeyQuota, format!("a key has at most {MAX_TAGS} tags")));
    }
    Ok(())
}

/// BatchCreateKmsTags
pub(super) async fn change(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, change) = both(key_in_path(&call), ChangeTags::read(body.object()?))?;
    let tags = match &change {
        ChangeTags::Create(tags) => tag_pairs(tags),
        ChangeTags::Delete(keys) => keys.iter().map(|key| (key.to_string(), String::new())).collect(),
    };
    let decide = move |tags: &mut Vec<Tag>| match change {
        ChangeTags::Create(new) => put(tags, new),
        ChangeTags::Delete(keys) => {
            // A tag that is gone already is what was asked for.
            tags.retain(|tag| !keys.contains(&tag.key));
            Ok(())
        }
    };
    changing(call, name, tags, decide).await
}

/// CreateKmsTag
pub(super) async fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let (name, tag) = both(key_in_path(&call), read_tag(body.object()?))?;
    let tags = tag_pairs([&tag]);
    changing(call, name, tags, |tags| put(tags, vec![tag])).await
}

/// DeleteTag
pub(super) async fn delete(call: Call) -> Result<Prepared, Failure> {
    let (name, key) = both(key_in_path(&call), call.path("key", TagKey::parse))?;
    let facts = vec![(key.to_string(), String::new())];
    let decide = move |tags: &mut Vec<Tag>| {
        let before = tags.len();
        tags.retain(|tag| tag.key != key);
        if tags.len() < before {
            Ok(())
        } else {
            Err(Failure::new(ErrorCode::KmsKeyNotFound, "the key has no tag of this key"))
        }
    };
    changing(call, name, facts, decide).await
}

/// ShowKmsTags
pub(super) async fn list(call: Call) -> Result<Prepared, Failure> {
    let named = Named::find(&call, &key_in_path(&call)?).await?;
    let found = named.record(&call).await?;
    Ok(Prepared::new(vec![access_to(&call, &named, found.clone())], async move {
        let tags: Vec<_> = found.ok_or_else(no_such_key)?.details.tags.iter().map(TagInfo::from).collect();
        Answer::json(&KeyTagsResponse { exist_tags_num: tags.len() as u64, tags })
    }))
}

/// ListKmsTags: the tags of all keys that no policy denies.
pub(super) fn list_of_project(call: Call) -> Prepared {
    Prepared::new(vec![call.all(Kind::Key)], async move {
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for tag in keys_to_list(&call).await?.into_iter().flat_map(|key| key.details.tags) {
            values.entry(tag.key.into()).or_default().insert(tag.value.into());
        }
        let tags = values.into_iter().map(|(key, values)| ProjectTagInfo { key, values: values.into_iter().collect() });
        Answer::json(&ProjectKeyTagsResponse { tags: tags.collect() })
    })
}

/// ListKmsByTags
pub(super) fn find_keys(call: Call, body: Body) -> Result<Prepared, Failure> {
    let wanted = FindResources::read(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Key)], async move {
        let has_name = |key: &KeyRecord, part: &String| {
            !part.is_empty() && key.alias.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
        };
        let mut found = keys(&call).await?;
        found.retain(|key| {
            wanted.tags.iter().all(|filter| filter.matches(&key.details.tags))
                && wanted.names.iter().all(|part| has_name(key, part))
        });
        let total_count = found.len() as u64;
        let page = found.into_iter().skip(wanted.offset).take(wanted.limit).map(|key| TaggedKey {
            resource_id: key.id.clone(),
            resource_name: key.alias.clone(),
            tags: key.details.tags.iter().map(TagInfo::from).collect(),
            resource_detail: details(&call, key),
        });
        let resources = (!wanted.counts).then(|| page.collect());
        Answer::json(&TaggedKeysResponse { resources, total_count })
    }))
}
