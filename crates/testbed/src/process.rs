//! A program that runs in the background until its owner drops it.
//!
//! It gets a process group of its own (a terminal's Ctrl-C reaches only the owner, which then stops
//! it in order) and asks the kernel to end it when the owner is killed. Signals go to this one
//! process by its id, and only while it has not been waited for, so never to a stranger.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio::net::TcpStream;

use crate::error::{Error, Result};
use crate::programs;
use crate::system_user::SystemUser;

/// How often a condition is looked at again. Short beside any start-up, long beside a system call.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(10);

const LOG_LINES: usize = 40;
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A running child process and the file its output goes to.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Mutex<Child>,
    log: PathBuf,
    ending: Ending,
}

/// How to start a [`Daemon`].
pub(crate) struct Plan<'a> {
    /// What messages call it.
    pub(crate) name: &'a str,
    /// Program, arguments and environment.
    pub(crate) command: Command,
    /// The account it runs as.
    pub(crate) user: SystemUser,
    /// Receives standard error, and standard output unless it is piped. Appended to.
    pub(crate) log: &'a Path,
    /// How the program is asked to end.
    pub(crate) ending: Ending,
    /// Whether the caller reads standard output.
    pub(crate) pipe_stdout: bool,
}

/// How a program is made to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// The signal for an orderly end.
    pub(crate) signal: Signal,
    /// What the kernel sends when the owner dies, by name (`KILL`, `QUIT`).
    pub(crate) orphaned: &'static str,
}

impl Ending {
    /// `SIGTERM`, and no mercy for orphans.
    pub(crate) const TERMINATE: Self = Self { signal: Signal::TERM, orphaned: "KILL" };
}

impl Daemon {
    pub(crate) fn start(plan: Plan<'_>) -> Result<(Self, Option<ChildStdout>)> {
        let Plan { name, command, user, log, ending, pipe_stdout } = plan;
        let open = || File::options().create(true).append(true).open(log).map_err(Error::at("open", log));
        let mut command = tied_to_this_process(command, ending);
        user.apply(&mut command);
        command.stdin(Stdio::null()).stderr(open()?).process_group(0);
        command.stdout(if pipe_stdout { Stdio::piped() } else { open()?.into() });
        let mut child = spawn(command).map_err(|source| Error::Io { what: format!("cannot start {name}"), source })?;
        let stdout = child.stdout.take();
        let daemon = Self { name: name.to_owned(), child: Mutex::new(child), log: log.to_path_buf(), ending };
        Ok((daemon, stdout))
    }

    pub(crate) fn id(&self) -> u32 {
        self.with_child(|child| child.id())
    }

    /// The exit status, if the program has ended.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.with_child(|child| child.try_wait().ok().flatten())
    }

    /// Sends `signal`; a program that has ended already is left alone.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        self.with_child(|child| {
            if matches!(child.try_wait(), Ok(Some(_))) {
                return Ok(());
            }
            send(child, signal).map_err(|source| Error::Io { what: format!("cannot signal {}", self.name), source })
        })
    }

    /// Stops (`Signal::STOP`) or continues (`Signal::CONT`) the program and the processes it started.
    /// The program itself comes first, so that it starts no further ones in between.
    pub(crate) fn signal_family(&self, signal: Signal) -> Result<()> {
        self.signal(signal)?;
        for id in children_of(self.id()) {
            // A child that has ended in the meantime needs no signal.
            let _ = rustix::process::kill_process(id, signal);
        }
        Ok(())
    }

    /// Waits until the program has ended.
    pub(crate) async fn ended(&self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.status() {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(Error::StillRunning { name: self.name.clone(), waited: within });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Asks the program to end in its orderly way and waits for that.
    pub(crate) async fn stop(&self) -> Result<ExitStatus> {
        self.signal(self.ending.signal)?;
        self.ended(STOP_WITHIN).await
    }

    /// Waits until `attempt` succeeds. Its detail says why it has not, for the error when the time is over.
    pub(crate) async fn ready(
        &self,
        within: Duration,
        attempt: impl AsyncFn() -> std::result::Result<(), String>,
    ) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.status() {
                return Err(self.not_started(format!("it ended ({status})")));
            }
            match attempt().await {
                Ok(()) => return Ok(()),
                Err(detail) if Instant::now() >= deadline => return Err(self.not_started(detail)),
                Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
            }
        }
    }

    /// [`Daemon::ready`] as soon as the program takes connections on a port of 127.0.0.1.
    pub(crate) async fn listens(&self, port: u16, within: Duration) -> Result<()> {
        self.ready(within, async || {
            let connected = TcpStream::connect(("127.0.0.1", port)).await;
            connected.map(drop).map_err(|_| "it does not listen".to_owned())
        })
        .await
    }

    /// An error for a program that is not ready, with the end of its log.
    pub(crate) fn not_started(&self, detail: impl Into<String>) -> Error {
        Error::NotStarted { name: self.name.clone(), detail: detail.into(), log: self.log_tail() }
    }

    /// The last lines the program wrote.
    pub(crate) fn log_tail(&self) -> String {
        tail(&fs::read(&self.log).unwrap_or_default())
    }

    fn with_child<T>(&self, act: impl FnOnce(&mut Child) -> T) -> T {
        act(&mut self.child.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.status().is_some() {
            return;
        }
        // A paused family could not act on the request to stop. Nothing can be done about errors here.
        let _ = self.signal_family(Signal::CONT);
        let _ = self.signal(self.ending.signal);
        let deadline = Instant::now() + STOP_WITHIN;
        while self.status().is_none() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
        }
        self.with_child(|child| {
            if matches!(child.try_wait(), Ok(None)) {
                let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
                let _ = child.wait();
            }
        });
    }
}

