//! The check of rights: what the caller may do, judged by the code that judges the operations themselves.
//!
//! Whoever is authenticated may ask, for itself only. An answer is no promise: policies, secrets and their tags may change
//! before the operation is tried, and some operations need a right to a key besides.
//!
//! A policy that is not stored can be judged instead of those of the caller. Nothing stored is read for that, so that its
//! conditions and resources reveal nothing that the caller may not see.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use csms_api::{
    ApiError, ErrorCode, Operation,
    iam::request::document,
    operation::Specification,
    permissions::{AskedRequest, CheckPermissions, CheckPermissionsResponse, CheckedRequest, SPECIFICATION},
    policy_check::{self, MAX_ACTION_PATTERN, PolicyReview, Site},
    vocabulary::{RightOf, rights},
};
use csms_core::{
    KeyId, KeyName,
    policy::{ConditionKind, Judge, Judgement, Policy, RequestContext, ResourceQuery, action_matches},
};
use tokio::sync::Semaphore;

use super::{every_service, specifications};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, Actions, Kind, Lasting, Need, Resource, Stored},
        answer::Answer,
        authorisation::{authorise, judge_openly, require_lasting},
        json::Body,
        lease::require_task,
        pipeline::judge_request,
        service::{Audited, Call, Prepared, Scope, Service},
    },
    request::path::canonical,
};

/// The one operation of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionOperation {
    /// What the caller may do.
    CheckPermissions,
}

impl PermissionOperation {
    /// Every operation.
    pub const ALL: &'static [Self] = &[Self::CheckPermissions];
}

impl Service for PermissionOperation {
    fn specification(self) -> Specification {
        SPECIFICATION
    }

    fn scope(self) -> Scope {
        Scope::Project
    }

    fn audited(self) -> Audited {
        Audited::No
    }

    fn kind(self) -> Kind {
        Kind::User
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        let is_action = |word: &str| word.len() <= MAX_ACTION_PATTERN && expand(word).next().is_some();
        let asked = CheckPermissions::read(body.object()?, is_action)?;
        Ok(Prepared::about_rights(async move {
            match &asked.policy_document {
                Some(text) => check_policy(&call, &asked, text).await,
                None => check(&call, asked).await,
            }
        }))
    }
}

/// What an action is the right to: the operation that has it, the first of several.
struct Right {
    actions: Actions,
    kind: Kind,
    need: Need,
    /// Whether the operation is about one thing, which a question may name.
    is_about_one: bool,
    /// Whether it makes that thing, so that nothing of it is stored.
    makes: bool,
    /// Whether it is of the account, whatever project the question is asked in.
    is_of_account: bool,
    /// What it gives that lasts.
    lasting: Lasting,
}

fn right(action: &str) -> Option<Right> {
    let known = rights().find(|right| right.has_action(action))?;
    let of = |kind| Right {
        actions: known.actions,
        kind,
        need: Need::Allow,
        is_about_one: known.is_about_one(),
        makes: false,
        is_of_account: false,
        lasting: Lasting::No,
    };
    Some(match known.of {
        RightOf::Secrets(operation) => {
            let makes = matches!(
                operation,
                Operation::CreateSecret | Operation::BatchImportSecrets | Operation::UploadSecretBlob
            );
            Right {
                need: Service::need(operation),
                makes,
                is_of_account: operation.scope() == Scope::Domain,
                lasting: operation.lasting(),
                ..of(Kind::Secret)
            }
        }
        RightOf::Keys(operation) => {
            Right { need: Service::need(operation), lasting: operation.lasting(), ..of(Kind::Key) }
        }
        RightOf::Users(operation) => Right { lasting: operation.lasting(), ..of(operation.kind()) },
        RightOf::Traces(_) => of(Kind::Trace),
        RightOf::Functions(_) => of(Kind::Function),
        // Whoever may not mint may not act as another either.
        RightOf::Agencies => Right { lasting: Lasting::Within, ..of(Kind::Agency) },
    })
}

/// The actions that a word of a question stands for: itself, or, with `*` or `?`, every action that it matches.
fn expand(word: &str) -> Box<dyn Iterator<Item = String> + '_> {
    if !has_wildcard(word) {
        return Box::new(right(word).is_some().then(|| word.to_owned()).into_iter());
    }
    let all: BTreeSet<_> = rights().filter_map(|right| right.actions.first().copied()).collect();
    Box::new(all.into_iter().filter(move |action| action_matches(word, action)).map(ToOwned::to_owned))
}

