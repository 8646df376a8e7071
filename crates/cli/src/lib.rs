//! The commands of `csms` that use a running server: `secret`, `exec`, `backup`, `restore`, `event`, `key`,
//! `api`, and `user`, `policy` and `audit` as far as operations do it.
//!
//! They speak the service's API through `csms-client` and know nothing of the server that is linked into the same binary, so
//! they work against any server of that API. The commands of the binary that open the data itself print and end as these do. Values are read from files or standard input and printed only when asked for.
//!
//! The one invariant to know: no secret value passes through an argument, an error or a table.

mod account;
mod api;
mod backup;
mod command;
mod complete;
mod confirm;
mod connection;
mod dotenv;
mod event;
mod exec;
mod failure;
mod input;
mod key;
mod language;
mod moment;
mod nearest;
mod new_file;
mod output;
mod secret;
mod variable;
mod written;

pub use account::{
    Account, AuditAction, Check, KeyAction, PolicyAction, RuleFlag, UserAction, print_new_key, print_new_password,
    print_new_user, run_account,
};
pub use command::{Command, ended, not_parsed, run};
pub use complete::COMPLETION_VARIABLE;
pub use confirm::confirm;
pub use connection::{Connection, VARIABLES};
pub use failure::{CliError, STATUSES};
pub use nearest::misspelt;
pub use new_file::{NewFile, sync_directory};
pub use output::{Output, Table, in_words, json as print_json, print};
