//! The root key's file: mode 0600, 64 hexadecimal digits and a line end, created on the first start.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{
    error::{RootKeyError, SealError},
    root::RootKey,
};

/// More than a key's line, so that a longer file is seen to be longer.
const READ_LIMIT: u64 = 128;

impl RootKey {
    /// Reads the key from its file.
    ///
    /// # Errors
    /// [`RootKeyError`], naming the path: no such file, readable by others, or no key in it.
    pub fn load(path: &Path) -> Result<Self, RootKeyError> {
        let file = File::open(path).map_err(io_error(path, "open it"))?;
        read(path, file)
    }

    /// Reads the key from its file or, if there is no file, makes a key and writes the file. The file appears at once
    /// and whole, and is on disk when this returns; of several processes that start together one makes the key and all
    /// use it.
    ///
    /// # Errors
    /// [`RootKeyError`], naming the path.
    pub fn load_or_make<R: TryCryptoRng + ?Sized>(path: &Path, rng: &mut R) -> Result<Self, RootKeyError> {
        match File::open(path) {
            Ok(file) => read(path, file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = Self::make(rng).map_err(|error| match error {
                    SealError::Randomness(text) => RootKeyError::Randomness(text),
                    SealError::TooLong => RootKeyError::Randomness(String::new()),
                })?;
                write(path, &key)?;
                // What is in the file counts, also when another process was quicker.
                Self::load(path)
            }
            Err(source) => Err(io_error(path, "open it")(source)),
        }
    }
}

fn read(path: &Path, file: File) -> Result<RootKey, RootKeyError> {
    let metadata = file.metadata().map_err(io_error(path, "read it"))?;
    if !metadata.is_file() {
        return Err(RootKeyError::NotAFile { path: path.to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    let forbidden = if is_credential(path) { 0o007 } else { 0o077 };
    if mode & forbidden != 0 {
        return Err(RootKeyError::TooOpen { path: path.to_owned(), mode });
    }
    // The buffer is large enough from the start: growing would leave a copy of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * READ_LIMIT as usize));
    match file.take(READ_LIMIT).read_to_string(&mut text) {
        Ok(_) => RootKey::from_hex(&text).map_err(|_| RootKeyError::MalformedFile { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(RootKeyError::MalformedFile { path: path.to_owned() })
        }
        Err(source) => Err(io_error(path, "read it")(source)),
    }
}

/// Whether the service manager handed the file to this service alone. Where it does so by an access control list, the group's
/// bits are the list's mask and let no group in.
fn is_credential(path: &Path) -> bool {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|directory| !directory.is_empty());
    directory.is_some_and(|directory| path.parent() == Some(Path::new(&directory)))
}

fn write(path: &Path, key: &RootKey) -> Result<(), RootKeyError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".root-key-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(directory)
        .map_err(io_error(path, "make it"))?;
    file.write_all(key.to_hex_line().as_bytes()).map_err(io_error(path, "write it"))?;
    file.as_file().sync_all().map_err(io_error(path, "write it"))?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(io_error(path, "put it in place")(error.error)),
    }
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io_error(path, "write its directory to disk"))
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> RootKeyError {
    let path = path.to_owned();
    move |source| RootKeyError::Io { path, action, source }
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;

    use super::*;

    fn write_file(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_start_makes_a_private_file_and_the_second_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.key");
        let made = RootKey::load_or_make(&path, &mut SysRng).unwrap();
        let again = RootKey::load_or_make(&path, &mut SysRng).unwrap();
        assert_eq!(made.derive("x"), again.derive("x"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().len(), 65);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn starts_at_the_same_time_agree_on_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| RootKey::load_or_make(&path, &mut SysRng).unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap().derive("x")).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.key");
        for mode in [0o644, 0o640, 0o604, 0o620] {
            write_file(&path, &"0".repeat(64), mode);
            let message = RootKey::load(&path).unwrap_err().to_string();
            assert!(message.contains("root.key") && message.contains(&format!("{mode:04o}")), "{message}");
        }
    }

    #[test]
    fn a_file_without_a_key_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.key");
        for text in ["", "secret", &"0".repeat(63), &"0".repeat(66), &"0".repeat(500), &"g".repeat(64)] {
            write_file(&path, text, 0o600);
            let message = RootKey::load(&path).unwrap_err().to_string();
            assert!(message.contains("root.key") && message.contains("64 hexadecimal"), "{message}");
        }
        fs::write(&path, [0xff; 64]).unwrap();
        assert!(matches!(RootKey::load(&path), Err(RootKeyError::MalformedFile { .. })));
    }

    #[test]
    fn a_directory_in_its_place_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(
            RootKey::load_or_make(directory.path(), &mut SysRng),
            Err(RootKeyError::NotAFile { .. } | RootKeyError::Io { .. })
        ));
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("absent").join("root.key");
        let message = RootKey::load_or_make(&path, &mut SysRng).unwrap_err().to_string();
        assert!(message.contains("absent/root.key"), "{message}");
    }
}
