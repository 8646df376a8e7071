//! Builds the book in the directory given as the first argument into the directory given as the second.
//!
//! It does not check links or generated pages; `cargo xtask test` does.

mod inline;

use std::{
    env, fs,
    path::{self, PathBuf},
};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let source = arguments.next().context("usage: csms-book SOURCE DESTINATION")?;
    // mdBook takes a relative one from the book's directory.
    let destination = path::absolute(arguments.next().context("usage: csms-book SOURCE DESTINATION")?)?;
    // Files of an earlier book have names of their own.
    if destination.exists() {
        fs::remove_dir_all(&destination).with_context(|| format!("cannot remove {}", destination.display()))?;
    }
    let mut book = MDBook::load(source)?;
    book.config.build.build_dir = destination.clone();
    book.build()?;
    inline::move_out(&destination)
}
