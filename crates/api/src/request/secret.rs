//! Bodies about secrets: CreateSecret, UpdateSecret, DeleteSecretForSchedule.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_core::{
    EventName, FunctionUrn, KeyName, Problem, RotationConfig, RotationPeriod, Rule, SecretName, SecretType,
    SecretValue, Violation,
    schedule::RecoveryWindow,
    secret::{NewSecret, SecretUpdate},
};
use serde_json::Value;

use super::{Rules, query::enterprise_project};
use crate::{fields::Fields, optional};

/// Greatest length of a description, in bytes of UTF-8 (CreateSecret).
pub const MAX_DESCRIPTION_BYTES: usize = 2048;

/// A read CreateSecret body.
#[derive(Clone, Debug)]
pub struct CreateSecret {
    /// Metadata.
    pub secret: NewSecret,
    /// Value of version v1.
    pub value: SecretValue,
    /// The chosen key; the default key when absent.
    pub kms_key: Option<KeyName>,
}

/// A read UpdateSecret body. Whether the key exists is for the key service to say.
#[derive(Clone, Debug)]
pub struct UpdateSecret {
    /// The change, without the key.
    pub update: SecretUpdate,
    /// The name of the new key.
    pub kms_key: Option<KeyName>,
}

/// Reads the value of a new version: exactly one of `secret_string` and `secret_binary`.
pub(super) fn value(fields: &mut Fields, rules: Rules) -> Option<SecretValue> {
    if fields.has("secret_string") == fields.has("secret_binary") {
        fields.report(Violation::new(Rule::ExactlyOne, "secret_string and secret_binary").at(""));
        return None;
    }
    match fields.parsed("secret_string", |text| SecretValue::text_within(text, rules.max_value)) {
        Some(value) => Some(value),
        None => fields.parsed("secret_binary", |text| SecretValue::from_base64_within(&text, rules.max_value)),
    }
}

fn description(fields: &mut Fields) -> Option<String> {
    fields.parsed_or_number("description", |text| {
        if text.len() > MAX_DESCRIPTION_BYTES {
            let violation = Violation::new(Rule::TooLong, "2048 bytes long");
            return Err(violation.with_limit(MAX_DESCRIPTION_BYTES as u64, text.len() as u64));
        }
        Ok(text)
    })
}

fn event_subscriptions(fields: &mut Fields) -> Option<Vec<EventName>> {
    fields.list("event_subscriptions", 1, "1 item", EventName::parse)
}

fn rotation_period(fields: &mut Fields, rules: Rules) -> Option<RotationPeriod> {
    fields
        .parsed("rotation_period", |text| RotationPeriod::parse_with_minimum(&text, rules.min_rotation_period_seconds))
}

fn rotation_func_urn(fields: &mut Fields) -> Option<FunctionUrn> {
    fields.parsed("rotation_func_urn", |text| FunctionUrn::parse(&text))
}

