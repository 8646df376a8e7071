//! What the packed server says of itself: the manual pages of its commands, its completions, and its notices.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder};

/// The names of the completions.
pub(super) const BASH: &str = "csms.bash";
pub(super) const ZSH: &str = "_csms";
pub(super) const FISH: &str = "csms.fish";

/// Files by their names.
type Files = Vec<(String, Vec<u8>)>;

/// What goes with the server.
#[derive(Debug)]
pub(super) struct Extras {
    /// Manual pages of section 1, compressed, ordered by name.
    pub(super) manual: Files,
    /// Scripts for bash, zsh and fish.
    pub(super) completions: Files,
    /// What `csms licenses` prints; empty for a server that was built without.
    pub(super) notices: String,
}

impl Extras {
    /// Asks a server, which `runner` runs where it is for another architecture.
    pub(super) fn of(server: &Path, runner: Option<&str>) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let pages = directory.path().to_string_lossy().into_owned();
        output(server, runner, &["man", &pages])?;
        let mut manual = Vec::new();
        for entry in fs::read_dir(directory.path())? {
            let entry = entry?;
            let name = format!("{}.gz", entry.file_name().to_string_lossy());
            let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
            gzip.write_all(&fs::read(entry.path())?)?;
            manual.push((name, gzip.finish()?));
        }
        manual.sort();
        let script = |name: &str, shell| {
            Ok::<_, anyhow::Error>((name.to_owned(), output(server, runner, &["completions", shell])?))
        };
        let completions = vec![script(BASH, "bash")?, script(ZSH, "zsh")?, script(FISH, "fish")?];
        // Its status says whether it has them.
        let licenses = run(server, runner, &["licenses"])?;
        let notices = if licenses.status.success() { String::from_utf8(licenses.stdout)? } else { String::new() };
        Ok(Self { manual, completions, notices })
    }

    #[cfg(test)]
    pub(super) fn of_test() -> Self {
        let file = |name: &str| (name.to_owned(), name.as_bytes().to_vec());
        Self {
            manual: vec![file("csms.1.gz"), file("csms-serve.1.gz")],
            completions: [BASH, ZSH, FISH].map(file).to_vec(),
            notices: "the notices".to_owned(),
        }
    }
}

fn run(server: &Path, runner: Option<&str>, arguments: &[&str]) -> Result<std::process::Output> {
    let mut words = runner.map(OsStr::new).into_iter().chain([server.as_os_str()]);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).args(arguments).stdin(Stdio::null());
    command.output().with_context(|| format!("cannot run {}", server.display()))
}

fn output(server: &Path, runner: Option<&str>, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = run(server, runner, arguments)?;
    if !output.status.success() {
        bail!("csms {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
