//! `csms exec`: runs a program with the values of secrets in its environment.
//!
//! The program takes this process's place, so its exit status is ours and signals reach it directly.

use std::{collections::BTreeMap, ffi::OsString, os::unix::process::CommandExt, process::Command};

use clap::Args;
use csms_core::SecretName;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    command::block_on,
    connection::{Connection, KEY_VARIABLES},
    failure::CliError,
    secret::{name, value_bytes},
};

const EXAMPLES: &str = "\
Examples:
  csms exec --secret db -- printenv password
  csms exec --secret db --prefix DB_ --upper -- ./service      DB_HOST, DB_PASSWORD, …
  csms exec --secret api-key --variable API_KEY -- ./service

Exit status: that of the program; 125 when there is no value for it, 126 when it cannot be run, 127 when it is not found.";

/// Exit status when the program was not tried, as `env` and container runtimes have it.
const NOT_TRIED: u8 = 125;
const NOT_RUNNABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Arguments of `csms exec`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Secret whose value is a JSON object; each member becomes a variable. May be repeated
    #[arg(long = "secret", value_name = "NAME", required = true, value_parser = name)]
    secrets: Vec<SecretName>,

    /// Put this before each variable's name
    #[arg(long, value_name = "PREFIX", default_value = "")]
    prefix: String,

    /// Write names of variables in capital letters
    #[arg(long)]
    upper: bool,

    /// Put the whole value, which may be any text, into this variable
    #[arg(long, value_name = "NAME", conflicts_with_all = ["prefix", "upper"])]
    variable: Option<String>,

    /// Version to read: vN, or `latest` for the one marked SYSCURRENT
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    version: String,

    /// Leave the variables with the caller's own keys (HUAWEICLOUD_SDK_AK, …) in the program's environment
    #[arg(long)]
    keep_keys: bool,

    #[command(flatten)]
    connection: Connection,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// Becomes the program; returns only when that fails.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let variables = block_on(read(arguments)).map_err(|error| not_tried(error.to_string()))?;
    let Some((program, rest)) = arguments.program.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(rest);
    if !arguments.keep_keys {
        KEY_VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
    }
    command.envs(variables.iter().map(|(name, value)| (name, value.as_str())));
    let error = command.exec();
    let status = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
    Err(CliError::Exec { message: format!("cannot run {}: {error}", program.display()), status })
}

fn not_tried(message: impl Into<String>) -> CliError {
    CliError::Exec { message: message.into(), status: NOT_TRIED }
}

type Variables = BTreeMap<String, Zeroizing<String>>;

async fn read(arguments: &Arguments) -> Result<Variables, CliError> {
    let client = arguments.connection.client()?;
    let mut variables = Variables::new();
    for secret in &arguments.secrets {
        let answer = client.show_version(secret, &arguments.version).await?;
        let value = value_bytes(&answer)?;
        let text = core::str::from_utf8(&value);
        let text = text.map_err(|_| CliError::impossible(format!("the value of {secret} is not text")))?;
        let members = match &arguments.variable {
            Some(variable) => vec![(variable.clone(), Zeroizing::new(text.to_owned()))],
            None => members(text, secret)?,
        };
        for (name, value) in members {
            let name = format!("{}{name}", arguments.prefix);
            let name = if arguments.upper { name.to_ascii_uppercase() } else { name };
            judge(&name, &value).map_err(|rule| CliError::impossible(format!("{name}, of {secret}, {rule}")))?;
            if variables.insert(name.clone(), value).is_some() {
                return Err(CliError::impossible(format!("{name}, of {secret}, is in more than one of the secrets")));
            }
        }
    }
    Ok(variables)
}

/// The members of a JSON object as texts. A member that is `null` is left out.
fn members(text: &str, secret: &SecretName) -> Result<Vec<(String, Zeroizing<String>)>, CliError> {
    let Ok(Value::Object(object)) = serde_json::from_str(text) else {
        let hint = "is not a JSON object; give --variable to put it into one variable";
        return Err(CliError::impossible(format!("the value of {secret} {hint}")));
    };
    let texts = object.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((name, Zeroizing::new(text))),
        other => Some((name, Zeroizing::new(other.to_string()))),
    });
    Ok(texts.collect())
}

/// Whether a variable can be set. Whoever may write a secret must not thereby decide which code the program loads.
fn judge(name: &str, value: &str) -> Result<(), &'static str> {
    const OF_THE_SYSTEM: [&str; 6] = ["PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PYTHONPATH"];
    let is_name = |name: &str| {
        !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    if name.is_empty() || !is_name(name) {
        return Err("is no name of a variable: letters, digits and _, not beginning with a digit");
    }
    if OF_THE_SYSTEM.contains(&name) || name.starts_with("LD_") || name.starts_with("DYLD_") {
        return Err("would change how programs are found or loaded; give --prefix");
    }
    if value.contains('\0') { Err("has a zero byte, which no variable can hold") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn texts(value: &str) -> Vec<(String, String)> {
        let secret = SecretName::parse("db").unwrap();
        members(value, &secret).unwrap().into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    #[test]
    fn each_member_of_an_object_becomes_a_text() {
        let found = texts(r#"{"user":"app","port":5432,"tls":true,"none":null,"list":[1,"a"]}"#);
        let expected = [("list", r#"[1,"a"]"#), ("port", "5432"), ("tls", "true"), ("user", "app")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_value_that_is_no_object_is_refused_without_quoting_it() {
        let error = members("hunter2", &SecretName::parse("db").unwrap()).unwrap_err().to_string();
        assert!(error.contains("--variable") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn names_that_decide_what_is_loaded_are_refused() {
        for name in ["LD_PRELOAD", "PATH", "", "1a", "a=b", "a b", "DYLD_INSERT_LIBRARIES"] {
            assert!(judge(name, "x").is_err(), "{name}");
        }
        assert!(judge("DB_PATH", "x").is_ok());
        assert!(judge("DB_PATH", "a\0b").is_err());
    }
}
