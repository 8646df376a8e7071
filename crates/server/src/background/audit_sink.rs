//! Delivers the audit trail to the sink that the operator names, record by record in the order of their numbers, at least once.
//!
//! The store keeps the number of the last record that the sink has taken; it moves once the sink has the records on disk or has
//! acknowledged them. A server that is killed between the two delivers them again. Of servers that share a store, the one that holds
//! the lease delivers. No request waits for any of this.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use csms_core::UnixMillis;
use csms_store::{AuditRecord, Store as _, StoreError};

use crate::{
    app::App,
    audit::{OK, Record, archive},
    channels::sink::{Sink, SinkRecord},
    telemetry::outage,
};

/// Time between two looks when the sink has everything.
const INTERVAL: Duration = Duration::from_secs(1);

/// Time between two tries to get the lease that another server holds.
const LEASE_INTERVAL: Duration = Duration::from_secs(10);

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(30);

/// Age of a lease after which it is renewed.
const RENEWED_AFTER: Duration = Duration::from_secs(10);

/// Waits after failures: the first, doubled each time up to the longest.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// How often the log has a line about a sink that takes nothing.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Most records of one delivery, and bytes beyond which no further one is added.
const RECORDS: u16 = 500;
const BYTES: usize = 1 << 20;

/// How far the sink has got while this server holds the lease.
#[derive(Clone, Copy)]
struct Held {
    /// Number of the last record that it has taken.
    position: u64,
    renewed: Instant,
}

/// How a round ended.
enum Round {
    /// More records may wait.
    Delivered,
    /// No record waits.
    Idle,
    /// Another server delivers.
    Elsewhere,
    /// The sink has not taken the records.
    Failed(String),
}

/// Delivers records until the task is dropped. Returns at once when there is no sink.
pub async fn watch(app: Arc<App>) {
    let Some(sink) = &app.audit_sink else { return };
    let mut held = None;
    let mut retry = FIRST_RETRY;
    let mut line: Option<Instant> = None;
    let mut is_reported = false;
    loop {
        let wait = match round(&app, sink, &mut held).await {
            Ok(Round::Failed(reason)) => {
                if line.is_none_or(|line| line.elapsed() >= LINE_EVERY) {
                    line = Some(Instant::now());
                    is_reported = true;
                    tracing::error!(sink = %sink.address(), reason, "the audit sink takes no records; they will be delivered later");
                }
                let wait = retry;
                retry = LONGEST_RETRY.min(retry * 2);
                wait
            }
            Ok(round) => {
                if matches!(round, Round::Delivered) {
                    retry = FIRST_RETRY;
                    if std::mem::take(&mut is_reported) {
                        tracing::info!(sink = %sink.address(), "the audit sink takes records again");
                    }
                }
                match round {
                    Round::Idle => INTERVAL,
                    Round::Elsewhere => LEASE_INTERVAL,
                    Round::Delivered | Round::Failed(_) => continue,
                }
            }
            Err(error) => {
                outage::report(&error, "audit records will be delivered to the sink later");
                INTERVAL
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Delivers the records that come next, if there are any.
async fn round(app: &App, sink: &Sink, held: &mut Option<Held>) -> Result<Round, StoreError> {
    let holder = app.server.prefix();
    if held.is_none_or(|held| held.renewed.elapsed() >= RENEWED_AFTER) {
        let renewed = Instant::now();
        let position = app.store.claim_audit_sink(holder, LEASE).await?;
        *held = position.map(|position| Held { position, renewed });
    }
    let Some(Held { position, .. }) = *held else { return Ok(Round::Elsewhere) };
    let records = app.store.audit_records(position, RECORDS, None).await?;
    let Some(first) = records.first() else { return Ok(Round::Idle) };
    let first = first.number;
    let mut size = 0;
    let fits = |record: &&AuditRecord| {
        let fits = size < BYTES;
        size += record.document.len();
        fits
    };
    let records: Vec<_> = records.iter().take_while(fits).collect();
    let Some(last) = records.last() else { return Ok(Round::Idle) };
    let lines: Vec<_> = records.iter().map(|record| delivered(record)).collect();
    if let Err(reason) = sink.deliver(&lines, app.clock.now()).await {
        // Until the next try, another server may have more success.
        *held = None;
        return Ok(Round::Failed(reason));
    }
    if first != position + 1 {
        tracing::warn!(
            from = position + 1,
            to = first - 1,
            "these audit records were archived before the sink took them; it has those behind them"
        );
    }
    let renewed = Instant::now();
    let is_mine = app.store.advance_audit_sink(holder, LEASE, last.number).await?;
    *held = is_mine.then_some(Held { position: last.number, renewed });
    Ok(Round::Delivered)
}

/// A record as the sink gets it.
fn delivered(record: &AuditRecord) -> SinkRecord {
    let said = serde_json::from_str::<Record<'_>>(&record.document).ok();
    SinkRecord {
        line: archive::line(record),
        time: UnixMillis::new(u64::try_from(record.columns.time).unwrap_or_default()),
        action: said.as_ref().map(|said| said.action.to_owned()).unwrap_or_default(),
        is_failure: said.is_none_or(|said| said.outcome != OK),
    }
}
