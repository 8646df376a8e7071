//! Whether a caller may do something: its policies over the action, the resource, and what the request and the stored object say.
//!
//! Where no policy of a user says anything, a grant on the secret that is not over lets the user do what reads that one
//! secret, and a grant of a key what it names. A policy that denies wins over a grant. A grant on a secret is no right to a KMS
//! key: the value of a secret with a key of its own needs that besides. Reads nothing of a request: an operation says what it does in [`Access`]es.
//!
//! What gives rights that last is refused, whatever the policies say, to callers whose own rights must not outlast what proved
//! them or leave its project: [`require_lasting`].

use core::net::IpAddr;

use csms_api::ErrorCode;
use csms_core::{
    ProjectId, Secret,
    policy::{ConditionKind, Effect, Judgement, RESOURCE, RequestContext, ResourceQuery, judge, may_allow},
};
use csms_store::{KeyRecord, Store as _};

use super::access::{Access, Actions, Facts, Lasting, Need, Resource, Stored, grant_word, tag_pairs};
use crate::{app::App, auth::Caller, failure::Failure};

/// Who asks whom, and how the request came. It is carried to each judgement and never looked up in the task that judges: a store may
/// decide a change in another task than the one that answers, even in that of another request.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The server.
    pub app: &'a App,
    /// Who asks.
    pub caller: &'a Caller,
    /// Where the request came from, as far as it is known.
    pub peer: Option<IpAddr>,
    /// Whether it was encrypted on its way.
    pub is_secure: bool,
}

/// Requires that a project is one that the caller may use.
///
/// # Errors
/// CSMS.0302.
pub fn require_own_project(caller: &Caller, project: &ProjectId) -> Result<(), Failure> {
    if caller.may_use(project) {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::Forbidden, "the caller may not use this project"))
}

/// Refuses what an operation gives that lasts to a function and to an assumed agency; what is of the account, also to
/// credentials for one project of a user who has others; and passwords to credentials that end. A login of the user is no
/// such end: it is a person who can log in again.
///
/// # Errors
/// CSMS.0302.
pub fn require_lasting(caller: &Caller, lasting: Lasting) -> Result<(), Failure> {
    if lasting == Lasting::No {
        return Ok(());
    }
    caller.require_minting()?;
    let is_of_account = matches!(lasting, Lasting::OfAccount | Lasting::Password);
    if is_of_account && caller.is_narrowed {
        let reason = "the credentials of the caller are for one of its user's projects, and users, access keys and policies \
                      are for all of them; use a token without a project";
        return Err(Failure::new(ErrorCode::Forbidden, reason));
    }
    if lasting == Lasting::Password && caller.end_of_mints().is_some() {
        let reason = "credentials that end set no passwords, which do not; log in, or use an access key without an end";
        return Err(Failure::new(ErrorCode::Forbidden, reason));
    }
    Ok(())
}

/// Refuses an access that neither the caller's policies nor a grant allow.
///
/// # Errors
/// The refusal of the access; failures of the store.
pub async fn authorise(asking: Asking<'_>, access: &Access) -> Result<(), Failure> {
    let Asking { app, caller, .. } = asking;
    // The whole of an account's things belongs to no project of the caller's.
    let is_one = !matches!(access.resource, Resource::All(..) | Resource::Some(..));
    if let Some(project) = access.resource.project()
        && is_one
        && !caller.may_use(project)
    {
        return Err(Failure::new(ErrorCode::Forbidden, "the caller may not use the project of the region"));
    }
    let mut context = RequestContext::default();
    // What the conditions ask about may cost a look at the store, so only those who have conditions pay for it. A grant is then
    // looked for in the very object that the conditions saw.
    let read;
    let mut access = access;
    if caller.has_conditions() {
        context = base_context(asking);
        read = read_stored(app, access).await?;
        access = &read;
        add_facts(&mut context, &access.facts);
        add_stored(&mut context, access);
    }
    let Some(text) = access.resource.text(&app.identity) else {
        // Whoever may do it to nothing learns nothing about what there is.
        return if may_allow_something(caller, access.actions) { Ok(()) } else { Err(refused(access)) };
    };
    match verdict(caller, access, &text, &context) {
        Verdict::Allowed => Ok(()),
        Verdict::IfGranted if is_granted(app, caller, access).await? => Ok(()),
        Verdict::IfGranted | Verdict::Refused => Err(refused(access)),
    }
}

