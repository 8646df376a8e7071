//! The rotations of this process: which tasks it runs, and the waits of their attempts for a permit.
//!
//! [`crate::rotation::permits`] decides which attempt is next; [`crate::rotation::worker`] makes the attempts.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use csms_core::TaskId;
use tokio::sync::{Notify, oneshot, watch};

use super::permits::{Contact, Permits, Request, SILENCE_MILLIS, Ticket};
use crate::clock::Clock;

/// Most tasks at which this process waits for silent databases, besides those that it has room for.
const MOST_SET_ASIDE: usize = 1000;

/// The queue for permits, and how to wake the attempt that is next.
struct Queue {
    permits: Permits,
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

/// The rotations that this process runs.
pub struct Rotations {
    /// The tasks, each with whether its database was silent at the last attempt. Such a task takes no room.
    active: Mutex<HashMap<TaskId, bool>>,
    concurrent: usize,
    queue: Mutex<Queue>,
    stopping: AtomicBool,
    idle: Notify,
    freed: Notify,
    /// Whether the index of database accounts is being made.
    indexing: watch::Sender<bool>,
}

/// The index of database accounts is being made until this is dropped.
pub struct Indexing(watch::Sender<bool>);

impl Drop for Indexing {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

impl Rotations {
    /// No rotations yet, and at most `concurrent` attempts that wait for an answer at the same time, so that a server that
    /// comes back after a pause does not overwhelm the databases.
    #[must_use]
    pub fn new(concurrent: usize) -> Self {
        Self {
            active: Mutex::default(),
            concurrent,
            queue: Mutex::new(Queue { permits: Permits::new(concurrent), waiting: HashMap::new() }),
            stopping: AtomicBool::new(false),
            idle: Notify::new(),
            freed: Notify::new(),
            indexing: watch::Sender::new(false),
        }
    }

    /// Waits until a rotation has ended, or its database has been found silent, since the last call.
    pub async fn wait_for_room(&self) {
        self.freed.notified().await;
    }

    fn active(&self) -> MutexGuard<'_, HashMap<TaskId, bool>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has rotations wait until the index of database accounts, which is being made, is dropped here.
    #[must_use]
    pub fn begin_index(&self) -> Indexing {
        self.indexing.send_replace(true);
        Indexing(self.indexing.clone())
    }

    /// Waits while the index of database accounts is being made.
    pub(super) async fn indexed(&self) {
        // The sender is here, so that the channel cannot close.
        let _ = self.indexing.subscribe().wait_for(|is_indexing| !is_indexing).await;
    }

    /// Begins a task, unless this process is running it already.
    pub(super) fn begin(&self, id: &TaskId) -> bool {
        self.active().insert(id.clone(), false).is_none()
    }

    /// Ends a task.
    pub(super) fn end(&self, id: &TaskId) {
        self.active().remove(id);
        self.idle.notify_waiters();
        self.freed.notify_one();
    }

    fn set_aside(&self, id: &TaskId, silent: bool) {
        if let Some(is_silent) = self.active().get_mut(id) {
            *is_silent = silent;
        }
        if silent {
            self.freed.notify_one();
        }
    }

    /// Whether this process has room for a further rotation.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// For how many further rotations this process has room. Those that wait for a silent database do not count.
    pub(super) fn room(&self) -> usize {
        if self.is_stopping() {
            return 0;
        }
        let active = self.active();
        let aside = active.values().filter(|silent| **silent).count();
        self.concurrent.saturating_sub(active.len() - aside).min(MOST_SET_ASIDE.saturating_sub(aside))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Begins no further attempt, and waits until the running ones have ended, at most `limit`. What is not finished goes on
    /// at the next start.
    pub async fn stop(&self, limit: Duration) {
        self.stopping.store(true, Ordering::Relaxed);
        // Attempts that wait for a permit see at once that there is none.
        self.queue().waiting.clear();
        let ended = async {
            loop {
                let idle = self.idle.notified();
                if self.active().is_empty() {
                    return;
                }
                idle.await;
            }
        };
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!("some rotations did not end in time; they go on at the next start");
        }
    }

    /// Waits for a permit for an attempt of `task`; `None` when the server stops.
    pub(super) async fn permit<'r>(&'r self, clock: &'r Clock, task: &TaskId, request: Request) -> Option<Permit<'r>> {
        let (wake, woken) = oneshot::channel();
        let ticket = {
            let mut queue = self.queue();
            let ticket = queue.permits.enqueue(request);
            if self.is_stopping() {
                drop(wake);
            } else {
                queue.waiting.insert(ticket, wake);
            }
            ticket
        };
        // Takes the request back if this future is dropped.
        let permit = Permit { rotations: self, clock, task: task.clone(), ticket, contact: Contact::None };
        self.grant(clock);
        woken.await.is_ok().then_some(permit)
    }

