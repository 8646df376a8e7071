//! The files that Git tracks or would track, by their paths from the root of the repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Paths from the root, those of directories among them.
#[derive(Debug)]
pub(crate) struct Files {
    files: BTreeSet<PathBuf>,
    directories: BTreeSet<PathBuf>,
}

impl Files {
    /// Asks Git, so that what is ignored is left out and what is new is not.
    pub(crate) fn tracked(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let output = git.output().context("cannot run git ls-files")?;
        if !output.status.success() {
            bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
        // A file that was deleted and is still in the index has no text.
        Ok(names.split('\0').filter(|name| !name.is_empty() && root.join(name).is_file()).collect())
    }

    /// Whether there is a file or a directory of this path.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.files.contains(path) || self.directories.contains(path)
    }

    /// The Markdown files.
    pub(crate) fn markdown(&self) -> impl Iterator<Item = &Path> {
        self.with_extension(&["md"])
    }

    /// The files whose names end in one of `extensions`.
    pub(crate) fn with_extension(&self, extensions: &'static [&str]) -> impl Iterator<Item = &Path> {
        let matches =
            |path: &&Path| path.extension().and_then(|it| it.to_str()).is_some_and(|it| extensions.contains(&it));
        self.files.iter().map(PathBuf::as_path).filter(matches)
    }
}

impl<'a> FromIterator<&'a str> for Files {
    fn from_iter<T: IntoIterator<Item = &'a str>>(names: T) -> Self {
        let files: BTreeSet<PathBuf> = names.into_iter().map(PathBuf::from).collect();
        let directories = files.iter().flat_map(|file| file.ancestors().skip(1)).map(Path::to_path_buf).collect();
        Self { files, directories }
    }
}
