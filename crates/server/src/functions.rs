//! Rotation functions: which ones run here, and how the others are reached.
//!
//! A function that is registered with this server runs on its own host; any other goes to the configured FunctionGraph
//! endpoint with a signed request.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use csms_core::{
    FunctionUrn, ProjectId, UnixMillis,
    rotation::{
        Message,
        message::{connection, service as say},
    },
    sign::{Signer, percent_encode},
    task::one_line,
};
use functiongraph_runtime::{
    Credentials,
    host::{
        self, Code, FunctionSettings, Host, HostConfig, Invocation, InvocationClass, RegisterError, ScratchError,
        UrnError,
    },
};
use reqwest::Url;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    deputy::Deputies,
    failure::Failure,
    outgoing::{self, signed_post},
    telemetry::{outage::LastLine, traces},
};

pub mod invoked_event;

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
    /// It runs elsewhere, and nothing says where.
    #[error("the function was not reached: no FunctionGraph endpoint is configured")]
    NoEndpoint,
    /// The server does not call it on behalf of this project.
    #[error("rotation_func_urn names a function of another project, which no entry of function_allow names")]
    NotAllowed,
}

impl InvokeFailure {
    /// The failure as a message.
    pub fn message(self) -> Message {
        match self {
            Self::Function(reason) => say::function_failed(one_line(&reason, MAX_REASON)),
            Self::Unreachable(reason) => say::function_unreachable(connection::said(one_line(&reason, MAX_REASON))),
            Self::NoEndpoint => say::function_unreachable(say::no_functiongraph()),
            Self::NotAllowed => say::function_not_allowed(),
        }
    }
}

/// Most bytes of a reply from elsewhere: FunctionGraph's own limit for a call that waits is 6 MB.
const MAX_REPLY: usize = 6 * 1024 * 1024;

/// Longest reason that is kept, in characters: it may be the function's own words.
const MAX_REASON: usize = 1000;

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

impl FunctionRegistration {
    /// Whether this machine has no place for the code now: another try may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Code(error) if error.may_pass())
    }
}

/// After a failure, a function is not unpacked again for this long: many secrets may name it.
const UNPACK_PAUSE: Duration = Duration::from_secs(1);

/// When the log last had a line about a function that cannot be unpacked.
static NOT_UNPACKED: LastLine = LastLine::new();

/// A function that runs here. A full disk may keep its code from being unpacked for a while.
struct LocalFunction {
    code: Code,
    is_unpacked: AtomicBool,
    /// When unpacking it failed last, with the reason. Locked while it is unpacked.
    failed: tokio::sync::Mutex<Option<(Instant, String)>>,
}

/// The code of a function at a path.
#[must_use]
pub fn code_at(path: &Path) -> Code {
    if path.is_dir() { Code::Directory(path.to_owned()) } else { Code::Zip(path.to_owned()) }
}

