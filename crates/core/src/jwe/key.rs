//! Keys that seal and open. All are wiped when dropped and none is shown by `Debug`.

use alloc::{string::String, sync::Arc};
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::{
    curve::is_on_p256,
    error::SealError,
    hazmat::{Coordinates, Gcm, KEY_BYTES, Secret},
};
use crate::problem::{Violation, length};

/// A 256-bit key for AES-GCM, expanded once and used often.
///
/// The same key must not both seal contents (`dir`) and wrap keys (`A256GCMKW`), and should serve at most 2^32 tokens:
/// initialization vectors are drawn at random (NIST SP 800-38D section 8.3). Clones share the key, which is wiped when
/// the last one is dropped.
#[derive(Clone)]
pub struct AesKey(Arc<Expanded>);

struct Expanded {
    bytes: Secret,
    gcm: Gcm,
}

impl AesKey {
    /// Takes a key's bytes, which must be uniformly random, for instance a data key from KMS.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(Arc::new(Expanded { bytes: Zeroizing::new(*bytes), gcm: Gcm::new(bytes) }))
    }

    /// Draws a key.
    ///
    /// # Errors
    /// [`SealError::Randomness`] when the generator fails.
    pub fn make<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, SealError> {
        Ok(Self::from_bytes(&Zeroizing::new(draw(rng)?)))
    }

    /// The key itself.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0.bytes
    }

    pub(super) fn gcm(&self) -> &Gcm {
        &self.0.gcm
    }
}

impl fmt::Debug for AesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesKey(hidden)")
    }
}

/// A passphrase. Its UTF-8 bytes count; no Unicode normalisation is applied.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase of 1 to 1,024 bytes. How strong it must be is the caller's policy.
    ///
    /// # Errors
    /// [`Rule::TooShort`](crate::Rule::TooShort) or [`Rule::TooLong`](crate::Rule::TooLong).
    pub fn new(text: impl Into<String>) -> Result<Self, Violation> {
        let text = Zeroizing::new(text.into());
        length(text.len(), 1, 1024, "1 byte long", "1024 bytes long")?;
        Ok(Self(text))
    }

    /// The passphrase itself, in UTF-8.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(hidden)")
    }
}

/// A point of P-256 other than the identity: the public key of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(Coordinates);

impl PublicKey {
    /// The point with these coordinates, big-endian; `None` if it is not on the curve.
    #[must_use]
    pub fn from_coordinates(x: &[u8; KEY_BYTES], y: &[u8; KEY_BYTES]) -> Option<Self> {
        is_on_p256(x, y).then_some(Self((*x, *y)))
    }

    /// The coordinates x and y, big-endian.
    #[must_use]
    pub const fn coordinates(&self) -> ([u8; KEY_BYTES], [u8; KEY_BYTES]) {
        self.0
    }
}

/// A private key of P-256.
#[derive(Clone)]
pub struct PrivateKey {
    scalar: Secret,
    public: PublicKey,
}

impl PrivateKey {
    /// The key with this scalar, big-endian, and its public key; `None` if they do not belong together, which without the
    /// feature `jwe` the engine that agrees on keys checks.
    pub(super) fn from_pair(scalar: Secret, public: PublicKey) -> Option<Self> {
        #[cfg(feature = "jwe")]
        if Self::from_scalar(&scalar)?.public != public {
            return None;
        }
        Some(Self { scalar, public })
    }

    /// The public key that belongs to it.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The scalar itself, big-endian.
    #[must_use]
    pub fn expose_scalar(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.scalar.clone()
    }
}

#[cfg(feature = "jwe")]
impl PrivateKey {
    /// The key with this scalar, big-endian; `None` if it is zero or not below the order of the curve.
    #[must_use]
    pub fn from_scalar(scalar: &[u8; KEY_BYTES]) -> Option<Self> {
        let private = super::hazmat::p256_private(scalar)?;
        Some(Self { scalar: Zeroizing::new(*scalar), public: PublicKey(super::hazmat::p256_public(&private)) })
    }

    /// Draws a key pair.
    ///
    /// # Errors
    /// [`SealError::Randomness`] when the generator fails.
    pub fn make<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, SealError> {
        loop {
            // All but one in 2^32 draws are below the order of the curve.
            if let Some(key) = Self::from_scalar(&Zeroizing::new(draw(rng)?)) {
                return Ok(key);
            }
        }
    }

    /// The secret that this key and the other side's public key share.
    pub(super) fn agree(&self, public: &PublicKey) -> Option<Secret> {
        Some(super::hazmat::agree_p256(
            &super::hazmat::p256_private(&self.scalar)?,
            &super::hazmat::p256_point(&public.0)?,
        ))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(hidden)")
    }
}

/// Draws `N` bytes.
pub(super) fn draw<const N: usize, R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    rng.try_fill_bytes(&mut bytes).map_err(|_| SealError::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::problem::Rule;

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", AesKey::from_bytes(&[7; 32])), "AesKey(hidden)");
        assert_eq!(format!("{:?}", Passphrase::new("hunter2").unwrap()), "Passphrase(hidden)");
        assert_eq!(format!("{:?}", PrivateKey::from_scalar(&[7; 32]).unwrap()), "PrivateKey(hidden)");
    }

    #[test]
    fn an_empty_and_an_endless_passphrase_are_refused() {
        assert_eq!(Passphrase::new("").unwrap_err().rule, Rule::TooShort);
        assert!(Passphrase::new("a".repeat(1024)).is_ok());
        assert_eq!(Passphrase::new("a".repeat(1025)).unwrap_err().rule, Rule::TooLong);
    }

    #[test]
    fn a_scalar_outside_the_order_of_the_curve_is_refused() {
        assert!(PrivateKey::from_scalar(&[0; 32]).is_none());
        assert!(PrivateKey::from_scalar(&[0xff; 32]).is_none());
    }

    #[test]
    fn coordinates_that_are_not_on_the_curve_are_refused() {
        let (x, y) = PrivateKey::from_scalar(&[7; 32]).unwrap().public_key().coordinates();
        assert!(PublicKey::from_coordinates(&x, &y).is_some());
        assert!(PublicKey::from_coordinates(&y, &x).is_none());
        assert!(PublicKey::from_coordinates(&[0; 32], &[0; 32]).is_none());
        assert!(PublicKey::from_coordinates(&[0xff; 32], &y).is_none());
    }
}
