//! Data directories as the servers' own programs make them, kept in the build directory and copied for each instance: making one
//! takes seconds.
//!
//! They are kept as they were before a server ran on them, so they hold no account of an instance.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::port::random;
use crate::programs;
use crate::roots;
use crate::system_user::SystemUser;

/// The place of a data directory that may have been made before.
#[derive(Debug)]
pub(crate) struct KeptData(Option<PathBuf>);

impl KeptData {
    /// The place of what `command` makes for `user`, where `programs` are all that take part in it. A newer program has another
    /// place, and without a build directory nothing is kept.
    pub(crate) fn made_by(command: &Command, programs: &[&Path], user: SystemUser) -> Self {
        Self(roots::directory().ok().zip(name(command, programs, user)).map(|(parent, name)| parent.join(name)))
    }

    /// Copies it to `to`, which must not exist. Returns whether there was one.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) async fn copy_to(&self, to: &Path) -> Result<bool> {
        let Some(kept) = self.0.as_deref().filter(|kept| kept.is_dir()) else { return Ok(false) };
        copy(kept, to).await.map(|()| true)
    }

    /// Keeps a copy of `from`. Whoever keeps one first decides.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) async fn keep(&self, from: &Path) -> Result<()> {
        let Some(kept) = &self.0 else { return Ok(()) };
        let aside = kept.with_extension(hex::encode(random::<8>()?));
        copy(from, &aside).await?;
        match fs::rename(&aside, kept) {
            Err(_) if kept.is_dir() => fs::remove_dir_all(&aside).map_err(Error::at("remove", &aside)),
            renamed => renamed.map_err(Error::at("rename", &aside)),
        }
    }
}

/// A name for what a command makes; none when a program of it is not there.
fn name(command: &Command, programs: &[&Path], user: SystemUser) -> Option<String> {
    let mut hasher = DefaultHasher::new();
    let arguments: Vec<_> = command.get_args().collect();
    (arguments, programs, user, rustix::process::geteuid().as_raw()).hash(&mut hasher);
    for program in programs {
        let found = fs::metadata(program).ok()?;
        (found.len(), found.modified().ok()).hash(&mut hasher);
    }
    Some(format!("data-{:016x}", hasher.finish()))
}

/// Copies a directory with the owners and modes of its files.
async fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new("cp");
    command.arg("--archive").arg(from).arg(to);
    programs::run_aside("cp", command).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_to_keep_a_directory_decides_what_all_get() {
        let root = tempfile::tempdir().unwrap();
        let kept = KeptData(Some(root.path().join("data-1")));
        let path = |name: &str| root.path().join(name);
        assert!(!kept.copy_to(&path("early")).await.unwrap());
        for name in ["one", "other"] {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(name).join("who"), name).unwrap();
            kept.keep(&path(name)).await.unwrap();
        }
        assert!(kept.copy_to(&path("copy")).await.unwrap());
        assert_eq!(fs::read_to_string(path("copy").join("who")).unwrap(), "one");
        let left = fs::read_dir(root.path()).unwrap().count();
        assert_eq!(left, 4, "nothing is left aside");
    }

    #[test]
    fn other_arguments_and_other_programs_have_another_place() {
        let place = |program: &str, argument: &str| {
            let mut command = Command::new(program);
            command.arg(argument);
            name(&command, &[Path::new(program)], SystemUser::OURSELVES)
        };
        let first = place("/bin/sh", "one").unwrap();
        assert_eq!(place("/bin/sh", "one").unwrap(), first);
        assert_ne!(place("/bin/sh", "other").unwrap(), first);
        assert_ne!(place("/bin/ls", "one").unwrap(), first);
        assert_eq!(place("/bin/absent", "one"), None);
    }
}
