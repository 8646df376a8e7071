//! Binds the rows that decide rights to their place: users, access keys, shared policies, agencies, secrets, KMS keys and
//! entries carry a MAC under a key that the database does not have.
//!
//! Whoever can write the database but has no root key can neither change such a row nor put another row's content into it. An
//! older content of the same row still has its right MAC; of users, access keys, policies and KMS keys the audit trail names the
//! newest one of each row, so that a check of the trail finds it. What the rows say is not judged here.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
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
    key_set::KeySet,
    record::{AccessChange, AccessKeyRecord, AccessState},
    row::{self, KeyColumns},
};

/// First byte of a stored MAC. Number of the root key (4 bytes, big-endian) and the MAC (32 bytes) follow.
const FORMAT: u8 = 1;

/// Bytes of a key's fingerprint.
const PRINT: usize = 8;

/// Why a row is not what was written there.
#[derive(Debug, thiserror::Error)]
#[error("its MAC is wrong")]
pub(crate) struct WrongMac;

/// The keys of the MACs; wiped when dropped, never printed.
pub struct RowKey {
    keys: KeySet,
    /// Tells the keys of a process apart.
    serial: u64,
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowKey").field("number", &self.keys.number()).finish_non_exhaustive()
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

/// The key of a store's rows, once it is known. Another one that is used later takes its place; what was begun before goes on
/// with the former one, which therefore stays in memory.
#[derive(Default)]
pub(crate) struct KnownKey(OnceLock<Box<Known>>);

struct Known {
    key: Arc<RowKey>,
    later: KnownKey,
}

impl From<Arc<RowKey>> for KnownKey {
    fn from(key: Arc<RowKey>) -> Self {
        let known = Self::default();
        known.put(key);
        known
    }
}

impl KnownKey {
    /// Uses this key from now on. The number of the root key that rows are bound under never falls.
    pub(crate) fn put(&self, key: Arc<RowKey>) {
        let (mut place, mut known) = (self, Box::new(Known { key, later: Self::default() }));
        // Of several that put a key at the same time, each finds a place behind the others.
        while let Err(refused) = place.0.set(known) {
            known = refused;
            let Some(next) = place.0.get() else { return };
            let number = next.key.keys.number();
            if number > known.key.keys.number() {
                let Some(key) = known.key.led_by(number) else { return };
                known.key = key;
            }
            place = &next.later;
        }
    }

    /// Binds rows under the root key of this number from now on, if it is among the keys.
    pub(crate) fn lead(&self, number: u32) {
        while let Some(newest) = self.last() {
            let led = Some(&newest.key).filter(|key| key.keys.number() < number).and_then(|key| key.led_by(number));
            let Some(key) = led else { return };
            // What others have put meanwhile may have fewer keys, so that it is looked at again.
            if newest.later.0.set(Box::new(Known { key, later: Self::default() })).is_ok() {
                return;
            }
        }
    }

    fn last(&self) -> Option<&Known> {
        let mut newest = self.0.get()?;
        while let Some(later) = newest.later.0.get() {
            newest = later;
        }
        Some(newest)
    }

    fn newest(&self) -> Option<&RowKey> {
        self.last().map(|known| &*known.key)
    }

    /// Whether a root key besides the first is known. Without one, none can take its place while this process reads the keyring.
    pub(crate) fn has_several(&self) -> bool {
        self.newest().is_some_and(|key| !key.keys.is_first_alone())
    }

    /// Whether the key of this number has this fingerprint.
    pub(crate) fn has_print(&self, number: u32, print: &[u8]) -> bool {
        self.newest().and_then(|key| key.keys.get(number)).is_some_and(|key| print_of(key) == print)
    }

