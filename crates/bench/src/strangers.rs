//! `strangers`: how soon health and a signed read are answered while thousands of connections cost the server something.
//!
//! The calm figures come from the same server before the strangers come.

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use csms_testbed::{
    server::{Options, Server},
    strangers::{Kind, Strangers},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    memory, request,
    table::{self, millis},
};

/// Longest wait for an answer before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// What strangers may cost in all, in KiB: 64 MiB of bodies, 19 MiB for each of two password checks at a time, and 40 KiB for
/// each of 4,096 connections.
const BOUND_KIB: u64 = 64 * 1024 + 2 * 19 * 1024 + 4096 * 40;

/// Pause between two probes.
const PAUSE: Duration = Duration::from_millis(20);

/// Measure health and a signed read under connections of strangers.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The release build of `csms`.
    #[arg(long, env = "CSMS_BIN")]
    csms: PathBuf,
    /// Connections of each kind.
    #[arg(long, default_value_t = 2000)]
    each: usize,
    /// Seconds that the strangers stay.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Seconds of calm before.
    #[arg(long, default_value_t = 5)]
    calm: u64,
}

/// What a probe saw.
struct Probed {
    times: Vec<Duration>,
    missing: usize,
    /// Why the last missing one is missing.
    cause: Option<String>,
}

impl Probed {
    fn p99(&self) -> Duration {
        self.times.get(self.times.len() * 99 / 100).copied().unwrap_or_default()
    }
}

/// Asks again and again, each time on a connection of its own, for `span`.
async fn probe(server: SocketAddr, request: Vec<u8>, span: Duration) -> Probed {
    let (end, mut probed) = (Instant::now() + span, Probed { times: Vec::new(), missing: 0, cause: None });
    while Instant::now() < end {
        let sent = Instant::now();
        let outcome = timeout(PATIENCE, once(server, &request)).await;
        match outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("nothing within {} s", PATIENCE.as_secs()))) {
            Ok(()) => probed.times.push(sent.elapsed()),
            Err(error) => {
                probed.missing += 1;
                probed.cause = Some(format!("{error:#} after {} ms", sent.elapsed().as_millis()));
            }
        }
        sleep(PAUSE).await;
    }
    probed.times.sort_unstable();
    probed
}

/// From the connection to the first bytes of a success.
async fn once(server: SocketAddr, request: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request).await?;
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await?;
    ensure!(read > 0, "the connection was closed");
    ensure!(answer.get(..read).unwrap_or_default().starts_with(b"HTTP/1.1 200"), "not a success");
    Ok(())
}

/// The probes of a span, in a runtime of their own: the strangers must not delay them.
async fn both(server: SocketAddr, requests: [Vec<u8>; 2], span: Duration) -> Result<[Probed; 2]> {
    let probing = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let [health, read] = requests;
        anyhow::Ok(runtime.block_on(async { tokio::join!(probe(server, health, span), probe(server, read, span)) }))
    });
    let (health, read) = probing.await??;
    Ok([health, read])
}

/// Runs the measurement.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let options = Options { binary: Some(arguments.csms.clone()), ..Options::default() };
    let server = Server::start(options.argument("--log").argument("error")).await?;
    let address: SocketAddr = server.url().trim_start_matches("http://").parse().context("the server's address")?;
    let path = format!("/v1/{}/secrets", server.project_id());
    let body = serde_json::json!({ "name": "probe", "secret_string": "x".repeat(256) }).to_string();
    once(address, &request::signed(server.credentials(), "POST", &path, &body)?).await?;
    let read = request::signed(server.credentials(), "GET", &format!("{path}/probe/versions/latest"), "")?;
    let health = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes();
    let requests = [health, read];

    let calm = both(address, requests.clone(), Duration::from_secs(arguments.calm)).await?;
    let calm_kib = memory::resident_kib(server.id())?;
    let strangers = Strangers::start(address, &Kind::ALL, arguments.each);
    let busy = both(address, requests, Duration::from_secs(arguments.seconds)).await?;
    let (peak_kib, connected) = (memory::peak_kib(server.id())?, strangers.connected());
    drop(strangers);

    let kinds = Kind::ALL.map(Kind::name).join(", ");
    println!("{} connections each of: {kinds}; {connected} were made in {} s", arguments.each, arguments.seconds);
    let row = |name: &str, calm: &Probed, busy: &Probed| {
        let answered = |probed: &Probed| format!("{}/{}", probed.times.len(), probed.times.len() + probed.missing);
        vec![name.to_owned(), millis(calm.p99()), millis(busy.p99()), answered(calm), answered(busy)]
    };
    let [calm_health, calm_read] = &calm;
    let [busy_health, busy_read] = &busy;
    let rows = [row("/healthz", calm_health, busy_health), row("signed read", calm_read, busy_read)];
    table::print(&["p99 in ms", "calm", "with strangers", "answered, calm", "answered, with strangers"], &rows);
    println!("resident memory: {} MiB calm, {} MiB at most", calm_kib / 1024, peak_kib / 1024);
    let missing = busy_health.missing + busy_read.missing;
    let cause = busy_health.cause.as_ref().or(busy_read.cause.as_ref()).map_or("", |cause| cause);
    ensure!(missing == 0, "{missing} probes were not answered: {cause}");
    ensure!(peak_kib <= calm_kib + BOUND_KIB, "more than {} MiB beside the calm ones", BOUND_KIB / 1024);
    Ok(())
}
