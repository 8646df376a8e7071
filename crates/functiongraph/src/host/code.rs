//! Brings the code of a function into a directory: checks one that exists, or unpacks an archive.
//!
//! An archive is treated as hostile: no entry leaves the directory, links and special files are refused, and the
//! unpacked size is counted while writing, whatever the archive declares.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zip::{ZipArchive, result::ZipError};

use super::error::RegisterError;
use crate::protocol::BOOTSTRAP;

/// Largest unpacked code in bytes: 1,500 MB, as on the platform.
const LARGEST_CODE: u64 = 1_500 * 1024 * 1024;
/// Most entries of an archive. The platform states 30,000 for dependency packages and nothing for code.
const MOST_ENTRIES: usize = 100_000;

/// Where the code of a function comes from.
#[derive(Clone, Debug)]
pub enum Code {
    /// A directory with `bootstrap` in it, used in place: later changes count from the next instance on.
    Directory(PathBuf),
    /// A deployment archive with `bootstrap` in its root, unpacked once, when the function is registered.
    Zip(PathBuf),
}

/// Code which is ready to run. An unpacked copy is removed on drop.
#[derive(Debug)]
pub(super) struct InstalledCode {
    root: PathBuf,
    _unpacked: Option<TempDir>,
}

impl InstalledCode {
    /// Directory of the code.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Working directory of instances: the parent of the code, as on the platform.
    pub(super) fn working_directory(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    /// Path of the start file.
    pub(super) fn bootstrap(&self) -> PathBuf {
        self.root.join(BOOTSTRAP)
    }

    /// Whether there is a start file which may be executed. Also asked before each start: a directory may change.
    pub(super) fn check_bootstrap(&self) -> Result<(), RegisterError> {
        let file = fs::metadata(self.bootstrap()).map_err(|_| RegisterError::BootstrapMissing)?;
        if !file.is_file() {
            return Err(RegisterError::BootstrapMissing);
        }
        if file.permissions().mode() & 0o111 == 0 {
            return Err(RegisterError::BootstrapNotExecutable);
        }
        Ok(())
    }
}

/// Makes code ready. Blocks on the file system.
pub(super) fn install(code: &Code, scratch_parent: Option<&Path>) -> Result<InstalledCode, RegisterError> {
    let installed = match code {
        Code::Directory(path) => {
            let root = fs::canonicalize(path).map_err(|source| io_error("open", path, source))?;
            InstalledCode { root, _unpacked: None }
        }
        Code::Zip(path) => {
            let archive = File::open(path).map_err(|source| io_error("open", path, source))?;
            let home = private_directory(scratch_parent, "function-")?;
            let root = home.path().join("code");
            unpack(archive, &root, LARGEST_CODE)?;
            InstalledCode { root, _unpacked: Some(home) }
        }
    };
    installed.check_bootstrap()?;
    Ok(installed)
}

/// A new directory which only this user may enter.
pub(super) fn private_directory(parent: Option<&Path>, prefix: &str) -> Result<TempDir, RegisterError> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(&parent)
        .map_err(|source| io_error("make a directory in", &parent, source))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> RegisterError {
    RegisterError::Io { action, path: path.to_path_buf(), source }
}

fn archive_error(error: &ZipError) -> RegisterError {
    RegisterError::Archive(format!("cannot be read: {error}"))
}

fn unpack(archive: File, root: &Path, largest: u64) -> Result<(), RegisterError> {
    let mut archive = ZipArchive::new(archive).map_err(|error| archive_error(&error))?;
    if archive.len() > MOST_ENTRIES {
        return Err(RegisterError::Archive(format!("has more than {MOST_ENTRIES} entries")));
    }
    make_directory(root)?;
    let mut left = largest;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| archive_error(&error))?;
        let shown = String::from_utf8_lossy(entry.name_raw()).escape_debug().to_string();
        // Stricter than `enclosed_name`, which turns an absolute path into a relative one and resolves inner `..`.
        let plain = !entry.name_raw().starts_with(b"/")
            && !entry.name_raw().split(|&byte| byte == b'/').any(|part| part == b"..");
        let Some(relative) = entry.enclosed_name().filter(|_| plain) else {
            return Err(RegisterError::Archive(format!("has an entry outside the code directory: {shown}")));
        };
        let target = root.join(relative);
        if entry.is_dir() {
            make_directory(&target)?;
            continue;
        }
        let mode = entry.unix_mode().unwrap_or(0o644);
        // The upper bits of a mode tell the type of a file; 0 means the archive did not say.
        let regular = matches!(mode & 0o170_000, 0 | 0o100_000);
        if entry.is_symlink() || !regular {
            return Err(RegisterError::Archive(format!("has a link or a special file: {shown}")));
        }
        if let Some(parent) = target.parent() {
            make_directory(parent)?;
        }
        // `create_new`: an archive with two entries of one name is refused rather than merged.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&target)
            .map_err(|source| io_error("write", &target, source))?;
        let written = io::copy(&mut (&mut entry).take(left.saturating_add(1)), &mut file)
            .map_err(|error| RegisterError::Archive(format!("cannot be unpacked at {shown}: {error}")))?;
        left = left
            .checked_sub(written)
            .ok_or_else(|| RegisterError::Archive(format!("unpacks to more than {largest} bytes")))?;
        // The owner can always read; bits for set-uid, set-gid and sticky are dropped.
        file.set_permissions(fs::Permissions::from_mode(mode & 0o777 | 0o400))
            .map_err(|source| io_error("set the mode of", &target, source))?;
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), RegisterError> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(|source| io_error("make", path, source))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    /// An archive in a temporary directory which also receives the unpacked code.
    struct Archive {
        directory: TempDir,
        writer: ZipWriter<File>,
    }

    impl Archive {
        fn new() -> Self {
            let directory = TempDir::new().unwrap();
            let file = File::create(directory.path().join("code.zip")).unwrap();
            Self { directory, writer: ZipWriter::new(file) }
        }

        fn with(mut self, name: &str, mode: u32, content: &[u8]) -> Self {
            self.writer.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
            self.writer.write_all(content).unwrap();
            self
        }

        fn with_link(mut self, name: &str, target: &str) -> Self {
            self.writer.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
            self
        }

        fn install(self) -> (TempDir, Result<InstalledCode, RegisterError>) {
            self.writer.finish().unwrap();
            let code = Code::Zip(self.directory.path().join("code.zip"));
            let installed = install(&code, Some(self.directory.path()));
            (self.directory, installed)
        }
    }

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_keep_their_modes_and_lose_special_bits() {
        let (_directory, installed) = Archive::new()
            .with("bootstrap", 0o755, b"#!/bin/sh\n")
            .with("lib/data.txt", 0o640, b"data")
            .with("setuid", 0o4755, b"")
            .install();
        let installed = installed.unwrap();
        assert_eq!(mode_of(&installed.bootstrap()), 0o755);
        assert_eq!(mode_of(&installed.root().join("lib/data.txt")), 0o640);
        assert_eq!(mode_of(&installed.root().join("setuid")), 0o755);
        assert_eq!(fs::read(installed.root().join("lib/data.txt")).unwrap(), b"data");
        assert_eq!(installed.root().parent(), Some(installed.working_directory()));
        assert_eq!(mode_of(installed.working_directory()), 0o700);
    }

    #[test]
    fn the_unpacked_copy_is_removed_with_its_owner() {
        let (_directory, installed) = Archive::new().with("bootstrap", 0o755, b"").install();
        let installed = installed.unwrap();
        let home = installed.working_directory().to_path_buf();
        assert!(home.exists());
        drop(installed);
        assert!(!home.exists());
    }

    #[test]
    fn an_entry_which_leaves_the_directory_is_refused_and_not_written() {
        for name in ["../escaped", "lib/../../escaped", "/escaped"] {
            let (directory, installed) =
                Archive::new().with("bootstrap", 0o755, b"").with(name, 0o644, b"escaped").install();
            let error = installed.unwrap_err();
            assert!(matches!(&error, RegisterError::Archive(text) if text.contains("outside")), "{name}: {error}");
            assert_eq!(error.code(), Some(4225));
            assert!(!directory.path().join("escaped").exists());
        }
        assert!(!Path::new("/escaped").exists());
    }

    #[test]
    fn a_link_is_refused() {
        let (_directory, installed) =
            Archive::new().with("bootstrap", 0o755, b"").with_link("link", "/etc/passwd").install();
        assert!(matches!(installed, Err(RegisterError::Archive(text)) if text.contains("link")));
    }

    #[test]
    fn the_unpacked_size_is_limited() {
        let archive = Archive::new().with("zeros", 0o644, &[0; 1001]);
        archive.writer.finish().unwrap();
        let unpack_with = |largest, name: &str| {
            let file = File::open(archive.directory.path().join("code.zip")).unwrap();
            unpack(file, &archive.directory.path().join(name), largest)
        };
        assert!(unpack_with(1001, "fits").is_ok());
        assert!(matches!(unpack_with(1000, "bomb"), Err(RegisterError::Archive(text)) if text.contains("1000 bytes")));
    }

    #[test]
    fn what_is_not_an_archive_is_refused() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("code.zip");
        fs::write(&path, b"no archive").unwrap();
        assert_eq!(install(&Code::Zip(path), None).unwrap_err().code(), Some(4225));
    }

    #[test]
    fn a_missing_bootstrap_has_its_code() {
        let (_directory, installed) = Archive::new().with("other", 0o755, b"").install();
        let error = installed.unwrap_err();
        assert_eq!(error.code(), Some(4202));
        assert!(error.to_string().contains("runtime bootstrap file is not found"));
    }

    #[test]
    fn a_bootstrap_which_may_not_be_executed_has_its_code() {
        let (_directory, installed) = Archive::new().with("bootstrap", 0o644, b"").install();
        assert!(matches!(&installed, Err(RegisterError::BootstrapNotExecutable)));
        assert_eq!(installed.unwrap_err().code(), Some(4202));
    }

    #[test]
    fn a_directory_is_used_in_place() {
        let directory = TempDir::new().unwrap();
        let code = Code::Directory(directory.path().to_path_buf());
        assert!(matches!(install(&code, None), Err(RegisterError::BootstrapMissing)));
        fs::write(directory.path().join("bootstrap"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(directory.path().join("bootstrap"), fs::Permissions::from_mode(0o700)).unwrap();
        let installed = install(&code, None).unwrap();
        assert_eq!(installed.root(), fs::canonicalize(directory.path()).unwrap());
    }
}
