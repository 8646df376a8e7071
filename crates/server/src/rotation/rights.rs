//! The rights of a rotation function that this server runs.
//!
//! It only defines them: [`crate::rotation::worker`] issues the credentials, and [`crate::gate`] judges them while the task is leased.

use std::collections::BTreeSet;

use csms_core::{
    Secret, SecretName,
    policy::{Policy, key_resource, secret_resource},
    task::Task,
};
/// What a function may do with the one secret it rotates: the rights of the cloud's function agency
/// (`compatibility/rotation.md#6-the-rotation-function-contract`), and the removal of SYSPENDING.
const ACTIONS: [&str; 7] = [
    "csms:secret:get",
    "csms:secret:getVersion",
    "csms:secret:listVersion",
    "csms:secret:createVersion",
    "csms:secret:getStage",
    "csms:secret:updateStage",
    "csms:secret:deleteStage",
];

/// What a function may do with the secret of the administrator that the configuration names.
const READ_ADMIN: &str = "csms:secret:getVersion";

/// What a function may do with the keys of its secret.
const KEY_ACTIONS: [&str; 2] = ["kms:cmk:createDataKey", "kms:cmk:decryptDataKey"];

/// The policies of a function for one task.
#[must_use]
pub fn policies(task: &Task, secret: &Secret) -> Vec<Policy> {
    let resource = |name: &SecretName| Some(vec![secret_resource("*", "*", name.as_str())]);
    let own = Policy::allow(ACTIONS.map(str::to_owned).to_vec(), resource(&task.secret_name));
    let admin = secret.admin_secret().map(|name| Policy::allow(vec![READ_ADMIN.to_owned()], resource(name)));
    // A secret with a key of its own is read and written with that key, and no other.
    let keys: BTreeSet<_> = secret.keys().map(|key| key_resource("*", "*", key.as_str())).collect();
    let keys = Policy::allow(KEY_ACTIONS.map(str::to_owned).to_vec(), Some(keys.into_iter().collect()));
    [own, keys].into_iter().chain(admin).collect()
}
