//! `csms access`: what the access file says, checked against the data and put in place without a start.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use csms_cli::STATUSES;
use serde_json::{Value, json};

use super::{
    Failed, block_on,
    offline::{DataArguments, print},
};
use crate::{
    boot::access_file::{AccessFile, Outcome, apply, preview},
    clock::Clock,
};

const EXAMPLES: &str = "\
Examples:
  csms access check access.toml    says what `apply`, or a start with --access-file, would change
  csms access apply access.toml    changes it; a running server sees it within 5 seconds

A file:
  [[policies]]
  name = \"team-a\"
  file = \"team-a.json\"             # beside this file; or document = '{…}'

  [[users]]
  name = \"alice\"
  policies = [\"team-a\", \"CSMS ReadOnlyAccess\"]
  access_key = \"ALICE00000000000KEY1\"
  secret_key_variable = \"ALICE_SECRET_KEY\"

  [[users]]
  name = \"bob\"
  absent = true";

/// Arguments of `csms access`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// Apply also a file that leaves nobody who may administer users and policies
    #[arg(long, global = true)]
    force: bool,
    /// What to do
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Say what a file would change; ends with status 2 when it cannot be applied
    Check {
        /// The file
        file: PathBuf,
    },
    /// Apply users, access keys and policies from a file
    Apply {
        /// The file
        file: PathBuf,
    },
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.data.output.is_json()
    }
}

/// Runs the command.
///
/// # Errors
/// What is in the way, in words for the operator.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    let (Action::Check { file: path } | Action::Apply { file: path }) = &arguments.action;
    // Read first: what is wrong with the file alone needs no data.
    let file = AccessFile::read(path)?.with_force(arguments.force);
    block_on(async {
        let data = arguments.data.open().await?;
        let now = Clock::default().now();
        let Outcome { changes, warnings } = match &arguments.action {
            Action::Check { .. } => preview(file, &data.store, &data.root, &data.identity, now).await?,
            Action::Apply { .. } => apply(file, &data.store, &data.root, &data.identity, now).await?,
        };
        for warning in &warnings {
            let _ = writeln!(std::io::stderr(), "csms: warning: {warning}");
        }
        let rows = changes.iter().map(|change| json!({ "action": change.action, "target": change.target }));
        print(arguments.data.output, &Value::from(rows.collect::<Vec<_>>()), |table| {
            table.texts(["ACTION", "TARGET"]);
            for change in &changes {
                table.texts([change.action, &change.target]);
            }
        })
    })
}
