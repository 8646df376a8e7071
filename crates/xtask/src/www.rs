//! The console: built from `www/` with the packed npm package into the directory that the server embeds.

pub(crate) mod bench;
pub(crate) mod screenshots;
pub(crate) mod stage;
pub(crate) mod suites;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

use crate::cargo;
use crate::progress::{Step, Steps};
use crate::wasm::node::{self, Program};

/// How many steps [`package`] takes.
pub(crate) const STEPS: usize = 2;

/// The name of the console's step.
const CONSOLE: &str = "Build the console";

/// Builds the console for a server on this machine into `directory`, in [`STEPS`] steps: with a module that is quick to build, and
/// without checks and tests, because somebody is waiting. The console that the server embeds stays as it is.
pub(crate) async fn build_local(steps: &mut Steps, directory: &Path) -> Result<()> {
    let package = cargo::metadata().await?.target_directory.join("up/csms");
    let compiled = async |step: &Step| {
        crate::wasm::build_local(step, &package).await?;
        Ok(((), "csms.wasm".to_owned()))
    };
    steps.run("Build the rules for the browser", compiled).await?;
    let built = async |step: &Step| {
        node::install(step, &source()).await?;
        let vite = program("vite/bin/vite.js").arguments(["build", "--outDir"]).argument(directory);
        vite.variable("CSMS_PACKAGE", package.join("index.js")).run(step).await?;
        Ok(((), cargo::shown(directory)))
    };
    steps.run(CONSOLE, built).await
}

/// Builds the npm package and the console from it. Skips the checks and tests of the console, because somebody is waiting.
pub(crate) async fn package(steps: &mut Steps) -> Result<()> {
    let package = crate::wasm::package(steps).await?;
    let built = async |step: &Step| {
        install(step, &package.tarball).await?;
        Ok(((), bundle(step).await?))
    };
    steps.run(CONSOLE, built).await
}

/// Checks and builds the console as one step, with the package in `tarball`. The server has to be built after it.
pub(crate) async fn build(steps: &mut Steps, tarball: &Path) -> Result<()> {
    let built = async |step: &Step| {
        install(step, tarball).await?;
        check(step).await?;
        Ok(((), bundle(step).await?))
    };
    steps.run(CONSOLE, built).await
}

/// Where the console's sources are.
pub(crate) fn source() -> PathBuf {
    cargo::root().join("www")
}

/// Where the built console is, from where the server embeds it.
pub(crate) fn built() -> PathBuf {
    cargo::root().join("crates/server/console")
}

/// Writes a file and its copy compressed by gzip for the server. Files that are so already keep their times: the server is built
/// again for new ones.
pub(crate) fn place(file: &Path, content: &[u8]) -> Result<()> {
    let compressed = file.with_added_extension("gz");
    if compressed.is_file() && fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    }
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(content)?;
    fs::write(&compressed, gzip.finish()?).with_context(|| format!("cannot write {}", compressed.display()))?;
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

/// Installs what the console is built from, and the package in `tarball`.
async fn install(step: &Step, tarball: &Path) -> Result<()> {
    let source = source();
    node::install(step, &source).await?;
    // The tarball itself, not its sources: the console gets what everybody gets. A lock file could not name it, because
    // each build has another checksum.
    let package = source.join("node_modules/csms");
    if package.exists() {
        fs::remove_dir_all(&package).with_context(|| format!("cannot remove {}", package.display()))?;
    }
    fs::create_dir_all(&package).with_context(|| format!("cannot create {}", package.display()))?;
    let unpack = Program::new("tar").arguments(["--extract", "--gzip", "--strip-components=1", "--file"]);
    unpack.argument(tarball).argument("--directory").argument(&package).run(step).await
}

/// A program from the console's own packages, to be run in its sources.
fn program(path: &str) -> Program {
    Program::node(&source().join("node_modules").join(path)).within(&source())
}

/// Checks the sources, and runs the tests that need no browser.
async fn check(step: &Step) -> Result<()> {
    program("@biomejs/biome/bin/biome").arguments(["check", "."]).run(step).await?;
    program("typescript/bin/tsc").run(step).await?;
    program("vitest/vitest.mjs").argument("run").run(step).await
}

/// Builds the files that the server embeds, and returns their sizes in words.
async fn bundle(step: &Step) -> Result<String> {
    program("vite/bin/vite.js").argument("build").run(step).await?;
    Program::node(&source().join("sizes.mjs")).output(step).await.map(|sizes| sizes.trim().to_owned())
}
