//! `cargo xtask bench wasm`: the package beside WebCrypto and well-known libraries, in Node and Chromium, in one run.

use anyhow::Result;
use csms_testbed::debian;

use super::node::{self, Program};
use crate::progress::Steps;
use crate::{cargo, setup};

/// Builds the package and runs the measurement.
pub(crate) async fn run(arguments: Vec<String>) -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + 2);
    setup::prepare(&mut steps, &[debian::CHROMIUM]).await?;
    super::package(&mut steps).await?;
    let bench = cargo::root().join("crates/wasm/bench");
    steps
        .run("Packages to compare with", async |step| {
            node::install(step, &bench).await?;
            node::install(step, &cargo::root().join("tests/browser")).await?;
            Ok(((), ""))
        })
        .await?;
    Program::node(&bench.join("bench.mjs")).arguments(arguments).show().await
}
