//! One process group: started, watched, signalled as a whole, and never left behind.
//!
//! It knows nothing of events. A group ends with its leader: whatever the leader leaves running is killed. Processes
//! which leave the group on purpose (`setsid`) are out of reach.

use std::{
    ffi::OsString,
    io::{self, PipeWriter},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    process::{Child, Command},
    sync::{mpsc, watch},
    time::timeout,
};

/// How often a start is repeated when the file is still open for writing somewhere, and the pause in between. A fork
/// elsewhere in this process can hold a just written file open for a moment.
const BUSY_ATTEMPTS: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Ends the group when this process ends in whatever way: the pipe at its standard input closes then.
const WATCHDOG: &str = r#"read -r _; kill -s KILL -- "-$1""#;

/// What to start.
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) working_directory: PathBuf,
    /// The whole environment; nothing is inherited.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// Standard output and standard error.
    pub(super) output: PipeWriter,
}

/// A running process group. Dropping it kills the group.
pub(super) struct Process {
    group: Pid,
    signals: mpsc::UnboundedSender<Signal>,
    ended: watch::Receiver<Option<Ended>>,
}

/// How the leader ended; `None` inside when that could not be learned.
pub(super) type Ended = Option<ExitStatus>;

impl Process {
    /// Starts the program as the leader of a group of its own, with nothing at its standard input.
    pub(super) async fn start(start: Start) -> io::Result<Self> {
        let mut command = Command::new(&start.program);
        command
            .current_dir(&start.working_directory)
            .env_clear()
            .envs(start.environment)
            .stdin(Stdio::null())
            .stdout(start.output.try_clone()?)
            .stderr(start.output)
            .process_group(0)
            .kill_on_drop(true);
        let mut attempts = 1;
        let child = loop {
            match command.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempts < BUSY_ATTEMPTS => {
                    attempts += 1;
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                other => break other?,
            }
        };
        // The command holds copies of the pipe; without them the reader sees the end of the output.
        drop(command);
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let Some(group) = leader else {
            return Err(io::Error::other("the process has no id"));
        };
        let (signals, signal_queue) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        let members = Members { group, alive: true };
        tokio::spawn(supervise(child, members, watchdog(group), signal_queue, end));
        Ok(Self { group, signals, ended })
    }

    /// Kills the whole group at once.
    pub(super) fn kill(&self) {
        // Fails only when the group has ended already.
        let _ = self.signals.send(Signal::KILL);
    }

    /// Asks the group to end, and kills it if it has not after `grace`.
    pub(super) async fn stop(&self, grace: Duration) {
        let _ = self.signals.send(Signal::TERM);
        if timeout(grace, self.ended()).await.is_err() {
            self.kill();
            self.ended().await;
        }
    }

    /// Returns once the leader has ended and its group has been killed.
    pub(super) async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        // The task is gone without a word only when the whole runtime goes down.
        ended.wait_for(Option::is_some).await.map_or(None, |ended| ended.flatten())
    }

    /// Asks the system, which knows earlier than the task that waits for the leader.
    pub(super) fn has_ended(&self) -> bool {
        let only_look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error means that the leader has been waited for already.
        self.ended.borrow().is_some() || !matches!(waitid(WaitId::Pid(self.group), only_look), Ok(None))
    }

    /// Largest resident memory of the leader so far in bytes; `None` where the system does not tell.
    pub(super) fn peak_memory_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.group.as_raw_nonzero())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kilobytes.checked_mul(1024)
    }
}

/// The members of a group, killed on drop unless known to have ended.
struct Members {
    group: Pid,
    alive: bool,
}

impl Members {
    fn signal(&self, signal: Signal) {
        // Fails when nobody is left in the group.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        if self.alive {
            self.signal(Signal::KILL);
        }
    }
}

/// Owns the child: only here is it waited for, so its id cannot pass to another process while signals go out.
async fn supervise(
    mut child: Child,
    mut members: Members,
    watchdog: Option<Child>,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    end: watch::Sender<Option<Ended>>,
) {
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            signal = signals.recv() => match signal {
                Some(signal) => members.signal(signal),
                None => {
                    members.signal(Signal::KILL);
                    break child.wait().await;
                }
            },
        }
    };
    members.signal(Signal::KILL);
    members.alive = false;
    if let Some(mut watchdog) = watchdog {
        // Killed rather than told: its reaction to the end of its input would be to kill the group's id.
        let _ = watchdog.kill().await;
    }
    // Nobody may be interested any more.
    let _ = end.send(Some(status.ok()));
}

