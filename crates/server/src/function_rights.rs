//! What a rotation function that runs here may do, and for how long it is heard.
//!
//! Decides rights alone; [`crate::tasks`] makes the credentials, and the operations ask here before they write.

use std::collections::BTreeSet;

use csms_core::{
    Refusal, Secret, SecretName,
    policy::{Policy, allows, key_resource, secret_resource},
    task::Task,
};
use csms_store::Draft;

use crate::{
    app::App,
    auth::Caller,
    authorisation::{CREATE_DATA_KEY, DECRYPT_DATA_KEY, base_context},
    failure::Failure,
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
    let admin = secret.rotation_config.as_ref().and_then(|config| config.admin_secret());
    let admin = admin.map(|name| Policy::allow(vec![READ_ADMIN.to_owned()], resource(name)));
    // A secret with a key of its own is read and written with that key, and no other.
    let keys: BTreeSet<_> = secret.keys().map(|key| key_resource("*", "*", key.as_str())).collect();
    let rights = [CREATE_DATA_KEY, DECRYPT_DATA_KEY].iter().flat_map(|names| names.first()).copied();
    let keys = Policy::allow(rights.map(str::to_owned).collect(), Some(keys.into_iter().collect()));
    [own, keys].into_iter().chain(admin).collect()
}

/// Refuses a configuration that names the secret of an administrator which the caller itself may not read: its function
/// would read it in the caller's stead.
///
/// # Errors
/// CSMS.0302.
pub fn require_admin_readable(app: &App, caller: &Caller, admin: Option<&SecretName>) -> Result<(), Failure> {
    let Some(admin) = admin else { return Ok(()) };
    let resource = secret_resource(&app.identity.region, &app.identity.domain_id, admin.as_str());
    if allows(&caller.policies, &[READ_ADMIN], &resource, &base_context(app, caller)) {
        return Ok(());
    }
    let reason = format!("the caller's policies do not allow {READ_ADMIN} on the secret that AdminSecret names");
    Err(Failure::new(csms_api::ErrorCode::Forbidden, reason))
}

/// Refuses a write of a function whose task has ended or is another server's by now. Such a function may still be at work,
/// and what it writes would come between the steps of the one that is at the secret now.
///
/// # Errors
/// [`Refusal::RotationRunning`].
pub fn require_hold(caller: &Caller, draft: &Draft) -> Result<(), Refusal> {
    match caller.holder.as_deref() {
        Some(holder) if draft.holder() != Some(holder) => Err(Refusal::RotationRunning),
        Some(_) | None => Ok(()),
    }
}
