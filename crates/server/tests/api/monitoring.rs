//! The dashboard and the alert rules name metrics that the server has.

use std::{collections::BTreeSet, io, path::Path, process::Command, time::Duration};

use csms_server::telemetry::{metrics::Metrics, outage::Latencies};
use csms_store::PoolState;
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../monitoring/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../monitoring/alerts.yaml");
const ALERT_TESTS: &str = include_str!("../../monitoring/alerts.test.yaml");

/// The metrics as text, with a series of every family.
fn text() -> String {
    let metrics = Metrics::default();
    // Series with labels that come with what happens.
    metrics.answered("ShowSecret", 200, Duration::ZERO);
    metrics.attempt_failed("CSMS.0511");
    metrics.refused("CSMS.0302");
    metrics.store(Latencies::default(), Some(PoolState::default()));
    metrics.text()
}

/// The names of all series that the server may have, by the kinds that it declares.
fn series() -> BTreeSet<String> {
    let text = text();
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let named = |(name, kind): (&str, &str)| {
        let suffixes: &[&str] = match kind {
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect::<Vec<_>>()
    };
    kinds.flat_map(named).collect()
}

/// The names of ours in an expression.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| ["csms_", "process_"].iter().any(|prefix| word.starts_with(prefix)))
}

/// All expressions in the dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("expr").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn every_metric_of_the_dashboard_is_one_that_the_server_has() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut found = Vec::new();
    expressions(&dashboard, &mut found);
    assert!(found.len() >= 14, "{}", found.len());
    let series = series();
    for expression in &found {
        assert!(names(expression).count() > 0, "{expression}");
        for name in names(expression) {
            assert!(series.contains(name), "{name} in {expression}\n{series:#?}");
        }
    }
}

#[test]
fn every_metric_of_the_alert_rules_is_one_that_the_server_has() {
    let series = series();
    assert_eq!(ALERTS.matches("- alert: ").count(), ALERTS.matches("expr: ").count());
    for name in names(ALERTS) {
        assert!(series.contains(name), "{name}\n{series:#?}");
    }
}

/// The labels that an expression asks a metric of ours for.
fn labels(expression: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (at, _) in expression.match_indices('{') {
        let name = expression[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
        let inside = expression[at + 1..].split_once('}').unwrap().0;
        found.extend(inside.split("\",").filter_map(|matcher| Some((name, matcher.split(['=', '!']).next()?.trim()))));
    }
    found
}

/// Labels that Prometheus adds.
const ADDED: [&str; 2] = ["job", "instance"];

#[test]
fn no_query_asks_for_a_label_that_its_metric_does_not_have() {
    let text = text();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut found: Vec<String> = ALERTS.lines().filter(|line| line.contains('{')).map(str::to_owned).collect();
    expressions(&dashboard, &mut found);
    for expression in &found {
        for (name, label) in labels(expression).into_iter().filter(|(name, _)| name.starts_with("csms_")) {
            let has =
                text.lines().any(|line| line.starts_with(&format!("{name}{{")) && line.contains(&format!("{label}=")));
            assert!(has || ADDED.contains(&label), "{name} has no label {label}: {expression}");
        }
    }
}

#[test]
fn every_alert_rule_has_a_case_that_fires_and_one_that_does_not() {
    let rules = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for rule in rules {
        assert!(ALERT_TESTS.contains(&format!("{{alertname=\"{rule}\"}}', value: 1")), "{rule} has no case that fires");
    }
    assert_eq!(ALERT_TESTS.matches("exp_samples: []").count(), ALERTS.matches("- alert: ").count());
}

#[test]
fn the_alert_rules_fire_when_they_should_and_only_then() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring");
    let tested = Command::new("promtool").args(["test", "rules", "alerts.test.yaml"]).current_dir(directory).output();
    match tested {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("left out: promtool is not installed (Debian package prometheus)");
        }
        Err(error) => panic!("promtool: {error}"),
    }
}

/// A rule that never fires, and one that fires where it should not, fail the cases.
#[test]
fn a_wrong_rule_is_caught() {
    let right = "max(csms_rotation_oldest_overdue_seconds) > 7200";
    assert_eq!(ALERTS.matches(right).count(), 1);
    for wrong in [
        "max(csms_rotation_oldest_overdue_seconds) > 720000",
        "max(csms_rotation_oldest_overdue_seconds) >= 0",
        "max(csms_rotation_oldest_overdue) > 7200",
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("alerts.yaml"), ALERTS.replace(right, wrong)).unwrap();
        std::fs::write(directory.path().join("alerts.test.yaml"), ALERT_TESTS).unwrap();
        let mut promtool = Command::new("promtool");
        match promtool.args(["test", "rules", "alerts.test.yaml"]).current_dir(directory.path()).output() {
            Ok(output) => assert!(!output.status.success(), "{wrong}"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("left out: promtool is not installed (Debian package prometheus)");
            }
            Err(error) => panic!("promtool: {error}"),
        }
    }
}
