//! `cargo xtask setup`: the Rust targets and Debian packages that builds and tests need.
//!
//! Quick when there is nothing to do, so the other commands begin with it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use csms_testbed::debian::{self, Package};

use crate::cargo;
use crate::progress::Steps;

/// The target of the rotation function: static, so that it runs on any Linux.
pub(crate) const FUNCTION_TARGET: &str = "x86_64-unknown-linux-musl";

const TARGETS: [&str; 2] = [FUNCTION_TARGET, "wasm32-unknown-unknown"];

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
    steps.run("Rust targets", async |_| tokio::task::spawn_blocking(targets).await?.map(|detail| ((), detail))).await
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

fn targets() -> Result<String> {
    let listed = rustup(&["target", "list", "--installed"])?;
    let missing: Vec<_> = TARGETS.into_iter().filter(|target| !listed.lines().any(|line| line == *target)).collect();
    if !missing.is_empty() {
        rustup(&[&["target", "add"], missing.as_slice()].concat())?;
    }
    Ok(told(&missing))
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
