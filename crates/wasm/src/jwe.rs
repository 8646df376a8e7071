//! Values sealed and opened. Elliptic curves and the stretching of passphrases are WebCrypto's part, which `derivation` asks
//! for; what it derived comes in.
//!
//! Secret bytes come in as owned vectors, which are wiped, and go out as arrays of the engine
//! made from memory that is wiped; texts would leave copies in the linear memory.
//!
//! Errors are thrown as texts `<kind>/<name> <message>`, which the wrapper turns into `CsmsError`.

mod derivation;

use alloc::{format, string::String, vec::Vec};

use csms_core::{
    SecretName, Violation,
    jwe::{
        self, AesKey, Algorithm, Binding, Derived, Iterations, Jwk, JwkError, Key, KeyMaterial, Limits,
        MAX_PLAINTEXT_BYTES, OpenError, Opening, Passphrase, Purpose, Recipient, SALT_BYTES, SealError, SealPlan,
        begin_seal_derived, check,
    },
};
use getrandom::SysRng;
use js_sys::Uint8Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

pub use derivation::{agree, export_key, make_pair, make_salt_input};

/// Why a call failed, before it becomes a text.
enum Failure {
    Input(&'static str, Violation),
    Jwk(JwkError),
    Seal(SealError),
    Open(OpenError),
    Key(&'static str),
    Unsupported,
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        Self::from_str(&match failure {
            Failure::Input(field, violation) => format!("input/{field} {field} {}", violation.message()),
            Failure::Jwk(error) => format!("jwk/{} {error}", error.name()),
            Failure::Seal(error) => format!("seal/{} {error}", error.name()),
            Failure::Open(error) => format!("open/{} {error}", error.name()),
            Failure::Key(message) => format!("input/key {message}"),
            Failure::Unsupported => "client/unsupported this engine has no WebCrypto here".into(),
        })
    }
}

fn binding(name: &str, purpose: &str) -> Result<Binding, Failure> {
    let name = SecretName::parse(name).map_err(|violation| Failure::Input("name", violation))?;
    let purpose = Purpose::parse(purpose).map_err(|violation| Failure::Input("purpose", violation))?;
    Ok(Binding::new(name, purpose))
}

fn array(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}

/// A key that seals, opens or both. Wiped when freed.
#[wasm_bindgen]
pub struct RawKey {
    seals: Option<Recipient>,
    opens: Option<Key>,
    jwk: Option<Jwk>,
}

impl core::fmt::Debug for RawKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RawKey(hidden)")
    }
}

fn aes(bytes: Vec<u8>) -> Result<AesKey, Failure> {
    let bytes = Zeroizing::new(bytes);
    let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| Failure::Key("the key must be 32 bytes long"))?;
    Ok(AesKey::from_bytes(bytes))
}

impl RawKey {
    fn of_jwk(jwk: Jwk) -> Result<Self, Failure> {
        let seals = Recipient::for_jwk(&jwk).map_err(Failure::Jwk)?;
        let opens = match Key::for_jwk(&jwk) {
            Ok(key) => Some(key),
            // A public key seals and does not open.
            Err(JwkError::Public) => None,
            Err(error) => return Err(Failure::Jwk(error)),
        };
        Ok(Self { seals: Some(seals), opens, jwk: Some(jwk) })
    }
}

#[wasm_bindgen]
impl RawKey {
    /// A content key of 32 bytes (`dir`).
    ///
    /// # Errors
    /// Another length.
    pub fn direct(bytes: Vec<u8>) -> Result<RawKey, JsValue> {
        let key = aes(bytes)?;
        Ok(Self { seals: Some(Recipient::direct(key.clone())), opens: Some(Key::Direct(key)), jwk: None })
    }

    /// A key of 32 bytes that wraps content keys (`A256GCMKW`).
    ///
    /// # Errors
    /// Another length.
    pub fn key_wrapping(bytes: Vec<u8>) -> Result<RawKey, JsValue> {
        let key = aes(bytes)?;
        Ok(Self { seals: Some(Recipient::key_wrapping(key.clone())), opens: Some(Key::KeyWrapping(key)), jwk: None })
    }

