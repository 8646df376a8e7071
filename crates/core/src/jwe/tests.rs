//! The module as its users see it: published examples, vectors shared with other languages, and properties.

mod project_wycheproof;
mod properties;
mod published;
mod vectors;

use std::{string::String, vec::Vec};

use rand_core::{TryCryptoRng, TryRng};

use super::*;
use crate::SecretName;

/// Randomness that is known: yields the given bytes, then fails. For tests only.
struct Known(Vec<u8>);

impl Known {
    fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
}

impl TryRng for Known {
    type Error = std::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Self::Error> {
        if into.len() > self.0.len() {
            return Err(std::fmt::Error);
        }
        let rest = self.0.split_off(into.len());
        into.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Known {}

fn binding(secret_name: &str, purpose: &str) -> Binding {
    Binding::new(SecretName::parse(secret_name).unwrap(), Purpose::parse(purpose).unwrap())
}

fn bytes(base64url: &str) -> Vec<u8> {
    super::base64url::decode(base64url).unwrap()
}

fn array<const N: usize>(base64url: &str) -> [u8; N] {
    bytes(base64url).try_into().unwrap()
}

/// A recipient and the key that opens what is sealed for it, for each algorithm.
fn pairs() -> Vec<(Recipient, Key)> {
    let content = AesKey::from_bytes(&[1; 32]);
    let wrapping = AesKey::from_bytes(&[2; 32]);
    let passphrase = Passphrase::new("correct horse battery staple").unwrap();
    let private = PrivateKey::from_scalar(&[3; 32]).unwrap();
    let iterations = Iterations::new(10_000).unwrap();
    std::vec![
        (Recipient::direct(content.clone()), Key::Direct(content)),
        (Recipient::key_wrapping(wrapping.clone()), Key::KeyWrapping(wrapping)),
        (Recipient::passphrase(passphrase.clone(), iterations), Key::Passphrase(passphrase)),
        (Recipient::public_key(private.public_key()), Key::Private(private)),
    ]
}

/// A token with this text as its header, and nothing right behind it.
fn token_with_header(header: &str) -> String {
    let header = super::base64url::encode(header.as_bytes());
    std::format!("{header}..AAAAAAAAAAAAAAAA..AAAAAAAAAAAAAAAAAAAAAA")
}
