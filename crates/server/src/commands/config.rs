//! `csms config`: says what the settings are, where each comes from and what is wrong with them. Opens no data and changes
//! nothing.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use csms_cli::{Output, Table};
use serde_json::{Value, json};

use crate::boot::{
    exposure,
    settings::{
        SettingsError,
        origin::{Given, HIDDEN, Origin, SECRET_VARIABLES, Source},
        schema::schema,
        variables,
    },
};

/// The exit status for settings that cannot be used, as for a command line that cannot.
const UNUSABLE: u8 = 2;

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
    #[command(flatten)]
    output: Output,

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
    match csms_cli::print(text.as_bytes()) {
        Ok(()) => status,
        failed => csms_cli::ended(false, failed),
    }
}

fn check(asked: &Asked) -> (String, ExitCode) {
    let settings = match asked.given.settle() {
        Ok(settings) => settings,
        Err(error) => return refused(asked.output, &error),
    };
    let warnings = [variables::warnings(), exposure::warnings(&settings)].concat();
    let text = if asked.output.is_json() {
        format!("{:#}\n", json!({ "valid": true, "problems": [], "warnings": warnings }))
    } else {
        let warnings = warnings.iter().map(|warning| format!("warning: {warning}\n"));
        warnings.chain(["The settings can be used.\n".to_owned()]).collect()
    };
    (text, ExitCode::SUCCESS)
}

/// What is wrong; on standard output for programs, on standard error for people.
fn refused(output: Output, error: &SettingsError) -> (String, ExitCode) {
    let (problems, warnings) = (error.problems(), variables::warnings());
    let text = if output.is_json() {
        format!("{:#}\n", json!({ "valid": false, "problems": problems, "warnings": warnings }))
    } else {
        say_warnings(&warnings);
        for problem in problems {
            // There is nobody left to read it when stderr is closed.
            let _ = writeln!(io::stderr(), "csms: {problem}");
        }
        String::new()
    };
    (text, ExitCode::from(UNUSABLE))
}

fn say_warnings(warnings: &[String]) {
    for warning in warnings {
        // There is nobody left to read it when stderr is closed.
        let _ = writeln!(io::stderr(), "csms: warning: {warning}");
    }
}

/// Variables with secrets that are set.
fn secret_variables() -> Vec<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    SECRET_VARIABLES.into_iter().filter(is_set).collect()
}

fn show(output: Output, origins: &[Origin]) -> String {
    let warnings = variables::warnings();
    if output.is_json() {
        let mut shown = described(origins);
        shown["warnings"] = warnings.into();
        return format!("{shown:#}\n");
    }
    say_warnings(&warnings);
    let mut table = Table::default();
    table.texts(["SETTING", "VALUE", "FROM"]);
    for origin in origins {
        let shown = origin.shown().join(", ");
        let value = if origin.source == Source::Default { origin.default.as_deref() } else { Some(&*shown) };
        let source = match &origin.source {
            Source::Flag => "flag".to_owned(),
            Source::Variable(name) => name.clone(),
            Source::File(path) => path.display().to_string(),
            Source::Default => "default".to_owned(),
        };
        table.texts([&origin.key, value.unwrap_or("-"), &source]);
    }
    for variable in secret_variables() {
        table.texts([variable, HIDDEN, variable]);
    }
    table.text()
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
