//! The key pair that signs archives of the audit trail: ECDSA with SHA-256 on the curve P-256.
//!
//! An installation makes it once and stores the private part sealed under the root key. The public part is for those who have
//! archives and nothing else. What is signed is said by [`super::archive`].

use base64ct::{Base64, Encoding as _};
use csms_kms::{RootKey, RootRing};
use csms_store::{AnyStore, Replacement, Store as _, StoreError};
use getrandom::SysRng;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};
use thiserror::Error;

/// Name under which the store keeps the sealed private key.
const STORED_KEY: &str = "audit_signing_key";

/// What the private key is sealed for.
const PURPOSE: &str = "audit signing key v1";

/// What stands before the point in a `SubjectPublicKeyInfo` of P-256 (RFC 5480).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Length of an uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// Characters in a line of PEM.
const PEM_LINE: usize = 64;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum SigningKeyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key cannot be used.
    #[error("the signing key {0}")]
    Unusable(&'static str),
}

/// The private key.
pub struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// The installation's key, if it has one.
    ///
    /// # Errors
    /// Failures of the store, and a stored key that was not sealed under the root key.
    pub async fn open(store: &AnyStore, root: &RootRing) -> Result<Option<Self>, SigningKeyError> {
        store.meta(STORED_KEY).await?.map(|sealed| Self::unseal(root, &sealed)).transpose()
    }

    /// The installation's key, made if it has none. Of several callers at the same time, all receive the same key.
    ///
    /// # Errors
    /// As [`SigningKey::open`], and failures of the random number generator.
    pub async fn open_or_make(store: &AnyStore, root: &RootRing) -> Result<Self, SigningKeyError> {
        if let Some(key) = Self::open(store, root).await? {
            return Ok(key);
        }
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let made = made.map_err(|_| SigningKeyError::Unusable("cannot be made"))?;
        let sealed = root.seal(PURPOSE, made.as_ref(), &mut SysRng);
        let sealed = sealed.map_err(|_| SigningKeyError::Unusable("cannot be sealed"))?;
        Self::unseal(root, &store.put_meta_if_absent(STORED_KEY, sealed).await?)
    }

    /// The key as it is stored, sealed again under the current root key, in place of what is stored; `None` when it is so already
    /// or there is no key.
    ///
    /// # Errors
    /// As [`SigningKey::open`].
    pub async fn resealed(store: &AnyStore, root: &RootRing) -> Result<Option<Replacement>, SigningKeyError> {
        let invalid = || SigningKeyError::Unusable("is not what was stored");
        let Some(old) = store.meta(STORED_KEY).await? else { return Ok(None) };
        if RootKey::number_of(&old).map_err(|_| invalid())? == root.current() {
            return Ok(None);
        }
        let private = root.open_kept(PURPOSE, &old).map_err(|_| invalid())?;
        let new = root.seal(PURPOSE, &private, &mut SysRng);
        let new = new.map_err(|_| SigningKeyError::Unusable("cannot be sealed"))?;
        Ok(Some(Replacement { key: STORED_KEY.to_owned(), old, new }))
    }

    fn unseal(root: &RootRing, sealed: &[u8]) -> Result<Self, SigningKeyError> {
        let invalid = || SigningKeyError::Unusable("is not what was stored");
        // One that a command sealed while the root key changed is sealed again later.
        let private = root.open_kept(PURPOSE, sealed).map_err(|_| invalid())?;
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &private, &SystemRandom::new())
            .map(Self)
            .map_err(|_| invalid())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }

    /// Signs a message. The signature has the ASN.1 form that other programs read.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let signed = self.0.sign(&SystemRandom::new(), message);
        signed.map(|signature| signature.as_ref().to_vec()).map_err(|_| SigningKeyError::Unusable("cannot sign"))
    }
}

/// The public key: an uncompressed point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// The key as a `SubjectPublicKeyInfo` in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let text = Base64::encode_string(&[SPKI_PREFIX.as_slice(), &self.0].concat());
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(PEM_LINE));
            pem.extend([line, "\n"]);
            rest = more;
        }
        pem + "-----END PUBLIC KEY-----\n"
    }

    /// Reads what [`PublicKey::to_pem`] wrote.
    ///
    /// # Errors
    /// A text that is not a public key of P-256.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyError> {
        let invalid = || SigningKeyError::Unusable("is not a public key of P-256 in PEM");
        let info = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|_| invalid())?;
        let point = info.as_ref().strip_prefix(&SPKI_PREFIX).filter(|point| point.len() == POINT_BYTES);
        point.map(|point| Self(point.to_vec())).ok_or_else(invalid)
    }

    /// Whether the private key signed this message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(message, signature).is_ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A key of its own.
    pub(crate) fn key() -> SigningKey {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &SystemRandom::new());
        SigningKey(pair.unwrap())
    }

    #[test]
    fn a_signature_is_verified_by_the_public_key_as_pem_and_by_no_other() {
        let (mine, other) = (key(), key());
        let signature = mine.sign(b"message").unwrap();
        let read = PublicKey::from_pem(&mine.public().to_pem()).unwrap();
        assert_eq!(read, mine.public());
        assert!(read.verifies(b"message", &signature));
        assert!(!read.verifies(b"massage", &signature));
        assert!(!other.public().verifies(b"message", &signature));
    }

    #[test]
    fn what_is_no_public_key_of_the_curve_is_refused() {
        let pem = key().public().to_pem();
        for text in ["", "no PEM", &pem.replace("PUBLIC", "PRIVATE"), &pem.replacen("MFkw", "MFky", 1)] {
            assert!(PublicKey::from_pem(text).is_err(), "{text}");
        }
    }
}
