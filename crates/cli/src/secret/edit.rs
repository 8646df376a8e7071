//! `csms secret edit`: changes the current value in an editor and stores it as a new version.
//!
//! What changed is said before it is stored, by the names of members or the numbers of lines and never by values.

use std::{
    env, fs,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use csms_client::{Client, CreateVersionBody};
use csms_core::SecretName;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{describe_version, name, value_bytes};
use crate::{complete::secrets, confirm::confirm, failure::CliError, input::read_source, output::Output};

/// Most bytes of an edited file.
const MAX_BYTES: u64 = 1024 * 1024;

/// A file system in memory, on most systems.
const MEMORY: &str = "/dev/shm";

/// Arguments of `csms secret edit`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    pub(super) name: SecretName,

    /// Editor, a command of the shell [env: VISUAL, EDITOR] [default: vi]
    #[arg(long, value_name = "COMMAND")]
    editor: Option<String>,

    /// Do not ask before the new value is stored
    #[arg(long, short)]
    yes: bool,
}

/// Edits the value.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    let name = &arguments.name;
    let read = client.show_version(name, "latest").await?;
    let version = &read.version.version_metadata.id;
    let bytes = value_bytes(&read)?;
    let binary = || CliError::impossible("the value is binary; give a new one to `csms secret update --binary`");
    if read.version.secret_binary.is_some() {
        return Err(binary());
    }
    let before = core::str::from_utf8(&bytes).map_err(|_| binary())?;
    let after = edited(arguments, before)?;
    let Some(changes) = compare(before, &after) else {
        return output.sentence(&format!("the value of {name} is not changed"));
    };
    // There is nobody left to read it when stderr is closed.
    let _ = changes.iter().try_for_each(|change| writeln!(io::stderr(), "{change}"));
    confirm(&format!("Store this as a new version of {name}?"), arguments.yes).map_err(CliError::impossible)?;
    let now = client.show_stage(name, &current()?).await?.stage.version_id;
    if now != *version {
        let reason = format!("{now} became the current version meanwhile; nothing is stored, so edit again");
        return Err(CliError::impossible(reason));
    }
    let body = CreateVersionBody { secret_string: Some(&after), ..CreateVersionBody::default() };
    let answer = client.create_version(name, &body).await?;
    output.changed("the new version is stored", &answer, |facts| describe_version(&answer.version_metadata, facts))
}

fn current() -> Result<csms_core::StageName, CliError> {
    csms_core::StageName::parse("SYSCURRENT").map_err(|violation| CliError::argument("the stage", &violation))
}

/// What the editor makes of a text. One line end at the end, which editors add, is not part of it unless it was before.
fn edited(arguments: &Arguments, before: &str) -> Result<Zeroizing<String>, CliError> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let editor = arguments.editor.clone().or_else(|| variable("VISUAL")).or_else(|| variable("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let memory = Path::new(MEMORY);
    let directory = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
    let directory = tempfile::Builder::new().prefix("csms-edit-").tempdir_in(directory);
    let directory = directory.map_err(|error| CliError::io("make a directory for the editor", error))?;
    // Editors choose colours by the end of the name.
    let is_object = serde_json::from_str::<Map<String, Value>>(before).is_ok();
    let file = directory.path().join(format!("{}.{}", arguments.name, if is_object { "json" } else { "txt" }));
    write(&file, before).map_err(|error| CliError::io(format!("write {}", file.display()), error))?;
    let status = Command::new("sh").args(["-c", "eval \"$0 \\\"\\$1\\\"\"", &editor]).arg(&file).status();
    let status = status.map_err(|error| CliError::io(format!("run {editor}"), error))?;
    if !status.success() {
        return Err(CliError::impossible(format!("the editor {editor} failed ({status}), so nothing is stored")));
    }
    // The file is ours: that it cannot be read says nothing of the command line.
    let bytes = read_source(&file, MAX_BYTES).map_err(|error| CliError::impossible(error.to_string()))?;
    // Removed with its directory; overwritten first, for a file system that is not in memory.
    let _ = fs::write(&file, vec![0; bytes.len()]);
    let text = core::str::from_utf8(&bytes).map_err(|_| CliError::impossible("the edited value is not UTF-8 text"))?;
    let text = if before.ends_with('\n') { text } else { text.strip_suffix('\n').unwrap_or(text) };
    Ok(Zeroizing::new(text.to_owned()))
}

fn write(file: &PathBuf, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?.write_all(text.as_bytes())
}

/// What differs, a sentence for each; `None` when nothing does.
fn compare(before: &str, after: &str) -> Option<Vec<String>> {
    if before == after {
        return None;
    }
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let (Some(old), Some(new)) = (object(before), object(after)) else {
        let mut changes = Vec::new();
        if object(before).is_some() {
            changes.push("the value was a JSON object and is none any more".to_owned());
        }
        let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
        let lines = old.len().max(new.len());
        let changed: Vec<_> = (0..lines).filter(|line| old.get(*line) != new.get(*line)).map(|line| line + 1).collect();
        let numbers: Vec<_> = changed.iter().take(10).map(ToString::to_string).collect();
        let more = if changed.len() > 10 { ", …" } else { "" };
        changes.push(match changed.as_slice() {
            [] => "only line ends differ".to_owned(),
            [_] => format!("line {} differs", numbers.join("")),
            _ => format!("lines {}{more} differ", numbers.join(", ")),
        });
        return Some(changes);
    };
    let added = new.keys().filter(|name| !old.contains_key(*name)).map(|name| format!("+ {name}"));
    let removed = old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("- {name}"));
    let other = |name: &&String| new.get(*name).is_some_and(|value| old.get(*name) != Some(value));
    let changed = old.keys().filter(other).map(|name| format!("~ {name}"));
    let all: Vec<_> = added.chain(removed).chain(changed).collect();
    Some(if all.is_empty() { vec!["the members are the same, written in another way".to_owned()] } else { all })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_object_is_compared_by_its_members_and_says_no_value() {
        let before = r#"{"user":"app","password":"hunter2","host":"a"}"#;
        let after = r#"{"user":"app","password":"hunter3","port":5432}"#;
        assert_eq!(compare(before, after).unwrap(), ["+ port", "- host", "~ password"]);
        let spaced = r#"{ "user":"app", "password":"hunter2", "host":"a" }"#;
        assert_eq!(compare(before, spaced).unwrap(), ["the members are the same, written in another way"]);
        assert_eq!(compare(before, before), None);
    }

    #[test]
    fn a_text_is_compared_by_its_lines() {
        assert_eq!(compare("a\nb\nc", "a\nx\nc").unwrap(), ["line 2 differs"]);
        assert_eq!(compare("a", "a\nb\nc").unwrap(), ["lines 2, 3 differ"]);
        assert_eq!(compare("a", "a\n").unwrap(), ["only line ends differ"]);
    }

    #[test]
    fn an_object_that_is_none_any_more_is_a_warning() {
        let changes = compare(r#"{"a":1}"#, r#"{"a":1"#).unwrap();
        assert_eq!(changes[0], "the value was a JSON object and is none any more");
    }
}
