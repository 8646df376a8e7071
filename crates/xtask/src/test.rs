//! `cargo xtask test`: every check and every test, in the order in which failures are cheapest.
//!
//! It stops at the first failure and says which command repeats it. Where tests run beside each other, a few that fail are tried
//! once more, alone, because a busy machine can be the reason; what passes then is told, and what fails twice is a failure.

mod generators;
mod tally;

use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result};
use csms_testbed::debian;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::progress::{Budget, Step, Steps};
use crate::{arrows, cargo, docs, package, parties, setup, wasm, www};
use tally::Tally;

/// Run every check and every test.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out the tests that need databases or browsers.
    #[arg(long)]
    fast: bool,
    /// Also run what takes longer: every kill of the crash matrix, many rounds of random ones.
    #[arg(long, conflicts_with = "fast")]
    long: bool,
}

/// Set for tests that look at it to do all that they can.
const LONG: &str = "CSMS_TEST_LONG";

/// Where the tests that need databases, Python or a whole server live.
const SLOW_PACKAGES: [&str; 3] = ["csms-conformance", "csms-rotation-tests", "csms-testbed"];

/// Forty minutes in all, with nothing built before.
const BUDGETS: &[Budget] = &[
    (3, "Lints"),
    (1, "Documentation"),
    (4, "Package for npm"),
    (2, "Package in engines and tools"),
    (3, "Build the server"),
    (2, "Package the function"),
    (6, "Console in both browsers"),
    (19, TESTS),
];
const TESTS: &str = "Tests";

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const LINTS: &[&str] = &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
const DOCUMENTATION: &[&str] = &["doc", "--workspace", "--no-deps"];
const NO_WARNINGS: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");
const SERVER: &[&str] = &["build", "--bin", "csms"];

/// Runs `cargo xtask test`.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let total = setup::STEPS + if arguments.fast { 6 } else { 11 + wasm::suites::STEPS + www::suites::STEPS };
    let name = match arguments {
        Arguments { fast: true, .. } => "test-fast",
        Arguments { long: true, .. } => "test-long",
        _ => "test",
    };
    let mut steps = Steps::remembered(name, total, "").with_budgets(BUDGETS);
    let packages: &'static [debian::Package] = if arguments.fast { &[] } else { &debian::ALL };
    setup::prepare(&mut steps, packages).await?;
    steps.run("Formatting", async |step| with_cargo(step, FORMAT, &[]).await).await?;
    steps.run("Arrows between crates", async |_| Ok(((), arrows::check().await?))).await?;
    steps.run("Links and words", async |_| Ok(((), docs::check()?))).await?;
    steps.run("Lints", async |step| with_cargo(step, LINTS, &[]).await).await?;
    steps.run("Documentation", async |step| with_cargo(step, DOCUMENTATION, &[NO_WARNINGS]).await).await?;
    let artefacts = if arguments.fast {
        Vec::new()
    } else {
        let package = wasm::suites::run(&mut steps).await?;
        www::build(&mut steps, &package).await?;
        parties::embed(&mut steps).await?;
        // The server embeds the console, so it comes after it.
        let artefacts = artefacts(&mut steps).await?;
        wasm::suites::run_live(&mut steps, &package, &artefacts).await?;
        generators::run(&mut steps, &artefacts).await?;
        www::suites::run(&mut steps).await?;
        artefacts
    };
    let (code, tally) = steps.last(TESTS, tests(arguments, &artefacts)).await?;
    // The totals are the last line, for programs that read them.
    println!("{tally}");
    Ok(code)
}

async fn with_cargo(
    step: &Step,
    arguments: &'static [&'static str],
    environment: &[(&str, &str)],
) -> Result<((), String)> {
    cargo::run(step, arguments, environment).await?;
    Ok(((), cargo::shell(arguments, environment)))
}

/// Builds what the tests start as programs, and returns the variables that tell them where it is.
async fn artefacts(steps: &mut Steps) -> Result<Vec<(&'static str, PathBuf)>> {
    let server = steps
        .run("Build the server", async |step| {
            cargo::run(step, SERVER, &[]).await?;
            let path = cargo::metadata().await?.target_directory.join("debug/csms");
            Ok((path.clone(), cargo::shell(SERVER, &[])))
        })
        .await?;
    let archive = steps
        .run("Package the function", async |step| {
            let archive = package::build(step).await?;
            archive.place_beside(&server)?;
            let sizes = archive.sizes.clone();
            Ok((archive, sizes))
        })
        .await?;
    Ok(vec![("CSMS_BIN", server), ("CSMS_ROTATE_ZIP", archive.path)])
}

/// Tests that fail together and are tried once more. More of them are no accident.
pub(crate) const TRIED_AGAIN: usize = 3;

/// Runs the tests, and those that fail a second time.
async fn tests(of: &Arguments, artefacts: &[(&'static str, PathBuf)]) -> Result<(ExitCode, Tally)> {
    let mut arguments = vec!["test", "--workspace", "--no-fail-fast"];
    if of.fast {
        arguments.extend(SLOW_PACKAGES.iter().flat_map(|package| ["--exclude", package]));
    }
    let (mut status, mut tally) = cargo_test(of, &arguments, artefacts).await?;
    if !status.success()
        && let Some(names) = tally.failed(TRIED_AGAIN).map(<[String]>::to_vec)
    {
        println!("\nfailed beside others, now alone: {}", names.join(", "));
        let alone = arguments.iter().copied().chain(["--", "--test-threads=1", "--exact"]);
        let again: Vec<&str> = alone.chain(names.iter().map(String::as_str)).collect();
        let (alone, second) = cargo_test(of, &again, artefacts).await?;
        let are_tried = second.has_passed(names.len());
        tally = tally.with_second(second);
        if alone.success() && are_tried {
            status = alone;
            println!("\npassed alone, after a failure beside others: {}", names.join(", "));
        }
    }
    if !status.success() {
        let variables: Vec<_> = artefacts.iter().map(|(name, path)| (*name, path.to_string_lossy())).collect();
        let variables: Vec<_> = variables.iter().map(|(name, path)| (*name, path.as_ref())).collect();
        println!("\ncargo test failed ({status}); repeat it with\n  {}", cargo::shell(&arguments, &variables));
    }
    Ok((if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }, tally))
}

/// Runs `cargo` with its output passed on.
async fn cargo_test(
    of: &Arguments,
    arguments: &[&str],
    artefacts: &[(&'static str, PathBuf)],
) -> Result<(ExitStatus, Tally)> {
    let mut cargo = cargo::command();
    cargo.args(arguments).envs(artefacts.iter().map(|(name, path)| (name, path))).stdout(Stdio::piped());
    if of.long {
        cargo.env(LONG, "1");
    }
    let mut child = cargo.spawn().context("cannot run cargo test")?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            tally.read(&line);
            println!("{line}");
        }
    }
    Ok((child.wait().await?, tally))
}
