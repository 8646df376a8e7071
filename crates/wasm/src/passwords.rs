//! Passwords: drawn by options or for a database, and judged.

use alloc::vec::Vec;

use csms_core::{
    Language,
    password::{GenerateOptions, Password, PasswordPolicy},
    strength,
};
use getrandom::SysRng;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

use crate::{
    answer::{self, Answer},
    results::{Assessment, Weakness},
};

/// Draws a password by the options of GenerateRandomPassword. `excluded` and `included` are bit sets: 1 lower case,
/// 2 upper case, 4 numbers, 8 punctuation; and 1 space, 2 one of each type. Returns the problem with the options, or the
/// password.
///
/// # Errors
/// The engine has no randomness.
#[wasm_bindgen]
pub fn generate_password(
    length: u32,
    exclude_characters: &str,
    excluded: u32,
    included: u32,
    language: &str,
) -> Result<Answer, JsValue> {
    let options = GenerateOptions {
        length: usize::try_from(length).unwrap_or(usize::MAX),
        exclude_characters,
        exclude_lowercase: excluded & 1 != 0,
        exclude_uppercase: excluded & 2 != 0,
        exclude_numbers: excluded & 4 != 0,
        exclude_punctuation: excluded & 8 != 0,
        include_space: included & 1 != 0,
        require_each_included_type: included & 2 != 0,
    };
    match options.policy() {
        Ok(policy) => draw(&policy),
        Err(problem) => Ok(answer::problems(&[problem], Language::from_tag(language))),
    }
}

/// Draws a password that the supported database engines accept.
///
/// # Errors
/// The engine has no randomness.
#[wasm_bindgen]
pub fn generate_database_password() -> Result<Answer, JsValue> {
    draw(&PasswordPolicy::for_database())
}

fn draw(policy: &PasswordPolicy) -> Result<Answer, JsValue> {
    let Ok(password) = Password::make(policy, &mut SysRng) else {
        return Err("client/unsupported this engine has no source of randomness".into());
    };
    Ok(answer::value(password.reveal()))
}

/// Judges a password, given as UTF-8 that is wiped afterwards.
#[must_use]
#[wasm_bindgen]
pub fn assess_password(password: Vec<u8>, user_name: &str, language: &str) -> Answer {
    let language = Language::from_tag(language);
    let password = Zeroizing::new(password);
    let assessment = strength::assess(core::str::from_utf8(&password).unwrap_or_default(), user_name);
    let weaknesses = assessment
        .weaknesses
        .iter()
        .map(|weakness| Weakness { reason: weakness.name(), message: weakness.message_in(language) });
    answer::value(Assessment {
        strength: assessment.strength.name(),
        bits: assessment.bits,
        weaknesses: weaknesses.collect(),
    })
}