/// The actions of a question in its order, each once: those that it names, as it names them, and those that its patterns match.
fn asked_actions(asked: &CheckPermissions) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut actions = Vec::new();
    for word in &asked.actions {
        actions.extend(expand(word).filter(|action| seen.insert(action.clone())));
    }
    actions
}

/// Whether a word of a question stands for several actions.
fn has_wildcard(word: &str) -> bool {
    word.contains(['*', '?'])
}

/// What of a request is open when an action is asked about and no request.
const OPEN: &[ConditionKind] = &[ConditionKind::VersionId, ConditionKind::RequestTag, ConditionKind::TagKeys];

/// What of a stored object is open when a question names none.
const OPEN_WITHOUT_OBJECT: &[ConditionKind] = &[
    ConditionKind::SecretType,
    ConditionKind::KmsKeyId,
    ConditionKind::EnterpriseProjectId,
    ConditionKind::ResourceTag,
    ConditionKind::VersionId,
    ConditionKind::RequestTag,
    ConditionKind::TagKeys,
];

impl Right {
    /// What the caller's policies say of the action, as far as the question goes.
    async fn judge(
        &self,
        call: &Call,
        asked: &CheckPermissions,
        key: Option<&Option<KeyId>>,
    ) -> Result<Judgement, Failure> {
        let project = if self.is_of_account { call.app.identity.project_id.clone() } else { call.project.clone() };
        let stored = if self.makes { Stored::Missing } else { Stored::Unread };
        let named = match (self.kind, &asked.secret_name, key) {
            (Kind::Secret, Some(name), _) if self.is_about_one => {
                Some(Resource::Secret { project: project.clone(), name: name.clone(), stored })
            }
            (Kind::Key, _, Some(Some(id))) if self.is_about_one => {
                Some(Resource::Key { project: project.clone(), id: id.clone(), stored: Stored::Unread })
            }
            // An alias that no key has is judged as the operations judge it.
            (Kind::Key, _, Some(None)) if self.is_about_one => Some(Resource::All(Kind::Key, project.clone())),
            _ => None,
        };
        let is_named = named.is_some() || !self.is_about_one;
        let open = if named.is_some() && !self.makes { OPEN } else { OPEN_WITHOUT_OBJECT };
        let resource = named.unwrap_or(Resource::All(self.kind, project));
        let access = Access::new(self.actions, resource).needs(self.need);
        let judged = judge_openly(call.asking(), &access, is_named, open).await?;
        Ok(match judged {
            // No policy has to allow it; one may deny it.
            Judgement::Denied if self.need == Need::NoDeny && authorise(call.asking(), &access).await.is_ok() => {
                Judgement::Allowed
            }
            judged => judged,
        })
    }
}

impl Right {
    /// What one policy says of the action to a user who has no other, when nothing of the request and the object is known but
    /// the object's name.
    fn judge_by(&self, call: &Call, asked: &CheckPermissions, judges: &mut Judges<'_>) -> Judgement {
        let project = if self.is_of_account { &call.app.identity.project_id } else { &call.project };
        let named = match (self.kind, &asked.secret_name, &asked.key_id) {
            (Kind::Secret, Some(name), _) if self.is_about_one => {
                Some(Resource::Secret { project: project.clone(), name: name.clone(), stored: Stored::Missing })
            }
            (Kind::Key, _, Some(KeyName::Id(id))) if self.is_about_one => {
                Some(Resource::Key { project: project.clone(), id: id.clone(), stored: Stored::Missing })
            }
            _ => None,
        };
        let is_named = named.is_some() || !self.is_about_one;
        let resource = named.unwrap_or_else(|| Resource::All(self.kind, project.clone()));
        let text = resource.text(&call.app.identity).unwrap_or_default();
        let query = match text.strip_suffix('*').filter(|_| !is_named) {
            Some(prefix) => ResourceQuery::Unnamed(prefix),
            None => ResourceQuery::Named(&text),
        };
        // Where nothing has to allow the action, only what denies it counts.
        let judge = if self.need == Need::NoDeny { &mut judges.denials } else { &mut judges.rights };
        judge.judge(self.actions, query)
    }
}

