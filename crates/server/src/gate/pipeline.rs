//! The one way into an operation: request id, authentication, body, project, authorisation, the operation, its answer.
//!
//! Knows the order of these steps and nothing of any operation.

use std::{error::Error, sync::Arc, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, RawPathParams},
    http::{Request, Response, StatusCode, request::Parts},
    routing::MethodFilter,
};
use csms_api::{ErrorCode, ErrorShape, Method, Operation};
use csms_core::{KeyId, Problem, ProjectId, Secret, SecretId, SecretName, VersionId, Violation};
use csms_kms::MasterKey;
use csms_store::Store;
use serde_json::Value;

use crate::{
    app::App,
    audit::{Event, OK, Origin},
    auth::{Caller, Claim},
    failure::Failure,
    gate::answer::{Answer, empty_response, json_response},
    gate::authorisation::{RequestFacts, authorise, may_use_key},
    gate::body::{MAX_BODY_BYTES, WipedJson, read_body},
    gate::limits::Standing,
    rotation::rights,
    services::csms,
};

/// An authenticated, authorised request.
pub struct Call {
    /// The server.
    pub app: Arc<App>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The project in the path; the installation's first one where the path has none.
    pub project: ProjectId,
    operation: Operation,
    parameters: Vec<(String, String)>,
    query: Option<String>,
    body: Bytes,
}

impl Call {
    /// Records that the answer holds the value of a version.
    ///
    /// # Errors
    /// Failures of the store, where records of reads have to be on disk before the answer.
    pub async fn record_read(&self, secret: &Secret, version: VersionId) -> Result<(), Failure> {
        let event = Event {
            caller: &self.caller,
            action: self.operation.specification().name,
            project: Some(&self.project),
            secret: secret.name.as_str(),
            key: "",
            target: "",
            version: Some(version),
            outcome: OK,
        };
        if self.app.trail.gather(&event) {
            self.app.trail.flush().await?;
        }
        Ok(())
    }

    /// A key of the project for a use that the caller has the right to, by one of its names. Every caller may use the
    /// service's default key.
    ///
    /// # Errors
    /// CSMS.0401: no such enabled key, or no right to it.
    pub async fn key_for(&self, id: &KeyId, right: &[&str]) -> Result<Arc<MasterKey>, Failure> {
        self.key_in(&self.project, id, right).await
    }

    /// As [`Call::key_for`], in another project.
    ///
    /// # Errors
    /// As there.
    pub async fn key_in(&self, project: &ProjectId, id: &KeyId, right: &[&str]) -> Result<Arc<MasterKey>, Failure> {
        let usable = self.app.keys.usable(project, id).await?;
        if usable.is_default || may_use_key(&self.app, &self.caller, right, project, id) {
            return Ok(usable.key);
        }
        let right = right.first().copied().unwrap_or_default();
        let reason = format!("the caller's policies do not allow {right} on the key");
        Err(Failure::new(ErrorCode::KeyUnusable, reason))
    }

    /// A path parameter, decoded.
    fn parameter(&self, name: &str) -> &str {
        find(&self.parameters, name)
    }

    /// A path parameter through the constructor of its type.
    ///
    /// # Errors
    /// The problem at the parameter's name.
    pub fn path<T>(&self, name: &str, parse: impl FnOnce(String) -> Result<T, Violation>) -> Result<T, Vec<Problem>> {
        parse(self.parameter(name).to_owned()).map_err(|violation| vec![violation.at(name)])
    }

    /// A path parameter as text.
    #[must_use]
    pub fn path_text(&self, name: &str) -> &str {
        self.parameter(name)
    }

    /// The secret's name in the path.
    ///
    /// # Errors
    /// The problem at `secret_name`.
    pub fn secret_name(&self) -> Result<SecretName, Vec<Problem>> {
        self.path("secret_name", SecretName::parse)
    }

