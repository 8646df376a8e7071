//! The tests of the console: its flows in both browsers, accessibility, what it keeps and shows.

use std::fs;

use anyhow::{Context, Result};

use super::stage::{self, Stage};
use crate::cargo;
use crate::progress::Steps;
use crate::wasm::node::Program;

/// How many steps [`run`] takes.
pub(crate) const STEPS: usize = stage::STEPS + 1;

/// Runs them against a server with the console that was built last.
pub(crate) async fn run(steps: &mut Steps) -> Result<()> {
    let stage = stage::raise(steps).await?;
    steps
        .run("Console in both browsers", async |step| {
            Stage::drivers(step).await?;
            let directory = cargo::root().join("tests/browser/console");
            let mut files = Vec::new();
            for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))? {
                files.push(entry?.path());
            }
            // Node 20 takes no patterns.
            files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
            files.sort();
            // It fills the project, which would slow the others down.
            let (last, first) = files.into_iter().partition::<Vec<_>, _>(|file| file.ends_with("many.test.mjs"));
            let mut passed = 0;
            for files in [first, last] {
                let program = Program::new("node").arguments(["--test", "--test-reporter=tap", "--test-concurrency=2"]);
                let output = stage.tell(program.arguments(files)).output(step).await?;
                let count = output.lines().find_map(|line| line.strip_prefix("# pass "));
                passed += count.and_then(|count| count.trim().parse::<usize>().ok()).unwrap_or(0);
            }
            Ok(((), format!("{passed} tests passed")))
        })
        .await
}
