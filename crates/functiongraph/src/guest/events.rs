//! Waits for whatever comes first: the next poll's outcome, a pause's end, or the wish to stop.
//!
//! The long poll blocks in a thread of its own, because nothing interrupts a blocking read; the loop waits on a
//! channel, which a signal or a [`StopHandle`] reaches at any time. A poll starts only when the loop asks for it, so
//! it never takes an event without a handler.

use std::{
    io,
    panic::catch_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::{Handle, Signals},
};

use super::api::{Poll, RuntimeApi};

enum Message {
    Polled(Poll),
    Stop,
}

/// Ends a running guest from another thread: the current event is finished, no further one is taken.
#[derive(Clone, Debug)]
pub struct StopHandle {
    stopped: Arc<AtomicBool>,
    wake: Sender<Message>,
}

impl StopHandle {
    /// Asks the guest to end. May be called at any time and more than once.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // A guest which has already ended needs no waking.
        let _ = self.wake.send(Message::Stop);
    }
}

/// The loop's side of the channel.
pub(super) struct Events {
    stop: StopHandle,
    messages: Receiver<Message>,
}

impl Events {
    pub(super) fn new() -> Self {
        let (wake, messages) = channel();
        Self { stop: StopHandle { stopped: Arc::default(), wake }, messages }
    }

    pub(super) fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.stopped.load(Ordering::SeqCst)
    }

    /// Starts the thread which polls. Each `send` on the returned channel starts one poll. The thread ends with the
    /// channel, or with the process if it is still parked in a long poll then.
    pub(super) fn start_polling(&self, api: RuntimeApi) -> io::Result<Sender<()>> {
        let (demand, demands) = channel::<()>();
        let wake = self.stop.wake.clone();
        thread::Builder::new().name("runtime-api-poll".to_owned()).spawn(move || {
            for () in demands {
                // The loop waits for an answer to each demand; a panic must not leave it waiting.
                let poll = catch_unwind(std::panic::AssertUnwindSafe(|| api.poll()))
                    .unwrap_or_else(|_| Poll::NoEvent("the poll failed unexpectedly".to_owned()));
                if wake.send(Message::Polled(poll)).is_err() {
                    break;
                }
            }
        })?;
        Ok(demand)
    }

    /// The outcome of the poll which was asked for; `None` to stop. An event which arrives together with the wish to
    /// stop is handed out: the platform believes it delivered.
    pub(super) fn next(&self) -> Option<Poll> {
        match self.messages.recv() {
            Ok(Message::Polled(poll)) => Some(poll),
            Ok(Message::Stop) => match self.messages.try_recv() {
                Ok(Message::Polled(poll @ (Poll::Event(_) | Poll::Unreadable { .. }))) => Some(poll),
                _ => None,
            },
            Err(_) => None,
        }
    }

    /// Waits; ends early, with `false`, when the guest should stop.
    pub(super) fn pause(&self, length: Duration) -> bool {
        let end = Instant::now() + length;
        while !self.is_stopped() {
            match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
                // No poll is under way during a pause.
                Ok(Message::Polled(_)) => {}
                Ok(Message::Stop) => return false,
                Err(_) => return true,
            }
        }
        false
    }
}

/// SIGTERM and SIGINT call a [`StopHandle`] while this lives.
pub(super) struct SignalWatch {
    handle: Handle,
    thread: Option<thread::JoinHandle<()>>,
}

impl SignalWatch {
    pub(super) fn start(stop: StopHandle) -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let handle = signals.handle();
        let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                stop.stop();
            }
        })?;
        Ok(Self { handle, thread: Some(thread) })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
