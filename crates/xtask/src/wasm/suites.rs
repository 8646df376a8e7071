//! The tests of the npm package: bindings in Node and browsers, vectors, types, packaging, sizes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use csms_testbed::python::Venv;

use super::node::{self, Program};
use crate::cargo;
use crate::progress::{Step, Steps};

const RUNNER: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER";
const BINDINGS: &[&str] = &["test", "--package", "csms-wasm", "--target", "wasm32-unknown-unknown", "--test"];

/// The driver of Firefox; Debian has no package of it.
const GECKODRIVER: (&str, &str) = ("geckodriver", "0.37.1");

/// How many steps [`run`] and [`run_live`] take.
pub(crate) const STEPS: usize = 5;

/// Runs all that need no server, and returns the package they passed with.
pub(crate) async fn run(steps: &mut Steps) -> Result<PathBuf> {
    let package = super::package(steps).await?;
    steps.run("Tokens with other JOSE libraries", async |step| Ok(((), interop(step).await?))).await?;
    steps.run("Bindings in Node and browsers", async |step| Ok(((), bindings(step).await?))).await?;
    steps.run("Package in engines and tools", async |step| Ok(((), packed(step, &package.tarball).await?))).await?;
    Ok(package.tarball)
}

/// Runs the packed package against the real server; `artefacts` are the variables that tell where that is.
pub(crate) async fn run_live(steps: &mut Steps, tarball: &Path, artefacts: &[(&'static str, PathBuf)]) -> Result<()> {
    steps
        .run("Package against the server", async |step| {
            let program = node_tests(tarball).argument(tests("packaging/live/server.test.mjs"));
            let program = artefacts.iter().fold(program, |program, (name, path)| program.variable(name, path));
            Ok(((), passed(&program.output(step).await?)))
        })
        .await
}

/// Node's test runner, told which package is meant.
fn node_tests(tarball: &Path) -> Program {
    let program = Program::new("node").arguments(["--test", "--test-reporter=tap", "--test-concurrency=2"]);
    program.variable("CSMS_TARBALL", tarball)
}

/// How many tests passed, in words.
fn passed(output: &str) -> String {
    let passed = output.lines().find_map(|line| line.strip_prefix("# pass ")).unwrap_or("?");
    format!("{} tests passed", passed.trim())
}

fn tests(directory: &str) -> PathBuf {
    cargo::root().join("tests").join(directory)
}

/// Passes tokens between the package and other libraries, both ways.
async fn interop(step: &Step) -> Result<String> {
    let directory = tests("interop");
    node::install(step, &directory).await?;
    step.note("pip");
    let requirements = directory.join("requirements.txt");
    let venv = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await??;
    let mut printed = String::new();
    for script in ["both_ways.mjs", "snippets.mjs"] {
        printed += &Program::node(&directory.join(script)).argument(venv.python()).output(step).await?;
    }
    Ok(printed.trim().replace('\n', "; "))
}

/// Runs the tests of the bindings by wasm-bindgen: in Node, and in Chromium through its driver.
async fn bindings(step: &Step) -> Result<String> {
    let runner = super::tool(step, "bindgen-test-runner").await?.display().to_string();
    let capabilities = cargo::root().join("crates/wasm/webdriver.json").display().to_string();
    let gecko = geckodriver(step).await?.display().to_string();
    let runs = [
        ("node", ("NODE", "node")),
        ("browser", ("CHROMEDRIVER", "/usr/bin/chromedriver")),
        ("browser", ("GECKODRIVER", gecko.as_str())),
    ];
    for (suite, driver) in runs {
        let environment = [(RUNNER, runner.as_str()), ("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &capabilities), driver];
        cargo::run(step, &[BINDINGS, &[suite]].concat(), &environment).await?;
    }
    Ok("Node, Chromium, Firefox".to_owned())
}

/// The driver of Firefox: the one that is installed, or else our own build of it.
async fn geckodriver(step: &Step) -> Result<PathBuf> {
    match node::find(GECKODRIVER.0) {
        Some(installed) => Ok(installed),
        None => cargo::installed(step, GECKODRIVER).await,
    }
}

/// Checks the budget and returns the sizes, in words.
pub(crate) async fn sizes(step: &Step) -> Result<String> {
    let script = tests("packaging/sizes.mjs");
    Ok(Program::node(&script).output(step).await?.trim().to_owned())
}

/// Runs the packed package against the vectors and in tiny projects, in Node, browsers, other engines and bundlers.
async fn packed(step: &Step, tarball: &Path) -> Result<String> {
    let mut files = Vec::new();
    for directory in ["packaging", "browser", "runtimes"].map(tests) {
        node::install(step, &directory).await?;
        for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))? {
            files.push(entry?.path());
        }
    }
    // Node 20 takes no patterns.
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    Ok(passed(&node_tests(tarball).arguments(files).output(step).await?))
}
