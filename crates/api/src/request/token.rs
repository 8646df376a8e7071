//! Bodies of IAM v3: `POST /v3/auth/tokens` by a password or a token, and `POST /v3.0/OS-CREDENTIAL/securitytokens`.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use csms_core::{Problem, Rule, Violation};
use serde_json::Value;
use zeroize::Zeroizing;

/// A read token request.
#[derive(Debug)]
pub enum TokenRequest {
    /// By a password.
    Password(PasswordLogin),
    /// By a token that the caller has.
    Token(TokenLogin),
    /// As an agency of this name.
    Agency(String),
}

impl TokenRequest {
    /// Reads a body. Of several methods the first that is known counts.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        match method(body) {
            Some("token") => TokenLogin::read(body).map(Self::Token),
            Some("assume_role") => read_agency(body).map(Self::Agency),
            _ => PasswordLogin::read(body).map(Self::Password),
        }
    }
}

/// The first method that is known.
fn method(body: &Value) -> Option<&str> {
    let methods = body.pointer("/auth/identity/methods")?.as_array()?;
    methods.iter().filter_map(Value::as_str).find(|method| matches!(*method, "password" | "token" | "assume_role"))
}

/// The text at a pointer, which must be there.
fn required(body: &Value, pointer: &str, problems: &mut Vec<Problem>) -> String {
    match body.pointer(pointer).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => {
            problems.push(Violation::new(Rule::Required, "").at(pointer.trim_start_matches('/').replace('/', ".")));
            String::new()
        }
    }
}

/// The project of the scope, by its id or name.
fn project(body: &Value) -> Option<String> {
    let named = |part| body.pointer(&format!("/auth/scope/project/{part}")).and_then(Value::as_str);
    named("id").or_else(|| named("name")).map(str::to_owned)
}

fn read_agency(body: &Value) -> Result<String, Vec<Problem>> {
    let mut problems = Vec::new();
    let agency = required(body, "/auth/identity/assume_role/agency_name", &mut problems);
    if problems.is_empty() { Ok(agency) } else { Err(problems) }
}

/// A token request by a token.
pub struct TokenLogin {
    /// The token; wiped when dropped.
    pub token: Zeroizing<String>,
    /// The project the new token is for, by id or name, where given.
    pub project: Option<String>,
}

impl core::fmt::Debug for TokenLogin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TokenLogin").field("project", &self.project).finish_non_exhaustive()
    }
}

impl TokenLogin {
    fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let token = Zeroizing::new(required(body, "/auth/identity/token/id", &mut problems));
        if problems.is_empty() { Ok(Self { token, project: project(body) }) } else { Err(problems) }
    }
}

/// A request for a temporary access key.
pub enum TemporaryKeyRequest {
    /// Of the caller itself.
    Own {
        /// A token of the caller, within which the key is to be; wiped when dropped.
        token: Option<Zeroizing<String>>,
        /// How long it lives, in seconds: 900 to 86,400.
        seconds: u64,
    },
    /// Of an agency of this name.
    Agency(String),
}

impl TemporaryKeyRequest {
    /// The shortest and the longest life, in seconds.
    const LIFE: core::ops::RangeInclusive<u64> = 900..=86_400;

