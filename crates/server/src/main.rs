//! The `csms` binary: reads the command line and runs the command.

use std::process::ExitCode;

use clap::Parser;
use csms_server::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
