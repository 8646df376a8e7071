//! Bodies of IAM v3 and STS that ask for credentials: `POST /v3/auth/tokens` by a password, a token or as an agency,
//! `POST /v3.0/OS-CREDENTIAL/securitytokens`, and `POST /v5/agencies/assume`.

use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};

use csms_core::{Problem, Rule, Violation};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::fields::whole_number;

/// A read token request.
#[derive(Debug)]
pub enum TokenRequest {
    /// By a password.
    Password(PasswordLogin),
    /// By a token that the caller has.
    Token(TokenLogin),
    /// As an agency.
    Agency(AgencyRequest),
}

impl TokenRequest {
    /// Reads a body. Of several methods the first that is known counts; beside a password there is none that is not known.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        match method(body) {
            Some("token") => TokenLogin::read(body).map(Self::Token),
            Some("assume_role") => AgencyRequest::read(body).map(Self::Agency),
            _ => PasswordLogin::read(body).map(Self::Password),
        }
    }

    /// Whether the request acts as an agency, for which its head proves who asks. A login proves it by its body.
    #[must_use]
    pub fn is_by_caller(body: &Value) -> bool {
        method(body) == Some("assume_role")
    }
}

/// The methods that are known.
const METHODS: [&str; 3] = ["password", "token", "assume_role"];

/// The first method that is known.
fn method(body: &Value) -> Option<&str> {
    let methods = body.pointer("/auth/identity/methods")?.as_array()?;
    methods.iter().filter_map(Value::as_str).find(|method| METHODS.contains(method))
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

/// The texts at these members of the object at a pointer. An empty one is not given.
fn named(body: &Value, base: &str, members: &[&str]) -> Vec<String> {
    let texts = members.iter().filter_map(|member| body.pointer(&format!("{base}/{member}")).and_then(Value::as_str));
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// What a token is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenScope {
    /// The one project, by identifier, name or both, where given. All of them must be of the same project.
    pub project: Vec<String>,
    /// The account, by identifier, name or both, where given. All of them must be of this account.
    pub domain: Vec<String>,
}

impl TokenScope {
    fn read(body: &Value) -> Self {
        let of = |part: &str| named(body, &format!("/auth/scope/{part}"), &["id", "name"]);
        Self { project: of("project"), domain: of("domain") }
    }
}

/// A request to act as an agency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgencyRequest {
    /// Name of the agency.
    pub agency: String,
    /// The account that the agency is in, by name, identifier or both, where given. All of them must be of this account.
    pub domain: Vec<String>,
    /// What is asked for.
    pub scope: TokenScope,
    /// How long the credentials live at most, in seconds, where given: 900 to 86,400.
    pub seconds: Option<u64>,
}

impl AgencyRequest {
    /// Session lives of `POST /v5/agencies/assume`, in seconds.
    const SESSION_LIFE: core::ops::RangeInclusive<u64> = 900..=43_200;
    const SESSION_LIFE_TEXT: &str = "a number of seconds from 900 to 43200";

    fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        refuse_policy(body, &mut problems);
        // OTC and older clients call it `xrole_name`.
        let names = named(body, "/auth/identity/assume_role", &["agency_name", "xrole_name"]);
        let agency = match names.as_slice() {
            [one, other] if one != other => {
                let same = Violation::new(Rule::Choice, "the same as agency_name");
                problems.push(same.at("auth.identity.assume_role.xrole_name"));
                String::new()
            }
            [name, ..] => name.clone(),
            [] => required(body, "/auth/identity/assume_role/agency_name", &mut problems),
        };
        check_name(&agency, "auth.identity.assume_role.agency_name", &mut problems);
        refuse_roles(body, &mut problems);
        let place = "/auth/identity/assume_role/duration_seconds";
        let seconds = life(body, place, &TemporaryKeyRequest::LIFE, TemporaryKeyRequest::LIFE_TEXT, &mut problems);
        let domain = named(body, "/auth/identity/assume_role", &["domain_name", "domain_id"]);
        if problems.is_empty() {
            Ok(Self { agency, domain, scope: TokenScope::read(body), seconds })
        } else {
            Err(problems)
        }
    }

    /// Reads a body of `POST /v5/agencies/assume`: the agency by its URN, `iam::<account id>:agency:<name>`, and the name of
    /// the session.
    ///
    /// # Errors
    /// Every problem it has; policies that would limit the session, which are not supported and must not be ignored.
    pub fn read_session(body: &Value) -> Result<(Self, String), Vec<Problem>> {
        let mut problems = Vec::new();
        let urn = required(body, "/agency_urn", &mut problems);
        let session = required(body, "/agency_session_name", &mut problems);
        let seconds = life(body, "/duration_seconds", &Self::SESSION_LIFE, Self::SESSION_LIFE_TEXT, &mut problems);
        for limit in ["policy", "policy_ids"] {
            let is_given = body.get(limit).is_some_and(|given| match given {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(items) => !items.is_empty(),
                _ => true,
            });
            if is_given {
                problems.push(Violation::new(Rule::Forbidden, NO_LIMITS).at(limit));
            }
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@=,+".contains(c);
        if session.len() > 64 || !session.chars().all(is_plain) {
            problems
                .push(Violation::new(Rule::Pattern, "1 to 64 letters, digits and -_.@=,+").at("agency_session_name"));
        }
        let named = match urn.split(':').collect::<Vec<_>>().as_slice() {
            ["iam", "", domain, "agency", agency] if agency_name(agency).is_ok() => {
                Some(((*agency).to_owned(), (*domain).to_owned()))
            }
            _ => None,
        };
        if named.is_none() && !urn.is_empty() {
            problems.push(Violation::new(Rule::Pattern, "iam::<account id>:agency:<name>").at("agency_urn"));
        }
        match named {
            Some((agency, domain)) if problems.is_empty() => {
                Ok((Self { agency, domain: vec![domain], scope: TokenScope::default(), seconds }, session))
            }
            _ => Err(problems),
        }
    }
}

