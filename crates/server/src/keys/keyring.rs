//! The keyring: the row of the store that holds the root keys, once the root key has been rotated.
//!
//! The root keys are random and stand in the row alone, sealed under a key that was made with the row. The wrapping keys, which
//! operators keep in a file, a variable or a remote KMS, seal that key. Everything the row says is authenticated with it, so
//! nobody without a wrapping key can change it or put parts of two rows together. What it says openly is one text, which is
//! authenticated as it is stored: a later release may add to it, and this one still opens the row, but does not change it, because
//! it would lose or contradict what it does not know. Without a row, the operator's key is the root key itself. What is read here
//! is opened and judged, nothing is stored.

use std::fmt;

use csms_core::UnixMillis;
use csms_kms::{OpenError, RootKey, RootRing, SealError};
use getrandom::SysRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::phase::{Numbers, Phase, Step};
use crate::clock::rfc3339;

/// Name under which the store keeps the keyring.
pub const KEYRING: &str = "keyring";

/// Bytes of a root key and of its number before it.
const ENTRY: usize = 4 + 32;

/// Why a keyring does not open.
#[derive(Debug, Error)]
pub enum RingError {
    /// The row is not what was written.
    #[error("the stored keyring is not valid")]
    Damaged,
    /// The wrapping key was replaced.
    #[error("this root key was replaced on {time}: start with the new one, in the file that --new-root-key-file of `csms keyring rotate` named",
        time = rfc3339(*.0, 0))]
    Replaced(UnixMillis),
    /// The wrapping key is not of this data.
    #[error("the root key is not one of this data; start with the right --root-key-file or CSMS_ROOT_KEY")]
    Foreign,
    /// The step may not follow.
    #[error("the keyring does not allow this step now")]
    Step,
    /// The row says more than this release knows.
    #[error("the stored keyring was written by a newer release of csms; change it with that one")]
    Newer,
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<OpenError> for RingError {
    fn from(_: OpenError) -> Self {
        Self::Damaged
    }
}

/// A root key's wrapping in a remote KMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KmsWrapping {
    /// The key there.
    pub key_id: csms_core::KeyId,
    /// The wrapping key, as the service sealed it.
    pub cipher_text: String,
}

/// The key that the operator keeps.
#[derive(Clone)]
pub struct WrappingKey {
    key: RootKey,
    /// As the remote KMS sealed it, if one keeps it.
    pub kms: Option<KmsWrapping>,
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappingKey").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl WrappingKey {
    /// The key of a file, of a variable, or of a remote KMS that sealed it so.
    #[must_use]
    pub const fn new(key: RootKey, kms: Option<KmsWrapping>) -> Self {
        Self { key, kms }
    }

    /// Tells keys apart, and reveals nothing of them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(self.key.derive("csms wrapping key fingerprint v1").get(..8).unwrap_or_default())
    }

    /// The root key that it is in an installation without a keyring.
    #[must_use]
    pub fn as_root(&self) -> RootKey {
        self.key.clone()
    }

    fn purpose(fingerprint: &str) -> String {
        format!("csms keyring wrap v1 {fingerprint}")
    }
}

/// The key that seals the row, sealed under a wrapping key.
#[derive(Clone, Serialize, Deserialize)]
struct Wrap {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kms: Option<KmsWrapping>,
    sealed: String,
}

/// A wrapping key that opens nothing any more.
#[derive(Clone, Serialize, Deserialize)]
struct Replaced {
    key: String,
    time: UnixMillis,
    /// Nothing, sealed under the root key that was in use then. It proves the replacement to a running server, which cannot open
    /// the row with this wrapping key any more but has that root key.
    proof: String,
}

impl Replaced {
    fn new(key: String, time: UnixMillis, root: &RootRing) -> Result<Self, RingError> {
        let proof = hex::encode(root.seal(&Self::purpose(&key, time), &[], &mut SysRng)?);
        Ok(Self { key, time, proof })
    }

    fn is_proven(&self, root: &RootRing) -> bool {
        decode(&self.proof).is_ok_and(|proof| root.open(&Self::purpose(&self.key, self.time), &proof).is_ok())
    }

    fn purpose(key: &str, time: UnixMillis) -> String {
        format!("csms keyring replaced v1 {key} {}", time.as_millis())
    }
}

