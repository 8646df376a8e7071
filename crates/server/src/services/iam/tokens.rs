//! The part of IAM v3 that the SDKs need: tokens, temporary access keys, projects, domains, and where the services are.

use std::sync::Arc;

use axum::http::StatusCode;
pub use csms_api::iam::token::TokenOperation;
use csms_api::{
    ApiError, ErrorCode, ErrorShape,
    fields::both,
    operation::Specification,
    request::token::{AgencyRequest, PasswordLogin, TemporaryKeyRequest, TokenLogin, TokenRequest},
};
use csms_core::{ProjectId, Rule, Violation};
use csms_store::{Store, UserRecord};
use serde_json::{Value, json};

use super::{assume, catalog, issued, temporary};
use crate::{
    app::App,
    auth::{
        Caller,
        passwords::Checked,
        token::{USER_TOKEN_MILLIS, UserToken},
    },
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        json::Body,
        limits::Standing,
        service::{Audited, Call, Prepared, Scope, Service},
    },
};

impl Service for TokenOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        if matches!(self, Self::CreateToken | Self::ShowVersion) { Scope::Public } else { Scope::Domain }
    }

    fn audited(self) -> Audited {
        let mints = matches!(self, Self::CreateToken | Self::CreateTemporaryAccessKey | Self::AssumeAgency);
        if mints { Audited::Use } else { Audited::No }
    }

    fn kind(self) -> Kind {
        if self == Self::AssumeAgency { Kind::Agency } else { Kind::User }
    }

    fn is_by_caller(self, body: &mut Body) -> bool {
        self == Self::CreateToken && body.look().is_some_and(TokenRequest::is_by_caller)
    }

    fn translate(self, mut failure: Failure) -> Failure {
        if self.is_of_sts() {
            failure.error.code = failure.error.code.of_iam();
        }
        failure
    }

    /// IAM's error body: `{"error":{"code","message","title"}}`. That of STS is flat.
    fn error_body(self, error: &ApiError, request_id: &str) -> Value {
        if self.is_of_sts() {
            let mut body = error.body(ErrorShape::Flat);
            body["request_id"] = json!(request_id);
            return body;
        }
        let status = error.code.status();
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
        json!({ "error": { "code": status, "message": error.message, "title": title } })
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        match self {
            Self::CreateToken => {
                let request = TokenRequest::read(&*body.wiped_object()?)?;
                let accesses = match &request {
                    TokenRequest::Agency(agency) => vec![assume::access(agency)],
                    TokenRequest::Password(_) | TokenRequest::Token(_) => Vec::new(),
                };
                Ok(Prepared::new(accesses, async move {
                    match request {
                        TokenRequest::Password(login) => by_password(&call, login).await,
                        TokenRequest::Token(login) => by_token(&call, login).await,
                        TokenRequest::Agency(agency) => assume::token(&call, agency).await,
                    }
                }))
            }
            Self::CreateTemporaryAccessKey => {
                let request = TemporaryKeyRequest::read(&body.object()?)?;
                let accesses = match &request {
                    TemporaryKeyRequest::Agency(agency) => vec![assume::access(agency)],
                    TemporaryKeyRequest::Own { .. } => Vec::new(),
                };
                Ok(Prepared::new(accesses, async move { temporary::create(&call, request).await }))
            }
            Self::AssumeAgency => {
                let (request, session) = AgencyRequest::read_session(&body.object()?)?;
                let accesses = vec![assume::access(&request)];
                Ok(Prepared::new(accesses, async move { assume::session(&call, request, &session).await }))
            }
            Self::ShowVersion => {
                Ok(Prepared::new(Vec::new(), async move { Answer::json(&catalog::version(&call.head().headers)) }))
            }
            Self::ShowToken => Ok(Prepared::new(Vec::new(), async move { show_token(&call).await })),
            Self::ShowCatalog => Ok(Prepared::new(Vec::new(), async move {
                let catalog = catalog::catalog(&call.app, &call.caller, &call.head().headers);
                Answer::json(&json!({ "catalog": catalog, "links": { "self": "", "next": null, "previous": null } }))
            })),
            Self::ShowProject => {
                let project = call.path("project_id", ProjectId::parse)?;
                Ok(Prepared::new(Vec::new(), async move {
                    if !call.caller.may_use(&project) {
                        return Err(Failure::new(ErrorCode::Forbidden, "the caller may not use this project"));
                    }
                    Answer::json(&json!({ "project": project_body(&call.app, &project) }))
                }))
            }
            Self::ListProjects | Self::ListAuthProjects => {
                Ok(Prepared::new(Vec::new(), async move { list_projects(&call) }))
            }
            Self::GetCallerIdentity => Ok(Prepared::new(Vec::new(), async move { assume::identity(&call) })),
            Self::ListDomains => Ok(Prepared::new(Vec::new(), async move { list_domains(&call) })),
        }
    }
}