    /// A passphrase in UTF-8 (`PBES2-HS512+A256KW`); 0 iterations stand for the default.
    ///
    /// # Errors
    /// An empty or endless passphrase, a count outside its limits.
    pub fn passphrase(text: Vec<u8>, iterations: u32) -> Result<RawKey, JsValue> {
        let text = Zeroizing::new(text);
        let text = core::str::from_utf8(&text).map_err(|_| Failure::Key("the passphrase must be text"))?;
        let passphrase = Passphrase::new(text).map_err(|violation| Failure::Input("passphrase", violation))?;
        let iterations = match iterations {
            0 => Iterations::default(),
            count => Iterations::new(count).map_err(|violation| Failure::Input("iterations", violation))?,
        };
        let seals = Recipient::passphrase(passphrase.clone(), iterations);
        Ok(Self { seals: Some(seals), opens: Some(Key::Passphrase(passphrase)), jwk: None })
    }

    /// The key in a JSON Web Key, in UTF-8.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_jwk(json: Vec<u8>) -> Result<RawKey, JsValue> {
        let json = Zeroizing::new(json);
        let text = core::str::from_utf8(&json).map_err(|_| Failure::Jwk(JwkError::Syntax))?;
        Ok(Self::of_jwk(Jwk::parse(text).map_err(Failure::Jwk)?)?)
    }

    /// Draws a key: `dir` or `A256GCMKW`.
    ///
    /// # Errors
    /// Another algorithm, or no randomness.
    pub fn generate(algorithm: &str) -> Result<RawKey, JsValue> {
        let Some(algorithm @ (Algorithm::Direct | Algorithm::KeyWrapping)) = Algorithm::from_name(algorithm) else {
            return Err(Failure::Key("the algorithm is not supported").into());
        };
        let material = KeyMaterial::Symmetric(AesKey::make(&mut SysRng).map_err(Failure::Seal)?);
        Ok(Self::of_jwk(Jwk { material, algorithm: Some(algorithm), key_id: None })?)
    }

    /// The algorithm of the tokens it seals.
    #[must_use]
    #[wasm_bindgen(getter)]
    pub fn algorithm(&self) -> String {
        let opens = self.opens.as_ref().map(Key::algorithm);
        opens.or(self.seals.as_ref().map(Recipient::algorithm)).map_or("", |algorithm| algorithm.name()).into()
    }

    /// Whether WebCrypto derives what the content keys of its tokens are wrapped with.
    #[must_use]
    #[wasm_bindgen(getter)]
    pub fn derives(&self) -> bool {
        self.seals.as_ref().is_some_and(|key| key.iterations().is_some() || key.agrees_with().is_some())
    }

    /// Whether it opens tokens, and not only seals.
    #[must_use]
    #[wasm_bindgen(getter)]
    pub fn opens(&self) -> bool {
        self.opens.is_some()
    }

    /// The key as a JSON Web Key in UTF-8, `undefined` for keys that did not come as one; the public half on demand.
    #[must_use]
    pub fn to_jwk(&self, public_only: bool) -> Option<Uint8Array> {
        let jwk = self.jwk.as_ref()?;
        match (&jwk.material, public_only) {
            (_, false) | (KeyMaterial::Public(_), true) => Some(array(jwk.print().as_bytes())),
            (KeyMaterial::Private(key), true) => {
                let material = KeyMaterial::Public(key.public_key());
                let public = Jwk { material, algorithm: jwk.algorithm, key_id: jwk.key_id.clone() };
                Some(array(public.print().as_bytes()))
            }
            (KeyMaterial::Symmetric(_), true) => None,
        }
    }
}

