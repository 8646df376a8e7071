//! The order of every request: claim, body, scope, preparation, rights, lease, work, audit, metrics.
//!
//! Knows the order and nothing of any operation. [`routes`] is the only function that makes routes to operations, so no
//! operation runs without these steps.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::{
    Router,
    body::{Body as HttpBody, Bytes},
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::{HeaderMap, Response, StatusCode, header, request::Parts},
    routing::{MethodFilter, on},
};
use csms_api::{
    ErrorCode, ErrorShape, Method,
    operation::{Specification, parameter},
    permissions::AskedRequest,
};
use csms_core::{
    ProjectId,
    policy::{ConditionKind, Judgement},
};
use csms_store::Store as _;

use super::{
    access::{Access, Need},
    access_log::AccessLine,
    answer::{Answer, empty_response, json_response},
    authorisation::{authorise, judge_openly, refused, require_lasting, require_own_project},
    body::{MAX_BODY_BYTES, read_body, read_login_body},
    exchange::{Counted, Refused, identified},
    json::Body,
    lease::require_task,
    limits::Standing,
    service::{Audited, Call, Parameters, Prepared, RequestLine, Scope, Service, Subject},
};
use crate::{
    app::App,
    audit::{Event, OK, Origin, Requested},
    auth::{Caller, Claim},
    failure::Failure,
};

/// The routes of a service's operations.
///
/// The last word of a path may stand where another path has a parameter, as `batch-import` stands where a secret has its name.
/// A route of its own would hide the secret of that name from other methods, so such words share the route of the parameter.
pub fn routes<S: Service>(all: &'static [S]) -> Router<Arc<App>> {
    let parents = |path: &'static str| path.rsplit_once('/').unwrap_or(("", path));
    let parameter_beside = |path: &'static str| {
        let (directory, _) = parents(path);
        all.iter().map(|operation| operation.specification().path).find(|other| {
            let (other_directory, last) = parents(other);
            other_directory == directory && last.starts_with('{') && *other != path
        })
    };
    let mut table: BTreeMap<(&'static str, &'static str), Vec<S>> = BTreeMap::new();
    for operation in all.iter().copied() {
        let specification = operation.specification();
        let shared = parameter_beside(specification.path).unwrap_or(specification.path);
        table.entry((shared, specification.method.as_str())).or_default().push(operation);
    }
    let mut router = Router::new();
    for ((path, _), operations) in table {
        let Some(first) = operations.first() else { continue };
        let filter = method_filter(first.specification().method);
        let operations: Arc<[S]> = operations.into();
        let handler = move |State(app): State<Arc<App>>, request: Request| {
            // An empty segment that is still there is an empty variable, which the router would fill in.
            let found = if request.uri().path().contains("//") {
                None
            } else {
                let last = request.uri().path().rsplit('/').next().unwrap_or_default();
                let of_word = |operation: &&S| parents(operation.specification().path).1 == last;
                let of_parameter = |operation: &&S| operation.specification().path == path;
                operations.iter().find(of_word).or_else(|| operations.iter().find(of_parameter)).copied()
            };
            async move {
                let respond = async |request| match found {
                    Some(operation) => serve(&app, operation, request).await,
                    None => no_such_operation(),
                };
                identified(&app, request, respond).await
            }
        };
        router = router.route(path, on(filter, handler));
    }
    router
}

/// The route's filter for a method of the operation tables.
const fn method_filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// Most parameters of a query; no operation takes half as many.
const MAX_PARAMETERS: usize = 64;

/// The outcome of a use whose service answered with an error of its own, such as a function that failed.
const FAILED: &str = "FAILED";

/// Answers one request for an operation.
async fn serve<S: Service>(app: &Arc<App>, operation: S, request: Request) -> Response<HttpBody> {
    let specification = operation.specification();
    let begun = Instant::now();
    let line = request.extensions().get::<AccessLine>().cloned();
    if let Some(line) = &line {
        line.operation(specification.name);
    }
    let outcome = answer(app, operation, request, line.as_ref()).await;
    let success = StatusCode::from_u16(specification.success).unwrap_or(StatusCode::OK);
    let mut response = match outcome {
        Ok(Answer::Json(body)) => json_response(success, body),
        Ok(Answer::Empty) => empty_response(success),
        Ok(Answer::Whole(response)) => response,
        Err(failure) => {
            let id = Requested::current().map(|request| request.id().to_owned()).unwrap_or_default();
            let failure = operation.translate(failure);
            let body = operation.error_body(&failure.error, &id);
            refusal(failure, body.to_string(), specification.name)
        }
    };
    let code = response.extensions().get::<Refused>().map(|refused| refused.code);
    if let Some(code) = code.filter(|_| matches!(response.status().as_u16(), 401 | 403 | 429)) {
        app.metrics.refused(code);
    }
    if operation.scope() == Scope::Public && operation.audited() != Audited::No {
        app.metrics.login(code);
    }
    app.metrics.answered(specification.name, response.status().as_u16(), begun.elapsed());
    response.extensions_mut().insert(Counted);
    response
}

