//! `csms api`: every operation of every service, by its name and with its members as flags.
//!
//! The commands are made from the catalogue of `csms-api`, which is made from the tables and readers of the services, so an
//! operation that is served can be called. Rules of requests are left to the service, which reports all that are broken.

mod members;
mod sources;

use core::time::Duration;
use std::{
    ffi::OsString,
    io::{self, Write},
};

use clap::{ArgMatches, Args, Command};
use csms_api::schema::catalogue::{Entry, entries};
use serde_json::{Value, json};

use crate::{
    connection::{Connection, REGION_FLAG},
    failure::{CliError, STATUSES},
    nearest::nearest,
    output::{Format, Table, ask_for_json, json, print},
};

const EXAMPLES: &str = "\
Examples:
  csms api --list                every operation: service, method, path, what it does
  csms api ListSecrets --help    what an operation takes
  csms api ListSecrets --limit 10
  csms api CreateSecretTag --secret-id ID --tag '{\"key\":\"team\",\"value\":\"a\"}'
  csms api CreateSecret --name db --secret-string @value.txt
  csms api CreateSecret --body @request.json
  csms api CreateKey --key-alias orders";

const VALUES: &str = "\
Values: lists are given by repeating the flag, objects as JSON. @FILE takes a value from a file and @- from standard input, \
without the line end at its end; @@ stands for a leading @. A secret value is never taken from the arguments, which other \
users of the machine can read: it comes from @FILE, or from - (standard input; on a terminal you are asked for it).";

/// Longest time for one try: a function may take a minute.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Arguments of `csms api`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{VALUES}\n\n{STATUSES}"))]
pub struct Arguments {
    /// Name of the operation, then its members as flags; `--help` after the name lists them
    #[arg(
        value_names = ["OPERATION", "MEMBERS"],
        num_args = 1..,
        trailing_var_arg = true,
        required_unless_present = "list"
    )]
    call: Vec<OsString>,

    /// List the operations
    #[arg(long, conflicts_with = "call")]
    list: bool,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    answer: AnswerFormat,
}

/// How to print the answer of any operation.
#[derive(Args, Clone, Copy, Debug, Default)]
struct AnswerFormat {
    /// How to print the answer [default: json; table for --list]
    #[arg(long = "output", short = 'o', value_enum, value_name = "FORMAT", help_heading = "Output")]
    format: Option<Format>,
}

/// A request that the arguments describe.
struct Request {
    entry: Entry,
    connection: Connection,
    format: Option<Format>,
    parameters: Vec<String>,
    query: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Runs the command. Returns with its outcome whether a program reads errors.
pub(crate) fn run(arguments: Arguments) -> (bool, Result<(), CliError>) {
    let is_json = arguments.answer.format == Some(Format::Json) || ask_for_json(&arguments.call);
    if arguments.list {
        return (is_json, list(arguments.answer.format));
    }
    let request = match read(arguments, is_json) {
        Ok(request) => request,
        Err(error) => return (is_json, Err(error)),
    };
    let (is_json, name) = (request.format == Some(Format::Json), request.entry.specification.name);
    (is_json, crate::command::block_on(send(request)).map_err(|error| error.about(name)))
}

/// Prints the catalogue.
fn list(format: Option<Format>) -> Result<(), CliError> {
    let rows: Vec<_> = entries().into_iter().map(|entry| (entry.describe().summary, entry)).collect();
    if format == Some(Format::Json) {
        let row = |(summary, entry): &(String, Entry)| {
            let row = entry.specification;
            json!({ "service": entry.service, "operation": row.name, "method": row.method.as_str(), "path": row.path,
                    "summary": summary, "actions": row.actions })
        };
        return json(&rows.iter().map(row).collect::<Vec<_>>());
    }
    let mut table = Table::new(&["SERVICE", "OPERATION", "METHOD", "PATH", "WHAT IT DOES"]);
    for (summary, entry) in &rows {
        let row = entry.specification;
        let cells = [entry.service, row.name, row.method.as_str(), row.path, summary.as_str()];
        table.row(cells.map(str::to_owned).to_vec());
    }
    print(table.text().as_bytes())
}

/// The operation of this name, in whatever case and with or without dashes.
fn find(name: &str) -> Result<Entry, CliError> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let all = entries();
    if let Some(entry) = all.iter().find(|entry| plain(entry.specification.name) == plain(name)) {
        return Ok(*entry);
    }
    let names = all.iter().map(|entry| entry.specification.name);
    let hint = match nearest(name, names) {
        Some(near) => format!("did you mean {near}?"),
        None => "`csms api --list` lists all of them".to_owned(),
    };
    Err(CliError::usage(format!("there is no operation {name}; {hint}")))
}

