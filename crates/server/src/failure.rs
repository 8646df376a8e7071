//! Why an operation failed: the public error, and privately its cause for the log.

use std::error::Error;

use csms_api::{ApiError, ErrorCode};
use csms_core::{Problem, Refusal, Rule, Violation};
use csms_kms::{OpenError, SealError};
use csms_store::{ChangeError, ReadError, StoreError};

/// A public error with its private cause. Only the public part leaves the server.
#[derive(Debug)]
pub struct Failure {
    /// What the caller is told.
    pub error: ApiError,
    /// What the log is told. Never holds a secret value.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
    /// How long the same request is refused, in seconds, where that is known: the answer's `Retry-After`.
    pub retry_after: Option<u64>,
}

impl Failure {
    /// A failure inside the server, told to the caller without detail.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal, "see the server's log for this request id").caused_by(cause)
    }

    /// Whether the cause lies in the server or its store, and not in what the caller asks for.
    #[must_use]
    pub const fn is_internal(&self) -> bool {
        matches!(self.error.code, ErrorCode::Internal | ErrorCode::StoreUnavailable)
    }

    /// A failure with a code and a public detail.
    pub fn new(code: ErrorCode, detail: impl AsRef<str>) -> Self {
        ApiError::new(code, detail).into()
    }

    /// The same failure, which lasts for a number of seconds.
    #[must_use]
    pub fn for_seconds(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same failure, whose cause the log is given.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { error, cause: None, retry_after: None }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        ApiError::from(refusal).into()
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        ApiError::from(problems).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownEvent => {
                vec![Violation::new(Rule::Unknown, "an event of the project").at("event_subscriptions[0]")].into()
            }
            StoreError::NameTaken => {
                let taken = "the project of the region has a secret of this name";
                Self::new(ErrorCode::SecretExists, taken)
            }
            StoreError::Quota(quota) => Refusal::SecretQuota(quota).into(),
            error @ StoreError::Unavailable(_) => {
                Self::new(ErrorCode::StoreUnavailable, "try again in a moment").caused_by(error)
            }
            error => Self::internal(error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::new(ErrorCode::KeyUnusable, "").caused_by(error)
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::internal(error)
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::internal(error.to_string())
    }
}

impl<E: Into<Self>> From<ChangeError<E>> for Failure {
    fn from(error: ChangeError<E>) -> Self {
        match error {
            ChangeError::NotFound => Refusal::SecretNotFound.into(),
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl<E: Into<Self>> From<ReadError<E>> for Failure {
    fn from(error: ReadError<E>) -> Self {
        match error {
            ReadError::NotFound => Refusal::SecretNotFound.into(),
            ReadError::Refused(refusal) => refusal.into(),
            ReadError::Store(error) => error.into(),
        }
    }
}

/// An error and its sources on one line.
pub struct Chain<'e>(pub &'e (dyn Error + 'e));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
