//! SIGHUP: reads the settings again, applies those that a running server can change, and says which ones wait for a restart.
//!
//! New settings that cannot be used change nothing; the access log is opened again all the same. The files of TLS are read again by [`crate::http::tls`].

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use csms_core::UnixMillis;
use csms_kms::RootRing;
use csms_store::AnyStore;

use super::{
    access_file::{self, AccessFile, AccessFileError},
    service_manager,
    settings::{
        Settings,
        origin::{Given, Origin},
    },
};
use crate::{app::App, failure::Chain, identity::Identity, telemetry::log::LogFilter};

/// Settings that SIGHUP applies. Of `access_file` the content is applied again, too.
pub const RELOADABLE: [&str; 6] =
    ["access_file", "allow_weak_passwords", "log", "max_value_bytes", "min_rotation_period", "secret_quota"];

/// Applies a file of users and policies, and logs what that changed.
///
/// # Errors
/// What does not fit what is stored; failures of the store.
pub(super) async fn apply_access(
    file: AccessFile,
    store: &AnyStore,
    root: &Arc<RootRing>,
    identity: &Identity,
    now: UnixMillis,
) -> Result<(), AccessFileError> {
    let outcome = access_file::apply(file, store, root, identity, now).await?;
    for warning in &outcome.warnings {
        tracing::warn!("a policy of the access file has a part that means nothing here: {warning}");
    }
    for access_file::Change { action, target, .. } in &outcome.changes {
        tracing::info!(action, target, "as the access file says");
    }
    Ok(())
}

/// What a running server needs to read its settings again.
pub(super) struct Reloader {
    given: Given,
    origins: Vec<Origin>,
    filter: LogFilter,
    app: Arc<App>,
}

impl Reloader {
    /// Keeps what the settings are now.
    pub(super) fn new(given: Given, origins: Vec<Origin>, filter: LogFilter, app: Arc<App>) -> Self {
        Self { given, origins, filter, app }
    }

    /// Reads the settings again, and logs what came of it.
    pub(super) async fn reload(&mut self) {
        service_manager::reloading();
        self.read_again().await;
        service_manager::reloaded();
    }

    async fn read_again(&mut self) {
        // Whoever has moved the file away waits for this, whatever becomes of the settings.
        if let Err(error) = self.app.access_log.reopen() {
            tracing::error!(%error, "SIGHUP: the access log cannot be opened again; lines go to the old file");
        }
        let (settings, origins) = match self.given.settle().and_then(|it| Ok((it, self.given.origins()?))) {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(cause = %Chain(&error), "SIGHUP: the settings cannot be used and stay as they are");
                return;
            }
        };
        if let Err(error) = self.apply(&settings).await {
            tracing::error!(cause = %Chain(&error), "SIGHUP: the access file cannot be applied; the settings stay as they are");
            return;
        }
        let changed: BTreeSet<&str> =
            origins.iter().filter(|origin| !self.origins.contains(origin)).map(|origin| origin.key.as_str()).collect();
        let (applied, waiting): (Vec<_>, Vec<_>) = changed.into_iter().partition(|key| RELOADABLE.contains(key));
        tracing::info!(changed = applied.join(" "), "SIGHUP: the settings and the files of TLS are read again");
        if !waiting.is_empty() {
            tracing::warn!(changed = waiting.join(" "), "SIGHUP: these settings take effect at the next start");
        }
        // What waits for a restart is reported again by the next SIGHUP.
        let is_applied = |origin: &Origin| RELOADABLE.contains(&origin.key.as_str());
        let waiting = self.origins.drain(..).filter(|origin| !is_applied(origin)).collect::<Vec<_>>();
        self.origins = origins.into_iter().filter(is_applied).chain(waiting).collect();
    }

    async fn apply(&self, settings: &Settings) -> Result<(), AccessFileError> {
        let app = &self.app;
        if let Some(path) = &settings.access_file {
            let file = AccessFile::read(path)?;
            apply_access(file, &app.store, &app.root, &app.identity, app.clock.now()).await?;
        }
        *app.limits.write().unwrap_or_else(PoisonError::into_inner) = settings.limits();
        self.filter.set(&settings.log);
        Ok(())
    }
}
