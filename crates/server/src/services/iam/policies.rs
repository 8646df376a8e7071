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
    policy_check,
};
use csms_core::{
    Rule, Violation,
    policy::{Policy as Document, SYSTEM_POLICIES, policy_resource, system_policy},
};
use csms_store::{AccessChange, AccessState, PolicyDetails, PolicyRecord, Store, UserRecord};

use super::{Call, Decision, find, not_found, records, rfc3339};
use crate::{failure::Failure, gate::answer::Answer};

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

/// The name of the policy of this identifier.
pub(super) fn name_of(records: &[PolicyRecord], id: &str) -> Option<String> {
    let system = SYSTEM_POLICIES.iter().map(|(name, _)| *name);
    let mut names = records.iter().map(|record| record.name.as_str()).chain(system);
    names.find(|name| records::policy_id(name) == id).map(str::to_owned)
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
    let digits = text.strip_prefix('v').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| not_found("version"))
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
fn require_meaning(name: &str, policy: &Document, previous: Option<&Document>) -> Result<(), Failure> {
    let review = policy_check::check(policy, previous);
    for warning in &review.warnings {
        tracing::warn!(policy = name, %warning, "a part of the policy means nothing here");
    }
    if review.refusals.is_empty() {
        return Ok(());
    }
    Err(ApiError::listing(ErrorCode::IamMalformedPolicy, &review.refusals).into())
}

impl Call {
    /// The policy that the path names.
    async fn policy(&self) -> Result<Known, Failure> {
        find_policy(self.app.store.policies().await?, self.name(0))
    }

    /// Changes the policy that the path names.
    async fn change_policy<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut PolicyRecord) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let id = self.name(0).to_owned();
        self.change(move |state| {
            let mut record = find_own(state, &id)?;
            let answer = decide(&mut record)?;
            let target = record.name.clone();
            Ok(Decision { answer, changes: vec![AccessChange::PutPolicy(record)], target })
        })
        .await
    }
}

pub(super) async fn list(call: &Call) -> Result<Answer, Failure> {
    let page = call.page()?;
    let choice = |name: &str, words: [&str; 2], expected: &'static str| match call.query(name) {
        None => Ok(None),
        Some(word) if word == words[0] => Ok(Some(true)),
        Some(word) if word == words[1] => Ok(Some(false)),
        Some(_) => Err(vec![Violation::new(Rule::Choice, expected).at(name)]),
    };
    let custom = choice("policy_type", ["custom", SYSTEM], "custom or system")?;
    let attached = choice("only_attached", ["true", "false"], "true or false")?;
    let no_path = call.query("path_prefix").is_none_or(str::is_empty);
    let (domain, users) = (&call.app.identity.domain_id, call.app.store.users().await?);
    let policies = all(call.app.store.policies().await?);
    let policies = policies.iter().filter(|known| custom.is_none_or(|custom| custom != known.is_system) && no_path);
    let mut policies: Vec<_> = policies.map(|known| describe(known, domain, &users)).collect();
    policies.retain(|policy| attached != Some(true) || policy.attachment_count > 0);
    let (policies, page_info) = page.cut(policies, |policy| &policy.policy_name);
    Answer::json(&ListPoliciesResponse { policies, page_info })
}

pub(super) async fn show(call: &Call) -> Result<Answer, Failure> {
    let (known, users) = (call.policy().await?, call.app.store.users().await?);
    Answer::json(&PolicyResponse { policy: describe(&known, &call.app.identity.domain_id, &users) })
}

pub(super) async fn create(call: &Call) -> Result<Answer, Failure> {
    let CreatePolicy { name, description, policy } = CreatePolicy::read(call.body()?)?;
    require_meaning(&name, &policy, None)?;
    let now = Some(call.app.clock.now());
    let details = PolicyDetails { create_time: now, number_time: now, ..PolicyDetails::default() };
    let record = PolicyRecord { name, description, policy, details };
    let made = Known { record: record.clone(), is_system: false };
    call.change(move |state| {
        let name = record.name.clone();
        if system_policy(&name).is_some() || state.policies.iter().any(|known| known.name == name) {
            return Err(Failure::new(ErrorCode::IamExists, "there is a policy of this name"));
        }
        Ok(Decision { answer: (), changes: vec![AccessChange::PutPolicy(record)], target: name })
    })
    .await?;
    Answer::json(&PolicyResponse { policy: describe(&made, &call.app.identity.domain_id, &[]) })
}

pub(super) async fn delete(call: &Call) -> Result<Answer, Failure> {
    let id = call.name(0).to_owned();
    call.change(move |state| {
        let name = find_own(state, &id)?.name;
        if state.users.iter().any(|user| is_attached(user, &name)) {
            return Err(Failure::new(ErrorCode::IamConflict, "the policy is attached to a user; detach it first"));
        }
        Ok(Decision { answer: (), changes: vec![AccessChange::DeletePolicy(name.clone())], target: name })
    })
    .await?;
    Ok(Answer::Empty)
}

