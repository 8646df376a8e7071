//! Reading requests to the Key Management Service.

pub mod context;
pub mod grant;
pub mod rotation;

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_core::{KeyName, Problem, Rule, Violation, page::PageLimit};
use serde_json::Value;
use zeroize::Zeroizing;

use self::context::{Binding, binding};
use crate::{
    fields::Fields,
    optional::kms as optional,
    request::query::{Parameters, enterprise_project, listed_enterprise_project},
};

/// Suffix of aliases that belong to the service (`compatibility/kms.md#how-csms-uses-kms`).
pub const RESERVED_SUFFIX: &str = "/default";

/// Greatest number of bytes of a small plaintext.
pub const MAX_DATA_BYTES: usize = 4096;

/// Greatest number of bits of a data key and of random data.
const MAX_BITS: u64 = 8192;

fn text_of(max: usize, expected: &'static str) -> impl Fn(String) -> Result<String, Violation> {
    move |text| {
        let got = text.chars().count();
        if got <= max {
            Ok(text)
        } else {
            Err(Violation::new(Rule::TooLong, expected).with_limit(max as u64, got as u64))
        }
    }
}

/// One of these words, in upper or lower case.
fn choice(expected: &'static str) -> impl Fn(String) -> Result<&'static str, Violation> {
    move |text| {
        let known = expected.split(", ").find(|word| word.eq_ignore_ascii_case(&text));
        known.ok_or_else(|| Violation::new(Rule::Choice, expected))
    }
}

fn key_id(fields: &mut Fields, name: &'static str) -> Option<KeyName> {
    fields.require(name);
    fields.parsed(name, KeyName::parse)
}

/// A whole number in text.
fn number(fields: &mut Fields, name: &'static str, from: u64, to: u64, expected: &'static str) -> Option<u64> {
    fields.parsed_digits(name, |text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number.filter(|number| (from..=to).contains(number)).ok_or_else(|| Violation::new(Rule::Pattern, expected))
    })
}

/// Bits in text, a multiple of 8; answers bytes.
fn bits(fields: &mut Fields, name: &'static str) -> Option<usize> {
    const EXPECTED: &str = "a number of bits in text, a multiple of 8 from 8 to 8192";
    fields.parsed_digits(name, |text| {
        let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let bits: Option<u64> = if digits { text.parse().ok() } else { None };
        let bits = bits.filter(|bits| (8..=MAX_BITS).contains(bits) && bits.is_multiple_of(8));
        bits.and_then(|bits| usize::try_from(bits / 8).ok()).ok_or_else(|| Violation::new(Rule::Pattern, EXPECTED))
    })
}

fn hexadecimal(text: String) -> Result<Zeroizing<Vec<u8>>, Violation> {
    let text = Zeroizing::new(text);
    let well_formed = (8..=8192).contains(&text.len()) && text.len().is_multiple_of(2);
    let decoded = if well_formed { hex::decode(text.as_bytes()).ok() } else { None };
    decoded.map(Zeroizing::new).ok_or_else(|| Violation::new(Rule::Pattern, "8 to 8192 hexadecimal digits"))
}

/// The number that callers may give a request; nothing depends on it.
fn sequence(fields: &mut Fields) {
    let _ = fields.parsed_or_number("sequence", text_of(36, "36 characters long"));
}

/// An alias that a key may have had from an older release.
fn alias(text: String) -> Result<String, Violation> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'/' | b'_' | b'-');
    if !(1..=255).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(Violation::new(Rule::Pattern, "^[a-zA-Z0-9:/_-]{1,255}$"));
    }
    let is_reserved = text
        .len()
        .checked_sub(RESERVED_SUFFIX.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(RESERVED_SUFFIX));
    if is_reserved {
        return Err(Violation::new(Rule::Choice, "an alias that does not end in /default"));
    }
    Ok(text)
}

/// An alias by which a key can be named: one in the form of an identifier would name another key.
fn new_alias(text: String) -> Result<String, Violation> {
    let text = alias(text)?;
    let is_name = text != "alias/" && matches!(KeyName::parse(text.as_str()), Ok(KeyName::Alias(_)));
    if is_name { Ok(text) } else { Err(Violation::new(Rule::Choice, "an alias that is not empty and not a UUID")) }
}

fn required_alias(fields: &mut Fields, name: &'static str) -> Option<String> {
    fields.require(name);
    fields.parsed(name, new_alias)
}

