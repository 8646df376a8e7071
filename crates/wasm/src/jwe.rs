//! Values sealed and opened. Elliptic curves and the stretching of passphrases are WebCrypto's part: what it derived comes
//! in, what it is to derive goes out.
//!
//! Secret bytes come in as owned vectors, which are wiped, and go out as arrays of the engine
//! made from memory that is wiped; texts would leave copies in the linear memory.
//!
//! Errors are thrown as texts `<kind>/<name> <message>`, which the wrapper turns into `CsmsError`.

use alloc::{format, string::String, vec::Vec};

use csms_core::{
    SecretName, Violation,
    jwe::{
        AesKey, Algorithm, Binding, Derivation, Derived, Iterations, Jwk, JwkError, Key, KeyMaterial, Limits,
        OpenError, Opening, Passphrase, PublicKey, Purpose, Recipient, SALT_BYTES, SealError, begin_seal,
        begin_seal_derived, check,
    },
};
use getrandom::SysRng;
use js_sys::Uint8Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

/// Why a call failed, before it becomes a text.
enum Failure {
    Input(&'static str, Violation),
    Jwk(JwkError),
    Seal(SealError),
    Open(OpenError),
    Key(&'static str),
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        Self::from_str(&match failure {
            Failure::Input(field, violation) => format!("input/{field} {field} {}", violation.message()),
            Failure::Jwk(error) => format!("jwk/{} {error}", error.name()),
            Failure::Seal(error) => format!("seal/{} {error}", error.name()),
            Failure::Open(error) => format!("open/{} {error}", error.name()),
            Failure::Key(message) => format!("input/key {message}"),
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

    /// The point of an elliptic key as x and y, 32 bytes each, not checked to be on the curve; `undefined` for other keys.
    #[must_use]
    pub fn point(&self) -> Option<Uint8Array> {
        let (x, y) = self.seals.as_ref()?.agrees_with()?.coordinates();
        Some(array(&[x, y].concat()))
    }

    /// The passphrase in UTF-8, for WebCrypto to stretch; `undefined` for other keys.
    #[must_use]
    pub fn passphrase_bytes(&self) -> Option<Uint8Array> {
        if let Some(Key::Passphrase(passphrase)) = &self.opens { Some(array(passphrase.expose())) } else { None }
    }

    /// How often a passphrase is iterated when it seals; 0 for other keys.
    #[must_use]
    #[wasm_bindgen(getter)]
    pub fn iterations(&self) -> u32 {
        self.seals.as_ref().and_then(Recipient::iterations).map_or(0, Iterations::count)
    }

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
        let plan = self.begin_seal(name, purpose, derived, told)?;
        Ok(plan.0.encrypt(&plaintext).map_err(Failure::Seal)?)
    }

    /// Everything of [`RawKey::seal`] but the encryption of the content. `derived` are the 32 bytes that WebCrypto derived,
    /// and `told` what the token tells of it: the ephemeral point, or the salt input.
    ///
    /// # Errors
    /// A wrong name or purpose.
    pub fn begin_seal(
        &self,
        name: &str,
        purpose: &str,
        derived: Option<Vec<u8>>,
        told: Option<Vec<u8>>,
    ) -> Result<SealPlan, JsValue> {
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
            None => begin_seal(recipient, &binding, &mut SysRng),
        };
        Ok(SealPlan(plan.map_err(Failure::Seal)?))
    }

    /// Checks a token and does everything of opening it that needs no derivation. Without a name, the token must have no
    /// binding.
    ///
    /// # Errors
    /// Everything about the token that is not as it must be and shows without decryption.
    pub fn begin_open(
        &self,
        name: Option<String>,
        purpose: &str,
        token: &str,
        max_iterations: u32,
    ) -> Result<OpenPlan, JsValue> {
        let key = self.opens.as_ref().ok_or(Failure::Jwk(JwkError::Public))?;
        let mut limits = Limits::default();
        if max_iterations > 0 {
            limits.max_iterations = max_iterations;
        }
        let binding = match name {
            Some(name) => Some(binding(&name, purpose)?),
            None => None,
        };
        Ok(OpenPlan(check(key, binding.as_ref(), token, &limits).map_err(Failure::Open)?))
    }
}

/// What WebCrypto derived for a recipient; `None` when it is not of the recipient's kind.
fn derived_for(recipient: &Recipient, secret: &[u8], told: &[u8]) -> Option<Derived> {
    let secret: &[u8; 32] = secret.try_into().ok()?;
    if let Some(iterations) = recipient.iterations() {
        let salt_input: [u8; SALT_BYTES] = told.try_into().ok()?;
        return Some(Derived::stretched(secret, salt_input, iterations));
    }
    let (x, y) = told.split_first_chunk::<32>()?;
    Some(Derived::agreed(secret, PublicKey::from_coordinates(x, y.try_into().ok()?)?))
}

/// What WebCrypto needs to encrypt the content.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SealPlan(csms_core::jwe::SealPlan);

#[wasm_bindgen]
impl SealPlan {
    /// The content key, 32 bytes.
    #[must_use]
    pub fn content_key(&self) -> Uint8Array {
        array(self.0.content_key())
    }

    /// The initialization vector, 12 bytes.
    #[must_use]
    pub fn iv(&self) -> Uint8Array {
        array(self.0.iv())
    }

    /// The additional authenticated data.
    #[must_use]
    pub fn additional_data(&self) -> Uint8Array {
        array(self.0.additional_data().as_bytes())
    }

    /// The token, from the ciphertext with the tag at its end.
    ///
    /// # Errors
    /// A ciphertext that is too long, or shorter than a tag.
    pub fn finish(self, sealed: &[u8]) -> Result<String, JsValue> {
        let (ciphertext, tag) =
            sealed.split_last_chunk::<16>().ok_or(Failure::Key("the ciphertext is shorter than its tag"))?;
        Ok(self.0.finish(ciphertext, tag).map_err(Failure::Seal)?)
    }
}

/// A token that has been checked: what WebCrypto needs to derive, then to decrypt the content, unless that is done here.
#[wasm_bindgen]
#[derive(Debug)]
pub struct OpenPlan(Opening);

#[wasm_bindgen]
impl OpenPlan {
    /// What to derive: the ephemeral point as x and y, or the salt input; `undefined` when nothing is.
    #[must_use]
    pub fn derivation(&self) -> Option<Uint8Array> {
        let Opening::Wrapped(plan) = &self.0 else { return None };
        match plan.derivation()? {
            Derivation::Agreement(point) => {
                let (x, y) = point.coordinates();
                Some(array(&[x, y].concat()))
            }
            Derivation::Stretching { salt_input, .. } => Some(array(&salt_input)),
        }
    }

    /// How often to iterate.
    #[must_use]
    #[wasm_bindgen(getter)]
    pub fn iterations(&self) -> u32 {
        let Opening::Wrapped(plan) = &self.0 else { return 0 };
        if let Some(Derivation::Stretching { iterations, .. }) = plan.derivation() { iterations } else { 0 }
    }

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

    fn ready(&self) -> Option<&csms_core::jwe::OpenPlan> {
        if let Opening::Ready(plan) = &self.0 { Some(plan) } else { None }
    }

    /// Decrypts the content here.
    ///
    /// # Errors
    /// The wrong key, or a token that was changed.
    pub fn decrypt(self) -> Result<Uint8Array, JsValue> {
        let Opening::Ready(plan) = self.0 else { return Err(Failure::Open(OpenError::Decryption).into()) };
        Ok(array(&plan.decrypt().map_err(Failure::Open)?))
    }

    /// The content key, 32 bytes; `undefined` before it is unwrapped, as for the rest.
    #[must_use]
    pub fn content_key(&self) -> Option<Uint8Array> {
        self.ready().map(|plan| array(plan.content_key()))
    }

    /// The initialization vector, 12 bytes.
    #[must_use]
    pub fn iv(&self) -> Option<Uint8Array> {
        self.ready().map(|plan| array(plan.iv()))
    }

    /// The additional authenticated data.
    #[must_use]
    pub fn additional_data(&self) -> Option<Uint8Array> {
        self.ready().map(|plan| array(plan.additional_data().as_bytes()))
    }

    /// The ciphertext with the tag at its end.
    #[must_use]
    pub fn sealed(&self) -> Option<Uint8Array> {
        self.ready().map(|plan| {
            let mut sealed = Vec::with_capacity(plan.ciphertext().len().saturating_add(16));
            sealed.extend_from_slice(plan.ciphertext());
            sealed.extend_from_slice(plan.tag());
            array(&sealed)
        })
    }
}
