//! `GET /readyz`: whether this server should get requests.
//!
//! A server is ready when its store can be read, its keys can be used, the scheduler has looked for due work once, and it is not
//! draining. Whether the process runs at all is `/livez`, which asks nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::App;

/// How long a check of the keys may take. Those who ask wait a second.
const WITHIN: Duration = Duration::from_millis(900);

/// How long the outcome counts. Anybody may ask, and a remote KMS is not free.
const COUNTS: Duration = Duration::from_secs(1);

/// Whether the server is ready, and the state of each thing that this depends on.
pub async fn check(app: &App) -> (bool, Value) {
    let state = |is_fine: bool, otherwise: &'static str| if is_fine { "ok" } else { otherwise };
    let (store, key) = tokio::join!(app.health.can_read(&app.store), can_use_keys(app));
    let has_looked = app.readiness.has_looked();
    let is_draining = app.readiness.is_draining();
    let checks = json!({
        "store": state(store, "cannot be read"),
        "key": state(key, "cannot be used"),
        "scheduler": state(has_looked, "has not looked yet"),
        "draining": is_draining,
    });
    (store && key && has_looked && !is_draining, checks)
}

/// Whether keys can be used now or could be within the last second. The embedded root key is in memory for as long as the server runs.
async fn can_use_keys(app: &App) -> bool {
    if !app.keys.are_remote() {
        return true;
    }
    let mut known = app.readiness.key.lock().await;
    if let Some((at, could)) = *known
        && at.elapsed() < COUNTS
    {
        return could;
    }
    let project = &app.identity.project_id;
    let used = async { app.keys.get(project, &app.keys.default_key(project).await?).await };
    let can = matches!(tokio::time::timeout(WITHIN, used).await, Ok(Ok(_)));
    *known = Some((Instant::now(), can));
    can
}
