//! Tags of secrets.

use super::{
    description::{Description, operation, problems},
    observe::{Field, field},
};
use crate::{
    Operation,
    request::tag::{ChangeTags, FindResources, read_tag},
    response::tag::{ListProjectTagsResponse, ListResourcesResponse, ListTagsResponse},
};

fn tag() -> [Field; 2] {
    [field("key", "Key."), field("value", "Value; empty unless given.")]
}

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::CreateSecretTag => operation("Adds a tag to a secret, or gives its key a new value.")
            .body(&|body| problems(read_tag(body)), &[field("tag", "The tag.").of(tag())]),
        Operation::DeleteSecretTag => operation("Removes a tag from a secret."),
        Operation::ListSecretTags => operation("Lists the tags of a secret.").answer::<ListTagsResponse>(),
        Operation::ListProjectSecretsTags => {
            operation("Lists the tags in use in the project.").answer::<ListProjectTagsResponse>()
        }
        Operation::BatchCreateOrDeleteTags => operation("Adds tags to a secret or removes them.").body(
            &|body| problems(ChangeTags::read(body)),
            &[
                field("action", "What to do with the tags."),
                field("tags", "The tags, each key once.").of(tag()),
                field("sequence", "A number that callers may give; nothing depends on it."),
            ],
        ),
        Operation::ListResourceInstances => operation("Finds or counts the secrets that have certain tags.")
            .body(
                &|body| problems(FindResources::read(body)),
                &[
                    field("action", "Whether to find or to count."),
                    field("limit", "Maximum number of secrets to return; 10 by default."),
                    field("offset", "Secrets to leave out at the beginning."),
                    field("tags", "Tags, all of which a secret must have.").of([
                        field("key", "Key."),
                        field("values", "Values, one of which it must have; none stand for any."),
                    ]),
                    field("matches", "What else must match.")
                        .of([field("key", "What is matched."), field("value", "Part of the name.")]),
                    field("sequence", "A number that callers may give; nothing depends on it."),
                ],
            )
            .answer::<ListResourcesResponse>(),
        _ => return None,
    })
}
