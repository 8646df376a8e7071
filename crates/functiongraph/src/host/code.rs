//! Brings the code of a function into a directory: checks one that exists, or unpacks an archive.
//!
//! An archive is treated as hostile: no entry leaves the directory, links and special files are refused, and the
//! unpacked size is counted while writing, whatever the archive declares. Entries, the directories they imply and the
//! length of their names are limited too.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zip::{
    ZipArchive,
    read::Config,
    result::{ZipError, ZipResult},
    unstable::read::ZipIterable,
};

use super::{error::RegisterError, scratch::Scratch};
use crate::protocol::BOOTSTRAP;

/// How much an archive may unpack to.
#[derive(Clone, Copy)]
struct Limits {
    /// All files together, in bytes.
    bytes: u64,
    /// Entries of the archive, and files and directories.
    entries: usize,
}

/// 1,500 MB, as on the platform. It states 30,000 files for dependency packages and nothing for code.
const LIMITS: Limits = Limits { bytes: 1_500 * 1024 * 1024, entries: 100_000 };
/// Longest name of an entry, in bytes.
const LONGEST_NAME: usize = 1024;

/// Where the code of a function comes from.
#[derive(Clone, Debug)]
pub enum Code {
    /// A directory with `bootstrap` in it, used in place: later changes count from the next instance on.
    Directory(PathBuf),
    /// A deployment archive with `bootstrap` in its root, unpacked once, when the function is registered.
    Zip(PathBuf),
}

impl Code {
    /// Checks the code without unpacking it: that the archive can be read to its end, and that there is a `bootstrap` which may
    /// be executed. Blocks on the file system.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub fn check(&self) -> Result<(), RegisterError> {
        match self {
            Self::Directory(path) => {
                let root = fs::canonicalize(path).map_err(|source| io_error("open", path, source))?;
                InstalledCode { root, _unpacked: None }.check_bootstrap()
            }
            Self::Zip(path) => {
                let mut archive = File::open(path).map_err(|source| io_error("open", path, source))?;
                check_entries(&mut archive, LIMITS.entries).map_err(|error| archive_error(&error))??;
                check_contents(archive)
            }
        }
    }
}

/// Reads every entry of an archive, which compares its checksum, and looks for the start file.
fn check_contents(archive: File) -> Result<(), RegisterError> {
    let mut archive = ZipArchive::new(archive).map_err(|error| archive_error(&error))?;
    let (mut left, mut bootstrap) = (LIMITS.bytes, None);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| archive_error(&error))?;
        if entry.enclosed_name().is_some_and(|name| name == Path::new(BOOTSTRAP)) {
            bootstrap = Some(entry.unix_mode().unwrap_or(0o644));
        }
        let read = io::copy(&mut (&mut entry).take(left.saturating_add(1)), &mut io::sink());
        let read = read.map_err(|error| RegisterError::Archive(format!("cannot be read: {error}")))?;
        left = left
            .checked_sub(read)
            .ok_or_else(|| RegisterError::Archive(format!("unpacks to more than {} bytes", LIMITS.bytes)))?;
    }
    match bootstrap {
        None => Err(RegisterError::BootstrapMissing),
        Some(mode) if mode & 0o111 == 0 => Err(RegisterError::BootstrapNotExecutable),
        Some(_) => Ok(()),
    }
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
pub(super) fn install(code: &Code, scratch: &Scratch) -> Result<InstalledCode, RegisterError> {
    let installed = match code {
        Code::Directory(path) => {
            let root = fs::canonicalize(path).map_err(|source| io_error("open", path, source))?;
            InstalledCode { root, _unpacked: None }
        }
        Code::Zip(path) => {
            let archive = File::open(path).map_err(|source| io_error("open", path, source))?;
            let home = scratch.private_directory("function-")?;
            let root = home.path().join("code");
            unpack(archive, &root, LIMITS)?;
            InstalledCode { root, _unpacked: Some(home) }
        }
    };
    installed.check_bootstrap()?;
    Ok(installed)
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> RegisterError {
    RegisterError::Io { action, path: path.to_path_buf(), source }
}

fn archive_error(error: &ZipError) -> RegisterError {
    RegisterError::Archive(format!("cannot be read: {error}"))
}

/// Refuses archives with too many entries, and those with two entries of one name. Reads the entries one by one: an index
/// by name would hold all of them in memory, and only the last of each name.
fn check_entries(archive: &mut (impl Read + Seek), most: usize) -> ZipResult<Result<(), RegisterError>> {
    let refused = |reason: String| Ok(Err(RegisterError::Archive(reason)));
    let mut entries = ZipIterable::try_new(archive, Config::default())?;
    if entries.len() > most {
        return refused(format!("has more than {most} entries"));
    }
    let mut names = HashSet::new();
    for entry in entries.files()? {
        let name = entry?.name_raw().to_owned();
        if name.len() > LONGEST_NAME {
            return refused(format!("has a name of more than {LONGEST_NAME} bytes"));
        }
        if names.contains(&name) {
            return refused(format!("has two entries of the name {}", shown(&name)));
        }
        names.insert(name);
    }
    Ok(Ok(()))
}

/// A name from an archive, so that it cannot control a terminal.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().to_string()
}

