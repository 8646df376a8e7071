//! The table of clients in `tests/conformance/CLIENTS.md`: which operations of which official client work here, written from
//! the reports of their runs.
//!
//! Versions are written for people. They are never compared, so that a newer SDK does not fail a test by its number.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use serde::Deserialize;

/// What a run of a client reports.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    /// The client, such as `Go SDK`.
    pub client: String,
    /// Its version.
    pub version: String,
    /// What became of each operation, by service and name: `works`, `not in this SDK`, `not tried`, or `fails: …`.
    pub operations: BTreeMap<String, BTreeMap<String, String>>,
}

impl Report {
    /// The operations of a service that the scenario has and that did not work.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let all = self
            .operations
            .iter()
            .flat_map(|(service, operations)| operations.iter().map(move |(name, outcome)| (service, name, outcome)));
        let failed = all.filter(|(_, _, outcome)| outcome.starts_with("fails"));
        failed.map(|(service, name, outcome)| format!("{service} {name} {outcome}")).collect()
    }

    /// The operations of the secret service that this SDK has and the scenario has not.
    #[must_use]
    pub fn untried(&self) -> Vec<&str> {
        let csms = self.operations.get("csms").into_iter().flatten();
        csms.filter(|(_, outcome)| *outcome == "not tried").map(|(name, _)| name.as_str()).collect()
    }
}

/// Where the table is.
#[must_use]
pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("CLIENTS.md")
}

/// The section of one client: its version, and a row for each operation.
#[must_use]
pub fn section(report: &Report) -> String {
    let mut text = format!(
        "## {}\n\nVersion met: {}\n\n| service | operation | outcome |\n|---|---|---|\n",
        report.client, report.version
    );
    for (service, operations) in &report.operations {
        for (name, outcome) in operations {
            let _ = writeln!(text, "| {service} | {name} | {outcome} |");
        }
    }
    text
}

/// Puts the section of a client into the table, in the place of its former one.
///
/// # Panics
/// When the table cannot be read or written.
pub fn write(report: &Report) {
    let text = fs::read_to_string(path()).expect("tests/conformance/CLIENTS.md can be read");
    let mut sections: Vec<String> = text.split("\n## ").map(str::to_owned).collect();
    let heading = format!("{}\n", report.client);
    let body = section(report).trim_start_matches("## ").to_owned();
    match sections.iter().skip(1).position(|section| section.starts_with(&heading)) {
        Some(found) => sections[found + 1] = body,
        None => sections.push(body),
    }
    let text: Vec<_> = sections.iter().map(|section| section.trim_end().to_owned() + "\n").collect();
    fs::write(path(), text.join("\n## ")).expect("tests/conformance/CLIENTS.md can be written");
}

/// The operations of a client in the table, without their outcomes.
///
/// # Panics
/// When the table cannot be read.
#[must_use]
pub fn listed(client: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(path()).expect("tests/conformance/CLIENTS.md can be read");
    let section = text.split("\n## ").find(|section| section.starts_with(&format!("{client}\n")));
    let rows = section.unwrap_or_default().lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells.filter_map(|cells| Some((cells.first()?.clone(), cells.get(1)?.clone()))).collect()
}
