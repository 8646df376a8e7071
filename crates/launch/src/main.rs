//! `cargo xtask`: compiles the program `xtask`, for `up` with the server and the function in the same build, and becomes it.
//!
//! `xtask` has the libraries of a database client. In a build of its own they would be compiled before anything of the server is, and
//! the second build would end with a processor that has nothing to do. This program has no dependencies, so that it is there at once.
//!
//! Incremental compilation makes the first build of our own crates a fifth to two fifths slower. It is left on where plain `cargo` has
//! already used it for one of them, because somebody works on the code there, and switched off where one only wants to see it run.
#![allow(clippy::print_stderr, reason = "what a command line tool says is its interface")]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use launch::are_flags_of_up;

/// The command that goes on with the server and the function, and their programs.
const UP: (&str, [&str; 4]) = ("up", ["--bin", "csms", "--bin", "rotate-database"]);

/// What tells Cargo whether to compile incrementally.
const INCREMENTAL: &str = "CARGO_INCREMENTAL";

fn main() -> ExitCode {
    match launch() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: cannot start the tasks: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Comes back only if the tasks cannot be compiled or started.
fn launch() -> io::Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let tasks = env::current_exe()?.with_file_name("xtask");
    let is_as_wanted = env::var_os(INCREMENTAL).is_some() || is_incremental(&tasks);
    let incremental = (!is_as_wanted).then_some((INCREMENTAL, "0"));
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--bin", "xtask"]).envs(incremental);
    let (up, programs) = UP;
    if arguments.split_first().is_some_and(|(command, flags)| command == up && are_flags_of_up(flags)) {
        build.args(programs);
    }
    if tasks.exists() {
        build.arg("--quiet");
    } else {
        eprintln!("The first time, everything is compiled, which takes some minutes.");
    }
    if !build.status()?.success() {
        // Cargo has said why.
        return Ok(ExitCode::FAILURE);
    }
    Err(Command::new(tasks).args(arguments).envs(incremental).exec())
}

/// Whether one of our crates has been compiled incrementally in the target directory of this program.
fn is_incremental(program: &Path) -> bool {
    let entries = fs::read_dir(program.with_file_name("incremental")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("csms"))
}
