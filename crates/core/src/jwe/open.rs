//! Opening: a token, a key and the binding it must have become a value. Everything is checked before a byte of the
//! value is returned, and everything that needs no key is checked before a key is used.

use alloc::{string::String, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

use super::{
    base64url,
    binding::Binding,
    error::{JwkError, OpenError},
    hazmat::{self, IV_BYTES, KEY_BYTES, Secret, TAG_BYTES, WRAPPED_KEY_BYTES},
    header::{Algorithm, Header, Parameters, decode, decode_array},
    jwk::{Jwk, KeyMaterial},
    key::{AesKey, Passphrase, PrivateKey, PublicKey},
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
    content: Content,
}

/// The encrypted content of a token.
struct Content {
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
        &self.content.iv
    }

    /// The additional authenticated data, ASCII: the encoded protected header.
    #[must_use]
    pub fn additional_data(&self) -> &str {
        &self.content.additional_data
    }

    /// The ciphertext, without the tag.
    #[must_use]
    pub fn ciphertext(&self) -> &[u8] {
        &self.content.ciphertext
    }

    /// The authentication tag.
    #[must_use]
    pub const fn tag(&self) -> &[u8; TAG_BYTES] {
        &self.content.tag
    }

    /// Decrypts here. The value is wiped when dropped.
    ///
    /// # Errors
    /// [`OpenError::Decryption`].
    pub fn decrypt(self) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let Content { iv, additional_data, ciphertext, tag } = self.content;
        let mut data = Zeroizing::new(ciphertext);
        self.key.gcm().decrypt(&iv, additional_data.as_bytes(), &mut data, &tag).ok_or(OpenError::Decryption)?;
        Ok(data)
    }
}

impl fmt::Debug for OpenPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenPlan(hidden)")
    }
}

/// What another engine is to derive for a token, from the key that the token was checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Derivation {
    /// The secret that the private key shares with this public key (ECDH on P-256).
    Agreement(PublicKey),
    /// The first 256 bits of PBKDF2 with HMAC-SHA-512 from the passphrase and the [salt](super::pbes2_salt).
    Stretching {
        /// `p2s`.
        salt_input: Vec<u8>,
        /// `p2c`.
        iterations: u32,
    },
}

/// A token validated except for unwrapping its content key.
pub enum Opening {
    /// The content key is known.
    Ready(OpenPlan),
    /// The wrapping key has to be derived first.
    Wrapped(WrappedPlan),
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(hidden)")
    }
}

/// An [`OpenPlan`] whose content key is still wrapped.
pub struct WrappedPlan {
    content: Content,
    parameters: Parameters,
    wrapped: [u8; WRAPPED_KEY_BYTES],
}

impl fmt::Debug for WrappedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappedPlan(hidden)")
    }
}

impl WrappedPlan {
    /// What has to be derived. `None` for algorithms that derive nothing, for which there is no such plan.
    #[must_use]
    pub fn derivation(&self) -> Option<Derivation> {
        match &self.parameters {
            Parameters::KeyAgreement { ephemeral, .. } => Some(Derivation::Agreement(*ephemeral)),
            Parameters::Passphrase { salt_input, iterations } => {
                Some(Derivation::Stretching { salt_input: salt_input.clone(), iterations: *iterations })
            }
            Parameters::Direct | Parameters::KeyWrapping { .. } => None,
        }
    }

    /// Unwraps the content key with what was derived.
    ///
    /// # Errors
    /// [`OpenError::Decryption`].
    pub fn unwrap_with(self, derived: &[u8; KEY_BYTES]) -> Result<OpenPlan, OpenError> {
        let wrapping = match &self.parameters {
            Parameters::KeyAgreement { apu, apv, .. } => {
                hazmat::concat_kdf(derived, self.parameters.algorithm().name(), apu, apv, 256)
            }
            _ => Zeroizing::new(*derived),
        };
        let key = hazmat::unwrap_a256kw(&wrapping, &self.wrapped).ok_or(OpenError::Decryption)?;
        Ok(OpenPlan { key: AesKey::from_bytes(&key), content: self.content })
    }
}

