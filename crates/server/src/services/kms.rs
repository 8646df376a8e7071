//! The Key Management Service on the same port: the way into its operations.
//!
//! As [`crate::gate::pipeline`] for the service's own operations, and in the same order: who, the body, the project, the right, the
//! operation, the record. What an operation does is in the modules below.

mod aliases;
mod crypt;
mod lifecycle;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Response, StatusCode},
    routing::on,
};
use csms_api::{ErrorCode, kms::KmsOperation};
use csms_core::{KeyId, ProjectId, policy::key_resource};
use csms_store::{KeyRecord, KeyState, Store};
use serde_json::Value;

use crate::{
    app::App,
    audit::{Event, OK, Origin},
    auth::Caller,
    failure::Failure,
    gate::answer::{Answer, empty_response, json_response},
    gate::authorisation::{base_context, require},
    gate::body::WipedJson,
    gate::pipeline::{authenticate, authorise_project, failure_response, method_filter, read_query},
};

pub use lifecycle::purge;

/// An authenticated, authorised request.
pub(crate) struct KmsCall {
    app: Arc<App>,
    project: ProjectId,
    origin: Origin,
    caller: Arc<Caller>,
    operation: KmsOperation,
    query: Vec<(String, String)>,
    body: Bytes,
}

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    let mut router = Router::new();
    for operation in KmsOperation::ALL.iter().copied() {
        let specification = operation.specification();
        let handler = move |State(app): State<Arc<App>>, request: Request| dispatch(app, operation, request);
        router = router.route(specification.path, on(method_filter(specification.method), handler));
    }
    router
}

async fn dispatch(app: Arc<App>, operation: KmsOperation, request: Request) -> Response<Body> {
    let specification = operation.specification();
    let begun = Instant::now();
    let success = StatusCode::from_u16(specification.success).unwrap_or(StatusCode::OK);
    let response = match answer(&app, operation, request).await {
        Ok(Answer::Json(body)) => json_response(success, body),
        Ok(Answer::Empty) => empty_response(success),
        Err(failure) => failure_response(of_kms(failure), specification.errors, specification.name),
    };
    app.metrics.answered(specification.name, response.status().as_u16(), begun.elapsed());
    response
}

/// The failure under a code of this service.
fn of_kms(mut failure: Failure) -> Failure {
    failure.error.code = failure.error.code.of_kms();
    failure
}

async fn answer(app: &Arc<App>, operation: KmsOperation, request: Request) -> Result<Answer, Failure> {
    let (parts, body) = request.into_parts();
    let (caller, body) = authenticate(app, &parts, body).await?;
    // The routes are /v1.0/{project_id}/kms/….
    let project = authorise_project(&caller, &parts, parts.uri.path().split('/').nth(2).unwrap_or_default())?;
    if app.keys.are_remote() {
        let reason = "the keys of this server are kept by another Key Management Service; ask that one";
        return Err(Failure::new(ErrorCode::NoSuchOperation, reason));
    }
    let specification = operation.specification();
    let origin = Origin::new(Arc::clone(&caller), specification.name, None);
    let query = read_query(parts.uri.query().unwrap_or_default());
    let key = named_key(operation, &body, &query);
    let call = KmsCall { app: Arc::clone(app), project, origin, caller, operation, query, body };
    let outcome = async {
        call.require(key.as_ref()).await?;
        call.run().await
    };
    match outcome.await {
        Ok((answer, used)) => {
            if let Some(used) = used.filter(|_| operation.uses_key()) {
                call.record(used.as_str(), OK).await?;
            }
            Ok(answer)
        }
        Err(failure) => {
            if operation.changes_keys() || operation.uses_key() {
                let key = key.as_ref().map(KeyId::as_str).unwrap_or_default();
                call.record(key, failure.error.code.of_kms().as_str()).await?;
            }
            Err(failure)
        }
    }
}

/// The key that a request is about, as far as it can be read.
fn named_key(operation: KmsOperation, body: &[u8], query: &[(String, String)]) -> Option<KeyId> {
    if operation == KmsOperation::ListAliases {
        let found = query.iter().find(|(name, _)| name == "key_id");
        return found.and_then(|(_, id)| KeyId::parse(id).ok());
    }
    let body = WipedJson::read(body)?;
    let id = body.get("key_id").or_else(|| body.get("target_key_id"))?.as_str()?;
    KeyId::parse(id).ok()
}

impl KmsCall {
    /// Refuses what the caller's policies do not allow on the key; `*` stands for all keys.
    async fn require(&self, key: Option<&KeyId>) -> Result<(), Failure> {
        let sealed_by = match (key, self.operation) {
            (None, KmsOperation::DecryptData) => crypt::key_of(self),
            _ => None,
        };
        let key = key.or(sealed_by.as_ref()).map_or("*", KeyId::as_str);
        let resource = key_resource(self.app.identity.region_of(&self.project), &self.app.identity.domain_id, key);
        let context = base_context(&self.app, &self.caller);
        require(&self.caller, self.operation.specification().actions, &resource, &context)
    }