/// CreateKey.
#[derive(Clone, Debug)]
pub struct CreateKey {
    /// Alias.
    pub alias: String,
    /// Description; empty when absent.
    pub description: String,
    /// Enterprise project; `0` when absent.
    pub enterprise_project_id: String,
}

impl CreateKey {
    /// Reads the body. Keys are AES_256, made here, for encryption.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_KEY)?;
        let alias = required_alias(&mut fields, "key_alias");
        let description = fields.parsed_or_number("key_description", text_of(255, "255 characters long"));
        let enterprise_project_id = fields.parsed_or_number("enterprise_project_id", |text| enterprise_project(&text));
        let _ = fields.parsed("key_spec", choice("AES_256"));
        let _ = fields.parsed("key_usage", choice("ENCRYPT_DECRYPT"));
        let _ = fields.parsed("origin", choice("kms"));
        let _ = fields.parsed_or_number("sequence", text_of(36, "36 characters long"));
        let read = alias.map(|alias| Self {
            alias,
            description: description.unwrap_or_default(),
            enterprise_project_id: enterprise_project_id.unwrap_or_else(|| "0".to_owned()),
        });
        fields.finish(read)
    }
}

/// The key that an operation is about.
///
/// # Errors
/// Every problem of the body.
pub fn read_key_id(body: Value) -> Result<KeyName, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::KEY)?;
    let id = key_id(&mut fields, "key_id");
    let _ = fields.parsed_or_number("sequence", text_of(36, "36 characters long"));
    fields.finish(id)
}

/// DeleteKey: the key, and in how many days it is deleted.
///
/// # Errors
/// Every problem of the body.
pub fn read_schedule_deletion(body: Value) -> Result<(KeyName, u64), Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::KEY)?;
    let _ = fields.parsed_or_number("sequence", text_of(36, "36 characters long"));
    let id = key_id(&mut fields, "key_id");
    fields.require("pending_days");
    let days = number(&mut fields, "pending_days", 7, 1096, "a number of days in text, from 7 to 1096");
    fields.finish(id.zip(days))
}

/// UpdateKeyAlias, CreateAlias: a key and an alias, under the names of their fields.
///
/// # Errors
/// Every problem of the body.
pub fn read_alias(body: Value, key: &'static str, name: &'static str) -> Result<(KeyName, String), Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    let id = key_id(&mut fields, key);
    let alias = required_alias(&mut fields, name);
    fields.finish(id.zip(alias))
}

/// ListAliases.
#[derive(Clone, Debug)]
pub struct ListAliases {
    /// Only the aliases of this key.
    pub key: Option<KeyName>,
    /// Page size.
    pub limit: PageLimit,
    /// Alias after which the page begins; empty for the first page.
    pub marker: String,
}

impl ListAliases {
    /// Reads the query parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        let read = Self {
            key: parameters.parsed("key_id", KeyName::parse),
            limit: parameters.parsed("limit", PageLimit::parse).unwrap_or_default(),
            marker: parameters.parsed("marker", |text| Ok(text.to_owned())).unwrap_or_default(),
        };
        parameters.finish(read)
    }
}

/// UpdateKeyDescription.
///
/// # Errors
/// Every problem of the body.
pub fn read_description(body: Value) -> Result<(KeyName, String), Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    let id = key_id(&mut fields, "key_id");
    fields.require("key_description");
    let description = fields.parsed_or_number("key_description", text_of(255, "255 characters long"));
    fields.finish(id.zip(description))
}

/// DeleteAlias: the key and the aliases to take away.
///
/// # Errors
/// Every problem of the body.
pub fn read_delete_aliases(body: Value) -> Result<(KeyName, Vec<String>), Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    let id = key_id(&mut fields, "key_id");
    fields.require("aliases");
    let aliases = fields.list("aliases", 50, "50 aliases", alias);
    fields.finish(id.zip(aliases))
}

/// ListKeys.
#[derive(Clone, Debug, Default)]
pub struct ListKeys {
    /// Page size; all when absent.
    pub limit: Option<u64>,
    /// Number of keys before the page.
    pub marker: u64,
    /// Only keys in this state, `1` to `5`.
    pub state: Option<&'static str>,
    /// Whether keys of our one kind are asked for.
    pub wants_aes: bool,
    /// Only keys of this enterprise project.
    pub enterprise_project_id: Option<String>,
}

