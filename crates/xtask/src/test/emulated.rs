//! The server for other architectures than this machine's: compiled, started under an emulator, and asked for what it was given.
//!
//! A sign of life, not a second run of the tests: emulated programs are ten times as slow. It runs with `--long` alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use csms_testbed::server::{Options, Server};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::architecture::{ALL, Architecture};
use crate::progress::Steps;
use crate::{cargo, setup};

/// How many steps [`run`] takes.
pub(super) const STEPS: usize = 3 * (ALL.len() - 1);

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(300);

/// Tries every architecture that this machine has not.
pub(super) async fn run(steps: &mut Steps) -> Result<()> {
    for (architecture, emulator) in ALL.into_iter().filter_map(|other| Some((other, other.runner()?))) {
        setup::prepare_for(steps, architecture).await?;
        steps
            .run(&format!("Server for {}", architecture.machine), async |step| {
                architecture.cargo(step, &["build", "--bin", "csms", "--bin", "rotate-database"]).await?;
                step.note(emulator);
                try_out(architecture, emulator).await?;
                Ok(((), format!("keeps a secret under {emulator}")))
            })
            .await?;
    }
    Ok(())
}

/// Starts the server and gives it a secret.
async fn try_out(architecture: Architecture, emulator: &str) -> Result<()> {
    let target = cargo::metadata().await?.target_directory;
    let directory = tempfile::tempdir()?;
    let program = directory.path().join("csms");
    let built = target.join(architecture.target).join("debug/csms");
    fs::write(&program, format!("#!/bin/sh\nexec {emulator} '{}' \"$@\"\n", built.display()))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let options = Options { binary: Some(program.clone()), ready_within: PATIENCE, ..Options::default() };
    let server = Server::start(options).await?;
    let csms = async |arguments: &[&str], input: &str| {
        let mut command = Command::new(&program);
        command.args(arguments).env("CSMS_CREDENTIALS", server.credentials_path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot run the command line")?;
        child.stdin.take().context("no input")?.write_all(input.as_bytes()).await?;
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("csms {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok::<_, anyhow::Error>(String::from_utf8(output.stdout)?)
    };
    let value = "kept by another processor";
    csms(&["secret", "create", "emulated"], value).await?;
    let kept = csms(&["secret", "get", "emulated", "--value"], "").await?;
    if kept != value {
        bail!("the server returned another value than it was given");
    }
    Ok(())
}
