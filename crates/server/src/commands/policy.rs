//! `csms policy --offline`: shared policies, straight in the data, and what they would allow.

use std::{io::Write as _, process::ExitCode};

use clap::Args;
use csms_api::{iam::request::policy_name, policy_check, vocabulary::rights};
use csms_cli::{Account, Check, CliError, PolicyAction as Action, STATUSES, print_json};
use csms_core::policy::{
    Policy, RequestContext, SYSTEM_POLICIES, allows, key_resource, secret_resource, system_policy,
};
use csms_store::{AccessChange, PolicyDetails, PolicyRecord, Store};
use serde_json::{Value, json};

use super::{
    Failed, about, block_on,
    offline::{CareFlags, DataArguments, Installation, PlaceFlags, print, read_input, say},
};
use crate::clock::Clock;

const EXAMPLES: &str = "\
Examples:
  csms policy create team-a --file team-a.json
  csms policy check --offline --user alice --action csms:secret:getVersion --secret team-a-db

A policy in a file:
  {\"Version\": \"5.0\", \"Statement\": [
    {\"Effect\": \"Allow\", \"Action\": [\"csms:secret:*\"], \"Resource\": [\"CSMS:*:*:secretName:team-a-*\"],
     \"Condition\": {\"StringEquals\": {\"csms:Type\": \"COMMON\"}}}]}";

/// Arguments of `csms policy`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    care: CareFlags,
    #[command(flatten)]
    place: PlaceFlags,
    /// What to do
    #[command(subcommand)]
    action: Action,
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.data.output.is_json()
    }

    /// Runs the command through the API; `None` where it works on the data itself.
    #[must_use]
    pub fn online(&self) -> Option<ExitCode> {
        self.place.online(self.data.output, self.care.is_quiet(), Account::Policy(&self.action))
    }
}

/// Runs the command.
///
/// # Errors
/// What is in the way, in words for the operator.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    block_on(async {
        let data = arguments.data.open().await?.with_care(arguments.care);
        act(&data, arguments).await.map_err(|failed| about(failed, Account::Policy(&arguments.action).subject()))
    })
}

async fn act(data: &Installation, arguments: &Arguments) -> Result<(), Failed> {
    let format = arguments.data.output;
    match &arguments.action {
        Action::Create { name, file, description } => {
            policy_name(name.clone())
                .map_err(|_| CliError::refused("the name must be 1 to 128 letters, digits, spaces and -_.+=,@"))?;
            if system_policy(name).is_some() || data.store.policy(name).await?.is_some() {
                return Err(CliError::refused("there is such a policy already").into());
            }
            let policy = read_policy(data, file, name, None)?;
            let now = Some(Clock::default().now());
            let details = PolicyDetails { create_time: now, number_time: now, ..PolicyDetails::default() };
            let record = PolicyRecord { name: name.clone(), description: description.clone(), policy, details };
            data.change("CreatePolicy", name, vec![AccessChange::PutPolicy(record)]).await?;
            say(format, &format!("the policy {name} is created"))
        }
        Action::List => {
            let records = data.store.policies().await?;
            let system = SYSTEM_POLICIES.iter().map(|(name, text)| (*name, *text, "system"));
            let own = records.iter().map(|record| (record.name.as_str(), record.description.as_str(), "own"));
            let all: Vec<_> = system.chain(own).collect();
            let rows = all.iter().map(|(name, text, kind)| json!({ "name": name, "kind": kind, "description": text }));
            print(format, &Value::from(rows.collect::<Vec<_>>()), |table| {
                table.texts(["NAME", "KIND", "DESCRIPTION"]);
                for (name, text, kind) in &all {
                    table.texts([*name, *kind, *text]);
                }
            })
        }
        Action::Show { name } => {
            let policy = match system_policy(name) {
                Some(policy) => policy,
                None => find(data, name).await?.policy,
            };
            let json = serde_json::to_value(policy)?;
            // A policy is JSON, whatever the format.
            Ok(print_json(&json)?)
        }
        Action::Update { name, file } => {
            let stored = find(data, name).await?;
            let mut record = PolicyRecord { policy: read_policy(data, file, name, Some(&stored.policy))?, ..stored };
            record.details.update_time = Some(Clock::default().now());
            data.change("UpdatePolicy", name, vec![AccessChange::PutPolicy(record)]).await?;
            say(format, &format!("the policy {name} is replaced"))
        }
        Action::Delete { name } => {
            find(data, name).await?;
            let users = data.store.users().await?;
            if let Some(user) = users.iter().find(|user| user.attached.contains(name)) {
                let reason = format!("it is attached to the user {}; detach it first", user.name);
                return Err(CliError::refused(reason).into());
            }
            let agencies = data.store.agencies().await?;
            if let Some(agency) = agencies.iter().find(|agency| agency.attached.contains(name)) {
                let reason = format!("it is attached to the agency {}; detach it first", agency.name);
                return Err(CliError::refused(reason).into());
            }
            arguments.care.confirm(&format!("Delete the policy {name}?"))?;
            data.change("DeletePolicy", name, vec![AccessChange::DeletePolicy(name.clone())]).await?;
            say(format, &format!("the policy {name} is deleted"))
        }
        Action::Check(check) => {
            let allowed = decide(check, data).await?;
            let word = if allowed { "allowed" } else { "denied" };
            print(format, &json!({ "allowed": allowed }), |table| table.texts([word]))?;
            if allowed { Ok(()) } else { Err(format!("{} may not do {}", check.user, check.action).into()) }
        }
    }
}

