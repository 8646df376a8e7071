//! Clients that OpenAPI generators make of the server's document: compiled and run against the server.

use std::path::PathBuf;

use anyhow::Result;
use csms_testbed::python::Venv;

use crate::cargo;
use crate::progress::Steps;
use crate::wasm::node::{self, Program};

/// Runs the generators; `artefacts` are the variables that tell where the server is. Where their packages cannot be installed,
/// the step says that it is left out.
pub(super) async fn run(steps: &mut Steps, artefacts: &[(&'static str, PathBuf)]) -> Result<()> {
    steps
        .run("Generated clients", async |step| {
            let directory = cargo::root().join("tests/generators");
            let requirements = directory.join("requirements.txt");
            step.note("npm and pip");
            let node = node::install(step, &directory).await;
            let python = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await?;
            let venv = match (node, python) {
                (Ok(()), Ok(venv)) => venv,
                (Err(error), _) => return Ok(((), format!("left out: the generators cannot be installed: {error}"))),
                (_, Err(error)) => return Ok(((), format!("left out: the generators cannot be installed: {error}"))),
            };
            let program = Program::new("node").arguments(["--test", "--test-reporter=tap"]);
            let program =
                program.argument(directory.join("generators.test.mjs")).variable("CSMS_PYTHON", venv.python());
            let program = artefacts.iter().fold(program, |program, (name, path)| program.variable(name, path));
            program.run(step).await?;
            Ok(((), "openapi-typescript, @hey-api/openapi-ts, openapi-python-client, two validators".to_owned()))
        })
        .await
}
