//! `csms secret delete` and `csms secret restore`.

use clap::Args;
use csms_client::Client;
use csms_core::SecretName;

use super::{describe, name};
use crate::{
    complete::secrets,
    confirm::confirm,
    failure::CliError,
    output::{Output, time_or_none},
};

/// Arguments of `csms secret delete`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    pub(super) name: SecretName,

    /// Days until it is gone; until then `csms secret restore` keeps it
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u8).range(7..=30))]
    in_days: u8,

    /// Delete it at once and for good, with all its versions
    #[arg(long, conflicts_with = "in_days")]
    now: bool,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Deletes the secret or schedules that.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    if arguments.now {
        let question = format!("Delete the secret {} with all its versions, at once and for good?", arguments.name);
        confirm(&question, arguments.yes).map_err(CliError::impossible)?;
        client.delete_secret(&arguments.name).await?;
        return output.sentence(&format!("{} is deleted", arguments.name));
    }
    let answer = client.schedule_deletion(&arguments.name, arguments.in_days).await?;
    let end = time_or_none(answer.secret.scheduled_delete_time);
    output.sentence(&format!("{0} is deleted at {end}; `csms secret restore {0}` keeps it", arguments.name))?;
    output.changed("the deletion is scheduled", &answer, |facts| describe(&answer.secret, facts))
}

/// Arguments of `csms secret restore`.
#[derive(Args, Debug)]
pub(super) struct Kept {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    pub(super) name: SecretName,
}

/// Keeps a secret that was to be deleted.
pub(super) async fn keep(client: &Client, output: Output, arguments: &Kept) -> Result<(), CliError> {
    let answer = client.restore_secret(&arguments.name).await?;
    output.sentence(&format!("{} is kept", arguments.name))?;
    output.changed("the secret is kept", &answer, |facts| describe(&answer.secret, facts))
}
