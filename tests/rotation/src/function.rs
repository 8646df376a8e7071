//! A rotation function whose process ends at a chosen step of the first attempt.
//!
//! The host gives functions no variables of its caller, so the start file sets the one that names the step.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use csms_testbed::server::Options;
use rotate_database::fault;
use tempfile::TempDir;

/// Code directories of functions, one for each fault. They last as long as this.
#[derive(Debug)]
pub struct FaultyFunctions {
    directory: TempDir,
    program: PathBuf,
    urns: Vec<(String, PathBuf)>,
}

impl FaultyFunctions {
    /// No functions yet; `program` is the function's program, built with fault injection.
    #[must_use]
    pub fn of(program: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { directory, program: program.into(), urns: Vec::new() }
    }

    /// Adds a function that ends at `fault` (`<step>[#n]:<before|after>`), or one that works if it is `None`, and answers
    /// its URN.
    pub fn add(&mut self, fault: Option<&str>) -> String {
        let variables: Vec<_> = fault.map(|fault| (fault::VARIABLE, fault)).into_iter().collect();
        self.add_with(&variables)
    }

    /// Adds a function that has a private key for sealed values.
    pub fn add_with_key(&mut self, key: &Path) -> String {
        self.add_with(&[("CSMS_SEALING_KEY_FILE", &key.display().to_string())])
    }

    /// Adds the same that ends at `fault`.
    pub fn add_killed_with_key(&mut self, fault: &str, key: &Path) -> String {
        self.add_with(&[("CSMS_SEALING_KEY_FILE", &key.display().to_string()), (fault::VARIABLE, fault)])
    }

    /// Adds a function whose process sees these variables, and returns its URN.
    pub fn add_with(&mut self, variables: &[(&str, &str)]) -> String {
        let name = format!("function-{}", self.urns.len());
        let code = self.directory.path().join(&name);
        fs::create_dir(&code).expect("a code directory");
        write_start_file(&code.join("bootstrap"), &self.program, variables);
        let urn = format!("urn:fss:local-1:faults:function:default:{name}:latest");
        self.urns.push((urn.clone(), code));
        urn
    }

    /// The options of a server that runs these functions.
    #[must_use]
    pub fn register(&self, options: Options) -> Options {
        self.urns.iter().fold(options, |options, (urn, code)| {
            options.argument("--function").argument(format!("{urn}={}", code.display()))
        })
    }
}

/// User variables reach a function as `RUNTIME_USERDATA`. The host's own are left alone when there are none here.
fn write_start_file(path: &Path, program: &Path, variables: &[(&str, &str)]) {
    let exports: String = variables.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
    let user_data: serde_json::Map<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let user_data = serde_json::Value::Object(user_data);
    let user_data =
        if variables.is_empty() { String::new() } else { format!("export RUNTIME_USERDATA='{user_data}'\n") };
    let text = format!("#!/bin/sh\n{exports}{user_data}exec '{}'\n", program.display());
    fs::write(path, text).expect("a start file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("an executable start file");
}