impl CreateSecret {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value, rules: Rules) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_SECRET)?;
        fields.require("name");
        let name = fields.parsed("name", SecretName::parse);
        let value = value(&mut fields, rules);
        let kms_key = fields.parsed("kms_key_id", KeyName::parse);
        let description = description(&mut fields).unwrap_or_default();
        let secret_type = fields.parsed("secret_type", |text| {
            SecretType::from_word(&text).ok_or(Violation::new(Rule::Choice, "COMMON, RDS-FG, GaussDB-FG"))
        });
        let secret_type = secret_type.unwrap_or(SecretType::Common);
        let auto_rotation = fields.boolean("auto_rotation").unwrap_or(false);
        let (has_period, has_config) = (fields.has("rotation_period"), fields.has("rotation_config"));
        let rotation_period = rotation_period(&mut fields, rules);
        let rotation_config = fields.parsed("rotation_config", |text| RotationConfig::parse(&text));
        let rotation_func_urn = rotation_func_urn(&mut fields);
        if auto_rotation && !secret_type.is_rotated() {
            let reason = "secrets of type COMMON are not rotated by the service";
            fields.report(Violation::new(Rule::Forbidden, reason).at("auto_rotation"));
        }
        if auto_rotation && !has_period {
            fields.report(Violation::new(Rule::RequiredWith, "when auto_rotation is true").at("rotation_period"));
        }
        if secret_type.is_rotated() && !has_config {
            let when = "when secret_type is RDS-FG or GaussDB-FG";
            fields.report(Violation::new(Rule::RequiredWith, when).at("rotation_config"));
        }
        let event_subscriptions = event_subscriptions(&mut fields).unwrap_or_default();
        let enterprise_project_id = fields.parsed_or_number("enterprise_project_id", |text| enterprise_project(&text));
        let built = name.zip(value).map(|(name, value)| Self {
            secret: NewSecret {
                name,
                description,
                secret_type,
                auto_rotation,
                rotation_period,
                rotation_config,
                rotation_func_urn,
                event_subscriptions,
                enterprise_project_id: enterprise_project_id.unwrap_or_else(|| "0".to_owned()),
            },
            value,
            kms_key,
        });
        fields.finish(built)
    }
}

impl UpdateSecret {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value, rules: Rules) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::UPDATE_SECRET)?;
        let kms_key = fields.parsed("kms_key_id", KeyName::parse);
        let update = SecretUpdate {
            kms_key_id: None,
            description: description(&mut fields),
            auto_rotation: fields.boolean("auto_rotation"),
            rotation_period: rotation_period(&mut fields, rules),
            event_subscriptions: event_subscriptions(&mut fields),
            rotation_func_urn: rotation_func_urn(&mut fields),
        };
        fields.finish(Some(Self { update, kms_key }))
    }
}

/// Reads the body of DeleteSecretForSchedule.
///
/// # Errors
/// Every problem it has.
pub fn read_recovery_window(body: Value) -> Result<RecoveryWindow, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("recovery_window_in_days");
    let days = fields.integer("recovery_window_in_days");
    let window = days.and_then(|days| fields.checked("recovery_window_in_days", RecoveryWindow::days(days)));
    fields.finish(window)
}

/// Greatest length of a backup blob, in characters (UploadSecretBlob).
pub const MAX_BLOB: usize = 5_242_880;

/// Reads the body of UploadSecretBlob; what is in the blob is for the server to open.
///
/// # Errors
/// Every problem it has.
pub fn read_blob(body: Value) -> Result<String, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("secret_blob");
    let blob = fields.parsed("secret_blob", |text| {
        let violation = Violation::new(Rule::TooLong, "5242880 characters long");
        if text.len() > MAX_BLOB { Err(violation.with_limit(MAX_BLOB as u64, text.len() as u64)) } else { Ok(text) }
    });
    fields.finish(blob)
}

#[cfg(test)]
mod tests {
    use csms_core::ValueLimit;
    use serde_json::json;

    use super::*;

    fn problems(body: Value) -> Vec<(String, Rule)> {
        let problems = CreateSecret::read(body, Rules::default()).unwrap_err();
        problems.into_iter().map(|problem| (problem.path, problem.violation.rule)).collect()
    }

    #[test]
    fn the_documented_example_is_read() {
        let read = CreateSecret::read(json!({ "name": "demo", "secret_string": "s" }), Rules::default()).unwrap();
        assert_eq!(read.secret.secret_type, SecretType::Common);
        assert_eq!(read.secret.enterprise_project_id, "0");
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let body = json!({
            "name": "a.b", "secret_string": "x", "secret_binary": "eA==", "secret_type": "RDS-FG",
            "auto_rotation": true, "description": "d".repeat(2049), "event_subscriptions": ["a", "b"],
            "rotation_func_urn": "nowhere", "kms_key_id": "x y",
        });
        assert_eq!(
            problems(body),
            [
                ("name".to_owned(), Rule::Pattern),
                (String::new(), Rule::ExactlyOne),
                ("kms_key_id".to_owned(), Rule::Pattern),
                ("description".to_owned(), Rule::TooLong),
                ("rotation_func_urn".to_owned(), Rule::Pattern),
                ("rotation_period".to_owned(), Rule::RequiredWith),
                ("rotation_config".to_owned(), Rule::RequiredWith),
                ("event_subscriptions".to_owned(), Rule::TooMany),
            ]
        );
    }

