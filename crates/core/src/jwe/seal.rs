//! Sealing: a value, a recipient and a binding become a token.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::{
    base64url,
    binding::Binding,
    error::{JwkError, SealError},
    hazmat::{self, IV_BYTES, KEY_BYTES, Secret, TAG_BYTES},
    header::{Algorithm, Header, Parameters},
    jwk::{Jwk, KeyMaterial},
    key::{AesKey, Passphrase, PublicKey, draw},
};
use crate::problem::{Rule, Violation, length};

/// Greatest length of a value that is sealed, in bytes: 16 MiB, far above what a secret may hold.
pub const MAX_PLAINTEXT_BYTES: usize = 16 << 20;

/// Bytes of a fresh PBES2 salt input.
pub const SALT_BYTES: usize = 16;

/// How often the key derivation from a passphrase is iterated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iterations(u32);

impl Iterations {
    /// Checks a count: 10,000 to 1,000,000. Some libraries open no more than 10,000 (`jose`) or 16,384 (`jwcrypto`)
    /// unless told to; counts below the default are for passphrases drawn at random.
    ///
    /// # Errors
    /// [`Rule::TooSmall`] or [`Rule::TooLarge`].
    pub fn new(count: u32) -> Result<Self, Violation> {
        let (min, max) = (10_000, 1_000_000);
        match count {
            ..10_000 => Err(Violation::new(Rule::TooSmall, "10000").with_limit(min, count.into())),
            10_000..=1_000_000 => Ok(Self(count)),
            _ => Err(Violation::new(Rule::TooLarge, "1000000").with_limit(max, count.into())),
        }
    }
}

impl Iterations {
    /// The count.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }
}

impl Default for Iterations {
    /// 210,000, the OWASP Password Storage Cheat Sheet's figure for PBKDF2-HMAC-SHA512.
    fn default() -> Self {
        Self(210_000)
    }
}

/// Whom a value is sealed for.
#[derive(Clone)]
pub struct Recipient {
    method: Method,
    key_id: Option<String>,
}

#[derive(Clone)]
enum Method {
    Direct(AesKey),
    KeyWrapping(AesKey),
    Passphrase(
        #[cfg_attr(not(feature = "jwe"), expect(dead_code, reason = "stretched elsewhere"))] Passphrase,
        Iterations,
    ),
    PublicKey(PublicKey),
}

impl Recipient {
    const fn new(method: Method) -> Self {
        Self { method, key_id: None }
    }

    /// Someone who has the content key (`dir`).
    #[must_use]
    pub const fn direct(key: AesKey) -> Self {
        Self::new(Method::Direct(key))
    }

    /// Someone who has the key that wraps content keys (`A256GCMKW`).
    #[must_use]
    pub const fn key_wrapping(key: AesKey) -> Self {
        Self::new(Method::KeyWrapping(key))
    }

    /// Someone who knows the passphrase (`PBES2-HS512+A256KW`).
    #[must_use]
    pub const fn passphrase(passphrase: Passphrase, iterations: Iterations) -> Self {
        Self::new(Method::Passphrase(passphrase, iterations))
    }

    /// The owner of the public key (`ECDH-ES+A256KW`).
    #[must_use]
    pub const fn public_key(key: PublicKey) -> Self {
        Self::new(Method::PublicKey(key))
    }

    /// The holder of a JSON Web Key, with its identifier. A symmetric key that names no algorithm is a content key; of a
    /// private key the public part is used.
    ///
    /// # Errors
    /// [`JwkError::MemberForm`] for an identifier that is no valid [key identifier](Self::with_key_id).
    pub fn for_jwk(jwk: &Jwk) -> Result<Self, JwkError> {
        let recipient = Self::new(match (&jwk.material, jwk.algorithm) {
            (KeyMaterial::Symmetric(key), Some(Algorithm::KeyWrapping)) => Method::KeyWrapping(key.clone()),
            (KeyMaterial::Symmetric(key), _) => Method::Direct(key.clone()),
            (KeyMaterial::Public(key), _) => Method::PublicKey(*key),
            (KeyMaterial::Private(key), _) => Method::PublicKey(key.public_key()),
        });
        match &jwk.key_id {
            Some(key_id) => recipient.with_key_id(key_id).map_err(|_| JwkError::MemberForm("kid")),
            None => Ok(recipient),
        }
    }

