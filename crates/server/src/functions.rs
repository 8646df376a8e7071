//! Rotation functions: which ones run here, and how the others are reached.
//!
//! A function that is registered with this server runs on its own host; any other goes to the configured FunctionGraph
//! endpoint with a signed request.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Extensions, Request},
    middleware,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use csms_api::{
    ErrorCode, ErrorShape,
    vocabulary::{INVOKE_FUNCTION, INVOKE_FUNCTION_ASYNC},
};
use csms_core::{
    FunctionUrn, ProjectId, UnixMillis,
    policy::allows,
    sign::{Signer, percent_encode},
};
use csms_kms::RootKey;
use functiongraph_runtime::{
    Credentials,
    host::{
        self, Code, Front, FunctionSettings, Host, HostConfig, Invocation, InvocationClass, RegisterError,
        ScratchError, UrnError,
    },
};
use reqwest::Url;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    app::App,
    auth::{Caller, token::TemporaryKey},
    failure::Failure,
    gate::authorisation::base_context,
    gate::pipeline::{authenticate, authorise_project, failure_response},
    outgoing::{self, signed_post},
    telemetry::traces,
};

mod invoked_event;

/// Longest run of one attempt of a rotation function; the sync page of FunctionGraph warns of gateways that give up
/// after 90 s.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(60);

/// How to reach FunctionGraph.
#[derive(Clone)]
pub struct Endpoint {
    /// Base address.
    pub url: Url,
    /// Access key of a caller that may invoke the functions.
    pub access_key: String,
    /// Its secret key.
    pub secret_key: Zeroizing<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// Why an invocation brought no reply.
#[derive(Debug, thiserror::Error)]
pub enum InvokeFailure {
    /// The function ran and failed, or could not run.
    #[error("the function failed: {0}")]
    Function(String),
    /// It was not reached.
    #[error("the function was not reached: {0}")]
    Unreachable(String),
}

/// Why a function cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum FunctionRegistration {
    /// The host does not understand the URN.
    #[error(transparent)]
    Urn(#[from] UrnError),
    /// The code cannot be run.
    #[error(transparent)]
    Code(#[from] RegisterError),
}

/// All functions that secrets can name.
pub struct Functions {
    host: Host,
    local: HashSet<FunctionUrn>,
    remote: Option<(Endpoint, reqwest::Client)>,
    concurrent: usize,
    variables: Variables,
}

/// User variables of functions, by name. A value may be a key, so values are not shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Functions {
    /// No functions, and no endpoint. Each function that is registered may run `concurrent` rotations at once, and beside
    /// them some invocations of callers of the API; further ones wait. The functions' files are kept in `directory`, which
    /// is made; what a killed server left there is removed.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub fn none(concurrent: usize, directory: PathBuf) -> Result<Self, ScratchError> {
        Ok(Self {
            host: Host::new(HostConfig { scratch_parent: Some(directory), ..HostConfig::default() })?,
            local: HashSet::new(),
            remote: None,
            concurrent,
            variables: Variables::default(),
        })
    }

    /// Gives all functions that are registered from now on these user variables.
    #[must_use]
    pub fn with_variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Uses an endpoint for all functions that are not registered here.
    ///
    /// # Errors
    /// A TLS set-up that cannot be built.
    pub fn with_endpoint(mut self, endpoint: Endpoint) -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(outgoing::tls(None)?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(FUNCTION_TIMEOUT + Duration::from_secs(30))
            .build();
        self.remote = Some((endpoint, client.map_err(Failure::internal)?));
        Ok(self)
    }

    /// Registers a function's code, a zip or a directory with `bootstrap` in it.
    ///
    /// # Errors
    /// Code that cannot be run.
    pub async fn register(&mut self, urn: &FunctionUrn, code: &Path) -> Result<(), FunctionRegistration> {
        let settings = FunctionSettings {
            timeout: FUNCTION_TIMEOUT,
            max_rotation_instances: self.concurrent,
            user_data: self.variables.0.clone(),
            ..FunctionSettings::default()
        };
        let source = if code.is_dir() { Code::Directory(code.to_owned()) } else { Code::Zip(code.to_owned()) };
        let key: host::FunctionUrn = urn.qualified().to_string().parse()?;
        self.host.register(key, source, settings).await?;
        self.local.insert(urn.qualified());
        Ok(())
    }

    /// Whether an invocation of this function has somewhere to go.
    #[must_use]
    pub fn can_invoke(&self, urn: &FunctionUrn) -> bool {
        self.remote.is_some() || self.runs_here(urn)
    }

    /// Whether the function runs on this server's host, which can be given credentials of this server.
    #[must_use]
    pub fn runs_here(&self, urn: &FunctionUrn) -> bool {
        self.local.contains(&urn.qualified())
    }

    /// Invokes a function for a rotation and waits for its reply.
    ///
    /// # Errors
    /// It failed, or was not reached.
    pub async fn invoke(
        &self,
        urn: &FunctionUrn,
        event: Vec<u8>,
        credentials: Option<Credentials>,
        now: UnixMillis,
    ) -> Result<Bytes, InvokeFailure> {
        if self.runs_here(urn) {
            let class = InvocationClass::Rotation;
            let invocation = Invocation { class, event: event.into(), credentials, request_id: None, tail_log: true };
            return self.invoke_here(urn, invocation).await;
        }
        match &self.remote {
            Some((endpoint, client)) => invoke_remote(endpoint, client, urn, event, now).await,
            None => Err(InvokeFailure::Unreachable("no FunctionGraph endpoint is configured".to_owned())),
        }
    }

