//! The envelope around the value of one version.
//!
//! A fresh data key seals the value, and the master key seals the data key; both times with the place of the version
//! (project, secret, version, key) as associated data. The bytes describe themselves:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format: 1 for the first material of the master key, 2 for a later one |
//! | 4 | number of the material, of format 2 alone |
//! | 12 | nonce of the data key |
//! | 48 | data key, sealed by the master key, with its tag |
//! | 12 | nonce of the value |
//! | the rest | value, sealed by the data key, with its tag (16 bytes) |

use csms_core::{KeyId, ProjectId, SecretId, SecretValue, VersionId};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{
    aead::{Cipher, KEY_BYTES, Key, NONCE_BYTES, TAG_BYTES, push_part, random},
    error::{OpenError, SealError},
    master::{FIRST_MATERIAL, MasterKey, MaterialNumber},
};

/// Sealed by the first material of the master key.
const FORMAT: u8 = 1;

/// Sealed by the material whose number follows.
const FORMAT_WITH_MATERIAL: u8 = 2;

const OVERHEAD: usize = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES + NONCE_BYTES + TAG_BYTES;

/// Where a value belongs. The same value sealed for one place does not open in another.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Project of the secret.
    pub project: &'a ProjectId,
    /// The secret.
    pub secret: &'a SecretId,
    /// The version that holds the value.
    pub version: VersionId,
    /// The master key's identifier.
    pub key: &'a KeyId,
}

impl Context<'_> {
    /// Associated data: a tag for the layer and the format, then the parts with their lengths.
    fn associated(&self, layer: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        push_part(&mut out, layer);
        push_part(&mut out, self.project.as_str().as_bytes());
        push_part(&mut out, self.secret.as_str().as_bytes());
        push_part(&mut out, &self.version.number().to_be_bytes());
        push_part(&mut out, self.key.as_str().as_bytes());
        out
    }
}

const DATA_KEY: &[u8] = b"csms data key v1";
const VALUE: &[u8] = b"csms value v1";

/// Seals a value under a fresh data key.
///
/// # Errors
/// [`SealError`].
pub fn seal<R: TryCryptoRng + ?Sized>(
    master: &MasterKey,
    context: &Context<'_>,
    value: &SecretValue,
    rng: &mut R,
) -> Result<Vec<u8>, SealError> {
    let data_key = Zeroizing::new(random::<KEY_BYTES, R>(rng)?);
    let key_nonce = random::<NONCE_BYTES, R>(rng)?;
    let value_nonce = random::<NONCE_BYTES, R>(rng)?;

    let plaintext = value.to_sealed_form();
    let (material, cipher) = master.sealing();
    let mut out = Vec::with_capacity(OVERHEAD + size_of::<MaterialNumber>() + plaintext.len());
    if material == FIRST_MATERIAL {
        out.push(FORMAT);
    } else {
        out.push(FORMAT_WITH_MATERIAL);
        out.extend_from_slice(&material.to_be_bytes());
    }
    out.extend_from_slice(&key_nonce);
    cipher.seal_onto(&mut out, &key_nonce, &context.associated(DATA_KEY), data_key.as_slice())?;
    out.extend_from_slice(&value_nonce);
    Cipher::new(&data_key).seal_onto(&mut out, &value_nonce, &context.associated(VALUE), &plaintext)?;
    Ok(out)
}

/// Opens a sealed value.
///
/// # Errors
/// [`OpenError`]: the bytes were changed, belong to another version, or were sealed under another key.
pub fn open(master: &MasterKey, context: &Context<'_>, sealed: &[u8]) -> Result<SecretValue, OpenError> {
    let (format, rest) = sealed.split_first().ok_or(OpenError::Damaged)?;
    let (material, rest) = match *format {
        FORMAT => (FIRST_MATERIAL, rest),
        FORMAT_WITH_MATERIAL => {
            let (number, rest) = split::<{ size_of::<MaterialNumber>() }>(rest).ok_or(OpenError::Damaged)?;
            (MaterialNumber::from_be_bytes(*number), rest)
        }
        format => return Err(OpenError::UnknownFormat(format)),
    };
    let (key_nonce, rest) = split::<NONCE_BYTES>(rest).ok_or(OpenError::Damaged)?;
    let (wrapped, rest) = split::<KEY_BYTES>(rest).ok_or(OpenError::Damaged)?;
    let (key_tag, rest) = split::<TAG_BYTES>(rest).ok_or(OpenError::Damaged)?;
    let (value_nonce, rest) = split::<NONCE_BYTES>(rest).ok_or(OpenError::Damaged)?;
    let (ciphertext, value_tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Damaged)?;

    let mut data_key: Zeroizing<Key> = Zeroizing::new(*wrapped);
    master.cipher(material)?.open_in_place(
        key_nonce,
        &context.associated(DATA_KEY),
        data_key.as_mut_slice(),
        key_tag,
    )?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    Cipher::new(&data_key).open_in_place(value_nonce, &context.associated(VALUE), &mut plaintext, value_tag)?;
    SecretValue::from_sealed_form(&plaintext).ok_or(OpenError::Damaged)
}

