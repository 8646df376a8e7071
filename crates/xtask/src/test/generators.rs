//! Clients that OpenAPI generators make of the server's document: compiled and run against the server.

use std::path::PathBuf;

use anyhow::Result;
use csms_testbed::python::Venv;

use crate::cargo;
use crate::progress::Steps;
use crate::wasm::node::{self, Program};

/// What npm calls its failures to reach a registry.
const NPM_UNREACHABLE: [&str; 7] =
    ["EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "ERR_SOCKET_TIMEOUT", "ETIMEDOUT"];

/// What pip calls them.
const PIP_UNREACHABLE: [&str; 4] =
    ["NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ReadTimeoutError"];

/// Runs the generators; `artefacts` are the variables that tell where the server is. Where a registry cannot be reached, the step
/// says that it is left out; whatever else is in the way of the packages is a failure.
pub(super) async fn run(steps: &mut Steps, artefacts: &[(&'static str, PathBuf)]) -> Result<()> {
    steps
        .run("Generated clients", async |step| {
            let directory = cargo::root().join("tests/generators");
            let requirements = directory.join("requirements.txt");
            step.note("npm and pip");
            let node = node::install(step, &directory).await;
            let python = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await?;
            let venv = match node.and_then(|()| Ok(python?)) {
                Ok(venv) => venv,
                Err(error) => match unreachable(&error.to_string()) {
                    Some(registry) => {
                        return Ok(((), format!("left out: the registry of {registry} cannot be reached")));
                    }
                    None => return Err(error.context("the generators cannot be installed")),
                },
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

/// The package manager that failed because it did not reach its registry, by what it printed.
fn unreachable(printed: &str) -> Option<&'static str> {
    let code = |line: &str| {
        let rest = line.strip_prefix("npm error code ").or_else(|| line.strip_prefix("npm ERR! code "))?;
        Some(NPM_UNREACHABLE.contains(&rest.trim()))
    };
    if printed.lines().filter_map(code).any(|is_unreachable| is_unreachable) {
        Some("npm")
    } else if PIP_UNREACHABLE.iter().any(|name| printed.contains(name)) {
        Some("pip")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_is_not_reached_is_told_from_all_other_failures() {
        for (printed, registry) in [
            ("npm error code ENOTFOUND\nnpm error syscall getaddrinfo\n", Some("npm")),
            ("npm ERR! code ETIMEDOUT\n", Some("npm")),
            ("WARNING: Retrying after connection broken by 'NewConnectionError(…)'\n", Some("pip")),
            ("npm error code EUSAGE\nnpm error `npm ci` can only install packages when …", None),
            ("npm error code EINTEGRITY\nnpm error sha512-… integrity checksum failed: ENOTFOUND", None),
            ("npm error code E404\nnpm error 404 Not Found", None),
            ("npm error code EJSONPARSE", None),
            ("ERROR: No matching distribution found for openapi-python-client==99", None),
            ("cannot read the lock file in tests/generators", None),
        ] {
            assert_eq!(unreachable(printed), registry, "{printed}");
        }
    }
}
