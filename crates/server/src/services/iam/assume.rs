//! Acting as an agency: a token, temporary keys of IAM v3, or a session of STS; and who STS says that a caller is.
//!
//! What is minted has the rights of the agency and none of the user's. It ends with the user, with the agency, when the user
//! may not assume the agency any more, and no later than what proved the user. Who may assume an agency is decided by its
//! record and the right `iam:agencies:assume`, which the gate judges; agencies are made by `csms agency`.

use axum::http::StatusCode;
use csms_api::{ErrorCode, iam::token::ASSUME_AGENCY, request::token::AgencyRequest};
use csms_core::{ProjectId, policy::user_resource};
use csms_store::Store as _;
use serde::Serialize;

use super::issued;
use crate::{
    app::App,
    auth::{
        Assumed, Caller,
        token::{TemporaryKey, USER_TOKEN_MILLIS, UserToken},
    },
    clock,
    failure::Failure,
    gate::{
        access::{Access, Resource},
        answer::Answer,
        service::Call,
    },
    services::csms::agencies::BUILT_IN,
};

/// How long temporary keys and sessions live where the request does not say, in seconds.
const KEY_SECONDS: u64 = 900;
const SESSION_SECONDS: u64 = 3600;

/// The access of a request to act as an agency.
pub(super) fn access(request: &AgencyRequest) -> Access {
    Access::new(ASSUME_AGENCY, Resource::Agency(request.agency.clone())).called("this agency")
}

/// The agency that a request names, as the caller acts as it.
///
/// # Errors
/// One refusal whatever is in the way of an agency: there is none, it is in another account, or the caller is not among its
/// users. A function, an assumed agency or the service itself as the caller; an agency that trusts a service.
async fn assume(call: &Call, request: &AgencyRequest) -> Result<Caller, Failure> {
    let (app, caller) = (&call.app, &call.caller);
    caller.require_minting()?;
    if BUILT_IN.contains(&request.agency.as_str()) {
        let reason = format!("the agency {} trusts a service, and nobody can assume it", request.agency);
        return Err(Failure::new(ErrorCode::Forbidden, reason));
    }
    let refused = || no_such_agency(&request.agency);
    // A caller with a bound would shed it.
    if caller.bound.is_some() || !issued::is_of_account(app, &request.domain) {
        return Err(refused());
    }
    let known = app.store.agencies().await?.into_iter().find(|agency| agency.name == request.agency);
    let Some(known) = known else { return Err(refused()) };
    app.authenticator.assume(caller, &known.id).await?.ok_or_else(refused)
}

/// The refusal of a request to act as an agency.
fn no_such_agency(agency: &str) -> Failure {
    let shown: String = agency.chars().take(64).filter(|character| !character.is_control()).collect();
    Failure::new(ErrorCode::Forbidden, format!("there is no agency {shown} that the caller may assume"))
}

/// The agency within the project that a request names, or its one project if the caller is confined to one.
fn scope(call: &Call, agency: Caller, request: &AgencyRequest) -> Result<(Caller, Option<ProjectId>), Failure> {
    let project = match issued::require_scope(&call.app, &agency.projects, &request.scope)? {
        Some(project) => Some(project),
        None if agency.is_confined => Some(agency.projects.first().cloned().ok_or_else(|| {
            let reason = "the credentials of the caller are for one project, which the agency may not use";
            Failure::new(ErrorCode::Forbidden, reason)
        })?),
        None => None,
    };
    Ok(match &project {
        Some(project) => (agency.within(project), Some(project.clone())),
        None => (agency, None),
    })
}

/// CreateToken by the method `assume_role`.
///
/// # Errors
/// As [`assume`]; a project that the agency may not use.
pub(super) async fn token(call: &Call, request: AgencyRequest) -> Result<Answer, Failure> {
    let agency = assume(call, &request).await?;
    let (agency, project) = scope(call, agency, &request)?;
    let now = call.app.clock.now();
    let longest = request.seconds.map_or(USER_TOKEN_MILLIS, |seconds| seconds.saturating_mul(1000));
    let expires = now.plus_millis(longest);
    let assumed = agency.assumed.as_ref().ok_or_else(|| Failure::internal("an agency without its user"))?;
    let token = UserToken {
        user_id: assumed.user_id.clone(),
        project,
        expires: agency.expires.map_or(expires, |end| end.min(expires)),
        generation: agency.generation,
        issued: Some(now),
        by_token: false,
        agency: Some(assumed.agency_id.clone()),
        access_key: agency.access_key.as_deref().map(str::to_owned),
    };
    let text = token.seal(&call.app.root)?;
    issued::token(call, StatusCode::CREATED, &token, &agency, &text)
}

