//! The test programs of the workspace: compiled once, run beside each other, and what fails in them run once more, alone.
//!
//! Not `cargo test`, which runs one program after the other: many of them wait for servers and databases most of their time. Each
//! program gets from us what it would get from Cargo: the directory of its package.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::process::Command;

use super::tally::Tally;
use crate::cargo::{self, Artifact, Target};
use crate::progress::{Memory, Step, elapsed};

/// Seconds of the programs that take longest, until a run has measured them: what is long begins first.
const FIRST: &str = "\
180 tests/rotation crash_matrix
160 tests/rotation cases
115 crates/server api
115 tests/rotation arrangements
110 tests/rotation server_faults
90 tests/conformance schemathesis
50 tests/conformance cli
50 tests/conformance postgres_store
";

/// A compiled program of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// The directory of the package in the repository.
    pub(super) directory: PathBuf,
    target: Target,
    executable: PathBuf,
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.directory.display(), self.target.name)
    }
}

/// What became of a program.
#[derive(Debug)]
pub(super) struct Outcome {
    program: Program,
    /// Whether it ended well.
    passed: bool,
    pub(super) tally: Tally,
    output: String,
    took: Duration,
}

/// `cargo test` over all packages but those `without`; `what` of it.
pub(super) fn cargo_test<'a>(what: &'a str, without: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["test", "--workspace", what];
    arguments.extend(without.iter().flat_map(|package| ["--exclude", package]));
    arguments
}

/// Compiles all test programs but those of the packages `without`.
pub(super) async fn compile(step: &Step, without: &[&str]) -> Result<Vec<Program>> {
    let arguments = cargo_test("--no-run", without);
    let tests = cargo::artifacts(step, &arguments).await?.into_iter().filter(|artifact| artifact.profile.test);
    tests.filter_map(|artifact| program(artifact).transpose()).collect()
}

fn program(artifact: Artifact) -> Result<Option<Program>> {
    let Some(executable) = artifact.executable else { return Ok(None) };
    let directory = artifact.manifest_path.parent().context("a manifest is in a directory")?;
    let directory = directory.strip_prefix(cargo::root()).context("a member is in the repository")?.to_owned();
    Ok(Some(Program { directory, target: artifact.target, executable }))
}

/// Runs programs, two beside each other, says of each how it ended, and returns that in no order.
pub(super) async fn run(step: &Step, mut programs: Vec<Program>, environment: &Environment<'_>) -> Vec<Outcome> {
    let memory = RefCell::new(Memory::load("test-programs", FIRST));
    programs.sort_by_key(|program| std::cmp::Reverse(memory.borrow().of(&program.to_string())));
    let waiting = RefCell::new(programs.into_iter());
    let running = RefCell::new(Vec::new());
    let note = || step.note(&running.borrow().join(", "));
    let lane = async || {
        let mut outcomes = Vec::new();
        loop {
            let next = waiting.borrow_mut().next();
            let Some(program) = next else { return outcomes };
            let name = program.to_string();
            running.borrow_mut().push(name.clone());
            note();
            let outcome = run_one(program, &[], environment).await;
            running.borrow_mut().retain(|running| *running != name);
            note();
            memory.borrow_mut().took(&name, outcome.took);
            outcome.tell(step);
            outcomes.push(outcome);
        }
    };
    let (one, other) = tokio::join!(lane(), lane());
    one.into_iter().chain(other).collect()
}

/// Runs the tests that failed in a program, one after the other and nothing beside them.
pub(super) async fn run_failed(step: &Step, of: &Outcome, environment: &Environment<'_>) -> Outcome {
    step.note(&of.program.to_string());
    let alone = ["--test-threads=1", "--exact"].map(str::to_owned);
    let arguments: Vec<_> = alone.into_iter().chain(of.tally.names().iter().cloned()).collect();
    let outcome = run_one(of.program.clone(), &arguments, environment).await;
    outcome.tell(step);
    outcome
}

/// What programs are told by variables.
#[derive(Debug)]
pub(super) struct Environment<'a> {
    /// Where artefacts are.
    pub(super) artefacts: &'a [(&'static str, PathBuf)],
    /// The variable that lets tests take long, where they may.
    pub(super) long: Option<&'static str>,
}

async fn run_one(program: Program, arguments: &[String], environment: &Environment<'_>) -> Outcome {
    let begin = Instant::now();
    let directory = cargo::root().join(&program.directory);
    let mut command = Command::new(&program.executable);
    command.args(arguments).current_dir(&directory).env("CARGO_MANIFEST_DIR", &directory);
    command.envs(environment.artefacts.iter().map(|(name, path)| (name, path)));
    command.envs(environment.long.map(|name| (name, "1"))).stdin(Stdio::null()).kill_on_drop(true);
    let (passed, output) = match command.output().await {
        Ok(output) => {
            let text =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            (output.status.success(), text + &ended(output.status))
        }
        Err(error) => (false, format!("cannot run {}: {error}", program.executable.display())),
    };
    let mut tally = Tally::default();
    output.lines().for_each(|line| tally.read(line));
    Outcome { program, passed, tally, output, took: begin.elapsed() }
}

/// How a program ended, where that says more than its output.
fn ended(status: ExitStatus) -> String {
    // The test harness ends with 101 where a test failed.
    if matches!(status.code(), Some(0 | 101)) { String::new() } else { format!("\nended by {status}\n") }
}

impl Outcome {
    /// Whether all its tests passed.
    pub(super) fn has_passed(&self) -> bool {
        self.passed
    }

    /// Prints how the program ended: its output where something failed, else what it says of tests that were left out.
    fn tell(&self, step: &Step) {
        if !self.passed {
            step.print(&format!("{}\n", self.output.trim_end()));
        }
        for line in self.output.lines().filter(|line| self.passed && line.contains("left out")) {
            step.print(&format!("      {line}"));
        }
        if !self.passed || self.tally.passed() > 0 {
            step.print(&format!("      {:<44} {:>11}  {}", self.program.to_string(), elapsed(self.took), self.tally));
        }
    }

    /// The command that runs what failed again, after `cargo`.
    pub(super) fn command(&self) -> String {
        let Target { name, kind } = &self.program.target;
        let choice =
            if kind.iter().any(|kind| kind == "test") { format!("--test {name}") } else { "--lib --bins".to_owned() };
        let mut command = format!("test --workspace {choice}");
        let names = self.tally.names().join(" ");
        if !names.is_empty() {
            // Cargo itself takes one name, a test program any number.
            command += &format!(" -- {names}");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_repeat_names_what_failed_behind_two_dashes() {
        let target = Target { name: "cli".to_owned(), kind: vec!["test".to_owned()] };
        let program = Program { directory: "tests/conformance".into(), target, executable: PathBuf::new() };
        let mut tally = Tally::default();
        for line in ["test one ... FAILED", "test two ... FAILED", "test three ... ok"] {
            tally.read(line);
        }
        let outcome = Outcome { program, passed: false, tally, output: String::new(), took: Duration::ZERO };
        assert_eq!(outcome.command(), "test --workspace --test cli -- one two");
    }
}
