//! The `csms` binary: reads the command line, runs the command, says what went wrong.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use csms_server::{
    cli::{Cli, Command},
    dispatch::Chain,
    serve::serve,
};

fn main() -> ExitCode {
    let Command::Serve(flags) = Cli::parse().command;
    let settings = match flags.settle() {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(serve(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "csms: {}", Chain(error));
    ExitCode::FAILURE
}
