//! Policies, their versions, and the users they are attached to.
//!
//! The system's own policies are listed and attached like others and never changed.

use csms_api::{
    ApiError, ErrorCode,
    iam::{
        request::{CreatePolicy, CreatePolicyVersion, user_id},
        response::{
            AttachedPolicy, ListAttachedPoliciesResponse, ListEntitiesResponse, ListPoliciesResponse,
            ListPolicyVersionsResponse, Policy, PolicyResponse, PolicyUser, PolicyVersion, PolicyVersionResponse,
        },
    },
    policy_check::{self, Site},
};
use csms_core::{
    Rule, Violation,
    policy::{Policy as Document, SYSTEM_POLICIES, policy_resource, system_policy},
};
use csms_store::{AccessChange, AccessState, PolicyDetails, PolicyRecord, Store, UserRecord};

use super::{Decision, NamedUser, change, find, not_found, page, records, require_name, rfc3339};
use crate::{
    failure::Failure,
    gate::{
        access::{Access, Kind, Need, Resource},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// A policy, whoever it is from.
struct Known {
    record: PolicyRecord,
    is_system: bool,
}

/// The account under which the system's own policies stand in URNs.
const SYSTEM: &str = "system";

fn system_policies() -> impl Iterator<Item = Known> {
    SYSTEM_POLICIES.iter().filter_map(|(name, description)| {
        let record = PolicyRecord {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            policy: system_policy(name)?,
            details: PolicyDetails::default(),
        };
        Some(Known { record, is_system: true })
    })
}

/// All policies, by name.
fn all(records: Vec<PolicyRecord>) -> Vec<Known> {
    let own = records.into_iter().map(|record| Known { record, is_system: false });
    let mut all: Vec<_> = system_policies().chain(own).collect();
    all.sort_by(|a, b| a.record.name.cmp(&b.record.name));
    all
}

fn find_policy(records: Vec<PolicyRecord>, id: &str) -> Result<Known, Failure> {
    let found = all(records).into_iter().find(|known| records::policy_id(&known.record.name) == id);
    found.ok_or_else(|| not_found("policy"))
}

/// A policy that may be changed.
fn find_own(state: &AccessState, id: &str) -> Result<PolicyRecord, Failure> {
    let known = find_policy(state.policies.clone(), id)?;
    if known.is_system {
        return Err(Failure::new(ErrorCode::IamConflict, "policies of the system are not changed"));
    }
    Ok(known.record)
}

fn is_attached(user: &UserRecord, policy: &str) -> bool {
    user.attached.iter().any(|attached| attached == policy)
}

fn describe(known: &Known, domain: &str, users: &[UserRecord]) -> Policy {
    let (record, details) = (&known.record, &known.record.details);
    Policy {
        policy_type: if known.is_system { "system" } else { "custom" },
        policy_name: record.name.clone(),
        policy_id: records::policy_id(&record.name),
        urn: urn(known, domain),
        path: "",
        default_version_id: version_id(details.number),
        attachment_count: users.iter().filter(|user| is_attached(user, &record.name)).count(),
        description: record.description.clone(),
        created_at: details.create_time.map(rfc3339),
        updated_at: details.update_time.or(details.create_time).map(rfc3339),
    }
}

fn urn(known: &Known, domain: &str) -> String {
    policy_resource(if known.is_system { SYSTEM } else { domain }, &known.record.name)
}

fn version_id(number: u32) -> String {
    format!("v{number}")
}

fn read_version_id(text: &str) -> Result<u32, Failure> {
    let number = text.strip_prefix('v').and_then(|digits| digits.parse().ok());
    number.filter(|number| version_id(*number) == text).ok_or_else(|| not_found("version"))
}

fn describe_version(known: &PolicyRecord, version: &csms_store::PolicyVersion, whole: bool) -> PolicyVersion {
    // A policy that was read can be written.
    let document = whole.then(|| serde_json::to_string(&version.policy).unwrap_or_default());
    PolicyVersion {
        document,
        version_id: version_id(version.number),
        is_default: version.number == known.details.number,
        created_at: version.create_time.map(rfc3339),
    }
}

/// Refuses a policy of which some part could mean nothing here, unless it is a stored one again; logs what is doubtful.
fn require_meaning(site: &Site, name: &str, policy: &Document, previous: Option<&Document>) -> Result<(), Failure> {
    let review = policy_check::check(policy, previous, site);
    for warning in &review.warnings {
        tracing::warn!(policy = name, %warning, "a part of the policy means nothing here");
    }
    if review.refusals.is_empty() {
        return Ok(());
    }
    Err(ApiError::listing(ErrorCode::IamMalformedPolicy, &review.refusals).into())
}

/// A policy that the path names by its identifier.
struct NamedPolicy(Option<Known>);

impl NamedPolicy {
    /// The policy that the path names.
    async fn in_path(call: &Call) -> Result<Self, Failure> {
        Ok(Self(find_policy(call.app.store.policies().await?, call.path_text("policy_id")).ok()))
    }

    /// The operation's access to it. Names are known only to whoever may do something with policies.
    fn access(&self, call: &Call) -> Access {
        match &self.0 {
            Some(known) => to_policy(call, &known.record.name),
            None => call.all(Kind::Policy),
        }
    }

    fn found(self) -> Result<Known, Failure> {
        self.0.ok_or_else(|| not_found("policy"))
    }
}

/// The operation's access to a policy by name.
fn to_policy(call: &Call, name: &str) -> Access {
    Access::new(call.actions(), Resource::Policy(name.to_owned()))
}

/// An operation that changes the policy in the path.
async fn changing<T: Send + 'static>(
    call: Call,
    decide: impl FnOnce(&mut PolicyRecord) -> Result<T, Failure> + Send + 'static,
    respond: impl FnOnce(T) -> Result<Answer, Failure> + Send + 'static,
) -> Result<Prepared, Failure> {
    let access = NamedPolicy::in_path(&call).await?.access(&call);
    Ok(Prepared::new(vec![access], async move {
        // The identifier follows from the name, so the policy that is changed is the one that was judged.
        let id = call.path_text("policy_id").to_owned();
        let changed = change(&call, move |state| {
            let mut record = find_own(state, &id)?;
            let answer = decide(&mut record)?;
            let target = record.name.clone();
            Ok(Decision { answer, changes: vec![AccessChange::PutPolicy(record)], target })
        });
        respond(changed.await?)
    }))
}

pub(super) fn list(call: Call) -> Result<Prepared, Failure> {
    let page = page(&call)?;
    let choice = |name: &str, words: [&str; 2], expected: &'static str| match call.query_text(name) {
        None => Ok(None),
        Some(word) if word == words[0] => Ok(Some(true)),
        Some(word) if word == words[1] => Ok(Some(false)),
        Some(_) => Err(vec![Violation::new(Rule::Choice, expected).at(name)]),
    };
    let custom = choice("policy_type", ["custom", SYSTEM], "custom or system")?;
    let attached = choice("only_attached", ["true", "false"], "true or false")?;
    let no_path = call.query_text("path_prefix").is_none();
    Ok(Prepared::new(vec![call.all(Kind::Policy)], async move {
        let (domain, users) = (&call.app.identity.domain_id, call.app.store.users().await?);
        let policies = all(call.app.store.policies().await?);
        let policies = policies.iter().filter(|known| custom.is_none_or(|custom| custom != known.is_system) && no_path);
        let mut policies: Vec<_> = policies.map(|known| describe(known, domain, &users)).collect();
        policies.retain(|policy| attached != Some(true) || policy.attachment_count > 0);
        let (policies, page_info) = page.cut(policies, |policy| &policy.policy_name);
        Answer::json(&ListPoliciesResponse { policies, page_info })
    }))
}

