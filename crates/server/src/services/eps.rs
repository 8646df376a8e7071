//! Enterprise projects of secrets and keys, at the address of the Enterprise Project Management Service: moving one, and finding
//! what one of them holds.
//!
//! A move is a change: it takes the right to update the secret or key both under the enterprise project that it has and under the
//! one that it gets. A search takes the right to list each kind that it asks for.

use std::sync::Arc;

use csms_api::{
    ErrorCode, Operation,
    eps::{
        BoundResource, BoundResources, EpsOperation, FindResources, MigrateResource, Resource, ResourceType,
        read_enterprise_project,
    },
    fields::both,
    kms::KmsOperation,
    operation::Specification,
};
use csms_core::{KeyId, ProjectId, Refusal, Rule, SecretId, Violation};
use csms_store::{SecretFilter, Store as _};

use super::{
    csms::tags,
    kms::{self, lifecycle::move_to_enterprise_project},
};
use crate::{
    failure::Failure,
    gate::{
        access::{self, Access, Actions, Facts, Kind, Stored},
        answer::Answer,
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service},
    },
};

/// The right to move a key.
const MOVE_KEY: Actions = KmsOperation::UpdateKeyDescription.specification().actions;

/// The rights to list what a search finds.
const LIST_SECRETS: Actions = Operation::ListSecrets.specification().actions;
const LIST_KEYS: Actions = KmsOperation::ListKeys.specification().actions;

impl Service for EpsOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        Scope::Domain
    }

    fn audited(self) -> Audited {
        match self {
            Self::MigrateResource => Audited::Change,
            Self::ShowResourceBindEnterpriseProject => Audited::No,
        }
    }

    fn kind(self) -> Kind {
        Kind::Secret
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        match self {
            Self::MigrateResource => migrate(call, body).await,
            Self::ShowResourceBindEnterpriseProject => find(&call, body),
        }
    }
}

/// Refuses what is about keys where another service keeps them.
fn require_own_keys(call: &Call) -> Result<(), Failure> {
    if call.app.keys.are_remote() {
        let reason = "the keys of this server are kept by another Key Management Service; ask that one";
        return Err(Failure::new(ErrorCode::NoSuchOperation, reason));
    }
    Ok(())
}

/// MigrateResource
///
/// # Errors
/// Every problem of the request; of the work: no such secret or key; its state.
async fn migrate(call: Call, body: Body) -> Result<Prepared, Failure> {
    let target = read_enterprise_project(call.path_text("enterprise_project_id"));
    let (target, request) = both(target, MigrateResource::read(body.object()?))?;
    let call = call.in_project(request.project)?;
    let region = call.app.identity.region_of(&call.project);
    if request.region.as_ref().is_some_and(|named| named.as_str() != region) {
        return Err(vec![Violation::new(Rule::Unknown, "the region of project_id").at("region_id")].into());
    }
    match request.resource {
        Resource::Secret(id) => migrate_secret(call, id, target).await,
        Resource::Key(id) => migrate_key(call, id, target).await,
    }
}

/// What a move says to conditions: the enterprise project where the resource goes.
fn destination(target: &str) -> Facts {
    Facts { enterprise_project_id: Some(target.to_owned()), ..Facts::default() }
}

async fn migrate_secret(call: Call, id: SecretId, target: String) -> Result<Prepared, Failure> {
    let found = call.app.store.secret_by_id(&call.project, &id).await?.map(Arc::new);
    let accesses = match &found {
        Some(secret) => vec![
            Access::found(call.actions(), secret),
            Access::found(call.actions(), secret).with(destination(&target)),
        ],
        None => vec![call.all(Kind::Secret)],
    };
    Ok(Prepared::new(accesses, async move {
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        let now = call.app.clock.now();
        call.change_found(&secret, move |secret| secret.move_to_enterprise_project(target, now)).await?;
        Ok(Answer::Empty)
    }))
}