    async fn run(&self) -> Result<(Answer, Option<KeyId>), Failure> {
        let changed = |answer: Answer| (answer, None);
        match self.operation {
            KmsOperation::CreateKey => lifecycle::create(self).await.map(changed),
            KmsOperation::ListKeys => lifecycle::list(self).await.map(changed),
            KmsOperation::ListKeyDetail => lifecycle::describe(self).await.map(changed),
            KmsOperation::EnableKey => lifecycle::enable(self).await.map(changed),
            KmsOperation::DisableKey => lifecycle::disable(self).await.map(changed),
            KmsOperation::DeleteKey => lifecycle::schedule_deletion(self).await.map(changed),
            KmsOperation::CancelKeyDeletion => lifecycle::cancel_deletion(self).await.map(changed),
            KmsOperation::UpdateKeyAlias => lifecycle::update_alias(self).await.map(changed),
            KmsOperation::UpdateKeyDescription => lifecycle::update_description(self).await.map(changed),
            KmsOperation::CreateAlias => aliases::create(self).await.map(changed),
            KmsOperation::ListAliases => aliases::list(self).await.map(changed),
            KmsOperation::DeleteAlias => aliases::delete(self).await.map(changed),
            KmsOperation::AssociateAlias => aliases::associate(self).await.map(changed),
            KmsOperation::CreateDatakey => crypt::create_datakey(self, true).await,
            KmsOperation::CreateDatakeyWithoutPlaintext => crypt::create_datakey(self, false).await,
            KmsOperation::EncryptDatakey => crypt::encrypt_datakey(self).await,
            KmsOperation::DecryptDatakey => crypt::decrypt_datakey(self).await,
            KmsOperation::EncryptData => crypt::encrypt_data(self).await,
            KmsOperation::DecryptData => crypt::decrypt_data(self).await,
            KmsOperation::CreateRandom => crypt::random(self).map(changed),
        }
    }

    /// The body as JSON.
    fn body(&self) -> Result<Value, Failure> {
        let body: Value = serde_json::from_slice(&self.body).map_err(|_| Failure::new(ErrorCode::InvalidBody, ""))?;
        if body.is_object() { Ok(body) } else { Err(Failure::new(ErrorCode::InvalidBody, "")) }
    }

    /// Tells the audit trail what became of the use of a key, or of an attempt.
    async fn record(&self, key: &str, outcome: &'static str) -> Result<(), Failure> {
        let event = Event {
            caller: &self.caller,
            action: self.operation.specification().name,
            project: Some(&self.project),
            secret: "",
            key,
            target: "",
            version: None,
            outcome,
        };
        if self.app.trail.gather(&event) {
            self.app.trail.flush().await?;
        }
        Ok(())
    }

    /// The keys of the project that have not been deleted.
    async fn keys(&self) -> Result<Vec<KeyRecord>, Failure> {
        let now = self.app.clock.now();
        let keys = self.app.store.keys(&self.project).await?;
        Ok(keys.into_iter().filter(|key| !lifecycle::is_gone(key, now)).collect())
    }

    /// Changes one key, in one transaction with its record.
    async fn change<T: Send + 'static>(
        &self,
        id: &KeyId,
        decide: impl FnOnce(&mut KeyRecord, &[KeyRecord]) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (origin, trail) = (self.origin.clone(), Arc::clone(&self.app.trail));
        let (wanted, now) = (id.clone(), self.app.clock.now());
        let changed = self.app.store.change_keys(&self.project, move |keys| {
            let others = keys.clone();
            let key = keys.iter_mut().find(|key| key.id == wanted && !lifecycle::is_gone(key, now));
            let key = key.ok_or_else(no_such_key)?;
            let answer = decide(key, &others)?;
            let entry = trail.change(&origin, &key.project, |record| record.key = Some(key.id.as_str()));
            Ok::<_, Failure>((answer, vec![entry]))
        });
        let changed = changed.await;
        self.app.keys.forget(&self.project, id);
        Ok(changed?)
    }
}

fn no_such_key() -> Failure {
    Failure::new(ErrorCode::KmsKeyNotFound, "")
}

/// The word of a state.
const fn state_of(state: KeyState) -> &'static str {
    match state {
        KeyState::Enabled => "2",
        KeyState::Disabled => "3",
        KeyState::PendingDeletion => "4",
    }
}

/// `2026-01-02T03:04:05Z`.
fn rfc3339(time: csms_core::UnixMillis) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map(|time| format!("{time:.0}")).unwrap_or_default()
}
