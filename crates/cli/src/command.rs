//! The commands, and how each of them ends.

use std::{ffi::OsString, io::Write, process::ExitCode};

use clap::Subcommand;

use crate::{api, backup, event, exec, failure::CliError, key, output::ask_for_json, secret, variable::name_variable};

/// Commands that use a running server.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Create, read, change, rotate and delete secrets
    Secret(Box<secret::Arguments>),

    /// Run a program with the values of secrets as environment variables
    Exec(exec::Arguments),

    /// Write a secret with all its versions into a sealed backup
    ///
    /// Only the installation that made it can open it. A backup of everything is a copy of the data and of the root key.
    Backup(backup::Arguments),

    /// Bring a secret back from its backup
    ///
    /// The secret must be gone: a name that is taken is refused.
    Restore(backup::Source),

    /// Create, change and delete events, which report what happens to secrets
    Event(event::Arguments),

    /// Create, rotate and delete keys, which protect the values of secrets
    Key(key::Arguments),

    /// Call an operation of any service by its name, with its members as flags
    Api(Box<api::Arguments>),
}

/// Runs a command and says on stderr what went wrong.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let (is_json, outcome) = match command {
        Command::Secret(arguments) => (arguments.is_json(), block_on(secret::run(*arguments))),
        Command::Exec(arguments) => (false, exec::run(&arguments)),
        Command::Backup(arguments) => (arguments.is_json(), block_on(backup::run(arguments))),
        Command::Restore(arguments) => (arguments.is_json(), block_on(backup::restore(arguments))),
        Command::Event(arguments) => (arguments.is_json(), block_on(event::run(arguments))),
        Command::Key(arguments) => (arguments.is_json(), block_on(key::run(arguments))),
        Command::Api(arguments) => api::run(*arguments),
    };
    ended(is_json, outcome)
}

/// The exit status of a command, and on stderr what went wrong: as JSON where a program reads.
#[must_use]
pub fn ended(is_json: bool, outcome: Result<(), CliError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell when stderr is closed.
            let _ = match is_json {
                true => writeln!(std::io::stderr(), "{}", error.to_json()),
                false => writeln!(std::io::stderr(), "csms: {}", error.told()),
            };
            error.exit_code()
        }
    }
}

/// Ends for a command line, or a variable, that the parser of `command` does not take. `arguments` are without the name of the
/// program.
#[must_use]
pub fn not_parsed(mut error: clap::Error, command: clap::Command, arguments: Vec<OsString>) -> ExitCode {
    name_variable(&mut error, command, &arguments);
    ended(true, Err(refusal(&error, ask_for_json(arguments))))
}

/// Why the parser does not take a command line, for a program that reads JSON. People get all that the parser has to say, as
/// everybody gets help, and the process ends.
pub(crate) fn refusal(error: &clap::Error, is_json: bool) -> CliError {
    if !is_json || !error.use_stderr() {
        error.exit();
    }
    CliError::not_parsed(error)
}

/// Runs the asynchronous part of a command; one thread is enough for one request after the other.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CliError::io("start", error))?.block_on(work)
}