    /// Reads a body; an empty one asks for a key of 900 seconds.
    ///
    /// # Errors
    /// Every problem it has; a policy that would limit the key, which is not supported and must not be ignored.
    pub fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let methods = body.pointer("/auth/identity/methods").filter(|methods| !methods.is_null());
        let method = method(body);
        let mut problems = Vec::new();
        if methods.is_some() && !matches!(method, Some("token" | "assume_role")) {
            problems.push(Violation::new(Rule::Choice, "token, assume_role").at("auth.identity.methods"));
        }
        if body.pointer("/auth/identity/policy").is_some_and(|policy| !policy.is_null()) {
            let reason = "a temporary key cannot be limited by a policy here; give its user the rights that it needs";
            problems.push(Violation::new(Rule::Forbidden, reason).at("auth.identity.policy"));
        }
        if method == Some("assume_role") {
            let agency = required(body, "/auth/identity/assume_role/agency_name", &mut problems);
            return if problems.is_empty() { Ok(Self::Agency(agency)) } else { Err(problems) };
        }
        let life = body.pointer("/auth/identity/token/duration_seconds").filter(|life| !life.is_null());
        let seconds = match life {
            None => Some(*Self::LIFE.start()),
            Some(life) => life.as_u64().or_else(|| life.as_str().and_then(|text| text.parse().ok())),
        };
        let seconds = seconds.filter(|seconds| Self::LIFE.contains(seconds));
        if seconds.is_none() {
            let rule = Violation::new(Rule::Pattern, "a number of seconds from 900 to 86400");
            problems.push(rule.at("auth.identity.token.duration_seconds"));
        }
        let token = body.pointer("/auth/identity/token/id").and_then(Value::as_str).filter(|token| !token.is_empty());
        match seconds {
            Some(seconds) if problems.is_empty() => {
                Ok(Self::Own { token: token.map(|token| Zeroizing::new(token.to_owned())), seconds })
            }
            _ => Err(problems),
        }
    }
}

/// A read token request by a password.
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
            let methods = "password, token, assume_role";
            problems.push(Violation::new(Rule::Choice, methods).at("auth.identity.methods"));
        }
        let user = required(body, "/auth/identity/password/user/name", &mut problems);
        let password = Zeroizing::new(required(body, "/auth/identity/password/user/password", &mut problems));
        let optional = |base: &str| {
            let named = |part| body.pointer(&format!("{base}/{part}")).and_then(Value::as_str);
            named("id").or_else(|| named("name")).map(str::to_owned)
        };
        let domain = optional("/auth/identity/password/user/domain");
        let project = project(body);
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
    fn the_first_known_method_counts() {
        let body = |methods: &[&str]| {
            json!({ "auth": { "identity": {
            "methods": methods, "token": { "id": "t0ken" }, "assume_role": { "agency_name": "a" },
        } } })
        };
        assert!(matches!(TokenRequest::read(&body(&["mfa", "token"])), Ok(TokenRequest::Token(_))));
        assert!(
            matches!(TokenRequest::read(&body(&["assume_role", "token"])), Ok(TokenRequest::Agency(name)) if name == "a")
        );
        assert!(!format!("{:?}", TokenRequest::read(&body(&["token"])).unwrap()).contains("t0ken"));
        let missing = json!({ "auth": { "identity": { "methods": ["token"] } } });
        assert_eq!(TokenRequest::read(&missing).unwrap_err()[0].path, "auth.identity.token.id");
    }

    #[test]
    fn a_temporary_key_lives_900_to_86400_seconds_and_has_no_policy() {
        let seconds = |life: Value| {
            let body =
                json!({ "auth": { "identity": { "methods": ["token"], "token": { "duration_seconds": life } } } });
            match TemporaryKeyRequest::read(&body) {
                Ok(TemporaryKeyRequest::Own { seconds, token: None }) => Some(seconds),
                _ => None,
            }
        };
        assert_eq!(
            (seconds(json!(900)), seconds(json!("86400")), seconds(Value::Null)),
            (Some(900), Some(86_400), Some(900))
        );
        for life in [json!(899), json!(86_401), json!("soon"), json!(-1), json!([])] {
            assert_eq!(seconds(life.clone()), None, "{life}");
        }
        assert!(matches!(
            TemporaryKeyRequest::read(&json!({})),
            Ok(TemporaryKeyRequest::Own { seconds: 900, token: None })
        ));
        let limited = json!({ "auth": { "identity": { "methods": ["token"], "policy": { "Version": "1.1" } } } });
        assert_eq!(TemporaryKeyRequest::read(&limited).err().unwrap()[0].path, "auth.identity.policy");
    }

    #[test]
    fn every_missing_part_is_reported() {
        assert_eq!(PasswordLogin::read(&json!({})).unwrap_err().len(), 3);
    }
}
