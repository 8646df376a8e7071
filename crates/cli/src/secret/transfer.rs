//! `csms secret export` and `csms secret import`: many values at once, as JSON or as a file of variables.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use csms_client::{Client, CreateSecretBody};
use csms_core::SecretName;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{name, value_bytes};
use crate::{
    complete::secrets,
    dotenv,
    failure::CliError,
    input::read_source,
    output::{Output, print},
};

/// Most secrets of one import, as BatchImportSecrets takes them.
const BATCH: usize = 100;

/// Most bytes of a file.
const MAX_BYTES: u64 = 12 * 1024 * 1024;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A JSON object of names and values
    Json,
    /// NAME=VALUE on each line
    Env,
}

/// Arguments of `csms secret export`.
#[derive(Args, Debug)]
pub(super) struct Export {
    /// Names of the secrets
    #[arg(required = true, value_parser = name, add = secrets())]
    names: Vec<SecretName>,

    /// Form of the file
    #[arg(long, value_enum, default_value = "json")]
    form: Form,

    /// File to write, which must not be there yet; `-` is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    file: PathBuf,

    /// Write the members of each value, which must be a JSON object, instead of the value under the secret's name
    #[arg(long)]
    members: bool,
}

/// Arguments of `csms secret import`.
#[derive(Args, Debug)]
pub(super) struct Import {
    /// File with names and values; `-` is standard input
    file: PathBuf,

    /// Form of the file [default: env for a file whose name ends in .env, otherwise json]
    #[arg(long, value_enum)]
    form: Option<Form>,

    /// Make one secret whose value is a JSON object of all names and values, instead of one secret for each
    #[arg(long, value_name = "NAME", value_parser = name, conflicts_with = "prefix")]
    into: Option<SecretName>,

    /// Text before the name of each secret
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

/// Writes the current values of secrets.
pub(super) async fn export(client: &Client, output: Output, arguments: &Export) -> Result<(), CliError> {
    let mut values = Map::new();
    for name in &arguments.names {
        let about = |error: CliError| error.about(format!("secret {name}"));
        let answer = client.show_version(name, "latest").await.map_err(|error| about(error.into()))?;
        let bytes = value_bytes(&answer)?;
        let text = core::str::from_utf8(&bytes).ok().filter(|_| answer.version.secret_binary.is_none());
        let text = text.ok_or_else(|| {
            about(CliError::impossible("the value is binary; `csms secret get --value` or `csms backup` writes it"))
        })?;
        if !arguments.members {
            values.insert(name.to_string(), Value::from(text));
            continue;
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => values.extend(members),
            _ => return Err(about(CliError::impossible("the value is not a JSON object"))),
        }
    }
    let text = match arguments.form {
        Form::Json => serde_json::to_string_pretty(&values).map(|text| Zeroizing::new(text + "\n")),
        Form::Env => Ok(lines(&values)),
    };
    let text = text.map_err(|error| CliError::io("write the values as JSON", error.into()))?;
    if arguments.file == Path::new("-") {
        return print(text.as_bytes());
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&arguments.file);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| CliError::io(format!("write {}", arguments.file.display()), error))?;
    let count = if values.len() == 1 { "1 value is".to_owned() } else { format!("{} values are", values.len()) };
    output.sentence(&format!("{count} written to {}", arguments.file.display()))
}

/// Values as variables: a dash, which no shell takes in a name, becomes an underscore.
fn lines(values: &Map<String, Value>) -> Zeroizing<String> {
    values.iter().fold(Zeroizing::new(String::new()), |mut text, (name, value)| {
        let value = match value {
            Value::String(value) => Zeroizing::new(value.clone()),
            other => Zeroizing::new(other.to_string()),
        };
        text.push_str(&dotenv::line(&name.replace('-', "_"), &value));
        text
    })
}

/// Makes secrets of the names and values in a file.
pub(super) async fn import(client: &Client, output: Output, arguments: &Import) -> Result<(), CliError> {
    let bytes = read_source(&arguments.file, MAX_BYTES)?;
    let shown = arguments.file.display();
    let text = core::str::from_utf8(&bytes).map_err(|_| CliError::usage(format!("{shown} is not text")))?;
    let is_env = arguments.file.to_string_lossy().ends_with(".env");
    let form = arguments.form.unwrap_or(if is_env { Form::Env } else { Form::Json });
    let values = read(form, text).map_err(|problem| CliError::usage(format!("{shown}: {problem}")))?;
    if values.is_empty() {
        return Err(CliError::usage(format!("{shown} names no value")));
    }
    if let Some(name) = &arguments.into {
        let members = values.into_iter().map(|(name, value)| (name, Value::from(value.as_str()))).collect();
        let value = Zeroizing::new(Value::Object(members).to_string());
        let body = CreateSecretBody { name: name.as_str(), secret_string: Some(&value), ..CreateSecretBody::default() };
        let answer =
            client.create_secret(&body).await.map_err(|error| CliError::from(error).about(format!("secret {name}")))?;
        return output.facts(&answer, |facts| super::describe(&answer.secret, facts));
    }
    let prefix = arguments.prefix.as_deref().unwrap_or_default();
    let names: Vec<String> = values.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
    let wrong: Vec<_> = names.iter().filter(|name| SecretName::parse(name.as_str()).is_err()).cloned().collect();
    if !wrong.is_empty() {
        return Err(CliError::usage(format!("{shown}: {} cannot be names of secrets", wrong.join(", "))));
    }
    let bodies = names.iter().zip(&values).map(|(name, (_, value))| CreateSecretBody {
        name,
        secret_string: Some(value),
        ..CreateSecretBody::default()
    });
    let bodies: Vec<_> = bodies.collect();
    let (mut made, mut failed) = (0, Vec::new());
    for batch in bodies.chunks(BATCH) {
        let answer = client.batch_import(batch).await?;
        made += answer.success;
        failed.extend(answer.error_list);
    }
    output.sentence(&format!("{made} of {} secrets are created", names.len()))?;
    if failed.is_empty() {
        return Ok(());
    }
    let reasons: String = failed.iter().map(|one| format!("\n  {}: {}", one.name, one.error_msg)).collect();
    Err(CliError::impossible(format!("{} secrets are not created:{reasons}", failed.len())))
}

/// Names and values, each name once.
fn read(form: Form, text: &str) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    let read: Vec<(String, Zeroizing<String>)> = match form {
        Form::Env => dotenv::read(text)?.into_iter().map(|variable| (variable.name, variable.value)).collect(),
        Form::Json => match serde_json::from_str(text) {
            Ok(Value::Object(members)) => members
                .into_iter()
                .map(|(name, value)| match value {
                    Value::String(value) => (name, Zeroizing::new(value)),
                    other => (name, Zeroizing::new(other.to_string())),
                })
                .collect(),
            Ok(_) => return Err("it must be a JSON object of names and values".to_owned()),
            Err(error) => {
                return Err(format!("it is not JSON: see line {}, column {}", error.line(), error.column()));
            }
        },
    };
    let repeated =
        read.iter().enumerate().find(|(index, (name, _))| read.iter().take(*index).any(|one| one.0 == *name));
    match repeated {
        Some((_, (name, _))) => Err(format!("{name} is there twice")),
        None => Ok(read),
    }
}
