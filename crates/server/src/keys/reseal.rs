//! Seals under the current root key what the rows of access keys and KMS keys hold sealed.
//!
//! Which rows there are, and when, is the store's matter.

use std::sync::Arc;

use csms_kms::{FIRST_MATERIAL, MasterKey, MaterialNumber, RootKey, RootRing, SealError};
use csms_store::{AccessKeyRecord, Cause, KeyRecord, Reseal, StoreError};
use getrandom::SysRng;

use crate::auth::cache::secret_key_purpose;

/// Seals again under the current key of a ring.
pub struct Resealer(pub Arc<RootRing>);

/// Nothing is changed then: what stayed under the former key would be lost with it.
fn failed(error: SealError) -> StoreError {
    StoreError::Unavailable(Cause::with("sealing under the new root key", error))
}

impl Reseal for Resealer {
    fn access_key(&self, key: &AccessKeyRecord) -> Result<Option<Vec<u8>>, StoreError> {
        let (root, sealed) = (&self.0, &key.sealed_secret_key);
        if RootKey::number_of(sealed).ok() == Some(root.current()) {
            return Ok(None);
        }
        let purpose = secret_key_purpose(&key.access_key, &key.user_id);
        // What does not open is of no use to anybody before, and stays as it is.
        let Ok(opened) = root.open_kept(&purpose, sealed) else { return Ok(None) };
        root.seal(&purpose, &opened, &mut SysRng).map(Some).map_err(failed)
    }

    fn kms_key(&self, key: &mut KeyRecord) -> Result<bool, StoreError> {
        let (project, id) = (key.project.clone(), key.id.clone());
        let again = |number: MaterialNumber, wrapped: &[u8]| {
            MasterKey::rewrap(&self.0, (&project, &id, number), wrapped, &mut SysRng).map_err(failed)
        };
        let mut changed = false;
        if let Some(wrapped) = again(FIRST_MATERIAL, &key.wrapped)? {
            (key.wrapped, changed) = (wrapped, true);
        }
        for (number, material) in (FIRST_MATERIAL + 1..).zip(&mut key.details.materials) {
            let Ok(wrapped) = hex::decode(&material.wrapped) else { continue };
            if let Some(wrapped) = again(number, &wrapped)? {
                (material.wrapped, changed) = (hex::encode(wrapped), true);
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use csms_core::{KeyId, ProjectId, UnixMillis};
    use csms_store::{KeyDetails, KeyMaterial, KeyState};

    use super::*;

    #[test]
    fn all_material_of_a_key_opens_with_the_new_root_key_alone() {
        let (one, two) = (RootKey::make(&mut SysRng).unwrap(), RootKey::make(&mut SysRng).unwrap().with_number(2));
        let (project, id) = (ProjectId::parse("a".repeat(32)).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let before = RootRing::from(one.clone());
        let wrapped = MasterKey::make(&mut SysRng).unwrap().wrap(&before, &project, &id, &mut SysRng).unwrap();
        let later = |number| {
            let wrapped = MasterKey::make_later(&before, &project, &id, number, &mut SysRng).unwrap();
            KeyMaterial { wrapped: hex::encode(wrapped), create_time: UnixMillis::new(1) }
        };
        let details = KeyDetails { materials: vec![later(1), later(2)], ..KeyDetails::default() };
        let mut key = KeyRecord {
            id: id.clone(),
            project: project.clone(),
            alias: "a".to_owned(),
            state: KeyState::Enabled,
            wrapped,
            create_time: UnixMillis::new(1),
            details,
        };
        let ring = RootRing::new([one, two.clone()], 2, 1).unwrap();
        let resealer = Resealer(ring.into());
        assert!(resealer.kms_key(&mut key).unwrap());
        assert!(!resealer.kms_key(&mut key).unwrap());
        let alone = RootRing::from(two);
        let mut master = MasterKey::unwrap(&alone, &project, &id, &key.wrapped).unwrap();
        for material in &key.details.materials {
            master.unwrap_later(&alone, &project, &id, &hex::decode(&material.wrapped).unwrap()).unwrap();
        }
        assert_eq!(master.last(), 2);
    }
}
