//! `csms key`: the keys of the project, as far as people need them daily. Every operation on keys is one of `csms api` too.

use clap::{Args, Subcommand};
use csms_api::kms::KmsOperation;
use csms_client::Client;
use serde_json::{Value, json};

use crate::{
    confirm::confirm,
    connection::Connection,
    failure::{CliError, STATUSES},
    output::{Output, Table, time},
};

const EXAMPLES: &str = "\
Examples:
  csms key create orders --rotate-every 365
  csms secret create db --kms-key-id orders
  csms key list
  csms key delete orders --in-days 30      until then `csms key keep orders` keeps it";

/// Arguments of `csms key`.
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

/// What to do with keys.
#[derive(Subcommand, Debug)]
enum Action {
    /// List the keys of the project
    List,
    /// Show a key and how it is rotated
    #[command(alias = "get")]
    Show {
        /// Identifier or alias of the key
        key: String,
    },
    /// Create a key
    Create {
        /// Its alias
        alias: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Rotate its material after so many days
        #[arg(long, value_name = "DAYS")]
        rotate_every: Option<u16>,
    },
    /// Take a key out of use: values that it protects cannot be read
    Disable {
        /// Identifier or alias of the key
        key: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Take a key into use again
    Enable {
        /// Identifier or alias of the key
        key: String,
    },
    /// Rotate the material of a key after so many days, or no longer
    Rotate {
        /// Identifier or alias of the key
        key: String,
        /// Days between two rotations
        #[arg(long, value_name = "DAYS", required_unless_present = "never")]
        every: Option<u16>,
        /// Rotate it no longer
        #[arg(long, conflicts_with = "every")]
        never: bool,
    },
    /// Delete a key after some days, and with it all that it protects
    Delete {
        /// Identifier or alias of the key
        key: String,
        /// Days until it is gone; until then `csms key keep` keeps it
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        in_days: u16,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Cancel the scheduled deletion of a key
    #[command(visible_alias = "restore")]
    Keep {
        /// Identifier or alias of the key
        key: String,
    },
}

impl Arguments {
    /// Whether a program reads what is printed.
    pub(crate) fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

impl Action {
    /// The key that the command is about.
    fn subject(&self) -> Option<String> {
        let key = match self {
            Self::List => return None,
            Self::Create { alias, .. } => alias,
            Self::Show { key }
            | Self::Disable { key, .. }
            | Self::Enable { key }
            | Self::Rotate { key, .. }
            | Self::Delete { key, .. }
            | Self::Keep { key } => key,
        };
        Some(format!("key {key}"))
    }
}

/// Runs a command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let Arguments { action, connection, output } = arguments;
    let client = connection.client().await?;
    let subject = action.subject();
    act(&client, output, action).await.map_err(|error| error.about_any(subject))
}

async fn act(client: &Client, output: Output, action: Action) -> Result<(), CliError> {
    match action {
        Action::List => list(client, output).await,
        Action::Show { key } => show(client, output, &key).await,
        Action::Create { alias, description, rotate_every } => {
            let mut body = json!({ "key_alias": alias });
            if let Some(description) = description {
                body["key_description"] = json!(description);
            }
            let made = call(client, KmsOperation::CreateKey, &body).await?;
            let id = text(&made, "/key_info/key_id");
            if let Some(days) = rotate_every {
                rotate(client, &id, days).await?;
            }
            changed(client, output, &id, "created").await
        }
        Action::Disable { key, yes } => {
            let question = format!("Take the key {key} out of use? Values that it protects cannot be read then.");
            confirm(&question, yes).map_err(CliError::impossible)?;
            call(client, KmsOperation::DisableKey, &json!({ "key_id": key })).await?;
            changed(client, output, &key, "changed").await
        }
        Action::Enable { key } => {
            call(client, KmsOperation::EnableKey, &json!({ "key_id": key })).await?;
            changed(client, output, &key, "changed").await
        }
        Action::Rotate { key, every: Some(days), .. } => {
            rotate(client, &key, days).await?;
            changed(client, output, &key, "changed").await
        }
        Action::Rotate { key, every: None, .. } => {
            call(client, KmsOperation::DisableKeyRotation, &json!({ "key_id": key })).await?;
            changed(client, output, &key, "changed").await
        }
        Action::Delete { key, in_days, yes } => {
            let question = format!("Delete the key {key} in {in_days} days, and with it all that it protects?");
            confirm(&question, yes).map_err(CliError::impossible)?;
            let body = json!({ "key_id": key, "pending_days": in_days.to_string() });
            call(client, KmsOperation::DeleteKey, &body).await?;
            changed(client, output, &key, "changed").await
        }
        Action::Keep { key } => {
            call(client, KmsOperation::CancelKeyDeletion, &json!({ "key_id": key })).await?;
            changed(client, output, &key, "changed").await
        }
    }
}

/// Shows a key after what is done to it.
async fn changed(client: &Client, output: Output, key: &str, done: &str) -> Result<(), CliError> {
    show(client, output, key).await.map_err(|error| match error {
        CliError::Io { .. } => error.though_done(format!("the key is {done}")),
        other => other,
    })
}

/// Rotates the material of a key from now on, in this many days.
async fn rotate(client: &Client, key: &str, days: u16) -> Result<(), CliError> {
    call(client, KmsOperation::EnableKeyRotation, &json!({ "key_id": key })).await?;
    let body = json!({ "key_id": key, "rotation_interval": days });
    call(client, KmsOperation::UpdateKeyRotationInterval, &body).await.map(drop)
}

async fn call(client: &Client, operation: KmsOperation, body: &Value) -> Result<Value, CliError> {
    client.call_json(operation.specification(), &[], &[], Some(body)).await.map_err(CliError::from)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The word for a key's state, which travels as a digit.
fn state(key: &Value) -> String {
    let digit = text(key, "/key_state");
    match digit.as_str() {
        "1" => "to be enabled".to_owned(),
        "2" => "enabled".to_owned(),
        "3" => "disabled".to_owned(),
        "4" => "to be deleted".to_owned(),
        "5" => "waiting for import".to_owned(),
        _ => digit,
    }
}

/// Milliseconds in text.
fn moment(key: &Value, pointer: &str) -> String {
    text(key, pointer).parse().map(time).unwrap_or_default()
}

async fn list(client: &Client, output: Output) -> Result<(), CliError> {
    let mut keys: Vec<Value> = Vec::new();
    let mut marker = "0".to_owned();
    loop {
        let body = json!({ "limit": "1000", "marker": marker });
        let page = call(client, KmsOperation::ListKeys, &body).await?;
        keys.extend(page.get("key_details").and_then(Value::as_array).into_iter().flatten().cloned());
        if text(&page, "/truncated") != "true" {
            break;
        }
        marker = text(&page, "/next_marker");
    }
    output.table(&json!({ "key_details": keys }), || {
        let mut table = Table::new(&["ALIAS", "ID", "STATE", "SPEC", "CREATED"]);
        for key in &keys {
            table.row(vec![
                text(key, "/key_alias"),
                text(key, "/key_id"),
                state(key),
                text(key, "/key_spec"),
                moment(key, "/creation_date"),
            ]);
        }
        table
    })
}

async fn show(client: &Client, output: Output, key: &str) -> Result<(), CliError> {
    let mut answer = call(client, KmsOperation::ListKeyDetail, &json!({ "key_id": key })).await?;
    let id = text(&answer, "/key_info/key_id");
    // Keys that are not in use, and those of the service itself, have no rotation to show.
    let rotation = call(client, KmsOperation::ShowKeyRotationStatus, &json!({ "key_id": id })).await.ok();
    if let Some(rotation) = rotation {
        answer["rotation"] = rotation;
    }
    output.facts(&answer, |facts| {
        let key = answer.get("key_info").unwrap_or(&Value::Null);
        facts.add("alias", text(key, "/key_alias"));
        facts.add("id", id.as_str());
        facts.add("state", state(key));
        facts.add("description", text(key, "/key_description"));
        facts.add("spec", text(key, "/key_spec"));
        facts.add("created", moment(key, "/creation_date"));
        facts.add("to be deleted", moment(key, "/scheduled_deletion_date"));
        if let Some(days) = answer.pointer("/rotation/rotation_interval").filter(|_| is_rotated(&answer)) {
            facts.add("rotated every", format!("{days} days"));
            facts.add("last rotation", moment(&answer, "/rotation/last_rotation_time"));
        }
    })
}

fn is_rotated(answer: &Value) -> bool {
    answer.pointer("/rotation/key_rotation_enabled") == Some(&Value::Bool(true))
}
