//! Builds the book in the directory given as the first argument into the directory given as the second.
//!
//! It does not check links or generated pages; `cargo xtask test` does.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let source = arguments.next().context("usage: csms-book SOURCE DESTINATION")?;
    let destination = arguments.next().context("usage: csms-book SOURCE DESTINATION")?;
    let mut book = MDBook::load(source)?;
    book.config.build.build_dir = destination;
    book.build()
}
