//! `cargo xtask setup`: the Rust targets and Debian packages that builds and tests need.
//!
//! Quick when there is nothing to do, so the other commands begin with it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use csms_testbed::debian::{self, Package};

use crate::architecture::{Architecture, X86_64};
use crate::progress::Steps;
use crate::{cargo, wasm};

const TARGETS: [&str; 2] = [X86_64.target, wasm::TARGET];

/// Install the Rust targets and Debian packages that are missing.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// How many steps [`prepare`] takes.
pub(crate) const STEPS: usize = 2;

/// Runs `cargo xtask setup`.
pub(crate) async fn run() -> Result<()> {
    prepare(&mut Steps::new(STEPS), &debian::ALL).await
}

/// Makes sure of the Rust targets and of `packages`, in two steps.
pub(crate) async fn prepare(steps: &mut Steps, packages: &'static [Package]) -> Result<()> {
    rust_targets(steps).await?;
    debian_packages(steps, packages).await
}

/// Makes sure of the Rust targets, as one step.
pub(crate) async fn rust_targets(steps: &mut Steps) -> Result<()> {
    steps.run("Rust targets", async |_| Ok(((), targets(TARGETS.to_vec()).await?))).await
}

/// Makes sure of what compiles for an architecture and runs what was compiled, in two steps.
pub(crate) async fn prepare_for(steps: &mut Steps, architecture: Architecture) -> Result<()> {
    let title = format!("Rust target {}", architecture.target);
    steps.run(&title, async |_| Ok(((), targets(vec![architecture.target]).await?))).await?;
    debian_packages(steps, architecture.packages()).await
}

/// Makes sure of `packages`, as one step.
pub(crate) async fn debian_packages(steps: &mut Steps, packages: &'static [Package]) -> Result<()> {
    steps
        .run("Debian packages", async |step| {
            let missing = debian::missing(packages);
            if !missing.is_empty() {
                step.note(&format!("apt-get install {}", missing.join(" ")));
            }
            let installed = tokio::task::spawn_blocking(|| debian::ensure(packages)).await??;
            Ok(((), told(&installed)))
        })
        .await
}

async fn targets(wanted: Vec<&'static str>) -> Result<String> {
    tokio::task::spawn_blocking(move || {
        let listed = rustup(&["target", "list", "--installed"])?;
        let is_missing = |target: &&str| !listed.lines().any(|line| line == *target);
        let missing: Vec<_> = wanted.into_iter().filter(is_missing).collect();
        if !missing.is_empty() {
            rustup(&[&["target", "add"], missing.as_slice()].concat())?;
        }
        Ok(told(&missing))
    })
    .await?
}

/// Makes sure of a component of the compiler.
pub(crate) async fn component(name: &'static str) -> Result<String> {
    tokio::task::spawn_blocking(move || {
        if rustup(&["component", "list", "--installed"])?.lines().any(|line| line.starts_with(name)) {
            return Ok(told(&[]));
        }
        rustup(&["component", "add", name])?;
        Ok(told(&[name]))
    })
    .await?
}

fn rustup(arguments: &[&str]) -> Result<String> {
    let output = Command::new("rustup")
        .args(arguments)
        .current_dir(cargo::root())
        .stdin(Stdio::null())
        .output()
        .context("cannot run rustup; install it from https://rustup.rs")?;
    if !output.status.success() {
        bail!("`rustup {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn told(installed: &[&str]) -> String {
    if installed.is_empty() { "present".into() } else { format!("installed {}", installed.join(", ")) }
}
