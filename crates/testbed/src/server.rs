//! A private `csms` server.
//!
//! It listens on a port that the kernel chose and keeps its data in a temporary directory. The
//! instance is ready when the server says so in its JSON line on standard output.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::process::{Daemon, Ending, POLL_INTERVAL, Plan};
use crate::programs;
use crate::system_user::SystemUser;

const NAME: &str = "csms";

/// How to start a server. `Options::default()` is right for most tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `csms` binary; otherwise `CSMS_BIN`, otherwise the one beside the running program.
    pub binary: Option<PathBuf>,
    /// The data directory, which is kept; otherwise a temporary one.
    pub data: Option<PathBuf>,
    /// Address and port; port 0 lets the kernel choose.
    pub listen: String,
    /// Further arguments of `csms serve`.
    pub arguments: Vec<OsString>,
    /// Further environment variables.
    pub environment: Vec<(OsString, OsString)>,
    /// How long the server may take to accept connections.
    pub ready_within: Duration,
    /// How long the server may take to end after SIGTERM.
    pub end_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            binary: None,
            data: None,
            listen: "127.0.0.1:0".into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            ready_within: Duration::from_secs(30),
            end_within: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// Adds an argument of `csms serve`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// The first user of a server, as `credentials.json` in its data directory names it.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    /// The address of the running server, `http://host:port`.
    pub endpoint: String,
    /// The project the user belongs to.
    pub project_id: String,
    /// The access key (AK).
    pub access_key: String,
    /// The secret key (SK).
    pub secret_key: String,
    /// The user's name, for tokens.
    pub user_name: Option<String>,
    /// The user's password, for tokens.
    pub password: Option<String>,
    /// The name of the account the user belongs to.
    pub domain_name: Option<String>,
    /// The region, which is also the project's name.
    pub region: Option<String>,
    /// The URN of the bundled rotation function, where `rotate-database.zip` lies beside the binary.
    pub rotation_func_urn: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("endpoint", &self.endpoint)
            .field("project_id", &self.project_id)
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

/// The line a server prints when it accepts connections.
#[derive(Debug, Deserialize)]
struct Ready {
    event: String,
    url: String,
    project_id: String,
    credentials: PathBuf,
}

/// A running (or ended) server; it ends, and a temporary data directory goes, when it is dropped.
#[derive(Debug)]
pub struct Server {
    // Dropped in this order: the server ends before its directory goes.
    daemon: Daemon,
    directory: Directory,
    binary: PathBuf,
    data: PathBuf,
    options: Options,
    ready: Ready,
    credentials: Credentials,
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// [`Error::NotStarted`], with the end of its log, when it ends or is not ready in time.
    pub async fn start(options: Options) -> Result<Self> {
        let binary = find_binary(&options)?;
        let directory = Directory::create(SystemUser::OURSELVES)?;
        let data = match &options.data {
            Some(kept) => kept.clone(),
            None => directory.subdirectory("data", SystemUser::OURSELVES)?,
        };
        let log = directory.path().join("server.log");
        let (daemon, ready) = launch(&binary, &data, &options, &log).await?;
        let credentials = read_credentials(&ready)?;
        Ok(Self { daemon, directory, binary, data, options, ready, credentials })
    }

    /// The address of the server, `http://host:port`; [`Server::restart`] may change the port.
    pub fn url(&self) -> &str {
        &self.ready.url
    }

    /// The project of the first user.
    pub fn project_id(&self) -> &str {
        &self.ready.project_id
    }

    /// The first user's keys.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where the server wrote the first user's keys.
    pub fn credentials_path(&self) -> &Path {
        &self.ready.credentials
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// The last lines of the server's log, for messages of failing tests.
    pub fn log_tail(&self) -> String {
        self.daemon.log_tail()
    }

    /// The server's whole log of all runs so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path()).map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into_owned())
    }

    /// The exit status, if the server has ended.
    pub fn status(&self) -> Option<ExitStatus> {
        self.daemon.status()
    }

