//! Binds the rows that decide rights to their place: users, access keys, shared policies, agencies, secrets, KMS keys and
//! entries carry a MAC under a key that the database does not have.
//!
//! Whoever can write the database but has no root key can neither change such a row nor put another row's content into it. An
//! older content of the same row still has its right MAC; of users, access keys, policies and KMS keys the audit trail names the
//! newest one of each row, so that a check of the trail finds it. What the rows say is not judged here.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use hmac::{Hmac, KeyInit, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    error::{Cause, StoreError},
    record::{AccessChange, AccessKeyRecord, AccessState},
    row::{self, KeyColumns},
};

/// First byte of a stored MAC. Number of the root key (4 bytes, big-endian) and the MAC (32 bytes) follow.
const FORMAT: u8 = 1;

/// Why a row is not what was written there.
#[derive(Debug, thiserror::Error)]
#[error("its MAC is wrong")]
pub(crate) struct WrongMac;

/// The key of the MACs; wiped when dropped, never printed.
pub struct RowKey {
    number: u32,
    key: Zeroizing<[u8; 32]>,
    /// Tells the keys of a process apart.
    serial: u64,
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowKey").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// A user, with its login profile and the names of its policies.
    User,
    /// An access key.
    AccessKey,
    /// A shared policy.
    Policy,
    /// An agency, with the names of its policies and the users who may assume it.
    Agency,
    /// A KMS key, with its state, aliases, tags and grants.
    KmsKey,
    /// A secret without its values, which are sealed for their place.
    Secret,
    /// An entry of a project.
    Entry,
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::AccessKey => "access key",
            Self::Policy => "policy",
            Self::Agency => "agency",
            Self::KmsKey => "KMS key",
            Self::Secret => "secret",
            Self::Entry => "entry",
        })
    }
}

/// What became of a row, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowMark {
    /// What the row is about.
    pub kind: RowKind,
    /// Identifier of the user, the agency or the KMS key, the access key, or name of the policy.
    pub id: String,
    /// The row's new MAC in hexadecimal digits; absent when the row was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

/// A named value that is replaced if it is still the old one.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Its name.
    pub key: String,
    /// The old value.
    pub old: Vec<u8>,
    /// The new one.
    pub new: Vec<u8>,
}

/// The key of a store's rows, once it is known.
pub(crate) type KnownKey = std::sync::OnceLock<Arc<RowKey>>;

/// The key, without which nothing that is bound is read or written.
pub(crate) fn known(key: &KnownKey) -> Result<Binding<'_>, StoreError> {
    let key =
        key.get().ok_or_else(|| StoreError::Unavailable(Cause::new("the key that binds rows is not known yet")))?;
    Ok(Binding { key, converts: false })
}

/// What conversion changes: the state as it was written by an older release, as changes that write each row again.
pub(crate) fn rewritten(state: AccessState) -> Vec<AccessChange> {
    let policies = state.policies.into_iter().map(AccessChange::PutPolicy);
    let users = state.users.into_iter().map(AccessChange::PutUser);
    let agencies = state.agencies.into_iter().map(AccessChange::PutAgency);
    policies.chain(users).chain(state.keys.into_iter().map(AccessChange::PutAccessKey)).chain(agencies).collect()
}

impl RowMark {
    pub(crate) fn put(kind: RowKind, id: &str, mac: &[u8]) -> Self {
        Self { kind, id: id.to_owned(), mac: Some(hex::encode(mac)) }
    }

    /// A row as it is stored. One that was not written under the key has a MAC that is none.
    pub(crate) fn stored(columns: &Columns<'_>, binding: Binding<'_>, mac: Option<&[u8]>) -> Self {
        let fits = binding.require(columns, mac).is_ok();
        let mac = mac.filter(|_| fits).map_or_else(|| "not valid".to_owned(), hex::encode);
        Self { kind: columns.kind(), id: columns.id().to_owned(), mac: Some(mac) }
    }

    pub(crate) fn removed(kind: RowKind, id: &str) -> Self {
        Self { kind, id: id.to_owned(), mac: None }
    }
}

