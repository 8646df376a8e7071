//! The trait for the part of the service that a rotation needs. The client of the service implements it.

use csms_core::{
    SecretName, SecretValue, StageName, VersionId,
    rotation::{Message, plan::Labels},
};

/// The versions and stages of the one secret that is rotated, and the current value of its administrator's.
///
/// Implementations repeat requests that failed on the way and may safely be repeated; an error that reaches the
/// rotation ends the attempt. Futures need not be `Send`: an attempt runs on one thread.
#[allow(async_fn_in_trait, reason = "an attempt runs on one thread and needs no Send bound")]
pub trait Secrets {
    /// The version that a stage marks; `None` when it marks none (ShowSecretStage).
    async fn stage(&self, stage: &StageName) -> Result<Option<VersionId>, SecretsError>;

    /// The versions that `SYSPENDING`, `SYSCURRENT` and `SYSPREVIOUS` mark. An implementation may ask for all in one
    /// (ListSecretVersions).
    async fn labels(&self) -> Result<Labels, SecretsError> {
        stage_by_stage(self).await
    }

    /// The value of a version (ShowSecretVersion).
    async fn value(&self, version: VersionId) -> Result<SecretValue, SecretsError>;

    /// The SYSCURRENT value of the secret that holds an administrator of the database server (ShowSecretVersion).
    async fn admin_value(&self, name: &SecretName) -> Result<SecretValue, SecretsError>;

    /// Stores a value as a new version and marks it `SYSPENDING`, in one (CreateSecretVersion with `version_stages`).
    async fn create_pending(&self, value: SecretValue) -> Result<VersionId, SecretsError>;

    /// Moves `SYSCURRENT` to a version; `SYSPREVIOUS` follows to the version it leaves (UpdateSecretStage). A service
    /// that does not move `SYSPREVIOUS` by itself needs an implementation that does, before `SYSCURRENT`.
    async fn make_current(&self, version: VersionId) -> Result<(), SecretsError>;

    /// Takes `SYSPENDING` off whatever it marks; no error when it marks nothing (DeleteSecretStage).
    async fn remove_pending_label(&self) -> Result<(), SecretsError>;
}

/// The versions that the stages of a rotation mark, each asked for by itself.
///
/// # Errors
/// As [`Secrets::stage`].
pub async fn stage_by_stage<S: Secrets + ?Sized>(secrets: &S) -> Result<Labels, SecretsError> {
    Ok(Labels {
        pending: secrets.stage(&StageName::pending()).await?,
        current: secrets.stage(&StageName::current()).await?,
        previous: secrets.stage(&StageName::previous()).await?,
    })
}

/// Why the service did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretsError {
    /// No answer, or one that says to come again.
    Unavailable(Message),
    /// An answer that would not change: no permission, no such secret, a request it does not take.
    Refused(Message),
}

impl SecretsError {
    /// What happened, without any value.
    #[must_use]
    pub fn into_message(self) -> Message {
        match self {
            Self::Unavailable(message) | Self::Refused(message) => message,
        }
    }
}