/// The flags of an operation: its members, and those of every command.
fn command(entry: &Entry) -> Command {
    let described = entry.describe();
    let row = entry.specification;
    let about = format!("{}\n\n{} {}", described.summary, row.method.as_str(), row.path);
    let command = Command::new("csms api")
        .bin_name(format!("csms api {}", row.name))
        .no_binary_name(true)
        .after_help(VALUES)
        .disable_version_flag(true);
    let command = members::arguments(command, &described);
    // The flags of every command come with a sentence of their own.
    let command = AnswerFormat::augment_args(Connection::augment_args(command)).about(about);
    let has_region = described.members.iter().any(|member| member.name == "region");
    // A member of the operation has the flag then.
    if has_region { command.mut_arg(REGION_FLAG, |flag| flag.long(REGION_FLAG).hide(true)) } else { command }
}

/// Reads operation and members from the arguments.
fn read(arguments: Arguments, is_json: bool) -> Result<Request, CliError> {
    let Arguments { call, connection: before, answer, .. } = arguments;
    let mut call = call.into_iter();
    let name = call.next().unwrap_or_default();
    let entry = find(&name.to_string_lossy())?;
    let matches = command(&entry).try_get_matches_from(call);
    let mut matches = matches.map_err(|error| crate::command::refusal(&error, is_json))?;
    let connection = from::<Connection>(&mut matches)?.or(before);
    let format = from::<AnswerFormat>(&mut matches)?.format.or(answer.format);
    let described = entry.describe();
    let members::Values { parameters, query, body } =
        members::read(&matches, &described, || crate::command::block_on(connection.project()))?;
    Ok(Request { entry, connection, format, parameters, query, body })
}

/// Arguments of every command, out of those of an operation.
fn from<T: clap::FromArgMatches>(matches: &mut ArgMatches) -> Result<T, CliError> {
    T::from_arg_matches_mut(matches).map_err(|error| CliError::usage(error.to_string()))
}

async fn send(request: Request) -> Result<(), CliError> {
    let Request { entry, connection, format, parameters, query, body } = request;
    let client = connection.client().await?;
    let parameters: Vec<_> = parameters.iter().map(String::as_str).collect();
    let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let row = entry.specification;
    let answer = zeroize::Zeroizing::new(client.call_row(row, &parameters, &query, body, TIMEOUT).await?);
    if answer.is_empty() {
        if format != Some(Format::Json) {
            // Not on standard output, where a program expects JSON or nothing.
            let _ = writeln!(io::stderr(), "{}: done", row.name);
        }
        return Ok(());
    }
    let printed = match serde_json::from_slice::<Value>(&answer) {
        Ok(value) if format == Some(Format::Table) => tabular(&value),
        Ok(value) => json(&value),
        // A function may reply with any text.
        Err(_) => print(&answer),
    };
    printed.map_err(|error| {
        if row.method.as_str() == "GET" { error } else { error.though_done("the server has carried the request out") }
    })
}

/// Prints any answer for people: the one list of objects in it as a table, everything else one member to a line.
fn tabular(answer: &Value) -> Result<(), CliError> {
    let Some(members) = answer.as_object() else { return json(answer) };
    let list = members.values().filter_map(Value::as_array).find(|items| items.iter().all(Value::is_object));
    if let Some(items) = list {
        return table_of(items);
    }
    let mut table = Table::default();
    flatten("", answer, &mut table);
    print(table.text().as_bytes())
}

/// A table with a column for each scalar member that some item has.
fn table_of(items: &[Value]) -> Result<(), CliError> {
    let mut columns: Vec<&str> = Vec::new();
    for (name, value) in items.iter().filter_map(Value::as_object).flatten() {
        if !value.is_object() && !value.is_array() && !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let mut table = Table::new(&columns);
    for item in items {
        table.row(columns.iter().map(|column| item.get(column).map(cell).unwrap_or_default()).collect());
    }
    print(table.text().as_bytes())
}

fn flatten(place: &str, value: &Value, table: &mut Table) {
    match value {
        Value::Object(members) => {
            let dot = if place.is_empty() { "" } else { "." };
            members.iter().for_each(|(name, value)| flatten(&format!("{place}{dot}{name}"), value, table));
        }
        other => table.row(vec![place.to_owned(), cell(other)]),
    }
}

/// A value in a line.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_flags_of_every_operation_can_be_parsed_and_have_help() {
        for entry in entries() {
            // Panics for two flags of one name.
            command(&entry).debug_assert();
            let help = command(&entry).render_long_help().to_string();
            assert!(help.contains(entry.specification.path), "{help}");
        }
    }

    #[test]
    fn an_operation_may_be_written_in_three_ways_and_a_wrong_name_gets_the_nearest() {
        for name in ["CreateSecret", "create-secret", "create_secret"] {
            assert_eq!(find(name).unwrap().specification.name, "CreateSecret");
        }
        let error = find("CreateSecrt").unwrap_err().to_string();
        assert!(error.contains("did you mean CreateSecret?"), "{error}");
        let error = find("zzz").unwrap_err().to_string();
        assert!(!error.contains("did you mean") && error.contains("--list"), "{error}");
    }
}
