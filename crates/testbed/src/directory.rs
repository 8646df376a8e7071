//! The temporary directory of one instance.
//!
//! It is removed when it is dropped. What a killed process left behind is removed by the next one:
//! each directory holds a file that its owner keeps locked, so an unlocked one has no owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::system_user::SystemUser;

const PREFIX: &str = "csms-testbed-";
const LOCK: &str = "owner.lock";

/// A directory with mode 0700 that belongs to the account of its instance.
#[derive(Debug)]
pub(crate) struct Directory {
    root: TempDir,
    _lock: File,
}

impl Directory {
    pub(crate) fn create(owner: SystemUser) -> Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let root =
            tempfile::Builder::new().prefix(PREFIX).tempdir().map_err(Error::at("create a directory in", &parent))?;
        let lock = locked(root.path())?;
        owner.own(root.path())?;
        Ok(Self { root, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// A directory below this one, for `owner`.
    pub(crate) fn subdirectory(&self, name: &str, owner: SystemUser) -> Result<PathBuf> {
        let path = self.root.path().join(name);
        fs::create_dir(&path).map_err(Error::at("create", &path))?;
        owner.own(&path)?;
        Ok(path)
    }

    /// A file that only `owner` can read.
    pub(crate) fn private_file(&self, name: &str, content: &str, owner: SystemUser) -> Result<PathBuf> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.root.path().join(name);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::at("create", &path))?;
        file.write_all(content.as_bytes()).map_err(Error::at("write", &path))?;
        owner.own(&path)?;
        Ok(path)
    }
}

/// Locks first and names the file afterwards, so that no sweep sees it unlocked.
fn locked(root: &Path) -> Result<File> {
    let unnamed = root.join("owner.new");
    let file = File::create(&unnamed).map_err(Error::at("create", &unnamed))?;
    file.lock().map_err(Error::at("lock", &unnamed))?;
    fs::rename(&unnamed, root.join(LOCK)).map_err(Error::at("rename", &unnamed))?;
    Ok(file)
}

/// Removes directories whose owner is gone. Failures are passed over: they may be another user's.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let has_no_owner = || File::open(entry.path().join(LOCK)).is_ok_and(|file| file.try_lock().is_ok());
        if is_ours && has_no_owner() {
            // Another process may sweep the same directory; either of them finishes it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_directory_is_gone() {
        let directory = Directory::create(SystemUser::OURSELVES).unwrap();
        let path = directory.path().to_path_buf();
        directory.private_file("secret", "value", SystemUser::OURSELVES).unwrap();
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_without_an_owner_is_swept_and_an_owned_one_is_kept() {
        let parent = tempfile::tempdir().unwrap();
        let [orphan, owned, foreign] =
            ["csms-testbed-orphan", "csms-testbed-owned", "other"].map(|name| parent.path().join(name));
        for path in [&orphan, &owned, &foreign] {
            fs::create_dir(path).unwrap();
        }
        drop(locked(&orphan).unwrap());
        drop(locked(&foreign).unwrap());
        let _owner = locked(&owned).unwrap();
        sweep(parent.path());
        assert_eq!([orphan.exists(), owned.exists(), foreign.exists()], [false, true, true]);
    }
}
