//! Bodies about versions and stages: CreateSecretVersion, UpdateVersion, UpdateSecretStage; and version ids in paths.

use alloc::{vec, vec::Vec};

use csms_core::{
    Problem, Rule, SecretValue, StageName, UnixMillis, VersionId, Violation, secret::NewVersion, stage::MAX_STAGES,
};
use serde_json::Value;

use super::{Rules, secret::value};
use crate::{fields::Fields, optional};

/// A read CreateSecretVersion body.
#[derive(Clone, Debug)]
pub struct CreateVersion {
    /// Stages and expiry.
    pub version: NewVersion,
    /// The value.
    pub value: SecretValue,
}

/// Which version a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSelector {
    /// `latest`: the version marked `SYSCURRENT`.
    Latest,
    /// `vN`.
    Id(VersionId),
}

impl VersionSelector {
    /// Reads a path segment.
    ///
    /// # Errors
    /// A problem at `version_id`.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        match text {
            "latest" => Ok(Self::Latest),
            text => VersionId::parse(text)
                .map(Self::Id)
                .map_err(|_| vec![Violation::new(Rule::Pattern, "^v[1-9][0-9]{0,9}$ or latest").at("version_id")]),
        }
    }
}

fn expire_time(fields: &mut Fields, now: UnixMillis) -> Option<UnixMillis> {
    let millis = fields.integer("expire_time")?;
    let time = UnixMillis::new(millis);
    let limit = UnixMillis::MAX.as_millis();
    let checked = if time > UnixMillis::MAX {
        Err(Violation::new(Rule::TooLarge, "9999999999999 milliseconds").with_limit(limit, millis))
    } else if time <= now {
        Err(Violation::new(Rule::Past, "now, in milliseconds since 1970"))
    } else {
        Ok(time)
    };
    fields.checked("expire_time", checked)
}

impl CreateVersion {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value, rules: Rules, now: UnixMillis) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_VERSION)?;
        let value = value(&mut fields, rules);
        let version = version(&mut fields, now);
        fields.finish(value.map(|value| Self { version, value }))
    }
}

fn version(fields: &mut Fields, now: UnixMillis) -> NewVersion {
    let stages = fields.list("version_stages", MAX_STAGES, "12 items", StageName::parse).unwrap_or_default();
    NewVersion { expire_time: expire_time(fields, now), stages }
}

/// Reads what a CreateSecretVersion body says besides the value, for previews.
///
/// # Errors
/// Every problem it has.
pub fn read_move(body: Value, now: UnixMillis) -> Result<NewVersion, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::PREVIEW_VERSION)?;
    let version = version(&mut fields, now);
    fields.finish(Some(version))
}

/// Reads the body of UpdateVersion.
///
/// # Errors
/// Every problem it has.
pub fn read_expiry(body: Value, now: UnixMillis) -> Result<UnixMillis, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("expire_time");
    let time = expire_time(&mut fields, now);
    fields.finish(time)
}

/// A read CreateSecretStage body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateStage {
    /// The stage.
    pub name: StageName,
    /// The version that it marks.
    pub version: VersionId,
}

impl CreateStage {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::of(body)?;
        fields.require("name");
        fields.require("version_id");
        let name = fields.parsed("name", StageName::parse);
        let version = fields.parsed("version_id", |text| VersionId::parse(&text));
        fields.finish(name.zip(version).map(|(name, version)| Self { name, version }))
    }
}

/// Reads the body of UpdateSecretStage.
///
/// # Errors
/// Every problem it has.
pub fn read_stage_target(body: Value) -> Result<VersionId, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("version_id");
    let version = fields.parsed("version_id", |text| VersionId::parse(&text));
    fields.finish(version)
}

#[cfg(test)]
mod tests {
    use std::format;

    use serde_json::json;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

    #[test]
    fn an_expiry_in_the_past_is_refused() {
        let problems = read_expiry(json!({ "expire_time": 1_700_000_000_000_u64 }), NOW).unwrap_err();
        assert_eq!(problems[0].violation.rule, Rule::Past);
        assert_eq!(
            read_expiry(json!({ "expire_time": 10_000_000_000_000_u64 }), NOW).unwrap_err()[0].violation.rule,
            Rule::TooLarge
        );
        assert!(read_expiry(json!({}), NOW).is_err());
        assert!(read_expiry(json!({ "expire_time": 1_700_000_000_001_u64 }), NOW).is_ok());
    }

    #[test]
    fn thirteen_stages_in_one_request_are_refused() {
        let stages: Vec<_> = (0..13).map(|number| format!("s{number}")).collect();
        let body = json!({ "secret_string": "x", "version_stages": stages });
        assert_eq!(CreateVersion::read(body, Rules::default(), NOW).unwrap_err()[0].violation.rule, Rule::TooMany);
    }

    #[test]
    fn a_version_in_a_path_is_a_number_or_latest() {
        assert_eq!(VersionSelector::read("latest"), Ok(VersionSelector::Latest));
        assert!(VersionSelector::read("v2").is_ok());
        for text in ["SYSCURRENT", "v0", "v01", "1", "a.b", "", "-a"] {
            assert!(VersionSelector::read(text).is_err(), "{text}");
        }
    }
}
