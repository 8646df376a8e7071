//! `csms config`: says what the settings are, where each comes from and what is wrong with them. Opens no data and changes
//! nothing.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::offline::{Format, Table};
use crate::boot::{
    exposure,
    settings::{
        SettingsError,
        origin::{Given, HIDDEN, Origin, SECRET_VARIABLES, Source},
        schema::schema,
    },
};

/// The exit status for settings that cannot be used, as for a command line that cannot.
pub(crate) const UNUSABLE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  csms config check --config /etc/csms/csms.toml       before a restart
  csms config show --config /etc/csms/csms.toml        what is set, and by whom
  csms config schema > csms.schema.json                for an editor

Both `check` and `show` take the flags and read the variables of `csms serve`.

Exit status:
  0  the settings can be used
  2  they cannot";

/// Arguments of `csms config`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Say everything that is wrong with the settings
    Check(Box<Asked>),
    /// Show every setting and where it comes from; secrets are not shown
    Show(Box<Asked>),
    /// Print the JSON Schema of the settings file
    Schema,
}

#[derive(Args, Debug)]
struct Asked {
    /// How to print answers
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT", default_value = "table")]
    output: Format,

    #[command(flatten)]
    given: Given,
}

/// Runs the command. The exit status is 2 for settings that cannot be used.
pub fn run(arguments: &Arguments) -> ExitCode {
    let (text, status) = match &arguments.action {
        Action::Check(asked) => check(asked),
        Action::Show(asked) => match asked.given.origins() {
            Ok(origins) => (show(asked.output, &origins), ExitCode::SUCCESS),
            Err(error) => refused(asked.output, &error),
        },
        Action::Schema => (format!("{:#}\n", schema()), ExitCode::SUCCESS),
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "csms: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
        _ => status,
    }
}

fn check(asked: &Asked) -> (String, ExitCode) {
    let settings = match asked.given.settle() {
        Ok(settings) => settings,
        Err(error) => return refused(asked.output, &error),
    };
    let warnings = exposure::warnings(&settings);
    let text = match asked.output {
        Format::Json => format!("{:#}\n", json!({ "valid": true, "problems": [], "warnings": warnings })),
        Format::Table => {
            let warnings = warnings.iter().map(|warning| format!("warning: {warning}\n"));
            warnings.chain(["The settings can be used.\n".to_owned()]).collect()
        }
    };
    (text, ExitCode::SUCCESS)
}

/// What is wrong; on standard output for programs, on standard error for people.
fn refused(format: Format, error: &SettingsError) -> (String, ExitCode) {
    let problems = error.problems();
    let text = match format {
        Format::Json => format!("{:#}\n", json!({ "valid": false, "problems": problems, "warnings": [] })),
        Format::Table => {
            for problem in problems {
                // There is nobody left to read it when stderr is closed.
                let _ = writeln!(io::stderr(), "csms: {problem}");
            }
            String::new()
        }
    };
    (text, ExitCode::from(UNUSABLE))
}

/// Variables with secrets that are set.
fn secret_variables() -> Vec<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    SECRET_VARIABLES.into_iter().filter(is_set).collect()
}

fn show(format: Format, origins: &[Origin]) -> String {
    match format {
        Format::Json => {
            format!("{:#}\n", described(origins))
        }
        Format::Table => {
            let mut table = Table::default();
            table.row(["SETTING", "VALUE", "FROM"]);
            for origin in origins {
                let shown = origin.shown().join(", ");
                let value = if origin.source == Source::Default { origin.default.as_deref() } else { Some(&*shown) };
                let source = match &origin.source {
                    Source::Flag => "flag".to_owned(),
                    Source::Variable(name) => name.clone(),
                    Source::File(path) => path.display().to_string(),
                    Source::Default => "default".to_owned(),
                };
                table.row([&origin.key, value.unwrap_or("-"), &source]);
            }
            for variable in secret_variables() {
                table.row([variable, HIDDEN, variable]);
            }
            table.text()
        }
    }
}

/// Every setting with where it comes from, and which variables with secrets are set; no secret.
pub(super) fn described(origins: &[Origin]) -> Value {
    let settings: Vec<_> = origins.iter().map(as_json).collect();
    json!({ "settings": settings, "secret_variables": secret_variables() })
}

fn as_json(origin: &Origin) -> Value {
    let shown = origin.shown();
    let value = match &origin.source {
        Source::Default => Value::Null,
        _ if origin.is_list => shown.into(),
        _ => shown.into_iter().next().into(),
    };
    let (source, name) = match &origin.source {
        Source::Flag => ("flag", Value::Null),
        Source::Variable(name) => ("variable", name.as_str().into()),
        Source::File(path) => ("file", path.display().to_string().into()),
        Source::Default => ("default", Value::Null),
    };
    json!({ "key": origin.key, "value": value, "default": origin.default, "from": source, "name": name })
}
