//! The check of rights: what the caller may do, before it is tried. It is this server's own operation; the cloud has none.

use alloc::{string::String, vec::Vec};

use csms_core::{KeyName, Problem, Rule, SecretName, Violation, policy::Judgement};
use serde::Serialize;
use serde_json::Value;

use crate::{ApiError, ErrorShape, Method, fields::Fields, operation::Specification, optional};

/// The operation's name.
pub const NAME: &str = "CheckPermissions";

/// The operation's path; its method is POST.
pub const PATH: &str = "/v1/{project_id}/csms/permissions/check";

/// The operation's row. Whoever is authenticated may ask, for itself alone.
pub const SPECIFICATION: Specification = Specification {
    name: NAME,
    method: Method::Post,
    path: PATH,
    success: 200,
    errors: ErrorShape::Flat,
    actions: &[],
};

/// Most actions of one request.
const MAX_ACTIONS: usize = 200;

/// Most requests of one question.
const MAX_REQUESTS: usize = 50;

/// A request that somebody thinks of sending.
#[derive(Clone)]
pub struct AskedRequest {
    /// Its method, such as `GET`.
    pub method: String,
    /// Its path with its query, percent-encoded as it would be sent.
    pub path: String,
    /// Its body, as JSON; none when absent.
    pub body: Option<Value>,
}

/// A body may hold a value of a secret.
impl core::fmt::Debug for AskedRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AskedRequest").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Which actions are asked about, and what they would be done with; or which requests.
#[derive(Clone, Debug)]
pub struct CheckPermissions {
    /// Actions such as `csms:secret:getVersion`, or patterns of several such as `csms:secret:*`.
    pub actions: Vec<String>,
    /// Whole requests.
    pub requests: Vec<AskedRequest>,
    /// The secret; all secrets when absent.
    pub secret_name: Option<SecretName>,
    /// The key; all keys when absent.
    pub key_id: Option<KeyName>,
    /// A policy that is judged instead of those of the caller. It is not known to be one yet.
    pub policy_document: Option<String>,
}

impl CheckPermissions {
    /// Reads the body. `is_action` knows the actions of the server's operations.
    ///
    /// # Errors
    /// Every problem of the body.
    pub fn read(body: Value, is_action: impl Fn(&str) -> bool) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::CHECK_PERMISSIONS)?;
        if !fields.has("requests") {
            fields.require("actions");
        }
        let actions = fields.list("actions", MAX_ACTIONS, "200 actions", |text| {
            if is_action(&text) { Ok(text) } else { Err(Violation::new(Rule::Unknown, "an action of an operation")) }
        });
        if actions.as_ref().is_some_and(Vec::is_empty) {
            fields.report(Violation::new(Rule::Required, "").at("actions[0]"));
        }
        let secret_name = fields.parsed("secret_name", SecretName::parse);
        let key_id = fields.parsed("key_id", KeyName::parse);
        // What a request does is judged by stored things, of which a policy that nobody has yet must reveal nothing.
        if fields.has("requests") && fields.has("policy_document") {
            fields.report(Violation::new(Rule::Forbidden, "policy_document is judged over actions").at("requests"));
        }
        let policy_document = fields.text("policy_document");
        let requests = fields.objects("requests", MAX_REQUESTS, "50 requests", |request| {
            let mut fields = Fields::with_optional(request, &optional::CHECK_REQUEST)?;
            fields.require("method");
            fields.require("path");
            let method = fields.text("method");
            let path = fields.parsed("path", |path| {
                if path.starts_with('/') { Ok(path) } else { Err(Violation::new(Rule::Pattern, "^/")) }
            });
            let body = fields.value("body");
            fields.finish(method.zip(path).map(|(method, path)| AskedRequest { method, path, body }))
        });
        let (actions, requests) = (actions.unwrap_or_default(), requests.unwrap_or_default());
        fields.finish(Some(Self { actions, requests, secret_name, key_id, policy_document }))
    }
}

/// The actions that were asked about, in three lists; each is in one of them, in the order of the request. A pattern stands
/// for every action that it matches, by the newest name of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckPermissionsResponse {
    /// What the caller may do.
    pub allowed: Vec<String>,
    /// What it may not.
    pub denied: Vec<String>,
    /// What it may do to some things, or in some requests, and not in others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<Dependent>,
    /// What in the policy of the question means nothing here, though it may be stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What would become of the requests, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<CheckedRequest>,
}

impl CheckPermissionsResponse {
    /// Puts an action into the list of what was judged of it.
    pub fn add(&mut self, action: String, judged: Judgement) {
        match judged {
            Judgement::Allowed => self.allowed.push(action),
            Judgement::Denied => self.denied.push(action),
            Judgement::Depends(on) => self.depends.push(Dependent { action, on }),
        }
    }
}

/// An action of which the question does not say enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dependent {
    /// The action.
    pub action: String,
    /// The condition keys that it depends on, such as `g:ResourceTag/stage`, and `Resource` for the name of the resource.
    pub on: Vec<String>,
}

/// What would become of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckedRequest {
    /// Whether the operation would begin.
    pub allowed: bool,
    /// The code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'static str>,
    /// The words of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

impl CheckedRequest {
    /// A request whose operation would begin.
    #[must_use]
    pub const fn allowed() -> Self {
        Self { allowed: true, error_code: None, error_msg: None }
    }

    /// A request that would be refused.
    #[must_use]
    pub fn refused(error: &ApiError) -> Self {
        Self { allowed: false, error_code: Some(error.code.as_str()), error_msg: Some(error.message.clone()) }
    }
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
        let body = json!({ "actions": ["csms:secret:list", "csms:secret:lisst", 7], "key_id": "x y" });
        assert_eq!(paths(body), ["actions[1]", "actions[2]", "key_id"]);
        let body = json!({ "requests": [{ "method": "GET", "path": "/v1/p/secrets" }], "policy_document": "{}" });
        assert_eq!(paths(body), ["requests"]);
        let many = vec!["csms:secret:list"; MAX_ACTIONS + 1];
        assert_eq!(paths(json!({ "actions": many })), ["actions"]);
    }
}
