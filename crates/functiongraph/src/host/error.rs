//! What can go wrong: while registering a function, while invoking one, and inside one.

use std::{io, path::PathBuf};

use crate::{Failure, protocol::code};

/// A function cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A setting breaks a rule.
    #[error("function setting {field} {rule}")]
    Setting {
        /// Name of the setting.
        field: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// The code cannot be read, or no private directory can be made.
    #[error("function code: cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The archive cannot be unpacked, or does not deserve to be.
    #[error("function code: the archive {0}")]
    Archive(String),
    /// No `bootstrap` in the root of the code.
    #[error("function code: runtime bootstrap file is not found")]
    BootstrapMissing,
    /// `bootstrap` may not be executed.
    #[error("function code: runtime bootstrap file is not executable")]
    BootstrapNotExecutable,
    /// The host has been shut down.
    #[error("the function host is shut down")]
    ShutDown,
}

impl RegisterError {
    /// Whether this machine has no place for the code, which may be as it has to be: another try may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Io { action, .. } if *action != "open")
    }

    /// The platform's numeric code, where it has one.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Archive(_) => Some(code::BAD_ARCHIVE),
            Self::BootstrapMissing | Self::BootstrapNotExecutable => Some(code::BOOTSTRAP_NOT_FOUND),
            Self::Setting { .. } | Self::Io { .. } | Self::ShutDown => None,
        }
    }
}

/// An invocation did not reach a function.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No function of that name.
    #[error("the function does not exist")]
    UnknownFunction,
    /// The function exists, the version does not.
    #[error("the version of the function does not exist")]
    UnknownVersion,
    /// The function exists, the alias does not.
    #[error("the alias of the function does not exist")]
    UnknownAlias,
    /// The event is too large.
    #[error("the event has {size} bytes, more than the limit of {limit} bytes")]
    RequestTooLarge {
        /// Size of the event in bytes.
        size: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// The given request id is not made of 1 to 128 letters, digits, `-`, `_` and `.`.
    #[error("the request id must be 1 to 128 letters, digits, -, _ and .")]
    InvalidRequestId,
    /// A credential holds a character which a header cannot carry.
    #[error("the credentials hold a character which cannot be passed on")]
    InvalidCredentials,
    /// No instance became free in time.
    #[error("all instances of the function are busy")]
    Overloaded,
    /// As many invocations wait already as may wait.
    #[error("too many invocations are waiting")]
    QueueFull,
    /// The host has been shut down.
    #[error("the function host is shut down")]
    ShutDown,
    /// The host itself failed. A defect of this program or a machine without resources.
    #[error("the function host failed: {0}")]
    Internal(String),
}

impl InvokeError {
    /// The platform's numeric code, where it has one.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::UnknownFunction => Some(code::FUNCTION_NOT_FOUND),
            Self::RequestTooLarge { .. } => Some(code::REQUEST_TOO_LARGE),
            Self::Overloaded | Self::QueueFull => Some(code::INSTANCE_LIMIT),
            _ => None,
        }
    }
}

/// An invocation reached the function, or the attempt to start it, and failed there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failure} (code {code})")]
pub struct FunctionError {
    /// Numeric code of the platform, see [`crate::protocol::code`].
    pub code: u32,
    /// Type and message: the function's own words with code 4002, the host's otherwise.
    pub failure: Failure,
}

impl FunctionError {
    pub(super) fn new(code: u32, error_type: &str, message: impl Into<String>) -> Self {
        Self { code, failure: Failure::new(error_type, message) }
    }

    pub(super) fn timeout(seconds: u64) -> Self {
        Self::new(code::TIMEOUT, "InvokeTimeout", format!("call invoke timeout {seconds}s"))
    }

    pub(super) fn exited() -> Self {
        Self::new(code::PROCESS_EXITED, "ProcessExited", "runtime process is exited")
    }

    pub(super) fn response_too_large(limit: usize) -> Self {
        let message = format!("the result is larger than the limit of {limit} bytes");
        Self::new(code::RESPONSE_TOO_LARGE, "ResponseTooLarge", message)
    }
}
