//! `csms secret stage`.

use clap::{Args, Subcommand};
use csms_api::response::StageResponse;
use csms_client::Client;
use csms_core::{SecretName, StageName, VersionId};

use super::name;
use crate::{
    complete::secrets,
    confirm::confirm,
    failure::CliError,
    output::{Output, parsed, time},
};

/// Arguments of `csms secret stage`.
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with a stage.
#[derive(Subcommand, Debug)]
enum Action {
    /// Show which version a stage marks
    #[command(alias = "show")]
    Get {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name of the stage
        #[arg(value_parser = stage_name)]
        stage: StageName,
    },
    /// Mark a version with a stage, which leaves the version it marked before
    Set {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name of the stage
        #[arg(value_parser = stage_name)]
        stage: StageName,
        /// Version to mark, vN
        #[arg(value_parser = version)]
        version: VersionId,
    },
    /// Delete a stage; its version stays
    Delete {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name of the stage
        #[arg(value_parser = stage_name)]
        stage: StageName,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

fn stage_name(text: &str) -> Result<StageName, String> {
    parsed(StageName::parse(text))
}

fn version(text: &str) -> Result<VersionId, String> {
    parsed(VersionId::parse(text))
}

impl Arguments {
    /// The stage that the command is about.
    pub(super) fn subject(&self) -> String {
        let (Action::Get { name, stage } | Action::Set { name, stage, .. } | Action::Delete { name, stage, .. }) =
            &self.action;
        format!("stage {stage} of secret {name}")
    }
}

/// Shows, moves or deletes a stage.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    match &arguments.action {
        Action::Get { name, stage } => show(output, &client.show_stage(name, stage).await?),
        Action::Set { name, stage, version } => {
            let answer = client.update_stage(name, stage, *version).await?;
            show(output, &answer).map_err(|error| error.though_done("the stage is moved"))
        }
        Action::Delete { name, stage, yes } => {
            confirm(&format!("Delete the stage {stage} of {name}?"), *yes).map_err(CliError::impossible)?;
            client.delete_stage(name, stage).await?;
            output.sentence(&format!("the stage {stage} of {name} is deleted"))
        }
    }
}

fn show(output: Output, answer: &StageResponse) -> Result<(), CliError> {
    output.facts(answer, |facts| {
        facts.add("secret", &answer.stage.secret_name);
        facts.add("stage", &answer.stage.name);
        facts.add("version", &answer.stage.version_id);
        facts.add("updated", time(answer.stage.update_time));
    })
}