/// A shell which kills the group when this process is gone, even if this process was killed itself. Without a shell
/// on the machine functions still run; only this last precaution is missing.
fn watchdog(group: Pid) -> Option<Child> {
    let started = Command::new("/bin/sh")
        .args(["-c", WATCHDOG, "function-watchdog"])
        .arg(group.as_raw_nonzero().to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    started.inspect_err(|error| tracing::warn!(%error, "no watchdog for a function process")).ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, PipeReader};

    use rustix::process::test_kill_process;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    /// Runs a shell script; its `$1` is not set, its environment holds `PATH` only.
    async fn shell(script: &str) -> (Process, BufReader<PipeReader>, tempfile::TempDir) {
        let directory = tempfile::TempDir::new().unwrap();
        let program = directory.path().join("bootstrap");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let (reader, output) = io::pipe().unwrap();
        let environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
        let working_directory = directory.path().to_path_buf();
        let start = Start { program, working_directory, environment, output };
        (Process::start(start).await.unwrap(), BufReader::new(reader), directory)
    }

    async fn line(reader: BufReader<PipeReader>) -> (String, BufReader<PipeReader>) {
        let read = tokio::task::spawn_blocking(move || {
            let mut reader = reader;
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            (line.trim().to_owned(), reader)
        });
        timeout(DEADLINE, read).await.unwrap().unwrap()
    }

    fn pid(text: &str) -> Pid {
        Pid::from_raw(text.parse().unwrap()).unwrap()
    }

    /// Waits until a process which nobody here can wait for is gone, or left as a zombie to somebody else.
    async fn gone(pid: Pid) {
        let dead = || {
            test_kill_process(pid).is_err()
                || std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
                    .map_or(true, |stat| stat.contains(") Z "))
        };
        timeout(DEADLINE, async {
            while !dead() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn the_exit_status_is_known() {
        let (process, _reader, _directory) = shell("exit 7").await;
        assert_eq!(timeout(DEADLINE, process.ended()).await.unwrap().unwrap().code(), Some(7));
        assert!(process.has_ended());
    }

    #[tokio::test]
    async fn nothing_but_the_given_environment_is_visible() {
        let (_process, reader, _directory) = shell("env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=").await;
        let (seen, reader) = line(reader).await;
        assert_eq!(seen, "PATH=/usr/bin:/bin");
        assert_eq!(line(reader).await.0, "");
    }

    #[tokio::test]
    async fn killing_takes_grandchildren_along() {
        let (process, reader, _directory) = shell("sleep 1000 & echo $!; wait").await;
        let (grandchild, _reader) = line(reader).await;
        process.kill();
        timeout(DEADLINE, process.ended()).await.unwrap();
        gone(pid(&grandchild)).await;
    }

    #[tokio::test]
    async fn what_a_leader_leaves_behind_is_killed() {
        let (process, reader, _directory) = shell("sleep 1000 & echo $!; exit 0").await;
        let (grandchild, _reader) = line(reader).await;
        timeout(DEADLINE, process.ended()).await.unwrap();
        gone(pid(&grandchild)).await;
    }

    #[tokio::test]
    async fn stopping_lets_a_process_end_by_itself() {
        let (process, reader, _directory) =
            shell("trap 'exit 5' TERM; echo ready; while :; do sleep 1000 & wait; done").await;
        let (_ready, _reader) = line(reader).await;
        timeout(DEADLINE, process.stop(DEADLINE)).await.unwrap();
        assert_eq!(process.ended().await.unwrap().code(), Some(5));
    }

    #[tokio::test]
    async fn stopping_kills_a_process_which_ignores_the_request() {
        let (process, reader, _directory) = shell("trap '' TERM; echo ready; while :; do sleep 1000; done").await;
        let (_ready, _reader) = line(reader).await;
        timeout(DEADLINE, process.stop(Duration::from_millis(50))).await.unwrap();
        assert_eq!(process.ended().await.unwrap().code(), None, "ended by a signal");
    }

    #[tokio::test]
    async fn dropping_a_process_kills_it() {
        let (process, reader, _directory) = shell("echo $$; while :; do sleep 1000; done").await;
        let (leader, _reader) = line(reader).await;
        drop(process);
        gone(pid(&leader)).await;
    }

    #[test]
    fn a_process_does_not_outlive_the_runtime() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (process, leader) = runtime.block_on(async {
            let (process, reader, _directory) = shell("echo $$; while :; do sleep 1000; done").await;
            (process, line(reader).await.0)
        });
        drop(runtime);
        let waiting = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        waiting.block_on(gone(pid(&leader)));
        drop(process);
    }

    #[tokio::test]
    async fn the_watchdog_kills_the_group_when_its_input_closes() {
        let (process, reader, _directory) = shell("echo $$; while :; do sleep 1000; done").await;
        let (leader, _reader) = line(reader).await;
        // A second one, whose input this test closes as the end of this process would.
        let mut second = watchdog(pid(&leader)).unwrap();
        drop(second.stdin.take());
        timeout(DEADLINE, second.wait()).await.unwrap().unwrap();
        assert_eq!(timeout(DEADLINE, process.ended()).await.unwrap().unwrap().code(), None, "ended by a signal");
    }

    #[tokio::test]
    async fn peak_memory_is_told_while_the_process_lives() {
        let (process, reader, _directory) = shell("echo ready; while :; do sleep 1000; done").await;
        let (_ready, _reader) = line(reader).await;
        assert!(process.peak_memory_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
