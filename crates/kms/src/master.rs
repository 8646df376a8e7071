//! Master keys: what the API calls a KMS key. Wrapped by the root key for storage.

use std::fmt;

use csms_core::{KeyId, ProjectId};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{
    aead::{Cipher, KEY_BYTES, Key, random},
    error::{OpenError, SealError},
    root::RootKey,
};

/// The material of a KMS key: 256 bits, wiped when dropped, never printed. Keep it in an `Arc` rather than clone it.
pub struct MasterKey {
    key: Zeroizing<Key>,
    cipher: Cipher,
}

impl MasterKey {
    /// New random material.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn make<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, SealError> {
        random(rng).map(|key| Self::from_key(Zeroizing::new(key)))
    }

    /// Wraps the material for storage. The bytes open only for the same project and key identifier.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn wrap<R: TryCryptoRng + ?Sized>(
        &self,
        root: &RootKey,
        project: &ProjectId,
        id: &KeyId,
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        root.seal(&purpose(project, id), self.key.as_slice(), rng)
    }

    /// Unwraps stored material.
    ///
    /// # Errors
    /// [`OpenError`]: the bytes were changed, belong to another key, or the root key is another one.
    pub fn unwrap(root: &RootKey, project: &ProjectId, id: &KeyId, wrapped: &[u8]) -> Result<Self, OpenError> {
        let opened = root.open(&purpose(project, id), wrapped)?;
        let key: &Key = opened.as_slice().try_into().map_err(|_| OpenError::Damaged)?;
        Ok(Self::from_key(Zeroizing::new(*key)))
    }

    /// The material in these bytes, which have to be random: those of a data key, for instance.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self::from_key(bytes)
    }

    fn from_key(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let cipher = Cipher::new(&key);
        Self { key, cipher }
    }

    pub(crate) fn cipher(&self) -> &Cipher {
        &self.cipher
    }
}

/// Identifiers hold no space, so the text is unambiguous.
fn purpose(project: &ProjectId, id: &KeyId) -> String {
    format!("master-key {project} {id}")
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

    #[test]
    fn wrapped_material_opens_only_in_its_place() {
        let root = RootKey::make(&mut SysRng).unwrap();
        let (project, other_project) =
            (ProjectId::parse("a".repeat(32)).unwrap(), ProjectId::parse("b".repeat(32)).unwrap());
        let (id, other_id) = (KeyId::make(&mut SysRng).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let master = MasterKey::make(&mut SysRng).unwrap();
        let wrapped = master.wrap(&root, &project, &id, &mut SysRng).unwrap();

        assert_eq!(MasterKey::unwrap(&root, &project, &id, &wrapped).unwrap().key, master.key);
        assert!(MasterKey::unwrap(&root, &other_project, &id, &wrapped).is_err());
        assert!(MasterKey::unwrap(&root, &project, &other_id, &wrapped).is_err());
        let other_root = RootKey::make(&mut SysRng).unwrap();
        assert!(MasterKey::unwrap(&other_root, &project, &id, &wrapped).is_err());
    }

    #[test]
    fn a_sealed_thing_of_another_length_is_no_key() {
        let root = RootKey::make(&mut SysRng).unwrap();
        let (project, id) = (ProjectId::parse("a".repeat(32)).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let short = root.seal(&purpose(&project, &id), b"short", &mut SysRng).unwrap();
        assert_eq!(MasterKey::unwrap(&root, &project, &id, &short).unwrap_err(), OpenError::Damaged);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", MasterKey::make(&mut SysRng).unwrap()), "MasterKey(hidden)");
    }
}
