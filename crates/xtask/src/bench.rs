//! `cargo xtask bench`: builds what is measured in release mode and runs the measurement.
//!
//! The measuring itself is in the crate `csms-bench`, so that this tool stays quick to build.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use csms_testbed::debian;
use tokio::process::Command;

use crate::architecture::X86_64;
use crate::progress::Steps;
use crate::{cargo, package, setup, up, wasm, www};

/// Measure against baselines of the same run.
#[derive(Debug, clap::Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, clap::Subcommand)]
enum Subject {
    /// Signed reads and durable writes beside a bare answer and SQLite alone; start and memory.
    ///
    /// Further arguments go to the measurement: --rounds N, --span MILLISECONDS, --against BINARY (an older csms),
    /// --peer openbao.
    Server {
        /// Arguments of the measurement.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Health and a signed read while strangers hold thousands of connections; memory.
    ///
    /// Further arguments go to the measurement: --each NUMBER, --seconds NUMBER, --calm NUMBER.
    Strangers {
        /// Arguments of the measurement.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Finding due secrets, a page of a list and one value, with ten thousand and with a million secrets, on both stores.
    ///
    /// Further arguments go to the measurement: --secrets NUMBER,…, --calls N, --sqlite-only. With --scale N, an embedded store of
    /// N secrets and ten times as many audit records beside one of a hundredth: searches, start-up, archives, and what writes cost.
    Store {
        /// Arguments of the measurement.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Due secrets of one PostgreSQL and one MySQL, rotated by a server, beside a bare loop of the same logins and statements.
    ///
    /// Further arguments go to the measurement: --secrets NUMBER, --concurrency NUMBER.
    Rotation {
        /// Arguments of the measurement.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The npm package beside WebCrypto, jose, @noble/ciphers, zod and ajv, in Node and Chromium.
    ///
    /// Further arguments go to the measurement: --quick.
    Wasm {
        /// Arguments of the measurement.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// How long `cargo xtask up` takes in an empty clone with empty caches, up to the proof and up to the console.
    Up,
    /// Sizes of the console, first contentful paint and blocking time in Chromium.
    Www,
    /// Cold start, memory and size of the rotation function beside the same in Python.
    ///
    /// Further arguments go to the measurement: --starts N.
    Function {
        /// Arguments of the measurement.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

const BUILD_SERVER: &[&str] = &["build", "--release", "--package", "csms-server", "--package", "csms-bench"];
const BUILD_BENCH: &[&str] = &["build", "--release", "--package", "csms-bench"];

/// Runs `cargo xtask bench`.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    match arguments.subject {
        Subject::Server { arguments } => server("server", arguments).await,
        Subject::Strangers { arguments } => server("strangers", arguments).await,
        Subject::Store { arguments } => store(arguments).await,
        Subject::Rotation { arguments } => rotation(arguments).await,
        Subject::Function { arguments } => function(arguments).await,
        Subject::Wasm { arguments } => wasm::bench::run(arguments).await,
        Subject::Up => up::bench::run().await,
        Subject::Www => www::bench::run().await,
    }
}

/// Runs a measurement of the server.
async fn server(subject: &str, arguments: Vec<String>) -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + 1);
    setup::prepare(&mut steps, &[]).await?;
    steps.run("Build", async |step| Ok(((), cargo::run(step, BUILD_SERVER, &[]).await.map(|()| "release")?))).await?;
    let release = cargo::metadata().await?.target_directory.join("release");
    let csms = release.join("csms").display().to_string();
    measure(&[subject.to_owned(), "--csms".to_owned(), csms], arguments).await
}

async fn function(arguments: Vec<String>) -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + 2);
    setup::prepare(&mut steps, &[debian::MUSL_TOOLS]).await?;
    steps.run("Build", async |step| Ok(((), cargo::run(step, BUILD_BENCH, &[]).await.map(|()| "release")?))).await?;
    let archive = steps
        .run("Package the function", async |step| {
            let archive = package::build(step).await?;
            let sizes = archive.sizes.clone();
            Ok((archive, sizes))
        })
        .await?;
    let target = cargo::metadata().await?.target_directory;
    let binary = target.join(X86_64.target).join("function/rotate-database");
    let paths = [binary.display().to_string(), archive.path.display().to_string()];
    let [binary, zip] = paths;
    let own = ["function".to_owned(), "--function".to_owned(), binary, "--zip".to_owned(), zip];
    measure(&own, arguments).await
}

async fn rotation(arguments: Vec<String>) -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + 2);
    setup::prepare(&mut steps, &[debian::MUSL_TOOLS]).await?;
    steps.run("Build", async |step| Ok(((), cargo::run(step, BUILD_SERVER, &[]).await.map(|()| "release")?))).await?;
    let csms = cargo::metadata().await?.target_directory.join("release/csms");
    steps
        .run("Package the function", async |step| {
            let archive = package::build(step).await?;
            archive.place_beside(&csms)?;
            let sizes = archive.sizes.clone();
            Ok((archive, sizes))
        })
        .await?;
    measure(&["rotation".to_owned(), "--csms".to_owned(), csms.display().to_string()], arguments).await
}

async fn store(arguments: Vec<String>) -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + 1);
    setup::prepare(&mut steps, &[debian::POSTGRESQL]).await?;
    steps.run("Build", async |step| Ok(((), cargo::run(step, BUILD_BENCH, &[]).await.map(|()| "release")?))).await?;
    measure(&["store".to_owned()], arguments).await
}

async fn measure(own: &[String], further: Vec<String>) -> Result<()> {
    let program = cargo::metadata().await?.target_directory.join("release/csms-bench");
    let mut command = Command::new(&program);
    command.args(own).args(further).stdin(Stdio::null()).kill_on_drop(true);
    let status = command.status().await.with_context(|| format!("cannot run {}", program.display()))?;
    if !status.success() {
        bail!("the measurement failed ({status})");
    }
    Ok(())
}
