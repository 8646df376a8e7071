//! The check of rights: what the caller may do, judged by the code that judges the operations themselves.
//!
//! Whoever is authenticated may ask, for itself only. An answer is no promise: policies, secrets and their tags may change
//! before the operation is tried, and some operations need a right to a key besides.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
    routing::post,
};
use csms_api::{
    ErrorCode, ErrorShape, Operation,
    cts::CtsOperation,
    iam::IamOperation,
    kms::KmsOperation,
    permissions::{CheckPermissions, CheckPermissionsResponse, NAME, PATH},
};
use csms_core::{KeyId, ProjectId, SecretName, policy::key_resource};

use crate::{
    app::App,
    auth::Caller,
    failure::Failure,
    gate::answer::{Answer, json_response},
    gate::authorisation::{RequestFacts, authorise, base_context, require},
    gate::pipeline::{authenticate, authorise_project, failure_response},
    services::cts,
    services::iam,
};

/// The route.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route(PATH, post(check))
}

async fn check(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let begun = Instant::now();
    let response = match answer(&app, request).await {
        Ok(Answer::Json(body)) => json_response(StatusCode::OK, body),
        Ok(Answer::Empty) => json_response(StatusCode::OK, Vec::new()),
        Err(failure) => failure_response(failure, ErrorShape::Flat, NAME),
    };
    app.metrics.answered(NAME, response.status().as_u16(), begun.elapsed());
    response
}

/// The operation that an action is the right to; the first of several.
#[derive(Clone, Copy)]
enum Right {
    Secrets(Operation),
    Keys(KmsOperation),
    Accounts(IamOperation),
    Traces,
}

fn right(action: &str) -> Option<Right> {
    let secrets = Operation::ALL.iter().find(|known| known.specification().actions.contains(&action));
    let keys = || KmsOperation::ALL.iter().find(|known| known.specification().actions.contains(&action));
    let accounts = || IamOperation::ALL.iter().find(|known| known.specification().actions.contains(&action));
    let traces = || CtsOperation::ListTraces.specification().actions.contains(&action).then_some(Right::Traces);
    secrets
        .map(|known| Right::Secrets(*known))
        .or_else(|| keys().map(|known| Right::Keys(*known)))
        .or_else(|| accounts().map(|known| Right::Accounts(*known)))
        .or_else(traces)
}

async fn answer(app: &App, request: Request) -> Result<Answer, Failure> {
    let (parts, body) = request.into_parts();
    let (caller, body) = authenticate(app, &parts, body).await?;
    let project = authorise_project(&caller, &parts, parts.uri.path().split('/').nth(2).unwrap_or_default())?;
    let body = serde_json::from_slice(&body).map_err(|_| Failure::new(ErrorCode::InvalidBody, ""))?;
    let asked = CheckPermissions::read(body, |action| right(action).is_some())?;
    let mut found = CheckPermissionsResponse::default();
    for action in asked.actions {
        let Some(right) = right(&action) else { continue };
        let judged =
            right.judge(app, &caller, &project, &action, asked.secret_name.as_ref(), asked.key_id.as_ref()).await;
        match judged {
            Ok(()) => found.allowed.push(action),
            Err(failure) if failure.error.code == ErrorCode::Forbidden => found.denied.push(action),
            Err(failure) => return Err(failure),
        }
    }
    Answer::json(&found)
}

impl Right {
    /// Refuses what the operation would be refused.
    async fn judge(
        self,
        app: &App,
        caller: &Caller,
        project: &ProjectId,
        action: &str,
        secret: Option<&SecretName>,
        key: Option<&KeyId>,
    ) -> Result<(), Failure> {
        let (region, domain) = (&app.identity.region, &app.identity.domain_id);
        let resource = match self {
            Self::Secrets(operation) => {
                let facts = RequestFacts { operation, project, body: b"{}", tag_key: "", entry: 0 };
                return authorise(app, caller, &facts, secret.map_or("*", SecretName::as_str)).await;
            }
            Self::Keys(_) => key_resource(region, domain, key.map_or("*", KeyId::as_str)),
            Self::Accounts(operation) => iam::resource(operation, domain, "*"),
            Self::Traces => cts::resource(app),
        };
        let names: &[&str] = match self {
            Self::Keys(operation) => operation.specification().actions,
            _ => &[action],
        };
        require(caller, names, &resource, &base_context(app, caller))
    }
}