/// Checks the name of an agency.
///
/// # Errors
/// Not 1 to 64 letters, digits, spaces and `-_.@`.
pub fn agency_name(name: &str) -> Result<(), Violation> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || " -_.@".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(is_known) {
        return Ok(());
    }
    Err(Violation::new(Rule::Pattern, "1 to 64 letters, digits, spaces and -_.@"))
}

fn check_name(name: &str, place: &str, problems: &mut Vec<Problem>) {
    // One that is missing has been reported.
    if let Some(violation) = agency_name(name).err().filter(|_| !name.is_empty()) {
        problems.push(violation.at(place));
    }
}

/// Why a policy in a request for credentials is refused.
const NO_LIMITS: &str =
    "temporary credentials cannot be limited by a policy here; give their user or agency the rights that it needs";

fn refuse_policy(body: &Value, problems: &mut Vec<Problem>) {
    if body.pointer("/auth/identity/policy").is_some_and(|policy| !policy.is_null()) {
        problems.push(Violation::new(Rule::Forbidden, NO_LIMITS).at("auth.identity.policy"));
    }
}

/// Refuses the choice of a part of the agency's roles, which must not be ignored.
fn refuse_roles(body: &Value, problems: &mut Vec<Problem>) {
    let restrict = body.pointer("/auth/identity/assume_role/restrict/roles");
    if restrict.and_then(Value::as_array).is_some_and(|roles| !roles.is_empty()) {
        problems.push(Violation::new(Rule::Forbidden, NO_LIMITS).at("auth.identity.assume_role.restrict.roles"));
    }
}

/// The number of seconds at a pointer, if there is one. Empty and 0 are not given.
fn life(
    body: &Value,
    pointer: &str,
    range: &core::ops::RangeInclusive<u64>,
    range_text: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<u64> {
    let life = body.pointer(pointer).filter(|life| !life.is_null() && *life != "")?;
    let seconds = whole_number(life);
    if seconds == Some(0) {
        return None;
    }
    let seconds = seconds.filter(|seconds| range.contains(seconds));
    if seconds.is_none() {
        let place = pointer.trim_start_matches('/').replace('/', ".");
        problems.push(Violation::new(Rule::Pattern, range_text).at(place));
    }
    seconds
}

/// A token request by a token.
pub struct TokenLogin {
    /// The token; wiped when dropped.
    pub token: Zeroizing<String>,
    /// What the new token is for.
    pub scope: TokenScope,
}

impl core::fmt::Debug for TokenLogin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TokenLogin").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl TokenLogin {
    fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let token = Zeroizing::new(required(body, "/auth/identity/token/id", &mut problems));
        if problems.is_empty() { Ok(Self { token, scope: TokenScope::read(body) }) } else { Err(problems) }
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
    /// Of an agency.
    Agency(AgencyRequest),
}

