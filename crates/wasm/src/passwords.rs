//! Passwords: drawn by options or for a database, and judged.

use alloc::{string::String, vec::Vec};

use csms_core::{
    Language,
    password::{GenerateOptions, Password, PasswordPolicy},
    strength,
};
use getrandom::SysRng;
use serde_json::Value;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

use crate::answer;

/// Draws a password by the options of GenerateRandomPassword. `excluded` and `included` are bit sets: 1 lower case,
/// 2 upper case, 4 numbers, 8 punctuation; and 1 space, 2 one of each type. Returns the problem with the options, as
/// JSON, or the password with `=` in front; so the password is never part of a text that is not wiped.
#[wasm_bindgen]
pub fn generate_password(
    length: u32,
    exclude_characters: &str,
    excluded: u32,
    included: u32,
    language: &str,
) -> JsValue {
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
        Err(violation) => JsValue::from_str(&answer::problems(&[violation.at("length")], Language::from_tag(language))),
    }
}

/// Draws a password that the supported database engines accept, marked as by [`generate_password`].
#[wasm_bindgen]
pub fn generate_database_password() -> JsValue {
    draw(&PasswordPolicy::for_database())
}

/// The password with `=` in front; the empty text when the engine has no randomness.
fn draw(policy: &PasswordPolicy) -> JsValue {
    let Ok(password) = Password::make(policy, &mut SysRng) else { return JsValue::from_str("") };
    let mut marked = Zeroizing::new(String::with_capacity(password.reveal().len().saturating_add(1)));
    marked.push('=');
    marked.push_str(password.reveal());
    JsValue::from_str(&marked)
}

/// Judges a password, given as UTF-8 that is wiped afterwards.
#[must_use]
#[wasm_bindgen]
pub fn assess_password(password: Vec<u8>, user_name: &str, language: &str) -> String {
    let language = Language::from_tag(language);
    let password = Zeroizing::new(password);
    let assessment = strength::assess(core::str::from_utf8(&password).unwrap_or_default(), user_name);
    let weaknesses: Vec<Value> = assessment
        .weaknesses
        .iter()
        .map(|weakness| {
            answer::object([("reason", weakness.name().into()), ("message", weakness.message_in(language).into())])
        })
        .collect();
    answer::value(answer::object([
        ("strength", assessment.strength.name().into()),
        ("bits", assessment.bits.into()),
        ("weaknesses", weaknesses.into()),
    ]))
}
