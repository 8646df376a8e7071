//! A secret as a console knows it, read from what ShowSecret and ListSecretVersions answered.
//!
//! Only what previews need is read; the rest of both answers is ignored, so they can be handed in whole.

use alloc::{string::String, vec, vec::Vec};

use csms_core::{
    FunctionUrn, KeyId, Problem, ProjectId, RotationConfig, Rule, Secret, SecretId, SecretName, SecretState,
    SecretType, StageName, UnixMillis, Version, VersionId, Violation,
    secret::{NewSecret, ObservedVersion},
    stage::MAX_STAGES,
    version::MAX_VERSIONS,
};
use serde_json::Value;

use crate::{fields::Fields, optional};

/// Stands for identifiers that the answers did not give and that no preview depends on.
const NIL_UUID: &str = "00000000-0000-0000-0000-000000000000";
const NIL_PROJECT: &str = "00000000000000000000000000000000";

const STATES: [SecretState; 4] =
    [SecretState::Enabled, SecretState::Disabled, SecretState::PendingDelete, SecretState::Frozen];

/// Reads the word of `state`.
///
/// # Errors
/// [`Rule::Choice`] for another word.
pub fn read_state(text: &str) -> Result<SecretState, Violation> {
    let words = Violation::new(Rule::Choice, "ENABLED, DISABLED, PENDING_DELETE, FROZEN");
    STATES.into_iter().find(|state| state.as_str() == text).ok_or(words)
}

fn nil(violation: Violation) -> Vec<Problem> {
    vec![violation.at("")]
}

fn version(body: Value) -> Result<ObservedVersion, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::OBSERVED_VERSION)?;
    fields.require("id");
    let id = fields.parsed("id", |text| VersionId::parse(&text));
    let create_time = UnixMillis::new(fields.integer("create_time").unwrap_or(0));
    let expire_time = fields.integer("expire_time").map(UnixMillis::new);
    let kms_key_id = fields.parsed("kms_key_id", KeyId::parse);
    let stages = fields.list("version_stages", MAX_STAGES, "12 items", StageName::parse).unwrap_or_default();
    let kms_key_id = kms_key_id.map_or_else(|| KeyId::parse(NIL_UUID), Ok).map_err(nil)?;
    let built = id.map(|id| ObservedVersion {
        version: Version { id, create_time, expire_time, expiry_told: false, kms_key_id },
        stages,
    });
    fields.finish(built)
}

/// Reads `{state, secret_type, rotation_config, rotation_func_urn, kms_key_id, versions}`; all but `versions` may be
/// absent and then stand for an enabled COMMON secret.
///
/// # Errors
/// Every problem it has, those of the stages included.
pub fn read_observed(body: Value) -> Result<Secret, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::OBSERVED_SECRET)?;
    let state = fields.parsed("state", |text| read_state(&text)).unwrap_or(SecretState::Enabled);
    let secret_type = fields.parsed("secret_type", |text| {
        SecretType::from_word(&text).ok_or(Violation::new(Rule::Choice, "COMMON, RDS-FG, GaussDB-FG"))
    });
    let rotation_config = fields.parsed("rotation_config", |text| RotationConfig::parse(&text));
    let rotation_func_urn = fields.parsed("rotation_func_urn", |text| FunctionUrn::parse(&text));
    let kms_key_id = fields.parsed("kms_key_id", KeyId::parse);
    fields.require("versions");
    let versions = fields.objects("versions", MAX_VERSIONS, "20 items", version);
    let new = NewSecret {
        name: SecretName::parse("secret").map_err(nil)?,
        description: String::new(),
        secret_type: secret_type.unwrap_or(SecretType::Common),
        auto_rotation: false,
        rotation_period: None,
        rotation_config,
        rotation_func_urn,
        event_subscriptions: Vec::new(),
        enterprise_project_id: String::new(),
    };
    let versions = fields.finish(versions)?;
    let id = SecretId::parse(NIL_UUID).map_err(nil)?;
    let project = ProjectId::parse(NIL_PROJECT).map_err(nil)?;
    let key = kms_key_id.map_or_else(|| KeyId::parse(NIL_UUID), Ok).map_err(nil)?;
    Secret::observe(id, project, new, state, key, versions)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answers_of_the_service_can_be_handed_in_whole() {
        let secret = read_observed(json!({
            "id": "x", "name": "demo", "state": "DISABLED", "event_subscriptions": [],
            "versions": [
                { "id": "v2", "create_time": 5, "kms_key_id": NIL_UUID, "secret_name": "demo", "version_stages": ["SYSCURRENT"] },
                { "id": "v1", "create_time": 4, "version_stages": ["SYSPREVIOUS"] },
            ],
        }))
        .unwrap();
        assert_eq!(secret.state, SecretState::Disabled);
        assert_eq!(secret.versions().first().map(|version| version.id.number()), Some(1));
        assert_eq!(secret.next_version().number(), 3);
    }

    #[test]
    fn what_cannot_be_a_secret_is_told_with_its_place() {
        let problems = |versions: Value| read_observed(json!({ "versions": versions })).unwrap_err();
        assert_eq!(problems(json!([]))[0].violation.rule, Rule::Required);
        assert_eq!(problems(json!([{ "id": "1" }]))[0].path, "versions[0].id");
        let twice =
            json!([{ "id": "v1", "version_stages": ["SYSCURRENT"] }, { "id": "v2", "version_stages": ["SYSCURRENT"] }]);
        assert_eq!(problems(twice)[0].violation.rule, Rule::Duplicate);
        assert_eq!(problems(json!([{ "id": "v1" }]))[0].violation.rule, Rule::Unknown);
    }
}
