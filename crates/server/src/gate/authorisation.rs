//! Whether a caller may do something: its policies over the action, the resource and what the request carries.
//!
//! Where no policy of a user says anything, a grant on the secret that is not over lets the user do what reads that one
//! secret ([`Operation::is_allowed_by_grants`]). A policy that denies wins over a grant, and the project must be one that
//! the user may use. A grant is no right to a KMS key: the value of a secret with a key of its own needs that besides.

use csms_api::{ErrorCode, Operation, kms::KmsOperation};
use csms_core::{
    KeyId, ProjectId, SecretName, SecretType,
    policy::{Effect, Policy, RequestContext, allows, decide, key_resource, secret_resource},
};
use csms_store::Store;
use serde_json::Value;

use crate::{app::App, auth::Caller, failure::Failure, gate::body::WipedJson};

/// Names of the right to protect a value with a key of one's own; the second one is older.
pub const CREATE_DATA_KEY: &[&str] = KmsOperation::CreateDatakey.specification().actions;

/// Names of the right to open a value that a key of one's own protects.
pub const DECRYPT_DATA_KEY: &[&str] = KmsOperation::DecryptDatakey.specification().actions;

/// What of a request conditions may ask about. It has not been checked yet; what is not understood is not there.
pub struct RequestFacts<'r> {
    /// The operation.
    pub operation: Operation,
    /// The project.
    pub project: &'r ProjectId,
    /// The body, as it came.
    pub body: &'r [u8],
    /// The key of a tag in the path; empty where there is none.
    pub tag_key: &'r str,
    /// Which entry of an import is judged.
    pub entry: usize,
}

/// Refuses an operation that neither the caller's policies nor a grant allow on a secret; `*` stands for all secrets.
///
/// # Errors
/// CSMS.0302; failures of the store.
pub async fn authorise(app: &App, caller: &Caller, facts: &RequestFacts<'_>, secret: &str) -> Result<(), Failure> {
    match judge(app, caller, facts, secret).await? {
        Some(Effect::Allow) => Ok(()),
        None if is_granted(app, caller, facts, secret).await? => Ok(()),
        None | Some(Effect::Deny) => Err(refused(facts.operation.specification().actions)),
    }
}

/// Refuses to let a caller grant what its own policies do not allow it: to read the value of a secret. A grant that it
/// has does not count.
///
/// # Errors
/// CSMS.0302; failures of the store.
pub async fn require_value_readable(
    app: &App,
    caller: &Caller,
    project: &ProjectId,
    secret: &SecretName,
) -> Result<(), Failure> {
    let operation = Operation::ShowSecretVersion;
    let facts = RequestFacts { operation, project, body: &[], tag_key: "", entry: 0 };
    match judge(app, caller, &facts, secret.as_str()).await? {
        Some(Effect::Allow) => Ok(()),
        _ => Err(refused(operation.specification().actions)),
    }
}

/// Whether a grant lets the caller do this with a secret.
async fn is_granted(app: &App, caller: &Caller, facts: &RequestFacts<'_>, secret: &str) -> Result<bool, Failure> {
    let (Some(user_id), Ok(name)) = (&caller.user_id, SecretName::parse(secret)) else { return Ok(false) };
    if !facts.operation.is_allowed_by_grants() {
        return Ok(false);
    }
    let secret = app.store.secret(facts.project, &name).await?;
    Ok(secret.is_some_and(|secret| secret.is_granted_to(user_id, app.clock.now())))
}

/// What the caller's policies say of an operation on a secret.
async fn judge(app: &App, caller: &Caller, facts: &RequestFacts<'_>, secret: &str) -> Result<Option<Effect>, Failure> {
    let mut context = base_context(app, caller);
    // What the conditions ask about costs a look at the body and the store, so only those who have conditions pay for it.
    if caller.policies.iter().any(Policy::has_conditions) {
        add_request(&mut context, facts);
        if matches!(facts.operation, Operation::CreateSecret | Operation::BatchImportSecrets) {
            let common = || SecretType::Common.as_str().to_owned();
            context.secret_type.get_or_insert_with(common);
            context.enterprise_project_id.get_or_insert_with(|| "0".to_owned());
        } else if let Ok(name) = SecretName::parse(secret) {
            add_secret(app, &mut context, facts.project, &name).await?;
        }
    }
    let resource = secret_resource(app.identity.region_of(facts.project), &app.identity.domain_id, secret);
    Ok(decide(&caller.policies, facts.operation.specification().actions, &resource, &context))
}

/// Refuses an action that the caller's policies do not allow on a resource.
///
/// # Errors
/// CSMS.0302, which names the action.
pub fn require(caller: &Caller, actions: &[&str], resource: &str, context: &RequestContext) -> Result<(), Failure> {
    if allows(&caller.policies, actions, resource, context) {
        return Ok(());
    }
    Err(refused(actions))
}

fn refused(actions: &[&str]) -> Failure {
    let action = actions.first().copied().unwrap_or_default();
    Failure::new(ErrorCode::Forbidden, format!("the caller's policies do not allow {action} on this resource"))
}

/// What is known of every request.
#[must_use]
pub fn base_context(app: &App, caller: &Caller) -> RequestContext {
    RequestContext { now: Some(app.clock.now()), user_name: Some(caller.name.clone()), ..RequestContext::default() }
}

/// Whether the caller may use a key of a project, by one of the names of the right.
#[must_use]
pub fn may_use_key(app: &App, caller: &Caller, actions: &[&str], project: &ProjectId, key: &KeyId) -> bool {
    let resource = key_resource(app.identity.region_of(project), &app.identity.domain_id, key.as_str());
    allows(&caller.policies, actions, &resource, &base_context(app, caller))
}

/// What the request says about a secret.
fn add_request(context: &mut RequestContext, facts: &RequestFacts<'_>) {
    if !facts.tag_key.is_empty() {
        context.request_tags.push((facts.tag_key.to_owned(), String::new()));
    }
    let Some(body) = WipedJson::read(facts.body) else { return };
    // An import has an object for each secret; names may repeat in it.
    let imported = body.get("secrets").and_then(|entries| entries.get(facts.entry));
    let body = imported.filter(|_| facts.operation == Operation::BatchImportSecrets).unwrap_or(&body);
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    context.secret_type = text("secret_type");
    context.kms_key_id = text("kms_key_id");
    context.enterprise_project_id = text("enterprise_project_id");
    let one = body.get("tag").into_iter();
    let tags = body.get("tags").and_then(Value::as_array).into_iter().flatten().chain(one);
    let pair = |tag: &Value| {
        let key = tag.get("key")?.as_str()?.to_owned();
        Some((key, tag.get("value").and_then(Value::as_str).unwrap_or_default().to_owned()))
    };
    context.request_tags.extend(tags.filter_map(pair));
}

/// What the stored secret says; of what a request names, that counts which the secret cannot change.
async fn add_secret(
    app: &App,
    context: &mut RequestContext,
    project: &ProjectId,
    name: &SecretName,
) -> Result<(), Failure> {
    let Some(secret) = app.store.secret(project, name).await? else { return Ok(()) };
    context.secret_type = Some(secret.secret_type.as_str().to_owned());
    context.kms_key_id.get_or_insert_with(|| secret.kms_key_id.to_string());
    context.enterprise_project_id = Some(secret.enterprise_project_id);
    let tags = secret.tags.into_iter();
    context.resource_tags = tags.map(|tag| (String::from(tag.key), String::from(tag.value))).collect();
    Ok(())
}