pub(super) async fn list_versions(call: &Call) -> Result<Answer, Failure> {
    let page = call.page()?;
    let known = call.policy().await?.record;
    let versions = records::versions(&known);
    // Numbers of one length are in the order of their texts.
    let keyed = |version: &csms_store::PolicyVersion| {
        (format!("{:010}", version.number), describe_version(&known, version, false))
    };
    let (versions, page_info) = page.cut(versions.iter().map(keyed).collect(), |(key, _)| key);
    let versions = versions.into_iter().map(|(_, version)| version).collect();
    Answer::json(&ListPolicyVersionsResponse { versions, page_info })
}

pub(super) async fn show_version(call: &Call) -> Result<Answer, Failure> {
    let number = read_version_id(call.name(1))?;
    let known = call.policy().await?.record;
    let versions = records::versions(&known);
    let version = versions.iter().find(|version| version.number == number).ok_or_else(|| not_found("version"))?;
    Answer::json(&PolicyVersionResponse { policy_version: describe_version(&known, version, true) })
}

pub(super) async fn create_version(call: &Call) -> Result<Answer, Failure> {
    let CreatePolicyVersion { policy, is_default } = CreatePolicyVersion::read(call.body()?)?;
    let now = call.app.clock.now();
    let policy_version = call.change_policy(move |record| {
        let versions = records::versions(record);
        let same = versions.iter().map(|version| &version.policy).find(|known| **known == policy);
        require_meaning(&record.name, &policy, same)?;
        let quota = || Failure::from(ApiError::new(ErrorCode::IamPolicyVersionQuota, ""));
        let version = records::add_version(record, policy, now).ok_or_else(quota)?;
        let _ = is_default && records::set_default(record, version.number, now);
        Ok(describe_version(record, &version, true))
    });
    Answer::json(&PolicyVersionResponse { policy_version: policy_version.await? })
}

pub(super) async fn set_default_version(call: &Call) -> Result<Answer, Failure> {
    let (number, now) = (read_version_id(call.name(1))?, call.app.clock.now());
    let changed =
        call.change_policy(
            move |record| {
                if records::set_default(record, number, now) { Ok(()) } else { Err(not_found("version")) }
            },
        );
    changed.await?;
    Ok(Answer::Empty)
}

pub(super) async fn delete_version(call: &Call) -> Result<Answer, Failure> {
    let number = read_version_id(call.name(1))?;
    let changed = call.change_policy(move |record| {
        if record.details.number == number {
            return Err(Failure::new(ErrorCode::IamConflict, "the version that counts cannot be deleted"));
        }
        let before = record.details.others.len();
        record.details.others.retain(|version| version.number != number);
        if record.details.others.len() == before { Err(not_found("version")) } else { Ok(()) }
    });
    changed.await?;
    Ok(Answer::Empty)
}

/// Attaches the policy that the path names to the user that the body names, or takes it off.
async fn change_attachment(
    call: &Call,
    change: impl FnOnce(&mut UserRecord, &str) -> Result<(), Failure> + Send + 'static,
) -> Result<Answer, Failure> {
    let user = user_id(call.body()?)?;
    let (id, domain) = (call.name(0).to_owned(), call.app.identity.domain_id.clone());
    call.change(move |state| {
        let policy = find_policy(state.policies.clone(), &id)?.record.name;
        let mut user = find(state, &domain, &user)?.clone();
        change(&mut user, &policy)?;
        let target = format!("{} {policy}", user.name);
        Ok(Decision { answer: (), changes: vec![AccessChange::PutUser(user)], target })
    })
    .await?;
    Ok(Answer::Empty)
}

pub(super) async fn attach(call: &Call) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let attach = move |user: &mut UserRecord, policy: &str| {
        records::attach(user, policy, now);
        Ok(())
    };
    change_attachment(call, attach).await
}

pub(super) async fn detach(call: &Call) -> Result<Answer, Failure> {
    let detach = |user: &mut UserRecord, policy: &str| {
        if records::detach(user, policy) { Ok(()) } else { Err(not_found("attachment")) }
    };
    change_attachment(call, detach).await
}

/// Policies attached to the user that the path names. A policy of the first user's own is none of them.
pub(super) async fn list_attached(call: &Call) -> Result<Answer, Failure> {
    let page = call.page()?;
    let (user, domain) = (call.user().await?, &call.app.identity.domain_id);
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
}

/// Users that the policy is attached to, by their identifiers.
pub(super) async fn list_users(call: &Call) -> Result<Answer, Failure> {
    let page = call.page()?;
    let only_others = match call.query("entity_type") {
        None | Some("user") => false,
        Some("group" | "agency") => true,
        Some(_) => {
            let violation = Violation::new(Rule::Choice, "user, group or agency");
            return Err(vec![violation.at("entity_type")].into());
        }
    };
    let (name, domain) = (call.policy().await?.record.name, &call.app.identity.domain_id);
    let mut users = call.app.store.users().await?;
    users.retain(|user| user.domain_id == *domain && is_attached(user, &name) && !only_others);
    users.sort_by(|a, b| a.id.cmp(&b.id));
    let users = users.into_iter().map(|user| PolicyUser {
        attached_at: user.details.attach_times.get(&name).copied().map(rfc3339),
        user_id: user.id,
    });
    let (policy_users, page_info) = page.cut(users.collect(), |user| &user.user_id);
    Answer::json(&ListEntitiesResponse { policy_users, policy_groups: [], policy_agencies: [], page_info })
}
