//! A private cluster: two PostgreSQL servers under Patroni, one replicated synchronously from the other, and the etcd that says
//! which of them leads.
//!
//! What goes over the network in a real cluster goes through relays here: a node's questions to etcd, and everything that others
//! ask the node. So a test can cut a node off, as a network does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Config, NoTls};

use crate::directory::Directory;
use crate::error::{Error, Result, chain};
use crate::port::{Port, random};
use crate::postgres::{ADMIN, DATABASE};
use crate::process::{Daemon, Ending, Plan, children_of};
use crate::programs;
use crate::relay::Relay;
use crate::roots::{self, Root};
use crate::system_user::SystemUser;

const NAME: &str = "Patroni";
const READY_WITHIN: Duration = Duration::from_secs(300);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Seconds after which a leader that etcd does not hear from leads no longer: the least that Patroni documents.
pub const TTL: u32 = 20;

/// Patroni ends its PostgreSQL in order, also when nobody owns it any more.
const ENDING: Ending = Ending { signal: Signal::TERM, orphaned: "TERM" };

/// A running cluster of two nodes, 0 and 1; it ends and its files go when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the nodes end before etcd does, which ends before its directory goes.
    nodes: [Node; 2],
    _etcd: Daemon,
    _directory: Directory,
    root: Root,
    password: String,
}

#[derive(Debug)]
struct Node {
    patroni: Daemon,
    directory: Directory,
    user: SystemUser,
    /// Of PostgreSQL and of Patroni's own API, without a relay.
    ports: [Port; 2],
    links: Links,
}

/// The relays of a node.
#[derive(Debug)]
struct Links {
    cut: watch::Sender<bool>,
    /// To PostgreSQL, to Patroni's API, and from Patroni to etcd.
    relays: [Relay; 3],
}

/// What Patroni says about the cluster.
#[derive(Debug, Deserialize)]
struct Members {
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    role: String,
    state: String,
}

impl Cluster {
    /// Starts a cluster, and waits until its standby may take over.
    ///
    /// # Errors
    /// [`Error::Missing`] when PostgreSQL is not installed or Debian's archive does not provide Patroni, and others when the
    /// cluster is not ready within five minutes.
    pub async fn start() -> Result<Self> {
        let programs = postgres_programs().ok_or_else(|| Error::Missing {
            program: "PostgreSQL with pg_rewind".into(),
            hint: "install the Debian package `postgresql`".into(),
        })?;
        let root = tokio::task::spawn_blocking(|| roots::PATRONI.root())
            .await
            .map_err(|error| Error::Io { what: "cannot look for Patroni".into(), source: error.into() })??;
        let user = SystemUser::unprivileged("postgres")?;
        let directory = Directory::create(user)?;
        let ports = [Port::take()?, Port::take()?];
        let etcd = start_etcd(&root, &directory, user, &ports)?;
        etcd.listens(ports[0].number(), READY_WITHIN).await?;
        let password = hex::encode(random::<16>()?);
        let node = async |name: &str| Node::start(name, &root, &programs, user, ports[0].number(), &password).await;
        let nodes = [node("node-0").await?, node("node-1").await?];
        let cluster = Self { nodes, _etcd: etcd, _directory: directory, root, password };
        let leader = cluster.ready().await?;
        cluster.execute_on(leader, "postgres", &format!("CREATE DATABASE {DATABASE}")).await?;
        Ok(cluster)
    }

    /// The servers for an address, `HOST:PORT,HOST:PORT`.
    pub fn hosts(&self) -> String {
        let [one, other] = self.nodes.each_ref().map(|node| node.links.relays[0].port());
        format!("127.0.0.1:{one},127.0.0.1:{other}")
    }