async fn find(data: &Installation, name: &str) -> Result<PolicyRecord, Failed> {
    data.store.policy(name).await?.ok_or_else(|| CliError::no_policy(name).into())
}

/// Reads a policy that replaces `previous`, refuses one of which some part could mean nothing here, and prints what is
/// doubtful.
fn read_policy(
    data: &Installation,
    file: &std::path::Path,
    name: &str,
    previous: Option<&Policy>,
) -> Result<Policy, Failed> {
    let policy = Policy::parse(&read_input(file)?).map_err(CliError::Refused)?;
    let review = policy_check::check(&policy, previous, &data.identity.site());
    for warning in &review.warnings {
        let _ = writeln!(std::io::stderr(), "csms: warning: policy {name}: {warning}");
    }
    if review.refusals.is_empty() {
        return Ok(policy);
    }
    let reasons: String = review.refusals.iter().map(|finding| format!("\n  {finding}")).collect();
    Err(CliError::refused(format!("it is not stored:{reasons}")).into())
}

/// Whether the user may do it, by its policies alone.
async fn decide(check: &Check, data: &Installation) -> Result<bool, Failed> {
    let user = data.store.user_by_name(Some(&data.identity.domain_id), &check.user).await?;
    let user = user.ok_or_else(|| CliError::absent("user", &check.user))?;
    let mut policies = user.policies.clone();
    for name in &user.attached {
        match system_policy(name) {
            Some(policy) => policies.push(policy),
            None => policies.push(find(data, name).await?.policy),
        }
    }
    let (region, domain) = (&data.identity.region, &data.identity.domain_id);
    let resource = match &check.key {
        Some(key) => key_resource(region, domain, key),
        None => secret_resource(region, domain, check.secret.as_deref().unwrap_or("*")),
    };
    // The names of the action that the operation is allowed by; another service's action has only its own.
    let right = rights().find(|right| right.actions.iter().any(|name| name.eq_ignore_ascii_case(&check.action)));
    let own = [check.action.as_str()];
    let names = right.map_or(&own[..], |right| right.actions);
    let context = RequestContext {
        now: Some(Clock::default().now()),
        user_name: Some(user.name.clone()),
        user_id: Some(user.id.clone()),
        domain_id: Some(domain.clone()),
        mfa_present: Some(false),
        secret_type: check.secret_type.clone(),
        kms_key_id: check.kms_key_id.clone(),
        enterprise_project_id: check.enterprise_project_id.clone(),
        resource_tags: check.resource_tags.clone(),
        request_tags: check.request_tags.clone(),
        ..RequestContext::default()
    };
    Ok(user.enabled && allows(&policies, names, &resource, &context))
}
