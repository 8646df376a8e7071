//! Bodies about replicas: CreateSecretReplica.

use alloc::vec::Vec;

use csms_core::{KeyName, Problem, RegionName};
use serde_json::Value;

use crate::{fields::Fields, optional};

/// A read CreateSecretReplica body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateReplica {
    /// Where the replica will be.
    pub region: RegionName,
    /// The key of that region's project that will protect its values; the default key when absent.
    pub kms_key_id: Option<KeyName>,
}

impl CreateReplica {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::CREATE_REPLICA)?;
        fields.require("region");
        let region = fields.parsed("region", RegionName::parse);
        let kms_key_id = fields.parsed("kms_key_id", KeyName::parse);
        fields.finish(region.map(|region| Self { region, kms_key_id }))
    }
}

#[cfg(test)]
mod tests {
    use csms_core::Rule;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_region_is_mandatory_and_the_key_is_not() {
        let read = CreateReplica::read(json!({ "region": "eu-1", "kms_key_id": "" })).unwrap();
        assert_eq!((read.region.as_str(), read.kms_key_id), ("eu-1", None));
        let problems = CreateReplica::read(json!({ "kms_key_id": "x y" })).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.violation.rule)).collect();
        assert_eq!(told, [("region", Rule::Required), ("kms_key_id", Rule::Pattern)]);
    }
}
