//! The minimum pace of a transfer that waits for the other side.
//!
//! It limits neither length nor total time: a transfer at this pace may take as long as it needs.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

/// The slowest transfer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes that have to move within each window.
    pub bytes: usize,
    /// Length of a window.
    pub window: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: 4096, window: Duration::from_secs(20) }
    }
}

/// Judges whether a transfer keeps the pace while it waits for the other side.
#[derive(Debug)]
pub struct PaceTimer {
    pace: Pace,
    moved: usize,
    window: Option<Pin<Box<Sleep>>>,
}

impl PaceTimer {
    /// A timer of a transfer that does not wait.
    #[must_use]
    pub const fn new(pace: Pace) -> Self {
        Self { pace, moved: 0, window: None }
    }

    /// Counts bytes that moved.
    pub const fn moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes);
    }

    /// Is ready when a window has ended in which too little moved. Call it whenever the transfer has to wait.
    pub fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let window = match &mut self.window {
                Some(window) => window,
                none => {
                    self.moved = 0;
                    none.insert(Box::pin(sleep(self.pace.window)))
                }
            };
            ready!(window.as_mut().poll(context));
            self.window = None;
            if self.moved < self.pace.bytes {
                return Poll::Ready(());
            }
        }
    }

    /// Stops the timer, since there is nothing to wait for.
    pub fn stop(&mut self) {
        self.window = None;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{Instant, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_transfer_is_too_slow_when_a_window_moves_less_than_the_pace() {
        let pace = Pace { bytes: 10, window: Duration::from_secs(20) };
        let mut timer = PaceTimer::new(pace);
        let begun = Instant::now();
        for _ in 0..3 {
            assert!(poll_fn(|context| Poll::Ready(timer.poll_too_slow(context))).await.is_pending());
            timer.moved(10);
            advance(pace.window).await;
        }
        poll_fn(|context| timer.poll_too_slow(context)).await;
        assert_eq!(begun.elapsed(), pace.window * 4);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nothing_is_waited_for_does_not_count() {
        let pace = Pace { bytes: 10, window: Duration::from_secs(20) };
        let mut timer = PaceTimer::new(pace);
        assert!(poll_fn(|context| Poll::Ready(timer.poll_too_slow(context))).await.is_pending());
        timer.stop();
        advance(pace.window * 10).await;
        assert!(poll_fn(|context| Poll::Ready(timer.poll_too_slow(context))).await.is_pending());
    }
}
