//! `csms agency`: agencies, their policies and who may assume them, straight in the data.
//!
//! A running server sees a change within [`LIFETIME`](crate::auth::cache::LIFETIME). What an assumed agency may do is decided by
//! the gate, as for users.

use clap::{Args, Subcommand};
use csms_api::request::token::agency_name;
use csms_cli::{CliError, STATUSES, in_words};
use csms_core::policy::{agency_resource, system_policy};
use csms_store::{AccessChange, AccessState, AgencyRecord, Store};
use serde_json::{Value, json};

use super::{
    Failed, about, block_on,
    offline::{CareFlags, DataArguments, Installation, print, say},
    user,
};
use crate::{clock::Clock, installation::make_id, services::csms::agencies::BUILT_IN};

const EXAMPLES: &str = "\
An agency has rights of its own. A user whom it names, and whose policies allow iam:agencies:assume on it, may act with the \
rights of the agency, and with none of the user's, for a while.

Examples:
  csms agency create deploy --policy deploy --user alice
  csms agency allow deploy bob         bob may assume it, too
  csms agency disallow deploy alice    what alice has assumed ends within 5 seconds
  csms agency show deploy

The right to assume it, in a policy of the user:
  {\"Version\": \"5.0\", \"Statement\": [
    {\"Effect\": \"Allow\", \"Action\": [\"iam:agencies:assume\"], \"Resource\": [\"iam::*:agency:deploy\"]}]}";

/// Arguments of `csms agency`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
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
    #[command(alias = "get")]
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

impl Action {
    /// The agency that the command is about.
    fn subject(&self) -> Option<String> {
        let name = match self {
            Self::List => return None,
            Self::Create { name, .. }
            | Self::Show { name }
            | Self::Delete { name }
            | Self::Allow { name, .. }
            | Self::Disallow { name, .. }
            | Self::Attach { name, .. }
            | Self::Detach { name, .. } => name,
        };
        Some(format!("agency {name}"))
    }
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.data.output.is_json()
    }
}

/// Runs the command.
///
/// # Errors
/// What is in the way, in words for the operator.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    block_on(async {
        let data = arguments.data.open().await?.with_care(arguments.care);
        act(&data, arguments).await.map_err(|failed| about(failed, arguments.action.subject()))
    })
}

async fn act(data: &Installation, arguments: &Arguments) -> Result<(), Failed> {
    let format = arguments.data.output;
    match &arguments.action {
        Action::Create { name, policies, users, projects, description } => {
            let agency = make(data, name, projects, description).await?;
            let agency = create(data, agency, policies.clone(), users.clone()).await?;
            let printed = format.members(&facts(data, &agency).await?);
            Ok(printed.map_err(|error| error.though_done(format!("the agency {name} is created")))?)
        }
        Action::List => {
            let agencies = data.store.agencies().await?;
            let mut rows = Vec::new();
            for agency in &agencies {
                rows.push(facts(data, agency).await?);
            }
            print(format, &Value::from(rows.clone()), |table| {
                table.texts(["NAME", "POLICIES", "USERS", "ID"]);
                for row in &rows {
                    table.texts([
                        &in_words(&row["name"]),
                        &in_words(&row["policies"]),
                        &in_words(&row["users"]),
                        &in_words(&row["id"]),
                    ]);
                }
            })
        }
        Action::Show { name } => {
            let agencies = data.store.agencies().await?;
            Ok(format.members(&facts(data, &find(&agencies, name)?).await?)?)
        }
        Action::Delete { name } => {
            find(&data.store.agencies().await?, name)?;
            arguments.care.confirm(&format!("Delete the agency {name}, and end what has been assumed of it?"))?;
            let named = name.clone();
            let delete = move |state: &AccessState| {
                Ok(((), vec![AccessChange::DeleteAgency(find(&state.agencies, &named)?.id)]))
            };
            data.decide("DeleteAgency", name, delete).await?;
            say(format, &format!("the agency {name} is deleted"))
        }
        Action::Allow { name, user } => {
            let named = user.clone();
            edit(data, "AllowAgency", name, move |state, agency| allow(state, agency, &named)).await?;
            say(format, &format!("{user} may assume the agency {name}"))
        }
        Action::Disallow { name, user } => {
            let named = user.clone();
            let disallow = move |state: &AccessState, agency: &mut AgencyRecord| {
                let id = user_id(state, &named)?;
                agency.users.retain(|user| *user != id);
                Ok(())
            };
            edit(data, "DisallowAgency", name, disallow).await?;
            say(format, &format!("{user} may not assume the agency {name}"))
        }
        Action::Attach { name, policy } => {
            let named = policy.clone();
            edit(data, "AttachAgencyPolicy", name, move |state, agency| attach(state, agency, &named)).await?;
            say(format, &format!("the policy {policy} is attached to the agency {name}"))
        }
        Action::Detach { name, policy } => {
            let named = policy.clone();
            let detach = move |_: &AccessState, agency: &mut AgencyRecord| {
                agency.attached.retain(|attached| *attached != named);
                Ok(())
            };
            edit(data, "DetachAgencyPolicy", name, detach).await?;
            say(format, &format!("the policy {policy} is not attached to the agency {name}"))
        }
    }
}

