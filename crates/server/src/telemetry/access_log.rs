//! Where lines of the access log go: stderr, or a file that is opened again on SIGHUP, through a queue as the log's own lines do.
//!
//! What a line says is the subject of [`crate::gate::access_log`].

use std::{
    convert::Infallible,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter as _;

use super::log::LogQueue;

/// Whether there is an access log, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLogTarget {
    /// There is none.
    #[default]
    Off,
    /// Standard error, beside the lines of the log.
    Stderr,
    /// A file of its own.
    File(PathBuf),
}

impl FromStr for AccessLogTarget {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "off" | "" => Self::Off,
            "stderr" => Self::Stderr,
            path => Self::File(path.into()),
        })
    }
}

/// A file that may be opened again under its name, as programs that rotate logs want.
#[derive(Clone)]
struct Reopened {
    path: PathBuf,
    /// What was opened since the last line.
    next: Arc<Mutex<Option<LogFile>>>,
}

/// What writes the queue's lines. A write may take long, as one to a pipe that nobody reads, so no lock is held meanwhile.
struct Writer {
    file: LogFile,
    next: Arc<Mutex<Option<LogFile>>>,
}

/// A file of lines. A full disk or a killed server may have torn the last one; then the next line begins on a line of its own.
struct LogFile<F = File> {
    file: F,
    /// Whether what was written last ends within a line.
    is_within_line: bool,
    /// Whether the rest of that line is lost.
    is_torn: bool,
}

impl<F: Write> Write for LogFile<F> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
            (self.is_torn, self.is_within_line) = (false, false);
        }
        let written = self.file.write(text);
        match &written {
            Ok(length) => {
                if let Some(last) = text.get(..*length).and_then(<[u8]>::last) {
                    self.is_within_line = *last != b'\n';
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The rest of the line is not written again.
            Err(_) => self.is_torn = self.is_within_line,
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether a file ends within a line. One that cannot be read counts as one that does not.
fn ends_within_line(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    let Some(last) = metadata.len().checked_sub(1).filter(|_| metadata.is_file()) else { return false };
    let mut byte = [b'\n'];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut byte, last));
    read.is_ok() && byte != [b'\n']
}

/// A pipe that nobody reads is an error: opening it would wait for a reader. Writing waits, since the queue is there for that.
fn open(path: &Path) -> io::Result<LogFile> {
    let flags = rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    rustix::fs::fcntl_setfl(&file, rustix::fs::fcntl_getfl(&file)? - flags)?;
    let is_torn = ends_within_line(path);
    Ok(LogFile { file, is_within_line: is_torn, is_torn })
}

impl Writer {
    fn file(&mut self) -> &mut LogFile {
        if let Some(next) = self.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.file = next;
        }
        &mut self.file
    }
}

impl Write for Writer {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.file().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// The access log. Clones share it.
#[derive(Clone, Default)]
pub struct AccessLog {
    queue: Option<LogQueue>,
    file: Option<Reopened>,
}

impl AccessLog {
    /// An access log there.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn to(target: &AccessLogTarget) -> io::Result<Self> {
        Ok(match target {
            AccessLogTarget::Off => Self::default(),
            AccessLogTarget::Stderr => Self { queue: Some(LogQueue::to(io::stderr())?), file: None },
            AccessLogTarget::File(path) => {
                let next = Arc::default();
                let writer = Writer { file: open(path)?, next: Arc::clone(&next) };
                Self { queue: Some(LogQueue::to(writer)?), file: Some(Reopened { path: path.clone(), next }) }
            }
        })
    }

    /// Whether lines are wanted.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Writes a line.
    pub fn write(&self, line: &Value) {
        if let Some(queue) = &self.queue {
            // A line is queued when it is dropped, and a full queue drops it and counts.
            let _ = writeln!(queue.make_writer(), "{line}");
        }
    }

    /// Opens the file again under its name.
    ///
    /// # Errors
    /// A file that cannot be opened; lines go to the old one then.
    pub fn reopen(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let opened = open(&file.path)?;
        *file.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        Ok(())
    }

    /// Waits until what was logged is written, a second at most.
    pub fn end(&self) {
        if let Some(queue) = &self.queue {
            queue.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for some bytes.
    struct Disk {
        text: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let length = text.len().min(self.room);
            if length == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.text.extend_from_slice(&text[..length]);
            self.room -= length;
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_line_after_a_full_disk_begins_on_a_line_of_its_own() {
        let disk = Disk { text: Vec::new(), room: 8 };
        let mut file = LogFile { file: disk, is_within_line: false, is_torn: false };
        file.write_all(b"{\"a\"}\n").unwrap();
        file.write_all(b"{\"lost\"}\n").unwrap_err();
        file.write_all(b"{\"lost, too\"}\n").unwrap_err();
        file.file.room = 100;
        file.write_all(b"{\"b\"}\n").unwrap();
        file.write_all(b"{\"c\"}\n").unwrap();
        assert_eq!(String::from_utf8(file.file.text).unwrap(), "{\"a\"}\n{\"\n{\"b\"}\n{\"c\"}\n");
    }

    #[test]
    fn the_first_line_after_a_killed_server_begins_on_a_line_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        for (before, after) in [("", "new\n"), ("old\n", "old\nnew\n"), ("to", "to\nnew\n")] {
            let path = directory.path().join("access.log");
            std::fs::write(&path, before).unwrap();
            open(&path).unwrap().write_all(b"new\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }
}
