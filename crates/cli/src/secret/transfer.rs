//! `csms secret export` and `csms secret import`: many values at once, as JSON or as a file of variables.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use csms_client::{Client, CreateSecretBody};
use csms_core::SecretName;
use zeroize::Zeroizing;

use super::{name, value_bytes};
use crate::{
    complete::secrets,
    dotenv,
    failure::CliError,
    input::read_source,
    new_file::write_new,
    output::{Output, print},
    written::{Member, Unread, members},
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
    let mut texts = Vec::new();
    for name in &arguments.names {
        let about = |error: CliError| error.about(format!("secret {name}"));
        let answer = client.show_version(name, "latest").await.map_err(|error| about(error.into()))?;
        let bytes = value_bytes(&answer)?;
        let text = core::str::from_utf8(&bytes).ok().filter(|_| answer.version.secret_binary.is_none());
        let text = text.ok_or_else(|| {
            about(CliError::impossible("the value is binary; `csms secret get --value` or `csms backup` writes it"))
        })?;
        texts.push((name, Zeroizing::new(text.to_owned())));
    }
    let mut values = BTreeMap::new();
    for (name, text) in &texts {
        if !arguments.members {
            values.insert(name.to_string(), Member::Text(text.clone()));
            continue;
        }
        let about = |reason: String| CliError::impossible(reason).about(format!("secret {name}"));
        for (member, value) in members(text).map_err(|unread| about(not_exported(&unread)))? {
            if values.contains_key(&member) {
                let reason = format!("the member {} is in another of the secrets, too", member.escape_debug());
                return Err(about(reason));
            }
            values.insert(member, value);
        }
    }
    let text = match arguments.form {
        Form::Json => serde_json::to_string_pretty(&values).map(|text| Zeroizing::new(text + "\n")),
        Form::Env => Ok(lines(&values)?),
    };
    let text = text.map_err(|error| CliError::io("write the values as JSON", error.into()))?;
    if arguments.file == Path::new("-") {
        return print(text.as_bytes());
    }
    write_new(&arguments.file, text.as_bytes())?;
    let count = if values.len() == 1 { "1 value is".to_owned() } else { format!("{} values are", values.len()) };
    output.sentence(&format!("{count} written to {}", arguments.file.display()))
}

/// Why the members of a value are not written.
fn not_exported(unread: &Unread) -> String {
    match unread {
        Unread::Repeated(name) => format!("the value has the member {} twice", name.escape_debug()),
        Unread::Malformed { .. } | Unread::NoObject => "the value is not a JSON object".to_owned(),
    }
}

/// Values as variables: a dash, which no shell takes in a name, becomes an underscore.
///
/// # Errors
/// Two names that become one.
fn lines(values: &BTreeMap<String, Member<'_>>) -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::new());
    let mut variables = BTreeMap::new();
    for (name, value) in values {
        let variable = name.replace('-', "_");
        text.push_str(&dotenv::line(&variable, value.as_str()));
        if let Some(other) = variables.insert(variable, name) {
            let (one, other) = (other.escape_debug(), name.escape_debug());
            return Err(CliError::impossible(format!("{one} and {other} would be one variable; give --form json")));
        }
    }
    Ok(text)
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
        let value = serde_json::to_string(&values.into_iter().collect::<BTreeMap<_, _>>()).map(Zeroizing::new);
        let value = value.map_err(|error| CliError::io("write the values as JSON", error.into()))?;
        let body = CreateSecretBody { name: name.as_str(), secret_string: Some(&value), ..CreateSecretBody::default() };
        let answer =
            client.create_secret(&body).await.map_err(|error| CliError::from(error).about(format!("secret {name}")))?;
        return output.changed("the secret is created", &answer, |facts| super::describe(&answer.secret, facts));
    }
    let prefix = arguments.prefix.as_deref().unwrap_or_default();
    let names: Vec<String> = values.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
    let wrong: Vec<_> = names.iter().filter(|name| SecretName::parse(name.as_str()).is_err()).cloned().collect();
    if !wrong.is_empty() {
        return Err(CliError::usage(format!("{shown}: {} cannot be names of secrets", wrong.join(", "))));
    }
    let bodies = names.iter().zip(&values).map(|(name, (_, value))| CreateSecretBody {
        name,
        secret_string: Some(value.as_str()),
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
    let number = match failed.len() {
        1 => "one secret is".to_owned(),
        number => format!("{number} secrets are"),
    };
    Err(CliError::impossible(format!("{number} not created:{reasons}")))
}

/// Names and values, each name once.
fn read(form: Form, text: &str) -> Result<Vec<(String, Member<'_>)>, String> {
    match form {
        Form::Env => {
            let mut read: Vec<(String, Member<'_>)> = Vec::new();
            for variable in dotenv::read(text)? {
                if read.iter().any(|(name, _)| *name == variable.name) {
                    return Err(Unread::Repeated(variable.name).to_string());
                }
                read.push((variable.name, Member::Text(variable.value)));
            }
            Ok(read)
        }
        Form::Json => members(text).map_err(|unread| match unread {
            Unread::NoObject => "it must be a JSON object of names and values".to_owned(),
            other => other.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

    use super::*;

    fn found(form: Form, text: &str) -> Result<Vec<(String, String)>, String> {
        let read = read(form, text)?;
        Ok(read.into_iter().map(|(name, value)| (name, value.as_str().to_owned())).collect())
    }

    #[test]
    fn values_are_imported_as_they_are_written() {
        let read = found(Form::Json, r#"{"m1":1.10,"m2":12345678901234567890123,"m3":1e3,"m4":null}"#).unwrap();
        let expected = [("m1", "1.10"), ("m2", "12345678901234567890123"), ("m3", "1e3"), ("m4", "null")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_in_both_forms() {
        for (form, text) in [(Form::Json, r#"{"i7":"a","i7":"b"}"#), (Form::Env, "i7=a\ni7=b\n")] {
            assert_eq!(found(form, text).unwrap_err(), "i7 is there twice");
        }
    }

    #[test]
    fn members_are_exported_as_they_are_written() {
        let text = r#"{"pin":1.10,"acct":12345678901234567890123,"user":"app"}"#;
        let values: BTreeMap<_, _> = members(text).unwrap().into_iter().collect();
        assert_eq!(lines(&values).unwrap().as_str(), "acct=12345678901234567890123\npin=1.10\nuser=app\n");
        let sorted = r#"{"acct":12345678901234567890123,"pin":1.10,"user":"app"}"#;
        assert_eq!(serde_json::to_string(&values).unwrap(), sorted);
    }

    #[test]
    fn two_names_that_would_be_one_variable_are_refused() {
        let values: BTreeMap<_, _> = members(r#"{"a-b":"1","a_b":"2"}"#).unwrap().into_iter().collect();
        assert!(lines(&values).unwrap_err().to_string().starts_with("a-b and a_b would be one variable"));
    }
}
