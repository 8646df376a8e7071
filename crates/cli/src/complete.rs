//! Completes the names of secrets in a shell, by asking the server.
//!
//! Fails silently: a shell has no place for an error while somebody types.

use core::time::Duration;
use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use crate::{command::block_on, connection::Connection, failure::CliError};

/// The variable by which the script of a shell asks for candidates.
pub const COMPLETION_VARIABLE: &str = "CSMS_COMPLETE";

/// Longest wait; whoever presses the key waits too.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Most names of one answer.
const PAGE: u16 = 1000;

/// Completes the name of a secret. The server and the keys come from the variables.
pub(crate) fn secrets() -> ArgValueCompleter {
    ArgValueCompleter::new(candidates)
}

fn candidates(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let names = block_on(async {
        let list = tokio::time::timeout(TIMEOUT, names());
        list.await.unwrap_or_else(|_| Ok(Vec::new()))
    });
    let names = names.unwrap_or_default().into_iter().filter(|name| name.starts_with(typed));
    names.map(CompletionCandidate::new).collect()
}

async fn names() -> Result<Vec<String>, CliError> {
    let answer = Connection::default().client().await?.list_secrets(PAGE, None).await?;
    Ok(answer.secrets.into_iter().map(|secret| secret.name).collect())
}
