//! IAM v5 on the same port: the way into the operations on users, access keys, logins and policies.
//!
//! As [`crate::gate::pipeline`] for the service's own operations, and in the same order: who, the body, the right, the operation,
//! the record. A change is decided in the transaction that stores it, with its record, so two at the same time both count.
//! What an operation does is in the modules below.

mod credentials;
mod policies;
pub mod records;
pub mod tokens;
mod users;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
    routing::on,
};
use csms_api::{
    ErrorCode, ErrorShape,
    iam::{IamOperation, page::PageRequest},
};
use csms_core::{
    UnixMillis,
    policy::{policy_resource, user_resource},
};
use csms_store::{AccessChange, AccessState, AuditEntry, ChangeError, Store, StoreError, UserRecord};
use serde_json::{Value, json};

use crate::{
    app::App,
    audit::{Event, Origin, Requested},
    auth::Caller,
    failure::Failure,
    gate::answer::{Answer, JSON, empty_response, json_response},
    gate::authorisation::{base_context, require},
    gate::pipeline::{authenticate, failure_response, method_filter, read_query},
};

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    let mut router = Router::new();
    for operation in IamOperation::ALL.iter().copied() {
        let specification = operation.specification();
        let handler = move |State(app): State<Arc<App>>, request: Request| dispatch(app, operation, request);
        router = router.route(specification.path, on(method_filter(specification.method), handler));
    }
    router
}

async fn dispatch(app: Arc<App>, operation: IamOperation, request: Request) -> Response<Body> {
    let specification = operation.specification();
    let begun = Instant::now();
    let id = Requested::current().map(|request| request.id().to_owned()).unwrap_or_default();
    let success = StatusCode::from_u16(specification.success).unwrap_or(StatusCode::OK);
    let response = match answer(&app, operation, request).await {
        Ok(Answer::Json(body)) => json_response(success, body),
        Ok(Answer::Empty) => empty_response(success),
        Err(failure) => error_response(failure, operation, &id),
    };
    app.metrics.answered(specification.name, response.status().as_u16(), begun.elapsed());
    response
}

/// IAM v5's error body: `{"error_code","error_msg","request_id"}`.
fn error_response(mut failure: Failure, operation: IamOperation, id: &str) -> Response<Body> {
    failure.error.code = failure.error.code.of_iam();
    let mut body = failure.error.body(ErrorShape::Flat);
    body["request_id"] = json!(id);
    let mut response = failure_response(failure, ErrorShape::Flat, operation.specification().name);
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, JSON);
    *response.body_mut() = Body::from(body.to_string());
    response
}

/// The resource that the right to an operation is about. The right to attach is one to the user.
#[must_use]
pub fn resource(operation: IamOperation, domain: &str, name: &str) -> String {
    let attaches = matches!(operation, IamOperation::AttachUserPolicyV5 | IamOperation::DetachUserPolicyV5);
    if is_of_policies(operation) && !attaches { policy_resource(domain, name) } else { user_resource(domain, name) }
}

fn is_of_policies(operation: IamOperation) -> bool {
    operation.specification().path.starts_with("/v5/policies")
}

/// An authenticated, authorised request.
struct Call {
    app: Arc<App>,
    caller: Arc<Caller>,
    operation: IamOperation,
    /// What the path names, in its order.
    names: Vec<String>,
    query: Vec<(String, String)>,
    body: Bytes,
}

async fn answer(app: &Arc<App>, operation: IamOperation, request: Request) -> Result<Answer, Failure> {
    let (parts, body) = request.into_parts();
    let (caller, body) = authenticate(app, &parts, body).await?;
    require_domain(app, &parts.headers)?;
    let names = names_in(operation, parts.uri.path());
    let query = read_query(parts.uri.query().unwrap_or_default());
    let call = Call { app: Arc::clone(app), caller, operation, names, query, body };
    // Names are known only to whoever may do something with them.
    let target = call.target().await?;
    let outcome = async {
        call.require(target.as_deref())?;
        call.run().await
    };
    match outcome.await {
        Ok(answer) => Ok(answer),
        Err(failure) => {
            if operation.is_audited() {
                call.record(target.as_deref().unwrap_or_default(), &failure).await?;
            }
            Err(failure)
        }
    }
}