async fn answer<S: Service>(
    app: &Arc<App>,
    operation: S,
    request: Request,
    line: Option<&AccessLine>,
) -> Result<Answer, Failure> {
    let (mut parts, body) = request.into_parts();
    require_plain_transfer(&parts.headers)?;
    let (caller, body) = match operation.scope() {
        Scope::Public => {
            // Before the body: the work behind it is what a foreign page could start.
            app.hosts.check_login(&parts.headers)?;
            let sent = read_login_body(body).await?;
            let mut body = Body::new(sent.clone()).encoded(content_encoding(&parts));
            let caller = if operation.is_by_caller(&mut body) {
                prove(app, operation, &parts, HttpBody::from(sent), line).await?.0
            } else {
                Arc::new(Caller::nobody())
            };
            (caller, body)
        }
        Scope::Project | Scope::Domain => {
            let (caller, sent) = prove(app, operation, &parts, body, line).await?;
            (caller, Body::new(sent).encoded(content_encoding(&parts)))
        }
    };
    let specification = operation.specification();
    let parameters = path_parameters(&specification, &mut parts).await?;
    let project = match operation.scope() {
        Scope::Project => {
            let project = project_in_path(&parameters)?;
            require_named_project(&project, &parts)?;
            require_own_project(&caller, &project)?;
            if let Some(line) = line {
                line.project(&project);
            }
            project
        }
        Scope::Domain | Scope::Public => {
            require_domain(app, &parts)?;
            app.identity.project_id.clone()
        }
    };
    let query = read_query(parts.uri.query().unwrap_or_default())?;
    let request = RequestLine {
        operation: specification,
        parameters,
        query,
        head: parts,
        judged: OnceLock::new(),
        acting: OnceLock::new(),
    };
    let call = Call { app: Arc::clone(app), caller, project, request: Arc::new(request) };
    let attempt = Attempt {
        call: call.clone(),
        action: specification.name,
        audited: operation.audited(),
        is_of_project: operation.scope() == Scope::Project,
    };
    let prepared = prepare(operation, &call, body).await;
    if let (Some(line), Some(acting)) = (line, call.request.acting.get()) {
        line.caller(acting, None);
    }
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return Err(attempt.failed(operation.translate(failure), &Subject::default()).await?),
    };
    let subject = prepared.subject.clone();
    if let Some(line) = line {
        line.subject(&subject);
    }
    let outcome = attempt.run(prepared).await;
    if let (Some(line), Some(acting)) = (line, call.request.acting.get()) {
        line.caller(acting, None);
    }
    match outcome {
        Ok(answer) => Ok(answer),
        Err(failure) => Err(attempt.failed(operation.translate(failure), &subject).await?),
    }
}

/// Prepares an operation, unless it would give rights that last to a caller who may not give them. Whoever may do it to nothing
/// learns nothing about what is wrong with the request.
async fn prepare<S: Service>(operation: S, call: &Call, body: Body) -> Result<Prepared, Failure> {
    require_lasting(&call.caller, operation.lasting())?;
    let failure = match operation.prepare(call.clone(), body).await {
        Ok(prepared) => return Ok(prepared),
        Err(failure) => failure,
    };
    let may_be_let_through = match operation.need() {
        Need::Allow => false,
        Need::AllowOrGrant => call.caller.user_id.is_some(),
        Need::NoDeny => true,
    };
    let access = call.all(operation.kind());
    if may_be_let_through || access.actions.is_empty() {
        return Err(failure);
    }
    match judge_openly(call.asking(), &access, false, &ConditionKind::ALL).await? {
        Judgement::Denied => Err(refused(&access)),
        Judgement::Allowed | Judgement::Depends(_) => Err(failure),
    }
}

