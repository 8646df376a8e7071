//! The name of a server among those that share a store, kept in its data directory.
//!
//! A server that was killed and is back finds by it the leases of its last run, which nobody holds any more: the lock on the
//! file says that the process is gone. Servers may share a directory; then the first of them has the name, the others have
//! none that lasts.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
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
    let mut id = String::new();
    file.read_to_string(&mut id)?;
    let id = id.trim();
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some((id.to_owned(), file)));
    }
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(fresh.as_bytes())?;
    file.sync_all()?;
    Ok(Some((fresh.to_owned(), file)))
}
