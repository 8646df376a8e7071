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
use toml::{Table, Value};
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
pub struct SettingsFile(BTreeMap<String, Vec<Zeroizing<String>>>);

impl SettingsFile {
    /// Reads a file. Returns what can be used of it, and its keys that are no settings or have values of a wrong type.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML.
    fn read(path: &Path) -> Result<(Self, Vec<SettingsError>), SettingsError> {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| SettingsError::Unreadable(path.to_owned(), error))?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            // The error's own text repeats the line.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            SettingsError::Toml { path: path.to_owned(), line, problem: error.message().to_owned() }
        })?;
        let mut reader = Reader { path, settings: settings(), found: BTreeMap::new(), problems: Vec::new() };
        reader.take(table);
        Ok((Self(reader.found), reader.problems))
    }

    /// The texts of a setting. `None` when the file does not have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[Zeroizing<String>]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// The settings as if they had been given as flags, and a note of each whose value the parser of its flag refuses.
    fn flags(&self, path: &Path, problems: &mut Vec<SettingsError>) -> Flags {
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
        for (key, values) in &self.0 {
            let arguments = arguments(key, values);
            match command.try_get_matches_from_mut(&arguments) {
                Ok(_) => valid.extend(arguments),
                Err(error) => {
                    let problem = describe(&error);
                    problems.push(SettingsError::InFile { path: path.to_owned(), key: key.clone(), problem });
                }
            }
        }
        let parsed = command.try_get_matches_from_mut(valid).and_then(|matches| Flags::from_arg_matches(&matches));
        parsed.unwrap_or_else(|error| {
            let (key, problem) = ("these settings".to_owned(), describe(&error));
            problems.push(SettingsError::InFile { path: path.to_owned(), key, problem });
            Flags::default()
        })
    }
}

/// Collects the settings of a file and what is wrong with them.
struct Reader<'p> {
    path: &'p Path,
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
        self.problems.push(SettingsError::InFile { path: self.path.to_owned(), key, problem });
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
    let flags = file.flags(path, &mut problems);
    Ok((file, flags, problems))
}
