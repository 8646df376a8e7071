//! What the commands of [`crate::cli`] do: one module for each group.
//!
//! Commands that use a running server are in `csms-cli`. A command is a synchronous function of its arguments; what needs the runtime asks [`block_on`] for it.

pub mod access;
pub mod agency;
pub mod audit;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod drill;
pub mod keyring;
pub mod licenses;
pub mod man;
pub mod migrate;
pub mod offline;
pub mod policy;
pub mod serve;
pub mod snapshot;
pub mod support_bundle;
pub mod user;

use std::{error::Error, iter::successors};

use csms_cli::CliError;
use csms_store::{Remedy, StoreError, transfer::TransferError};

use crate::{
    boot::{access_file::AccessFileError, settings::SettingsError},
    failure::Chain,
    http::tls::TlsError,
    installation::InstallationError,
    keys::root::KeyringError,
};

/// What went wrong in a command.
pub type Failed = Box<dyn Error + Send + Sync>;

/// What went wrong, by the exit statuses that all commands share. What is of no kind that has one of its own has failed.
#[must_use]
pub fn classified(failed: Failed) -> CliError {
    let failed = match failed.downcast::<CliError>() {
        Ok(error) => return *error,
        Err(other) => other,
    };
    let text = Chain(failed.as_ref()).to_string();
    let outermost: &(dyn Error + 'static) = failed.as_ref();
    let kind = successors(Some(outermost), |error| (*error).source()).find_map(kind_of);
    kind.unwrap_or(CliError::Impossible)(text)
}

/// Makes an error of one kind.
type Kind = fn(String) -> CliError;

/// The kind of an error that has an exit status of its own.
fn kind_of(error: &(dyn Error + 'static)) -> Option<Kind> {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return kind_of_store(error);
    }
    match (error.downcast_ref::<KeyringError>(), error.downcast_ref::<InstallationError>()) {
        (Some(KeyringError::Store(error)), _) | (_, Some(InstallationError::Store(error))) => {
            return kind_of_store(error);
        }
        (Some(KeyringError::Kms { cause, .. }), _) if cause.is_retryable() => return Some(CliError::Unavailable),
        (Some(KeyringError::Kms { .. } | KeyringError::Damaged), _) => return None,
        (Some(_), _) | (_, Some(InstallationError::WrongRootKey)) => return Some(CliError::Usage),
        (None, _) => {}
    }
    match error.downcast_ref::<TransferError>() {
        Some(TransferError::NoSource(_)) => return Some(CliError::Missing),
        Some(TransferError::NotEmpty(_) | TransferError::Moved(_)) => return Some(CliError::Refused),
        _ => {}
    }
    let is_unusable = error.is::<SettingsError>()
        || error.is::<TlsError>()
        || error.downcast_ref::<AccessFileError>().is_some_and(|error| !matches!(error, AccessFileError::Store(_)));
    is_unusable.then_some(CliError::Usage)
}

fn kind_of_store(error: &StoreError) -> Option<Kind> {
    match error {
        StoreError::Unavailable(cause) => match cause.remedy() {
            Remedy::Time => Some(CliError::Unavailable),
            Remedy::Settings => Some(CliError::Usage),
            Remedy::Repair => None,
        },
        StoreError::NotFound => Some(CliError::Missing),
        StoreError::InUse | StoreError::Full(_) | StoreError::NameTaken | StoreError::Quota(_) => {
            Some(CliError::Refused)
        }
        StoreError::Conflict(_) | StoreError::UnknownEvent | StoreError::Corrupt(_) => None,
    }
}

/// What went wrong, with what the command was about unless it names what is missing.
#[must_use]
pub fn about(failed: Failed, subject: Option<String>) -> Failed {
    classified(failed).about_all_but_missing(subject).into()
}

/// For a command that cannot tell of what it has done: adds that to the error.
pub fn done(what: String) -> impl FnOnce(Failed) -> Failed {
    move |failed| classified(failed).though_done(what).into()
}

/// Runs the asynchronous part of a command.
///
/// # Errors
/// What it fails with, or that threads cannot be started.
pub fn block_on<T, E: Into<Failed>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failed> {
    tokio::runtime::Runtime::new()?.block_on(work).map_err(Into::into)
}
