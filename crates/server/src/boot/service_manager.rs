//! What the server reports to the service manager that started it, through the socket in `NOTIFY_SOCKET` (`sd_notify`): that it
//! is ready, that it reloads, that it stops, and that it still runs.
//!
//! Without such a manager nothing is reported.

use sd_notify::NotifyState;

/// Reports that requests are served, and from then on, if the manager wants it, that the process still runs.
pub(super) fn ready(url: &str) {
    report(&[NotifyState::Ready, NotifyState::Status(&format!("serving {url}"))]);
    if let Some(within) = sd_notify::watchdog_enabled().filter(|within| !within.is_zero()) {
        // Twice in the time, as systemd advises. A runtime that is stuck does not come here.
        let mut pace = tokio::time::interval(within / 2);
        tokio::spawn(async move {
            loop {
                pace.tick().await;
                report(&[NotifyState::Watchdog]);
            }
        });
    }
}

/// Reports that settings are read again; [`reloaded`] ends that.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => report(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager does not learn of the reload"),
    }
}

/// Reports that settings have been read again.
pub(super) fn reloaded() {
    report(&[NotifyState::Ready]);
}

/// Reports that the server ends.
pub(super) fn stopping() {
    report(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

fn report(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be notified");
    }
}
