//! Tokens: sealed, opened and refused. Keys throw JavaScript values, so these run where there is a JavaScript.
#![cfg(target_arch = "wasm32")]

use csms_wasm::jwe::{OpenPlan, RawKey};
use serde_json::Value;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

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

/// Opens a token whose key needs no derivation; `None` for the others.
fn open(vectors: &Value, vector: &Value) -> Option<Result<Vec<u8>, String>> {
    let binding = vector["binding"].as_object();
    let part = |name| binding.map(|binding| binding[name].as_str().unwrap().to_owned());
    let key = key(vectors, text(vector, "key"));
    if !["dir", "A256GCMKW"].contains(&key.algorithm().as_str()) {
        return None;
    }
    let plan = key.begin_open(part("name"), &part("purpose").unwrap_or_default(), text(vector, "token"), 0, 0);
    let opened = plan.and_then(OpenPlan::decrypt);
    Some(opened.map(|bytes| bytes.to_vec()).map_err(|error: JsValue| error.as_string().unwrap()))
}

#[wasm_bindgen_test]
fn every_text_of_the_vectors_under_a_symmetric_key_is_opened() {
    let vectors = read(VECTORS);
    let mut opened = 0;
    for vector in ["sealed", "foreign"].into_iter().flat_map(|name| list(&vectors, name)) {
        if let (Some(value), Some(found)) = (vector["utf8"].as_str(), open(&vectors, vector)) {
            assert_eq!(found.unwrap(), value.as_bytes(), "{}", text(vector, "name"));
            opened += 1;
        }
    }
    assert!(opened > 10, "{opened}");
}

#[wasm_bindgen_test]
fn every_wrong_token_of_the_vectors_is_refused_by_its_name() {
    let vectors = read(VECTORS);
    for vector in list(&vectors, "refused") {
        let Some(found) = open(&vectors, vector) else { continue };
        let error = found.unwrap_err();
        let expected = format!("open/{} ", text(vector, "error"));
        assert!(error.starts_with(&expected), "{}: {error}", text(vector, "name"));
    }
}

/// What stands in for WebCrypto here: both sides are given the same 32 bytes.
const DERIVED: [u8; 32] = [7; 32];

#[wasm_bindgen_test]
fn what_is_sealed_is_opened_under_its_own_name_only() {
    let vectors = read(VECTORS);
    let keys = [
        (RawKey::generate("dir").unwrap(), None),
        (RawKey::generate("A256GCMKW").unwrap(), None),
        (key(&vectors, "passphrase"), Some(vec![1; 16])),
        (key(&vectors, "recipient"), key(&vectors, "other recipient").point().map(|point| point.to_vec())),
    ];
    for (key, told) in keys {
        let derived = told.is_some().then(|| DERIVED.to_vec());
        let token = key.seal("demo", "value", derived, told.clone(), b"s3cr3t".to_vec()).unwrap();
        let mut plan = key.begin_open(Some("demo".into()), "value", &token, 0, 0).unwrap();
        assert_eq!(plan.derivation().map(|told| told.to_vec()), told);
        assert_eq!(plan.iterations(), key.iterations());
        if told.is_some() {
            plan = plan.unwrap_with(DERIVED.to_vec()).unwrap();
        }
        assert_eq!(plan.decrypt().unwrap().to_vec(), b"s3cr3t");
        let error = key.begin_open(Some("other".into()), "value", &token, 0, 0).unwrap_err().as_string().unwrap();
        assert!(error.starts_with("open/other-binding "), "{error}");
    }
}

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
    let key = RawKey::generate("dir").unwrap();
    assert!(told(key.seal("a b", "value", None, None, vec![]).unwrap_err()).starts_with("input/name "));
    assert!(told(key.seal("a", "", None, None, vec![]).unwrap_err()).starts_with("input/purpose "));
}
