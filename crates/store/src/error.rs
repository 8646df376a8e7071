//! What a store answers when it cannot do what was asked. Sources stay private: callers decide by the variant.

use std::{error::Error, fmt, io, sync::Arc};

use thiserror::Error;

use crate::{
    audit::{FormerKey, OtherKey},
    bound::WrongMac,
};

/// What it takes until a store that is unavailable can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remedy {
    /// Time: the database is silent or busy, or another process holds it.
    #[default]
    Time,
    /// Another address, password, right, authority, file or release.
    Settings,
    /// Work on the machine, such as room on its disk.
    Repair,
}

impl Remedy {
    /// What it takes until a file can be used that the system has refused with this error.
    pub(crate) fn for_file(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::ReadOnlyFilesystem => Self::Settings,
            _ => Self::Repair,
        }
    }
}

/// What was being done when a store failed, and the driver's own error as a source for the log.
#[derive(Clone)]
pub struct Cause {
    doing: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
    remedy: Remedy,
}

impl Cause {
    pub(crate) fn new(doing: impl Into<String>) -> Self {
        Self { doing: doing.into(), source: None, remedy: Remedy::Time }
    }

    /// Something that was done, and why it failed.
    #[must_use]
    pub fn with(doing: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self { doing: doing.into(), source: Some(Arc::new(source)), remedy: Remedy::Time }
    }

    /// The same where time alone may not help.
    #[must_use]
    pub fn until(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }

    /// What it takes until the same can be done.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        self.remedy
    }

    /// The source, if it is of this type.
    pub(crate) fn source_as<T: Error + 'static>(&self) -> Option<&T> {
        self.source.as_deref().and_then(|source| source.downcast_ref())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.doing),
            None => f.write_str(&self.doing),
        }
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}

/// Why a store could not answer.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// What the call names does not exist.
    #[error("not found")]
    NotFound,
    /// The change contradicts what is stored. Trying again does not help.
    #[error("the change contradicts what is stored")]
    Conflict(#[source] Cause),
    /// A secret would be bound to an event that does not exist.
    #[error("the event does not exist")]
    UnknownEvent,
    /// What would be removed is in use.
    #[error("it is in use")]
    InUse,
    /// The project has as many entries of the kind as it may have.
    #[error("the project has as many of these as it may have: {0}")]
    Full(u16),
    /// The project of a new replica has a secret of its name.
    #[error("the project of the replica has a secret of this name")]
    NameTaken,
    /// The project of a new replica has as many secrets as it may have.
    #[error("the project of the replica has as many secrets as it may have: {0}")]
    Quota(u64),
    /// The database does not answer, is locked, full or closed, or refuses this program. [`Cause::remedy`] says whether trying again
    /// later may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// A stored row is not what was written. Trying again does not help.
    #[error("stored data is damaged")]
    Corrupt(#[source] Cause),
}

impl StoreError {
    /// Whether a row has a MAC that it cannot have from this installation, while the database itself is sound.
    #[must_use]
    pub fn is_foreign_row(&self) -> bool {
        matches!(self, Self::Corrupt(cause) if cause.source_as::<WrongMac>().is_some())
    }

    /// Why the database takes nothing that this process binds under its root key; `None` for any other failure.
    #[must_use]
    pub fn refused_root_key(&self) -> Option<&Cause> {
        let Self::Unavailable(cause) = self else { return None };
        let is_refused = cause.source_as::<FormerKey>().is_some() || cause.source_as::<OtherKey>().is_some();
        is_refused.then_some(cause)
    }
}

/// The schema `found` belongs to a newer release than this one, which knows `known`.
pub(crate) fn newer_schema(found: i64, known: usize) -> StoreError {
    let reason = format!(
        "the database was written by a newer release: its schema is number {found}, this release knows {known}"
    );
    StoreError::Unavailable(Cause::new(reason).until(Remedy::Settings))
}

/// The schema `found` belongs to an older release than this one, which knows `known`.
pub(crate) fn older_schema(found: usize, known: usize) -> StoreError {
    let reason = format!(
        "the database belongs to an older release: its schema is number {found}, this release's is number {known}; use the \
         command of the release that serves it, or have `csms serve` of this release bring it up to date first"
    );
    StoreError::Unavailable(Cause::new(reason).until(Remedy::Settings))
}

/// Why a secret was not created.
#[derive(Debug, Error)]
pub enum CreateError {
    /// The project has a secret of this name.
    #[error("a secret of this name exists")]
    Exists,
    /// The project has as many secrets as it may have.
    #[error("the project has as many secrets as it may have")]
    Quota,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a secret was not changed.
#[derive(Debug, Error)]
pub enum ChangeError<E> {
    /// There is no such secret.
    #[error("no such secret")]
    NotFound,
    /// The caller's function refused.
    #[error("refused")]
    Refused(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a value was not read.
#[derive(Debug, Error)]
pub enum ReadError<E> {
    /// There is no such secret.
    #[error("no such secret")]
    NotFound,
    /// The caller's function refused.
    #[error("refused")]
    Refused(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_source_without_printing_it() {
        let error = StoreError::Unavailable(Cause::with("committing", fmt::Error));
        assert_eq!(error.to_string(), "the database is unavailable");
        let cause = error.source().unwrap();
        assert_eq!(cause.to_string(), "committing");
        assert!(cause.source().unwrap().is::<fmt::Error>());
    }
}