/// What the row says openly.
#[derive(Clone, Serialize, Deserialize)]
struct Public {
    /// Grows with each step.
    version: u64,
    #[serde(flatten)]
    numbers: Numbers,
    /// When the current root key was taken into use.
    since: UnixMillis,
    wraps: Vec<Wrap>,
    replaced: Vec<Replaced>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    /// What the row says openly, in JSON.
    public: String,
    sealed: String,
}

fn parse<'t, T: Deserialize<'t>>(json: &'t [u8]) -> Result<T, RingError> {
    serde_json::from_slice(json).map_err(|_| RingError::Damaged)
}

/// The wrapping keys of a row in a remote KMS, the newest first.
///
/// # Errors
/// A row that cannot be read.
pub fn kms_wrappings(row: &[u8]) -> Result<Vec<KmsWrapping>, RingError> {
    let public: Public = parse(parse::<Row>(row)?.public.as_bytes())?;
    Ok(public.wraps.into_iter().rev().filter_map(|wrap| wrap.kms).collect())
}

/// Whether a row proves to whoever has the root keys in use that the wrapping key with this fingerprint was replaced.
#[must_use]
pub fn proves_replaced(row: &[u8], fingerprint: &str, root: &RootRing) -> bool {
    let public = parse::<Row>(row).and_then(|row| parse::<Public>(row.public.as_bytes()));
    public.is_ok_and(|public| {
        public.replaced.iter().any(|replaced| replaced.key == fingerprint && replaced.is_proven(root))
    })
}

/// Tells stored keyrings apart; empty where none is stored.
#[must_use]
pub fn digest(row: Option<&[u8]>) -> String {
    row.map(|row| hex::encode(Sha256::digest(row).get(..8).unwrap_or_default())).unwrap_or_default()
}