/// All functions that secrets can name.
pub struct Functions {
    host: Host,
    local: HashMap<FunctionUrn, LocalFunction>,
    for_all: Option<FunctionUrn>,
    remote: Option<(Endpoint, reqwest::Client)>,
    concurrent: usize,
    variables: Variables,
    deputies: Arc<Deputies>,
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
            local: HashMap::new(),
            for_all: None,
            remote: None,
            concurrent,
            variables: Variables::default(),
            deputies: Arc::default(),
        })
    }

    /// Gives all functions that are registered from now on these user variables.
    #[must_use]
    pub fn with_variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Calls the endpoint for functions of other projects that are on these lists.
    #[must_use]
    pub fn with_deputies(self, deputies: Arc<Deputies>) -> Self {
        Self { deputies, ..self }
    }

    /// Uses an endpoint for all functions that are not registered here. Its certificate comes from an authority of the system or
    /// from one of `authorities` (PEM).
    ///
    /// # Errors
    /// A TLS set-up that cannot be built.
    pub fn with_endpoint(mut self, endpoint: Endpoint, authorities: Option<&str>) -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(outgoing::tls(authorities)?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(FUNCTION_TIMEOUT + Duration::from_secs(30))
            .build();
        self.remote = Some((endpoint, client.map_err(Failure::internal)?));
        Ok(self)
    }

    /// Adds a function that runs here, a zip or a directory with `bootstrap` in it, and unpacks it. If that fails, it is tried
    /// again when the function is needed.
    ///
    /// # Errors
    /// Code that cannot be run, and a machine that has no place for it.
    pub async fn register(&mut self, urn: &FunctionUrn, code: &Path) -> Result<(), FunctionRegistration> {
        let local =
            LocalFunction { code: code_at(code), is_unpacked: AtomicBool::new(false), failed: Default::default() };
        let unpacked = self.unpack(urn, &local.code).await;
        local.is_unpacked.store(unpacked.is_ok(), Ordering::Release);
        self.local.insert(urn.qualified(), local);
        unpacked
    }

    async fn unpack(&self, urn: &FunctionUrn, code: &Code) -> Result<(), FunctionRegistration> {
        let settings = FunctionSettings {
            timeout: FUNCTION_TIMEOUT,
            max_rotation_instances: self.concurrent,
            user_data: self.variables.0.clone(),
            ..FunctionSettings::default()
        };
        let key: host::FunctionUrn = urn.qualified().to_string().parse()?;
        Ok(self.host.register(key, code.clone(), settings).await?)
    }

    /// Unpacks a function that runs here, if that has not succeeded yet.
    ///
    /// # Errors
    /// Why it cannot be unpacked, which is this server's fault and not that of a secret that names it.
    pub async fn prepare(&self, urn: &FunctionUrn) -> Result<(), String> {
        let Some(local) = self.local.get(&urn.qualified()) else { return Ok(()) };
        if local.is_unpacked.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut failed = local.failed.lock().await;
        if local.is_unpacked.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some((at, reason)) = &*failed
            && at.elapsed() < UNPACK_PAUSE
        {
            return Err(reason.clone());
        }
        match self.unpack(urn, &local.code).await {
            Ok(()) => {
                local.is_unpacked.store(true, Ordering::Release);
                tracing::info!(%urn, "the function is unpacked now");
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                if let Some(spared) = NOT_UNPACKED.is_due() {
                    tracing::error!(%urn, reason, spared, "the function cannot be unpacked; its rotations wait");
                }
                *failed = Some((Instant::now(), reason.clone()));
                Err(reason)
            }
        }
    }

    /// Unpacks all functions for which that has not succeeded yet; what fails is logged.
    pub async fn prepare_all(&self) {
        for urn in self.local.keys() {
            // The log has the reason.
            let _ = self.prepare(urn).await;
        }
    }

    /// Lets secrets of all projects name a function, as the one that comes with the server.
    #[must_use]
    pub fn with_one_for_all(self, urn: Option<&FunctionUrn>) -> Self {
        Self { for_all: urn.map(FunctionUrn::qualified), ..self }
    }

    /// The host of the functions that run here.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// How many processes of functions run here, idle ones included.
    #[must_use]
    pub fn instances(&self) -> usize {
        let keys = self.local.keys().filter_map(|urn| urn.to_string().parse::<host::FunctionUrn>().ok());
        keys.filter_map(|key| self.host.instance_count(&key)).sum()
    }

    /// Whether an invocation of this function has somewhere to go.
    #[must_use]
    pub fn can_invoke(&self, urn: &FunctionUrn) -> bool {
        self.remote.is_some() || self.runs_here(urn)
    }

    /// Whether the function runs on this server's host, which can be given credentials of this server.
    #[must_use]
    pub fn runs_here(&self, urn: &FunctionUrn) -> bool {
        self.local.contains_key(&urn.qualified())
    }

    /// The functions of a project that run here, by URN.
    #[must_use]
    pub fn local(&self, project: &ProjectId) -> Vec<FunctionUrn> {
        let of_project = self.local.keys().filter(|urn| urn.project() == project.as_str());
        let mut functions: Vec<_> = of_project.cloned().collect();
        functions.sort_by_key(ToString::to_string);
        functions
    }

    /// Whether secrets of the project may name the function: one of the project, the one for all, one that runs here under no
    /// other project of this installation, or one on the operator's list. Without an endpoint nothing is ever signed, so any that
    /// does not run here may be named.
    #[must_use]
    pub fn may_name(&self, project: &ProjectId, urn: &FunctionUrn) -> bool {
        if self.runs_here(urn) {
            let is_for_all = self.for_all.as_ref() == Some(&urn.qualified());
            return is_for_all || self.deputies.allow_local_function(project, urn);
        }
        self.remote.is_none() || self.deputies.allow_function(project, urn)
    }

    /// Invokes a function for a rotation of a secret of the project and waits for its reply.
    ///
    /// # Errors
    /// It failed, was not reached, or may not be called for this project; then nothing is signed or sent.
    pub async fn invoke(
        &self,
        project: &ProjectId,
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
        if !self.may_name(project, urn) {
            return Err(InvokeFailure::NotAllowed);
        }
        match &self.remote {
            Some((endpoint, client)) => invoke_remote(endpoint, client, urn, event, now).await,
            None => Err(InvokeFailure::NoEndpoint),
        }
    }

    async fn invoke_here(&self, urn: &FunctionUrn, invocation: Invocation) -> Result<Bytes, InvokeFailure> {
        let unreachable = |error: &dyn std::fmt::Display| InvokeFailure::Unreachable(error.to_string());
        let key = urn.qualified().to_string().parse();
        let key: host::FunctionUrn = key.map_err(|error| unreachable(&error))?;
        self.prepare(urn).await.map_err(InvokeFailure::Unreachable)?;
        let outcome = self.host.invoke(&key, invocation).await.map_err(|error| unreachable(&error))?;
        tracing::debug!(%urn, log = outcome.log_tail, "the function's log");
        outcome.result.map_err(|error| InvokeFailure::Function(error.to_string()))
    }

    /// Ends all functions that run here.
    pub async fn shutdown(&self) {
        self.host.shutdown().await;
    }
}

