//! Policies that every installation has, under the names of the cloud's system roles.

use alloc::string::String;

use super::Policy;

/// Names of the system policies and what each is for.
pub const SYSTEM_POLICIES: [(&str, &str); 5] = [
    ("Administrator", "everything"),
    ("CSMS FullAccess", "every operation on secrets; secrets with keys of their own also need KMS rights"),
    ("CSMS ReadOnlyAccess", "reading secrets, their values, tasks, events and tags"),
    ("KMS CMKFullAccess", "every operation on keys"),
    ("KMS DataKeyAccess", "using keys: what reading and writing secrets with keys of their own needs"),
];

/// The system policy of this name.
#[must_use]
pub fn system_policy(name: &str) -> Option<Policy> {
    let actions: &[&str] = match name {
        "Administrator" => &["*"],
        "CSMS FullAccess" => &["csms:*"],
        "CSMS ReadOnlyAccess" => &["csms:*:get*", "csms:*:list*"],
        "KMS CMKFullAccess" => &["kms:*"],
        "KMS DataKeyAccess" => &["kms:cmk:createDataKey", "kms:cmk:decryptDataKey"],
        _ => return None,
    };
    Some(Policy::allow(actions.iter().copied().map(String::from).collect(), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{RequestContext, allows};

    #[test]
    fn every_name_has_its_policy() {
        assert!(SYSTEM_POLICIES.iter().all(|(name, _)| system_policy(name).is_some()));
        assert!(system_policy("Tenant Guest").is_none());
    }

    #[test]
    fn reading_is_no_writing() {
        let reader = [system_policy("CSMS ReadOnlyAccess").unwrap()];
        let allowed = |action| allows(&reader, &[action], "csms:r:d:secretName:x", &RequestContext::default());
        assert!(allowed("csms:secret:getVersion") && allowed("csms:secret:list"));
        assert!(!allowed("csms:secret:update") && !allowed("kms:cmk:list"));
    }
}
