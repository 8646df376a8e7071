//! The name of a server among those that share a store, kept in its data directory.
//!
//! A server that was killed and is back finds by it the leases of its last run, which nobody holds any more: the lock on the
//! file says that the process is gone. Servers may share a directory; then the first of them has the name, the others have
//! none that lasts. A copy of the directory has the name, too, but in another file: it gets a name of its own, since the server of the
//! original may be running. A copy of a whole disk cannot be told from the original.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use super::make_id;
use crate::failure::Failure;

/// File name in the data directory.
const FILE: &str = "server.id";

/// A server's name.
#[derive(Debug)]
pub struct ServerName {
    prefix: String,
    /// Locked as long as the server lives; `None` when the name does not last.
    lock: Option<File>,
}

impl ServerName {
    /// The name of the server in this directory, made at the first start. A file that cannot be used, for instance on a full
    /// disk, costs a name that lasts and nothing else.
    ///
    /// # Errors
    /// Failures of the random number generator.
    pub fn of(directory: &Path) -> Result<Self, Failure> {
        let fresh = make_id()?;
        match locked(&directory.join(FILE), &fresh) {
            Ok(Some((id, lock))) => Ok(Self { prefix: format!("{id}/"), lock: Some(lock) }),
            Ok(None) => Ok(Self { prefix: format!("{fresh}/"), lock: None }),
            Err(error) => {
                tracing::warn!(%error, "the server has no name that lasts; its rotations wait 30 s after a crash");
                Ok(Self { prefix: format!("{fresh}/"), lock: None })
            }
        }
    }

    /// What the names of this server's holders begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The prefix, if earlier runs of this server used it and no other process does.
    #[must_use]
    pub fn own(&self) -> Option<&str> {
        self.lock.as_ref().map(|_| self.prefix.as_str())
    }
}

/// The name in the file and its lock; `None` when another process has it.
fn locked(path: &Path, fresh: &str) -> std::io::Result<Option<(String, File)>> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let inode = file.metadata()?.ino().to_string();
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let mut words = text.split_whitespace();
    let kept = words.next().filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // Earlier releases wrote no number of the file.
    let id = kept.filter(|_| words.next().is_none_or(|written| written == inode)).unwrap_or(fresh);
    let wanted = format!("{id} {inode}\n");
    if text != wanted {
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(wanted.as_bytes())?;
        file.sync_all()?;
    }
    Ok(Some((id.to_owned(), file)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_server_keeps_its_name_and_a_copy_of_its_directory_gets_another() {
        let (first, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = |directory: &Path| ServerName::of(directory).unwrap().own().map(str::to_owned);
        let original = name(first.path()).unwrap();
        assert_eq!(name(first.path()).unwrap(), original);
        fs::copy(first.path().join(FILE), copy.path().join(FILE)).unwrap();
        let other = name(copy.path()).unwrap();
        assert_ne!(other, original);
        assert_eq!(name(copy.path()).unwrap(), other);
        assert_eq!(name(first.path()).unwrap(), original);
    }

    #[test]
    fn the_name_that_an_earlier_release_wrote_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "00ff").unwrap();
        for _ in 0..2 {
            assert_eq!(ServerName::of(directory.path()).unwrap().own(), Some("00ff/"));
        }
    }
}