/// Judges what an operation touches, and lends the judgement to its work: from here on the work may change it.
///
/// # Errors
/// The first refusal; failures of the store.
async fn judge(call: &Call, accesses: Vec<Access>) -> Result<(), Failure> {
    if call.caller.is_function && !accesses.iter().any(|access| access.need != Need::NoDeny) {
        // What takes no right is for people and their programs; a function has the rights of its task alone.
        return Err(Failure::new(ErrorCode::Forbidden, "the credentials of a function do not allow this"));
    }
    for access in &accesses {
        authorise(call.asking(), access).await?;
    }
    require_task(&call.app, &call.caller).await?;
    let _ = call.request.judged.set(accesses);
    Ok(())
}

/// Judges a whole request of a caller as the route of its operation would, and runs nothing. `None` when no operation of the
/// service has its method and path, which is in the form of [`canonical`](crate::request::path::canonical).
pub async fn judge_request<S: Service>(all: &[S], asking: &Call, asked: &AskedRequest) -> Option<Result<(), Failure>> {
    let (path, query) = asked.path.split_once('?').unwrap_or((asked.path.as_str(), ""));
    let (operation, parameters) = find(all, &asked.method, path)?;
    let judged = async {
        let parameters = parameters?;
        let project = match operation.scope() {
            Scope::Project => {
                let project = project_in_path(&parameters)?;
                require_own_project(&asking.caller, &project)?;
                project
            }
            Scope::Domain | Scope::Public => asking.app.identity.project_id.clone(),
        };
        let body = asked.body.clone().map_or_else(|| Body::new(Bytes::new()), Body::read);
        let request = RequestLine {
            operation: operation.specification(),
            parameters,
            query: read_query(query)?,
            head: asking.request.head.clone(),
            judged: OnceLock::new(),
            acting: OnceLock::new(),
        };
        let (app, caller) = (Arc::clone(&asking.app), Arc::clone(&asking.caller));
        let call = Call { app, caller, project, request: Arc::new(request) };
        let prepared = prepare(operation, &call, body).await?;
        if prepared.is_about_rights { Ok(()) } else { judge(&call, prepared.accesses).await }
    };
    Some(judged.await.map_err(|failure| operation.translate(failure)))
}

/// An operation, and the parameters in a path, unless they are no text.
type Found<S> = (S, Result<Parameters, Failure>);

/// The operation of a method and path, and the parameters in the path. A literal segment goes before a parameter, and HEAD is
/// served as GET.
fn find<S: Service>(all: &[S], method: &str, path: &str) -> Option<Found<S>> {
    let method = if method.eq_ignore_ascii_case("HEAD") { Method::Get.as_str() } else { method };
    let segments: Vec<&str> = path.split('/').collect();
    let matching = all.iter().filter_map(|operation| {
        let specification = operation.specification();
        let pattern: Vec<&'static str> = specification.path.split('/').collect();
        if !specification.method.as_str().eq_ignore_ascii_case(method) || pattern.len() != segments.len() {
            return None;
        }
        let mut parameters = Vec::new();
        for (pattern, segment) in pattern.iter().zip(&segments) {
            match parameter(pattern) {
                Some(_) if segment.is_empty() => return None,
                Some(name) => parameters.push((name, *segment)),
                None if pattern == segment => {}
                None => return None,
            }
        }
        Some((*operation, parameters))
    });
    let (operation, parameters) = matching.min_by_key(|(_, parameters)| parameters.len())?;
    let decode = |(name, text): (&'static str, &str)| match percent_encoding::percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok((name, text.into_owned())),
        Err(_) => Err(path_not_utf8()),
    };
    Some((operation, parameters.into_iter().map(decode).collect()))
}

/// One request for an operation, as the audit trail sees it.
struct Attempt {
    call: Call,
    action: &'static str,
    audited: Audited,
    is_of_project: bool,
}

impl Attempt {
    /// Judges and runs the operation. What it changes is recorded under its name with the change; where nothing had to be
    /// changed, the call is recorded by itself.
    async fn run(&self, prepared: Prepared) -> Result<Answer, Failure> {
        let Prepared { accesses, subject, uses, is_about_rights, work } = prepared;
        if !is_about_rights {
            judge(&self.call, accesses).await?;
        }
        let app = &self.call.app;
        let project = subject.project.as_ref().filter(|_| !self.is_of_project).unwrap_or(&self.call.project).clone();
        match self.audited {
            Audited::No => work.await,
            Audited::Use => {
                let answer = work.await?;
                let outcome = match &answer {
                    Answer::Whole(response) if !response.status().is_success() => FAILED,
                    Answer::Whole(_) | Answer::Json(_) | Answer::Empty => OK,
                };
                let uses = if uses.is_empty() { vec![subject] } else { uses };
                let mut wait = false;
                for used in &uses {
                    wait |= self.gather(used, outcome);
                }
                if wait {
                    app.trail.flush().await?;
                }
                Ok(answer)
            }
            Audited::Change => {
                let origin = Origin::new(Arc::clone(&self.call.caller), self.action, subject.version);
                let answer = origin.clone().during(work).await?;
                if !origin.is_recorded() {
                    let entry = app.trail.change(&origin, &project, |record| {
                        let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
                        record.secret = some(subject.secret.as_str());
                        record.key = some(subject.key.as_str());
                        record.target = some(subject.target.as_str());
                        record.version = subject.version;
                    });
                    app.store.append_audit(vec![entry]).await?;
                }
                Ok(answer)
            }
        }
    }

