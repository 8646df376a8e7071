//! The commands, and how each of them ends.

use std::{io::Write, process::ExitCode};

use clap::Subcommand;

use crate::{exec, failure::CliError, secret};

/// Commands that use a running server.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Create, read, change, rotate and delete secrets
    Secret(secret::Arguments),

    /// Run a program with the values of secrets as environment variables
    Exec(exec::Arguments),
}

/// Runs a command and says on stderr what went wrong.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Secret(arguments) => block_on(secret::run(arguments)),
        Command::Exec(arguments) => exec::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "csms: {error}");
            error.exit_code()
        }
    }
}

/// Runs the asynchronous part of a command; one thread is enough for one request after the other.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CliError::io("start", error))?.block_on(work)
}
