//! What WebCrypto derives for a token, asked of it through `web-sys`: agreements on P-256, and stretched passphrases. Every
//! engine brings both, and does them beside the page.
//!
//! Each function begins one operation and returns its promise, which fails with an error of the engine or, where there is no
//! WebCrypto, with a text as all errors of the bindings. What an engine throws at once, even when asked for its WebCrypto, fails so
//! too: thrown through the module it would end the instance. Nothing here waits, which is the package's part: what waited inside of
//! an instance that fails would wait for ever.

use csms_core::jwe::{
    Derivation, Iterations, Jwk, JwkError, Key, KeyMaterial, OpenError, Opening, PublicKey, Recipient, SALT_BYTES,
    SealError, pbes2_salt,
};
use getrandom::{SysRng, rand_core::TryRng};
use js_sys::{JSON, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{CryptoKey, EcdhKeyDeriveParams, Pbkdf2Params, SubtleCrypto};

use super::{Failure, OpenPlan, RawKey, array};

/// Bits of every secret that is derived.
const BITS: u32 = 256;
/// The form of a point that is not compressed (SEC 1, 2.3.3): this byte and the coordinates.
const UNCOMPRESSED: u8 = 4;

#[wasm_bindgen]
extern "C" {
    /// The global object. Windows, workers and servers all have WebCrypto there.
    type Global;
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: Global;
    #[wasm_bindgen(method, getter, catch)]
    fn crypto(this: &Global) -> Result<Option<Crypto>, JsValue>;

    /// WebCrypto, which pages that are not served securely have in part.
    type Crypto;
    #[wasm_bindgen(method, getter, catch)]
    fn subtle(this: &Crypto) -> Result<Option<SubtleCrypto>, JsValue>;
}

/// The engine's WebCrypto.
fn subtle() -> Result<SubtleCrypto, JsValue> {
    let crypto = GLOBAL.with(Global::crypto)?.ok_or(Failure::Unsupported)?;
    Ok(crypto.subtle()?.ok_or(Failure::Unsupported)?)
}

/// Begins an operation; what fails at once fails as its promise does.
fn begin(work: &dyn Fn(&SubtleCrypto) -> Result<Promise, JsValue>) -> Promise {
    let begun = subtle().and_then(|subtle| work(&subtle));
    begun.unwrap_or_else(|error| Promise::reject(&error))
}

/// An object or array with members of its own, which are then set if they are not constant. One that is made empty would ask its
/// prototypes before it takes a member.
fn literal<T: JsCast>(json: &str) -> Result<T, JsValue> {
    JSON::parse(json).map(JsCast::unchecked_into)
}

const CURVE: &str = r#"{"name":"ECDH","namedCurve":"P-256"}"#;
/// The uses of a key from which secrets are derived.
const DERIVES: &str = r#"["deriveBits"]"#;

fn import_point(point: PublicKey) -> Promise {
    let (x, y) = point.coordinates();
    let bytes = array(&[[UNCOMPRESSED].as_slice(), &x, &y].concat());
    begin(&|subtle| subtle.import_key_with_object("raw", &bytes, &literal(CURVE)?, false, &literal("[]")?))
}

fn stretch(passphrase: &CryptoKey, salt_input: &[u8], iterations: u32) -> Promise {
    begin(&|subtle| {
        let parameters: Pbkdf2Params = literal(r#"{"name":"PBKDF2","hash":"SHA-512","iterations":0,"salt":0}"#)?;
        parameters.set_iterations(iterations);
        parameters.set_salt(&array(&pbes2_salt(salt_input)));
        subtle.derive_bits_with_object(&parameters, passphrase, BITS)
    })
}

/// The point that an engine has exported as `raw`; `None` if it is not one.
pub(super) fn read_point(raw: &[u8]) -> Option<PublicKey> {
    let (x, y) = raw.strip_prefix(&[UNCOMPRESSED])?.split_first_chunk()?;
    PublicKey::from_coordinates(x, y.try_into().ok()?)
}

#[wasm_bindgen]
impl RawKey {
    /// Imports what the key derives with: a passphrase or a private key. Whether a private key is that of its public key is not
    /// checked.
    pub fn import_own(&self) -> Promise {
        match &self.opens {
            Some(Key::Passphrase(passphrase)) => {
                let bytes = array(passphrase.expose());
                // An algorithm without parameters may be a text.
                let algorithm = JsValue::from("PBKDF2").unchecked_into();
                let begun = begin(&|subtle| {
                    subtle.import_key_with_object("raw", &bytes, &algorithm, false, &literal(DERIVES)?)
                });
                // The engine has its copy.
                bytes.fill(0, 0, bytes.length());
                begun
            }
            Some(Key::Private(private)) => begin(&|subtle| {
                let material = KeyMaterial::Private(private.clone());
                // Without what it says about itself, of which engines know little.
                let jwk = JSON::parse(&Jwk { material, algorithm: None, key_id: None }.print())?;
                subtle.import_key_with_object("jwk", jwk.unchecked_ref(), &literal(CURVE)?, false, &literal(DERIVES)?)
            }),
            _ => begin(&|_| Err(Failure::Jwk(JwkError::Public).into())),
        }
    }

    /// Imports the public key to agree with; `undefined` for keys that are not agreed on.
    pub fn import_recipient(&self) -> Option<Promise> {
        self.seals.as_ref().and_then(Recipient::agrees_with).map(import_point)
    }

    /// Stretches an imported passphrase to seal a token that tells `salt_input`.
    pub fn stretch(&self, passphrase: &CryptoKey, salt_input: &[u8]) -> Promise {
        let iterations = self.seals.as_ref().and_then(Recipient::iterations);
        stretch(passphrase, salt_input, iterations.map_or(0, Iterations::count))
    }
}

impl OpenPlan {
    fn derivation(&self) -> Option<Derivation> {
        if let Opening::Wrapped(plan) = &self.0 { plan.derivation() } else { None }
    }
}

#[wasm_bindgen]
impl OpenPlan {
    /// Imports the ephemeral key of the token, to agree with; `undefined` if it has none.
    pub fn import_ephemeral(&self) -> Option<Promise> {
        if let Some(Derivation::Agreement(point)) = self.derivation() { Some(import_point(point)) } else { None }
    }

    /// Stretches an imported passphrase as the token says.
    pub fn stretch(&self, passphrase: &CryptoKey) -> Promise {
        match self.derivation() {
            Some(Derivation::Stretching { salt_input, iterations }) => stretch(passphrase, &salt_input, iterations),
            _ => begin(&|_| Err(Failure::Open(OpenError::KeyMismatch).into())),
        }
    }
}

/// Draws the salt input of a new token.
///
/// # Errors
/// The engine has no randomness.
#[wasm_bindgen]
pub fn make_salt_input() -> Result<Uint8Array, JsValue> {
    let mut bytes = [0; SALT_BYTES];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| Failure::Seal(SealError::Randomness))?;
    Ok(array(&bytes))
}

/// Makes a key pair, whose private key may be exported on demand.
#[wasm_bindgen]
pub fn make_pair(is_extractable: bool) -> Promise {
    begin(&|subtle| subtle.generate_key_with_object(&literal(CURVE)?, is_extractable, &literal(DERIVES)?))
}

/// Exports a key: as `jwk`, or the point of a public key as `raw`.
#[wasm_bindgen]
pub fn export_key(format: &str, key: &CryptoKey) -> Promise {
    begin(&|subtle| subtle.export_key(format, key))
}

/// Derives the secret that a private key shares with a public key: the x coordinate of the point that both sides reach.
#[wasm_bindgen]
pub fn agree(own: &CryptoKey, other: &CryptoKey) -> Promise {
    begin(&|subtle| {
        let parameters: EcdhKeyDeriveParams = literal(r#"{"name":"ECDH","public":0}"#)?;
        parameters.set_public(other);
        subtle.derive_bits_with_object(&parameters, own, BITS)
    })
}
