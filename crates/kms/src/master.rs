//! Master keys: what the API calls a KMS key. Wrapped by the root key for storage.
//!
//! A key has material number 0 from its creation, and one more with each rotation. Sealed bytes name the material that sealed
//! them, so all of it is kept; new bytes are sealed by the material in use. When that changes is decided elsewhere.

use std::fmt;

use csms_core::{KeyId, ProjectId};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{
    aead::{Cipher, KEY_BYTES, Key, random},
    error::{OpenError, SealError},
    ring::RootRing,
    root::RootKey,
};

/// Number of a key's material; [`FIRST_MATERIAL`] is the one that a key is made with.
pub type MaterialNumber = u32;

/// The material that a key is made with.
pub const FIRST_MATERIAL: MaterialNumber = 0;

/// The material of a KMS key: 256 bits for each number, wiped when dropped, never printed. Keep it in an `Arc` rather than
/// clone it.
pub struct MasterKey {
    first: Material,
    later: Vec<Material>,
    /// The material that seals.
    in_use: MaterialNumber,
}

struct Material {
    key: Zeroizing<Key>,
    cipher: Cipher,
}

impl Material {
    fn new(key: Zeroizing<Key>) -> Self {
        let cipher = Cipher::new(&key);
        Self { key, cipher }
    }
}

impl MasterKey {
    /// New random material.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn make<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, SealError> {
        random(rng).map(|key| Self::from_key(Zeroizing::new(key)))
    }

    /// Wraps the first material for storage. The bytes open only for the same project and key identifier.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn wrap<R: TryCryptoRng + ?Sized>(
        &self,
        root: &RootRing,
        project: &ProjectId,
        id: &KeyId,
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        root.seal(&purpose(project, id, FIRST_MATERIAL), self.first.key.as_slice(), rng)
    }

    /// Unwraps the first material, as it is stored.
    ///
    /// # Errors
    /// [`OpenError`]: the bytes were changed, belong to another key, or the root key is another one.
    pub fn unwrap(root: &RootRing, project: &ProjectId, id: &KeyId, wrapped: &[u8]) -> Result<Self, OpenError> {
        open_material(root, project, id, FIRST_MATERIAL, wrapped).map(Self::from_key)
    }

    /// Makes further material, wrapped for storage. The bytes open only for the same project, key and number.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn make_later<R: TryCryptoRng + ?Sized>(
        root: &RootRing,
        project: &ProjectId,
        id: &KeyId,
        number: MaterialNumber,
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        let material = Zeroizing::new(random::<KEY_BYTES, R>(rng)?);
        root.seal(&purpose(project, id, number), material.as_slice(), rng)
    }

    /// Adds the material after the last one, as [`MasterKey::make_later`] wrapped it. The material in use stays the same.
    ///
    /// # Errors
    /// [`OpenError`]: the bytes were changed, belong to another key or number, or the root key is another one.
    pub fn unwrap_later(
        &mut self,
        root: &RootRing,
        project: &ProjectId,
        id: &KeyId,
        wrapped: &[u8],
    ) -> Result<(), OpenError> {
        let number = self.last().checked_add(1).ok_or(OpenError::Damaged)?;
        self.later.push(Material::new(open_material(root, project, id, number, wrapped)?));
        Ok(())
    }

    /// Wraps material, as it is stored, again under the current root key; `None` when it is wrapped under that one, or does not open
    /// at this place and is of no use to anybody.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn rewrap<R: TryCryptoRng + ?Sized>(
        root: &RootRing,
        (project, id, number): (&ProjectId, &KeyId, MaterialNumber),
        wrapped: &[u8],
        rng: &mut R,
    ) -> Result<Option<Vec<u8>>, SealError> {
        if RootKey::number_of(wrapped).ok() == Some(root.current()) {
            return Ok(None);
        }
        let Ok(material) = open_material(root, project, id, number, wrapped) else { return Ok(None) };
        root.seal(&purpose(project, id, number), material.as_slice(), rng).map(Some)
    }

    /// The same key, which seals by the material of this number; by the last one if it has no such material.
    #[must_use]
    pub fn sealing_by(mut self, number: MaterialNumber) -> Self {
        self.in_use = number.min(self.last());
        self
    }

    /// Number of the last material.
    #[must_use]
    pub fn last(&self) -> MaterialNumber {
        MaterialNumber::try_from(self.later.len()).unwrap_or(MaterialNumber::MAX)
    }

    /// Number of the material that seals.
    #[must_use]
    pub const fn in_use(&self) -> MaterialNumber {
        self.in_use
    }

    /// The material in these bytes, which have to be random: those of a data key, for instance.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self::from_key(bytes)
    }

    fn from_key(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self { first: Material::new(key), later: Vec::new(), in_use: FIRST_MATERIAL }
    }

    /// The cipher of the material of this number.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] when the key has no such material.
    pub(crate) fn cipher(&self, number: MaterialNumber) -> Result<&Cipher, OpenError> {
        let material = match number.checked_sub(1) {
            None => Some(&self.first),
            Some(at) => usize::try_from(at).ok().and_then(|at| self.later.get(at)),
        };
        material.map(|material| &material.cipher).ok_or(OpenError::Damaged)
    }

    /// The number and the cipher of the material that seals.
    pub(crate) fn sealing(&self) -> (MaterialNumber, &Cipher) {
        match self.cipher(self.in_use) {
            Ok(cipher) => (self.in_use, cipher),
            // `in_use` is the number of a material, so this is not reached.
            Err(_) => (FIRST_MATERIAL, &self.first.cipher),
        }
    }
}

