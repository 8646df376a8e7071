//! Where log lines go: through a queue to a thread that writes them to stderr, so that a pipe that nobody reads stops nothing.
//!
//! Lines that find the queue full are dropped and counted; the count is the first line when there is room again. The order of
//! lines stays.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel},
    },
    time::Duration,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter, reload};

/// Most lines that wait.
const LINES: usize = 8_192;

/// How long the end waits for lines that are not written yet.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The queue of log lines. Clones share it.
#[derive(Clone)]
pub struct LogQueue {
    lines: Arc<Mutex<Option<SyncSender<Vec<u8>>>>>,
    dropped: Arc<AtomicU64>,
    written: Arc<Mutex<Receiver<()>>>,
}

impl LogQueue {
    /// A queue whose lines go to `out`.
    ///
    /// # Errors
    /// A system without room for another thread.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(LINES);
        let (done, written) = channel();
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        std::thread::Builder::new().name("csms-log".to_owned()).spawn(move || {
            write_all(out, &waiting, &counted);
            // The end may not wait any more.
            let _ = done.send(());
        })?;
        let lines = Arc::new(Mutex::new(Some(lines)));
        Ok(Self { lines, dropped, written: Arc::new(Mutex::new(written)) })
    }

    /// Waits until what was logged is written, a second at most. What is logged afterwards is lost.
    pub fn end(&self) {
        drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody reads what is left.
        let _ = written.recv_timeout(LAST_WAIT);
    }
}

fn write_all(mut out: impl Write, lines: &Receiver<Vec<u8>>, dropped: &AtomicU64) {
    while let Ok(line) = lines.recv() {
        // A closed stderr does no harm.
        let _ = out.write_all(&line);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(out, "{lost} lines of the log were dropped because nobody read them");
        }
    }
}

/// What is logged, which may be changed while the server runs.
pub struct LogFilter(Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>);

impl LogFilter {
    /// A filter that `set` changes.
    pub fn new(set: impl Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync + 'static) -> Self {
        Self(Box::new(set))
    }

    /// Logs what `filter` says from now on. A filter that is not valid changes nothing.
    pub fn set(&self, filter: &str) {
        let set = EnvFilter::try_new(filter).map_err(|error| error.to_string());
        if let Err(error) = set.and_then(|filter| (self.0)(filter).map_err(|error| error.to_string())) {
            tracing::error!(%error, "what is logged stays as it is");
        }
    }
}

/// One line in the making; it is queued when it is dropped.
pub struct Line {
    queue: LogQueue,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let lines = self.queue.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lines) = lines.as_ref() else { return };
        if let Err(TrySendError::Full(_)) = lines.try_send(std::mem::take(&mut self.text)) {
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<'w> MakeWriter<'w> for LogQueue {
    type Writer = Line;

    fn make_writer(&'w self) -> Line {
        Line { queue: self.clone(), text: Vec::with_capacity(256) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;

    use super::*;

    /// Takes a line only when it is told to.
    struct Gate {
        open: Receiver<()>,
        seen: Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.open.recv().map_err(io::Error::other)?;
            self.seen.send(text.to_vec()).map_err(io::Error::other)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_stands_still_costs_lines_and_stops_nothing() {
        let (open, gate) = channel();
        let (sender, seen) = channel();
        let queue = LogQueue::to(Gate { open: gate, seen: sender }).unwrap();
        for number in 0..LINES + 10 {
            writeln!(queue.make_writer(), "{number}").unwrap();
        }
        let mut text = String::new();
        while !text.contains("dropped") {
            open.send(()).unwrap();
            text.push_str(&String::from_utf8(seen.recv().unwrap()).unwrap());
        }
        assert!(text.starts_with("0\n"), "{text}");
        drop(open);
        queue.end();
    }
}
