//! The body of `POST /v3/auth/tokens` with the password method (IAM).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use csms_core::{Problem, Rule, Violation};
use serde_json::Value;
use zeroize::Zeroizing;

/// A read token request.
pub struct PasswordLogin {
    /// User name.
    pub user: String,
    /// The user's domain (account), by name or id, where given.
    pub domain: Option<String>,
    /// Password; wiped when dropped.
    pub password: Zeroizing<String>,
    /// The project the token is for, by id or name, where given.
    pub project: Option<String>,
}

impl core::fmt::Debug for PasswordLogin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PasswordLogin")
            .field("user", &self.user)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

impl PasswordLogin {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let methods = body.pointer("/auth/identity/methods").and_then(Value::as_array);
        if !methods.is_some_and(|methods| methods.iter().any(|method| method == "password")) {
            problems.push(Violation::new(Rule::Choice, "password").at("auth.identity.methods"));
        }
        let mut required = |pointer: &str| match body.pointer(pointer).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => {
                problems.push(Violation::new(Rule::Required, "").at(pointer.trim_start_matches('/').replace('/', ".")));
                String::new()
            }
        };
        let user = required("/auth/identity/password/user/name");
        let password = Zeroizing::new(required("/auth/identity/password/user/password"));
        let optional = |base: &str| {
            let named = |part| body.pointer(&format!("{base}/{part}")).and_then(Value::as_str);
            named("id").or_else(|| named("name")).map(str::to_owned)
        };
        let domain = optional("/auth/identity/password/user/domain");
        let project = optional("/auth/scope/project");
        if problems.is_empty() { Ok(Self { user, domain, password, project }) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_documented_body_is_read() {
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": { "name": "u", "password": "hunter2", "domain": { "name": "d" } } } },
            "scope": { "project": { "name": "local-1" } },
        }});
        let login = PasswordLogin::read(&body).unwrap();
        assert_eq!(
            (login.user.as_str(), login.domain.as_deref(), login.project.as_deref()),
            ("u", Some("d"), Some("local-1"))
        );
        assert!(!format!("{login:?}").contains("hunter2"));
    }

    #[test]
    fn every_missing_part_is_reported() {
        assert_eq!(PasswordLogin::read(&json!({})).unwrap_err().len(), 3);
    }
}
