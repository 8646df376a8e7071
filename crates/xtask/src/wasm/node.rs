//! Programs of Node: run with their output as progress, and packages installed from their lock files.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cargo;
use crate::progress::Step;

/// A program to run, by default in the root of the repository.
pub(crate) struct Program {
    command: Command,
    name: String,
}

impl Program {
    /// A program by its path or name.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.current_dir(cargo::root()).stdin(Stdio::null()).kill_on_drop(true);
        Self { command, name }
    }

    /// A script for Node.
    pub(crate) fn node(script: &Path) -> Self {
        let mut program = Self::new("node");
        program.name = script.file_name().unwrap_or_default().to_string_lossy().into_owned();
        program.argument(script)
    }

    /// The package manager.
    pub(crate) fn npm() -> Self {
        Self::new("npm")
    }

    /// Adds an argument.
    pub(crate) fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub(crate) fn arguments(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Runs in another directory.
    pub(crate) fn within(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Sets a variable.
    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; a failure carries its output.
    pub(crate) async fn run(self, step: &Step) -> Result<()> {
        self.output(step).await.map(drop)
    }

    /// Runs it and returns how it ended.
    pub(crate) async fn outcome(&mut self, step: &Step) -> Result<Output> {
        step.note(&self.name);
        self.command.output().await.with_context(|| format!("cannot run {}", self.name))
    }

    /// Runs it and returns what it printed.
    pub(crate) async fn output(mut self, step: &Step) -> Result<String> {
        let output = self.outcome(step).await?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("{printed}{errors}\n\n{} failed ({})", self.name, output.status);
        }
        Ok(printed)
    }

    /// Runs it with its output passed on.
    pub(crate) async fn show(mut self) -> Result<()> {
        let status = self.command.status().await.with_context(|| format!("cannot run {}", self.name))?;
        if status.success() { Ok(()) } else { bail!("{} failed ({status})", self.name) }
    }
}

/// Where a program is, if it is on the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// Installs the packages of a directory as its lock file says, if that has not been done since the file changed.
pub(crate) async fn install(step: &Step, directory: &Path) -> Result<()> {
    let lock = fs::read(directory.join("package-lock.json"))
        .with_context(|| format!("cannot read the lock file in {}", directory.display()))?;
    let installed = directory.join("node_modules/.csms-lock");
    if fs::read(&installed).is_ok_and(|done| done == lock) {
        return Ok(());
    }
    Program::npm().arguments(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).within(directory).run(step).await?;
    fs::write(&installed, lock).with_context(|| format!("cannot write {}", installed.display()))
}
