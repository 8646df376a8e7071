//! `csms policy`: shared policies, straight in the data, and what they would allow.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use csms_api::{iam::request::policy_name, policy_check, vocabulary::rights};
use csms_core::policy::{
    Policy, RequestContext, SYSTEM_POLICIES, allows, key_resource, secret_resource, system_policy,
};
use csms_store::{AccessChange, PolicyDetails, PolicyRecord, Store};
use serde_json::{Value, json};

use super::{
    Failed, block_on,
    offline::{CareFlags, DataArguments, Installation, print, read_input, say},
};
use crate::clock::Clock;

const EXAMPLES: &str = "\
Examples:
  csms policy create team-a --file team-a.json
  csms policy check --user alice --action csms:secret:getVersion --secret team-a-db
  csms policy check --user alice --action csms:secret:create --secret x --type RDS-FG --request-tag team=a

A policy in a file:
  {\"Version\": \"5.0\", \"Statement\": [
    {\"Effect\": \"Allow\", \"Action\": [\"csms:secret:*\"], \"Resource\": [\"CSMS:*:*:secretName:team-a-*\"],
     \"Condition\": {\"StringEquals\": {\"csms:Type\": \"COMMON\"}}}]}";

/// Arguments of `csms policy`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    care: CareFlags,
    /// What to do
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Create a policy
    Create {
        /// Name
        name: String,
        /// File with the policy in JSON; `-` is standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// List the policies, those of the system included
    List,
    /// Print a policy
    Show {
        /// Name
        name: String,
    },
    /// Replace a policy, for all users it is attached to
    Update {
        /// Name
        name: String,
        /// File with the policy in JSON; `-` is standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Delete a policy that is attached to nobody
    Delete {
        /// Name
        name: String,
    },
    /// Say whether a user may do something; ends with status 1 when not
    Check(Box<Check>),
}

#[derive(Args, Debug)]
struct Check {
    /// The user
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The action, such as csms:secret:getVersion
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// Name of the secret [default: *]
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    secret: Option<String>,
    /// Identifier of the KMS key, for actions on keys
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// csms:Type of the request
    #[arg(long = "type", value_name = "TYPE")]
    secret_type: Option<String>,
    /// csms:KmsKeyId of the request
    #[arg(long, value_name = "ID")]
    kms_key_id: Option<String>,
    /// g:EnterpriseProjectId of the request
    #[arg(long, value_name = "ID")]
    enterprise_project_id: Option<String>,
    /// A tag of the secret; may be repeated
    #[arg(long = "resource-tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    resource_tags: Vec<(String, String)>,
    /// A tag of the request; may be repeated
    #[arg(long = "request-tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    request_tags: Vec<(String, String)>,
}

fn parse_tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be of the form KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Runs the command.
///
/// # Errors
/// What is in the way, in words for the operator.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    block_on(async {
        let data = arguments.data.open().await?.with_care(arguments.care);
        let format = arguments.data.output;
        match &arguments.action {
            Action::Create { name, file, description } => {
                policy_name(name.clone())
                    .map_err(|_| "the name must be 1 to 128 letters, digits, spaces and -_.+=,@")?;
                if system_policy(name).is_some() || data.store.policy(name).await?.is_some() {
                    return Err(format!("there is a policy {name} already").into());
                }
                let policy = read_policy(file, name, None)?;
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
                let rows =
                    all.iter().map(|(name, text, kind)| json!({ "name": name, "kind": kind, "description": text }));
                print(format, &Value::from(rows.collect::<Vec<_>>()), |table| {
                    table.row(["NAME", "KIND", "DESCRIPTION"]);
                    for (name, text, kind) in &all {
                        table.row([*name, *kind, *text]);
                    }
                })
            }
            Action::Show { name } => {
                let policy = match system_policy(name) {
                    Some(policy) => policy,
                    None => find(&data, name).await?.policy,
                };
                let json = serde_json::to_value(policy)?;
                // A policy is JSON, whatever the format.
                print(super::offline::Format::Json, &json, |_| {})
            }
            Action::Update { name, file } => {
                let stored = find(&data, name).await?;
                let mut record = PolicyRecord { policy: read_policy(file, name, Some(&stored.policy))?, ..stored };
                record.details.update_time = Some(Clock::default().now());
                data.change("UpdatePolicy", name, vec![AccessChange::PutPolicy(record)]).await?;
                say(format, &format!("the policy {name} is replaced"))
            }
            Action::Delete { name } => {
                find(&data, name).await?;
                let users = data.store.users().await?;
                if let Some(user) = users.iter().find(|user| user.attached.contains(name)) {
                    return Err(format!("the policy {name} is attached to {}; detach it first", user.name).into());
                }
                let agencies = data.store.agencies().await?;
                if let Some(agency) = agencies.iter().find(|agency| agency.attached.contains(name)) {
                    let reason =
                        format!("the policy {name} is attached to the agency {}; detach it first", agency.name);
                    return Err(reason.into());
                }
                arguments.care.confirm(&format!("Delete the policy {name}?"))?;
                data.change("DeletePolicy", name, vec![AccessChange::DeletePolicy(name.clone())]).await?;
                say(format, &format!("the policy {name} is deleted"))
            }
            Action::Check(check) => {
                let allowed = check.decide(&data).await?;
                let word = if allowed { "allowed" } else { "denied" };
                print(format, &json!({ "allowed": allowed }), |table| table.row([word]))?;
                if allowed { Ok(()) } else { Err(format!("{} may not do {}", check.user, check.action).into()) }
            }
        }
    })
}

