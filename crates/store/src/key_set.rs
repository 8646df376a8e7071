//! The sub-keys that an installation's root keys have for one purpose: one makes MACs, and the MACs of all are valid.
//!
//! Which root keys there are, and which of them are still trusted, is decided elsewhere.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// A key of 256 bits, wiped when dropped.
pub(crate) type Bytes = Zeroizing<[u8; 32]>;

/// The key that makes MACs, and those that made them before, by the numbers of their root keys.
pub(crate) struct KeySet {
    number: u32,
    key: Bytes,
    others: BTreeMap<u32, Bytes>,
}

impl KeySet {
    pub(crate) fn new(number: u32, key: Bytes, others: impl IntoIterator<Item = (u32, Bytes)>) -> Self {
        Self { number, key, others: others.into_iter().collect() }
    }

    /// Number of the root key of the key that makes MACs.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// The key that makes MACs.
    pub(crate) fn own(&self) -> &[u8; 32] {
        &self.key
    }

    /// The same keys, of which the one of this number makes MACs; `None` when it is not among them.
    pub(crate) fn led_by(&self, number: u32) -> Option<Self> {
        let key = Zeroizing::new(*self.get(number)?);
        let others = self.others.iter().map(|(number, key)| (*number, key.clone()));
        let others = others.chain([(self.number, self.key.clone())]).filter(|(other, _)| *other != number);
        Some(Self::new(number, key, others))
    }

    /// The greatest number of all.
    pub(crate) fn newest(&self) -> u32 {
        self.others.last_key_value().map_or(self.number, |(number, _)| self.number.max(*number))
    }

    /// Whether it is the first key and the only one.
    pub(crate) fn is_first_alone(&self) -> bool {
        self.number <= 1 && self.others.is_empty()
    }

    /// The key of this number.
    pub(crate) fn get(&self, number: u32) -> Option<&[u8; 32]> {
        if number == self.number { Some(&self.key) } else { self.others.get(&number).map(|key| &**key) }
    }
}
