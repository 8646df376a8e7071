//! What logins and assumptions return: a token with its scope, or temporary keys with theirs, in IAM's words.
//!
//! Nothing is decided here but whether the project that a request names is one of those it may name.

use axum::http::{HeaderValue, StatusCode};
use csms_api::{ApiError, ErrorCode, request::token::TokenScope};
use csms_core::{ProjectId, UnixMillis};
use serde::Serialize;
use serde_json::json;

use super::catalog;
use crate::{
    app::App,
    auth::{
        Caller,
        token::{TemporaryKey, UserToken},
    },
    clock,
    failure::Failure,
    gate::{
        answer::{Answer, json_response},
        service::Call,
    },
};

/// The header that carries a token which is not the proof of the request.
pub(super) const SUBJECT_TOKEN: &str = "x-subject-token";

#[derive(Serialize)]
struct Minted<'k> {
    credential: Credential<'k>,
}

/// Has no `Debug`: it holds a secret key.
#[derive(Serialize)]
struct Credential<'k> {
    access: &'k str,
    secret: &'k str,
    securitytoken: &'k str,
    expires_at: String,
}

/// Whether a request names this account, by its identifier or its name.
pub(super) fn is_of_account(app: &App, named: &[String]) -> bool {
    named.iter().all(|named| [&app.identity.domain_name, &app.identity.domain_id].contains(&named))
}

/// The project that a scope names by its id or its region, if it is one of these.
///
/// # Errors
/// CSMS.0302 for another one, and for another account.
pub(super) fn require_scope(
    app: &App,
    projects: &[ProjectId],
    scope: &TokenScope,
) -> Result<Option<ProjectId>, Failure> {
    if !is_of_account(app, &scope.domain) {
        return Err(Failure::new(ErrorCode::Forbidden, "auth.scope.domain is not the account of this installation"));
    }
    let refused = || ApiError::new(ErrorCode::Forbidden, "the caller may not use the project of auth.scope.project");
    let mut found = scope.project.iter().map(|named| find_project(app, projects, named).ok_or_else(refused));
    let Some(first) = found.next().transpose()? else { return Ok(None) };
    for other in found {
        if other? != first {
            return Err(refused().into());
        }
    }
    Ok(Some(first))
}

/// A token in its header, and what it is for in the body.
///
/// # Errors
/// None but internal ones.
pub(super) fn token(
    call: &Call,
    status: StatusCode,
    token: &UserToken,
    bearer: &Caller,
    text: &str,
) -> Result<Answer, Failure> {
    let app = &call.app;
    let domain = json!({ "id": app.identity.domain_id, "name": app.identity.domain_name });
    let method = match (token.by_token, &bearer.assumed) {
        (true, _) => "token",
        (false, Some(_)) => "assume_role",
        (false, None) => "password",
    };
    let user = json!({ "id": token.user_id, "name": bearer.name, "domain": domain, "password_expires_at": "" });
    let wants_catalog = !call.has_query("nocatalog") || call.query_text("nocatalog") == Some("false");
    let mut body = json!({ "token": {
        "methods": [method],
        "issued_at": token.issued.map(rfc3339).unwrap_or_default(),
        "expires_at": rfc3339(token.expires),
        "roles": [],
    }});
    if wants_catalog {
        body["token"]["catalog"] = catalog::catalog(app, bearer, &call.head().headers);
    }
    match &bearer.assumed {
        None => body["token"]["user"] = user,
        Some(assumed) => {
            let name = format!("{}/{}", app.identity.domain_name, assumed.agency);
            body["token"]["user"] = json!({ "id": assumed.agency_id, "name": name, "domain": domain });
            body["token"]["assumed_by"] = json!({ "user": user });
        }
    }
    let (scope, scoped_to) = match &token.project {
        Some(project) => ("project", json!({ "id": project, "name": project_name(app, project), "domain": domain })),
        None => ("domain", domain),
    };
    body["token"][scope] = scoped_to;
    let text = HeaderValue::from_str(text).map_err(Failure::internal)?;
    let mut response = json_response(status, body.to_string().into_bytes());
    response.headers_mut().insert(SUBJECT_TOKEN, text);
    Ok(Answer::Whole(response))
}

/// The project of a region bears the region's name, as in the cloud; others are known by their id.
pub(super) fn project_name<'a>(app: &'a App, project: &'a ProjectId) -> &'a str {
    let region = app.identity.regions.iter().find(|region| region.project == *project);
    region.map_or(project.as_str(), |region| region.name.as_str())
}

fn find_project(app: &App, projects: &[ProjectId], named: &str) -> Option<ProjectId> {
    projects.iter().find(|project| project.as_str() == named || project_name(app, project) == named).cloned()
}

/// Temporary keys as IAM v3 shows them.
///
/// # Errors
/// None but internal ones.
pub(super) fn temporary_key(key: &TemporaryKey, securitytoken: &str) -> Result<Answer, Failure> {
    Answer::secret(&Minted {
        credential: Credential {
            access: &key.access_key,
            secret: &key.secret_key,
            securitytoken,
            expires_at: clock::rfc3339(key.expires(), 6),
        },
    })
}

/// `2026-11-21T20:00:00.000000Z`, as IAM writes times.
fn rfc3339(time: UnixMillis) -> String {
    clock::rfc3339(time, 6)
}
