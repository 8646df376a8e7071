//! Looks at the state that no event reports: latency and pool of the store, waiting notifications, the audit writer and sink, functions
//! and keys. Each server shows what it sees; alert rules take the worst.

use std::time::Duration;

use csms_core::UnixMillis;
use csms_store::{KeyState, Store as _, StoreError};

use crate::{
    app::App,
    installation::last_snapshot,
    telemetry::metrics::{Sample, SinkBacklog},
};

/// How long a store may take to be counted in; `/metrics` then keeps the numbers of the last look.
const WITHIN: Duration = Duration::from_secs(5);

/// Takes a look and shows it.
///
/// # Errors
/// Failures of the store.
pub(super) async fn look(app: &App) -> Result<(), StoreError> {
    app.metrics.functions(app.functions.instances());
    app.metrics.audit(app.trail.waiting(), app.trail.write_failures());
    app.metrics.keys_usable(app.keys.are_usable(&app.identity.project_id).await);
    app.metrics.store(app.health.latencies(), app.store.pool());
    let Ok(sample) = tokio::time::timeout(WITHIN, sample(app)).await else { return Ok(()) };
    app.metrics.sampled(sample?, app.clock.now());
    Ok(())
}

async fn sample(app: &App) -> Result<Sample, StoreError> {
    let outbox = app.store.outbox_backlog().await?;
    let mut oldest_material: Option<UnixMillis> = None;
    for region in &app.identity.regions {
        for key in app.store.keys(&region.project).await? {
            if key.state == KeyState::Enabled {
                let newest = key.details.materials.last().map_or(key.create_time, |material| material.create_time);
                oldest_material = Some(oldest_material.map_or(newest, |oldest| oldest.min(newest)));
            }
        }
    }
    let last_snapshot = last_snapshot::time(app.seen.directory());
    let audit_sink = if app.audit_sink.is_some() { sink_backlog(app).await? } else { SinkBacklog::default() };
    Ok(Sample { outbox, oldest_material, last_snapshot, audit_sink })
}

/// What the audit sink has not taken yet.
async fn sink_backlog(app: &App) -> Result<SinkBacklog, StoreError> {
    let position = app.store.audit_sink().await?.unwrap_or(0);
    let Some(first) = app.store.audit_records(position, 1, None).await?.into_iter().next() else {
        return Ok(SinkBacklog::default());
    };
    let head = app.store.audit_head().await?.number;
    let oldest = u64::try_from(first.columns.time).ok().map(UnixMillis::new);
    Ok(SinkBacklog { waiting: (head + 1).saturating_sub(first.number), oldest })
}
