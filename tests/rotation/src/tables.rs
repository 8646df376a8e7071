//! The tables of `CRASH-MATRIX.md` and `ENGINES.md`: printed from runs, and compared with what the documents say.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use std::{env, fs, path::Path, sync::Mutex};

/// The variable that lets tests write the document instead of comparing it.
const WRITE: &str = "CSMS_WRITE_GENERATED";

/// Tests of one program write different parts of the document at the same time.
static WRITING: Mutex<()> = Mutex::new(());

/// A table in Markdown.
#[must_use]
pub fn print(heads: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(heads.len()));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{rule}{rows}", line(heads))
}

/// How the document calls a step with its number: `probe-pending no. 2`.
#[must_use]
pub fn step_name(place: &str) -> String {
    place.trim_end_matches("#1").replace('#', " no. ")
}

/// Compares what is between the marks `<!-- begin: PART -->` and `<!-- end: PART -->` of `CRASH-MATRIX.md` with `made`.
pub fn check(part: &str, made: &str) {
    compare("CRASH-MATRIX.md", part, made, ToOwned::to_owned);
}

/// The same of `ENGINES.md`, by the names of the rows alone: a newer server may state another version and say other words.
pub fn check_rows(part: &str, made: &str) {
    let rows = |text: &str| {
        let names = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
        names.map(|(name, _)| format!("{name}\n")).collect::<String>()
    };
    compare("ENGINES.md", part, made, rows);
}

fn compare(document: &str, part: &str, made: &str, of: fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let (begin, end) = (format!("<!-- begin: {part} -->\n"), format!("<!-- end: {part} -->"));
    let _writing = WRITING.lock();
    let text = fs::read_to_string(&path).expect("the document can be read");
    let (before, rest) = text.split_once(&begin).expect("the part begins");
    let (kept, after) = rest.split_once(&end).expect("the part ends");
    if env::var_os(WRITE).is_some() {
        fs::write(&path, format!("{before}{begin}{made}{end}{after}")).expect("the document can be written");
    } else {
        assert_eq!(of(kept), of(made), "{document} is out of date; {WRITE}=1 writes it");
    }
}