impl TemporaryKeyRequest {
    /// The shortest and the longest life, in seconds.
    const LIFE: core::ops::RangeInclusive<u64> = 900..=86_400;
    const LIFE_TEXT: &str = "a number of seconds from 900 to 86400";

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
        if method == Some("assume_role") && problems.is_empty() {
            return AgencyRequest::read(body).map(Self::Agency);
        }
        refuse_policy(body, &mut problems);
        let seconds = life(body, "/auth/identity/token/duration_seconds", &Self::LIFE, Self::LIFE_TEXT, &mut problems);
        let seconds = seconds.unwrap_or(*Self::LIFE.start());
        let token = body.pointer("/auth/identity/token/id").and_then(Value::as_str).filter(|token| !token.is_empty());
        if problems.is_empty() {
            Ok(Self::Own { token: token.map(|token| Zeroizing::new(token.to_owned())), seconds })
        } else {
            Err(problems)
        }
    }
}

/// A read token request by a password.
pub struct PasswordLogin {
    /// The user's name, where given.
    pub name: Option<String>,
    /// The user's identifier, where given. One of the two is; of both, both must be right.
    pub id: Option<String>,
    /// The user's domain (account), by name, identifier or both, where given.
    pub domain: Vec<String>,
    /// Password; wiped when dropped.
    pub password: Zeroizing<String>,
    /// What the token is for.
    pub scope: TokenScope,
}

