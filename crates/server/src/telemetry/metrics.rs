//! Counters and histograms of `GET /metrics`, in the OpenMetrics text format.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use csms_core::UnixMillis;
use csms_store::{OutboxBacklog, PoolState, RotationBacklog};
use prometheus_client::{
    encoding::{
        EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use super::{outage::Latencies, process::ProcessMetrics};
use crate::version;

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

/// Labels of the durations of requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OperationLabels {
    /// Operation, as named in the official definitions.
    operation: &'static str,
}

/// Labels of logins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LoginLabels {
    /// `success`, or the error code of the catalogue.
    outcome: &'static str,
}

/// Labels of what the store was asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AccessLabels {
    /// `read` or `write`.
    access: &'static str,
}

/// Labels of connections and calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabels {
    /// `most`, `open`, `idle` or `waiting`.
    state: &'static str,
}

/// What a look at the store has found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Notifications that wait.
    pub outbox: OutboxBacklog,
    /// When the newest material of the enabled key was made whose material is oldest.
    pub oldest_material: Option<UnixMillis>,
    /// When the newest snapshot was made, as far as the data directory knows.
    pub last_snapshot: Option<UnixMillis>,
    /// What the audit sink has not taken yet.
    pub audit_sink: SinkBacklog,
}

/// Records that wait for the audit sink.
#[derive(Clone, Copy, Debug, Default)]
pub struct SinkBacklog {
    /// Their number.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub oldest: Option<UnixMillis>,
}

/// Bounds for the time of a request: from a read of the embedded store to a call that waits for a database.
const REQUEST_BOUNDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Labels of failed attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CodeLabels {
    /// Error code of the catalogue.
    code: &'static str,
}

/// Names a series by how a task ended.
const SUCCESS: OutcomeLabels = OutcomeLabels { outcome: "success" };
const FAILED: OutcomeLabels = OutcomeLabels { outcome: "failed" };

/// A number of seconds that a gauge shows.
type Seconds = Gauge<f64, AtomicU64>;

/// The server's metrics.
pub struct Metrics {
    registry: Registry,
    process: ProcessMetrics,
    requests: Family<RequestLabels, Counter>,
    durations: Family<OperationLabels, Histogram, fn() -> Histogram>,
    logins: Family<LoginLabels, Counter>,
    refusals: Family<CodeLabels, Counter>,
    function_instances: Gauge,
    store_latency: Family<AccessLabels, Seconds>,
    store_connections: Family<StateLabels, Gauge>,
    outbox_waiting: Gauge,
    oldest_notification: Seconds,
    audit_waiting: Gauge,
    audit_failures: Counter<u64, AtomicU64>,
    keys_usable: Gauge,
    oldest_material: Seconds,
    certificate_expiry: Seconds,
    rotations: Family<OutcomeLabels, Counter>,
    rotations_running: Gauge,
    rotation_durations: Histogram,
    attempts_failed: Family<CodeLabels, Counter>,
    switched_off: Counter<u64, AtomicU64>,
    rotations_due: Gauge,
    oldest_due: Seconds,
    tasks_unfinished: Gauge,
    oldest_task: Seconds,
    last_look: Seconds,
    tasks_purged: Counter<u64, AtomicU64>,
    deletions: Counter<u64, AtomicU64>,
    store_writable: Gauge,
    clock_in_doubt: Gauge,
    last_snapshot: Seconds,
    sink_waiting: Gauge,
    sink_oldest: Seconds,
}

