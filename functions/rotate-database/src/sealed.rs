//! Secrets whose values are sealed for this function: opened when they are read, sealed when they are written.
//!
//! The private key is a JSON Web Key in the file that `CSMS_SEALING_KEY_FILE` names or in `CSMS_SEALING_KEY` itself.

use core::cell::Cell;
use std::fs;

use csms_core::{
    ProjectId, SecretName, SecretValue, StageName, VersionId,
    rotation::{
        FailureCode, Message,
        message::function as say,
        plan::Labels,
        sealed::{SealingKey, is_sealed},
    },
};
use csms_rotate::{Failure, Secrets, SecretsError};
use functiongraph_runtime::guest::Context;
use getrandom::SysRng;
use zeroize::Zeroizing;

/// User variable with the path of the private key.
pub const KEY_FILE: &str = "CSMS_SEALING_KEY_FILE";

/// User variable with the private key.
pub const KEY: &str = "CSMS_SEALING_KEY";

/// User variable that refuses values which are bound to no project, when it is `true`.
pub const REQUIRE_PROJECT: &str = "CSMS_SEALING_REQUIRE_PROJECT";

/// The function's key, if it has one.
///
/// # Errors
/// [`FailureCode::InvalidEvent`] for a file that cannot be read, and for a key that is no private P-256 key.
pub fn key(context: &Context) -> Result<Option<SealingKey>, Failure> {
    let failed = |message: Message| Failure { code: FailureCode::InvalidEvent, message };
    let text = match (context.user_data(KEY_FILE), context.user_data(KEY)) {
        (Some(path), _) => {
            let text = fs::read_to_string(path)
                .map_err(|error| failed(say::file_unreadable(KEY_FILE, error.kind().to_string())))?;
            Zeroizing::new(text)
        }
        (None, Some(text)) => Zeroizing::new(text.to_owned()),
        (None, None) => return Ok(None),
    };
    let key = SealingKey::parse(&text).map_err(|error| failed(say::key_unusable(error.to_string())))?;
    match context.user_data(REQUIRE_PROJECT) {
        None | Some("" | "false") => Ok(Some(key)),
        Some("true") => Ok(Some(key.requiring_project())),
        Some(_) => Err(failed(say::not_a_switch(REQUIRE_PROJECT))),
    }
}

/// A secret whose values may be sealed.
#[derive(Debug)]
pub struct Sealed<S> {
    secrets: S,
    project: Option<ProjectId>,
    name: SecretName,
    key: Option<SealingKey>,
    /// Whether a sealed value has been read. Then what is written is sealed too.
    seals: Cell<bool>,
}

impl<S> Sealed<S> {
    /// The secret `name` of `secrets`, which are those of `project`, opened with `key`.
    pub const fn new(secrets: S, project: Option<ProjectId>, name: SecretName, key: Option<SealingKey>) -> Self {
        Self { secrets, project, name, key, seals: Cell::new(false) }
    }

    fn project(&self) -> Result<&ProjectId, SecretsError> {
        self.project.as_ref().ok_or_else(|| SecretsError::Refused(say::sealed_without_project()))
    }

    fn key(&self) -> Result<&SealingKey, SecretsError> {
        self.key.as_ref().ok_or_else(|| SecretsError::Refused(say::sealed_without_key(KEY_FILE, KEY)))
    }

    fn open(&self, name: &SecretName, value: SecretValue) -> Result<SecretValue, SecretsError> {
        if !is_sealed(&value) {
            return Ok(value);
        }
        let opened = self.key()?.open(self.project()?, name, &value);
        opened.map_err(|error| SecretsError::Refused(say::not_opened(name, error.to_string())))
    }
}

impl<S: Secrets> Secrets for Sealed<S> {
    async fn stage(&self, stage: &StageName) -> Result<Option<VersionId>, SecretsError> {
        self.secrets.stage(stage).await
    }

    async fn labels(&self) -> Result<Labels, SecretsError> {
        self.secrets.labels().await
    }

    async fn value(&self, version: VersionId) -> Result<SecretValue, SecretsError> {
        let value = self.secrets.value(version).await?;
        self.seals.set(self.seals.get() || is_sealed(&value));
        self.open(&self.name, value)
    }

    async fn admin_value(&self, name: &SecretName) -> Result<SecretValue, SecretsError> {
        self.open(name, self.secrets.admin_value(name).await?)
    }

    async fn create_pending(&self, value: SecretValue) -> Result<VersionId, SecretsError> {
        let value = if self.seals.get() {
            let sealed = self.key()?.seal(self.project()?, &self.name, &value, &mut SysRng);
            sealed.map_err(|error| SecretsError::Refused(say::not_sealed(error.to_string())))?
        } else {
            value
        };
        self.secrets.create_pending(value).await
    }

    async fn make_current(&self, version: VersionId) -> Result<(), SecretsError> {
        self.secrets.make_current(version).await
    }

    async fn remove_pending_label(&self) -> Result<(), SecretsError> {
        self.secrets.remove_pending_label().await
    }
}
