//! `cargo xtask release VERSION`: the version everywhere it stands, the changelog, a commit, the artefacts, and a tag.
//!
//! It pushes and publishes nothing. When a step fails after the commit, mend what was wrong, amend the commit and run the rest by
//! hand: `cargo xtask dist`, `git tag`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, dist, docs, progress::Steps};

/// Set the version, commit it, build what users install, and tag the commit.
///
/// The tree must be clean, and the changelog must say something under "Unreleased". Nothing is pushed or published.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The new version, such as 0.2.0
    version: String,
    /// Leave out the artefacts, which take a while: build them later with `cargo xtask dist`
    #[arg(long)]
    without_artefacts: bool,
}

const CHANGELOG: &str = "CHANGELOG.md";
const UNRELEASED: &str = "## Unreleased";

/// Files with the version, and what stands around it. Cargo.lock is written by Cargo.
const PLACES: [(&str, &str, &str); 6] = [
    ("Cargo.toml", "[workspace.package]\nversion = \"", "\""),
    ("crates/api/openapi.json", "\n    \"version\": \"", "\""),
    ("crates/wasm/npm/package.json", "\n  \"version\": \"", "\""),
    ("crates/wasm/npm/package-lock.json", "\n  \"version\": \"", "\""),
    ("crates/wasm/npm/package-lock.json", "\n      \"version\": \"", "\""),
    ("tests/runtimes/projects/script/package.json", "{ \"csms\": \"", "\""),
];

/// What stands around the version in the names of artefacts, which pages of the book mention.
const NAMES: [(&str, &str); 5] = [("csms_", "_"), ("csms-", "-"), ("csms-", "."), ("csms:", "\n"), ("csms:", "`")];

/// Runs `cargo xtask release`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let (root, old, new) = (cargo::root(), env!("CARGO_PKG_VERSION"), arguments.version.as_str());
    let mut steps = Steps::new(4);
    steps
        .run("Check", async |_| {
            ensure!(number(new)? > number(old)?, "{new} is not above the present version {old}");
            let changed = git(&["status", "--porcelain"])?;
            ensure!(changed.is_empty(), "commit or remove what has changed first:\n{changed}");
            let tags = git(&["tag", "--list", &tag(new)])?;
            ensure!(tags.is_empty(), "the tag {tags} is there already");
            Ok(((), format!("{old} -> {new}")))
        })
        .await?;
    steps
        .run("Version and changelog", async |step| {
            let today = output(Command::new("date").args(["--utc", "+%F"]))?;
            write(root, old, new, &today)?;
            cargo::run(step, &["update", "--workspace", "--offline"], &[]).await?;
            Ok(((), docs::check()?))
        })
        .await?;
    steps
        .run("Commit", async |_| {
            git(&["commit", "--quiet", "--all", "--message", &format!("Release {new}")])?;
            Ok(((), git(&["rev-parse", "--short", "HEAD"])?))
        })
        .await?;
    if !arguments.without_artefacts {
        dist::run(&dist::Arguments::default()).await?;
    }
    steps
        .run("Tag", async |_| {
            git(&["tag", "--annotate", &tag(new), "--message", &format!("csms {new}")])?;
            Ok(((), format!("{}; push it with `git push origin HEAD {}`", tag(new), tag(new))))
        })
        .await
}

fn tag(version: &str) -> String {
    format!("v{version}")
}

/// The three numbers of a version.
fn number(version: &str) -> Result<[u64; 3]> {
    let parts: Option<Vec<u64>> = version.split('.').map(|part| part.parse().ok()).collect();
    parts
        .and_then(|parts| parts.try_into().ok())
        .with_context(|| format!("{version} is not three numbers, such as 0.2.0"))
}

fn git(arguments: &[&str]) -> Result<String> {
    output(Command::new("git").args(arguments).current_dir(cargo::root()))
}

/// What a program prints.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Changes every file with the version.
fn write(root: &Path, old: &str, new: &str, today: &str) -> Result<()> {
    let change = |name: &str, change: &dyn Fn(&str) -> Result<String>| {
        let path = root.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let changed = change(&text).with_context(|| format!("in {name}"))?;
        fs::write(&path, changed).with_context(|| format!("cannot write {name}"))
    };
    for (name, before, after) in PLACES {
        change(name, &|text| {
            let (from, to) = (format!("{before}{old}{after}"), format!("{before}{new}{after}"));
            ensure!(text.contains(&from), "{from:?} is not there");
            Ok(text.replacen(&from, &to, 1))
        })?;
    }
    for page in docs::pages()? {
        change(&page, &|text| Ok(in_names(text, old, new)))?;
    }
    change(CHANGELOG, &|text| released(text, new, today))
}

/// A page with the new version in the names of artefacts.
fn in_names(text: &str, old: &str, new: &str) -> String {
    NAMES.iter().fold(text.to_owned(), |text, (before, after)| {
        text.replace(&format!("{before}{old}{after}"), &format!("{before}{new}{after}"))
    })
}

/// The changelog with what was unreleased under the version.
fn released(text: &str, version: &str, today: &str) -> Result<String> {
    let (before, after) = text.split_once(&format!("{UNRELEASED}\n")).context("there is no section \"Unreleased\"")?;
    let section = after.split("\n## ").next().unwrap_or_default();
    ensure!(section.lines().any(|line| line.starts_with("- ")), "nothing is listed under \"Unreleased\"");
    Ok(format!("{before}{UNRELEASED}\n\n## {version} - {today}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_version_stands_where_a_release_changes_it() {
        for (name, before, after) in PLACES {
            let text = fs::read_to_string(cargo::root().join(name)).unwrap();
            let expected = format!("{before}{}{after}", env!("CARGO_PKG_VERSION"));
            assert!(text.contains(&expected), "{name} has no {expected:?}");
        }
    }

    #[test]
    fn a_release_leaves_no_name_of_an_older_artefact_in_the_book() {
        let old = env!("CARGO_PKG_VERSION");
        for page in docs::pages().unwrap() {
            let text = fs::read_to_string(cargo::root().join(&page)).unwrap();
            let changed = in_names(&text, old, "9.8.7");
            for (before, _) in NAMES {
                assert!(!changed.contains(&format!("{before}{old}")), "{page}");
            }
        }
    }

    #[test]
    fn what_was_unreleased_is_listed_under_the_version() {
        let text = "# Changelog\n\n## Unreleased\n\n### Added\n\n- a thing\n\n## 0.1.0 - 2026-01-01\n\n- older\n";
        let expected = "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-02-03\n\n### Added\n\n- a thing\n\n\
                        ## 0.1.0 - 2026-01-01\n\n- older\n";
        assert_eq!(released(text, "0.2.0", "2026-02-03").unwrap(), expected);
        assert!(released(expected, "0.3.0", "2026-03-04").is_err(), "nothing has changed since");
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(number("0.10.0").unwrap() > number("0.9.3").unwrap());
        for wrong in ["1", "1.2", "1.2.3.4", "1.2.x", "v1.2.3", ""] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}
