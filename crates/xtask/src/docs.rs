//! `cargo xtask docs`: checks all Markdown of the repository and builds the book.
//!
//! The checks are part of `cargo xtask test` and read files only; mdBook is compiled and run by this command alone.

mod engines;
mod files;
mod links;
mod reference;
mod words;

use anyhow::{Result, bail};

use crate::cargo;
use crate::progress::Steps;

/// Check every link and the words of all Markdown, and build the book into `target/book`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write the pages that are generated from the code before checking them.
    #[arg(long)]
    write: bool,
}

const BUILD: &[&str] = &["build", "--package", "csms-book", "--features", "tools", "--profile", "tools", "--bins"];

/// The book's directory below the root of the repository.
const BOOK: &str = "www/docs";

/// Runs `cargo xtask docs`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.write {
        reference::write(cargo::root())?;
    }
    let mut steps = Steps::new(3);
    steps.run("Links and words", async |_| Ok(((), check()?))).await?;
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
            let mut builder = tokio::process::Command::new(target.join("tools/csms-book"));
            let status = builder.arg(cargo::root().join(BOOK)).arg(&book).kill_on_drop(true).status().await?;
            if !status.success() {
                bail!("the book cannot be built ({status})");
            }
            Ok(((), book.join("index.html").display().to_string()))
        })
        .await
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
    #[test]
    fn the_documentation_of_this_repository_is_in_order() {
        super::check().unwrap();
    }
}
