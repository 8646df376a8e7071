//! The check of rights: what the caller may do, judged by the code that judges the operations themselves.
//!
//! Whoever is authenticated may ask, for itself only. An answer is no promise: policies, secrets and their tags may change
//! before the operation is tried, and some operations need a right to a key besides.

use csms_api::{
    ErrorCode, ErrorShape, Method, Operation,
    cts::CtsOperation,
    eps::EpsOperation,
    iam::IamOperation,
    kms::KmsOperation,
    operation::Specification,
    permissions::{AskedRequest, CheckPermissions, CheckPermissionsResponse, CheckedRequest, Dependent, NAME, PATH},
};
use csms_core::{
    KeyId, KeyName,
    policy::{ConditionKind, Judgement},
};

use super::{functiongraph::FunctionOperation, iam::tokens::TokenOperation};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, Actions, Kind, Need, Resource, Stored},
        answer::Answer,
        authorisation::{authorise, judge_openly},
        json::Body,
        lease::require_task,
        pipeline::judge_request,
        service::{Audited, Call, Prepared, Scope, Service},
    },
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
        Specification {
            name: NAME,
            method: Method::Post,
            path: PATH,
            success: 200,
            errors: ErrorShape::Flat,
            actions: &[],
        }
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
        let asked = CheckPermissions::read(body.object()?, |action| right(action).is_some())?;
        Ok(Prepared::about_rights(async move { check(&call, asked).await }))
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
}

fn right(action: &str) -> Option<Right> {
    fn find<S: Service>(all: &[S], action: &str) -> Option<(S, Specification)> {
        let mut known = all.iter().map(|operation| (*operation, operation.specification()));
        known.find(|(_, row)| row.actions.iter().any(|name| name.eq_ignore_ascii_case(action)))
    }
    fn of(row: Specification, kind: Kind, is_about_one: bool, makes: bool) -> Right {
        Right { actions: row.actions, kind, need: Need::Allow, is_about_one, makes, is_of_account: false }
    }
    let secrets = find(Operation::ALL, action).map(|(operation, row)| {
        let makes =
            matches!(operation, Operation::CreateSecret | Operation::BatchImportSecrets | Operation::UploadSecretBlob);
        let is_grant = row.path.ends_with("/csms/grants");
        let is_about_one = makes || is_grant || row.path.contains("{secret_");
        let is_of_account = operation.scope() == Scope::Domain;
        Right { need: Service::need(operation), is_of_account, ..of(row, Kind::Secret, is_about_one, makes) }
    });
    secrets
        .or_else(|| {
            find(KmsOperation::ALL, action).map(|(operation, row)| {
                let is_about_all = matches!(
                    operation,
                    KmsOperation::CreateKey
                        | KmsOperation::ListKeys
                        | KmsOperation::CreateRandom
                        | KmsOperation::ListAliases
                        | KmsOperation::ListKmsTags
                        | KmsOperation::ListKmsByTags
                        | KmsOperation::ListRetirableGrants
                        | KmsOperation::ShowUserQuotas
                        | KmsOperation::ShowUserInstances
                );
                Right { need: Service::need(operation), ..of(row, Kind::Key, !is_about_all, false) }
            })
        })
        .or_else(|| {
            find(IamOperation::ALL, action).map(|(operation, row)| {
                let is_list = matches!(operation, IamOperation::ListUsersV5 | IamOperation::ListPoliciesV5);
                of(row, operation.kind(), !is_list, false)
            })
        })
        .or_else(|| find(CtsOperation::ALL, action).map(|(_, row)| of(row, Kind::Trace, false, false)))
        .or_else(|| find(FunctionOperation::ALL, action).map(|(_, row)| of(row, Kind::Function, true, false)))
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
        let judged = judge_openly(&call.app, &call.caller, &access, is_named, open).await?;
        Ok(match judged {
            // No policy has to allow it; one may deny it.
            Judgement::Denied
                if self.need == Need::NoDeny && authorise(&call.app, &call.caller, &access).await.is_ok() =>
            {
                Judgement::Allowed
            }
            judged => judged,
        })
    }
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
    for action in &asked.actions {
        let Some(right) = right(action) else { continue };
        let is_for_people = right.need == Need::NoDeny && call.caller.hold.is_some();
        if has_ended.is_some() || is_for_people {
            found.denied.push(action.clone());
            continue;
        }
        match right.judge(call, &asked, key.as_ref()).await? {
            Judgement::Allowed => found.allowed.push(action.clone()),
            Judgement::Denied => found.denied.push(action.clone()),
            Judgement::Depends(on) => found.depends.push(Dependent { action: action.clone(), on }),
        }
    }
    for request in asked.requests {
        let judged = match &has_ended {
            Some(failure) => Err(failure.error.clone().into()),
            None => judge(call, &request).await,
        };
        found.requests.push(match judged {
            Ok(()) => CheckedRequest::allowed(),
            Err(failure) if failure.is_internal() => return Err(failure),
            Err(failure) => CheckedRequest::refused(&failure.error),
        });
    }
    Answer::json(&found)
}

/// Judges a whole request as its operation would be judged, and runs nothing.
async fn judge(call: &Call, request: &AskedRequest) -> Result<(), Failure> {
    macro_rules! in_services {
        ($($all:expr),+) => {
            $(if let Some(judged) = judge_request($all, call, request).await {
                return judged;
            })+
        };
    }
    in_services!(
        Operation::ALL,
        KmsOperation::ALL,
        IamOperation::ALL,
        TokenOperation::ALL,
        CtsOperation::ALL,
        EpsOperation::ALL,
        FunctionOperation::ALL
    );
    Err(Failure::new(ErrorCode::NoSuchOperation, "no operation has this method and path"))
}
