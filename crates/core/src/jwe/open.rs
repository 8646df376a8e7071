//! Opening: a token, a key and the binding it must have become a value. Everything is checked before a byte of the
//! value is returned, and everything that needs no key is checked before a key is used.

use alloc::{string::String, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

use super::{
    base64url,
    binding::Binding,
    error::{JwkError, OpenError},
    hazmat::{self, IV_BYTES, KEY_BYTES, TAG_BYTES},
    header::{Algorithm, Header, Parameters, decode, decode_array},
    jwk::{Jwk, KeyMaterial},
    key::{AesKey, Passphrase, PrivateKey},
};

/// Bounds for tokens from outside, against exhaustion of memory and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest length of a token, in bytes. By default 24 MiB, enough for every token that is sealed here.
    pub max_token_bytes: usize,
    /// Greatest length of the decoded protected header, in bytes. By default 4,096.
    pub max_header_bytes: usize,
    /// Greatest PBES2 iteration count. By default 1,000,000; the least is always 1,000.
    pub max_iterations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_token_bytes: 24 << 20, max_header_bytes: 4096, max_iterations: 1_000_000 }
    }
}

/// What opens tokens. A key opens tokens of its own algorithm and no other.
#[derive(Clone, Debug)]
pub enum Key {
    /// The content key (`dir`).
    Direct(AesKey),
    /// The key that wraps content keys (`A256GCMKW`).
    KeyWrapping(AesKey),
    /// The passphrase (`PBES2-HS512+A256KW`).
    Passphrase(Passphrase),
    /// The recipient's private key (`ECDH-ES+A256KW`).
    Private(PrivateKey),
}

impl Key {
    /// The key in a JSON Web Key. A symmetric key that names no algorithm is a content key.
    ///
    /// # Errors
    /// [`JwkError::Public`] for a public key.
    pub fn for_jwk(jwk: &Jwk) -> Result<Self, JwkError> {
        match (&jwk.material, jwk.algorithm) {
            (KeyMaterial::Symmetric(key), Some(Algorithm::KeyWrapping)) => Ok(Self::KeyWrapping(key.clone())),
            (KeyMaterial::Symmetric(key), _) => Ok(Self::Direct(key.clone())),
            (KeyMaterial::Private(key), _) => Ok(Self::Private(key.clone())),
            (KeyMaterial::Public(_), _) => Err(JwkError::Public),
        }
    }

    /// The algorithm of the tokens it opens.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Direct(_) => Algorithm::Direct,
            Self::KeyWrapping(_) => Algorithm::KeyWrapping,
            Self::Passphrase(_) => Algorithm::Passphrase,
            Self::Private(_) => Algorithm::KeyAgreement,
        }
    }

    /// The content key of a token whose algorithm is this key's.
    fn content_key(&self, parameters: &Parameters, wrapped: &str) -> Result<AesKey, OpenError> {
        const WRAPPED: &str = "encrypted key";
        let algorithm = self.algorithm().name();
        let key = match (self, parameters) {
            (Self::Direct(key), Parameters::Direct) => {
                return if wrapped.is_empty() { Ok(key.clone()) } else { Err(OpenError::Length(WRAPPED)) };
            }
            (Self::KeyWrapping(wrapping), Parameters::KeyWrapping { iv, tag }) => {
                let mut key: Zeroizing<[u8; KEY_BYTES]> = decode_array(WRAPPED, wrapped).map(Zeroizing::new)?;
                wrapping.gcm().decrypt(iv, b"", key.as_mut_slice(), tag).map(|()| key)
            }
            (Self::Passphrase(passphrase), Parameters::Passphrase { salt_input, iterations }) => {
                let wrapped = decode_array(WRAPPED, wrapped)?;
                let wrapping = hazmat::pbes2_hs512(passphrase.as_bytes(), algorithm, salt_input, *iterations);
                hazmat::unwrap_a256kw(&wrapping, &wrapped)
            }
            (Self::Private(private), Parameters::KeyAgreement { ephemeral, apu, apv }) => {
                let wrapped = decode_array(WRAPPED, wrapped)?;
                let agreed = private.agree(ephemeral);
                let wrapping = hazmat::concat_kdf(&*agreed, algorithm, apu, apv, 256);
                hazmat::unwrap_a256kw(&wrapping, &wrapped)
            }
            _ => return Err(OpenError::KeyMismatch),
        };
        key.map(|key| AesKey::from_bytes(&key)).ok_or(OpenError::Decryption)
    }
}