pub(super) async fn show(call: Call) -> Result<Prepared, Failure> {
    let named = NamedPolicy::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let (known, users) = (named.found()?, call.app.store.users().await?);
        Answer::json(&PolicyResponse { policy: describe(&known, &call.app.identity.domain_id, &users) })
    }))
}

pub(super) fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let CreatePolicy { name, description, policy } = CreatePolicy::read(body.object()?)?;
    require_meaning(&call.app.identity.site_with_regions(), &name, &policy, None)?;
    Ok(Prepared::new(vec![to_policy(&call, &name)], async move {
        let now = Some(call.app.clock.now());
        let details = PolicyDetails { create_time: now, number_time: now, ..PolicyDetails::default() };
        let record = PolicyRecord { name, description, policy, details };
        let made = Known { record: record.clone(), is_system: false };
        change(&call, move |state| {
            let name = record.name.clone();
            if system_policy(&name).is_some() || state.policies.iter().any(|known| known.name == name) {
                return Err(Failure::new(ErrorCode::IamExists, "there is a policy of this name"));
            }
            Ok(Decision { answer: (), changes: vec![AccessChange::PutPolicy(record)], target: name })
        })
        .await?;
        Answer::json(&PolicyResponse { policy: describe(&made, &call.app.identity.domain_id, &[]) })
    }))
}

