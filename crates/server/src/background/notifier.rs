//! Background work of events: reports expired versions, delivers the notifications of the outbox, removes old records.
//!
//! A notification is stored with its cause, so nothing is lost when the server stops; it is delivered at least once. Before
//! each attempt it is claimed for some time, so that servers that share a database do not send it twice at once; an attempt
//! that a server did not live to settle is made again when the claim ends. Receivers know repetitions by the identifier.

use std::{sync::Arc, time::Duration};

use csms_core::{
    UnixMillis,
    event::{EventType, Occurrence, RECORD_DAYS, next_delivery},
    identity::make_uuid,
};
use csms_store::{ChangeError, ClaimedNotification, Store, StoreError};
use getrandom::SysRng;
use tokio::task::JoinSet;

use crate::{app::App, audit::Origin, channels::Outcome, failure::Chain, failure::Failure};

/// The longest wait between two looks: other servers may have stored something.
const INTERVAL: Duration = Duration::from_secs(1);

/// The shortest wait.
const PAUSE: Duration = Duration::from_millis(50);

/// Most secrets, or notifications, in one go.
const BATCH: u16 = 32;

/// How long a claim lasts, in milliseconds: longer than an attempt may take.
const CLAIM_MILLIS: u64 = 15_000;

/// How often old records are removed.
const PURGE_MILLIS: u64 = 3_600_000;

const DAY_MILLIS: u64 = 86_400_000;

/// Does what is due until the task is dropped.
pub async fn watch(app: Arc<App>) {
    let mut purged = UnixMillis::new(0);
    loop {
        let now = app.clock.now();
        if now.millis_since(purged) >= PURGE_MILLIS {
            purged = now;
            if let Err(error) = purge(&app).await {
                tracing::error!(cause = %Chain(&error), "old notification records will be removed later");
            }
        }
        if let Err(error) = work(&app).await {
            tracing::error!(cause = %Chain(&error), "events will be looked at again");
        }
        tokio::time::sleep(until_next(&app).await).await;
    }
}

async fn until_next(app: &App) -> Duration {
    let Ok(Some(due)) = app.store.next_event_time().await else { return INTERVAL };
    Duration::from_millis(due.millis_since(app.clock.now())).clamp(PAUSE, INTERVAL)
}

/// Tells of what has expired and delivers what is due, once.
///
/// # Errors
/// Failures of the store; what was not done is done at the next look.
pub async fn work(app: &Arc<App>) -> Result<(), StoreError> {
    Origin::service("TellExpiry").during(tell_expiries(app)).await?;
    deliver_due(app).await
}

/// Removes the records of notifications that are older than three months.
///
/// # Errors
/// Failures of the store.
pub async fn purge(app: &App) -> Result<(), StoreError> {
    let age = RECORD_DAYS * DAY_MILLIS;
    let before = UnixMillis::new(app.clock.now().as_millis().saturating_sub(age));
    let purged = app.store.purge_notifications(before).await?;
    if purged > 0 {
        tracing::info!(purged, "removed old notification records");
    }
    Ok(())
}

/// Tells of every version that has expired, once for each setting of its expiry.
async fn tell_expiries(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    for (project, name) in app.store.due_expiries(now, BATCH).await? {
        let told = app.store.change_secret(&project, &name, false, move |draft| {
            for version in draft.secret.tell_expiries(now) {
                let id = make_uuid(&mut SysRng)?;
                draft.occur(Occurrence::of_version(id, EventType::SecretVersionExpired, now, version));
            }
            Ok::<_, Failure>(())
        });
        match told.await {
            Ok(()) | Err(ChangeError::NotFound) => {}
            Err(ChangeError::Refused(failure)) => {
                tracing::error!(secret = %name, error = %failure.error, "an expiry will be reported later");
            }
            Err(ChangeError::Store(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Delivers what is due, all at the same time, and writes down what became of it.
async fn deliver_due(app: &Arc<App>) -> Result<(), StoreError> {
    let now = app.clock.now();
    // Reading costs nothing; claiming is a write.
    if app.store.next_event_time().await?.is_none_or(|due| due > now) {
        return Ok(());
    }
    let mut deliveries = JoinSet::new();
    for claimed in app.store.claim_notifications(now, now.plus_millis(CLAIM_MILLIS), BATCH).await? {
        let app = Arc::clone(app);
        deliveries.spawn(async move { deliver(&app, claimed).await });
    }
    while let Some(delivered) = deliveries.join_next().await {
        // A panic in one leaves the others alone; its claim ends by itself.
        delivered.unwrap_or(Ok(()))?;
    }
    Ok(())
}

async fn deliver(app: &App, claimed: ClaimedNotification) -> Result<(), StoreError> {
    let ClaimedNotification { notification, attempt } = claimed;
    let outcome = app.channels.send(&notification, app.clock.now()).await;
    let id = notification.id.as_str();
    if let Outcome::Failed(reason) | Outcome::Invalid(reason) = &outcome {
        tracing::warn!(notification = id, event = %notification.event_name, attempt, reason, "not delivered");
    }
    let next = match &outcome {
        Outcome::Failed(_) => next_delivery(notification.create_time, attempt, app.clock.now()),
        Outcome::Delivered | Outcome::Invalid(_) => None,
    };
    app.store.settle_notification(id, attempt, outcome.status(), next).await.map(drop)
}
