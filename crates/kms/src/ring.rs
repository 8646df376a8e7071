//! The root keys of an installation, by their numbers: one seals, all that are in use open.
//!
//! A ring is shared and replaced as a whole, so nobody keeps a key beside it. Where the keys come from, and when another one
//! becomes the current one, is decided elsewhere.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{
    error::{OpenError, SealError},
    root::{DerivedKey, RootKey},
};

/// The root keys, and which of them are in use.
struct Keys {
    /// The key that seals.
    current: RootKey,
    /// All other keys, by number.
    others: BTreeMap<u32, RootKey>,
    /// Least number that [`RootRing::open`] accepts.
    oldest: u32,
}

impl Keys {
    fn get(&self, number: u32) -> Option<&RootKey> {
        if number == self.current.number() { Some(&self.current) } else { self.others.get(&number) }
    }
}

/// The root keys of an installation.
pub struct RootRing(RwLock<Arc<Keys>>);

impl From<RootKey> for RootRing {
    fn from(current: RootKey) -> Self {
        let oldest = current.number();
        Self(RwLock::new(Arc::new(Keys { current, others: BTreeMap::new(), oldest })))
    }
}

impl fmt::Debug for RootRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootRing(hidden)")
    }
}

impl RootRing {
    /// A ring of these keys. `current` is the number of the key that seals, `oldest` the least number that
    /// [`RootRing::open`] accepts. Returns `None` when the current key is missing or older than the oldest.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = RootKey>, current: u32, oldest: u32) -> Option<Self> {
        let mut others: BTreeMap<_, _> = keys.into_iter().map(|key| (key.number(), key)).collect();
        let current = others.remove(&current).filter(|_| oldest <= current)?;
        Some(Self(RwLock::new(Arc::new(Keys { current, others, oldest }))))
    }

    /// Takes the keys of another ring in place of its own.
    pub fn replace(&self, other: &Self) {
        let keys = other.keys();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Number of the key that seals.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.keys().current.number()
    }

    /// Least number of the keys that are in use.
    #[must_use]
    pub fn oldest(&self) -> u32 {
        self.keys().oldest
    }

    fn key(&self, number: u32) -> Option<RootKey> {
        self.keys().get(number).cloned()
    }

    /// The current key's sub-key for a purpose, see [`RootKey::derive_numbered`].
    #[must_use]
    pub fn derive_numbered(&self, purpose: &str) -> DerivedKey {
        self.keys().current.derive_numbered(purpose)
    }

    /// The current key's sub-key for a purpose, and those of all other keys: also of retired ones, for what was made before.
    #[must_use]
    pub fn derive_all(&self, purpose: &str) -> (DerivedKey, Vec<DerivedKey>) {
        let keys = self.keys();
        let others = keys.others.values().map(|key| key.derive_numbered(purpose));
        (keys.current.derive_numbered(purpose), others.collect())
    }

    /// As [`RootRing::derive_all`], of other keys only those whose number is `least` or greater.
    #[must_use]
    pub fn derive_from(&self, purpose: &str, least: u32) -> (DerivedKey, Vec<DerivedKey>) {
        let keys = self.keys();
        let others = keys.others.values().filter(|key| key.number() >= least);
        (keys.current.derive_numbered(purpose), others.map(|key| key.derive_numbered(purpose)).collect())
    }

    /// Seals a small thing under the current key, see [`RootKey::seal`].
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        purpose: &str,
        plaintext: &[u8],
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        self.keys().current.seal(purpose, plaintext, rng)
    }

    /// Whether this ring has every key of the other one up to the number `most`, with the same bytes.
    #[must_use]
    pub fn contains(&self, other: &Self, most: u32) -> bool {
        // Compares what is derived from the keys, whose bytes are not comparable.
        let derived = |ring: &Self| {
            let (current, others) = ring.derive_all("csms root key comparison v1");
            others.into_iter().chain([current]).map(|key| (key.number, key.key)).collect::<BTreeMap<_, _>>()
        };
        let own = derived(self);
        derived(other).iter().all(|(number, key)| *number > most || own.get(number) == Some(key))
    }

    /// Opens what was sealed for the same purpose under a key that is in use.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::OtherRootKey`] for a key that was retired or is not in the ring.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (keys, number) = (self.keys(), RootKey::number_of(sealed)?);
        let key = keys.get(number).filter(|_| number >= keys.oldest);
        key.ok_or(OpenError::OtherRootKey(number))?.open(purpose, sealed)
    }

    /// As [`RootRing::open`], also under a retired key: for what lies in a row that is proven by other means, and for what was
    /// given away, such as backups.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::OtherRootKey`] for a key that is not in the ring.
    pub fn open_kept(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let number = RootKey::number_of(sealed)?;
        self.key(number).ok_or(OpenError::OtherRootKey(number))?.open(purpose, sealed)
    }
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;

    use super::*;

    fn key(number: u32) -> RootKey {
        RootKey::make(&mut SysRng).unwrap().with_number(number)
    }

    #[test]
    fn the_current_key_seals_and_every_key_in_use_opens() {
        let (one, two) = (key(1), key(2));
        let before = RootRing::from(one.clone());
        let old = before.seal("p", b"old", &mut SysRng).unwrap();
        let during = RootRing::new([one.clone(), two.clone()], 2, 1).unwrap();
        let new = during.seal("p", b"new", &mut SysRng).unwrap();
        assert_eq!(RootKey::number_of(&new), Ok(2));
        assert_eq!(during.open("p", &old).unwrap().as_slice(), b"old");
        assert_eq!(during.open("p", &new).unwrap().as_slice(), b"new");
        assert_eq!(before.open("p", &new), Err(OpenError::OtherRootKey(2)));
        assert_eq!(before.open_kept("p", &new), Err(OpenError::OtherRootKey(2)));
        assert_eq!(during.derive_numbered("x").key, two.derive("x"));
    }

    #[test]
    fn a_retired_key_opens_only_what_is_kept() {
        let (one, two) = (key(1), key(2));
        let old = RootRing::from(one.clone()).seal("p", b"old", &mut SysRng).unwrap();
        let after = RootRing::new([one, two], 2, 2).unwrap();
        assert_eq!(after.open("p", &old), Err(OpenError::OtherRootKey(1)));
        assert_eq!(after.open_kept("p", &old).unwrap().as_slice(), b"old");
        let numbers = |(current, others): (DerivedKey, Vec<DerivedKey>)| {
            (current.number, others.iter().map(|key| key.number).collect::<Vec<_>>())
        };
        assert_eq!(numbers(after.derive_all("x")), (2, vec![1]));
        assert_eq!(numbers(after.derive_from("x", 2)), (2, vec![]));
    }

    #[test]
    fn a_ring_contains_the_keys_of_another_only_with_the_same_bytes() {
        let (one, two) = (key(1), key(2));
        let both = RootRing::new([one.clone(), two], 1, 1).unwrap();
        assert!(both.contains(&RootRing::from(one.clone()), u32::MAX));
        let alone = RootRing::from(one);
        assert!(!alone.contains(&both, u32::MAX));
        assert!(alone.contains(&both, 1));
        assert!(!both.contains(&RootRing::from(key(1)), 1));
    }

    #[test]
    fn a_ring_without_its_current_key_is_refused() {
        assert!(RootRing::new([key(1)], 2, 1).is_none());
        assert!(RootRing::new([key(1), key(2)], 1, 2).is_none());
    }

    #[test]
    fn everybody_who_shares_a_ring_gets_the_keys_that_replace_its_own() {
        let (one, two) = (key(1), key(2));
        let shared = Arc::new(RootRing::from(one.clone()));
        let other = Arc::clone(&shared);
        shared.replace(&RootRing::new([one, two], 2, 1).unwrap());
        assert_eq!((other.current(), other.oldest()), (2, 1));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", RootRing::from(key(1))), "RootRing(hidden)");
    }
}