    /// The secret's identifier in the path.
    ///
    /// # Errors
    /// The problem at `secret_id`.
    pub fn secret_id(&self) -> Result<SecretId, Vec<Problem>> {
        self.path("secret_id", SecretId::parse)
    }

    /// Checks that the caller may do this with a secret that only the operation itself gets to know.
    ///
    /// # Errors
    /// CSMS.0302; failures of the store.
    pub async fn authorise(&self, secret: &str) -> Result<(), Failure> {
        self.authorise_in(&self.project, secret).await
    }

    /// Checks that the caller may do this with a secret of a project, also with the project itself.
    ///
    /// # Errors
    /// CSMS.0302; failures of the store.
    pub async fn authorise_in(&self, project: &ProjectId, secret: &str) -> Result<(), Failure> {
        if !self.caller.may_use(project) {
            return Err(Failure::new(ErrorCode::Forbidden, "the caller may not use the project of the region"));
        }
        let facts = RequestFacts {
            operation: self.operation,
            project,
            body: &self.body,
            tag_key: self.parameter("key"),
            entry: 0,
        };
        authorise(&self.app, &self.caller, &facts, secret).await
    }

    /// The query parameters, decoded.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        read_query(self.query.as_deref().unwrap_or_default())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// CSMS.0004 when it is no JSON object.
    pub fn body(&self) -> Result<Value, Failure> {
        let body: Value = serde_json::from_slice(&self.body).map_err(|error| {
            // The parser's own message could quote the body.
            let place = format!("line {} column {}", error.line(), error.column());
            Failure::new(ErrorCode::InvalidBody, place)
        })?;
        if body.is_object() { Ok(body) } else { Err(Failure::new(ErrorCode::InvalidBody, "")) }
    }

    /// The body as JSON; an empty one counts as `{}`.
    ///
    /// # Errors
    /// As [`Call::body`].
    pub fn optional_body(&self) -> Result<Value, Failure> {
        if self.body.is_empty() { Ok(Value::Object(serde_json::Map::new())) } else { self.body() }
    }
}

fn find<'p>(parameters: &'p [(String, String)], name: &str) -> &'p str {
    parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}

/// The route's filter for a method of the operation tables.
pub(crate) const fn method_filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// Query parameters, decoded as forms are.
#[must_use]
pub fn read_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Answers one request for `operation`.
pub async fn dispatch(app: Arc<App>, operation: Operation, request: Request<Body>) -> Response<Body> {
    let specification = operation.specification();
    let (app, metrics) = (Arc::clone(&app), app);
    let begun = Instant::now();
    let outcome = answer(app, operation, request).await;
    let success = StatusCode::from_u16(specification.success).unwrap_or(StatusCode::OK);
    let response = match outcome {
        Ok(Answer::Json(body)) => json_response(success, body),
        Ok(Answer::Empty) => empty_response(success),
        Err(failure) => failure_response(failure, specification.errors, specification.name),
    };
    metrics.metrics.answered(specification.name, response.status().as_u16(), begun.elapsed());
    response
}

async fn answer(app: Arc<App>, operation: Operation, request: Request<Body>) -> Result<Answer, Failure> {
    let (mut parts, body) = request.into_parts();
    let (caller, body) = authenticate(&app, &parts, body).await?;
    let mut parameters = path_parameters(&mut parts).await?;
    // A route may have more: the word of an operation can stand where others have a name.
    parameters.retain(|(name, _)| operation.has_parameter(name));
    let project = if operation.is_of_project() {
        authorise_project(&caller, &parts, find(&parameters, "project_id"))?
    } else {
        app.identity.project_id.clone()
    };
    let version = VersionId::parse(find(&parameters, "version_id")).ok();
    let mut attempt = Attempt {
        app: Arc::clone(&app),
        caller: Arc::clone(&caller),
        operation,
        project: project.clone(),
        secret: find(&parameters, "secret_name").to_owned(),
        version,
    };
    let outcome = async {
        let asked = Asked { parameters: &parameters, query: parts.uri.query().unwrap_or_default(), body: &body };
        let secrets = secrets_of(&app, operation, &project, &asked).await?;
        if let [secret] = secrets.as_slice() {
            secret.clone_into(&mut attempt.secret);
        }
        for (entry, secret) in secrets.iter().enumerate() {
            let tag_key = find(&parameters, "key");
            let facts = RequestFacts { operation, project: &project, body: &body, tag_key, entry };
            authorise(&app, &caller, &facts, secret).await?;
        }
        rights::require_task(&app, &caller, &project).await?;
        let query = parts.uri.query().map(str::to_owned);
        attempt.run(Call { app, caller, project, operation, parameters, query, body }).await
    };
    match outcome.await {
        Ok(answer) => Ok(answer),
        Err(failure) => Err(attempt.failed(failure).await?),
    }
}