async fn migrate_key(call: Call, id: KeyId, target: String) -> Result<Prepared, Failure> {
    require_own_keys(&call)?;
    let found = kms::find(&call, &id).await?.map(Arc::new);
    let accesses = match &found {
        Some(key) => {
            let access = || Access::key(MOVE_KEY, &call.project, &id, Stored::Found(Arc::clone(key)));
            vec![access(), access().with(destination(&target))]
        }
        None => vec![all(MOVE_KEY, Kind::Key, &call.project)],
    };
    Ok(Prepared::new(accesses, async move {
        move_to_enterprise_project(&call, &id, target).await?;
        Ok(Answer::Empty)
    }))
}

/// An access to a whole collection of a project.
fn all(actions: Actions, kind: Kind, project: &ProjectId) -> Access {
    Access::new(actions, access::Resource::All(kind, project.clone()))
}

/// ShowResourceBindEnterpriseProject
///
/// # Errors
/// Every problem of the request.
fn find(call: &Call, body: Body) -> Result<Prepared, Failure> {
    let enterprise = read_enterprise_project(call.path_text("enterprise_project_id"));
    let (enterprise, wanted) = both(enterprise, FindResources::read(body.object()?))?;
    if wanted.kinds.contains(&ResourceType::Key) {
        require_own_keys(call)?;
    }
    let in_project = |project: &ProjectId| call.clone().in_project(project.clone());
    let calls = wanted.projects.iter().map(in_project).collect::<Result<Vec<_>, _>>()?;
    let mut accesses = Vec::new();
    for call in &calls {
        accesses.extend(wanted.kinds.iter().map(|kind| match kind {
            ResourceType::Secret => all(LIST_SECRETS, Kind::Secret, &call.project),
            ResourceType::Key => all(LIST_KEYS, Kind::Key, &call.project),
        }));
    }
    Ok(Prepared::new(accesses, async move {
        let filter = SecretFilter {
            names: wanted.names.clone(),
            tags: Vec::new(),
            enterprise_project: Some(enterprise.clone()),
        };
        let resource = |call: &Call, kind: ResourceType, id: &str, name: &str| BoundResource {
            enterprise_project_id: enterprise.clone(),
            project_id: call.project.to_string(),
            project_name: call.app.identity.region_of(&call.project).to_owned(),
            resource_id: id.to_owned(),
            resource_name: name.to_owned(),
            resource_type: kind.as_str().to_owned(),
        };
        // How many are left out before the first that is returned, of those that are still to come.
        let (mut total_count, mut resources, mut offset) = (0_u64, Vec::new(), wanted.offset);
        for call in &calls {
            if wanted.kinds.contains(&ResourceType::Secret) {
                let room = wanted.limit.saturating_sub(resources.len());
                let total = if room == 0 {
                    call.app.store.count_secrets(&call.project, &filter).await?
                } else {
                    let found = tags::matching(call, &filter, offset, room).await?;
                    let items = found.page.items.iter();
                    resources.extend(
                        items.map(|item| resource(call, ResourceType::Secret, item.id.as_str(), item.name.as_str())),
                    );
                    found.total
                };
                total_count += total;
                offset = offset.saturating_sub(usize::try_from(total).unwrap_or(usize::MAX));
            }
            if wanted.kinds.contains(&ResourceType::Key) {
                let mut keys = kms::keys(call).await?;
                keys.retain(|key| kms::enterprise_project(key) == enterprise && wanted.wants(&key.alias));
                keys.sort_by(|one, other| one.alias.cmp(&other.alias));
                total_count += keys.len() as u64;
                let room = wanted.limit.saturating_sub(resources.len());
                resources.extend(
                    keys.iter()
                        .skip(offset)
                        .take(room)
                        .map(|key| resource(call, ResourceType::Key, key.id.as_str(), &key.alias)),
                );
                offset = offset.saturating_sub(keys.len());
            }
        }
        Answer::json(&BoundResources { resources, errors: Vec::new(), total_count })
    }))
}
