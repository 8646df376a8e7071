//! Rotated secrets whose values are sealed for the rotation function: JWE tokens (`ECDH-ES+A256KW`) for its public key,
//! bound to the secret's name and the purpose `rotation`.
//!
//! The service sees that a value is sealed and no more, so it lets the function make the pending version. Who reads the
//! secret, an application for instance, needs the private key too.

use alloc::string::ToString;

use rand_core::TryCryptoRng;

use crate::{
    jwe::{self, Algorithm, Binding, Header, JwkError, Key, Limits, OpenError, Purpose, Recipient},
    name::SecretName,
    problem::Violation,
    value::SecretValue,
};

/// The purpose that sealed values of rotated secrets are bound to.
pub const PURPOSE: &str = "rotation";

/// Whether a value is a token for the holder of a private key, as far as can be seen without the key.
#[must_use]
pub fn is_sealed(value: &SecretValue) -> bool {
    let header = value.as_text().map(|text| Header::of_token(text, &Limits::default()));
    matches!(header, Some(Ok(header)) if header.algorithm() == Algorithm::KeyAgreement)
}

/// The key pair of a rotation function.
#[derive(Clone, Debug)]
pub struct SealingKey {
    open: Key,
    seal: Recipient,
}

/// Why a value was not opened or sealed. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealingError {
    /// It is not sealed.
    NotSealed,
    /// The token does not open with this key and for this secret.
    Opening(OpenError),
    /// The value cannot be sealed.
    Sealing,
    /// What was sealed, or the sealed value, does not fit into a version.
    Value(Violation),
}

impl core::fmt::Display for SealingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotSealed => f.write_str("it is not sealed"),
            Self::Opening(error) => write!(f, "it does not open: {error}"),
            Self::Sealing => f.write_str("it cannot be sealed"),
            Self::Value(violation) => f.write_str(&violation.message()),
        }
    }
}

impl SealingKey {
    /// Reads a private P-256 key, a JSON Web Key.
    ///
    /// # Errors
    /// [`JwkError`] for anything else.
    pub fn parse(jwk: &str) -> Result<Self, JwkError> {
        let jwk = jwe::Jwk::parse(jwk)?;
        let open = Key::for_jwk(&jwk)?;
        if open.algorithm() != Algorithm::KeyAgreement {
            return Err(JwkError::KeyType);
        }
        Ok(Self { open, seal: Recipient::for_jwk(&jwk)? })
    }

    /// Opens the sealed value of a secret.
    ///
    /// # Errors
    /// [`SealingError`].
    pub fn open(&self, name: &SecretName, value: &SecretValue) -> Result<SecretValue, SealingError> {
        let token = value.as_text().ok_or(SealingError::NotSealed)?;
        let opened = jwe::open(&self.open, &binding(name)?, token, &Limits::default());
        let opened = opened.map_err(SealingError::Opening)?;
        // The bytes are wiped with `opened`, and the text with the value.
        let text = core::str::from_utf8(&opened).map_err(|_| SealingError::NotSealed)?;
        SecretValue::text(text.to_string()).map_err(SealingError::Value)
    }

    /// Seals a text for the secret of this name.
    ///
    /// # Errors
    /// [`SealingError`].
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        name: &SecretName,
        value: &SecretValue,
        rng: &mut R,
    ) -> Result<SecretValue, SealingError> {
        let text = value.as_text().ok_or(SealingError::Sealing)?;
        let token = jwe::seal(&self.seal, &binding(name)?, text.as_bytes(), rng).map_err(|_| SealingError::Sealing)?;
        SecretValue::text(token).map_err(SealingError::Value)
    }
}

fn binding(name: &SecretName) -> Result<Binding, SealingError> {
    Ok(Binding::new(name.clone(), Purpose::parse(PURPOSE).map_err(SealingError::Value)?))
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use getrandom::SysRng;

    use super::*;
    use crate::jwe::{Jwk, KeyMaterial, PrivateKey};

    fn key() -> SealingKey {
        let material = KeyMaterial::Private(PrivateKey::make(&mut SysRng).unwrap());
        let jwk = Jwk { material, algorithm: Some(Algorithm::KeyAgreement), key_id: Some(String::from("function-1")) };
        SealingKey::parse(&jwk.print()).unwrap()
    }

    fn text(text: &str) -> SecretValue {
        SecretValue::text(text.to_string()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_secret_and_key_alone() {
        let (key, name) = (key(), SecretName::parse("db").unwrap());
        let sealed = key.seal(&name, &text("{}"), &mut SysRng).unwrap();
        assert!(is_sealed(&sealed) && !is_sealed(&text("{}")));
        assert_eq!(key.open(&name, &sealed).unwrap(), text("{}"));
        assert!(key.open(&SecretName::parse("other").unwrap(), &sealed).is_err());
        assert!(super::tests::key().open(&name, &sealed).is_err());
    }

    #[test]
    fn a_public_or_symmetric_key_is_refused() {
        let material = KeyMaterial::Public(PrivateKey::make(&mut SysRng).unwrap().public_key());
        let public = Jwk { material, algorithm: None, key_id: None };
        assert!(SealingKey::parse(&public.print()).is_err());
        assert!(SealingKey::parse(r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#).is_err());
    }
}
