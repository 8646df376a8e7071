//! Counters and histograms of `GET /metrics`, in the OpenMetrics text format.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Labels of the request metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Operation, as named in the official definitions.
    operation: &'static str,
    /// HTTP status.
    status: u16,
}

/// Labels of the rotation metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabels {
    /// `success` or `failed`.
    outcome: &'static str,
}

/// The server's metrics.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    rotations: Family<OutcomeLabels, Counter>,
    rotations_running: Gauge,
    deletions: Counter<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let bounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
        let metrics = Self {
            registry: Registry::with_prefix("csms"),
            requests: Family::default(),
            durations: Histogram::new(bounds),
            rotations: Family::default(),
            rotations_running: Gauge::default(),
            deletions: Counter::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests by operation and status", self.requests.clone());
        let help = "Time from the request's head to the answer";
        registry.register_with_unit("request_duration", help, Unit::Seconds, self.durations.clone());
        registry.register("rotation_tasks", "Finished rotation tasks by outcome", self.rotations.clone());
        registry.register("rotation_tasks_running", "Rotation tasks at work", self.rotations_running.clone());
        registry.register("scheduled_deletions", "Secrets deleted when their window closed", self.deletions.clone());
        self
    }

    /// Notes an answered request.
    pub fn answered(&self, operation: &'static str, status: u16, duration: Duration) {
        self.requests.get_or_create(&RequestLabels { operation, status }).inc();
        self.durations.observe(duration.as_secs_f64());
    }

    /// Notes that a rotation task begins or is resumed.
    pub fn rotation_started(&self) {
        self.rotations_running.inc();
    }

    /// Notes that a rotation task ended.
    pub fn rotation_ended(&self, succeeded: bool) {
        self.rotations_running.dec();
        let outcome = if succeeded { "success" } else { "failed" };
        self.rotations.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Notes that this server is at a rotation task no more, although it is not finished.
    pub fn rotation_left(&self) {
        self.rotations_running.dec();
    }

    /// Notes a scheduled deletion that was carried out.
    pub fn deleted(&self) {
        self.deletions.inc();
    }

    /// The text of `GET /metrics`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
