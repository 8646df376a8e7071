//! The book's table of operations is the one that the tables of the code give.
//!
//! After a change on purpose: `CSMS_WRITE_GENERATED=1 cargo test --workspace --test feature_table`

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, path::Path};

use csms_conformance::{
    definitions::all,
    feature_table::{BEGIN, END, table},
};

const AGAIN: &str = "CSMS_WRITE_GENERATED=1 cargo test --workspace --test feature_table";

#[test]
fn the_book_lists_every_operation_with_its_status() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/docs/src/reference/operations.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let table = table(&all());
    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert!(written == table, "the table of operations is out of date; write it again: {AGAIN}");
    }
}
