//! `csms migrate`: moves the data of the embedded store into a PostgreSQL database.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use csms_store::transfer::{CopiedTable, move_to_postgres};

use super::{Failed, block_on};
use crate::{
    boot::serve::DATABASE,
    boot::settings::{self, StoreAddress},
};

/// Arguments of `csms migrate`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Data directory of a server that is not running
    #[arg(long, value_name = "sqlite:DIR", value_parser = directory)]
    from: PathBuf,

    /// Empty database to move into. A password in the address can be seen by other users of the machine: set the variable
    /// instead, or give the password in PGPASSWORD or --to-password-file
    #[arg(long, env = "CSMS_STORE", hide_env_values = true, value_name = "postgres://USER@HOST/DATABASE")]
    to: StoreAddress,

    /// File with the password for --to
    #[arg(long, env = "CSMS_STORE_PASSWORD_FILE", value_name = "FILE")]
    to_password_file: Option<PathBuf>,

    /// PEM file with the certificate authorities to trust for --to, instead of the public ones
    #[arg(long, env = "CSMS_STORE_CA", value_name = "FILE")]
    to_ca: Option<PathBuf>,
}

fn directory(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("sqlite:") {
        Some(directory) if !directory.is_empty() => Ok(directory.into()),
        _ => Err("must be of the form sqlite:DIR".to_owned()),
    }
}

/// Moves the data and says what was moved.
///
/// # Errors
/// Whatever is in the way; nothing has been moved then.
pub fn run(arguments: Arguments) -> Result<(), Failed> {
    let Arguments { from, to, to_password_file, to_ca } = arguments;
    let target = settings::postgres(to, to_password_file, to_ca, None)?;
    let copied = block_on(move_to_postgres(&from.join(DATABASE), &target))?;
    report(&mut std::io::stdout().lock(), &from, &copied)?;
    Ok(())
}

fn report(out: &mut impl Write, from: &Path, copied: &[CopiedTable]) -> std::io::Result<()> {
    writeln!(out, "Copied, read back and found equal:")?;
    for CopiedTable { name, rows } in copied {
        writeln!(out, "  {name:<20} {rows:>12}")?;
    }
    let from = from.display();
    writeln!(out, "\n{from} keeps its data, marked as moved. Start servers with --store, and with its root key:")?;
    writeln!(out, "  csms serve --store postgres://… --root-key-file {from}/root.key --data {from}")
}