    /// Runs SQL statements as the superuser on the node that leads, in [`DATABASE`].
    ///
    /// # Errors
    /// When a statement is refused, or none leads.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let leader = self.ready().await?;
        self.execute_on(leader, DATABASE, sql).await
    }

    /// The node that leads, if one does and takes connections, and whether the other one may take over.
    pub async fn leader(&self) -> Option<(usize, bool)> {
        for node in &self.nodes {
            if let Ok(Members { members }) = node.members().await {
                let leads = |member: &Member| member.role == "leader" && member.state == "running";
                let leader = members.iter().find(|member| leads(member))?;
                let place = usize::from(leader.name == "node-1");
                return Some((place, members.iter().any(|member| member.role == "sync_standby")));
            }
        }
        None
    }

    /// Waits until one node leads and the other may take over, and returns the one that leads.
    ///
    /// # Errors
    /// When that takes longer than five minutes.
    pub async fn ready(&self) -> Result<usize> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let has_ended = self.nodes.iter().any(|node| node.patroni.status().is_some());
            match self.leader().await {
                Some((leader, true)) => return Ok(leader),
                _ if !has_ended && Instant::now() < deadline => sleep(POLL_INTERVAL).await,
                found => {
                    let logs = self.nodes.each_ref().map(|node| node.patroni.log_tail()).join("\n");
                    let detail = format!("no leader with a standby: {found:?}");
                    return Err(Error::NotStarted { name: NAME.into(), detail, log: logs });
                }
            }
        }
    }

    /// Kills Patroni and PostgreSQL of a node (`SIGKILL`).
    ///
    /// # Errors
    /// When there is no such node.
    pub fn kill(&self, node: usize) -> Result<()> {
        self.node(node)?.kill();
        Ok(())
    }

    /// Starts a node that was killed on its data.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&mut self, node: usize) -> Result<()> {
        let root = self.root.clone();
        let node = self.nodes.get_mut(node).ok_or_else(no_node)?;
        node.patroni = start_patroni(&root, &node.directory, node.user)?;
        Ok(())
    }

    /// Has the standby take over in order, as an operator does with `patronictl switchover`.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn switch_over(&self) -> Result<()> {
        let node = &self.nodes[0];
        let mut command = Command::new(self.root.path("usr/bin/python3.11"));
        command.arg(self.root.path("usr/bin/patronictl")).arg("-c").arg(node.directory.path().join(CONFIGURATION));
        command.args(["switchover", "--force"]).env("LC_ALL", "C.UTF-8").current_dir(node.directory.path());
        node.user.apply(&mut command);
        programs::run_aside("patronictl switchover", command).await.map(drop)
    }

    /// Cuts a node off the network, or connects it again.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn cut(&self, node: usize, cut: bool) -> Result<()> {
        self.node(node)?.links.cut.send_replace(cut);
        Ok(())
    }

    fn node(&self, node: usize) -> Result<&Node> {
        self.nodes.get(node).ok_or_else(no_node)
    }

    async fn execute_on(&self, node: usize, database: &str, sql: &str) -> Result<()> {
        let port = self.node(node)?.ports[0].number();
        let mut config = Config::new();
        config.host("127.0.0.1").port(port).user(ADMIN).password(&self.password).dbname(database);
        let refused = |error: tokio_postgres::Error| Error::Statement { name: NAME.into(), detail: chain(&error) };
        let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
        let connection = tokio::spawn(connection);
        let done = client.batch_execute(sql).await.map_err(refused);
        connection.abort();
        done
    }
}

/// The directory with all of PostgreSQL's programs. The server's own may be a link to it from elsewhere.
fn postgres_programs() -> Option<PathBuf> {
    let server = fs::canonicalize(programs::postgres_directory()?.join("postgres")).ok()?;
    let directory = server.parent()?;
    directory.join("pg_rewind").is_file().then(|| directory.to_path_buf())
}

fn no_node() -> Error {
    Error::Missing { program: "the node".into(), hint: "there are two, 0 and 1".into() }
}

/// The file with Patroni's settings in the directory of a node.
const CONFIGURATION: &str = "patroni.json";

impl Node {
    async fn start(
        name: &str,
        root: &Root,
        programs: &Path,
        user: SystemUser,
        etcd: u16,
        password: &str,
    ) -> Result<Self> {
        let directory = Directory::create(user)?;
        let ports = [Port::take()?, Port::take()?];
        let links = Links::start(ports.each_ref().map(Port::number), etcd).await?;
        let configuration = configuration(name, directory.path(), programs, &ports, &links, password);
        directory.private_file(CONFIGURATION, &configuration, user)?;
        let patroni = start_patroni(root, &directory, user)?;
        Ok(Self { patroni, directory, user, ports, links })
    }