fn send(child: &Child, signal: Signal) -> io::Result<()> {
    Ok(rustix::process::kill_process(Pid::from_child(child), signal)?)
}

/// Has the kernel end the command when this process dies, where util-linux is installed.
fn tied_to_this_process(command: Command, ending: Ending) -> Command {
    let Some(setpriv) = programs::find("setpriv") else { return command };
    let mut tied = Command::new(setpriv);
    tied.args(["--pdeathsig", ending.orphaned, "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        tied.current_dir(directory);
    }
    tied
}

/// Starts `command` on a thread that lives as long as this process. The kernel watches the *thread*
/// that started a child, and test threads end while a shared instance is still in use.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        // Without the thread the channel is closed, which every order reports.
        let _ = thread::Builder::new().name("spawner".into()).spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, answer) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts programs is gone");
    SPAWNER.send((command, sender)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

/// The processes whose parent is `parent`, from `/proc`.
pub(crate) fn children_of(parent: u32) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            (parent_in(&stat)? == parent).then(|| Pid::from_raw(id))?
        })
        .collect()
}

/// The parent in a line of `/proc/PID/stat`: `PID (name) state parent …`, where the name may hold anything.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

fn tail(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, log: &Path) -> Daemon {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let plan = Plan {
            name: "the shell",
            command,
            user: SystemUser::OURSELVES,
            log,
            ending: Ending::TERMINATE,
            pipe_stdout: false,
        };
        Daemon::start(plan).unwrap().0
    }

    async fn log_contains(daemon: &Daemon, text: &str) {
        let deadline = Instant::now() + STOP_WITHIN;
        while !daemon.log_tail().contains(text) {
            assert!(Instant::now() < deadline, "no {text} in {}", daemon.log_tail());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn is_alive(id: u32) -> bool {
        Path::new(&format!("/proc/{id}")).exists()
    }

    #[tokio::test]
    async fn an_orderly_end_is_told_from_a_killing() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let daemon = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", &log);
        log_contains(&daemon, "ready").await;
        assert_eq!(daemon.stop().await.unwrap().code(), Some(7));

        let daemon = shell("echo again; exec sleep 600", &log);
        log_contains(&daemon, "again").await;
        daemon.signal(Signal::KILL).unwrap();
        assert_eq!(daemon.ended(STOP_WITHIN).await.unwrap().code(), None);
    }

    #[tokio::test]
    async fn dropping_ends_a_paused_program() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = shell("exec sleep 600", &directory.path().join("log"));
        let id = daemon.id();
        daemon.signal_family(Signal::STOP).unwrap();
        drop(daemon);
        assert!(!is_alive(id));
    }

    #[tokio::test]
    async fn a_program_outlives_the_thread_that_started_it() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let script = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
        let daemon = thread::scope(|scope| scope.spawn(|| shell(script, &log)).join().unwrap());
        log_contains(&daemon, "ready").await;
        assert!(daemon.status().is_none());
        daemon.stop().await.unwrap();
        log_contains(&daemon, "asked").await;
    }

    #[test]
    fn a_parent_is_read_past_a_name_with_spaces_and_brackets() {
        assert_eq!(parent_in("12 (a) b (c) S 77 12 12"), Some(77));
        assert_eq!(parent_in("no name here"), None);
    }

    #[test]
    fn only_the_end_of_a_long_log_is_shown() {
        let log: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let shown = tail(log.as_bytes());
        assert!(shown.starts_with("line 60\n") && shown.ends_with("line 99"));
    }
}