/// Invokes through FunctionGraph's public API (`compatibility/functiongraph.md#6-invoke-apis`).
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
    let mut response = call.send().await.map_err(|error| unreachable(error.without_url().to_string()))?;
    let status = response.status();
    let failed = ["x-func-err-code", "x-is-func-err"].iter().any(|name| {
        let value = response.headers().get(*name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| !matches!(value, "" | "0" | "false"))
    });
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(error.without_url().to_string()))? {
        if body.len() + chunk.len() > MAX_REPLY {
            return Err(InvokeFailure::Function("its reply has more than 6 MiB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() && !failed {
        return Ok(body.into());
    }
    let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
    Err(InvokeFailure::Function(format!("HTTP {}: {text}", status.as_u16())))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[tokio::test]
    async fn a_function_that_could_not_be_unpacked_is_tried_again_when_it_is_needed() {
        let place = tempfile::tempdir().unwrap();
        let code = place.path().join("code");
        fs::create_dir(&code).unwrap();
        fs::write(code.join("bootstrap"), "").unwrap();
        fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o600)).unwrap();
        let urn = FunctionUrn::parse("urn:fss:r:p:function:default:f:latest").unwrap();
        let mut functions = Functions::none(1, place.path().join("functions")).unwrap();
        assert!(functions.register(&urn, &code).await.is_err());
        assert!(functions.can_invoke(&urn), "it belongs to this server all the same");
        assert!(functions.prepare(&urn).await.is_err());
        fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o700)).unwrap();
        // Until the pause after the failure is over, the failure is told again.
        while functions.prepare(&urn).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(functions.instances(), 0);
    }
}
