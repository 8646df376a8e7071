//! The vectors in `tests/vectors/jwe.json`, which other languages read too.
//!
//! `sealed` comes from another implementation that was given the same randomness, so every byte is checked;
//! `foreign` are tokens of other libraries; `refused` are tokens that are wrong in one fact, and that fact's name.

use std::{collections::BTreeSet, string::ToString};

use serde_json::Value;

use super::*;

const VECTORS: &str = include_str!("../../../../../tests/vectors/jwe.json");

struct Vectors(Value);

impl Vectors {
    fn load() -> Self {
        Self(serde_json::from_str(VECTORS).unwrap())
    }

    fn list(&self, name: &str) -> &[Value] {
        self.0[name].as_array().unwrap()
    }

    /// The key that a vector names.
    fn key(&self, vector: &Value) -> &Value {
        &self.0["keys"][text(vector, "key")]
    }

    fn opener(&self, vector: &Value) -> Key {
        let key = self.key(vector);
        match key["passphrase"].as_str() {
            Some(passphrase) => Key::Passphrase(Passphrase::new(passphrase).unwrap()),
            None => Key::for_jwk(&Jwk::parse(&key["jwk"].to_string()).unwrap()).unwrap(),
        }
    }

    fn recipient(&self, vector: &Value) -> Recipient {
        let key = self.key(vector);
        let Some(passphrase) = key["passphrase"].as_str() else {
            return Recipient::for_jwk(&Jwk::parse(&key["jwk"].to_string()).unwrap()).unwrap();
        };
        let iterations = u32::try_from(vector["iterations"].as_u64().unwrap()).unwrap();
        Recipient::passphrase(Passphrase::new(passphrase).unwrap(), Iterations::new(iterations).unwrap())
    }

    fn open(&self, vector: &Value) -> Result<Vec<u8>, OpenError> {
        let (key, token) = (self.opener(vector), text(vector, "token"));
        let opened = match bound_to(vector) {
            Some(binding) => open(&key, &binding, token, &Limits::default()),
            None => open_unbound(&key, token, &Limits::default()),
        };
        opened.map(|value| value.to_vec())
    }
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn bound_to(vector: &Value) -> Option<Binding> {
    let bound = &vector["binding"];
    (!bound.is_null()).then(|| binding(text(bound, "name"), text(bound, "purpose")))
}

fn plaintext(vector: &Value) -> Vec<u8> {
    match vector["utf8"].as_str() {
        Some(text) => text.into(),
        None => bytes(text(vector, "base64url")),
    }
}

#[test]
fn sealing_with_the_same_randomness_gives_the_same_token() {
    let vectors = Vectors::load();
    let mut algorithms = BTreeSet::new();
    for vector in vectors.list("sealed") {
        let recipient = vectors.recipient(vector);
        let mut randomness = Known::new(bytes(text(vector, "random")));
        let token = seal(&recipient, &bound_to(vector).unwrap(), &plaintext(vector), &mut randomness).unwrap();
        assert_eq!(token, text(vector, "token"), "{}", vector["name"]);
        assert!(randomness.0.is_empty(), "{}", vector["name"]);
        algorithms.insert(recipient.algorithm().name());
    }
    assert_eq!(algorithms.len(), 4);
}

#[test]
fn sealed_tokens_open() {
    let vectors = Vectors::load();
    for vector in vectors.list("sealed") {
        assert_eq!(vectors.open(vector).unwrap(), plaintext(vector), "{}", vector["name"]);
    }
}

#[test]
fn tokens_of_other_libraries_open() {
    let vectors = Vectors::load();
    let mut seen = BTreeSet::new();
    for vector in vectors.list("foreign") {
        assert_eq!(vectors.open(vector).unwrap(), plaintext(vector), "{}", vector["name"]);
        let library = text(vector, "generator").split(' ').next().unwrap();
        seen.insert((library.to_string(), vectors.opener(vector).algorithm().name()));
    }
    // Two libraries, four algorithms.
    assert_eq!(seen.len(), 8);
}

#[test]
fn wrong_tokens_are_refused_for_the_fact_that_is_wrong() {
    let vectors = Vectors::load();
    for vector in vectors.list("refused") {
        let error = vectors.open(vector).unwrap_err();
        assert_eq!(error.name(), text(vector, "error"), "{}: {error}", vector["name"]);
    }
    assert!(vectors.list("refused").len() > 60);
}