/// The five parts of a token, still encoded.
pub(super) struct Parts<'a> {
    header: &'a str,
    wrapped: &'a str,
    iv: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: &'a str, limits: &Limits) -> Result<Self, OpenError> {
        if token.len() > limits.max_token_bytes {
            return Err(OpenError::TokenTooLong);
        }
        let mut parts = token.split('.');
        let mut next = || parts.next().ok_or(OpenError::PartCount);
        let split = Self { header: next()?, wrapped: next()?, iv: next()?, ciphertext: next()?, tag: next()? };
        if parts.next().is_none() { Ok(split) } else { Err(OpenError::PartCount) }
    }

    pub(super) fn read_header(&self, limits: &Limits) -> Result<Header, OpenError> {
        const HEADER: &str = "protected header";
        if self.header.len() > base64url::encoded_len(limits.max_header_bytes) {
            return Err(OpenError::HeaderTooLong);
        }
        let json = String::from_utf8(decode(HEADER, self.header)?).map_err(|_| OpenError::HeaderSyntax)?;
        Header::read(&json, limits)
    }
}

/// A token whose header, binding and key have been checked: what the one AES-256-GCM step needs. Nothing in it is to be
/// trusted before that step has succeeded.
pub struct OpenPlan {
    key: AesKey,
    iv: [u8; IV_BYTES],
    additional_data: String,
    ciphertext: Vec<u8>,
    tag: [u8; TAG_BYTES],
}

impl OpenPlan {
    /// The content key. For `dir` it is the key itself.
    #[must_use]
    pub fn content_key(&self) -> &[u8; KEY_BYTES] {
        self.key.expose()
    }

    /// The initialization vector.
    #[must_use]
    pub const fn iv(&self) -> &[u8; IV_BYTES] {
        &self.iv
    }

    /// The additional authenticated data, ASCII: the encoded protected header.
    #[must_use]
    pub fn additional_data(&self) -> &str {
        &self.additional_data
    }

    /// The ciphertext, without the tag.
    #[must_use]
    pub fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }

    /// The authentication tag.
    #[must_use]
    pub const fn tag(&self) -> &[u8; TAG_BYTES] {
        &self.tag
    }

    /// Decrypts here. The value is wiped when dropped.
    ///
    /// # Errors
    /// [`OpenError::Decryption`].
    pub fn decrypt(self) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut data = Zeroizing::new(self.ciphertext);
        let additional = self.additional_data.as_bytes();
        self.key.gcm().decrypt(&self.iv, additional, &mut data, &self.tag).ok_or(OpenError::Decryption)?;
        Ok(data)
    }
}

impl fmt::Debug for OpenPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenPlan(hidden)")
    }
}

fn begin(key: &Key, binding: Option<&Binding>, token: &str, limits: &Limits) -> Result<OpenPlan, OpenError> {
    let parts = Parts::split(token, limits)?;
    let header = parts.read_header(limits)?;
    if header.algorithm() != key.algorithm() {
        return Err(OpenError::KeyMismatch);
    }
    match (header.binding(), binding) {
        (None, Some(_)) => return Err(OpenError::Unbound),
        (Some(_), None) => return Err(OpenError::Bound),
        (Some(claimed), Some(expected)) if claimed != expected => return Err(OpenError::OtherBinding),
        _ => {}
    }
    let iv = decode_array("initialization vector", parts.iv)?;
    let tag = decode_array("authentication tag", parts.tag)?;
    let ciphertext = decode("ciphertext", parts.ciphertext)?;
    let key = key.content_key(&header.parameters, parts.wrapped)?;
    Ok(OpenPlan { key, iv, additional_data: parts.header.into(), ciphertext, tag })
}

/// Does everything of [`open()`] but the decryption of the content.
///
/// # Errors
/// [`OpenError`].
pub fn begin_open(key: &Key, binding: &Binding, token: &str, limits: &Limits) -> Result<OpenPlan, OpenError> {
    begin(key, Some(binding), token, limits)
}

/// Does everything of [`open_unbound`] but the decryption of the content.
///
/// # Errors
/// [`OpenError`].
pub fn begin_open_unbound(key: &Key, token: &str, limits: &Limits) -> Result<OpenPlan, OpenError> {
    begin(key, None, token, limits)
}

/// Opens a token that is bound to `binding`. The value is wiped when dropped.
///
/// # Errors
/// [`OpenError`]: anything about the token that is not as it must be, another binding, the wrong key.
pub fn open(key: &Key, binding: &Binding, token: &str, limits: &Limits) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    begin_open(key, binding, token, limits)?.decrypt()
}

/// Opens a token that has no binding, such as one made by a program that knows nothing of secrets and purposes. Nothing
/// then says what the value is for; a token that has a binding is refused.
///
/// # Errors
/// As [`open()`], and [`OpenError::Bound`].
pub fn open_unbound(key: &Key, token: &str, limits: &Limits) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    begin_open_unbound(key, token, limits)?.decrypt()
}
