//! `csms policy`: shared policies.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use csms_api::iam::IamOperation;
use csms_client::ClientError;
use serde_json::{Value, json};

use super::{
    iam::{Accounts, text},
    offline_only,
};
use crate::{
    confirm::confirm,
    failure::CliError,
    input::read_source,
    output::{Output, Table, json as print_json},
};

/// Most bytes of a policy.
const MAX_BYTES: u64 = 1024 * 1024;

/// What to do with policies.
#[derive(Subcommand, Debug)]
pub enum PolicyAction {
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
    #[command(alias = "get")]
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
    /// Say whether a user may do something; ends with status 1 when not (needs --offline)
    Check(Box<Check>),
}

/// What a user may do, or not.
#[derive(Args, Debug)]
pub struct Check {
    /// The user
    #[arg(long, value_name = "NAME")]
    pub user: String,
    /// The action, such as csms:secret:getVersion
    #[arg(long, value_name = "ACTION")]
    pub action: String,
    /// Name of the secret [default: *]
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    pub secret: Option<String>,
    /// Identifier of the KMS key, for actions on keys
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// csms:Type of the request
    #[arg(long = "type", value_name = "TYPE")]
    pub secret_type: Option<String>,
    /// csms:KmsKeyId of the request
    #[arg(long, value_name = "ID")]
    pub kms_key_id: Option<String>,
    /// g:EnterpriseProjectId of the request
    #[arg(long, value_name = "ID")]
    pub enterprise_project_id: Option<String>,
    /// A tag of the secret; may be repeated
    #[arg(long = "resource-tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub resource_tags: Vec<(String, String)>,
    /// A tag of the request; may be repeated
    #[arg(long = "request-tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub request_tags: Vec<(String, String)>,
}

fn parse_tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be of the form KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl PolicyAction {
    /// What the command is about, if that is one thing.
    pub(super) fn subject(&self) -> Option<String> {
        match self {
            Self::List | Self::Check(_) => None,
            Self::Create { name, .. } | Self::Show { name } | Self::Update { name, .. } | Self::Delete { name } => {
                Some(format!("policy {name}"))
            }
        }
    }
}

pub(super) async fn run(accounts: &Accounts, output: Output, yes: bool, action: &PolicyAction) -> Result<(), CliError> {
    match action {
        PolicyAction::Create { name, file, description } => {
            let document = read(file)?;
            let body = json!({ "policy_name": name, "policy_document": document, "description": description });
            accounts.call(IamOperation::CreatePolicyV5, &[], Some(&body)).await?;
            output.sentence(&format!("the policy {name} is created"))
        }
        PolicyAction::List => {
            let policies = accounts.policies().await?;
            output.table(&policies, || {
                let mut table = Table::new(&["NAME", "KIND", "DESCRIPTION"]);
                for policy in &policies {
                    let kind = if text(policy, "policy_type") == "system" { "system" } else { "own" };
                    table.row(vec![text(policy, "policy_name"), kind.to_owned(), text(policy, "description")]);
                }
                table
            })
        }
        PolicyAction::Show { name } => {
            let policy = accounts.policy(name).await?;
            let (id, version) = (text(&policy, "policy_id"), text(&policy, "default_version_id"));
            let shown = accounts.call(IamOperation::GetPolicyVersionV5, &[&id, &version], None).await?;
            let document = shown.pointer("/policy_version/document").and_then(Value::as_str).unwrap_or_default();
            // A policy is JSON, whatever the format.
            match serde_json::from_str::<Value>(document) {
                Ok(policy) => print_json(&policy),
                Err(_) => Err(CliError::impossible("the server returns a policy that is not JSON")),
            }
        }
        PolicyAction::Update { name, file } => {
            let document = read(file)?;
            let id = text(&accounts.policy(name).await?, "policy_id");
            replace(accounts, &id, &document).await?;
            output.sentence(&format!("the policy {name} is replaced"))
        }
        PolicyAction::Delete { name } => {
            let id = text(&accounts.policy(name).await?, "policy_id");
            confirm(&format!("Delete the policy {name}?"), yes).map_err(CliError::impossible)?;
            accounts.call(IamOperation::DeletePolicyV5, &[&id], None).await?;
            output.sentence(&format!("the policy {name} is deleted"))
        }
        PolicyAction::Check(_) => Err(offline_only("the check of a user's rights")),
    }
}

/// Makes a new version the one that counts. A policy has five versions at most: the oldest one makes room.
async fn replace(accounts: &Accounts, id: &str, document: &str) -> Result<(), CliError> {
    let body = json!({ "policy_document": document, "set_as_default": true });
    match accounts.call(IamOperation::CreatePolicyVersionV5, &[id], Some(&body)).await {
        Err(CliError::Service(ClientError::Refused { code, .. })) if code == "PAP5.0028" => {
            let versions = accounts.all(IamOperation::ListPolicyVersionsV5, &[id], "versions").await?;
            let oldest = versions.iter().find(|version| version.get("is_default") == Some(&Value::Bool(false)));
            let oldest = oldest.map(|version| text(version, "version_id")).unwrap_or_default();
            accounts.call(IamOperation::DeletePolicyVersionV5, &[id, &oldest], None).await?;
            accounts.call(IamOperation::CreatePolicyVersionV5, &[id], Some(&body)).await.map(drop)
        }
        other => other.map(drop),
    }
}

fn read(file: &Path) -> Result<String, CliError> {
    let bytes = read_source(file, MAX_BYTES)?;
    let text = core::str::from_utf8(&bytes);
    text.map(str::to_owned).map_err(|_| CliError::usage(format!("{} is not text", file.display())))
}
