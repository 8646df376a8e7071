//! Where each setting comes from, and how it may be shown: as it is, or without the secret that it may hold.

use std::{
    error::Error as _,
    fmt,
    path::{Path, PathBuf},
};

use axum::http::Uri;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, error::ContextKind, parser::ValueSource};
use zeroize::Zeroizing;

use super::{
    Flags, Settings, SettingsError,
    file::{self, SettingsFile, is_switch, key},
};

/// Stands for what is not shown.
pub const HIDDEN: &str = "…";

/// Variables that hold secrets or belong to them. They have no flag, which other users of the machine could read.
pub const SECRET_VARIABLES: [&str; 8] = [
    "CSMS_ROOT_KEY",
    "CSMS_KMS_ACCESS_KEY",
    "CSMS_KMS_SECRET_KEY",
    "CSMS_FUNCTIONGRAPH_ACCESS_KEY",
    "CSMS_FUNCTIONGRAPH_SECRET_KEY",
    "CSMS_SMN_ACCESS_KEY",
    "CSMS_SMN_SECRET_KEY",
    "PGPASSWORD",
];

/// The flags of a command line, with where each comes from: those of `csms serve`, or some of them.
#[derive(Clone)]
pub struct Given<F = Flags> {
    matches: ArgMatches,
    flags: Box<F>,
}

/// The texts of flags are not shown: one may hold a password.
impl<F> fmt::Debug for Given<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(…)")
    }
}

impl<F: FromArgMatches> FromArgMatches for Given<F> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { matches: matches.clone(), flags: Box::new(F::from_arg_matches(matches)?) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<F: Args> Args for Given<F> {
    fn augment_args(command: Command) -> Command {
        F::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        F::augment_args_for_update(command)
    }
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The variable of this name.
    Variable(String),
    /// The file.
    File(PathBuf),
    /// Nobody has set it.
    Default,
}

/// One setting and where it comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its name in the file.
    pub key: String,
    /// What is set, as it was given.
    values: Vec<Zeroizing<String>>,
    /// Where it comes from.
    pub source: Source,
    /// Whether it is a list.
    pub is_list: bool,
    /// What help says of its default.
    pub default: Option<String>,
    is_address: bool,
}

impl Origin {
    /// The values as they may be shown.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        let shown = |text: &str| match self.key.as_str() {
            "store" => HIDDEN.to_owned(),
            "function_variable" => format!("{}={HIDDEN}", text.split_once('=').map_or("", |(name, _)| name)),
            "webhook" => match text.split_once('=') {
                Some((urn, address)) => format!("{urn}={}", host(address)),
                None => HIDDEN.to_owned(),
            },
            "audit_sink" if text.starts_with("http") => host(text),
            _ if self.is_address => without_login(text),
            _ => text.to_owned(),
        };
        self.values.iter().map(|text| shown(text)).collect()
    }
}

/// The host of an address whose path may be a secret, as that of a webhook.
fn host(address: &str) -> String {
    let uri = address.parse::<Uri>().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?)));
    parts.map_or_else(|| HIDDEN.to_owned(), |(scheme, host)| format!("{scheme}://{host}/{HIDDEN}"))
}

/// An address without a name and password in it, and without parameters.
fn without_login(address: &str) -> String {
    if !address.contains(['@', '?']) {
        return address.to_owned();
    }
    host(address)
}

impl<F: Args + Clone> Given<F> {
    /// The flags and variables alone.
    #[must_use]
    pub fn flags(&self) -> F {
        (*self.flags).clone()
    }

    /// The error, naming settings by their flag or variable.
    #[must_use]
    pub fn locate(&self, error: SettingsError) -> SettingsError {
        error.located(&|setting| self.place(setting))
    }

    /// The flag or variable by which a setting is given.
    fn place(&self, setting: &str) -> Option<String> {
        let command = F::augment_args(Command::new("settings"));
        let is_asked = |flag: &&Arg| flag.get_id() == setting || key(flag).as_deref() == Some(setting);
        let flag = command.get_arguments().find(is_asked)?;
        let id = flag.get_id().as_str();
        self.matches.try_contains_id(id).ok()?;
        match self.matches.value_source(id)? {
            ValueSource::CommandLine => Some(format!("--{}", flag.get_long()?)),
            ValueSource::EnvVariable => Some(flag.get_env()?.to_string_lossy().into_owned()),
            _ => None,
        }
    }
}

