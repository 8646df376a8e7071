//! The part of the Enterprise Project Management Service that is served too: moving a secret to another enterprise project.
//!
//! Path, members and status are those of the official SDK (`huaweicloudsdkeps`, v1). Enterprise projects themselves are not
//! here: an identifier is a text that policies and filters compare.

use alloc::{string::String, vec::Vec};

use csms_core::{Problem, ProjectId, RegionName, Rule, SecretId, Violation};
use serde_json::Value;

use crate::{
    Operation,
    fields::Fields,
    operation::{ErrorShape, Method, Specification},
    optional,
    request::query::enterprise_project,
};

/// The operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpsOperation {
    /// Moves a resource to an enterprise project.
    MigrateResource,
}

impl EpsOperation {
    /// Every operation.
    pub const ALL: &'static [Self] = &[Self::MigrateResource];

    /// The operation's row. It takes the right to change the secret, where it is and where it goes.
    #[must_use]
    pub const fn specification(self) -> Specification {
        Specification {
            name: "MigrateResource",
            method: Method::Post,
            path: "/v1.0/enterprise-projects/{enterprise_project_id}/resources-migrate",
            success: 204,
            errors: ErrorShape::Flat,
            actions: Operation::UpdateSecret.specification().actions,
        }
    }
}

/// A read MigrateResource body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateResource {
    /// The secret.
    pub secret: SecretId,
    /// The project that it is in.
    pub project: ProjectId,
    /// The region of that project, where the body names one.
    pub region: Option<RegionName>,
}

impl MigrateResource {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::MIGRATE_RESOURCE)?;
        for name in ["resource_id", "resource_type", "project_id"] {
            fields.require(name);
        }
        let secret = fields.parsed("resource_id", SecretId::parse);
        fields.parsed(
            "resource_type",
            |text| {
                if text == "csms" { Ok(()) } else { Err(Violation::new(Rule::Choice, "csms")) }
            },
        );
        let project = fields.parsed("project_id", |text| ProjectId::parse(&text));
        let region = fields.parsed("region_id", RegionName::parse);
        if fields.boolean("associated") == Some(true) {
            let reason = "nothing is associated with a secret";
            fields.report(Violation::new(Rule::Forbidden, reason).at("associated"));
        }
        fields.finish(secret.zip(project).map(|(secret, project)| Self { secret, project, region }))
    }
}

/// Reads the enterprise project in the path.
///
/// # Errors
/// The problem at `enterprise_project_id`.
pub fn read_enterprise_project(text: &str) -> Result<String, Vec<Problem>> {
    enterprise_project(text).map_err(|violation| alloc::vec![violation.at("enterprise_project_id")])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_of_a_move_is_reported() {
        let body = json!({ "resource_id": "x", "resource_type": "vm", "region_id": "a b", "associated": "true" });
        let problems = MigrateResource::read(body).unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["project_id", "resource_id", "resource_type", "region_id", "associated"]);
    }
}