/// Judges actions by a policy that is not stored.
struct Judges<'j> {
    /// By the policy alone.
    rights: Judge<'j>,
    /// By the policy and a right to everything, so that only its denials count.
    denials: Judge<'j>,
}

/// Reviews at a time: one of the longest policy takes a processor for some tenths of a second, and any user may ask for it.
static REVIEWS: Semaphore = Semaphore::const_new(1);

/// Reviews a policy on a thread that serves no requests.
async fn review(policy: Policy, site: Site) -> Result<(Policy, PolicyReview), Failure> {
    let permit = REVIEWS.acquire().await.map_err(Failure::internal)?;
    let reviewed = tokio::task::spawn_blocking(move || {
        let review = policy_check::check(&policy, None, &site);
        drop(permit);
        (policy, review)
    });
    reviewed.await.map_err(Failure::internal)
}

/// Judges the policy of a question instead of those of the caller.
async fn check_policy(call: &Call, asked: &CheckPermissions, text: &str) -> Result<Answer, Failure> {
    let (policy, review) = review(document(text)?, call.app.identity.site_with_regions()).await?;
    if !review.refusals.is_empty() {
        return Err(ApiError::listing(ErrorCode::IamMalformedPolicy, &review.refusals).into());
    }
    let warnings = review.warnings.iter().map(ToString::to_string).collect();
    let mut found = CheckPermissionsResponse { warnings, ..CheckPermissionsResponse::default() };
    let alone = [policy.clone()];
    let with_all = [policy, Policy::administrator()];
    let context = RequestContext::default();
    let judge_by = |policies| Judge::new(policies, &context, &ConditionKind::ALL);
    let mut judges = Judges { rights: judge_by(&alone), denials: judge_by(&with_all) };
    for action in asked_actions(asked) {
        let Some(right) = right(&action) else { continue };
        found.add(action, right.judge_by(call, asked, &mut judges));
        // Other requests of this thread go on meanwhile, and a client that hangs up ends the check.
        tokio::task::yield_now().await;
    }
    Answer::json(&found)
}

async fn check(call: &Call, asked: CheckPermissions) -> Result<Answer, Failure> {
    let mut found = CheckPermissionsResponse::default();
    let key = match &asked.key_id {
        None => None,
        Some(KeyName::Id(id)) => Some(Some(id.clone())),
        Some(KeyName::Alias(alias)) => Some(call.app.keys.by_alias(&call.project, alias).await?),
    };
    // A function whose task has ended may do nothing any more, and one whose task runs nothing that takes no right.
    let has_ended = match require_task(&call.app, &call.caller).await {
        Ok(()) => None,
        Err(failure) if failure.error.code == ErrorCode::Forbidden => Some(failure),
        Err(failure) => return Err(failure),
    };
    for action in asked_actions(&asked) {
        let Some(right) = right(&action) else { continue };
        let is_for_people = right.need == Need::NoDeny && call.caller.hold.is_some();
        let may_last = require_lasting(&call.caller, right.lasting).is_ok();
        if has_ended.is_some() || is_for_people || !may_last {
            found.denied.push(action);
            continue;
        }
        let judged = right.judge(call, &asked, key.as_ref()).await?;
        found.add(action, judged);
        tokio::task::yield_now().await;
    }
    for request in asked.requests {
        let judged = match &has_ended {
            Some(failure) => Err(failure.error.clone().into()),
            None => judge(call, request).await,
        };
        found.requests.push(match judged {
            Ok(()) => CheckedRequest::allowed(),
            Err(failure) if failure.is_internal() => return Err(failure),
            Err(failure) => CheckedRequest::refused(&failure.error),
        });
    }
    Answer::json(&found)
}

/// Judges a whole request as its operation would be judged, and runs nothing. In a box, because this check is itself an
/// operation that may be asked about.
fn judge(call: &Call, mut request: AskedRequest) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + '_>> {
    let (path, query) = request.path.split_once('?').unwrap_or((request.path.as_str(), ""));
    let path = canonical(&specifications(), &request.method.to_uppercase(), path);
    request.path = format!("{path}?{query}");
    Box::pin(async move {
        macro_rules! judged {
            ($($all:expr),+) => {
                $(if let Some(judged) = judge_request($all, call, &request).await {
                    return judged;
                })+
            };
        }
        every_service!(judged);
        Err(Failure::new(ErrorCode::NoSuchOperation, "no operation has this method and path"))
    })
}
