//! `cargo xtask screenshots`: pictures of every page of the console, in both themes, at every width and in both languages.

use std::path::PathBuf;

use anyhow::Result;
use csms_testbed::debian;

use super::stage::{self, Stage};
use crate::progress::Steps;
use crate::wasm::node::Program;
use crate::{cargo, setup};

/// Make pictures of every page of the console: light and dark, at every width, English and Chinese.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where they go.
    #[arg(long, value_name = "DIR", default_value = "target/screenshots")]
    out: PathBuf,
}

/// What the pictures need. Without the font there are boxes in place of Chinese.
const PACKAGES: [debian::Package; 4] = [debian::MUSL_TOOLS, debian::POSTGRESQL, debian::CHROMIUM, debian::CHINESE_FONT];

/// Runs `cargo xtask screenshots`.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + super::STEPS + stage::STEPS + 1);
    setup::prepare(&mut steps, &PACKAGES).await?;
    super::package(&mut steps).await?;
    let stage = stage::raise(&mut steps).await?;
    steps
        .run("Take the pictures", async |step| {
            Stage::drivers(step).await?;
            let script = cargo::root().join("tests/browser/console/screenshots.mjs");
            let program = Program::node(&script).argument(&arguments.out);
            Ok(((), stage.tell(program).output(step).await?.trim().to_owned()))
        })
        .await
}
