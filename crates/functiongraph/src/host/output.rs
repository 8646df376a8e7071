//! What an instance prints: read at once, kept at its end, passed on to the log line by line.
//!
//! Standard output and standard error share one pipe, so their order is kept. Nothing here ever makes the process
//! wait: if nobody asks for the output, only its last bytes are remembered.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, PipeReader},
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::net::unix::pipe::Receiver;

use crate::protocol::MAX_LOG_TAIL_BYTES;

/// A record longer than this is passed on in parts, in bytes.
const LONGEST_LINE: usize = 16 * 1024;
/// Most bytes read in one go before other tasks get their turn.
const READ_AT_ONCE: usize = 256 * 1024;

#[derive(Default)]
struct Kept {
    tail: VecDeque<u8>,
    line: Vec<u8>,
}

/// Output of one instance.
pub(super) struct Output {
    function: String,
    pipe: Receiver,
    kept: Mutex<Kept>,
}

impl Output {
    /// Starts reading. The task ends when every process which holds the other end has ended.
    pub(super) fn start(function: String, pipe: PipeReader) -> io::Result<Arc<Self>> {
        let pipe = Receiver::from_file(File::from(OwnedFd::from(pipe)))?;
        let output = Arc::new(Self { function, pipe, kept: Mutex::default() });
        let reading = Arc::clone(&output);
        tokio::spawn(async move { reading.read_to_end().await });
        Ok(output)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_to_end(&self) {
        let mut buffer = vec![0; 16 * 1024];
        while self.pipe.readable().await.is_ok() {
            let mut kept = self.lock();
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.keep(&mut kept, buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        let mut kept = self.lock();
        let line = std::mem::take(&mut kept.line);
        self.pass_on(&line);
    }

    /// Reads what is in the pipe now. Whatever the instance printed before it reported has been written by then, but
    /// the reading task may not have woken up yet.
    fn catch_up(&self, kept: &mut Kept) {
        let mut buffer = vec![0; 16 * 1024];
        let mut total = 0;
        // The system call itself, because the asynchronous pipe does not try again before it is told to.
        while let Ok(length @ 1..) = rustix::io::read(self.pipe.as_fd(), buffer.as_mut_slice()) {
            self.keep(kept, buffer.get(..length).unwrap_or_default());
            total += length;
            if total >= READ_AT_ONCE {
                break;
            }
        }
    }

    fn keep(&self, kept: &mut Kept, bytes: &[u8]) {
        keep_tail(&mut kept.tail, bytes);
        for &byte in bytes {
            if byte == b'\n' || kept.line.len() >= LONGEST_LINE {
                let line = std::mem::take(&mut kept.line);
                self.pass_on(&line);
            }
            if byte != b'\n' {
                kept.line.push(byte);
            }
        }
    }

    fn pass_on(&self, line: &[u8]) {
        if !line.is_empty() {
            tracing::debug!(function = %self.function, output = %String::from_utf8_lossy(line), "function output");
        }
    }

    /// Adds a line of the platform's own.
    pub(super) fn add_line(&self, line: &str) {
        let mut kept = self.lock();
        self.catch_up(&mut kept);
        keep_tail(&mut kept.tail, line.as_bytes());
        keep_tail(&mut kept.tail, b"\n");
    }

    /// Forgets the tail.
    pub(super) fn clear(&self) {
        let mut kept = self.lock();
        self.catch_up(&mut kept);
        kept.tail.clear();
    }

    /// The last bytes since [`Self::clear`], at most 4 KB, as text. A character cut in two at the start is left out.
    pub(super) fn tail(&self) -> String {
        let mut kept = self.lock();
        self.catch_up(&mut kept);
        let bytes: Vec<u8> = kept.tail.iter().copied().collect();
        let full = bytes.len() >= MAX_LOG_TAIL_BYTES;
        let continues = |byte: &u8| full && byte & 0b1100_0000 == 0b1000_0000;
        let start = bytes.iter().take(3).take_while(|byte| continues(byte)).count();
        String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned()
    }
}

fn keep_tail(tail: &mut VecDeque<u8>, bytes: &[u8]) {
    let last = bytes.get(bytes.len().saturating_sub(MAX_LOG_TAIL_BYTES)..).unwrap_or_default();
    let excess = (tail.len() + last.len()).saturating_sub(MAX_LOG_TAIL_BYTES);
    tail.drain(..excess.min(tail.len()));
    tail.extend(last);
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn started() -> (io::PipeWriter, Arc<Output>) {
        let (reader, writer) = io::pipe().unwrap();
        (writer, Output::start("name".to_owned(), reader).unwrap())
    }

    #[tokio::test]
    async fn what_was_written_before_is_in_the_tail() {
        let (mut writer, output) = started();
        writer.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(output.tail(), "one\ntwo\n");
    }

    #[tokio::test]
    async fn only_the_end_of_a_long_output_is_kept() {
        let (mut writer, output) = started();
        for number in 0..2000 {
            writeln!(writer, "line {number}").unwrap();
        }
        let tail = output.tail();
        assert_eq!(tail.len(), MAX_LOG_TAIL_BYTES);
        assert!(tail.ends_with("line 1998\nline 1999\n"));
    }

    #[tokio::test]
    async fn a_character_cut_in_two_is_left_out() {
        let (mut writer, output) = started();
        writer.write_all("é".as_bytes()).unwrap();
        writer.write_all(&[b'x'; MAX_LOG_TAIL_BYTES - 1]).unwrap();
        assert_eq!(output.tail(), "x".repeat(MAX_LOG_TAIL_BYTES - 1));
    }

    #[tokio::test]
    async fn clearing_forgets_what_was_written_before() {
        let (mut writer, output) = started();
        writer.write_all(b"before\n").unwrap();
        output.clear();
        writer.write_all(b"after\n").unwrap();
        output.add_line("platform");
        assert_eq!(output.tail(), "after\nplatform\n");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_never_waits_for_a_reader() {
        let (mut writer, output) = started();
        // Far more than a pipe holds: this ends only because somebody reads.
        tokio::task::spawn_blocking(move || writer.write_all(&vec![b'x'; 4 * 1024 * 1024]).unwrap()).await.unwrap();
        assert_eq!(output.tail().len(), MAX_LOG_TAIL_BYTES);
    }
}