impl Default for Metrics {
    fn default() -> Self {
        let rotation_bounds = [0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
        let metrics = Self {
            registry: Registry::with_prefix("csms"),
            process: ProcessMetrics::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(REQUEST_BOUNDS)),
            logins: Family::default(),
            refusals: Family::default(),
            function_instances: Gauge::default(),
            store_latency: Family::default(),
            store_connections: Family::default(),
            outbox_waiting: Gauge::default(),
            oldest_notification: Gauge::default(),
            audit_waiting: Gauge::default(),
            audit_failures: Counter::default(),
            keys_usable: Gauge::default(),
            oldest_material: Gauge::default(),
            certificate_expiry: Gauge::default(),
            rotations: Family::default(),
            rotations_running: Gauge::default(),
            rotation_durations: Histogram::new(rotation_bounds),
            attempts_failed: Family::default(),
            switched_off: Counter::default(),
            rotations_due: Gauge::default(),
            oldest_due: Gauge::default(),
            tasks_unfinished: Gauge::default(),
            oldest_task: Gauge::default(),
            last_look: Gauge::default(),
            tasks_purged: Counter::default(),
            deletions: Counter::default(),
            store_writable: Gauge::default(),
            clock_in_doubt: Gauge::default(),
            last_snapshot: Gauge::default(),
            sink_waiting: Gauge::default(),
            sink_oldest: Gauge::default(),
        };
        // A series that is there from the start shows its first increase.
        for labels in [SUCCESS, FAILED] {
            drop(metrics.rotations.get_or_create(&labels));
        }
        drop(metrics.logins.get_or_create(&LoginLabels { outcome: SUCCESS.outcome }));
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let build = Info::new(version::PARTS.to_vec());
        registry.register("build", "Version, commit, date and target of this server", build);
        registry.register("requests", "Requests by operation and status", self.requests.clone());
        let help = "Time from a request's header to its response, by operation";
        registry.register_with_unit("request_duration", help, Unit::Seconds, self.durations.clone());
        let help = "Requests for a token, by outcome: success, or the code of the refusal";
        registry.register("logins", help, self.logins.clone());
        let help = "Requests refused because of who asks or how often, by code";
        registry.register("refusals", help, self.refusals.clone());
        let help = "Processes of rotation functions that run in this server, idle ones included";
        registry.register("function_instances", help, self.function_instances.clone());
        let help = "How long the store took for the last read and the last write of this server's own checks";
        registry.register_with_unit("store_check", help, Unit::Seconds, self.store_latency.clone());
        let help = "Connections to the database: most, open, idle; and calls that wait for one";
        registry.register("store_connections", help, self.store_connections.clone());
        let help = "Notifications of all servers that wait for delivery";
        registry.register("outbox_notifications", help, self.outbox_waiting.clone());
        let help = "Age of the oldest notification that waits for delivery; 0 if none does";
        registry.register_with_unit("outbox_oldest", help, Unit::Seconds, self.oldest_notification.clone());
        let help = "Audit records of this server that are gathered and not written yet";
        registry.register("audit_records_waiting", help, self.audit_waiting.clone());
        let help = "Failed attempts of this server to write gathered audit records";
        registry.register("audit_write_failures", help, self.audit_failures.clone());
        let help = "Whether the default key can be used: 1, or 0 while a remote KMS does not give it";
        registry.register("keys_usable", help, self.keys_usable.clone());
        let help = "Age of the newest material of the enabled key whose material is oldest; 0 without keys";
        registry.register_with_unit("keys_oldest_material", help, Unit::Seconds, self.oldest_material.clone());
        let help = "When the certificate of the port ends, in Unix time; 0 without TLS";
        registry.register_with_unit(
            "tls_certificate_expiry_time",
            help,
            Unit::Seconds,
            self.certificate_expiry.clone(),
        );
        registry.register(
            "rotation_tasks",
            "Rotation tasks that this server finished, by outcome",
            self.rotations.clone(),
        );
        let help = "Rotation tasks that this server runs, including those that wait for a permit";
        registry.register("rotation_tasks_running", help, self.rotations_running.clone());
        let help = "Time that this server took for a rotation task it finished";
        registry.register_with_unit("rotation_duration", help, Unit::Seconds, self.rotation_durations.clone());
        let help = "Attempts of rotation tasks that failed, by error code";
        registry.register("rotation_attempts_failed", help, self.attempts_failed.clone());
        let help = "Secrets whose automatic rotation was switched off after failures";
        registry.register("auto_rotation_switched_off", help, self.switched_off.clone());
        let help = "Secrets of all servers whose rotation is due and has not begun";
        registry.register("rotations_due", help, self.rotations_due.clone());
        let help = "How long the longest waiting rotation has been due; 0 if none is due";
        registry.register_with_unit("rotation_oldest_overdue", help, Unit::Seconds, self.oldest_due.clone());
        let help = "Rotation tasks of all servers that have begun and have not finished";
        registry.register("rotation_tasks_unfinished", help, self.tasks_unfinished.clone());
        let help = "Age of the oldest unfinished rotation task; 0 if there is none";
        registry.register_with_unit("rotation_oldest_task", help, Unit::Seconds, self.oldest_task.clone());
        let help = "When this server last looked for due work, in Unix time";
        registry.register_with_unit("scheduler_last_look_time", help, Unit::Seconds, self.last_look.clone());
        let help = "Records of finished rotation tasks removed because of their age";
        registry.register("rotation_tasks_purged", help, self.tasks_purged.clone());
        registry.register("scheduled_deletions", "Secrets deleted when their window closed", self.deletions.clone());
        let help = "Whether the last look of this server could write to the store: 1, or 0 on a full disk for instance";
        registry.register("store_writable", help, self.store_writable.clone());
        let help =
            "Whether the clock of this server is in doubt, so that scheduled rotations and deletions wait: 1, or 0";
        registry.register("clock_in_doubt", help, self.clock_in_doubt.clone());
        let help = "When csms snapshot create last made a snapshot, by the note in the data directory, in Unix time; 0 without one";
        registry.register_with_unit("snapshot_time", help, Unit::Seconds, self.last_snapshot.clone());
        let help = "Records of the audit trail that the audit sink has not taken; 0 without a sink";
        registry.register("audit_sink_waiting", help, self.sink_waiting.clone());
        let help = "Age of the oldest record that the audit sink has not taken; 0 if it has all, or without a sink";
        registry.register_with_unit("audit_sink_oldest", help, Unit::Seconds, self.sink_oldest.clone());
        self
    }