/// The same inside the transaction of a change, over the secret as it is there: its tags, key or type may have changed since the
/// access was judged.
///
/// # Errors
/// As [`authorise`].
pub fn authorise_again(asking: Asking<'_>, access: &Access, secret: &Secret) -> Result<(), Failure> {
    let add = |context: &mut RequestContext| add_secret(context, secret);
    judge_again(asking, access, add, || is_grantee(asking.app, asking.caller, secret))
}

/// As [`authorise_again`], over a key as it is in the transaction: its tags, its enterprise project or its grants may have changed.
///
/// # Errors
/// As [`authorise`].
pub fn authorise_key_again(asking: Asking<'_>, access: &Access, key: &KeyRecord) -> Result<(), Failure> {
    let add = |context: &mut RequestContext| {
        context.kms_key_id = Some(key.id.to_string());
        add_key(context, key);
    };
    judge_again(asking, access, add, || is_key_granted(asking.caller, access, key))
}

fn judge_again(
    asking: Asking<'_>,
    access: &Access,
    add_stored: impl FnOnce(&mut RequestContext),
    is_granted: impl FnOnce() -> bool,
) -> Result<(), Failure> {
    let Some(text) = access.resource.text(&asking.app.identity) else { return Ok(()) };
    let mut context = base_context(asking);
    add_facts(&mut context, &access.facts);
    add_stored(&mut context);
    match verdict(asking.caller, access, &text, &context) {
        Verdict::Allowed => Ok(()),
        Verdict::IfGranted if is_granted() => Ok(()),
        Verdict::IfGranted | Verdict::Refused => Err(refused(access)),
    }
}

/// What the caller's policies say of an access.
enum Verdict {
    Allowed,
    /// Nothing, and a grant would do.
    IfGranted,
    Refused,
}

fn verdict(caller: &Caller, access: &Access, text: &str, context: &RequestContext) -> Verdict {
    match (caller.decide(access.actions, text, context), access.need) {
        (Some(Effect::Allow), _) | (None, Need::NoDeny) => Verdict::Allowed,
        (None, Need::AllowOrGrant) => Verdict::IfGranted,
        (None, Need::Allow) | (Some(Effect::Deny), _) => Verdict::Refused,
    }
}

/// What the caller's policies and grants say of an access when the values of the `open` kinds of condition keys, and perhaps the
/// name of the resource, are not known. With nothing open it is what [`authorise`] says.
///
/// # Errors
/// Failures of the store.
pub async fn judge_openly(
    asking: Asking<'_>,
    access: &Access,
    is_named: bool,
    open: &[ConditionKind],
) -> Result<Judgement, Failure> {
    let Asking { app, caller, .. } = asking;
    let access = &read_stored(app, access).await?;
    let mut context = base_context(asking);
    add_facts(&mut context, &access.facts);
    add_stored(&mut context, access);
    let text = access.resource.text(&app.identity).unwrap_or_default();
    let query = match text.strip_suffix('*').filter(|_| !is_named) {
        Some(prefix) => ResourceQuery::Unnamed(prefix),
        None => ResourceQuery::Named(&text),
    };
    let judge_in = |context: &RequestContext| {
        let judged = judge(&caller.policies, access.actions, query, context, open);
        match &caller.bound {
            Some(bound) => both(judged, judge(bound, access.actions, query, context, open)),
            None => judged,
        }
    };
    let judged = judge_in(&context);
    let judged = match caller.invoked_from {
        Some(from) => both(judged, judge_in(&from.context(&context))),
        None => judged,
    };
    Ok(match judged {
        Judgement::Denied if matches!(verdict(caller, access, &text, &context), Verdict::IfGranted) => {
            if is_granted(app, caller, access).await? {
                Judgement::Allowed
            } else if !is_named && caller.user_id.is_some() {
                // A grant on one secret or another.
                Judgement::Depends(vec![RESOURCE.to_owned()])
            } else {
                Judgement::Denied
            }
        }
        judged => judged,
    })
}

/// What two judgements say together, of which both must allow.
fn both(one: Judgement, other: Judgement) -> Judgement {
    match (one, other) {
        (Judgement::Denied, _) | (_, Judgement::Denied) => Judgement::Denied,
        (Judgement::Allowed, judged) | (judged, Judgement::Allowed) => judged,
        (Judgement::Depends(mut keys), Judgement::Depends(more)) => {
            keys.extend(more);
            keys.sort();
            keys.dedup();
            Judgement::Depends(keys)
        }
    }
}