impl core::fmt::Debug for PasswordLogin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PasswordLogin")
            .field("name", &self.name)
            .field("id", &self.id)
            .field("scope", &self.scope)
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
        let methods = body.pointer("/auth/identity/methods").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if !methods.iter().any(|method| method == "password") {
            problems.push(Violation::new(Rule::Choice, "password, token, assume_role").at("auth.identity.methods"));
        } else if methods.iter().any(|method| method.as_str().is_none_or(|method| !METHODS.contains(&method))) {
            // Whoever asks for a second factor must not take a token for its proof.
            let reason = "there are no further factors beside a password here";
            problems.push(Violation::new(Rule::Forbidden, reason).at("auth.identity.methods"));
        }
        let given = |member| named(body, "/auth/identity/password/user", &[member]).pop();
        let (id, mut name) = (given("id"), given("name"));
        if id.is_none() && name.is_none() {
            name = Some(required(body, "/auth/identity/password/user/name", &mut problems));
        }
        let password = Zeroizing::new(required(body, "/auth/identity/password/user/password", &mut problems));
        let domain = named(body, "/auth/identity/password/user/domain", &["id", "name"]);
        let scope = TokenScope::read(body);
        if problems.is_empty() { Ok(Self { name, id, domain, password, scope }) } else { Err(problems) }
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
            (login.name.as_deref(), login.domain.as_slice(), login.scope.project.as_slice()),
            (Some("u"), ["d".to_owned()].as_slice(), ["local-1".to_owned()].as_slice())
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
            matches!(TokenRequest::read(&body(&["assume_role", "token"])), Ok(TokenRequest::Agency(asked)) if asked.agency == "a")
        );
        assert!(!format!("{:?}", TokenRequest::read(&body(&["token"])).unwrap()).contains("t0ken"));
        let missing = json!({ "auth": { "identity": { "methods": ["token"] } } });
        assert_eq!(TokenRequest::read(&missing).unwrap_err()[0].path, "auth.identity.token.id");
    }

    #[test]
    fn a_second_factor_is_refused_and_not_ignored() {
        let read = |methods: Value| {
            let user = json!({ "name": "u", "password": "p" });
            let identity = json!({ "methods": methods, "password": { "user": user }, "totp": { "user": {} } });
            TokenRequest::read(&json!({ "auth": { "identity": identity } }))
        };
        assert!(read(json!(["password"])).is_ok());
        assert!(read(json!(["password", "token"])).is_ok());
        for methods in [json!(["password", "totp"]), json!(["totp", "password"]), json!(["password", 7])] {
            let problems = read(methods.clone()).unwrap_err();
            assert_eq!(problems[0].path, "auth.identity.methods", "{methods}");
        }
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
        for (life, seconds_of) in [(json!(3600.0), 3600), (json!(""), 900), (json!(0), 900), (json!("0"), 900)] {
            assert_eq!(seconds(life.clone()), Some(seconds_of), "{life}");
        }
        for life in [json!(899), json!(86_401), json!("soon"), json!("+3600"), json!(-1), json!([])] {
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
    fn an_agency_is_named_with_its_account_and_a_life() {
        let body = |assumed: Value| {
            json!({ "auth": { "identity": { "methods": ["assume_role"], "assume_role": assumed },
                              "scope": { "project": { "name": "local-1" } } } })
        };
        let whole = body(json!({ "agency_name": "build", "domain_name": "d", "duration_seconds": 3600 }));
        let expected = AgencyRequest {
            agency: "build".to_owned(),
            domain: vec!["d".to_owned()],
            scope: TokenScope { project: vec!["local-1".to_owned()], domain: Vec::new() },
            seconds: Some(3600),
        };
        assert!(TokenRequest::is_by_caller(&whole));
        assert!(matches!(TokenRequest::read(&whole), Ok(TokenRequest::Agency(asked)) if asked == expected));
        assert!(
            matches!(TemporaryKeyRequest::read(&whole), Ok(TemporaryKeyRequest::Agency(asked)) if asked == expected)
        );
        let wrong = body(json!({ "agency_name": "", "duration_seconds": 5 }));
        let places: Vec<_> = TokenRequest::read(&wrong).unwrap_err().into_iter().map(|problem| problem.path).collect();
        assert_eq!(places, ["auth.identity.assume_role.agency_name", "auth.identity.assume_role.duration_seconds"]);
        let mut limited = whole;
        limited["auth"]["identity"]["policy"] = json!({ "Version": "1.1" });
        assert_eq!(TokenRequest::read(&limited).unwrap_err()[0].path, "auth.identity.policy");
    }

    #[test]
    fn a_session_names_its_agency_by_urn_and_cannot_be_limited() {
        let read = |urn: &str| {
            AgencyRequest::read_session(&json!({ "agency_urn": urn, "agency_session_name": "run-7", "policy_ids": [] }))
        };
        let (asked, session) = read("iam::d0:agency:build").unwrap();
        assert_eq!(
            (asked.agency.as_str(), asked.domain.as_slice(), session.as_str()),
            ("build", ["d0".to_owned()].as_slice(), "run-7")
        );
        for urn in ["build", "iam::d0:user:build", "iam::d0:agency:", "iam:r:d0:agency:build", "iam::d0:agency:a:b"] {
            assert_eq!(read(urn).unwrap_err()[0].path, "agency_urn", "{urn}");
        }
        let wrong =
            json!({ "duration_seconds": 43_201, "policy": "{}", "policy_ids": ["p"], "agency_session_name": "a b" });
        let places: Vec<_> =
            AgencyRequest::read_session(&wrong).unwrap_err().into_iter().map(|problem| problem.path).collect();
        assert_eq!(places, ["agency_urn", "duration_seconds", "policy", "policy_ids", "agency_session_name"]);
    }

    #[test]
    fn a_user_is_named_by_an_identifier_a_name_or_both() {
        let read = |user: Value, project: Value| {
            PasswordLogin::read(&json!({ "auth": {
                "identity": { "methods": ["password"], "password": { "user": user } }, "scope": { "project": project },
            } }))
        };
        let by_id = read(json!({ "id": "i", "password": "p" }), json!({ "id": "", "name": "local-1" })).unwrap();
        assert_eq!((by_id.id.as_deref(), by_id.name.as_deref()), (Some("i"), None));
        assert_eq!(by_id.scope.project, ["local-1"]);
        let domain = json!({ "id": "", "name": "d" });
        let both = read(json!({ "id": "i", "name": "u", "password": "p", "domain": domain }), json!({})).unwrap();
        assert_eq!((both.id.as_deref(), both.name.as_deref(), both.domain.len()), (Some("i"), Some("u"), 1));
        assert_eq!(
            read(json!({ "id": "", "password": "p" }), json!({})).unwrap_err()[0].path,
            "auth.identity.password.user.name"
        );
    }

    #[test]
    fn an_agency_has_its_older_name_too_and_all_of_its_roles() {
        let read = |assumed: Value| {
            AgencyRequest::read(
                &json!({ "auth": { "identity": { "methods": ["assume_role"], "assume_role": assumed } } }),
            )
        };
        let older = read(json!({ "xrole_name": "build", "domain_name": "", "domain_id": "d0" })).unwrap();
        assert_eq!((older.agency.as_str(), older.domain.as_slice()), ("build", ["d0".to_owned()].as_slice()));
        let two = read(json!({ "xrole_name": "build", "agency_name": "other" })).unwrap_err();
        assert_eq!(two[0].path, "auth.identity.assume_role.xrole_name");
        let part = read(json!({ "agency_name": "build", "restrict": { "roles": ["te_admin"] } })).unwrap_err();
        assert_eq!(part[0].path, "auth.identity.assume_role.restrict.roles");
    }

    #[test]
    fn every_missing_part_is_reported() {
        assert_eq!(PasswordLogin::read(&json!({})).unwrap_err().len(), 3);
    }
}