    /// Notes an answered request.
    pub fn answered(&self, operation: &'static str, status: u16, duration: Duration) {
        self.requests.get_or_create(&RequestLabels { operation, status }).inc();
        self.durations.get_or_create(&OperationLabels { operation }).observe(duration.as_secs_f64());
    }

    /// Notes a request for a token: `None` for one that succeeded, or the code of its refusal.
    pub fn login(&self, code: Option<&'static str>) {
        self.logins.get_or_create(&LoginLabels { outcome: code.unwrap_or(SUCCESS.outcome) }).inc();
    }

    /// Notes a request that was refused because of who asks or how often.
    pub fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&CodeLabels { code }).inc();
    }

    /// Shows how many processes of functions run here.
    pub fn functions(&self, instances: usize) {
        self.function_instances.set(gauge(instances as u64));
    }

    /// Shows the state of the audit writer.
    pub fn audit(&self, waiting: usize, failures: u64) {
        self.audit_waiting.set(gauge(waiting as u64));
        self.audit_failures.inner().store(failures, Ordering::Relaxed);
    }

    /// Shows whether the default key can be used.
    pub fn keys_usable(&self, are_usable: bool) {
        self.keys_usable.set(i64::from(are_usable));
    }

    /// Shows how long the store takes, and its connections if it has any.
    pub fn store(&self, latencies: Latencies, pool: Option<PoolState>) {
        for (access, latency) in [("read", latencies.read), ("write", latencies.write)] {
            self.store_latency.get_or_create(&AccessLabels { access }).set(latency.as_secs_f64());
        }
        if let Some(PoolState { most, open, idle, waiting }) = pool {
            for (state, number) in [("most", most), ("open", open), ("idle", idle), ("waiting", waiting)] {
                self.store_connections.get_or_create(&StateLabels { state }).set(gauge(number as u64));
            }
        }
    }

    /// Shows what a look at the store has found.
    pub fn sampled(&self, sample: Sample, now: UnixMillis) {
        self.outbox_waiting.set(gauge(sample.outbox.waiting));
        self.oldest_notification.set(age(sample.outbox.oldest, now));
        self.oldest_material.set(age(sample.oldest_material, now));
        self.sink_waiting.set(gauge(sample.audit_sink.waiting));
        self.sink_oldest.set(age(sample.audit_sink.oldest, now));
        self.last_snapshot.set(seconds(sample.last_snapshot.map_or(0, UnixMillis::as_millis)));
    }

    /// Shows when the certificate of the port ends, in seconds since 1970.
    pub fn certificate(&self, expiry: i64) {
        self.certificate_expiry.set(expiry as f64);
    }

    /// Notes that a rotation task begins or is resumed.
    pub fn rotation_started(&self) {
        self.rotations_running.inc();
    }

    /// Notes that a rotation task ended, and how long this server was at it.
    pub fn rotation_ended(&self, succeeded: bool, duration: Duration) {
        self.rotations_running.dec();
        self.rotations.get_or_create(if succeeded { &SUCCESS } else { &FAILED }).inc();
        self.rotation_durations.observe(duration.as_secs_f64());
    }

    /// Notes that this server is at a rotation task no more, although it is not finished.
    pub fn rotation_left(&self) {
        self.rotations_running.dec();
    }

    /// Notes a due rotation that failed because it could not begin.
    pub fn rotation_not_begun(&self) {
        self.rotations.get_or_create(&FAILED).inc();
    }

    /// Notes a failed attempt of a rotation task.
    pub fn attempt_failed(&self, code: &'static str) {
        self.attempts_failed.get_or_create(&CodeLabels { code }).inc();
    }

    /// Notes that the automatic rotation of a secret was switched off.
    pub fn rotation_switched_off(&self) {
        self.switched_off.inc();
    }

    /// Notes what the scheduler has found.
    pub fn looked(&self, backlog: &RotationBacklog, now: UnixMillis) {
        self.rotations_due.set(gauge(backlog.due));
        self.oldest_due.set(age(backlog.oldest_due, now));
        self.tasks_unfinished.set(gauge(backlog.running));
        self.oldest_task.set(age(backlog.oldest_running, now));
        self.last_look.set(seconds(now.as_millis()));
    }

    /// Notes whether the store could be written.
    pub fn writable(&self, is_writable: bool) {
        self.store_writable.set(i64::from(is_writable));
    }

    /// Notes whether the clock cannot be believed.
    pub fn clock_in_doubt(&self, is_in_doubt: bool) {
        self.clock_in_doubt.set(i64::from(is_in_doubt));
    }

    /// Notes records of tasks that were removed.
    pub fn purged(&self, tasks: u64) {
        self.tasks_purged.inc_by(tasks);
    }

    /// Counts a scheduled deletion.
    pub fn deleted(&self) {
        self.deletions.inc();
    }

    /// The text of `GET /metrics`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, self.process.read());
        let _ = encode_eof(&mut text);
        text
    }
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

