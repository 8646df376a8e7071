//! `csms audit`: who did what, by the traces of the Cloud Trace Service.

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
    /// write another trail; keep a head somewhere else and give it to --expect to notice even that.
    Verify {
        /// A head printed earlier, which must still be part of the trail
        #[arg(long, value_name = "NUMBER:LINK")]
        expect: Option<String>,
    },
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
