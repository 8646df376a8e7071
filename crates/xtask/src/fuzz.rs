//! `cargo xtask fuzz`: lets libFuzzer look for bytes that a parser of csms cannot take.
//!
//! The targets and the inputs that are kept are in `crates/fuzz`. What is found is not kept by itself: whoever mends it adds the input.

use std::env::consts::ARCH;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::progress::{Step, Steps};
use crate::wasm::node::Program;

/// Look for bytes that a parser cannot take, with libFuzzer.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Minutes for all targets together
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Only these targets, the names of directories in crates/fuzz/corpus
    #[arg(value_name = "TARGET")]
    only: Vec<String>,
}

/// What libFuzzer needs to see which branches an input takes.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// The longest input, in bytes.
const LONGEST: u32 = 4096;

/// Runs `cargo xtask fuzz`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let mut targets = targets()?;
    if let Some(unknown) = arguments.only.iter().find(|name| !targets.contains(name)) {
        bail!("{unknown} is no target; there are {}", targets.join(", "));
    }
    targets.retain(|target| arguments.only.is_empty() || arguments.only.contains(target));
    let mut steps = Steps::new(1 + targets.len());
    let directory = cargo::metadata().await?.target_directory.join("fuzz");
    let host = format!("{ARCH}-unknown-linux-gnu");
    steps
        .run("Build with libFuzzer", async |step| {
            let to = directory.display().to_string();
            let features = ["--features", "libfuzzer", "--bin", "csms-fuzz", "--profile", "fuzz"];
            let place = ["--target", host.as_str(), "--target-dir", to.as_str()];
            let build = [&["build", "--package", "csms-fuzz"], &features[..], &place[..]].concat();
            cargo::run(step, &build, &[("RUSTFLAGS", &FLAGS.join(" "))]).await?;
            Ok(((), "with counters of branches"))
        })
        .await?;
    let program = directory.join(&host).join("fuzz/csms-fuzz");
    let seconds = (arguments.minutes * 60 / targets.len() as u64).max(1);
    for target in targets {
        steps
            .run(&format!("Target {target}"), async |step| {
                let (kept, own) = (corpus().join(&target), directory.join("corpus").join(&target));
                fs::create_dir_all(&own).with_context(|| format!("cannot create {}", own.display()))?;
                let artefacts = format!("-artifact_prefix={}/found-{target}-", directory.display());
                let run = Program::new(&program).variable("CSMS_FUZZ_TARGET", &target);
                let run = run.argument(artefacts).argument(format!("-max_total_time={seconds}"));
                let run = run.argument(format!("-max_len={LONGEST}")).argument("-print_final_stats=1");
                let tried = tried(run.argument(own).argument(kept), step, &target).await?;
                Ok(((), format!("{tried} inputs in {seconds} s")))
            })
            .await?;
    }
    Ok(())
}

/// The inputs that are kept, a directory for each target.
fn corpus() -> PathBuf {
    cargo::root().join("crates/fuzz/corpus")
}

/// The names of the targets.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(corpus()).with_context(|| format!("cannot read {}", corpus().display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Runs libFuzzer and returns how many inputs it tried.
async fn tried(mut program: Program, step: &Step, target: &str) -> Result<String> {
    let outcome = program.outcome(step).await?;
    let log = String::from_utf8_lossy(&outcome.stderr);
    if !outcome.status.success() {
        let end: Vec<_> = log.lines().rev().take(40).collect();
        let end: Vec<_> = end.into_iter().rev().collect();
        bail!(
            "{}\n\nthe target {target} failed; when it is mended, keep the input named above in crates/fuzz/corpus/{target}",
            end.join("\n")
        );
    }
    let tried = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(tried.context("libFuzzer did not say how many inputs it tried")?.trim().to_owned())
}
