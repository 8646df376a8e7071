//! `csms secret create`, and the settings of a secret that `update` shares with it.

use std::path::PathBuf;

use clap::Args;
use csms_client::{Client, CreateSecretBody};
use csms_core::SecretName;

use serde_json::json;
use zeroize::Zeroizing;

use super::{
    database::{DatabaseLogin, LoginFlags},
    describe, name,
};
use crate::{
    failure::CliError,
    input::{Form, Value, password},
    output::Output,
};

const TYPES: [&str; 3] = ["COMMON", "RDS-FG", "GaussDB-FG"];

/// Arguments of `csms secret create`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name)]
    pub(super) name: SecretName,

    /// File with the value; `-` is standard input, and on a terminal asks for it
    #[arg(long, value_name = "FILE", default_value = "-")]
    value_file: PathBuf,

    /// Let the service make a random value
    #[arg(long, conflicts_with_all = ["value_file", "binary", "exact", "login"])]
    generate: bool,

    /// Length of the random value [default: 32]
    #[arg(long, value_name = "NUMBER", requires = "generate")]
    length: Option<u16>,

    /// Characters that the random value does without
    #[arg(long, value_name = "CHARACTERS", requires = "generate")]
    without: Option<String>,

    #[command(flatten)]
    login: LoginFlags,

    #[command(flatten)]
    form: Form,

    /// Type of the secret
    #[arg(long = "type", value_name = "TYPE", value_parser = TYPES, default_value = "COMMON", conflicts_with = "login")]
    kind: String,

    /// How the account is rotated: a JSON object with InstanceId and SecretSubType
    #[arg(long, value_name = "JSON")]
    rotation_config: Option<String>,

    /// Enterprise project that the secret belongs to
    #[arg(long, value_name = "ID")]
    enterprise_project_id: Option<String>,

    /// Rotate the secret on schedule
    #[arg(long, requires = "rotation_period")]
    auto_rotation: bool,

    /// Rotate the secret on schedule, at this interval: the same as --auto-rotation --rotation-period
    #[arg(long, value_name = "PERIOD", conflicts_with = "rotation_period")]
    every: Option<String>,

    #[command(flatten)]
    settings: Settings,
}

/// What can be set when a secret is made and changed later.
#[derive(Args, Debug, Default)]
pub(super) struct Settings {
    /// Description, at most 2048 bytes
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,

    /// Key that protects the values of versions to come
    #[arg(long, value_name = "ID")]
    pub(super) kms_key_id: Option<String>,

    /// Time between two rotations, for example 30d or 12h
    #[arg(long, value_name = "PERIOD")]
    pub(super) rotation_period: Option<String>,

    /// Function that rotates the secret
    #[arg(long, value_name = "URN")]
    pub(super) rotation_func_urn: Option<String>,

    /// Event to subscribe to
    #[arg(long, value_name = "NAME")]
    pub(super) event: Option<String>,
}

/// Makes the secret.
pub(super) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
    function: Option<String>,
) -> Result<(), CliError> {
    let login = arguments.login.login();
    let value = match &login {
        Some(login) => Value::text(login.value(&password(&arguments.value_file, &login.account())?)),
        None if arguments.generate => {
            let mut rules = json!({});
            if let Some(length) = arguments.length {
                rules["length"] = json!(length);
            }
            if let Some(without) = &arguments.without {
                rules["exclude_characters"] = json!(without);
            }
            Value::text(Zeroizing::new(client.generate_password(&rules).await?.password.clone()))
        }
        None => arguments.form.read(&arguments.value_file)?,
    };
    let settings = &arguments.settings;
    let events: Option<Vec<_>> = settings.event.as_deref().map(|event| vec![event]);
    let function = match (&login, &settings.rotation_func_urn) {
        (_, Some(function)) => Some(function.clone()),
        (Some(_), None) => Some(function.ok_or_else(|| {
            let reason = "the credentials file names no rotation function; give --rotation-func-urn URN";
            CliError::usage(reason)
        })?),
        (None, None) => None,
    };
    let config = arguments.rotation_config.clone().or_else(|| login.as_ref().map(DatabaseLogin::rotation_config));
    let answer = client
        .create_secret(&CreateSecretBody {
            name: arguments.name.as_str(),
            secret_string: value.text.as_ref().map(|text| text.as_str()),
            secret_binary: value.base64.as_ref().map(|text| text.as_str()),
            description: settings.description.as_deref(),
            kms_key_id: settings.kms_key_id.as_deref(),
            secret_type: Some(login.as_ref().map_or(arguments.kind.as_str(), |login| login.kind)),
            auto_rotation: (arguments.auto_rotation || arguments.every.is_some()).then_some(true),
            rotation_period: arguments.every.as_deref().or(settings.rotation_period.as_deref()),
            rotation_config: config.as_deref(),
            rotation_func_urn: function.as_deref(),
            event_subscriptions: events.as_deref(),
            enterprise_project_id: arguments.enterprise_project_id.as_deref(),
        })
        .await?;
    output.changed("the secret is created", &answer, |facts| describe(&answer.secret, facts))
}

#[cfg(test)]
mod tests {
    use csms_core::SecretType;

    use super::TYPES;

    #[test]
    fn every_choice_of_a_type_is_one() {
        for word in TYPES {
            assert!(SecretType::from_word(word).is_some());
        }
    }
}
