//! The check of rights: what the caller may do, before it is tried. It is this server's own operation; the cloud has none.

use alloc::{string::String, vec::Vec};

use csms_core::{KeyId, Problem, Rule, SecretName, Violation};
use serde::Serialize;
use serde_json::Value;

use crate::fields::Fields;

/// The operation's name.
pub const NAME: &str = "CheckPermissions";

/// The operation's path; its method is POST.
pub const PATH: &str = "/v1/{project_id}/csms/permissions/check";

/// Most actions of one request.
const MAX_ACTIONS: usize = 200;

/// Which actions are asked about, and what they would be done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckPermissions {
    /// Actions such as `csms:secret:getVersion`.
    pub actions: Vec<String>,
    /// The secret; all secrets when absent.
    pub secret_name: Option<SecretName>,
    /// The key; all keys when absent.
    pub key_id: Option<KeyId>,
}

impl CheckPermissions {
    /// Reads the body. `is_action` knows the actions of the server's operations.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value, is_action: impl Fn(&str) -> bool) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::of(body)?;
        fields.require("actions");
        let actions = fields.list("actions", MAX_ACTIONS, "200 actions", |text| {
            if is_action(&text) { Ok(text) } else { Err(Violation::new(Rule::Unknown, "an action of an operation")) }
        });
        if actions.as_ref().is_some_and(Vec::is_empty) {
            fields.report(Violation::new(Rule::Required, "").at("actions[0]"));
        }
        let secret_name = fields.parsed_unless_empty("secret_name", SecretName::parse);
        let key_id = fields.parsed_unless_empty("key_id", KeyId::parse);
        fields.finish(actions.map(|actions| Self { actions, secret_name, key_id }))
    }
}

/// The actions that were asked about, in two lists; each is in one of them, in the order of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckPermissionsResponse {
    /// What the caller may do.
    pub allowed: Vec<String>,
    /// What it may not.
    pub denied: Vec<String>,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use serde_json::json;

    use super::*;

    fn paths(body: Value) -> Vec<String> {
        let read = CheckPermissions::read(body, |action| action == "csms:secret:list");
        read.unwrap_err().into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn every_problem_of_the_question_is_told() {
        assert_eq!(paths(json!({ "secret_name": "a/b" })), ["actions", "secret_name"]);
        assert_eq!(paths(json!({ "actions": [] })), ["actions[0]"]);
        let body = json!({ "actions": ["csms:secret:list", "csms:secret:lisst", 7], "key_id": "x" });
        assert_eq!(paths(body), ["actions[1]", "actions[2]", "key_id"]);
        let many = vec!["csms:secret:list"; MAX_ACTIONS + 1];
        assert_eq!(paths(json!({ "actions": many })), ["actions"]);
    }
}
