//! What the system says of this process, under the names that Prometheus' client libraries share: `process_*`, without a prefix.
//!
//! Read from `/proc` when metrics are asked for; what cannot be read there keeps its last value.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

type Number = Gauge<f64, AtomicU64>;

/// The metrics of the process.
pub(super) struct ProcessMetrics {
    registry: Registry,
    processor: Counter<f64, AtomicU64>,
    resident: Number,
    virtual_memory: Number,
    open_files: Number,
    most_files: Number,
    threads: Number,
}

impl Default for ProcessMetrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            processor: Counter::default(),
            resident: Gauge::default(),
            virtual_memory: Gauge::default(),
            open_files: Gauge::default(),
            most_files: Gauge::default(),
            threads: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        let help = "Processor time, of user and system";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, metrics.processor.clone());
        let help = "Memory that is in RAM";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, metrics.resident.clone());
        let help = "Memory that is reserved";
        registry.register_with_unit("process_virtual_memory", help, Unit::Bytes, metrics.virtual_memory.clone());
        registry.register("process_open_fds", "Open files and connections", metrics.open_files.clone());
        registry.register("process_max_fds", "How many there may be", metrics.most_files.clone());
        registry.register("process_threads", "Threads", metrics.threads.clone());
        let start = Number::default();
        // The metrics are made when the process begins.
        start.set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));
        registry.register_with_unit("process_start_time", "When the process began, in Unix time", Unit::Seconds, start);
        metrics
    }
}

impl ProcessMetrics {
    /// The metrics with what the system says now.
    pub(super) fn read(&self) -> &Registry {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        self.processor.inner().store(used.to_bits(), Ordering::Relaxed);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (name, unit, number) in [
            ("VmRSS:", 1024.0, &self.resident),
            ("VmSize:", 1024.0, &self.virtual_memory),
            ("Threads:", 1.0, &self.threads),
        ] {
            if let Some(value) = field(&status, name) {
                number.set(value * unit);
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(files.count() as f64);
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            self.most_files.set(most as f64);
        }
        &self.registry
    }
}

/// A number in `/proc/self/status`.
fn field(status: &str, name: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn the_metrics_of_this_process_are_numbers_above_zero() {
        let metrics = ProcessMetrics::default();
        let mut text = String::new();
        encode(&mut text, metrics.read()).unwrap();
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_threads",
            "process_start_time_seconds",
        ] {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value = line.and_then(|value| value.parse::<f64>().ok());
            assert!(value.is_some_and(|value| value > 0.0), "{name}: {text}");
        }
    }
}
