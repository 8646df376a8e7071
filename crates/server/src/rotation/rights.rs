//! What a rotation function that runs here may do, and for how long it is heard.
//!
//! Decides rights alone; [`crate::rotation::worker`] makes the credentials, and the operations ask here before they write.

use std::collections::BTreeSet;

use csms_api::ErrorCode;
use csms_core::{
    ProjectId, Secret, SecretName,
    policy::{Policy, allows, key_resource, secret_resource},
    task::Task,
};
use csms_store::{ChangeError, Draft};

use crate::{
    app::App,
    auth::{Caller, token::Hold},
    failure::Failure,
    gate::authorisation::{CREATE_DATA_KEY, DECRYPT_DATA_KEY, base_context},
};

/// What a function may do with the one secret it rotates: the rights of the cloud's function agency (rotation fact
/// sheet, section 6), and taking the label away that it worked with.
const ACTIONS: [&str; 7] = [
    "csms:secret:get",
    "csms:secret:getVersion",
    "csms:secret:listVersion",
    "csms:secret:createVersion",
    "csms:secret:getStage",
    "csms:secret:updateStage",
    "csms:secret:deleteStage",
];

/// What a function may do with the secret of the administrator that the configuration names, and what somebody must be
/// allowed to do who names it.
const READ_ADMIN: &str = "csms:secret:getVersion";

/// The policies of a function for one task.
#[must_use]
pub fn policies(task: &Task, secret: &Secret) -> Vec<Policy> {
    let resource = |name: &SecretName| Some(vec![secret_resource("*", "*", name.as_str())]);
    let own = Policy::allow(ACTIONS.map(str::to_owned).to_vec(), resource(&task.secret_name));
    let admin = secret.admin_secret().map(|name| Policy::allow(vec![READ_ADMIN.to_owned()], resource(name)));
    // A secret with a key of its own is read and written with that key, and no other.
    let keys: BTreeSet<_> = secret.keys().map(|key| key_resource("*", "*", key.as_str())).collect();
    let rights = [CREATE_DATA_KEY, DECRYPT_DATA_KEY].iter().flat_map(|names| names.first()).copied();
    let keys = Policy::allow(rights.map(str::to_owned).collect(), Some(keys.into_iter().collect()));
    [own, keys].into_iter().chain(admin).collect()
}

/// Refuses what a caller may not do that may not itself read the secret of the administrator which a configuration names: its
/// function would read it in the caller's stead. That is so for who names it, and for who says by a new version or a backup
/// which account the administrator helps.
///
/// # Errors
/// CSMS.0302.
pub fn require_admin_readable(
    app: &App,
    caller: &Caller,
    project: &ProjectId,
    admin: Option<&SecretName>,
) -> Result<(), Failure> {
    let Some(admin) = admin else { return Ok(()) };
    let resource = secret_resource(app.identity.region_of(project), &app.identity.domain_id, admin.as_str());
    if allows(&caller.policies, &[READ_ADMIN], &resource, &base_context(app, caller)) {
        return Ok(());
    }
    let reason = format!("the caller's policies do not allow {READ_ADMIN} on the secret that AdminSecret names");
    Err(Failure::new(ErrorCode::Forbidden, reason))
}

/// Refuses a function whose task has ended or is another server's by now: its credentials end with its task. Such a function
/// may still be at work, and what it does would come between the steps of the one that is at the secret now.
///
/// # Errors
/// CSMS.0302; failures of the store.
pub async fn require_task(app: &App, caller: &Caller, project: &ProjectId) -> Result<(), Failure> {
    let Some(hold) = caller.hold.clone() else { return Ok(()) };
    let name = hold.secret.clone();
    // Looked at where nobody can take the task meanwhile, and left as it is.
    let look = move |draft: &mut Draft| Err::<(), _>(is_held(&hold, draft));
    match app.store.change_secret(project, &name, false, look).await {
        Err(ChangeError::Refused(true)) => Ok(()),
        Ok(()) | Err(ChangeError::Refused(false) | ChangeError::NotFound) => Err(overtaken()),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}

/// [`require_task`] in the transaction of a write: the task may be taken between the two.
///
/// # Errors
/// CSMS.0302.
pub fn require_hold(caller: &Caller, draft: &Draft) -> Result<(), Failure> {
    match &caller.hold {
        Some(hold) if !is_held(hold, draft) => Err(overtaken()),
        Some(_) | None => Ok(()),
    }
}

fn is_held(hold: &Hold, draft: &Draft) -> bool {
    draft.holder() == Some(&hold.holder)
}

fn overtaken() -> Failure {
    let reason = "the rotation task of this function has ended, or another server has taken it over";
    Failure::new(ErrorCode::Forbidden, reason)
}