/// An opened keyring.
pub struct Keyring {
    public: Public,
    /// The text that it is stored as.
    text: String,
    /// Seals the row.
    row_key: RootKey,
    keys: Vec<RootKey>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("version", &self.public.version).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Opens a row with a wrapping key.
    ///
    /// # Errors
    /// A row that is not what was written; a wrapping key that was replaced, or was never one of this row.
    pub fn open(row: &[u8], wrapping: &WrappingKey) -> Result<Self, RingError> {
        let Row { public: text, sealed } = parse(row)?;
        let public: Public = parse(text.as_bytes())?;
        let fingerprint = wrapping.fingerprint();
        let Some(wrap) = public.wraps.iter().find(|wrap| wrap.key == fingerprint) else {
            let replaced = public.replaced.iter().find(|replaced| replaced.key == fingerprint);
            return Err(replaced.map_or(RingError::Foreign, |replaced| RingError::Replaced(replaced.time)));
        };
        let opened = wrapping.key.open(&WrappingKey::purpose(&fingerprint), &decode(&wrap.sealed)?)?;
        let row_key = key_of(&opened)?;
        let material = row_key.open(&purpose(&text), &decode(&sealed)?)?;
        let (entries, rest) = material.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return Err(RingError::Damaged);
        }
        let entry = |entry: &[u8; ENTRY]| {
            let (number, key) = entry.split_first_chunk::<4>().ok_or(RingError::Damaged)?;
            Ok::<_, RingError>(key_of(key)?.with_number(u32::from_be_bytes(*number)))
        };
        let keys = entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let opened = Self { public, text, row_key, keys };
        let is_complete = (1..=opened.numbers().newest).eq(opened.keys.iter().map(RootKey::number));
        if is_complete && opened.numbers().phase().is_some() { Ok(opened) } else { Err(RingError::Damaged) }
    }

    fn new(public: Public, row_key: RootKey, keys: Vec<RootKey>) -> Result<Self, RingError> {
        let text = serde_json::to_string(&public).map_err(|_| RingError::Damaged)?;
        Ok(Self { public, text, row_key, keys })
    }

    /// What it says openly, to be changed; an error when it says more than this release knows.
    fn public_to_change(&self) -> Result<Public, RingError> {
        let said: serde_json::Value = parse(self.text.as_bytes())?;
        let known = serde_json::to_value(&self.public).map_err(|_| RingError::Damaged)?;
        if said == known { Ok(self.public.clone()) } else { Err(RingError::Newer) }
    }

    /// Announces another root key, which is made here: of an opened keyring, or of an installation without one, whose root key is
    /// the wrapping key. From now on both wrapping keys open it.
    ///
    /// # Errors
    /// [`RingError::Step`] during a rotation and for the same wrapping key, [`RingError::Replaced`] for one that was replaced
    /// before, [`RingError::Newer`]; failures of the random number generator.
    pub fn announce(before: Option<&Self>, wrapping: &WrappingKey, next: &WrappingKey) -> Result<Self, RingError> {
        let (mut public, mut keys) = match before {
            Some(ring) => (ring.public_to_change()?, ring.keys.clone()),
            None => {
                let numbers = Numbers::BEGINNING;
                let public =
                    Public { version: 0, numbers, since: UnixMillis::new(0), wraps: Vec::new(), replaced: Vec::new() };
                (public, vec![wrapping.as_root().with_number(numbers.current)])
            }
        };
        public.numbers = public.numbers.after(Step::Announce).ok_or(RingError::Step)?;
        let fingerprint = next.fingerprint();
        if fingerprint == wrapping.fingerprint() {
            return Err(RingError::Step);
        }
        if let Some(replaced) = public.replaced.iter().find(|replaced| replaced.key == fingerprint) {
            return Err(RingError::Replaced(replaced.time));
        }
        public.version += 1;
        keys.push(RootKey::make(&mut SysRng)?.with_number(public.numbers.newest));
        let row_key = RootKey::make(&mut SysRng)?;
        public.wraps = vec![wrap(wrapping, &row_key)?, wrap(next, &row_key)?];
        Self::new(public, row_key, keys)
    }

    /// The keyring in which the announced root key is the current one.
    ///
    /// # Errors
    /// [`RingError::Step`] when none is announced, [`RingError::Newer`].
    pub fn switch(&self, now: UnixMillis) -> Result<Self, RingError> {
        let mut public = self.public_to_change()?;
        public.numbers = public.numbers.after(Step::Switch).ok_or(RingError::Step)?;
        (public.version, public.since) = (public.version + 1, now);
        Self::new(public, self.row_key.clone(), self.keys.clone())
    }

    /// The keyring that only the newest wrapping key opens, and in which the former root key is out of use. It is sealed under
    /// another key, which the former wrapping key has never sealed.
    ///
    /// # Errors
    /// [`RingError::Step`] when the root key is not a new one; [`RingError::Foreign`] when the wrapping key is not the newest;
    /// [`RingError::Newer`].
    pub fn retire(&self, wrapping: &WrappingKey, now: UnixMillis) -> Result<Self, RingError> {
        let mut public = self.public_to_change()?;
        public.numbers = public.numbers.after(Step::Retire).ok_or(RingError::Step)?;
        if !self.is_newest(&wrapping.fingerprint()) {
            return Err(RingError::Foreign);
        }
        public.version += 1;
        let root = self.ring()?;
        for former in public.wraps.iter().filter(|wrap| wrap.key != wrapping.fingerprint()) {
            public.replaced.push(Replaced::new(former.key.clone(), now, &root)?);
        }
        let row_key = RootKey::make(&mut SysRng)?;
        public.wraps = vec![wrap(wrapping, &row_key)?];
        Self::new(public, row_key, self.keys.clone())
    }

    /// The keyring in which another wrapping key takes the place of the newest one, which was lost: of a rotation that is under way,
    /// by whoever has the former wrapping key. Root keys and phase stay as they are.
    ///
    /// # Errors
    /// [`RingError::Step`] without a rotation and for a wrapping key that opens it already, [`RingError::Foreign`] when `wrapping` is
    /// not the former one, [`RingError::Replaced`] for one that was replaced before, [`RingError::Newer`].
    pub fn replace_newest(
        &self,
        wrapping: &WrappingKey,
        next: &WrappingKey,
        now: UnixMillis,
    ) -> Result<Self, RingError> {
        let mut public = self.public_to_change()?;
        let [former, lost] = self.public.wraps.as_slice() else { return Err(RingError::Step) };
        if former.key != wrapping.fingerprint() {
            return Err(RingError::Foreign);
        }
        let fingerprint = next.fingerprint();
        if let Some(replaced) = public.replaced.iter().find(|replaced| replaced.key == fingerprint) {
            return Err(RingError::Replaced(replaced.time));
        }
        if [&former.key, &lost.key].contains(&&fingerprint) {
            return Err(RingError::Step);
        }
        public.version += 1;
        public.replaced.push(Replaced::new(lost.key.clone(), now, &self.ring()?)?);
        let row_key = RootKey::make(&mut SysRng)?;
        public.wraps = vec![wrap(wrapping, &row_key)?, wrap(next, &row_key)?];
        Self::new(public, row_key, self.keys.clone())
    }

    /// The row to store.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn to_row(&self) -> Result<Vec<u8>, RingError> {
        let mut material = Zeroizing::new(Vec::with_capacity(self.keys.len() * ENTRY));
        for key in &self.keys {
            material.extend_from_slice(&key.number().to_be_bytes());
            material.extend_from_slice(key.reveal());
        }
        let sealed = hex::encode(self.row_key.seal(&purpose(&self.text), &material, &mut SysRng)?);
        serde_json::to_vec(&Row { public: self.text.clone(), sealed }).map_err(|_| RingError::Damaged)
    }

    /// The root keys, as they are used.
    ///
    /// # Errors
    /// [`RingError::Damaged`], which opening has ruled out.
    pub fn ring(&self) -> Result<RootRing, RingError> {
        let Numbers { current, oldest, .. } = self.public.numbers;
        RootRing::new(self.keys.iter().cloned(), current, oldest).ok_or(RingError::Damaged)
    }

    /// All root keys, in the order of their numbers.
    #[must_use]
    pub fn root_keys(&self) -> &[RootKey] {
        &self.keys
    }

    /// Which root keys there are.
    #[must_use]
    pub const fn numbers(&self) -> Numbers {
        self.public.numbers
    }

    /// Where the rotation stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.public.numbers.phase().unwrap_or(Phase::Settled)
    }

    /// Its version, which grows with each step.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.public.version
    }

    /// When the current root key was taken into use; `None` for the first.
    #[must_use]
    pub fn since(&self) -> Option<UnixMillis> {
        Some(self.public.since).filter(|since| since.as_millis() > 0)
    }

    /// The fingerprints of the wrapping keys that open it, the newest last.
    pub fn wrapping_keys(&self) -> impl Iterator<Item = &str> {
        self.public.wraps.iter().map(|wrap| wrap.key.as_str())
    }

    /// Whether this is the fingerprint of the newest wrapping key.
    #[must_use]
    pub fn is_newest(&self, fingerprint: &str) -> bool {
        self.wrapping_keys().last() == Some(fingerprint)
    }
}

