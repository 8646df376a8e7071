//! Cargo as a program: where it is, what the workspace looks like, a run with progress.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{ChildStdout, Command};

use crate::progress::Step;

const SHOWN_LINES: usize = 200;

/// The root of the repository that `cargo xtask` was called in. Cargo says so when it runs us; what it
/// said when we were built may be another clone that shares the build directory.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = PathBuf::from(manifest);
        manifest.ancestors().nth(2).unwrap_or(&manifest).to_path_buf()
    });
    &ROOT
}

/// A path as it is shown to people: from the root of the repository, where it is inside.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The Cargo that runs us, in the root of the repository; it ends when it is dropped.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What `cargo metadata` says about the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// The members of the workspace.
    pub(crate) packages: Vec<Package>,
    /// Where builds go.
    pub(crate) target_directory: PathBuf,
}

/// A member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// What its manifest depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency in a manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The name of the package, whatever it is called in the code.
    pub(crate) name: String,
    /// `None` for a normal dependency, otherwise `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Where it is, for a package of this repository.
    pub(crate) path: Option<PathBuf>,
}

/// Reads the manifests of the workspace; resolves and downloads nothing.
pub(crate) async fn metadata() -> Result<Metadata> {
    let mut cargo = command();
    cargo.args(["metadata", "--format-version", "1", "--no-deps"]).stderr(Stdio::inherit());
    let output = cargo.output().await.context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata is not as expected")
}

/// Runs Cargo with `arguments` and shows what it is doing as the progress of `step`. A failure
/// carries the end of its output and the command to repeat.
pub(crate) async fn run(step: &Step, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    watched(step, arguments, environment, async |stdout, log| log.read(stdout).await).await
}

/// As [`run`], with `read` for the standard output, whose result is returned if Cargo ends well.
async fn watched<T>(
    step: &Step,
    arguments: &[&str],
    environment: &[(&str, &str)],
    read: impl AsyncFnOnce(ChildStdout, &Log<'_>) -> Result<T>,
) -> Result<T> {
    let mut cargo = command();
    cargo.args(arguments).envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cargo.spawn().context("cannot run cargo")?;
    let (stdout, stderr) = child.stdout.take().zip(child.stderr.take()).context("cargo has no output")?;
    let log = Log { step, lines: Mutex::default() };
    let (read, ()) = tokio::try_join!(read(stdout, &log), log.read(stderr))?;
    let status = child.wait().await?;
    if !status.success() {
        bail!("{}\n\nfailed ({status}); repeat it with\n  {}", log.text(), shell(arguments, environment));
    }
    Ok(read)
}

/// Makes sure of a program from crates.io, by name and version, in a directory of its own, and returns where it is.
pub(crate) async fn installed(step: &Step, (name, version): (&str, &str)) -> Result<PathBuf> {
    let root = metadata().await?.target_directory.join(name);
    let program = root.join("bin").join(name);
    if !program.exists() {
        let root = root.display().to_string();
        // Without optimization, which takes longer than these programs run.
        run(step, &["install", name, "--version", version, "--locked", "--debug", "--root", &root], &[]).await?;
    }
    Ok(program)
}

/// What Cargo says of one thing that it has compiled.
#[derive(Debug, Deserialize)]
pub(crate) struct Artifact {
    /// The manifest of its package.
    pub(crate) manifest_path: PathBuf,
    /// What it is in the package.
    pub(crate) target: Target,
    /// How it was compiled.
    pub(crate) profile: Profile,
    /// The program, where it is one.
    pub(crate) executable: Option<PathBuf>,
}

/// A library, a program or a file of tests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// What it is, among them `test` for a file of tests.
    pub(crate) kind: Vec<String>,
}

/// How something was compiled.
#[derive(Debug, Deserialize)]
pub(crate) struct Profile {
    /// Whether with the test harness.
    pub(crate) test: bool,
}

/// Compiles, as [`run`] does, and returns what was compiled.
pub(crate) async fn artifacts(step: &Step, arguments: &[&str]) -> Result<Vec<Artifact>> {
    let arguments = [arguments, &["--message-format=json-render-diagnostics"]].concat();
    let messages = watched(step, &arguments, &[], async |mut stdout, _| {
        let mut text = String::new();
        stdout.read_to_string(&mut text).await?;
        Ok(text)
    });
    // Messages about other things have other members.
    Ok(messages.await?.lines().filter_map(|message| serde_json::from_str(message).ok()).collect())
}

/// The command as it is typed into a shell.
pub(crate) fn shell(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let variables = environment.iter().map(|(name, value)| format!("{name}=\"{value}\" "));
    variables.chain([format!("cargo {}", arguments.join(" "))]).collect()
}

/// The last lines of a program's output.
struct Log<'a> {
    step: &'a Step,
    lines: Mutex<VecDeque<String>>,
}

impl Log<'_> {
    async fn read(&self, stream: impl AsyncRead + Unpin) -> Result<()> {
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next_line().await? {
            self.step.note(line.trim());
            let mut kept = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == SHOWN_LINES {
                kept.pop_front();
            }
            kept.push_back(line);
        }
        Ok(())
    }

    fn text(self) -> String {
        Vec::from(self.lines.into_inner().unwrap_or_else(PoisonError::into_inner)).join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        assert_eq!(
            shell(&["doc", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]),
            "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps"
        );
    }

    #[tokio::test]
    async fn the_workspace_has_this_package() {
        let metadata = metadata().await.unwrap();
        assert!(metadata.packages.iter().any(|package| package.name == env!("CARGO_PKG_NAME")));
    }
}
