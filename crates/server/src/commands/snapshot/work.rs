//! A private directory for the copies that a command makes, removed at its end; and the directories of commands that were killed,
//! removed by the next one in the same place.
//!
//! A directory that is in use holds a locked file. The lock ends with its process, however that ends.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use tempfile::TempDir;

use crate::{commands::Failed, installation::unpacked::PREFIX};

/// The locked file. It has another name until it is locked, so that no directory looks abandoned while it is made.
const LOCK: &str = "in-use";
const NOT_YET: &str = "in-use.new";

/// The directory. Fields are dropped in this order: the lock ends after the directory is gone.
pub(in crate::commands) struct Work {
    directory: TempDir,
    _lock: Option<File>,
}

impl Work {
    /// A new directory below `TMPDIR`, as [`Self::new_in`] makes it.
    ///
    /// # Errors
    /// The directory for temporary files cannot be written.
    pub(in crate::commands) fn temporary() -> Result<Self, Failed> {
        let place = std::env::temp_dir();
        let another = |error| format!("cannot write in {}: {error}; TMPDIR names another directory", place.display());
        Ok(Self::make_in(&place).map_err(another)?)
    }

    /// A new directory in `place`, after those that killed commands of the same user left there are gone.
    ///
    /// # Errors
    /// `place` cannot be written.
    pub(in crate::commands) fn new_in(place: &Path) -> Result<Self, Failed> {
        Ok(Self::make_in(place).map_err(|error| format!("cannot write in {}: {error}", place.display()))?)
    }

    fn make_in(place: &Path) -> io::Result<Self> {
        // What cannot be removed is in nobody's way.
        let _ = sweep(place);
        // Others may read TMPDIR.
        let mode = fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix(PREFIX).permissions(mode).tempdir_in(place)?;
        let file = File::create(directory.path().join(NOT_YET))?;
        // A file system without locks: nobody removes the directory of a killed command there.
        if file.try_lock().is_err() {
            return Ok(Self { directory, _lock: None });
        }
        fs::rename(directory.path().join(NOT_YET), directory.path().join(LOCK))?;
        Ok(Self { directory, _lock: Some(file) })
    }

    /// Where it is.
    pub(in crate::commands) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the directories in `place` whose commands have ended.
fn sweep(place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_abandoned(&entry.path())? {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a directory is of a command of this user that has ended. One without a lock file, and anything else of such a name, is not.
fn is_abandoned(path: &Path) -> io::Result<bool> {
    let found = path.symlink_metadata()?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return Ok(false);
    }
    let lock = match File::open(path.join(LOCK)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The names in a directory.
    fn names(place: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(place)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_command_left_is_removed_and_what_is_in_use_is_not() {
        let place = tempfile::tempdir().unwrap();
        let killed = place.path().join(".csms-snapshot-killed");
        fs::create_dir(&killed).unwrap();
        for file in [LOCK, "csms.db"] {
            fs::write(killed.join(file), "").unwrap();
        }
        let first = Work::new_in(place.path()).unwrap();
        assert!(!killed.exists());
        let second = Work::new_in(place.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        assert_eq!(first.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop((first, second));
        assert_eq!(names(place.path()), Vec::<String>::new());
    }

    #[test]
    fn nothing_else_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join(LOCK), "").unwrap();
        symlink(elsewhere.path(), place.path().join(".csms-snapshot-link")).unwrap();
        // A directory that a command is about to lock, and one that somebody made.
        for name in [".csms-snapshot-new", "csms-snapshot-mine"] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        fs::write(place.path().join(".csms-snapshot-new").join(NOT_YET), "").unwrap();
        fs::write(place.path().join(".csms-snapshot-file"), "").unwrap();
        let before = names(place.path());
        drop(Work::new_in(place.path()).unwrap());
        assert_eq!(names(place.path()), before);
        assert!(elsewhere.path().join(LOCK).exists());
    }
}
