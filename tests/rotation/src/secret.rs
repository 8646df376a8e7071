//! One secret in memory, with the stage rules that a rotation relies on. It stands in for the service where a test is
//! about databases alone; the tests of the whole chain use the real server.

use core::cell::RefCell;
use std::collections::BTreeMap;

use csms_core::{
    SecretName, SecretValue, StageName, VersionId,
    rotation::{Account, message::connection},
    stage,
};
use csms_rotate::{Secrets, SecretsError};

/// Versions and stages of a secret.
#[derive(Debug, Default)]
pub struct MemorySecret(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    values: Vec<SecretValue>,
    stages: BTreeMap<&'static str, VersionId>,
    /// Values of other secrets.
    admins: BTreeMap<&'static str, SecretValue>,
}

impl State {
    fn add(&mut self, value: SecretValue, stage: &'static str) -> VersionId {
        self.values.push(value);
        let count = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let version = VersionId::from_number(count).unwrap_or(VersionId::FIRST);
        self.stages.insert(stage, version);
        version
    }

    fn value(&self, version: VersionId) -> Option<&SecretValue> {
        self.values.get(version.number() as usize - 1)
    }
}

impl MemorySecret {
    /// Adds a version marked with a stage.
    ///
    /// # Panics
    /// When the value is too long for a version.
    #[allow(clippy::expect_used, reason = "a test support crate")]
    pub fn add(&self, value: &serde_json::Value, stage: &'static str) -> VersionId {
        let value = SecretValue::text(value.to_string()).expect("the value of a test fits into a version");
        self.0.borrow_mut().add(value, stage)
    }

    /// Adds another secret, which holds an administrator.
    ///
    /// # Panics
    /// When the value is too long for a version.
    #[allow(clippy::expect_used, reason = "a test support crate")]
    pub fn add_admin(&self, name: &'static str, value: &serde_json::Value) {
        let value = SecretValue::text(value.to_string()).expect("the value of a test fits into a version");
        self.0.borrow_mut().admins.insert(name, value);
    }

    /// The version that a stage marks.
    #[must_use]
    pub fn marked(&self, stage: &str) -> Option<VersionId> {
        self.0.borrow().stages.get(stage).copied()
    }

    /// Marks another version with a stage; moving SYSCURRENT moves SYSPREVIOUS, as the service does.
    pub fn move_to(&self, stage: &'static str, version: VersionId) {
        let stages = &mut self.0.borrow_mut().stages;
        let former = stages.insert(stage, version);
        if let Some(former) = former.filter(|_| stage == csms_core::stage::CURRENT) {
            stages.insert(csms_core::stage::PREVIOUS, former);
        }
    }

    /// The account in the version that a stage marks.
    #[must_use]
    pub fn account(&self, stage: &str) -> Option<Account> {
        Account::parse(self.0.borrow().value(self.marked(stage)?)?).ok()
    }

    /// The passwords of all versions, and of administrators.
    #[must_use]
    pub fn passwords(&self) -> Vec<String> {
        let state = self.0.borrow();
        let accounts = state.values.iter().chain(state.admins.values()).map(Account::parse);
        accounts.filter_map(|account| Some(account.ok()?.password().to_owned())).collect()
    }

    /// The accounts in SYSPENDING, SYSCURRENT and SYSPREVIOUS, as far as there are any.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        [stage::PENDING, stage::CURRENT, stage::PREVIOUS].iter().filter_map(|stage| self.account(stage)).collect()
    }
}

impl Secrets for MemorySecret {
    async fn stage(&self, stage: &StageName) -> Result<Option<VersionId>, SecretsError> {
        Ok(self.marked(stage.as_str()))
    }

    async fn value(&self, version: VersionId) -> Result<SecretValue, SecretsError> {
        self.0
            .borrow()
            .value(version)
            .cloned()
            .ok_or_else(|| SecretsError::Refused(connection::said("no such version")))
    }

    async fn admin_value(&self, name: &SecretName) -> Result<SecretValue, SecretsError> {
        let state = self.0.borrow();
        state
            .admins
            .get(name.as_str())
            .cloned()
            .ok_or_else(|| SecretsError::Refused(connection::said("no such secret")))
    }

    async fn create_pending(&self, value: SecretValue) -> Result<VersionId, SecretsError> {
        Ok(self.0.borrow_mut().add(value, stage::PENDING))
    }

    async fn make_current(&self, version: VersionId) -> Result<(), SecretsError> {
        let stages = &mut self.0.borrow_mut().stages;
        if let Some(former) = stages.insert(stage::CURRENT, version) {
            stages.insert(stage::PREVIOUS, former);
        }
        Ok(())
    }

    async fn remove_pending_label(&self) -> Result<(), SecretsError> {
        self.0.borrow_mut().stages.remove(stage::PENDING);
        Ok(())
    }
}
