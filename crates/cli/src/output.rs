//! Prints results: aligned columns for people, the service's own JSON for programs.

use std::{
    ffi::OsStr,
    io::{self, Write},
};

use clap::{Args, ValueEnum};
use csms_core::Violation;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::failure::CliError;

/// How to print an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns; times in UTC
    #[default]
    Table,
    /// JSON; of a server, the body of its answer, with times in milliseconds since 1970
    Json,
}

/// The flag for it.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Output {
    /// How to print answers
    #[arg(
        long = "output",
        short = 'o',
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    format: Format,
}

/// Rows of cells, printed in aligned columns.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds a row of texts.
    pub fn texts<const N: usize>(&mut self, cells: [&str; N]) {
        self.row(cells.map(str::to_owned).into());
    }

    /// The table as lines; the last column is as wide as it likes.
    #[must_use]
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells =
                row.iter().map(|cell| printable(cell)).zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names and values, one to a line.
#[derive(Default)]
pub(crate) struct Facts<'n>(Vec<(&'n str, String)>);

impl<'n> Facts<'n> {
    /// Adds a line unless there is nothing to say.
    pub(crate) fn add(&mut self, name: &'n str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((name, value));
        }
    }

    /// Adds the members of an object that say something, `id` and `name` first.
    fn members(&mut self, object: &'n Value) {
        let is_first = |name: &str| matches!(name, "id" | "name");
        let members = || object.as_object().into_iter().flatten();
        let first = members().filter(|(name, _)| is_first(name));
        for (name, value) in first.chain(members().filter(|(name, _)| !is_first(name))) {
            self.add(name, in_words(value));
        }
    }

    fn text(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        self.0.iter().map(|(name, value)| format!("{name:width$}  {}\n", printable(value))).collect()
    }
}

impl Output {
    /// Prints the answer or the table made of it.
    ///
    /// # Errors
    /// A standard output that cannot be written.
    pub fn table(self, answer: &impl Serialize, table: impl FnOnce() -> Table) -> Result<(), CliError> {
        match self.format {
            Format::Table => print(table().text().as_bytes()),
            Format::Json => json(answer),
        }
    }

    /// Prints the answer or the facts in it.
    pub(crate) fn facts<'n>(self, answer: &impl Serialize, facts: impl FnOnce(&mut Facts<'n>)) -> Result<(), CliError> {
        print(&self.bytes(answer, facts)?)
    }

    /// As [`Output::facts`], after something was changed: a failure says that it is `done`.
    pub(crate) fn changed<'n>(
        self,
        done: &str,
        answer: &impl Serialize,
        facts: impl FnOnce(&mut Facts<'n>),
    ) -> Result<(), CliError> {
        self.facts(answer, facts).map_err(|error| error.though_done(done))
    }

    fn bytes<'n>(
        self,
        answer: &impl Serialize,
        facts: impl FnOnce(&mut Facts<'n>),
    ) -> Result<Zeroizing<Vec<u8>>, CliError> {
        match self.format {
            Format::Table => {
                let mut all = Facts::default();
                facts(&mut all);
                Ok(Zeroizing::new(all.text().into_bytes()))
            }
            Format::Json => pretty(answer),
        }
    }

    /// Prints an object, or its members that say something, `id` and `name` first.
    ///
    /// # Errors
    /// A standard output that cannot be written.
    pub fn members(self, object: &Value) -> Result<(), CliError> {
        self.facts(object, |facts| facts.members(object))
    }

    /// Prints an object as [`Output::members`] does that cannot be had again: that nobody reads it is a failure, too.
    pub(crate) fn once(self, object: &Value) -> Result<(), CliError> {
        let bytes = self.bytes(object, |facts| facts.members(object))?;
        write(&bytes).map_err(|error| CliError::io(WRITE, error))
    }

    /// Prints a sentence, unless a program reads. A failure has the sentence, which tells what is done.
    ///
    /// # Errors
    /// A standard output that cannot be written.
    pub fn sentence(self, text: &str) -> Result<(), CliError> {
        match self.format {
            Format::Table => print(format!("{text}\n").as_bytes()).map_err(|error| error.though_done(text)),
            Format::Json => Ok(()),
        }
    }

    /// Whether a program reads.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }
}