pub(super) async fn delete(call: Call) -> Result<Prepared, Failure> {
    let access = NamedPolicy::in_path(&call).await?.access(&call);
    Ok(Prepared::new(vec![access], async move {
        let id = call.path_text("policy_id").to_owned();
        change(&call, move |state| {
            let name = find_own(state, &id)?.name;
            if state.users.iter().any(|user| is_attached(user, &name)) {
                return Err(Failure::new(ErrorCode::IamConflict, "the policy is attached to a user; detach it first"));
            }
            if state.agencies.iter().any(|agency| agency.attached.contains(&name)) {
                let reason = "the policy is attached to an agency; detach it first";
                return Err(Failure::new(ErrorCode::IamConflict, reason));
            }
            Ok(Decision { answer: (), changes: vec![AccessChange::DeletePolicy(name.clone())], target: name })
        })
        .await?;
        Ok(Answer::Empty)
    }))
}

pub(super) async fn list_versions(call: Call) -> Result<Prepared, Failure> {
    let (page, named) = (page(&call)?, NamedPolicy::in_path(&call).await?);
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let known = named.found()?.record;
        let versions = records::versions(&known);
        // Numbers of one length are in the order of their texts.
        let keyed = |version: &csms_store::PolicyVersion| {
            (format!("{:010}", version.number), describe_version(&known, version, false))
        };
        let (versions, page_info) = page.cut(versions.iter().map(keyed).collect(), |(key, _)| key);
        let versions = versions.into_iter().map(|(_, version)| version).collect();
        Answer::json(&ListPolicyVersionsResponse { versions, page_info })
    }))
}

pub(super) async fn show_version(call: Call) -> Result<Prepared, Failure> {
    let named = NamedPolicy::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let number = read_version_id(call.path_text("version_id"))?;
        let known = named.found()?.record;
        let versions = records::versions(&known);
        let version = versions.iter().find(|version| version.number == number).ok_or_else(|| not_found("version"))?;
        Answer::json(&PolicyVersionResponse { policy_version: describe_version(&known, version, true) })
    }))
}

pub(super) async fn create_version(call: Call, body: Body) -> Result<Prepared, Failure> {
    let CreatePolicyVersion { policy, is_default } = CreatePolicyVersion::read(body.object()?)?;
    let (now, site) = (call.app.clock.now(), call.app.identity.site_with_regions());
    let decide = move |record: &mut PolicyRecord| {
        let versions = records::versions(record);
        let same = versions.iter().map(|version| &version.policy).find(|known| **known == policy);
        require_meaning(&site, &record.name, &policy, same)?;
        let quota = || Failure::from(ApiError::new(ErrorCode::IamPolicyVersionQuota, ""));
        let version = records::add_version(record, policy, now).ok_or_else(quota)?;
        let _ = is_default && records::set_default(record, version.number, now);
        Ok(describe_version(record, &version, true))
    };
    changing(call, decide, |policy_version| Answer::json(&PolicyVersionResponse { policy_version })).await
}

pub(super) async fn set_default_version(call: Call) -> Result<Prepared, Failure> {
    let (number, now) = (read_version_id(call.path_text("version_id")), call.app.clock.now());
    let decide = move |record: &mut PolicyRecord| {
        if records::set_default(record, number?, now) { Ok(()) } else { Err(not_found("version")) }
    };
    changing(call, decide, |()| Ok(Answer::Empty)).await
}