/// Temporary keys of an agency that live for a number of seconds, and their security token.
async fn mint(
    call: &Call,
    request: &AgencyRequest,
    seconds: u64,
    session: Option<&str>,
) -> Result<(TemporaryKey, String, Caller), Failure> {
    let agency = assume(call, request).await?;
    let (mut agency, _) = scope(call, agency, request)?;
    if let Some(assumed) = &mut agency.assumed {
        assumed.session = session.map(str::to_owned);
    }
    let seconds = request.seconds.unwrap_or(seconds);
    let expires = call.app.clock.now().plus_millis(seconds.saturating_mul(1000));
    let key = TemporaryKey::for_agency(&agency, expires)?;
    let token = key.security_token(&call.app.root)?;
    Ok((key, token, agency))
}

/// CreateTemporaryAccessKey by the method `assume_role`.
///
/// # Errors
/// As [`token`].
pub(super) async fn temporary_key(call: &Call, request: AgencyRequest) -> Result<Answer, Failure> {
    let (key, token, _) = mint(call, &request, KEY_SECONDS, None).await?;
    issued::temporary_key(&key, &token)
}

/// Has no `Debug`: it holds a secret key.
#[derive(Serialize)]
struct Session<'s> {
    source_identity: &'static str,
    assumed_agency: AssumedAgency,
    credentials: SessionKeys<'s>,
}

#[derive(Serialize)]
struct AssumedAgency {
    urn: String,
    id: String,
}

/// Whom STS calls a caller.
struct Principal {
    urn: String,
    id: String,
}

impl Principal {
    fn of_agency(app: &App, assumed: &Assumed, session: &str) -> Self {
        let Assumed { agency, agency_id, .. } = assumed;
        Self {
            urn: format!("sts::{}:assumed-agency:{agency}/{session}", app.identity.domain_id),
            id: format!("{agency_id}:{session}"),
        }
    }
}

#[derive(Serialize)]
struct Identity<'a> {
    account_id: &'a str,
    principal_urn: String,
    principal_id: String,
}

/// GetCallerIdentity of STS: a user, or the agency that one acts as. A session that was never named bears the user's name.
///
/// # Errors
/// CSMS.0302 for a caller that is neither.
pub(super) fn identity(call: &Call) -> Result<Answer, Failure> {
    let (app, caller) = (&call.app, &call.caller);
    let domain = app.identity.domain_id.as_str();
    let Principal { urn, id } = match (&caller.assumed, &caller.user_id) {
        (Some(assumed), _) => Principal::of_agency(app, assumed, assumed.session.as_deref().unwrap_or(&caller.name)),
        (None, Some(id)) => {
            let name = caller.user_name.as_ref().unwrap_or(&caller.name);
            Principal { urn: user_resource(domain, name), id: id.clone() }
        }
        (None, None) => return Err(Failure::new(ErrorCode::Forbidden, "the caller is neither a user nor an agency")),
    };
    Answer::json(&Identity { account_id: domain, principal_urn: urn, principal_id: id })
}

#[derive(Serialize)]
struct SessionKeys<'s> {
    expiration: String,
    access_key_id: &'s str,
    secret_access_key: &'s str,
    security_token: &'s str,
}

/// AssumeAgency of STS.
///
/// # Errors
/// As [`token`].
pub(super) async fn session(call: &Call, request: AgencyRequest, session: &str) -> Result<Answer, Failure> {
    let (key, token, agency) = mint(call, &request, SESSION_SECONDS, Some(session)).await?;
    let assumed = agency.assumed.as_ref().ok_or_else(|| Failure::internal("an agency without its user"))?;
    let Principal { urn, id } = Principal::of_agency(&call.app, assumed, session);
    Answer::secret(&Session {
        source_identity: "",
        assumed_agency: AssumedAgency { urn, id },
        credentials: SessionKeys {
            expiration: clock::rfc3339(key.expires(), 3),
            access_key_id: &key.access_key,
            secret_access_key: &key.secret_key,
            security_token: &token,
        },
    })
}
