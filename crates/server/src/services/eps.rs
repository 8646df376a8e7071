//! Moving a secret to another enterprise project, at the address of the Enterprise Project Management Service.
//!
//! It is a change of the secret: it takes the right to update it both under the enterprise project that it has and under the one
//! that it gets.

use std::sync::Arc;

use csms_api::{
    eps::{EpsOperation, MigrateResource, read_enterprise_project},
    fields::both,
    operation::Specification,
};
use csms_core::{Refusal, Rule, Violation};
use csms_store::Store as _;

use crate::{
    failure::Failure,
    gate::{
        access::{Access, Facts, Kind},
        answer::Answer,
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service},
    },
};

impl Service for EpsOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        Scope::Domain
    }

    fn audited(self) -> Audited {
        Audited::Change
    }

    fn kind(self) -> Kind {
        Kind::Secret
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        match self {
            Self::MigrateResource => migrate(call, body).await,
        }
    }
}

/// MigrateResource
///
/// # Errors
/// Every problem of the request; of the work: no such secret; its state.
async fn migrate(call: Call, body: Body) -> Result<Prepared, Failure> {
    let target = read_enterprise_project(call.path_text("enterprise_project_id"));
    let (target, request) = both(target, MigrateResource::read(body.object()?))?;
    let region = call.app.identity.region_of(&request.project);
    if request.region.as_ref().is_some_and(|named| named.as_str() != region) {
        return Err(vec![Violation::new(Rule::Unknown, "the region of project_id").at("region_id")].into());
    }
    let call = call.in_project(request.project);
    let found = call.app.store.secret_by_id(&call.project, &request.secret).await?.map(Arc::new);
    let accesses = match &found {
        Some(secret) => {
            let moved = Facts { enterprise_project_id: Some(target.clone()), ..Facts::default() };
            vec![Access::found(call.actions(), secret), Access::found(call.actions(), secret).with(moved)]
        }
        None => vec![call.all(Kind::Secret)],
    };
    Ok(Prepared::new(accesses, async move {
        let secret = found.ok_or(Refusal::SecretNotFound)?;
        let now = call.app.clock.now();
        call.change_found(&secret, move |secret| secret.move_to_enterprise_project(target, now)).await?;
        Ok(Answer::Empty)
    }))
}
