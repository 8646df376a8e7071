//! `csms-bench`: what `cargo xtask bench` builds in release mode and runs.
//!
//! Every figure stands beside a baseline of the same run, and runs are interleaved, so that ratios mean something on
//! any machine. Absolute figures do not carry over.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod against;
mod bare;
mod cpu;
mod function;
mod load;
mod memory;
mod peer;
mod request;
mod rotation;
mod scale;
mod server;
mod shared;
mod sqlite_alone;
mod store;
mod store_load;
mod strangers;
mod table;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measure csms beside its baselines.
#[derive(Parser)]
#[command(name = "csms-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Server(server::Arguments),
    Function(function::Arguments),
    Store(store::Arguments),
    Rotation(rotation::Arguments),
    Strangers(strangers::Arguments),
    Bare(bare::Arguments),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Server(arguments) => server::run(&arguments).await,
        Command::Store(arguments) => store::run(&arguments).await,
        Command::Rotation(arguments) => rotation::run(&arguments).await,
        Command::Function(arguments) => function::run(&arguments).await,
        Command::Strangers(arguments) => strangers::run(&arguments).await,
        Command::Bare(arguments) => bare::run(arguments).await,
    }
}
