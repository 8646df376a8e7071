//! The protected header: which algorithm, its parameters, and the binding. Written by us, read from anyone.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    base64url,
    binding::{Binding, Purpose},
    error::OpenError,
    hazmat::{IV_BYTES, KEY_BYTES, TAG_BYTES},
    json::{JsonError, Object, Value, Writer},
    key::PublicKey,
    open::Limits,
};
use crate::name::SecretName;

/// The only content encryption algorithm.
const ENCRYPTION: &str = "A256GCM";

/// Least and greatest length of the PBES2 salt input, in bytes. RFC 7518 section 4.8.1.1 asks for 8 or more.
const SALT_BYTES: core::ops::RangeInclusive<usize> = 8..=128;

/// Least iteration count of a token that is opened, as RFC 7518 section 4.8.1.2 recommends.
const MIN_ITERATIONS: u32 = 1_000;

/// How the content key reaches the recipient (RFC 7518 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `dir`: the recipient has it.
    Direct,
    /// `A256GCMKW`: wrapped by AES-256-GCM.
    KeyWrapping,
    /// `PBES2-HS512+A256KW`: wrapped under a passphrase.
    Passphrase,
    /// `ECDH-ES+A256KW`: wrapped under a key agreed with the recipient's public key.
    KeyAgreement,
}

impl Algorithm {
    /// The registered name, as in `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "dir",
            Self::KeyWrapping => "A256GCMKW",
            Self::Passphrase => "PBES2-HS512+A256KW",
            Self::KeyAgreement => "ECDH-ES+A256KW",
        }
    }

    /// The algorithm with a registered name; `None` for those that are not supported.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Direct, Self::KeyWrapping, Self::Passphrase, Self::KeyAgreement]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

/// The algorithm with what it needs from the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parameters {
    Direct,
    KeyWrapping { iv: [u8; IV_BYTES], tag: [u8; TAG_BYTES] },
    Passphrase { salt_input: Vec<u8>, iterations: u32 },
    KeyAgreement { ephemeral: PublicKey, apu: Vec<u8>, apv: Vec<u8> },
}

impl Parameters {
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Direct => Algorithm::Direct,
            Self::KeyWrapping { .. } => Algorithm::KeyWrapping,
            Self::Passphrase { .. } => Algorithm::Passphrase,
            Self::KeyAgreement { .. } => Algorithm::KeyAgreement,
        }
    }
}

/// What a token says about itself. Before the token has been opened this is a claim: enough to choose a key, not to
/// trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub(super) parameters: Parameters,
    pub(super) key_id: Option<String>,
    pub(super) binding: Option<Binding>,
}

impl Header {
    /// Reads the protected header of a token, checked as when the token is opened but not authenticated.
    ///
    /// # Errors
    /// Everything that [`open()`](super::open()) checks without the key.
    pub fn of_token(token: &str, limits: &Limits) -> Result<Self, OpenError> {
        super::open::Parts::split(token, limits)?.read_header(limits)
    }