impl ListKeys {
    /// Reads the body.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        const SPECS: &str = "ALL, AES_256, SM4, RSA_2048, RSA_3072, RSA_4096, EC_P256, EC_P384, SECP256K1, SM2, ED25519, \
            HMAC_256, HMAC_384, HMAC_512, HMAC_SM3, ML_DSA_44, ML_DSA_65, ML_DSA_87";
        let mut fields = Fields::with_optional(body, &optional::LIST_KEYS)?;
        // Terraform's data source `kms_keys` asks for 2000.
        let limit = number(&mut fields, "limit", 1, 2000, "a number in text, from 1 to 2000");
        let marker = number(&mut fields, "marker", 0, u64::MAX, "a number in text");
        let state = fields.parsed_digits("key_state", choice("1, 2, 3, 4, 5"));
        let spec = fields.parsed("key_spec", choice(SPECS));
        let enterprise = fields.parsed_or_number("enterprise_project_id", |text| listed_enterprise_project(&text));
        let _ = fields.parsed_or_number("sequence", text_of(36, "36 characters long"));
        let wants_aes = spec.is_none_or(|spec| matches!(spec, "ALL" | "AES_256"));
        let enterprise_project_id = enterprise.flatten();
        fields.finish(Some(Self { limit, marker: marker.unwrap_or(0), state, wants_aes, enterprise_project_id }))
    }
}

/// CreateDatakey and CreateDatakeyWithoutPlaintext.
#[derive(Clone, Debug)]
pub struct CreateDatakey {
    /// The key that wraps it.
    pub key: KeyName,
    /// Number of bytes.
    pub bytes: usize,
    /// Must be given again to open it.
    pub binding: Binding,
}

impl CreateDatakey {
    /// Reads the body; `datakey_length` wins over `key_spec`, and without both the key has 256 bits.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_DATAKEY)?;
        let id = key_id(&mut fields, "key_id");
        let spec = "AES_256, AES_128, SM4, HMAC_256, HMAC_384, HMAC_512, HMAC_SM3";
        let spec = fields.parsed("key_spec", choice(spec)).map(|spec| match spec {
            "AES_128" | "SM4" => 16,
            "HMAC_384" => 48,
            "HMAC_512" => 64,
            _ => 32,
        });
        let length = bits(&mut fields, "datakey_length");
        let binding = binding(&mut fields);
        let bytes = length.or(spec).unwrap_or(32);
        let read = id.zip(binding).map(|(key, binding)| Self { key, bytes, binding });
        fields.finish(read)
    }
}

/// EncryptDatakey, DecryptDatakey, EncryptData: a key, bytes, and what is authenticated with them. Has no `Debug`: the
/// bytes may be a key.
pub struct Crypt {
    /// The key.
    pub key: KeyName,
    /// What to seal or to open.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What is bound to it.
    pub binding: Binding,
}

impl Crypt {
    /// Reads the body of EncryptDatakey: a data key followed by its SHA-256, of which only the key is kept.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read_encrypt_datakey(body: Value, digest: impl Fn(&[u8]) -> [u8; 32]) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::SEAL_DATAKEY)?;
        let id = key_id(&mut fields, "key_id");
        fields.require("datakey_plain_length");
        let length = number(&mut fields, "datakey_plain_length", 1, 1024, "a number of bytes in text, from 1 to 1024");
        fields.require("plain_text");
        let plain = fields.parsed("plain_text", hexadecimal);
        let binding = binding(&mut fields);
        let plain = plain.zip(length).and_then(|(plain, length)| {
            let split = usize::try_from(length).ok().and_then(|length| plain.split_at_checked(length));
            let fits = split.filter(|(key, hash)| digest(key).as_slice() == *hash);
            let key = fits.map(|(key, _)| Zeroizing::new(key.to_vec()));
            let rule = "datakey_plain_length bytes followed by their SHA-256";
            fields.checked("plain_text", key.ok_or_else(|| Violation::new(Rule::Pattern, rule)))
        });
        let read = id.zip(plain).zip(binding);
        let read = read.map(|((key, bytes), binding)| Self { key, bytes, binding });
        fields.finish(read)
    }

    /// Reads the body of DecryptDatakey. Clients send 64 as the length whatever the key is, so it is not compared.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read_decrypt_datakey(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::SEAL_DATAKEY)?;
        let id = key_id(&mut fields, "key_id");
        fields.require("datakey_cipher_length");
        let _ = number(&mut fields, "datakey_cipher_length", 1, 1024, "a number of bytes in text, from 1 to 1024");
        fields.require("cipher_text");
        let bytes = fields.parsed("cipher_text", hexadecimal);
        let binding = binding(&mut fields);
        let read = id.zip(bytes).zip(binding);
        let read = read.map(|((key, bytes), binding)| Self { key, bytes, binding });
        fields.finish(read)
    }

    /// Reads the body of EncryptData.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read_encrypt_data(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::ENCRYPT_DATA)?;
        let id = key_id(&mut fields, "key_id");
        fields.require("plain_text");
        let bytes = fields.parsed("plain_text", |text| {
            let text = Zeroizing::new(text.into_bytes());
            let fits = (1..=MAX_DATA_BYTES).contains(&text.len());
            if fits { Ok(text) } else { Err(Violation::new(Rule::TooLong, "1 to 4096 bytes")) }
        });
        let binding = binding(&mut fields);
        let _ = algorithm(&mut fields);
        let read = id.zip(bytes).zip(binding);
        let read = read.map(|((key, bytes), binding)| Self { key, bytes, binding });
        fields.finish(read)
    }
}