/// What the audit trail is told of an operation besides its changes.
struct Attempt {
    app: Arc<App>,
    caller: Arc<Caller>,
    operation: Operation,
    project: ProjectId,
    secret: String,
    version: Option<VersionId>,
}

impl Attempt {
    /// Runs the operation. What it changes is recorded under its name with the change; where nothing had to be changed, the
    /// call is recorded by itself.
    async fn run(&self, call: Call) -> Result<Answer, Failure> {
        let specification = self.operation.specification();
        if !self.operation.is_audited() || self.operation.reads_values() {
            return csms::run(self.operation, call).await;
        }
        let origin = Origin::new(Arc::clone(&self.caller), specification.name, self.version);
        let answer = origin.clone().during(csms::run(self.operation, call)).await?;
        if !origin.is_recorded() {
            let entry = self.app.trail.change(&origin, &self.project, |record| {
                record.secret = Some(self.secret.as_str()).filter(|secret| !secret.is_empty());
                record.version = self.version;
            });
            self.app.store.append_audit(vec![entry]).await?;
        }
        Ok(answer)
    }

    /// Records a failure, and answers it.
    async fn failed(&self, failure: Failure) -> Result<Failure, Failure> {
        if self.operation.is_audited() {
            // Only what can be a name is worth keeping.
            let secret = SecretName::parse(self.secret.as_str()).map(String::from).unwrap_or_default();
            let event = Event {
                caller: &self.caller,
                action: self.operation.specification().name,
                project: Some(&self.project),
                secret: &secret,
                key: "",
                target: "",
                version: self.version,
                outcome: failure.error.code.as_str(),
            };
            if self.app.trail.gather(&event) {
                self.app.trail.flush().await?;
            }
        }
        Ok(failure)
    }
}

/// Where a request names things.
struct Asked<'a> {
    parameters: &'a [(String, String)],
    query: &'a str,
    body: &'a [u8],
}

/// The names of the secrets that a request is about, which policies may limit: in the path, query or body, or behind an
/// identifier. `*` stands for all secrets, and for those that nobody knows yet.
async fn secrets_of(
    app: &App,
    operation: Operation,
    project: &ProjectId,
    asked: &Asked<'_>,
) -> Result<Vec<String>, Failure> {
    let Asked { parameters, query, body } = *asked;
    let in_path = find(parameters, "secret_name");
    if !in_path.is_empty() {
        return Ok(vec![in_path.to_owned()]);
    }
    if let Ok(id) = SecretId::parse(find(parameters, "secret_id")) {
        let found = app.store.secret_by_id(project, &id).await?;
        return Ok(vec![found.map_or_else(|| "*".to_owned(), |secret| secret.name.to_string())]);
    }
    let resource = match operation {
        Operation::CreateGrants => resource_in_body(body),
        Operation::UpdateGrant | Operation::ListGrants | Operation::DeleteGrant => {
            Some(find(&read_query(query), "resource_id").to_owned())
        }
        _ => None,
    };
    if let Some(named) = resource {
        let found = csms::grants::resource(app, project, &named).await?;
        return Ok(vec![found.map_or_else(|| "*".to_owned(), |secret| secret.name.to_string())]);
    }
    let named = names_in_body(operation, body);
    Ok(if named.is_empty() { vec!["*".to_owned()] } else { named })
}

