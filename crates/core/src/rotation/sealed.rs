//! Rotated secrets whose values are sealed for the rotation function: JWE tokens (`ECDH-ES+A256KW`) for its public key,
//! bound to the secret's name and the purpose `rotation-<project id>`, so that a value does not open for a secret of the same name
//! in another project.
//!
//! Older values have the purpose `rotation` and are bound to the name alone. They open until a key is told to require the project;
//! what is sealed is always bound to it.
//!
//! The service sees that a value is sealed and no more, so it lets the function make the pending version. Who reads the
//! secret, an application for instance, needs the private key too.

use alloc::{format, string::ToString};

use rand_core::TryCryptoRng;

use crate::{
    identity::ProjectId,
    jwe::{self, Algorithm, Binding, Header, JwkError, Key, Limits, OpenError, Purpose, Recipient},
    name::SecretName,
    problem::Violation,
    value::{SecretValue, ValueLimit},
};

/// The purpose of values that are bound to no project.
const ANY_PROJECT: &str = "rotation";

/// The purpose that sealed values of the rotated secrets of a project are bound to.
///
/// # Errors
/// [`Rule::TooLong`](crate::Rule::TooLong) for an identifier of more than 55 characters; those of the cloud have 32.
pub fn purpose(project: &ProjectId) -> Result<Purpose, Violation> {
    Purpose::parse(format!("{ANY_PROJECT}-{project}"))
}

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
    requires_project: bool,
}

/// Why a value was not opened or sealed. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealingError {
    /// It is not sealed.
    NotSealed,
    /// It is bound to no project, and the key requires one.
    AnyProject,
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
            Self::AnyProject => {
                f.write_str("it is bound to no project: seal it again, for the purpose rotation-<project id>")
            }
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
        Ok(Self { open, seal: Recipient::for_jwk(&jwk)?, requires_project: false })
    }

    /// The same key, which does not open values that are bound to no project.
    #[must_use]
    pub fn requiring_project(self) -> Self {
        Self { requires_project: true, ..self }
    }

    /// Opens the sealed value of a secret of a project.
    ///
    /// # Errors
    /// [`SealingError`].
    pub fn open(
        &self,
        project: &ProjectId,
        name: &SecretName,
        value: &SecretValue,
    ) -> Result<SecretValue, SealingError> {
        let token = value.as_text().ok_or(SealingError::NotSealed)?;
        let limits = Limits::default();
        // Only a claim, which opening proves.
        let header = Header::of_token(token, &limits).map_err(SealingError::Opening)?;
        let is_of_any = header.binding().is_some_and(|binding| binding.purpose().as_str() == ANY_PROJECT);
        let purpose = match (is_of_any, self.requires_project) {
            (true, true) => return Err(SealingError::AnyProject),
            (true, false) => Purpose::parse(ANY_PROJECT),
            (false, _) => purpose(project),
        };
        let binding = Binding::new(name.clone(), purpose.map_err(SealingError::Value)?);
        let opened = jwe::open(&self.open, &binding, token, &limits);
        let opened = opened.map_err(SealingError::Opening)?;
        // The bytes are wiped with `opened`, and the text with the value.
        let text = core::str::from_utf8(&opened).map_err(|_| SealingError::NotSealed)?;
        SecretValue::text_within(text.to_string(), ValueLimit::Guide).map_err(SealingError::Value)
    }

    /// Seals a text for the secret of this name in a project.
    ///
    /// # Errors
    /// [`SealingError`].
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        value: &SecretValue,
        rng: &mut R,
    ) -> Result<SecretValue, SealingError> {
        let text = value.as_text().ok_or(SealingError::Sealing)?;
        let binding = Binding::new(name.clone(), purpose(project).map_err(SealingError::Value)?);
        let token = jwe::seal(&self.seal, &binding, text.as_bytes(), rng).map_err(|_| SealingError::Sealing)?;
        SecretValue::text_within(token, ValueLimit::Guide).map_err(SealingError::Value)
    }
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

    fn project(digit: &str) -> ProjectId {
        ProjectId::parse(digit.repeat(32)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_secret_project_and_key_alone() {
        let (key, name, home) = (key(), SecretName::parse("db").unwrap(), project("0"));
        let sealed = key.seal(&home, &name, &text("{}"), &mut SysRng).unwrap();
        assert!(is_sealed(&sealed) && !is_sealed(&text("{}")));
        assert_eq!(key.open(&home, &name, &sealed).unwrap(), text("{}"));
        assert!(key.open(&home, &SecretName::parse("other").unwrap(), &sealed).is_err());
        assert!(key.open(&project("1"), &name, &sealed).is_err());
        assert!(super::tests::key().open(&home, &name, &sealed).is_err());
    }

    #[test]
    fn a_value_that_is_bound_to_no_project_opens_until_the_key_requires_one() {
        let (key, name, home) = (key(), SecretName::parse("db").unwrap(), project("0"));
        let binding = |name: &SecretName| Binding::new(name.clone(), Purpose::parse("rotation").unwrap());
        let old = text(&jwe::seal(&key.seal, &binding(&name), b"{}", &mut SysRng).unwrap());
        assert_eq!(key.open(&home, &name, &old).unwrap(), text("{}"));
        assert!(key.open(&home, &SecretName::parse("other").unwrap(), &old).is_err());
        let strict = key.clone().requiring_project();
        assert_eq!(strict.open(&home, &name, &old), Err(SealingError::AnyProject));
        let sealed = strict.seal(&home, &name, &text("{}"), &mut SysRng).unwrap();
        assert_eq!(strict.open(&home, &name, &sealed).unwrap(), text("{}"));
    }

    #[test]
    fn values_for_other_purposes_do_not_open() {
        let (key, name, home) = (key(), SecretName::parse("db").unwrap(), project("0"));
        for purpose in ["console", "rotation-", "rotation-other"] {
            let binding = Binding::new(name.clone(), Purpose::parse(purpose).unwrap());
            let other = text(&jwe::seal(&key.seal, &binding, b"{}", &mut SysRng).unwrap());
            assert!(matches!(key.open(&home, &name, &other), Err(SealingError::Opening(_))), "{purpose}");
        }
    }

    #[test]
    fn a_public_or_symmetric_key_is_refused() {
        let material = KeyMaterial::Public(PrivateKey::make(&mut SysRng).unwrap().public_key());
        let public = Jwk { material, algorithm: None, key_id: None };
        assert!(SealingKey::parse(&public.print()).is_err());
        assert!(SealingKey::parse(r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#).is_err());
    }
}
