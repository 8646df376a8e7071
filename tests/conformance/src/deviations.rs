//! The table of deviations in `www/docs/src/compatibility/deviations.md`: read, compared with what was found, written again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const BEGIN: &str = "<!-- begin: deviations -->\n";
const END: &str = "<!-- end: deviations -->";
const HEADING: &str = "| operation | where | deviation | reason |\n|---|---|---|---|\n";

/// One way in which an operation is not as defined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deviation {
    /// The operation.
    pub operation: String,
    /// The place in request or answer; empty for the whole.
    pub place: String,
    /// What is different.
    pub what: String,
}

/// The page with the table.
pub struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// Reads the page.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/docs/src/compatibility/deviations.md");
        let text = fs::read_to_string(&path).expect("www/docs/src/compatibility/deviations.md can be read");
        Self { path, text }
    }

    fn split(&self) -> (&str, &str, &str) {
        let (before, rest) =
            self.text.split_once(BEGIN).expect("www/docs/src/compatibility/deviations.md marks its table");
        let (table, after) =
            rest.split_once(END).expect("www/docs/src/compatibility/deviations.md marks the end of its table");
        (before, table, after)
    }

    /// The rows with their reasons.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<Deviation, String> {
        let rows = self.split().1.lines().filter(|line| line.starts_with('|')).skip(2);
        rows.map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let mut next = || cells.next().unwrap_or_default().to_owned();
            let (operation, place) = (next(), next().trim_matches('`').to_owned());
            (Deviation { operation, place, what: next() }, next())
        })
        .collect()
    }

    /// Writes the table again; a row that stays keeps its reason, a new one waits for somebody to give it.
    ///
    /// # Panics
    /// When the page cannot be written.
    pub fn write(&self, found: &BTreeSet<Deviation>) {
        let reasons = self.rows();
        let (before, _, after) = self.split();
        let rows = found.iter().map(|deviation| {
            let Deviation { operation, place, what } = deviation;
            let place = if place.is_empty() { String::new() } else { format!("`{place}`") };
            format!("| {operation} | {place} | {what} | {} |\n", reasons.get(deviation).map_or("", String::as_str))
        });
        let text = format!("{before}{BEGIN}{HEADING}{}{END}{after}", rows.collect::<String>());
        fs::write(&self.path, text).expect("www/docs/src/compatibility/deviations.md can be written");
    }
}
