//! Python environments with pinned packages, for tests that use official SDKs.
//!
//! An environment is made once per requirements file content and Python version and kept in the
//! build directory, so only the first run needs a network.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::programs;

const FINISHED: &str = ".finished";

/// A virtual environment that is ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venv {
    root: PathBuf,
}

impl Venv {
    /// The environment with the packages of `requirements`, a pip requirements file with pinned
    /// versions (and, optionally, hashes, which pip then enforces).
    ///
    /// # Errors
    /// When Python or its `venv` module is missing, or pip fails.
    pub fn with_requirements(requirements: &Path) -> Result<Self> {
        let build = programs::build_directory().ok_or_else(|| Error::Missing {
            program: "build directory".into(),
            hint: "run this from a program that Cargo built".into(),
        })?;
        Self::in_directory(&build.join("venv"), requirements)
    }

    /// The Python interpreter of the environment.
    pub fn python(&self) -> PathBuf {
        self.root.join("bin/python")
    }

    fn in_directory(parent: &Path, requirements: &Path) -> Result<Self> {
        let system_python = programs::find("python3").ok_or_else(|| Error::Missing {
            program: "python3".into(),
            hint: "install the Debian package `python3-venv`".into(),
        })?;
        let version = programs::run("python3", Command::new(&system_python).arg("--version"))?;
        let content = fs::read(requirements).map_err(Error::at("read", requirements))?;
        let mut hash = Sha256::new();
        hash.update(version.as_bytes());
        hash.update(&content);
        let name = hex::encode(hash.finalize().get(..8).unwrap_or_default());

        fs::create_dir_all(parent).map_err(Error::at("create", parent))?;
        let lock_path = parent.join(format!("{name}.lock"));
        let lock = File::create(&lock_path).map_err(Error::at("create", &lock_path))?;
        lock.lock().map_err(Error::at("lock", &lock_path))?;

        let root = parent.join(name);
        let venv = Self { root };
        let finished = venv.root.join(FINISHED);
        if !finished.exists() {
            venv.build(&system_python, requirements)?;
            File::create(&finished).map_err(Error::at("create", &finished))?;
        }
        Ok(venv)
    }

    fn build(&self, system_python: &Path, requirements: &Path) -> Result<()> {
        programs::run("python3 -m venv", Command::new(system_python).args(["-m", "venv", "--clear"]).arg(&self.root))?;
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        programs::run("pip install", pip.arg(requirements)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn parallel_users_of_one_requirements_file_share_one_environment() {
        let directory = tempfile::tempdir().unwrap();
        let requirements = directory.path().join("requirements.txt");
        fs::write(&requirements, "# nothing, so that no network is needed\n").unwrap();
        let make = || Venv::in_directory(&directory.path().join("venv"), &requirements).unwrap();
        let (one, other) = thread::scope(|scope| {
            let handle = scope.spawn(make);
            (make(), handle.join().unwrap())
        });
        assert_eq!(one, other);
        let prefix =
            programs::run("python", Command::new(one.python()).args(["-c", "import sys; print(sys.prefix)"])).unwrap();
        assert_eq!(Path::new(prefix.trim()).file_name(), one.root.file_name());
    }

    #[test]
    fn an_environment_that_was_not_finished_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let requirements = directory.path().join("requirements.txt");
        fs::write(&requirements, "").unwrap();
        let make = || Venv::in_directory(directory.path(), &requirements);
        let venv = make().unwrap();
        fs::remove_file(venv.root.join(FINISHED)).unwrap();
        fs::remove_file(venv.python()).unwrap();
        assert!(make().unwrap().python().exists());
    }

    #[test]
    fn a_missing_requirements_file_is_named() {
        let error = Venv::in_directory(Path::new("/nonexistent"), Path::new("/nonexistent/r.txt")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/r.txt"), "{error}");
    }
}
