//! The processors' architectures that artefacts are made for, and what compiles for another one than this machine's.
//!
//! The linker that comes with Rust links for each of them, with the C library that Rust brings; only the C code in some libraries needs
//! a compiler for the other architecture: Zig's, from PyPI.

use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result};
use csms_testbed::debian::{self, Package};
use csms_testbed::python::Venv;

use crate::cargo;
use crate::progress::Step;

/// The names of an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Architecture {
    /// `uname -m`.
    pub(crate) machine: &'static str,
    pub(crate) debian: &'static str,
    pub(crate) oci: &'static str,
    /// Rust's target for static programs.
    pub(crate) target: &'static str,
    /// What runs its programs on other machines.
    emulator: &'static str,
}

/// That of most servers.
pub(crate) const X86_64: Architecture = Architecture {
    machine: "x86_64",
    debian: "amd64",
    oci: "amd64",
    target: "x86_64-unknown-linux-musl",
    emulator: "qemu-x86_64",
};

/// That of Kunpeng and Graviton.
pub(crate) const AARCH64: Architecture = Architecture {
    machine: "aarch64",
    debian: "arm64",
    oci: "arm64",
    target: "aarch64-unknown-linux-musl",
    emulator: "qemu-aarch64",
};

/// All that artefacts are made for.
pub(crate) const ALL: [Architecture; 2] = [X86_64, AARCH64];

/// Drops the target that the compiler of a library is told in LLVM's words, which Zig does not know.
const COMPILER: &str = r#"#!/bin/sh
for argument do
  shift
  case $argument in --target=*) ;; *) set -- "$@" "$argument" ;; esac
done
"#;

impl Architecture {
    /// The one of this machine, if it is one of them.
    pub(crate) fn of_this_machine() -> Option<Self> {
        ALL.into_iter().find(Self::is_native)
    }

    fn is_native(&self) -> bool {
        self.machine == ARCH
    }

    /// The packages of Debian that compile for it and run what was compiled.
    pub(crate) fn packages(&self) -> &'static [Package] {
        if self.is_native() { &[debian::MUSL_TOOLS] } else { &[debian::PYTHON_VENV, debian::QEMU_USER] }
    }

    /// The words before one of its programs that run it here: none where it is the machine's own.
    pub(crate) fn runner(&self) -> Option<&'static str> {
        (!self.is_native()).then_some(self.emulator)
    }

    /// The variables that make Cargo compile for it; none where it is the machine's own.
    pub(crate) async fn variables(&self, step: &Step) -> Result<Vec<(String, String)>> {
        if self.is_native() {
            return Ok(Vec::new());
        }
        step.note("pip");
        let directory = cargo::metadata().await?.target_directory.join("cross").join(self.machine);
        let requirements = cargo::root().join("crates/xtask/src/architecture/requirements.txt");
        let venv = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await??;
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let zig = format!("exec '{}' -m ziglang", venv.python().display());
        let (compiler, archiver) = (directory.join("cc"), directory.join("ar"));
        let target = format!("{}-linux-musl", self.machine);
        // Zig adds traps for undefined behaviour where nobody asks for optimization.
        script(&compiler, &format!("{COMPILER}{zig} cc -target {target} -fno-sanitize=all \"$@\"\n"))?;
        script(&archiver, &format!("#!/bin/sh\n{zig} ar \"$@\"\n"))?;
        let lower = self.target.replace('-', "_");
        Ok(vec![
            (format!("CC_{lower}"), compiler.display().to_string()),
            (format!("AR_{lower}"), archiver.display().to_string()),
            (format!("CARGO_TARGET_{}_LINKER", lower.to_uppercase()), "rust-lld".to_owned()),
        ])
    }

    /// Runs Cargo for it with `arguments`, which do not say the target.
    pub(crate) async fn cargo(&self, step: &Step, arguments: &[&str]) -> Result<()> {
        let variables = self.variables(step).await?;
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        cargo::run(step, &[arguments, &["--target", self.target]].concat(), &variables).await
    }
}

fn script(path: &Path, content: &str) -> Result<()> {
    let done = fs::write(path, content).and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)));
    done.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_compiler_is_told_everything_but_the_target() {
        let directory = tempfile::tempdir().unwrap();
        let compiler = directory.path().join("cc");
        script(&compiler, &format!("{COMPILER}printf '%s\\n' \"$@\"\n")).unwrap();
        let mut command = Command::new(&compiler);
        command.args(["-O2", "--target=aarch64-unknown-linux-musl", "-c", "a file.c"]);
        assert_eq!(String::from_utf8(command.output().unwrap().stdout).unwrap(), "-O2\n-c\na file.c\n");
    }

    #[test]
    fn programs_of_this_machine_need_neither_variables_nor_an_emulator() {
        let Some(native) = Architecture::of_this_machine() else { return };
        assert_eq!(native.runner(), None);
        assert_eq!(ALL.into_iter().filter(|other| other.runner().is_some()).count(), ALL.len() - 1);
    }
}
