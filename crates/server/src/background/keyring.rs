//! Follows the keyring, and reports to the store what this server knows of it.
//!
//! A command that changes the root key waits until every running server has read the next one. A server that is killed stops
//! reporting, and after a while nobody waits for it. A report that takes long does not keep the server from following. What the
//! keyring holds is not looked at here.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use csms_store::{AnyStore, ServerReport, Store as _, StoreError};
use tokio::sync::Notify;

use crate::{
    app::App,
    installation::server_name::ServerName,
    keys::held::{HeldKeyring, LOOK_INTERVAL, SILENCE},
    telemetry::outage,
};

/// How often the log says that this server is not ready, or does not use the stored keyring.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// When a server reports itself again although it has read nothing new.
struct Reports {
    /// Time from one attempt to the next.
    every: Duration,
    /// How long a report counts: one may fail in between.
    count_for: Duration,
}

impl Reports {
    /// While a command changes the root key, and commands wait for servers.
    const OFTEN: Self = Self { every: Duration::from_secs(5), count_for: SILENCE };

    /// At all other times. A report is a write, which an otherwise idle server should seldom make.
    const SELDOM: Self = Self { every: Duration::from_secs(30), count_for: Duration::from_secs(90) };

    fn of(keyring: &HeldKeyring) -> Self {
        if keyring.is_rotating() { Self::OFTEN } else { Self::SELDOM }
    }
}

/// Reports which version of the keyring a server uses.
///
/// # Errors
/// Failures of the store.
pub async fn report(store: &AnyStore, keyring: &HeldKeyring, server: &ServerName) -> Result<(), StoreError> {
    let (version, digest) = keyring.in_use();
    let report = ServerReport {
        name: name(server).to_owned(),
        release: env!("CARGO_PKG_VERSION").to_owned(),
        keyring: version,
        digest,
        wrapping_key: keyring.fingerprint().to_owned(),
    };
    store.report_server(&report, Reports::of(keyring).count_for).await
}

/// Reports that this server ends.
pub async fn withdraw(app: &App) {
    if let Err(error) = app.store.withdraw_server(name(&app.server)).await {
        outage::report(&error, "this server counts as running for a while");
    }
}

fn name(server: &ServerName) -> &str {
    server.prefix().trim_end_matches('/')
}

/// Follows and reports until the task is dropped.
pub async fn watch(app: Arc<App>) {
    let said = Mutex::default();
    let look = || follow(&app, &said);
    let send = || async {
        if let Err(error) = report(&app.store, &app.keyring, &app.server).await {
            outage::report(&error, "changes of the root key may not wait for this server");
        }
    };
    repeat(look, send, || Reports::of(&app.keyring).every).await;
}

/// Reads the keyring again, and logs what is wrong with it. Returns whether it has changed.
async fn follow(app: &App, said: &Mutex<Option<Instant>>) -> bool {
    let followed = app.keyring.follow(&app.store, &app.root, &app.trail).await;
    let has_changed = followed.unwrap_or_else(|error| {
        outage::report(&error, "the keyring will be read later");
        false
    });
    if has_changed {
        // Who could not be proven before may be now, and the other way round.
        app.authenticator.forget();
    }
    if let Err(error) = app.keyring.check(&app.store, &app.root).await {
        outage::report(&error, "the root key in use will be looked at later");
    }
    say(&app.keyring, said);
    has_changed
}

/// Logs what is wrong with the keyring, if there is something and it has not been said just now.
fn say(keyring: &HeldKeyring, said: &Mutex<Option<Instant>>) {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let (closed, refusal) = (keyring.closed(), keyring.refusal());
    if closed.is_none() && refusal.is_none() {
        *said = None;
    } else if said.is_none_or(|said| said.elapsed() >= LINE_EVERY) {
        *said = Some(Instant::now());
        if let Some(reason) = closed {
            tracing::error!(reason, "this server is not ready; restart it with the right root key and database");
        } else if let Some(reason) = refusal {
            tracing::warn!(reason, "the stored keyring is not in use here; this server goes on with its own");
        }
    }
}

/// Looks at each [`LOOK_INTERVAL`], and sends a report whenever `every` has passed since the last one, or a look has found something new.
/// Neither waits for the other.
async fn repeat<L: Future<Output = bool>, S: Future<Output = ()>>(
    look: impl Fn() -> L,
    send: impl Fn() -> S,
    every: impl Fn() -> Duration,
) {
    let changed = Notify::new();
    let looking = async {
        loop {
            if look().await {
                changed.notify_one();
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    let sending = async {
        loop {
            // The start has made the first report.
            drop(tokio::time::timeout(every(), changed.notified()).await);
            send().await;
        }
    };
    tokio::join!(looking, sending);
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::pending};

    use super::*;

    const SELDOM: fn() -> Duration = || Reports::SELDOM.every;

    async fn for_minutes(minutes: u64, repeated: impl Future<Output = ()>) {
        tokio::time::timeout(Duration::from_secs(60 * minutes), repeated).await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_hangs_does_not_keep_the_server_from_following() {
        let looks = Cell::new(0);
        let look = || async {
            looks.set(looks.get() + 1);
            true
        };
        for_minutes(1, repeat(look, pending, SELDOM)).await;
        assert!((55..=61).contains(&looks.get()), "{looks:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_reports_seldom_and_what_is_new_at_once() {
        let (looks, reports) = (Cell::new(0_u64), Cell::new(0));
        // Something is new at one look.
        let look = || async {
            looks.set(looks.get() + 1);
            looks.get() == 40
        };
        for_minutes(5, repeat(look, || async { reports.set(reports.get() + 1) }, SELDOM)).await;
        // After 30 s, at 39 s, and each 30 s from then on.
        assert!((9..=11).contains(&reports.get()), "{reports:?}");
        let news = Cell::new(0);
        for_minutes(1, repeat(|| async { true }, || async { news.set(news.get() + 1) }, SELDOM)).await;
        assert!((55..=61).contains(&news.get()), "{news:?}");
    }
}
