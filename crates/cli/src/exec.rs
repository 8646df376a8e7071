//! `csms exec`: runs a program with the values of secrets in its environment.
//!
//! The program replaces this process, so its exit status is ours and signals reach it directly. Which members become
//! variables is decided in `choice`.

use std::{collections::BTreeSet, ffi::OsString, os::unix::process::CommandExt, process::Command};

use clap::Args;
use csms_core::SecretName;
use zeroize::Zeroizing;

use crate::{
    command::block_on,
    complete::secrets,
    connection::{Connection, KEY_VARIABLES},
    failure::CliError,
    secret::{name, value_bytes},
    written::Unread,
};

mod choice;
mod loader_variables;

use choice::{Choice, Chosen, Members, Refused, Variables, is_variable_name, members};
use loader_variables::is_listed;

const EXAMPLES: &str = "\
Examples:
  csms exec --secret db --only password -- printenv password
  csms exec --secret db --prefix DB_ --upper -- ./service      DB_HOST, DB_PASSWORD, …
  csms exec --secret db --map password=PGPASSWORD -- psql
  csms exec --secret api-key --variable API_KEY -- ./service

Exit status: that of the program; 125 when it was not tried, 126 when it cannot be run, 127 when it is not found.";

const CHOICE: &str = "\
The writer of a secret chooses the names of its members, and some names decide which code a program runs. So the caller \
says which members become variables: --only, --map, --prefix, --all or --variable. Without one of them the program is not \
run, and the names of the members are printed (125).

No option sets LD_*, DYLD_*, PATH, IFS, ENV, BASH_ENV, SHELLOPTS or PYTHONPATH. A variable that is already set is replaced \
only by --only, --map and --variable. --all leaves out the names below and --prefix refuses them, in capital or small \
letters (but not cc, display, env, lang, language, mail, more, pwd, temp, term and user in small ones). No such list is \
complete: prefer --only and --map.
";

/// Help for `--help`: examples and the names that are not set unasked.
fn long_help() -> String {
    format!("{EXAMPLES}\n\n{CHOICE}\n{}", loader_variables::description())
}

/// Exit status when the program was not tried, as `env` and container runtimes have it.
const NOT_TRIED: u8 = 125;
const NOT_RUNNABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Arguments of `csms exec`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = long_help())]
pub struct Arguments {
    /// Secret whose value is a JSON object; its members become variables as the options below say. May be repeated
    #[arg(long = "secret", value_name = "NAME", required = true, value_parser = name, add = secrets())]
    secrets: Vec<SecretName>,

    #[command(flatten)]
    choice: Choice,

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

/// The variables of all secrets.
///
/// # Errors
/// A secret that cannot be read, or everything that is wrong with the choice of members.
async fn read(arguments: &Arguments) -> Result<Variables, CliError> {
    let Arguments { secrets, choice, version, connection, .. } = arguments;
    let client = connection.client().await?;
    let mut values = Vec::new();
    for secret in secrets {
        let answer = client.show_version(secret, version).await;
        let answer = answer.map_err(|error| CliError::from(error).about(format!("secret {secret}")))?;
        let value = value_bytes(&answer)?;
        let text = core::str::from_utf8(&value);
        let text = text.map_err(|_| CliError::impossible(format!("the value of {secret} is not text")))?;
        values.push((secret, Zeroizing::new(text.to_owned())));
    }
    if let Some(variable) = &choice.variable {
        return merge(values.into_iter().map(|(secret, text)| {
            let variables = choice.whole(variable, text);
            (secret, variables.map(|variables| Chosen { variables, ..Chosen::default() }))
        }));
    }
    let objects = values.into_iter().map(|(secret, text)| Ok((secret, object(&text, secret)?)));
    let objects = objects.collect::<Result<Vec<_>, CliError>>()?;
    if !choice.is_made() {
        return Err(no_choice(&objects));
    }
    let is_set = |name: &str| std::env::var_os(name).is_some();
    merge(objects.into_iter().map(|(secret, members)| (secret, choice.choose(members, is_set))))
}

/// Puts the variables of all secrets together.
///
/// # Errors
/// All variables that are refused, are in more than one secret, or belong to a member that is in none of them.
fn merge<'a>(
    choices: impl Iterator<Item = (&'a SecretName, Result<Chosen, Vec<Refused>>)>,
) -> Result<Variables, CliError> {
    let mut variables = Variables::new();
    let mut missing: Option<BTreeSet<String>> = None;
    let mut problems = Vec::new();
    for (secret, chosen) in choices {
        let chosen = match chosen {
            Ok(chosen) => chosen,
            Err(refused) => {
                problems.extend(refused.iter().map(|refused| format!("{refused} (of {secret})")));
                continue;
            }
        };
        if !chosen.left_out.is_empty() {
            report_left_out(secret, &chosen.left_out);
        }
        // A member that is asked for has to be in one of the secrets, not in each of them.
        missing = Some(match missing {
            Some(missing) => &missing & &chosen.missing,
            None => chosen.missing,
        });
        for (name, value) in chosen.variables {
            if variables.insert(name.clone(), value).is_some() {
                problems.push(format!("{name} (of {secret}) is in more than one of the secrets"));
            }
        }
    }
    if problems.is_empty()
        && let Some(missing) = missing.filter(|missing| !missing.is_empty())
    {
        problems.push(format!("none of the secrets has a member {}", escaped(&missing)));
    }
    if problems.is_empty() { Ok(variables) } else { Err(CliError::impossible(problems.join("; "))) }
}

/// Says which members `--all` does not set, since the program would otherwise miss them without a word.
fn report_left_out(secret: &SecretName, names: &[String]) {
    #[expect(clippy::print_stderr, reason = "the program's standard output is its own")]
    {
        eprintln!("csms: --all leaves out {} of {secret}", escaped(names));
    }
}

/// Names from a secret, so that they cannot control a terminal.
fn escaped<'a>(names: impl IntoIterator<Item = impl AsRef<str> + 'a>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| name.as_ref().escape_debug().to_string()).collect();
    names.join(", ")
}

