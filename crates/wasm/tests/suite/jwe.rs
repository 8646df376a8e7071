//! Tokens: sealed, opened and refused. Keys throw JavaScript values, so these run where there is a JavaScript.
#![cfg(target_arch = "wasm32")]

use csms_wasm::jwe::{self, OpenPlan, RawKey};
use js_sys::{Promise, Reflect, Uint8Array};
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::CryptoKey;

use super::{list, read, text};

const VECTORS: &str = include_str!("../../../../tests/vectors/jwe.json");

fn key(vectors: &Value, name: &str) -> RawKey {
    let key = &vectors["keys"][name];
    let made = match key.get("passphrase") {
        Some(passphrase) => RawKey::passphrase(passphrase.as_str().unwrap().as_bytes().to_vec(), 10_000),
        None => RawKey::from_jwk(key["jwk"].to_string().into_bytes()),
    };
    made.unwrap()
}

async fn done<T: JsCast>(promise: Promise) -> T {
    JsFuture::from(promise).await.unwrap().unchecked_into()
}

async fn bytes(promise: Promise) -> Vec<u8> {
    Uint8Array::new(&done::<JsValue>(promise).await).to_vec()
}

/// Derives what a token is unwrapped with, and unwraps it; a token whose key needs no derivation stays as it is.
async fn unwrapped(key: &RawKey, plan: OpenPlan) -> Result<OpenPlan, JsValue> {
    if !key.derives() {
        return Ok(plan);
    }
    let own = done(key.import_own()).await;
    let derived = match plan.import_ephemeral() {
        Some(other) => bytes(jwe::agree(&own, &done(other).await)).await,
        None => bytes(plan.stretch(&own)).await,
    };
    plan.unwrap_with(derived)
}

/// What a new token is derived from, and what it tells; nothing for a key that needs no derivation.
async fn derived(key: &RawKey) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    if !key.derives() {
        return (None, None);
    }
    let Some(recipient) = key.import_recipient() else {
        let told = jwe::make_salt_input().unwrap().to_vec();
        let secret = bytes(key.stretch(&done(key.import_own()).await, &told)).await;
        return (Some(secret), Some(told));
    };
    let recipient = done(recipient).await;
    let pair: JsValue = done(jwe::make_pair(false)).await;
    let half = |name: &str| Reflect::get(&pair, &name.into()).unwrap().unchecked_into::<CryptoKey>();
    let secret = bytes(jwe::agree(&half("privateKey"), &recipient)).await;
    (Some(secret), Some(bytes(jwe::export_key("raw", &half("publicKey"))).await))
}

/// Opens a token by its vector.
async fn open(vectors: &Value, vector: &Value) -> Result<Vec<u8>, String> {
    let binding = vector["binding"].as_object();
    let part = |name| binding.map(|binding| binding[name].as_str().unwrap().to_owned());
    let key = key(vectors, text(vector, "key"));
    let opening = async {
        let plan = key.begin_open(part("name"), &part("purpose").unwrap_or_default(), text(vector, "token"), 0, 0)?;
        unwrapped(&key, plan).await?.decrypt()
    };
    opening.await.map(|bytes| bytes.to_vec()).map_err(|error: JsValue| error.as_string().unwrap())
}

#[wasm_bindgen_test]
async fn every_text_of_the_vectors_is_opened() {
    let vectors = read(VECTORS);
    let mut opened = 0;
    for vector in ["sealed", "foreign"].into_iter().flat_map(|name| list(&vectors, name)) {
        if let Some(value) = vector["utf8"].as_str() {
            assert_eq!(open(&vectors, vector).await.unwrap(), value.as_bytes(), "{}", text(vector, "name"));
            opened += 1;
        }
    }
    assert!(opened > 20, "{opened}");
}

#[wasm_bindgen_test]
async fn every_wrong_token_of_the_vectors_is_refused_by_its_name() {
    let vectors = read(VECTORS);
    for vector in list(&vectors, "refused") {
        let error = open(&vectors, vector).await.unwrap_err();
        let expected = format!("open/{} ", text(vector, "error"));
        assert!(error.starts_with(&expected), "{}: {error}", text(vector, "name"));
    }
}