impl RawKey {
    fn plan(
        &self,
        name: &str,
        purpose: &str,
        derived: Option<Vec<u8>>,
        told: Option<Vec<u8>>,
    ) -> Result<SealPlan, Failure> {
        let derived = derived.map(Zeroizing::new);
        let recipient = self.seals.as_ref().ok_or(Failure::Key("the key does not seal"))?;
        let binding = binding(name, purpose)?;
        let plan = match derived {
            Some(secret) => {
                let derived = derived_for(recipient, &secret, &told.unwrap_or_default());
                begin_seal_derived(
                    recipient,
                    &binding,
                    derived.ok_or(Failure::Seal(SealError::Underived))?,
                    &mut SysRng,
                )
            }
            None => jwe::begin_seal(recipient, &binding, &mut SysRng),
        };
        plan.map_err(Failure::Seal)
    }

    fn check(
        &self,
        name: Option<String>,
        purpose: &str,
        token: &str,
        length: u32,
        max_iterations: u32,
    ) -> Result<Opening, Failure> {
        let key = self.opens.as_ref().ok_or(Failure::Jwk(JwkError::Public))?;
        let mut limits = Limits::default();
        if usize::try_from(length).is_ok_and(|length| length > limits.max_token_bytes) {
            return Err(Failure::Open(OpenError::TokenTooLong));
        }
        if max_iterations > 0 {
            limits.max_iterations = max_iterations;
        }
        let binding = match name {
            Some(name) => Some(binding(&name, purpose)?),
            None => None,
        };
        check(key, binding.as_ref(), token, &limits).map_err(Failure::Open)
    }
}

#[wasm_bindgen]
impl RawKey {
    /// Seals a value here, in one call. `derived` and `told` are as for [`RawKey::begin_seal`].
    ///
    /// # Errors
    /// A wrong name or purpose, a value that is too long.
    pub fn seal(
        &self,
        name: &str,
        purpose: &str,
        derived: Option<Vec<u8>>,
        told: Option<Vec<u8>>,
        plaintext: Vec<u8>,
    ) -> Result<String, JsValue> {
        let plaintext = Zeroizing::new(plaintext);
        Ok(self.plan(name, purpose, derived, told)?.encrypt(&plaintext).map_err(Failure::Seal)?)
    }

    /// Everything of [`RawKey::seal`] but the encryption of the content, which is `length` bytes long. `derived` are the 32
    /// bytes that WebCrypto derived, and `told` what the token tells of it: the ephemeral point as it was exported, or the salt
    /// input.
    ///
    /// Returns the initialization vector (12 bytes), the content key (32 bytes) and the token's text up to the ciphertext.
    /// The text up to its first dot is the additional authenticated data.
    ///
    /// # Errors
    /// A wrong name or purpose, a value that is too long.
    pub fn begin_seal(
        &self,
        name: &str,
        purpose: &str,
        derived: Option<Vec<u8>>,
        told: Option<Vec<u8>>,
        length: u32,
    ) -> Result<Uint8Array, JsValue> {
        let plan = self.plan(name, purpose, derived, told)?;
        if usize::try_from(length).map_or(true, |length| length > MAX_PLAINTEXT_BYTES) {
            return Err(Failure::Seal(SealError::TooLong).into());
        }
        Ok(joined([plan.iv(), plan.content_key(), plan.head().as_bytes()]))
    }

    /// Opens a token here, in one call, with a key that derives nothing. Without a name, the token must have no binding.
    ///
    /// # Errors
    /// Everything about the token that is not as it must be.
    pub fn open(
        &self,
        name: Option<String>,
        purpose: &str,
        token: &str,
        max_iterations: u32,
    ) -> Result<Uint8Array, JsValue> {
        OpenPlan(self.check(name, purpose, token, 0, max_iterations)?).decrypt()
    }

