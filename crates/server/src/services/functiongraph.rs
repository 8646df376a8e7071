//! FunctionGraph's invoke API on the same port, for the functions that run here.
//!
//! Rights, audit and metrics are the gate's; events and replies are the host's. There are no agencies here, so a function that is
//! invoked in this way acts as its caller.

use std::sync::Arc;

use axum::{
    body::Body as HttpBody,
    http::{Extensions, Request},
};
use csms_api::{
    ErrorShape, Method,
    operation::Specification,
    vocabulary::{INVOKE_FUNCTION, INVOKE_FUNCTION_ASYNC},
};
use csms_core::{ProjectId, UnixMillis, rotation::RotationEvent};
use csms_kms::RootKey;
use csms_store::Store as _;
use functiongraph_runtime::{
    Credentials,
    host::{self, Front},
};
use tower::ServiceExt as _;

use crate::{
    auth::{Caller, token::TemporaryKey},
    failure::Failure,
    functions::{FUNCTION_TIMEOUT, invoked_event},
    gate::{
        access::{Access, Kind, Resource},
        answer::Answer,
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service, Subject},
    },
    rotation::accounts,
};

/// An operation of FunctionGraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionOperation {
    /// Invokes a function and waits for its reply.
    InvokeFunction,
    /// Invokes a function and does not wait.
    AsyncInvokeFunction,
}

impl FunctionOperation {
    /// Every operation.
    pub const ALL: &'static [Self] = &[Self::InvokeFunction, Self::AsyncInvokeFunction];
}

impl Service for FunctionOperation {
    fn specification(self) -> Specification {
        let (name, path, success, actions) = match self {
            Self::InvokeFunction => {
                ("InvokeFunction", "/v2/{project_id}/fgs/functions/{function_urn}/invocations", 200, INVOKE_FUNCTION)
            }
            Self::AsyncInvokeFunction => (
                "AsyncInvokeFunction",
                "/v2/{project_id}/fgs/functions/{function_urn}/invocations-async",
                202,
                INVOKE_FUNCTION_ASYNC,
            ),
        };
        Specification { name, method: Method::Post, path, success, errors: ErrorShape::Flat, actions }
    }

    fn scope(self) -> Scope {
        Scope::Project
    }

    fn audited(self) -> Audited {
        Audited::Use
    }

    fn kind(self) -> Kind {
        Kind::Function
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
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

/// Who invokes a function, and in which project.
#[derive(Clone)]
struct Acting {
    caller: Arc<Caller>,
    project: ProjectId,
}

/// Lets the host answer.
async fn invoke(call: &Call, body: Body) -> Result<Answer, Failure> {
    let app = &call.app;
    let (root, clock) = (Arc::clone(&app.root), app.clock.clone());
    let source = move |extensions: &Extensions, urn: &host::FunctionUrn| {
        let Acting { caller, project } = extensions.get()?;
        let made = credentials_of(&root, caller, project, urn, clock.now());
        made.inspect_err(|failure| {
            let reason = &failure.error.message;
            tracing::warn!(%urn, %reason, "a function is invoked without credentials");
        })
        .ok()
    };
    let front = Front { credentials: Some(Arc::new(source)), ..Front::new(app.functions.host().clone()) };
    let head = call.head();
    let event = body.into_bytes();
    let is_shared = is_shared(call, &event).await?;
    let event = invoked_event::with_endpoint(&event, &app.public_url, is_shared)?;
    // Method, address and headers alone: what the server's own routes have noted about the request is not the host's business.
    let mut request = Request::new(HttpBody::from(event));
    request.method_mut().clone_from(&head.method);
    request.uri_mut().clone_from(&head.uri);
    request.headers_mut().clone_from(&head.headers);
    request.extensions_mut().insert(Acting { caller: Arc::clone(&call.caller), project: call.project.clone() });
    match host::router(front).oneshot(request).await {
        Ok(response) => Ok(Answer::Whole(response)),
        Err(never) => match never {},
    }
}

/// Whether the event asks for a dry run of a secret whose account another secret names too.
async fn is_shared(call: &Call, event: &[u8]) -> Result<bool, Failure> {
    let Some(event) = RotationEvent::parse(event).ok().filter(|event| event.dry_run) else { return Ok(false) };
    match call.app.store.secret(&call.project, &event.secret_name).await? {
        Some(secret) => Ok(accounts::is_shared(&call.app, &secret).await?),
        None => Ok(false),
    }
}

/// Temporary keys of a caller for a function.
fn credentials_of(
    root: &RootKey,
    caller: &Caller,
    project: &ProjectId,
    urn: &host::FunctionUrn,
    now: UnixMillis,
) -> Result<Credentials, Failure> {
    let life = u64::try_from(FUNCTION_TIMEOUT.as_millis()).unwrap_or(u64::MAX).saturating_mul(2);
    let name = format!("{} through {}", caller.name, urn.name());
    let key = TemporaryKey::acting_for(caller, name, project.clone(), now.plus_millis(life))?;
    let token = key.security_token(root)?;
    Ok(Credentials::from_keys(key.access_key.clone(), key.secret_key.clone()).with_security_token(token))
}
