//! `cargo xtask`: everything one does with this repository beyond plain `cargo`.
//!
//! One module per command; each is a thin sequence over Cargo, the testbed and the file system.
#![allow(clippy::print_stdout, reason = "what a command line tool says is its interface")]

mod architecture;
mod arrows;
mod bench;
mod cargo;
mod coverage;
mod dist;
mod docs;
mod elf;
mod fuzz;
mod package;
mod parties;
mod progress;
mod release;
mod setup;
mod soak;
mod test;
mod up;
mod wasm;
mod www;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set up, run, test and package csms.
///
/// Start with `cargo xtask up`: it rotates a real database password on this machine and leaves a
/// server running to play with.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
        cargo xtask up                       rotate a PostgreSQL password, keep the server running\n  \
        cargo xtask up --engine mariadb      the same with MariaDB\n  \
        cargo xtask up --once --mode multi   two accounts in turn; end after the proof\n  \
        cargo xtask test                     every check and every test\n  \
        cargo xtask test --fast              leave out what needs databases or browsers\n  \
        cargo xtask test --long              also what takes longer\n  \
        cargo xtask bench server             speed of reads and writes beside baselines\n  \
        cargo xtask soak --minutes 30        kill everything at random, count what is lost\n  \
        cargo xtask fuzz --minutes 30        look for bytes that a parser cannot take\n  \
        cargo xtask coverage                 which lines the quick tests run"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Arguments),
    Test(test::Arguments),
    Setup(setup::Arguments),
    Package(package::Arguments),
    Dist(dist::Arguments),
    Bench(bench::Arguments),
    Soak(soak::Arguments),
    Fuzz(fuzz::Arguments),
    Coverage(coverage::Arguments),
    Screenshots(www::screenshots::Arguments),
    Arrows(arrows::Arguments),
    Docs(docs::Arguments),
    Release(release::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(async {
            let done = match arguments.command {
                Command::Test(arguments) => return test::run(&arguments).await,
                Command::Up(arguments) => up::run(arguments).await,
                Command::Setup(_) => setup::run().await,
                Command::Package(_) => package::run().await,
                Command::Dist(arguments) => dist::run(&arguments).await,
                Command::Bench(arguments) => bench::run(arguments).await,
                Command::Soak(arguments) => soak::run(&arguments).await,
                Command::Fuzz(arguments) => fuzz::run(&arguments).await,
                Command::Coverage(_) => coverage::run().await,
                Command::Screenshots(arguments) => www::screenshots::run(arguments).await,
                Command::Arrows(_) => arrows::run().await,
                Command::Docs(arguments) => docs::run(&arguments).await,
                Command::Release(arguments) => release::run(&arguments).await,
            };
            done.map(|()| ExitCode::SUCCESS)
        });
        // A package installation that was interrupted must not hold up the end.
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|error| {
        progress::complain(&error);
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_description() {
        for command in Arguments::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{} has none", command.get_name());
        }
    }
}