    /// Everything of [`RawKey::open`] but the decryption of the content. `token` may come without its ciphertext; `length`
    /// is the length it has with it. Returns [`OpenPlan::parts`].
    ///
    /// # Errors
    /// Everything about the token that is not as it must be and shows without decryption.
    pub fn begin_open_ready(
        &self,
        name: Option<String>,
        purpose: &str,
        token: &str,
        length: u32,
        max_iterations: u32,
    ) -> Result<Uint8Array, JsValue> {
        OpenPlan(self.check(name, purpose, token, length, max_iterations)?).parts()
    }

    /// Checks a token and does everything of opening it that needs no derivation. The arguments are as for
    /// [`RawKey::begin_open_ready`].
    ///
    /// # Errors
    /// Everything about the token that is not as it must be and shows without decryption.
    pub fn begin_open(
        &self,
        name: Option<String>,
        purpose: &str,
        token: &str,
        length: u32,
        max_iterations: u32,
    ) -> Result<OpenPlan, JsValue> {
        Ok(OpenPlan(self.check(name, purpose, token, length, max_iterations)?))
    }
}

/// An array with these parts; what they were joined in is wiped.
fn joined<const N: usize>(parts: [&[u8]; N]) -> Uint8Array {
    array(&Zeroizing::new(parts.concat()))
}

/// What WebCrypto derived for a recipient; `None` when it is not of the recipient's kind.
fn derived_for(recipient: &Recipient, secret: &[u8], told: &[u8]) -> Option<Derived> {
    let secret: &[u8; 32] = secret.try_into().ok()?;
    if let Some(iterations) = recipient.iterations() {
        let salt_input: [u8; SALT_BYTES] = told.try_into().ok()?;
        return Some(Derived::stretched(secret, salt_input, iterations));
    }
    Some(Derived::agreed(secret, derivation::read_point(told)?))
}

/// Bytes in base64url without padding, for engines that cannot encode.
#[must_use]
#[wasm_bindgen]
pub fn encode_base64url(bytes: &[u8]) -> String {
    jwe::encode_base64url(bytes)
}

/// The bytes of a base64url text, for engines that cannot decode; `undefined` if the text is not canonical.
#[must_use]
#[wasm_bindgen]
pub fn decode_base64url(text: &str) -> Option<Uint8Array> {
    jwe::decode_base64url(text).map(|bytes| array(&bytes))
}

/// A token that has been checked: what WebCrypto needs to decrypt the content, unless that is done here.
#[wasm_bindgen]
#[derive(Debug)]
pub struct OpenPlan(Opening);

#[wasm_bindgen]
impl OpenPlan {
    /// Unwraps the content key with the 32 bytes that were derived.
    ///
    /// # Errors
    /// The wrong key, or a token that was changed.
    pub fn unwrap_with(self, derived: Vec<u8>) -> Result<OpenPlan, JsValue> {
        let derived = Zeroizing::new(derived);
        let secret: &[u8; 32] = derived.as_slice().try_into().map_err(|_| Failure::Open(OpenError::Decryption))?;
        match self.0 {
            Opening::Wrapped(plan) => Ok(Self(Opening::Ready(plan.unwrap_with(secret).map_err(Failure::Open)?))),
            ready @ Opening::Ready(_) => Ok(Self(ready)),
        }
    }

    /// Decrypts the content here.
    ///
    /// # Errors
    /// The wrong key, or a token that was changed.
    pub fn decrypt(self) -> Result<Uint8Array, JsValue> {
        let Opening::Ready(plan) = self.0 else { return Err(Failure::Open(OpenError::Decryption).into()) };
        Ok(array(&plan.decrypt().map_err(Failure::Open)?))
    }

    /// What the content is decrypted with: initialization vector (12 bytes), content key (32 bytes), tag (16 bytes) and the
    /// additional authenticated data.
    ///
    /// # Errors
    /// The content key has not been unwrapped.
    pub fn parts(&self) -> Result<Uint8Array, JsValue> {
        let Opening::Ready(plan) = &self.0 else { return Err(Failure::Open(OpenError::Decryption).into()) };
        Ok(joined([plan.iv(), plan.content_key(), plan.tag(), plan.additional_data().as_bytes()]))
    }
}