async fn by_password(call: &Call, login: PasswordLogin) -> Result<Answer, Failure> {
    let app = &call.app;
    let user = match (&login.id, &login.name) {
        (Some(id), name) => {
            let is_named = |user: &UserRecord| name.as_ref().is_none_or(|name| *name == user.name);
            app.store.user(id).await?.filter(|user| user.domain_id == app.identity.domain_id && is_named(user))
        }
        (None, Some(name)) => app.store.user_by_name(Some(&app.identity.domain_id), name).await?,
        (None, None) => None,
    };
    let user = user.filter(|user| user.enabled);
    // Wrong passwords count for the user, however the login names it.
    let named = user.as_ref().map(|user| user.name.clone());
    let named = named.or(login.name).or(login.id).unwrap_or_default();
    if let Some(user) = &user {
        call.acts_as(Arc::new(Caller::named(&user.name, &user.id)));
    }
    let peer = call.peer();
    let checks = app.authenticator.password_checks();
    let is_right = match checks.check(user.as_ref(), &named, peer, login.password).await? {
        Checked::Right => true,
        Checked::Wrong => false,
        Checked::HeldOff { wait_seconds } => {
            let reason = format!("too many wrong passwords from this address; wait {wait_seconds} seconds");
            return Err(Failure::new(ErrorCode::Throttled, reason).for_seconds(wait_seconds));
        }
    };
    let is_of_account = issued::is_of_account(app, &login.domain);
    let user = user.filter(|user| is_right && is_of_account && user.password_hash.is_some());
    let user = user.ok_or_else(|| ApiError::new(ErrorCode::Unauthenticated, "The username or password is wrong."))?;
    Standing::prove(&call.head().extensions);
    let project = issued::require_scope(app, &user.projects, &login.scope)?;
    let now = app.clock.now();
    let token = UserToken {
        user_id: user.id.clone(),
        project: project.clone(),
        expires: now.plus_millis(USER_TOKEN_MILLIS),
        generation: user.details.generation,
        issued: Some(now),
        by_token: false,
        agency: None,
        access_key: None,
    };
    let projects = project.map_or(user.projects, |project| vec![project]);
    let caller = Caller { projects, ..Caller::named(&user.name, &user.id) };
    let text = token.seal(&app.root)?;
    issued::token(call, StatusCode::CREATED, &token, &caller, &text)
}

/// A token by a token: for the same user and generation, within its project, and no longer.
async fn by_token(call: &Call, login: TokenLogin) -> Result<Answer, Failure> {
    let app = &call.app;
    let (source, caller) = app.authenticator.open_token(&login.token).await?;
    call.acts_as(Arc::new(caller.clone()));
    Standing::prove(&call.head().extensions);
    let project = issued::require_scope(app, &caller.projects, &login.scope)?.or_else(|| source.project.clone());
    let caller = project.as_ref().map_or(caller.clone(), |project| caller.within(project));
    let token = UserToken { project, issued: Some(app.clock.now()), by_token: true, ..source };
    let text = token.seal(&app.root)?;
    issued::token(call, StatusCode::CREATED, &token, &caller, &text)
}

/// ShowToken: a token of the caller's own.
async fn show_token(call: &Call) -> Result<Answer, Failure> {
    let unknown = || Failure::new(ErrorCode::ResourceNotFound, "X-Subject-Token is not a valid token of the caller");
    let text =
        call.head().headers.get(issued::SUBJECT_TOKEN).and_then(|token| token.to_str().ok()).ok_or_else(unknown)?;
    let (token, bearer) = match call.app.authenticator.open_token(text).await {
        Err(failure) if failure.error.code == ErrorCode::InvalidToken => return Err(unknown()),
        opened => opened?,
    };
    let caller = &call.caller;
    if bearer.user_id != caller.user_id || bearer.assumed != caller.assumed {
        return Err(unknown());
    }
    issued::token(call, StatusCode::OK, &token, &bearer, text)
}

fn project_body(app: &App, project: &ProjectId) -> Value {
    let domain = &app.identity.domain_id;
    json!({
        "id": project, "name": issued::project_name(app, project), "domain_id": domain, "parent_id": domain,
        "enabled": true, "is_domain": false, "description": "", "links": { "self": "" },
    })
}

fn list_projects(call: &Call) -> Result<Answer, Failure> {
    let app = &call.app;
    let domain = &app.identity.domain_id;
    let is_asked =
        |name: &str, value: &str| call.query_text(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let is_of_account = ["domain_id", "parent_id"].iter().all(|name| is_asked(name, domain));
    let is_listed = is_of_account && is_asked("enabled", "true") && is_asked("is_domain", "false");
    let wanted = call.query_text("name");
    let projects = call.caller.projects.iter().map(|project| (project, issued::project_name(app, project)));
    let projects = projects.filter(|(_, name)| is_listed && wanted.is_none_or(|wanted| wanted == *name));
    let (skipped, most) = page(call)?;
    let projects: Vec<_> = projects.skip(skipped).take(most).map(|(project, _)| project_body(app, project)).collect();
    Answer::json(&json!({ "projects": projects, "links": { "self": "", "next": null, "previous": null } }))
}

/// How many items stand before the page that `page` and `per_page` ask for, and the most that it has. Clients that page read on
/// until a page is empty.
fn page(call: &Call) -> Result<(usize, usize), Failure> {
    /// What a page has unless the request says otherwise.
    const MOST: usize = 100;
    let number = |name: &str| match call.query_text(name).map(|text| text.parse().ok().filter(|number| *number > 0)) {
        None => Ok(None),
        Some(Some(number)) => Ok(Some(number)),
        Some(None) => Err(vec![Violation::new(Rule::Pattern, "a whole number from 1 on").at(name)]),
    };
    let (page, most): (Option<usize>, Option<usize>) = both(number("page"), number("per_page"))?;
    let most = most.unwrap_or(if page.is_some() { MOST } else { usize::MAX });
    Ok((page.unwrap_or(1).saturating_sub(1).saturating_mul(most), most))
}

fn list_domains(call: &Call) -> Result<Answer, Failure> {
    let domain = json!({
        "id": call.app.identity.domain_id, "name": call.app.identity.domain_name, "enabled": true, "description": "",
        "links": { "self": "" },
    });
    Answer::json(&json!({ "domains": [domain], "links": { "self": "", "next": null, "previous": null } }))
}
