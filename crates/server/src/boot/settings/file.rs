//! The file of settings: TOML whose keys are the flags' names with `_` for `-`.
//!
//! Its values are judged by the parsers of the flags, so a setting means the same wherever it is given. Problems name the key
//! and never repeat a value, which may be a secret.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{
    Arg, ArgAction, Args as _, Command, FromArgMatches as _,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};
use zeroize::Zeroizing;

use super::{Flags, SettingsError, parse_variable};

/// Flags that are about one start and so are no settings: the file itself, and whether the data may be given up.
const NOT_SETTINGS: [&str; 2] = ["config", "new"];

/// The name of a setting in the file. `None` for a flag that is no setting.
#[must_use]
pub fn key(flag: &Arg) -> Option<String> {
    let long = flag.get_long()?;
    (!NOT_SETTINGS.contains(&long)).then(|| long.replace('-', "_"))
}

/// The flags of all settings, by key.
#[must_use]
pub fn settings() -> BTreeMap<String, Arg> {
    let command = Flags::augment_args(Command::new("settings"));
    command.get_arguments().filter_map(|flag| Some((key(flag)?, flag.clone()))).collect()
}

/// The variables of all flags of `csms serve`.
#[must_use]
pub fn variables() -> Vec<String> {
    let command = Flags::augment_args(Command::new("settings"));
    command.get_arguments().filter_map(|flag| Some(flag.get_env()?.to_string_lossy().into_owned())).collect()
}

/// Whether a setting takes `true` or `false`.
#[must_use]
pub fn is_switch(flag: &Arg) -> bool {
    flag.get_value_parser().type_id() == ValueParser::bool().type_id()
}

/// Whether a setting is a list.
#[must_use]
pub fn is_list(flag: &Arg) -> bool {
    matches!(flag.get_action(), ArgAction::Append)
}

/// Whether a setting is a list of pairs `NAME=VALUE`, which the file may have as a table.
#[must_use]
pub fn is_table(flag: &Arg) -> bool {
    let names = flag.get_value_names().unwrap_or_default();
    is_list(flag) && names.iter().any(|name| name.contains('='))
}

/// What a file says: the texts of each setting, by key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SettingsFile {
    texts: BTreeMap<String, Vec<Zeroizing<String>>>,
    /// The path of the file with the line of each key that is in it.
    places: Places,
}

/// The number of the line at a byte of a text; the first is 1.
pub(in crate::boot) fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Where the keys of a file are.
#[derive(Clone, Default, PartialEq, Eq)]
struct Places {
    path: PathBuf,
    lines: BTreeMap<String, usize>,
}

impl Places {
    /// Finds the keys, also those in tables that are no settings.
    fn of(path: &Path, text: &str) -> Self {
        let line = |at| line_at(text, at);
        let mut lines = BTreeMap::new();
        let table = DeTable::parse(text).ok();
        for (key, value) in table.iter().flat_map(|table| table.get_ref().iter()) {
            lines.insert(key.get_ref().to_string(), line(key.span().start));
            if let DeValue::Table(inner) = value.get_ref() {
                let name = |rest: &str| format!("{}_{rest}", key.get_ref());
                lines.extend(inner.keys().map(|rest| (name(rest.get_ref()), line(rest.span().start))));
            }
        }
        Self { path: path.to_owned(), lines }
    }

    /// The file, and the line where it is known.
    fn place(&self, key: &str) -> String {
        let path = self.path.display();
        self.lines.get(key).map_or_else(|| path.to_string(), |line| format!("{path}, line {line}"))
    }
}

impl SettingsFile {
    /// Reads a file. Returns what can be used of it, and its keys that are no settings or have values of a wrong type.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML.
    fn read(path: &Path) -> Result<(Self, Vec<SettingsError>), SettingsError> {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| SettingsError::Unreadable("config".into(), path.to_owned(), error))?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            // The error's own text repeats the line.
            let line = line_at(&text, error.span().map_or(0, |span| span.start));
            SettingsError::Toml { path: path.to_owned(), line, problem: error.message().to_owned() }
        })?;
        let places = Places::of(path, &text);
        let mut reader = Reader { places: &places, settings: settings(), found: BTreeMap::new(), problems: Vec::new() };
        reader.take(table);
        let Reader { found, problems, .. } = reader;
        Ok((Self { texts: found, places }, problems))
    }

    /// The texts of a setting. `None` when the file does not have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[Zeroizing<String>]> {
        self.texts.get(key).map(Vec::as_slice)
    }

    /// How a setting of the file is named in what is said of it: with the file and the line.
    pub(super) fn place(&self, key: &str) -> Option<String> {
        self.texts.contains_key(key).then(|| format!("{}: {key}", self.places.place(key)))
    }

    /// The settings as if they had been given as flags, and a note of each whose value the parser of its flag refuses.
    fn flags(&self, problems: &mut Vec<SettingsError>) -> Flags {
        let mut command = Flags::augment_args(Command::new("settings").no_binary_name(true));
        // Variables have been read where the flags were, and an entry of a list is an entry whatever is in it.
        command = command.mut_args(|flag| flag.env(None::<&'static str>).value_delimiter(None::<char>));
        command = command.mut_arg("function_variables", |flag| flag.value_parser(parse_variable));
        command.build();
        let arguments = |key: &str, values: &[Zeroizing<String>]| -> Vec<OsString> {
            let flag = key.replace('_', "-");
            values.iter().map(|value| OsString::from(format!("--{flag}={}", value.as_str()))).collect()
        };
        // One by one, so that all problems are reported at once.
        let mut valid = Vec::new();
        for (key, values) in &self.texts {
            let arguments = arguments(key, values);
            match command.try_get_matches_from_mut(&arguments) {
                Ok(_) => valid.extend(arguments),
                Err(error) => {
                    let problem = describe(&error);
                    problems.push(SettingsError::InFile { place: self.places.place(key), key: key.clone(), problem });
                }
            }
        }
        let parsed = command.try_get_matches_from_mut(valid).and_then(|matches| Flags::from_arg_matches(&matches));
        parsed.unwrap_or_else(|error| {
            let (key, problem) = ("these settings".to_owned(), describe(&error));
            problems.push(SettingsError::InFile { place: self.places.place(&key), key, problem });
            Flags::default()
        })
    }
}

/// Collects the settings of a file and what is wrong with them.
struct Reader<'p> {
    places: &'p Places,
    settings: BTreeMap<String, Arg>,
    found: BTreeMap<String, Vec<Zeroizing<String>>>,
    problems: Vec<SettingsError>,
}

