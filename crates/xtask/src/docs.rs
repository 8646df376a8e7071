//! `cargo xtask docs`: checks all Markdown of the repository and builds the book.
//!
//! The checks are part of `cargo xtask test` and read files only; mdBook is compiled and run by this command alone.

mod engines;
mod files;
mod links;
mod reference;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::progress::Steps;
use crate::{cargo, www};

/// Check every link and the words of all Markdown, and build the book into `target/book`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write the pages that are generated from the code before checking them.
    #[arg(long)]
    write: bool,
    /// Put the book beside the console, too: a server with `--console` serves it at once, others from their next build.
    #[arg(long)]
    embed: bool,
}

const BUILD: &[&str] = &["build", "--package", "csms-book", "--features", "tools", "--bins"];

/// The book's directory below the root of the repository.
const BOOK: &str = "www/docs";

/// Runs `cargo xtask docs`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.write {
        reference::write(cargo::root())?;
    }
    let mut steps = Steps::new(1 + STEPS);
    steps.run("Links and words", async |_| Ok(((), check()?))).await?;
    if arguments.embed { embed(&mut steps).await } else { build(&mut steps).await.map(drop) }
}

/// How many steps building the book takes, with or without embedding it.
pub(crate) const STEPS: usize = 2;

/// Builds the book and returns its directory.
async fn build(steps: &mut Steps) -> Result<PathBuf> {
    let target = cargo::metadata().await?.target_directory;
    steps
        .run("Build mdBook", async |step| {
            cargo::run(step, BUILD, &[]).await?;
            Ok(((), cargo::shell(BUILD, &[])))
        })
        .await?;
    steps
        .run("Build the book", async |_| {
            let book = target.join("book");
            let mut builder = tokio::process::Command::new(target.join("debug/csms-book"));
            let status = builder.arg(cargo::root().join(BOOK)).arg(&book).kill_on_drop(true).status().await?;
            if !status.success() {
                bail!("the book cannot be built ({status})");
            }
            let page = book.join("index.html").display().to_string();
            Ok((book, page))
        })
        .await
}

/// Builds the book and puts it beside the console, from where the next build of the server embeds it.
pub(crate) async fn embed(steps: &mut Steps) -> Result<()> {
    let book = build(steps).await?;
    place(&book, &www::built().join("docs"))
}

/// Makes `to` hold the files of `from` and their copies compressed by gzip, and nothing else.
fn place(from: &Path, to: &Path) -> Result<()> {
    let wanted = below(from)?;
    for name in &wanted {
        let source = from.join(name);
        let content = fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
        www::place(&to.join(name), &content)?;
    }
    if to.is_dir() {
        for name in below(to)? {
            let is_copy = name.extension().is_some_and(|it| it == "gz") && wanted.contains(&name.with_extension(""));
            if !is_copy && !wanted.contains(&name) {
                fs::remove_file(to.join(&name)).with_context(|| format!("cannot remove {}", name.display()))?;
            }
        }
    }
    Ok(())
}

/// The files below a directory, by their paths from it. What is hidden is no part of the book.
fn below(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(at) = open.pop() {
        let here = directory.join(&at);
        for entry in fs::read_dir(&here).with_context(|| format!("cannot read {}", here.display()))? {
            let entry = entry?;
            let name = at.join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() {
                open.push(name);
            } else {
                found.insert(name);
            }
        }
    }
    Ok(found)
}

/// The pages of the book, by their paths from the root of the repository.
pub(crate) fn pages() -> Result<Vec<String>> {
    let files = files::Files::tracked(cargo::root())?;
    let pages = files.markdown().filter(|path| path.starts_with(BOOK));
    Ok(pages.map(|path| path.to_string_lossy().into_owned()).collect())
}

/// Checks links, words and generated pages. Returns what was checked; an error lists every problem.
pub(crate) fn check() -> Result<String> {
    let root = cargo::root();
    let files = files::Files::tracked(root)?;
    let mut problems = reference::stale(root)?;
    let (links, broken) = links::check(root, &files)?;
    problems.extend(broken);
    problems.extend(words::check(root, &files)?);
    if !problems.is_empty() {
        bail!("the documentation has {} problems:\n  {}", problems.len(), problems.join("\n  "));
    }
    Ok(format!("{links} links in {} pages", files.markdown().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_beside_the_console_holds_what_the_book_has_and_keeps_the_times_of_what_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (book, console) = (directory.path().join("book"), directory.path().join("docs"));
        fs::create_dir_all(book.join("how-to")).unwrap();
        for name in ["index.html", "how-to/page.html", "old.html", ".nojekyll"] {
            fs::write(book.join(name), name).unwrap();
        }
        place(&book, &console).unwrap();
        let written = fs::metadata(console.join("index.html")).unwrap().modified().unwrap();
        fs::remove_file(book.join("old.html")).unwrap();
        fs::write(book.join("how-to/page.html"), "changed").unwrap();
        place(&book, &console).unwrap();
        let expected = ["how-to/page.html", "how-to/page.html.gz", "index.html", "index.html.gz"].map(PathBuf::from);
        assert_eq!(below(&console).unwrap(), BTreeSet::from(expected));
        assert_eq!(fs::read_to_string(console.join("how-to/page.html")).unwrap(), "changed");
        assert_eq!(fs::metadata(console.join("index.html")).unwrap().modified().unwrap(), written);
    }

    #[test]
    fn the_documentation_of_this_repository_is_in_order() {
        check().unwrap();
    }
}