fn algorithm(fields: &mut Fields) -> Option<&'static str> {
    fields.parsed("encryption_algorithm", choice("SYMMETRIC_DEFAULT"))
}

/// DecryptData: the sealed bytes and what is bound to them, and the key if it is named.
///
/// # Errors
/// Every problem of the body.
pub fn read_decrypt_data(body: Value) -> Result<(Option<KeyName>, Vec<u8>, Binding), Vec<Problem>> {
    use base64ct::{Base64, Encoding};
    let mut fields = Fields::with_optional(body, &optional::DECRYPT_DATA)?;
    let id = fields.parsed("key_id", KeyName::parse);
    fields.require("cipher_text");
    let bytes = fields.parsed("cipher_text", |text| {
        let decoded = if (128..=5648).contains(&text.len()) { Base64::decode_vec(&text).ok() } else { None };
        decoded.ok_or_else(|| Violation::new(Rule::Base64, "base64, 128 to 5648 characters"))
    });
    let binding = binding(&mut fields);
    let _ = algorithm(&mut fields);
    fields.finish(bytes.zip(binding).map(|(bytes, binding)| (id, bytes, binding)))
}

/// CreateRandom: how many bytes.
///
/// # Errors
/// Every problem of the body.
pub fn read_random(body: Value) -> Result<usize, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::KEY)?;
    fields.require("random_data_length");
    let bytes = bits(&mut fields, "random_data_length");
    let _ = fields.parsed_or_number("sequence", text_of(36, "36 characters long"));
    fields.finish(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use serde_json::json;

    use super::*;

    const KEY: &str = "0b1c2d3e-0000-4000-8000-000000000000";

    fn paths<T>(read: Result<T, Vec<Problem>>) -> Vec<String> {
        read.err().unwrap().into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn every_problem_of_a_request_is_reported() {
        let body = json!({ "key_alias": "csms/default", "key_spec": "RSA_2048", "origin": "external" });
        assert_eq!(paths(CreateKey::read(body)), ["key_alias", "key_spec", "origin"]);
        let body = json!({ "key_id": "x y", "datakey_length": "9", "key_spec": "AES" });
        assert_eq!(paths(CreateDatakey::read(body)), ["key_id", "key_spec", "datakey_length"]);
        assert_eq!(paths(read_schedule_deletion(json!({ "key_id": KEY, "pending_days": "6" }))), ["pending_days"]);
        assert_eq!(paths(read_random(json!({}))), ["random_data_length"]);
    }

    #[test]
    fn the_length_of_a_data_key_wins_over_its_specification() {
        let bytes = |body: Value| CreateDatakey::read(body).unwrap().bytes;
        assert_eq!(bytes(json!({ "key_id": KEY })), 32);
        assert_eq!(bytes(json!({ "key_id": KEY, "key_spec": "AES_128" })), 16);
        assert_eq!(bytes(json!({ "key_id": KEY, "key_spec": "AES_128", "datakey_length": "512" })), 64);
    }

    #[test]
    fn a_data_key_must_come_with_its_digest() {
        let digest = |key: &[u8]| [u8::try_from(key.len()).unwrap(); 32];
        let body =
            |hash: &str| json!({ "key_id": KEY, "datakey_plain_length": "2", "plain_text": format!("abcd{hash}") });
        let read = Crypt::read_encrypt_datakey(body(&"02".repeat(32)), digest).ok().unwrap();
        assert_eq!(read.bytes.as_slice(), [0xab, 0xcd]);
        assert_eq!(paths(Crypt::read_encrypt_datakey(body(&"03".repeat(32)), digest)), ["plain_text"]);
        assert_eq!(paths(Crypt::read_encrypt_datakey(body(""), digest)), ["plain_text"]);
    }
}
