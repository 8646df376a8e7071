//! `csms secret delete` and `csms secret restore`.

use clap::Args;
use csms_client::Client;
use csms_core::SecretName;

use super::{describe, name};
use crate::{failure::CliError, output::Output};

/// Arguments of `csms secret delete`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name)]
    pub(super) name: SecretName,

    /// Days until it is gone; until then `csms secret restore` keeps it
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u8).range(7..=30))]
    in_days: u8,

    /// Delete it at once and for good, with all its versions
    #[arg(long, conflicts_with = "in_days")]
    now: bool,
}

/// Deletes the secret or schedules that.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    if arguments.now {
        client.delete_secret(&arguments.name).await?;
        return output.sentence(&format!("{} is deleted", arguments.name));
    }
    let answer = client.schedule_deletion(&arguments.name, arguments.in_days).await?;
    output.facts(&answer, |facts| describe(&answer.secret, facts))
}

/// Arguments of `csms secret restore`.
#[derive(Args, Debug)]
pub(super) struct Kept {
    /// Name of the secret
    #[arg(value_parser = name)]
    pub(super) name: SecretName,
}

/// Keeps a secret that was to be deleted.
pub(super) async fn keep(client: &Client, output: Output, arguments: &Kept) -> Result<(), CliError> {
    let answer = client.restore_secret(&arguments.name).await?;
    output.facts(&answer, |facts| describe(&answer.secret, facts))
}