    /// Names the key in the token (`kid`, visible to everyone): 1 to 256 bytes.
    ///
    /// # Errors
    /// [`Rule::TooShort`] or [`Rule::TooLong`].
    pub fn with_key_id(mut self, key_id: &str) -> Result<Self, Violation> {
        length(key_id.len(), 1, 256, "1 byte long", "256 bytes long")?;
        self.key_id = Some(key_id.to_string());
        Ok(self)
    }

    /// How often a passphrase is to be iterated; `None` for other keys.
    #[must_use]
    pub const fn iterations(&self) -> Option<Iterations> {
        if let Method::Passphrase(_, iterations) = self.method { Some(iterations) } else { None }
    }

    /// The public key to agree with; `None` for keys that are not agreed on.
    #[must_use]
    pub const fn agrees_with(&self) -> Option<PublicKey> {
        if let Method::PublicKey(key) = self.method { Some(key) } else { None }
    }

    /// The key management algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.method {
            Method::Direct(_) => Algorithm::Direct,
            Method::KeyWrapping(_) => Algorithm::KeyWrapping,
            Method::Passphrase(..) => Algorithm::Passphrase,
            Method::PublicKey(_) => Algorithm::KeyAgreement,
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

/// A token without its content: what the one AES-256-GCM step needs. It seals one value, so it is used up by
/// [`encrypt`](Self::encrypt) or [`finish`](Self::finish); its key and initialization vector must serve no other.
pub struct SealPlan {
    /// Protected header and wrapped key, each followed by a dot.
    token: String,
    header_len: usize,
    key: AesKey,
    iv: [u8; IV_BYTES],
}

impl SealPlan {
    /// The content key. For `dir` it is the recipient's own.
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
        self.token.get(..self.header_len).unwrap_or_default()
    }

    /// The token's text up to its ciphertext: protected header, wrapped key and initialization vector, each followed by a
    /// dot. The ciphertext, a dot and the tag complete it, both in base64url.
    #[must_use]
    pub fn head(&self) -> String {
        let mut head = self.token.clone().into_bytes();
        base64url::push(&mut head, &self.iv);
        head.push(b'.');
        base64url::into_text(head)
    }

    /// Encrypts a value here and completes the token.
    ///
    /// # Errors
    /// [`SealError::TooLong`].
    pub fn encrypt(self, plaintext: &[u8]) -> Result<String, SealError> {
        // Before the value is copied.
        if plaintext.len() > MAX_PLAINTEXT_BYTES {
            return Err(SealError::TooLong);
        }
        let mut data: Vec<u8> = plaintext.to_vec();
        let additional = self.additional_data().as_bytes();
        let tag = self.key.gcm().encrypt(&self.iv, additional, &mut data).ok_or(SealError::TooLong)?;
        self.finish(&data, &tag)
    }

    /// Completes the token with a ciphertext and tag made elsewhere.
    ///
    /// # Errors
    /// [`SealError::TooLong`].
    pub fn finish(self, ciphertext: &[u8], tag: &[u8; TAG_BYTES]) -> Result<String, SealError> {
        if ciphertext.len() > MAX_PLAINTEXT_BYTES {
            return Err(SealError::TooLong);
        }
        let mut token = self.token.into_bytes();
        let parts: [&[u8]; 3] = [&self.iv, ciphertext, tag];
        token.reserve_exact(parts.iter().fold(2, |sum, part| base64url::encoded_len(part.len()).saturating_add(sum)));
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                token.push(b'.');
            }
            base64url::push(&mut token, part);
        }
        Ok(base64url::into_text(token))
    }
}

impl fmt::Debug for SealPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealPlan(hidden)")
    }
}

/// A wrapping key that another engine derived for one token, with what the token's header tells of it.
pub struct Derived {
    wrapping: Secret,
    parameters: Parameters,
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived(hidden)")
    }
}

impl Derived {
    /// For a public key: the secret shared with it, and the ephemeral key pair's public half. Both serve one token.
    #[must_use]
    pub fn agreed(shared: &[u8; KEY_BYTES], ephemeral: PublicKey) -> Self {
        let wrapping = hazmat::concat_kdf(shared, Algorithm::KeyAgreement.name(), b"", b"", 256);
        Self { wrapping, parameters: Parameters::KeyAgreement { ephemeral, apu: Vec::new(), apv: Vec::new() } }
    }

    /// For a passphrase: the 256 bits that PBKDF2 with HMAC-SHA-512 made of it, the random salt input, and the count.
    #[must_use]
    pub fn stretched(key: &[u8; KEY_BYTES], salt_input: [u8; SALT_BYTES], iterations: Iterations) -> Self {
        let parameters = Parameters::Passphrase { salt_input: salt_input.to_vec(), iterations: iterations.0 };
        Self { wrapping: Zeroizing::new(*key), parameters }
    }
}

