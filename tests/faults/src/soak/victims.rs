//! What is killed, and how it is found.

use std::{fs, time::Duration};

use csms_testbed::Postgres;
use rustix::process::{Pid, Signal, kill_process};

/// Something that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    Server,
    Store,
    Database,
    Function,
    Poller,
}

impl Victim {
    /// One of them by a random number; the server most often.
    pub(super) fn choose(number: u64) -> Self {
        match number % 10 {
            0..4 => Self::Server,
            4..6 => Self::Store,
            6 => Self::Database,
            7..9 => Self::Function,
            _ => Self::Poller,
        }
    }
}

/// A random number.
pub(super) fn random() -> u64 {
    getrandom::u64().expect("randomness")
}

/// A random time between two kills.
pub(super) fn pause() -> Duration {
    Duration::from_millis(300 + random() % 4_000)
}

/// Looks for a session before none is killed: most sessions of the rotated database last a few milliseconds.
const LOOKS: usize = 100;
/// Time between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Kills a server's session of a role whose name is like this, if there is one. PostgreSQL then ends all sessions and
/// recovers from its log.
pub(super) async fn kill_session(postgres: &Postgres, role: &str) -> bool {
    let Ok(admin) = postgres.admin().await else { return false };
    let sql = "SELECT pid FROM pg_stat_activity WHERE usename LIKE $1 ORDER BY random() LIMIT 1";
    for _ in 0..LOOKS {
        match admin.query_opt(sql, &[&role]).await {
            Ok(Some(row)) => return kill(row.get(0)),
            Ok(None) => tokio::time::sleep(LOOK_PAUSE).await,
            // It may be recovering from the last kill.
            Err(_) => return false,
        }
    }
    false
}

/// Kills a process that this one has started, directly or not, if there is one.
pub(super) fn kill_child(parent: u32) -> bool {
    let mut found = Vec::new();
    let mut parents = vec![i32::try_from(parent).unwrap_or(0)];
    while let Some(parent) = parents.pop() {
        let children: Vec<i32> = processes().filter(|(_, its)| *its == parent).map(|(id, _)| id).collect();
        parents.extend(&children);
        found.extend(children);
    }
    let place = usize::try_from(random()).unwrap_or(usize::MAX).checked_rem(found.len());
    place.and_then(|place| found.get(place)).is_some_and(|id| kill(*id))
}

/// The processes of the machine with their parents.
fn processes() -> impl Iterator<Item = (i32, i32)> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name, which may hold anything, ends at the last parenthesis.
        let parent = status.rsplit(')').next()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some((id, parent))
    })
}

fn kill(id: i32) -> bool {
    Pid::from_raw(id).is_some_and(|id| kill_process(id, Signal::KILL).is_ok())
}
