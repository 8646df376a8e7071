//! `cargo xtask soak`: builds server and function, quick to build rather than quick to run, and has them killed at random.
//!
//! The crate `csms-faults` kills and counts.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use csms_testbed::debian;
use tokio::process::Command;

use crate::progress::Steps;
use crate::{cargo, package, setup};

/// Kill server, databases, functions and clients at random on both stores, and count lost changes, torn changes and lock-outs.
#[derive(Debug, clap::Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// How long to kill, half of it on each store.
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    minutes: u32,
}

const BUILD: &[&str] = &["build", "--bin", "csms", "--bin", "csms-soak", "--bin", "rotate-database"];

/// Runs `cargo xtask soak`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::new(2);
    setup::debian_packages(&mut steps, &[debian::POSTGRESQL]).await?;
    let built = steps
        .run("Build server, function and soak", async |step| {
            cargo::run(step, BUILD, &[]).await?;
            let built = cargo::metadata().await?.target_directory.join("debug");
            let shown = built.strip_prefix(cargo::root()).unwrap_or(&built).display().to_string();
            Ok((built, shown))
        })
        .await?;
    let (csms, program) = (built.join("csms"), built.join("csms-soak"));
    package::place_local(&csms)?;
    let mut command = Command::new(&program);
    command.args(["--minutes", &arguments.minutes.to_string()]).env("CSMS_BIN", &csms);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let status = command.status().await.with_context(|| format!("cannot run {}", program.display()))?;
    if !status.success() {
        bail!("something was lost, torn or locked out ({status})");
    }
    Ok(())
}
