//! `cargo xtask bench www`: sizes of the console, and how soon it shows something.

use anyhow::Result;
use csms_testbed::debian;

use super::stage::{self, Stage};
use crate::progress::Steps;
use crate::wasm::node::Program;
use crate::{cargo, setup};

/// Builds the console and runs the measurement.
pub(crate) async fn run() -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + super::STEPS + stage::STEPS + 1);
    setup::prepare(&mut steps, &[debian::MUSL_TOOLS, debian::POSTGRESQL, debian::CHROMIUM]).await?;
    super::package(&mut steps).await?;
    let stage = stage::raise(&mut steps).await?;
    steps.run("Drivers", async |step| Ok(((), Stage::drivers(step).await.map(|()| "")?))).await?;
    Program::node(&super::source().join("sizes.mjs")).show().await?;
    stage.tell(Program::node(&cargo::root().join("tests/browser/console/bench.mjs"))).show().await
}
