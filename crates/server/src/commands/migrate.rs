//! `csms migrate`: moves the data of the embedded store into a PostgreSQL database.

use std::path::{Path, PathBuf};

use clap::Args;
use csms_cli::{Output, print, print_json};
use csms_store::transfer::{CopiedTable, move_to_postgres};
use serde_json::json;

use super::{Failed, block_on, done};
use crate::{
    boot::serve::DATABASE,
    boot::settings::{self, StoreAddress, origin::Given},
};

/// Arguments of `csms migrate`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Data directory of a server that is not running
    #[arg(long, value_name = "sqlite:DIR", value_parser = directory)]
    from: PathBuf,

    #[command(flatten)]
    target: Given<Target>,
    #[command(flatten)]
    output: Output,
}

/// Where to move to. The identifiers are those of the settings that the variables belong to.
#[derive(Args, Clone, Debug)]
struct Target {
    /// Empty database to move into. A password in the address can be seen by other users of the machine: set the variable
    /// instead, or give the password in PGPASSWORD or --to-password-file
    #[arg(
        id = "store",
        long = "to",
        env = "CSMS_STORE",
        hide_env_values = true,
        value_name = "postgres://USER@HOST/DATABASE"
    )]
    address: StoreAddress,

    /// File with the password for --to
    #[arg(
        id = "store_password_file",
        long = "to-password-file",
        env = "CSMS_STORE_PASSWORD_FILE",
        value_name = "FILE"
    )]
    password_file: Option<PathBuf>,

    /// PEM file with the certificate authorities to trust for --to, instead of the public ones
    #[arg(id = "store_ca", long = "to-ca", env = "CSMS_STORE_CA", value_name = "FILE")]
    authorities: Option<PathBuf>,
}

fn directory(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("sqlite:") {
        Some(directory) if !directory.is_empty() => Ok(directory.into()),
        _ => Err("must be of the form sqlite:DIR".to_owned()),
    }
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

/// Moves the data and says what was moved.
///
/// # Errors
/// Whatever is in the way; nothing has been moved then.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    let Arguments { from, target, output } = arguments;
    let Target { address, password_file, authorities } = target.flags();
    let settings =
        settings::postgres(address, password_file, authorities, None).map_err(|error| target.locate(error))?;
    let copied = block_on(move_to_postgres(&from.join(DATABASE), &settings))?;
    // What the report says of the old data counts even if nobody can read the report.
    let told = format!("the data is moved; {} keeps its own, marked as moved", from.display());
    report(*output, from, &copied).map_err(done(told))
}

fn report(output: Output, from: &Path, copied: &[CopiedTable]) -> Result<(), Failed> {
    if output.is_json() {
        let tables = copied.iter().map(|CopiedTable { name, rows }| json!({ "name": name, "rows": rows }));
        return Ok(print_json(&json!({ "copied": tables.collect::<Vec<_>>() }))?);
    }
    let line = |CopiedTable { name, rows }: &CopiedTable| format!("  {name:<20} {rows:>12}\n");
    let (rows, from) = (copied.iter().map(line).collect::<String>(), from.display());
    let told = format!(
        "Copied, read back and found equal:\n{rows}\n\
         {from} keeps its data, marked as moved. Start servers with --store, and with its root key:\n  \
         csms serve --store postgres://… --root-key-file {from}/root.key --data {from}\n"
    );
    Ok(print(told.as_bytes())?)
}
