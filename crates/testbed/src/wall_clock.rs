//! A wall clock of their own for the programs of a test, which is set while they run.
//!
//! It is libfaketime, preloaded into programs that use the C library of the machine. Clocks that count from the start of the machine
//! go on as they are, just as when an operator or a hypervisor sets the wall clock.

use std::fs;
use std::path::{Path, PathBuf};

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::system_user::SystemUser;

/// The file with the difference from the machine's clock.
const FILE: &str = "clock";

/// A clock that programs started with [`WallClock::variables`] read.
#[derive(Debug)]
pub struct WallClock {
    library: PathBuf,
    directory: Directory,
}

impl WallClock {
    /// A clock that is right.
    ///
    /// # Errors
    /// [`Error::Missing`] where the library is not installed.
    pub fn start() -> Result<Self> {
        let library = library().ok_or_else(|| Error::Missing {
            program: "libfaketime".into(),
            hint: "run `sudo apt-get install libfaketime`".into(),
        })?;
        let clock = Self { library, directory: Directory::create(SystemUser::OURSELVES)? };
        clock.set(0)?;
        Ok(clock)
    }

    /// Sets the clock: as many seconds ahead of the machine's, or behind it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, seconds: i64) -> Result<()> {
        let (file, draft) = (self.file(), self.directory.path().join("draft"));
        fs::write(&draft, format!("{seconds:+}\n")).map_err(Error::at("write", &draft))?;
        // Whoever reads it sees the old difference or the new one.
        fs::rename(&draft, &file).map_err(Error::at("rename", &draft))
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join(FILE)
    }

    /// What a program needs in its environment to read this clock.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            // The file is looked at whenever somebody asks for the time.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            // Times of files stay those of the machine.
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }
}

impl Drop for WallClock {
    fn drop(&mut self) {
        // What programs that have ended shared with their children. The library does not remove it.
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let id = ["faketime_shm_", "sem.faketime_sem_"].iter().find_map(|prefix| name.strip_prefix(prefix));
            if id.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
                // Another user's stays.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The library of the machine's architecture, where Debian puts it.
pub(crate) fn library() -> Option<PathBuf> {
    let triples = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    triples.map(|triple| triple.join(Path::new("faketime/libfaketime.so.1"))).find(|library| library.is_file())
}
