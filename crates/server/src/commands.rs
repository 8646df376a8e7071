//! What the commands of [`crate::cli`] do: one module for each group, and how all of them end.
//!
//! Commands that use a running server are in `csms-cli`. A command is a synchronous function of its arguments; what needs the runtime asks [`block_on`] for it.

pub mod access;
pub mod audit;
pub mod completions;
pub mod migrate;
pub mod offline;
pub mod policy;
pub mod serve;
pub mod user;

use std::{error::Error, io::Write, process::ExitCode};

use crate::{cli::Command, failure::Chain};

/// What went wrong in a command, as it is told on stderr.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Runs a command and says on stderr what went wrong.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Serve(flags) => serve::run(*flags),
        Command::Use(command) => return csms_cli::run(*command),
        Command::User(arguments) => user::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments),
        Command::Access(arguments) => access::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Migrate(arguments) => migrate::run(arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "csms: {}", Chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Runs the asynchronous part of a command.
///
/// # Errors
/// What it fails with, or that threads cannot be started.
pub fn block_on<T, E: Into<Failed>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failed> {
    tokio::runtime::Runtime::new()?.block_on(work).map_err(Into::into)
}