    #[test]
    fn an_empty_value_beside_the_other_one_is_not_given() {
        let read = |body| CreateSecret::read(body, Rules::default()).unwrap().value;
        let text = read(json!({ "name": "a", "secret_string": "x", "secret_binary": "" }));
        assert_eq!(text.as_text(), Some("x"));
        let bytes = read(json!({ "name": "a", "secret_string": "", "secret_binary": "eA==" }));
        assert_eq!(bytes.to_base64().as_deref(), Some("eA=="));
        let empty = read(json!({ "name": "a", "secret_string": "", "secret_binary": "" }));
        assert_eq!(empty.as_text(), Some(""));
    }

    #[test]
    fn a_value_and_a_name_stay_texts() {
        let body = json!({ "name": 7, "secret_string": 12345 });
        assert_eq!(problems(body), [("name".to_owned(), Rule::Type), ("secret_string".to_owned(), Rule::Type)]);
    }

    #[test]
    fn neither_value_is_as_wrong_as_both() {
        assert_eq!(problems(json!({ "name": "a" })), [(String::new(), Rule::ExactlyOne)]);
    }

    #[test]
    fn common_secrets_are_not_rotated() {
        let body = json!({ "name": "a", "secret_string": "x", "auto_rotation": true, "rotation_period": "1d" });
        assert_eq!(problems(body), [("auto_rotation".to_owned(), Rule::Forbidden)]);
    }

    #[test]
    fn an_empty_text_does_not_stand_in_for_a_mandatory_one() {
        let body = json!({
            "name": "a", "secret_string": "x", "secret_type": "RDS-FG", "rotation_config": "",
            "auto_rotation": true, "rotation_period": "",
        });
        let expected = ["rotation_period", "rotation_config"].map(|path| (path.to_owned(), Rule::RequiredWith));
        assert_eq!(problems(body), expected);
    }

    #[test]
    fn the_least_period_is_a_setting() {
        let body = json!({ "rotation_period": "4h" });
        assert!(UpdateSecret::read(body.clone(), Rules::default()).is_ok());
        assert!(UpdateSecret::read(body, Rules { min_rotation_period_seconds: 21_600, ..Rules::default() }).is_err());
    }

    #[test]
    fn the_greatest_value_is_a_setting() {
        let body = |bytes: usize| json!({ "name": "a", "secret_string": "x".repeat(bytes) });
        let rules = Rules { max_value: ValueLimit::Guide, ..Rules::default() };
        assert_eq!(problems(body(32_769)), [("secret_string".to_owned(), Rule::TooLong)]);
        assert!(CreateSecret::read(body(65_536), rules).is_ok());
        assert_eq!(CreateSecret::read(body(65_537), rules).unwrap_err()[0].violation.limit, Some(65_536));
    }

    #[test]
    fn an_absent_field_is_left_and_an_empty_description_clears() {
        let read = UpdateSecret::read(json!({ "description": "" }), Rules::default()).unwrap();
        assert_eq!(read.update.description.as_deref(), Some(""));
        assert!(read.update.event_subscriptions.is_none());
    }

    #[test]
    fn the_window_must_be_given_and_lie_within_7_to_30_days() {
        for days in [json!(7), json!("7"), json!(7.0)] {
            assert!(read_recovery_window(json!({ "recovery_window_in_days": days })).is_ok());
        }
        for body in [json!({}), json!({ "recovery_window_in_days": 6 }), json!({ "recovery_window_in_days": "seven" })]
        {
            assert_eq!(read_recovery_window(body).unwrap_err().len(), 1);
        }
    }
}