    /// Kills the server (`SIGKILL`) and waits until it is gone.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub async fn kill(&self) -> Result<()> {
        self.daemon.signal(Signal::KILL)?;
        self.daemon.ended(self.options.end_within).await.map(drop)
    }

    /// Stops the server and the functions that it runs (`SIGSTOP`), as the suspension of a machine does.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn pause(&self) -> Result<()> {
        self.daemon.signal_family(Signal::STOP)
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn resume(&self) -> Result<()> {
        self.daemon.signal_family(Signal::CONT)
    }

    /// Asks the server to end (`SIGTERM`) and waits for that.
    ///
    /// # Errors
    /// When it does not end within [`Options::end_within`].
    pub async fn terminate(&self) -> Result<ExitStatus> {
        self.daemon.signal(Signal::TERM)?;
        self.daemon.ended(self.options.end_within).await
    }

    /// Waits until the server ends by itself.
    pub async fn ended(&self) -> ExitStatus {
        loop {
            if let Some(status) = self.daemon.status() {
                return status;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Ends the server, if it still runs, and starts it again on the same data directory.
    ///
    /// # Errors
    /// As [`Server::terminate`] and [`Server::start`].
    pub async fn restart(&mut self) -> Result<()> {
        self.terminate().await?;
        let (daemon, ready) = launch(&self.binary, &self.data, &self.options, &self.log_path()).await?;
        self.credentials = read_credentials(&ready)?;
        self.daemon = daemon;
        self.ready = ready;
        Ok(())
    }

    /// The file the server's log goes to.
    pub fn log_path(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }
}

/// The binary that [`Server::start`] runs unless its options name another, for tests that start it in their own way.
///
/// # Errors
/// [`Error::Missing`] when there is none.
pub fn binary() -> Result<PathBuf> {
    find_binary(&Options::default())
}

fn find_binary(options: &Options) -> Result<PathBuf> {
    let named = options.binary.clone().or_else(|| std::env::var_os("CSMS_BIN").map(PathBuf::from));
    named.or_else(|| programs::beside_this_program(NAME)).ok_or_else(|| Error::Missing {
        program: NAME.into(),
        hint: "build it with `cargo build --bin csms`, or name it in CSMS_BIN".into(),
    })
}

async fn launch(binary: &Path, data: &Path, options: &Options, log: &Path) -> Result<(Daemon, Ready)> {
    let mut command = Command::new(binary);
    command.args(["serve", "--listen", &options.listen, "--data"]).arg(data).args(&options.arguments);
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    let plan =
        Plan { name: NAME, command, user: SystemUser::OURSELVES, log, ending: Ending::TERMINATE, pipe_stdout: true };
    let (daemon, stdout) = Daemon::start(plan)?;
    let mut lines = stdout.map(lines_of).ok_or_else(|| daemon.not_started("it has no standard output"))?;
    let deadline = Instant::now() + options.ready_within;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, lines.recv()).await {
            Ok(Some(line)) => {
                if let Ok(ready) = serde_json::from_str::<Ready>(&line)
                    && ready.event == "ready"
                {
                    return Ok((daemon, ready));
                }
            }
            Ok(None) => {
                let status = daemon.ended(options.end_within).await?;
                return Err(daemon.not_started(format!("it ended ({status})")));
            }
            Err(_) => return Err(daemon.not_started(format!("not ready within {:?}", options.ready_within))),
        }
    }
}

/// The lines of `stdout`, read to the end so that the server never blocks on a full pipe.
fn lines_of(stdout: ChildStdout) -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
            // Nobody listens any more once the server is ready.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The keys file, with the address of this run: it was written on the first start.
fn read_credentials(ready: &Ready) -> Result<Credentials> {
    let path = &ready.credentials;
    let text = fs::read(path).map_err(Error::at("read", path))?;
    let credentials: Credentials = serde_json::from_slice(&text)
        .map_err(|error| Error::Malformed { what: path.display().to_string(), detail: error.to_string() })?;
    Ok(Credentials { endpoint: ready.url.clone(), ..credentials })
}
