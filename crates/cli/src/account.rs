//! `csms user`, `csms policy` and `csms audit` through the API of a running server.
//!
//! The same commands on the data itself, and what no operation does, are the server's (`--offline`).

mod audit;
mod iam;
mod once;
mod policy;
mod user;

use std::process::ExitCode;

pub use audit::AuditAction;
pub use once::{print_new_key, print_new_password, print_new_user};
pub use policy::{Check, PolicyAction};
pub use user::{KeyAction, RuleFlag, UserAction};

use crate::{
    command::{block_on, ended},
    connection::Connection,
    failure::CliError,
    output::Output,
};

/// What to do through the API.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    /// `csms user`
    User(&'a UserAction),
    /// `csms policy`
    Policy(&'a PolicyAction),
    /// `csms audit`
    Audit(&'a AuditAction),
}

impl Account<'_> {
    /// What the command is about, if that is one thing.
    #[must_use]
    pub fn subject(self) -> Option<String> {
        match self {
            Self::User(action) => action.subject(),
            Self::Policy(action) => action.subject(),
            Self::Audit(_) => None,
        }
    }
}

/// Runs a command through the API, and says on stderr what went wrong.
#[must_use]
pub fn run_account(connection: &Connection, output: Output, yes: bool, account: Account<'_>) -> ExitCode {
    let outcome = block_on(async {
        let client = connection.client().await.map_err(|error| match error {
            CliError::Usage(reason) => CliError::usage(format!("{reason}; --offline works on the data itself")),
            other => other,
        })?;
        let accounts = iam::Accounts::new(client);
        match account {
            Account::User(action) => user::run(&accounts, output, yes, action).await,
            Account::Policy(action) => policy::run(&accounts, output, yes, action).await,
            Account::Audit(action) => audit::run(&accounts, output, action).await,
        }
    });
    ended(output.is_json(), outcome.map_err(|error| error.about_all_but_missing(account.subject())))
}

/// Refuses what no operation of the API does.
fn offline_only(what: &str) -> CliError {
    CliError::usage(format!("{what} needs the data itself: give --offline, where the server's data and root key are"))
}
