//! `csms secret update`: metadata, a new version, or both.

use std::path::PathBuf;

use clap::Args;
use csms_client::{Client, CreateVersionBody, UpdateSecretBody};
use csms_core::SecretName;

use super::{create::Settings, describe, describe_version, name};
use crate::{complete::secrets, failure::CliError, input::Form, moment::time_ahead, output::Output};

/// Arguments of `csms secret update`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    pub(super) name: SecretName,

    /// File with a value for a new version; `-` is standard input
    #[arg(long, value_name = "FILE")]
    value_file: Option<PathBuf>,

    #[command(flatten)]
    form: Form,

    /// Stage that moves to the new version, instead of SYSCURRENT; may be repeated
    #[arg(long = "stage", value_name = "NAME", requires = "value_file")]
    stages: Vec<String>,

    /// When the new version's expiry event fires: after a while such as 90d, on a day such as 2026-01-02, or at a time such as
    /// 2026-01-02T03:04:05Z
    #[arg(long, alias = "expire-time", value_name = "TIME", requires = "value_file", value_parser = time_ahead)]
    expires: Option<u64>,

    /// Rotate the secret on schedule, or no longer
    #[arg(long, value_name = "BOOLEAN")]
    auto_rotation: Option<bool>,

    #[command(flatten)]
    settings: Settings,
}

impl Arguments {
    fn changes_metadata(&self) -> bool {
        let Settings { description, kms_key_id, rotation_period, rotation_func_urn, event } = &self.settings;
        let texts = [description, kms_key_id, rotation_period, rotation_func_urn, event];
        self.auto_rotation.is_some() || texts.iter().any(|text| text.is_some())
    }
}

/// Changes the secret.
pub(super) async fn run(client: &Client, output: Output, arguments: Arguments) -> Result<(), CliError> {
    let settings = &arguments.settings;
    // Read first: nothing is changed when there is no value.
    let value = arguments.value_file.as_deref().map(|file| arguments.form.read(file)).transpose()?;
    if value.is_none() && !arguments.changes_metadata() {
        return Err(CliError::usage("nothing to change: give --value-file or a setting"));
    }
    if arguments.changes_metadata() {
        // An empty name means no event any more.
        let events: Option<Vec<_>> =
            settings.event.as_deref().map(|event| Some(event).filter(|event| !event.is_empty()).into_iter().collect());
        let body = UpdateSecretBody {
            kms_key_id: settings.kms_key_id.as_deref(),
            description: settings.description.as_deref(),
            auto_rotation: arguments.auto_rotation,
            rotation_period: settings.rotation_period.as_deref(),
            rotation_func_urn: settings.rotation_func_urn.as_deref(),
            event_subscriptions: events.as_deref(),
        };
        let answer = client.update_secret(&arguments.name, &body).await?;
        if value.is_none() {
            return output.changed("the secret is changed", &answer, |facts| describe(&answer.secret, facts));
        }
    }
    let Some(value) = value else { return Ok(()) };
    let stages: Vec<_> = arguments.stages.iter().map(String::as_str).collect();
    let body = CreateVersionBody {
        secret_string: value.text.as_ref().map(|text| text.as_str()),
        secret_binary: value.base64.as_ref().map(|text| text.as_str()),
        version_stages: (!stages.is_empty()).then_some(stages.as_slice()),
        expire_time: arguments.expires,
    };
    let answer = client.create_version(&arguments.name, &body).await?;
    output.changed("the new version is stored", &answer, |facts| describe_version(&answer.version_metadata, facts))
}
