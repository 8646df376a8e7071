//! The operations. Each reads its request, asks `core` and the store, and writes its answer; all else is done before.

pub mod agencies;
pub mod backup;
pub mod batch;
pub mod checker;
pub mod events;
pub mod grants;
pub mod replicas;
pub mod rotation;
pub mod secrets;
pub mod stages;
pub mod tags;
pub mod templates;
pub mod users;
pub mod versions;

use csms_api::Operation;

use crate::{failure::Failure, gate::answer::Answer, gate::pipeline::Call};

/// Runs an authorised call.
///
/// # Errors
/// What the operation refuses or fails with.
pub async fn run(operation: Operation, call: Call) -> Result<Answer, Failure> {
    match operation {
        Operation::CreateSecret => secrets::create(&call).await,
        Operation::ListSecrets => secrets::list(&call).await,
        Operation::ShowSecret => secrets::show(&call).await,
        Operation::UpdateSecret => secrets::update(&call).await,
        Operation::DeleteSecret => secrets::delete(&call).await,
        Operation::DeleteSecretForSchedule => secrets::schedule_deletion(&call).await,
        Operation::RestoreSecret => secrets::restore(&call).await,
        Operation::RotateSecret => rotation::rotate(&call).await,
        Operation::ListSecretTask => rotation::list_tasks(&call).await,
        Operation::CreateSecretVersion => versions::create(&call).await,
        Operation::ListSecretVersions => versions::list(&call).await,
        Operation::ShowSecretVersion => versions::show(&call).await,
        Operation::UpdateVersion => versions::update(&call).await,
        Operation::ShowSecretStage => stages::show(&call).await,
        Operation::UpdateSecretStage => stages::update(&call).await,
        Operation::DeleteSecretStage => stages::delete(&call).await,
        Operation::CreateSecretStage => stages::create(&call).await,
        Operation::DownloadSecretBlob => backup::download(&call).await,
        Operation::UploadSecretBlob => backup::upload(&call).await,
        Operation::BatchGetSecretValue => batch::get_values(&call).await,
        Operation::BatchImportSecrets => batch::import(&call).await,
        Operation::BatchDeleteSecrets => batch::delete(&call).await,
        Operation::BatchCreateOrDeleteTags => tags::change(&call).await,
        Operation::CreateSecretTag => tags::create(&call).await,
        Operation::DeleteSecretTag => tags::delete(&call).await,
        Operation::ListSecretTags => tags::list(&call).await,
        Operation::ListProjectSecretsTags => tags::list_of_project(&call).await,
        Operation::ListResourceInstances => tags::find_resources(&call).await,
        Operation::CreateSecretEvent => events::create(&call).await,
        Operation::ListSecretEvents => events::list(&call).await,
        Operation::ShowSecretEvent => events::show(&call).await,
        Operation::UpdateSecretEvent => events::update(&call).await,
        Operation::DeleteSecretEvent => events::delete(&call).await,
        Operation::ListNotificationRecords => events::list_records(&call).await,
        Operation::GenerateRandomPassword => checker::generate_password(&call),
        Operation::CheckSecrets => checker::check(&call).await,
        Operation::ShowSecretsConfig => checker::show_config(&call).await,
        Operation::UpdateSecretsConfig => checker::update_config(&call).await,
        Operation::CreateGrants => grants::create(&call).await,
        Operation::UpdateGrant => grants::update(&call).await,
        Operation::ListGrants => grants::list(&call).await,
        Operation::DeleteGrant => grants::delete(&call).await,
        Operation::ListUsers => users::list(&call).await,
        Operation::ShowUserDetail => users::show(&call).await,
        Operation::UpdateUserPassword => users::change_password(&call).await,
        Operation::CreateAgency => agencies::create(&call).await,
        Operation::ShowAgency => agencies::show(&call).await,
        Operation::ShowSecretFunctionTemplates => templates::show(&call),
        Operation::CreateSecretReplica => replicas::create(&call).await,
        Operation::DeleteSecretReplica => replicas::delete(&call).await,
        Operation::ListSupportRegions => replicas::list_regions(&call),
    }
}
