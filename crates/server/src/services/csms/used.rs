//! What operations on a secret use besides it: the keys that seal its values, the secret of the administrator that its
//! configuration names, and the function that rotates it.
//!
//! Finds them and says which rights they take; uses none of them.

use std::sync::Arc;

use csms_api::ErrorCode;
use csms_core::{FunctionUrn, KeyId, ProjectId, Rule, Secret, SecretName, StageName, Violation};
use csms_store::Store;

use crate::{
    failure::Failure,
    gate::{
        access::{Access, Actions, CREATE_DATA_KEY, INVOKE, Need, READ_VALUE, Resource, Stored},
        service::Call,
    },
    keys::usable::UsableKey,
};

/// The right to use a key for a secret's value. The service's default key is for everybody.
pub(super) fn sealing(
    project: &ProjectId,
    actions: Actions,
    id: &KeyId,
    usable: &Result<UsableKey, Failure>,
) -> Option<Access> {
    let is_default = usable.as_ref().is_ok_and(|usable| usable.is_default);
    (!is_default).then(|| Access::sealing_key(actions, project, id))
}

/// The secret that `AdminSecret` names, as it is now.
pub(super) struct Administrator(Option<(SecretName, Stored<Secret>)>);

impl Administrator {
    /// Reads the secret that a configuration names.
    ///
    /// # Errors
    /// Failures of the store.
    pub(super) async fn of(call: &Call, name: Option<&SecretName>) -> Result<Self, Failure> {
        let Some(name) = name else { return Ok(Self(None)) };
        Ok(Self(Some((name.clone(), call.app.store.secret(&call.project, name).await?.into()))))
    }

    /// The right to read its current version: a rotation function does so for whoever names it, or says which account the
    /// administrator helps.
    pub(super) fn reading(&self, call: &Call) -> Vec<Access> {
        let Some((name, stored)) = &self.0 else { return Vec::new() };
        let current = |secret: &Arc<Secret>| {
            let version = secret.staged(&StageName::current()).and_then(|current| secret.version(current)).ok()?;
            Some(Access::reading(READ_VALUE, secret, version).collect::<Vec<_>>())
        };
        let reading = if let Stored::Found(secret) = stored { current(secret) } else { None };
        // Without a current version there is the name to judge.
        let reading = reading.unwrap_or_else(|| vec![Access::secret(READ_VALUE, &call.project, name, stored.clone())]);
        reading.into_iter().map(|access| access.called("the secret that AdminSecret names")).collect()
    }

    /// Requires that whoever names a secret names one that there is: of one that comes later, nobody can say what its tags
    /// forbid.
    ///
    /// # Errors
    /// CSMS.0005 for `AdminSecret`.
    pub(super) fn require(&self) -> Result<(), Failure> {
        match &self.0 {
            Some((_, Stored::Missing)) => {
                let expected = "the name of a secret that exists in this project";
                Err(vec![Violation::new(Rule::Unknown, expected).at("rotation_config.AdminSecret")].into())
            }
            _ => Ok(()),
        }
    }
}

/// What rotations of a secret use besides it: the key that seals the new version, the function, and the secret of the
/// administrator. Whoever may rotate needs no rights to them, but who is denied them cannot have them used.
///
/// # Errors
/// Failures of the store.
pub(super) async fn used_by_rotations(call: &Call, secret: &Secret) -> Result<Vec<Access>, Failure> {
    let usable = call.app.keys.usable(&call.project, &secret.kms_key_id).await;
    let key = sealing(&call.project, CREATE_DATA_KEY, &secret.kms_key_id, &usable);
    let function = secret.rotation_func_urn.as_ref().map(|function| invoking(call, function));
    let administrator = Administrator::of(call, secret.admin_secret()).await?.reading(call);
    let used = key.into_iter().chain(function).chain(administrator);
    Ok(used.map(|access| access.needs(Need::NoDeny)).collect())
}

/// The invocation of a function by rotations, which nothing may deny.
pub(super) fn invoking(call: &Call, function: &FunctionUrn) -> Access {
    // One of a project that is not the caller's is the operator's choice: it counts as one of the secret's.
    let own = ProjectId::parse(function.project()).ok().filter(|project| call.caller.may_use(project));
    let project = own.unwrap_or_else(|| call.project.clone());
    let name = format!("{}/{}", function.package(), function.function());
    let access = Access::new(INVOKE, Resource::Function { project, name });
    access.needs(Need::NoDeny).called("the rotation function")
}

/// Whether rotations of a secret use what was judged.
pub(super) fn uses_the_same(judged: &Secret, now: &Secret) -> bool {
    judged.kms_key_id == now.kms_key_id
        && judged.rotation_func_urn == now.rotation_func_urn
        && judged.admin_secret() == now.admin_secret()
}

/// Whether a change makes the server rotate a secret that it would not have rotated, or sooner, or by another function.
pub(super) fn begins_rotations(before: &Secret, after: &Secret) -> bool {
    match (before.next_rotation_time, after.next_rotation_time) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before_change), Some(due)) => due < before_change || before.rotation_func_urn != after.rotation_func_urn,
    }
}

/// The refusal of a change that something else has come before.
pub(super) fn changed_meanwhile() -> Failure {
    Failure::new(ErrorCode::Forbidden, "the secret was changed meanwhile; try again")
}
