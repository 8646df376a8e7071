//! Why a command fails, and the exit status that says so.

use std::{io, process::ExitCode};

use csms_client::ClientError;
use csms_core::Violation;
use thiserror::Error;

/// Why a command fails. Never holds a secret value.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// The service refused or did not answer.
    #[error(transparent)]
    Service(#[from] ClientError),
    /// What was asked cannot be done.
    #[error("{0}")]
    Impossible(String),
    /// A file or stream.
    #[error("cannot {what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        error: io::Error,
    },
    /// `csms exec` could not run the program, for whatever reason.
    #[error("{message}")]
    Exec {
        /// What went wrong.
        message: String,
        /// The exit status that shells use for it.
        status: u8,
    },
}

impl CliError {
    /// A file or stream that failed.
    pub(crate) fn io(what: impl Into<String>, error: io::Error) -> Self {
        Self::Io { what: what.into(), error }
    }

    /// What was asked cannot be done.
    pub(crate) fn impossible(message: impl Into<String>) -> Self {
        Self::Impossible(message.into())
    }

    /// An argument that breaks a rule.
    pub(crate) fn argument(name: &str, violation: &Violation) -> Self {
        Self::Impossible(format!("{name} {}", violation.message()))
    }

    /// The exit status: 1, or that of [`CliError::Exec`].
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Exec { status, .. } => ExitCode::from(*status),
            Self::Service(_) | Self::Impossible(_) | Self::Io { .. } => ExitCode::FAILURE,
        }
    }
}