/// Does everything that needs no derivation: checks the token, its binding (`None` asks for a token without one) and that
/// it is for a key of this kind.
///
/// # Errors
/// [`OpenError`].
pub fn check(key: &Key, binding: Option<&Binding>, token: &str, limits: &Limits) -> Result<Opening, OpenError> {
    const WRAPPED: &str = "encrypted key";
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
    let content = Content { iv, additional_data: parts.header.into(), ciphertext, tag };
    match (key, header.parameters) {
        (Key::Direct(key), Parameters::Direct) if parts.wrapped.is_empty() => {
            Ok(Opening::Ready(OpenPlan { key: key.clone(), content }))
        }
        (Key::Direct(_), Parameters::Direct) => Err(OpenError::Length(WRAPPED)),
        (Key::KeyWrapping(wrapping), Parameters::KeyWrapping { iv, tag }) => {
            let mut key: Secret = decode_array(WRAPPED, parts.wrapped).map(Zeroizing::new)?;
            wrapping.gcm().decrypt(&iv, b"", key.as_mut_slice(), &tag).ok_or(OpenError::Decryption)?;
            Ok(Opening::Ready(OpenPlan { key: AesKey::from_bytes(&key), content }))
        }
        (_, parameters) => {
            Ok(Opening::Wrapped(WrappedPlan { content, parameters, wrapped: decode_array(WRAPPED, parts.wrapped)? }))
        }
    }
}

#[cfg(feature = "jwe")]
fn begin(key: &Key, binding: Option<&Binding>, token: &str, limits: &Limits) -> Result<OpenPlan, OpenError> {
    let plan = match check(key, binding, token, limits)? {
        Opening::Ready(plan) => return Ok(plan),
        Opening::Wrapped(plan) => plan,
    };
    let derived = match (key, plan.derivation()) {
        (Key::Private(private), Some(Derivation::Agreement(ephemeral))) => {
            private.agree(&ephemeral).ok_or(OpenError::EphemeralKey)?
        }
        (Key::Passphrase(passphrase), Some(Derivation::Stretching { salt_input, iterations })) => {
            hazmat::pbes2_hs512(passphrase.expose(), &salt_input, iterations)
        }
        _ => return Err(OpenError::KeyMismatch),
    };
    plan.unwrap_with(&derived)
}

/// Does everything of [`open()`] but the decryption of the content.
///
/// # Errors
/// [`OpenError`].
#[cfg(feature = "jwe")]
pub fn begin_open(key: &Key, binding: &Binding, token: &str, limits: &Limits) -> Result<OpenPlan, OpenError> {
    begin(key, Some(binding), token, limits)
}

/// Does everything of [`open_unbound`] but the decryption of the content.
///
/// # Errors
/// [`OpenError`].
#[cfg(feature = "jwe")]
pub fn begin_open_unbound(key: &Key, token: &str, limits: &Limits) -> Result<OpenPlan, OpenError> {
    begin(key, None, token, limits)
}

/// Opens a token that is bound to `binding`. The value is wiped when dropped.
///
/// # Errors
/// [`OpenError`]: anything about the token that is not as it must be, another binding, the wrong key.
#[cfg(feature = "jwe")]
pub fn open(key: &Key, binding: &Binding, token: &str, limits: &Limits) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    begin_open(key, binding, token, limits)?.decrypt()
}

/// Opens a token that has no binding, such as one made by a program that knows nothing of secrets and purposes. Nothing
/// then says what the value is for; a token that has a binding is refused.
///
/// # Errors
/// As [`open()`], and [`OpenError::Bound`].
#[cfg(feature = "jwe")]
pub fn open_unbound(key: &Key, token: &str, limits: &Limits) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    begin_open_unbound(key, token, limits)?.decrypt()
}
