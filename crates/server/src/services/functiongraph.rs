//! FunctionGraph's invoke API on the same port, for the functions that run here, and their list.
//!
//! Rights, audit and metrics are the gate's; events and replies are the host's. There are no agencies here, so a function that is
//! invoked in this way acts as its caller.

use std::sync::Arc;

use axum::{
    body::Body as HttpBody,
    http::{Extensions, Request},
};
pub use csms_api::functiongraph::FunctionOperation;
use csms_api::operation::Specification;
use csms_core::{Problem, ProjectId, Rule, UnixMillis, Violation, rotation::RotationEvent};
use csms_kms::RootRing;
use csms_store::Store as _;
use functiongraph_runtime::{
    Credentials,
    host::{self, Front},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    auth::{Caller, InvokedFrom, token::TemporaryKey},
    failure::Failure,
    functions::{FUNCTION_TIMEOUT, invoked_event},
    gate::{
        access::{Access, Kind, Resource},
        answer::Answer,
        authorisation::Asking,
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service, Subject},
    },
    rotation::accounts,
};

impl Service for FunctionOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        Scope::Project
    }

    fn audited(self) -> Audited {
        if self == Self::ListFunctions { Audited::No } else { Audited::Use }
    }

    fn kind(self) -> Kind {
        Kind::Function
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        if self == Self::ListFunctions {
            return list(call);
        }
        let named = call.path_text("function_urn").to_owned();
        // The host refuses a URN that it does not understand, and one of another project.
        let urn = named.parse::<host::FunctionUrn>().ok().map(|urn| urn.with_default_project(call.project.as_str()));
        let urn = urn.filter(|urn| urn.project_id() == Some(call.project.as_str()));
        let name = urn.map(|urn| format!("{}/{}", urn.package(), urn.name()));
        let access = match &name {
            Some(name) => {
                let resource = Resource::Function { project: call.project.clone(), name: name.clone() };
                Access::new(call.actions(), resource)
            }
            None => call.all(Kind::Function),
        };
        let subject = Subject::target(&name.unwrap_or_default());
        let prepared = Prepared::new(vec![access], async move { invoke(&call, body).await });
        Ok(prepared.about(subject))
    }
}

/// ListFunctions: the functions of the project that run here, by URN. Functions elsewhere are not known.
///
/// # Errors
/// Every problem of the parameters.
fn list(call: Call) -> Result<Prepared, Failure> {
    let query = ListFunctions::read(call.query())?;
    Ok(Prepared::new(vec![call.all(Kind::Function)], async move {
        let functions = call.app.functions.local(&call.project);
        let functions = functions.iter().filter_map(|urn| urn.to_string().parse::<host::FunctionUrn>().ok());
        let functions = functions.filter(|urn| query.package.as_deref().is_none_or(|package| package == urn.package()));
        let functions: Vec<_> = functions.collect();
        let first = query.marker.min(functions.len());
        let page = functions.get(first..).unwrap_or_default().iter().take(query.max_items);
        let page: Vec<_> = page.map(|urn| description(&call, urn)).collect();
        let (next, count) = (first + page.len(), functions.len());
        Answer::json(&json!({ "functions": page, "next_marker": next, "count": count }))
    }))
}

/// A function in FunctionGraph's words, as far as this server knows them.
fn description(call: &Call, urn: &host::FunctionUrn) -> Value {
    let version = match urn.qualifier() {
        host::Qualifier::Version(version) => version.as_str(),
        host::Qualifier::Alias(_) => "latest",
    };
    json!({
        "func_urn": urn.to_string(),
        "func_name": urn.name(),
        "package": urn.package(),
        "version": version,
        "namespace": call.project.as_str(),
        "project_name": urn.region().unwrap_or_default(),
        "domain_id": call.app.identity.domain_id,
        "runtime": "Custom",
        "timeout": FUNCTION_TIMEOUT.as_secs(),
    })
}

/// Parameters of ListFunctions.
struct ListFunctions {
    marker: usize,
    max_items: usize,
    package: Option<String>,
}

