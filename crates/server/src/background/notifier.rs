//! Background work of events: reports expired versions, delivers the notifications of the outbox, removes old records.
//!
//! A notification is stored with its cause, so nothing is lost when the server stops; it is delivered at least once. Before
//! each attempt it is claimed for some time, so that servers that share a database do not send it twice at once; an attempt
//! that a server did not live to settle is made again when the claim ends. Receivers know repetitions by the identifier.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use csms_core::{
    ProjectId, UnixMillis,
    event::{EventType, LONGEST_WAIT_MILLIS, Occurrence, RECORD_DAYS, next_delivery},
    identity::make_uuid,
};
use csms_store::{ChangeError, ClaimedNotification, Postponed, Store, StoreError};
use getrandom::SysRng;
use tokio::task::{Id, JoinError, JoinSet};

use crate::{app::App, audit::Origin, channels::Outcome, failure::Failure, telemetry::outage};

/// The longest wait between two looks: other servers may have stored something.
const INTERVAL: Duration = Duration::from_secs(1);

/// The shortest wait.
const PAUSE: Duration = Duration::from_millis(50);

/// Most secrets, or notifications, in one go.
const BATCH: u16 = 32;

/// How long a claim lasts, in milliseconds: longer than an attempt may take.
const CLAIM_MILLIS: u64 = 15_000;

/// How often old records are removed.
const PURGE_INTERVAL: Duration = Duration::from_secs(3_600);

const DAY_MILLIS: u64 = 86_400_000;

/// Most deliveries at the same time.
const MOST: usize = 512;

/// Most deliveries to one receiver at the same time. What is due for it beyond these waits in the store, so that a receiver
/// which does not answer delays its own notifications and no others.
const MOST_OF_RECEIVER: usize = 32;

/// How long a receiver may need for an answer, in milliseconds, and so how long what waits for it is put off.
const ANSWER_MILLIS: u64 = 10_000;

/// The longest time for which a notification is put off, in milliseconds.
const LONGEST_MILLIS: u64 = 300_000;

/// From how many milliseconds on a clock was set back, and not only adjusted.
const SET_BACK_MILLIS: u64 = 60_000;

/// Does what is due until the task is dropped.
pub async fn watch(app: Arc<App>) {
    let mut purged: Option<Instant> = None;
    let mut deliveries = Deliveries::default();
    let mut last = None;
    loop {
        let is_time = purged.is_none_or(|purged| purged.elapsed() >= PURGE_INTERVAL);
        if is_time {
            purged = Some(Instant::now());
            if let Err(error) = purge(&app).await {
                outage::report(&error, "old notification records will be removed later");
            }
        }
        let now = app.clock.now();
        match hasten_after_set_back(&app, last, now).await {
            Ok(()) => last = Some(now),
            Err(error) => outage::report(&error, "notifications wait for a time that the clock has shown before"),
        }
        if let Err(error) = look(&app, &mut deliveries).await {
            outage::report(&error, "events will be looked at again");
        }
        app.clock.sleep(until_next(&app).await).await;
    }
}

/// At the start, and when the clock has been set back: makes notifications due that are put off for longer than any wait lasts, so that
/// none waits for as long as the clock was ahead.
async fn hasten_after_set_back(app: &App, last: Option<UnixMillis>, now: UnixMillis) -> Result<(), StoreError> {
    if last.is_some_and(|last| last.millis_since(now) < SET_BACK_MILLIS) {
        return Ok(());
    }
    let hastened = app.store.hasten_notifications(now, now.plus_millis(LONGEST_WAIT_MILLIS)).await?;
    if hastened > 0 {
        tracing::info!(hastened, "notifications that waited for a clock that was ahead are delivered");
    }
    Ok(())
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
    let mut deliveries = Deliveries::default();
    look(app, &mut deliveries).await?;
    deliveries.finish().await
}

/// Tells of what has expired and begins to deliver what is due.
async fn look(app: &Arc<App>, deliveries: &mut Deliveries) -> Result<(), StoreError> {
    Origin::service("TellExpiry").during(report_expiries(app)).await?;
    deliveries.forget_ended()?;
    deliveries.begin_due(app).await
}

