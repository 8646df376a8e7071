//! Grants of keys: CreateGrant, CancelGrant, CancelSelfGrant, ListKeyGrants, ListRetirableGrants.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_core::{KeyName, Problem, Rule, Violation};
use serde_json::Value;

use super::{choice, key_id, number, sequence};
use crate::{fields::Fields, kms::KmsOperation, optional::kms as optional};

/// Most operations that a grant can name: all that grants allow.
const MOST_OPERATIONS: usize = 9;

/// CreateGrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateGrant {
    /// The key.
    pub key: KeyName,
    /// Identifier of the user who may use it.
    pub grantee: String,
    /// What the user may do with it, each once, in the order of the operation table.
    pub operations: Vec<KmsOperation>,
    /// Name; empty when absent.
    pub name: String,
    /// Identifier of the user who may retire the grant; empty when absent.
    pub retiring: String,
}

/// An identifier of a user: 1 to 64 letters and digits. Identifiers here have dashes too.
fn principal(text: String) -> Result<String, Violation> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err(Violation::new(Rule::Pattern, "^[a-zA-Z0-9-]{1,64}$"))
    }
}

fn grant_name(text: String) -> Result<String, Violation> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'/' | b'_' | b'-');
    if (1..=255).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err(Violation::new(Rule::Pattern, "^[a-zA-Z0-9:/_-]{1,255}$"))
    }
}

fn operation(text: &str) -> Result<KmsOperation, Violation> {
    const WORDS: &str = "create-datakey, create-datakey-without-plaintext, encrypt-datakey, decrypt-datakey, describe-key, \
        create-grant, retire-grant, encrypt-data, decrypt-data";
    KmsOperation::from_grant_word(text).ok_or_else(|| Violation::new(Rule::Choice, WORDS))
}

impl CreateGrant {
    /// Reads the body. The account is one, so a grant is for a user.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let is_empty = body.get("operations").and_then(Value::as_array).is_some_and(Vec::is_empty);
        let mut fields = Fields::with_optional(body, &optional::CREATE_GRANT)?;
        let key = key_id(&mut fields, "key_id");
        fields.require("grantee_principal");
        let grantee = fields.parsed("grantee_principal", principal);
        let _ = fields.parsed("grantee_principal_type", choice("user"));
        fields.require("operations");
        let named = fields.list("operations", MOST_OPERATIONS, "9 items", |text| operation(&text));
        if let Some(named) = &named {
            // A list whose words are all unknown has its problems already.
            let is_only_passed_on = named.iter().all(|operation| *operation == KmsOperation::CreateGrant);
            if is_only_passed_on && named.is_empty() == is_empty {
                fields.report(Violation::new(Rule::TooShort, "1 operation besides create-grant").at("operations"));
            }
        }
        let name = fields.parsed("name", grant_name);
        let retiring = fields.parsed("retiring_principal", principal);
        sequence(&mut fields);
        let read = key.zip(grantee).zip(named).map(|((key, grantee), named)| Self {
            key,
            grantee,
            operations: KmsOperation::ALL.iter().copied().filter(|operation| named.contains(operation)).collect(),
            name: name.unwrap_or_default(),
            retiring: retiring.unwrap_or_default(),
        });
        fields.finish(read)
    }
}

/// CancelGrant and CancelSelfGrant: the key, and the identifier of the grant, in lower case.
///
/// # Errors
/// Every problem of the body.
pub fn read_grant(body: Value) -> Result<(KeyName, String), Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::KEY)?;
    let key = key_id(&mut fields, "key_id");
    fields.require("grant_id");
    let grant = fields.parsed("grant_id", |text| {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(text.to_ascii_lowercase())
        } else {
            Err(Violation::new(Rule::Pattern, "^[A-Fa-f0-9]{64}$"))
        }
    });
    sequence(&mut fields);
    fields.finish(key.zip(grant))
}

/// A page of grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantPage {
    /// Most grants of the page; all when absent.
    pub limit: Option<u64>,
    /// Number of grants before the page.
    pub marker: u64,
}

fn page(fields: &mut Fields) -> GrantPage {
    let limit = number(fields, "limit", 1, 1000, "a number in text, from 1 to 1000");
    let marker = number(fields, "marker", 0, u64::MAX, "a number in text");
    sequence(fields);
    GrantPage { limit, marker: marker.unwrap_or(0) }
}

/// ListKeyGrants: the key, and the page of its grants.
///
/// # Errors
/// Every problem of the body.
pub fn read_list(body: Value) -> Result<(KeyName, GrantPage), Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::LIST_GRANTS)?;
    let key = key_id(&mut fields, "key_id");
    let page = page(&mut fields);
    fields.finish(key.map(|key| (key, page)))
}

/// ListRetirableGrants.
///
/// # Errors
/// Every problem of the body.
pub fn read_retirable(body: Value) -> Result<GrantPage, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::LIST_GRANTS)?;
    let page = page(&mut fields);
    fields.finish(Some(page))
}

/// The words of operations, as grants are written.
#[must_use]
pub fn words(operations: &[KmsOperation]) -> Vec<String> {
    operations.iter().filter_map(|operation| operation.grant_word()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths<T>(read: Result<T, Vec<Problem>>) -> Vec<String> {
        read.err().unwrap().into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn a_grant_names_each_operation_once_and_one_besides_passing_it_on() {
        let body = |operations: Value| json!({ "key_id": "k", "grantee_principal": "u-1", "operations": operations });
        let read = CreateGrant::read(body(json!(["decrypt-data", "create-datakey", "decrypt-data"]))).unwrap();
        assert_eq!(read.operations, [KmsOperation::CreateDatakey, KmsOperation::DecryptData]);
        assert_eq!(words(&read.operations), ["create-datakey", "decrypt-data"]);
        assert_eq!(paths(CreateGrant::read(body(json!(["create-grant"])))), ["operations"]);
        assert_eq!(paths(CreateGrant::read(body(json!([])))), ["operations"]);
        assert_eq!(paths(CreateGrant::read(body(json!(["disable-key"])))), ["operations[0]"]);
    }

    #[test]
    fn every_problem_of_a_grant_is_reported() {
        let body = json!({ "grantee_principal": "a b", "grantee_principal_type": "domain", "name": "é" });
        let told = paths(CreateGrant::read(body));
        assert_eq!(told, ["key_id", "grantee_principal", "grantee_principal_type", "operations", "name"]);
        assert_eq!(paths(read_grant(json!({ "key_id": "k", "grant_id": "x" }))), ["grant_id"]);
    }
}
