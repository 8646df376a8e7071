//! The part of IAM that the SDKs need: tokens by password, projects by name, domains.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Response, StatusCode},
    routing::{get, post},
};
use csms_api::{ApiError, ErrorCode, ErrorShape, request::token::PasswordLogin};
use csms_core::{ProjectId, UnixMillis};
use csms_store::Store;
use serde_json::{Value, json};

use crate::{
    app::App,
    auth::{
        Caller, passwords,
        token::{USER_TOKEN_MILLIS, UserToken},
    },
    failure::Failure,
    gate::answer::json_response,
    gate::body::read_login_body,
    gate::limits::Standing,
    gate::pipeline::{authenticate, failure_response, read_query},
};

/// The IAM routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v3/auth/tokens", post(create_token))
        .route("/v3/projects", get(list_projects))
        .route("/v3/auth/projects", get(list_projects))
        .route("/v3/auth/domains", get(list_domains))
}

/// IAM's error body: `{"error":{"code","message","title"}}`.
fn error_response(failure: Failure, operation: &'static str) -> Response<Body> {
    let status = StatusCode::from_u16(failure.error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({ "error": { "code": status.as_u16(), "message": failure.error.message, "title": title } });
    let mut response = failure_response(failure, ErrorShape::Flat, operation);
    *response.body_mut() = Body::from(body.to_string());
    response
}

/// `2026-11-21T20:00:00.000000Z`, as IAM writes times.
fn rfc3339(time: UnixMillis) -> String {
    let time = i64::try_from(time.as_millis()).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    time.map(|time| format!("{time:.6}")).unwrap_or_default()
}

async fn create_token(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    match issue(&app, request).await {
        Ok((token, body)) => {
            let mut response = json_response(StatusCode::CREATED, body.to_string().into_bytes());
            if let Ok(token) = HeaderValue::from_str(&token) {
                response.headers_mut().insert("x-subject-token", token);
            }
            response
        }
        Err(failure) => error_response(failure, "CreateToken"),
    }
}

async fn issue(app: &App, request: Request) -> Result<(String, Value), Failure> {
    let (parts, body) = request.into_parts();
    // Before the password is looked at: that work is what a foreign page could start.
    app.hosts.check_login(&parts.headers)?;
    let body = read_login_body(body).await?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| Failure::new(ErrorCode::InvalidBody, ""))?;
    let login = PasswordLogin::read(&body)?;
    let user = app.store.user_by_name(Some(&app.identity.domain_id), &login.user).await?.filter(|user| user.enabled);
    let stored = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = passwords::check(login.password, stored).await?;
    let known_domain = login
        .domain
        .as_ref()
        .is_none_or(|domain| *domain == app.identity.domain_name || *domain == app.identity.domain_id);
    let user = user.filter(|_| right && known_domain);
    let user = user.ok_or_else(|| ApiError::new(ErrorCode::Unauthenticated, "The username or password is wrong."))?;
    Standing::prove(&parts.extensions);
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
    Ok((token.seal(&app.root)?, body))
}

/// The project of a region bears the region's name, as in the cloud; others are known by their id.
fn project_name<'a>(app: &'a App, project: &'a ProjectId) -> &'a str {
    let region = app.identity.regions.iter().find(|region| region.project == *project);
    region.map_or(project.as_str(), |region| region.name.as_str())
}

fn find_project(app: &App, projects: &[ProjectId], named: &str) -> Option<ProjectId> {
    projects.iter().find(|project| project.as_str() == named || project_name(app, project) == named).cloned()
}

async fn caller(app: &App, request: Request) -> Result<(Arc<Caller>, Vec<(String, String)>), Failure> {
    let (parts, body) = request.into_parts();
    let (caller, _) = authenticate(app, &parts, body).await?;
    Ok((caller, read_query(parts.uri.query().unwrap_or_default())))
}

async fn list_projects(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let (caller, query) = match caller(&app, request).await {
        Ok(found) => found,
        Err(failure) => return error_response(failure, "ListProjects"),
    };
    let wanted = query.iter().find(|(name, _)| name == "name").map(|(_, value)| value.as_str());
    let projects = caller.projects.iter().map(|project| (project, project_name(&app, project)));
    let projects: Vec<_> = projects
        .filter(|(_, name)| wanted.is_none_or(|wanted| wanted == *name))
        .map(|(id, name)| {
            json!({
                "id": id, "name": name, "domain_id": app.identity.domain_id, "parent_id": app.identity.domain_id,
                "enabled": true, "is_domain": false, "description": "", "links": { "self": "" },
            })
        })
        .collect();
    let body = json!({ "projects": projects, "links": { "self": "", "next": null, "previous": null } });
    json_response(StatusCode::OK, body.to_string().into_bytes())
}

async fn list_domains(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    if let Err(failure) = caller(&app, request).await {
        return error_response(failure, "ListDomains");
    }
    let domain = json!({
        "id": app.identity.domain_id, "name": app.identity.domain_name, "enabled": true, "description": "",
        "links": { "self": "" },
    });
    let body = json!({ "domains": [domain], "links": { "self": "", "next": null, "previous": null } });
    json_response(StatusCode::OK, body.to_string().into_bytes())
}
