//! The official Python SDK against a running server: every operation, with signatures and with tokens.
//!
//! The tests are in `python/`; the packages they need are pinned in `python/requirements.txt`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::path::Path;

use csms_testbed::{Server, python::Venv, server::Options};
use tokio::{process::Command, time::timeout};

/// The longest test waits for three attempts of a rotation; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(300);

async fn the_official_sdk_is_served(authentication: &str) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let requirements = sources.join("requirements.txt");
    // Made on the first run, which takes its time.
    let venv = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await.unwrap().unwrap();
    let regions = ["--region", "local-1", "--region", "away"];
    let options = regions.into_iter().fold(Options::default(), Options::argument);
    let server = Server::start(options).await.unwrap();
    let mut python = Command::new(venv.python());
    python.args(["-m", "unittest", "discover"]).current_dir(sources).kill_on_drop(true);
    python.env("CSMS_CREDENTIALS", server.credentials_path()).env("CSMS_AUTHENTICATION", authentication);
    python.env("PYTHONDONTWRITEBYTECODE", "1");

    let output = timeout(WITHIN, python.output()).await.unwrap().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\nthe server's log:\n{}", server.log_tail());
    assert!(report.contains("Ran ") && !report.contains("Ran 0 tests") && !report.contains("skipped"), "{report}");
}

#[tokio::test]
async fn the_official_sdk_is_served_with_signatures() {
    the_official_sdk_is_served("signature").await;
}

#[tokio::test]
async fn the_official_sdk_is_served_with_tokens() {
    the_official_sdk_is_served("token").await;
}
