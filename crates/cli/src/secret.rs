//! `csms secret`: its commands, one module for each group of them.

mod create;
mod database;
mod delete;
mod edit;
mod get;
mod grant;
mod list;
mod replica;
mod rotate;
mod stage;
mod tag;
mod tasks;
mod transfer;
mod update;

use clap::{Args, Subcommand};
use csms_api::response::{SecretInfo, VersionMetadata};
use csms_client::Client;
use csms_core::SecretName;

use crate::{
    connection::Connection,
    failure::{CliError, STATUSES},
    output::{Facts, Output, parsed, time, time_or_none},
};

const EXAMPLES: &str = "\
Examples:
  printf %s \"$PASSWORD\" | csms secret create db-password
  csms secret create db --value-file login.json --type RDS-FG --rotation-func-urn URN \\
      --rotation-config '{\"InstanceId\":\"i\",\"SecretSubType\":\"SingleUser\"}'
  csms secret create db --postgres app@db.example.com/shop --every 30d
  csms secret create api-key --generate --length 40
  csms secret edit db                      in $EDITOR; says what changed before it stores
  csms secret get db --field password
  csms secret list --tag team=a
  csms secret rotate db --wait
  csms secret import team.env              a secret for each variable";

/// Arguments of `csms secret`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"), disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// What to do with secrets.
#[derive(Subcommand, Debug)]
enum Action {
    /// Create a secret; its value comes from standard input or a file
    Create(Box<create::Arguments>),
    /// Print a secret's metadata or, when asked, its value
    #[command(alias = "show")]
    Get(get::Arguments),
    /// List all secrets, or some of them
    List(list::Arguments),
    /// Change a secret's metadata, or give it a new value as a new version
    Update(update::Arguments),
    /// Give a secret a new value by its rotation function
    Rotate(rotate::Arguments),
    /// Delete a secret after some days, or at once
    Delete(delete::Arguments),
    /// Cancel the scheduled deletion of a secret
    Restore(delete::Kept),
    /// List the versions of a secret
    Versions(get::Versions),
    /// Change the value in an editor, and store it as a new version
    Edit(edit::Arguments),
    /// Write the current values of secrets as JSON or as variables
    Export(transfer::Export),
    /// Create secrets from a file of names and values
    Import(transfer::Import),
    /// List, set and remove tags
    Tag(tag::Arguments),
    /// List, make and take back grants, which let users read a secret
    Grant(grant::Arguments),
    /// Show, move and delete the stages of a secret
    Stage(stage::Arguments),
    /// List rotation tasks, newest first
    Tasks(tasks::Arguments),
    /// Copy secrets to other regions
    Replica(replica::Arguments),
}

impl Arguments {
    /// Whether a program reads what is printed.
    pub(crate) fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

impl Action {
    /// What the command is about, if that is one thing.
    fn subject(&self) -> Option<String> {
        let name = match self {
            Self::Create(arguments) => &arguments.name,
            Self::Get(arguments) => &arguments.name,
            Self::Update(arguments) => &arguments.name,
            Self::Rotate(arguments) => &arguments.name,
            Self::Delete(arguments) => &arguments.name,
            Self::Restore(arguments) => &arguments.name,
            Self::Versions(arguments) => &arguments.name,
            Self::Edit(arguments) => &arguments.name,
            Self::Stage(arguments) => return Some(arguments.subject()),
            Self::Tag(arguments) => return arguments.subject(),
            Self::Grant(arguments) => return Some(arguments.subject()),
            Self::List(_) | Self::Tasks(_) | Self::Replica(_) | Self::Export(_) | Self::Import(_) => return None,
        };
        Some(format!("secret {name}"))
    }
}

/// Runs a command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let Arguments { action, connection, output } = arguments;
    let client = connection.client().await?;
    let subject = action.subject();
    let outcome = act(&client, output, action, connection.rotation_function()).await;
    outcome.map_err(|error| error.about_any(subject))
}

async fn act(client: &Client, output: Output, action: Action, function: Option<String>) -> Result<(), CliError> {
    match action {
        Action::Create(arguments) => create::run(client, output, *arguments, function).await,
        Action::Get(arguments) => get::run(client, output, &arguments).await,
        Action::List(arguments) => list::run(client, output, &arguments).await,
        Action::Update(arguments) => update::run(client, output, arguments).await,
        Action::Rotate(arguments) => rotate::run(client, output, &arguments).await,
        Action::Delete(arguments) => delete::run(client, output, &arguments).await,
        Action::Restore(arguments) => delete::keep(client, output, &arguments).await,
        Action::Versions(arguments) => get::versions(client, output, &arguments).await,
        Action::Edit(arguments) => edit::run(client, output, &arguments).await,
        Action::Export(arguments) => transfer::export(client, output, &arguments).await,
        Action::Import(arguments) => transfer::import(client, output, &arguments).await,
        Action::Tag(arguments) => tag::run(client, output, &arguments).await,
        Action::Grant(arguments) => grant::run(client, output, &arguments).await,
        Action::Stage(arguments) => stage::run(client, output, &arguments).await,
        Action::Tasks(arguments) => tasks::run(client, output, &arguments).await,
        Action::Replica(arguments) => replica::run(client, output, &arguments).await,
    }
}

pub(crate) use get::bytes as value_bytes;

/// Maximum number of items on one page.
const PAGE: u16 = 1000;

/// The name of a secret, as clap reads it.
pub(crate) fn name(text: &str) -> Result<SecretName, String> {
    parsed(SecretName::parse(text))
}

/// What is known of a secret, without its value.
pub(crate) fn describe(secret: &SecretInfo, facts: &mut Facts<'_>) {
    facts.add("name", &secret.name);
    facts.add("id", &secret.id);
    facts.add("state", &secret.state);
    facts.add("type", &secret.secret_type);
    facts.add("description", &secret.description);
    facts.add("kms key", &secret.kms_key_id);
    facts.add("created", time(secret.create_time));
    facts.add("updated", time(secret.update_time));
    facts.add("to be deleted", time_or_none(secret.scheduled_delete_time));
    facts.add("rotated by", secret.rotation_func_urn.as_deref().unwrap_or_default());
    facts.add("rotation config", secret.rotation_config.as_deref().unwrap_or_default());
    facts.add("auto rotation", if secret.auto_rotation { "on" } else { "" });
    facts.add("rotation period", secret.rotation_period.as_deref().unwrap_or_default());
    facts.add("last rotation", time_or_none(secret.rotation_time));
    facts.add("next rotation", time_or_none(secret.next_rotation_time));
    facts.add("events", secret.event_subscriptions.join(", "));
    facts.add("last used", time_or_none(secret.last_used_time));
    let copies = secret.replicas.iter().map(|copy| format!("{} ({})", copy.region, copy.project_id));
    let name = if secret.replica_type == "REPLICA" { "replica of" } else { "replicas" };
    facts.add(name, copies.collect::<Vec<_>>().join(", "));
}

/// What is known of a version, without its value.
fn describe_version(version: &VersionMetadata, facts: &mut Facts<'_>) {
    facts.add("secret", &version.secret_name);
    facts.add("version", &version.id);
    facts.add("stages", version.version_stages.join(", "));
    facts.add("kms key", &version.kms_key_id);
    facts.add("created", time(version.create_time));
    facts.add("expires", time_or_none(version.expire_time));
}