impl<F: Args + Clone + Into<Flags>> Given<F> {
    /// Settings with the file and the defaults filled in.
    ///
    /// # Errors
    /// Everything that is wrong with them, each setting named by where it comes from.
    pub fn settle(&self) -> Result<Settings, SettingsError> {
        let flags: Flags = self.flags().into();
        let (file, settings) = flags.settle_with_file().map_err(|error| self.locate(error))?;
        settings.map_err(|error| error.located(&|setting| self.place(setting).or_else(|| file.place(setting))))
    }

    /// As [`Self::settle`], with the variables of all settings of the server, also of those for which there is no flag here.
    ///
    /// # Errors
    /// As there.
    pub fn settle_with_variables(&self) -> Result<Settings, SettingsError> {
        let variables = Given::from_variables()?;
        let place = |setting: &str| self.place(setting).or_else(|| variables.place(setting));
        let flags: Flags = self.flags().into();
        let flags = flags.or(variables.flags());
        let (file, settings) = flags.settle_with_file().map_err(|error| error.located(&place))?;
        settings.map_err(|error| error.located(&|setting| place(setting).or_else(|| file.place(setting))))
    }
}

impl Given {
    /// The settings that variables alone give.
    ///
    /// # Errors
    /// A variable whose value cannot be used. The value is not shown: it may hold a password.
    fn from_variables() -> Result<Self, SettingsError> {
        let command = Flags::augment_args(Command::new("settings").no_binary_name(true));
        let matches = command.clone().try_get_matches_from(std::iter::empty::<&str>());
        matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| {
            let shown = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
            // It begins with the flag that the variable stands for.
            let long = shown.trim_start_matches("--").split([' ', '=', '[']).next();
            let flag = command.get_arguments().find(|flag| flag.get_long() == long);
            let variable = flag.and_then(|flag| flag.get_env()).map(|name| name.to_string_lossy().into_owned());
            let rule =
                error.source().map_or_else(|| "cannot be used".to_owned(), |rule| format!("cannot be used: {rule}"));
            SettingsError::Value(variable.unwrap_or_else(|| "a variable of the settings".to_owned()).into(), rule)
        })
    }

    /// The file that is named, if one is.
    #[must_use]
    pub fn config(&self) -> Option<&Path> {
        self.flags.config.as_deref()
    }

    /// Every setting with where it comes from, ordered as in the help.
    ///
    /// # Errors
    /// A file that cannot be read or whose values cannot be used.
    pub fn origins(&self) -> Result<Vec<Origin>, SettingsError> {
        let (file, _, problems) = file::named(self.flags.config.as_ref()).map_err(|error| self.locate(error))?;
        SettingsError::all(problems)?;
        let command = Flags::augment_args(Command::new("settings"));
        let flags: Vec<&Arg> = command.get_arguments().collect();
        Ok(flags.into_iter().filter_map(|flag| self.origin(flag, &file)).collect())
    }

    fn origin(&self, flag: &Arg, file: &SettingsFile) -> Option<Origin> {
        let key = key(flag)?;
        let id = flag.get_id().as_str();
        let given = || -> Vec<Zeroizing<String>> {
            if is_switch(flag) {
                let switch = self.matches.try_get_one::<bool>(id).ok().flatten();
                return switch.map(|switch| Zeroizing::new(switch.to_string())).into_iter().collect();
            }
            let raw = self.matches.get_raw(id).into_iter().flatten();
            raw.map(|text| Zeroizing::new(text.to_string_lossy().into_owned())).collect()
        };
        let variable = || flag.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let in_file = || Some((file.get(&key)?.to_vec(), Source::File(self.flags.config.clone()?)));
        let (values, source) = match self.matches.value_source(id) {
            Some(ValueSource::CommandLine) => (given(), Source::Flag),
            Some(ValueSource::EnvVariable) => (given(), Source::Variable(variable())),
            _ => in_file().unwrap_or_else(|| (Vec::new(), Source::Default)),
        };
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        let default = help.split_once("[default: ").and_then(|(_, rest)| rest.rsplit_once(']'));
        let names = flag.get_value_names().unwrap_or_default();
        Some(Origin {
            values,
            source,
            is_list: file::is_list(flag),
            default: default.map(|(default, _)| default.replace('\n', " ")),
            is_address: names.iter().any(|name| name.as_str() == "URL"),
            key,
        })
    }
}
