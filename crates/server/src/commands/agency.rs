//! `csms agency`: agencies, their policies and who may assume them, straight in the data.
//!
//! A running server sees a change within [`LIFETIME`](crate::auth::cache::LIFETIME). What an assumed agency may do is decided by
//! the gate, as for users.

use clap::{Args, Subcommand};
use csms_api::request::token::agency_name;
use csms_core::policy::agency_resource;
use csms_store::{AccessChange, AgencyRecord, Store};
use serde_json::{Value, json};

use super::{
    Failed, block_on,
    offline::{DataArguments, Installation, print},
    user,
};
use crate::{clock::Clock, installation::make_id, services::csms::agencies::BUILT_IN};

const EXAMPLES: &str = "\
An agency has rights of its own. A user whom it names, and whose policies allow iam:agencies:assume on it, may act with the
rights of the agency, and with none of the user's, for a while.

Examples:
  csms agency create deploy --policy deploy --user alice
  csms agency allow deploy bob                            bob may assume it, too
  csms agency disallow deploy alice                       what alice has assumed ends within 5 seconds
  csms agency show deploy

The right to assume it, in a policy of the user:
  {\"Version\": \"5.0\", \"Statement\": [
    {\"Effect\": \"Allow\", \"Action\": [\"iam:agencies:assume\"], \"Resource\": [\"iam::*:agency:deploy\"]}]}";

/// Arguments of `csms agency`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// What to do
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Create an agency
    Create {
        /// Name, 1 to 64 letters, digits, spaces and `-_.@`
        name: String,
        /// Attach this policy; may be repeated
        #[arg(long = "policy", value_name = "NAME")]
        policies: Vec<String>,
        /// Let this user assume it; may be repeated
        #[arg(long = "user", value_name = "NAME")]
        users: Vec<String>,
        /// Let the agency use this project instead of the first one: its identifier, or the name of its region; may be repeated
        #[arg(long = "project", value_name = "ID|REGION")]
        projects: Vec<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// List the agencies
    List,
    /// Show an agency, with its policies and the users who may assume it
    Show {
        /// Name
        name: String,
    },
    /// Delete an agency; what has been assumed of it ends
    Delete {
        /// Name
        name: String,
    },
    /// Let a user assume an agency
    Allow {
        /// Name of the agency
        name: String,
        /// Name of the user
        user: String,
    },
    /// Let a user assume an agency no longer
    Disallow {
        /// Name of the agency
        name: String,
        /// Name of the user
        user: String,
    },
    /// Attach a policy to an agency
    Attach {
        /// Name of the agency
        name: String,
        /// Name of the policy
        policy: String,
    },
    /// Detach a policy from an agency
    Detach {
        /// Name of the agency
        name: String,
        /// Name of the policy
        policy: String,
    },
}

/// Runs the command.
///
/// # Errors
/// What is in the way, in words for the operator.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    block_on(async {
        let data = arguments.data.open().await?;
        let format = arguments.data.output;
        match &arguments.action {
            Action::Create { name, policies, users, projects, description } => {
                let mut agency = make(&data, name, projects, description).await?;
                for policy in policies {
                    attach(&data, &mut agency, policy).await?;
                }
                for user in users {
                    allow(&data, &mut agency, user).await?;
                }
                let shown = facts(&data, &agency).await?;
                data.change("CreateAgency", name, vec![AccessChange::PutAgency(agency)]).await?;
                user::print_facts(format, &shown)
            }
            Action::List => {
                let agencies = data.store.agencies().await?;
                let mut rows = Vec::new();
                for agency in &agencies {
                    rows.push(facts(&data, agency).await?);
                }
                print(format, &Value::from(rows.clone()), |table| {
                    table.row(["NAME", "POLICIES", "USERS", "ID"]);
                    for row in &rows {
                        table.row([
                            &text(&row["name"]),
                            &text(&row["policies"]),
                            &text(&row["users"]),
                            &text(&row["id"]),
                        ]);
                    }
                })
            }
            Action::Show { name } => user::print_facts(format, &facts(&data, &find(&data, name).await?).await?),
            Action::Delete { name } => {
                let agency = find(&data, name).await?;
                data.change("DeleteAgency", name, vec![AccessChange::DeleteAgency(agency.id)]).await
            }
            Action::Allow { name, user } => {
                let mut agency = find(&data, name).await?;
                allow(&data, &mut agency, user).await?;
                data.change("AllowAgency", name, vec![AccessChange::PutAgency(agency)]).await
            }
            Action::Disallow { name, user } => {
                let (mut agency, user) = (find(&data, name).await?, user::find(&data, user).await?);
                agency.users.retain(|id| *id != user.id);
                data.change("DisallowAgency", name, vec![AccessChange::PutAgency(agency)]).await
            }
            Action::Attach { name, policy } => {
                let mut agency = find(&data, name).await?;
                attach(&data, &mut agency, policy).await?;
                data.change("AttachAgencyPolicy", name, vec![AccessChange::PutAgency(agency)]).await
            }
            Action::Detach { name, policy } => {
                let mut agency = find(&data, name).await?;
                agency.attached.retain(|attached| attached != policy);
                data.change("DetachAgencyPolicy", name, vec![AccessChange::PutAgency(agency)]).await
            }
        }
    })
}

async fn find(data: &Installation, name: &str) -> Result<AgencyRecord, Failed> {
    let found = data.store.agencies().await?.into_iter().find(|agency| agency.name == name);
    found.ok_or_else(|| format!("there is no agency {name}").into())
}

async fn make(data: &Installation, name: &str, projects: &[String], description: &str) -> Result<AgencyRecord, Failed> {
    agency_name(name).map_err(|violation| format!("the name {}", violation.message()))?;
    if BUILT_IN.contains(&name) {
        return Err(format!("the agency {name} trusts a service, and users cannot assume it").into());
    }
    if data.store.agencies().await?.iter().any(|agency| agency.name == name) {
        return Err(format!("there is an agency {name} already").into());
    }
    Ok(AgencyRecord {
        id: make_id().map_err(|failure| failure.error)?,
        name: name.to_owned(),
        description: description.to_owned(),
        projects: user::find_projects(data, projects).await?,
        attached: Vec::new(),
        users: Vec::new(),
        create_time: Clock::default().now(),
    })
}

async fn attach(data: &Installation, agency: &mut AgencyRecord, policy: &str) -> Result<(), Failed> {
    user::require_policy(data, policy).await?;
    if !agency.attached.iter().any(|attached| attached == policy) {
        agency.attached.push(policy.to_owned());
    }
    Ok(())
}

async fn allow(data: &Installation, agency: &mut AgencyRecord, user: &str) -> Result<(), Failed> {
    let user = user::find(data, user).await?;
    if !agency.users.contains(&user.id) {
        agency.users.push(user.id);
    }
    Ok(())
}

/// What is printed of an agency. A user who was deleted since is left out.
async fn facts(data: &Installation, agency: &AgencyRecord) -> Result<Value, Failed> {
    let mut users = Vec::new();
    for id in &agency.users {
        users.extend(data.store.user(id).await?.map(|user| user.name));
    }
    Ok(json!({
        "id": agency.id,
        "name": agency.name,
        "urn": agency_resource(&data.identity.domain_id, &agency.name),
        "description": agency.description,
        "projects": agency.projects,
        "policies": agency.attached,
        "users": users,
    }))
}

/// A fact in a table.
fn text(fact: &Value) -> String {
    match fact {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
