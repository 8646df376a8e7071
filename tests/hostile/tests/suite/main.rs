//! Hostile requests: each class of attack with its trick and its baseline, against a server in this process.
//!
//! `CSMS_WRITE_GENERATED=1 cargo test --workspace --test hostile` writes the table of what was tried to `crates/server/SECURITY-TESTS.md`.

#![allow(clippy::needless_pass_by_value, reason = "what a case compares is built for it alone")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod agreement;
mod generated;
mod listed;
mod report;
#[path = "../../../../crates/server/tests/api/support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the API, which use all of it")]
mod support;
mod touches;
mod traces;
mod world;

use std::{fs, path::Path, process::ExitCode};

use csms_api::{Operation, cts::CtsOperation, eps::EpsOperation, iam::IamOperation, kms::KmsOperation};
use csms_server::services::functiongraph::FunctionOperation;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::{touches::Row, world::World};

/// Runs the future of a trial.
fn run(trial: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(trial)
}

/// Rows over the present state of a world.
type Rows = fn(&World) -> Vec<Row>;

/// The operations on secrets whose place in their table leaves this remainder by three.
fn third(world: &World, remainder: usize) -> Vec<Row> {
    let operations = Operation::ALL.iter().enumerate().filter(|(index, _)| index % 3 == remainder);
    operations.flat_map(|(_, operation)| touches::of_secrets(world, *operation)).collect()
}

/// The rows of all services, in parts that run side by side.
const PARTS: [(&str, Rows); 6] = [
    ("secrets_1", |world| third(world, 0)),
    ("secrets_2", |world| third(world, 1)),
    ("secrets_3", |world| third(world, 2)),
    ("keys", |world| KmsOperation::ALL.iter().flat_map(|it| touches::of_keys(world, *it)).collect()),
    ("the_account", |world| IamOperation::ALL.iter().flat_map(|it| touches::of_account(world, *it)).collect()),
    ("traces_functions_and_moves", |world| {
        let traces = CtsOperation::ALL.iter().flat_map(|it| touches::of_traces(world, *it));
        let functions = FunctionOperation::ALL.iter().flat_map(|it| touches::of_functions(world, *it));
        let moves = EpsOperation::ALL.iter().flat_map(|it| touches::of_moves(world, *it));
        traces.chain(functions).chain(moves).collect()
    }),
];

/// A trial that runs a function of its own name.
macro_rules! trials {
    ($($module:ident::$name:ident),+ $(,)?) => {
        [$(Trial::test(concat!(stringify!($module), "::", stringify!($name)), || run($module::$name()))),+]
    };
}

fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> = PARTS
        .into_iter()
        .flat_map(|(name, rows)| {
            let decides = move || run(async { generated::all(&mut World::start().await, rows).await });
            let agrees = move || run(async { agreement::all(&mut World::start().await, rows).await });
            [
                Trial::test(format!("the_server_decides_as_the_evaluator_about_{name}"), decides),
                Trial::test(format!("the_check_of_rights_agrees_with_operations_on_{name}"), agrees),
            ]
        })
        .collect();
    trials.extend(trials![
        listed::repeated_members,
        listed::repeated_parameters,
        listed::facts_of_conditions,
        listed::spellings,
        listed::other_names,
        listed::entrances,
        listed::guesses,
        listed::without_an_action,
        listed::lists_of_what_is_denied,
        listed::tasks_of_others,
        traces::every_route_leaves_them,
    ]);
    trials
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let is_whole = arguments.filter.is_none() && !arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials());
    if is_whole { conclude(conclusion.has_failed()) } else { conclusion.exit_code() }
}

/// Prints the table, writes it when asked to, and checks that the one in the repository has every class.
#[allow(clippy::print_stdout, reason = "the table is for whoever runs the suite")]
fn conclude(has_failed: bool) -> ExitCode {
    let (table, tried) = report::table();
    println!("{table}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/server/SECURITY-TESTS.md");
    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() && !has_failed {
        fs::write(&file, format!("{HEAD}{table}")).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let class = |line: &str| line.strip_prefix("| ").and_then(|rest| rest.split(" |").next()).map(str::to_owned);
    let missing: Vec<_> = table.lines().filter_map(class).filter(|it| !kept.contains(&format!("| {it} |"))).collect();
    let is_complete = missing.is_empty() && tried >= 300;
    if !is_complete {
        println!(
            "{tried} cases were tried, at least 300 are expected; crates/server/SECURITY-TESTS.md lacks {missing:?}"
        );
        println!("write it again: CSMS_WRITE_GENERATED=1 cargo test --workspace --test hostile");
    }
    if has_failed || !is_complete { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

const HEAD: &str = "# Hostile requests\n\n\
`cargo test --workspace --test hostile` sends hostile requests to a server in its own process. Each class has the trick and its\n\
baseline: the same request without the trick. A case holds when the server decides as an evaluator in `tests/hostile`\n\
does, which is written from [the reference of policies](../../www/docs/src/reference/access.md) and shares no code with the server. The generated classes combine\n\
every operation and every resource it touches with an Allow and a Deny by name, tag, key, type, version and address.\n\n\
Rows of the database that somebody changed without the root key are tried in `crates/server/tests/api/bound_rows.rs`.\n\n\
`CSMS_WRITE_GENERATED=1 cargo test --workspace --test hostile` writes this file again.\n\n";