fn find(agencies: &[AgencyRecord], name: &str) -> Result<AgencyRecord, CliError> {
    let found = agencies.iter().find(|agency| agency.name == name);
    found.cloned().ok_or_else(|| CliError::absent("agency", name))
}

/// A new agency, not stored yet.
async fn make(data: &Installation, name: &str, projects: &[String], description: &str) -> Result<AgencyRecord, Failed> {
    agency_name(name).map_err(|violation| CliError::refused(format!("the name {}", violation.message())))?;
    if BUILT_IN.contains(&name) {
        return Err(CliError::refused("it trusts a service, and users cannot assume it").into());
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

/// Stores a new agency with these policies and users, and returns it.
async fn create(
    data: &Installation,
    mut agency: AgencyRecord,
    policies: Vec<String>,
    users: Vec<String>,
) -> Result<AgencyRecord, Failed> {
    let name = agency.name.clone();
    let decide = move |state: &AccessState| {
        if find(&state.agencies, &agency.name).is_ok() {
            return Err(CliError::refused("there is such an agency already"));
        }
        policies.iter().try_for_each(|policy| attach(state, &mut agency, policy))?;
        users.iter().try_for_each(|user| allow(state, &mut agency, user))?;
        Ok((agency.clone(), vec![AccessChange::PutAgency(agency)]))
    };
    data.decide("CreateAgency", &name, decide).await
}

/// Changes a stored agency.
async fn edit(
    data: &Installation,
    action: &str,
    name: &str,
    change: impl FnOnce(&AccessState, &mut AgencyRecord) -> Result<(), CliError> + Send + 'static,
) -> Result<(), Failed> {
    let named = name.to_owned();
    let decide = move |state: &AccessState| {
        let mut agency = find(&state.agencies, &named)?;
        change(state, &mut agency)?;
        Ok(((), vec![AccessChange::PutAgency(agency)]))
    };
    data.decide(action, name, decide).await
}

fn attach(state: &AccessState, agency: &mut AgencyRecord, policy: &str) -> Result<(), CliError> {
    if system_policy(policy).is_none() && !state.policies.iter().any(|stored| stored.name == policy) {
        return Err(CliError::no_policy(policy));
    }
    if !agency.attached.iter().any(|attached| attached == policy) {
        agency.attached.push(policy.to_owned());
    }
    Ok(())
}

fn allow(state: &AccessState, agency: &mut AgencyRecord, user: &str) -> Result<(), CliError> {
    let id = user_id(state, user)?;
    if !agency.users.contains(&id) {
        agency.users.push(id);
    }
    Ok(())
}

fn user_id(state: &AccessState, name: &str) -> Result<String, CliError> {
    let found = state.users.iter().find(|user| user.name == name);
    found.map(|user| user.id.clone()).ok_or_else(|| CliError::absent("user", name))
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
