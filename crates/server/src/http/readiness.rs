//! `GET /readyz`: whether this server should get requests.
//!
//! A server is ready when its store can be read, its keys can be used, the scheduler has looked for due work once, and it is not
//! draining. One from which the database takes nothing, because another root key is in use there, is not ready either. Whether the
//! process runs at all is `/livez`, which asks nothing.

use serde_json::{Value, json};

use crate::app::App;

/// Whether the server is ready, and the state of each thing that this depends on.
pub(super) async fn check(app: &App) -> (bool, Value) {
    let state = |is_fine: bool, otherwise: &'static str| if is_fine { "ok" } else { otherwise };
    let (store, key) = tokio::join!(app.health.can_read(&app.store), app.keys.are_usable(&app.identity.project_id));
    let has_looked = app.readiness.has_looked();
    let is_draining = app.readiness.is_draining();
    let closed = app.keyring.closed();
    let mut checks = json!({
        "store": state(store, "cannot be read"),
        "key": state(key, "cannot be used"),
        "scheduler": state(has_looked, "has not looked yet"),
        "draining": is_draining,
    });
    let is_ready = store && key && has_looked && !is_draining && closed.is_none();
    if let (Some(reason), Some(members)) = (closed, checks.as_object_mut()) {
        members.insert("keyring".to_owned(), reason.into());
    }
    (is_ready, checks)
}
