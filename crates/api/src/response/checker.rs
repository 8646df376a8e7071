//! Responses of GenerateRandomPassword, CheckSecrets, ShowSecretsConfig and UpdateSecretsConfig.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_core::{Language, strength::Assessment};
use serde::{Deserialize, Serialize};

/// Response of GenerateRandomPassword. Has no `Debug`: it holds a password, which is wiped when it is dropped.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PasswordResponse {
    /// The password.
    pub password: String,
}

impl Drop for PasswordResponse {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.password);
    }
}

/// Response of CheckSecrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckResponse {
    /// What was checked, as in the request.
    #[serde(rename = "type")]
    pub kind: String,
    /// The verdict.
    pub data: Verdict,
}

/// How well a password resists guessing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// `weak`, `fair` or `strong`; `unchecked` while checks are switched off.
    pub strength: String,
    /// The reasons against it.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// The verdict while checks are switched off.
    #[must_use]
    pub fn unchecked() -> Self {
        Self { strength: "unchecked".to_owned(), reasons: Vec::new() }
    }
}

impl From<&Assessment> for Verdict {
    fn from(assessment: &Assessment) -> Self {
        let reasons = assessment.weaknesses.iter().map(|weakness| weakness.message_in(Language::English).to_owned());
        Self { strength: assessment.strength.name().to_owned(), reasons: reasons.collect() }
    }
}

/// Response of ShowSecretsConfig and UpdateSecretsConfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfigResponse {
    /// Whether CheckSecrets checks.
    pub checking_secret_strength: bool,
    /// Most bytes of `secret_string` and of the base64 text in `secret_binary` (ours).
    pub max_value_bytes: u64,
}
