//! The host with real processes: functions in directories and archives, their ends, and the invoke API.
//!
//! This program is also the function: `bootstrap` of every test executes it again with `--function`. That way the
//! host's and the guest's side are tested against each other without any further program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[allow(clippy::print_stdout, reason = "what a function prints is what is tested")]
mod function;
mod invoke_api;
mod invoking;
mod lifetime;
mod queueing;
mod setup;

/// A list of tests from asynchronous functions, named like them.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        vec![$(libtest_mimic::Trial::test(stringify!($name), || {
            $crate::setup::block_on($name());
            Ok(())
        })),*]
    };
}
use tests;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--function"] => function::run(),
        ["--abandoned-host", directory] => lifetime::run_abandoned_host(directory),
        _ => {
            let tests = [invoking::tests(), lifetime::tests(), queueing::tests(), invoke_api::tests()];
            let tests = tests.into_iter().flatten().collect();
            return libtest_mimic::run(&libtest_mimic::Arguments::from_args(), tests).exit_code();
        }
    }
    std::process::ExitCode::SUCCESS
}