/// Whether the caller's policies may allow an action on something.
fn may_allow_something(caller: &Caller, actions: Actions) -> bool {
    may_allow(&caller.policies, actions) && caller.bound.as_ref().is_none_or(|bound| may_allow(bound, actions))
}

/// The refusal of an access.
#[must_use]
pub fn refused(access: &Access) -> Failure {
    let action = access.actions.first().copied().unwrap_or_default();
    Failure::new(access.refusal, format!("the caller's policies do not allow {action} on {}", access.called))
}

/// The access with the stored object behind its resource, which is read unless it has been.
async fn read_stored(app: &App, access: &Access) -> Result<Access, Failure> {
    let mut access = access.clone();
    match &mut access.resource {
        Resource::Secret { project, name, stored } if matches!(stored, Stored::Unread) => {
            *stored = app.store.secret(project, name).await?.into();
        }
        Resource::Key { project, id, stored } if matches!(stored, Stored::Unread) => {
            *stored = app.store.key(project, id).await?.into();
        }
        _ => {}
    }
    Ok(access)
}

/// Whether a grant lets the caller do this with a secret or a key.
async fn is_granted(app: &App, caller: &Caller, access: &Access) -> Result<bool, Failure> {
    if caller.user_id.is_none() {
        return Ok(false);
    }
    Ok(match &read_stored(app, access).await?.resource {
        Resource::Secret { stored: Stored::Found(secret), .. } => is_grantee(app, caller, secret),
        Resource::Key { stored: Stored::Found(key), .. } => is_key_granted(caller, access, key),
        _ => false,
    })
}

fn is_key_granted(caller: &Caller, access: &Access, key: &KeyRecord) -> bool {
    let (user, word) = (caller.user_id.as_ref(), grant_word(access.actions));
    user.zip(word).is_some_and(|(user, word)| key.is_granted_to(user, word))
}

fn is_grantee(app: &App, caller: &Caller, secret: &Secret) -> bool {
    caller.user_id.as_ref().is_some_and(|user| secret.is_granted_to(user, app.clock.now()))
}

/// What is known of every request.
fn base_context(Asking { app, caller, peer, is_secure }: Asking<'_>) -> RequestContext {
    RequestContext {
        now: Some(app.clock.now()),
        // Conditions on users say nothing about an agency, whoever has assumed it.
        user_name: match caller.assumed {
            None => Some(caller.user_name.as_ref().unwrap_or(&caller.name).clone()),
            Some(_) => None,
        },
        user_id: caller.user_id.clone(),
        domain_id: Some(app.identity.domain_id.clone()),
        source_ip: peer,
        secure_transport: Some(is_secure),
        // There is no second factor.
        mfa_present: Some(false),
        ..RequestContext::default()
    }
}

/// What the request says.
fn add_facts(context: &mut RequestContext, facts: &Facts) {
    context.secret_type = facts.secret_type.map(|kind| kind.as_str().to_owned());
    context.kms_key_id = facts.kms_key_id.as_ref().map(ToString::to_string);
    context.is_key_left_out = facts.is_key_left_out;
    context.enterprise_project_id.clone_from(&facts.enterprise_project_id);
    context.request_tags.clone_from(&facts.tags);
    context.version_id = facts.version.map(String::from);
}

/// What the stored object says, as far as it has been read.
fn add_stored(context: &mut RequestContext, access: &Access) {
    match &access.resource {
        Resource::Secret { stored: Stored::Found(secret), .. } => add_secret(context, secret),
        Resource::Key { id, stored, .. } => {
            context.kms_key_id = Some(id.to_string());
            if let Stored::Found(key) = stored {
                add_key(context, key);
            }
        }
        _ => {}
    }
}

/// What a stored secret says. The key or the enterprise project that a request moves it to is judged as an access of its own.
fn add_secret(context: &mut RequestContext, secret: &Secret) {
    context.secret_type = Some(secret.secret_type.as_str().to_owned());
    context.kms_key_id.get_or_insert_with(|| secret.kms_key_id.to_string());
    context.enterprise_project_id.get_or_insert_with(|| secret.enterprise_project_id.clone());
    context.resource_tags = tag_pairs(&secret.tags);
}

/// What a stored key says. The enterprise project that a request moves it to is judged as an access of its own.
fn add_key(context: &mut RequestContext, key: &KeyRecord) {
    let project = key.details.enterprise_project_id.as_str();
    let project = if project.is_empty() { "0" } else { project };
    context.enterprise_project_id.get_or_insert_with(|| project.to_owned());
    context.resource_tags = tag_pairs(&key.details.tags);
}