fn object(text: &str, secret: &SecretName) -> Result<Members, CliError> {
    members(text).map_err(|unread| {
        let reason = match unread {
            Unread::Repeated(name) => format!("has the member {} twice", name.escape_debug()),
            Unread::Malformed { .. } | Unread::NoObject => {
                "is not a JSON object; give --variable to put it into one variable".to_owned()
            }
        };
        CliError::impossible(format!("the value of {secret} {reason}"))
    })
}

/// Names the members and the line to use. The names come from the writers of the secrets: the line, which is meant to be
/// pasted into a shell, holds only plain ones that nothing is known to read.
fn no_choice(objects: &[(&SecretName, Members)]) -> CliError {
    let names: BTreeSet<&str> = objects.iter().flat_map(|(_, members)| members.keys().map(String::as_str)).collect();
    let (plain, others): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| is_variable_name(name) && !is_listed(name));
    let mut message = String::from("nothing says which members become variables, so the program was not run");
    if !plain.is_empty() {
        let secrets: String = objects.iter().map(|(secret, _)| format!(" --secret {secret}")).collect();
        message.push_str(&format!(":\n  csms exec{secrets} --only {} -- PROGRAM…", plain.join(",")));
    }
    if !others.is_empty() {
        let names = escaped(others);
        message.push_str(&format!("\nOther members, to be asked for only if you want exactly that: {names}"));
    }
    message.push_str("\nSee csms exec --help for --map, --prefix and --all");
    CliError::impossible(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn secret() -> SecretName {
        SecretName::parse("db").unwrap()
    }

    #[test]
    fn a_value_that_is_no_object_is_refused_without_quoting_it() {
        let error = object("hunter2", &secret()).unwrap_err().to_string();
        assert!(error.contains("--variable") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_help_names_the_words_that_are_ordinary() {
        for word in loader_variables::ORDINARY {
            assert!(CHOICE.contains(&format!(" {word}")), "{word}");
        }
    }

    #[test]
    fn the_line_to_use_holds_no_name_that_a_shell_or_loader_would_read() {
        let members =
            members(r#"{"user":"1","password":"2","NODE_OPTIONS":"3","a;rm -rf x":"4","\u001b[2J":"5"}"#).unwrap();
        let message = no_choice(&[(&secret(), members)]).to_string();
        let line = message.lines().find(|line| line.contains("--only ")).unwrap();
        assert_eq!(line.trim(), "csms exec --secret db --only password,user -- PROGRAM…");
        assert!(message.contains("NODE_OPTIONS") && message.contains("rm -rf"), "{message}");
        assert!(!message.contains('\u{1b}'), "{message}");
    }
}
