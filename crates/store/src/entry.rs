//! Small documents of a project, each found by its kind and name.
//!
//! A kind is a type: what it means is its owner's business, and a store knows no more than how to read and write it.

use serde::{Serialize, de::DeserializeOwned};

use crate::{document::Document, error::StoreError};

/// A document that stores keep by name within a project.
pub trait Entry: Serialize + DeserializeOwned + Clone + Send + 'static {
    /// The name of the kind, which never changes once something is stored.
    const KIND: &'static str;

    /// How many entries of the kind a project may have. They are counted in the transaction that makes another one.
    const MOST: Option<u16> = None;

    /// Whether entries of the kind only say where to look. One that was not written by this installation then counts as absent,
    /// and another may take its place.
    const IS_INDEX: bool = false;
}

/// What a row says; `None` for one of an index that was not written by this installation.
pub(crate) fn present<T: Entry>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error) if T::IS_INDEX && error.is_foreign_row() => Ok(None),
        read => read.map(Some),
    }
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryChange<T> {
    /// It stays as it is, or absent.
    Keep,
    /// It is stored, in place of the present one if there is one.
    Put(T),
    /// It is removed.
    Remove,
}

impl<T: Serialize> EntryChange<T> {
    /// The same, ready to be stored.
    pub(crate) fn document(self) -> Result<EntryChange<Document>, StoreError> {
        Ok(match self {
            Self::Keep => EntryChange::Keep,
            Self::Put(entry) => EntryChange::Put(Document::of(&entry)?),
            Self::Remove => EntryChange::Remove,
        })
    }
}
