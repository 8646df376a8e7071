//! Reading requests of IAM v5.

use alloc::{string::String, vec::Vec};

use csms_core::{Problem, Rule, Violation, policy::Policy};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{ApiError, ErrorCode, fields::Fields, optional::iam as optional};

/// Longest document of a policy, in bytes.
const MAX_POLICY: usize = 64 * 1024;

/// A name of 1 to `max` characters that are letters, digits or among `others`, with no blank at either end.
fn is_name(text: &str, max: usize, others: &str) -> bool {
    (1..=max).contains(&text.chars().count())
        && text.trim() == text
        && text.chars().all(|c| c.is_alphanumeric() || others.contains(c))
}

/// Checks the name of a user, as commands and requests do.
///
/// # Errors
/// [`Rule::Pattern`].
pub fn user_name(text: String) -> Result<String, Violation> {
    const EXPECTED: &str = "1 to 64 letters, digits, spaces and -_.@";
    if is_name(&text, 64, " -_.@") { Ok(text) } else { Err(Violation::new(Rule::Pattern, EXPECTED)) }
}

/// Checks the name of a policy, as commands and requests do.
///
/// # Errors
/// [`Rule::Pattern`].
pub fn policy_name(text: String) -> Result<String, Violation> {
    const EXPECTED: &str = "1 to 128 letters, digits, spaces and -_.+=,@";
    if is_name(&text, 128, " -_.+=,@") { Ok(text) } else { Err(Violation::new(Rule::Pattern, EXPECTED)) }
}

/// Checks a password, as commands and requests do.
///
/// # Errors
/// [`Rule::Pattern`], which does not repeat it.
pub fn password(text: String) -> Result<Zeroizing<String>, Violation> {
    let text = Zeroizing::new(text);
    if (8..=128).contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(Violation::new(Rule::Pattern, "8 to 128 characters"))
    }
}

fn text_of(max: usize, expected: &'static str) -> impl Fn(String) -> Result<String, Violation> {
    move |text| {
        if text.chars().count() <= max { Ok(text) } else { Err(Violation::new(Rule::TooLong, expected)) }
    }
}

/// CreateUserV5.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Name.
    pub name: String,
    /// Description; empty when absent.
    pub description: String,
    /// Whether the user may do anything at all.
    pub enabled: bool,
}

impl CreateUser {
    /// Reads the body.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_USER)?;
        fields.require("name");
        fields.require("enabled");
        let name = fields.parsed("name", user_name);
        let description = fields.parsed_or_number("description", text_of(255, "255 characters long"));
        let enabled = fields.boolean("enabled");
        let read = name.zip(enabled).map(|(name, enabled)| Self {
            name,
            description: description.unwrap_or_default(),
            enabled,
        });
        fields.finish(read)
    }
}

/// UpdateUserV5: what is given changes.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// Whether the user may do anything at all.
    pub enabled: Option<bool>,
}

impl UpdateUser {
    /// Reads the body.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::UPDATE_USER)?;
        let name = fields.parsed("new_user_name", user_name);
        let description = fields.parsed_or_number("new_description", text_of(255, "255 characters long"));
        let enabled = fields.boolean("enabled");
        fields.finish(Some(Self { name, description, enabled }))
    }
}

/// Reads the body of UpdateAccessKeyV5: whether the key may be used.
///
/// # Errors
/// Every problem of the body.
pub fn access_key_enabled(body: Value) -> Result<bool, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("status");
    let enabled = fields.parsed("status", |text| match text.as_str() {
        "active" => Ok(true),
        "inactive" => Ok(false),
        _ => Err(Violation::new(Rule::Choice, "active or inactive")),
    });
    fields.finish(enabled)
}

/// Nobody is made to change a password here, so only `false` can be asked for.
fn no_reset(fields: &mut Fields) {
    if fields.boolean("password_reset_required") == Some(true) {
        let violation = Violation::new(Rule::Choice, "false: a change of the password cannot be demanded here");
        fields.report(violation.at("password_reset_required"));
    }
}

/// Reads the body of CreateLoginProfileV5: the password.
///
/// # Errors
/// Every problem of the body; none repeats the password.
pub fn new_password(body: Value) -> Result<Zeroizing<String>, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("password");
    fields.require("password_reset_required");
    let read = fields.parsed("password", password);
    no_reset(&mut fields);
    fields.finish(read)
}

