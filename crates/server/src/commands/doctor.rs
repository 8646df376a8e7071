//! `csms doctor`: looks at what a server with the same settings needs, and says what to do about what is missing.
//!
//! What is looked at is in [`crate::boot::diagnosis`]; this module has the arguments, the report and the exit status.

use std::process::ExitCode;

use clap::Args;
use csms_cli::Output;
use serde_json::json;

use super::{Failed, block_on, offline::print};
use crate::boot::{
    diagnosis::{self, Finding, Outcome},
    settings::origin::Given,
};

const EXAMPLES: &str = "\
Examples:
  csms doctor --config /etc/csms/csms.toml   as the user that runs the server
  csms doctor --data ./csms-data --strict    warnings count too, for a check before a release
  csms doctor -o json                        one object for each check, for monitoring

Exit status: 0 when nothing is in the way of the server, 1 when something is (with --strict, also for a warning), 2 for \
arguments that cannot be used.";

/// Arguments of `csms doctor`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    given: Given,

    /// End with status 1 for a warning, too
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    output: Output,
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

/// Looks at everything and prints what it found.
///
/// # Errors
/// A runtime that cannot be started, a closed standard output.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failed> {
    let Arguments { given, strict, output } = arguments;
    let findings = block_on(async { Ok::<_, Failed>(diagnosis::all(given.settle()).await) })?;
    report(output, &findings)?;
    let worst = findings.iter().map(|finding| finding.outcome).max().unwrap_or_default();
    let well = worst <= if strict { Outcome::Ok } else { Outcome::Warning };
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(format: Output, findings: &[Finding]) -> Result<(), Failed> {
    let count = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    let (warnings, failures) = (count(Outcome::Warning), count(Outcome::Failed));
    let json = json!({ "failed": failures, "warnings": warnings, "checks": findings });
    print(format, &json, |table| {
        table.texts(["CHECK", "RESULT", "FOUND"]);
        for Finding { check, outcome, found, advice } in findings {
            table.texts([check, outcome.word(), found]);
            if let Some(advice) = advice {
                table.texts(["", "", &format!("→ {advice}")]);
            }
        }
        table.texts([&format!("{failures} failed, {warnings} warnings")]);
    })
}