/// Makes everything of a token but its content. Draws, in this order: the content key (32 bytes, not for `dir`); the
/// wrapping initialization vector (12), salt input (16) or ephemeral private key (32, again if out of range); the
/// initialization vector (12).
///
/// # Errors
/// [`SealError::Randomness`] when the generator fails; [`SealError::Underived`] for a passphrase or a public key without
/// the feature `jwe`.
pub fn begin_seal<R: TryCryptoRng + ?Sized>(
    recipient: &Recipient,
    binding: &Binding,
    rng: &mut R,
) -> Result<SealPlan, SealError> {
    let (key, parameters, wrapped) = match &recipient.method {
        Method::Direct(key) => (key.clone(), Parameters::Direct, Vec::new()),
        Method::KeyWrapping(wrapping) => {
            let key = AesKey::make(rng)?;
            let iv = draw(rng)?;
            let mut wrapped = *key.expose();
            let tag = wrapping.gcm().encrypt(&iv, b"", &mut wrapped).ok_or(SealError::TooLong)?;
            (key, Parameters::KeyWrapping { iv, tag }, wrapped.to_vec())
        }
        #[cfg(feature = "jwe")]
        Method::Passphrase(passphrase, iterations) => {
            let key = AesKey::make(rng)?;
            let salt_input: [u8; SALT_BYTES] = draw(rng)?;
            let stretched = hazmat::pbes2_hs512(passphrase.expose(), &salt_input, iterations.0);
            wrap(key, Derived::stretched(&stretched, salt_input, *iterations))
        }
        #[cfg(feature = "jwe")]
        Method::PublicKey(public) => {
            let key = AesKey::make(rng)?;
            let ephemeral = super::key::PrivateKey::make(rng)?;
            let agreed = ephemeral.agree(public).ok_or(SealError::Underived)?;
            wrap(key, Derived::agreed(&agreed, ephemeral.public_key()))
        }
        #[cfg(not(feature = "jwe"))]
        Method::Passphrase(..) | Method::PublicKey(_) => return Err(SealError::Underived),
    };
    plan(recipient, binding, key, parameters, &wrapped, rng)
}

/// The same for a wrapping key that another engine derived.
///
/// # Errors
/// [`SealError::Randomness`] when the generator fails; [`SealError::Underived`] for what was derived for a recipient of
/// another kind.
pub fn begin_seal_derived<R: TryCryptoRng + ?Sized>(
    recipient: &Recipient,
    binding: &Binding,
    derived: Derived,
    rng: &mut R,
) -> Result<SealPlan, SealError> {
    if derived.parameters.algorithm() != recipient.algorithm() {
        return Err(SealError::Underived);
    }
    let (key, parameters, wrapped) = wrap(AesKey::make(rng)?, derived);
    plan(recipient, binding, key, parameters, &wrapped, rng)
}

fn wrap(key: AesKey, derived: Derived) -> (AesKey, Parameters, Vec<u8>) {
    let wrapped = hazmat::wrap_a256kw(&derived.wrapping, key.expose());
    (key, derived.parameters, wrapped.to_vec())
}

fn plan<R: TryCryptoRng + ?Sized>(
    recipient: &Recipient,
    binding: &Binding,
    key: AesKey,
    parameters: Parameters,
    wrapped: &[u8],
    rng: &mut R,
) -> Result<SealPlan, SealError> {
    let iv = draw(rng)?;
    let header = Header { parameters, key_id: recipient.key_id.clone(), binding: Some(binding.clone()) };
    let mut token = Vec::new();
    base64url::push(&mut token, header.write().as_bytes());
    let header_len = token.len();
    token.push(b'.');
    base64url::push(&mut token, wrapped);
    token.push(b'.');
    Ok(SealPlan { token: base64url::into_text(token), header_len, key, iv })
}

/// Seals a value of at most [`MAX_PLAINTEXT_BYTES`] for a recipient, bound to a secret and a purpose.
///
/// # Errors
/// [`SealError`].
#[cfg(feature = "jwe")]
pub fn seal<R: TryCryptoRng + ?Sized>(
    recipient: &Recipient,
    binding: &Binding,
    plaintext: &[u8],
    rng: &mut R,
) -> Result<String, SealError> {
    begin_seal(recipient, binding, rng)?.encrypt(plaintext)
}