fn unpack(mut archive: File, root: &Path, limits: Limits) -> Result<(), RegisterError> {
    check_entries(&mut archive, limits.entries).map_err(|error| archive_error(&error))??;
    let mut archive = ZipArchive::new(archive).map_err(|error| archive_error(&error))?;
    make_directory(root)?;
    let mut left = limits.bytes;
    // Relative paths of the files and directories, those between the root and an entry included.
    let mut made = HashSet::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| archive_error(&error))?;
        let shown = shown(entry.name_raw());
        // Stricter than `enclosed_name`, which turns an absolute path into a relative one and resolves inner `..`.
        let plain = !entry.name_raw().starts_with(b"/")
            && !entry.name_raw().split(|&byte| byte == b'/').any(|part| part == b"..");
        let Some(relative) = entry.enclosed_name().filter(|_| plain) else {
            return Err(RegisterError::Archive(format!("has an entry outside the code directory: {shown}")));
        };
        let target = root.join(&relative);
        // `bootstrap` and `./bootstrap` are two names of one file.
        if !entry.is_dir() && made.contains(&relative) {
            return Err(RegisterError::Archive(format!("has two entries of the name {shown}")));
        }
        made.extend(relative.ancestors().filter(|path| !path.as_os_str().is_empty()).map(Path::to_path_buf));
        if made.len() > limits.entries {
            return Err(RegisterError::Archive(format!(
                "unpacks to more than {} files and directories",
                limits.entries
            )));
        }
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
        // `create_new`: nothing that exists is written to.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&target)
            .map_err(|source| io_error("write", &target, source))?;
        let written = io::copy(&mut (&mut entry).take(left.saturating_add(1)), &mut file).map_err(|error| {
            // The system's own errors are of the disk; what is wrong with the archive has no number.
            if error.raw_os_error().is_some() {
                io_error("write", &target, error)
            } else {
                RegisterError::Archive(format!("cannot be unpacked at {shown}: {error}"))
            }
        })?;
        left = left
            .checked_sub(written)
            .ok_or_else(|| RegisterError::Archive(format!("unpacks to more than {} bytes", limits.bytes)))?;
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

    /// Where an archive and its unpacked code are, for as long as the code is looked at.
    struct Places {
        directory: TempDir,
        _scratch: Scratch,
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

        fn install(self) -> (Places, Result<InstalledCode, RegisterError>) {
            self.install_edited(|_| ())
        }

        /// Installs the archive after its bytes have been changed.
        fn install_edited(self, edit: impl FnOnce(&mut Vec<u8>)) -> (Places, Result<InstalledCode, RegisterError>) {
            self.writer.finish().unwrap();
            let mut bytes = fs::read(self.directory.path().join("code.zip")).unwrap();
            edit(&mut bytes);
            fs::write(self.directory.path().join("code.zip"), bytes).unwrap();
            let code = Code::Zip(self.directory.path().join("code.zip"));
            let scratch = Scratch::open(Some(&self.directory.path().join("scratch"))).unwrap();
            let installed = install(&code, &scratch);
            (Places { directory: self.directory, _scratch: scratch }, installed)
        }
    }

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn code_is_checked_without_unpacking_it() {
        let checked = |archive: Archive, cut: u64| {
            archive.writer.finish().unwrap();
            let path = archive.directory.path().join("code.zip");
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(file.metadata().unwrap().len() - cut).unwrap();
            Code::Zip(path).check()
        };
        let with = |name, mode| Archive::new().with(name, mode, b"#!/bin/sh\n");
        assert!(checked(with("bootstrap", 0o755), 0).is_ok());
        assert!(matches!(checked(with("bootstrap", 0o755), 30), Err(RegisterError::Archive(_))));
        assert!(matches!(checked(with("other", 0o755), 0), Err(RegisterError::BootstrapMissing)));
        assert!(matches!(checked(with("bootstrap", 0o644), 0), Err(RegisterError::BootstrapNotExecutable)));
        let missing = Code::Zip(PathBuf::from("/nonexistent/code.zip")).check().unwrap_err();
        assert!(!missing.may_pass());
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
            let (places, installed) =
                Archive::new().with("bootstrap", 0o755, b"").with(name, 0o644, b"escaped").install();
            let error = installed.unwrap_err();
            assert!(matches!(&error, RegisterError::Archive(text) if text.contains("outside")), "{name}: {error}");
            assert_eq!(error.code(), Some(4225));
            assert!(!places.directory.path().join("escaped").exists());
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
    fn a_repeated_name_is_refused_by_that_name() {
        let archive = Archive::new().with("bootstrap", 0o755, b"first").with("bootstraq", 0o755, b"second");
        // The writer refuses repeated names, so the second one is made equal afterwards, in both of its headers.
        let (_directory, installed) = archive.install_edited(|bytes| {
            let places: Vec<_> =
                (0..bytes.len() - 9).filter(|&place| &bytes[place..place + 9] == b"bootstraq").collect();
            assert_eq!(places.len(), 2);
            places.into_iter().for_each(|place| bytes[place + 8] = b'p');
        });
        let error = installed.unwrap_err();
        assert!(matches!(&error, RegisterError::Archive(text) if text.contains("of the name bootstrap")), "{error}");
        assert_eq!(error.code(), Some(4225));
    }

    #[test]
    fn two_names_of_one_file_are_refused() {
        for name in ["./bootstrap", ".//bootstrap"] {
            let (_directory, installed) =
                Archive::new().with("bootstrap", 0o755, b"first").with(name, 0o755, b"second").install();
            let error = installed.unwrap_err();
            assert!(matches!(&error, RegisterError::Archive(text) if text.contains("two entries")), "{name}: {error}");
        }
    }

    #[test]
    fn the_number_of_entries_and_directories_is_limited() {
        let unpack_with = |archive: Archive, entries| {
            let directory = archive.directory;
            archive.writer.finish().unwrap();
            let file = File::open(directory.path().join("code.zip")).unwrap();
            unpack(file, &directory.path().join("code"), Limits { entries, ..LIMITS })
        };
        let many = || Archive::new().with("a", 0o644, b"").with("b", 0o644, b"").with("c", 0o644, b"");
        assert!(unpack_with(many(), 3).is_ok());
        let refused = unpack_with(many(), 2);
        assert!(matches!(refused, Err(RegisterError::Archive(text)) if text.contains("2 entries")));
        let deep = || Archive::new().with("a/b/c/d", 0o644, b"");
        assert!(unpack_with(deep(), 4).is_ok());
        let refused = unpack_with(deep(), 3);
        assert!(matches!(refused, Err(RegisterError::Archive(text)) if text.contains("3 files and directories")));
    }

    #[test]
    fn a_very_long_name_is_refused() {
        let name = "a/".repeat(LONGEST_NAME);
        let (_directory, installed) = Archive::new().with(&format!("{name}b"), 0o644, b"").install();
        assert!(matches!(installed, Err(RegisterError::Archive(text)) if text.contains("1024 bytes")));
    }

    #[test]
    fn the_unpacked_size_is_limited() {
        let archive = Archive::new().with("zeros", 0o644, &[0; 1001]);
        archive.writer.finish().unwrap();
        let unpack_with = |largest, name: &str| {
            let file = File::open(archive.directory.path().join("code.zip")).unwrap();
            unpack(file, &archive.directory.path().join(name), Limits { bytes: largest, ..LIMITS })
        };
        assert!(unpack_with(1001, "fits").is_ok());
        assert!(matches!(unpack_with(1000, "bomb"), Err(RegisterError::Archive(text)) if text.contains("1000 bytes")));
    }

    #[test]
    fn what_is_not_an_archive_is_refused() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("code.zip");
        fs::write(&path, b"no archive").unwrap();
        assert_eq!(install(&Code::Zip(path), &Scratch::default()).unwrap_err().code(), Some(4225));
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
        assert!(matches!(install(&code, &Scratch::default()), Err(RegisterError::BootstrapMissing)));
        fs::write(directory.path().join("bootstrap"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(directory.path().join("bootstrap"), fs::Permissions::from_mode(0o700)).unwrap();
        let installed = install(&code, &Scratch::default()).unwrap();
        assert_eq!(installed.root(), fs::canonicalize(directory.path()).unwrap());
    }
}