/// The columns of a row that its MAC covers.
#[derive(Clone, Copy)]
pub(crate) enum Columns<'c> {
    User {
        id: &'c str,
        domain_id: &'c str,
        name: &'c str,
        document: &'c str,
    },
    Policy {
        name: &'c str,
        document: &'c str,
    },
    Agency {
        id: &'c str,
        name: &'c str,
        document: &'c str,
    },
    AccessKey(&'c AccessKeyRecord),
    KmsKey(&'c KeyColumns),
    /// The document of a secret names its project, its name and its identifier; who reads it compares them with the row's.
    Secret {
        name: &'c str,
        document: &'c [u8],
    },
    Entry {
        project: &'c str,
        kind: &'c str,
        name: &'c str,
        document: &'c str,
    },
}

impl Columns<'_> {
    pub(crate) const fn kind(&self) -> RowKind {
        match self {
            Self::User { .. } => RowKind::User,
            Self::Policy { .. } => RowKind::Policy,
            Self::Agency { .. } => RowKind::Agency,
            Self::AccessKey(_) => RowKind::AccessKey,
            Self::KmsKey(_) => RowKind::KmsKey,
            Self::Secret { .. } => RowKind::Secret,
            Self::Entry { .. } => RowKind::Entry,
        }
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::User { id, .. } | Self::Agency { id, .. } => id,
            Self::Policy { name, .. } | Self::Secret { name, .. } | Self::Entry { name, .. } => name,
            Self::AccessKey(key) => &key.access_key,
            Self::KmsKey(key) => &key.id,
        }
    }
}

impl RowKey {
    /// The purpose for which the key is derived from the root key.
    pub const PURPOSE: &str = "access-rows";

    /// MACs under this key, which comes from the root key of this number.
    #[must_use]
    pub fn new(number: u32, key: Zeroizing<[u8; 32]>) -> Arc<Self> {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { number, key, serial: KEYS.fetch_add(1, Ordering::Relaxed) })
    }

    fn tag(&self, columns: &Columns<'_>) -> Hmac<Sha256> {
        // HMAC fills a short key up to the block of its hash; a length that is known when compiling cannot be refused.
        let mut block = Zeroizing::new([0_u8; 64]);
        block.iter_mut().zip(self.key.iter()).for_each(|(to, from)| *to = *from);
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        let mut push = |part: &[u8]| {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        };
        push(b"csms access row v1");
        push(&self.number.to_be_bytes());
        push(columns.kind().to_string().as_bytes());
        match columns {
            Columns::User { id, domain_id, name, document } => {
                [id, domain_id, name, document].iter().for_each(|part| push(part.as_bytes()));
            }
            Columns::Policy { name, document } => [name, document].iter().for_each(|part| push(part.as_bytes())),
            Columns::Agency { id, name, document } => {
                [id, name, document].iter().for_each(|part| push(part.as_bytes()));
            }
            Columns::Secret { document, .. } => push(document),
            Columns::Entry { project, kind, name, document } => {
                [project, kind, name, document].iter().for_each(|part| push(part.as_bytes()));
            }
            Columns::KmsKey(key) => {
                let KeyColumns { id, project, alias, state, wrapped, create_time, details } = key;
                [id, project, alias, state, details].iter().for_each(|part| push(part.as_bytes()));
                push(wrapped);
                push(&create_time.to_be_bytes());
            }
            Columns::AccessKey(key) => {
                push(key.access_key.as_bytes());
                push(key.user_id.as_bytes());
                push(&key.sealed_secret_key);
                push(&[u8::from(key.enabled)]);
                push(&row::time_or_unknown(key.create_time).to_be_bytes());
                // Keys without an end have the MAC that they had before keys could end. The last use is no part of it.
                if let Some(end) = key.expires {
                    push(&row::time(end).to_be_bytes());
                }
            }
        }
        mac
    }

    /// The MAC to store with a row.
    pub(crate) fn bind(&self, columns: &Columns<'_>) -> Vec<u8> {
        let mut stored = vec![FORMAT];
        stored.extend_from_slice(&self.number.to_be_bytes());
        stored.extend_from_slice(&self.tag(columns).finalize().into_bytes());
        stored
    }

    /// Requires that a row is what was written there under this key.
    pub(crate) fn require(&self, columns: &Columns<'_>, stored: Option<&[u8]>) -> Result<(), StoreError> {
        let fits = stored.is_some_and(|stored| bool::from(self.bind(columns).ct_eq(stored)));
        if fits {
            return Ok(());
        }
        let (kind, id) = (columns.kind(), columns.id());
        let what = format!("the row of the {kind} {id} was not written by this installation");
        Err(StoreError::Corrupt(Cause::with(what, WrongMac)))
    }
}