fn age(since: Option<UnixMillis>, now: UnixMillis) -> f64 {
    since.map_or(0.0, |since| seconds(now.millis_since(since)))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

    use super::*;

    const PAGE: &str = "../../www/docs/src/reference/metrics.md";
    const BEGIN: &str = "<!-- begin: metrics -->\n";
    const END: &str = "<!-- end: metrics -->";

    /// Metrics with a series of every family, since a family without one is not in the text.
    fn used() -> Metrics {
        let metrics = Metrics::default();
        metrics.answered("ShowSecret", 200, Duration::from_millis(1));
        metrics.attempt_failed("CSMS.0511");
        metrics.refused("CSMS.0302");
        metrics.store(Latencies::default(), Some(PoolState::default()));
        metrics
    }

    /// The rows of the page: name, type, labels and meaning of each metric.
    fn table(text: &str) -> String {
        let mut rows = "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n".to_owned();
        for line in text.lines() {
            let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) else {
                continue;
            };
            let kind =
                text.lines().find_map(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name)?.strip_prefix(' '));
            let of_it = text.lines().filter_map(|line| line.strip_prefix(name)?.split_once('{'));
            let labels = of_it.filter_map(|(suffix, rest)| Some((suffix, rest.split_once('}')?.0)));
            let labels = labels.filter(|(suffix, _)| ["", "_total", "_info", "_count"].contains(suffix));
            let labels: BTreeSet<_> =
                labels.flat_map(|(_, labels)| labels.split(',').filter_map(|it| Some(it.split_once('=')?.0))).collect();
            let labels: Vec<_> = labels.into_iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { " ".to_owned() } else { format!(" {} ", labels.join(", ")) };
            let help = help.trim_end_matches('.');
            let _ = writeln!(rows, "| `{name}` | {} |{labels}| {help} |", kind.unwrap_or_default());
        }
        rows
    }

    #[test]
    fn the_book_lists_every_metric() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
        let page = fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (written, after) = rest.split_once(END).unwrap();
        let table = table(&used().text());
        if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
            fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        } else {
            assert!(
                written == table,
                "{PAGE} is out of date; CSMS_WRITE_GENERATED=1 cargo test --workspace --lib telemetry"
            );
        }
    }
}
