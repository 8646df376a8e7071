//! Data keys and small data sealed under a master key, as the Key Management Service hands them out.
//!
//! The bytes name their key, so that small data can be opened without saying which it was:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format, 1 |
//! | 36 | identifier of the master key |
//! | 12 | nonce |
//! | the rest | length (4 bytes), plaintext, zeros up to 32 bytes of plaintext; sealed, with its tag (16 bytes) |

use csms_core::{KeyId, ProjectId};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{
    aead::{NONCE_BYTES, TAG_BYTES, push_part, random},
    error::{OpenError, SealError},
    master::MasterKey,
};

const FORMAT: u8 = 1;
const ID_BYTES: usize = 36;
const LENGTH_BYTES: usize = 4;

/// The least length that is sealed: shorter plaintexts are filled up, since the official form of sealed data has at least
/// 128 characters of base64.
const LEAST_BYTES: usize = 32;

/// What is sealed. Bytes sealed as one kind do not open as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A data key.
    DataKey,
    /// Small data.
    Data,
}

/// What belongs to the sealed bytes, besides the key.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'b> {
    /// Kind.
    pub kind: Kind,
    /// Project of the master key.
    pub project: &'b ProjectId,
    /// The master key.
    pub key: &'b KeyId,
    /// The caller's additional authenticated data.
    pub associated: &'b str,
}

impl Binding<'_> {
    fn associated(&self) -> Vec<u8> {
        let kind: &[u8] = match self.kind {
            Kind::DataKey => b"csms kms data key v1",
            Kind::Data => b"csms kms data v1",
        };
        let mut out = Vec::with_capacity(256);
        for part in [kind, self.project.as_str().as_bytes(), self.key.as_str().as_bytes(), self.associated.as_bytes()] {
            push_part(&mut out, part);
        }
        out
    }
}

/// Seals bytes.
///
/// # Errors
/// [`SealError`].
pub fn seal<R: TryCryptoRng + ?Sized>(
    master: &MasterKey,
    binding: &Binding<'_>,
    plaintext: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, SealError> {
    let length = u32::try_from(plaintext.len()).map_err(|_| SealError::TooLong)?;
    let nonce = random::<NONCE_BYTES, R>(rng)?;
    let mut padded = Zeroizing::new(Vec::with_capacity(LENGTH_BYTES + plaintext.len().max(LEAST_BYTES)));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plaintext);
    let whole = padded.len().max(LENGTH_BYTES + LEAST_BYTES);
    padded.resize(whole, 0);
    let mut out = Vec::with_capacity(1 + ID_BYTES + NONCE_BYTES + padded.len() + TAG_BYTES);
    out.push(FORMAT);
    out.extend_from_slice(binding.key.as_str().as_bytes());
    out.extend_from_slice(&nonce);
    master.cipher().seal_onto(&mut out, &nonce, &binding.associated(), &padded)?;
    Ok(out)
}

/// The master key that sealed bytes name.
///
/// # Errors
/// [`OpenError`] for bytes that [`seal`] did not make.
pub fn key_of(sealed: &[u8]) -> Result<KeyId, OpenError> {
    split(sealed).map(|(key, _)| key)
}

fn split(sealed: &[u8]) -> Result<(KeyId, &[u8]), OpenError> {
    let (format, rest) = sealed.split_first().ok_or(OpenError::Damaged)?;
    if *format != FORMAT {
        return Err(OpenError::UnknownFormat(*format));
    }
    let (id, rest) = rest.split_at_checked(ID_BYTES).ok_or(OpenError::Damaged)?;
    let id = std::str::from_utf8(id).ok().and_then(|id| KeyId::parse(id).ok());
    Ok((id.ok_or(OpenError::Damaged)?, rest))
}

/// Opens what [`seal`] made for the same binding.
///
/// # Errors
/// [`OpenError`]: the bytes were changed, sealed for another binding or under another key.
pub fn open(master: &MasterKey, binding: &Binding<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (_, rest) = split(sealed)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Damaged)?;
    let mut padded = Zeroizing::new(ciphertext.to_vec());
    master.cipher().open_in_place(nonce, &binding.associated(), &mut padded, tag)?;
    let (length, plaintext) = padded.split_first_chunk::<LENGTH_BYTES>().ok_or(OpenError::Damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| OpenError::Damaged)?;
    plaintext.get(..length).map(|plaintext| Zeroizing::new(plaintext.to_vec())).ok_or(OpenError::Damaged)
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use proptest::prelude::*;

    use super::*;

    fn project() -> ProjectId {
        ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    #[test]
    fn sealed_bytes_open_only_for_their_binding() {
        let (master, project) = (MasterKey::make(&mut SysRng).unwrap(), project());
        let (key, other_key) = (KeyId::make(&mut SysRng).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let other_project = ProjectId::parse("f".repeat(32)).unwrap();
        let here = Binding { kind: Kind::Data, project: &project, key: &key, associated: "a" };
        let sealed = seal(&master, &here, b"x", &mut SysRng).unwrap();
        assert_eq!(key_of(&sealed), Ok(key.clone()));
        assert_eq!(open(&master, &here, &sealed).unwrap().as_slice(), b"x");
        for binding in [
            Binding { kind: Kind::DataKey, ..here },
            Binding { project: &other_project, ..here },
            Binding { key: &other_key, ..here },
            Binding { associated: "", ..here },
        ] {
            assert_eq!(open(&master, &binding, &sealed), Err(OpenError::Damaged));
        }
        let other = MasterKey::make(&mut SysRng).unwrap();
        assert_eq!(open(&other, &here, &sealed), Err(OpenError::Damaged));
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_and_a_changed_byte_is_found(plaintext in proptest::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let (master, project, key) = (MasterKey::make(&mut SysRng).unwrap(), project(), KeyId::make(&mut SysRng).unwrap());
            let binding = Binding { kind: Kind::DataKey, project: &project, key: &key, associated: "" };
            let mut sealed = seal(&master, &binding, &plaintext, &mut SysRng).unwrap();
            // The official form has at least 128 characters of base64.
            prop_assert!(sealed.len() >= 96);
            let opened = open(&master, &binding, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            // The identifier in front only says which key to take; the binding authenticates the one that is used.
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(open(&master, &binding, &sealed).is_err() || (1..37).contains(&at));
        }

        #[test]
        fn arbitrary_bytes_do_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..150)) {
            let (master, project, key) = (MasterKey::make(&mut SysRng).unwrap(), project(), KeyId::make(&mut SysRng).unwrap());
            let binding = Binding { kind: Kind::Data, project: &project, key: &key, associated: "" };
            prop_assert!(open(&master, &binding, &bytes).is_err());
        }
    }
}