/// The key that seals a row, sealed under a wrapping key.
fn wrap(wrapping: &WrappingKey, row_key: &RootKey) -> Result<Wrap, RingError> {
    let fingerprint = wrapping.fingerprint();
    let sealed = wrapping.key.seal(&WrappingKey::purpose(&fingerprint), row_key.reveal(), &mut SysRng)?;
    Ok(Wrap { key: fingerprint, kms: wrapping.kms.clone(), sealed: hex::encode(sealed) })
}

/// What the sealed part of a row is bound to: all that the row says openly.
fn purpose(public: &str) -> String {
    format!("csms keyring v1 {public}")
}

fn key_of(bytes: &[u8]) -> Result<RootKey, RingError> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| RingError::Damaged)?;
    Ok(RootKey::from_bytes(Zeroizing::new(*bytes)))
}

fn decode(text: &str) -> Result<Vec<u8>, RingError> {
    hex::decode(text).map_err(|_| RingError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn wrapping() -> WrappingKey {
        WrappingKey::new(RootKey::make(&mut SysRng).unwrap(), None)
    }

    fn reopened(ring: &Keyring, wrapping: &WrappingKey) -> Result<Keyring, RingError> {
        Keyring::open(&ring.to_row().unwrap(), wrapping)
    }

    fn bytes(ring: &Keyring) -> Vec<[u8; 32]> {
        ring.keys.iter().map(|key| *key.reveal()).collect()
    }

    #[test]
    fn the_first_root_key_is_the_old_file_and_the_next_is_not_in_any_file() {
        let (old, new) = (wrapping(), wrapping());
        let ring = Keyring::announce(None, &old, &new).unwrap();
        assert_eq!(ring.keys[0].reveal(), old.key.reveal());
        assert!(ring.keys[1].reveal() != old.key.reveal() && ring.keys[1].reveal() != new.key.reveal());
        assert_eq!((ring.phase(), ring.version()), (Phase::Announced, 1));
    }

    #[test]
    fn both_files_open_the_same_keys_until_the_former_is_retired() {
        let (old, new) = (wrapping(), wrapping());
        let announced = Keyring::announce(None, &old, &new).unwrap();
        let switched = reopened(&announced, &old).unwrap().switch(NOW).unwrap();
        for ring in [&announced, &switched] {
            for key in [&old, &new] {
                let opened = reopened(ring, key).unwrap();
                assert_eq!((bytes(&opened), opened.numbers()), (bytes(&announced), ring.numbers()));
            }
        }
        assert!(matches!(reopened(&switched, &old).unwrap().retire(&old, NOW), Err(RingError::Foreign)));
        let retired = reopened(&switched, &new).unwrap().retire(&new, NOW).unwrap();
        assert_eq!(bytes(&reopened(&retired, &new).unwrap()), bytes(&announced));
        let refused = reopened(&retired, &old).unwrap_err();
        assert!(refused.to_string().starts_with("this root key was replaced on 2027-01-15T08:00:00Z"), "{refused}");
        assert!(matches!(reopened(&retired, &wrapping()), Err(RingError::Foreign)));
    }

    #[test]
    fn a_retired_file_is_refused_although_its_bytes_are_a_root_key_of_the_ring() {
        let (old, new) = (wrapping(), wrapping());
        let switched = Keyring::announce(None, &old, &new).unwrap().switch(NOW).unwrap();
        let retired = switched.retire(&new, NOW).unwrap();
        assert_eq!(retired.keys[0].reveal(), old.key.reveal());
        assert!(matches!(reopened(&retired, &old), Err(RingError::Replaced(_))));
        // Nor can it become the wrapping key again.
        assert!(matches!(Keyring::announce(Some(&retired), &new, &old), Err(RingError::Replaced(_))));
    }

    #[test]
    fn rotations_follow_each_other_and_keep_every_key() {
        let (mut old, mut ring) = (wrapping(), None);
        for number in 2..6 {
            let new = wrapping();
            let announced = Keyring::announce(ring.as_ref(), &old, &new).unwrap();
            assert!(matches!(Keyring::announce(Some(&announced), &old, &wrapping()), Err(RingError::Step)));
            let switched = announced.switch(NOW).unwrap();
            assert!(matches!(switched.switch(NOW), Err(RingError::Step)));
            let retired = reopened(&switched, &new).unwrap().retire(&new, NOW).unwrap();
            assert_eq!((retired.keys.len(), retired.numbers().oldest), (number as usize, number));
            assert!(matches!(retired.retire(&new, NOW), Err(RingError::Step)));
            ring = Some(reopened(&retired, &new).unwrap());
            old = new;
        }
        assert_eq!(ring.unwrap().version(), 12);
    }

    #[test]
    fn a_lost_file_is_replaced_with_the_former_one_and_opens_nothing_any_more() {
        let (old, lost, new) = (wrapping(), wrapping(), wrapping());
        let announced = Keyring::announce(None, &old, &lost).unwrap();
        for ring in [announced.switch(NOW).unwrap(), announced] {
            assert!(matches!(ring.replace_newest(&lost, &new, NOW), Err(RingError::Foreign)));
            assert!(matches!(ring.replace_newest(&old, &lost, NOW), Err(RingError::Step)));
            let replaced = reopened(&ring, &old).unwrap().replace_newest(&old, &new, NOW).unwrap();
            assert_eq!((bytes(&replaced), replaced.numbers()), (bytes(&ring), ring.numbers()));
            assert_eq!(replaced.version(), ring.version() + 1);
            for key in [&old, &new] {
                assert_eq!(bytes(&reopened(&replaced, key).unwrap()), bytes(&ring));
            }
            assert!(matches!(reopened(&replaced, &lost), Err(RingError::Replaced(_))));
            assert!(matches!(replaced.replace_newest(&old, &lost, NOW), Err(RingError::Replaced(_))));
        }
        let settled = Keyring::announce(None, &old, &new).unwrap().switch(NOW).unwrap().retire(&new, NOW).unwrap();
        assert!(matches!(settled.replace_newest(&new, &wrapping(), NOW), Err(RingError::Step)));
    }

    #[test]
    fn every_changed_byte_of_a_row_is_found() {
        let (old, new) = (wrapping(), wrapping());
        let ring = Keyring::announce(None, &old, &new).unwrap();
        let row = ring.to_row().unwrap();
        for at in 0..row.len() {
            let mut changed = row.clone();
            changed[at] ^= 1;
            match Keyring::open(&changed, &old) {
                Err(_) => {}
                // The sealed key of the other wrapping is not looked at; it is part of what is authenticated all the same.
                Ok(opened) => panic!("a change at {at} was not noticed: {opened:?}"),
            }
        }
        assert!(Keyring::open(&row[..row.len() - 1], &old).is_err());
    }

    #[test]
    fn parts_of_two_rows_do_not_open() {
        let (old, new) = (wrapping(), wrapping());
        let announced = Keyring::announce(None, &old, &new).unwrap();
        let switched = announced.switch(NOW).unwrap();
        let read = |ring: &Keyring| serde_json::from_slice::<Row>(&ring.to_row().unwrap()).unwrap();
        let mixed = Row { public: read(&announced).public, sealed: read(&switched).sealed };
        assert!(matches!(Keyring::open(&serde_json::to_vec(&mixed).unwrap(), &old), Err(RingError::Damaged)));
    }

    /// What a later release may write: `change` adds to what the row says openly.
    fn later(ring: &Keyring, change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let mut said = serde_json::from_str(&ring.text).unwrap();
        change(&mut said);
        let (public, row_key, keys) = (ring.public.clone(), ring.row_key.clone(), ring.keys.clone());
        Keyring { public, text: said.to_string(), row_key, keys }.to_row().unwrap()
    }

    #[test]
    fn a_row_of_a_later_release_that_says_more_opens_and_is_not_changed() {
        let (old, new) = (wrapping(), wrapping());
        let switched = Keyring::announce(None, &old, &new).unwrap().switch(NOW).unwrap();
        let settled = switched.retire(&new, NOW).unwrap();
        let additions: [fn(&mut serde_json::Value); 3] = [
            |said| said["minimum_release"] = "9.0".into(),
            |said| said["wraps"][0]["algorithm"] = "new".into(),
            |said| said["replaced"][0]["reason"] = "leaked".into(),
        ];
        for (at, addition) in additions.into_iter().enumerate() {
            let row = later(&settled, addition);
            let opened = Keyring::open(&row, &new).unwrap();
            assert_eq!(bytes(&opened), bytes(&settled));
            let changed = Keyring::announce(Some(&opened), &new, &wrapping());
            assert!(matches!(changed, Err(RingError::Newer)), "{at}: {changed:?}");
            assert_eq!(Keyring::open(&opened.to_row().unwrap(), &new).unwrap().text, opened.text);
        }
        let row = later(&switched, |said| said["minimum_release"] = "9.0".into());
        let opened = Keyring::open(&row, &old).unwrap();
        assert!(matches!(opened.retire(&new, NOW), Err(RingError::Newer)));
        assert!(matches!(opened.replace_newest(&old, &wrapping(), NOW), Err(RingError::Newer)));
        let announced = Keyring::announce(None, &old, &new).unwrap();
        let row = later(&announced, |said| said["minimum_release"] = "9.0".into());
        assert!(matches!(Keyring::open(&row, &old).unwrap().switch(NOW), Err(RingError::Newer)));
    }

    #[test]
    fn a_replacement_is_proven_to_whoever_has_the_root_key_in_use() {
        let (old, new) = (wrapping(), wrapping());
        let switched = Keyring::announce(None, &old, &new).unwrap().switch(NOW).unwrap();
        let row = switched.retire(&new, NOW).unwrap().to_row().unwrap();
        let (root, fingerprint) = (switched.ring().unwrap(), old.fingerprint());
        assert!(proves_replaced(&row, &fingerprint, &root));
        assert!(!proves_replaced(&row, &new.fingerprint(), &root));
        assert!(!proves_replaced(&row, &fingerprint, &old.as_root().into()));
        // Nobody without the root key can say so, nor say another time.
        let changed = |change: fn(&mut Replaced)| {
            let mut read: Row = parse(&row).unwrap();
            let mut public: Public = parse(read.public.as_bytes()).unwrap();
            change(&mut public.replaced[0]);
            read.public = serde_json::to_string(&public).unwrap();
            serde_json::to_vec(&read).unwrap()
        };
        let changes: [fn(&mut Replaced); 2] =
            [|replaced| replaced.time = UnixMillis::new(1), |replaced| replaced.proof.clear()];
        for change in changes {
            assert!(!proves_replaced(&changed(change), &fingerprint, &root));
        }
        let other = changed(|replaced| replaced.key = "0".repeat(16));
        assert!(!proves_replaced(&other, &"0".repeat(16), &root));
        assert!(!proves_replaced(&switched.to_row().unwrap(), &fingerprint, &root));
    }

    #[test]
    fn debug_shows_no_key() {
        let key = WrappingKey::new(RootKey::from_bytes(Zeroizing::new([1; 32])), None);
        let shown = format!("{key:?} {:?}", Keyring::announce(None, &key, &wrapping()).unwrap());
        assert!(!shown.contains(&hex::encode([1_u8; 32])) && !shown.contains("1, 1"), "{shown}");
    }
}
