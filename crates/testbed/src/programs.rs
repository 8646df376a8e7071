//! Where programs are: on `PATH`, or in the directories where Debian keeps those it leaves off it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// The first executable called `name` on `PATH` or in `/usr/sbin` and `/sbin`, which an ordinary
/// user's `PATH` lacks on Debian.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
}

/// The directory of PostgreSQL's own binaries: `CSMS_POSTGRES_BIN`, or where `postgres` is on
/// `PATH`, or the highest version under `/usr/lib/postgresql`.
pub(crate) fn postgres_directory() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CSMS_POSTGRES_BIN") {
        let directory = PathBuf::from(named);
        return has_postgres(&directory).then_some(directory);
    }
    let on_path = find("postgres").and_then(|program| program.parent().map(Path::to_path_buf));
    on_path.filter(|directory| has_postgres(directory)).or_else(|| newest_version(Path::new("/usr/lib/postgresql")))
}

/// The `bin` directory of the highest version (`15`, `17`) below `root`.
fn newest_version(root: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(root).ok()?;
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let directory = entry.path().join("bin");
            has_postgres(&directory).then_some((version, directory))
        })
        .max_by_key(|(version, _)| *version)
        .map(|(_, directory)| directory)
}

fn has_postgres(directory: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| is_executable(&directory.join(name)))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Runs `command` to its end; a failure carries everything it printed. `purpose` names it in errors.
pub(crate) fn run(purpose: &str, command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Io { what: format!("cannot run {purpose}"), source })?;
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat();
    if output.status.success() {
        Ok(text)
    } else {
        Err(Error::Command { command: purpose.to_owned(), status: output.status.to_string(), output: text })
    }
}

/// [`run`] without holding up the other tasks of this thread.
pub(crate) async fn run_aside(purpose: &'static str, mut command: Command) -> Result<String> {
    tokio::task::spawn_blocking(move || run(purpose, &mut command))
        .await
        .map_err(|error| Error::Io { what: format!("cannot run {purpose}"), source: error.into() })?
}

/// The build directory this program was started from: the nearest directory above it that Cargo
/// has marked as one.
pub fn build_directory() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file()).map(Path::to_path_buf)
}

/// An executable called `name` in the directory of this program or in the one above it, which is
/// where Cargo puts binaries beside tests.
pub(crate) fn beside_this_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let name = Path::new(name.as_ref());
    program.ancestors().skip(1).take(2).map(|directory| directory.join(name)).find(|path| is_executable(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(directory: &Path, name: &str, mode: u32) {
        let path = directory.join(name);
        fs::create_dir_all(directory).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_highest_postgres_version_is_chosen_by_number() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "16"] {
            for name in ["initdb", "postgres"] {
                install(&root.path().join(version).join("bin"), name, 0o755);
            }
        }
        assert_eq!(newest_version(root.path()), Some(root.path().join("16/bin")));
    }

    #[test]
    fn a_directory_without_executables_is_not_postgres() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), "initdb", 0o755);
        install(root.path(), "postgres", 0o644);
        assert!(!has_postgres(root.path()));
    }

    #[test]
    fn a_failing_program_reports_what_it_printed() {
        let error = run("the shell", Command::new("/bin/sh").args(["-c", "echo lost; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("lost"), "{error}");
        assert!(error.to_string().contains('3'), "{error}");
    }

    #[test]
    fn the_build_directory_contains_this_test() {
        let directory = build_directory().unwrap();
        assert!(env::current_exe().unwrap().starts_with(directory));
    }
}
