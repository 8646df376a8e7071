//! `cargo xtask coverage`: which lines the tests run, as a table and as pages.
//!
//! It runs the tests that `cargo xtask test --fast` runs; what only databases and browsers reach counts as not run.

use anyhow::Result;

use crate::progress::Steps;
use crate::test::SLOW_PACKAGES;
use crate::{cargo, setup};

/// Show which lines the tests run that need no database or browser.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// The program that compiles with counters and reads them.
const LLVM_COV: (&str, &str) = ("cargo-llvm-cov", "0.9.1");

/// Runs `cargo xtask coverage`.
pub(crate) async fn run() -> Result<()> {
    let mut steps = Steps::new(3);
    steps.run("LLVM's tools", async |_| Ok(((), setup::component("llvm-tools").await?))).await?;
    let program = steps
        .run("Build cargo-llvm-cov", async |step| {
            let program = cargo::installed(step, LLVM_COV).await?;
            Ok((program, LLVM_COV.1))
        })
        .await?;
    let pages = cargo::metadata().await?.target_directory.join("coverage");
    let table = steps
        .run("Tests with counters", async |step| {
            let run = || crate::wasm::node::Program::new(&program).argument("llvm-cov");
            let excluded = SLOW_PACKAGES.iter().flat_map(|package| ["--exclude", package]);
            run().arguments(["--workspace", "--no-report"]).arguments(excluded).run(step).await?;
            run().arguments(["report", "--html", "--output-dir"]).argument(&pages).run(step).await?;
            let table = run().arguments(["report", "--summary-only"]).output(step).await?;
            Ok((table, format!("{}", pages.join("html/index.html").display())))
        })
        .await?;
    println!("{table}");
    Ok(())
}
