//! Files that a command makes: only the owner reads them, none is replaced, and one that cannot be written whole is not there.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::failure::CliError;

/// A file beside its place, without its name yet. It is removed unless it gets the name.
#[derive(Debug)]
pub struct NewFile(NamedTempFile);

impl NewFile {
    /// Makes the file in the directory of `path`, with the mode 0600.
    ///
    /// # Errors
    /// What the system says.
    pub fn beside(path: &Path) -> io::Result<Self> {
        tempfile::Builder::new().prefix(".csms-new-").tempfile_in(directory_of(path)).map(Self)
    }

    /// Gives the file its name once it is on the disk.
    ///
    /// # Errors
    /// What the system says; a file of this name that is there already.
    pub fn place(self, path: &Path) -> io::Result<()> {
        self.0.as_file().sync_all()?;
        self.0.persist_noclobber(path)?;
        sync_directory(path)
    }
}

impl io::Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Brings the name of a file to the disk.
///
/// # Errors
/// What the system says.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

/// The directory that a file is in.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a file of these bytes.
///
/// # Errors
/// What the system says, with the name of the file. No file is left then.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written = NewFile::beside(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.place(path)));
    written.map_err(|error| CliError::io(format!("write {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_file_is_there_whole_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        write_new(&path, b"hunter2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hunter2");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_new(&path, b"other").unwrap_err().to_string().contains("exists"));
        assert_eq!(fs::read(&path).unwrap(), b"hunter2");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_written_whole_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let mut file = NewFile::beside(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