/// Reads the body of UpdateLoginProfileV5: the new password, if there is one.
///
/// # Errors
/// Every problem of the body; none repeats the password.
pub fn changed_password(body: Value) -> Result<Option<Zeroizing<String>>, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::UPDATE_LOGIN)?;
    let read = fields.parsed("password", password);
    no_reset(&mut fields);
    fields.finish(Some(read))
}

/// Reads the body of AttachUserPolicyV5 and DetachUserPolicyV5: the user's identifier.
///
/// # Errors
/// Every problem of the body.
pub fn user_id(body: Value) -> Result<String, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("user_id");
    let read = fields.parsed("user_id", text_of(64, "64 characters long"));
    fields.finish(read)
}

/// The policy in a `policy_document`.
///
/// # Errors
/// What is wrong with its form, as [`ErrorCode::IamMalformedPolicy`].
pub fn document(text: &str) -> Result<Policy, ApiError> {
    if text.len() > MAX_POLICY {
        return Err(ApiError::new(ErrorCode::IamMalformedPolicy, "the document is longer than 64 KiB"));
    }
    Policy::parse(text).map_err(|reason| ApiError::new(ErrorCode::IamMalformedPolicy, reason))
}

/// CreatePolicyV5.
#[derive(Clone, Debug)]
pub struct CreatePolicy {
    /// Name.
    pub name: String,
    /// Description; empty when absent.
    pub description: String,
    /// The policy.
    pub policy: Policy,
}

impl CreatePolicy {
    /// Reads the body. Policies have no paths here.
    ///
    /// # Errors
    /// Every problem of the body; PAP5.0011 for a policy that cannot be read.
    pub fn read(body: Value) -> Result<Self, ApiError> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_POLICY)?;
        fields.require("policy_name");
        fields.require("policy_document");
        let name = fields.parsed("policy_name", policy_name);
        let description = fields.parsed_or_number("description", text_of(1000, "1000 characters long"));
        let _ = fields.parsed("path", |_| Err::<(), _>(Violation::new(Rule::Choice, "empty")));
        let text = fields.text("policy_document");
        let (name, text) = fields.finish(name.zip(text))?;
        Ok(Self { name, description: description.unwrap_or_default(), policy: document(&text)? })
    }
}

/// CreatePolicyVersionV5.
#[derive(Clone, Debug)]
pub struct CreatePolicyVersion {
    /// The policy.
    pub policy: Policy,
    /// Whether this version counts from now on.
    pub is_default: bool,
}

impl CreatePolicyVersion {
    /// Reads the body.
    ///
    /// # Errors
    /// Every problem of the body; PAP5.0011 for a policy that cannot be read.
    pub fn read(body: Value) -> Result<Self, ApiError> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_POLICY_VERSION)?;
        fields.require("policy_document");
        let text = fields.text("policy_document");
        let is_default = fields.boolean("set_as_default");
        let text = fields.finish(text)?;
        Ok(Self { policy: document(&text)?, is_default: is_default.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use serde_json::json;

    use super::*;

    fn paths<T>(read: Result<T, Vec<Problem>>) -> Vec<String> {
        read.err().unwrap().into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn every_problem_of_a_user_is_told() {
        assert_eq!(paths(CreateUser::read(json!({ "description": [7] }))), ["name", "enabled", "description"]);
        for name in ["", " a", "a/b", "a\nb", &"x".repeat(65)] {
            assert_eq!(paths(CreateUser::read(json!({ "name": name, "enabled": true }))), ["name"], "{name}");
        }
        assert_eq!(
            paths(UpdateUser::read(json!({ "new_user_name": " ", "enabled": 1 }))),
            ["new_user_name", "enabled"]
        );
    }

    #[test]
    fn a_password_is_never_repeated() {
        let problems = new_password(json!({ "password": "hunter2", "password_reset_required": true })).unwrap_err();
        let text = ApiError::invalid(&problems).to_string();
        assert!(text.contains("password") && text.contains("password_reset_required"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_policy_is_a_json_text_that_can_be_read() {
        let allow = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*"]}]}"#;
        let read = CreatePolicy::read(json!({ "policy_name": "p", "policy_document": allow })).unwrap();
        assert_eq!(read.policy.statement[0].action, vec!["csms:*"]);
        for text in ["", "{}", r#"{"Version":"5.0","Statement":[]}"#] {
            let error = CreatePolicy::read(json!({ "policy_name": "p", "policy_document": text })).unwrap_err();
            assert_eq!(error.code, ErrorCode::IamMalformedPolicy, "{text}");
        }
        let error = CreatePolicy::read(json!({ "policy_name": "p" })).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidParameter);
    }
}
