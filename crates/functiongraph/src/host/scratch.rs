//! The private directories of functions and instances: where they are made, and how those of a killed process go away.
//!
//! A directory that the embedding program names may be shared by several processes. Each makes a directory of its own
//! there and holds a lock in it for as long as it lives. A starting process removes the directories whose lock is no
//! longer held. Without a named directory the system's temporary directory is used, where nothing is swept.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::error::RegisterError;

/// Name of the lock file, of a process in its own directory and of the sweep in the shared one.
const LOCK: &str = "lock";
/// How the names of the processes' directories begin. Nothing else is ever removed.
const PREFIX: &str = "host-";

/// The given directory cannot hold the private directories of functions.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} for the files of functions: {source}", path.display())]
pub struct ScratchError {
    /// The directory.
    path: PathBuf,
    /// Why not.
    source: io::Error,
}

/// Where private directories are made. The process's own directory is removed on drop.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    own: Option<Own>,
}

/// The directory of this process. Fields are dropped in this order: the lock is held until the directory is gone.
#[derive(Debug)]
struct Own {
    directory: TempDir,
    _lock: File,
}

impl Scratch {
    /// Removes what killed processes left in `parent`, which is made if it is missing, and makes a directory for this
    /// process. Blocks on the file system, and while another process does the same.
    ///
    /// # Errors
    /// The directory cannot be made, read or locked. What cannot be removed is logged only.
    pub(super) fn open(parent: Option<&Path>) -> Result<Self, ScratchError> {
        let Some(parent) = parent else { return Ok(Self::default()) };
        let own = Own::open(parent).map_err(|source| ScratchError { path: parent.to_owned(), source })?;
        Ok(Self { own: Some(own) })
    }

    /// A new directory that only this user may enter.
    pub(super) fn private_directory(&self, prefix: &str) -> Result<TempDir, RegisterError> {
        let parent = self.own.as_ref().map_or_else(std::env::temp_dir, |own| own.directory.path().to_owned());
        let made = private_directory(&parent, prefix);
        made.map_err(|source| RegisterError::Io { action: "make a directory in", path: parent, source })
    }
}

impl Own {
    fn open(parent: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        // Held until this process has locked its own directory: until then it looks like one of a killed process.
        let sweeping = lock_file(parent)?;
        sweeping.lock()?;
        sweep(parent)?;
        let directory = private_directory(parent, PREFIX)?;
        let lock = lock_file(directory.path())?;
        lock.lock()?;
        Ok(Self { directory, _lock: lock })
    }
}

fn private_directory(parent: &Path, prefix: &str) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir_in(parent)
}

fn lock_file(directory: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join(LOCK))
}

/// Removes the directories of processes that are gone.
fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        // `file_type` does not follow links.
        if !ours || !entry.file_type()?.is_dir() {
            continue;
        }
        let path = entry.path();
        let lock = match lock_file(&path) {
            Ok(lock) => lock,
            Err(error) => {
                report(&path, &error);
                continue;
            }
        };
        match lock.try_lock() {
            Ok(()) => remove(&path),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => report(&path, &error),
        }
    }
    Ok(())
}

/// Removes a directory whose owner is gone.
fn remove(path: &Path) {
    let removed = fs::remove_dir_all(path).or_else(|error| {
        // A function may have taken the right to change one of its own directories from itself.
        if error.kind() == io::ErrorKind::PermissionDenied {
            make_removable(path);
            fs::remove_dir_all(path)
        } else {
            Err(error)
        }
    });
    match removed {
        Ok(()) => tracing::info!(path = %path.display(), "removed what a killed process left of its functions"),
        Err(error) => report(path, &error),
    }
}

/// Gives the owner all rights to every directory below. Links are not followed.
fn make_removable(path: &Path) {
    let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}

fn report(path: &Path, error: &io::Error) {
    tracing::warn!(path = %path.display(), %error, "cannot remove what a killed process left of its functions");
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_whose_process_is_gone_is_removed() {
        let parent = TempDir::new().unwrap();
        let left = parent.path().join("host-left");
        fs::create_dir_all(left.join("function-1/code")).unwrap();
        fs::write(left.join("function-1/code/bootstrap"), "").unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        fs::set_permissions(left.join("function-1/code"), Permissions::from_mode(0o500)).unwrap();
        // Killed before it had a lock.
        fs::create_dir(parent.path().join("host-without-lock")).unwrap();
        let _scratch = Scratch::open(Some(parent.path())).unwrap();
        assert_eq!(names(parent.path()).len(), 2, "the new process's and the lock: {:?}", names(parent.path()));
        assert!(!left.exists());
    }

    #[test]
    fn a_directory_whose_process_lives_stays() {
        let parent = TempDir::new().unwrap();
        let first = Scratch::open(Some(parent.path())).unwrap();
        let directory = first.private_directory("instance-").unwrap();
        let _second = Scratch::open(Some(parent.path())).unwrap();
        assert!(directory.path().exists());
    }

    #[test]
    fn what_is_not_a_directory_of_a_process_stays() {
        let parent = TempDir::new().unwrap();
        let elsewhere = TempDir::new().unwrap();
        fs::write(elsewhere.path().join("file"), "").unwrap();
        fs::write(parent.path().join("host-file"), "").unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        symlink(elsewhere.path(), parent.path().join("host-link")).unwrap();
        let _scratch = Scratch::open(Some(parent.path())).unwrap();
        for name in ["host-file", "other", "host-link"] {
            assert!(parent.path().join(name).symlink_metadata().is_ok(), "{name}");
        }
        assert!(elsewhere.path().join("file").exists());
    }

    #[test]
    fn the_directory_of_a_process_goes_with_it() {
        let parent = TempDir::new().unwrap();
        let scratch = Scratch::open(Some(&parent.path().join("functions"))).unwrap();
        let mode = fs::metadata(parent.path().join("functions")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(scratch);
        assert_eq!(names(&parent.path().join("functions")), [LOCK]);
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Scratch::open(Some(&file.path().join("functions"))).unwrap_err().to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }
}