#[wasm_bindgen_test]
async fn what_is_sealed_is_opened_under_its_own_name_only() {
    let vectors = read(VECTORS);
    let made = |algorithm| RawKey::generate(algorithm).unwrap();
    for key in [made("dir"), made("A256GCMKW"), key(&vectors, "passphrase"), key(&vectors, "recipient")] {
        let (secret, told) = derived(&key).await;
        let token = key.seal("demo", "value", secret, told, b"s3cr3t".to_vec()).unwrap();
        let plan = key.begin_open(Some("demo".into()), "value", &token, 0, 0).unwrap();
        assert_eq!(unwrapped(&key, plan).await.unwrap().decrypt().unwrap().to_vec(), b"s3cr3t");
        let error = key.begin_open(Some("other".into()), "value", &token, 0, 0).unwrap_err().as_string().unwrap();
        assert!(error.starts_with("open/other-binding "), "{error}");
    }
}

#[wasm_bindgen_test]
async fn a_generated_pair_becomes_a_key_that_seals_and_opens() {
    let pair: JsValue = done(jwe::make_pair(true)).await;
    let private = Reflect::get(&pair, &"privateKey".into()).unwrap().unchecked_into();
    let jwk: JsValue = done(jwe::export_key("jwk", &private)).await;
    let member = |name: &str| Reflect::get(&jwk, &name.into()).unwrap().as_string().unwrap();
    let [x, y, d] = ["x", "y", "d"].map(member);
    let json = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d }).to_string();
    let key = RawKey::from_jwk(json.into_bytes()).unwrap();
    let (secret, told) = derived(&key).await;
    let token = key.seal("demo", "value", secret, told, b"s3cr3t".to_vec()).unwrap();
    let plan = key.begin_open(Some("demo".into()), "value", &token, 0, 0).unwrap();
    assert_eq!(unwrapped(&key, plan).await.unwrap().decrypt().unwrap().to_vec(), b"s3cr3t");
}

const DERIVED: [u8; 32] = [7; 32];

#[wasm_bindgen_test]
fn what_was_derived_wrongly_opens_nothing() {
    let vectors = read(VECTORS);
    let key = key(&vectors, "passphrase");
    let told = |error: JsValue| error.as_string().unwrap();
    let sealed = |secret: &[u8]| key.seal("demo", "value", Some(secret.to_vec()), Some(vec![1; 16]), vec![]);
    let token = sealed(&DERIVED).unwrap();
    let plan = key.begin_open(Some("demo".into()), "value", &token, 0, 0).unwrap();
    assert!(told(plan.unwrap_with(vec![8; 32]).unwrap_err()).starts_with("open/decryption "));
    let underived = key.begin_open(Some("demo".into()), "value", &token, 0, 0).unwrap();
    assert!(told(underived.decrypt().unwrap_err()).starts_with("open/decryption "));
    assert!(told(sealed(&[7; 31]).unwrap_err()).starts_with("seal/underived "));
    assert!(told(key.seal("demo", "value", None, None, vec![]).unwrap_err()).starts_with("seal/underived "));
}

#[wasm_bindgen_test]
fn a_wrong_key_or_name_is_told() {
    let told = |error: JsValue| error.as_string().unwrap();
    assert!(told(RawKey::direct(vec![0; 31]).unwrap_err()).starts_with("input/key "));
    assert!(told(RawKey::generate("RSA-OAEP").unwrap_err()).starts_with("input/key "));
    assert!(told(RawKey::from_jwk(b"{}".to_vec()).unwrap_err()).starts_with("jwk/"));
    let nowhere = "A".repeat(43);
    let off_the_curve = json!({ "kty": "EC", "crv": "P-256", "x": nowhere, "y": nowhere }).to_string();
    assert!(told(RawKey::from_jwk(off_the_curve.into_bytes()).unwrap_err()).starts_with("jwk/not-on-curve "));
    let key = RawKey::generate("dir").unwrap();
    assert!(told(key.seal("a b", "value", None, None, vec![]).unwrap_err()).starts_with("input/name "));
    assert!(told(key.seal("a", "", None, None, vec![]).unwrap_err()).starts_with("input/purpose "));
}
