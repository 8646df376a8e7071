//! `cargo xtask test`: every check and every test, in the order in which failures are cheapest.
//!
//! It stops at the first failure and says which command repeats it. Where tests run beside each other, a few that fail are tried
//! once more, alone, because a busy machine can be the reason; what passes then is told, and what fails twice is a failure.

mod emulated;
mod generators;
mod programs;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use csms_testbed::debian;

use crate::progress::{Budget, Step, Steps};
use crate::{arrows, cargo, docs, package, parties, setup, wasm, www};
use programs::{Environment, Program};
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
pub(crate) const LONG: &str = "CSMS_TEST_LONG";

/// Where the tests are that need databases, Python or a whole server.
pub(crate) const SLOW_PACKAGES: [&str; 4] = ["csms-conformance", "csms-faults", "csms-rotation-tests", "csms-testbed"];

/// Minutes of the stages, with nothing built before.
const BUDGETS: &[Budget] = &[
    (4, "Lints"),
    (1, "Documentation"),
    (4, "Package for npm"),
    (3, "Package in engines and tools"),
    (3, "Build the server"),
    (3, "Package the function"),
    (6, "Console in every browser"),
    (5, COMPILE),
    (1, EXAMPLES),
    (4, UNITS),
    (4, "Hostile requests"),
    (4, "Clients and commands"),
    (5, "Faults"),
    (9, "Database engines"),
];
const COMPILE: &str = "Compile the tests";
const UNITS: &str = "Units and API";
const EXAMPLES: &str = "Examples in documentation";

/// The test programs by what they try, by the directories of their packages, in the order in which failures are cheapest. Those of
/// all other packages are [`UNITS`] and come first.
const GROUPS: &[(&str, &[&str])] = &[
    ("Hostile requests", &["tests/hostile"]),
    ("Clients and commands", &["tests/conformance"]),
    ("Faults", &["tests/faults"]),
    ("Database engines", &["tests/rotation", "crates/testbed"]),
];

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const LINTS: &[&str] = &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
const DOCUMENTATION: &[&str] = &["doc", "--workspace", "--no-deps"];
const NO_WARNINGS: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");
const SERVER: &[&str] = &["build", "--bin", "csms"];

/// Runs `cargo xtask test`.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let total = setup::STEPS
        + TEST_STEPS
        + if arguments.long { emulated::STEPS } else { 0 }
        + if arguments.fast { 6 } else { 10 + GROUPS.len() + wasm::suites::STEPS + www::suites::STEPS };
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
        www::suites::run(&mut steps, arguments.long).await?;
        artefacts
    };
    if arguments.long {
        emulated::run(&mut steps).await?;
    }
    let environment = Environment { artefacts: &artefacts, long: arguments.long.then_some(LONG) };
    tests(&mut steps, if arguments.fast { &SLOW_PACKAGES } else { &[] }, &environment).await
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

/// How many steps [`tests`] takes, without those of [`GROUPS`] and the second try.
const TEST_STEPS: usize = 3;

/// Runs the tests of all packages but those `without`, and a few that fail a second time.
async fn tests(steps: &mut Steps, without: &[&str], environment: &Environment<'_>) -> Result<ExitCode> {
    let mut programs = steps
        .run(COMPILE, async |step| {
            let programs = programs::compile(step, without).await?;
            let told = format!("{} programs", programs.len());
            Ok((programs, told))
        })
        .await?;
    let examples = programs::cargo_test("--doc", without);
    steps.run(EXAMPLES, async |step| Ok(((), cargo::run(step, &examples, &[]).await.map(|()| "")?))).await?;
    let groups: Vec<(&str, Vec<Program>)> = GROUPS
        .iter()
        .map(|(title, directories)| {
            let is_of_group =
                |program: &mut Program| directories.iter().any(|directory| program.directory.ends_with(directory));
            (*title, programs.extract_if(.., is_of_group).collect())
        })
        .collect();
    let mut tally = Tally::default();
    let mut failed = Vec::new();
    for (title, programs) in [(UNITS, programs)].into_iter().chain(groups).filter(|(_, programs)| !programs.is_empty())
    {
        steps
            .run(title, async |step| {
                let mut group = Tally::default();
                for outcome in programs::run(step, programs, environment).await {
                    group.add(&outcome.tally);
                    failed.extend((!outcome.has_passed()).then_some(outcome));
                }
                tally.add(&group);
                Ok(((), group))
            })
            .await?;
    }
    // A program that ended without saying which test failed is no accident either.
    let few = failed
        .iter()
        .map(|outcome| outcome.tally.failed())
        .sum::<Option<usize>>()
        .is_some_and(|sum| sum <= TRIED_AGAIN);
    if few && !failed.is_empty() {
        let again = std::mem::take(&mut failed);
        steps
            .run("What failed, alone", async |step| {
                for first in again {
                    let alone = programs::run_failed(step, &first, environment).await;
                    if !(tally.forgive(&first.tally, &alone.tally) && alone.has_passed()) {
                        failed.push(first);
                    }
                }
                Ok(((), format!("{tally}")))
            })
            .await?;
    }
    let commands = failed.iter().map(programs::Outcome::command);
    if !failed.is_empty() {
        let variables: Vec<_> =
            environment.artefacts.iter().map(|(name, path)| (*name, path.to_string_lossy())).collect();
        let variables: Vec<_> = variables.iter().map(|(name, path)| (*name, path.as_ref())).collect();
        println!("\ntests failed; repeat them with");
        commands.for_each(|command| println!("  {}", cargo::shell(&[&command], &variables)));
    }
    // The totals are the last line, for programs that read them.
    println!("{tally}");
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
