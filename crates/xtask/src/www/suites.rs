//! The tests of the console: its flows in Chromium, Firefox and WebKit, accessibility, what it keeps and shows.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Error, Result, bail};

use super::stage::{self, Stage};
use crate::cargo;
use crate::progress::{Step, Steps, elapsed};
use crate::test::TRIED_AGAIN;
use crate::wasm::node::Program;

/// How many steps [`run`] takes.
pub(crate) const STEPS: usize = stage::STEPS + 1;

/// Runs them against a server with the console that was built last; `long` adds what takes minutes in WebKit.
pub(crate) async fn run(steps: &mut Steps, long: bool) -> Result<()> {
    let stage = stage::raise(steps).await?.trying_everything(long);
    steps
        .run("Console in every browser", async |step| {
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
            let mut report = Report::default();
            for files in [first, last] {
                report.add(beside_each_other(&stage, step, files).await);
            }
            Ok(((), report.after_second_try(&stage, step).await?))
        })
        .await
}

/// What became of the files so far.
#[derive(Default)]
struct Report {
    passed: usize,
    failed: Vec<(PathBuf, Error)>,
}

impl Report {
    fn add(&mut self, outcomes: Vec<(PathBuf, Result<usize>)>) {
        for (file, outcome) in outcomes {
            match outcome {
                Ok(passed) => self.passed += passed,
                Err(error) => self.failed.push((file, error)),
            }
        }
    }

    /// Tries what failed once more, alone and on a stage of its own.
    async fn after_second_try(mut self, stage: &Stage, step: &Step) -> Result<String> {
        let mut told = String::new();
        if self.failed.len() > TRIED_AGAIN {
            let errors = self.failed.iter().map(|(_, error)| format!("{error:#}"));
            bail!(errors.collect::<Vec<_>>().join("\n\n"));
        }
        for (file, error) in self.failed {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            println!("{error:#}\n\n{name} failed beside others, now alone");
            self.passed += test(&stage.another().await?, step, &file).await?;
            told += &format!("; {name} passed alone, after a failure beside others");
        }
        Ok(format!("{} tests passed{told}", self.passed))
    }
}

/// Runs the tests of the files, two files at a time.
async fn beside_each_other(stage: &Stage, step: &Step, files: Vec<PathBuf>) -> Vec<(PathBuf, Result<usize>)> {
    let waiting = RefCell::new(files.into_iter());
    let next = || waiting.borrow_mut().next();
    let work = async || {
        let mut outcomes = Vec::new();
        while let Some(file) = next() {
            let outcome = test(stage, step, &file).await;
            outcomes.push((file, outcome));
        }
        outcomes
    };
    let (one, other) = tokio::join!(work(), work());
    one.into_iter().chain(other).collect()
}

/// Runs the tests of a file, says how long they took, and returns how many passed.
async fn test(stage: &Stage, step: &Step, file: &Path) -> Result<usize> {
    let begin = Instant::now();
    let program = Program::new("node").arguments(["--test", "--test-reporter=tap"]).argument(file);
    let output = stage.tell(program).output(step).await?;
    let count = |what: &str| -> usize {
        let count = output.lines().find_map(|line| line.strip_prefix(what));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    };
    let (passed, left_out) = (count("# pass "), count("# skipped "));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let more = if left_out > 0 { format!(", {left_out} left out") } else { String::new() };
    step.print(&format!("      {name:<44} {:>11}  {passed} passed{more}", elapsed(begin.elapsed())));
    for (what, why) in output.lines().filter_map(left_out_test) {
        step.print(&format!("        left out: {what}: {why}"));
    }
    Ok(passed)
}

/// The name of a test that was left out, and why, of a line like `ok 3 - in webkit # SKIP only with --long`. Parts of a test, whose
/// lines are indented, are counted and not named.
fn left_out_test(line: &str) -> Option<(&str, &str)> {
    let (name, why) = line.strip_prefix("ok ")?.split_once(" # SKIP ")?;
    Some((name.split_once(" - ")?.1, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_was_left_out_is_named_with_the_reason() {
        assert_eq!(left_out_test("ok 3 - in webkit # SKIP only with --long"), Some(("in webkit", "only with --long")));
        assert_eq!(left_out_test("ok 2 - in firefox"), None);
        assert_eq!(left_out_test("    ok 3 - the page policy # SKIP only with --long"), None);
    }
}