fn open_material(
    root: &RootRing,
    project: &ProjectId,
    id: &KeyId,
    number: MaterialNumber,
    wrapped: &[u8],
) -> Result<Zeroizing<Key>, OpenError> {
    // The wrapped bytes lie in a row that its MAC proves.
    let opened = root.open_kept(&purpose(project, id, number), wrapped)?;
    let key: &Key = opened.as_slice().try_into().map_err(|_| OpenError::Damaged)?;
    Ok(Zeroizing::new(*key))
}

/// Identifiers and numbers hold no space, so the text is unambiguous.
fn purpose(project: &ProjectId, id: &KeyId, number: MaterialNumber) -> String {
    match number {
        FIRST_MATERIAL => format!("master-key {project} {id}"),
        later => format!("master-key {project} {id} {later}"),
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;

    use super::*;

    fn ring() -> RootRing {
        RootKey::make(&mut SysRng).unwrap().into()
    }

    #[test]
    fn wrapped_material_opens_only_in_its_place() {
        let root = ring();
        let (project, other_project) =
            (ProjectId::parse("a".repeat(32)).unwrap(), ProjectId::parse("b".repeat(32)).unwrap());
        let (id, other_id) = (KeyId::make(&mut SysRng).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let master = MasterKey::make(&mut SysRng).unwrap();
        let wrapped = master.wrap(&root, &project, &id, &mut SysRng).unwrap();

        assert_eq!(MasterKey::unwrap(&root, &project, &id, &wrapped).unwrap().first.key, master.first.key);
        assert!(MasterKey::unwrap(&root, &other_project, &id, &wrapped).is_err());
        assert!(MasterKey::unwrap(&root, &project, &other_id, &wrapped).is_err());
        let other_root = ring();
        assert!(MasterKey::unwrap(&other_root, &project, &id, &wrapped).is_err());
    }

    #[test]
    fn a_sealed_thing_of_another_length_is_no_key() {
        let root = ring();
        let (project, id) = (ProjectId::parse("a".repeat(32)).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let short = root.seal(&purpose(&project, &id, FIRST_MATERIAL), b"short", &mut SysRng).unwrap();
        assert_eq!(MasterKey::unwrap(&root, &project, &id, &short).unwrap_err(), OpenError::Damaged);
    }

    #[test]
    fn later_material_opens_as_the_number_that_it_was_made_for() {
        let root = ring();
        let (project, id) = (ProjectId::parse("a".repeat(32)).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let make = |number| MasterKey::make_later(&root, &project, &id, number, &mut SysRng).unwrap();
        let mut master = MasterKey::make(&mut SysRng).unwrap();
        assert!(master.unwrap_later(&root, &project, &id, &make(2)).is_err());
        master.unwrap_later(&root, &project, &id, &make(1)).unwrap();
        assert_eq!((master.last(), master.in_use()), (1, FIRST_MATERIAL));
        assert_eq!(master.cipher(2).err(), Some(OpenError::Damaged));
        assert_eq!(master.sealing_by(7).in_use(), 1);
    }

    #[test]
    fn material_that_is_wrapped_again_is_the_same_and_stays_in_its_place() {
        let (one, two) = (RootKey::make(&mut SysRng).unwrap(), RootKey::make(&mut SysRng).unwrap().with_number(2));
        let (project, id) = (ProjectId::parse("a".repeat(32)).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let before = RootRing::from(one.clone());
        let master = MasterKey::make(&mut SysRng).unwrap();
        let wrapped = master.wrap(&before, &project, &id, &mut SysRng).unwrap();
        let after = RootRing::new([one, two.clone()], 2, 1).unwrap();
        let place = (&project, &id, FIRST_MATERIAL);
        let again = MasterKey::rewrap(&after, place, &wrapped, &mut SysRng).unwrap().unwrap();
        let alone = RootRing::from(two);
        assert_eq!(MasterKey::unwrap(&alone, &project, &id, &again).unwrap().first.key, master.first.key);
        assert!(matches!(MasterKey::rewrap(&after, place, &again, &mut SysRng), Ok(None)));
        assert!(matches!(MasterKey::rewrap(&after, (&project, &id, 1), &wrapped, &mut SysRng), Ok(None)));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", MasterKey::make(&mut SysRng).unwrap()), "MasterKey(hidden)");
    }
}