    /// Number of the root key that the key in use comes from; 0 while none is known.
    pub(crate) fn number(&self) -> u32 {
        self.newest().map_or(0, |key| key.keys.number())
    }
}

/// The key, without which nothing that is bound is read or written.
pub(crate) fn known(key: &KnownKey) -> Result<Binding<'_>, StoreError> {
    let key =
        key.newest().ok_or_else(|| StoreError::Unavailable(Cause::new("the key that binds rows is not known yet")))?;
    Ok(Binding::of(key))
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

/// An HMAC under a key.
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC fills a short key up to the block of its hash; a length that is known when compiling cannot be refused.
    let mut block = Zeroizing::new([0_u8; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    <Hmac<Sha256> as KeyInit>::new((&*block).into())
}

fn print_of(key: &[u8; 32]) -> Vec<u8> {
    let mut mac = keyed(key);
    mac.update(b"csms row key fingerprint v1");
    mac.finalize().into_bytes().iter().copied().take(PRINT).collect()
}

impl RowKey {
    /// The purpose for which the key is derived from the root key.
    pub const PURPOSE: &str = "access-rows";

    /// MACs under this key, which comes from the root key of this number.
    #[must_use]
    pub fn new(number: u32, key: Zeroizing<[u8; 32]>) -> Arc<Self> {
        Self::with_others(number, key, [])
    }

    /// As [`RowKey::new`]; MACs under the `others`, each with its number, are valid, too.
    #[must_use]
    pub fn with_others(
        number: u32,
        key: Zeroizing<[u8; 32]>,
        others: impl IntoIterator<Item = (u32, Zeroizing<[u8; 32]>)>,
    ) -> Arc<Self> {
        Self::of(KeySet::new(number, key, others))
    }

    fn of(keys: KeySet) -> Arc<Self> {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { keys, serial: KEYS.fetch_add(1, Ordering::Relaxed) })
    }

    /// The same keys, of which the one of this number makes MACs.
    fn led_by(&self, number: u32) -> Option<Arc<Self>> {
        self.keys.led_by(number).map(Self::of)
    }

    /// Number of the root key that it comes from.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.keys.number()
    }

    /// Tells the key that makes MACs apart from others of its number, and reveals nothing of it.
    pub(crate) fn print(&self) -> Vec<u8> {
        print_of(self.keys.own())
    }

    /// What is stored as the MAC of a row under a key of this number.
    fn mac(number: u32, key: &[u8; 32], columns: &Columns<'_>) -> Vec<u8> {
        let mut mac = keyed(key);
        let mut push = |part: &[u8]| {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        };
        push(b"csms access row v1");
        push(&number.to_be_bytes());
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
        let mut stored = vec![FORMAT];
        stored.extend_from_slice(&number.to_be_bytes());
        stored.extend_from_slice(&mac.finalize().into_bytes());
        stored
    }

    /// The MAC to store with a row.
    pub(crate) fn bind(&self, columns: &Columns<'_>) -> Vec<u8> {
        Self::mac(self.keys.number(), self.keys.own(), columns)
    }

    /// Requires that a row is what was written there under one of the keys.
    pub(crate) fn require(&self, columns: &Columns<'_>, stored: Option<&[u8]>) -> Result<(), StoreError> {
        let fits = |stored: &[u8]| {
            let number = number_of(stored)?;
            let expected = Self::mac(number, self.keys.get(number)?, columns);
            Some(bool::from(expected.ct_eq(stored)))
        };
        if stored.and_then(fits) == Some(true) {
            return Ok(());
        }
        let (kind, id) = (columns.kind(), columns.id());
        // One that is behind cannot judge what those ahead of it have written.
        if let Some(number) = stored.and_then(number_of).filter(|number| *number > self.keys.newest()) {
            let what = format!("the {kind} {id} is bound to root key number {number}, which this process has not read");
            return Err(StoreError::Unavailable(Cause::new(what)));
        }
        let what = format!("the row of the {kind} {id} was not written by this installation");
        Err(StoreError::Corrupt(Cause::with(what, WrongMac)))
    }
}

/// Number of the root key in a stored MAC.
pub(crate) fn number_of(stored: &[u8]) -> Option<u32> {
    let number = stored.strip_prefix(&[FORMAT])?.first_chunk()?;
    Some(u32::from_be_bytes(*number))
}