/// The account in `X-Domain-Id`, which the SDKs send for global services, must be this one.
fn require_domain(app: &App, headers: &HeaderMap) -> Result<(), Failure> {
    let domain = headers.get("x-domain-id");
    if domain.is_some_and(|domain| domain.as_bytes() != app.identity.domain_id.as_bytes()) {
        return Err(Failure::new(ErrorCode::Forbidden, "X-Domain-Id is not the account of this installation"));
    }
    Ok(())
}

/// The segments of a path that stand where the operation has parameters, decoded.
fn names_in(operation: IamOperation, path: &str) -> Vec<String> {
    let pattern = operation.specification().path.split('/');
    let pairs = pattern.zip(path.split('/')).filter(|(pattern, _)| pattern.starts_with('{'));
    pairs.map(|(_, text)| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()).collect()
}

/// `2026-01-02T03:04:05.678Z`.
fn rfc3339(time: UnixMillis) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map(|time| format!("{time:.3}")).unwrap_or_default()
}

fn not_found(what: &str) -> Failure {
    Failure::new(ErrorCode::IamNotFound, format!("there is no such {what}"))
}

/// The answer to the caller, what changes, and what the record names.
struct Decision<T> {
    answer: T,
    changes: Vec<AccessChange>,
    target: String,
}

impl Call {
    /// What of a path a parameter names.
    fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    /// The name of the user or policy that the request is about, if there is one.
    async fn target(&self) -> Result<Option<String>, Failure> {
        let named = |member: &str| {
            let body: Value = serde_json::from_slice(&self.body).ok()?;
            Some(body.get(member)?.as_str()?.to_owned())
        };
        let user = async |id: &str| Ok::<_, Failure>(self.find_user(id).await?.map(|user| user.name));
        match self.operation {
            IamOperation::ListUsersV5 | IamOperation::ListPoliciesV5 => Ok(None),
            IamOperation::CreateUserV5 => Ok(named("name").filter(|name| is_kept(name))),
            IamOperation::CreatePolicyV5 => Ok(named("policy_name").filter(|name| is_kept(name))),
            // The right to attach is one to the user.
            IamOperation::AttachUserPolicyV5 | IamOperation::DetachUserPolicyV5 => match named("user_id") {
                Some(id) => user(&id).await,
                None => Ok(None),
            },
            _ if is_of_policies(self.operation) => {
                let policies = self.app.store.policies().await?;
                Ok(policies::name_of(&policies, self.name(0)))
            }
            _ => user(self.name(0)).await,
        }
    }

    /// Refuses what the caller's policies do not allow on the user or policy; `*` stands for all, and for one that does
    /// not exist.
    fn require(&self, target: Option<&str>) -> Result<(), Failure> {
        let (domain, name) = (&self.app.identity.domain_id, target.unwrap_or("*"));
        let resource = resource(self.operation, domain, name);
        let context = base_context(&self.app, &self.caller);
        require(&self.caller, self.operation.specification().actions, &resource, &context)
    }

    async fn run(&self) -> Result<Answer, Failure> {
        match self.operation {
            IamOperation::ListUsersV5 => users::list(self).await,
            IamOperation::CreateUserV5 => users::create(self).await,
            IamOperation::ShowUserV5 => users::show(self).await,
            IamOperation::UpdateUserV5 => users::update(self).await,
            IamOperation::DeleteUserV5 => users::delete(self).await,
            IamOperation::ListAccessKeysV5 => credentials::list_keys(self).await,
            IamOperation::CreateAccessKeyV5 => credentials::create_key(self).await,
            IamOperation::UpdateAccessKeyV5 => credentials::update_key(self).await,
            IamOperation::DeleteAccessKeyV5 => credentials::delete_key(self).await,
            IamOperation::ShowLoginProfileV5 => credentials::show_login(self).await,
            IamOperation::CreateLoginProfileV5 => credentials::create_login(self).await,
            IamOperation::UpdateLoginProfileV5 => credentials::update_login(self).await,
            IamOperation::DeleteLoginProfileV5 => credentials::delete_login(self).await,
            IamOperation::ListAttachedUserPoliciesV5 => policies::list_attached(self).await,
            IamOperation::ListPoliciesV5 => policies::list(self).await,
            IamOperation::CreatePolicyV5 => policies::create(self).await,
            IamOperation::GetPolicyV5 => policies::show(self).await,
            IamOperation::DeletePolicyV5 => policies::delete(self).await,
            IamOperation::ListPolicyVersionsV5 => policies::list_versions(self).await,
            IamOperation::CreatePolicyVersionV5 => policies::create_version(self).await,
            IamOperation::GetPolicyVersionV5 => policies::show_version(self).await,
            IamOperation::DeletePolicyVersionV5 => policies::delete_version(self).await,
            IamOperation::SetDefaultPolicyVersionV5 => policies::set_default_version(self).await,
            IamOperation::AttachUserPolicyV5 => policies::attach(self).await,
            IamOperation::DetachUserPolicyV5 => policies::detach(self).await,
            IamOperation::ListEntitiesForPolicyV5 => policies::list_users(self).await,
        }
    }

