//! `csms secret replica`.

use clap::{Args, Subcommand};
use csms_client::Client;
use csms_core::{KeyId, RegionName, SecretName};

use super::{describe, name};
use crate::{
    complete::secrets,
    confirm::confirm,
    failure::CliError,
    output::{Output, Table, parsed},
};

const EXAMPLES: &str = "\
Examples:
  csms secret replica regions               where the secrets of the project may have replicas
  csms secret replica create db eu-1        a copy that follows every change from now on
  csms secret replica delete db eu-1";

/// Arguments of `csms secret replica`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with a replica.
#[derive(Subcommand, Debug)]
enum Action {
    /// Copy a secret to another region, where it can be read and follows the primary
    Create {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name of the region
        #[arg(value_parser = region)]
        region: RegionName,
        /// KMS key of the region's project for its values [default: csms/default]
        #[arg(long, value_name = "ID", value_parser = key)]
        kms_key: Option<KeyId>,
    },
    /// Delete the copy in a region, at once
    Delete {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name of the region
        #[arg(value_parser = region)]
        region: RegionName,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// List the regions in which secrets of the project may have replicas
    Regions,
}

fn region(text: &str) -> Result<RegionName, String> {
    parsed(RegionName::parse(text))
}

fn key(text: &str) -> Result<KeyId, String> {
    parsed(KeyId::parse(text))
}

/// Makes or deletes a replica, or lists regions.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    match &arguments.action {
        Action::Create { name, region, kms_key } => {
            let answer = client.create_replica(name, region, kms_key.as_ref()).await?;
            output.changed("the replica is created", &answer, |facts| describe(&answer.secret, facts))
        }
        Action::Delete { name, region, yes } => {
            confirm(&format!("Delete the replica of {name} in {region}?"), *yes).map_err(CliError::impossible)?;
            client.delete_replica(name, region).await?;
            output.sentence(&format!("the replica of {name} in {region} is deleted"))
        }
        Action::Regions => {
            let answer = client.list_replica_regions().await?;
            output.table(&answer, || {
                let mut table = Table::new(&["REGION"]);
                answer.regions.iter().for_each(|region| table.row(vec![region.clone()]));
                table
            })
        }
    }
}