pub(super) async fn delete_version(call: Call) -> Result<Prepared, Failure> {
    let number = read_version_id(call.path_text("version_id"));
    let decide = move |record: &mut PolicyRecord| {
        let number = number?;
        if record.details.number == number {
            return Err(Failure::new(ErrorCode::IamConflict, "the version that counts cannot be deleted"));
        }
        let before = record.details.others.len();
        record.details.others.retain(|version| version.number != number);
        if record.details.others.len() == before { Err(not_found("version")) } else { Ok(()) }
    };
    changing(call, decide, |()| Ok(Answer::Empty)).await
}

/// Attaches the policy that the path names to the user that the body names, or takes it off. The right to attach is one to the
/// user; a policy that denies it for the policy counts too.
async fn change_attachment(
    call: Call,
    body: Body,
    attach: impl FnOnce(&mut UserRecord, &str) -> Result<(), Failure> + Send + 'static,
) -> Result<Prepared, Failure> {
    let user = NamedUser::read(&call, user_id(body.object()?)?).await?;
    let policy = NamedPolicy::in_path(&call).await?;
    let accesses = vec![user.access(&call), policy.access(&call).needs(Need::NoDeny)];
    Ok(Prepared::new(accesses, async move {
        let (user, policy) = (user.found()?, policy.found()?.record.name);
        let domain = call.app.identity.domain_id.clone();
        change(&call, move |state| {
            let policy = find_policy(state.policies.clone(), &records::policy_id(&policy))?.record.name;
            let mut changed = find(state, &domain, &user.id)?.clone();
            require_name(&changed, Some(&user.name))?;
            attach(&mut changed, &policy)?;
            let target = format!("{} {policy}", changed.name);
            Ok(Decision { answer: (), changes: vec![AccessChange::PutUser(changed)], target })
        })
        .await?;
        Ok(Answer::Empty)
    }))
}

pub(super) async fn attach(call: Call, body: Body) -> Result<Prepared, Failure> {
    let now = call.app.clock.now();
    let attach = move |user: &mut UserRecord, policy: &str| {
        records::attach(user, policy, now);
        Ok(())
    };
    change_attachment(call, body, attach).await
}

pub(super) async fn detach(call: Call, body: Body) -> Result<Prepared, Failure> {
    let detach = |user: &mut UserRecord, policy: &str| {
        if records::detach(user, policy) { Ok(()) } else { Err(not_found("attachment")) }
    };
    change_attachment(call, body, detach).await
}

/// Policies attached to the user that the path names. A policy of the first user's own is none of them.
pub(super) async fn list_attached(call: Call) -> Result<Prepared, Failure> {
    let (page, named) = (page(&call)?, NamedUser::in_path(&call).await?);
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let (user, domain) = (named.found()?, &call.app.identity.domain_id);
        let policies = all(call.app.store.policies().await?);
        let attached = policies.iter().filter(|known| is_attached(&user, &known.record.name)).map(|known| {
            let name = &known.record.name;
            AttachedPolicy {
                policy_name: name.clone(),
                policy_id: records::policy_id(name),
                urn: urn(known, domain),
                attached_at: user.details.attach_times.get(name).copied().map(rfc3339),
            }
        });
        let (attached_policies, page_info) = page.cut(attached.collect(), |policy| &policy.policy_name);
        Answer::json(&ListAttachedPoliciesResponse { attached_policies, page_info })
    }))
}

/// Users that the policy is attached to, by their identifiers.
pub(super) async fn list_users(call: Call) -> Result<Prepared, Failure> {
    let page = page(&call)?;
    let only_others = match call.query_text("entity_type") {
        None | Some("user") => false,
        Some("group" | "agency") => true,
        Some(_) => {
            let violation = Violation::new(Rule::Choice, "user, group or agency");
            return Err(vec![violation.at("entity_type")].into());
        }
    };
    let named = NamedPolicy::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let (name, domain) = (named.found()?.record.name, &call.app.identity.domain_id);
        let mut users = call.app.store.users().await?;
        users.retain(|user| user.domain_id == *domain && is_attached(user, &name) && !only_others);
        users.sort_by(|a, b| a.id.cmp(&b.id));
        let users = users.into_iter().map(|user| PolicyUser {
            attached_at: user.details.attach_times.get(&name).copied().map(rfc3339),
            user_id: user.id,
        });
        let (policy_users, page_info) = page.cut(users.collect(), |user| &user.user_id);
        Answer::json(&ListEntitiesResponse { policy_users, policy_groups: [], policy_agencies: [], page_info })
    }))
}
