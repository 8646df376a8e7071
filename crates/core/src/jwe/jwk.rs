//! JSON Web Keys (RFC 7517): the symmetric keys and P-256 keys that seal and open, read and printed.
//!
//! Members that are not used here are checked to be JSON and ignored, as RFC 7517 section 4 asks.

use alloc::string::{String, ToString};

use zeroize::Zeroizing;

use super::{
    base64url,
    error::JwkError,
    hazmat::Secret,
    header::{Algorithm, write_point},
    json::{JsonError, Object, Value, Writer},
    key::{AesKey, PrivateKey, PublicKey},
};

/// Greatest length of the text of a key, in bytes.
const MAX_BYTES: usize = 16_384;

/// The key in a JSON Web Key.
#[derive(Clone, Debug)]
pub enum KeyMaterial {
    /// `"kty":"oct"` of 256 bits.
    Symmetric(AesKey),
    /// `"kty":"EC"`, `"crv":"P-256"` without `d`.
    Public(PublicKey),
    /// `"kty":"EC"`, `"crv":"P-256"` with `d`.
    Private(PrivateKey),
}

/// A key with what it says about itself.
#[derive(Clone, Debug)]
pub struct Jwk {
    /// The key.
    pub material: KeyMaterial,
    /// `alg`: the one algorithm it is for, if it says so.
    pub algorithm: Option<Algorithm>,
    /// `kid`: its name, if it has one.
    pub key_id: Option<String>,
}

impl Jwk {
    /// Reads a key.
    ///
    /// # Errors
    /// [`JwkError`] for text that is not such a key, a point that is not on the curve, a private key that does not
    /// belong to its public key, and a key whose `use` or `alg` is for something else than sealing here.
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        if text.len() > MAX_BYTES {
            return Err(JwkError::TooLong);
        }
        let mut members = Object::parse(text)?;
        let material = match required(&mut members, "kty")?.as_str() {
            "oct" => KeyMaterial::Symmetric(AesKey::from_bytes(&*required_key(&mut members, "k")?)),
            "EC" => read_p256(&mut members)?,
            _ => return Err(JwkError::KeyType),
        };
        if optional(&mut members, "use")?.is_some_and(|text| *text != "enc") {
            return Err(JwkError::OtherUse);
        }
        let algorithm = match optional(&mut members, "alg")? {
            Some(name) => Some(algorithm_for(&material, &name)?),
            None => None,
        };
        let key_id = optional(&mut members, "kid")?.map(|text| text.to_string());
        Ok(Self { material, algorithm, key_id })
    }

    /// The key as JSON, private parts included. Wiped when dropped.
    #[must_use]
    pub fn print(&self) -> Zeroizing<String> {
        // Room for all members and an identifier of ordinary length, so that no copy of a private part is left behind;
        // the identifier comes last and private parts are written before it.
        let mut json = Writer::new(512);
        match &self.material {
            KeyMaterial::Symmetric(key) => {
                json.text("kty", "oct");
                json.text("k", &base64url::encode_key(key.expose()));
            }
            KeyMaterial::Public(key) => write_point(&mut json, key),
            KeyMaterial::Private(key) => {
                write_point(&mut json, &key.public_key());
                json.text("d", &base64url::encode_key(&key.expose_scalar()));
            }
        }
        if let Some(algorithm) = self.algorithm {
            json.text("alg", algorithm.name());
        }
        if let Some(key_id) = &self.key_id {
            json.text("kid", key_id);
        }
        json.finish()
    }
}

impl From<JsonError> for JwkError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax => Self::Syntax,
            JsonError::Duplicate => Self::DuplicateMember,
        }
    }
}

/// The algorithm that `alg` names, if the key can serve it. WebCrypto marks content keys with `A256GCM`.
fn algorithm_for(material: &KeyMaterial, name: &str) -> Result<Algorithm, JwkError> {
    match (material, name, Algorithm::from_name(name)) {
        (KeyMaterial::Symmetric(_), "A256GCM", _) => Ok(Algorithm::Direct),
        (KeyMaterial::Symmetric(_), _, Some(algorithm @ (Algorithm::Direct | Algorithm::KeyWrapping)))
        | (KeyMaterial::Public(_) | KeyMaterial::Private(_), _, Some(algorithm @ Algorithm::KeyAgreement)) => {
            Ok(algorithm)
        }
        _ => Err(JwkError::OtherUse),
    }
}

fn read_p256(members: &mut Object) -> Result<KeyMaterial, JwkError> {
    if *required(members, "crv")? != "P-256" {
        return Err(JwkError::KeyType);
    }
    let (x, y) = (required_key(members, "x")?, required_key(members, "y")?);
    let public = PublicKey::from_coordinates(&x, &y).ok_or(JwkError::NotOnCurve)?;
    let Some(scalar) = optional(members, "d")? else { return Ok(KeyMaterial::Public(public)) };
    let private = PrivateKey::from_pair(key_bytes("d", &scalar)?, public).ok_or(JwkError::PrivateKey)?;
    Ok(KeyMaterial::Private(private))
}

fn optional(members: &mut Object, name: &'static str) -> Result<Option<Zeroizing<String>>, JwkError> {
    match members.take(name) {
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::MemberForm(name)),
        None => Ok(None),
    }
}

fn required(members: &mut Object, name: &'static str) -> Result<Zeroizing<String>, JwkError> {
    optional(members, name)?.ok_or(JwkError::MissingMember(name))
}

fn required_key(members: &mut Object, name: &'static str) -> Result<Secret, JwkError> {
    key_bytes(name, &required(members, name)?)
}

fn key_bytes(name: &'static str, text: &str) -> Result<Secret, JwkError> {
    base64url::decode_key(text).ok_or(JwkError::MemberForm(name))
}

#[cfg(test)]
mod tests;
