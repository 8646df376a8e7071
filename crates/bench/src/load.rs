//! A load of keep-alive connections that send one request after the other, and the times of their answers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// What a load measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Answers a second.
    pub(crate) per_second: f64,
    /// Median time of an answer.
    pub(crate) p50: Duration,
    /// Time that 99 of 100 answers took at most.
    pub(crate) p99: Duration,
    /// All answers, those of the warm-up too.
    pub(crate) answers: u64,
    /// CPU time for each answer of the processes that made it; the caller's to fill in.
    pub(crate) cpu: Duration,
}

/// Sends on as many connections as there are requests, each its own, for `span` after a warm-up of a fifth of it. The addresses
/// take turns. All connections share one thread, so that the load leaves the other cores to what is measured.
pub(crate) async fn run(addresses: &[String], requests: Vec<Vec<u8>>, span: Duration) -> Result<Measured> {
    let addresses: Arc<[String]> = addresses.into();
    let load = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(send(&addresses, requests, span))
    });
    load.await?
}

async fn send(addresses: &[String], requests: Vec<Vec<u8>>, span: Duration) -> Result<Measured> {
    let begin = Instant::now() + span / 5;
    let end = begin + span;
    let mut connections = JoinSet::new();
    for (address, request) in addresses.iter().cycle().zip(requests) {
        let address = address.clone();
        connections.spawn(async move { connection(&address, &request, begin, end).await });
    }
    let (mut times, mut answers) = (Vec::new(), 0);
    while let Some(connection) = connections.join_next().await {
        let (measured, all) = connection??;
        times.extend(measured);
        answers += all;
    }
    times.sort_unstable();
    ensure!(!times.is_empty(), "no answer came in time");
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    let per_second = times.len() as f64 / span.as_secs_f64();
    Ok(Measured { per_second, p50: at(50), p99: at(99), answers, cpu: Duration::ZERO })
}

/// One connection; the times of the answers that began within the span, and the number of all.
async fn connection(address: &str, request: &[u8], begin: Instant, end: Instant) -> Result<(Vec<Duration>, u64)> {
    let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(1 << 16);
    let mut buffer = vec![0; 1 << 16];
    let mut answers = 0;
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok((times, answers));
        }
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer).await?;
        answers += 1;
        if sent >= begin {
            times.push(sent.elapsed());
        }
    }
}

/// Reads one answer, which must be a success with a length.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    let mut whole = None;
    while whole.is_none_or(|whole| filled < whole) {
        let read = stream.read(buffer.get_mut(filled..).unwrap_or_default()).await?;
        ensure!(read > 0, "the server closed the connection");
        filled += read;
        if whole.is_none() {
            whole = length(buffer.get(..filled).unwrap_or_default())?;
        }
    }
    Ok(())
}

/// Length of head and body, once the head is complete.
fn length(received: &[u8]) -> Result<Option<usize>> {
    let Some(head) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head_bytes = received.get(..head).unwrap_or_default();
    if !received.starts_with(b"HTTP/1.1 20") {
        bail!("not a success: {}", String::from_utf8_lossy(received));
    }
    if received.starts_with(b"HTTP/1.1 204") {
        return Ok(Some(head + 4));
    }
    let value = head_bytes.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value.trim_ascii())
    });
    let value = value.and_then(|value| std::str::from_utf8(value).ok()).context("an answer without a length")?;
    Ok(Some(head + 4 + value.parse::<usize>()?))
}