/// Whether arguments that may not be parsed ask for JSON. What follows `--` is for another program.
pub(crate) fn ask_for_json<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> bool {
    let mut is_format = false;
    for argument in arguments {
        match argument.as_ref().to_str() {
            Some("--") => return false,
            Some("json") if is_format => return true,
            Some("-ojson" | "-o=json" | "--output=json") => return true,
            other => is_format = matches!(other, Some("-o" | "--output")),
        }
    }
    false
}

/// Prints an answer as JSON.
///
/// # Errors
/// A standard output that cannot be written.
pub fn json(answer: &impl Serialize) -> Result<(), CliError> {
    print(&pretty(answer)?)
}

fn pretty(answer: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let text = serde_json::to_vec_pretty(answer).map(Zeroizing::new);
    let mut text = text.map_err(|error| CliError::io("write the answer as JSON", error.into()))?;
    text.push(b'\n');
    Ok(text)
}

/// What fails when standard output does.
const WRITE: &str = "write to standard output";

/// Writes bytes to standard output. That nobody reads on is no failure.
///
/// # Errors
/// A standard output that cannot be written.
pub fn print(bytes: &[u8]) -> Result<(), CliError> {
    match write(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::io(WRITE, error)),
        _ => Ok(()),
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// A value of JSON in words: texts without quotes, lists with commas.
#[must_use]
pub fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A time of the service, milliseconds since 1970, in UTC to the second.
pub(crate) fn time(millis: u64) -> String {
    let time = i64::try_from(millis / 1000).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| millis.to_string(), |time| time.to_string())
}

/// The same for a time that may be absent.
pub(crate) fn time_or_none(millis: Option<u64>) -> String {
    millis.map(time).unwrap_or_default()
}

/// Text from the service without what would control a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// An argument through the constructor of its type, for clap.
pub(crate) fn parsed<T>(result: Result<T, Violation>) -> Result<T, String> {
    result.map_err(|violation| format!("it {}", violation.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(vec!["database".to_owned(), "ENABLED".to_owned()]);
        table.row(vec!["é".to_owned(), String::new()]);
        assert_eq!(table.text(), "NAME      STATE\ndatabase  ENABLED\né\n");
    }

    #[test]
    fn what_is_empty_is_not_told() {
        let mut facts = Facts::default();
        facts.add("name", "db");
        facts.add("description", "");
        facts.add("state", "ENABLED");
        assert_eq!(facts.text(), "name   db\nstate  ENABLED\n");
    }

    #[test]
    fn members_are_said_in_words() {
        let object = serde_json::json!({ "name": ["a", "b"], "enabled": true, "id": "x", "none": [] });
        let words: Vec<_> = object.as_object().unwrap().values().map(in_words).collect();
        assert_eq!(words, ["true", "x", "a, b", ""]);
    }

    #[test]
    fn a_description_cannot_control_the_terminal() {
        let mut facts = Facts::default();
        facts.add("description", "a\u{1b}[2Jb\nc");
        assert_eq!(facts.text(), "description  a [2Jb c\n");
    }

    #[test]
    fn json_is_asked_for_in_five_ways_and_not_for_another_program() {
        for flag in ["-o json", "-ojson", "-o=json", "--output json", "--output=json"] {
            assert!(ask_for_json(format!("secret list {flag} --nam x").split(' ')), "{flag}");
            assert!(!ask_for_json(format!("exec -- list {flag}").split(' ')), "{flag}");
        }
        assert!(!ask_for_json(["-o", "table", "json"]));
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time(1_581_507_580_123), "2020-02-12T11:39:40Z");
    }
}
