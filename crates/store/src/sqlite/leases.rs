//! Leases of running tasks, in memory: an SQLite file has one process, and with it its leases end.
//!
//! Changed only by the thread that writes, inside of its jobs, so they change together with what they protect.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use csms_core::{
    TaskId,
    task::{Task, TaskStatus},
};

use crate::{draft::Tasks, record::Lease};

/// The leases of all running tasks.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<TaskId, (String, Instant)>>);

impl Leases {
    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, (String, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who holds a task, unless the lease has expired.
    pub(super) fn holder(&self, task: &TaskId) -> Option<String> {
        self.lock().get(task).filter(|(_, expires)| *expires > Instant::now()).map(|(holder, _)| holder.clone())
    }

    /// Takes those of the `running` tasks that are free, in their order.
    pub(super) fn claim(&self, running: &[Task], holder: &str, lasts: Duration, limit: u16) -> Vec<Task> {
        let now = Instant::now();
        let expires = now + lasts;
        let mut leases = self.lock();
        // What a failed commit left behind.
        let ids: HashSet<_> = running.iter().map(|task| &task.id).collect();
        leases.retain(|task, _| ids.contains(task));
        let free = |task: &Task| leases.get(&task.id).is_none_or(|(_, expires)| *expires <= now);
        let claimed: Vec<_> = running.iter().filter(|task| free(task)).take(usize::from(limit)).cloned().collect();
        leases.extend(claimed.iter().map(|task| (task.id.clone(), (holder.to_owned(), expires))));
        claimed
    }

    pub(super) fn renew(&self, lease: &Lease) -> bool {
        match self.lock().get_mut(&lease.task) {
            Some((holder, expires)) if *holder == lease.holder => {
                *expires = Instant::now() + lease.lasts;
                true
            }
            _ => false,
        }
    }

    pub(super) fn release(&self, task: &TaskId, holder: &str) {
        let mut leases = self.lock();
        if leases.get(task).is_some_and(|(held_by, _)| held_by == holder) {
            leases.remove(task);
        }
    }

    /// Ends all leases of a server and returns their number.
    pub(super) fn release_of(&self, server: &str) -> u64 {
        let mut leases = self.lock();
        let before = leases.len();
        leases.retain(|_, (holder, _)| !holder.starts_with(server));
        u64::try_from(before - leases.len()).unwrap_or(u64::MAX)
    }

    /// Ends the leases of finished tasks and begins a new one.
    pub(super) fn follow(&self, tasks: &Tasks) {
        let mut leases = self.lock();
        for task in tasks.put.iter().filter(|task| task.status != TaskStatus::Running) {
            leases.remove(&task.id);
        }
        if let Some(lease) = &tasks.lease {
            leases.insert(lease.task.clone(), (lease.holder.clone(), Instant::now() + lease.lasts));
        }
    }
}