impl ListFunctions {
    /// Most functions of a page, and how many it has unless the request says otherwise (FunctionGraph API reference).
    const MAX_ITEMS: usize = 400;

    fn read(query: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let find = |name: &str| {
            let found = query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            found.filter(|value| !value.is_empty())
        };
        let mut problems = Vec::new();
        let mut number = |name: &str, default: usize, fits: fn(usize) -> bool, expected: &'static str| {
            let Some(text) = find(name) else { return default };
            text.parse().ok().filter(|number| fits(*number)).unwrap_or_else(|| {
                problems.push(Violation::new(Rule::Pattern, expected).at(name));
                default
            })
        };
        let marker = number("marker", 0, |_| true, "a whole number that is not negative");
        let within = |number| (1..=Self::MAX_ITEMS).contains(&number);
        let max_items = number("maxitems", Self::MAX_ITEMS, within, "a number from 1 to 400");
        let package = find("package_name").map(str::to_owned);
        if problems.is_empty() { Ok(Self { marker, max_items, package }) } else { Err(problems) }
    }
}

/// Who invokes a function, in which project, and from where.
#[derive(Clone)]
struct Acting {
    caller: Arc<Caller>,
    project: ProjectId,
    from: InvokedFrom,
}

/// Lets the host answer.
async fn invoke(call: &Call, body: Body) -> Result<Answer, Failure> {
    let app = &call.app;
    let (root, clock) = (Arc::clone(&app.root), app.clock.clone());
    let source = move |extensions: &Extensions, urn: &host::FunctionUrn| {
        let made = credentials_of(&root, extensions.get()?, urn, clock.now());
        made.inspect_err(|failure| {
            let reason = &failure.error.message;
            tracing::warn!(%urn, %reason, "a function is invoked without credentials");
        })
        .ok()
    };
    let front = Front { credentials: Some(Arc::new(source)), ..Front::new(app.functions.host().clone()) };
    let head = call.head();
    let event = body.into_bytes()?;
    let is_shared = is_shared(call, &event).await?;
    let event = invoked_event::with_endpoint(&event, &app.public_url, is_shared)?;
    // Method, address and headers alone: what the server's own routes have noted about the request is not the host's business.
    let mut request = Request::new(HttpBody::from(event));
    request.method_mut().clone_from(&head.method);
    request.uri_mut().clone_from(&head.uri);
    request.headers_mut().clone_from(&head.headers);
    let Asking { peer, is_secure, .. } = call.asking();
    let (caller, project) = (Arc::clone(&call.caller), call.project.clone());
    request.extensions_mut().insert(Acting { caller, project, from: InvokedFrom { peer, is_secure } });
    match host::router(front).oneshot(request).await {
        Ok(response) => Ok(Answer::Whole(response)),
        Err(never) => match never {},
    }
}

/// Whether the event asks for a dry run of a secret whose account an older secret names, too.
async fn is_shared(call: &Call, event: &[u8]) -> Result<bool, Failure> {
    let Some(event) = RotationEvent::parse(event).ok().filter(|event| event.dry_run) else { return Ok(false) };
    match call.app.store.secret(&call.project, &event.secret_name).await? {
        Some(secret) => Ok(!accounts::older_secrets(&call.app, &secret, 1).await?.is_empty()),
        None => Ok(false),
    }
}

/// Temporary keys of a caller for a function.
fn credentials_of(
    root: &RootRing,
    Acting { caller, project, from }: &Acting,
    urn: &host::FunctionUrn,
    now: UnixMillis,
) -> Result<Credentials, Failure> {
    let life = u64::try_from(FUNCTION_TIMEOUT.as_millis()).unwrap_or(u64::MAX).saturating_mul(2);
    let name = format!("{} through {}", caller.name, urn.name());
    let key = TemporaryKey::acting_for(caller, name, project.clone(), now.plus_millis(life), *from)?;
    let token = key.security_token(root)?;
    Ok(Credentials::from_keys(key.access_key.clone(), key.secret_key.clone()).with_security_token(token))
}
