//! The primitives under the token format: key agreement, key derivation and key wrapping, and AES-256-GCM.
//!
//! Nothing here checks who may use which key for what; only the modules beside this one call it.

use alloc::vec::Vec;

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use aes_kw::{KwAes256, cipher::consts::U32};
#[cfg(feature = "jwe")]
use p256::elliptic_curve::sec1::{FromSec1Point, ToSec1Point};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::header::Algorithm;

/// Bytes of a content key, key-wrapping key and agreed secret.
pub(super) const KEY_BYTES: usize = 32;

/// Bytes of an AES-GCM initialization vector.
pub(super) const IV_BYTES: usize = 12;

/// Bytes of an AES-GCM authentication tag.
pub(super) const TAG_BYTES: usize = 16;

/// Bytes of a content key wrapped by AES Key Wrap.
pub(super) const WRAPPED_KEY_BYTES: usize = 40;

/// A 256-bit secret on its way from one primitive to the next.
pub(super) type Secret = Zeroizing<[u8; KEY_BYTES]>;

/// AES-256-GCM with its key expanded. Wiped when dropped.
pub(super) struct Gcm(Aes256Gcm);

impl Gcm {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Encrypts in place; `None` for more than 2^36 - 32 bytes. An `iv` must never serve a key twice.
    pub(super) fn encrypt(&self, iv: &[u8; IV_BYTES], aad: &[u8], data: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
        self.0.encrypt_inout_detached(iv.into(), aad, data.into()).ok().map(Into::into)
    }

    /// Decrypts in place if the tag is right, else leaves the data as it is.
    pub(super) fn decrypt(
        &self,
        iv: &[u8; IV_BYTES],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Option<()> {
        self.0.decrypt_inout_detached(iv.into(), aad, data.into(), tag.into()).ok()
    }
}

/// Wraps a content key: AES Key Wrap with a 256-bit key (RFC 3394).
pub(super) fn wrap_a256kw(wrapping: &[u8; KEY_BYTES], key: &[u8; KEY_BYTES]) -> [u8; WRAPPED_KEY_BYTES] {
    KwAes256::new(wrapping.into()).wrap_fixed_key::<U32>(key.into()).into()
}

/// Unwraps a content key; `None` when the integrity check fails.
pub(super) fn unwrap_a256kw(wrapping: &[u8; KEY_BYTES], wrapped: &[u8; WRAPPED_KEY_BYTES]) -> Option<Secret> {
    let key = KwAes256::new(wrapping.into()).unwrap_fixed_key::<U32>(wrapped.into()).ok()?;
    Some(Zeroizing::new(key.into()))
}

/// The salt of `PBES2-HS512+A256KW`: the algorithm's name, a zero byte and the salt input (RFC 7518 section 4.8.1.1).
#[must_use]
pub fn pbes2_salt(salt_input: &[u8]) -> Vec<u8> {
    [Algorithm::Passphrase.name().as_bytes(), &[0], salt_input].concat()
}

/// The wrapping key of `PBES2-HS512+A256KW`.
#[cfg(feature = "jwe")]
pub(super) fn pbes2_hs512(passphrase: &[u8], salt_input: &[u8], iterations: u32) -> Secret {
    pbkdf2_hs512(passphrase, &pbes2_salt(salt_input), iterations)
}

/// The first 256 bits of PBKDF2 with HMAC-SHA-512 (RFC 8018).
#[cfg(feature = "jwe")]
pub(super) fn pbkdf2_hs512(passphrase: &[u8], salt: &[u8], iterations: u32) -> Secret {
    let mut key = Secret::default();
    pbkdf2::pbkdf2_hmac::<sha2::Sha512>(passphrase, salt, iterations, key.as_mut_slice());
    key
}

/// A point of P-256 by its coordinates, big-endian.
pub(super) type Coordinates = ([u8; KEY_BYTES], [u8; KEY_BYTES]);

/// The point with these coordinates; `None` if it is not on P-256. The identity has no coordinates.
#[cfg(feature = "jwe")]
pub(super) fn p256_point((x, y): &Coordinates) -> Option<p256::PublicKey> {
    let point = p256::Sec1Point::from_affine_coordinates(x.into(), y.into(), false);
    p256::PublicKey::from_sec1_point(&point).into_option()
}

/// The scalar as a private key; `None` if it is zero or not below the order of the curve.
#[cfg(feature = "jwe")]
pub(super) fn p256_private(scalar: &[u8; KEY_BYTES]) -> Option<p256::SecretKey> {
    p256::SecretKey::from_bytes(scalar.into()).ok()
}

/// The public point of a private key.
#[cfg(feature = "jwe")]
pub(super) fn p256_public(private: &p256::SecretKey) -> Coordinates {
    let point = private.public_key().to_sec1_point(false);
    // A public key is not the identity, the only point without coordinates.
    let coordinate = |bytes: Option<&p256::FieldBytes>| bytes.map_or([0; KEY_BYTES], |bytes| (*bytes).into());
    (coordinate(point.x()), coordinate(point.y()))
}

/// ECDH on P-256: the x coordinate of the shared point.
#[cfg(feature = "jwe")]
pub(super) fn agree_p256(private: &p256::SecretKey, public: &p256::PublicKey) -> Secret {
    Zeroizing::new((*private.diffie_hellman(public).raw_secret_bytes()).into())
}

/// The Concat KDF with SHA-256 as ECDH-ES uses it (RFC 7518 section 4.6.2), for keys of at most 256 bits: a shorter key
/// is the beginning of what is returned.
pub(super) fn concat_kdf(agreed: &[u8], algorithm: &str, apu: &[u8], apv: &[u8], key_bits: u32) -> Secret {
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(agreed);
    for field in [algorithm.as_bytes(), apu, apv] {
        // Each comes from a header of bounded length.
        hash.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(field);
    }
    hash.update(key_bits.to_be_bytes());
    Zeroizing::new(hash.finalize().into())
}
