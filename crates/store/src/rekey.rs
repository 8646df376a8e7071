//! What changes when another root key takes the place of the current one: every row that is bound or holds something sealed.
//!
//! It happens in one transaction, so there is no state in which some rows are under the one key and some under the other, and a
//! process that is killed leaves nothing behind. Where keys come from and when they change is decided elsewhere.

use std::{fmt, sync::Arc};

use crate::{
    audit::{AuditEntry, name_rows},
    bound::{self, Binding, Columns, Replacement, RowKey, RowKind, RowMark},
    error::{Cause, StoreError},
    record::{AccessKeyRecord, KeyRecord},
    row::KeyColumns,
};

/// Most rows that one record of the audit trail names.
const ROWS_OF_RECORD: usize = 500;

/// A running server, as it reported itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReport {
    /// Its name.
    pub name: String,
    /// Its release; empty for one of a release that does not report itself, known by the leases it holds.
    pub release: String,
    /// Version of the keyring that it uses; 0 without one.
    pub keyring: u64,
    /// Digest of that keyring as it is stored; empty without one. Two keyrings may have one version when a database goes back.
    pub digest: String,
    /// Fingerprint of the wrapping key that it was started with.
    pub wrapping_key: String,
}

/// Seals under the current root key what rows hold sealed under another one.
pub trait Reseal: Send + Sync + 'static {
    /// The secret key of an access key; `None` when it is under the current key already.
    ///
    /// # Errors
    /// Sealed bytes that do not open.
    fn access_key(&self, key: &AccessKeyRecord) -> Result<Option<Vec<u8>>, StoreError>;

    /// All material of a KMS key, in its place. Returns whether it changed anything.
    ///
    /// # Errors
    /// Wrapped bytes that do not open.
    fn kms_key(&self, key: &mut KeyRecord) -> Result<bool, StoreError>;
}

/// A change of the root key under which rows are written.
#[derive(Clone)]
pub struct Rekey {
    /// The new key of rows; those of the root keys under which rows may still be bound are among its others.
    pub row_key: Arc<RowKey>,
    /// Fingerprint of the wrapping key that all running servers must have been started with, if it matters.
    pub started_with: Option<String>,
    /// Seals again what rows hold.
    pub reseal: Arc<dyn Reseal>,
    /// Named values that change with it. When one of them is not the old one, nothing changes.
    pub replacements: Vec<Replacement>,
    /// The record of it, under the new root key. It is repeated for as many rows as one record does not name.
    pub record: AuditEntry,
}

impl fmt::Debug for Rekey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rekey").field("row_key", &self.row_key).finish_non_exhaustive()
    }
}

/// What a change of the root key did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// How many rows were written again.
    pub rows: u64,
    /// Rows that were not written by this installation, which stay as they are: kind and name of each.
    pub foreign: Vec<(RowKind, String)>,
}

/// Another has changed the keyring first.
pub(crate) fn overtaken() -> StoreError {
    StoreError::Conflict(Cause::new("the keyring is another by now"))
}

/// Collects what becomes of the rows.
pub(crate) struct Progress<'r> {
    pub(crate) rekey: &'r Rekey,
    pub(crate) done: Rekeyed,
    marks: Vec<RowMark>,
}

impl<'r> Progress<'r> {
    pub(crate) fn new(rekey: &'r Rekey) -> Self {
        Self { rekey, done: Rekeyed::default(), marks: Vec::new() }
    }

    pub(crate) fn binding(&self) -> Binding<'r> {
        Binding::of(&self.rekey.row_key)
    }

    /// Whether a row was written by this installation. One that was not is noted: nobody may make it valid.
    fn is_valid(&mut self, columns: &Columns<'_>, mac: Option<&[u8]>) -> bool {
        let is_valid = self.binding().require(columns, mac).is_ok();
        if !is_valid {
            self.done.foreign.push((columns.kind(), columns.id().to_owned()));
        }
        is_valid
    }

    fn is_current(&self, mac: Option<&[u8]>) -> bool {
        mac.and_then(bound::number_of) == Some(self.binding().number())
    }

    fn rebound(&mut self, columns: &Columns<'_>) -> Vec<u8> {
        let mac = self.binding().bind(columns);
        self.done.rows += 1;
        if !matches!(columns, Columns::Secret { .. } | Columns::Entry { .. }) {
            self.marks.push(RowMark::put(columns.kind(), columns.id(), &mac));
        }
        mac
    }

    /// The new MAC of a row that holds nothing sealed; `None` when it stays as it is.
    pub(crate) fn mac(&mut self, columns: &Columns<'_>, mac: Option<&[u8]>) -> Option<Vec<u8>> {
        (self.is_valid(columns, mac) && !self.is_current(mac)).then(|| self.rebound(columns))
    }

    /// Seals an access key again, and returns its new MAC; `None` when the row stays as it is.
    pub(crate) fn access_key(
        &mut self,
        key: &mut AccessKeyRecord,
        mac: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.is_valid(&Columns::AccessKey(key), mac) {
            return Ok(None);
        }
        match self.rekey.reseal.access_key(key)? {
            Some(sealed) => key.sealed_secret_key = sealed,
            None if self.is_current(mac) => return Ok(None),
            None => {}
        }
        Ok(Some(self.rebound(&Columns::AccessKey(key))))
    }

    /// Wraps the material of a KMS key again, and returns its new columns and MAC; `None` when the row stays as it is.
    pub(crate) fn kms_key(
        &mut self,
        columns: KeyColumns,
        mac: Option<&[u8]>,
    ) -> Result<Option<(KeyColumns, Vec<u8>)>, StoreError> {
        if !self.is_valid(&Columns::KmsKey(&columns), mac) {
            return Ok(None);
        }
        let mut key = columns.read(self.binding(), mac)?;
        if !self.rekey.reseal.kms_key(&mut key)? && self.is_current(mac) {
            return Ok(None);
        }
        let columns = KeyColumns::of(&key);
        let mac = self.rebound(&Columns::KmsKey(&columns));
        Ok(Some((columns, mac)))
    }

    /// The records of it, which together name all rows of users, access keys, policies, agencies and KMS keys.
    pub(crate) fn finish(self) -> (Vec<AuditEntry>, Rekeyed) {
        let entry = &self.rekey.record;
        let mut records: Vec<_> = self
            .marks
            .chunks(ROWS_OF_RECORD)
            .map(|marks| {
                let mut record = [entry.clone()];
                name_rows(&mut record, marks);
                let [record] = record;
                record
            })
            .collect();
        if records.is_empty() {
            records.push(entry.clone());
        }
        (records, self.done)
    }
}
