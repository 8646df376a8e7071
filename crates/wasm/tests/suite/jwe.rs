//! Tokens: sealed, opened and refused. Keys throw JavaScript values, so these run where there is a JavaScript.
#![cfg(target_arch = "wasm32")]

use csms_wasm::jwe::RawKey;
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

fn open(vectors: &Value, vector: &Value) -> Result<Vec<u8>, String> {
    let binding = vector["binding"].as_object();
    let part = |name| binding.map(|binding| binding[name].as_str().unwrap().to_owned());
    let key = key(vectors, text(vector, "key"));
    let opened = key.open(part("name"), &part("purpose").unwrap_or_default(), text(vector, "token"), 0);
    opened.map(|bytes| bytes.to_vec()).map_err(|error: JsValue| error.as_string().unwrap())
}

#[wasm_bindgen_test]
fn every_text_of_the_vectors_is_opened() {
    let vectors = read(VECTORS);
    for vector in ["sealed", "foreign"].into_iter().flat_map(|name| list(&vectors, name)) {
        if let Some(value) = vector["utf8"].as_str() {
            assert_eq!(open(&vectors, vector).unwrap(), value.as_bytes(), "{}", text(vector, "name"));
        }
    }
}

#[wasm_bindgen_test]
fn every_wrong_token_of_the_vectors_is_refused_by_its_name() {
    let vectors = read(VECTORS);
    for vector in list(&vectors, "refused") {
        let error = open(&vectors, vector).unwrap_err();
        let expected = format!("open/{} ", text(vector, "error"));
        assert!(error.starts_with(&expected), "{}: {error}", text(vector, "name"));
    }
}

#[wasm_bindgen_test]
fn what_is_sealed_is_opened_under_its_own_name_only() {
    for algorithm in ["dir", "A256GCMKW", "ECDH-ES+A256KW"] {
        let key = RawKey::generate(algorithm).unwrap();
        let token = key.seal("demo", "value", b"s3cr3t".to_vec()).unwrap();
        assert_eq!(key.open(Some("demo".into()), "value", &token, 0).unwrap().to_vec(), b"s3cr3t");
        let error = key.open(Some("other".into()), "value", &token, 0).unwrap_err().as_string().unwrap();
        assert!(error.starts_with("open/other-binding "), "{error}");
    }
}

#[wasm_bindgen_test]
fn a_wrong_key_or_name_is_told() {
    let told = |error: JsValue| error.as_string().unwrap();
    assert!(told(RawKey::direct(vec![0; 31]).unwrap_err()).starts_with("input/key "));
    assert!(told(RawKey::generate("RSA-OAEP").unwrap_err()).starts_with("input/key "));
    assert!(told(RawKey::from_jwk(b"{}".to_vec()).unwrap_err()).starts_with("jwk/"));
    let key = RawKey::generate("dir").unwrap();
    assert!(told(key.seal("a b", "value", vec![]).unwrap_err()).starts_with("input/name "));
    assert!(told(key.seal("a", "", vec![]).unwrap_err()).starts_with("input/purpose "));
}