    /// Gathers a record of a use, or of an attempt that failed. `true` when the answer has to wait until it is written.
    fn gather(&self, subject: &Subject, outcome: &'static str) -> bool {
        self.call.app.trail.gather(&self.event(subject, outcome))
    }

    fn event<'e>(&'e self, subject: &'e Subject, outcome: &'static str) -> Event<'e> {
        Event {
            caller: self.call.request.acting.get().unwrap_or(&self.call.caller),
            action: self.action,
            project: if self.is_of_project { Some(&self.call.project) } else { subject.project.as_ref() },
            secret: &subject.secret,
            key: &subject.key,
            target: &subject.target,
            version: subject.version,
            outcome,
        }
    }

    /// Records a failure, and returns it. Refusals of one caller are gathered, so that their number does not make the trail grow.
    async fn failed(&self, failure: Failure, subject: &Subject) -> Result<Failure, Failure> {
        let code = failure.error.code;
        if is_refusal(code) {
            self.call.app.trail.refused(&self.event(subject, code.as_str()));
        } else if self.audited != Audited::No && self.gather(subject, code.as_str()) {
            self.call.app.trail.flush().await?;
        }
        Ok(failure)
    }
}

/// Whether a code says that the caller may not do something, or has not proven who it is.
fn is_refusal(code: ErrorCode) -> bool {
    matches!(code.status(), 401 | 403 | 429) && code != ErrorCode::NotEnabled
}

/// Records that a request did not prove who sent it.
fn note_unproven<S: Service>(app: &App, operation: S, failure: &Failure) {
    let code = failure.error.code;
    if is_refusal(code) {
        let caller = Arc::new(Caller::nobody());
        let (action, outcome) = (operation.specification().name, code.as_str());
        let event =
            Event { caller: &caller, action, project: None, secret: "", key: "", target: "", version: None, outcome };
        app.trail.refused(&event);
    }
}

/// Establishes who asks, and records an attempt that proves nobody.
async fn prove<S: Service>(
    app: &App,
    operation: S,
    parts: &Parts,
    body: HttpBody,
    line: Option<&AccessLine>,
) -> Result<(Arc<Caller>, Bytes), Failure> {
    let proven = authenticate(app, operation.specification().name, parts, body, line).await;
    proven.inspect_err(|failure| note_unproven(app, operation, failure))
}

/// Establishes who asks. The head is judged before the body is read, and the body is read before it is understood.
async fn authenticate(
    app: &App,
    action: &'static str,
    parts: &Parts,
    body: HttpBody,
    line: Option<&AccessLine>,
) -> Result<(Arc<Caller>, Bytes), Failure> {
    let claim = app.authenticator.claim(parts).await?;
    if matches!(claim, Claim::Proven(_)) {
        Standing::prove(&parts.extensions);
    }
    let body = read_body(body, MAX_BODY_BYTES).await?;
    let mut used = None;
    let caller = match claim {
        Claim::Proven(caller) => caller,
        Claim::Signed(_) if is_unsigned(parts) && !body.is_empty() => return Err(unsigned_body()),
        Claim::Signed(claim) => {
            let caller = claim.verify(parts, &body)?;
            if let Some(key) = claim.access_key() {
                app.trail.note_key_use(key, action);
                used = line.map(|_| key.access_key.clone());
            }
            caller
        }
    };
    Standing::prove(&parts.extensions);
    if let Some(line) = line {
        line.caller(&caller, used.as_deref());
    }
    Ok((caller, body))
}

/// Whether a signature leaves out the body. Signers hash an empty body whatever this header says.
fn is_unsigned(parts: &Parts) -> bool {
    let declared = parts.headers.get("x-sdk-content-sha256");
    declared.is_some_and(|declared| declared.as_bytes().trim_ascii().eq_ignore_ascii_case(b"UNSIGNED-PAYLOAD"))
}