    /// The key management algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.parameters.algorithm()
    }

    /// `kid`: which key the token was sealed for.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The secret and purpose the token claims to be bound to.
    #[must_use]
    pub const fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref()
    }

    /// The header as JSON.
    pub(super) fn write(&self) -> String {
        let mut json = Writer::new(512);
        json.text("alg", self.algorithm().name());
        json.text("enc", ENCRYPTION);
        if let Some(key_id) = &self.key_id {
            json.text("kid", key_id);
        }
        match &self.parameters {
            Parameters::Direct => {}
            Parameters::KeyWrapping { iv, tag } => {
                json.text("iv", &base64url::encode(iv));
                json.text("tag", &base64url::encode(tag));
            }
            Parameters::Passphrase { salt_input, iterations } => {
                json.text("p2s", &base64url::encode(salt_input));
                json.count("p2c", *iterations);
            }
            Parameters::KeyAgreement { ephemeral, apu, apv } => {
                json.object("epk", |epk| write_point(epk, ephemeral));
                for (name, info) in [("apu", apu), ("apv", apv)] {
                    if !info.is_empty() {
                        json.text(name, &base64url::encode(info));
                    }
                }
            }
        }
        if let Some(binding) = &self.binding {
            json.object("csms", |csms| {
                csms.text("name", binding.secret_name().as_str());
                csms.text("purpose", binding.purpose().as_str());
            });
        }
        json.finish().to_string()
    }

    /// Reads the header from JSON: every member must be known, and have a meaning for the algorithm.
    pub(super) fn read(json: &str, limits: &Limits) -> Result<Self, OpenError> {
        let mut members = Object::parse(json)?;
        if members.take("zip").is_some() {
            return Err(OpenError::Compressed);
        }
        if members.take("crit").is_some() {
            return Err(OpenError::Critical);
        }
        let algorithm = Algorithm::from_name(&required(&mut members, "alg")?).ok_or(OpenError::Algorithm)?;
        if required(&mut members, "enc")? != ENCRYPTION {
            return Err(OpenError::Encryption);
        }
        let key_id = text(&mut members, "kid")?;
        for informative in ["typ", "cty"] {
            text(&mut members, informative)?;
        }
        let binding = object(&mut members, "csms")?.map(read_binding).transpose()?;
        let parameters = match algorithm {
            Algorithm::Direct => Parameters::Direct,
            Algorithm::KeyWrapping => {
                Parameters::KeyWrapping { iv: array(&mut members, "iv")?, tag: array(&mut members, "tag")? }
            }
            Algorithm::Passphrase => {
                let iterations = match members.take("p2c") {
                    Some(Value::Count(count)) => u32::try_from(count).map_err(|_| OpenError::IterationCount)?,
                    Some(_) => return Err(OpenError::MemberForm("p2c")),
                    None => return Err(OpenError::MissingMember("p2c")),
                };
                if !(MIN_ITERATIONS..=limits.max_iterations).contains(&iterations) {
                    return Err(OpenError::IterationCount);
                }
                let salt_input = decode("p2s", &required(&mut members, "p2s")?)?;
                if !SALT_BYTES.contains(&salt_input.len()) {
                    return Err(OpenError::Length("p2s"));
                }
                Parameters::Passphrase { salt_input, iterations }
            }
            Algorithm::KeyAgreement => {
                let ephemeral = object(&mut members, "epk")?.ok_or(OpenError::MissingMember("epk"))?;
                let ephemeral = read_point(ephemeral)?;
                let mut info = |name| text(&mut members, name)?.map_or(Ok(Vec::new()), |text| decode(name, &text));
                Parameters::KeyAgreement { ephemeral, apu: info("apu")?, apv: info("apv")? }
            }
        };
        if members.is_empty() { Ok(Self { parameters, key_id, binding }) } else { Err(OpenError::UnknownMember) }
    }
}

impl From<JsonError> for OpenError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax => Self::HeaderSyntax,
            JsonError::Duplicate => Self::DuplicateMember,
        }
    }
}

/// Writes the members of a public key as a JSON Web Key.
pub(super) fn write_point(members: &mut Writer, point: &PublicKey) {
    let (x, y) = point.coordinates();
    members.text("kty", "EC");
    members.text("crv", "P-256");
    members.text("x", &base64url::encode(&x));
    members.text("y", &base64url::encode(&y));
}

fn read_point(mut members: Object) -> Result<PublicKey, OpenError> {
    if required(&mut members, "kty")? != "EC" || required(&mut members, "crv")? != "P-256" {
        return Err(OpenError::EphemeralKey);
    }
    let x: [u8; KEY_BYTES] = array(&mut members, "x")?;
    let y: [u8; KEY_BYTES] = array(&mut members, "y")?;
    if !members.is_empty() {
        return Err(OpenError::UnknownMember);
    }
    PublicKey::from_coordinates(&x, &y).ok_or(OpenError::EphemeralKey)
}

fn read_binding(mut members: Object) -> Result<Binding, OpenError> {
    let secret_name = SecretName::parse(required(&mut members, "name")?);
    let secret_name = secret_name.map_err(|_| OpenError::MemberForm("name"))?;
    let purpose = Purpose::parse(required(&mut members, "purpose")?);
    let purpose = purpose.map_err(|_| OpenError::MemberForm("purpose"))?;
    if members.is_empty() { Ok(Binding::new(secret_name, purpose)) } else { Err(OpenError::UnknownMember) }
}

fn text(members: &mut Object, name: &'static str) -> Result<Option<String>, OpenError> {
    match members.take(name) {
        Some(Value::Text(text)) => Ok(Some(text.to_string())),
        Some(_) => Err(OpenError::MemberForm(name)),
        None => Ok(None),
    }
}

fn required(members: &mut Object, name: &'static str) -> Result<String, OpenError> {
    text(members, name)?.ok_or(OpenError::MissingMember(name))
}

fn object(members: &mut Object, name: &'static str) -> Result<Option<Object>, OpenError> {
    match members.take(name) {
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(OpenError::MemberForm(name)),
        None => Ok(None),
    }
}

fn array<const N: usize>(members: &mut Object, name: &'static str) -> Result<[u8; N], OpenError> {
    decode_array(name, &required(members, name)?)
}

/// The bytes of a part or member, which `name` names in errors.
pub(super) fn decode(name: &'static str, text: &str) -> Result<Vec<u8>, OpenError> {
    base64url::decode(text).ok_or(OpenError::Base64(name))
}

/// The same where the length is fixed.
pub(super) fn decode_array<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], OpenError> {
    decode(name, text)?.try_into().map_err(|_| OpenError::Length(name))
}

#[cfg(test)]
mod tests;