/// How rows are read and written: under a key, or, while old rows are converted, without looking at their MACs.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'k> {
    key: &'k RowKey,
    converts: bool,
}

impl<'k> Binding<'k> {
    /// Under these keys.
    pub(crate) const fn of(key: &'k RowKey) -> Self {
        Self { key, converts: false }
    }

    /// For the conversion of what older releases wrote.
    pub(crate) const fn converting(self) -> Self {
        Self { converts: true, ..self }
    }

    pub(crate) fn bind(&self, columns: &Columns<'_>) -> Vec<u8> {
        self.key.bind(columns)
    }

    /// Number of the root key under which rows are bound.
    pub(crate) const fn number(&self) -> u32 {
        self.key.keys.number()
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
    fn rows_of_a_former_key_are_valid_as_long_as_it_is_among_the_keys() {
        let (old, new) = (Zeroizing::new([7; 32]), Zeroizing::new([8; 32]));
        let policy = Columns::Policy { name: "a", document: "{}" };
        let mac = row_key().bind(&policy);
        let both = RowKey::with_others(2, new.clone(), [(1, old)]);
        assert!(both.require(&policy, Some(&mac)).is_ok());
        assert_eq!(number_of(&both.bind(&policy)), Some(2));
        assert!(both.require(&policy, Some(&both.bind(&policy))).is_ok());
        assert!(row_key().require(&policy, Some(&both.bind(&policy))).is_err());
        assert!(RowKey::new(2, new).require(&policy, Some(&mac)).is_err());
    }

    #[test]
    fn the_key_that_was_put_last_is_used() {
        let known = KnownKey::default();
        assert!(super::known(&known).is_err());
        known.put(row_key());
        let before = super::known(&known).unwrap();
        known.put(RowKey::new(2, Zeroizing::new([8; 32])));
        assert_eq!((before.number(), super::known(&known).unwrap().number(), known.number()), (1, 2, 2));
    }

    #[test]
    fn the_number_under_which_rows_are_bound_never_falls() {
        let both = |number: u32, other: u32| {
            RowKey::with_others(number, Zeroizing::new([6 + number as u8; 32]), [(other, [6 + other as u8; 32].into())])
        };
        let known = KnownKey::from(both(1, 2));
        known.lead(3);
        assert_eq!(known.number(), 1);
        known.lead(2);
        assert_eq!(known.number(), 2);
        let policy = Columns::Policy { name: "a", document: "{}" };
        assert_eq!(super::known(&known).unwrap().bind(&policy), both(2, 1).bind(&policy));
        assert!(super::known(&known).unwrap().require(&policy, Some(&row_key().bind(&policy))).is_ok());
        known.put(both(1, 2));
        known.put(row_key());
        assert_eq!(known.number(), 2);
    }

    #[test]
    fn leading_brings_back_no_key_that_was_put_out_of_use() {
        let (one, two) = (Zeroizing::new([7; 32]), Zeroizing::new([8; 32]));
        let known = KnownKey::from(RowKey::with_others(1, one, [(2, two.clone())]));
        assert!(known.has_several());
        known.put(RowKey::new(2, two));
        known.lead(2);
        let policy = Columns::Policy { name: "a", document: "{}" };
        let error = super::known(&known).unwrap().require(&policy, Some(&row_key().bind(&policy))).unwrap_err();
        assert!(error.is_foreign_row(), "{error}");
        assert!(!KnownKey::from(row_key()).has_several());
    }

    #[test]
    fn a_row_under_a_later_root_key_than_is_known_is_not_taken_for_a_forgery() {
        let policy = Columns::Policy { name: "a", document: "{}" };
        let later = RowKey::new(2, Zeroizing::new([8; 32])).bind(&policy);
        let error = row_key().require(&policy, Some(&later)).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        // Of a known number it is one.
        let mut forged = row_key().bind(&policy);
        forged[9] ^= 1;
        assert!(row_key().require(&policy, Some(&forged)).unwrap_err().is_foreign_row());
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