    /// What this node's Patroni knows of the cluster.
    async fn members(&self) -> Result<Members> {
        let malformed = |detail: String| Error::Malformed { what: "Patroni's answer".into(), detail };
        let asked = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.ports[1].number())).await?;
            stream.write_all(b"GET /cluster HTTP/1.0\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.map(|_| answer)
        };
        let answer = timeout(ANSWER_WITHIN, asked).await.map_err(|_| malformed("there was none in time".into()))?;
        let answer = answer.map_err(|error| malformed(error.to_string()))?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| malformed("it has no body".into()))?;
        serde_json::from_str(body).map_err(|error| malformed(error.to_string()))
    }

    /// The process of PostgreSQL, by the file that it keeps in its data directory.
    fn postmaster(&self) -> Option<Pid> {
        let data = self.directory.path().join("data");
        let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let id: i32 = file.lines().next()?.trim().parse().ok()?;
        // The file outlives a process that was killed, and the number may be another's by then.
        let command = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let is_ours = String::from_utf8_lossy(&command).contains(data.to_str()?);
        Pid::from_raw(id).filter(|_| is_ours)
    }

    /// Patroni first, so that it starts no other PostgreSQL.
    fn kill(&self) {
        // What has ended already needs no signal.
        let _ = self.patroni.signal_family(Signal::KILL);
        if let Some(postmaster) = self.postmaster() {
            let sessions = children_of(postmaster.as_raw_nonzero().get().unsigned_abs());
            for process in [postmaster].into_iter().chain(sessions) {
                let _ = kill_process(process, Signal::KILL);
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Links {
    async fn start([sql, api]: [u16; 2], etcd: u16) -> Result<Self> {
        let cut = watch::Sender::new(false);
        let relays = [Relay::start(sql, &cut).await?, Relay::start(api, &cut).await?, Relay::start(etcd, &cut).await?];
        Ok(Self { cut, relays })
    }
}

/// The settings of a node. Patroni reads YAML, of which JSON is a part.
fn configuration(
    name: &str,
    directory: &Path,
    programs: &Path,
    ports: &[Port; 2],
    links: &Links,
    password: &str,
) -> String {
    let [sql, api] = ports.each_ref().map(|port| format!("127.0.0.1:{}", port.number()));
    let [sql_link, api_link, etcd] = links.relays.each_ref().map(|relay| format!("127.0.0.1:{}", relay.port()));
    let settings = json!({
        "scope": "testbed",
        "name": name,
        "restapi": { "listen": api, "connect_address": api_link },
        // Otherwise it would learn etcd's own address, and pass the relay by.
        "etcd3": { "hosts": [etcd], "use_proxies": true },
        "bootstrap": {
            "dcs": {
                "ttl": TTL,
                "loop_wait": 2,
                "retry_timeout": 5,
                "synchronous_mode": true,
                "postgresql": { "use_pg_rewind": true },
            },
            "initdb": [{ "encoding": "UTF8" }, { "locale": "C" }, { "auth": "scram-sha-256" }, "no-sync"],
        },
        "postgresql": {
            "listen": sql,
            "connect_address": sql_link,
            "data_dir": directory.join("data"),
            "bin_dir": programs,
            "pgpass": directory.join("pgpass"),
            "use_unix_socket": true,
            "pg_hba": [
                "local all all scram-sha-256",
                "host all all 127.0.0.1/32 scram-sha-256",
                "host replication all 127.0.0.1/32 scram-sha-256",
            ],
            "authentication": {
                "superuser": { "username": ADMIN, "password": password },
                "replication": { "username": "replicator", "password": password },
            },
            // The machine does not fail, only processes do.
            "parameters": { "unix_socket_directories": directory, "fsync": "off", "shared_buffers": "16MB" },
        },
    });
    settings.to_string()
}

fn start_patroni(root: &Root, directory: &Directory, user: SystemUser) -> Result<Daemon> {
    let mut command = Command::new(root.path("usr/bin/python3.11"));
    command.args(["-m", "patroni"]).arg(directory.path().join(CONFIGURATION));
    command.env("LC_ALL", "C.UTF-8").current_dir(directory.path());
    start(NAME, command, directory, user)
}

fn start_etcd(root: &Root, directory: &Directory, user: SystemUser, ports: &[Port; 2]) -> Result<Daemon> {
    let [clients, peers] = ports.each_ref().map(|port| format!("http://127.0.0.1:{}", port.number()));
    let mut command = Command::new(root.path("usr/bin/etcd"));
    command.arg("--data-dir").arg(directory.path().join("data")).arg("--unsafe-no-fsync");
    command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("default={peers}")]).current_dir(directory.path());
    start("etcd", command, directory, user)
}

fn start(name: &str, command: Command, directory: &Directory, user: SystemUser) -> Result<Daemon> {
    let log: PathBuf = directory.path().join("program.log");
    let plan = Plan { name, command, user, log: &log, ending: ENDING, pipe_stdout: false };
    Ok(Daemon::start(plan)?.0)
}
