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
mod scan;
pub mod secrets;
pub mod stages;
pub mod tags;
pub mod templates;
pub mod users;
pub mod versions;

use csms_api::{Operation, operation::Specification};

use crate::{
    failure::Failure,
    gate::{
        access::{Kind, Need},
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

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        match self {
            Self::CreateSecret => secrets::create(call, body).await,
            Self::ListSecrets => secrets::list(call),
            Self::ShowSecret => secrets::show(call).await,
            Self::UpdateSecret => secrets::update(call, body).await,
            Self::DeleteSecret => secrets::delete(call),
            Self::DeleteSecretForSchedule => secrets::schedule_deletion(call, body),
            Self::RestoreSecret => secrets::restore(call),
            Self::RotateSecret => rotation::rotate(call),
            Self::ListSecretTask => rotation::list_tasks(call).await,
            Self::CreateSecretVersion => versions::create(call, body).await,
            Self::ListSecretVersions => versions::list(call).await,
            Self::ShowSecretVersion => versions::show(call).await,
            Self::UpdateVersion => versions::update(call, body).await,
            Self::ShowSecretStage => stages::show(call).await,
            Self::UpdateSecretStage => stages::update(call, body),
            Self::DeleteSecretStage => stages::delete(call),
            Self::CreateSecretStage => stages::create(call, body),
            Self::DownloadSecretBlob => backup::download(call),
            Self::UploadSecretBlob => backup::upload(call, body),
            Self::BatchGetSecretValue => batch::get_values(call, body).await,
            Self::BatchImportSecrets => batch::import(call, body).await,
            Self::BatchDeleteSecrets => batch::delete(call, body),
            Self::BatchCreateOrDeleteTags => tags::change(call, body).await,
            Self::CreateSecretTag => tags::create(call, body).await,
            Self::DeleteSecretTag => tags::delete(call).await,
            Self::ListSecretTags => tags::list(call).await,
            Self::ListProjectSecretsTags => Ok(tags::list_of_project(call)),
            Self::ListResourceInstances => tags::find_resources(call, body),
            Self::CreateSecretEvent => events::create(call, body),
            Self::ListSecretEvents => events::list(call),
            Self::ShowSecretEvent => events::show(call),
            Self::UpdateSecretEvent => events::update(call, body),
            Self::DeleteSecretEvent => events::delete(call),
            Self::ListNotificationRecords => events::list_records(call),
            Self::GenerateRandomPassword => checker::generate_password(&call, body),
            Self::CheckSecrets => checker::check(call, body),
            Self::ShowSecretsConfig => Ok(checker::show_config(call)),
            Self::UpdateSecretsConfig => checker::update_config(call, body),
            Self::CreateGrants => grants::create(call, body).await,
            Self::UpdateGrant => grants::update(call, body).await,
            Self::ListGrants => grants::list(call).await,
            Self::DeleteGrant => grants::delete(call).await,
            Self::ListUsers => users::list(call),
            Self::ShowUserDetail => Ok(users::show(call)),
            Self::UpdateUserPassword => users::change_password(call, body),
            Self::CreateAgency => agencies::create(call, body),
            Self::ShowAgency => agencies::show(call),
            Self::ShowSecretFunctionTemplates => templates::show(&call),
            Self::CreateSecretReplica => replicas::create(call, body).await,
            Self::DeleteSecretReplica => replicas::delete(call).await,
            Self::ListSupportRegions => Ok(replicas::list_regions(call)),
        }
    }
}