/// Removes the records of notifications that are older than three months. Waits while the clock is in doubt.
///
/// # Errors
/// Failures of the store.
pub async fn purge(app: &App) -> Result<(), StoreError> {
    let Ok(now) = app.clock.believed() else { return Ok(()) };
    let age = RECORD_DAYS * DAY_MILLIS;
    let before = UnixMillis::new(now.as_millis().saturating_sub(age));
    let purged = app.store.purge_notifications(before).await?;
    if purged > 0 {
        tracing::info!(purged, "removed old notification records");
    }
    Ok(())
}

/// Reports every version that has expired, once for each setting of its expiry. Waits while the clock is in doubt.
async fn report_expiries(app: &App) -> Result<(), StoreError> {
    let Ok(now) = app.clock.believed() else { return Ok(()) };
    for (project, name) in app.store.due_expiries(now, BATCH).await? {
        let told = app.store.change_secret(&project, &name, false, move |draft| {
            for version in draft.secret.report_expiries(now) {
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

/// Deliveries under way.
#[derive(Default)]
struct Deliveries {
    running: JoinSet<Result<(), StoreError>>,
    receivers: HashMap<Receiver, Busy>,
    of_task: HashMap<Id, Receiver>,
}

/// Where notifications go: a target of a project.
type Receiver = (ProjectId, String);

/// What waits for a receiver.
#[derive(Default)]
struct Busy {
    running: usize,
    /// Notifications that were put off since it had nothing to do.
    put_off: usize,
}

impl Deliveries {
    /// Claims what is due and begins to deliver it; puts off what is for a receiver that has enough to do.
    async fn begin_due(&mut self, app: &Arc<App>) -> Result<(), StoreError> {
        let now = app.clock.now();
        // Reading costs nothing; claiming is a write.
        if self.running.len() >= MOST || app.store.next_event_time().await?.is_none_or(|due| due > now) {
            return Ok(());
        }
        let mut postponed = Vec::new();
        for claimed in app.store.claim_notifications(now, now.plus_millis(CLAIM_MILLIS), BATCH).await? {
            let notification = &claimed.notification;
            let receiver = (notification.project.clone(), notification.target.id.as_str().to_owned());
            let busy = self.receivers.entry(receiver.clone()).or_default();
            if busy.running >= MOST_OF_RECEIVER {
                busy.put_off += 1;
                let rounds = u64::try_from(busy.put_off.div_ceil(MOST_OF_RECEIVER)).unwrap_or(u64::MAX);
                let until = now.plus_millis(rounds.saturating_mul(ANSWER_MILLIS).min(LONGEST_MILLIS));
                postponed.push(Postponed { id: notification.id.clone(), attempt: claimed.attempt, until });
                continue;
            }
            busy.running += 1;
            let app = Arc::clone(app);
            let delivery = self.running.spawn(async move { deliver(&app, claimed).await });
            self.of_task.insert(delivery.id(), receiver);
        }
        if postponed.is_empty() { Ok(()) } else { app.store.postpone_notifications(postponed).await }
    }

    /// Takes note of the deliveries that have ended.
    fn forget_ended(&mut self) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        while let Some(ended) = self.running.try_join_next_with_id() {
            outcome = outcome.and(self.note(ended));
        }
        outcome
    }

    /// Waits until all have ended.
    async fn finish(&mut self) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        while let Some(ended) = self.running.join_next_with_id().await {
            outcome = outcome.and(self.note(ended));
        }
        outcome
    }

    fn note(&mut self, ended: Result<(Id, Result<(), StoreError>), JoinError>) -> Result<(), StoreError> {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            // A panic in one leaves the others alone; its claim ends by itself.
            Err(error) => (error.id(), Ok(())),
        };
        if let Some(receiver) = self.of_task.remove(&id)
            && let Some(busy) = self.receivers.get_mut(&receiver)
        {
            busy.running = busy.running.saturating_sub(1);
            if busy.running == 0 {
                self.receivers.remove(&receiver);
            }
        }
        outcome
    }
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
