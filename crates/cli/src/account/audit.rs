//! `csms audit`: who did what, by the traces of the Cloud Trace Service.

use std::path::PathBuf;

use clap::Subcommand;
use csms_api::cts::CtsOperation;
use serde_json::{Value, json};

use super::{
    iam::{Accounts, text},
    offline_only,
};
use crate::{
    connection::NO_BODY,
    failure::CliError,
    output::{Output, Table, time},
};

/// Most traces of an answer.
const PAGE: usize = 200;

/// What to do with the audit trail.
#[derive(Subcommand, Debug)]
pub enum AuditAction {
    /// Check that no record was changed, moved, inserted or removed, and that users, access keys, policies and KMS keys
    /// are as the trail says (needs --offline)
    ///
    /// Prints the number of records and the head, NUMBER:LINK. Whoever has the root key and can write to the database can
    /// write another trail; keep a head somewhere else and give it to --expect to notice even that. A trail that was archived
    /// is followed from its signed checkpoint on.
    Verify {
        /// A head printed earlier, which must still be part of the trail, or of the archives that are given
        #[arg(long, value_name = "NUMBER:LINK")]
        expect: Option<String>,
        /// Archive to verify as well. Several must follow each other: give the oldest first
        #[arg(long = "archive", value_name = "FILE")]
        archives: Vec<PathBuf>,
        /// File with the public key of the installation (PEM): verify the archives alone, without the data and --offline
        #[arg(long, value_name = "FILE", requires = "archives", conflicts_with = "expect")]
        public_key: Option<PathBuf>,
    },
    /// Move the oldest records into a signed file (needs --offline)
    ///
    /// Writes the records before a time to a new file, signs it, and removes them from the store. The trail goes on behind a
    /// signed checkpoint. A server may run meanwhile. If the command is interrupted, run it again with the same file.
    Archive {
        /// Archive up to the first record that is not older than this: a time, a day, or a number of days ago such as 90d
        #[arg(long, value_name = "TIME")]
        until: String,
        /// File to write, which must not exist
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Archive also records that the audit sink (--audit-sink of the server) has not taken. Without this flag the archive ends
        /// before them
        #[arg(long)]
        ignore_sink: bool,
    },
    /// Print the public key that verifies archives, in PEM (needs --offline)
    PublicKey,
    /// List records, oldest first
    List {
        /// Only records about the secret of this name
        #[arg(long, value_name = "NAME")]
        secret: Option<String>,
        /// Only records after this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
        /// Maximum number of records: through the API the newest, with --offline the first [default: all]
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
}

pub(super) async fn run(accounts: &Accounts, output: Output, action: &AuditAction) -> Result<(), CliError> {
    match action {
        AuditAction::Verify { .. } => Err(offline_only("the check of the trail")),
        AuditAction::Archive { .. } => Err(offline_only("an archive of the trail")),
        AuditAction::PublicKey => Err(offline_only("the public key of archives")),
        AuditAction::List { secret, after, limit } => {
            list(accounts, output, secret.as_deref(), *after, limit.unwrap_or(usize::MAX)).await
        }
    }
}

async fn list(
    accounts: &Accounts,
    output: Output,
    secret: Option<&str>,
    after: u64,
    limit: usize,
) -> Result<(), CliError> {
    let row = CtsOperation::ListTraces.specification();
    let number = |trace: &Value| text(trace, "trace_id").parse::<u64>().unwrap_or_default();
    let mut traces: Vec<Value> = Vec::new();
    let mut next = None;
    loop {
        let wanted = PAGE.min(limit - traces.len()).max(1);
        let mut query = vec![("from", "0".to_owned()), ("limit", wanted.to_string())];
        query.extend(secret.map(|name| ("resource_name", name.to_owned())));
        query.extend(next.take().map(|next: String| ("next", next)));
        let page: Value = accounts.client.call_json(row, &[], &query, NO_BODY).await?;
        let found = page.get("traces").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_past = found.iter().any(|trace| number(trace) <= after);
        traces.extend(found.into_iter().filter(|trace| number(trace) > after));
        next = page.pointer("/meta_data/marker").and_then(Value::as_str).map(str::to_owned);
        if next.is_none() || is_past || traces.len() >= limit {
            break;
        }
    }
    traces.truncate(limit);
    traces.reverse();
    output.table(&json!({ "traces": traces }), || {
        let mut table = Table::new(&["NUMBER", "TIME", "WHO", "ACTION", "WHAT", "STATUS", "FROM"]);
        for trace in &traces {
            let who = trace.get("user").map(|user| text(user, "name")).unwrap_or_default();
            let moment = trace.get("time").and_then(Value::as_u64).map(time).unwrap_or_default();
            table.row(vec![
                text(trace, "trace_id"),
                moment,
                who,
                text(trace, "trace_name"),
                text(trace, "resource_name"),
                text(trace, "code"),
                text(trace, "source_ip"),
            ]);
        }
        table
    })
}
