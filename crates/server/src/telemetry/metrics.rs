//! Counters and histograms of `GET /metrics`, in the OpenMetrics text format.

use std::{sync::atomic::AtomicU64, time::Duration};

use csms_core::UnixMillis;
use csms_store::RotationBacklog;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

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
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
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
}

impl Default for Metrics {
    fn default() -> Self {
        let bounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
        let rotation_bounds = [0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
        let metrics = Self {
            registry: Registry::with_prefix("csms"),
            requests: Family::default(),
            durations: Histogram::new(bounds),
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
        };
        // A series that is there from the start shows its first increase.
        for labels in [SUCCESS, FAILED] {
            drop(metrics.rotations.get_or_create(&labels));
        }
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let build = Info::new(version::PARTS.to_vec());
        registry.register("build", "Version, commit, date and target of this server", build);
        registry.register("requests", "Requests by operation and status", self.requests.clone());
        let help = "Time from a request's header to its response";
        registry.register_with_unit("request_duration", help, Unit::Seconds, self.durations.clone());
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
        let seconds = |millis: u64| millis as f64 / 1000.0;
        let age = |since: Option<UnixMillis>| since.map_or(0.0, |since| seconds(now.millis_since(since)));
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.rotations_due.set(number(backlog.due));
        self.oldest_due.set(age(backlog.oldest_due));
        self.tasks_unfinished.set(number(backlog.running));
        self.oldest_task.set(age(backlog.oldest_running));
        self.last_look.set(seconds(now.as_millis()));
    }

    /// Notes whether the store could be written.
    pub fn writable(&self, is_writable: bool) {
        self.store_writable.set(i64::from(is_writable));
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
        let _ = encode(&mut text, &self.registry);
        text
    }
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
            let labels = labels.filter(|(suffix, _)| ["", "_total", "_info"].contains(suffix));
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
                "{PAGE} is out of date; CSMS_WRITE_GENERATED=1 cargo test -p csms-server --lib telemetry"
            );
        }
    }
}
