//! The `csms` binary: reads the command line and runs the command.

use std::{env, ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;
use csms_cli::COMPLETION_VARIABLE;
use csms_server::cli::{self, Cli};
use mimalloc::MiMalloc;

/// A request makes and drops many small things: this allocator takes less time for them than glibc's, and the static programs do not
/// wait for musl's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // A shell asks for candidates; ends the process when it does.
    CompleteEnv::with_factory(Cli::command).var(COMPLETION_VARIABLE).complete();
    let arguments = arguments();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli::run(cli),
        Err(error) => csms_cli::not_parsed(error, Cli::command(), arguments.into_iter().skip(1).collect()),
    }
}

/// The command line, with `csms COMMAND --help` for `csms help COMMAND`, which many type.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == "help") {
        arguments.remove(1);
        arguments.push("--help".into());
    }
    arguments
}
