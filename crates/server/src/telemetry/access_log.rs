//! Where lines of the access log go: stderr, or a file that is opened again on SIGHUP, through a queue as the log's own lines do.
//!
//! What a line says is the subject of [`crate::gate::access_log`].

use std::{
    convert::Infallible,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
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
    next: Arc<Mutex<Option<File>>>,
}

/// What writes the queue's lines. A write may take long, as one to a pipe that nobody reads, so no lock is held meanwhile.
struct Writer {
    file: File,
    next: Arc<Mutex<Option<File>>>,
}

/// A pipe that nobody reads is an error: opening it would wait for a reader. Writing waits, since the queue is there for that.
fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    rustix::fs::fcntl_setfl(&file, rustix::fs::fcntl_getfl(&file)? - flags)?;
    Ok(file)
}

impl Writer {
    fn file(&mut self) -> &mut File {
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
