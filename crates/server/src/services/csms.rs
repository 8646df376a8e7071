//! The service's own operations. Each reads its request, says what it touches, and does it with `csms-core` and the store.
//!
//! Rights, audit and metrics are the gate's.

pub mod agencies;
pub mod backup;
pub mod batch;
pub mod checker;
pub mod events;
pub mod grants;
pub mod replicas;
pub mod rotation;
pub(super) mod scan;
pub mod secrets;
pub mod stages;
pub mod tags;
pub mod templates;
pub(super) mod used;
pub mod users;
pub mod versions;

use csms_api::{Operation, operation::Specification};

use crate::{
    failure::Failure,
    gate::{
        access::{Kind, Lasting, Need},
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service},
    },
};

impl Service for Operation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        if self.is_of_project() { Scope::Project } else { Scope::Domain }
    }

    fn audited(self) -> Audited {
        if self.reads_values() {
            Audited::Use
        } else if self.is_audited() {
            Audited::Change
        } else {
            Audited::No
        }
    }

    fn kind(self) -> Kind {
        Kind::Secret
    }

    fn need(self) -> Need {
        if self.needs_no_action() {
            Need::NoDeny
        } else if self.is_allowed_by_grants() {
            Need::AllowOrGrant
        } else {
            Need::Allow
        }
    }

    fn lasting(self) -> Lasting {
        match self {
            Self::CreateGrants | Self::UpdateGrant | Self::UpdateUserPassword => Lasting::Within,
            _ => Lasting::No,
        }
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        match self {
            // The reading of a value is asked for most. The others are in a box, so that its work stays small.
            Self::ShowSecretVersion => versions::show(call).await,
            other => Box::pin(prepare(other, call, body)).await,
        }
    }
}

/// Prepares any operation.
async fn prepare(operation: Operation, call: Call, body: Body) -> Result<Prepared, Failure> {
    match operation {
        Operation::CreateSecret => secrets::create(call, body).await,
        Operation::ListSecrets => secrets::list(call),
        Operation::ShowSecret => secrets::show(call).await,
        Operation::UpdateSecret => secrets::update(call, body).await,
        Operation::DeleteSecret => secrets::delete(call),
        Operation::DeleteSecretForSchedule => secrets::schedule_deletion(call, body),
        Operation::RestoreSecret => secrets::restore(call),
        Operation::RotateSecret => rotation::rotate(call).await,
        Operation::ListSecretTask => rotation::list_tasks(call).await,
        Operation::CreateSecretVersion => versions::create(call, body).await,
        Operation::ListSecretVersions => versions::list(call).await,
        Operation::ShowSecretVersion => versions::show(call).await,
        Operation::UpdateVersion => versions::update(call, body).await,
        Operation::ShowSecretStage => stages::show(call).await,
        Operation::UpdateSecretStage => stages::update(call, body),
        Operation::DeleteSecretStage => stages::delete(call),
        Operation::CreateSecretStage => stages::create(call, body),
        Operation::DownloadSecretBlob => backup::download(call),
        Operation::UploadSecretBlob => backup::upload(call, body).await,
        Operation::BatchGetSecretValue => batch::get_values(call, body).await,
        Operation::BatchImportSecrets => batch::import(call, body).await,
        Operation::BatchDeleteSecrets => batch::delete(call, body),
        Operation::BatchCreateOrDeleteTags => tags::change(call, body).await,
        Operation::CreateSecretTag => tags::create(call, body).await,
        Operation::DeleteSecretTag => tags::delete(call).await,
        Operation::ListSecretTags => tags::list(call).await,
        Operation::ListProjectSecretsTags => Ok(tags::list_of_project(call)),
        Operation::ListResourceInstances => tags::find_resources(call, body),
        Operation::CreateSecretEvent => events::create(call, body),
        Operation::ListSecretEvents => events::list(call),
        Operation::ShowSecretEvent => events::show(call),
        Operation::UpdateSecretEvent => events::update(call, body),
        Operation::DeleteSecretEvent => events::delete(call),
        Operation::ListNotificationRecords => events::list_records(call),
        Operation::GenerateRandomPassword => checker::generate_password(&call, body),
        Operation::CheckSecrets => checker::check(call, body),
        Operation::ShowSecretsConfig => Ok(checker::show_config(call)),
        Operation::UpdateSecretsConfig => checker::update_config(call, body),
        Operation::CreateGrants => grants::create(call, body).await,
        Operation::UpdateGrant => grants::update(call, body).await,
        Operation::ListGrants => grants::list(call).await,
        Operation::DeleteGrant => grants::delete(call).await,
        Operation::ListUsers => users::list(call),
        Operation::ShowUserDetail => Ok(users::show(call)),
        Operation::UpdateUserPassword => users::change_password(call, body),
        Operation::CreateAgency => agencies::create(call, body),
        Operation::ShowAgency => agencies::show(call),
        Operation::ShowSecretFunctionTemplates => templates::show(&call),
        Operation::CreateSecretReplica => replicas::create(call, body).await,
        Operation::DeleteSecretReplica => replicas::delete(call).await,
        Operation::ListSupportRegions => Ok(replicas::list_regions(call)),
    }
}