/// The refusal of a body that the signature leaves out. It depends on the head alone, so that it does not reveal whether the
/// access key exists.
fn unsigned_body() -> Failure {
    let reason = "X-Sdk-Content-Sha256 is UNSIGNED-PAYLOAD; the body must be signed, so leave the header out or send the \
                  SHA-256 of the body";
    Failure::new(ErrorCode::Unauthenticated, reason)
}

/// What was done to a body on its way that would have to be undone, such as `gzip`.
fn content_encoding(parts: &Parts) -> Option<String> {
    let sent = parts.headers.get_all("content-encoding").iter();
    // A header that is no text is an encoding without a name.
    let names = sent.flat_map(|sent| sent.to_str().unwrap_or("?").split(',')).map(str::trim);
    let mut others = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
    others.next().map(|name| name.chars().filter(char::is_ascii_graphic).take(32).collect())
}

/// Refuses a body whose end a proxy may see elsewhere, and one that was compressed on its way.
fn require_plain_transfer(headers: &HeaderMap) -> Result<(), Failure> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Err(Failure::new(ErrorCode::InvalidRequest, "Transfer-Encoding must be chunked, or left out"));
    }
    Ok(())
}

/// The parameters that an operation has in its path. A route may have more: the word of an operation can stand where others have a
/// name.
async fn path_parameters(specification: &Specification, parts: &mut Parts) -> Result<Parameters, Failure> {
    let sent = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| path_not_utf8())?;
    let known = |sent: &str| specification.parameters().find(|name| *name == sent);
    Ok(sent.iter().filter_map(|(name, value)| Some((known(name)?, value.to_owned()))).collect())
}

fn path_not_utf8() -> Failure {
    Failure::new(ErrorCode::InvalidRequest, "the path is not UTF-8")
}

/// Query parameters, decoded as forms are.
///
/// # Errors
/// A repeated parameter: two readers could take different ones, and a signature does not say which comes first.
fn read_query(query: &str) -> Result<Vec<(String, String)>, Failure> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let mut read: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        if read.iter().any(|(known, _)| *known == name) {
            let shown: String = name.chars().filter(char::is_ascii_graphic).take(64).collect();
            let reason = format!("the parameter \"{shown}\" of the query is repeated");
            return Err(Failure::new(ErrorCode::InvalidRequest, reason));
        }
        if read.len() >= MAX_PARAMETERS {
            let reason = format!("the query has more than {MAX_PARAMETERS} parameters");
            return Err(Failure::new(ErrorCode::InvalidRequest, reason));
        }
        read.push((name, decode(value)));
    }
    Ok(read)
}

/// The project in the path, which must be well-formed.
fn project_in_path(parameters: &[(&str, String)]) -> Result<ProjectId, Failure> {
    let text = parameters.iter().find(|(name, _)| *name == "project_id").map_or("", |(_, value)| value);
    Ok(ProjectId::parse(text).map_err(|violation| vec![violation.at("project_id")])?)
}

/// The project in `X-Project-Id`, which some clients send, must be the one in the path.
fn require_named_project(project: &ProjectId, parts: &Parts) -> Result<(), Failure> {
    let mut sent = parts.headers.get_all("x-project-id").iter().filter(|header| !header.is_empty());
    if sent.any(|header| header.as_bytes() != project.as_str().as_bytes()) {
        return Err(Failure::new(ErrorCode::Forbidden, "X-Project-Id is not the project in the path"));
    }
    Ok(())
}

/// The account in `X-Domain-Id`, which the SDKs send for global services, must be this one.
fn require_domain(app: &App, parts: &Parts) -> Result<(), Failure> {
    let mut sent = parts.headers.get_all("x-domain-id").iter().filter(|header| !header.is_empty());
    if sent.any(|domain| domain.as_bytes() != app.identity.domain_id.as_bytes()) {
        return Err(Failure::new(ErrorCode::Forbidden, "X-Domain-Id is not the account of this installation"));
    }
    Ok(())
}

fn refusal(failure: Failure, body: String, operation: &'static str) -> Response<HttpBody> {
    let code = failure.error.code;
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, body.into_bytes());
    if let Some(seconds) = failure.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    let cause = failure.cause.map(Arc::from);
    response.extensions_mut().insert(Refused { operation, code: code.as_str(), cause });
    response
}

/// The answer to a method and path that no operation has.
#[must_use]
pub fn no_such_operation() -> Response<HttpBody> {
    let failure = Failure::new(ErrorCode::NoSuchOperation, "no operation has this method and path");
    let body = failure.error.body(ErrorShape::Flat).to_string();
    refusal(failure, body, "none")
}