    /// Wakes every attempt that may begin.
    fn grant(&self, clock: &Clock) {
        let mut queue = self.queue();
        while let Some(ticket) = queue.permits.grant(clock.steady()) {
            let is_taken = queue.waiting.remove(&ticket).is_some_and(|wake| wake.send(()).is_ok());
            if !is_taken {
                queue.permits.cancel(ticket);
            }
        }
    }
}

/// The right to make one attempt now. Returned when it is dropped, or while the attempt goes on when there is no answer.
pub(super) struct Permit<'r> {
    rotations: &'r Rotations,
    clock: &'r Clock,
    task: TaskId,
    ticket: Ticket,
    contact: Contact,
}

impl Permit<'_> {
    /// Makes the attempt. If it has not ended after [`SILENCE_MILLIS`], it goes on without a permit.
    pub(super) async fn during<T>(mut self, attempt: impl Future<Output = (T, Contact)>) -> T {
        let mut attempt = std::pin::pin!(attempt);
        let (value, contact) = tokio::select! {
            biased;
            ended = &mut attempt => ended,
            () = tokio::time::sleep(Duration::from_millis(SILENCE_MILLIS)) => {
                self.rotations.queue().permits.report_silent(self.ticket, self.clock.steady());
                self.rotations.set_aside(&self.task, true);
                self.rotations.grant(self.clock);
                attempt.await
            }
        };
        self.contact = contact;
        self.rotations.set_aside(&self.task, contact == Contact::Silent);
        value
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        {
            let mut queue = self.rotations.queue();
            queue.waiting.remove(&self.ticket);
            queue.permits.finish(self.ticket, self.contact, self.clock.steady());
            queue.permits.cancel(self.ticket);
        }
        self.rotations.grant(self.clock);
    }
}

#[cfg(test)]
mod tests {
    use csms_core::{ProjectId, SecretId};
    use getrandom::SysRng;

    use super::*;
    use crate::rotation::permits::Target;

    fn request(port: u16) -> Request {
        let project = ProjectId::parse("a".repeat(32)).unwrap();
        Request { project, starter: "x".to_owned(), target: Target::Host("db".to_owned(), port) }
    }

    fn task() -> TaskId {
        TaskId::make(&mut SysRng).unwrap()
    }

    #[tokio::test]
    async fn a_permit_that_ends_wakes_the_next_attempt() {
        let (rotations, clock) = (Rotations::new(1), Clock::default());
        let first = rotations.permit(&clock, &task(), request(1)).await.unwrap();
        let id = task();
        let mut second = std::pin::pin!(rotations.permit(&clock, &id, request(2)));
        tokio::select! {
            biased;
            _ = &mut second => panic!("there is one permit"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(first.during(async { (1, Contact::Answered) }).await, 1);
        assert!(second.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_gives_its_permit_back_and_goes_on() {
        let (rotations, clock) = (Rotations::new(1), Clock::default());
        let silent = task();
        assert!(rotations.begin(&silent));
        assert!(!rotations.has_room());
        let (answer, never) = oneshot::channel::<()>();
        let first = rotations.permit(&clock, &silent, request(1)).await.unwrap();
        let attempt = first.during(async {
            let ended = never.await.is_ok();
            (ended, Contact::Answered)
        });
        let second = async {
            let second = rotations.permit(&clock, &task(), request(2)).await;
            assert!(second.is_some() && rotations.has_room());
            answer.send(()).unwrap();
        };
        let (ended, ()) = tokio::join!(attempt, second);
        assert!(ended);
        // It was answered in the end, so it takes room again until it ends.
        assert!(!rotations.has_room());
        rotations.end(&silent);
        assert!(rotations.has_room());
    }

    #[tokio::test]
    async fn what_waits_for_the_index_goes_on_when_it_is_made_or_given_up() {
        let rotations = Rotations::new(1);
        rotations.indexed().await;
        let indexing = rotations.begin_index();
        let waiting = rotations.indexed();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(indexing);
        waiting.await;
    }

    #[tokio::test]
    async fn a_server_that_stops_gives_no_permit() {
        let (rotations, clock) = (Rotations::new(1), Clock::default());
        let first = rotations.permit(&clock, &task(), request(1)).await;
        let id = task();
        let waiting = rotations.permit(&clock, &id, request(2));
        let (second, ()) = tokio::join!(waiting, rotations.stop(Duration::ZERO));
        assert!(first.is_some() && second.is_none());
        assert!(rotations.permit(&clock, &id, request(3)).await.is_none());
    }

    #[tokio::test]
    async fn an_attempt_that_is_dropped_while_it_waits_leaves_the_permit_to_others() {
        let (rotations, clock) = (Rotations::new(1), Clock::default());
        let first = rotations.permit(&clock, &task(), request(1)).await.unwrap();
        {
            let id = task();
            let mut dropped = std::pin::pin!(rotations.permit(&clock, &id, request(2)));
            tokio::select! {
                biased;
                _ = &mut dropped => panic!("there is one permit"),
                () = tokio::task::yield_now() => {}
            }
        }
        drop(first);
        let secret = Target::Secret(SecretId::make(&mut SysRng).unwrap());
        assert!(rotations.permit(&clock, &task(), Request { target: secret, ..request(3) }).await.is_some());
        assert_eq!(rotations.queue().permits.waiting(), 0);
    }
}