fn split<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8])> {
    bytes.split_first_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use getrandom::SysRng;
    use proptest::prelude::*;

    use super::*;

    /// Owned parts of a context, and the master key.
    struct Place {
        project: ProjectId,
        secret: SecretId,
        version: VersionId,
        key: KeyId,
        master: MasterKey,
    }

    impl Place {
        fn make() -> Self {
            Self {
                project: ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap(),
                secret: SecretId::make(&mut SysRng).unwrap(),
                version: VersionId::from_number(7).unwrap(),
                key: KeyId::make(&mut SysRng).unwrap(),
                master: MasterKey::make(&mut SysRng).unwrap(),
            }
        }

        fn context(&self) -> Context<'_> {
            Context { project: &self.project, secret: &self.secret, version: self.version, key: &self.key }
        }

        fn seal(&self, value: &SecretValue) -> Vec<u8> {
            seal(&self.master, &self.context(), value, &mut SysRng).unwrap()
        }
    }

    static PLACE: LazyLock<Place> = LazyLock::new(Place::make);

    #[test]
    fn a_value_opens_with_the_material_that_sealed_it_after_rotations() {
        let (mut place, root) = (Place::make(), crate::RootRing::from(crate::RootKey::make(&mut SysRng).unwrap()));
        let value = text("s3cr3t");
        let before = place.seal(&value);
        let later = MasterKey::make_later(&root, &place.project, &place.key, 1, &mut SysRng).unwrap();
        place.master.unwrap_later(&root, &place.project, &place.key, &later).unwrap();
        assert_eq!(place.seal(&value)[0], FORMAT);
        place.master = place.master.sealing_by(1);
        let after = place.seal(&value);
        assert_eq!((before[0], &after[..5]), (FORMAT, [FORMAT_WITH_MATERIAL, 0, 0, 0, 1].as_slice()));
        for sealed in [before, after.clone()] {
            assert_eq!(open(&place.master, &place.context(), &sealed).unwrap(), value);
        }
        let mut moved = after;
        moved[4] = 0;
        assert_eq!(open(&place.master, &place.context(), &moved).unwrap_err(), OpenError::Damaged);
        moved[4] = 9;
        assert_eq!(open(&place.master, &place.context(), &moved).unwrap_err(), OpenError::Damaged);
    }

    fn text(value: &str) -> SecretValue {
        SecretValue::Text(value.to_owned())
    }

    #[test]
    fn a_value_moved_to_another_place_does_not_open() {
        let sealed = PLACE.seal(&text("hunter2"));
        let other = Place::make();
        let project = ProjectId::parse("f".repeat(32)).unwrap();
        let here = PLACE.context();
        for context in [
            Context { project: &project, ..here },
            Context { secret: &other.secret, ..here },
            Context { version: VersionId::FIRST, ..here },
            Context { key: &other.key, ..here },
        ] {
            assert_eq!(open(&PLACE.master, &context, &sealed), Err(OpenError::Damaged));
        }
        assert_eq!(open(&other.master, &here, &sealed), Err(OpenError::Damaged));
        assert_eq!(open(&PLACE.master, &here, &sealed), Ok(text("hunter2")));
    }

    #[test]
    fn parts_of_two_envelopes_do_not_combine() {
        let (one, two) = (PLACE.seal(&text("one")), PLACE.seal(&text("two")));
        let (wrapped_key, value) = (&one[..1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES], &two[61..]);
        let mixed = [wrapped_key, value].concat();
        assert_eq!(open(&PLACE.master, &PLACE.context(), &mixed), Err(OpenError::Damaged));
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_bytes() {
        assert_ne!(PLACE.seal(&text("same")), PLACE.seal(&text("same")));
    }

    #[test]
    fn an_unknown_format_is_named() {
        let mut sealed = PLACE.seal(&text("x"));
        sealed[0] = 9;
        assert_eq!(open(&PLACE.master, &PLACE.context(), &sealed), Err(OpenError::UnknownFormat(9)));
    }

    fn values() -> impl Strategy<Value = SecretValue> {
        prop_oneof![
            ".{0,80}".prop_map(SecretValue::Text),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(SecretValue::Binary),
        ]
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened(value in values()) {
            prop_assert_eq!(open(&PLACE.master, &PLACE.context(), &PLACE.seal(&value)), Ok(value));
        }

        #[test]
        fn a_changed_byte_does_not_open(value in values(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let mut sealed = PLACE.seal(&value);
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(open(&PLACE.master, &PLACE.context(), &sealed).is_err());
        }

        #[test]
        fn a_cut_or_grown_envelope_does_not_open(value in values(), at in any::<prop::sample::Index>(), extra in any::<u8>()) {
            let mut sealed = PLACE.seal(&value);
            prop_assert!(open(&PLACE.master, &PLACE.context(), &sealed[..at.index(sealed.len())]).is_err());
            sealed.push(extra);
            prop_assert!(open(&PLACE.master, &PLACE.context(), &sealed).is_err());
        }

        #[test]
        fn arbitrary_bytes_do_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open(&PLACE.master, &PLACE.context(), &bytes).is_err());
        }
    }
}