async fn find(data: &Installation, name: &str) -> Result<PolicyRecord, Failed> {
    data.store.policy(name).await?.ok_or_else(|| format!("there is no policy {name} to change").into())
}

/// Reads a policy that replaces `previous`, refuses one of which some part could mean nothing here, and prints what is
/// doubtful.
fn read_policy(file: &std::path::Path, name: &str, previous: Option<&Policy>) -> Result<Policy, Failed> {
    let policy = Policy::parse(&read_input(file)?)?;
    let review = policy_check::check(&policy, previous);
    for warning in &review.warnings {
        let _ = writeln!(std::io::stderr(), "csms: warning: policy {name}: {warning}");
    }
    if review.refusals.is_empty() {
        return Ok(policy);
    }
    let reasons: String = review.refusals.iter().map(|finding| format!("\n  {finding}")).collect();
    Err(format!("the policy {name} is not stored:{reasons}").into())
}

impl Check {
    async fn decide(&self, data: &Installation) -> Result<bool, Failed> {
        let user = data.store.user_by_name(Some(&data.identity.domain_id), &self.user).await?;
        let user = user.ok_or_else(|| format!("there is no user {}", self.user))?;
        let mut policies = user.policies.clone();
        for name in &user.attached {
            match system_policy(name) {
                Some(policy) => policies.push(policy),
                None => policies.push(find(data, name).await?.policy),
            }
        }
        let (region, domain) = (&data.identity.region, &data.identity.domain_id);
        let resource = match &self.key {
            Some(key) => key_resource(region, domain, key),
            None => secret_resource(region, domain, self.secret.as_deref().unwrap_or("*")),
        };
        // The names of the action that the operation is allowed by; another service's action has only its own.
        let right = rights().find(|right| right.actions.iter().any(|name| name.eq_ignore_ascii_case(&self.action)));
        let own = [self.action.as_str()];
        let names = right.map_or(&own[..], |right| right.actions);
        let context = RequestContext {
            now: Some(Clock::default().now()),
            user_name: Some(user.name.clone()),
            user_id: Some(user.id.clone()),
            mfa_present: Some(false),
            secret_type: self.secret_type.clone(),
            kms_key_id: self.kms_key_id.clone(),
            enterprise_project_id: self.enterprise_project_id.clone(),
            resource_tags: self.resource_tags.clone(),
            request_tags: self.request_tags.clone(),
            ..RequestContext::default()
        };
        Ok(user.enabled && allows(&policies, names, &resource, &context))
    }
}
