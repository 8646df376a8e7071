//! The part of the Enterprise Project Management Service that is served too: moving a secret or a key to another enterprise
//! project, and finding what one of them holds.
//!
//! Path, members and status are those of the official SDK (`huaweicloudsdkeps`, v1). Enterprise projects themselves are not
//! here: an identifier is a text that policies and filters compare.

use alloc::{string::String, vec::Vec};

use csms_core::{KeyId, Problem, ProjectId, RegionName, Rule, SecretId, Violation, tag::MAX_FILTERS};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Operation,
    fields::Fields,
    operation::{ErrorShape, Method, Specification},
    optional,
    request::{
        query::enterprise_project,
        tag::{MAX_LIMIT, name_match, number},
    },
};

/// The operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpsOperation {
    /// Moves a resource to an enterprise project.
    MigrateResource,
    /// Lists the resources of an enterprise project.
    ShowResourceBindEnterpriseProject,
}

impl EpsOperation {
    /// Every operation.
    pub const ALL: &'static [Self] = &[Self::MigrateResource, Self::ShowResourceBindEnterpriseProject];

    /// The operation's row, with the right that it takes to secrets: to change one where it is and where it goes, or to list them.
    /// Keys take the rights of UpdateKeyDescription and ListKeys.
    #[must_use]
    pub const fn specification(self) -> Specification {
        let (name, path, success, actions) = match self {
            Self::MigrateResource => (
                "MigrateResource",
                "/v1.0/enterprise-projects/{enterprise_project_id}/resources-migrate",
                204,
                Operation::UpdateSecret.specification().actions,
            ),
            Self::ShowResourceBindEnterpriseProject => (
                "ShowResourceBindEnterpriseProject",
                "/v1.0/enterprise-projects/{enterprise_project_id}/resources/filter",
                200,
                Operation::ListSecrets.specification().actions,
            ),
        };
        Specification { name, method: Method::Post, path, success, errors: ErrorShape::Flat, actions }
    }
}

/// The kinds of resources that belong to enterprise projects here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceType {
    /// A secret.
    Secret,
    /// A KMS key.
    Key,
}

impl ResourceType {
    /// Reads the service's word.
    ///
    /// # Errors
    /// [`Rule::Choice`].
    fn parse(text: &str) -> Result<Self, Violation> {
        [Self::Secret, Self::Key]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Violation::new(Rule::Choice, "csms, kms"))
    }

    /// The service's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "csms",
            Self::Key => "kms",
        }
    }
}

/// A resource that belongs to an enterprise project, by its identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A secret.
    Secret(SecretId),
    /// A KMS key.
    Key(KeyId),
}

/// A read MigrateResource body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateResource {
    /// What is moved.
    pub resource: Resource,
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
        // Identifiers of secrets and of keys have the same form, so that an unknown type does not hide what is wrong with one.
        let id = fields.parsed("resource_id", |text| Ok((SecretId::parse(&text)?, KeyId::parse(&text)?)));
        let kind = fields.parsed("resource_type", |text| ResourceType::parse(&text));
        let project = fields.parsed("project_id", |text| ProjectId::parse(&text));
        let region = fields.parsed("region_id", RegionName::parse);
        if fields.boolean("associated") == Some(true) {
            let reason = "nothing is associated with a secret or a key";
            fields.report(Violation::new(Rule::Forbidden, reason).at("associated"));
        }
        let resource = id.zip(kind).map(|((secret, key), kind)| match kind {
            ResourceType::Secret => Resource::Secret(secret),
            ResourceType::Key => Resource::Key(key),
        });
        fields.finish(resource.zip(project).map(|(resource, project)| Self { resource, project, region }))
    }
}

/// Most projects that a search names.
const MAX_PROJECTS: usize = 50;

/// A read ShowResourceBindEnterpriseProject body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindResources {
    /// The projects that are searched, each once.
    pub projects: Vec<ProjectId>,
    /// The kinds of resources that are wanted, each once.
    pub kinds: Vec<ResourceType>,
    /// Most resources to return, 1 to 1,000; 1,000 by default.
    pub limit: usize,
    /// Resources to leave out at the beginning.
    pub offset: usize,
    /// Parts of the name, all of which it must have.
    pub names: Vec<String>,
}

/// The items in their order, each once.
fn once<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    items.into_iter().fold(Vec::new(), |mut kept, item| {
        if !kept.contains(&item) {
            kept.push(item);
        }
        kept
    })
}

impl FindResources {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::FIND_BOUND_RESOURCES)?;
        for name in ["projects", "resource_types"] {
            fields.require(name);
        }
        let projects = fields.list("projects", MAX_PROJECTS, "50 items", |text| ProjectId::parse(&text));
        let kinds = fields.list("resource_types", 2, "2 items", |text| ResourceType::parse(&text));
        let limit = fields.parsed_digits("limit", |text| number(&text, 1, MAX_LIMIT)).unwrap_or(MAX_LIMIT);
        let offset = fields.parsed_digits("offset", |text| number(&text, 0, u64::MAX)).unwrap_or(0);
        let names = fields.objects("matches", MAX_FILTERS, "10 items", name_match).unwrap_or_default();
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        fields.finish(projects.zip(kinds).map(|(projects, kinds)| Self {
            projects: once(projects),
            kinds: once(kinds),
            limit: size(limit),
            offset: size(offset),
            names,
        }))
    }

    /// Whether a name has every part that is asked for, whatever its case.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.names.iter().all(|part| !part.is_empty() && name.contains(&part.to_ascii_lowercase()))
    }
}

/// A resource of an enterprise project. `resource_detail` of the definitions is left out: the resource's own service has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct BoundResource {
    pub enterprise_project_id: String,
    pub project_id: String,
    /// The name of the project, which is its region.
    pub project_name: String,
    pub resource_id: String,
    pub resource_name: String,
    /// `csms` or `kms`.
    pub resource_type: String,
}

/// Response of ShowResourceBindEnterpriseProject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BoundResources {
    /// The page: of each project its secrets by name, then its keys by alias.
    pub resources: Vec<BoundResource>,
    /// Empty: every service that is asked is this one.
    pub errors: Vec<()>,
    /// Number of resources that match, on all pages.
    pub total_count: u64,
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

    #[test]
    fn every_problem_of_a_search_is_reported() {
        let body = json!({ "projects": ["x"], "resource_types": ["csms", "vpcs"], "limit": 0, "offset": "a", "matches": [{ "key": "b" }] });
        let problems = FindResources::read(body).unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["projects[0]", "resource_types[1]", "limit", "offset", "matches[0].key"]);
        let problems = FindResources::read(json!({})).unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["projects", "resource_types"]);
    }

    #[test]
    fn a_search_names_each_project_and_each_type_once() {
        let project = "0123456789abcdef0123456789abcdef";
        let body = json!({ "projects": [project, project], "resource_types": ["kms", "kms"] });
        let read = FindResources::read(body).unwrap();
        assert_eq!(
            (read.projects.len(), read.kinds, read.limit, read.offset),
            (1, alloc::vec![ResourceType::Key], 1000, 0)
        );
    }
}