/// The resource that a body names, as far as it can be read.
fn resource_in_body(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        resource_id: String,
    }
    serde_json::from_slice::<Named>(body).ok().map(|named| named.resource_id)
}

/// The names that a body gives, as far as it can be read.
fn names_in_body(operation: Operation, body: &[u8]) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    #[derive(serde::Deserialize)]
    struct Names {
        secret_name_list: Vec<String>,
    }
    fn read<'b, T: serde::Deserialize<'b>>(body: &'b [u8]) -> Option<T> {
        serde_json::from_slice(body).ok()
    }
    let names = match operation {
        Operation::CreateSecret => read::<Named>(body).map(|secret| vec![secret.name]),
        Operation::BatchImportSecrets => {
            // An entry without a name is refused later; those beside it are created.
            let name = |entry: &Value| entry["name"].as_str().unwrap_or("*").to_owned();
            let body = WipedJson::read(body);
            body.and_then(|body| Some(body.get("secrets")?.as_array()?.iter().map(name).collect()))
        }
        Operation::BatchGetSecretValue => read::<Names>(body).map(|names| names.secret_name_list),
        _ => None,
    };
    names.unwrap_or_default()
}

/// Establishes who asks. The head is judged before the body is read, and the body is read before it is understood.
///
/// # Errors
/// 401, or what [`read_body`] refuses.
pub async fn authenticate(app: &App, parts: &Parts, body: Body) -> Result<(Arc<Caller>, Bytes), Failure> {
    let claim = app.authenticator.claim(parts).await?;
    if matches!(claim, Claim::Proven(_)) {
        Standing::prove(&parts.extensions);
    }
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let caller = match claim {
        Claim::Proven(caller) => caller,
        Claim::Signed(claim) => claim.verify(parts, &body)?,
    };
    Standing::prove(&parts.extensions);
    Ok((caller, body))
}

async fn path_parameters(parts: &mut Parts) -> Result<Vec<(String, String)>, Failure> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await;
    let parameters = parameters.map_err(|_| Failure::new(ErrorCode::InvalidRequest, "the path is not UTF-8"))?;
    Ok(parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The project in the path must be well-formed, agree with `X-Project-Id`, and be one the caller may use.
///
/// # Errors
/// The problem at `project_id`, or CSMS.0302.
pub fn authorise_project(caller: &Caller, parts: &Parts, text: &str) -> Result<ProjectId, Failure> {
    let project = ProjectId::parse(text).map_err(|violation| vec![violation.at("project_id")])?;
    let header = parts.headers.get("x-project-id");
    if header.is_some_and(|header| header.as_bytes() != project.as_str().as_bytes()) {
        return Err(Failure::new(ErrorCode::Forbidden, "X-Project-Id is not the project in the path"));
    }
    if !caller.may_use(&project) {
        return Err(Failure::new(ErrorCode::Forbidden, "the caller may not use this project"));
    }
    Ok(project)
}

/// Why a request was refused, as the answer carries it to where it is logged with the request's identifier.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The operation.
    pub operation: &'static str,
    /// The code that the caller was told.
    pub code: &'static str,
    /// The private cause.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// An error in an operation's shape, with its cause for the log.
pub fn failure_response(failure: Failure, shape: ErrorShape, operation: &'static str) -> Response<Body> {
    let code = failure.error.code;
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, failure.error.body(shape).to_string().into_bytes());
    let cause = failure.cause.map(Arc::from);
    response.extensions_mut().insert(Refused { operation, code: code.as_str(), cause });
    response
}

/// An error and its sources on one line.
pub struct Chain<'e>(pub &'e (dyn Error + 'e));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
