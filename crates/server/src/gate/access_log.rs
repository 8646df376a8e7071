//! One line of the access log for each request, in the names of OpenTelemetry's semantic conventions where it has one.
//!
//! The port begins a line before anything is read, the gate adds who asked for what, and the line is written when the response is
//! there, or when the request is given up. It holds names, identifiers and numbers; never a body, a query or a header.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::http::Method;
use csms_core::{ProjectId, UnixMillis};
use serde_json::{Map, Value};

use super::service::Subject;
use crate::{audit::Requested, auth::Caller, clock::rfc3339, telemetry::access_log::AccessLog};

/// The outcome of a request whose connection ended before there was a response.
const CANCELLED: &str = "cancelled";

/// A line in the making. Clones share it; it is written once.
#[derive(Clone)]
pub struct AccessLine(Arc<Inner>);

struct Inner {
    log: AccessLog,
    begun: Instant,
    fields: Mutex<Option<Map<String, Value>>>,
}

impl AccessLine {
    /// Begins the line of a request. `None` when there is no access log.
    #[must_use]
    pub fn begin(
        log: &AccessLog,
        now: UnixMillis,
        request: &Requested,
        method: &Method,
        route: &str,
        trace: impl FnOnce() -> Option<String>,
    ) -> Option<Self> {
        if !log.is_on() {
            return None;
        }
        let line =
            Self(Arc::new(Inner { log: log.clone(), begun: Instant::now(), fields: Mutex::new(Some(Map::new())) }));
        line.set("timestamp", rfc3339(now, 3));
        line.set("http.request.method", method.as_str());
        line.set_some("http.route", route);
        line.set("csms.request.id", request.id());
        if let Some(peer) = request.peer() {
            line.set("client.address", peer.to_canonical().to_string());
        }
        if let Some(trace) = trace() {
            line.set("trace_id", trace);
        }
        Some(line)
    }

    fn set(&self, name: &str, value: impl Into<Value>) {
        if let Some(fields) = &mut *self.0.fields.lock().unwrap_or_else(PoisonError::into_inner) {
            fields.insert(name.to_owned(), value.into());
        }
    }

    fn set_some(&self, name: &str, value: &str) {
        if !value.is_empty() {
            self.set(name, value);
        }
    }

    /// Adds the operation.
    pub fn operation(&self, name: &'static str) {
        self.set("csms.operation", name);
    }

    /// Adds who asks, once that is proven, and with which access key.
    pub fn caller(&self, caller: &Caller, access_key: Option<&str>) {
        self.set("csms.actor", caller.name.as_str());
        self.set_some("user.id", caller.user_id.as_deref().unwrap_or_default());
        self.set_some("user.name", caller.user_name.as_deref().unwrap_or_default());
        self.set_some("csms.access_key.id", access_key.unwrap_or_default());
    }

    /// Adds the project.
    pub fn project(&self, project: &ProjectId) {
        self.set("csms.project.id", project.as_str());
    }

    /// Adds what the operation is about.
    pub fn subject(&self, subject: &Subject) {
        self.set_some("csms.secret.name", &subject.secret);
        self.set_some("csms.key.id", &subject.key);
        self.set_some("csms.target", &subject.target);
        if let Some(version) = subject.version {
            self.set("csms.version.id", version.to_string());
        }
    }

    /// Writes the line of a request that has a response; `code` is that of a refusal.
    pub fn end(&self, status: u16, code: Option<&str>) {
        self.set("http.response.status_code", status);
        self.set_some("error.type", code.unwrap_or_default());
        self.0.write();
    }
}

impl Inner {
    fn write(&self) {
        let fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut fields) = fields {
            let seconds = self.begun.elapsed().as_secs_f64();
            fields.insert("http.server.request.duration".to_owned(), seconds.into());
            self.log.write(&Value::Object(fields));
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(fields) = &mut *self.fields.lock().unwrap_or_else(PoisonError::into_inner) {
            fields.insert("error.type".to_owned(), CANCELLED.into());
        }
        self.write();
    }
}
