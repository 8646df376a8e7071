//! `cargo xtask bench up`: how long `cargo xtask up` takes in an empty clone with empty caches.
//!
//! Neither the toolchain nor Debian packages are installed again. What is committed is what is measured.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{CONSOLE_READY, PROVEN};
use crate::cargo;
use crate::progress::elapsed;

/// Runs the measurement and prints the steps with the time since the command was given.
pub(crate) async fn run() -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let clone = directory.path().join("csms");
    let mut git = Command::new("git");
    let status = git.args(["clone", "--quiet"]).arg(cargo::root()).arg(&clone).status().await;
    ensure!(status.context("cannot run git")?.success(), "git clone failed");
    let home = empty_cargo_home(directory.path())?;

    let begin = Instant::now();
    let mut up = start(&clone, &home, &directory.path().join("npm"))?;
    let mut lines = BufReader::new(up.stdout.take().context("no output")?).lines();
    let (mut proven, mut console) = (None, None);
    while let Some(line) = lines.next_line().await? {
        println!("{:>12}  {line}", elapsed(begin.elapsed()));
        if line.starts_with(PROVEN) {
            proven = Some(begin.elapsed());
        }
        if line.starts_with(CONSOLE_READY) {
            console = Some(begin.elapsed());
            break;
        }
    }
    interrupt(&mut up).await?;
    let told = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), elapsed);
    println!("\nThe rotation was proven after {}, the console was there after {}.", told(proven), told(console));
    ensure!(proven.is_some() && console.is_some(), "it did not come to its end");
    Ok(())
}

/// A directory for Cargo that holds nothing but the machine's own settings, such as a mirror of the registry.
fn empty_cargo_home(within: &Path) -> Result<PathBuf> {
    let home = within.join("cargo");
    fs::create_dir(&home).with_context(|| format!("cannot make {}", home.display()))?;
    let current = env::var_os("CARGO_HOME").map(PathBuf::from);
    let current = current.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    for name in ["config.toml", "credentials.toml"] {
        if let Some(settings) = current.as_ref().map(|current| current.join(name)).filter(|file| file.is_file()) {
            fs::copy(&settings, home.join(name)).with_context(|| format!("cannot copy {}", settings.display()))?;
        }
    }
    Ok(home)
}

fn start(clone: &Path, cargo_home: &Path, npm_cache: &Path) -> Result<Child> {
    // By name, so that the proxy of rustup picks the toolchain of the clone.
    let mut up = Command::new("cargo");
    up.args(["xtask", "up", "--listen", "127.0.0.1:0"]).current_dir(clone);
    up.env("CARGO_HOME", cargo_home).env("npm_config_cache", npm_cache);
    // What Cargo told this program about itself is not meant for the clone.
    for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN"] {
        up.env_remove(name);
    }
    up.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().context("cannot run cargo xtask up")
}

/// Ends it as Ctrl-C does. `cargo run` hands its process over to the program, so that the signal meets that.
async fn interrupt(up: &mut Child) -> Result<()> {
    if let Some(id) = up.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        kill_process(id, Signal::INT)?;
    }
    up.wait().await?;
    Ok(())
}
