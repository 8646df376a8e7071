//! The page of the book that says which accounts of which servers rotate. Its tables come from `tests/rotation/ENGINES.md`,
//! which the rotation tests write from a run on real servers. It judges nothing itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the rotation tests met.
pub(super) const MET: &str = "tests/rotation/ENGINES.md";

const PAGE: &str = "\
# Engines: what rotates

Each row is an account, a setting of the server or a pooler in front of it, prepared on a real server and rotated by the function.
*Rotates* means that the application logged in before, during and after, and the dry run said so; *refused* means that the
rotation ended as the dry run said, for the reason in the last column. What the function needs and how it sends passwords is in
[The rotation function](rotation-function.md#engines).

This page is written from `tests/rotation/ENGINES.md`, which holds the messages in full and is itself written by a run of the tests.
";

/// The families of servers, with the parts of [`MET`] in the order of their columns.
const FAMILIES: [(&str, &[(&str, &str)]); 2] = [
    ("MySQL and MariaDB", &[("mysql", "MySQL"), ("mariadb", "MariaDB"), ("newer mariadb", "MariaDB")]),
    ("PostgreSQL, credcheck, PgBouncer", &[("postgresql", "PostgreSQL"), ("newer postgresql", "PostgreSQL")]),
];

/// A part of [`MET`]: the server, and what a rotation said in each case.
#[derive(Debug, Default)]
struct Part<'a> {
    met: &'a str,
    said: Vec<(&'a str, &'a str)>,
}

impl<'a> Part<'a> {
    fn of(&self, case: &str) -> Option<&'a str> {
        self.said.iter().find(|(name, _)| *name == case).map(|(_, said)| *said)
    }
}

/// The page, from the text of [`MET`].
pub(super) fn page(met: &str) -> String {
    let mut text = PAGE.to_owned();
    for (family, columns) in FAMILIES {
        let parts: Vec<Part<'_>> = columns.iter().map(|(name, _)| part(met, name)).collect();
        let _ = write!(text, "\n## {family}\n\n| Case |");
        for ((_, engine), part) in columns.iter().zip(&parts) {
            let _ = write!(text, " {} |", head(engine, part.met));
        }
        let _ = write!(text, " Reason |\n|---|{}---|\n", "---|".repeat(columns.len()));
        for case in cases(&parts) {
            let said: Vec<Option<&str>> = parts.iter().map(|part| part.of(case)).collect();
            let cells: Vec<&str> = said.iter().map(|said| said.map_or("", word)).collect();
            let mut reasons: Vec<&str> = Vec::new();
            for reason in said.iter().flatten().filter_map(|said| reason(said)) {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            let _ = writeln!(text, "| {case} | {} | {} |", cells.join(" | "), reasons.join("; or "));
        }
    }
    text
}

/// `MySQL 9.7.4`, with what else was met there.
fn head(engine: &str, met: &str) -> String {
    let (version, more) =
        met.split_once(", ").map_or((met, String::new()), |(version, more)| (version, format!(", {more}")));
    let number: String = version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    format!("{engine} {number}{more}")
}

fn part<'a>(met: &'a str, name: &str) -> Part<'a> {
    let between = || {
        let (_, rest) = met.split_once(&format!("<!-- begin: {name} -->"))?;
        rest.split_once(&format!("<!-- end: {name} -->")).map(|(part, _)| part)
    };
    let mut part = Part::default();
    for line in between().unwrap_or_default().lines() {
        if let Some(version) = line.strip_prefix("Met: ") {
            part.met = version;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [case, _, said] = *cells.as_slice()
            && case != "case"
            && !case.starts_with("---")
        {
            part.said.push((case, said));
        }
    }
    part
}

/// All cases of a family in the order of its first server, then of the others.
fn cases<'a>(parts: &[Part<'a>]) -> Vec<&'a str> {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, _) in parts.iter().flat_map(|part| &part.said) {
        let next = order.len();
        order.entry(case).or_insert(next);
    }
    let mut cases: Vec<_> = order.into_iter().collect();
    cases.sort_by_key(|(_, place)| *place);
    cases.into_iter().map(|(case, _)| case).collect()
}

fn word(said: &str) -> &'static str {
    if said == "rotates" { "rotates" } else { "refused" }
}

/// The first sentence of a refusal, without the account that it names.
fn reason(said: &str) -> Option<&str> {
    if said == "rotates" {
        return None;
    }
    let said = match said.split_once(": ") {
        Some((account, reason)) if account.starts_with("account ") => reason,
        _ => said,
    };
    let ends = [". ", "; ", " ("].iter().filter_map(|end| said.find(end));
    said.get(..ends.min().unwrap_or(said.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
<!-- begin: mysql -->

Met: 9.7.4-2

| case | dry run | rotation |
|---|---|---|
| plain | would rotate | rotates |
| locked | no | account app of SYSCURRENT (v1) at 127.0.0.1:PORT: SYSCURRENT does not log in: the account is locked (error 3118); unlock |
<!-- end: mysql -->
<!-- begin: mariadb -->

Met: 10.11.19-MariaDB, plugins

| case | dry run | rotation |
|---|---|---|
| plain | would rotate | rotates |
| ed25519 | no | refused. And more |
<!-- end: mariadb -->
";

    #[test]
    fn every_case_has_a_row_with_a_cell_for_each_server() {
        let page = page(SAMPLE);
        assert!(page.contains("| Case | MySQL 9.7.4 | MariaDB 10.11.19, plugins | MariaDB  | Reason |"), "{page}");
        assert!(page.contains("| plain | rotates | rotates |  |  |"), "{page}");
        assert!(
            page.contains("| locked | refused |  |  | SYSCURRENT does not log in: the account is locked |"),
            "{page}"
        );
        assert!(page.contains("| ed25519 |  | refused |  | refused |"), "{page}");
    }
}
