//! Tags of secrets, by the secrets' identifiers.

use csms_api::{
    Operation,
    response::tag::{ListProjectTagsResponse, ListResourcesResponse, ListTagsResponse},
};
use csms_core::{SecretId, tag::Tag};
use serde_json::{Value, json};

use super::{Client, NO_BODY, NO_QUERY};
use crate::error::ClientError;

impl Client {
    operation! {
        /// BatchCreateOrDeleteTags with the action `create`.
        create_tags(secret: &SecretId, tags: &[Tag]) -> () = BatchCreateOrDeleteTags, [secret.as_str()], NO_QUERY, Some(&json!({ "action": "create", "tags": tags }))
    }
    operation! {
        /// BatchCreateOrDeleteTags with the action `delete`: the values make no difference.
        delete_tags(secret: &SecretId, tags: &[Tag]) -> () = BatchCreateOrDeleteTags, [secret.as_str()], NO_QUERY, Some(&json!({ "action": "delete", "tags": tags }))
    }
    operation! {
        /// CreateSecretTag
        create_tag(secret: &SecretId, tag: &Tag) -> () = CreateSecretTag, [secret.as_str()], NO_QUERY, Some(&json!({ "tag": tag }))
    }
    operation! {
        /// DeleteSecretTag
        delete_tag(secret: &SecretId, key: &str) -> () = DeleteSecretTag, [secret.as_str(), key], NO_QUERY, NO_BODY
    }
    operation! {
        /// ListSecretTags
        list_tags(secret: &SecretId) -> ListTagsResponse = ListSecretTags, [secret.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// ListProjectSecretsTags
        list_project_tags() -> ListProjectTagsResponse = ListProjectSecretsTags, [], NO_QUERY, NO_BODY
    }
    operation! {
        /// ListResourceInstances, with its body as documented.
        find_resources(body: &Value) -> ListResourcesResponse = ListResourceInstances, [], NO_QUERY, Some(body)
    }
}