    /// The body as JSON.
    fn body(&self) -> Result<Value, Failure> {
        let body: Value = serde_json::from_slice(&self.body).map_err(|_| Failure::new(ErrorCode::InvalidBody, ""))?;
        if body.is_object() { Ok(body) } else { Err(Failure::new(ErrorCode::InvalidBody, "")) }
    }

    /// A query parameter.
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The page that is asked for.
    fn page(&self) -> Result<PageRequest, Failure> {
        Ok(PageRequest::read(&self.query)?)
    }

    /// The user of this identifier, of this account.
    async fn find_user(&self, id: &str) -> Result<Option<UserRecord>, Failure> {
        let user = self.app.store.user(id).await?;
        Ok(user.filter(|user| user.domain_id == self.app.identity.domain_id))
    }

    /// The user that the path names.
    async fn user(&self) -> Result<UserRecord, Failure> {
        self.find_user(self.name(0)).await?.ok_or_else(|| not_found("user"))
    }

    /// Changes users, access keys or policies by what is stored, in one transaction with the record of it. This server
    /// goes by it from the next request on.
    async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&AccessState) -> Result<Decision<T>, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let origin = Origin::new(Arc::clone(&self.caller), self.operation.specification().name, None);
        let trail = Arc::clone(&self.app.trail);
        let recorded = move |state: &AccessState| {
            let Decision { answer, changes, target } = decide(state)?;
            let record: AuditEntry = trail.change_of_account(&origin, &target);
            Ok((answer, changes, vec![record]))
        };
        let changed = self.app.store.decide_access(recorded).await;
        self.app.authenticator.forget();
        changed.map_err(|error| match error {
            ChangeError::Refused(failure) => failure,
            ChangeError::NotFound | ChangeError::Store(StoreError::NotFound) => not_found("user, key or policy"),
            ChangeError::Store(StoreError::Conflict(_)) => {
                Failure::new(ErrorCode::IamExists, "another change took the name at the same time")
            }
            ChangeError::Store(error) => error.into(),
        })
    }

    /// Changes the user that the path names.
    async fn change_user<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut UserRecord, &AccessState) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (id, domain) = (self.name(0).to_owned(), self.app.identity.domain_id.clone());
        self.change(move |state| {
            let mut user = find(state, &domain, &id)?.clone();
            let answer = decide(&mut user, state)?;
            let target = user.name.clone();
            Ok(Decision { answer, changes: vec![AccessChange::PutUser(user)], target })
        })
        .await
    }

    /// Tells the audit trail of an attempt that failed.
    async fn record(&self, target: &str, failure: &Failure) -> Result<(), Failure> {
        let event = Event {
            caller: &self.caller,
            action: self.operation.specification().name,
            project: None,
            secret: "",
            key: "",
            target,
            version: None,
            outcome: failure.error.code.of_iam().as_str(),
        };
        if self.app.trail.gather(&event) {
            self.app.trail.flush().await?;
        }
        Ok(())
    }
}

/// Whether a name out of a request can be one, so that it may stand in the audit trail.
fn is_kept(name: &str) -> bool {
    csms_api::iam::request::policy_name(name.to_owned()).is_ok()
}

/// The user of this identifier, of this account.
fn find<'s>(state: &'s AccessState, domain: &str, id: &str) -> Result<&'s UserRecord, Failure> {
    let found = state.users.iter().find(|user| user.id == id && user.domain_id == domain);
    found.ok_or_else(|| not_found("user"))
}
