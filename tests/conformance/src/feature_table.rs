//! The book's table of operations, written from the operation table, the definitions, the facts about the cloud's interface
//! and the table of deviations.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use csms_api::Operation;

use crate::{definitions::Definition, deviations::Page};

/// Marks the begin of the table in the page.
pub const BEGIN: &str = "<!-- begin: operations, written by tests/conformance/tests/feature_table.rs -->\n";

/// Marks its end.
pub const END: &str = "<!-- end: operations -->";

/// The facts about the cloud's interface: an operation that is in none of its tables is csms's own.
const FACTS: &str = "www/docs/src/compatibility/api.md";

/// The table: what is offered first, in the order of the operation table, then what is not.
///
/// # Panics
/// When a page of the book that it is written from cannot be read.
#[must_use]
pub fn table(definitions: &[Definition]) -> String {
    let deviating: BTreeSet<_> = Page::read().rows().into_keys().map(|deviation| deviation.operation).collect();
    let facts = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FACTS));
    let facts = facts.unwrap_or_else(|error| panic!("{FACTS} can be read: {error}"));
    let is_documented = |name: &str| facts.lines().any(|line| line.starts_with(&format!("| {name} |")));
    let is_defined = |name: &str| definitions.iter().any(|definition| definition.name == name);
    let mut text = "| Operation | Request | Action | Status |\n|---|---|---|---|\n".to_owned();
    let mut row = |name: &str, method: &str, path: &str, action: &str, status: &str| {
        let path = path.replace("/v1/{project_id}", "…");
        let _ = writeln!(text, "| {name} | `{method} {path}` | {action} | {status} |");
    };
    for operation in Operation::ALL {
        let known = operation.specification();
        let status = match (is_defined(known.name), deviating.contains(known.name)) {
            (false, _) if is_documented(known.name) => "offered; documented, not in the definitions",
            (false, _) => "offered; csms's own, which the cloud does not have",
            (true, false) => "offered",
            (true, true) => "offered, with [deviations](../compatibility/deviations.md)",
        };
        let action = known.actions.first().map(|action| format!("`{action}`")).unwrap_or_default();
        row(known.name, known.method.as_str(), known.path, &action, status);
    }
    for definition in definitions.iter().filter(|definition| Operation::from_name(&definition.name).is_none()) {
        row(&definition.name, &definition.method, &definition.path, "", "not offered");
    }
    text
}