/// How rows are read and written: under a key, or, while old rows are converted, without looking at their MACs.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'k> {
    key: &'k RowKey,
    converts: bool,
}

impl<'k> Binding<'k> {
    /// For the conversion of what older releases wrote.
    pub(crate) const fn converting(self) -> Self {
        Self { converts: true, ..self }
    }

    pub(crate) fn bind(&self, columns: &Columns<'_>) -> Vec<u8> {
        self.key.bind(columns)
    }

    /// Whether MACs are not looked at.
    pub(crate) const fn is_converting(&self) -> bool {
        self.converts
    }

    /// Which key it is, of all that this process has made.
    pub(crate) const fn serial(&self) -> u64 {
        self.key.serial
    }

    pub(crate) fn require(&self, columns: &Columns<'_>, stored: Option<&[u8]>) -> Result<(), StoreError> {
        if self.converts { Ok(()) } else { self.key.require(columns, stored) }
    }
}

#[cfg(test)]
mod tests {
    use csms_core::UnixMillis;

    use super::*;
    use crate::record::LastKeyUse;

    fn row_key() -> Arc<RowKey> {
        RowKey::new(1, Zeroizing::new([7; 32]))
    }

    fn key(user_id: &str, sealed: &[u8]) -> AccessKeyRecord {
        AccessKeyRecord {
            access_key: "AK1".to_owned(),
            sealed_secret_key: sealed.to_vec(),
            user_id: user_id.to_owned(),
            enabled: true,
            create_time: Some(UnixMillis::new(5)),
            expires: None,
            last_use: None,
        }
    }

    #[test]
    fn each_column_counts() {
        let (row_key, written) = (row_key(), key("1", b"one"));
        let mac = row_key.bind(&Columns::AccessKey(&written));
        assert!(row_key.require(&Columns::AccessKey(&written), Some(&mac)).is_ok());
        let changed = [
            key("2", b"one"),
            key("1", b"two"),
            AccessKeyRecord { access_key: "AK2".to_owned(), ..written.clone() },
            AccessKeyRecord { enabled: false, ..written.clone() },
            AccessKeyRecord { create_time: None, ..written.clone() },
            AccessKeyRecord { expires: Some(UnixMillis::new(9)), ..written.clone() },
        ];
        for changed in &changed {
            let error = row_key.require(&Columns::AccessKey(changed), Some(&mac)).unwrap_err();
            let StoreError::Corrupt(cause) = error else { panic!("{error}") };
            assert!(cause.to_string().contains(&format!("access key {}", changed.access_key)), "{cause}");
        }
        assert!(row_key.require(&Columns::AccessKey(&written), None).is_err());
        let ending = AccessKeyRecord { expires: Some(UnixMillis::new(9)), ..written.clone() };
        let mac = row_key.bind(&Columns::AccessKey(&ending));
        for changed in [&written, &AccessKeyRecord { expires: Some(UnixMillis::new(10)), ..written.clone() }] {
            assert!(row_key.require(&Columns::AccessKey(changed), Some(&mac)).is_err());
        }
    }

    #[test]
    fn a_use_of_a_key_leaves_its_mac_alone() {
        let (row_key, written) = (row_key(), key("1", b"one"));
        let mac = row_key.bind(&Columns::AccessKey(&written));
        let last = LastKeyUse { time: UnixMillis::new(9), peer: None, operation: "ShowSecret".to_owned() };
        let used = AccessKeyRecord { last_use: Some(last), ..written };
        assert!(row_key.require(&Columns::AccessKey(&used), Some(&mac)).is_ok());
    }

    #[test]
    fn another_kind_and_another_key_number_have_other_macs() {
        let (one, two) = (row_key(), RowKey::new(2, Zeroizing::new([7; 32])));
        let user = Columns::User { id: "a", domain_id: "", name: "", document: "{}" };
        let policy = Columns::Policy { name: "a", document: "{}" };
        let agency = Columns::Agency { id: "a", name: "", document: "{}" };
        assert_ne!(one.bind(&user), one.bind(&policy));
        assert_ne!(one.bind(&user), one.bind(&agency));
        assert_ne!(one.bind(&policy), one.bind(&agency));
        assert_ne!(one.bind(&user), two.bind(&user));
        assert!(two.require(&user, Some(&one.bind(&user))).is_err());
    }
}
