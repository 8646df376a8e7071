//! AES-256-GCM over byte vectors, and random bytes. The only place that touches the cipher.
//!
//! Nonces are random and 96 bits long, so one key may seal 2^32 times (NIST SP 800-38D, section 8.3). Data keys seal
//! once; master keys seal once per version, root sub-keys once per key or small record: all far below.

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag, aead::AeadInOut};
use rand_core::TryCryptoRng;

use crate::error::{OpenError, SealError};

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes of an authentication tag.
pub(crate) const TAG_BYTES: usize = 16;

pub(crate) type Key = [u8; KEY_BYTES];
pub(crate) type NonceBytes = [u8; NONCE_BYTES];

/// A key made ready for use; wiped when dropped.
pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    pub(crate) fn new(key: &Key) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Appends the ciphertext of `plaintext` and its tag to `out`.
    pub(crate) fn seal_onto(
        &self,
        out: &mut Vec<u8>,
        nonce: &NonceBytes,
        associated: &[u8],
        plaintext: &[u8],
    ) -> Result<(), SealError> {
        let start = out.len();
        out.extend_from_slice(plaintext);
        let (_, body) = out.split_at_mut(start);
        match self.0.encrypt_inout_detached(&Nonce::from(*nonce), associated, body.into()) {
            Ok(tag) => {
                out.extend_from_slice(&tag);
                Ok(())
            }
            Err(_) => {
                out.truncate(start);
                Err(SealError::TooLong)
            }
        }
    }

    /// Opens `buffer`, a ciphertext without its tag, in place. On failure the buffer holds nothing of use.
    pub(crate) fn open_in_place(
        &self,
        nonce: &NonceBytes,
        associated: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), OpenError> {
        self.0
            .decrypt_inout_detached(&Nonce::from(*nonce), associated, buffer.into(), &Tag::from(*tag))
            .map_err(|_| OpenError::Damaged)
    }
}

/// Random bytes from the caller's generator.
pub(crate) fn random<const N: usize, R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    rng.try_fill_bytes(&mut bytes).map_err(|error| SealError::Randomness(error.to_string()))?;
    Ok(bytes)
}

/// Appends `part` with its length in front, so that no two lists of parts have the same encoding. Lengths are those
/// of identifiers and purposes, far below 2^32.
pub(crate) fn push_part(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    // Test case 16 of the GCM specification (McGrew and Viega), AES-256 with associated data.
    #[test]
    fn the_cipher_is_aes_256_gcm() {
        let hex = |text: &str| hex::decode(text).unwrap();
        let key: Key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").try_into().unwrap();
        let nonce: NonceBytes = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let plaintext = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let mut out = Vec::new();
        Cipher::new(&key).seal_onto(&mut out, &nonce, &associated, &plaintext).unwrap();
        let expected = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";
        assert_eq!(hex::encode(&out), expected);
    }

    #[test]
    fn parts_split_differently_encode_differently() {
        let encode = |parts: &[&str]| {
            let mut out = Vec::new();
            for part in parts {
                push_part(&mut out, part.as_bytes());
            }
            out
        };
        assert_ne!(encode(&["ab", "c"]), encode(&["a", "bc"]));
        assert_ne!(encode(&["", "abc"]), encode(&["abc", ""]));
    }
}
