//! `function`: cold start, memory and size of the rotation function beside a Python function that does the same.
//!
//! Measured from the start of the process to the first response it posts to a runtime API on the loopback interface. The
//! event lacks the secret's name, so both answer that it is invalid: neither network nor database blurs the figure.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use csms_testbed::python::Venv;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::{memory, table};

const EVENT: &str = r#"{"version":"1","operate_type":"SINGLE_USER"}"#;

/// What a rotation function in Python needs: an HTTP client and a database driver.
const REQUIREMENTS: &str = "requests==2.32.3\nPyMySQL==1.1.1\n";

const PYTHON: &str = r#"
import json, os
import pymysql, requests

base = "http://" + os.environ["RUNTIME_API_ADDR"] + "/v1/runtime/invocation/"
session = requests.Session()
while True:
    request = session.get(base + "request")
    event = json.loads(request.content)
    if "secret_name" not in event:
        reply = {"status": "FAILED", "error_code": "ROTATION_INVALID_EVENT", "error_msg": "secret_name is required"}
    else:
        reply = {"status": "FAILED", "error_code": "ROTATION_NEEDS_OPERATOR", "error_msg": "not part of this measurement"}
    session.post(base + "response/" + request.headers["X-Cff-Request-Id"], data=json.dumps(reply))
"#;

/// Measure the rotation function's cold start.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The function's binary.
    #[arg(long)]
    function: PathBuf,
    /// Its package.
    #[arg(long)]
    zip: PathBuf,
    /// Cold starts of each, of which the median is told.
    #[arg(long, default_value_t = 41)]
    starts: usize,
}

/// One cold start.
struct Start {
    time: Duration,
    resident_kib: u64,
}

/// Starts a process and answers its first poll with the event; the time until its response is whole.
async fn start(program: &Path, arguments: &[&str]) -> Result<Start> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
    command.env("RUNTIME_API_ADDR", listener.local_addr()?.to_string()).env("RUNTIME_TIMEOUT", "30");
    let begin = Instant::now();
    let mut child = command.kill_on_drop(true).stderr(std::process::Stdio::null()).spawn()?;
    let time = loop {
        let (stream, _) = listener.accept().await?;
        if exchange(stream).await? {
            break begin.elapsed();
        }
    };
    let resident_kib = memory::peak_kib(child.id().context("the function ended")?)?;
    child.kill().await?;
    Ok(Start { time, resident_kib })
}

/// Serves one connection; true when the function has posted its response on it.
async fn exchange(mut stream: TcpStream) -> Result<bool> {
    stream.set_nodelay(true)?;
    loop {
        let Some(request) = read_request(&mut stream).await? else { return Ok(false) };
        if request.starts_with("GET ") {
            let head = "HTTP/1.1 200 OK\r\nx-cff-request-id: 1\r\ncontent-type: application/json\r\ncontent-length:";
            stream.write_all(format!("{head} {}\r\n\r\n{EVENT}", EVENT.len()).as_bytes()).await?;
        } else {
            ensure!(request.contains("/response/"), "the function reported an error: {request}");
            return Ok(true);
        }
    }
}

/// Reads a head and its body; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Result<Option<String>> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        text.push_str(&String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(Some(text));
            }
        }
    }
}

/// Runs the benchmark.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let requirements = directory.path().join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS)?;
    let script = directory.path().join("function.py");
    std::fs::write(&script, PYTHON)?;
    let venv = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await??;
    let (python, script) = (venv.python(), script.display().to_string());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..arguments.starts {
        ours.push(start(&arguments.function, &[]).await.context("the rotation function")?);
        theirs.push(start(&python, &["-B", &script]).await.context("the Python function")?);
    }
    let median = |mut starts: Vec<Start>| -> Result<Start> {
        starts.sort_by_key(|start| start.time);
        let middle = starts.len() / 2;
        starts.into_iter().nth(middle).context("no starts")
    };
    let (ours, theirs) = (median(ours)?, median(theirs)?);
    let size = std::fs::metadata(&arguments.zip)?.len();
    let row = |name: &str, start: &Start| {
        vec![name.to_owned(), table::millis(start.time), format!("{:.1}", start.resident_kib as f64 / 1024.0)]
    };
    table::print(
        &["", "exec to first response, ms", "resident MiB"],
        &[row("rotate-database", &ours), row("Python", &theirs)],
    );
    println!("\nPython takes {:.0} × as long.", theirs.time.as_secs_f64() / ours.time.as_secs_f64());
    println!("The package has {:.2} MB.", size as f64 / 1e6);
    Ok(())
}
