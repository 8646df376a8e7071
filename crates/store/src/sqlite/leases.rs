//! Leases of running tasks, in memory: an SQLite file has one process, and with it its leases end.
//!
//! Changed only by the thread that writes, inside of its jobs, so they change together with what they protect.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use csms_core::{
    TaskId, UnixMillis,
    task::{Task, TaskStatus},
};

use crate::{draft::Tasks, record::Lease};

/// The leases of all running tasks.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<TaskId, (String, UnixMillis)>>);

impl Leases {
    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, (String, UnixMillis)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn holder(&self, task: &TaskId) -> Option<String> {
        self.lock().get(task).map(|(holder, _)| holder.clone())
    }

    /// Takes those of the `running` tasks that are free at `now`, in their order.
    pub(super) fn claim(
        &self,
        running: &[Task],
        holder: &str,
        now: UnixMillis,
        expires: UnixMillis,
        limit: u16,
    ) -> Vec<Task> {
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
                *expires = lease.expires;
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

    /// Ends the leases of finished tasks and begins a new one.
    pub(super) fn follow(&self, tasks: &Tasks) {
        let mut leases = self.lock();
        for task in tasks.put.iter().filter(|task| task.status != TaskStatus::Running) {
            leases.remove(&task.id);
        }
        if let Some(lease) = &tasks.lease {
            leases.insert(lease.task.clone(), (lease.holder.clone(), lease.expires));
        }
    }
}