    async fn invoke_here(&self, urn: &FunctionUrn, invocation: Invocation) -> Result<Bytes, InvokeFailure> {
        let unreachable = |error: &dyn std::fmt::Display| InvokeFailure::Unreachable(error.to_string());
        let key = urn.qualified().to_string().parse();
        let key: host::FunctionUrn = key.map_err(|error| unreachable(&error))?;
        let outcome = self.host.invoke(&key, invocation).await.map_err(|error| unreachable(&error))?;
        tracing::debug!(%urn, log = outcome.log_tail, "the function's log");
        outcome.result.map_err(|error| InvokeFailure::Function(error.to_string()))
    }

    /// Ends all functions that run here.
    pub async fn shutdown(&self) {
        self.host.shutdown().await;
    }
}

/// Invokes through FunctionGraph's public API (FunctionGraph fact sheet, section 6.1).
async fn invoke_remote(
    endpoint: &Endpoint,
    client: &reqwest::Client,
    urn: &FunctionUrn,
    event: Vec<u8>,
    now: UnixMillis,
) -> Result<Bytes, InvokeFailure> {
    let unreachable = |error: String| InvokeFailure::Unreachable(error);
    let path =
        format!("/v2/{}/fgs/functions/{}/invocations", percent_encode(urn.project()), percent_encode(&urn.to_string()));
    let url = endpoint.url.join(&path).map_err(|error| unreachable(error.to_string()))?;
    let Endpoint { access_key, secret_key, .. } = endpoint;
    let signer = Signer { access_key, secret_key, security_token: None, project: urn.project() };
    let call = signed_post(client, url, &signer, event, now);
    let call = match traces::current() {
        Some(traceparent) => call.header("traceparent", traceparent.as_str()),
        None => call,
    };
    let response = call.send().await.map_err(|error| unreachable(error.without_url().to_string()))?;
    let status = response.status();
    let failed = ["x-func-err-code", "x-is-func-err"].iter().any(|name| {
        let value = response.headers().get(*name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| !matches!(value, "" | "0" | "false"))
    });
    let body = response.bytes().await.map_err(|error| unreachable(error.without_url().to_string()))?;
    if status.is_success() && !failed {
        return Ok(body);
    }
    let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
    Err(InvokeFailure::Function(format!("HTTP {}: {text}", status.as_u16())))
}

/// FunctionGraph's invoke API for the functions that run here, behind this server's authentication. There are no agencies
/// here, so a function that is invoked in this way acts as its caller, with credentials that live for two calls.
pub fn invoke_routes(app: &Arc<App>) -> Router<Arc<App>> {
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
    let front = Front { credentials: Some(Arc::new(source)), ..Front::new(app.functions.host.clone()) };
    host::router(front).layer(middleware::from_fn_with_state(Arc::clone(app), authenticated)).with_state(())
}

/// Who invokes a function, and in which project.
#[derive(Clone)]
struct Acting {
    caller: Arc<Caller>,
    project: ProjectId,
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

/// Lets a request through whose caller may invoke the function in the path.
async fn authenticated(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let checked = async {
        let (caller, body) = authenticate(&app, &parts, body).await?;
        // The routes are /v2/{project_id}/fgs/functions/{function_urn}/…; what is not understood is left to them.
        let mut segments = parts.uri.path().split('/').skip(2);
        let project = segments.next().unwrap_or_default();
        authorise_project(&caller, &parts, project)?;
        let acting = ProjectId::parse(project).ok().map(|project| Acting { caller: Arc::clone(&caller), project });
        let urn = segments.nth(2).map(percent_encoding::percent_decode_str).and_then(|urn| urn.decode_utf8().ok());
        let urn = urn.and_then(|urn| urn.parse::<host::FunctionUrn>().ok());
        let function = urn.map_or_else(|| "*".to_owned(), |urn| format!("{}/{}", urn.package(), urn.name()));
        let home = app.identity.region.as_str();
        let region = acting.as_ref().map_or(home, |acting| app.identity.region_of(&acting.project));
        let resource = format!("functiongraph:{region}:{}:function:{function}", app.identity.domain_id);
        let waits = !parts.uri.path().ends_with("/invocations-async");
        let actions = if waits { INVOKE_FUNCTION } else { INVOKE_FUNCTION_ASYNC };
        if !allows(&caller.policies, actions, &resource, &base_context(&app, &caller)) {
            let action = actions.first().copied().unwrap_or_default();
            let reason = format!("the caller's policies do not allow {action} on this function");
            return Err(Failure::new(ErrorCode::Forbidden, reason));
        }
        let event = invoked_event::with_endpoint(&body, &app.public_url)?;
        Ok((event, acting))
    };
    match checked.await {
        Ok((event, acting)) => {
            if let Some(acting) = acting {
                parts.extensions.insert(acting);
            }
            next.run(Request::from_parts(parts, Body::from(event))).await
        }
        Err(failure) => failure_response(failure, ErrorShape::Flat, "InvokeFunction"),
    }
}