impl Reader<'_> {
    fn take(&mut self, table: Table) {
        for (name, value) in table {
            match value {
                // A table that is no setting gathers those whose names begin with its own.
                Value::Table(inner) if !self.settings.contains_key(&name) => {
                    for (rest, value) in inner {
                        self.set(format!("{name}_{rest}"), value);
                    }
                }
                value => self.set(name, value),
            }
        }
    }

    fn set(&mut self, key: String, value: Value) {
        let Some(flag) = self.settings.get(&key) else {
            let problem = match similar(&key) {
                Some(other) => format!("is not a setting; did you mean {other}?"),
                None => "is not a setting".to_owned(),
            };
            return self.refuse(key, problem);
        };
        match texts(flag, value) {
            Ok(values) if self.found.contains_key(&key) => {
                drop(values);
                self.refuse(key, "is there twice".to_owned());
            }
            Ok(values) => drop(self.found.insert(key, values)),
            Err(problem) => self.refuse(key, problem.to_owned()),
        }
    }

    fn refuse(&mut self, key: String, problem: String) {
        self.problems.push(SettingsError::InFile { place: self.places.place(&key), key, problem });
    }
}

/// The values of a setting as they would be given to its flag.
fn texts(flag: &Arg, value: Value) -> Result<Vec<Zeroizing<String>>, &'static str> {
    match value {
        Value::Boolean(value) if is_switch(flag) => Ok(vec![Zeroizing::new(value.to_string())]),
        _ if is_switch(flag) => Err("must be true or false"),
        Value::Array(values) if is_list(flag) => values.into_iter().map(text).collect(),
        Value::Array(_) => Err("takes one value, not a list"),
        Value::Table(pairs) if is_table(flag) => {
            pairs.into_iter().map(|(name, value)| Ok(Zeroizing::new(format!("{name}={}", *text(value)?)))).collect()
        }
        Value::Table(_) => Err("does not take a table"),
        value => Ok(vec![text(value)?]),
    }
}

fn text(value: Value) -> Result<Zeroizing<String>, &'static str> {
    match value {
        Value::String(text) => Ok(Zeroizing::new(text)),
        Value::Integer(number) => Ok(Zeroizing::new(number.to_string())),
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            Err("must be a text or a whole number")
        }
    }
}

/// The setting whose name is like this one.
fn similar(key: &str) -> Option<String> {
    let mut command = Flags::augment_args(Command::new("settings").no_binary_name(true));
    command = command.mut_args(|flag| flag.env(None::<&'static str>));
    let error = command.try_get_matches_from([format!("--{}", key.replace('_', "-"))]).err()?;
    match error.get(ContextKind::SuggestedArg)? {
        ContextValue::String(flag) => Some(flag.trim_start_matches('-').replace('-', "_")),
        _ => None,
    }
}

/// What is wrong with a value, without the value.
fn describe(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        let source = source.to_string();
        // Those of csms say what a value must be; those of the standard library say what it is.
        return if source.starts_with("must ") || source.starts_with("needs ") {
            source
        } else {
            format!("cannot be used: {source}")
        };
    }
    match (error.kind(), error.get(ContextKind::ValidValue)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(choices))) if choices.is_empty() => {
            "must not be empty".to_owned()
        }
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(choices))) => {
            format!("must be one of {}", choices.join(", "))
        }
        (ErrorKind::ArgumentConflict, _) => "takes one value".to_owned(),
        _ => "cannot be used".to_owned(),
    }
}

/// The settings of the file that is named, as they stand there and as flags, and what is wrong with them.
///
/// # Errors
/// A file that cannot be read or is not TOML.
pub(super) fn named(config: Option<&PathBuf>) -> Result<(SettingsFile, Flags, Vec<SettingsError>), SettingsError> {
    let Some(path) = config else { return Ok((SettingsFile::default(), Flags::default(), Vec::new())) };
    let (file, mut problems) = SettingsFile::read(path)?;
    let flags = file.flags(&mut problems);
    Ok((file, flags, problems))
}
