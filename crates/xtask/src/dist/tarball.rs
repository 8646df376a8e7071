//! Tar archives whose bytes depend on their content alone: no times, no names of users, the order that is given.

use anyhow::Result;
use tar::{Builder, EntryType, Header};

/// A tar archive in the making.
pub(super) struct Tarball(Builder<Vec<u8>>);

impl Tarball {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        let mut header = header(EntryType::Regular, mode, 0);
        header.set_size(content.len() as u64);
        Ok(self.0.append_data(&mut header, path, content)?)
    }

    /// Adds a directory of this user.
    pub(super) fn directory(&mut self, path: &str, mode: u32, owner: u64) -> Result<()> {
        Ok(self.0.append_data(&mut header(EntryType::Directory, mode, owner), path, std::io::empty())?)
    }

    /// The archive.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        Ok(self.0.into_inner()?)
    }
}

fn header(kind: EntryType, mode: u32, owner: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mtime(0);
    header.set_size(0);
    header
}
