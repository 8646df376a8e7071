//! The part of IAM v3 that the SDKs need: tokens by password, projects by name, domains.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode};
use csms_api::{ApiError, ErrorCode, ErrorShape, Method, operation::Specification, request::token::PasswordLogin};
use csms_core::{ProjectId, UnixMillis};
use csms_store::Store;
use serde_json::{Value, json};

use crate::{
    app::App,
    audit::Requested,
    auth::{
        Caller,
        passwords::Checked,
        token::{USER_TOKEN_MILLIS, UserToken},
    },
    clock,
    failure::Failure,
    gate::{
        access::Kind,
        answer::{Answer, json_response},
        json::Body,
        limits::Standing,
        service::{Audited, Call, Prepared, Scope, Service},
    },
};

/// An operation of IAM v3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOperation {
    /// A token by a password.
    CreateToken,
    /// The projects of the caller, as the SDKs ask for them.
    ListProjects,
    /// The same at the address that OpenStack clients use.
    ListAuthProjects,
    /// The account of the caller.
    ListDomains,
}

impl TokenOperation {
    /// Every operation.
    pub const ALL: &'static [Self] =
        &[Self::CreateToken, Self::ListProjects, Self::ListAuthProjects, Self::ListDomains];
}

impl Service for TokenOperation {
    fn specification(self) -> Specification {
        let (name, method, path, success) = match self {
            Self::CreateToken => ("CreateToken", Method::Post, "/v3/auth/tokens", 201),
            Self::ListProjects => ("ListProjects", Method::Get, "/v3/projects", 200),
            Self::ListAuthProjects => ("ListAuthProjects", Method::Get, "/v3/auth/projects", 200),
            Self::ListDomains => ("ListDomains", Method::Get, "/v3/auth/domains", 200),
        };
        // A proven caller may ask who it is and what projects it has; no policy is about that.
        Specification { name, method, path, success, errors: ErrorShape::Nested, actions: &[] }
    }

    fn scope(self) -> Scope {
        if self == Self::CreateToken { Scope::Public } else { Scope::Domain }
    }

    fn audited(self) -> Audited {
        if self == Self::CreateToken { Audited::Use } else { Audited::No }
    }

    fn kind(self) -> Kind {
        Kind::User
    }

    /// IAM's error body: `{"error":{"code","message","title"}}`.
    fn error_body(self, error: &ApiError, _request_id: &str) -> Value {
        let status = error.code.status();
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
        json!({ "error": { "code": status, "message": error.message, "title": title } })
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        match self {
            Self::CreateToken => {
                let login = PasswordLogin::read(&*body.wiped_object()?)?;
                Ok(Prepared::new(Vec::new(), async move { create_token(&call, login).await }))
            }
            Self::ListProjects | Self::ListAuthProjects => {
                Ok(Prepared::new(Vec::new(), async move { list_projects(&call) }))
            }
            Self::ListDomains => Ok(Prepared::new(Vec::new(), async move { list_domains(&call) })),
        }
    }
}

/// `2026-11-21T20:00:00.000000Z`, as IAM writes times.
fn rfc3339(time: UnixMillis) -> String {
    clock::rfc3339(time, 6)
}

async fn create_token(call: &Call, login: PasswordLogin) -> Result<Answer, Failure> {
    let app = &call.app;
    let user = app.store.user_by_name(Some(&app.identity.domain_id), &login.user).await?.filter(|user| user.enabled);
    if let Some(user) = &user {
        call.acts_as(Arc::new(Caller::named(&user.name, &user.id)));
    }
    let peer = Requested::current().and_then(|request| request.peer());
    let checks = app.authenticator.password_checks();
    let is_right = match checks.check(user.as_ref(), &login.user, peer, login.password).await? {
        Checked::Right => true,
        Checked::Wrong => false,
        Checked::HeldOff { wait_seconds } => {
            let reason = format!("too many wrong passwords from this address; wait {wait_seconds} seconds");
            return Err(Failure::new(ErrorCode::Throttled, reason));
        }
    };
    let is_of_account = login
        .domain
        .as_ref()
        .is_none_or(|domain| *domain == app.identity.domain_name || *domain == app.identity.domain_id);
    let user = user.filter(|user| is_right && is_of_account && user.password_hash.is_some());
    let user = user.ok_or_else(|| ApiError::new(ErrorCode::Unauthenticated, "The username or password is wrong."))?;
    Standing::prove(&call.head().extensions);
    let project = match &login.project {
        None => None,
        Some(named) => Some(find_project(app, &user.projects, named).ok_or_else(|| {
            ApiError::new(ErrorCode::Forbidden, "the user may not use the project of auth.scope.project")
        })?),
    };
    let now = app.clock.now();
    let expires = now.plus_millis(USER_TOKEN_MILLIS);
    let generation = user.details.generation;
    let token = UserToken { user_id: user.id.clone(), project: project.clone(), expires, generation };
    let domain = json!({ "id": app.identity.domain_id, "name": app.identity.domain_name });
    let mut body = json!({ "token": {
        "methods": ["password"],
        "issued_at": rfc3339(now),
        "expires_at": rfc3339(expires),
        "user": { "id": user.id, "name": user.name, "domain": domain, "password_expires_at": "" },
        "roles": [],
        "catalog": [],
    }});
    let (scope, scoped_to) = match project {
        Some(project) => ("project", json!({ "id": project, "name": project_name(app, &project), "domain": domain })),
        None => ("domain", domain),
    };
    body["token"][scope] = scoped_to;
    let token = HeaderValue::from_str(&token.seal(&app.root)?).map_err(Failure::internal)?;
    let mut response = json_response(StatusCode::CREATED, body.to_string().into_bytes());
    response.headers_mut().insert("x-subject-token", token);
    Ok(Answer::Whole(response))
}

/// The project of a region bears the region's name, as in the cloud; others are known by their id.
fn project_name<'a>(app: &'a App, project: &'a ProjectId) -> &'a str {
    let region = app.identity.regions.iter().find(|region| region.project == *project);
    region.map_or(project.as_str(), |region| region.name.as_str())
}

fn find_project(app: &App, projects: &[ProjectId], named: &str) -> Option<ProjectId> {
    projects.iter().find(|project| project.as_str() == named || project_name(app, project) == named).cloned()
}

fn list_projects(call: &Call) -> Result<Answer, Failure> {
    let app = &call.app;
    let wanted = call.query_text("name");
    let projects = call.caller.projects.iter().map(|project| (project, project_name(app, project)));
    let projects: Vec<_> = projects
        .filter(|(_, name)| wanted.is_none_or(|wanted| wanted == *name))
        .map(|(id, name)| {
            json!({
                "id": id, "name": name, "domain_id": app.identity.domain_id, "parent_id": app.identity.domain_id,
                "enabled": true, "is_domain": false, "description": "", "links": { "self": "" },
            })
        })
        .collect();
    Answer::json(&json!({ "projects": projects, "links": { "self": "", "next": null, "previous": null } }))
}

fn list_domains(call: &Call) -> Result<Answer, Failure> {
    let domain = json!({
        "id": call.app.identity.domain_id, "name": call.app.identity.domain_name, "enabled": true, "description": "",
        "links": { "self": "" },
    });
    Answer::json(&json!({ "domains": [domain], "links": { "self": "", "next": null, "previous": null } }))
}
