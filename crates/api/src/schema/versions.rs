//! Versions and stages.

use csms_core::UnixMillis;

use super::{
    description::{Description, operation, problems},
    observe::field,
};
use crate::{
    Operation,
    request::{
        Rules,
        query::ListVersions,
        version::{CreateStage, CreateVersion, read_expiry, read_stage_target},
    },
    response::{ListVersionsResponse, ShowVersionResponse, StageResponse, VersionMetadataResponse},
};

/// A time that has passed: only what is earlier is refused as past.
const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::CreateSecretVersion => {
            operation("Adds a version; SYSCURRENT moves to it unless other stages are given.")
                .body(
                    &|body| problems(CreateVersion::read(body, Rules::default(), NOW)),
                    &[
                        field("secret_string", "Text value. Exactly one of both values is given.").secret(),
                        field("secret_binary", "Binary value, in base64.").secret(),
                        field("version_stages", "Stages that move to the version."),
                        field("expire_time", "When its expiry event fires, in milliseconds since 1970."),
                    ],
                )
                .exactly_one_of(["secret_string", "secret_binary"])
                .answer::<VersionMetadataResponse>()
        }
        Operation::ListSecretVersions => operation("Lists the versions of a secret by number, a page at a time.")
            .query(
                |pairs| problems(ListVersions::read(pairs)),
                &[
                    ("limit", "Maximum number of items on the page; 50 by default."),
                    ("marker", "Version after which the page begins; `latest` begins after the newest."),
                ],
            )
            .answer::<ListVersionsResponse>(),
        Operation::ShowSecretVersion => operation("Shows a version with its value.").answer::<ShowVersionResponse>(),
        Operation::UpdateVersion => operation("Sets when a version's expiry event fires.")
            .body(&|body| problems(read_expiry(body, NOW)), &[field("expire_time", "Milliseconds since 1970.")])
            .answer::<VersionMetadataResponse>(),
        Operation::ShowSecretStage => operation("Shows which version a stage marks.").answer::<StageResponse>(),
        Operation::CreateSecretStage => {
            operation("Moves a stage to a version, and creates the stage if it does not exist.")
                .body(
                    &|body| problems(CreateStage::read(body)),
                    &[field("name", "Name of the stage."), field("version_id", "The version to mark.")],
                )
                .answer::<StageResponse>()
        }
        Operation::UpdateSecretStage => {
            operation("Moves a stage to a version, and creates the stage if it does not exist.")
                .body(&|body| problems(read_stage_target(body)), &[field("version_id", "The version to mark.")])
                .answer::<StageResponse>()
        }
        Operation::DeleteSecretStage => operation("Deletes a stage that is not built in; its version stays."),
        _ => return None,
    })
}
