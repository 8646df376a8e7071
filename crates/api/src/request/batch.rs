//! Bodies about several secrets: BatchGetSecretValue, BatchImportSecrets, BatchDeleteSecrets.

use alloc::{string::String, vec::Vec};

use csms_core::{Problem, Rule, SecretName, SecretType, Violation};
use serde_json::Value;

use super::{Rules, secret::CreateSecret};
use crate::{fields::Fields, optional};

/// Most names in BatchGetSecretValue.
pub const MAX_NAMES: usize = 20;

/// Most secrets in BatchImportSecrets. The documentation names no limit; this one is ours.
pub const MAX_IMPORTED: usize = 100;

/// Reads the body of BatchGetSecretValue: names of secrets, each once.
///
/// # Errors
/// Every problem it has.
pub fn read_names(body: Value) -> Result<Vec<SecretName>, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::BATCH_GET)?;
    let names = fields.list("secret_name_list", MAX_NAMES, "20 items", SecretName::parse).unwrap_or_default();
    if names.iter().enumerate().any(|(at, name)| names.iter().skip(at + 1).any(|other| other == name)) {
        fields.report(Violation::new(Rule::Duplicate, "").at("secret_name_list"));
    }
    fields.finish(Some(names))
}

/// One entry of BatchImportSecrets.
#[derive(Clone, Debug)]
pub struct ImportEntry {
    /// The name as given, cut to 64 characters; empty when there is none.
    pub name: String,
    /// The type that the entry names, COMMON when it names none; `None` when it names one that does not exist.
    pub secret_type: Option<SecretType>,
    /// The secret, or what is wrong with it.
    pub secret: Result<CreateSecret, Vec<Problem>>,
}

/// Reads the body of BatchImportSecrets. Problems of one secret are its own: the others are imported all the same.
///
/// # Errors
/// Problems of the list as a whole.
pub fn read_import(body: Value, rules: Rules) -> Result<Vec<ImportEntry>, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("secrets");
    let entries = fields.objects("secrets", MAX_IMPORTED, "100 items", |mut entry| {
        if let Value::Object(object) = &mut entry {
            optional::CREATE_SECRET.strip(object);
        }
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        let secret_type = match entry.get("secret_type") {
            None => Some(SecretType::Common),
            Some(word) => word.as_str().and_then(SecretType::from_word),
        };
        Ok(ImportEntry { name: name.chars().take(64).collect(), secret_type, secret: CreateSecret::read(entry, rules) })
    });
    fields.finish(entries)
}

/// A read BatchDeleteSecrets body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteOfInstance {
    /// The instance in the secrets' `rotation_config`.
    pub instance_id: String,
    /// The type of the instance's secrets, if the body names one; `None` finds those of every type.
    pub secret_type: Option<SecretType>,
    /// Whether the kind of instance has no secrets that this service rotates.
    pub has_no_secrets: bool,
}

impl DeleteOfInstance {
    /// Reads a body. An instance must be named, although the documentation asks for none: nobody means to delete the
    /// secrets of all.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::BATCH_DELETE)?;
        fields.require("instance_id");
        let instance_id = fields.parsed("instance_id", |text| {
            if text.is_empty() { Err(Violation::new(Rule::Required, "")) } else { Ok(text) }
        });
        let kind = fields.parsed("instance_type", |text| match text.as_str() {
            "RDS" => Ok(Some(SecretType::RdsFg)),
            "TaurusDB" | "GaussDB" => Ok(Some(SecretType::GaussDbFg)),
            "APIG" => Ok(None),
            _ => Err(Violation::new(Rule::Choice, "RDS, TaurusDB, GaussDB, APIG")),
        });
        fields.finish(instance_id.map(|instance_id| Self {
            instance_id,
            secret_type: kind.flatten(),
            has_no_secrets: kind == Some(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_read_and_every_wrong_one_is_told() {
        assert_eq!(read_names(json!({})).unwrap(), []);
        let problems = read_names(json!({ "secret_name_list": ["ok", "not ok", 7] })).unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["secret_name_list[1]", "secret_name_list[2]"]);
        let twice = read_names(json!({ "secret_name_list": ["a", "a"] })).unwrap_err();
        assert_eq!(twice[0].violation.rule, Rule::Duplicate);
        let many: Vec<_> = (0..21).map(|number| format!("n{number}")).collect();
        assert_eq!(read_names(json!({ "secret_name_list": many })).unwrap_err()[0].violation.rule, Rule::TooMany);
    }

    #[test]
    fn a_wrong_entry_leaves_the_others_alone() {
        let body = json!({ "secrets": [{ "name": "a", "secret_string": "x" }, { "name": "b" }, 7] });
        let entries = read_import(body, Rules::default()).unwrap();
        let outcomes: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.secret.is_ok())).collect();
        assert_eq!(outcomes, [("a", true), ("b", false), ("", false)]);
        assert_eq!(read_import(json!({}), Rules::default()).unwrap_err()[0].violation.rule, Rule::Required);
    }

    #[test]
    fn an_instance_must_be_named() {
        assert_eq!(DeleteOfInstance::read(json!({ "instance_id": "" })).unwrap_err()[0].path, "instance_id");
        let read = DeleteOfInstance::read(json!({ "instance_id": "i", "instance_type": "RDS" })).unwrap();
        assert_eq!((read.secret_type, read.has_no_secrets), (Some(SecretType::RdsFg), false));
        assert!(DeleteOfInstance::read(json!({ "instance_id": "i", "instance_type": "APIG" })).unwrap().has_no_secrets);
    }
}
